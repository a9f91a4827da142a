/* findings.c - `purser drift`, `purser tasks` and `purser audit`: what was found, who decides it,
 * and whether the log of decisions is whole.
 *
 * What is shown is read from the books; a decision is asked of the running server. */
#include <assert.h>
#include <string.h>

#include "base/time.h"
#include "commands/owner.h"
#include "commands/product.h"
#include "core/audit.h"
#include "core/keys.h"
#include "core/render.h"
#include "store/query_findings.h"

#define LIMIT 100
#define TEXT_MAX 256
#define JSON_MAX ((size_t)1 << 20)

/* Open ones, unless all are asked for. */
static struct finding_filter filter_of(const struct cli *cli)
{
    return (struct finding_filter){ .status = cli_has(cli, "all") ? STR("") : STR("open") };
}

static void print_drift(struct cli *cli, const struct drift *drift)
{
    char bytes[64 + 3 * ID_TEXT_MAX + TEXT_MAX];
    struct buf line;

    buf_fixed(&line, bytes, sizeof bytes);
    time_write(&line, drift->seen_ms);
    buf_add_char(&line, ' ');
    drift_id_write(&line, drift->id);
    buf_add_char(&line, ' ');
    /* What is not in the books has the gateway's name alone. */
    if (payment_id_is_zero(drift->payment))
        buf_add(&line, drift->reference);
    else
        payment_id_write(&line, drift->payment);
    fprintf(cli->world->out, "%s %-8s %-18s ours %.*s %lld, theirs %.*s %lld %s, seen %lld times\n",
            buf_c(&line), drift_severity(drift->kind), word_text(&words_drift_kind, drift->kind),
            STR_ARG(drift->our_status), (long long)drift->our_minor,
            STR_ARG(drift->gateway_status), (long long)drift->gateway_minor,
            currency_code(drift->currency), (long long)drift->times);
}

static enum err list_drift(struct cli *cli, struct db *db, struct str *why)
{
    struct query_page page = { .limit = LIMIT };
    struct drift_list found = { 0 };
    struct query_scope scope;

    enum err err = owner_scope(cli, db, &scope, why);
    if (err == OK)
        err = query_drifts(db, scope, filter_of(cli), page, cli->arena, &found);
    for (size_t i = 0; err == OK && i < found.count; i++) {
        if (cli_has(cli, "json"))
            fprintf(cli->world->out, "%.*s\n",
                    STR_ARG(render_drift_text(cli->arena, found.items[i])));
        else
            print_drift(cli, found.items[i]);
    }
    return err;
}

static void print_task(struct cli *cli, const struct task *task)
{
    char bytes[64 + 3 * ID_TEXT_MAX];
    const char *between = "";
    struct buf line;

    buf_fixed(&line, bytes, sizeof bytes);
    time_write(&line, task->created_ms);
    buf_add_char(&line, ' ');
    task_id_write(&line, task->id);
    buf_add_char(&line, ' ');
    payment_id_write(&line, task->payment);
    fprintf(cli->world->out, "%s %s: %.*s (", buf_c(&line), word_text(&words_task_kind, task->kind),
            STR_ARG(task->detail));
    for (unsigned i = 1; i < TASK_DO_COUNT; i++) {
        if (!task_allows(task->kind, (enum task_action)i))
            continue;
        fprintf(cli->world->out, "%s%s", between, word_text(&words_task_action, i));
        between = ", ";
    }
    fprintf(cli->world->out, ")\n");
}

static enum err list_tasks(struct cli *cli, struct db *db, struct str *why)
{
    struct query_page page = { .limit = LIMIT };
    struct task_list found = { 0 };
    struct query_scope scope;

    enum err err = owner_scope(cli, db, &scope, why);
    if (err == OK)
        err = query_tasks(db, scope, filter_of(cli), page, cli->arena, &found);
    for (size_t i = 0; err == OK && i < found.count; i++) {
        if (cli_has(cli, "json"))
            fprintf(cli->world->out, "%.*s\n",
                    STR_ARG(render_task_text(cli->arena, found.items[i])));
        else
            print_task(cli, found.items[i]);
    }
    return err;
}

/* One entry after the other, each over the one before. */
static enum err verify(struct cli *cli, struct db *db, struct str *why)
{
    struct sha256 previous = { { 0 } };
    struct arena arena = { 0 };
    int64_t number = 0;
    enum err err = OK;
    bool more = true;

    while (err == OK && more) {
        struct audit_entry_list entries = { 0 };
        arena_reset(&arena);
        err = query_audit_chain(db, number, LIMIT, &arena, &entries);
        for (size_t i = 0; err == OK && i < entries.count; i++) {
            const struct audit_entry *entry = entries.items[i];
            struct sha256 hash = audit_hash(entry);
            if (entry->number != number + 1 ||
                memcmp(entry->previous.bytes, previous.bytes, SHA256_SIZE) != 0 ||
                memcmp(entry->hash.bytes, hash.bytes, SHA256_SIZE) != 0) {
                *why = str_format(cli->arena,
                                  "the chain breaks at entry %lld: it, or one before it, was "
                                  "changed, left out or put in", (long long)entry->number);
                err = ERR_NOT_FOUND;
            }
            previous = entry->hash;
            number = entry->number;
        }
        more = entries.count == LIMIT;
    }
    arena_done(&arena);
    if (err == OK) {
        char bytes[2 * SHA256_SIZE + 1];
        struct buf hex;
        buf_fixed(&hex, bytes, sizeof bytes);
        buf_add_hex(&hex, previous.bytes, SHA256_SIZE);
        fprintf(cli->world->out, "%lld entries hold; the last one's hash is %s\n",
                (long long)number, buf_c(&hex));
    }
    return err;
}

/* Decisions. */

static struct str decision_text(struct cli *cli, const char *name)
{
    struct json_out json;
    struct buf text;

    buf_init(&text, cli->arena, 8192);
    json_begin(&json, &text);
    json_open_object(&json, NULL);
    json_put_text(&json, name, cli->operands[1]);
    json_put_text(&json, "note", cli_option(cli, "note"));
    json_close_object(&json);
    json_done(&json);
    assert(buf_ok(&text));
    return buf_str(&text);
}

static enum exit_code resolve(struct cli *cli, const char *resource, const char *member)
{
    struct product_answer answer;
    struct product *product = NULL;
    struct str why = { 0 };
    bool live = false;

    if (owner_mode(cli, &live, &why) != OK)
        return cli_fail(cli, EXIT_COULD_NOT, "%.*s", STR_ARG(why));
    enum err err = product_open(cli, owner_merchant(cli), live, KEY_SCOPE_ADMIN, &product, &why);
    if (err == OK)
        err = product_ask(product, "POST",
                          str_format(cli->arena, "/v1/%s/%.*s/resolve", resource,
                                     STR_ARG(cli->operands[0])),
                          decision_text(cli, member), cli->arena, &answer, &why);
    product_close(product);
    if (err == OK)
        fprintf(cli->world->out, "%.*s\n", STR_ARG(answer.body));
    return err == ERR_VALIDATION ? cli_fail(cli, EXIT_NO, "%.*s", STR_ARG(why))
                                 : owner_end(cli, err, why);
}

static enum exit_code run_drift_list(struct cli *cli) { return owner_show(cli, list_drift); }
static enum exit_code run_tasks_list(struct cli *cli) { return owner_show(cli, list_tasks); }
static enum exit_code run_audit_verify(struct cli *cli) { return owner_show(cli, verify); }
static enum exit_code run_drift_resolve(struct cli *cli)
{
    return resolve(cli, "drift", "resolution");
}
static enum exit_code run_tasks_resolve(struct cli *cli) { return resolve(cli, "tasks", "action"); }

static const struct option list_options[] = {
    OWNER_OPTIONS,
    { "all", NULL, false, "Those that are closed, too." },
    { "json", NULL, false, "One a line, as the API shows it." },
    { 0 },
};

static const struct option resolve_options[] = {
    OWNER_OPTIONS,
    { "note", "TEXT", true, "The evidence, for the audit log." },
    PRODUCT_URL_OPTION,
    { 0 },
};

const struct command command_drift_list = {
    .name = "drift list",
    .operands = "",
    .summary = "show open differences with the gateways' books",
    .about = "A line has when it was last seen, the difference, its payment or the gateway's\n"
             "reference, what it is, and both sides. The newest 100.",
    .examples = { "purser drift list --data ./data",
                  "purser drift list --mode live --all --json" },
    .options = list_options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_drift_list,
};

const struct command command_drift_resolve = {
    .name = "drift resolve",
    .operands = "ID accepted|settled",
    .operands_min = 2,
    .operands_max = 2,
    .summary = "say how a difference ended",
    .about = "accepted: known, and the books stay as they are; settled: somebody put it right.\n"
             "Asks the running server, which keeps the decision in the audit log.",
    .examples = { "purser drift resolve drf_01h455vb4pex5vsknk084sn02q settled --note refunded",
                  "purser drift resolve drf_01h455vb4pex5vsknk084sn02q accepted --note fee" },
    .options = resolve_options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_drift_resolve,
};

const struct command command_tasks_list = {
    .name = "tasks list",
    .operands = "",
    .summary = "show what a person must decide",
    .about = "A line has its time, the task, its payment, what it is about and what can be done.",
    .examples = { "purser tasks list --data ./data", "purser tasks list --mode live --json" },
    .options = list_options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_tasks_list,
};

const struct command command_tasks_resolve = {
    .name = "tasks resolve",
    .operands = "ID ACTION",
    .operands_min = 2,
    .operands_max = 2,
    .summary = "decide a task",
    .about = "ACTION is one of those that purser tasks list shows for it. Asks the running\n"
             "server, which does it and keeps the decision in the audit log.",
    .examples = { "purser tasks resolve tsk_01h455vb4pex5vsknk084sn02q ask --note called",
                  "purser tasks resolve tsk_01h455vb4pex5vsknk084sn02q did_it --note case-12" },
    .options = resolve_options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_tasks_resolve,
};

const struct command command_audit_verify = {
    .name = "audit verify",
    .operands = "",
    .summary = "check that the log of decisions is whole",
    .about = "Each entry is sealed over the one before it: one that was changed, left out or put\n"
             "in is found. A tail that was cut off is not, unless you kept its number and hash.",
    .examples = { "purser audit verify --data ./data", "purser audit verify" },
    .settings = SETTING_GROUP_BOOKS,
    .run = run_audit_verify,
};
