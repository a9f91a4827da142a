#include "pages/sheet.h"

#include "base/time.h"
#include "pages/html.h"

void sheet_put(const struct sheet *sheet, const char *html)
{
    buf_add_c(sheet->out, html);
}

void sheet_say(const struct sheet *sheet, enum text text)
{
    html_write(sheet->out, text_of(text, sheet->spoken));
}

void sheet_foreign(const struct sheet *sheet, struct str text)
{
    sheet_put(sheet, "<bdi>");
    html_write(sheet->out, text);
    sheet_put(sheet, "</bdi>");
}

void sheet_element(const struct sheet *sheet, const char *name, const char *class,
                   struct str text)
{
    buf_addf(sheet->out, class ? "<%s class=\"%s\">" : "<%s>", name, class);
    html_write(sheet->out, text);
    buf_addf(sheet->out, "</%s>\n", name);
}

void sheet_element_say(const struct sheet *sheet, const char *name, const char *class,
                       enum text text)
{
    sheet_element(sheet, name, class, text_of(text, sheet->spoken));
}

void sheet_amount(const struct sheet *sheet)
{
    sheet_money(sheet, sheet->page->amount.minor);
}

void sheet_money(const struct sheet *sheet, int64_t minor)
{
    sheet_put(sheet, "<bdi>");
    text_write_amount(sheet->out, (struct money){ minor, sheet->page->amount.currency },
                      sheet->spoken);
    sheet_put(sheet, "</bdi>");
}

void sheet_form_begin(const struct sheet *sheet)
{
    sheet_put(sheet, "<form method=\"post\" action=\"?\" autocomplete=\"on\" novalidate>\n"
                     "<input type=\"hidden\" name=\"form\" value=\"");
    html_write(sheet->out, sheet->page->form);
    sheet_put(sheet, "\">\n");
}

/* Those who see it all the same are told. */
void sheet_trap(const struct sheet *sheet)
{
    sheet_put(sheet, "<div class=\"trap\" aria-hidden=\"true\"><label>");
    sheet_say(sheet, TEXT_LEAVE_EMPTY);
    sheet_put(sheet,
              " <input name=\"website\" tabindex=\"-1\" autocomplete=\"off\"></label></div>\n");
}

void sheet_save_box(const struct sheet *sheet)
{
    if (!sheet->page->asks_to_save)
        return;
    sheet_put(sheet, "<div class=\"choice\"><input type=\"checkbox\" id=\"save\" name=\"save\" "
                     "value=\"yes\" aria-describedby=\"save-hint\"");
    sheet_put(sheet, sheet->page->save ? " checked>\n<div><label for=\"save\">"
                                       : ">\n<div><label for=\"save\">");
    sheet_say(sheet, TEXT_SAVE);
    sheet_put(sheet, "</label>\n<span class=\"hint\" id=\"save-hint\">");
    sheet_say(sheet, TEXT_SAVE_HINT);
    sheet_put(sheet, "</span></div></div>\n");
}

void sheet_will_save(const struct sheet *sheet)
{
    if (!sheet->page->save)
        return;
    sheet_put(sheet, "<input type=\"hidden\" name=\"save\" value=\"yes\">\n");
    sheet_element_say(sheet, "p", "note", TEXT_WILL_SAVE);
}

void sheet_cancel(const struct sheet *sheet)
{
    sheet_form_begin(sheet);
    sheet_put(sheet, "<button class=\"quiet\" name=\"do\" value=\"leave\">");
    sheet_say(sheet, TEXT_CANCEL);
    sheet_put(sheet, "</button>\n</form>\n");
}

void sheet_until(const struct sheet *sheet)
{
    struct time_parts parts = time_split(sheet->page->expires_ms);

    sheet_put(sheet, "<p class=\"note\">");
    sheet_say(sheet, TEXT_UNTIL);
    buf_addf(sheet->out, " %02d:%02d UTC.</p>\n", (int)parts.hour, (int)parts.minute);
}

void sheet_pay_button(const struct sheet *sheet)
{
    sheet_put(sheet, "<button class=\"deed\" name=\"do\" value=\"pay\">");
    sheet_say(sheet, TEXT_PAY);
    sheet_put(sheet, " ");
    sheet_amount(sheet);
    sheet_put(sheet, "</button>\n</form>\n</div>\n");
    sheet_cancel(sheet);
    sheet_until(sheet);
}

void sheet_row(const struct sheet *sheet, enum text label, const char *lead, struct str value)
{
    if (str_is_empty(value))
        return;
    sheet_element_say(sheet, "dt", NULL, label);
    sheet_put(sheet, "<dd><bdi>");
    sheet_put(sheet, lead);
    html_write(sheet->out, value);
    sheet_put(sheet, "</bdi></dd>\n");
}

void sheet_card_row(const struct sheet *sheet)
{
    sheet_row(sheet, TEXT_CARD, "\xe2\x80\xa2\xe2\x80\xa2\xe2\x80\xa2\xe2\x80\xa2 ",
              sheet->page->card_last4);
}

void sheet_declined(const struct sheet *sheet)
{
    if (!sheet->page->declined || sheet->page->faults)
        return;
    sheet_put(sheet, "<div class=\"box alert\" role=\"alert\">\n");
    sheet_element_say(sheet, "h2", NULL, TEXT_DECLINED_TITLE);
    sheet_element_say(sheet, "p", "what", TEXT_DECLINED);
    sheet_put(sheet, "</div>\n");
}
