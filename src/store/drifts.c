/* drifts.c - see drifts.h. */
#include "store/drifts.h"

#include <assert.h>

#include "store/db_one.h"

enum err drift_note(struct db *db, const struct drift *seen, struct arena *arena)
{
    struct db_value key[] = { DB_ID(seen->gateway_account),
                              DB_STR(word_str(&words_drift_kind, seen->kind)),
                              DB_STR(seen->reference) };
    struct drift *open = NULL;
    assert(!str_is_empty(seen->reference));
    enum err err = db_select(db, &table_drifts,
                             "gateway_account = $1 AND kind = $2 AND reference = $3"
                             " AND closed_ms IS NULL",
                             key, 3, arena, db_keep_row, &open);
    if (err)
        return err;
    if (open) {
        struct db_value args[] = { DB_ID(open->id), DB_NUMBER(seen->seen_ms), DB_STR(seen->detail),
                                   DB_NUMBER(seen->our_minor), DB_NUMBER(seen->gateway_minor) };
        return db_query(db,
                        "UPDATE drifts SET times = times + 1, seen_ms = $2, detail = $3,"
                        " our_minor = $4, gateway_minor = $5 WHERE id = $1 AND closed_ms IS NULL",
                        args, 5, NULL, NULL);
    }
    const void *row = seen;
    return db_insert(db, &table_drifts, &row, 1);
}

enum err drift_is_told(struct db *db, const struct drift *drift, bool open_too, bool *told)
{
    int64_t found = 0;
    struct db_value args[] = { DB_ID(drift->gateway_account),
                               DB_STR(word_str(&words_drift_kind, drift->kind)),
                               DB_STR(drift->reference), DB_NUMBER(open_too) };
    enum err err = db_number(db, "SELECT count(*) FROM drifts WHERE gateway_account = $1"
                                 " AND kind = $2 AND reference = $3 AND (resolution IN"
                                 " ('accepted', 'settled') OR ($4 = 1 AND closed_ms IS NULL))",
                             args, 4, &found);
    *told = found > 0;
    return err;
}
