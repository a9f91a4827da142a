/* checkout.c - the payer's page, from its texts and one layout. */
#include "pages/checkout.h"

#include <assert.h>

#include "base/time.h"
#include "pages/html.h"
#include "pages/texts.h"

/* Logical sides only, so that it turns round for right-to-left scripts. Colours have a contrast
 * of at least 4.5 in both schemes. */
const struct str checkout_page_style = STR_INIT(
    ":root{color-scheme:light dark;--ink:#1c2430;--dim:#566070;--paper:#f4f5f7;--card:#fff;"
    "--line:#8a94a3;--deed:#1a4fa0;--on:#fff;--good:#1d6b3c;--bad:#a8201a;"
    "font:1.0625rem/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e9edf3;--dim:#aab4c2;--paper:#12161c;"
    "--card:#1b212a;--line:#76818f;--deed:#9cc2ff;--on:#0c1420;--good:#7fd6a0;--bad:#ff9d96}}"
    "*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink)}"
    "main{max-width:28rem;margin:0 auto;padding:1rem 1rem 3rem}"
    ".test{margin:0;padding:.6rem 1rem;text-align:center;font-weight:700;color:#241a00;"
    "background:#ffd24a}"
    ".shop{color:var(--dim);margin:1.25rem 0 .25rem}"
    "h1{font-size:1.35rem;line-height:1.25;margin:0 0 .25rem}"
    ".amount{font-size:2.25rem;font-weight:650;line-height:1.2;margin:.25rem 0;"
    "font-variant-numeric:tabular-nums;overflow-wrap:anywhere}"
    ".box{background:var(--card);border-radius:.75rem;padding:1.25rem;margin-block:1rem}"
    ".what{margin:0 0 .5rem;overflow-wrap:anywhere}.note,.hint{color:var(--dim)}"
    ".note{font-size:.9375rem}.hint{font-size:.875rem;display:block}"
    "label{display:block;font-weight:600;margin-block:1rem .25rem}"
    "label:first-child{margin-block-start:0}"
    "input{font:inherit;width:100%;min-height:2.75rem;padding:.4rem .75rem;color:inherit;"
    "background:var(--card);border:1.5px solid var(--line);border-radius:.4rem}"
    ".short{max-width:9rem}.wrong input,.wrong{border-color:var(--bad)}"
    ".fault{display:block;color:var(--bad);font-weight:600;font-size:.9375rem}"
    ".alert{border-inline-start:.35rem solid var(--bad)}"
    ".done{border-inline-start:.35rem solid var(--good)}"
    ".alert h2,.done h1{margin-block-start:0}h2{font-size:1.1rem;margin-block:0 .35rem}"
    "button,.go{font:inherit;font-weight:650;display:block;width:100%;min-height:3rem;"
    "padding:.7rem 1rem;margin-block-start:1.25rem;border-radius:.5rem;text-align:center;"
    "border:2px solid var(--deed);background:var(--deed);color:var(--on);cursor:pointer;"
    "text-decoration:none}"
    "button.quiet{background:none;color:var(--deed);border-color:transparent;"
    "text-decoration:underline;margin-block-start:.5rem}a{color:var(--deed)}"
    ".logo{display:block;max-width:12rem;max-height:4rem;margin-block-start:1.25rem}"
    ".wide{max-width:60rem}code{overflow-wrap:anywhere}"
    "iframe{display:block;width:100%;height:32rem;border:1.5px solid var(--line);"
    "border-radius:.5rem}"
    "dl{margin:1rem 0 0}dt{color:var(--dim);font-size:.875rem}dd{margin:0 0 .5rem;"
    "overflow-wrap:anywhere}"
    ":focus-visible{outline:3px solid #c76a00;outline-offset:2px}"
    ".trap{position:absolute;inset-inline-start:-99rem;block-size:1px;overflow:hidden}"
    ".bar{height:.25rem;border-radius:1rem;background:var(--deed);margin-block:1rem;opacity:.6}"
    "@media(prefers-reduced-motion:no-preference){.bar{animation:b 1.6s ease-in-out infinite}"
    "@keyframes b{50%{opacity:.15}}}"
    "@media print{body{background:none}.test{border:2px solid}.go,button{display:none}"
    ".box{border:1px solid}}");

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
    buf_add_c(out, "style-src 'self'");
    if (!str_is_empty(page->colour))
        buf_addf(out, " 'nonce-%.*s'", STR_ARG(page->nonce));
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

/* One document being written. */
struct sheet {
    struct buf *out;
    const struct checkout_page *page;
    enum language spoken;
};

static void put(const struct sheet *sheet, const char *html)
{
    buf_add_c(sheet->out, html);
}

static void say(const struct sheet *sheet, enum text text)
{
    html_write(sheet->out, text_of(text, sheet->spoken));
}

static void element(const struct sheet *sheet, const char *name, const char *class, enum text text)
{
    buf_addf(sheet->out, class ? "<%s class=\"%s\">" : "<%s>", name, class);
    say(sheet, text);
    buf_addf(sheet->out, "</%s>\n", name);
}

static void put_amount(const struct sheet *sheet)
{
    text_write_amount(sheet->out, sheet->page->amount, sheet->spoken);
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

static void begin(const struct sheet *sheet)
{
    const struct checkout_page *page = sheet->page;

    buf_addf(sheet->out,
             "<!doctype html>\n<html lang=\"%s\" dir=\"ltr\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
             "<meta name=\"robots\" content=\"noindex\">\n",
             language_code(sheet->spoken));
    bool away = page->view == CHECKOUT_VIEW_AWAY ||
                (page->view == CHECKOUT_VIEW_WIDGET && !page->widget);
    if (away || page->view == CHECKOUT_VIEW_WAITING || page->view == CHECKOUT_VIEW_CHECKING)
        buf_addf(sheet->out, "<meta http-equiv=\"refresh\" content=\"%d\">\n",
                 page->view == CHECKOUT_VIEW_WAITING ? 2 : 10);
    put(sheet, "<title>");
    if (page->faults)
        buf_add_c(sheet->out, "! ");
    say(sheet, title_of(page));
    put(sheet, "</title>\n<link rel=\"stylesheet\" href=\"" CHECKOUT_STYLE_PATH "\">\n");
    if (!str_is_empty(page->colour))
        buf_addf(sheet->out,
                 "<style nonce=\"%.*s\">.deed{background:%.*s;border-color:%.*s;color:#fff}"
                 "</style>\n",
                 STR_ARG(page->nonce), STR_ARG(page->colour), STR_ARG(page->colour));
    put(sheet, "</head>\n<body>\n");
    if (!page->live && !is_nobodys(page))
        element(sheet, "header", "test", TEXT_TEST);
    put(sheet, "<main>\n");
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
    put(sheet, "<p class=\"shop\">");
    html_write(sheet->out, str_is_empty(page->merchant) ? page->shop : page->merchant);
    if (both) {
        put(sheet, ", ");
        html_write(sheet->out, page->shop);
    }
    put(sheet, "</p>\n");
}

static void put_heading(const struct sheet *sheet)
{
    const struct checkout_page *page = sheet->page;

    put_shop(sheet);
    element(sheet, "h1", NULL, title_of(page));
    if (is_nobodys(page))
        return;
    put(sheet, "<p class=\"amount\">");
    put_amount(sheet);
    put(sheet, "</p>\n");
    if (str_is_empty(page->description))
        return;
    put(sheet, "<p class=\"what\">");
    html_write(sheet->out, page->description);
    put(sheet, "</p>\n");
}

/* A card's fields: their names, labels, and what is said when they are wrong. */
static const struct card_field {
    const char *name, *autocomplete, *attributes;
    enum text label, hint, wrong;
    unsigned fault;
    bool has_hint, is_short;
} card_fields[] = {
    { "number", "cc-number", "inputmode=\"numeric\" maxlength=\"25\" required", TEXT_NUMBER,
      TEXT_NUMBER, TEXT_BAD_NUMBER, CHECKOUT_FAULT_NUMBER, false, false },
    { "expiry", "cc-exp", "inputmode=\"numeric\" maxlength=\"9\" required", TEXT_EXPIRY,
      TEXT_EXPIRY_HINT, TEXT_BAD_EXPIRY, CHECKOUT_FAULT_EXPIRY, true, true },
    { "cvc", "cc-csc", "inputmode=\"numeric\" maxlength=\"4\" required", TEXT_CODE,
      TEXT_CODE_HINT, TEXT_BAD_CODE, CHECKOUT_FAULT_CODE, true, true },
    { "name", "cc-name", "maxlength=\"100\"", TEXT_NAME, TEXT_NAME, TEXT_BAD_NAME,
      CHECKOUT_FAULT_NAME, false, false },
};
#define CARD_FIELD_COUNT (sizeof card_fields / sizeof card_fields[0])

static void put_faults(const struct sheet *sheet)
{
    if (!sheet->page->faults)
        return;
    put(sheet, "<div class=\"box alert\" role=\"alert\">\n");
    element(sheet, "h2", NULL, TEXT_ERRORS);
    put(sheet, "<ul>\n");
    for (size_t i = 0; i < CARD_FIELD_COUNT; i++) {
        if (!(sheet->page->faults & card_fields[i].fault))
            continue;
        buf_addf(sheet->out, "<li><a href=\"#%s\">", card_fields[i].name);
        say(sheet, card_fields[i].wrong);
        put(sheet, "</a></li>\n");
    }
    put(sheet, "</ul>\n</div>\n");
}

/* The label stays what it is when something is wrong; what is wrong stands below it. */
static void put_field(const struct sheet *sheet, const struct card_field *field)
{
    const char *name = field->name;
    bool wrong = (sheet->page->faults & field->fault) != 0;

    buf_addf(sheet->out, "<label for=\"%s\">", name);
    say(sheet, field->label);
    put(sheet, "</label>\n");
    if (field->has_hint) {
        buf_addf(sheet->out, "<span class=\"hint\" id=\"%s-hint\">", name);
        say(sheet, field->hint);
        put(sheet, "</span>\n");
    }
    if (wrong) {
        buf_addf(sheet->out, "<span class=\"fault\" id=\"%s-fault\">", name);
        say(sheet, field->wrong);
        put(sheet, "</span>\n");
    }
    buf_addf(sheet->out, "<input id=\"%s\" name=\"%s\" type=\"text\" autocomplete=\"%s\" %s%s",
             name, name, field->autocomplete, field->attributes,
             field->is_short ? " class=\"short\"" : "");
    if (field->has_hint || wrong)
        buf_addf(sheet->out, " aria-describedby=\"%s%s%s%s%s\"", field->has_hint ? name : "",
                 field->has_hint ? "-hint" : "", field->has_hint && wrong ? " " : "",
                 wrong ? name : "", wrong ? "-fault" : "");
    put(sheet, wrong ? " aria-invalid=\"true\">\n" : ">\n");
}

static void put_form_begin(const struct sheet *sheet)
{
    put(sheet, "<form method=\"post\" autocomplete=\"on\" novalidate>\n"
               "<input type=\"hidden\" name=\"form\" value=\"");
    html_write(sheet->out, sheet->page->form);
    put(sheet, "\">\n");
}

static void put_cancel(const struct sheet *sheet)
{
    put_form_begin(sheet);
    put(sheet, "<button class=\"quiet\" name=\"do\" value=\"leave\">");
    say(sheet, TEXT_CANCEL);
    put(sheet, "</button>\n</form>\n");
}

static void put_until(const struct sheet *sheet)
{
    struct time_parts parts = time_split(sheet->page->expires_ms);

    put(sheet, "<p class=\"note\">");
    say(sheet, TEXT_UNTIL);
    buf_addf(sheet->out, " %02d:%02d UTC.</p>\n", (int)parts.hour, (int)parts.minute);
}

static void put_declined(const struct sheet *sheet)
{
    if (!sheet->page->declined || sheet->page->faults)
        return;
    put(sheet, "<div class=\"box alert\" role=\"alert\">\n");
    element(sheet, "h2", NULL, TEXT_DECLINED_TITLE);
    element(sheet, "p", "what", TEXT_DECLINED);
    put(sheet, "</div>\n");
}

static void put_pay_button(const struct sheet *sheet)
{
    put(sheet, "<button class=\"deed\" name=\"do\" value=\"pay\">");
    say(sheet, TEXT_PAY);
    put(sheet, " ");
    put_amount(sheet);
    put(sheet, "</button>\n</form>\n</div>\n");
    put_cancel(sheet);
    put_until(sheet);
}

/* People leave it empty, because they do not see it; those who do are told. */
static void put_trap(const struct sheet *sheet)
{
    put(sheet, "<div class=\"trap\" aria-hidden=\"true\"><label>");
    say(sheet, TEXT_LEAVE_EMPTY);
    put(sheet, " <input name=\"website\" tabindex=\"-1\" autocomplete=\"off\"></label></div>\n");
}

static void put_card_form(const struct sheet *sheet)
{
    put_declined(sheet);
    put_faults(sheet);
    put(sheet, "<div class=\"box\">\n");
    put_form_begin(sheet);
    for (size_t i = 0; i < CARD_FIELD_COUNT; i++)
        put_field(sheet, &card_fields[i]);
    put_trap(sheet);
    put(sheet, "<button class=\"deed\" name=\"do\" value=\"review\">");
    say(sheet, TEXT_CONTINUE);
    put(sheet, "</button>\n</form>\n</div>\n");
    put_cancel(sheet);
    put_until(sheet);
}

static void put_gateway_form(const struct sheet *sheet)
{
    put_declined(sheet);
    put(sheet, "<div class=\"box\">\n");
    element(sheet, "p", "what", TEXT_GATEWAY);
    put_form_begin(sheet);
    put_trap(sheet);
    put_pay_button(sheet);
}

static void put_row(const struct sheet *sheet, enum text label, const char *lead, struct str value)
{
    if (str_is_empty(value))
        return;
    element(sheet, "dt", NULL, label);
    put(sheet, "<dd>");
    put(sheet, lead);
    html_write(sheet->out, value);
    put(sheet, "</dd>\n");
}

static void put_card(const struct sheet *sheet)
{
    put_row(sheet, TEXT_CARD, "\xe2\x80\xa2\xe2\x80\xa2\xe2\x80\xa2\xe2\x80\xa2 ",
            sheet->page->card_last4);
}

static void put_confirm(const struct sheet *sheet)
{
    put(sheet, "<div class=\"box\">\n<dl>\n");
    put_card(sheet);
    put(sheet, "</dl>\n");
    put_form_begin(sheet);
    put(sheet, "<input type=\"hidden\" name=\"card\" value=\"");
    html_write(sheet->out, sheet->page->card);
    put(sheet, "\">\n");
    put_pay_button(sheet);
    put(sheet, "<p><a href=\"\">");
    say(sheet, TEXT_CHANGE);
    put(sheet, "</a></p>\n");
}

static void put_receipt(const struct sheet *sheet, enum text text)
{
    put(sheet, "<div class=\"box done\">\n");
    element(sheet, "p", "what", text);
    put(sheet, "<dl>\n");
    put_row(sheet, TEXT_REFERENCE, "", sheet->page->reference);
    put_card(sheet);
    put(sheet, "</dl>\n");
    if (!str_is_empty(sheet->page->receipt_path)) {
        put(sheet, "<p><a href=\"");
        html_write(sheet->out, sheet->page->receipt_path);
        put(sheet, "\">");
        say(sheet, TEXT_RECEIPT);
        put(sheet, "</a></p>\n");
    }
    put(sheet, "</div>\n");
}

static void put_amount_row(const struct sheet *sheet, enum text label, int64_t minor)
{
    element(sheet, "dt", NULL, label);
    put(sheet, "<dd>");
    text_write_amount(sheet->out, (struct money){ minor, sheet->page->amount.currency },
                      sheet->spoken);
    put(sheet, "</dd>\n");
}

static void put_refunds(const struct sheet *sheet, const struct receipt *receipt)
{
    for (size_t i = 0; i < receipt->refund_count; i++) {
        put(sheet, "<dt>");
        say(sheet, TEXT_REFUND);
        put(sheet, ", ");
        text_write_time(sheet->out, receipt->refunds[i].at_ms, sheet->spoken);
        put(sheet, "</dt>\n<dd>");
        text_write_amount(sheet->out, receipt->refunds[i].amount, sheet->spoken);
        put(sheet, "</dd>\n");
    }
    if (receipt->refund_count > 0)
        put_amount_row(sheet, TEXT_LEFT, receipt->captured_minor - receipt->refunded_minor);
}

static void put_whole_receipt(const struct sheet *sheet)
{
    const struct receipt *receipt = sheet->page->receipt;

    put(sheet, "<div class=\"box\">\n<dl>\n");
    put_row(sheet, TEXT_RECEIPT_NUMBER, "", receipt->number);
    element(sheet, "dt", NULL, TEXT_PAID_AT);
    put(sheet, "<dd>");
    text_write_time(sheet->out, receipt->paid_ms, sheet->spoken);
    put(sheet, "</dd>\n");
    put_amount_row(sheet, TEXT_TAKEN, receipt->captured_minor);
    put_refunds(sheet, receipt);
    put_card(sheet);
    put_row(sheet, TEXT_ORDER, "", receipt->reference);
    put_row(sheet, TEXT_REFERENCE, "", sheet->page->reference);
    put(sheet, "</dl>\n</div>\n<p><a href=\"?format=pdf\">");
    say(sheet, TEXT_AS_PDF);
    put(sheet, "</a></p>\n");
}

static void put_link(const struct sheet *sheet, struct str url, enum text text)
{
    if (!str_starts_with(url, STR("https://")) && !str_starts_with(url, STR("http://")))
        return;
    put(sheet, "<p><a class=\"go deed\" href=\"");
    html_write(sheet->out, url);
    put(sheet, "\">");
    say(sheet, text);
    put(sheet, "</a></p>\n");
}

static void put_note(const struct sheet *sheet, enum text text)
{
    put(sheet, "<div class=\"box\" role=\"status\">\n");
    if (sheet->page->view == CHECKOUT_VIEW_WAITING || sheet->page->view == CHECKOUT_VIEW_CHECKING)
        put(sheet, "<div class=\"bar\" aria-hidden=\"true\"></div>\n");
    element(sheet, "p", "what", text);
    put(sheet, "</div>\n");
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
        put_cancel(sheet);
        return;
    }
    put_note(sheet, TEXT_GATEWAY);
    put(sheet, "<noscript><div class=\"box alert\">");
    element(sheet, "p", "what", TEXT_NEEDS_SCRIPT);
    put(sheet, "</div></noscript>\n<button class=\"deed\" id=\"go\" type=\"button\">");
    say(sheet, TEXT_CONTINUE);
    put(sheet, "</button>\n");
    put_cancel(sheet);
    put(sheet, "<script src=\"");
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
        put_card_form(sheet);
        break;
    case CHECKOUT_VIEW_CONFIRM:
        put_confirm(sheet);
        break;
    case CHECKOUT_VIEW_GATEWAY:
        put_gateway_form(sheet);
        break;
    case CHECKOUT_VIEW_BANK:
        put_note(sheet, TEXT_BANK);
        put_link(sheet, sheet->page->bank_url, TEXT_CONTINUE);
        put_cancel(sheet);
        break;
    case CHECKOUT_VIEW_WIDGET:
        put_widget(sheet);
        break;
    case CHECKOUT_VIEW_WAITING:
        put_note(sheet, TEXT_WAIT);
        put_link(sheet, sheet->page->bank_url, TEXT_CONTINUE);
        break;
    case CHECKOUT_VIEW_CHECKING:
        put_note(sheet, TEXT_CHECK);
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
        break;
    case CHECKOUT_VIEW_BUSY:
        put_note(sheet, TEXT_BUSY);
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
    put(&sheet, "</main>\n</body>\n</html>\n");
}
