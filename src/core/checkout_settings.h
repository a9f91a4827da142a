/* checkout_settings.h - a merchant's own in the payer's page, per mode: the look of it, and where
 * it may lead back to. */
#ifndef CORE_CHECKOUT_SETTINGS_H
#define CORE_CHECKOUT_SETTINGS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/list.h"
#include "core/objects.h"

#define CHECKOUT_ORIGINS_MAX 20
#define CHECKOUT_LOGO_MAX_BYTES 16384 /* of the PNG */

struct checkout_settings {
    enum row_change row;
    struct id id;                 /* checkout_settings_id */
    struct merchant_id merchant;
    bool live;
    struct str name;              /* of the merchant, for payers; empty: only the invoice's shop */
    struct str colour;            /* "#1a4fa0", dark enough for white text; or empty */
    struct str logo;              /* a PNG in base64, or empty */
    struct str origins;           /* where payers may be sent back to, separated by spaces */
    int64_t created_ms;
    int64_t updated_ms;
};
LIST_TYPE(checkout_settings_list, struct checkout_settings)

struct turn;
struct turn_handler;

struct checkout_settings_change {
    struct str name, colour, logo;
    struct str origins;           /* as stored */
    bool has_name, has_colour, has_logo, has_origins;
};

/* Wants turn->checkout_settings. */
extern const struct turn_handler turn_checkout_settings_change;

/* One row per merchant and mode: the key is made from both. */
struct id checkout_settings_id(struct merchant_id merchant, bool live);

/* "#rrggbb" on which white text has a contrast of at least 4.5 (WCAG 2.2, 1.4.3). */
bool checkout_colour_is_readable(struct str colour);

/* ERR_VALIDATION about `param` unless the origin is registered. In test mode everything is, as
 * long as nothing was. */
must_check enum err checkout_check_return(struct turn *turn, const char *param, struct str url);

/* `settings` may be NULL: nothing was ever set. */
struct str render_checkout_settings_text(struct arena *arena,
                                         const struct checkout_settings *settings, bool live);

#endif
