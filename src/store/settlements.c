/* settlements.c - see settlements.h.
 *
 * Matching is done by the database for a whole group: by our id, our number, the gateway's
 * reference of the payment, that of the refund, in this order; a refund without any of its own is
 * the payment's refund of that amount which no row has yet. */
#include "store/settlements.h"

#include <assert.h>

#include "base/time.h"
#include "core/words.h"
#include "store/db_one.h"
#include "store/drifts.h"

/* A payment may be captured, and change by refunds, that long after it was made. */
#define LATE_CAPTURE_MS (35 * DAY_MS)
#define PAGE_ROWS 500

enum err settlement_begin(struct settlement_import *import, const struct settlement *fields,
                          struct arena *arena, bool *known)
{
    struct settlement *found = NULL;
    struct db_value args[] = { DB_ID(fields->gateway_account),
                               { DB_BYTES, 0, str_make((const char *)fields->content.bytes,
                                                       SHA256_SIZE) } };
    enum err err = db_begin(import->db);
    if (!err)
        err = db_select(import->db, &table_settlements, "gateway_account = $1 AND content = $2",
                        args, 2, arena, db_keep_row, &found);
    if (!err && !found) {
        found = arena_copy(arena, fields, sizeof(*fields));
        found->id = settlement_id_make(import->ids, fields->created_ms);
        found->status = SETTLEMENT_IMPORTING;
        const void *row = found;
        err = db_insert(import->db, &table_settlements, &row, 1);
    }
    if (!err)
        err = db_commit(import->db);
    if (err) {
        db_rollback(import->db);
        return err;
    }
    *known = found->status == SETTLEMENT_IMPORTED;
    import->row = found;
    return OK;
}

/* Whom a row is about. */
#define GROUP "settlement = $1 AND number BETWEEN $2 AND $3"
static const char *const match_sql[] = {
    "UPDATE settlement_lines SET refund = COALESCE("
    "(SELECT o.refund FROM operations o WHERE o.id = settlement_lines.named"
    "  AND o.gateway_account = $4),"
    "(SELECT r.id FROM refunds r JOIN payments p ON p.id = r.payment"
    "  WHERE r.id = settlement_lines.named AND p.gateway_account = $4),"
    "(SELECT r.id FROM refunds r JOIN payments p ON p.id = r.payment"
    "  WHERE r.gateway_reference = settlement_lines.refund_reference"
    "  AND p.gateway_account = $4 ORDER BY r.id LIMIT 1)"
    ") WHERE " GROUP " AND kind = 'refund'",
    "UPDATE settlement_lines SET payment = (SELECT p.id FROM refunds r"
    "  JOIN payments p ON p.id = r.payment"
    "  WHERE r.id = settlement_lines.refund AND p.gateway_account = $4)"
    " WHERE " GROUP " AND refund IS NOT NULL",
    "UPDATE settlement_lines SET payment = COALESCE("
    "(SELECT o.payment FROM operations o WHERE o.id = settlement_lines.named"
    "  AND o.gateway_account = $4),"
    "(SELECT p.id FROM payments p WHERE p.id = settlement_lines.named"
    "  AND p.gateway_account = $4),"
    "(SELECT p.id FROM payments p WHERE p.gateway_account = $4"
    "  AND p.order_reference = settlement_lines.reference),"
    "(SELECT p.id FROM payments p WHERE p.gateway_account = $4"
    "  AND p.gateway_reference = settlement_lines.gateway_reference"
    "  ORDER BY p.captured_minor DESC, p.id LIMIT 1)"
    ") WHERE " GROUP " AND payment IS NULL AND kind NOT IN ('payout', 'fee')",
};

/* A refund by its payment and amount, one row at a time: each has its own. */
static const char refund_by_amount_sql[] =
    "UPDATE settlement_lines SET refund = (SELECT r.id FROM payments p"
    " JOIN refunds r ON r.invoice = p.invoice AND r.payment = p.id"
    " WHERE p.id = settlement_lines.payment AND r.amount_minor = -settlement_lines.gross_minor"
    " AND NOT EXISTS (SELECT 1 FROM settlement_lines o WHERE o.refund = r.id)"
    " ORDER BY r.id LIMIT 1) WHERE settlement = $1 AND number = $2 AND refund IS NULL"
    " AND payment IS NOT NULL";

static enum err match(struct settlement_import *import, const struct settlement_line_list *lines,
                      const struct db_value *args)
{
    enum err err = OK;
    for (size_t i = 0; !err && i < sizeof(match_sql) / sizeof(match_sql[0]); i++)
        err = db_query(import->db, match_sql[i], args, 4, NULL, NULL);
    for (size_t i = 0; !err && i < lines->count; i++) {
        const struct settlement_line *line = lines->items[i];
        struct db_value one[] = { args[0], DB_NUMBER(line->number) };
        if (line->kind == SETTLEMENT_REFUND && str_is_empty(line->refund_reference))
            err = db_query(import->db, refund_by_amount_sql, one, 2, NULL, NULL);
    }
    return err;
}

/* Differences. */

static enum err note_drift(struct settlement_import *import, struct drift *seen)
{
    seen->id = drift_id_make(import->ids, seen->seen_ms);
    return drift_note(import->db, seen, import->arena);
}

static struct drift *drift_of(struct settlement_import *import, enum drift_kind kind,
                              struct str reference, enum currency currency)
{
    const struct settlement *file = import->row;
    int64_t now_ms = outside_now_ms(import->ids->outside);
    struct drift *drift = ARENA_NEW(import->arena, struct drift);
    *drift = (struct drift){
        .merchant = file->merchant,
        .live = file->live,
        .kind = kind,
        .gateway_account = file->gateway_account,
        .gateway = file->gateway,
        .reference = reference,
        .currency = currency,
        .times = 1,
        .created_ms = now_ms,
        .seen_ms = now_ms,
    };
    return drift;
}

/* What tells the row apart from others: the gateway's word where there is one. */
static struct str reference_of(const struct settlement_line *line)
{
    if (line->kind == SETTLEMENT_REFUND && !str_is_empty(line->refund_reference))
        return line->refund_reference;
    return str_is_empty(line->gateway_reference) ? line->reference : line->gateway_reference;
}

/* A group is held against the books. */

struct judging {
    struct settlement_import *import;
    const struct settlement_line_list *lines;
    size_t at;
    struct settlement_verdict *verdicts;
    struct payment_list payments;        /* of each: id, invoice and status */
    struct refund_list refunds;
};

static const char judge_sql[] =
    "SELECT l.number, l.payment, l.refund, p.invoice, p.status, p.captured_minor, p.currency,"
    " r.status, r.amount_minor, CASE WHEN EXISTS (SELECT 1 FROM settlement_lines o"
    " WHERE o.payment = l.payment AND o.kind = l.kind"
    " AND (o.refund = l.refund OR (o.refund IS NULL AND l.refund IS NULL))"
    " AND (o.result IS NOT NULL OR (o.settlement = l.settlement AND o.number < l.number)))"
    " THEN 1 ELSE 0 END FROM settlement_lines l LEFT JOIN payments p ON p.id = l.payment"
    " LEFT JOIN refunds r ON r.id = l.refund"
    " WHERE l.settlement = $1 AND l.number BETWEEN $2 AND $3 ORDER BY l.number";

static struct id id_in(const struct db_value *value)
{
    struct id id = { { 0 } };
    if (value->type == DB_BYTES && value->bytes.len == sizeof(id.bytes))
        __builtin_memcpy(id.bytes, value->bytes.ptr, sizeof(id.bytes));
    return id;
}

static enum err judge_row(void *self, const struct db_value *values, size_t count)
{
    struct judging *judging = self;
    struct arena *arena = judging->import->arena;
    assert(count == 10 && judging->at < judging->lines->count);
    const struct settlement_line *line = judging->lines->items[judging->at];
    assert(line->number == values[0].number);
    struct payment *payment = ARENA_NEW(arena, struct payment);
    struct refund *refund = ARENA_NEW(arena, struct refund);
    payment->id.id = id_in(&values[1]);
    refund->id.id = id_in(&values[2]);
    payment->invoice.id = id_in(&values[3]);
    payment->status = (enum payment_state)word_of(&words_payment_state, values[4].bytes);
    refund->status = (enum refund_state)word_of(&words_refund_state, values[7].bytes);
    const struct settlement_books books = {
        .has_payment = values[1].type != DB_NULL,
        .has_refund = values[2].type != DB_NULL,
        .refund_status = refund->status,
        .captured_minor = values[5].number,
        .currency = currency_of(values[6].bytes),
        .refund_minor = values[8].number,
        .twice = values[9].number != 0,
    };
    judging->verdicts[judging->at++] = settlement_judge(line, &books);
    payment_list_add(arena, &judging->payments, payment);
    refund_list_add(arena, &judging->refunds, refund);
    return OK;
}

static enum err tell(struct judging *judging, size_t at)
{
    struct settlement_import *import = judging->import;
    const struct settlement_line *line = judging->lines->items[at];
    const struct settlement_verdict *verdict = &judging->verdicts[at];
    const struct payment *payment = judging->payments.items[at];
    const struct refund *refund = judging->refunds.items[at];
    struct drift *drift = drift_of(import, verdict->drift, reference_of(line), line->currency);
    drift->payment = payment->id;
    drift->invoice = payment->invoice;
    drift->refund = refund->id;
    drift->our_status = refund_id_is_zero(refund->id)
                            ? word_str(&words_payment_state, payment->status)
                            : word_str(&words_refund_state, refund->status);
    drift->gateway_status = word_str(&words_settlement_kind, line->kind);
    drift->our_minor = verdict->our_minor;
    drift->gateway_minor = verdict->gateway_minor;
    drift->detail = str_format(import->arena, "row %lld of %.*s", (long long)line->number,
                               STR_ARG(import->row->name));
    return note_drift(import, drift);
}

static void count(struct settlement *row, enum settlement_result result)
{
    int64_t *const counts[] = {
        [SETTLEMENT_IS_MATCHED] = &row->matched, [SETTLEMENT_IS_DIFFERS] = &row->differing,
        [SETTLEMENT_IS_TWICE] = &row->twice,     [SETTLEMENT_IS_UNKNOWN] = &row->unknown,
        [SETTLEMENT_IS_NOTED] = &row->noted,
    };
    assert(result != SETTLEMENT_IS_OPEN);
    ++*counts[result];
    row->lines++;
}

static enum err judge(struct settlement_import *import, const struct settlement_line_list *lines,
                      const struct db_value *args, struct settlement *row)
{
    struct judging judging = { .import = import, .lines = lines };
    judging.verdicts = ARENA_ARRAY(import->arena, struct settlement_verdict, lines->count);
    enum err err = db_query(import->db, judge_sql, args, 3, judge_row, &judging);
    assert(err || judging.at == lines->count);
    if (!err)
        err = db_query(import->db,
                       "UPDATE settlement_lines SET result = CASE WHEN kind IN ('fee',"
                       " 'adjustment', 'payout') THEN 'noted' ELSE 'matched' END WHERE " GROUP,
                       args, 3, NULL, NULL);
    for (size_t i = 0; !err && i < lines->count; i++) {
        const struct settlement_verdict *verdict = &judging.verdicts[i];
        struct db_value one[] = {
            args[0], DB_NUMBER(lines->items[i]->number),
            DB_STR(word_str(&words_settlement_result, verdict->result)),
        };
        count(row, verdict->result);
        if (verdict->result != SETTLEMENT_IS_MATCHED && verdict->result != SETTLEMENT_IS_NOTED)
            err = db_query(import->db, "UPDATE settlement_lines SET result = $3"
                                       " WHERE settlement = $1 AND number = $2",
                           one, 3, NULL, NULL);
        if (!err && verdict->drift != DRIFT_NONE)
            err = tell(&judging, i);
    }
    return err;
}

static void widen(struct settlement *row, int64_t booked_ms)
{
    if (row->from_ms == 0 || booked_ms < row->from_ms)
        row->from_ms = booked_ms;
    if (booked_ms > row->to_ms)
        row->to_ms = booked_ms;
}

enum err settlement_add(struct settlement_import *import, const struct settlement_line_list *lines)
{
    struct settlement row = *import->row;
    const void *changed = &row;
    assert(lines->count > 0 && lines->count <= SETTLEMENT_GROUP_ROWS);
    for (size_t i = 0; i < lines->count; i++) {
        assert(lines->items[i]->number > row.last_row);
        row.last_row = lines->items[i]->number;
        lines->items[i]->settlement = row.id;
        widen(&row, lines->items[i]->booked_ms);
    }
    struct db_value args[] = { DB_ID(row.id), DB_NUMBER(lines->items[0]->number),
                               DB_NUMBER(row.last_row), DB_ID(row.gateway_account) };
    enum err err = db_begin(import->db);
    if (!err)
        err = db_insert(import->db, &table_settlement_lines,
                        (const void *const *)lines->items, lines->count);
    if (!err)
        err = match(import, lines, args);
    if (!err)
        err = judge(import, lines, args, &row);
    if (!err)
        err = db_update(import->db, &table_settlements, &changed, 1);
    if (!err)
        err = db_commit(import->db);
    if (err)
        db_rollback(import->db);
    else
        *import->row = row;
    return err;
}

/* Totals. */

struct payouts {
    struct settlement_import *import;
    struct drift_list wrong;
};

static enum err take_payout(void *self, const struct db_value *values, size_t count_)
{
    struct payouts *payouts = self;
    struct arena *arena = payouts->import->arena;
    assert(count_ == 4);
    struct drift *drift = drift_of(payouts->import, DRIFT_PAYOUT_MISMATCH,
                                   str_copy(arena, values[0].bytes),
                                   currency_of(values[1].bytes));
    drift->our_minor = values[2].number;
    drift->gateway_minor = values[3].number;
    drift->gateway_status = STR("payout");
    drift->detail = str_format(arena, "the rows of payout %.*s in %.*s make %lld",
                               STR_ARG(drift->reference), STR_ARG(payouts->import->row->name),
                               (long long)drift->our_minor);
    drift_list_add(arena, &payouts->wrong, drift);
    return OK;
}

static enum err note_all(struct settlement_import *import, const struct drift_list *drifts)
{
    enum err err = drifts->count > 0 ? db_begin(import->db) : OK;
    for (size_t i = 0; !err && i < drifts->count; i++)
        err = note_drift(import, drifts->items[i]);
    if (!err && drifts->count > 0)
        err = db_commit(import->db);
    if (err)
        db_rollback(import->db);
    return err;
}

static enum err check_payouts(struct settlement_import *import)
{
    struct payouts payouts = { .import = import };
    struct db_value arg = DB_ID(import->row->id);
    enum err err = db_query(
        import->db,
        "SELECT payout, currency, rows_minor, payout_minor FROM (SELECT payout, currency,"
        " CAST(sum(CASE WHEN kind = 'payout' THEN 0 ELSE net_minor END) AS BIGINT) AS rows_minor,"
        " CAST(sum(CASE WHEN kind = 'payout' THEN net_minor ELSE 0 END) AS BIGINT)"
        " AS payout_minor, sum(CASE WHEN kind = 'payout' THEN 1 ELSE 0 END) AS payouts"
        " FROM settlement_lines WHERE settlement = $1 AND payout IS NOT NULL"
        " GROUP BY payout, currency) AS totals WHERE payouts > 0 AND rows_minor <> payout_minor"
        " ORDER BY payout",
        &arg, 1, take_payout, &payouts);
    if (!err)
        err = note_all(import, &payouts.wrong);
    import->row->payouts_wrong = (int64_t)payouts.wrong.count;
    return err;
}

/* What should be in some file by now. */

static struct str payment_text(struct arena *arena, struct payment_id id)
{
    struct buf text;
    buf_init(&text, arena, ID_TEXT_MAX);
    payment_id_write(&text, id);
    return buf_str(&text);
}

static struct str refund_text(struct arena *arena, struct refund_id id)
{
    struct buf text;
    buf_init(&text, arena, ID_TEXT_MAX);
    refund_id_write(&text, id);
    return buf_str(&text);
}

struct missing {
    struct settlement_import *import;
    struct id last;
    size_t count;
    struct drift_list drifts;
};

static enum err miss_payment(void *self, void *row)
{
    struct missing *missing = self;
    struct settlement_import *import = missing->import;
    const struct payment *payment = row;
    struct drift *drift = drift_of(import, DRIFT_UNSETTLED,
                                   payment_text(import->arena, payment->id), payment->currency);
    drift->payment = payment->id;
    drift->invoice = payment->invoice;
    drift->our_status = word_str(&words_payment_state, payment->status);
    drift->our_minor = payment->captured_minor;
    drift->detail = STR("no settlement file has it");
    drift_list_add(import->arena, &missing->drifts, drift);
    missing->last = payment->id.id;
    missing->count++;
    return OK;
}

static enum err miss_refund(void *self, void *row)
{
    struct missing *missing = self;
    struct settlement_import *import = missing->import;
    const struct refund *refund = row;
    struct drift *drift = drift_of(import, DRIFT_UNSETTLED,
                                   refund_text(import->arena, refund->id), refund->currency);
    drift->payment = refund->payment;
    drift->invoice = refund->invoice;
    drift->refund = refund->id;
    drift->our_status = word_str(&words_refund_state, refund->status);
    drift->our_minor = -refund->amount_minor;
    drift->detail = STR("no settlement file has it");
    drift_list_add(import->arena, &missing->drifts, drift);
    missing->last = refund->id.id;
    missing->count++;
    return OK;
}

static enum err note_missing(struct settlement_import *import, const struct drift_list *drifts)
{
    struct drift_list fresh = { 0 };
    enum err err = OK;
    for (size_t i = 0; !err && i < drifts->count; i++) {
        bool told = false;
        err = drift_is_told(import->db, drifts->items[i], true, &told);
        if (!err && !told)
            drift_list_add(import->arena, &fresh, drifts->items[i]);
    }
    if (!err)
        err = note_all(import, &fresh);
    return err;
}

/* Page by page, so that neither memory nor a transaction grows with what is missing. */
static enum err miss_all(struct settlement_import *import, const struct table *table,
                         const char *where, db_load_f *miss, int64_t from_ms)
{
    struct missing missing = { .import = import, .last = id_first_at(from_ms) };
    const struct id until = id_first_at(import->row->overdue_ms);
    enum err err = OK;
    do {
        struct db_value args[] = { DB_ID(import->row->gateway_account), DB_ID(missing.last),
                                   DB_ID(until), DB_NUMBER(import->row->overdue_ms),
                                   DB_NUMBER(PAGE_ROWS) };
        missing.count = 0;
        missing.drifts = (struct drift_list){ 0 };
        arena_reset(import->arena);
        err = db_select(import->db, table, where, args, 5, import->arena, miss, &missing);
        if (!err)
            err = note_missing(import, &missing.drifts);
    } while (!err && missing.count == PAGE_ROWS);
    return err;
}

/* From the first file on: what came before was never promised. */
static enum err missing_from(struct settlement_import *import, int64_t *out_ms)
{
    int64_t first_ms = import->row->from_ms, before_ms = 0;
    struct db_value arg = DB_ID(import->row->gateway_account);
    enum err err = db_number(import->db, "SELECT min(from_ms) FROM settlements"
                                         " WHERE gateway_account = $1", &arg, 1, &first_ms);
    if (!err)
        err = db_number(import->db, "SELECT max(overdue_ms) FROM settlements"
                                    " WHERE gateway_account = $1", &arg, 1, &before_ms);
    before_ms -= LATE_CAPTURE_MS;
    *out_ms = before_ms > first_ms ? before_ms : first_ms;
    return err;
}

/* By what is written, since an import that was cut off here had found some of it. */
static enum err count_missing(struct settlement_import *import)
{
    struct db_value args[] = { DB_ID(import->row->gateway_account),
                               DB_NUMBER(import->row->created_ms) };
    return db_number(import->db, "SELECT count(*) FROM drifts WHERE gateway_account = $1"
                                 " AND kind = 'unsettled' AND reference IS NOT NULL"
                                 " AND created_ms >= $2", args, 2, &import->row->unsettled);
}

static enum err find_missing(struct settlement_import *import, int64_t settlement_ms)
{
    int64_t from_ms = 0;
    enum err err = missing_from(import, &from_ms);
    /* A day in the future is a typing error, or a payout that was announced. */
    int64_t to_ms = outside_now_ms(import->ids->outside);
    if (import->row->to_ms < to_ms)
        to_ms = import->row->to_ms;
    import->row->overdue_ms = to_ms - settlement_ms;
    if (err || import->row->overdue_ms <= from_ms)
        return err;
    err = miss_all(import, &table_payments,
                   "gateway_account = $1 AND id > $2 AND id < $3 AND captured_minor > 0"
                   " AND updated_ms <= $4 AND NOT EXISTS (SELECT 1 FROM settlement_lines l"
                   " WHERE l.payment = payments.id AND l.kind = 'payment') ORDER BY id LIMIT $5",
                   miss_payment, from_ms);
    if (!err)
        err = miss_all(import, &table_refunds,
                       "id > $2 AND id < $3 AND status = 'succeeded'"
                       " AND updated_ms <= $4 AND NOT EXISTS (SELECT 1 FROM"
                       " settlement_lines l WHERE l.refund = refunds.id) AND EXISTS"
                       " (SELECT 1 FROM payments p WHERE p.id = refunds.payment"
                       " AND p.gateway_account = $1) ORDER BY id LIMIT $5",
                       miss_refund, from_ms);
    return err ? err : count_missing(import);
}

enum err settlement_end(struct settlement_import *import, int64_t settlement_ms)
{
    struct settlement *row = import->row;
    struct db_value args[] = { DB_ID(row->gateway_account),
                               DB_NUMBER(outside_now_ms(import->ids->outside)) };
    enum err err = check_payouts(import);
    if (!err && settlement_ms > 0 && row->to_ms > 0)
        err = find_missing(import, settlement_ms);
    row->status = SETTLEMENT_IMPORTED;
    row->ended_ms = args[1].number;
    const void *changed = row;
    if (!err)
        err = db_begin(import->db);
    /* What was missed has come. */
    if (!err)
        err = db_query(import->db,
                       "UPDATE drifts SET closed_ms = $2, resolution = 'agreed',"
                       " resolved_by = 'settlement' WHERE gateway_account = $1"
                       " AND kind = 'unsettled' AND closed_ms IS NULL AND reference IS NOT NULL"
                       " AND EXISTS (SELECT 1 FROM settlement_lines l WHERE (drifts.refund IS NULL"
                       " AND l.payment = drifts.payment AND l.kind = 'payment')"
                       " OR l.refund = drifts.refund)",
                       args, 2, NULL, NULL);
    if (!err)
        err = db_update(import->db, &table_settlements, &changed, 1);
    if (!err)
        err = db_commit(import->db);
    if (err) {
        db_rollback(import->db);
        row->status = SETTLEMENT_IMPORTING;
    }
    return err;
}
