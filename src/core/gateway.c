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

const char *gateway_list_text(enum gateway_list list)
{
    static const char *const texts[] = {
#define X(name, text) [GW_LIST_##name] = text,
        GATEWAY_LISTS(X)
#undef X
    };

    assert(list < GW_LIST_COUNT);
    return texts[list];
}

bool gateway_can(const struct gateway *gateway, enum operation_kind kind)
{
    assert(kind != OPERATION_KIND_NONE && kind < OPERATION_KIND_COUNT);
    const struct gateway_call *call = &gateway->calls[kind];
    assert(!call->build == !call->parse);
    return call->build != NULL;
}

static bool is_among(const enum payment_method *methods, enum payment_method method)
{
    for (; methods && *methods != METHOD_NONE; methods++)
        if (*methods == method)
            return true;
    return false;
}

bool gateway_takes(const struct gateway *gateway, enum payment_method method)
{
    return is_among(gateway->methods, method);
}

bool gateway_keeps(const struct gateway *gateway, enum payment_method method)
{
    return gateway_can(gateway, OPERATION_KIND_DEACTIVATE)
           && is_among(gateway->cards.keeps, method);
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

/* What is longer was not meant to be read; the books and every object of ours have room for
 * so much. A reference or an address that is cut would be another. */
#define THEIR_TEXT_MAX ((size_t)1000)
#define THEIR_REFERENCE_MAX ((size_t)255)
#define THEIR_URL_MAX ((size_t)2048)

static struct str clip(struct str text)
{
    size_t len = text.len < THEIR_TEXT_MAX ? text.len : THEIR_TEXT_MAX;
    while (len < text.len && len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
        len--;
    return str_slice(text, 0, len);
}

static struct str unless_longer(struct str text, size_t most)
{
    return text.len <= most ? text : (struct str){ 0 };
}

void gateway_answer_limit(struct gateway_answer *answer)
{
    answer->gateway_code = clip(answer->gateway_code);
    answer->gateway_message = clip(answer->gateway_message);
    answer->failure_code = clip(answer->failure_code);
    answer->gateway_reference = unless_longer(answer->gateway_reference, THEIR_REFERENCE_MAX);
    answer->refund_reference = unless_longer(answer->refund_reference, THEIR_REFERENCE_MAX);
    answer->action_url = unless_longer(answer->action_url, THEIR_URL_MAX);
    answer->card_brand = unless_longer(answer->card_brand, THEIR_REFERENCE_MAX);
    answer->card_last4 = unless_longer(answer->card_last4, THEIR_REFERENCE_MAX);
}
