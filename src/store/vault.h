/* vault.h - the gateway credentials in the books: sealed and opened with the keys in use.
 *
 * From any thread. The keys are read when the vault opens, and again before something is sealed
 * and when a sealed text names a key that is not known: a key that was put in front of the others
 * is in use at once, without a restart. */
#ifndef STORE_VAULT_H
#define STORE_VAULT_H

#include "core/credentials.h"

struct vault;

/* Where the keys come from; called on whatever thread needs them, one at a time. */
struct vault_source {
    void *self;
    enum err (*read)(void *self, struct arena *arena, struct credentials_keys *out,
                     struct str *why);
};

/* Fails as the source does. `outside` and what the source needs live as long as the vault. */
must_check enum err vault_open(const struct vault_source *source, const struct outside *outside,
                               struct arena *arena, struct vault **out, struct str *why);
void vault_close(struct vault *vault);           /* accepts NULL */

/* Text for struct gateway_account.credentials, in `arena`. */
struct str vault_seal(struct vault *vault, struct gateway_account_id account, struct str plain,
                      struct arena *arena);
/* False when no key opens it. The caller ends the secret. */
bool vault_unseal(struct vault *vault, struct gateway_account_id account, struct str sealed,
                  struct secret *out);

/* The same for other secrets; `place` as in core/credentials.h. */
struct str vault_seal_at(struct vault *vault, struct str place, struct str plain,
                         struct arena *arena);
bool vault_unseal_at(struct vault *vault, struct str place, struct str sealed, struct secret *out);

#endif
