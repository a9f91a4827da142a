#include "commands/product.h"

#include "base/time.h"
#include "commands/key.h"

#define KEY_MS (10 * MINUTE_MS)
#define ANSWER_MS (40 * SECOND_MS)

struct product {
    struct cli *cli;
    struct calls *calls;
    struct str url;
    struct secret key;
    struct api_key made;         /* row zero: the key is the environment's */
};

static enum err make_key(struct product *product, struct str merchant, bool live, int64_t scopes,
                         struct str *why)
{
    struct cli *cli = product->cli;
    struct installation installation;
    int version = 0;
    struct key_wish wish = {
        .merchant = merchant,
        .live = live,
        .scopes = scopes,
        .description = str_format(cli->arena, "made by purser %s", cli->command->name),
        .expires_ms = outside_now_ms(cli->world->outside) + KEY_MS,
    };

    enum err err = installation_schema(&cli->settings, cli->world->outside, cli->arena, &version,
                                       why);
    if (err == OK && version == 0) {
        *why = STR("there are no books in the data directory; give --data, or the key of an API in "
                   PRODUCT_KEY_VARIABLE);
        err = ERR_NOT_FOUND;
    }
    if (err == OK)
        err = installation_open(&cli->settings, cli->world->outside, cli->arena, &installation,
                                why);
    if (err != OK)
        return err;
    err = key_new(&installation, cli->world->outside, &wish, cli->arena, &product->made,
                  &product->key, why);
    installation_close(&installation);
    return err;
}

bool product_has_key(const struct cli *cli)
{
    const char *key = cli->world->env(PRODUCT_KEY_VARIABLE);

    return key != NULL && key[0] != '\0';
}

enum err product_open(struct cli *cli, struct str merchant, bool live, int64_t scopes,
                      struct product **out, struct str *why)
{
    struct product *product = ARENA_NEW(cli->arena, struct product);

    product->cli = cli;
    product->url = cli_has(cli, "url") ? cli_option(cli, "url") : STR(PRODUCT_URL_DEFAULT);
    while (str_ends_with(product->url, STR("/")))
        product->url.len--;
    enum err err = calls_open(cli->world->outside, cli->arena, &product->calls, why);
    if (err == OK && product_has_key(cli))
        product->key = secret_copy(str_of(cli->world->env(PRODUCT_KEY_VARIABLE)));
    else if (err == OK)
        err = make_key(product, merchant, live, scopes, why);
    if (err == OK)
        *out = product;
    else
        product_close(product);
    return err;
}

static void revoke(struct product *product)
{
    struct cli *cli = product->cli;
    struct installation installation;
    struct str why = { 0 };
    bool found;

    enum err err = installation_open(&cli->settings, cli->world->outside, cli->arena,
                                     &installation, &why);
    if (err == OK) {
        err = key_revoke(&installation, product->made.id, cli->arena, &found, &why);
        installation_close(&installation);
    }
    if (err != OK)
        (void)cli_fail(cli, EXIT_COULD_NOT, "the key of this command was not revoked, it ends by "
                                            "itself: %.*s", STR_ARG(why));
}

void product_close(struct product *product)
{
    if (!product)
        return;
    if (product->made.row == ROW_NEW)
        revoke(product);
    secret_done(&product->key);
    calls_close(product->calls);
}

/* What the problem says, or its status where it says nothing. */
static struct str problem_of(const struct product_answer *answer, struct arena *arena)
{
    struct str detail = json_text(json_get(answer->json, "detail"));

    if (str_is_empty(detail))
        detail = json_text(json_get(answer->json, "title"));
    if (str_is_empty(detail))
        return str_format(arena, "the server answered %d", answer->status);
    return str_format(arena, "the server refuses (%d): %.*s", answer->status, STR_ARG(detail));
}

enum err product_ask(struct product *product, const char *method, struct str path, struct str body,
                     struct arena *arena, struct product_answer *out, struct str *why)
{
    struct calls_reply reply;
    struct sha256 once;
    struct buf hex;

    outside_random(product->cli->world->outside, once.bytes, sizeof once.bytes);
    buf_init(&hex, arena, 2 * SHA256_SIZE + 1);
    buf_add_hex(&hex, once.bytes, 16);
    struct str bearer = str_format(arena, "Bearer %.*s", STR_ARG(secret_reveal(&product->key)));
    const struct client_field fields[] = {
        { STR("Authorization"), bearer },
        { STR("Idempotency-Key"), buf_str(&hex) },
        { STR("Prefer"), STR("wait=20") },
        { STR("Content-Type"), STR("application/json") },
    };
    size_t count = str_equal_c(str_of(method), "POST") ? 4 : 1;
    struct str url = str_format(arena, "%.*s%.*s", STR_ARG(product->url), STR_ARG(path));
    enum err err = calls_make(product->calls, method, url, fields, count, body, ANSWER_MS, arena,
                              &reply, why);
    secret_wipe((void *)(uintptr_t)bearer.ptr, bearer.len);
    if (err != OK) {
        *why = str_format(arena, "no answer from %.*s: %.*s Is a server running there (--url)?",
                          STR_ARG(product->url), STR_ARG(*why));
        return err;
    }
    *out = (struct product_answer){ .status = reply.status, .body = reply.body };
    (void)!json_parse(reply.body, arena, &out->json, NULL);
    if (reply.status >= 200 && reply.status <= 299)
        return OK;
    *why = problem_of(out, arena);
    return ERR_VALIDATION;
}
