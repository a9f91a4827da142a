/* sandbox.c - the built-in test gateway, near side. The far side is src/sandbox.
 *
 * The protocol, JSON over POST, one resource per call (docs/gateways/sandbox.md has it whole):
 *   authorize, capture, void, refund   carry our reference as Idempotency-Key; the same
 *                                      reference again gets the same answer, no second effect
 *   deactivate                         the same, for a card that was saved with a charge
 *   enquire                            what became of the operation with that reference
 * A charge is named by the reference of its authorize operation, which is ours, so that it
 * can be spoken of when the answer to the authorize was lost.
 *
 * What an operation came to is always HTTP 200 with "status", a decline too. 4xx are about
 * the call itself. Everything else is no answer about anybody's money. */
#include <assert.h>

#include "base/json.h"
#include "base/time.h"
#include "gateways/gateways.h"
#include "gateways/sandbox.h"

#define BASE_URL "http://sandbox.invalid/v1/"

/* Their word, our meaning; not listed is unknown. */
static const struct gateway_word statuses[] = {
    { "approved", GW_APPROVED },           { "declined", GW_DECLINED }, { "refused", GW_REFUSED },
    { "requires_action", GW_NEEDS_PAYER }, { NULL, GW_UNKNOWN },
};

/* What a 4xx says of the operation that it answers. A reference used for something else before
 * says nothing of what that other call came to, so it is not here. */
static const struct gateway_word errors[] = {
    { "unknown_charge", GW_REFUSED },
    { "invalid_request", GW_REFUSED },
    { "unknown_card", GW_ABSENT },
    { NULL, GW_UNKNOWN },
};

/* Their reasons that merchants may rely on: they are ours too. */
static const char *const codes[] = {
    "card_declined",
    "insufficient_funds",
    "expired_card",
    "incorrect_cvc",
    "authentication_failed",
    "processing_error",
    "capture_refused",
    "refund_refused",
    "amount_too_large",
    "already_captured",
    "already_cancelled",
    "not_authorized",
    "not_captured",
    "currency_mismatch",
    "unknown_charge",
    "unknown_card",
    "deactivate_refused",
    "invalid_request",
    NULL,
};

/* Each kind of operation: their name for it, and the address for its requests. */
struct kind {
    const char *name, *url;
};

static const struct kind *kind_of(enum operation_kind kind)
{
#define KIND(name) { name, BASE_URL name }
    static const struct kind kinds[OPERATION_KIND_COUNT] = {
        [OPERATION_KIND_AUTHORIZE] = KIND("authorize"), [OPERATION_KIND_CAPTURE] = KIND("capture"),
        [OPERATION_KIND_CANCEL] = KIND("void"),         [OPERATION_KIND_REFUND] = KIND("refund"),
        [OPERATION_KIND_ENQUIRE] = KIND("enquire"),
        [OPERATION_KIND_DEACTIVATE] = KIND("deactivate"),
    };
#undef KIND

    assert(kinds[kind].name != NULL);
    return &kinds[kind];
}

/* The request around its body. */
static enum err finish(const struct gateway_ask *ask, struct json_out *json, struct arena *arena,
                       struct http_request *out)
{
    json_close_object(json);
    json_done(json);
    if (!buf_ok(json->buf))
        return ERR_INTERNAL;

    struct http_field *fields = ARENA_ARRAY(arena, struct http_field, 3);
    size_t count = 0;
    fields[count++] = (struct http_field){ STR("Content-Type"), STR("application/json") };
    fields[count++] = (struct http_field){ STR("Sandbox-Account"), ask->account_id };
    if (ask->call != OPERATION_KIND_ENQUIRE)
        fields[count++] = (struct http_field){ STR("Idempotency-Key"), ask->reference };
    *out = (struct http_request){
        .method = "POST",
        .url = str_of(kind_of(ask->call)->url),
        .fields = fields,
        .field_count = count,
        .body = buf_str(json->buf),
    };
    return OK;
}

static void begin(struct json_out *json, struct buf *body, struct arena *arena)
{
    buf_init(body, arena, 64 << 10);
    json_begin(json, body);
    json_open_object(json, NULL);
}

static void put_amount(struct json_out *json, struct money amount)
{
    json_put_int(json, "amount", amount.minor);
    json_put_text(json, "currency", str_of(currency_code(amount.currency)));
}

static void put_card(struct json_out *json, const struct card *card)
{
    json_open_object(json, "card");
    if (!secret_is_empty(&card->saved)) {
        json_put_text(json, "saved", secret_reveal(&card->saved));
    } else {
        json_put_text(json, "number", secret_reveal(&card->number));
        json_put_int(json, "exp_month", card->exp_month);
        json_put_int(json, "exp_year", card->exp_year);
        json_put_text(json, "cvc", secret_reveal(&card->cvc));
        json_put_text_or_null(json, "holder_name", card->holder_name);
    }
    json_close_object(json);
}

static enum err build_authorize(const struct gateway_ask *ask, struct arena *arena,
                                struct http_request *out)
{
    struct json_out json;
    struct buf body;

    assert(ask->card != NULL);
    begin(&json, &body, arena);
    put_amount(&json, ask->amount);
    json_put_bool(&json, "capture", ask->capture_now);
    if (ask->save_card) {
        json_put_bool(&json, "save_card", true);
        json_put_text_or_null(&json, "customer", ask->customer);
    }
    json_put_text_or_null(&json, "description", ask->description);
    json_put_text_or_null(&json, "return_url", ask->return_url);
    put_card(&json, ask->card);
    return finish(ask, &json, arena, out);
}

static enum err build_deactivate(const struct gateway_ask *ask, struct arena *arena,
                                 struct http_request *out)
{
    struct json_out json;
    struct buf body;

    if (!ask->card)
        return ERR_VALIDATION;
    begin(&json, &body, arena);
    json_put_text(&json, "charge", ask->payment_reference);
    json_put_text(&json, "card", secret_reveal(&ask->card->saved));
    return finish(ask, &json, arena, out);
}

/* Capture and refund: so much of that charge. */
static enum err build_amount_of_charge(const struct gateway_ask *ask, struct arena *arena,
                                       struct http_request *out)
{
    struct json_out json;
    struct buf body;

    begin(&json, &body, arena);
    json_put_text(&json, "charge", ask->payment_reference);
    put_amount(&json, ask->amount);
    return finish(ask, &json, arena, out);
}

static enum err build_void(const struct gateway_ask *ask, struct arena *arena,
                           struct http_request *out)
{
    struct json_out json;
    struct buf body;

    begin(&json, &body, arena);
    json_put_text(&json, "charge", ask->payment_reference);
    return finish(ask, &json, arena, out);
}

static enum err build_enquire(const struct gateway_ask *ask, struct arena *arena,
                              struct http_request *out)
{
    struct json_out json;
    struct buf body;

    begin(&json, &body, arena);
    json_put_text(&json, "operation", ask->reference);
    return finish(ask, &json, arena, out);
}

static struct str failure_code_of(enum gateway_outcome outcome, struct str theirs)
{
    if (outcome != GW_DECLINED && outcome != GW_REFUSED)
        return (struct str){ 0 };
    for (size_t i = 0; codes[i] != NULL; i++)
        if (str_equal_c(theirs, codes[i]))
            return str_of(codes[i]);
    return outcome == GW_DECLINED ? STR("card_declined") : STR("processing_error");
}

/* Where the money is: all of it, or nothing is said. */
static void read_position(const struct json *charge, struct gateway_answer *answer)
{
    answer->has_position = json_int(json_get(charge, "authorized"), &answer->authorized_minor) &&
                           json_int(json_get(charge, "captured"), &answer->captured_minor) &&
                           json_int(json_get(charge, "refunded"), &answer->refunded_minor) &&
                           json_bool(json_get(charge, "released"), &answer->released) &&
                           answer->authorized_minor >= 0 && answer->captured_minor >= 0 &&
                           answer->refunded_minor >= 0;
}

/* Whether the answer has what its outcome promises: what is half said is not understood. */
static bool is_complete(const struct gateway_ask *ask, const struct gateway_answer *answer)
{
    bool stated = answer->amount.currency != CURRENCY_NONE;
    /* A sale is told from a reservation by where the money is. */
    bool needs_position = ask->call == OPERATION_KIND_ENQUIRE || ask->capture_now;
    if (str_is_empty(answer->gateway_reference) || (needs_position && !answer->has_position))
        return false;
    if (answer->outcome == GW_NEEDS_PAYER)
        return ask->about == OPERATION_KIND_AUTHORIZE && !str_is_empty(answer->action_url);
    if (answer->outcome == GW_APPROVED)
        return stated || ask->about == OPERATION_KIND_CANCEL
               || ask->about == OPERATION_KIND_DEACTIVATE;
    return true;
}

/* What became of an operation. */
static enum err parse_operation(const struct gateway_ask *ask, const struct json *doc,
                                struct gateway_answer *out)
{
    struct gateway_answer answer = { 0 };
    const struct json *charge = json_get(doc, "charge");

    /* An answer about something else is no answer to this. */
    if (!str_equal(json_text(json_get(doc, "operation")), ask->reference) ||
        !str_equal_c(json_text(json_get(doc, "kind")), kind_of(ask->about)->name))
        return ERR_BAD_REPLY;

    answer.outcome = gateway_outcome_of(statuses, json_text(json_get(doc, "status")));
    if (json_int(json_get(doc, "amount"), &answer.amount.minor))
        answer.amount.currency = currency_of(json_text(json_get(doc, "currency")));
    answer.gateway_reference = json_text(json_get(charge, "id"));
    answer.refund_reference = json_text(json_get(doc, "refund"));
    answer.gateway_code = json_text(json_get(doc, "code"));
    answer.gateway_message = json_text(json_get(doc, "message"));
    answer.failure_code = failure_code_of(answer.outcome, answer.gateway_code);
    if (answer.outcome == GW_NEEDS_PAYER) {
        answer.action = ACTION_CHALLENGE;
        answer.action_url = json_text(json_get(doc, "action_url"));
    }
    if (ask->about == OPERATION_KIND_AUTHORIZE && answer.outcome == GW_APPROVED) {
        answer.card_token = json_text(json_get(charge, "saved_card"));
        answer.card_last4 = json_text(json_get(charge, "last4"));
    }
    read_position(charge, &answer);
    if (!is_complete(ask, &answer))
        return ERR_BAD_REPLY;
    *out = answer;
    return OK;
}

/* What a refused call says of the operation asked about. */
static enum err parse_error(const struct gateway_ask *ask, int status, const struct json *doc,
                            struct gateway_answer *out)
{
    const struct json *error = json_get(doc, "error");
    struct str code = json_text(json_get(error, "code"));
    bool asked = ask->call == OPERATION_KIND_ENQUIRE;

    if (str_is_empty(code))
        return ERR_BAD_REPLY;
    out->gateway_code = code;
    out->gateway_message = json_text(json_get(error, "message"));
    /* An enquiry that they refuse says nothing of the operation; that they do not know it does. */
    if (!asked)
        out->outcome = gateway_outcome_of(errors, code);
    else if (status == 404 && str_equal_c(code, "unknown_operation"))
        out->outcome = GW_ABSENT;
    out->failure_code = failure_code_of(out->outcome, code);
    return OK;
}

static enum err parse(const struct gateway_ask *ask, const struct http_reply *reply,
                      struct arena *arena, struct gateway_answer *out)
{
    const struct json *doc;

    if (reply->status != 200 && (reply->status < 400 || reply->status > 499))
        return ERR_BAD_REPLY;
    if (json_parse(reply->body, arena, &doc, NULL) != OK)
        return ERR_BAD_REPLY;
    return reply->status == 200 ? parse_operation(ask, doc, out)
                                : parse_error(ask, reply->status, doc, out);
}

/* docs/settlement.md; `purser settlement sandbox` writes such a file. */
static const char settlement[] =
    "{\n"
    "  \"name\": \"sandbox\",\n"
    "  \"units\": \"major\",\n"
    "  \"dates\": \"ymd\",\n"
    "  \"signs\": \"booked\",\n"
    "  \"columns\": {\n"
    "    \"kind\": \"type\",\n"
    "    \"gateway_reference\": \"charge\",\n"
    "    \"our_reference\": \"reference\",\n"
    "    \"refund_reference\": \"refund\",\n"
    "    \"gross\": \"gross\",\n"
    "    \"fees\": [\"fee\"],\n"
    "    \"net\": \"net\",\n"
    "    \"currency\": \"currency\",\n"
    "    \"booked\": \"booked_at\",\n"
    "    \"payout\": \"payout\"\n"
    "  },\n"
    "  \"kinds\": {\n"
    "    \"payment\": [\"capture\"],\n"
    "    \"refund\": [\"refund\"],\n"
    "    \"chargeback\": [\"chargeback\"],\n"
    "    \"fee\": [\"fee\"],\n"
    "    \"adjustment\": [\"adjustment\"],\n"
    "    \"payout\": [\"payout\"],\n"
    "    \"ignore\": [\"authorize\", \"void\"]\n"
    "  }\n"
    "}";

static const enum payment_method methods[] = { METHOD_CARD, METHOD_SAVED_CARD, METHOD_NONE };
static const enum payment_method keeps[] = { METHOD_CARD, METHOD_NONE };

const struct gateway gateway_sandbox = {
    .name = "sandbox",
    .title = "Sandbox (built in, test cards only)",
    .test_only = true,
    .in_process = true,
    .capture = GW_CAPTURE_SEPARATE,
    .methods = methods,
    .cards = { .keeps = keeps, .verifies = true, .hides_tokens = true },
    .visibility_ms = 3 * SECOND_MS,
    .deadline_ms = 2 * SECOND_MS,
    .authorization_ms = 5 * DAY_MS,
    .refund_age_ms = 0,
    .settlement = settlement,
    .listing = { { [GW_LIST_PAYMENTS] = true }, sandbox_list_build, sandbox_list_parse },
    .calls = {
        [OPERATION_KIND_AUTHORIZE] = { build_authorize, parse, GW_ENQUIRE_FIRST },
        [OPERATION_KIND_CAPTURE] = { build_amount_of_charge, parse, GW_REPEAT_SAME_KEY },
        [OPERATION_KIND_CANCEL] = { build_void, parse, GW_REPEAT_SAME_KEY },
        [OPERATION_KIND_REFUND] = { build_amount_of_charge, parse, GW_ENQUIRE_FIRST },
        [OPERATION_KIND_DEACTIVATE] = { build_deactivate, parse, GW_REPEAT_SAME_KEY },
        [OPERATION_KIND_ENQUIRE] = { build_enquire, parse, GW_REPEAT_SAME_KEY },
    },
};
