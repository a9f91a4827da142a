/* card.h - a card in a request: checked before anything is stored, kept in memory only. */
#ifndef API_CARD_H
#define API_CARD_H

#include "api/fields.h"
#include "core/gateway.h"

struct card_given {
    struct card card; /* its secrets are the caller's to end: card_done */
    struct str brand; /* "visa"; empty when no issuer's range is known */
    struct str last4;
};

/* `object` is the member `card`, `where` what stands before its members' names in a
 * trouble. Digits, Luhn, month and year, expiry against `now_ms` (a card is good to the
 * end of its month, in UTC), CVC. Brand and last four digits are in the arena. */
must_check enum err card_read(const struct json *object, const char *where, int64_t now_ms,
                              struct arena *arena, struct card_given *out, struct trouble *trouble);
/* Wipes number, CVC and token; accepts a zeroed one. */
void card_done(struct card *card);

/* By the first digits of the number; empty when unknown. */
struct str card_brand(struct str number);

#endif
