/* protocol.c - JSON to asks, verdicts to JSON.
 *
 * A bank's gateway checks what it is sent for itself, so this does too: what is half right is
 * refused whole, before anything is done. */
#include "sandbox/protocol.h"

#include <assert.h>

#include "base/json.h"
#include "base/pan.h"

#define BASE_URL "http://sandbox.invalid/v1/"
#define CHALLENGE_PATH "/sandbox/challenge/"
#define REFERENCE_MAX 255
#define REPLY_MAX (16 << 10)

static struct str field(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->field_count; i++)
        if (str_equal_nocase(request->fields[i].name, str_of(name)))
            return request->fields[i].value;
    return (struct str){ 0 };
}

/* Only the first thing that is wrong is named. */
static void refuse(struct sandbox_ask *ask, const char *what)
{
    if (ask->error == SANDBOX_ERROR_NONE) {
        ask->error = SANDBOX_ERROR_INVALID_REQUEST;
        ask->detail = what;
    }
}

static bool is_reference(struct str text)
{
    return str_is_visible_ascii(text) && text.len <= REFERENCE_MAX;
}

static enum sandbox_card card_of(struct str number)
{
    static const struct {
        const char *number;
        enum sandbox_card card;
    } cards[] = {
#define X(number, card) { number, SANDBOX_CARD_##card },
        SANDBOX_CARD_NUMBERS(X)
#undef X
    };

    for (size_t i = 0; i < sizeof(cards) / sizeof(cards[0]); i++)
        if (str_equal_c(number, cards[i].number))
            return cards[i].card;
    return SANDBOX_CARD_GOOD;
}

static bool is_digits(struct str text, size_t min, size_t max)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return text.len >= min && text.len <= max;
}

/* The number stays in the request: only how the card behaves, and its end, go on from here. */
static void read_card(const struct json *card, struct sandbox_ask *ask)
{
    struct str number = json_text(json_get(card, "number"));
    struct str saved = json_text(json_get(card, "saved"));
    int64_t month = 0;
    int64_t year = 0;

    if (!str_is_empty(saved)) {
        if (!ledger_read_card(saved, &ask->saved))
            refuse(ask, "card.saved");
        return;
    }
    if (!is_digits(number, 12, 19) || !pan_luhn_ok(number))
        refuse(ask, "card.number");
    if (!is_digits(json_text(json_get(card, "cvc")), 3, 4))
        refuse(ask, "card.cvc");
    if (!json_int(json_get(card, "exp_month"), &month) || month < 1 || month > 12)
        refuse(ask, "card.exp_month");
    if (!json_int(json_get(card, "exp_year"), &year) || year < 1)
        refuse(ask, "card.exp_year");
    if (ask->error != SANDBOX_ERROR_NONE)
        return;
    ask->card = card_of(number);
    ask->last4 = str_slice(number, number.len - 4, 4);
}

static void read_amount(const struct json *doc, struct sandbox_ask *ask)
{
    /* Of nothing is a look at a card that is to be kept. */
    if (!json_int(json_get(doc, "amount"), &ask->amount.minor) ||
        ask->amount.minor < (ask->save ? 0 : 1) || ask->amount.minor > MONEY_MAX_MINOR)
        refuse(ask, "amount");
    ask->amount.currency = currency_of(json_text(json_get(doc, "currency")));
    if (ask->amount.currency == CURRENCY_NONE)
        refuse(ask, "currency");
}

static void read_members(const struct json *doc, struct sandbox_ask *ask)
{
    if (ask->is_enquiry) {
        ask->reference = json_text(json_get(doc, "operation"));
        if (!is_reference(ask->reference))
            refuse(ask, "operation");
        return;
    }
    if (ask->kind == SANDBOX_KIND_AUTHORIZE) {
        (void)json_bool(json_get(doc, "save_card"), &ask->save);
        ask->customer = json_text(json_get(doc, "customer"));
    }
    if (ask->kind != SANDBOX_KIND_VOID && ask->kind != SANDBOX_KIND_DEACTIVATE)
        read_amount(doc, ask);
    ask->charge = ask->reference;
    if (ask->kind == SANDBOX_KIND_AUTHORIZE) {
        if (!json_bool(json_get(doc, "capture"), &ask->sale))
            refuse(ask, "capture");
        ask->description = json_text(json_get(doc, "description"));
        ask->return_url = json_text(json_get(doc, "return_url"));
        read_card(json_get(doc, "card"), ask);
    } else {
        ask->charge = json_text(json_get(doc, "charge"));
        if (!is_reference(ask->charge))
            refuse(ask, "charge");
        if (ask->kind == SANDBOX_KIND_DEACTIVATE &&
            !ledger_read_card(json_text(json_get(doc, "card")), &ask->saved))
            refuse(ask, "card");
    }
}

/* What the path names: "enquire", or a kind. */
static void read_url(const struct http_request *request, struct sandbox_ask *ask)
{
    struct str base = STR(BASE_URL);
    struct str name = str_slice(request->url, base.len, request->url.len);

    ask->is_enquiry = str_equal_c(name, "enquire");
    ask->kind = word_of(&words_sandbox_kind, name);
    if (!str_equal_c(str_of(request->method), "POST") || !str_starts_with(request->url, base) ||
        (!ask->is_enquiry && ask->kind == SANDBOX_KIND_NONE))
        refuse(ask, "url");
}

void protocol_read(const struct http_request *request, struct arena *arena, struct sandbox_ask *out)
{
    const struct json *doc = NULL;

    *out = (struct sandbox_ask){ .account = field(request, "Sandbox-Account"),
                                 .reference = field(request, "Idempotency-Key") };
    read_url(request, out);
    if (!is_reference(out->account))
        refuse(out, "Sandbox-Account");
    if (!out->is_enquiry && !is_reference(out->reference))
        refuse(out, "Idempotency-Key");
    if (json_parse(request->body, arena, &doc, NULL) != OK || !json_is_object(doc))
        refuse(out, "body");
    if (out->error == SANDBOX_ERROR_NONE)
        read_members(doc, out);
}

static const char *message_of(enum sandbox_code code)
{
    static const char *const messages[] = { [SANDBOX_CODE_NONE] = NULL,
#define X(name, text, message) [SANDBOX_CODE_##name] = message,
                                            SANDBOX_CODES(X)
#undef X
    };

    return messages[code];
}

static void put_id(struct json_out *json, const char *name, const char *prefix, struct id id)
{
    char text[ID_TEXT_MAX];
    struct buf buf;

    buf_fixed(&buf, text, sizeof(text));
    id_write(&buf, prefix, id);
    json_put_text(json, name, buf_str(&buf));
}

static void put_action_url(struct json_out *json, const struct sandbox_verdict *verdict,
                           struct str public_url, struct arena *arena)
{
    if (verdict->operation->status != SANDBOX_STATUS_REQUIRES_ACTION) {
        json_put_null(json, "action_url");
        return;
    }
    json_put_text(json, "action_url",
                  str_format(arena, "%.*s" CHALLENGE_PATH "%.*s", STR_ARG(public_url),
                             STR_ARG(verdict->charge->token)));
}

static void put_charge(struct json_out *json, const struct sandbox_charge *charge)
{
    json_open_object(json, "charge");
    put_id(json, "id", "ch", charge->id);
    json_put_int(json, "authorized", charge->authorized_minor);
    json_put_int(json, "captured", charge->captured_minor);
    json_put_int(json, "refunded", charge->refunded_minor);
    json_put_bool(json, "released", charge->state == SANDBOX_CHARGE_VOIDED);
    json_put_text_or_null(json, "last4", charge->last4);
    if (charge->saving == SANDBOX_SAVING_KEPT) {
        char text[ID_TEXT_MAX];
        struct buf card;
        buf_fixed(&card, text, sizeof(text));
        ledger_write_card(&card, charge->id);
        json_put_text(json, "saved_card", buf_str(&card));
    } else {
        json_put_null(json, "saved_card");
    }
    json_close_object(json);
}

static void put_operation(struct json_out *json, const struct sandbox_verdict *verdict,
                          struct str public_url, struct arena *arena)
{
    const struct sandbox_operation *operation = verdict->operation;

    json_put_text(json, "operation", operation->reference);
    json_put_text(json, "kind", word_str(&words_sandbox_kind, operation->kind));
    json_put_text(json, "status", word_str(&words_sandbox_status, operation->status));
    json_put_text_or_null(json, "code", word_str(&words_sandbox_code, operation->code));
    json_put_text_or_null(json, "message", str_of(message_of(operation->code)));
    if (operation->kind != SANDBOX_KIND_VOID && operation->kind != SANDBOX_KIND_DEACTIVATE) {
        json_put_int(json, "amount", operation->amount_minor);
        json_put_text(json, "currency", str_of(currency_code(operation->currency)));
    }
    if (operation->kind == SANDBOX_KIND_REFUND && operation->status == SANDBOX_STATUS_APPROVED)
        put_id(json, "refund", "re", operation->id);
    else
        json_put_null(json, "refund");
    put_action_url(json, verdict, public_url, arena);
    put_charge(json, verdict->charge);
}

static int put_error(struct json_out *json, const struct sandbox_verdict *verdict,
                     struct arena *arena)
{
    static const struct {
        const char *code;
        int status;
        const char *message;
    } errors[] = { [SANDBOX_ERROR_NONE] = { NULL, 0, NULL },
#define X(name, text, status, message) [SANDBOX_ERROR_##name] = { text, status, message },
                   SANDBOX_ERRORS(X)
#undef X
    };

    json_open_object(json, "error");
    json_put_text(json, "code", str_of(errors[verdict->error].code));
    if (verdict->detail != NULL)
        json_put_text(
            json, "message",
            str_format(arena, "%s See %s.", errors[verdict->error].message, verdict->detail));
    else
        json_put_text(json, "message", str_of(errors[verdict->error].message));
    json_close_object(json);
    return errors[verdict->error].status;
}

void protocol_write(const struct sandbox_verdict *verdict, struct str public_url,
                    struct arena *arena, struct http_reply *out)
{
    static const struct http_field fields[] = {
        { STR_INIT("Content-Type"), STR_INIT("application/json") },
    };
    struct json_out json;
    struct buf body;
    int status = 200;

    *out = (struct http_reply){ 0 };
    if (verdict->silent)
        return;
    buf_init(&body, arena, REPLY_MAX);
    json_begin(&json, &body);
    json_open_object(&json, NULL);
    if (verdict->error != SANDBOX_ERROR_NONE)
        status = put_error(&json, verdict, arena);
    else
        put_operation(&json, verdict, public_url, arena);
    json_close_object(&json);
    json_done(&json);
    assert(buf_ok(&body));
    *out = (struct http_reply){
        .status = status, .fields = fields, .field_count = 1, .body = buf_str(&body)
    };
}
