/* invoices.c - what is owed. */
#include "api/fields.h"
#include "api/reads.h"
#include "api/resources.h"
#include "core/render.h"
#include "core/requests.h"

struct create_body {
    int64_t amount;
    enum currency currency;
    struct str reference, description, shop, metadata;
};

static const struct field create_fields[] = {
    FIELD(struct create_body, amount, AMOUNT, .required = true, .least = 1),
    FIELD(struct create_body, currency, CURRENCY, .required = true),
    FIELD(struct create_body, reference, TEXT, .most = REFERENCE_MAX),
    FIELD(struct create_body, description, TEXT, .most = DESCRIPTION_MAX),
    FIELD(struct create_body, shop, TEXT, .most = SHOP_MAX),
    FIELD(struct create_body, metadata, METADATA),
};

/* POST /v1/invoices */
enum err invoice_create_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    struct invoice_create *ask = ARENA_NEW(&turn->arena, struct invoice_create);
    struct create_body body = { 0 };

    enum err err = fields_read(FIELDS(create_fields), json, "", &body, &call->trouble);
    if (err)
        return err;
    *ask = (struct invoice_create){
        .amount = { body.amount, body.currency },
        .reference = body.reference,
        .description = body.description,
        .shop = body.shop,
        .metadata = str_copy(&turn->arena, body.metadata),
    };
    turn->input.handler = &turn_invoice_create;
    turn->input.ask = ask;
    return OK;
}

/* POST /v1/invoices/{id}/cancel */
enum err invoice_cancel_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    turn->input.handler = &turn_invoice_cancel;
    turn->input.invoice = (struct invoice_id){ call->object };
    return fields_read(NULL, 0, json, "", NULL, &call->trouble);
}

/* POST /v1/invoices/{id}/fulfil */
enum err invoice_fulfil_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    turn->input.handler = &turn_invoice_fulfil;
    turn->input.invoice = (struct invoice_id){ call->object };
    return fields_read(NULL, 0, json, "", NULL, &call->trouble);
}

static enum err put_invoice(const struct read_ask *ask, struct db *db, struct json_out *out,
                            const struct invoice *invoice)
{
    struct payment_list payments = { 0 };

    enum err err = query_invoice_payments(db, invoice->id, ask->arena, &payments);
    if (!err)
        render_invoice(out, NULL, invoice, &payments);
    return err;
}

static enum err run_invoice(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct invoice *invoice = NULL;

    enum err err = query_invoice(db, ask->scope, (struct invoice_id){ ask->object }, ask->arena,
                                 &invoice);
    return err ? err : put_invoice(ask, db, out, invoice);
}

/* GET /v1/invoices/{id} */
const struct reading read_invoice = { .run = run_invoice };

struct search {
    struct page page;
    enum invoice_state status;
};

static const struct field search_fields[] = {
    PAGE_FIELDS,
    FIELD(struct search, status, WORD, .words = &words_invoice_state),
};

static enum err run_invoices(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    const struct search *search = ask->params;
    struct query_page page = { ask->page->place, page_limit(ask->page) };
    struct invoice_list invoices = { 0 };

    enum err err = query_invoices(db, ask->scope, word_str(&words_invoice_state, search->status),
                                  page, ask->arena, &invoices);
    if (err)
        return err;
    struct id last = { { 0 } };
    list_open(out);
    for (size_t i = 0; i < page_shown(ask->page, invoices.count); i++) {
        err = put_invoice(ask, db, out, invoices.items[i]);
        if (err)
            return err;
        last = invoices.items[i]->id.id;
    }
    list_close(out, ask, invoices.count, last);
    return OK;
}

/* GET /v1/invoices */
const struct reading read_invoices = {
    FIELDS(search_fields),
    sizeof(struct search),
    true,
    .run = run_invoices,
};
