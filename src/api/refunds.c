/* refunds.c - money going back, and what became of it. */
#include "api/fields.h"
#include "api/reads.h"
#include "api/resources.h"
#include "core/render.h"
#include "core/requests.h"

static const struct field create_fields[] = {
    { .name = "amount",
      .kind = FIELD_AMOUNT,
      .least = 1,
      .offset = offsetof(struct refund_create, amount_minor) },
    FIELD(struct refund_create, reason, TEXT, .most = REFERENCE_MAX),
    { .name = "expected_refundable",
      .kind = FIELD_AMOUNT,
      .least = 0,
      .offset = offsetof(struct refund_create, expected_refundable_minor),
      .given = offsetof(struct refund_create, has_expected_refundable) },
};

/* POST /v1/payments/{id}/refunds */
enum err refund_create_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    struct refund_create *ask = ARENA_NEW(&turn->arena, struct refund_create);

    turn->input.handler = &turn_refund_create;
    turn->input.payment = (struct payment_id){ call->object };
    turn->input.ask = ask;
    return fields_read(FIELDS(create_fields), json, "", ask, &call->trouble);
}

static enum err run_refund(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct refund *refund = NULL;

    enum err err = query_refund(db, ask->scope, (struct refund_id){ ask->object }, ask->arena,
                                &refund);
    if (!err)
        render_refund(out, NULL, refund);
    return err;
}

/* GET /v1/refunds/{id} */
const struct reading read_refund = { .run = run_refund };

static enum err run_refunds(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct query_page page = { ask->page->place, page_limit(ask->page) };
    struct refund_list refunds = { 0 };
    struct payment *payment = NULL;

    enum err err = query_payment(db, ask->scope, (struct payment_id){ ask->object }, ask->arena,
                                 &payment);
    if (!err)
        err = query_payment_refunds(db, payment, page, ask->arena, &refunds);
    if (err)
        return err;
    struct id last = { { 0 } };
    list_open(out);
    for (size_t i = 0; i < page_shown(ask->page, refunds.count); i++) {
        render_refund(out, NULL, refunds.items[i]);
        last = refunds.items[i]->id.id;
    }
    list_close(out, ask, refunds.count, last);
    return OK;
}

/* GET /v1/payments/{id}/refunds */
const struct reading read_payment_refunds = { PAGE_ONLY, .run = run_refunds };
