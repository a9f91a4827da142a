/* checkout.c - the payer's page, from its texts and one layout. */
#include "pages/checkout.h"

#include <assert.h>

#include "pages/card_form.h"
#include "pages/html.h"
#include "pages/sheet.h"

void checkout_page_write_policy(struct buf *out, const struct checkout_page *page)
{
    const struct gateway_page *widget =
        page->view == CHECKOUT_VIEW_WIDGET ? page->widget : NULL;
    struct str origins = widget ? widget->origins : (struct str){ 0 };

    buf_addf(out, "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
                  "form-action 'self' %.*s; ", STR_ARG(origins));
    if (widget)
        buf_addf(out, "script-src 'nonce-%.*s' %.*s; connect-src %.*s; frame-src %.*s; ",
                 STR_ARG(page->nonce), STR_ARG(origins), STR_ARG(origins), STR_ARG(origins));
    buf_addf(out, "style-src 'nonce-%.*s'", STR_ARG(page->nonce));
    if (!str_is_empty(page->logo))
        buf_add_c(out, "; img-src data:");
}

bool checkout_page_speaks(struct str language)
{
    return language_of(language) != LANGUAGE_EN || str_equal_c(language, "en");
}

struct str checkout_page_language(struct str language, struct str accept_language)
{
    struct str wish;

    if (checkout_page_speaks(language))
        return language;
    while (str_cut(&accept_language, ',', &wish)) {
        wish = str_trim(wish);
        wish = str_slice(wish, 0, str_find_char(wish, ';', 0));
        wish = str_slice(wish, 0, str_find_char(wish, '-', 0));
        for (unsigned i = 0; i < LANGUAGE_COUNT; i++)
            if (str_equal_nocase(wish, str_of(language_code((enum language)i))))
                return str_of(language_code((enum language)i));
    }
    return STR("en");
}

void checkout_page_write_amount(struct buf *out, struct money amount, struct str language)
{
    text_write_amount(out, amount, language_of(language));
}

static enum text title_of(const struct checkout_page *page)
{
    static const enum text titles[] = {
        [CHECKOUT_VIEW_CARD] = TEXT_PAY_TITLE,
        [CHECKOUT_VIEW_CONFIRM] = TEXT_CONFIRM_TITLE,
        [CHECKOUT_VIEW_GATEWAY] = TEXT_PAY_TITLE,
        [CHECKOUT_VIEW_BANK] = TEXT_BANK_TITLE,
        [CHECKOUT_VIEW_WIDGET] = TEXT_BANK_TITLE,
        [CHECKOUT_VIEW_WAITING] = TEXT_WAIT_TITLE,
        [CHECKOUT_VIEW_CHECKING] = TEXT_CHECK_TITLE,
        [CHECKOUT_VIEW_PAID] = TEXT_PAID_TITLE,
        [CHECKOUT_VIEW_RESERVED] = TEXT_RESERVED_TITLE,
        [CHECKOUT_VIEW_CANCELLED] = TEXT_CANCELLED_TITLE,
        [CHECKOUT_VIEW_EXPIRED] = TEXT_EXPIRED_TITLE,
        [CHECKOUT_VIEW_RECEIPT] = TEXT_RECEIPT,
        [CHECKOUT_VIEW_WRONG] = TEXT_WRONG_TITLE,
        [CHECKOUT_VIEW_AWAY] = TEXT_AWAY_TITLE,
        [CHECKOUT_VIEW_BUSY] = TEXT_BUSY_TITLE,
    };

    assert(page->view <= CHECKOUT_VIEW_BUSY);
    return titles[page->view];
}

/* Without a session nothing is known of who is paid what. */
static bool is_nobodys(const struct checkout_page *page)
{
    return page->view == CHECKOUT_VIEW_WRONG || page->view == CHECKOUT_VIEW_AWAY ||
           page->view == CHECKOUT_VIEW_BUSY;
}

static bool waits(const struct checkout_page *page)
{
    return page->view == CHECKOUT_VIEW_WAITING || page->view == CHECKOUT_VIEW_CHECKING;
}

/* The page's own address with one word more in its query. */
static void put_here(const struct sheet *sheet, const char *word)
{
    html_write(sheet->out, sheet->page->here);
    if (sheet->page->here.len > 1)
        sheet_put(sheet, "&amp;");
    sheet_put(sheet, word);
}

/* In the page itself: one request is one round trip less before something is seen, and the whole
 * page still fits into the first that a server may send. */
static void put_style(const struct sheet *sheet)
{
    const struct checkout_page *page = sheet->page;

    buf_addf(sheet->out, "<style nonce=\"%.*s\">\n", STR_ARG(page->nonce));
    buf_add(sheet->out, checkout_page_style);
    if (!str_is_empty(page->colour))
        buf_addf(sheet->out, "\n.deed{background:%.*s;border-color:%.*s;color:#fff}",
                 STR_ARG(page->colour), STR_ARG(page->colour));
    sheet_put(sheet, "\n</style>\n");
}

static void begin(const struct sheet *sheet)
{
    const struct checkout_page *page = sheet->page;

    buf_addf(sheet->out,
             "<!doctype html>\n<html lang=\"%s\" dir=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
             "<meta name=\"robots\" content=\"noindex\">\n",
             language_code(sheet->spoken), language_direction(sheet->spoken));
    /* At once, to what is answered when there is something new: nobody is hurried. */
    if (waits(page) && !page->still) {
        sheet_put(sheet, "<meta http-equiv=\"refresh\" content=\"0;url=");
        put_here(sheet, "wait");
        sheet_put(sheet, "\">\n");
    }
    sheet_put(sheet, "<title>");
    if (page->faults)
        buf_add_c(sheet->out, "! ");
    sheet_say(sheet, title_of(page));
    sheet_put(sheet, "</title>\n");
    put_style(sheet);
    sheet_put(sheet, "</head>\n<body>\n");
    if (!page->live && !is_nobodys(page))
        sheet_element_say(sheet, "header", "test", TEXT_TEST);
    sheet_put(sheet, "<main>\n");
}

/* The merchant, and the shop of theirs that the invoice names. */
static void put_shop(const struct sheet *sheet)
{
    const struct checkout_page *page = sheet->page;
    bool both = !str_is_empty(page->merchant) && !str_is_empty(page->shop)
                && !str_equal(page->merchant, page->shop);

    /* The name stands beside it: to whoever hears the page the picture says nothing more. */
    if (!str_is_empty(page->logo))
        buf_addf(sheet->out, "<img class=\"logo\" alt=\"\" src=\"data:image/png;base64,%.*s\">\n",
                 STR_ARG(page->logo));
    if (str_is_empty(page->merchant) && str_is_empty(page->shop))
        return;
    sheet_put(sheet, "<p class=\"shop\">");
    sheet_foreign(sheet, str_is_empty(page->merchant) ? page->shop : page->merchant);
    if (both) {
        sheet_put(sheet, ", ");
        sheet_foreign(sheet, page->shop);
    }
    sheet_put(sheet, "</p>\n");
}

/* To whoever hears the page the title alone says how it ended. */
static void put_title(const struct sheet *sheet)
{
    enum checkout_view view = sheet->page->view;
    bool is_good = view == CHECKOUT_VIEW_PAID || view == CHECKOUT_VIEW_RESERVED;

    if (is_good)
        sheet_put(sheet, "<div class=\"mark\"><svg viewBox=\"0 0 32 32\" aria-hidden=\"true\">"
                         "<circle cx=\"16\" cy=\"16\" r=\"14\"/>"
                         "<path d=\"M9.5 16.5l4.5 4.5 8.5-9.5\"/></svg>\n");
    sheet_element_say(sheet, "h1", NULL, title_of(sheet->page));
    if (is_good)
        sheet_put(sheet, "</div>\n");
}

static void put_heading(const struct sheet *sheet)
{
    const struct checkout_page *page = sheet->page;

    put_shop(sheet);
    put_title(sheet);
    if (is_nobodys(page))
        return;
    sheet_put(sheet, "<p class=\"amount\">");
    sheet_amount(sheet);
    sheet_put(sheet, "</p>\n");
    if (str_is_empty(page->description))
        return;
    sheet_put(sheet, "<p class=\"what\">");
    sheet_foreign(sheet, page->description);
    sheet_put(sheet, "</p>\n");
}

static void put_gateway_form(const struct sheet *sheet)
{
    sheet_declined(sheet);
    sheet_put(sheet, "<div class=\"box\">\n");
    sheet_element_say(sheet, "p", "what", TEXT_GATEWAY);
    sheet_form_begin(sheet);
    sheet_save_box(sheet);
    sheet_trap(sheet);
    sheet_pay_button(sheet);
}

static void put_receipt(const struct sheet *sheet, enum text text)
{
    sheet_put(sheet, "<div class=\"box done\">\n");
    sheet_element_say(sheet, "p", "what", text);
    sheet_put(sheet, "<dl>\n");
    sheet_row(sheet, TEXT_REFERENCE, "", sheet->page->reference);
    sheet_card_row(sheet);
    sheet_put(sheet, "</dl>\n");
    if (!str_is_empty(sheet->page->receipt_path)) {
        sheet_put(sheet, "<p class=\"unprinted\"><a href=\"");
        html_write(sheet->out, sheet->page->receipt_path);
        sheet_put(sheet, "\">");
        sheet_say(sheet, TEXT_RECEIPT);
        sheet_put(sheet, "</a></p>\n");
    }
    sheet_put(sheet, "</div>\n");
}

static void put_amount_row(const struct sheet *sheet, enum text label, int64_t minor,
                           const char *class)
{
    sheet_element_say(sheet, "dt", class, label);
    buf_addf(sheet->out, class ? "<dd class=\"%s\">" : "<dd>", class);
    sheet_money(sheet, minor);
    sheet_put(sheet, "</dd>\n");
}

static void put_refunds(const struct sheet *sheet, const struct receipt *receipt)
{
    for (size_t i = 0; i < receipt->refund_count; i++) {
        sheet_put(sheet, "<dt>");
        sheet_say(sheet, TEXT_REFUND);
        sheet_put(sheet, ", ");
        text_write_time(sheet->out, receipt->refunds[i].at_ms, sheet->spoken);
        sheet_put(sheet, "</dt>\n<dd>");
        sheet_money(sheet, receipt->refunds[i].amount.minor);
        sheet_put(sheet, "</dd>\n");
    }
    if (receipt->refund_count > 0)
        put_amount_row(sheet, TEXT_LEFT, receipt->captured_minor - receipt->refunded_minor,
                       "total");
}

static void put_whole_receipt(const struct sheet *sheet)
{
    const struct receipt *receipt = sheet->page->receipt;

    sheet_put(sheet, "<div class=\"box\">\n<dl>\n");
    sheet_row(sheet, TEXT_RECEIPT_NUMBER, "", receipt->number);
    sheet_element_say(sheet, "dt", NULL, TEXT_PAID_AT);
    sheet_put(sheet, "<dd>");
    text_write_time(sheet->out, receipt->paid_ms, sheet->spoken);
    sheet_put(sheet, "</dd>\n");
    put_amount_row(sheet, TEXT_TAKEN, receipt->captured_minor, NULL);
    put_refunds(sheet, receipt);
    sheet_card_row(sheet);
    sheet_row(sheet, TEXT_ORDER, "", receipt->reference);
    sheet_row(sheet, TEXT_REFERENCE, "", sheet->page->reference);
    sheet_put(sheet, "</dl>\n</div>\n<p class=\"unprinted\"><a href=\"?format=pdf\">");
    sheet_say(sheet, TEXT_AS_PDF);
    sheet_put(sheet, "</a></p>\n");
}

static void put_link(const struct sheet *sheet, struct str url, enum text text)
{
    if (!str_starts_with(url, STR("https://")) && !str_starts_with(url, STR("http://")))
        return;
    sheet_put(sheet, "<p><a class=\"go deed\" href=\"");
    html_write(sheet->out, url);
    sheet_put(sheet, "\">");
    sheet_say(sheet, text);
    sheet_put(sheet, "</a></p>\n");
}

static void put_own_link(const struct sheet *sheet, const char *word, enum text text)
{
    sheet_put(sheet, "<p><a href=\"");
    put_here(sheet, word);
    sheet_put(sheet, "\">");
    sheet_say(sheet, text);
    sheet_put(sheet, "</a></p>\n");
}

/* Whoever does not want it to change by itself can say so. */
static void put_renewal(const struct sheet *sheet)
{
    bool still = sheet->page->still;

    put_own_link(sheet, still ? "still" : "", TEXT_CHECK_NOW);
    sheet_element_say(sheet, "p", "note", still ? TEXT_STANDS_STILL : TEXT_RENEWS);
    put_own_link(sheet, still ? "" : "still", still ? TEXT_RENEW : TEXT_STAND_STILL);
}

static void put_retry(const struct sheet *sheet)
{
    sheet_put(sheet, "<p><a class=\"go deed\" href=\"?\">");
    sheet_say(sheet, TEXT_TRY_AGAIN);
    sheet_put(sheet, "</a></p>\n");
}

static void put_note(const struct sheet *sheet, enum text text)
{
    sheet_put(sheet, "<div class=\"box\" role=\"status\">\n");
    if (waits(sheet->page))
        sheet_put(sheet, "<div class=\"bar\" aria-hidden=\"true\"></div>\n");
    sheet_element_say(sheet, "p", "what", text);
    sheet_put(sheet, "</div>\n");
}

/* JSON as a script may hold it: nothing in it can end the script. */
static void put_json(const struct sheet *sheet, struct str json)
{
    for (size_t i = 0; i < json.len; i++) {
        struct str rest = str_slice(json, i, 3);
        bool ends_line = str_equal_c(rest, "\xe2\x80\xa8") || str_equal_c(rest, "\xe2\x80\xa9");
        if (json.ptr[i] == '<' || json.ptr[i] == '>' || json.ptr[i] == '&')
            buf_addf(sheet->out, "\\u%04x", (unsigned)json.ptr[i]);
        else if (ends_line)
            buf_addf(sheet->out, "\\u202%c", rest.ptr[2] == '\xa8' ? '8' : '9');
        else
            buf_add_char(sheet->out, json.ptr[i]);
        i += ends_line ? 2 : 0;
    }
}

/* Begun by itself, but not for those who came back with the back button: they have a button. */
static void put_widget(const struct sheet *sheet)
{
    const struct checkout_page *page = sheet->page;

    if (!page->widget) {
        put_note(sheet, TEXT_AWAY);
        put_retry(sheet);
        sheet_cancel(sheet);
        return;
    }
    put_note(sheet, TEXT_GATEWAY);
    sheet_put(sheet, "<noscript><div class=\"box alert\">");
    sheet_element_say(sheet, "p", "what", TEXT_NEEDS_SCRIPT);
    sheet_put(sheet, "</div></noscript>\n<button class=\"deed\" id=\"go\" type=\"button\">");
    sheet_say(sheet, TEXT_CONTINUE);
    sheet_put(sheet, "</button>\n");
    sheet_cancel(sheet);
    sheet_put(sheet, "<script src=\"");
    html_write(sheet->out, page->widget->script_url);
    buf_addf(sheet->out, "\" nonce=\"%.*s\"></script>\n<script nonce=\"%.*s\">\n(function () {\n"
                         "var object = ", STR_ARG(page->nonce), STR_ARG(page->nonce));
    put_json(sheet, page->widget->object);
    buf_addf(sheet->out,
             ";\nfunction go() { %s(object); }\n"
             "document.getElementById('go').addEventListener('click', go);\n"
             "var way = performance.getEntriesByType('navigation')[0];\n"
             "if (!way || way.type !== 'back_forward') go();\n}());\n</script>\n",
             page->widget->function);
}

static void put_view(const struct sheet *sheet)
{
    switch (sheet->page->view) {
    case CHECKOUT_VIEW_CARD:
        card_form_put(sheet);
        break;
    case CHECKOUT_VIEW_CONFIRM:
        card_form_put_review(sheet);
        break;
    case CHECKOUT_VIEW_GATEWAY:
        put_gateway_form(sheet);
        break;
    case CHECKOUT_VIEW_BANK:
        put_note(sheet, TEXT_BANK);
        put_link(sheet, sheet->page->bank_url, TEXT_CONTINUE);
        sheet_cancel(sheet);
        break;
    case CHECKOUT_VIEW_WIDGET:
        put_widget(sheet);
        break;
    case CHECKOUT_VIEW_WAITING:
        put_note(sheet, TEXT_WAIT);
        put_link(sheet, sheet->page->bank_url, TEXT_CONTINUE);
        put_renewal(sheet);
        break;
    case CHECKOUT_VIEW_CHECKING:
        put_note(sheet, TEXT_CHECK);
        put_renewal(sheet);
        break;
    case CHECKOUT_VIEW_PAID:
        put_receipt(sheet, TEXT_PAID);
        break;
    case CHECKOUT_VIEW_RESERVED:
        put_receipt(sheet, TEXT_RESERVED);
        break;
    case CHECKOUT_VIEW_CANCELLED:
        put_note(sheet, TEXT_CANCELLED);
        break;
    case CHECKOUT_VIEW_EXPIRED:
        put_note(sheet, TEXT_EXPIRED);
        break;
    case CHECKOUT_VIEW_RECEIPT:
        put_whole_receipt(sheet);
        break;
    case CHECKOUT_VIEW_WRONG:
        put_note(sheet, TEXT_WRONG);
        break;
    case CHECKOUT_VIEW_AWAY:
        put_note(sheet, TEXT_AWAY);
        put_retry(sheet);
        break;
    case CHECKOUT_VIEW_BUSY:
        put_note(sheet, TEXT_BUSY);
        put_retry(sheet);
        break;
    }
}

void checkout_page_write(struct buf *out, const struct checkout_page *page)
{
    const struct sheet sheet = { out, page, language_of(page->language) };

    begin(&sheet);
    put_heading(&sheet);
    put_view(&sheet);
    put_link(&sheet, page->back_url, TEXT_BACK);
    sheet_put(&sheet, "</main>\n</body>\n</html>\n");
}
