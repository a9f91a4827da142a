/* key.h - making API keys beside a running server. */
#ifndef COMMANDS_KEY_H
#define COMMANDS_KEY_H

#include "commands/installation.h"
#include "core/tenants.h"

struct key_wish {
    struct str merchant; /* by name */
    bool live;
    int64_t scopes;
    struct str description;
    int64_t expires_ms; /* 0: never */
};

/* Writes a new key and hands out its text, which is shown once; the caller ends it with
 * secret_done. ERR_NOT_FOUND when there is no such merchant. */
must_check enum err key_new(struct installation *installation, const struct outside *outside,
                            const struct key_wish *wish, struct arena *arena, struct api_key *row,
                            struct secret *text, struct str *why);

/* `found`: whether there was such a key and it was active. */
must_check enum err key_revoke(struct installation *installation, struct api_key_id id,
                               struct arena *arena, bool *found, struct str *why);

#endif
