/* query_findings.h - what was found, and who decided it; as queries.h says of its own. */
#ifndef STORE_QUERY_FINDINGS_H
#define STORE_QUERY_FINDINGS_H

#include "store/queries.h"

/* Reconciliations, differences and tasks, from new to old. */
struct finding_filter {
    struct str status;       /* "open" or "closed"; empty: both */
    struct str kind;
    struct str gateway;      /* of differences */
};
must_check enum err query_reconciliation(struct db *db, struct query_scope scope,
                                         struct reconciliation_id id, struct arena *arena,
                                         struct reconciliation **out);
must_check enum err query_reconciliations(struct db *db, struct query_scope scope,
                                          struct query_page page, struct arena *arena,
                                          struct reconciliation_list *out);
must_check enum err query_drift(struct db *db, struct query_scope scope, struct drift_id id,
                                struct arena *arena, struct drift **out);
must_check enum err query_drifts(struct db *db, struct query_scope scope,
                                 struct finding_filter filter, struct query_page page,
                                 struct arena *arena, struct drift_list *out);
must_check enum err query_task(struct db *db, struct query_scope scope, struct task_id id,
                               struct arena *arena, struct task **out);
must_check enum err query_tasks(struct db *db, struct query_scope scope,
                                struct finding_filter filter, struct query_page page,
                                struct arena *arena, struct task_list *out);

/* The audit log, from new to old, `common` with the entries that are no merchant's; and all of it,
 * in the order of the chain. */
must_check enum err query_audit(struct db *db, struct query_scope scope, bool common,
                                int64_t before, int64_t limit, struct arena *arena,
                                struct audit_entry_list *out);
must_check enum err query_audit_chain(struct db *db, int64_t after, int64_t limit,
                                      struct arena *arena, struct audit_entry_list *out);

#endif
