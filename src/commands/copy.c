/* copy.c - `purser copy`: moves a stopped installation from one store to another.
 *
 * Cut off, it goes on where it stopped when it is started again. At the end both sides are
 * counted and checked (doctor --deep), so that "copied" is not just "nothing failed". */
#include <inttypes.h>

#include "commands/command.h"
#include "commands/installation.h"
#include "sandbox/ledger.h"
#include "store/checker.h"
#include "store/copy.h"
#include "store/migrations.h"

struct copying {
    struct cli *cli;
    struct str from_where, to_where;
    struct db_serving_lock *locks[2];
    struct store *to_store;
    struct db *from, *to;
    /* The built-in gateway's own; NULL where it was never served. A test account of the target
     * would else answer that it never saw what purser asked about. */
    struct db *from_ledger, *to_ledger;
};

static void tell(void *self, const struct table *table, int64_t rows, bool done)
{
    const struct copying *copying = self;
    if (done || rows % 10000 == 0)
        fprintf(copying->cli->world->err, "%-18s %10" PRId64 " rows copied%s\n", table->name, rows,
                done ? "" : " ...");
}

static enum err lock(struct copying *copying, struct str *why)
{
    struct arena *arena = copying->cli->arena;
    enum err err = db_lock_serving(copying->from_where, arena, &copying->locks[0], why);
    if (!err)
        err = db_lock_serving(copying->to_where, arena, &copying->locks[1], why);
    return err;
}

static enum err open_ledger(struct copying *copying, struct str where, enum db_access access,
                            struct db **out, struct str *why)
{
    const struct db_config config = {
        .where = where, .file = LEDGER_FILE, .access = access, .durable = true,
        .create = access == DB_WRITE, .outside = copying->cli->world->outside,
    };
    return db_open(&config, copying->cli->arena, out, why);
}

static enum err open_ledgers(struct copying *copying, struct str *why)
{
    struct str ignored;
    int version = 0;
    /* Books that nobody served have none beside them. */
    if (open_ledger(copying, copying->from_where, DB_READ, &copying->from_ledger, &ignored))
        return OK;
    enum err err = db_schema_version(copying->from_ledger, &version);
    if (err || version == 0) {
        db_close(copying->from_ledger);
        copying->from_ledger = NULL;
        return err;
    }
    err = open_ledger(copying, copying->to_where, DB_WRITE, &copying->to_ledger, why);
    return err ? err : ledger_migrate(copying->to_ledger, copying->cli->arena, why);
}

static enum err open_both(struct copying *copying, struct str *why)
{
    static const struct gateway *const none[] = { NULL };
    const struct outside *outside = copying->cli->world->outside;
    struct arena *arena = copying->cli->arena;
    struct store_config config = { .where = copying->to_where, .outside = outside,
                                   .gateways = none, .create = true };
    enum err err = lock(copying, why);
    if (!err)
        err = store_migrate(copying->from_where, false, outside, arena, why);
    if (!err)
        err = store_open_reader(copying->from_where, outside, arena, &copying->from, why);
    if (!err)
        err = store_migrate(copying->to_where, true, outside, arena, why);
    if (!err)
        err = store_open(&config, arena, &copying->to_store, why);
    if (!err)
        copying->to = store_db(copying->to_store);
    return err ? err : open_ledgers(copying, why);
}

static void close_both(struct copying *copying)
{
    db_close(copying->to_ledger);
    db_close(copying->from_ledger);
    store_close(copying->to_store);
    db_close(copying->from);
    for (int i = 0; i < 2; i++)
        if (copying->locks[i])
            db_unlock_serving(copying->locks[i]);
}

/* What the engines say: the one that failed has a sentence. */
static struct str engines_say(const struct copying *copying)
{
    struct str from = db_error(copying->from);
    return str_copy(copying->cli->arena, str_is_empty(from) ? db_error(copying->to) : from);
}

static enum err copy_all(struct copying *copying, struct str *why)
{
    struct copy_progress progress = { copying, tell };
    bool others = false;
    enum err err = copy_is_of_others(copying->from, copying->to, &others);
    if (!err && others) {
        *why = STR("the target holds the books of another installation; give an empty one");
        return ERR_ALREADY_EXISTS;
    }
    if (!err)
        err = copy_periods(copying->from, copying->to);
    for (size_t i = 0; !err && store_tables[i]; i++)
        if (copy_takes(store_tables[i]))
            err = copy_table(copying->from, copying->to, store_tables[i], &progress);
    if (!err)
        err = copy_end_runs(copying->to);
    if (err)
        *why = engines_say(copying);
    for (size_t i = 0; !err && copying->to_ledger && ledger_tables[i]; i++) {
        err = copy_table(copying->from_ledger, copying->to_ledger, ledger_tables[i], &progress);
        if (err)
            *why = str_copy(copying->cli->arena, db_error(copying->to_ledger));
    }
    return err;
}

static enum exit_code compare_counts(struct copying *copying, struct db *from, struct db *to,
                                     const struct table *const *tables)
{
    for (size_t i = 0; tables[i]; i++) {
        if (!copy_takes(tables[i]))
            continue;
        int64_t ours = 0, theirs = 0;
        enum err err = copy_count(from, tables[i], &ours);
        if (!err)
            err = copy_count(to, tables[i], &theirs);
        if (err)
            return cli_fail_err(copying->cli, err, engines_say(copying));
        /* On a server books and ledger count in one table. */
        if (tables[i] == &table_counters ? ours > theirs : ours != theirs)
            return cli_fail(copying->cli, EXIT_NO,
                            "%s has %" PRId64 " rows here and %" PRId64
                            " there: start again with an empty target",
                            tables[i]->name, ours, theirs);
    }
    return EXIT_OK;
}

static enum exit_code check_side(struct copying *copying, struct db *db, const char *side)
{
    struct checker_report found = { 0 };
    enum err err = checker_run(db, copying->cli->arena, &found);
    if (err)
        return cli_fail_err(copying->cli, err, str_copy(copying->cli->arena, db_error(db)));
    if (found.invariant)
        return cli_fail(copying->cli, EXIT_NO, "the %s breaks %s at %.*s: %.*s", side,
                        found.invariant, STR_ARG(found.row), STR_ARG(found.wrong));
    fprintf(copying->cli->world->out,
            "%s: invariants hold in %" PRId64 " invoices, %" PRId64 " payments, %" PRId64
            " events\n",
            side, found.invoices, found.payments, found.events);
    return EXIT_OK;
}

static enum exit_code verify(struct copying *copying)
{
    enum exit_code code = compare_counts(copying, copying->from, copying->to, store_tables);
    if (code == EXIT_OK && copying->to_ledger)
        code = compare_counts(copying, copying->from_ledger, copying->to_ledger, ledger_tables);
    if (code == EXIT_OK)
        code = check_side(copying, copying->from, "source");
    if (code == EXIT_OK)
        code = check_side(copying, copying->to, "target");
    if (code == EXIT_OK)
        fprintf(copying->cli->world->out,
                "Copied. Start with --store %.*s and the same --data: the keys in it are needed.\n",
                STR_ARG(copying->to_where));
    return code;
}

static enum exit_code run(struct cli *cli)
{
    struct copying copying = {
        .cli = cli,
        .from_where = cli_option(cli, "from"),
        .to_where = cli_option(cli, "to"),
    };
    struct str why = { 0 };
    enum exit_code code = EXIT_OK;
    enum err err = open_both(&copying, &why);
    if (!err && !cli_has(cli, "verify-only"))
        err = copy_all(&copying, &why);
    if (err == ERR_ALREADY_EXISTS)
        code = cli_fail(cli, EXIT_NO, "%.*s", STR_ARG(why));
    else if (err)
        code = cli_fail_err(cli, err, why);
    else
        code = verify(&copying);
    close_both(&copying);
    return code;
}

static const struct option options[] = {
    { "from", "WHERE", true, "The store to copy: sqlite:DIR or postgresql://..." },
    { "to", "WHERE", true, "An empty store, or one that an earlier copy did not finish." },
    { "verify-only", NULL, false, "Copy nothing; count and check both sides." },
    { NULL, NULL, false, NULL },
};

const struct command command_copy = {
    .name = "copy",
    .operands = "",
    .summary = "move a stopped installation to another store",
    .about = "Neither side may be served meanwhile. Cut off, it goes on when started again. The\n"
             "data directory with its keys is not part of a store: keep it. The built-in\n"
             "gateway's own ledger goes along, so test payments can be captured there.",
    .examples = { "purser copy --from sqlite:./data --to postgresql://purser@db/purser",
                  "purser copy --from sqlite:./data --to sqlite:./new --verify-only" },
    .options = options,
    .run = run,
};
