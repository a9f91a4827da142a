/* checkout_card_none.c - a build whose pages take no card: there is none to read, keep or open. */
#include "api/checkout_parts.h"

struct str *checkout_card_field(struct card_form *form, struct str name)
{
    (void)form;
    (void)name;
    return NULL;
}

bool checkout_card_seal(struct visit *visit, const struct card_form *form, struct arena *arena)
{
    (void)visit;
    (void)form;
    (void)arena;
    return false;
}

bool checkout_card_open(const struct visit *visit, struct str sealed, struct arena *arena,
                        struct card_given *out)
{
    (void)visit;
    (void)sealed;
    (void)arena;
    (void)out;
    return false;
}
