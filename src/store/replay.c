/* replay.c - a request that was made before: the answer that was recorded, byte for
 * byte, or, while its operation is not finished, the object as it is now. */
#include "core/render.h"
#include "store/batch.h"
#include "store/db_one.h"

static enum err recorded_body(struct batch *batch, const struct claim *claim, struct str *out)
{
    struct event *event = NULL;
    struct db_value args[] = { DB_ID(claim->invoice), DB_NUMBER(claim->answer_sequence) };
    if (!str_is_empty(claim->body)) {
        *out = claim->body;
        return OK;
    }
    enum err err = db_select(batch->db, &table_events, "invoice = $1 AND sequence = $2", args, 2,
                             batch->arena, db_keep_row, &event);
    if (!err && !event)
        err = ERR_INTERNAL;
    if (!err)
        *out = event->data;
    return err;
}

static enum err present_body(struct batch *batch, const struct claim *claim, struct str *out)
{
    struct payment *payment = NULL;
    struct refund *refund = NULL;
    struct instrument *instrument = NULL;
    const struct {
        const struct table *table;
        struct id id;
        void *row;
    } kinds[] = {
        { &table_refunds, claim->refund.id, &refund },
        { &table_instruments, claim->instrument.id, &instrument },
        { &table_payments, claim->payment.id, &payment },
    };
    size_t kind = 0;
    while (kind < 2 && id_is_zero(kinds[kind].id))
        kind++;
    enum err err = db_load(batch->db, kinds[kind].table, "id", &kinds[kind].id, 1, NULL, false,
                           batch->arena, db_keep_row, kinds[kind].row);
    if (err)
        return err;
    if (refund)
        *out = render_refund_text(batch->arena, refund);
    else if (instrument)
        *out = render_instrument_text(batch->arena, instrument);
    else if (payment)
        *out = render_payment_text(batch->arena, payment);
    else
        return ERR_INTERNAL;
    return OK;
}

enum err batch_replay(struct batch *batch, struct turn *turn, const struct claim *claim)
{
    if (!crypto_equal(claim->fingerprint.bytes, turn->input->claim_fingerprint.bytes,
                      sizeof(claim->fingerprint.bytes))) {
        turn->err = turn_fail(turn, ERR_IDEMPOTENCY_MISMATCH,
                              "The key was used for another address or another body.");
        return OK;
    }
    bool final = claim->status != 0;
    struct turn_answer answer = {
        .claim_key = claim->key,
        .status = final ? (int)claim->status : 202,
        .final = final,
        .replayed = true,
    };
    enum err err = final ? recorded_body(batch, claim, &answer.body)
                         : present_body(batch, claim, &answer.body);
    if (!err)
        turn->answer = answer;
    return err;
}
