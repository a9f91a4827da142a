/* ledger.c - the sandbox's tables, and what one transaction loads from and writes to them. */
#include "sandbox/ledger.h"

#include <assert.h>
#include <string.h>

#include "store/db_later.h"

/* clang-format off */
#define WORD(name, text, ...) text,
#define WORDS(list, list_name, TABLE)                                                             \
    static const char *const list##_texts[] = { NULL, TABLE(WORD) };                              \
    const struct word_list words_##list = { list_name, list##_texts,                              \
                                            sizeof(list##_texts) / sizeof(list##_texts[0]) }

WORDS(sandbox_charge_state, "charge.state", SANDBOX_CHARGE_STATES);
WORDS(sandbox_kind, "operation.kind", SANDBOX_KINDS);
WORDS(sandbox_status, "operation.status", SANDBOX_STATUSES);
WORDS(sandbox_code, "operation.code", SANDBOX_CODES);
WORDS(sandbox_card, "charge.card", SANDBOX_CARDS);
WORDS(sandbox_saving, "charge.saving", SANDBOX_SAVINGS);

#define COLUMN(row, kind, role, member, words)                                                    \
    { #member, COLUMN_##kind, COLUMN_##role, offsetof(struct row, member), words, 0 }
#define COLUMN_COUNT(columns) (sizeof(columns) / sizeof((columns)[0]))

static const struct column charge_columns[] = {
    COLUMN(sandbox_charge, ID, KEY, id, NULL),
    COLUMN(sandbox_charge, TEXT, FIXED, account, NULL),
    COLUMN(sandbox_charge, TEXT, FIXED, reference, NULL),
    COLUMN(sandbox_charge, WORD, VARIES, state, &words_sandbox_charge_state),
    COLUMN(sandbox_charge, CURRENCY, FIXED, currency, NULL),
    COLUMN(sandbox_charge, INT, FIXED, amount_minor, NULL),
    COLUMN(sandbox_charge, INT, VARIES, authorized_minor, NULL),
    COLUMN(sandbox_charge, INT, VARIES, captured_minor, NULL),
    COLUMN(sandbox_charge, INT, VARIES, refunded_minor, NULL),
    COLUMN(sandbox_charge, INT, VARIES, released_minor, NULL),
    COLUMN(sandbox_charge, BOOL, FIXED, sale, NULL),
    COLUMN(sandbox_charge, WORD, FIXED, card, &words_sandbox_card),
    COLUMN(sandbox_charge, TEXT, FIXED, last4, NULL),
    COLUMN(sandbox_charge, WORD, VARIES, saving, &words_sandbox_saving),
    COLUMN(sandbox_charge, TEXT, FIXED, customer, NULL),
    COLUMN(sandbox_charge, TEXT, FIXED, paid_with, NULL),
    COLUMN(sandbox_charge, TEXT, FIXED, token, NULL),
    COLUMN(sandbox_charge, TEXT, FIXED, description, NULL),
    COLUMN(sandbox_charge, TEXT, FIXED, return_url, NULL),
    COLUMN(sandbox_charge, TIME, FIXED, created_ms, NULL),
};
static const struct index charge_indexes[] = {
    { "sandbox_charges_token", true, "token", "token IS NOT NULL" },
    { 0 },
};
/* It does as it is asked within these; whoever breaks them is the sandbox itself. */
static const char *const charge_checks[] = {
    "amount_minor >= 0",
    "authorized_minor IN (0, amount_minor)",
    "captured_minor >= 0",
    "released_minor >= 0",
    "captured_minor + released_minor <= authorized_minor",
    "refunded_minor BETWEEN 0 AND captured_minor",
    NULL,
};
static const struct table table_charges = {
    "sandbox_charges", 1, sizeof(struct sandbox_charge), charge_columns,
    COLUMN_COUNT(charge_columns), 1, charge_indexes, charge_checks,
};

static const struct column operation_columns[] = {
    COLUMN(sandbox_operation, ID, KEY, id, NULL),
    COLUMN(sandbox_operation, TEXT, FIXED, account, NULL),
    COLUMN(sandbox_operation, TEXT, FIXED, reference, NULL),
    COLUMN(sandbox_operation, ID, FIXED, charge, NULL),
    COLUMN(sandbox_operation, WORD, FIXED, kind, &words_sandbox_kind),
    COLUMN(sandbox_operation, WORD, VARIES, status, &words_sandbox_status),
    COLUMN(sandbox_operation, WORD, VARIES, code, &words_sandbox_code),
    COLUMN(sandbox_operation, INT, FIXED, amount_minor, NULL),
    COLUMN(sandbox_operation, CURRENCY, FIXED, currency, NULL),
    COLUMN(sandbox_operation, INT, VARIES, conflicts, NULL),
    COLUMN(sandbox_operation, TIME, FIXED, created_ms, NULL),
};
static const struct index no_indexes[] = { { 0 } };
static const char *const operation_checks[] = { "amount_minor >= 0", "conflicts >= 0", NULL };
static const struct table table_sandbox_operations = {
    "sandbox_operations", 1, sizeof(struct sandbox_operation), operation_columns,
    COLUMN_COUNT(operation_columns), 1, no_indexes, operation_checks,
};

static const struct column movement_columns[] = {
    COLUMN(sandbox_movement, INT, KEY, number, NULL),
    COLUMN(sandbox_movement, TEXT, FIXED, account, NULL),
    COLUMN(sandbox_movement, TEXT, FIXED, charge, NULL),
    COLUMN(sandbox_movement, WORD, FIXED, kind, &words_sandbox_kind),
    COLUMN(sandbox_movement, TEXT, FIXED, reference, NULL),
    COLUMN(sandbox_movement, INT, FIXED, amount_minor, NULL),
    COLUMN(sandbox_movement, CURRENCY, FIXED, currency, NULL),
    COLUMN(sandbox_movement, TIME, FIXED, at_ms, NULL),
};
static const char *const movement_checks[] = { "amount_minor >= 0", NULL };
static const struct table table_movements = {
    "sandbox_ledger", 1, sizeof(struct sandbox_movement), movement_columns,
    COLUMN_COUNT(movement_columns), 1, no_indexes, movement_checks,
};
/* clang-format on */

const struct table *const ledger_tables[] = {
    &table_charges, &table_sandbox_operations, &table_movements, &table_counters, NULL,
};
static const struct migration migrations[] = {
    { 1, "charges, operations and the ledger", NULL },
    { 0 },
};

enum err ledger_migrate(struct db *db, struct arena *arena, struct str *why)
{
    return db_migrate(db, ledger_tables, migrations, arena, why);
}

void ledger_write_card(struct buf *out, struct id charge)
{
    id_write(out, "card", charge);
}

bool ledger_read_card(struct str text, struct id *charge)
{
    return id_parse(text, "card", charge);
}

struct id ledger_key(struct str account, struct str reference)
{
    struct operation_id operation;
    struct id key;

    if (operation_id_parse(reference, &operation))
        return operation.id;
    const struct str pieces[] = { account, reference };
    struct sha256 hash = crypto_hmac_sha256(STR("sandbox reference"), pieces, 2);
    memcpy(key.bytes, hash.bytes, sizeof(key.bytes));
    return key;
}

/* Found from the newest on: what a batch asks about is mostly its own. */
struct sandbox_charge *ledger_charge(const struct ledger *ledger, struct id id)
{
    for (size_t i = ledger->charges.count; i-- > 0;)
        if (id_equal(ledger->charges.items[i]->id, id))
            return ledger->charges.items[i];
    return NULL;
}

struct sandbox_operation *ledger_operation(const struct ledger *ledger, struct id id)
{
    for (size_t i = ledger->operations.count; i-- > 0;)
        if (id_equal(ledger->operations.items[i]->id, id))
            return ledger->operations.items[i];
    return NULL;
}

static enum err take_charge(void *self, void *row)
{
    struct ledger *ledger = self;

    sandbox_charge_list_add(ledger->arena, &ledger->charges, row);
    return OK;
}

static enum err take_operation(void *self, void *row)
{
    struct ledger *ledger = self;

    sandbox_operation_list_add(ledger->arena, &ledger->operations, row);
    return OK;
}

static bool is_among(const struct id *ids, size_t count, struct id id)
{
    while (count-- > 0)
        if (id_equal(ids[count], id))
            return true;
    return false;
}

enum err ledger_load_operations(struct ledger *ledger, struct db *db, const struct id *ids,
                                size_t count)
{
    struct id *missing = ARENA_ARRAY(ledger->arena, struct id, count);
    size_t missing_count = 0;

    for (size_t i = 0; i < count; i++)
        if (!ledger_operation(ledger, ids[i]) && !is_among(missing, missing_count, ids[i]))
            missing[missing_count++] = ids[i];
    return db_load_later(db, &table_sandbox_operations, "id", missing, missing_count, NULL, true,
                         ledger->arena, take_operation, ledger);
}

enum err ledger_load_charges(struct ledger *ledger, struct db *db, const struct id *ids,
                             size_t count)
{
    struct id *missing = ARENA_ARRAY(ledger->arena, struct id, count);
    size_t missing_count = 0;

    for (size_t i = 0; i < count; i++)
        if (!ledger_charge(ledger, ids[i]) && !is_among(missing, missing_count, ids[i]))
            missing[missing_count++] = ids[i];
    return db_load_later(db, &table_charges, "id", missing, missing_count, NULL, true,
                         ledger->arena, take_charge, ledger);
}

enum err ledger_load_challenge(struct ledger *ledger, struct db *db, struct str token)
{
    const struct db_value arg = DB_STR(token);
    struct ledger found = { .arena = ledger->arena };
    enum err err = db_select(db, &table_charges, "token = $1", &arg, 1, ledger->arena, take_charge,
                             &found);

    if (err == OK && found.charges.count == 0)
        return ERR_NOT_FOUND;
    /* Again by id, which holds the row against other writers. */
    if (err == OK)
        err = ledger_load_charges(ledger, db, &found.charges.items[0]->id, 1);
    if (err == OK)
        err = ledger_load_operations(ledger, db, &found.charges.items[0]->id, 1);
    return err == OK ? db_await(db) : err;
}

/* Rows of a list that are in that state, for the driver. */
struct rows {
    const void **items;
    size_t count;
};

static struct rows charges_in(const struct ledger *ledger, enum row_change change)
{
    struct rows rows = { ARENA_ARRAY(ledger->arena, const void *, ledger->charges.count), 0 };

    for (size_t i = 0; i < ledger->charges.count; i++)
        if (ledger->charges.items[i]->row == change)
            rows.items[rows.count++] = ledger->charges.items[i];
    return rows;
}

static struct rows operations_in(const struct ledger *ledger, enum row_change change)
{
    struct rows rows = { ARENA_ARRAY(ledger->arena, const void *, ledger->operations.count), 0 };

    for (size_t i = 0; i < ledger->operations.count; i++)
        if (ledger->operations.items[i]->row == change)
            rows.items[rows.count++] = ledger->operations.items[i];
    return rows;
}

enum err ledger_flush(struct ledger *ledger, struct db *db, bool *wrote)
{
    struct rows new_charges = charges_in(ledger, ROW_NEW);
    struct rows changed_charges = charges_in(ledger, ROW_CHANGED);
    struct rows new_operations = operations_in(ledger, ROW_NEW);
    struct rows changed_operations = operations_in(ledger, ROW_CHANGED);

    enum err err = db_insert(db, &table_charges, new_charges.items, new_charges.count);
    if (err == OK)
        err = db_update(db, &table_charges, changed_charges.items, changed_charges.count);
    if (err == OK)
        err = db_insert(db, &table_sandbox_operations, new_operations.items, new_operations.count);
    if (err == OK)
        err = db_update(db, &table_sandbox_operations, changed_operations.items,
                        changed_operations.count);
    if (err == OK)
        err = db_insert_numbered(db, &table_movements, (void *const *)ledger->movements.items,
                                 ledger->movements.count, "sandbox_ledger", false);
    if (err == OK)
        *wrote = new_charges.count + changed_charges.count + new_operations.count +
                     changed_operations.count + ledger->movements.count >
                 0;
    return err;
}
