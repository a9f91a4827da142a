#include "sim/hyper.h"

#include "base/crypto.h"
#include "base/time.h"
#include "sim/notify.h"

#define BODY_MAX_BYTES ((size_t)1 << 20)

/* Minutes between tries: sixteen over about a day. */
static const int schedule[] = { 1, 5, 5, 10, 10, 10, 10, 10, 60, 60, 60, 60, 60, 360, 360, 360, 0 };

/* A state that has moved on makes an old event not worth repeating. */
static bool is_still_true(struct sim *sim, struct str reference, struct str second,
                          const char *event)
{
    const struct hyper_refund *refund = map_get(&sim->hyper->refunds, second);
    const struct hyper_payment *payment = map_get(&sim->hyper->payments, reference);

    if (refund != NULL)
        return str_equal_c(str_of(hyper_refund_event_of(refund->status)), event);
    return payment != NULL && str_equal_c(str_of(hyper_event_of(payment->seen.status)), event);
}

static struct str sign(struct sim *sim, struct arena *arena, struct str body,
                       const struct fault *fault)
{
    bool wrong = fault->kind == FAULT_NOTIFY_BAD_SIGNATURE;
    struct sha512 mac =
        crypto_hmac_sha512(wrong ? STR("another key") : sim->settings.webhook_key, body);
    struct buf header;

    buf_init(&header, arena, 256);
    buf_add_c(&header, "x-webhook-signature-512: ");
    buf_add_hex(&header, mac.bytes, sizeof mac.bytes);
    buf_add_c(&header, "\r\n");
    return buf_str(&header);
}

/* One event of an object; `refund` is NULL when it is the payment's own. */
static struct str write_body(struct sim *sim, struct arena *arena, const char *event,
                             const struct hyper_payment *payment,
                             const struct hyper_refund *refund, const struct fault *fault)
{
    struct hyper_payment shown = *payment;
    struct hyper_show show = { .sim = sim, .arena = arena,
                               .wrong_amount = fault->kind == FAULT_NOTIFY_WRONG_AMOUNT };
    struct json_out out;
    struct buf body;

    if (fault->kind == FAULT_NOTIFY_UNKNOWN_REF)
        shown.id = STR("pay_00000000000000000000000000");
    buf_init(&body, arena, BODY_MAX_BYTES);
    json_begin(&out, &body);
    json_open_object(&out, NULL);
    json_put_text(&out, "merchant_id", STR(HYPER_MERCHANT));
    /* The same event of the same object has the same id, however often it is told. */
    json_put_text(&out, "event_id",
                  str_format(arena, "evt_%.*s_%lld_%s",
                             STR_ARG(refund != NULL ? refund->id : shown.id),
                             (long long)payment->attempts, event));
    json_put_text(&out, "event_type", str_of(event));
    json_open_object(&out, "content");
    json_put_text(&out, "type",
                  refund != NULL ? STR("refund_details") : STR("payment_details"));
    json_open_object(&out, "object");
    if (refund != NULL) {
        struct hyper_refund copy = *refund;
        copy.payment = &shown;
        hyper_put_refund(&out, &copy, &show);
    } else {
        hyper_put_payment(&out, &shown, &show);
    }
    json_close_object(&out);
    json_close_object(&out);
    json_put_time(&out, "timestamp", sim_now_ms(sim));
    json_close_object(&out);
    json_done(&out);
    return buf_str(&body);
}

static void tell(struct sim *sim, const char *event, const struct hyper_payment *payment,
                 const struct hyper_refund *refund, struct exchange *cause)
{
    struct str second = refund != NULL ? refund->id : (struct str){ 0 };
    struct arena arena = { 0 };

    if (event[0] == '\0')
        return;
    struct fault fault = notify_fault(sim, HYPER, payment->id, second, payment->amount);
    struct str body = write_body(sim, &arena, event, payment, refund, &fault);
    struct notice notice = {
        .gateway = HYPER,
        .event = event,
        .reference = payment->id,
        .second = second,
        .url = sim->settings.webhook_url,
        .headers = sign(sim, &arena, body, &fault),
        .body = body,
        .schedule = schedule,
        .still_true = is_still_true,
    };
    notify_send(sim, &notice, &fault, cause);
    arena_done(&arena);
}

void hyper_tell(struct sim *sim, const struct hyper_payment *payment, struct exchange *cause)
{
    tell(sim, hyper_event_of(payment->now.status), payment, NULL, cause);
}

void hyper_tell_refund(struct sim *sim, const struct hyper_refund *refund,
                       struct exchange *cause)
{
    tell(sim, hyper_refund_event_of(refund->status), refund->payment, refund, cause);
}
