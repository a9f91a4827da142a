/* query_claims.c - the answers that were recorded for idempotency keys. */
#include "store/query_parts.h"

QUERY_LIST(claim_list, struct claim)

static enum err body_of(struct db *db, const struct claim *claim, struct arena *arena,
                        struct str *out)
{
    struct db_value args[] = { DB_ID(claim->invoice), DB_NUMBER(claim->answer_sequence) };
    void *row = NULL;

    if (!str_is_empty(claim->body)) {
        *out = claim->body;
        return OK;
    }
    enum err err = db_select(db, &table_events, "invoice = $1 AND sequence = $2",
                             QUERY_ARGS(args), arena, db_keep_row, &row);
    if (err)
        return err;
    if (!row)
        return ERR_INTERNAL;
    *out = ((const struct event *)row)->data;
    return OK;
}

enum err query_answers(struct db *db, const struct id *claims, size_t count, struct arena *arena,
                       struct turn_answer_list *out)
{
    struct claim_list found = { 0 };
    struct claim_list_load load = { arena, &found };

    enum err err = db_load(db, &table_claims, "key", claims, count, "status <> 0", false, arena,
                           claim_list_load, &load);
    for (size_t i = 0; !err && i < found.count; i++) {
        const struct claim *claim = found.items[i];
        struct turn_answer *answer = ARENA_NEW(arena, struct turn_answer);
        *answer = (struct turn_answer){
            .claim_key = claim->key,
            .status = (int)claim->status,
            .final = true,
        };
        err = body_of(db, claim, arena, &answer->body);
        if (!err)
            turn_answer_list_add(arena, out, answer);
    }
    return err;
}
