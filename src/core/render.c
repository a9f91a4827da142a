/* render.c - the objects of the API as JSON. The member order is part of what
 * clients see and never changes within a version. */
#include "core/render.h"

#include <assert.h>
#include <string.h>

#include "base/time.h"

#define OBJECT_MAX (128 * 1024)

static void put_metadata(struct json_out *out, struct str metadata)
{
    json_put_raw(out, "metadata", str_is_empty(metadata) ? STR("{}") : metadata);
}

static void put_money(struct json_out *out, int64_t amount_minor, enum currency currency)
{
    json_put_int(out, "amount", amount_minor);
    json_put_text(out, "currency", str_of(currency_code(currency)));
}

static void put_failure(struct json_out *out, const struct failure *failure)
{
    if (failure->type == FAILURE_NONE) {
        json_put_null(out, "failure");
        return;
    }
    json_open_object(out, "failure");
    json_put_text(out, "type", word_str(&words_failure_type, failure->type));
    json_put_text_or_null(out, "code", failure->code);
    json_put_text_or_null(out, "message", failure->message);
    json_put_text_or_null(out, "gateway_code", failure->gateway_code);
    json_put_text_or_null(out, "gateway_message", failure->gateway_message);
    json_close_object(out);
}

static void put_expiry(struct json_out *out, int64_t month, int64_t year)
{
    if (month) {
        json_put_int(out, "exp_month", month);
        json_put_int(out, "exp_year", year);
    } else {
        json_put_null(out, "exp_month");
        json_put_null(out, "exp_year");
    }
}

static void put_method(struct json_out *out, const struct payment *payment)
{
    if (payment->method == METHOD_NONE) {
        json_put_null(out, "payment_method");
        return;
    }
    json_open_object(out, "payment_method");
    json_put_text(out, "type", word_str(&words_payment_method, payment->method));
    json_put_text_or_null(out, "brand", payment->card_brand);
    json_put_text_or_null(out, "last4", payment->card_last4);
    put_expiry(out, payment->card_exp_month, payment->card_exp_year);
    json_close_object(out);
}

static void put_next_action(struct json_out *out, enum next_action action, struct str url)
{
    if (action == ACTION_NONE) {
        json_put_null(out, "next_action");
        return;
    }
    json_open_object(out, "next_action");
    json_put_text(out, "type", word_str(&words_next_action, action));
    json_put_text_or_null(out, "url", url);
    json_close_object(out);
}

static int64_t refundable(const struct payment *payment)
{
    return payment->status == PAYMENT_CAPTURED
               ? payment->captured_minor - payment->reserved_minor : 0;
}

static bool can(const struct payment *payment, enum payment_event event)
{
    return machine_next(&machine_payment, payment->status, event) != PAYMENT_NOWHERE;
}

/* What the caller may do now. Nothing while an operation that moves money is under way. */
static void put_actions(struct json_out *out, const struct payment *payment)
{
    bool idle = operation_id_is_zero(payment->active_operation);
    json_open_array(out, "actions");
    if (idle && can(payment, PAYMENT_ON_AUTHORIZE))
        json_put_text(out, NULL, STR("confirm"));
    if (idle && can(payment, PAYMENT_ON_CAPTURE))
        json_put_text(out, NULL, STR("capture"));
    if (idle && can(payment, PAYMENT_ON_CANCEL))
        json_put_text(out, NULL, STR("cancel"));
    if (idle && refundable(payment) > 0)
        json_put_text(out, NULL, STR("refund"));
    json_close_array(out);
}

static void put_ends(struct json_out *out, bool live, int64_t created_ms, int64_t updated_ms)
{
    json_put_bool(out, "live", live);
    json_put_time(out, "created_at", created_ms);
    json_put_time(out, "updated_at", updated_ms);
}

static void put_payment_amounts(struct json_out *out, const struct payment *payment)
{
    put_money(out, payment->amount_minor, payment->currency);
    json_put_int(out, "amount_captured", payment->captured_minor);
    json_put_int(out, "amount_refunded", payment->refunded_minor);
    json_put_int(out, "amount_refundable", refundable(payment));
}

/* Most members of a payment, which its events seldom change. Of payment_at_rest. */
static void put_payment_rest(struct json_out *out, const struct payment *payment)
{
    json_put_text(out, "capture_method", word_str(&words_capture_method, payment->capture_method));
    json_put_text_or_null(out, "reference", payment->reference);
    json_put_text_or_null(out, "description", payment->description);
    json_put_text_or_null(out, "shop", payment->shop);
    json_put_text_or_null(out, "customer_email", payment->customer_email);
    RENDER_ID(out, "invoice", invoice, payment->invoice);
    json_put_text_or_null(out, "gateway", payment->gateway);
    RENDER_ID(out, "gateway_account", gateway_account, payment->gateway_account);
    json_put_text_or_null(out, "gateway_reference", payment->gateway_reference);
    put_method(out, payment);
    RENDER_ID(out, "customer", customer, payment->customer);
    RENDER_ID(out, "instrument", instrument, payment->instrument);
    json_put_bool(out, "save_card", payment->save_card);
    json_put_bool(out, "verification", payment->verification);
    put_next_action(out, payment->action, payment->action_url);
    put_failure(out, &payment->failure);
    json_put_text_or_null(out, "cancel_reason",
                          word_str(&words_cancel_reason, payment->cancel_reason));
    json_put_text_or_null(out, "return_url", payment->return_url);
    put_metadata(out, payment->metadata);
}

/* Without what moves on with its events and is no part of the rest. */
static struct payment payment_at_rest(const struct payment *payment)
{
    struct payment still = *payment;
    still.row = ROW_CLEAN;
    still.status = PAYMENT_NOWHERE;
    still.authorized_minor = still.captured_minor = 0;
    still.refunded_minor = still.reserved_minor = 0;
    still.authorization = still.active_operation = (struct operation_id){ 0 };
    still.capture_tries = still.cancel_tries = still.checks = still.version = 0;
    still.updated_ms = still.expires_ms = still.due_ms = still.check_ms = 0;
    return still;
}

/* `rest` is what put_payment_rest writes of it, if that is known; else empty. */
static void put_payment(struct json_out *out, const char *name, const struct payment *payment,
                        struct str rest)
{
    json_open_object(out, name);
    RENDER_ID(out, "id", payment, payment->id);
    json_put_text(out, "object", STR("payment"));
    json_put_text(out, "status", word_str(&words_payment_state, payment->status));
    put_payment_amounts(out, payment);
    if (str_is_empty(rest))
        put_payment_rest(out, payment);
    else
        buf_add(out->buf, rest);
    put_actions(out, payment);
    json_put_int(out, "version", payment->version);
    put_ends(out, payment->live, payment->created_ms, payment->updated_ms);
    json_put_time(out, "expires_at", payment->expires_ms);
    json_close_object(out);
}

void render_payment(struct json_out *out, const char *name, const struct payment *payment)
{
    put_payment(out, name, payment, (struct str){ 0 });
}

void render_refund(struct json_out *out, const char *name, const struct refund *refund)
{
    json_open_object(out, name);
    RENDER_ID(out, "id", refund, refund->id);
    json_put_text(out, "object", STR("refund"));
    RENDER_ID(out, "payment", payment, refund->payment);
    put_money(out, refund->amount_minor, refund->currency);
    json_put_text(out, "status", word_str(&words_refund_state, refund->status));
    json_put_text_or_null(out, "reason", refund->reason);
    put_failure(out, &refund->failure);
    json_put_text_or_null(out, "gateway_reference", refund->gateway_reference);
    put_ends(out, refund->live, refund->created_ms, refund->updated_ms);
    json_close_object(out);
}

void render_customer(struct json_out *out, const char *name, const struct customer *customer)
{
    json_open_object(out, name);
    RENDER_ID(out, "id", customer, customer->id);
    json_put_text(out, "object", STR("customer"));
    json_put_text_or_null(out, "reference", customer->reference);
    json_put_text_or_null(out, "name", customer->name);
    json_put_text_or_null(out, "email", customer->email);
    json_put_text_or_null(out, "phone", customer->phone);
    json_put_text_or_null(out, "description", customer->description);
    put_metadata(out, customer->metadata);
    json_put_bool(out, "deleted", customer->deleted_ms != 0);
    put_ends(out, customer->live, customer->created_ms, customer->updated_ms);
    json_close_object(out);
}

/* Without the token: whoever has it can charge the card. */
void render_instrument(struct json_out *out, const char *name, const struct instrument *instrument)
{
    json_open_object(out, name);
    RENDER_ID(out, "id", instrument, instrument->id);
    json_put_text(out, "object", STR("instrument"));
    json_put_text(out, "type", STR("card"));
    json_put_text(out, "status", word_str(&words_instrument_state, instrument->status));
    RENDER_ID(out, "customer", customer, instrument->customer);
    json_put_text(out, "gateway", instrument->gateway);
    RENDER_ID(out, "gateway_account", gateway_account, instrument->gateway_account);
    RENDER_ID(out, "payment", payment, instrument->payment);
    json_put_text_or_null(out, "brand", instrument->card_brand);
    json_put_text_or_null(out, "last4", instrument->card_last4);
    put_expiry(out, instrument->card_exp_month, instrument->card_exp_year);
    put_next_action(out, instrument->action, instrument->action_url);
    put_failure(out, &instrument->failure);
    put_ends(out, instrument->live, instrument->created_ms, instrument->updated_ms);
    json_close_object(out);
}

void render_invoice(struct json_out *out, const char *name, const struct invoice *invoice,
                    const struct payment_list *payments)
{
    json_open_object(out, name);
    RENDER_ID(out, "id", invoice, invoice->id);
    json_put_text(out, "object", STR("invoice"));
    json_put_text(out, "status", word_str(&words_invoice_state, invoice->status));
    put_money(out, invoice->amount_minor, invoice->currency);
    json_put_text_or_null(out, "reference", invoice->reference);
    json_put_text_or_null(out, "description", invoice->description);
    json_put_text_or_null(out, "shop", invoice->shop);
    put_metadata(out, invoice->metadata);
    json_open_array(out, "payments");
    for (size_t i = 0; i < payments->count; i++)
        RENDER_ID(out, NULL, payment, payments->items[i]->id);
    json_close_array(out);
    json_put_int(out, "version", invoice->version);
    put_ends(out, invoice->live, invoice->created_ms, invoice->updated_ms);
    json_close_object(out);
}

void render_event(struct json_out *out, const char *name, const struct event *event)
{
    struct event_id id = event_id_of(event);
    json_open_object(out, name);
    RENDER_ID(out, "id", event, id);
    json_put_text(out, "object", STR("event"));
    json_put_text(out, "type", word_str(&words_event_type, event->type));
    RENDER_ID(out, "merchant", merchant, event->merchant);
    json_put_bool(out, "live", event->live);
    RENDER_ID(out, "invoice", invoice, event->invoice);
    RENDER_ID(out, "payment", payment, event->payment);
    RENDER_ID(out, "refund", refund, event->refund);
    RENDER_ID(out, "checkout_session", checkout, event->checkout);
    RENDER_ID(out, "instrument", instrument, event->instrument);
    json_put_int(out, "version", event->version);
    json_put_int(out, "sequence", event->sequence);
    json_put_time(out, "occurred_at", event->occurred_ms);
    json_put_text_or_null(out, "actor", event->actor);
    json_put_text(out, "origin", word_str(&words_origin, event->origin));
    json_put_raw(out, "data", event->data);
    json_close_object(out);
}

static void put_attempt(struct json_out *out, const struct attempt *attempt)
{
    json_open_object(out, NULL);
    json_put_int(out, "number", attempt->number);
    json_put_text(out, "call", word_str(&words_operation_kind, attempt->call));
    json_put_text(out, "outcome", attempt->outcome);
    if (attempt->http_status)
        json_put_int(out, "http_status", attempt->http_status);
    else
        json_put_null(out, "http_status");
    json_put_text_or_null(out, "gateway_code", attempt->gateway_code);
    json_put_text_or_null(out, "gateway_message", attempt->gateway_message);
    json_put_time(out, "started_at", attempt->started_ms);
    json_put_time(out, "ended_at", attempt->ended_ms);
    json_close_object(out);
}

void render_operation(struct json_out *out, const char *name, const struct operation *operation,
                      const struct attempt_list *attempts)
{
    json_open_object(out, name);
    RENDER_ID(out, "id", operation, operation->id);
    json_put_text(out, "object", STR("operation"));
    RENDER_ID(out, "payment", payment, operation->payment);
    RENDER_ID(out, "refund", refund, operation->refund);
    RENDER_ID(out, "gateway_account", gateway_account, operation->gateway_account);
    json_put_text(out, "kind", word_str(&words_operation_kind, operation->kind));
    json_put_text(out, "state", word_str(&words_operation_state, operation->state));
    json_put_int(out, "amount", operation->amount_minor);
    if (str_is_empty(operation->reference))
        RENDER_ID(out, "reference", operation, operation->id);
    else
        json_put_text(out, "reference", operation->reference);
    json_open_array(out, "attempts");
    for (size_t i = 0; i < attempts->count; i++)
        if (operation_id_equal(attempts->items[i]->operation, operation->id))
            put_attempt(out, attempts->items[i]);
    json_close_array(out);
    json_put_text_or_null(out, "gateway_code", operation->gateway_code);
    json_put_text_or_null(out, "gateway_message", operation->gateway_message);
    json_put_time(out, "created_at", operation->created_ms);
    json_put_time(out, "sent_at", operation->sent_ms);
    json_put_time(out, "due_at", operation->due_ms);
    json_put_time(out, "closed_at", operation->closed_ms);
    json_close_object(out);
}

void render_gateway_account(struct json_out *out, const char *name,
                            const struct gateway_account *account)
{
    json_open_object(out, name);
    RENDER_ID(out, "id", gateway_account, account->id);
    json_put_text(out, "object", STR("gateway_account"));
    json_put_text(out, "gateway", account->gateway);
    json_put_text_or_null(out, "description", account->description);
    json_put_bool(out, "is_default", account->is_default);
    json_put_bool(out, "disabled", account->disabled);
    json_put_raw(out, "settings", str_is_empty(account->settings) ? STR("{}") : account->settings);
    put_ends(out, account->live, account->created_ms, account->updated_ms);
    json_close_object(out);
}

static struct str payment_text(struct arena *arena, const struct payment *payment, struct str rest)
{
    struct buf text;
    struct json_out out;
    buf_init(&text, arena, OBJECT_MAX);
    json_begin(&out, &text);
    put_payment(&out, NULL, payment, rest);
    json_done(&out);
    assert(buf_ok(&text));
    return buf_str(&text);
}

struct str render_payment_text(struct arena *arena, const struct payment *payment)
{
    return payment_text(arena, payment, (struct str){ 0 });
}

/* The rest is made of the payment at rest and of nothing else: of the same bytes, the same text. */
struct str render_payment_again(struct arena *arena, const struct payment *payment,
                                struct payment_rest **known)
{
    struct payment still = payment_at_rest(payment);
    if (!*known || memcmp(&(*known)->of, &still, sizeof(still)) != 0) {
        struct buf text;
        struct json_out out;
        *known = ARENA_NEW(arena, struct payment_rest);
        (*known)->of = still;
        buf_init(&text, arena, OBJECT_MAX);
        json_begin(&out, &text);
        /* Within an object, after other members. */
        out.depth = 1;
        out.comma = true;
        put_payment_rest(&out, &(*known)->of);
        assert(buf_ok(&text));
        (*known)->text = buf_str(&text);
    }
    return payment_text(arena, payment, (*known)->text);
}

struct str render_refund_text(struct arena *arena, const struct refund *refund)
{
    struct buf text;
    struct json_out out;
    buf_init(&text, arena, OBJECT_MAX);
    json_begin(&out, &text);
    render_refund(&out, NULL, refund);
    json_done(&out);
    assert(buf_ok(&text));
    return buf_str(&text);
}

struct str render_instrument_text(struct arena *arena, const struct instrument *instrument)
{
    struct buf text;
    struct json_out out;
    buf_init(&text, arena, OBJECT_MAX);
    json_begin(&out, &text);
    render_instrument(&out, NULL, instrument);
    json_done(&out);
    assert(buf_ok(&text));
    return buf_str(&text);
}

struct str render_invoice_text(struct arena *arena, const struct invoice *invoice,
                               const struct payment_list *payments)
{
    struct buf text;
    struct json_out out;
    buf_init(&text, arena, OBJECT_MAX);
    json_begin(&out, &text);
    render_invoice(&out, NULL, invoice, payments);
    json_done(&out);
    assert(buf_ok(&text));
    return buf_str(&text);
}

struct str render_checkout_text(struct arena *arena, const struct checkout *checkout,
                                const struct invoice *invoice)
{
    struct buf text;
    struct json_out json;
    struct json_out *out = &json;

    buf_init(&text, arena, OBJECT_MAX);
    json_begin(out, &text);
    json_open_object(out, NULL);
    RENDER_ID(out, "id", checkout, checkout->id);
    json_put_text(out, "object", STR("checkout_session"));
    json_put_text(out, "status", word_str(&words_checkout_state, checkout->status));
    put_money(out, invoice->amount_minor, invoice->currency);
    RENDER_ID(out, "invoice", invoice, checkout->invoice);
    RENDER_ID(out, "payment", payment, checkout->payment);
    json_put_int(out, "attempts", checkout->attempts);
    json_put_text(out, "capture_method", word_str(&words_capture_method, checkout->capture_method));
    RENDER_ID(out, "gateway_account", gateway_account, checkout->gateway_account);
    json_put_text_or_null(out, "reference", invoice->reference);
    json_put_text_or_null(out, "description", invoice->description);
    json_put_text_or_null(out, "shop", invoice->shop);
    json_put_text_or_null(out, "customer_email", checkout->customer_email);
    RENDER_ID(out, "customer", customer, checkout->customer);
    json_put_bool(out, "save_card", checkout->save_card);
    json_put_text_or_null(out, "language", checkout->language);
    json_put_text_or_null(out, "return_url", checkout->return_url);
    json_put_text_or_null(out, "cancel_url", checkout->cancel_url);
    json_put_int(out, "version", checkout->version);
    put_ends(out, checkout->live, checkout->created_ms, checkout->updated_ms);
    json_put_time(out, "expires_at", checkout->expires_ms);
    json_close_object(out);
    json_done(out);
    assert(buf_ok(&text));
    return buf_str(&text);
}

/* A UUIDv7 whose 62 last bits are the event's place in the feed (RFC 9562 leaves them
 * to the maker). Places count up, so ids of one millisecond are in order too. */
struct event_id event_id_of(const struct event *event)
{
    struct event_id id = { { { 0 } } };
    uint64_t time_ms = (uint64_t)event->occurred_ms;
    uint64_t number = (uint64_t)event->number;
    assert(event->number > 0 && number < (UINT64_C(1) << 62));
    for (int i = 0; i < 6; i++)
        id.id.bytes[i] = (uint8_t)(time_ms >> (40 - 8 * i));
    id.id.bytes[6] = 0x70;
    for (int i = 0; i < 8; i++)
        id.id.bytes[8 + i] = (uint8_t)(number >> (56 - 8 * i));
    id.id.bytes[8] |= 0x80;
    return id;
}

int64_t event_id_number(struct event_id id)
{
    uint64_t number = id.id.bytes[8] & 0x3f;
    for (int i = 1; i < 8; i++)
        number = number << 8 | id.id.bytes[8 + i];
    return (int64_t)number;
}
