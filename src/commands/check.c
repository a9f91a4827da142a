/* check.c - `purser check`: whether gateway accounts are ready, and the installation with them.
 *
 * With a client of its own, so that it works beside a running server and without one; the test
 * message goes to the server, which knows it by the installation key. */
#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "commands/command.h"
#include "commands/doctor_checks.h"
#include "commands/installation.h"
#include "commands/keyring.h"
#include "engine/check.h"
#include "gateways/gateways.h"
#include "store/queries.h"

#define REPORT_MAX ((size_t)4 << 20)

struct checking {
    struct cli *cli;
    struct db *db;
    struct secret installation_key;
    struct credentials_keys keys;
    struct client *client;
    struct gateway_account_list accounts;
    struct buf buf; /* the JSON, printed at the end */
    struct json_out json;
    bool failed, not_run;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
};

static bool as_json(const struct checking *checking)
{
    return cli_has(checking->cli, "json");
}

static void print_finding(struct checking *checking, const char *status, const char *name,
                          struct str detail, struct str advice)
{
    FILE *out = checking->cli->world->out;

    if (as_json(checking)) {
        json_open_object(&checking->json, NULL);
        json_put_text(&checking->json, "name", str_of(name));
        json_put_text(&checking->json, "status", str_of(status));
        json_put_text(&checking->json, "detail", detail);
        json_put_text_or_null(&checking->json, "advice", advice);
        json_close_object(&checking->json);
        return;
    }
    fprintf(out, "  %-8s %-18s  %.*s\n", status, name, STR_ARG(detail));
    if (advice.len > 0)
        fprintf(out, "  %-8s %-18s  -> %.*s\n", "", "", STR_ARG(advice));
}

/* --- the installation --- */

static void check_installation(struct checking *checking)
{
    if (as_json(checking))
        json_open_array(&checking->json, "installation");
    else
        fputs("installation\n", checking->cli->world->out);
    for (const struct doctor_check *check = doctor_checks; check->name != NULL; check++) {
        struct doctor_finding found = { 0 };
        bool found_out = check->look(checking->cli, checking->db, &found);
        const char *status = found_out ? doctor_status_text(found.status)
                                       : check_status_text(CHECK_NOT_RUN);
        checking->not_run = checking->not_run || !found_out;
        checking->failed = checking->failed || (found_out && found.status == DOCTOR_FAILED);
        print_finding(checking, status, check->name, found.detail, found.advice);
    }
    if (as_json(checking))
        json_close_array(&checking->json);
}

/* --- an account --- */

static void check_done(struct desk_check *check)
{
    struct checking *checking = check->user;

    pthread_mutex_lock(&checking->lock);
    checking->done = true;
    pthread_cond_signal(&checking->changed);
    pthread_mutex_unlock(&checking->lock);
}

static void wait_for_it(struct checking *checking)
{
    pthread_mutex_lock(&checking->lock);
    while (!checking->done)
        pthread_cond_wait(&checking->changed, &checking->lock);
    pthread_mutex_unlock(&checking->lock);
}

static void print_account(struct checking *checking, const struct desk_check *check)
{
    const struct gateway_account *account = check->account;
    const struct check_report *report = &check->report;
    FILE *out = checking->cli->world->out;
    char bytes[ID_TEXT_MAX];
    struct buf id;

    if (as_json(checking)) {
        check_render(&checking->json, NULL, account, report,
                     outside_now_ms(checking->cli->world->outside));
        return;
    }
    buf_fixed(&id, bytes, sizeof bytes);
    gateway_account_id_write(&id, account->id);
    fprintf(out, "\n%s  %.*s, %s%s%.*s: %s\n", buf_c(&id), STR_ARG(account->gateway),
            account->live ? "live" : "test", account->description.len > 0 ? ", " : "",
            STR_ARG(account->description), check_verdict_text(check_verdict(report)));
    for (int i = 0; i < CHECK_ITEM_COUNT; i++)
        if (report->applies[i])
            print_finding(checking, check_status_text(report->of[i].status),
                          check_item_text((enum check_item)i), report->of[i].detail,
                          report->of[i].advice);
}

static void check_account_of(struct checking *checking, const struct gateway_account *account)
{
    const struct outside *outside = checking->cli->world->outside;
    const struct gateway *gateway = gateway_named(account->gateway);
    struct desk_check *check = desk_check_new();

    assert(gateway != NULL);
    *check = (struct desk_check){
        .arena = check->arena,
        .gateway = gateway,
        .account = account,
        .public_url = cli_setting(checking->cli, SETTING_PUBLIC_URL),
        .done = check_done,
        .user = checking,
    };
    check->test = check_test_make(&checking->installation_key, account->id,
                                  outside_now_ms(outside), &check->arena);
    check->test_answer = check_test_answer(&checking->installation_key, check->test,
                                           &check->arena);
    if (!str_is_empty(account->credentials) &&
        !credentials_open(&checking->keys, account->id, account->credentials, &check->credentials))
        check->credentials = (struct secret){ 0 };
    checking->done = false;
    check_run(checking->client, outside, check);
    wait_for_it(checking);
    enum check_verdict verdict = check_verdict(&check->report);
    checking->failed = checking->failed || verdict == CHECK_VERDICT_NOT_READY;
    checking->not_run = checking->not_run || verdict == CHECK_VERDICT_UNKNOWN;
    print_account(checking, check);
    desk_check_free(check);
}

/* --- which accounts --- */

LIST_TYPE(id_list, struct id)

struct id_load {
    struct arena *arena;
    struct id_list ids;
};

static enum err take_id(void *self, const struct db_value *values, size_t count)
{
    struct id_load *load = self;
    struct id *id = ARENA_NEW(load->arena, struct id);

    assert(count == 1);
    if (values[0].bytes.len != sizeof *id)
        return ERR_STORE;
    memcpy(id, values[0].bytes.ptr, sizeof *id);
    id_list_add(load->arena, &load->ids, id);
    return OK;
}

/* The one that was named, or all. */
static enum err load_accounts(struct checking *checking, struct str *why)
{
    struct cli *cli = checking->cli;
    struct id_load load = { .arena = cli->arena };
    struct gateway_account_id named;
    enum err err = OK;

    if (cli->operand_count == 0) {
        err = db_query(checking->db, "SELECT id FROM gateway_accounts ORDER BY id", NULL, 0,
                       take_id, &load);
    } else if (gateway_account_id_parse(cli->operands[0], &named)) {
        id_list_add(cli->arena, &load.ids, arena_copy(cli->arena, &named.id, sizeof named.id));
    } else {
        *why = str_format(cli->arena, "%.*s is no id of a gateway account, like ga_01h...",
                          STR_ARG(cli->operands[0]));
        return ERR_VALIDATION;
    }
    for (size_t i = 0; err == OK && i < load.ids.count; i++) {
        struct gateway_account *account = NULL;
        err = query_gateway_account_by_id(checking->db,
                                          (struct gateway_account_id){ *load.ids.items[i] },
                                          cli->arena, &account);
        if (err == OK)
            gateway_account_list_add(cli->arena, &checking->accounts, account);
    }
    *why = err == ERR_NOT_FOUND ? STR("there is no gateway account of this id in these books")
                                : str_copy(cli->arena, db_error(checking->db));
    return err;
}

/* --- all together --- */

static bool has_credentials(const struct checking *checking)
{
    for (size_t i = 0; i < checking->accounts.count; i++)
        if (!str_is_empty(checking->accounts.items[i]->credentials))
            return true;
    return false;
}

/* The keys are not needed where nothing is sealed, and need not be there then. */
static enum err open_all(struct checking *checking, struct arena *arena, struct str *why)
{
    struct cli *cli = checking->cli;
    const struct settings *settings = &cli->settings;
    const struct outside *outside = cli->world->outside;
    struct client_config client = CLIENT_CONFIG_DEFAULT(outside);
    enum installation_key_origin origin;

    client.ca_file = cli_setting(cli, SETTING_GATEWAY_CA_FILE);
    client.proxy = cli_setting(cli, SETTING_GATEWAY_PROXY);
    enum err err = installation_open_reader(settings, outside, arena, &checking->db, why);
    if (err == OK)
        err = installation_key(settings, outside, false, arena, &checking->installation_key,
                               &origin, why);
    if (err == OK)
        err = load_accounts(checking, why);
    if (err == OK && has_credentials(checking))
        err = keyring_read(settings, arena, &checking->keys, why);
    if (err == OK)
        err = client_open(&client, arena, &checking->client, why);
    return err;
}

static void close_all(struct checking *checking)
{
    if (checking->client)
        client_stop(checking->client);
    client_close(checking->client);
    credentials_keys_done(&checking->keys);
    secret_done(&checking->installation_key);
    db_close(checking->db);
    pthread_cond_destroy(&checking->changed);
    pthread_mutex_destroy(&checking->lock);
}

static enum exit_code code_of(const struct checking *checking)
{
    if (checking->failed)
        return EXIT_NO;
    return checking->not_run ? EXIT_COULD_NOT : EXIT_OK;
}

static void check_everything(struct checking *checking)
{
    struct json_out *json = &checking->json;

    buf_init(&checking->buf, checking->cli->arena, REPORT_MAX);
    json_begin(json, &checking->buf);
    json_open_object(json, NULL);
    check_installation(checking);
    json_open_array(json, "gateway_accounts");
    for (size_t i = 0; i < checking->accounts.count; i++)
        check_account_of(checking, checking->accounts.items[i]);
    json_close_array(json);
    enum check_verdict verdict = checking->failed    ? CHECK_VERDICT_NOT_READY
                                 : checking->not_run ? CHECK_VERDICT_UNKNOWN
                                                     : CHECK_VERDICT_READY;
    json_put_text(json, "status", str_of(check_verdict_text(verdict)));
    json_close_object(json);
    json_done(json);
    if (as_json(checking) && buf_ok(&checking->buf))
        fprintf(checking->cli->world->out, "%s\n", buf_c(&checking->buf));
    else if (!as_json(checking))
        fprintf(checking->cli->world->out, "\n%s\n", check_verdict_text(verdict));
}

static enum exit_code run_check(struct cli *cli)
{
    struct checking checking = { .cli = cli };
    struct str why = { 0 };

    pthread_mutex_init(&checking.lock, NULL);
    pthread_cond_init(&checking.changed, NULL);
    enum err err = open_all(&checking, cli->arena, &why);
    if (err == OK)
        check_everything(&checking);
    enum exit_code code = err == OK ? code_of(&checking) : EXIT_COULD_NOT;
    close_all(&checking);
    return err == OK ? code : cli_fail(cli, code, "%.*s", STR_ARG(why));
}

static const struct option options[] = {
    { "json", NULL, false, "Print {\"installation\": [...], \"gateway_accounts\": [...]}." },
    { 0 },
};

const struct command command_check = {
    .name = "check",
    .operands = "[GATEWAY_ACCOUNT]",
    .operands_max = 1,
    .summary = "find out whether gateway accounts are ready to take money",
    .about =
        "Looks at the installation as doctor does, then makes harmless calls for each account, or\n"
        "for the one named: the login, a question after a payment that nobody made, and a test\n"
        "message to purser's own notification address, for which the server must run. Says what\n"
        "to do about each failure. Exit code 0 when nothing is wrong, 1 when something is, 2 when\n"
        "something could not be found out; what was not found out is never called ok.",
    .examples = { "purser check --data ./data --public-url https://pay.example.com",
                  "purser check ga_01m4zsvm5qfz0trw8k0n1v7d3p --json" },
    .options = options,
    .settings = SETTING_GROUP_SERVE,
    .run = run_check,
};
