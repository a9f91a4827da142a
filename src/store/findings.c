/* findings.c - differences and tasks that turns are about; entries of the audit log.
 *
 * A finding leads to the invoice that it is about: it is read once to get there, and again under
 * its lock. A difference that is about nothing in the books has only its own row to hold. */
#include "store/batch.h"
#include "store/db_later.h"
#include "store/db_one.h"
#include "store/drifts.h"

#include "core/audit.h"
#include "core/schedule.h"

static enum err read_finding(struct batch *batch, size_t at, bool lock)
{
    const struct turn_input *input = batch->turns[at]->input;
    if (input->handler->target == TARGET_DRIFT)
        return db_load(batch->db, &table_drifts, "id", &input->drift.id, 1, NULL, lock,
                       batch->arena, db_keep_row, &batch->drifts[at]);
    if (input->handler->target == TARGET_TASK)
        return db_load(batch->db, &table_tasks, "id", &input->task.id, 1, NULL, lock,
                       batch->arena, db_keep_row, &batch->tasks[at]);
    return OK;
}

enum err batch_locate_findings(struct batch *batch)
{
    enum err err = OK;
    batch->drifts = ARENA_ARRAY(batch->arena, struct drift *, batch->count);
    batch->tasks = ARENA_ARRAY(batch->arena, struct task *, batch->count);
    for (size_t i = 0; !err && i < batch->count; i++) {
        err = read_finding(batch, i, false);
        if (batch->drifts[i])
            batch->targets[i] = batch->drifts[i]->invoice;
        if (batch->tasks[i]) {
            batch->targets[i] = batch->tasks[i]->invoice;
            batch->named[i] = batch->tasks[i]->operation;
        }
    }
    return err;
}

enum err batch_load_findings(struct batch *batch)
{
    enum err err = OK;
    for (size_t i = 0; !err && i < batch->count; i++)
        err = read_finding(batch, i, true);
    return err;
}

static struct drift *same_drift(const struct batch *batch, size_t before, struct drift_id id)
{
    for (size_t i = before; i > 0; i--)
        if (batch->drifts[i - 1] && drift_id_equal(batch->drifts[i - 1]->id, id))
            return batch->drifts[i - 1];
    return NULL;
}

static struct task *same_task(const struct batch *batch, size_t before, struct task_id id)
{
    for (size_t i = before; i > 0; i--)
        if (batch->tasks[i - 1] && task_id_equal(batch->tasks[i - 1]->id, id))
            return batch->tasks[i - 1];
    return NULL;
}

/* A turn works on a copy of what an earlier turn of the batch left. */
void batch_give_findings(struct batch *batch, size_t at)
{
    struct turn *turn = batch->turns[at];
    if (batch->drifts[at]) {
        const struct drift *left = same_drift(batch, at, batch->drifts[at]->id);
        turn->drift = arena_copy(batch->arena, left ? left : batch->drifts[at],
                                 sizeof(struct drift));
    }
    if (batch->tasks[at]) {
        const struct task *left = same_task(batch, at, batch->tasks[at]->id);
        turn->task = arena_copy(batch->arena, left ? left : batch->tasks[at], sizeof(struct task));
    }
}

void batch_take_findings(struct batch *batch, size_t at)
{
    const struct turn *turn = batch->turns[at];
    if (turn->drift)
        batch->drifts[at] = turn->drift;
    if (turn->task)
        batch->tasks[at] = turn->task;
    for (size_t i = 0; i < turn->drifts.count; i++)
        drift_list_add(batch->arena, &batch->found, turn->drifts.items[i]);
    for (size_t i = 0; i < turn->audit.count; i++)
        audit_entry_list_add(batch->arena, &batch->audit, turn->audit.items[i]);
}

static enum err flush_rows(struct batch *batch)
{
    enum err err = OK;
    for (size_t i = 0; !err && i < batch->count; i++) {
        const void *drift = batch->drifts[i], *task = batch->tasks[i];
        if (drift && batch->drifts[i]->row == ROW_CHANGED)
            err = db_update(batch->db, &table_drifts, &drift, 1);
        if (!err && task && batch->tasks[i]->row == ROW_CHANGED)
            err = db_update(batch->db, &table_tasks, &task, 1);
    }
    return err;
}

static enum err close_tasks(struct batch *batch, const char *sql, struct id about)
{
    const struct db_value args[] = { DB_ID(about), DB_NUMBER(batch->now_ms) };
    return db_query(batch->db, sql, args, 2, NULL, NULL);
}

/* What a person was asked to decide has decided itself: the operation ended, after so many looks
 * that there is a task. */
static enum err close_unresolved(struct batch *batch, const struct books *books)
{
    enum err err = OK;
    for (size_t i = 0; !err && i < books->operations.count; i++) {
        const struct operation *operation = books->operations.items[i];
        if (operation->row == ROW_CHANGED && operation->closed_ms == batch->now_ms
            && operation->tries > SCHEDULE_UNKNOWN_TRIES)
            err = close_tasks(batch,
                              "UPDATE tasks SET closed_ms = $2, action = 'answered',"
                              " resolved_by = 'gateway' WHERE operation = $1 AND closed_ms IS NULL"
                              " AND kind IN ('operation_unresolved', 'card_not_forgotten')",
                              operation->id.id);
    }
    return err;
}

static bool has_tried(const struct payment *payment)
{
    return payment->capture_tries + payment->cancel_tries > 0;
}

static bool is_over(const struct payment *payment)
{
    return machine_is_final(&machine_payment, payment->status);
}

static enum err add_exhausted(void *self, void *row)
{
    (void)row;
    *(bool *)self = true;
    return OK;
}

enum err batch_load_exhausted(struct batch *batch)
{
    size_t most = 0, count = 0;
    for (size_t i = 0; i < batch->books_count; i++)
        most += batch->books[i]->payments.count;
    struct id *ids = ARENA_ARRAY(batch->arena, struct id, most);
    for (size_t i = 0; i < batch->books_count; i++) {
        const struct payment_list *payments = &batch->books[i]->payments;
        for (size_t k = 0; k < payments->count; k++)
            if (has_tried(payments->items[k]) && !is_over(payments->items[k]))
                ids[count++] = payments->items[k]->id.id;
    }
    return db_load_later(batch->db, &table_tasks, "payment", ids, count,
                         "closed_ms IS NULL AND kind IN ('capture_exhausted', 'cancel_exhausted')",
                         false, batch->arena, add_exhausted, &batch->has_exhausted);
}

/* Loaded, or opened by an earlier turn of this batch. Nearly always there is none. */
static bool has_exhausted(const struct batch *batch, const struct books *books)
{
    return batch->has_exhausted || books->tasks.count > 0;
}

/* And so did the payment. */
static enum err close_exhausted(struct batch *batch, const struct books *books)
{
    enum err err = OK;
    for (size_t i = 0; !err && i < books->payments.count; i++) {
        const struct payment *payment = books->payments.items[i];
        if (payment->row == ROW_CHANGED && has_tried(payment) && is_over(payment))
            err = close_tasks(batch,
                              "UPDATE tasks SET closed_ms = $2, action = 'answered',"
                              " resolved_by = 'gateway' WHERE payment = $1 AND closed_ms IS NULL"
                              " AND kind IN ('capture_exhausted', 'cancel_exhausted')",
                              payment->id.id);
    }
    return err;
}

static enum err flush_answered(struct batch *batch)
{
    enum err err = OK;
    for (size_t i = 0; !err && i < batch->books_count; i++) {
        err = close_unresolved(batch, batch->books[i]);
        if (!err && has_exhausted(batch, batch->books[i]))
            err = close_exhausted(batch, batch->books[i]);
    }
    return err;
}

/* The numbers come from one counter, whose row holds up other writers until the commit: each
 * entry is sealed over the one that was committed before it. */
static enum err flush_audit(struct batch *batch)
{
    int64_t number = 0;
    struct audit_entry *before = NULL;
    if (batch->audit.count == 0)
        return OK;
    enum err err = db_take_numbers(batch->db, "audit", (int64_t)batch->audit.count, &number);
    struct db_value last = DB_NUMBER(number - 1);
    if (!err)
        err = db_select(batch->db, &table_audit, "number = $1", &last, 1, batch->arena, db_keep_row,
                        &before);
    for (size_t i = 0; !err && i < batch->audit.count; i++) {
        struct audit_entry *entry = batch->audit.items[i];
        const void *row = entry;
        entry->number = number + (int64_t)i;
        if (before)
            entry->previous = before->hash;
        entry->hash = audit_hash(entry);
        before = entry;
        err = db_insert(batch->db, &table_audit, &row, 1);
    }
    return err;
}

enum err batch_flush_findings(struct batch *batch)
{
    enum err err = flush_rows(batch);
    if (!err)
        err = flush_answered(batch);
    for (size_t i = 0; !err && i < batch->found.count; i++) {
        bool decided = false;
        err = drift_is_told(batch->db, batch->found.items[i], false, &decided);
        if (!err && !decided)
            err = drift_note(batch->db, batch->found.items[i], batch->arena);
    }
    return err ? err : flush_audit(batch);
}
