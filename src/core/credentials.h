/* credentials.h - gateway credentials as they are kept: sealed with AES-256-GCM.
 *
 * Each is bound to its account's row: moved to another row, or changed by a bit, it does not
 * open. The keys are not in the books; the first seals, all of them open, so that keys can be
 * rotated while purser runs: put a new one in front, seal all rows anew, take the old one away. */
#ifndef CORE_CREDENTIALS_H
#define CORE_CREDENTIALS_H

#include "base/outside.h"
#include "base/secret.h"
#include "core/tenants.h"

#define CREDENTIALS_KEYS_MAX 8
#define CREDENTIALS_MAX_BYTES 8192           /* of plain text */

struct credentials_keys {
    struct secret keys[CREDENTIALS_KEYS_MAX];    /* 32 bytes each */
    size_t count;
};

/* Hex keys, one a line or separated by commas, the current one first; '#' begins a comment.
 * ERR_VALIDATION with a sentence in `why` when there is none or one is malformed. */
must_check enum err credentials_keys_parse(struct str text, struct credentials_keys *out,
                                           struct arena *arena, struct str *why);
void credentials_keys_done(struct credentials_keys *keys);

/* Text for struct gateway_account.credentials: "v1.", the key's name, ".", base64. */
struct str credentials_seal(const struct credentials_keys *keys, const struct outside *outside,
                            struct gateway_account_id account, struct str plain,
                            struct arena *arena);
/* The same for other secrets of the books; `place` names the row and column that it is bound to,
 * as "webhook_endpoints|secret|we_...". */
struct str credentials_seal_at(const struct credentials_keys *keys, const struct outside *outside,
                               struct str place, struct str plain, struct arena *arena);
bool credentials_open_at(const struct credentials_keys *keys, struct str place, struct str sealed,
                         struct secret *out);
/* False when no key opens it, or it was changed or moved. The caller ends the secret. */
bool credentials_open(const struct credentials_keys *keys, struct gateway_account_id account,
                      struct str sealed, struct secret *out);
/* Whether it was sealed with the current key, or with any of them. */
bool credentials_is_current(const struct credentials_keys *keys, struct str sealed);
bool credentials_key_is_known(const struct credentials_keys *keys, struct str sealed);
/* What a key is called in sealed texts and for people: 8 hex digits, which tell keys apart and
 * give nothing of them away. */
struct str credentials_key_name(const struct secret *key, struct arena *arena);
bool credentials_is_sealed_with(const struct secret *key, struct str sealed);

#endif
