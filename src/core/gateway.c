/* gateway.c - what all adapters share: the one check of amounts, and small lookups. */
#include "core/gateway.h"

#include <assert.h>

const char *gateway_outcome_text(enum gateway_outcome outcome)
{
    static const char *const texts[] = {
#define X(name, text, meaning) [GW_##name] = text,
        GATEWAY_OUTCOMES(X)
#undef X
    };

    assert(outcome < GW_OUTCOME_COUNT);
    return texts[outcome];
}

const char *gateway_lost_text(enum gateway_lost lost)
{
    static const char *const texts[] = {
#define X(name, text, meaning) [GW_##name] = text,
        GATEWAY_LOST(X)
#undef X
    };

    assert(lost < GW_LOST_COUNT);
    return texts[lost];
}

const char *gateway_capture_text(enum gateway_capture capture)
{
    static const char *const texts[] = {
#define X(name, text, meaning) [GW_CAPTURE_##name] = text,
        GATEWAY_CAPTURES(X)
#undef X
    };

    assert(capture < GW_CAPTURE_WAY_COUNT);
    return texts[capture];
}

bool gateway_can(const struct gateway *gateway, enum operation_kind kind)
{
    assert(kind != OPERATION_KIND_NONE && kind < OPERATION_KIND_COUNT);
    const struct gateway_call *call = &gateway->calls[kind];
    assert(!call->build == !call->parse);
    return call->build != NULL;
}

bool gateway_takes(const struct gateway *gateway, enum payment_method method)
{
    for (const enum payment_method *takes = gateway->methods; *takes != METHOD_NONE; takes++)
        if (*takes == method)
            return true;
    return false;
}

enum gateway_token_use gateway_token_use(const struct gateway *gateway,
                                         const struct gateway_ask *ask)
{
    assert(!gateway->token_use || gateway->login.build);
    if (!gateway->login.build)
        return GW_TOKEN_NONE;
    return gateway->token_use ? gateway->token_use(ask) : GW_TOKEN_ACCOUNT;
}

int64_t gateway_refund_least(const struct gateway *gateway, enum currency currency)
{
    const struct money *least = gateway->refund_least;

    for (; least && least->currency != CURRENCY_NONE; least++)
        if (least->currency == currency)
            return least->minor;
    return 0;
}

static const struct json *parsed(struct str text, struct arena *arena)
{
    const struct json *json = NULL;

    if (str_is_empty(text) || json_parse(text, arena, &json, NULL) != OK)
        return NULL;
    return json;
}

const struct json *gateway_settings(const struct gateway_ask *ask, struct arena *arena)
{
    return parsed(ask->settings, arena);
}

const struct json *gateway_credentials(const struct secret *credentials, struct arena *arena)
{
    return credentials ? parsed(secret_reveal(credentials), arena) : NULL;
}

/* A cancel releases whatever is held: there is no amount that we asked for. */
static bool has_amount(enum operation_kind kind)
{
    return kind == OPERATION_KIND_AUTHORIZE || kind == OPERATION_KIND_CAPTURE ||
           kind == OPERATION_KIND_REFUND;
}

bool gateway_check_amount(const struct gateway_ask *ask, struct gateway_answer *answer)
{
    assert(ask->about != OPERATION_KIND_ENQUIRE);
    if (answer->outcome != GW_APPROVED || !has_amount(ask->about))
        return true;
    /* A sale says in its position what was taken. */
    if (ask->about == OPERATION_KIND_AUTHORIZE && answer->has_position &&
        answer->captured_minor > ask->amount.minor)
        answer->amount = (struct money){ answer->captured_minor, ask->amount.currency };
    if (answer->amount.currency == CURRENCY_NONE)
        return true;
    if (answer->amount.minor == ask->amount.minor &&
        answer->amount.currency == ask->amount.currency)
        return true;
    /* Their amount stays in the answer: it is what the drift report has to show. */
    answer->outcome = GW_UNKNOWN;
    return false;
}

enum gateway_outcome gateway_outcome_of(const struct gateway_word *words, struct str word)
{
    for (; words->word != NULL; words++)
        if (str_equal_c(word, words->word))
            return words->outcome;
    return GW_UNKNOWN;
}

struct str http_field_value(const struct http_field *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal_nocase(fields[i].name, str_of(name)))
            return fields[i].value;
    return (struct str){ 0 };
}

struct str http_reply_field(const struct http_reply *reply, const char *name)
{
    return http_field_value(reply->fields, reply->field_count, name);
}
