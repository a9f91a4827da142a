/* payments.c - payments: made, confirmed, captured, cancelled, read and searched. */
#include <assert.h>

#include "api/fields.h"
#include "api/method.h"
#include "api/reads.h"
#include "api/resources.h"
#include "core/render.h"
#include "core/requests.h"
#include "store/query_pruned.h"

struct create_body {
    int64_t amount;
    enum currency currency;
    enum capture_method capture_method;
    const struct json *payment_method;
    bool confirm_given;
    bool confirm;
    struct id invoice;
    struct id gateway_account;
    struct id customer;
    bool save_card;
    struct str reference, description, shop, customer_email, return_url, metadata;
};

static const struct field create_fields[] = {
    FIELD(struct create_body, amount, AMOUNT, .required = true, .least = 1),
    FIELD(struct create_body, currency, CURRENCY, .required = true),
    FIELD(struct create_body, capture_method, WORD, .words = &words_capture_method),
    FIELD(struct create_body, payment_method, OBJECT),
    FIELD(struct create_body, confirm, BOOL, .given = offsetof(struct create_body, confirm_given)),
    FIELD(struct create_body, invoice, ID, .prefix = "inv"),
    FIELD(struct create_body, gateway_account, ID, .prefix = "ga"),
    FIELD(struct create_body, customer, ID, .prefix = "cus"),
    FIELD(struct create_body, save_card, BOOL),
    FIELD(struct create_body, reference, TEXT, .most = REFERENCE_MAX),
    FIELD(struct create_body, description, TEXT, .most = DESCRIPTION_MAX),
    FIELD(struct create_body, shop, TEXT, .most = SHOP_MAX),
    FIELD(struct create_body, customer_email, EMAIL),
    FIELD(struct create_body, return_url, URL),
    FIELD(struct create_body, metadata, METADATA),
};

static enum err check_confirm(struct call *call, struct create_body *body)
{
    if (!body->confirm_given)
        body->confirm = body->payment_method != NULL;
    if (body->confirm && !body->payment_method)
        return trouble_about(&call->trouble, ERR_VALIDATION, STR("confirm"),
                             "confirm cannot be true without a payment_method.");
    return OK;
}

/* POST /v1/payments */
enum err payment_create_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    struct create_body body = { .capture_method = CAPTURE_METHOD_AUTOMATIC };
    struct method_given given = { 0 };

    enum err err = fields_read(FIELDS(create_fields), json, "", &body, &call->trouble);
    if (!err)
        err = check_confirm(call, &body);
    if (!err)
        err = method_read(call, body.payment_method, turn, &given);
    if (err)
        return err;

    struct payment_create *ask = ARENA_NEW(&turn->arena, struct payment_create);
    *ask = (struct payment_create){
        .amount = { body.amount, body.currency },
        .capture_method = body.capture_method,
        .method = given.method,
        .card = given.card,
        .card_brand = given.card_brand,
        .card_last4 = given.card_last4,
        .confirm = body.confirm,
        .gateway_account = { body.gateway_account },
        .save_card = body.save_card,
        .reference = body.reference,
        .description = body.description,
        .shop = body.shop,
        .customer_email = body.customer_email,
        .return_url = body.return_url,
        .metadata = str_copy(&turn->arena, body.metadata),
    };
    turn->input.handler = &turn_payment_create;
    turn->input.invoice = (struct invoice_id){ body.invoice };
    turn->input.customer = (struct customer_id){ body.customer };
    turn->input.instrument = given.instrument;
    turn->input.ask = ask;
    return OK;
}

struct confirm_body {
    const struct json *payment_method;
    struct str return_url;
};

static const struct field confirm_fields[] = {
    FIELD(struct confirm_body, payment_method, OBJECT),
    FIELD(struct confirm_body, return_url, URL),
};

/* POST /v1/payments/{id}/confirm */
enum err payment_confirm_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    struct confirm_body body = { 0 };
    struct method_given given = { 0 };

    enum err err = fields_read(FIELDS(confirm_fields), json, "", &body, &call->trouble);
    if (!err)
        err = method_read(call, body.payment_method, turn, &given);
    if (err)
        return err;
    struct payment_confirm *ask = ARENA_NEW(&turn->arena, struct payment_confirm);
    *ask = (struct payment_confirm){
        .method = given.method,
        .card = given.card,
        .card_brand = given.card_brand,
        .card_last4 = given.card_last4,
        .return_url = body.return_url,
    };
    turn->input.handler = &turn_payment_confirm;
    turn->input.payment = (struct payment_id){ call->object };
    turn->input.instrument = given.instrument;
    turn->input.ask = ask;
    return OK;
}

static const struct field capture_fields[] = {
    { .name = "amount",
      .kind = FIELD_AMOUNT,
      .least = 1,
      .offset = offsetof(struct payment_capture, amount_minor) },
};

/* POST /v1/payments/{id}/capture */
enum err payment_capture_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    struct payment_capture *ask = ARENA_NEW(&turn->arena, struct payment_capture);

    turn->input.handler = &turn_payment_capture;
    turn->input.payment = (struct payment_id){ call->object };
    turn->input.ask = ask;
    return fields_read(FIELDS(capture_fields), json, "", ask, &call->trouble);
}

/* Expired and abandoned are for the clock to say. */
static const struct field cancel_fields[] = {
    FIELD(struct payment_cancel, reason, WORD, .words = &words_cancel_reason,
          .allowed = 1u << CANCEL_REASON_PAYER | 1u << CANCEL_REASON_MERCHANT |
                     1u << CANCEL_REASON_DUPLICATE | 1u << CANCEL_REASON_RISK),
};

/* POST /v1/payments/{id}/cancel */
enum err payment_cancel_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    struct payment_cancel *ask = ARENA_NEW(&turn->arena, struct payment_cancel);

    ask->reason = CANCEL_REASON_MERCHANT;
    turn->input.handler = &turn_payment_cancel;
    turn->input.payment = (struct payment_id){ call->object };
    turn->input.ask = ask;
    return fields_read(FIELDS(cancel_fields), json, "", ask, &call->trouble);
}

struct search {
    struct page page;
    enum payment_state status;
    struct payment_filter filter;
};

static const struct field search_fields[] = {
    PAGE_FIELDS,
    FIELD(struct search, status, WORD, .words = &words_payment_state),
    { .name = "reference",
      .kind = FIELD_TEXT,
      .most = REFERENCE_MAX,
      .offset = offsetof(struct search, filter.reference) },
    { .name = "gateway",
      .kind = FIELD_TEXT,
      .most = REFERENCE_MAX,
      .offset = offsetof(struct search, filter.gateway) },
    { .name = "gateway_reference",
      .kind = FIELD_TEXT,
      .most = REFERENCE_MAX,
      .offset = offsetof(struct search, filter.gateway_reference) },
    { .name = "amount",
      .kind = FIELD_AMOUNT,
      .least = 1,
      .offset = offsetof(struct search, filter.amount_minor) },
    { .name = "created_from",
      .kind = FIELD_TIME,
      .offset = offsetof(struct search, filter.created_from_ms) },
    { .name = "created_to",
      .kind = FIELD_TIME,
      .offset = offsetof(struct search, filter.created_to_ms) },
};

static enum err check_search(struct call *call, const void *params)
{
    const struct search *search = params;

    return str_is_empty(search->filter.gateway) ? OK
                                                : gateway_check_name(call, search->filter.gateway);
}

static enum err run_payments(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    const struct search *search = ask->params;
    struct payment_filter filter = search->filter;
    struct query_page page = { ask->page->place, page_limit(ask->page) };
    struct payment_list payments = { 0 };

    filter.status = word_str(&words_payment_state, search->status);
    enum err err = query_payments(db, ask->scope, &filter, page, ask->arena, &payments);
    if (err)
        return err;
    struct id last = { { 0 } };
    list_open(out);
    for (size_t i = 0; i < page_shown(ask->page, payments.count); i++) {
        render_payment(out, NULL, payments.items[i]);
        last = payments.items[i]->id.id;
    }
    list_close(out, ask, payments.count, last);
    return OK;
}

/* GET /v1/payments */
const struct reading read_payments = {
    FIELDS(search_fields), sizeof(struct search), true, check_search, run_payments,
};

static enum err put_operations(const struct read_ask *ask, struct db *db,
                               const struct operation_list *operations, bool pruned,
                               struct json_out *out)
{
    struct id last = { { 0 } };

    list_open_history(out, pruned);
    for (size_t i = 0; i < page_shown(ask->page, operations->count); i++) {
        struct attempt_list attempts = { 0 };
        enum err err = query_attempts(db, operations->items[i], ask->arena, &attempts);
        if (err)
            return err;
        render_operation(out, NULL, operations->items[i], &attempts);
        last = operations->items[i]->id.id;
    }
    list_close(out, ask, operations->count, last);
    return OK;
}

static enum err run_operations(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct operation_id after = { ask->page->place };
    struct operation_list operations = { 0 };
    struct payment *payment = NULL;
    bool pruned = false;

    enum err err = query_payment(db, ask->scope, (struct payment_id){ ask->object }, ask->arena,
                                 &payment);
    if (!err)
        err = query_payment_operations(db, payment, after, page_limit(ask->page), ask->arena,
                                       &operations);
    if (!err)
        err = query_payment_pruned(db, payment, &pruned);
    return err ? err : put_operations(ask, db, &operations, pruned, out);
}

/* GET /v1/payments/{id}/operations */
const struct reading read_payment_operations = {
    PAGE_ONLY,
    .run = run_operations,
};
