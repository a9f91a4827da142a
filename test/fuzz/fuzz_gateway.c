/* fuzz_gateway.c - whatever a gateway replies or sends, an adapter neither crashes nor says yes
 * to half an answer.
 *
 * Input: the gateway's name and a newline; five bytes: which call, or 0 for a notice, a login and
 * a probe; which kind is asked about; flags (1 the money is to be taken at once, 2 with a saved
 * card, 4 they spoke of the payment before); the HTTP status, big endian. Then as lines: our
 * reference, that of the payment, header lines, an empty one; the rest is the body. corpus/gateway
 * has one such input per transcript, written by `run_transcripts DIR --seeds OUT`. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/check.h"
#include "gateways/gateways.h"

#define HEAD_SIZE 5
#define FIELDS_MAX 8
#define CLAIMS_MAX 4
#define REFERENCE_MAX 64

/* What an input holds, read. */
struct input {
    const struct gateway *gateway;
    uint8_t head[HEAD_SIZE];
    struct str reference;
    struct str payment_reference;
    struct http_field fields[FIELDS_MAX];
    size_t field_count;
    struct str body;
};

/* What all of purser relies on, whatever the gateway. */
static void check_answer(const struct gateway_ask *ask, const struct gateway_answer *answer)
{
    if (answer->outcome >= GW_OUTCOME_COUNT || answer->outcome == GW_NOT_SENT)
        abort();
    bool said_no = answer->outcome == GW_DECLINED || answer->outcome == GW_REFUSED;
    if (said_no == str_is_empty(answer->failure_code))
        abort();
    if (answer->outcome == GW_NEEDS_PAYER &&
        (answer->action == ACTION_NONE || str_is_empty(answer->action_url)))
        abort();
    /* "I do not know it" is an answer to a question, and to the order to forget a card; never to
     * one of money. */
    if (answer->outcome == GW_ABSENT && ask->call != OPERATION_KIND_ENQUIRE &&
        ask->call != OPERATION_KIND_DEACTIVATE)
        abort();
    if (answer->has_position &&
        (answer->authorized_minor < 0 || answer->captured_minor < 0 || answer->refunded_minor < 0))
        abort();
    const struct str texts[] = { answer->gateway_reference, answer->refund_reference,
                                 answer->failure_code,      answer->gateway_code,
                                 answer->gateway_message,   answer->action_url,
                                 answer->card_token,        answer->card_brand,
                                 answer->card_last4 };
    if (!str_is_empty(answer->card_token) && answer->outcome != GW_APPROVED)
        abort();
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (!str_is_utf8(texts[i]))
            abort();
}

/* A reply that is not understood leaves the answer as it was: unknown. */
static void check_untouched(const struct gateway_answer *answer)
{
    static const struct gateway_answer zero;

    if (memcmp(answer, &zero, sizeof(zero)) != 0)
        abort();
}

static void check_parse(const struct input *in, struct arena *arena)
{
    struct gateway_ask ask = {
        .call = in->head[0] % OPERATION_KIND_COUNT,
        .about = in->head[1] % OPERATION_KIND_COUNT,
        .reference = in->reference,
        .payment_reference = in->payment_reference,
        .gateway_reference = in->head[2] & 4 ? in->payment_reference : (struct str){ 0 },
        .amount = { 1250, CURRENCY_EUR },
        .capture_now = in->head[2] & 1,
        .save_card = in->head[2] & 8,
        .verification = in->head[2] & 16,
        .method = in->head[2] & 2 ? METHOD_SAVED_CARD : in->gateway->methods[0],
        .account_id = STR("ga_1"),
        .settings = STR("{\"base_url\":\"https://gateway.test\"}"),
    };
    const struct http_reply reply = {
        .status = in->head[3] << 8 | in->head[4],
        .fields = in->fields,
        .field_count = in->field_count,
        .body = in->body,
    };
    if (ask.call != OPERATION_KIND_ENQUIRE)
        ask.about = ask.call;
    if (ask.about == OPERATION_KIND_NONE || ask.about == OPERATION_KIND_ENQUIRE ||
        !gateway_can(in->gateway, ask.call))
        return;

    struct gateway_answer answer;
    memset(&answer, 0, sizeof(answer));
    if (in->gateway->calls[ask.call].parse(&ask, &reply, arena, &answer) == OK)
        check_answer(&ask, &answer);
    else
        check_untouched(&answer);
}

/* Every credential that the gateway wants is "secret". */
static struct secret credentials_of(const struct gateway *gateway, struct buf *text)
{
    buf_add_c(text, "{");
    for (size_t i = 0; gateway->credentials && gateway->credentials[i]; i++)
        buf_addf(text, "%s\"%s\":\"secret\"", i > 0 ? "," : "", gateway->credentials[i]);
    buf_add_c(text, "}");
    return (struct secret){ text->ptr, text->len };
}

/* What is not verified is never read; here it is, so that reading bears anything too. */
static void check_notice(const struct input *in, struct arena *arena)
{
    char array[512];
    struct buf text;
    struct gateway_claim claims[CLAIMS_MAX];
    size_t count = 0;

    if (!in->gateway->notices.verify)
        return;
    buf_fixed(&text, array, sizeof(array));
    struct secret credentials = credentials_of(in->gateway, &text);
    const struct gateway_notice notice = { in->fields, in->field_count, in->body, &credentials };
    (void)in->gateway->notices.verify(&notice);
    if (in->gateway->notices.read(&notice, arena, claims, CLAIMS_MAX, &count) != OK)
        return;
    if (count > CLAIMS_MAX)
        abort();
    for (size_t i = 0; i < count; i++) {
        if (str_is_empty(claims[i].reference) && str_is_empty(claims[i].gateway_reference))
            abort();
        if (!str_is_utf8(claims[i].reference) || !str_is_utf8(claims[i].gateway_reference) ||
            !str_is_utf8(claims[i].notice_id))
            abort();
    }
}

/* A token goes into a header line. */
static void check_login(const struct input *in, struct arena *arena)
{
    const struct gateway_login *logins[] = { &in->gateway->login, &in->gateway->order_login };
    const struct http_reply reply = {
        .status = in->head[3] << 8 | in->head[4],
        .fields = in->fields,
        .field_count = in->field_count,
        .body = in->body,
    };

    for (size_t i = 0; i < 2; i++) {
        struct gateway_token token = { 0 };
        if (!logins[i]->parse || logins[i]->parse(&reply, arena, &token) != OK)
            continue;
        if (!str_is_visible_ascii(token.text) || token.lives_ms < 0)
            abort();
    }
}

/* A finding that is not "ok" says something; what is no answer finds nothing. */
static void check_probe(const struct input *in, struct arena *arena)
{
    const struct gateway_ask ask = { .settings = STR("{\"base_url\":\"https://gateway.test\"}") };
    const struct http_reply reply = {
        .status = in->head[3] << 8 | in->head[4],
        .fields = in->fields,
        .field_count = in->field_count,
        .body = in->body,
    };
    struct check_report report = { 0 };

    if (!in->gateway->probe.parse)
        return;
    enum err err = in->gateway->probe.parse(&ask, &reply, arena, &report);
    for (size_t i = 0; i < CHECK_ITEM_COUNT; i++) {
        const struct check_finding *found = &report.of[i];
        bool said = !str_is_empty(found->detail);
        if ((err != OK && said) || (found->status != CHECK_NOT_RUN && !said) ||
            !str_is_utf8(found->detail) || !str_is_utf8(found->advice))
            abort();
    }
}

/* What a listing says is looked up and written into the books. */
static void check_list(const struct input *in, struct arena *arena)
{
    const struct gateway_ask about = { .settings = STR("{\"base_url\":\"https://gateway.test\"}") };
    const struct http_reply reply = {
        .status = in->head[3] << 8 | in->head[4],
        .fields = in->fields,
        .field_count = in->field_count,
        .body = in->body,
    };

    if (!in->gateway->listing.parse)
        return;
    for (int list = 0; list < GW_LIST_COUNT; list++) {
        const struct gateway_list_ask ask = { .ask = &about, .list = (enum gateway_list)list };
        struct gateway_list_page page = { 0 };
        if (in->gateway->listing.parse(&ask, &reply, arena, &page) != OK)
            continue;
        if (page.count > GATEWAY_PAGE_MAX || !str_is_utf8(page.next))
            abort();
        for (size_t i = 0; i < page.count; i++) {
            const struct gateway_listed *listed = &page.items[i];
            if (listed->amount.currency == CURRENCY_NONE || listed->amount.minor < 0
                || listed->captured_minor < 0 || listed->refunded_minor < 0
                || str_is_empty(listed->gateway_reference)
                || !str_is_utf8(listed->gateway_reference) || !str_is_utf8(listed->reference)
                || !str_is_utf8(listed->refund_reference))
                abort();
        }
    }
}

/* References are ours: whatever the input holds, they are short and visible. */
static struct str take_reference(struct str *text)
{
    struct str line = { 0 };

    if (!str_cut(text, '\n', &line) || line.len > REFERENCE_MAX || !str_is_visible_ascii(line))
        return STR("op_1");
    return line;
}

static void take_fields(struct str *text, struct input *in)
{
    struct str line;

    while (str_cut(text, '\n', &line) && line.len > 0 && in->field_count < FIELDS_MAX) {
        size_t colon = str_find_char(line, ':', 0);
        in->fields[in->field_count++] = (struct http_field){
            str_slice(line, 0, colon), str_trim(str_slice(line, colon + 1, line.len))
        };
    }
}

/* A name that is none means one of them too: mutations seldom spell. */
static const struct gateway *take_gateway(struct str *text)
{
    struct str name = { 0 };
    size_t count = 0;

    while (gateways[count] != NULL)
        count++;
    (void)str_cut(text, '\n', &name);
    const struct gateway *gateway = gateway_named(name);
    return gateway ? gateway : gateways[name.len % count];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena arena;
    struct str text = str_make((const char *)data, size);
    struct input in = { .gateway = take_gateway(&text) };

    if (text.len < HEAD_SIZE)
        return 0;
    memcpy(in.head, text.ptr, HEAD_SIZE);
    text = str_slice(text, HEAD_SIZE, text.len);
    in.reference = take_reference(&text);
    in.payment_reference = take_reference(&text);
    take_fields(&text, &in);
    in.body = text;
    if (in.head[0] % OPERATION_KIND_COUNT == OPERATION_KIND_NONE) {
        check_notice(&in, &arena);
        check_login(&in, &arena);
        check_probe(&in, &arena);
        check_list(&in, &arena);
    } else {
        check_parse(&in, &arena);
    }
    arena_reset(&arena);
    return 0;
}
