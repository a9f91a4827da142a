#include "pages/demo.h"

#include "base/time.h"
#include "pages/checkout.h"
#include "pages/html.h"

const struct str demo_page_policy =
    STR_INIT("default-src 'none'; style-src 'self'; frame-src 'self'; frame-ancestors 'self'; "
             "base-uri 'none'; form-action 'self'");

static void begin(struct buf *out, const char *title, const char *more)
{
    buf_addf(out,
             "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n%s"
             "<title>%s</title>\n<link rel=\"stylesheet\" href=\"" CHECKOUT_STYLE_PATH "\">\n"
             "</head>\n<body>\n",
             more, title);
}

static void put_return(struct buf *out, const struct demo_page *page)
{
    if (str_is_empty(page->session))
        return;
    buf_add_c(out, "<div class=\"box done\" role=\"status\">\n<p class=\"what\">You are back from "
                   "the payer's page. The shop asked the API what became of it, because the way "
                   "back says nothing of it:</p>\n<p><code>");
    html_write(out, page->session);
    buf_add_c(out, "</code> is <strong>");
    html_write(out, page->status);
    buf_add_c(out, "</strong>.</p>\n</div>\n");
}

void demo_page_write(struct buf *out, const struct demo_page *page)
{
    begin(out, "Demo shop", "");
    buf_add_c(out, "<header class=\"test\">Test mode: no money moves.</header>\n"
                   "<main class=\"wide\">\n<h1>Demo shop</h1>\n");
    put_return(out, page);
    buf_add_c(out, "<div class=\"box\">\n<p class=\"what\">Two cups, ");
    checkout_page_write_amount(out, page->price, STR("en"));
    buf_add_c(out,
              "</p>\n<form method=\"post\" action=\"/demo\" target=\"_blank\">\n"
              "<button class=\"deed\">Buy, in a new tab</button>\n</form>\n"
              "<p class=\"note\">Pay with card 4242 4242 4242 4242, any expiry in the future and "
              "any security code. 4000 0000 0000 0002 is declined, 4000 0025 0000 3155 asks "
              "the payer's bank, and 4000 0000 0000 0259 is paid though no answer comes.</p>\n"
              "</div>\n<h2>What a webhook endpoint is told</h2>\n"
              "<iframe src=\"/demo/events\" title=\"Events, the newest first\"></iframe>\n"
              "</main>\n</body>\n</html>\n");
}

void demo_events_write(struct buf *out, struct str newest, const struct demo_event *events,
                       size_t count)
{
    char text[128];
    struct buf refresh;

    buf_fixed(&refresh, text, sizeof text);
    buf_addf(&refresh, "<meta http-equiv=\"refresh\" content=\"0;url=?after=%.*s\">\n",
             STR_ARG(newest));
    begin(out, "Events", buf_c(&refresh));
    buf_add_c(out, "<main class=\"wide\">\n<h1>The newest first</h1>\n");
    if (count == 0)
        buf_add_c(out, "<p class=\"note\">Nothing yet.</p>\n");
    for (size_t i = 0; i < count; i++) {
        struct time_parts at = time_split(events[i].at_ms);
        buf_addf(out, "<p><strong>%02d:%02d:%02d.%03d ", at.hour, at.minute, at.second,
                 at.millisecond);
        html_write(out, events[i].type);
        buf_add_c(out, "</strong> <code>");
        html_write(out, events[i].object);
        buf_add_c(out, "</code></p>\n<p class=\"hint\"><code>");
        html_write(out, events[i].data);
        buf_add_c(out, "</code></p>\n");
    }
    buf_add_c(out, "</main>\n</body>\n</html>\n");
}
