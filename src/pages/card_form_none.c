/* card_form_none.c - a build that takes no card anywhere on its pages. */
#include "pages/card_form.h"

#include <assert.h>

bool card_form_is_here(void)
{
    return false;
}

void card_form_put(const struct sheet *sheet)
{
    (void)sheet;
    assert(card_form_is_here());
}

void card_form_put_review(const struct sheet *sheet)
{
    card_form_put(sheet);
}
