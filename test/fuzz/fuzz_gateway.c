/* fuzz_gateway.c - whatever a gateway replies, an adapter neither crashes nor says yes to half
 * an answer.
 *
 * Input: which gateway, which call, which kind is asked about (one byte each), the HTTP status
 * (two bytes, big endian), the body. corpus/gateway has one such input per transcript, written
 * by `run_transcripts DIR --seeds OUT`. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateways/gateways.h"

#define HEAD_SIZE 5

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
    /* "I do not know it" is an answer to a question, never to an order. */
    if (answer->outcome == GW_ABSENT && ask->call != OPERATION_KIND_ENQUIRE)
        abort();
    if (answer->has_position &&
        (answer->authorized_minor < 0 || answer->captured_minor < 0 || answer->refunded_minor < 0))
        abort();
    const struct str texts[] = { answer->gateway_reference, answer->refund_reference,
                                 answer->failure_code,      answer->gateway_code,
                                 answer->gateway_message,   answer->action_url };
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena arena;
    size_t count = 0;

    while (gateways[count] != NULL)
        count++;
    if (size < HEAD_SIZE)
        return 0;
    const struct gateway *gateway = gateways[data[0] % count];
    struct gateway_ask ask = {
        .call = data[1] % OPERATION_KIND_COUNT,
        .about = data[2] % OPERATION_KIND_COUNT,
        .reference = STR("op_1"),
        .payment_reference = STR("op_1"),
        .amount = { 1250, CURRENCY_EUR },
    };
    const struct http_reply reply = {
        .status = data[3] << 8 | data[4],
        .body = str_make((const char *)data + HEAD_SIZE, size - HEAD_SIZE),
    };
    if (ask.call != OPERATION_KIND_ENQUIRE)
        ask.about = ask.call;
    if (ask.about == OPERATION_KIND_NONE || ask.about == OPERATION_KIND_ENQUIRE ||
        !gateway_can(gateway, ask.call))
        return 0;

    struct gateway_answer answer;
    memset(&answer, 0, sizeof(answer));
    if (gateway->calls[ask.call].parse(&ask, &reply, &arena, &answer) == OK)
        check_answer(&ask, &answer);
    else
        check_untouched(&answer);
    arena_reset(&arena);
    return 0;
}
