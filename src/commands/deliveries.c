/* deliveries.c - `purser deliveries list|show|redeliver`: what was sent to whom, and again.
 *
 * What is shown is read from the books, beside a running server or without one. Sending again
 * is asked of the server, which then does it at once. */
#include <assert.h>

#include "base/time.h"
#include "commands/installation.h"
#include "commands/owner.h"
#include "commands/product.h"
#include "core/keys.h"
#include "core/webhook_rules.h"
#include "store/queries.h"
#include "store/query_webhooks.h"

#define LIMIT_DEFAULT 20
#define LIMIT_MAX 10000
#define JSON_MAX ((size_t)1 << 20)

static bool read_filter(struct cli *cli, struct webhook_delivery_filter *out, int64_t *limit,
                        struct str *why)
{
    struct str status = cli_option(cli, "status");

    *out = (struct webhook_delivery_filter){ .status = status, .type = cli_option(cli, "type") };
    *limit = LIMIT_DEFAULT;
    *why = STR("--endpoint must be the id of an endpoint (we_...)");
    if (cli_has(cli, "endpoint") &&
        !webhook_endpoint_id_parse(cli_option(cli, "endpoint"), &out->endpoint))
        return false;
    *why = STR("--status must be pending, delivered, dead or cancelled");
    if (cli_has(cli, "status") && word_of(&words_delivery_status, status) == 0)
        return false;
    *why = STR("--since must be a time as 2026-03-01T12:00:00Z");
    if (cli_has(cli, "since") && time_parse(cli_option(cli, "since"), &out->created_from_ms) != OK)
        return false;
    *why = str_format(cli->arena, "--limit must be a number from 1 to %d", LIMIT_MAX);
    return !cli_has(cli, "limit") ||
           (str_to_i64(cli_option(cli, "limit"), limit) && *limit >= 1 && *limit <= LIMIT_MAX);
}

static void print_json(struct cli *cli, const struct webhook_delivery *delivery,
                       const struct webhook_attempt_list *attempts)
{
    struct arena arena = { 0 };
    struct json_out json;
    struct buf text;

    buf_init(&text, &arena, JSON_MAX);
    json_begin(&json, &text);
    webhook_delivery_render(&json, NULL, delivery, attempts);
    json_done(&json);
    assert(buf_ok(&text));
    fprintf(cli->world->out, "%.*s\n", STR_ARG(buf_str(&text)));
    arena_done(&arena);
}

static void print_line(struct cli *cli, const struct webhook_delivery *delivery)
{
    char bytes[32 + 2 * ID_TEXT_MAX];
    struct buf line;

    buf_fixed(&line, bytes, sizeof bytes);
    time_write(&line, delivery->created_ms);
    buf_add_char(&line, ' ');
    webhook_delivery_id_write(&line, delivery->id);
    buf_add_char(&line, ' ');
    webhook_endpoint_id_write(&line, delivery->endpoint);
    fprintf(cli->world->out, "%s %-9s %2lld %-24.*s %.*s\n", buf_c(&line),
            word_text(&words_delivery_status, delivery->status), (long long)delivery->attempts,
            STR_ARG(delivery->type), STR_ARG(delivery->failure));
}

static enum err list(struct cli *cli, struct db *db, struct str *why)
{
    struct webhook_delivery_list found = { 0 };
    struct webhook_delivery_filter filter;
    struct query_page page = { .limit = 0 };
    struct query_scope scope;

    if (!read_filter(cli, &filter, &page.limit, why))
        return ERR_VALIDATION;
    *why = (struct str){ 0 };
    enum err err = owner_scope(cli, db, &scope, why);
    if (err != OK)
        return err;
    err = query_webhook_deliveries(db, scope, &filter, page, cli->arena, &found);
    if (err != OK)
        *why = str_copy(cli->arena, db_error(db));
    for (size_t i = 0; i < found.count; i++) {
        if (cli_has(cli, "json"))
            print_json(cli, found.items[i], NULL);
        else
            print_line(cli, found.items[i]);
    }
    return err;
}

static void print_attempt(struct cli *cli, const struct webhook_attempt *attempt)
{
    FILE *out = cli->world->out;
    char bytes[64];
    struct buf time;

    buf_fixed(&time, bytes, sizeof bytes);
    time_write(&time, attempt->started_ms);
    fprintf(out, "%4lld  %s  %-12.*s %3lld  %.*s\n", (long long)attempt->number, buf_c(&time),
            STR_ARG(attempt->outcome), (long long)attempt->http_status, STR_ARG(attempt->failure));
    fprintf(out, "      %.*s  dns %lld us, connect %lld us, tls %lld us, first byte %lld us, all "
                 "%lld us\n",
            STR_ARG(attempt->peer), (long long)attempt->dns_us, (long long)attempt->connect_us,
            (long long)attempt->tls_us, (long long)attempt->first_byte_us,
            (long long)attempt->total_us);
    if (attempt->next_ms == 0)
        return;
    buf_clear(&time);
    time_write(&time, attempt->next_ms);
    fprintf(out, "      next try %s\n", buf_c(&time));
}

/* The operand's delivery, whosever it is. */
static enum err find(struct cli *cli, struct db *db, struct webhook_delivery **out,
                     struct str *why)
{
    struct webhook_delivery_id id;

    if (!webhook_delivery_id_parse(cli->operands[0], &id)) {
        *why = str_format(cli->arena, "\"%.*s\" is no id of a delivery (whd_...)",
                          STR_ARG(cli->operands[0]));
        return ERR_VALIDATION;
    }
    enum err err = query_webhook_delivery_by_id(db, id, cli->arena, out);
    *why = err == ERR_NOT_FOUND ? str_format(cli->arena, "there is no delivery %.*s",
                                             STR_ARG(cli->operands[0]))
           : err != OK          ? str_copy(cli->arena, db_error(db))
                                : (struct str){ 0 };
    return err;
}

static enum err show(struct cli *cli, struct db *db, struct str *why)
{
    struct webhook_attempt_list attempts = { 0 };
    struct webhook_delivery *delivery;

    enum err err = find(cli, db, &delivery, why);
    if (err != OK)
        return err;
    err = query_webhook_attempts(db, delivery->id, cli->arena, &attempts);
    if (err != OK) {
        *why = str_copy(cli->arena, db_error(db));
    } else if (cli_has(cli, "json")) {
        print_json(cli, delivery, &attempts);
    } else {
        print_line(cli, delivery);
        for (size_t i = 0; i < attempts.count; i++)
            print_attempt(cli, attempts.items[i]);
    }
    return err;
}

static enum exit_code run_list(struct cli *cli)
{
    return owner_show(cli, list);
}

static enum exit_code run_show(struct cli *cli)
{
    return owner_show(cli, show);
}

/* Whose key may act on what the operand, or an option, names. */
struct owner {
    struct merchant_id merchant;
    bool live;
};

typedef enum err find_owner_f(struct cli *cli, struct db *db, struct owner *out, struct str *why);

static enum err owner_of_delivery(struct cli *cli, struct db *db, struct owner *out,
                                  struct str *why)
{
    struct webhook_delivery *delivery = NULL;

    enum err err = find(cli, db, &delivery, why);
    if (err == OK)
        *out = (struct owner){ delivery->merchant, delivery->live };
    return err;
}

static enum err owner_of_endpoint(struct cli *cli, struct db *db, struct owner *out,
                                  struct str *why)
{
    struct webhook_endpoint *endpoint = NULL;
    struct webhook_key *key = NULL;
    struct webhook_endpoint_id id;

    *why = STR("--endpoint must be the id of an endpoint (we_...)");
    if (!webhook_endpoint_id_parse(cli_option(cli, "endpoint"), &id))
        return ERR_VALIDATION;
    enum err err = query_webhook_target(db, id, cli->arena, &endpoint, &key);
    *why = err == OK ? STR("there is no such endpoint") : str_copy(cli->arena, db_error(db));
    if (err != OK || endpoint == NULL)
        return err != OK ? err : ERR_NOT_FOUND;
    *out = (struct owner){ endpoint->merchant, endpoint->live };
    return OK;
}

static enum err owner_of_replay(struct cli *cli, struct db *db, struct owner *out,
                                struct str *why)
{
    struct webhook_replay *replay = NULL;
    struct webhook_replay_id id;

    *why = STR("the operand must be the id of a replay (whr_...)");
    if (!webhook_replay_id_parse(cli->operands[0], &id))
        return ERR_VALIDATION;
    enum err err = query_webhook_replay_by_id(db, id, cli->arena, &replay);
    *why = err == ERR_NOT_FOUND ? STR("there is no such replay")
                                : str_copy(cli->arena, db_error(db));
    if (err == OK)
        *out = (struct owner){ replay->merchant, replay->live };
    return err;
}

static enum err open_as_owner(struct cli *cli, find_owner_f *find_owner, struct product **out,
                              struct str *why)
{
    struct merchant *merchant = NULL;
    struct owner owner = { 0 };
    struct db *db = NULL;

    if (product_has_key(cli))
        return product_open(cli, (struct str){ 0 }, false, KEY_SCOPE_WRITE, out, why);
    enum err err = installation_open_reader(&cli->settings, cli->world->outside, cli->arena, &db,
                                            why);
    if (err == OK)
        err = find_owner(cli, db, &owner, why);
    if (err == OK)
        err = installation_merchant_by_id(db, owner.merchant, cli->arena, &merchant, why);
    db_close(db);
    if (err == OK)
        err = product_open(cli, merchant->name, owner.live, KEY_SCOPE_WRITE, out, why);
    return err;
}

/* Asks the server and prints the object that it answers with, or `sentence` about the operand. */
static enum exit_code ask(struct cli *cli, find_owner_f *find_owner, struct str path,
                          struct str body, const char *sentence)
{
    struct product_answer answer;
    struct product *product = NULL;
    struct str why = { 0 };

    enum err err = open_as_owner(cli, find_owner, &product, &why);
    if (err == OK)
        err = product_ask(product, "POST", path, body, cli->arena, &answer, &why);
    product_close(product);
    if (err != OK)
        return owner_end(cli, err, why);
    if (sentence)
        fprintf(cli->world->out, "%.*s %s\n", STR_ARG(cli->operands[0]), sentence);
    else
        fprintf(cli->world->out, "%.*s\n", STR_ARG(answer.body));
    return EXIT_OK;
}

static enum exit_code run_redeliver(struct cli *cli)
{
    return ask(cli, owner_of_delivery,
               str_format(cli->arena, "/v1/webhook_deliveries/%.*s/redeliver",
                          STR_ARG(cli->operands[0])),
               STR("{}"), "is sent again");
}

static void put_option(struct cli *cli, struct json_out *json, const char *name, const char *option)
{
    if (cli_has(cli, option))
        json_put_text(json, name, cli_option(cli, option));
}

/* What the options say goes to the server as it is, which refuses what it does not take. */
static enum exit_code run_replay(struct cli *cli)
{
    int64_t per_minute = 0;
    struct json_out json;
    struct buf body;

    if (cli_has(cli, "per-minute") && !str_to_i64(cli_option(cli, "per-minute"), &per_minute))
        return cli_fail(cli, EXIT_COULD_NOT, "--per-minute must be a number");
    buf_init(&body, cli->arena, 4096);
    json_begin(&json, &body);
    json_open_object(&json, NULL);
    put_option(cli, &json, "webhook_endpoint", "endpoint");
    put_option(cli, &json, "delivery_status", "status");
    put_option(cli, &json, "type", "type");
    put_option(cli, &json, "created_from", "since");
    put_option(cli, &json, "created_to", "until");
    if (cli_has(cli, "per-minute"))
        json_put_int(&json, "per_minute", per_minute);
    json_close_object(&json);
    json_done(&json);
    if (!buf_ok(&body))
        return cli_fail(cli, EXIT_COULD_NOT, "the options are too long");
    return ask(cli, owner_of_endpoint, STR("/v1/webhook_replays"), buf_str(&body), NULL);
}

static enum exit_code act_on_replay(struct cli *cli, const char *act)
{
    return ask(cli, owner_of_replay,
               str_format(cli->arena, "/v1/webhook_replays/%.*s/%s", STR_ARG(cli->operands[0]),
                          act),
               STR("{}"), NULL);
}

static enum exit_code run_pause(struct cli *cli)
{
    return act_on_replay(cli, "pause");
}

static enum exit_code run_resume(struct cli *cli)
{
    return act_on_replay(cli, "resume");
}

static const struct option list_options[] = {
    OWNER_OPTIONS,
    { "endpoint", "ID", false, "Only those to this endpoint." },
    { "status", "STATUS", false, "Only pending, delivered, dead or cancelled ones." },
    { "type", "TYPE", false, "Only of this type of event." },
    { "since", "TIME", false, "Only those made at this time or later." },
    { "limit", "N", false, "How many, the newest first. Default: 20." },
    { "json", NULL, false, "One a line, as GET /v1/webhook_deliveries shows it." },
    { 0 },
};

const struct command command_deliveries_list = {
    .name = "deliveries list",
    .operands = "",
    .summary = "show what was sent to webhook endpoints",
    .about = "A line has the time, the delivery, its endpoint, its state, how often it was tried,\n"
             "the type of the event, and why the last try failed.",
    .examples = { "purser deliveries list --data ./data --status dead",
                  "purser deliveries list --data ./data --mode live --limit 1000 --json" },
    .options = list_options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_list,
};

static const struct option show_options[] = {
    { "json", NULL, false, "As GET /v1/webhook_deliveries/{id} shows it." },
    { 0 },
};

const struct command command_deliveries_show = {
    .name = "deliveries show",
    .operands = "ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "show a delivery and each try of it",
    .about = "Each try has its time, how it ended, the address, and how long each phase took.",
    .examples = { "purser deliveries show --data ./data whd_01h455vb4pex5vsknk084sn02q",
                  "purser deliveries show whd_01h455vb4pex5vsknk084sn02q --json" },
    .options = show_options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_show,
};

static const struct option redeliver_options[] = { PRODUCT_URL_OPTION, { 0 } };

const struct command command_deliveries_redeliver = {
    .name = "deliveries redeliver",
    .operands = "ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "send a delivery again",
    .about = "Asks the running server; the receiver gets the same webhook-id and the same body.\n"
             "The key is that of " PRODUCT_KEY_VARIABLE ", or one made for it and revoked after.",
    .examples = { "purser deliveries redeliver --data ./data whd_01h455vb4pex5vsknk084sn02q",
                  "purser deliveries redeliver --url http://10.0.0.2:8080 "
                  "whd_01h455vb4pex5vsknk084sn02q" },
    .options = redeliver_options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_redeliver,
};

static const struct option replay_options[] = {
    PRODUCT_URL_OPTION,
    { "endpoint", "ID", true, "Whose deliveries." },
    { "status", "STATUS", false, "Only delivered, dead or cancelled ones." },
    { "type", "TYPE", false, "Only of this type of event." },
    { "since", "TIME", false, "Only those made at this time or later." },
    { "until", "TIME", false, "Only those made before. Default: now." },
    { "per-minute", "N", false, "How many a minute. Default: 600." },
    { 0 },
};

const struct command command_deliveries_replay = {
    .name = "deliveries replay",
    .operands = "",
    .summary = "send many deliveries of an endpoint again, at a rate",
    .about = "Begins a replay in the running server and prints it; the server goes on by itself,\n"
             "also after a restart. What is pending is left alone.",
    .examples = { "purser deliveries replay --endpoint we_01h455vb4pex5vsknk084sn02q --status dead",
                  "purser deliveries replay --endpoint we_01h455vb4pex5vsknk084sn02q --since "
                  "2026-03-01T12:00:00Z --per-minute 60" },
    .options = replay_options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_replay,
};

#define REPLAY_COMMAND(word, what)                                                                 \
    const struct command command_deliveries_##word = {                                             \
        .name = "deliveries " #word,                                                               \
        .operands = "ID",                                                                          \
        .operands_min = 1,                                                                         \
        .operands_max = 1,                                                                         \
        .summary = what,                                                                           \
        .about = "Asks the running server, and prints the replay.",                                \
        .examples = { "purser deliveries " #word " whr_01h455vb4pex5vsknk084sn02q",                \
                      "purser deliveries " #word " --url http://10.0.0.2:8080 "                    \
                      "whr_01h455vb4pex5vsknk084sn02q" },                                          \
        .options = redeliver_options,                                                              \
        .settings = SETTING_GROUP_BOOKS,                                                           \
        .run = run_##word,                                                                         \
    }
REPLAY_COMMAND(pause, "stop a replay where it is");
REPLAY_COMMAND(resume, "go on with a replay");
