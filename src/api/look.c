#include "api/look.h"

#include "base/time.h"
#include "core/requests.h"

#define FRESH_MS (5 * SECOND_MS)
#define AGE_PART 10 /* not asked again before a tenth of its age */

static bool is_under_way(enum payment_state status)
{
    return status == PAYMENT_AUTHORIZING || status == PAYMENT_REQUIRES_ACTION ||
           status == PAYMENT_CAPTURING || status == PAYMENT_CANCELLING;
}

enum err look_is_due(struct db *db, const struct payment *payment, int64_t now_ms, bool *out)
{
    int64_t pause_ms = (now_ms - payment->created_ms) / AGE_PART;
    int64_t asked_ms = 0;

    *out = false;
    if (!is_under_way(payment->status) || now_ms - payment->updated_ms <= FRESH_MS)
        return OK;
    enum err err = query_payment_asked(db, payment, &asked_ms);
    *out = now_ms - asked_ms > (pause_ms > FRESH_MS ? pause_ms : FRESH_MS);
    return err;
}

bool look_ask(const struct call *call, struct query_scope scope, struct payment_id payment,
              void (*done)(struct desk_turn *turn), void *user)
{
    const struct desk *desk = call->api->config.desk;
    struct desk_turn *turn = desk_turn_new();

    turn->input = (struct turn_input){
        .handler = &turn_payment_look,
        .merchant = scope.merchant,
        .live = scope.live,
        .origin = ORIGIN_API,
        .actor = STR("reader"),
        .payment = payment,
    };
    turn->done = done;
    turn->user = user;
    if (desk->submit(desk->self, turn))
        return true;
    desk_turn_free(turn);
    return false;
}
