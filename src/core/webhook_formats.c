/* webhook_formats.c - the bodies of the formats.
 *
 * hooker's are those of rbkmoney's and vality's hooker: its receivers move over unchanged, so
 * its misspelt names, its order of members and its vocabulary are kept. It knows nothing of
 * refunded invoices, and the flat format nothing of refunds. */
#include <assert.h>

#include "base/json.h"
#include "base/time.h"
#include "core/render.h"
#include "core/webhook_format.h"

#define BODY_MAX ((size_t)256 * 1024)

/* An event's snapshot, read again. */
struct snapshot {
    const struct books *books;
    const struct event *event;
    const struct json *data;
};

/* What hooker calls it. */
struct hooker_word {
    enum event_type type;
    const char *status;         /* of the payment, invoice or refund; NULL: as corrected */
    const char *event;
};

static const struct hooker_word hooker_words[] = {
    { EVENT_INVOICE_CREATED, "unpaid", "InvoiceCreated" },
    { EVENT_INVOICE_PAID, "paid", "InvoicePaid" },
    { EVENT_INVOICE_CANCELLED, "cancelled", "InvoiceCancelled" },
    { EVENT_INVOICE_FULFILLED, "fulfilled", "InvoiceFulfilled" },
    { EVENT_PAYMENT_CREATED, "pending", "PaymentStarted" },
    { EVENT_PAYMENT_AUTHORIZED, "processed", "PaymentProcessed" },
    { EVENT_PAYMENT_CAPTURED, "captured", "PaymentCaptured" },
    { EVENT_PAYMENT_CANCELLED, "cancelled", "PaymentCancelled" },
    { EVENT_PAYMENT_FAILED, "failed", "PaymentFailed" },
    { EVENT_REFUND_CREATED, "pending", "RefundCreated" },
    { EVENT_REFUND_SUCCEEDED, "succeeded", "RefundSucceeded" },
    { EVENT_REFUND_FAILED, "failed", "RefundFailed" },
};

/* A correction is told as the state that it leads to. */
static enum event_type told_as(const struct snapshot *of)
{
    static const struct {
        const char *status;
        enum event_type type;
    } states[] = {
        { "authorized", EVENT_PAYMENT_AUTHORIZED }, { "captured", EVENT_PAYMENT_CAPTURED },
        { "cancelled", EVENT_PAYMENT_CANCELLED },   { "failed", EVENT_PAYMENT_FAILED },
        { "succeeded", EVENT_REFUND_SUCCEEDED },
    };
    struct str status = json_text(json_get(of->data, "status"));

    if (of->event->type == EVENT_REFUND_CORRECTED && str_equal_c(status, "failed"))
        return EVENT_REFUND_FAILED;
    if (of->event->type != EVENT_PAYMENT_CORRECTED && of->event->type != EVENT_REFUND_CORRECTED)
        return of->event->type;
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (str_equal_c(status, states[i].status))
            return states[i].type;
    return EVENT_NONE;
}

static const struct hooker_word *hooker_word(enum event_type type)
{
    for (size_t i = 0; i < sizeof hooker_words / sizeof hooker_words[0]; i++)
        if (hooker_words[i].type == type)
            return &hooker_words[i];
    return NULL;
}

/* hooker's shops are numbers; ours are texts, which may be one. */
static void put_shop(struct json_out *out, const char *name, struct str shop)
{
    int64_t number = 0;
    bool is_number = !str_is_empty(shop) && str_to_i64(shop, &number) && number >= 0 &&
                     (shop.len == 1 || shop.ptr[0] != '0');

    if (is_number)
        json_put_int(out, name, number);
    else
        json_put_text_or_null(out, name, shop);
}

static struct str metadata_of(const struct invoice *invoice)
{
    return str_is_empty(invoice->metadata) ? STR("{}") : invoice->metadata;
}

static void put_id(struct json_out *out, const char *name,
                   void (*write)(struct buf *out, struct id id), struct id id)
{
    write(json_open_plain(out, name), id);
    json_close_plain(out);
}

#define ID_WRITER(kind)                                                                            \
    static void write_##kind(struct buf *out, struct id id)                                        \
    {                                                                                              \
        kind##_id_write(out, (struct kind##_id){ id });                                            \
    }
ID_WRITER(invoice)
ID_WRITER(payment)
ID_WRITER(refund)
#undef ID_WRITER

static void hooker_flat(const struct snapshot *of, const struct hooker_word *word,
                        struct json_out *out)
{
    const struct invoice *invoice = of->books->invoice;
    bool of_payment = !payment_id_is_zero(of->event->payment);

    json_open_object(out, NULL);
    json_put_text(out, "event_type", of_payment ? STR("payment") : STR("invoice"));
    put_id(out, "invoice_id", write_invoice, invoice->id.id);
    if (of_payment)
        put_id(out, "payment_id", write_payment, of->event->payment.id);
    else
        json_put_null(out, "payment_id");
    put_shop(out, "shop_id", invoice->shop);
    json_put_int(out, "amount", invoice->amount_minor);
    json_put_text(out, "currency", str_of(currency_code(invoice->currency)));
    json_put_time(out, "created_at", invoice->created_ms);
    json_put_raw(out, "metadata", metadata_of(invoice));
    json_put_text(out, "status", str_of(word->status));
    json_close_object(out);
}

static void put_some(struct json_out *out, const char *name, struct str text)
{
    if (!str_is_empty(text))
        json_put_text(out, name, text);
}

static void envelope_invoice(const struct snapshot *of, const struct hooker_word *word,
                             struct json_out *out)
{
    const struct invoice *invoice = of->books->invoice;
    bool is_its_own = payment_id_is_zero(of->event->payment);
    struct str status = word_str(&words_invoice_state, invoice->status);

    json_open_object(out, "invoice");
    put_id(out, "id", write_invoice, invoice->id.id);
    put_some(out, "shopID", invoice->shop);
    json_put_time(out, "createdAt", invoice->created_ms);
    /* Unknown to hooker, for which a paid invoice stays so. */
    if (invoice->status == INVOICE_REFUNDED)
        status = STR("paid");
    json_put_text(out, "status", is_its_own ? str_of(word->status) : status);
    json_put_int(out, "amount", invoice->amount_minor);
    json_put_text(out, "currency", str_of(currency_code(invoice->currency)));
    json_put_raw(out, "metadata", metadata_of(invoice));
    put_some(out, "product", invoice->reference);
    put_some(out, "description", invoice->description);
    json_close_object(out);
}

static void envelope_error(const struct json *failure, struct json_out *out)
{
    if (!json_is_object(failure))
        return;
    json_open_object(out, "error");
    put_some(out, "code", json_text(json_get(failure, "code")));
    put_some(out, "message", json_text(json_get(failure, "message")));
    json_close_object(out);
}

/* Of the payment, which for a refund's event is looked up: its snapshot is the refund's. */
static void envelope_payment(const struct snapshot *of, const struct hooker_word *word,
                             struct json_out *out)
{
    const struct payment *payment = books_payment(of->books, of->event->payment);
    bool of_refund = !refund_id_is_zero(of->event->refund);

    assert(payment);
    json_open_object(out, "payment");
    put_id(out, "id", write_payment, payment->id.id);
    json_put_time(out, "createdAt", payment->created_ms);
    json_put_text(out, "status", of_refund ? STR("captured") : str_of(word->status));
    if (!of_refund)
        envelope_error(json_get(of->data, "failure"), out);
    json_put_int(out, "amount", payment->amount_minor);
    json_put_text(out, "currency", str_of(currency_code(payment->currency)));
    put_some(out, "externalId", payment->reference);
    json_close_object(out);
}

static void envelope_refund(const struct snapshot *of, const struct hooker_word *word,
                            struct json_out *out)
{
    const struct refund *refund = books_refund(of->books, of->event->refund);

    assert(refund);
    json_open_object(out, "refund");
    put_id(out, "id", write_refund, refund->id.id);
    json_put_time(out, "createdAt", refund->created_ms);
    json_put_text(out, "status", str_of(word->status));
    envelope_error(json_get(of->data, "failure"), out);
    json_put_int(out, "amount", refund->amount_minor);
    json_put_text(out, "currency", str_of(currency_code(refund->currency)));
    put_some(out, "reason", refund->reason);
    json_close_object(out);
}

static void hooker_envelope(const struct snapshot *of, const struct hooker_word *word,
                            struct json_out *out)
{
    json_open_object(out, NULL);
    json_put_int(out, "eventID", of->event->number);
    json_put_time(out, "occuredAt", of->event->occurred_ms);
    json_put_text(out, "topic", STR("InvoicesTopic"));
    json_put_text(out, "eventType", str_of(word->event));
    envelope_invoice(of, word, out);
    if (!payment_id_is_zero(of->event->payment))
        envelope_payment(of, word, out);
    if (!refund_id_is_zero(of->event->refund))
        envelope_refund(of, word, out);
    json_close_object(out);
}

static void standard_body(struct str type, int64_t time_ms, struct str data, struct json_out *out)
{
    json_open_object(out, NULL);
    json_put_text(out, "type", type);
    json_put_time(out, "timestamp", time_ms);
    json_put_raw(out, "data", data);
    json_close_object(out);
}

static bool is_hooker(enum webhook_format format)
{
    return format == WEBHOOK_FORMAT_HOOKER_FLAT || format == WEBHOOK_FORMAT_HOOKER_ENVELOPE;
}

bool webhook_tells_alerts(enum webhook_format format)
{
    return !is_hooker(format);
}

struct str webhook_alert_body(const struct webhook_alert *alert, int64_t now_ms,
                              struct arena *arena)
{
    struct json_out out;
    struct buf text;

    buf_init(&text, arena, BODY_MAX);
    json_begin(&out, &text);
    standard_body(word_str(&words_webhook_alert, alert->type), now_ms, alert->data, &out);
    json_done(&out);
    assert(buf_ok(&text));
    return buf_str(&text);
}

bool webhook_tells(enum webhook_format format, enum event_type type)
{
    bool of_refund = type == EVENT_REFUND_CREATED || type == EVENT_REFUND_SUCCEEDED ||
                     type == EVENT_REFUND_FAILED || type == EVENT_REFUND_CORRECTED;

    if (!is_hooker(format))
        return true;
    if (of_refund && format == WEBHOOK_FORMAT_HOOKER_FLAT)
        return false;
    return type == EVENT_PAYMENT_CORRECTED || type == EVENT_REFUND_CORRECTED || hooker_word(type);
}

struct str webhook_body(enum webhook_format format, const struct books *books,
                        const struct event *event, struct arena *arena)
{
    struct snapshot of = { books, event, NULL };
    struct json_out out;
    struct buf text;

    if (!webhook_tells(format, event->type))
        return (struct str){ 0 };
    /* An invoice of nothing is a verification's, for which hooker has no word. */
    if (is_hooker(format) && books->invoice->amount_minor == 0)
        return (struct str){ 0 };
    buf_init(&text, arena, BODY_MAX);
    json_begin(&out, &text);
    if (is_hooker(format)) {
        enum err err = json_parse(event->data, arena, &of.data, NULL);
        assert(err == OK);
        const struct hooker_word *word = hooker_word(told_as(&of));
        if (!word || err)
            return (struct str){ 0 };
        (format == WEBHOOK_FORMAT_HOOKER_FLAT ? hooker_flat : hooker_envelope)(&of, word, &out);
    } else {
        standard_body(word_str(&words_event_type, event->type), event->occurred_ms, event->data,
                      &out);
    }
    json_done(&out);
    assert(buf_ok(&text));
    return buf_str(&text);
}

struct str webhook_test_body(enum webhook_format format, const struct webhook_endpoint *endpoint,
                             int64_t now_ms, struct arena *arena)
{
    struct event event = { .type = EVENT_INVOICE_CREATED, .number = 1, .occurred_ms = now_ms,
                           .data = STR("{\"status\":\"unpaid\"}") };
    struct invoice invoice = { .status = INVOICE_UNPAID, .amount_minor = 1250,
                               .currency = CURRENCY_EUR, .created_ms = now_ms };
    struct books books = { .invoice = &invoice };
    struct json_out out, data_out;
    struct buf text, data;

    if (is_hooker(format))
        return webhook_body(format, &books, &event, arena);
    buf_init(&data, arena, BODY_MAX);
    json_begin(&data_out, &data);
    json_open_object(&data_out, NULL);
    RENDER_ID(&data_out, "webhook_endpoint", webhook_endpoint, endpoint->id);
    json_close_object(&data_out);
    json_done(&data_out);
    buf_init(&text, arena, BODY_MAX);
    json_begin(&out, &text);
    standard_body(STR("webhook.test"), now_ms, buf_str(&data), &out);
    json_done(&out);
    return buf_str(&text);
}
