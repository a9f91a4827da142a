#include "pages/challenge.h"

#include <assert.h>
#include <string.h>

#include "pages/html.h"

/* The policy below allows this text by its hash: whoever changes it changes the hash too, which
 * the page's test prints. */
#define STYLE                                                                                      \
    ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}"                            \
    "body{max-width:26rem;margin:0 auto;padding:1rem}"                                             \
    ".test{background:#ffd54a;color:#000;font-weight:700;padding:.5rem 1rem;border-radius:.4rem}"  \
    ".amount{font-size:2rem;margin:.5rem 0}"                                                       \
    "button{font:inherit;width:100%;min-height:3rem;margin:.4rem 0;border-radius:.4rem;"           \
    "border:2px solid #1f4e9c;background:#fff;color:#1f4e9c}"                                      \
    "button.yes{background:#1f4e9c;color:#fff}"                                                    \
    ":focus-visible{outline:3px solid #b35900;outline-offset:2px}"
#define STYLE_HASH "sha256-ajhDMP/Cbh908Rz6ObxFbHoTUcmNL+0VkFN3tns4R/o="

#define HOST_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:[]"

const struct http_header challenge_page_headers[CHALLENGE_PAGE_HEADER_COUNT] = {
    { STR_INIT("Cache-Control"), STR_INIT("no-store") },
    { STR_INIT("Referrer-Policy"), STR_INIT("no-referrer") },
    { STR_INIT("X-Content-Type-Options"), STR_INIT("nosniff") },
};

static void begin(struct buf *out, const char *title)
{
    buf_addf(out,
             "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
             "<meta name=\"robots\" content=\"noindex\">\n<title>%s (test mode)</title>\n",
             title);
    buf_addf(out,
             "<style>%s</style>\n</head>\n<body>\n<main>\n"
             "<p class=\"test\">TEST MODE: this is a pretended bank, and no money moves.</p>\n"
             "<h1>%s</h1>\n",
             STYLE, title);
}

static void end(struct buf *out)
{
    buf_add_c(out, "</main>\n</body>\n</html>\n");
}

static void write_payment(struct buf *out, const struct challenge_page *page)
{
    buf_add_c(out, "<p class=\"amount\">");
    money_write(out, page->amount);
    buf_add_c(out, "</p>\n");
    if (str_is_empty(page->description))
        return;
    buf_add_c(out, "<p>");
    html_write(out, page->description);
    buf_add_c(out, "</p>\n");
}

/* A link runs what its scheme says, so only the web's own are made one. */
static bool is_web_address(struct str url)
{
    return str_starts_with(url, STR("https://")) || str_starts_with(url, STR("http://"));
}

static void write_way_back(struct buf *out, const struct challenge_page *page)
{
    if (!is_web_address(page->return_url)) {
        buf_add_c(out, "<p>You can close this page.</p>\n");
        return;
    }
    buf_add_c(out, "<p><a href=\"");
    html_write(out, page->return_url);
    buf_add_c(out, "\">Back to the shop</a></p>\n");
}

static void write_form(struct buf *out)
{
    buf_add_c(out, "<p>Your bank would ask you here whether this payment is yours.</p>\n"
                   "<form method=\"post\">\n"
                   "<button class=\"yes\" name=\"decision\" value=\"approve\">Approve</button>\n"
                   "<button name=\"decision\" value=\"decline\">Decline</button>\n"
                   "</form>\n");
}

static bool is_one_of(const char *set, char c)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* Scheme, host and port; empty when there is a character in the host that no host has: the
 * policy's own signs could be among them. */
static struct str origin_of(struct str url)
{
    if (!is_web_address(url))
        return (struct str){ 0 };
    size_t start = str_find_char(url, '/', 0) + 2;
    size_t end = start;
    while (end < url.len && !is_one_of("/?#", url.ptr[end])) {
        if (!is_one_of(HOST_CHARACTERS, url.ptr[end]))
            return (struct str){ 0 };
        end++;
    }
    return end > start ? str_slice(url, 0, end) : (struct str){ 0 };
}

void challenge_page_write_policy(struct buf *out, struct str return_url)
{
    struct str origin = origin_of(return_url);

    buf_add_c(out, "default-src 'none'; style-src '" STYLE_HASH "'; base-uri 'none'; "
                   "frame-ancestors 'none'; form-action 'self'");
    if (!str_is_empty(origin)) {
        buf_add_char(out, ' ');
        buf_add(out, origin);
    }
}

void challenge_page_write(struct buf *out, const struct challenge_page *page)
{
    static const char *const titles[] = {
        [CHALLENGE_PAGE_WAITING] = "Confirm your payment",
        [CHALLENGE_PAGE_CONFIRMED] = "Payment approved",
        [CHALLENGE_PAGE_NOT_CONFIRMED] = "Payment not approved",
    };

    assert(page->state <= CHALLENGE_PAGE_NOT_CONFIRMED);
    begin(out, titles[page->state]);
    write_payment(out, page);
    if (page->state == CHALLENGE_PAGE_WAITING)
        write_form(out);
    if (page->state == CHALLENGE_PAGE_CONFIRMED)
        buf_add_c(out, "<p>You approved this payment. The shop is told.</p>\n");
    if (page->state == CHALLENGE_PAGE_NOT_CONFIRMED)
        buf_add_c(out, "<p>This payment was not approved. No money was taken.</p>\n");
    if (page->state != CHALLENGE_PAGE_WAITING)
        write_way_back(out, page);
    end(out);
}

void challenge_page_write_wrong_link(struct buf *out)
{
    begin(out, "This link does not work");
    buf_add_c(out, "<p>There is no payment under this address. No money was taken through it. "
                   "Go back to the shop and try again from there.</p>\n");
    end(out);
}
