/* installation.h - what lies in the data directory, and the way to the books.
 *
 * The installation key (32 random bytes) keys the HMACs of API keys and of idempotent
 * requests: books without their key cannot recognise either. It is made at the first start
 * and never again; the books keep a check value of it, so that a wrong key is refused.
 *
 * All functions return an error with a sentence in `why` that says what to do. */
#ifndef COMMANDS_INSTALLATION_H
#define COMMANDS_INSTALLATION_H

#include "base/outside.h"
#include "base/secret.h"
#include "commands/settings.h"
#include "store/store.h"

#define INSTALLATION_KEY_BYTES 32

/* Where the key in use came from. */
enum installation_key_origin { KEY_FROM_ENVIRONMENT, KEY_FROM_FILE, KEY_MADE };

struct installation {
    struct secret key;
    enum installation_key_origin key_origin;
    struct store *store; /* for writing; beside a running server */
};

/* Opens the books for writing: makes the data directory and the key when there is nothing
 * yet, brings the schema up, makes the first merchant, and checks the key. */
must_check enum err installation_open(const struct settings *settings,
                                      const struct outside *outside, struct arena *arena,
                                      struct installation *out, struct str *why);
void installation_close(struct installation *installation);

/* Reads the key. Where there is none and there are no books either, one is made if `make`;
 * where books exist, a missing key is an error. The caller ends it with secret_done. */
must_check enum err installation_key(const struct settings *settings, const struct outside *outside,
                                     bool make, struct arena *arena, struct secret *out,
                                     enum installation_key_origin *origin, struct str *why);

/* Compares the key with the check value in the books; ERR_VALIDATION when it is another's.
 * On a connection for writing, `record` writes the value where there is none yet. */
must_check enum err installation_key_check(struct db *db, const struct secret *key, bool record,
                                           struct arena *arena, struct str *why);

/* One turn, run by this command beside whoever serves the books, for the actor "operator". Its
 * error with its sentence; the answer's body lives in `arena`. */
must_check enum err installation_turn(struct installation *installation,
                                      const struct turn_input *input, struct arena *arena,
                                      struct str *body, struct str *why);

/* The books for reading; they must exist. */
must_check enum err installation_open_reader(const struct settings *settings,
                                             const struct outside *outside, struct arena *arena,
                                             struct db **out, struct str *why);

/* The merchant of this name; ERR_NOT_FOUND. */
must_check enum err installation_merchant(struct db *db, struct str name, struct arena *arena,
                                          struct merchant **out, struct str *why);
must_check enum err installation_merchant_by_id(struct db *db, struct merchant_id id,
                                                struct arena *arena, struct merchant **out,
                                                struct str *why);

/* The schema version of the books, 0 when there are none, and the one of this binary. */
must_check enum err installation_schema(const struct settings *settings,
                                        const struct outside *outside, struct arena *arena,
                                        int *out, struct str *why);
int installation_schema_newest(void);

#endif
