/* instruments.c - cards that a gateway keeps for a customer. */
#include "api/fields.h"
#include "api/method.h"
#include "api/reads.h"
#include "api/resources.h"
#include "core/render.h"
#include "core/requests.h"
#include "store/query_wallet.h"

struct create_body {
    struct id customer;
    enum currency currency;
    const struct json *payment_method;
    struct id gateway_account;
    struct str reference, description, return_url, metadata;
};

static const struct field create_fields[] = {
    FIELD(struct create_body, customer, ID, .required = true, .prefix = "cus"),
    FIELD(struct create_body, currency, CURRENCY, .required = true),
    FIELD(struct create_body, payment_method, OBJECT, .required = true),
    FIELD(struct create_body, gateway_account, ID, .prefix = "ga"),
    FIELD(struct create_body, reference, TEXT, .most = REFERENCE_MAX),
    FIELD(struct create_body, description, TEXT, .most = DESCRIPTION_MAX),
    FIELD(struct create_body, return_url, URL),
    FIELD(struct create_body, metadata, METADATA),
};

/* POST /v1/instruments: a payment of nothing, which shows that the card is good. */
enum err instrument_create_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    struct create_body body = { 0 };
    struct method_given given = { 0 };

    enum err err = fields_read(FIELDS(create_fields), json, "", &body, &call->trouble);
    if (!err)
        err = method_read(call, body.payment_method, turn, &given);
    if (!err && given.method == METHOD_SAVED_CARD)
        err = trouble_about(&call->trouble, ERR_VALIDATION, STR("payment_method.type"),
                            "The card is saved already.");
    if (err)
        return err;
    struct payment_create *ask = ARENA_NEW(&turn->arena, struct payment_create);
    *ask = (struct payment_create){
        .amount = { 0, body.currency },
        .capture_method = CAPTURE_METHOD_AUTOMATIC,
        .method = given.method,
        .card = given.card,
        .card_brand = given.card_brand,
        .card_last4 = given.card_last4,
        .confirm = true,
        .gateway_account = { body.gateway_account },
        .save_card = true,
        .verification = true,
        .reference = body.reference,
        .description = body.description,
        .return_url = body.return_url,
        .metadata = str_copy(&turn->arena, body.metadata),
    };
    turn->input.handler = &turn_instrument_create;
    turn->input.customer = (struct customer_id){ body.customer };
    turn->input.ask = ask;
    return OK;
}

/* POST /v1/instruments/{id}/deactivate */
enum err instrument_deactivate_ask(struct call *call, const struct json *json,
                                   struct desk_turn *turn)
{
    turn->input.handler = &turn_instrument_deactivate;
    turn->input.instrument = (struct instrument_id){ call->object };
    return fields_read(NULL, 0, json, "", NULL, &call->trouble);
}

static enum err run_instrument(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct instrument *instrument = NULL;

    enum err err = query_instrument(db, ask->scope, (struct instrument_id){ ask->object },
                                    ask->arena, &instrument);
    if (!err)
        render_instrument(out, NULL, instrument);
    return err;
}

/* GET /v1/instruments/{id} */
const struct reading read_instrument = { .run = run_instrument };

struct search {
    struct page page;
    struct id customer;
    enum instrument_state status;
};

static const struct field search_fields[] = {
    PAGE_FIELDS,
    FIELD(struct search, customer, ID, .prefix = "cus"),
    FIELD(struct search, status, WORD, .words = &words_instrument_state),
};

static enum err run_instruments(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    const struct search *search = ask->params;
    struct query_page page = { ask->page->place, page_limit(ask->page) };
    struct instrument_list instruments = { 0 };

    enum err err = query_instruments(db, ask->scope, (struct customer_id){ search->customer },
                                     word_str(&words_instrument_state, search->status), page,
                                     ask->arena, &instruments);
    if (err)
        return err;
    struct id last = { { 0 } };
    list_open(out);
    for (size_t i = 0; i < page_shown(ask->page, instruments.count); i++) {
        render_instrument(out, NULL, instruments.items[i]);
        last = instruments.items[i]->id.id;
    }
    list_close(out, ask, instruments.count, last);
    return OK;
}

/* GET /v1/instruments */
const struct reading read_instruments = {
    FIELDS(search_fields),
    sizeof(struct search),
    true,
    .run = run_instruments,
};
