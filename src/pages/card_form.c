/* card_form.c - the page's own card form, for the sandbox. */
#include "pages/card_form.h"

#include "pages/card_form_text.def"
#include "pages/html.h"
#include "pages/sheet.h"

/* clang-format off */
enum card_text {
#define X(key, ...) CARD_TEXT_##key,
    CARD_FORM_TEXTS(X)
#undef X
    CARD_TEXT_COUNT
};
static const char *const texts[CARD_TEXT_COUNT][LANGUAGE_COUNT] = {
#define X(key, en, ru, kk, fr, de, cy) [CARD_TEXT_##key] = { en, ru, kk, fr, de, cy },
    CARD_FORM_TEXTS(X)
#undef X
};
/* clang-format on */

bool card_form_is_here(void)
{
    return true;
}

static struct str words(const struct sheet *sheet, enum card_text text)
{
    return str_of(texts[text][sheet->spoken]);
}

static void say(const struct sheet *sheet, enum card_text text)
{
    html_write(sheet->out, words(sheet, text));
}

/* Digits and their groups go from left to right in every script. */
#define NUMERIC(most) "inputmode=\"numeric\" dir=\"ltr\" maxlength=\"" most "\" required"

/* A card's fields: their names, labels, and what is said when they are wrong. */
static const struct card_field {
    const char *name, *autocomplete, *attributes;
    enum card_text label, hint, wrong;
    unsigned fault;
    bool has_hint, is_short;
} card_fields[] = {
    { "number", "cc-number", NUMERIC("25"), CARD_TEXT_NUMBER,
      CARD_TEXT_NUMBER, CARD_TEXT_BAD_NUMBER, CHECKOUT_FAULT_NUMBER, false, false },
    { "expiry", "cc-exp", NUMERIC("9"), CARD_TEXT_EXPIRY,
      CARD_TEXT_EXPIRY_HINT, CARD_TEXT_BAD_EXPIRY, CHECKOUT_FAULT_EXPIRY, true, true },
    { "cvc", "cc-csc", NUMERIC("4"), CARD_TEXT_CODE,
      CARD_TEXT_CODE_HINT, CARD_TEXT_BAD_CODE, CHECKOUT_FAULT_CODE, true, true },
    { "name", "cc-name", "maxlength=\"100\"", CARD_TEXT_NAME, CARD_TEXT_NAME, CARD_TEXT_BAD_NAME,
      CHECKOUT_FAULT_NAME, false, false },
};
#define CARD_FIELD_COUNT (sizeof card_fields / sizeof card_fields[0])

static void put_faults(const struct sheet *sheet)
{
    if (!sheet->page->faults)
        return;
    sheet_put(sheet, "<div class=\"box alert\" role=\"alert\">\n");
    sheet_element(sheet, "h2", NULL, words(sheet, CARD_TEXT_ERRORS));
    sheet_put(sheet, "<ul>\n");
    for (size_t i = 0; i < CARD_FIELD_COUNT; i++) {
        if (!(sheet->page->faults & card_fields[i].fault))
            continue;
        buf_addf(sheet->out, "<li><a href=\"#%s\">", card_fields[i].name);
        say(sheet, card_fields[i].wrong);
        sheet_put(sheet, "</a></li>\n");
    }
    sheet_put(sheet, "</ul>\n</div>\n");
}

/* The label stays what it is when something is wrong; what is wrong stands below it. */
static void put_field(const struct sheet *sheet, const struct card_field *field)
{
    const char *name = field->name;
    bool wrong = (sheet->page->faults & field->fault) != 0;

    sheet_put(sheet, field->is_short ? "<div class=\"field\">\n" : "<div class=\"field whole\">\n");
    buf_addf(sheet->out, "<label for=\"%s\">", name);
    say(sheet, field->label);
    sheet_put(sheet, "</label>\n");
    if (field->has_hint) {
        buf_addf(sheet->out, "<span class=\"hint\" id=\"%s-hint\">", name);
        say(sheet, field->hint);
        sheet_put(sheet, "</span>\n");
    }
    if (wrong) {
        buf_addf(sheet->out, "<span class=\"fault\" id=\"%s-fault\">", name);
        say(sheet, field->wrong);
        sheet_put(sheet, "</span>\n");
    }
    buf_addf(sheet->out, "<input id=\"%s\" name=\"%s\" type=\"text\" autocomplete=\"%s\" %s",
             name, name, field->autocomplete, field->attributes);
    if (field->has_hint || wrong)
        buf_addf(sheet->out, " aria-describedby=\"%s%s%s%s%s\"", field->has_hint ? name : "",
                 field->has_hint ? "-hint" : "", field->has_hint && wrong ? " " : "",
                 wrong ? name : "", wrong ? "-fault" : "");
    sheet_put(sheet, wrong ? " aria-invalid=\"true\">\n</div>\n" : ">\n</div>\n");
}

void card_form_put(const struct sheet *sheet)
{
    sheet_declined(sheet);
    put_faults(sheet);
    sheet_put(sheet, "<div class=\"box\">\n");
    sheet_form_begin(sheet);
    sheet_put(sheet, "<div class=\"fields\">\n");
    for (size_t i = 0; i < CARD_FIELD_COUNT; i++)
        put_field(sheet, &card_fields[i]);
    sheet_put(sheet, "</div>\n");
    sheet_save_box(sheet);
    sheet_trap(sheet);
    sheet_put(sheet, "<button class=\"deed\" name=\"do\" value=\"review\">");
    sheet_say(sheet, TEXT_CONTINUE);
    sheet_put(sheet, "</button>\n</form>\n</div>\n");
    sheet_cancel(sheet);
    sheet_until(sheet);
}

void card_form_put_review(const struct sheet *sheet)
{
    sheet_put(sheet, "<div class=\"box\">\n<dl>\n");
    sheet_card_row(sheet);
    sheet_put(sheet, "</dl>\n<p class=\"note\"><a href=\"?\">");
    say(sheet, CARD_TEXT_CHANGE);
    sheet_put(sheet, "</a></p>\n");
    sheet_form_begin(sheet);
    sheet_put(sheet, "<input type=\"hidden\" name=\"card\" value=\"");
    html_write(sheet->out, sheet->page->card);
    sheet_put(sheet, "\">\n");
    sheet_will_save(sheet);
    sheet_pay_button(sheet);
}
