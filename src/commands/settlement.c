/* settlement.c - `purser settlement import|list|show|mapping`: gateways' settlement files, held
 * against the books.
 *
 * A file is read twice: first whole, so that nothing of a file with a mistake gets in, then group
 * by group into the books, by a connection of its own beside a running server. */
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "commands/file.h"
#include "commands/installation.h"
#include "commands/owner.h"
#include "commands/settlement_file.h"
#include "core/account.h"
#include "core/render.h"
#include "gateways/gateways.h"
#include "sandbox/ledger.h"
#include "sandbox/settlement.h"
#include "store/settlements.h"

#define MAPPING_MAX ((size_t)64 << 10)
#define MISTAKES_MAX 20
#define LIST_ROWS 100
#define SHOW_PAGE 500

/* All mistakes of the rows, as far as one wants to read them; ends with ERR_VALIDATION. */
static enum err check(struct source *source, struct sha256 *content, struct str *why)
{
    enum err err = source_open(source, "checking", why);
    int mistakes = 0;
    while (!err && mistakes < MISTAKES_MAX) {
        struct settlement_line line;
        arena_reset(&source->arena);
        if (source_next(source, &line, &err, why))
            continue;
        if (err == OK || source_is_broken(source))
            break;
        fprintf(source->cli->world->err, "%.*s\n", STR_ARG(*why));
        mistakes++;
        err = OK;
    }
    if (!err && mistakes > 0) {
        *why = str_format(source->cli->arena, "%d mistake%s%s; nothing was imported", mistakes,
                          mistakes > 1 ? "s" : "", mistakes == MISTAKES_MAX ? " or more" : "");
        err = ERR_VALIDATION;
    }
    if (!err && source->rows == 0) {
        *why = STR("there are no rows below the header");
        err = ERR_VALIDATION;
    }
    *content = source_close(source);
    return err;
}

/* A server that writes the same file of books gets its turn between two groups. */
static void give_way(const struct cli *cli, int64_t began_us)
{
    int64_t took_us = outside_monotonic_us(cli->world->outside) - began_us;
    const struct timespec time = { .tv_nsec = (took_us > 20000 ? 20000 : took_us) * 1000 };
    nanosleep(&time, NULL);
}

static void copy_line(struct arena *arena, struct settlement_line_list *lines,
                      const struct settlement_line *line)
{
    struct settlement_line *copy = arena_copy(arena, line, sizeof(*line));
    copy->gateway_reference = str_copy(arena, line->gateway_reference);
    copy->reference = str_copy(arena, line->reference);
    copy->refund_reference = str_copy(arena, line->refund_reference);
    copy->payout = str_copy(arena, line->payout);
    settlement_line_list_add(arena, lines, copy);
}

/* The next group, behind what is in already. */
static enum err read_group(struct source *source, int64_t after,
                           struct settlement_line_list *lines, bool *more, struct str *why)
{
    enum err err = OK;
    *lines = (struct settlement_line_list){ 0 };
    *more = true;
    while (*more && lines->count < SETTLEMENT_GROUP_ROWS) {
        struct settlement_line line;
        *more = source_next(source, &line, &err, why);
        if (*more && line.number > after)
            copy_line(&source->arena, lines, &line);
    }
    return err;
}

static enum err add_all(struct source *source, struct settlement_import *import, struct str *why)
{
    struct settlement_line_list lines;
    int64_t after = import->row->last_row;
    enum err err = source_open(source, "importing", why);
    bool more = true;
    while (!err && more) {
        arena_reset(&source->arena);
        err = read_group(source, after, &lines, &more, why);
        int64_t began_us = outside_monotonic_us(source->cli->world->outside);
        if (err || lines.count == 0)
            continue;
        err = settlement_add(import, &lines);
        if (err)
            *why = str_copy(source->cli->arena, db_error(import->db));
        give_way(source->cli, began_us);
    }
    struct sha256 content = source_close(source);
    if (!err && memcmp(content.bytes, import->row->content.bytes, SHA256_SIZE) != 0) {
        *why = STR("the file changed while it was read; import it again as it was");
        err = ERR_IO;
    }
    return err;
}

/* Whose file it is, and how it looks. */

static enum err find_account(struct cli *cli, struct db *db, struct query_scope scope,
                             struct gateway_account **out, struct str *why)
{
    struct gateway_account_list all = { 0 };
    struct gateway_account_id id;
    if (cli_has(cli, "gateway-account")) {
        if (!gateway_account_id_parse(cli_option(cli, "gateway-account"), &id)) {
            *why = STR("--gateway-account wants an id (ga_...); see GET /v1/gateway_accounts");
            return ERR_VALIDATION;
        }
        enum err err = query_gateway_account(db, scope, id, cli->arena, out);
        if (err == ERR_NOT_FOUND)
            *why = STR("the merchant has no such gateway account in this mode");
        return err;
    }
    enum err err = query_gateway_accounts(db, scope, (struct query_page){ .limit = LIST_ROWS },
                                          cli->arena, &all);
    for (size_t i = 0; !err && i < all.count; i++)
        if (all.items[i]->is_default || all.count == 1)
            *out = all.items[i];
    if (!err && *out == NULL) {
        *why = STR("name the account with --gateway-account: none is the default");
        err = ERR_NOT_FOUND;
    }
    return err;
}

static enum err find_mapping(struct cli *cli, const struct gateway_account *account,
                             struct settlement_mapping *out, struct str *why)
{
    const struct gateway *gateway = gateway_named(account->gateway);
    struct str text = { 0 }, wrong = { 0 };
    struct str path = cli_option(cli, "mapping");
    if (cli_has(cli, "mapping")) {
        enum err err = file_read(path, MAPPING_MAX, cli->arena, &text, NULL, why);
        if (err)
            return err;
    } else if (gateway != NULL && gateway->settlement != NULL) {
        text = str_of(gateway->settlement);
    } else {
        *why = str_format(cli->arena, "purser does not know how files of %.*s look: give a "
                          "mapping with --mapping (docs/settlement.md)",
                          STR_ARG(account->gateway));
        return ERR_VALIDATION;
    }
    enum err err = settlement_mapping_read(text, cli->arena, out, &wrong);
    if (err)
        *why = str_format(cli->arena, "%.*s: %.*s", STR_ARG(path), STR_ARG(wrong));
    return err;
}

static struct str name_of(struct str path)
{
    size_t from = 0;
    for (size_t i = 0; i < path.len; i++)
        if (path.ptr[i] == '/')
            from = i + 1;
    return str_slice(path, from, path.len);
}

/* Import. */

static void put_settlement(struct json_out *out, const struct settlement *row)
{
    RENDER_ID(out, "id", settlement, row->id);
    json_put_text(out, "object", STR("settlement"));
    json_put_text(out, "status", word_str(&words_settlement_state, row->status));
    json_put_text_or_null(out, "gateway", row->gateway);
    RENDER_ID(out, "gateway_account", gateway_account, row->gateway_account);
    json_put_text_or_null(out, "name", row->name);
    json_put_text_or_null(out, "mapping", row->mapping);
    json_put_int(out, "rows", row->lines);
    json_put_int(out, "matched", row->matched);
    json_put_int(out, "differing", row->differing);
    json_put_int(out, "twice", row->twice);
    json_put_int(out, "unknown", row->unknown);
    json_put_int(out, "noted", row->noted);
    json_put_int(out, "unsettled", row->unsettled);
    json_put_int(out, "payouts_wrong", row->payouts_wrong);
    json_put_time(out, "from", row->from_ms);
    json_put_time(out, "to", row->to_ms);
    json_put_bool(out, "live", row->live);
    json_put_time(out, "created_at", row->created_ms);
    json_put_time(out, "ended_at", row->ended_ms);
}

static void print_json(struct cli *cli, const struct settlement *row)
{
    struct json_out json;
    struct buf text;
    buf_init(&text, cli->arena, 8192);
    json_begin(&json, &text);
    json_open_object(&json, NULL);
    put_settlement(&json, row);
    json_close_object(&json);
    json_done(&json);
    fprintf(cli->world->out, "%.*s\n", STR_ARG(buf_str(&text)));
}

static struct str id_text(struct cli *cli, struct settlement_id id)
{
    struct buf text;
    buf_init(&text, cli->arena, ID_TEXT_MAX);
    settlement_id_write(&text, id);
    return buf_str(&text);
}

static bool is_clean(const struct settlement *row)
{
    return row->differing + row->twice + row->unknown + row->unsettled + row->payouts_wrong == 0;
}

static void print_counts(struct cli *cli, const struct settlement *row)
{
    const struct {
        const char *name;
        int64_t count;
        const char *what;
    } lines[] = {
        { "rows", row->lines, "in the file" },
        { "matched", row->matched, "are what the books say" },
        { "differing", row->differing, "the books say otherwise" },
        { "twice", row->twice, "were settled before" },
        { "unknown", row->unknown, "are of nothing in the books" },
        { "noted", row->noted, "fees, adjustments, payouts" },
        { "unsettled", row->unsettled, "payments and refunds should be in a file by now" },
        { "payouts", row->payouts_wrong, "do not add up" },
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        fprintf(cli->world->out, "%-10s %9lld  %s\n", lines[i].name, (long long)lines[i].count,
                lines[i].what);
    if (!is_clean(row))
        fprintf(cli->world->out, "The differences: purser drift list, and purser settlement show "
                                 "%.*s\n", STR_ARG(id_text(cli, row->id)));
}

static enum exit_code tell(struct cli *cli, const struct settlement *row, bool known)
{
    if (known)
        fprintf(cli->world->err, "This file was imported before, as %.*s; nothing was done.\n",
                STR_ARG(id_text(cli, row->id)));
    if (cli_has(cli, "json"))
        print_json(cli, row);
    else
        print_counts(cli, row);
    return is_clean(row) ? EXIT_OK : EXIT_NO;
}

static enum err import_into(struct cli *cli, struct db *db, struct source *source,
                            struct settlement **out, bool *known, struct str *why)
{
    struct id_maker ids = { .outside = cli->world->outside };
    struct settlement_import import = { .db = db, .ids = &ids, .arena = &source->arena };
    struct gateway_account *account = NULL;
    struct query_scope scope;
    struct settlement fields = { .name = name_of(source->path), .actor = STR("operator") };
    enum err err = owner_scope(cli, db, &scope, why);
    if (!err)
        err = find_account(cli, db, scope, &account, why);
    if (!err)
        err = find_mapping(cli, account, &source->mapping, why);
    if (!err)
        err = check(source, &fields.content, why);
    if (err)
        return err;
    fields.merchant = scope.merchant;
    fields.live = scope.live;
    fields.gateway_account = account->id;
    fields.gateway = account->gateway;
    fields.mapping = source->mapping.name;
    fields.created_ms = outside_now_ms(cli->world->outside);
    err = settlement_begin(&import, &fields, cli->arena, known);
    *out = import.row;
    if (err || *known)
        return err;
    err = add_all(source, &import, why);
    const struct gateway *gateway = gateway_named(account->gateway);
    int64_t settlement_ms = gateway ? account_settings(account, gateway, cli->arena).settlement_ms
                                    : 0;
    if (!err)
        err = settlement_end(&import, settlement_ms);
    arena_done(&source->arena);
    return err;
}

static enum exit_code run_import(struct cli *cli)
{
    struct source source = { .cli = cli, .path = cli->operands[0], .fd = -1 };
    struct installation installation = { 0 };
    struct settlement *row = NULL;
    struct str why = { 0 };
    bool known = false;
    enum err err = installation_open(&cli->settings, cli->world->outside, cli->arena,
                                     &installation, &why);
    if (err)
        return cli_fail_err(cli, err, why);
    struct db *db = store_db(installation.store);
    err = import_into(cli, db, &source, &row, &known, &why);
    if (err && str_is_empty(why))
        why = str_copy(cli->arena, db_error(db));
    installation_close(&installation);
    if (err)
        return cli_fail(cli, EXIT_COULD_NOT, "%.*s: %.*s", STR_ARG(cli->operands[0]),
                        STR_ARG(why));
    return tell(cli, row, known);
}

/* List and show. */

static enum err list(struct cli *cli, struct db *db, struct str *why)
{
    struct query_page page = { .limit = LIST_ROWS };
    struct settlement_list found = { 0 };
    struct query_scope scope;
    enum err err = owner_scope(cli, db, &scope, why);
    if (!err)
        err = query_settlements(db, scope, page, cli->arena, &found);
    for (size_t i = 0; !err && i < found.count; i++) {
        const struct settlement *row = found.items[i];
        char bytes[64];
        struct buf created;
        if (cli_has(cli, "json")) {
            print_json(cli, row);
            continue;
        }
        buf_fixed(&created, bytes, sizeof bytes);
        time_write(&created, row->created_ms);
        fprintf(cli->world->out, "%s %.*s %-9s %-12.*s %lld rows, %s: %.*s\n", buf_c(&created),
                STR_ARG(id_text(cli, row->id)), word_text(&words_settlement_state, row->status),
                STR_ARG(row->gateway), (long long)row->lines,
                is_clean(row) ? "clean" : "with differences", STR_ARG(row->name));
    }
    return err;
}

static void print_line(struct cli *cli, const struct settlement_line *line)
{
    char bytes[2 * ID_TEXT_MAX];
    struct buf payment;
    buf_fixed(&payment, bytes, sizeof bytes);
    if (payment_id_is_zero(line->payment))
        buf_add_c(&payment, "-");
    else
        payment_id_write(&payment, line->payment);
    fprintf(cli->world->out, "row %-7lld %-8s %-10s %12lld %s %s %.*s\n", (long long)line->number,
            word_text(&words_settlement_result, line->result),
            word_text(&words_settlement_kind, line->kind), (long long)line->gross_minor,
            currency_code(line->currency), buf_c(&payment),
            STR_ARG(str_is_empty(line->gateway_reference) ? line->reference
                                                          : line->gateway_reference));
}

static enum err show(struct cli *cli, struct db *db, struct str *why)
{
    struct arena arena = { 0 };
    struct settlement *row = NULL;
    struct settlement_id id;
    struct query_scope scope;
    int64_t after = 0;
    size_t got = SHOW_PAGE;
    if (!settlement_id_parse(cli->operands[0], &id)) {
        *why = STR("that is no id of a settlement (stl_...); see purser settlement list");
        return ERR_VALIDATION;
    }
    enum err err = owner_scope(cli, db, &scope, why);
    if (!err)
        err = query_settlement(db, scope, id, cli->arena, &row);
    if (err == ERR_NOT_FOUND)
        *why = STR("the merchant has no such settlement in this mode");
    if (!err && cli_has(cli, "json"))
        print_json(cli, row);
    else if (!err)
        print_counts(cli, row);
    while (!err && got == SHOW_PAGE) {
        struct settlement_line_list lines = { 0 };
        arena_reset(&arena);
        err = query_settlement_lines(db, id, after, !cli_has(cli, "all"), SHOW_PAGE, &arena,
                                     &lines);
        got = lines.count;
        for (size_t i = 0; !err && i < lines.count; i++)
            print_line(cli, lines.items[i]);
        after = got > 0 ? lines.items[got - 1]->number : after;
    }
    arena_done(&arena);
    return err;
}

static enum exit_code run_list(struct cli *cli) { return owner_show(cli, list); }
static enum exit_code run_show(struct cli *cli) { return owner_show(cli, show); }

static enum exit_code run_mapping(struct cli *cli)
{
    const struct gateway *gateway = gateway_named(cli->operands[0]);
    if (gateway == NULL || gateway->settlement == NULL)
        return cli_fail(cli, EXIT_NO, "purser does not know how files of \"%.*s\" look; the "
                        "sandbox's mapping shows how one is written down (docs/settlement.md)",
                        STR_ARG(cli->operands[0]));
    fprintf(cli->world->out, "%s\n", gateway->settlement);
    return EXIT_OK;
}

static void print_text(void *self, struct str line)
{
    const struct cli *cli = self;
    fprintf(cli->world->out, "%.*s", STR_ARG(line));
}

/* The sandbox's ledger is beside the books. */
static enum err write_sandbox(struct cli *cli, struct db *db, struct str *why)
{
    struct db_config config = { .where = cli_setting(cli, SETTING_STORE), .file = LEDGER_FILE,
                                .access = DB_READ, .durable = true,
                                .outside = cli->world->outside };
    struct gateway_account *account = NULL;
    struct query_scope scope;
    struct db *ledger = NULL;
    struct buf id;
    enum err err = owner_scope(cli, db, &scope, why);
    if (!err)
        err = find_account(cli, db, scope, &account, why);
    if (!err)
        err = db_open(&config, cli->arena, &ledger, why);
    if (err)
        return err;
    buf_init(&id, cli->arena, ID_TEXT_MAX);
    gateway_account_id_write(&id, account->id);
    err = sandbox_settlement(ledger, buf_str(&id), print_text, cli);
    if (err)
        *why = str_copy(cli->arena, db_error(ledger));
    db_close(ledger);
    return err;
}

static enum exit_code run_sandbox(struct cli *cli) { return owner_show(cli, write_sandbox); }

static const struct option sandbox_options[] = {
    OWNER_OPTIONS,
    { "gateway-account", "ID", false, "Whose. Default: the merchant's default." },
    { 0 },
};

static const struct option import_options[] = {
    OWNER_OPTIONS,
    { "gateway-account", "ID", false, "Whose file it is. Default: the merchant's default." },
    { "mapping", "FILE", false, "How the file looks, as JSON. Default: the gateway's own." },
    { "json", NULL, false, "The counts as one JSON object." },
    { 0 },
};

static const struct option list_options[] = {
    OWNER_OPTIONS,
    { "json", NULL, false, "One JSON object a line." },
    { 0 },
};

static const struct option show_options[] = {
    OWNER_OPTIONS,
    { "all", NULL, false, "Rows that are as they should be, too." },
    { "json", NULL, false, "The counts as one JSON object." },
    { 0 },
};

const struct command command_settlement_import = {
    .name = "settlement import",
    .operands = "FILE",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "hold a gateway's settlement file against the books",
    .about = "A CSV file, once per content. All of it is checked first: a mistake is named with\n"
             "its row and column, and nothing is imported. Works beside a running server; cut\n"
             "off, the same command goes on where it stopped. Exit code 0: the books agree;\n"
             "1: they differ; 2: the file could not be read or imported.",
    .examples = { "purser settlement import payouts-2026-03.csv --data ./data",
                  "purser settlement import march.csv --mode live --mapping bank.json --json" },
    .options = import_options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_import,
};

const struct command command_settlement_list = {
    .name = "settlement list",
    .operands = "",
    .summary = "show the settlement files that were imported",
    .about = "The newest 100. One that is still importing was cut off: import the file again.",
    .examples = { "purser settlement list --data ./data",
                  "purser settlement list --mode live --json" },
    .options = list_options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_list,
};

const struct command command_settlement_show = {
    .name = "settlement show",
    .operands = "ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "show what became of a settlement file's rows",
    .about = "The counts, and each row that is not what the books say: its number in the file,\n"
             "what was found, kind, amount in minor units, payment, and the gateway's reference.",
    .examples = { "purser settlement show --data ./data stl_01h455vb4pex5vsknk084sn02q",
                  "purser settlement show stl_01h455vb4pex5vsknk084sn02q --all" },
    .options = show_options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_show,
};

const struct command command_settlement_mapping = {
    .name = "settlement mapping",
    .operands = "GATEWAY",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "print how purser reads a gateway's settlement files",
    .about = "The JSON that settlement import takes with --mapping, to begin one's own with.",
    .examples = { "purser settlement mapping sandbox",
                  "purser settlement mapping sandbox > bank.json" },
    .run = run_mapping,
};

const struct command command_settlement_sandbox = {
    .name = "settlement sandbox",
    .operands = "",
    .summary = "write the built-in gateway's settlement file",
    .about = "What a gateway would send for the money that the sandbox moved, as CSV: to try\n"
             "settlement import, and what comes after it, before there is a real file.",
    .examples = { "purser settlement sandbox --data ./data > today.csv",
                  "purser settlement sandbox --gateway-account ga_01h455vb4pex5vsknk084sn02q" },
    .options = sandbox_options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_sandbox,
};
