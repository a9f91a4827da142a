/* reconcile.c - `purser reconcile`: payments are held against the gateways' books now, by the
 * running server; waits for the end and says what came of it. */

#include "base/time.h"
#include "commands/owner.h"
#include "commands/product_wait.h"
#include "core/keys.h"

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

static struct str path_of(struct cli *cli, const struct product_answer *begun)
{
    return str_format(cli->arena, "/v1/reconciliations/%.*s",
                      STR_ARG(json_text(json_get(begun->json, "id"))));
}

static bool has_ended(const struct product_answer *answer)
{
    return str_equal_c(json_text(json_get(answer->json, "status")), "ended");
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
    struct product_answer answer = { 0 };
    struct str why = { 0 };
    bool live = false;

    if (owner_mode(cli, &live, &why) != OK)
        return cli_fail(cli, EXIT_COULD_NOT, "%.*s", STR_ARG(why));
    const struct product_work work = {
        .begin = STR("/v1/reconciliations"),
        .body = wish_text(cli),
        .path = path_of,
        .has_ended = has_ended,
    };
    enum err err = product_run(cli, owner_merchant(cli), live, KEY_SCOPE_ADMIN | KEY_SCOPE_READ,
                               &work, &answer, &why);
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
    PRODUCT_WAIT_OPTION,
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
