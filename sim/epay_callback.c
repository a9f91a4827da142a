#include "sim/epay.h"
#include "sim/notify.h"

#define BODY_MAX_BYTES ((size_t)16 << 10)

static void put_payer(struct json_out *out, const struct epay_tx *tx)
{
    const struct epay_order *order = tx->order;
    static const char *const empty[] = { "ip",         "ipCity",      "ipCountry",
                                         "ipDistrict", "ipLatitude",  "ipLongitude",
                                         "ipRegion",   "secureDetails", "tokenRecipient" };

    json_put_text(out, "accountId", order->account_id);
    json_put_text(out, "data", order->data);
    json_put_text(out, "description", order->description);
    json_put_text(out, "email", order->email);
    json_put_text(out, "language", order->language);
    json_put_text(out, "name", order->name);
    json_put_text(out, "phone", order->phone);
    json_put_text(out, "cardId", tx->card != NULL ? tx->card->id : STR(""));
    json_put_text(out, "cardMask", tx->card != NULL ? tx->card->mask : STR("440563...5096"));
    json_put_text(out, "cardType", STR("VISA"));
    json_put_text(out, "issuer", STR("SIM BANK"));
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++)
        json_put_text(out, empty[i], STR(""));
}

static const char *code_of(const struct epay_tx *tx, bool good)
{
    if (!good)
        return "error";
    return tx->order->amount.minor == 0 ? "success" : "ok"; /* zero: a check of the card */
}

static struct str write_body(struct arena *arena, const struct epay_tx *tx, bool good,
                             const struct fault *fault, int64_t now_ms)
{
    const struct epay_order *order = tx->order;
    struct money amount = order->amount;
    struct json_out out;
    struct buf body;

    if (fault->kind == FAULT_NOTIFY_WRONG_AMOUNT)
        amount.minor++;
    buf_init(&body, arena, BODY_MAX_BYTES);
    json_begin(&out, &body);
    json_open_object(&out, NULL);
    put_payer(&out, tx);
    json_put_raw(&out, "amount", epay_amount_text(arena, amount));
    json_put_text(&out, "approvalCode", tx->approval_code);
    json_put_text(&out, "code", str_of(code_of(tx, good)));
    json_put_text(&out, "currency", str_of(currency_code(amount.currency)));
    json_put_text(&out, "dateTime", epay_time_text(arena, now_ms));
    json_put_text(&out, "id", tx->id);
    json_put_text(&out, "invoiceId",
                  fault->kind == FAULT_NOTIFY_UNKNOWN_REF ? STR("999999999999999")
                                                          : order->invoice);
    json_put_text(&out, "invoiceIdAlt", order->invoice_alt);
    json_put_text(&out, "reason", tx->now.reason);
    json_put_int(&out, "reasonCode", tx->now.reason_code);
    json_put_text(&out, "reference", tx->reference);
    json_put_text(&out, "intReference", tx->int_reference);
    json_put_text(&out, "secret_hash",
                  fault->kind == FAULT_NOTIFY_WRONG_SECRET ? STR("not-the-secret")
                                                           : order->secret_hash);
    json_put_text(&out, "secure", STR("no"));
    json_put_null(&out, "secure3D");
    json_put_text(&out, "terminal", order->terminal);
    json_close_object(&out);
    json_done(&out);
    return buf_str(&body);
}

void epay_callback(struct sim *sim, const struct epay_tx *tx, bool good, struct exchange *cause)
{
    const struct epay_order *order = tx->order;
    struct fault fault =
        notify_fault(sim, EPAY, order->invoice, (struct str){ 0 }, order->amount);
    struct arena arena = { 0 };
    struct notice notice = {
        .gateway = EPAY,
        .event = good ? "postLink" : "failurePostLink",
        .reference = order->invoice,
        .url = good ? order->post_link : order->failure_post_link,
        .headers = STR(""),
        .body = write_body(&arena, tx, good, &fault, sim_now_ms(sim)),
        .attempts = sim->settings.postlink_attempts,
    };

    notify_send(sim, &notice, &fault, cause);
    arena_done(&arena);
}
