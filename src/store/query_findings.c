/* query_findings.c - reconciliations, differences and tasks, from new to old. */
#include "store/query_findings.h"
#include "store/query_parts.h"

QUERY_LIST(reconciliation_list, struct reconciliation)
QUERY_LIST(drift_list, struct drift)
QUERY_LIST(task_list, struct task)
QUERY_LIST(audit_entry_list, struct audit_entry)

#define ONE "id = $1 AND merchant = $2 AND live = $3"

enum err query_reconciliation(struct db *db, struct query_scope scope,
                              struct reconciliation_id id, struct arena *arena,
                              struct reconciliation **out)
{
    struct db_value args[] = { DB_ID(id), DB_ID(scope.merchant), DB_NUMBER(scope.live) };
    void *row = NULL;

    enum err err = query_one(db, &table_reconciliations, ONE, QUERY_ARGS(args), arena, &row);
    if (!err)
        *out = row;
    return err;
}

enum err query_reconciliations(struct db *db, struct query_scope scope, struct query_page page,
                               struct arena *arena, struct reconciliation_list *out)
{
    struct id before = query_before(page);
    struct db_value args[] = { DB_ID(scope.merchant), DB_NUMBER(scope.live), DB_ID(before),
                               DB_NUMBER(page.limit) };
    struct reconciliation_list_load load = { arena, out };

    return db_select(db, &table_reconciliations,
                     "merchant = $1 AND live = $2 AND id < $3 ORDER BY id DESC LIMIT $4",
                     QUERY_ARGS(args), arena, reconciliation_list_load, &load);
}

enum err query_drift(struct db *db, struct query_scope scope, struct drift_id id,
                     struct arena *arena, struct drift **out)
{
    struct db_value args[] = { DB_ID(id), DB_ID(scope.merchant), DB_NUMBER(scope.live) };
    void *row = NULL;

    enum err err = query_one(db, &table_drifts, ONE, QUERY_ARGS(args), arena, &row);
    if (!err)
        *out = row;
    return err;
}

/* Filters: an empty text lets all pass. */
#define FINDINGS                                                                                   \
    "merchant = $1 AND live = $2 AND id < $3"                                                      \
    " AND ($5 = '' OR ($5 = 'open') = (closed_ms IS NULL)) AND ($6 = '' OR kind = $6)"

enum err query_drifts(struct db *db, struct query_scope scope, struct finding_filter filter,
                      struct query_page page, struct arena *arena, struct drift_list *out)
{
    struct id before = query_before(page);
    struct db_value args[] = { DB_ID(scope.merchant), DB_NUMBER(scope.live), DB_ID(before),
                               DB_NUMBER(page.limit), DB_STR(filter.status),
                               DB_STR(filter.kind), DB_STR(filter.gateway) };
    struct drift_list_load load = { arena, out };

    return db_select(db, &table_drifts,
                     FINDINGS " AND ($7 = '' OR gateway = $7) ORDER BY id DESC LIMIT $4",
                     QUERY_ARGS(args), arena, drift_list_load, &load);
}

enum err query_task(struct db *db, struct query_scope scope, struct task_id id,
                    struct arena *arena, struct task **out)
{
    struct db_value args[] = { DB_ID(id), DB_ID(scope.merchant), DB_NUMBER(scope.live) };
    void *row = NULL;

    enum err err = query_one(db, &table_tasks, ONE, QUERY_ARGS(args), arena, &row);
    if (!err)
        *out = row;
    return err;
}

enum err query_tasks(struct db *db, struct query_scope scope, struct finding_filter filter,
                     struct query_page page, struct arena *arena, struct task_list *out)
{
    struct id before = query_before(page);
    struct db_value args[] = { DB_ID(scope.merchant), DB_NUMBER(scope.live), DB_ID(before),
                               DB_NUMBER(page.limit), DB_STR(filter.status),
                               DB_STR(filter.kind) };
    struct task_list_load load = { arena, out };

    return db_select(db, &table_tasks, FINDINGS " ORDER BY id DESC LIMIT $4", QUERY_ARGS(args),
                     arena, task_list_load, &load);
}

/* In two forms, so that the first is a walk along the index of the owner. */
#define AUDIT_BEFORE " AND ($3 = 0 OR number < $3) ORDER BY number DESC LIMIT $4"
static const char audit_own[] = "merchant = $1 AND live = $2" AUDIT_BEFORE;
static const char audit_own_and_common[] =
    "(merchant = $1 AND live = $2 OR merchant IS NULL)" AUDIT_BEFORE;

enum err query_audit(struct db *db, struct query_scope scope, bool common, int64_t before,
                     int64_t limit, struct arena *arena, struct audit_entry_list *out)
{
    struct db_value args[] = { DB_ID(scope.merchant), DB_NUMBER(scope.live), DB_NUMBER(before),
                               DB_NUMBER(limit) };
    struct audit_entry_list_load load = { arena, out };

    return db_select(db, &table_audit, common ? audit_own_and_common : audit_own,
                     QUERY_ARGS(args), arena, audit_entry_list_load, &load);
}

enum err query_audit_chain(struct db *db, int64_t after, int64_t limit, struct arena *arena,
                           struct audit_entry_list *out)
{
    struct db_value args[] = { DB_NUMBER(after), DB_NUMBER(limit) };
    struct audit_entry_list_load load = { arena, out };

    return db_select(db, &table_audit, "number > $1 ORDER BY number LIMIT $2", QUERY_ARGS(args),
                     arena, audit_entry_list_load, &load);
}
