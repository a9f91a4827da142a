/* reconcile.c - `purser reconcile`: payments are held against the gateways' books now, by the
 * running server; waits for the end and says what came of it. */
#include <time.h>

#include "base/time.h"
#include "commands/owner.h"
#include "commands/product.h"
#include "core/keys.h"

#define LOOK_MS 200
#define WAIT_SECONDS_DEFAULT 600

static struct str wish_text(struct cli *cli)
{
    struct json_out json;
    struct buf text;

    buf_init(&text, cli->arena, 4096);
    json_begin(&json, &text);
    json_open_object(&json, NULL);
    if (cli_has(cli, "gateway"))
        json_put_text(&json, "gateway", cli_option(cli, "gateway"));
    if (cli_has(cli, "since"))
        json_put_text(&json, "since", cli_option(cli, "since"));
    json_put_bool(&json, "dry_run", cli_has(cli, "dry-run"));
    json_close_object(&json);
    json_done(&json);
    return buf_str(&text);
}

static void pause_a_little(void)
{
    const struct timespec time = { .tv_nsec = LOOK_MS * 1000000L };

    nanosleep(&time, NULL);
}

static bool has_ended(const struct product_answer *answer)
{
    return str_equal_c(json_text(json_get(answer->json, "status")), "ended");
}

static enum err wait_for_end(struct cli *cli, struct product *product, int64_t seconds,
                             struct product_answer *answer, struct str *why)
{
    struct str id = json_text(json_get(answer->json, "id"));
    struct str path = str_format(cli->arena, "/v1/reconciliations/%.*s", STR_ARG(id));
    int64_t until_us = outside_monotonic_us(cli->world->outside) + seconds * 1000000;
    enum err err = OK;

    while (err == OK && !has_ended(answer)) {
        if (outside_monotonic_us(cli->world->outside) > until_us) {
            *why = str_format(cli->arena, "%.*s has not ended after %lld s; it goes on",
                              STR_ARG(id), (long long)seconds);
            return ERR_IO;
        }
        pause_a_little();
        err = product_ask(product, "GET", path, (struct str){ 0 }, cli->arena, answer, why);
    }
    return err;
}

static int64_t count_of(const struct product_answer *answer, const char *name)
{
    int64_t count = 0;

    (void)json_int(json_get(answer->json, name), &count);
    return count;
}

static enum exit_code tell(struct cli *cli, const struct product_answer *answer)
{
    static const char *const names[] = { "checked", "agreed", "moved", "drifted", "failed",
                                         "skipped" };
    FILE *out = cli->world->out;

    if (cli_has(cli, "json")) {
        fprintf(out, "%.*s\n", STR_ARG(answer->body));
    } else {
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            fprintf(out, "%-8s %lld\n", names[i], (long long)count_of(answer, names[i]));
        if (count_of(answer, "drifted") > 0)
            fprintf(out, "The differences: purser drift list\n");
    }
    if (count_of(answer, "failed") > 0)
        return EXIT_COULD_NOT;
    return count_of(answer, "drifted") > 0 ? EXIT_NO : EXIT_OK;
}

static enum exit_code run(struct cli *cli)
{
    int64_t seconds = WAIT_SECONDS_DEFAULT;
    struct product_answer answer = { 0 };
    struct product *product = NULL;
    struct str why = { 0 };
    bool live = false;

    if (owner_mode(cli, &live, &why) != OK)
        return cli_fail(cli, EXIT_COULD_NOT, "%.*s", STR_ARG(why));
    if (cli_has(cli, "wait") && (!str_to_i64(cli_option(cli, "wait"), &seconds) || seconds < 1 ||
                                 seconds > 86400))
        return cli_fail(cli, EXIT_COULD_NOT, "--wait must be a number of seconds from 1 to 86400");
    enum err err = product_open(cli, owner_merchant(cli), live,
                                KEY_SCOPE_ADMIN | KEY_SCOPE_READ, &product, &why);
    if (err == OK)
        err = product_ask(product, "POST", STR("/v1/reconciliations"), wish_text(cli), cli->arena,
                          &answer, &why);
    if (err == OK)
        err = wait_for_end(cli, product, seconds, &answer, &why);
    product_close(product);
    if (err != OK)
        return cli_fail(cli, EXIT_COULD_NOT, "%.*s", STR_ARG(why));
    return tell(cli, &answer);
}

static const struct option options[] = {
    OWNER_OPTIONS,
    { "once", NULL, false, "As it always does; for scripts that say so." },
    { "gateway", "NAME", false, "Only payments at this gateway." },
    { "since", "TIME", false, "All that were created since; else those that wait for a look." },
    { "dry-run", NULL, false, "Count what would be found, and change nothing." },
    { "wait", "SECONDS", false, "For its end. Default: 600." },
    { "json", NULL, false, "As GET /v1/reconciliations/{id} shows it." },
    PRODUCT_URL_OPTION,
    { 0 },
};

const struct command command_reconcile = {
    .name = "reconcile",
    .operands = "",
    .summary = "hold payments against the gateways' books, once",
    .about = "Asks the running server and waits for the end. Exit code 0: the books agree;\n"
             "1: they differ, or did until a status followed; 2: not all could be checked.\n"
             "It is done by itself as well: see reconcile_enabled and reconcile_minutes.",
    .examples = { "purser reconcile --data ./data --since 2026-03-01T00:00:00Z",
                  "purser reconcile --once --gateway epayment --mode live --dry-run --json" },
    .options = options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run,
};
