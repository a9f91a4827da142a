/* keyring.h - the keys that seal gateway credentials: where they come from.
 *
 * A file, made with the first key when `serve` first needs it and owned by its owner alone, or
 * the environment in its place. The books hold only what is sealed: without the keys nobody
 * reads the credentials, so keys that are missing where something is sealed are an error and
 * never made anew. */
#ifndef COMMANDS_KEYRING_H
#define COMMANDS_KEYRING_H

#include "commands/settings.h"
#include "store/db.h"
#include "store/vault.h"

/* Opens the vault, with the file made where it is missing and may be. `settings` and `outside`
 * live as long as the vault. `db` writes. ERR_IO or ERR_VALIDATION with a sentence in `why` that
 * names the file. */
must_check enum err keyring_open(const struct settings *settings, struct db *db,
                                 const struct outside *outside, struct arena *arena,
                                 struct vault **out, struct str *why);

bool keyring_is_from_environment(const struct settings *settings);
/* The keys as they are now; the caller ends them. ERR_IO when there is no file. */
must_check enum err keyring_read(const struct settings *settings, struct arena *arena,
                                 struct credentials_keys *out, struct str *why);
/* Puts a new key in front of the file's, on the disk when it returns. */
must_check enum err keyring_add(const struct settings *settings, const struct outside *outside,
                                struct arena *arena, struct str *why);

#endif
