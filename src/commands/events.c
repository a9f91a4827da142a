/* events.c - `purser events tail`: what is happening, of all merchants and both modes, in the
 * order in which it was committed.
 *
 * Numbers of the feed grow in the order of commits, so one position is enough for all
 * merchants: what appears later has a higher number. */
#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/time.h"
#include "commands/command.h"
#include "commands/installation.h"
#include "core/render.h"
#include "store/queries.h"

#define POLL_MS 500
#define PAGE_EVENTS 200
#define LINES_DEFAULT 20
#define LINES_MAX 10000
#define EVENT_JSON_MAX (1 << 18)

struct tail {
    struct cli *cli;
    struct db *db;
    struct arena *arena; /* of one round */
    int64_t after;       /* the last number shown */
};

struct scopes {
    struct arena *arena;
    struct query_scope *items;
    size_t count, cap;
};

static enum err take_merchant(void *self, void *row)
{
    const struct merchant *merchant = row;
    struct scopes *scopes = self;

    for (int live = 0; live <= 1; live++) {
        if (scopes->count == scopes->cap) {
            size_t cap = scopes->cap == 0 ? 8 : 2 * scopes->cap;
            scopes->items = arena_grow(scopes->arena, scopes->items,
                                       scopes->cap * sizeof *scopes->items,
                                       cap * sizeof *scopes->items);
            scopes->cap = cap;
        }
        scopes->items[scopes->count++] = (struct query_scope){ merchant->id, live != 0 };
    }
    return OK;
}

static enum err load_scopes(struct tail *tail, struct scopes *out)
{
    *out = (struct scopes){ .arena = tail->arena };
    return db_select(tail->db, &table_merchants, "id IS NOT NULL ORDER BY id", NULL, 0, tail->arena,
                     take_merchant, out);
}

static int by_number(const void *a, const void *b)
{
    const struct event *const *left = a, *const *right = b;

    return ((*left)->number > (*right)->number) - ((*left)->number < (*right)->number);
}

/* Everything after the position up to which no scope was cut short, in order. */
static enum err load_round(struct tail *tail, struct event_list *out)
{
    int64_t up_to = INT64_MAX;
    struct scopes scopes;
    size_t kept = 0;

    *out = (struct event_list){ 0 };
    enum err err = load_scopes(tail, &scopes);
    for (size_t i = 0; err == OK && i < scopes.count; i++) {
        struct event_list page = { 0 };
        err = query_events(tail->db, scopes.items[i], tail->after, PAGE_EVENTS, tail->arena, &page);
        for (size_t j = 0; err == OK && j < page.count; j++)
            event_list_add(tail->arena, out, page.items[j]);
        if (err == OK && page.count == PAGE_EVENTS && page.items[page.count - 1]->number < up_to)
            up_to = page.items[page.count - 1]->number;
    }
    if (err != OK || out->count == 0)
        return err;
    qsort(out->items, out->count, sizeof out->items[0], by_number);
    while (kept < out->count && out->items[kept]->number <= up_to)
        kept++;
    out->count = kept;
    return OK;
}

static void print_line(FILE *out, const struct event *event)
{
    char bytes[32 + 3 * ID_TEXT_MAX];
    struct buf line;

    buf_fixed(&line, bytes, sizeof bytes);
    time_write(&line, event->occurred_ms);
    buf_add_char(&line, ' ');
    buf_addf(&line, " %-24s ", event_type_text(event->type));
    invoice_id_write(&line, event->invoice);
    buf_addf(&line, " %4lld  ", (long long)event->sequence);
    if (!payment_id_is_zero(event->payment))
        payment_id_write(&line, event->payment);
    if (!refund_id_is_zero(event->refund)) {
        buf_add_char(&line, ' ');
        refund_id_write(&line, event->refund);
    }
    assert(buf_ok(&line));
    fprintf(out, "%s  %s by %.*s\n", buf_c(&line), word_text(&words_origin, event->origin),
            STR_ARG(event->actor));
}

static void print_json(FILE *out, struct arena *arena, const struct event *event)
{
    struct buf buf;
    struct json_out json;

    buf_init(&buf, arena, EVENT_JSON_MAX);
    json_begin(&json, &buf);
    render_event(&json, NULL, event);
    json_done(&json);
    assert(buf_ok(&buf));
    fprintf(out, "%.*s\n", STR_ARG(buf_str(&buf)));
}

/* Shows what is new; `more` when there may be more at once. */
static enum err show_round(struct tail *tail, bool *more)
{
    FILE *out = tail->cli->world->out;
    struct event_list events;

    *more = false;
    enum err err = db_begin(tail->db);
    if (err == OK)
        err = load_round(tail, &events);
    db_rollback(tail->db);
    if (err != OK)
        return err;
    for (size_t i = 0; i < events.count; i++) {
        if (cli_has(tail->cli, "json"))
            print_json(out, tail->arena, events.items[i]);
        else
            print_line(out, events.items[i]);
        tail->after = events.items[i]->number;
    }
    fflush(out);
    *more = events.count > 0;
    return OK;
}

struct newest {
    int64_t *numbers;
    size_t count;
};

static enum err take_number(void *self, const struct db_value *values, size_t count)
{
    struct newest *newest = self;

    assert(count == 1);
    newest->numbers[newest->count++] = values[0].number;
    return OK;
}

static int descending(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return (left < right) - (left > right);
}

/* The position from which `lines` events are left. */
static enum err find_start(struct tail *tail, int64_t lines)
{
    static const char sql[] = "SELECT number FROM events WHERE merchant = $1 AND live = $2 "
                              "ORDER BY number DESC LIMIT $3";
    struct scopes scopes;

    enum err err = load_scopes(tail, &scopes);
    if (err != OK)
        return err;
    struct newest newest = {
        .numbers = ARENA_ARRAY(tail->arena, int64_t, scopes.count * (size_t)(lines + 1) + 1),
    };
    for (size_t i = 0; err == OK && i < scopes.count; i++) {
        struct db_value args[] = { DB_ID(scopes.items[i].merchant), DB_NUMBER(scopes.items[i].live),
                                   DB_NUMBER(lines + 1) };
        err = db_query(tail->db, sql, args, 3, take_number, &newest);
    }
    if (err != OK)
        return err;
    qsort(newest.numbers, newest.count, sizeof newest.numbers[0], descending);
    tail->after = newest.count > (size_t)lines ? newest.numbers[lines] : 0;
    return OK;
}

static void wait_for_more(void)
{
    const struct timespec gap = { 0, POLL_MS * 1000000L };

    nanosleep(&gap, NULL);
}

static enum err follow(struct tail *tail, int64_t lines)
{
    bool more;

    enum err err = find_start(tail, lines);
    while (err == OK) {
        arena_reset(tail->arena);
        err = show_round(tail, &more);
        if (err != OK || ferror(tail->cli->world->out))
            break;
        if (!more && !cli_has(tail->cli, "follow"))
            break;
        if (!more)
            wait_for_more();
    }
    return err;
}

static enum exit_code run_tail(struct cli *cli)
{
    struct arena round = { 0 };
    struct tail tail = { .cli = cli, .arena = &round };
    int64_t lines = LINES_DEFAULT;
    struct str why = { 0 };

    if (cli_has(cli, "lines") &&
        (!str_to_i64(cli_option(cli, "lines"), &lines) || lines < 0 || lines > LINES_MAX))
        return cli_fail(cli, EXIT_COULD_NOT, "--lines must be a number from 0 to %d", LINES_MAX);
    enum err err = installation_open_reader(&cli->settings, cli->world->outside, cli->arena,
                                            &tail.db, &why);
    if (err != OK)
        return cli_fail_err(cli, err, why);
    err = follow(&tail, lines);
    if (err != OK)
        why = str_copy(cli->arena, db_error(tail.db));
    db_close(tail.db);
    arena_done(&round);
    return err == OK ? EXIT_OK : cli_fail_err(cli, err, why);
}

static const struct option options[] = {
    { "follow", NULL, false, "Go on with what comes, until interrupted." },
    { "lines", "N", false, "How many of the last events to begin with. Default: 20." },
    { "json", NULL, false, "One event a line, as GET /v1/events shows it." },
    { 0 },
};

const struct command command_events_tail = {
    .name = "events tail",
    .operands = "",
    .summary = "show the latest events of all merchants",
    .about = "A line has the time, the type, the invoice and the event's place in it, the payment\n"
             "and refund, and who caused it. Works beside a running server.",
    .examples = { "purser events tail --data ./data --follow",
                  "purser events tail --data ./data --lines 1000 --json" },
    .options = options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_tail,
};
