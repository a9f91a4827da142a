/* keys.h - API keys as text: psk_test_ or psk_live_, 33 base62 characters of
 * randomness (196 bits), 6 of checksum.
 *
 * The checksum (CRC-32 of what precedes it, base62) tells a typing error from a
 * revoked key without the books, and lets scanners recognise leaked keys. The books
 * keep only an HMAC of the text under the installation key. */
#ifndef CORE_KEYS_H
#define CORE_KEYS_H

#include "base/json.h"
#include "base/outside.h"
#include "base/secret.h"
#include "core/tenants.h"

#define KEY_TEXT_LEN (9 + 33 + 6)

/* A new key's text; the caller shows it once and wipes it. */
struct secret key_make(const struct outside *outside, bool live);
/* Prefix, length, alphabet and checksum; `live` tells the mode. */
bool key_is_well_formed(struct str text, bool *live);
struct sha256 key_hash(const struct secret *installation_key, struct str text);
/* "psk_test_...x7Qp" */
struct str key_hint(struct arena *arena, struct str text);

/* "read write" -> bits; 0 when a word is unknown or the text is empty. Commas separate too. */
int64_t key_scopes_parse(struct str text);
void key_scopes_write(struct buf *out, int64_t scopes);    /* "read write" */

/* The object of the API. `text` is the key itself in the answer to its making, else empty. */
void api_key_render(struct json_out *out, const char *name, const struct api_key *key,
                    struct str text);

/* HMAC of route and body: what makes two requests the same one. */
struct sha256 claim_fingerprint(const struct secret *installation_key, struct str route,
                                struct str body);

/* Turns about tenants: core/tenants.c. The ask of making a key is the row to write, complete
 * with id and time; of the others a struct below. Making or choosing a default gateway account
 * takes the mark off the one before. */
extern const struct turn_handler turn_api_key_create, turn_api_key_revoke,
    turn_gateway_account_create, turn_gateway_account_change;

/* `credentials` is what was sent, to be checked by its members; the row and `sealed` have the
 * same as it is kept. It may be NULL. */
struct gateway_account_create {
    struct gateway_account row;
    const struct json *credentials;
};

struct gateway_account_change {
    struct gateway_account_id id;
    bool has_description, has_default, has_disabled, has_settings, has_credentials;
    struct str description;
    bool is_default;
    bool disabled;
    struct str settings;
    const struct json *credentials;
    struct str sealed;
};

struct api_key_revoke {
    struct api_key_id id;
};

#endif
