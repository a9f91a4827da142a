/* product.h - the API of a running server, called by a command as a merchant's product calls it.
 *
 * With the key in PURSER_API_KEY; where there is none, with one that the command makes in the
 * books for the occasion, good for ten minutes, and revokes when it ends. */
#ifndef COMMANDS_PRODUCT_H
#define COMMANDS_PRODUCT_H

#include "base/json.h"
#include "commands/calls.h"
#include "commands/command.h"

#define PRODUCT_KEY_VARIABLE "PURSER_API_KEY"
#define PRODUCT_URL_DEFAULT "http://127.0.0.1:8080"
#define PRODUCT_URL_OPTION                                                                         \
    { "url", "URL", false, "Where the server is reached. Default: " PRODUCT_URL_DEFAULT "." }

struct product;

/* `merchant` by its name. The command has PRODUCT_URL_OPTION, and takes the settings of the
 * books. */
must_check enum err product_open(struct cli *cli, struct str merchant, bool live, int64_t scopes,
                                 struct product **out, struct str *why);
void product_close(struct product *product); /* accepts NULL */
/* Whether the environment has the key: then merchant and mode are that key's. */
bool product_has_key(const struct cli *cli);

struct product_answer {
    int status;
    const struct json *json;                 /* NULL: it is none */
    struct str body;
};

/* `body` may be empty. ERR_IO when there was no answer; one that is a refusal is
 * ERR_VALIDATION with what it says. A fresh Idempotency-Key goes with every POST. */
must_check enum err product_ask(struct product *product, const char *method, struct str path,
                                struct str body, struct arena *arena, struct product_answer *out,
                                struct str *why);

#endif
