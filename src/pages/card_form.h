/* card_form.h - the page's own card form, which is for the sandbox, and the page that asks once
 * more. A build without it (-Dsandbox_form=false) has card_form_none.c in its place, and no
 * label, field or word of it. Inside pages only, but for card_form_is_here. */
#ifndef PAGES_CARD_FORM_H
#define PAGES_CARD_FORM_H

#include <stdbool.h>

struct sheet;

bool card_form_is_here(void);
/* CHECKOUT_VIEW_CARD and CHECKOUT_VIEW_CONFIRM; only where it is here. */
void card_form_put(const struct sheet *sheet);
void card_form_put_review(const struct sheet *sheet);

#endif
