/* method.h - payment_method of a request. */
#ifndef API_METHOD_H
#define API_METHOD_H

#include "api/call.h"
#include "base/json.h"
#include "store/desk.h"

/* What a payment method gives to a turn. */
struct method_given {
    enum payment_method method;
    const struct card *card; /* NULL: no card came with it */
    struct str card_brand;
    struct str card_last4;
    struct instrument_id instrument; /* a saved card of ours; else zero */
};

/* `object` may be NULL: no method was sent. The card's secrets end with the turn. */
must_check enum err method_read(struct call *call, const struct json *object,
                                struct desk_turn *turn, struct method_given *out);

#endif
