/* findings.c - reconciliations on demand, and what they and the engine found: differences with a
 * gateway's books, and tasks that a person must decide. */
#include "api/fields.h"
#include "api/reads.h"
#include "api/resources.h"
#include "core/render.h"
#include "core/requests.h"
#include "store/query_findings.h"

#define GATEWAY_MAX 64

static const struct field reconciliation_fields[] = {
    FIELD(struct reconciliation, gateway, TEXT, .most = GATEWAY_MAX),
    { .name = "since", .kind = FIELD_TIME, .offset = offsetof(struct reconciliation, since_ms) },
    FIELD(struct reconciliation, dry_run, BOOL),
};

/* POST /v1/reconciliations */
enum err reconciliation_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    struct reconciliation *ask = ARENA_NEW(&turn->arena, struct reconciliation);

    turn->input.handler = &turn_reconciliation_ask;
    turn->input.ask = ask;
    enum err err = fields_read(FIELDS(reconciliation_fields), json, "", ask, &call->trouble);
    if (!err && !str_is_empty(ask->gateway))
        err = gateway_check_name(call, ask->gateway);
    return err;
}

static enum err run_reconciliation(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct reconciliation *row = NULL;

    enum err err = query_reconciliation(db, ask->scope, (struct reconciliation_id){ ask->object },
                                        ask->arena, &row);
    if (!err)
        render_reconciliation(out, NULL, row);
    return err;
}

/* GET /v1/reconciliations/{id} */
const struct reading read_reconciliation = { .run = run_reconciliation };

/* A list function over rows that have an id: its rows, written one by one. */
#define LIST(list, kind, query)                                                                    \
    static enum err run_##list(const struct read_ask *ask, struct db *db, struct json_out *out)    \
    {                                                                                              \
        struct query_page page = { ask->page->place, page_limit(ask->page) };                      \
        struct kind##_list rows = { 0 };                                                           \
                                                                                                   \
        enum err err = query;                                                                      \
        if (err)                                                                                   \
            return err;                                                                            \
        struct id last = { { 0 } };                                                                \
        list_open(out);                                                                            \
        for (size_t i = 0; i < page_shown(ask->page, rows.count); i++) {                           \
            render_##kind(out, NULL, rows.items[i]);                                               \
            last = rows.items[i]->id.id;                                                           \
        }                                                                                          \
        list_close(out, ask, rows.count, last);                                                    \
        return OK;                                                                                 \
    }

LIST(reconciliations, reconciliation,
     query_reconciliations(db, ask->scope, page, ask->arena, &rows))

/* GET /v1/reconciliations */
const struct reading read_reconciliations = { PAGE_ONLY, .run = run_reconciliations };

static const char *const finding_states[] = { NULL, "open", "closed" };
static const struct word_list words_finding_state = { "status", finding_states, 3 };

struct drift_params {
    struct page page;
    unsigned status;
    enum drift_kind kind;
    struct str gateway;
};

static const struct field drift_fields[] = {
    PAGE_FIELDS,
    FIELD(struct drift_params, status, WORD, .words = &words_finding_state),
    FIELD(struct drift_params, kind, WORD, .words = &words_drift_kind),
    FIELD(struct drift_params, gateway, TEXT, .most = GATEWAY_MAX),
};

static struct finding_filter drift_filter(const struct read_ask *ask)
{
    const struct drift_params *params = ask->params;

    return (struct finding_filter){
        .status = word_str(&words_finding_state, params->status),
        .kind = word_str(&words_drift_kind, params->kind),
        .gateway = params->gateway,
    };
}

LIST(drifts, drift, query_drifts(db, ask->scope, drift_filter(ask), page, ask->arena, &rows))

/* GET /v1/drift */
const struct reading read_drifts = {
    FIELDS(drift_fields),
    sizeof(struct drift_params),
    true,
    .run = run_drifts,
};

static enum err run_drift(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct drift *drift = NULL;

    enum err err = query_drift(db, ask->scope, (struct drift_id){ ask->object }, ask->arena,
                               &drift);
    if (!err)
        render_drift(out, NULL, drift);
    return err;
}

/* GET /v1/drift/{id} */
const struct reading read_drift = { .run = run_drift };

struct task_params {
    struct page page;
    unsigned status;
    enum task_kind kind;
};

static const struct field task_fields[] = {
    PAGE_FIELDS,
    FIELD(struct task_params, status, WORD, .words = &words_finding_state),
    FIELD(struct task_params, kind, WORD, .words = &words_task_kind),
};

static struct finding_filter task_filter(const struct read_ask *ask)
{
    const struct task_params *params = ask->params;

    return (struct finding_filter){
        .status = word_str(&words_finding_state, params->status),
        .kind = word_str(&words_task_kind, params->kind),
    };
}

LIST(tasks, task, query_tasks(db, ask->scope, task_filter(ask), page, ask->arena, &rows))

/* GET /v1/tasks */
const struct reading read_tasks = {
    FIELDS(task_fields),
    sizeof(struct task_params),
    true,
    .run = run_tasks,
};

static enum err run_task(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct task *task = NULL;

    enum err err = query_task(db, ask->scope, (struct task_id){ ask->object }, ask->arena, &task);
    if (!err)
        render_task(out, NULL, task);
    return err;
}

/* GET /v1/tasks/{id} */
const struct reading read_task = { .run = run_task };

/* How a difference ends by a person; the other ends are found. */
static const char *const decisions[] = { NULL, "accepted", "settled" };
static const struct word_list words_decision = { "resolution", decisions, 3 };

struct drift_wish {
    unsigned resolution;
    struct str note;
};

static const struct field drift_wish_fields[] = {
    FIELD(struct drift_wish, resolution, WORD, .words = &words_decision, .required = true),
    FIELD(struct drift_wish, note, TEXT, .most = DESCRIPTION_MAX, .required = true),
};

/* POST /v1/drift/{id}/resolve */
enum err drift_resolve_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    struct decision *ask = ARENA_NEW(&turn->arena, struct decision);
    struct drift_wish wish = { 0 };

    turn->input.handler = &turn_drift_resolve;
    turn->input.drift = (struct drift_id){ call->object };
    turn->input.ask = ask;
    enum err err = fields_read(FIELDS(drift_wish_fields), json, "", &wish, &call->trouble);
    ask->resolution = (enum drift_resolution)word_of(&words_drift_resolution,
                                                     word_str(&words_decision, wish.resolution));
    ask->note = wish.note;
    return err;
}

static const struct field task_wish_fields[] = {
    FIELD(struct decision, action, WORD, .words = &words_task_action, .required = true),
    FIELD(struct decision, note, TEXT, .most = DESCRIPTION_MAX, .required = true),
};

/* POST /v1/tasks/{id}/resolve */
enum err task_resolve_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    struct decision *ask = ARENA_NEW(&turn->arena, struct decision);

    turn->input.handler = &turn_task_resolve;
    turn->input.task = (struct task_id){ call->object };
    turn->input.ask = ask;
    return fields_read(FIELDS(task_wish_fields), json, "", ask, &call->trouble);
}

/* In the order of their numbers, from new to old. Operators see what is the whole installation's,
 * too. */
static enum err run_audit(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    bool common = ask->call->who.scopes & KEY_SCOPE_OPERATOR;
    struct audit_entry_list entries = { 0 };

    enum err err = query_audit(db, ask->scope, common, number_of_place(ask->page->place),
                               page_limit(ask->page), ask->arena, &entries);
    if (err)
        return err;
    struct id last = { { 0 } };
    list_open(out);
    for (size_t i = 0; i < page_shown(ask->page, entries.count); i++) {
        render_audit_entry(out, NULL, entries.items[i]);
        last = place_of_number(entries.items[i]->number);
    }
    list_close(out, ask, entries.count, last);
    return OK;
}

/* GET /v1/audit */
const struct reading read_audit = { PAGE_ONLY, .run = run_audit };
