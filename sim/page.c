#include "sim/page.h"

#define PAGE_MAX_BYTES ((size_t)64 << 10)

static void write_text(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '&':
            buf_add_c(out, "&amp;");
            break;
        case '<':
            buf_add_c(out, "&lt;");
            break;
        case '>':
            buf_add_c(out, "&gt;");
            break;
        case '"':
            buf_add_c(out, "&quot;");
            break;
        default:
            buf_add_char(out, text.ptr[i]);
        }
    }
}

static void write_line(struct buf *out, struct str text)
{
    if (str_is_empty(text))
        return;
    buf_add_c(out, "<p>");
    write_text(out, text);
    buf_add_c(out, "</p>\n");
}

static void write_buttons(struct buf *out, const struct page_button *button)
{
    if (button->action == NULL)
        return;
    buf_add_c(out, "<form method=\"post\">\n");
    for (; button->action != NULL; button++)
        buf_addf(out, "<p><button name=\"action\" value=\"%s\">%s</button></p>\n", button->action,
                 button->label);
    buf_add_c(out, "</form>\n");
}

static bool is_web(struct str url)
{
    return str_starts_with(url, STR("http://")) || str_starts_with(url, STR("https://"));
}

void page_reply(struct exchange *exchange, int status, const struct page *page)
{
    struct buf out;

    buf_init(&out, exchange->arena, PAGE_MAX_BYTES);
    buf_addf(&out,
             "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
             "<title>%s (simulator)</title>\n</head>\n<body>\n<main>\n"
             "<p><strong>SIMULATOR of %s: no money moves here.</strong></p>\n<h1>%s</h1>\n",
             page->title, page->gateway, page->title);
    write_line(&out, page->amount);
    write_line(&out, page->detail);
    write_buttons(&out, page->buttons);
    if (is_web(page->back)) {
        buf_add_c(&out, "<p><a href=\"");
        write_text(&out, page->back);
        buf_add_c(&out, "\">Back to the shop</a></p>\n");
    }
    buf_add_c(&out, "</main>\n</body>\n</html>\n");
    reply_text(exchange, status, "text/html; charset=utf-8", buf_str(&out));
    reply_header(exchange, "Cache-Control", STR("no-store"));
}

void page_send_back(struct exchange *exchange, struct str url, const struct page *done)
{
    if (!is_web(url)) {
        page_reply(exchange, 200, done);
        return;
    }
    reply_text(exchange, 303, "text/plain", STR("back to the shop\n"));
    reply_header(exchange, "Location", url);
}
