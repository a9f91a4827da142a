/* receipts.c - the receipt of a captured payment, for its merchant and for its payer.
 *
 *   receipt_show        on the loop: by a key, or by the token of the payer's page
 *   run                 on a reader's thread: everything that it says
 *   read_is_back        on the loop: written as HTML or PDF
 *
 * Its number is the payment's id in another form: unique without anything to count. */
#include <assert.h>

#include "api/checkout_parts.h"
#include "api/fields.h"
#include "base/time.h"

#define REFUNDS_MOST 100
#define EVENTS_MOST 1000
#define PDF_MAX ((size_t)1024 * 1024)

struct receipt_ask {
    struct str format, language;
};

static const struct field query_fields[] = {
    FIELD(struct receipt_ask, format, TEXT, .most = 4),
    FIELD(struct receipt_ask, language, TEXT, .most = 2),
};

struct receipt_visit {
    struct call *call;
    struct receipt_ask ask;
    struct checkout_id checkout; /* zero: it was asked for by a key */
    struct query_scope scope;
    struct payment_id payment_id;
    /* From the reader, in the read's arena. */
    enum err err;
    struct payment *payment;
    struct checkout_settings *settings;
    struct refund_list refunds;
    int64_t paid_ms;
};

/* "01M8-K7NZ-5VE0-0S57-AQQ3-SNSX-CP" */
static struct str number_of(struct payment_id id, struct arena *arena)
{
    char text[ID_TEXT_MAX];
    struct buf plain;
    struct buf out;

    buf_fixed(&plain, text, sizeof text);
    payment_id_write(&plain, id);
    struct str digits = buf_str(&plain);
    digits = str_slice(digits, str_find_char(digits, '_', 0) + 1, digits.len);
    buf_init(&out, arena, 64);
    for (size_t i = 0; i < digits.len; i++) {
        char c = digits.ptr[i];
        if (i > 0 && i % 4 == 0)
            buf_add_char(&out, '-');
        buf_add_char(&out, c >= 'a' ? (char)(c - 'a' + 'A') : c);
    }
    return buf_str(&out);
}

/* When it was taken: its event tells; events of long ago may be gone. */
static enum err find_time(struct receipt_visit *visit, struct db *db, struct arena *arena)
{
    struct event_list events = { 0 };

    visit->paid_ms = visit->payment->created_ms;
    enum err err = query_payment_events(db, visit->payment, 0, EVENTS_MOST, arena, &events);
    for (size_t i = 0; !err && i < events.count; i++)
        if (events.items[i]->type == EVENT_PAYMENT_CAPTURED)
            visit->paid_ms = events.items[i]->occurred_ms;
    return err;
}

static enum err find_payment(struct receipt_visit *visit, struct db *db, struct arena *arena)
{
    struct checkout *checkout = NULL;

    if (!checkout_id_is_zero(visit->checkout)) {
        enum err err = query_checkout_by_id(db, visit->checkout, arena, &checkout);
        if (err)
            return err;
        visit->scope = (struct query_scope){ checkout->merchant, checkout->live };
        visit->payment_id = checkout->payment;
        if (str_is_empty(visit->ask.language))
            visit->ask.language = str_copy(visit->call->arena, checkout->language);
    }
    return query_payment(db, visit->scope, visit->payment_id, arena, &visit->payment);
}

static enum err run(struct desk_read *read, struct db *db)
{
    struct receipt_visit *visit = read->user;
    struct arena *arena = &read->arena;
    const struct query_page page = { .limit = REFUNDS_MOST };

    visit->refunds = (struct refund_list){ 0 };
    visit->err = find_payment(visit, db, arena);
    if (!visit->err && visit->payment->captured_minor == 0)
        visit->err = ERR_NOT_FOUND;
    if (!visit->err)
        visit->err = find_time(visit, db, arena);
    if (!visit->err)
        visit->err = query_payment_refunds(db, visit->payment, page, arena, &visit->refunds);
    if (!visit->err)
        visit->err = query_checkout_settings(db, visit->scope, arena, &visit->settings);
    return visit->err;
}

static void fill_refunds(const struct receipt_visit *visit, struct receipt *out)
{
    struct receipt_refund *refunds =
        ARENA_ARRAY(visit->call->arena, struct receipt_refund, visit->refunds.count);

    /* They come from new to old. */
    for (size_t i = visit->refunds.count; i > 0; i--) {
        const struct refund *refund = visit->refunds.items[i - 1];
        if (refund->status != REFUND_SUCCEEDED)
            continue;
        refunds[out->refund_count++] = (struct receipt_refund){
            { refund->amount_minor, refund->currency }, refund->updated_ms
        };
    }
    out->refunds = refunds;
}

static enum err answer(struct receipt_visit *visit)
{
    struct call *call = visit->call;
    const struct payment *payment = visit->payment;
    struct receipt receipt = {
        .number = number_of(payment->id, call->arena),
        .reference = payment->reference,
        .paid_ms = visit->paid_ms,
        .captured_minor = payment->captured_minor,
        .refunded_minor = payment->refunded_minor,
    };
    struct checkout_page page = {
        .view = CHECKOUT_VIEW_RECEIPT,
        .language = visit->ask.language,
        .live = payment->live,
        .amount = { payment->captured_minor, payment->currency },
        .shop = payment->shop,
        .description = payment->description,
        .card_last4 = payment->card_last4,
        .receipt = &receipt,
    };
    struct buf id, pdf;

    buf_init(&id, call->arena, ID_TEXT_MAX);
    payment_id_write(&id, payment->id);
    page.reference = buf_str(&id);
    fill_refunds(visit, &receipt);
    checkout_fill_look(visit->settings, &page);
    if (!str_equal_c(visit->ask.format, "pdf")) {
        checkout_answer_page(call, 200, &page);
        return OK;
    }
    buf_init(&pdf, call->arena, PDF_MAX);
    enum err err = receipt_write_pdf(&pdf, &page, call->api->config.receipt_font);
    if (err)
        return trouble_say(&call->trouble, err, "The font %s cannot be used (receipt_font).",
                           call->api->config.receipt_font);
    call_add_header(call, STR("X-Content-Type-Options"), STR("nosniff"));
    call_answer(call, 200, STR("application/pdf"), buf_str(&pdf));
    return OK;
}

/* Once it is answered the visit is gone. */
static void answer_or_fail(struct receipt_visit *visit)
{
    struct call *call = visit->call;
    enum err err = visit->err;

    if (err == ERR_NOT_FOUND && !checkout_id_is_zero(visit->checkout)) {
        checkout_answer_wrong(call);
        return;
    }
    if (err == ERR_NOT_FOUND)
        (void)trouble_say(&call->trouble, err, "There is no captured payment here.");
    if (!err)
        err = answer(visit);
    if (err)
        call_fail(call, err);
}

static void read_is_back(void *arg)
{
    struct desk_read *read = arg;

    answer_or_fail(read->user);
    desk_read_free(read);
}

static void read_done(struct desk_read *read)
{
    const struct receipt_visit *visit = read->user;

    server_post(atomic_load(&visit->call->api->server), read_is_back, read);
}

static enum err begin(struct receipt_visit *visit)
{
    struct call *call = visit->call;
    const struct desk *desk = call->api->config.desk;
    struct desk_read *read = desk_read_new();
    struct str language = visit->ask.language;

    read->run = run;
    read->done = read_done;
    read->user = visit;
    enum err err = OK;
    if (!str_is_empty(language) && !checkout_page_speaks(language))
        err = trouble_about(&call->trouble, ERR_VALIDATION, STR("language"),
                            "language must be en, ru, kk, fr, de or cy.");
    if (!err && !str_is_empty(visit->ask.format) && !str_equal_c(visit->ask.format, "pdf") &&
        !str_equal_c(visit->ask.format, "html"))
        err = trouble_about(&call->trouble, ERR_VALIDATION, STR("format"),
                            "format must be html or pdf.");
    if (!err && desk->read(desk->self, read))
        return OK;
    desk_read_free(read);
    return err ? err : trouble_say(&call->trouble, ERR_UNAVAILABLE,
                                   "This node takes no more work now.");
}

static enum err read_query(struct receipt_visit *visit)
{
    return fields_read_query(FIELDS(query_fields), server_request_query(visit->call->request),
                             &visit->ask, &visit->call->trouble);
}

/* GET /v1/payments/{id}/receipt */
enum err receipt_show(struct call *call)
{
    struct receipt_visit *visit = ARENA_NEW(call->arena, struct receipt_visit);

    visit->call = call;
    visit->scope = (struct query_scope){ call->who.merchant, call->who.live };
    visit->payment_id = (struct payment_id){ call->object };
    enum err err = read_query(visit);
    return err ? err : begin(visit);
}

/* GET /pay/{token}/receipt */
enum err receipt_page_show(struct call *call)
{
    struct receipt_visit *visit = ARENA_NEW(call->arena, struct receipt_visit);
    bool right = checkout_token_read(call->api, call->segment, &visit->checkout);

    visit->call = call;
    if (!checkout_may_come(call, right))
        return OK;
    if (!right) {
        checkout_answer_wrong(call);
        return OK;
    }
    enum err err = read_query(visit);
    return err ? err : begin(visit);
}
