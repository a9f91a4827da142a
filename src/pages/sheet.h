/* sheet.h - one document of the payer's page being written. Inside pages only. */
#ifndef PAGES_SHEET_H
#define PAGES_SHEET_H

#include "pages/checkout.h"
#include "pages/texts.h"

struct sheet {
    struct buf *out;
    const struct checkout_page *page;
    enum language spoken;
};

void sheet_put(const struct sheet *sheet, const char *html);
void sheet_say(const struct sheet *sheet, enum text text);
/* What somebody else wrote, in whatever script: it does not turn the text around it. */
void sheet_foreign(const struct sheet *sheet, struct str text);
/* `class` may be NULL. */
void sheet_element(const struct sheet *sheet, const char *name, const char *class,
                   struct str text);
void sheet_element_say(const struct sheet *sheet, const char *name, const char *class,
                       enum text text);
/* What is to be paid. */
void sheet_amount(const struct sheet *sheet);
/* In its currency. */
void sheet_money(const struct sheet *sheet, int64_t minor);

/* A form and the proof that it was shown; whoever begins one ends it. */
void sheet_form_begin(const struct sheet *sheet);
/* A field that people leave empty, because they do not see it. */
void sheet_trap(const struct sheet *sheet);
/* The box that asks whether the card may be kept, if it is asked; and a word that it will be. */
void sheet_save_box(const struct sheet *sheet);
void sheet_will_save(const struct sheet *sheet);
/* The button that pays, with the end of its form and its box; then the way back and the time. */
void sheet_pay_button(const struct sheet *sheet);
void sheet_cancel(const struct sheet *sheet);
void sheet_until(const struct sheet *sheet);
/* A row of a description list; nothing for an empty value. */
void sheet_row(const struct sheet *sheet, enum text label, const char *lead, struct str value);
void sheet_card_row(const struct sheet *sheet);
/* That the attempt before was declined, if it was. */
void sheet_declined(const struct sheet *sheet);

#endif
