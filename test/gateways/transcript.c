#include "transcript.h"

#include <string.h>

#include "base/json.h"
#include "base/time.h"
#include "core/check.h"

#define FIELDS_MAX 32

/* Members that an ask line may set as name=value. */
static const struct {
    const char *name;
    size_t offset;
} asks[] = {
    { "our_ref", offsetof(struct gateway_ask, reference) },
    { "payment_ref", offsetof(struct gateway_ask, payment_reference) },
    { "their_ref", offsetof(struct gateway_ask, gateway_reference) },
    { "description", offsetof(struct gateway_ask, description) },
    { "return_url", offsetof(struct gateway_ask, return_url) },
    { "public_url", offsetof(struct gateway_ask, public_url) },
    { "account", offsetof(struct gateway_ask, account_id) },
    { "settings", offsetof(struct gateway_ask, settings) },
    { "customer", offsetof(struct gateway_ask, customer) },
};
#define ASK_COUNT (sizeof(asks) / sizeof(asks[0]))

/* The next word of the line; quotes keep spaces together and may follow a '='. */
static bool next_word(struct str *rest, struct str *word)
{
    bool quoted = false;
    size_t at = 0;

    *rest = str_trim(*rest);
    while (at < rest->len && (quoted || rest->ptr[at] != ' '))
        quoted ^= rest->ptr[at++] == '"';
    *word = str_slice(*rest, 0, at);
    *rest = str_slice(*rest, at, rest->len);
    return at > 0;
}

static struct str unquoted(struct str value)
{
    bool quoted = value.len >= 2 && value.ptr[0] == '"' && str_ends_with(value, STR("\""));
    return quoted ? str_slice(value, 1, value.len - 2) : value;
}

static struct secret secret_of(struct arena *arena, struct str text)
{
    struct str copy = str_copy(arena, text);
    return (struct secret){ (char *)(uintptr_t)copy.ptr, copy.len };
}

/* Card members: a number makes a card that is otherwise in order. */
static bool set_card(struct arena *arena, struct card *card, struct str name, struct str value)
{
    int64_t number;

    if (str_equal_c(name, "card"))
        *card = (struct card){ .number = secret_of(arena, value),
                               .cvc = secret_of(arena, STR("123")),
                               .exp_month = 12,
                               .exp_year = 2030 };
    else if (str_equal_c(name, "cvc"))
        card->cvc = secret_of(arena, value);
    else if (str_equal_c(name, "holder"))
        card->holder_name = value;
    else if (str_equal_c(name, "saved"))
        card->saved = secret_of(arena, value);
    else if (str_equal_c(name, "exp_month") && str_to_i64(value, &number))
        card->exp_month = (int)number;
    else if (str_equal_c(name, "exp_year") && str_to_i64(value, &number))
        card->exp_year = (int)number;
    else
        return false;
    return true;
}

static bool set_member(struct arena *arena, struct gateway_ask *ask, struct card *card,
                       struct str word)
{
    struct str name;
    struct str value = word;

    if (!str_cut(&value, '=', &name) || name.len == word.len)
        return false;
    value = unquoted(value);
    for (size_t i = 0; i < ASK_COUNT; i++) {
        if (str_equal_c(name, asks[i].name)) {
            memcpy((char *)ask + asks[i].offset, &value, sizeof(value));
            return true;
        }
    }
    if (str_equal_c(name, "credentials") || str_equal_c(name, "token")) {
        struct secret *secret = ARENA_NEW(arena, struct secret);
        *secret = secret_of(arena, value);
        *(str_equal_c(name, "token") ? &ask->token : &ask->credentials) = secret;
        return true;
    }
    if (str_equal_c(name, "capture_now"))
        return (ask->capture_now = str_equal_c(value, "yes"));
    if (str_equal_c(name, "save_card"))
        return (ask->save_card = str_equal_c(value, "yes"));
    if (str_equal_c(name, "verification"))
        return (ask->verification = str_equal_c(value, "yes"));
    if (str_equal_c(name, "live"))
        return (ask->live = str_equal_c(value, "yes"));
    if (str_equal_c(name, "method"))
        return (ask->method = word_of(&words_payment_method, value)) != METHOD_NONE;
    ask->card = card;
    return set_card(arena, card, name, value);
}

/* Members from `line`; false when one cannot be understood, and `bad` then holds it. */
static bool read_members(struct arena *arena, struct str line, struct gateway_ask *ask,
                         struct card *card, struct str *bad)
{
    struct str word;

    while (next_word(&line, &word)) {
        *bad = word;
        if (str_to_i64(word, &ask->amount.minor)) {
            if (!next_word(&line, bad) || !(ask->amount.currency = currency_of(*bad)))
                return false;
        } else if (!set_member(arena, ask, card, word)) {
            return false;
        }
    }
    return true;
}

bool transcript_is_notice(const struct transcript *t)
{
    return str_starts_with(t->ask, STR("notice"));
}

bool transcript_is_login(const struct transcript *t)
{
    return str_starts_with(t->ask, STR("login")) || str_starts_with(t->ask, STR("order_login"));
}

bool transcript_is_probe(const struct transcript *t)
{
    return str_starts_with(t->ask, STR("probe"));
}

bool transcript_is_list(const struct transcript *t)
{
    return str_starts_with(t->ask, STR("list "));
}

/* "payments from=TIME to=TIME cursor=..." */
bool transcript_list(const struct transcript *t, struct arena *arena, struct gateway_ask *ask,
                     struct gateway_list_ask *list, struct str *bad)
{
    struct card *card = ARENA_NEW(arena, struct card);
    struct str line = t->ask, value, name;

    *list = (struct gateway_list_ask){ .ask = ask };
    if (!next_word(&line, bad) || !next_word(&line, bad))
        return false;
    list->list = str_equal_c(*bad, "refunds") ? GW_LIST_REFUNDS : GW_LIST_PAYMENTS;
    while (next_word(&line, bad)) {
        value = *bad;
        if (!str_cut(&value, '=', &name))
            return false;
        if (str_equal_c(name, "cursor"))
            list->cursor = value;
        else if (time_parse(value, str_equal_c(name, "from") ? &list->from_ms : &list->to_ms))
            return false;
    }
    return read_members(arena, t->defaults, ask, card, bad);
}

/* A notice asks for nothing, a login and a probe for no operation: they have no kind. */
bool transcript_ask(const struct transcript *t, struct arena *arena, struct gateway_ask *ask,
                    struct str *bad)
{
    struct card *card = ARENA_NEW(arena, struct card);
    struct str line = t->ask;

    if (!next_word(&line, bad))
        return false;
    if (!transcript_is_notice(t) && !transcript_is_login(t) && !transcript_is_probe(t)) {
        if (!(ask->call = word_of(&words_operation_kind, *bad)))
            return false;
        ask->about = ask->call;
        if (ask->call == OPERATION_KIND_ENQUIRE &&
            (!next_word(&line, bad) || !(ask->about = word_of(&words_operation_kind, *bad))))
            return false;
    }
    return read_members(arena, t->defaults, ask, card, bad) &&
           read_members(arena, line, ask, card, bad);
}

/* --- request, reply and answer as text --- */

void transcript_write_request(struct buf *out, const struct http_request *request)
{
    buf_addf(out, "%s %.*s", request->method, STR_ARG(request->url));
    for (size_t i = 0; i < request->field_count; i++)
        buf_addf(out, "\n%.*s: %.*s", STR_ARG(request->fields[i].name),
                 STR_ARG(request->fields[i].value));
    if (!str_is_empty(request->body))
        buf_addf(out, "\n%.*s", STR_ARG(request->body));
}

/* "Name: value" with a name that a header can have. */
static bool read_field(struct str line, struct http_field *out)
{
    size_t colon = str_find_char(line, ':', 0);

    if (colon == 0 || colon + 1 >= line.len || line.ptr[colon + 1] != ' ')
        return false;
    for (size_t i = 0; i < colon; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_",
                    line.ptr[i]))
            return false;
    out->name = str_slice(line, 0, colon);
    out->value = str_trim(str_slice(line, colon + 1, line.len));
    return true;
}

/* The header lines that `text` begins with, taken off it. */
static struct http_field *read_fields(struct arena *arena, struct str *text, size_t *count)
{
    struct http_field *fields = ARENA_ARRAY(arena, struct http_field, FIELDS_MAX);
    struct str rest = *text;
    struct str line;

    *count = 0;
    while (*count < FIELDS_MAX && str_cut(&rest, '\n', &line) &&
           read_field(line, &fields[*count])) {
        (*count)++;
        *text = rest;
    }
    return fields;
}

bool transcript_reply(const struct transcript *t, struct arena *arena, struct http_reply *out)
{
    struct str text = buf_str(&t->reply);
    struct str line;
    int64_t status = 0;

    if (!transcript_is_notice(t) && (!str_cut(&text, '\n', &line) || !str_to_i64(line, &status)))
        return false;
    *out = (struct http_reply){ .status = (int)status };
    out->fields = read_fields(arena, &text, &out->field_count);
    out->body = text;
    return true;
}

static void write_text(struct buf *out, const char *name, struct str value)
{
    if (str_is_empty(value))
        return;
    buf_addf(out, " %s=", name);
    if (str_find_char(value, ' ', 0) < value.len)
        json_write_text(out, value);
    else
        buf_add(out, value);
}

void transcript_write_answer(struct buf *out, const struct gateway_answer *answer)
{
    buf_add_c(out, gateway_outcome_text(answer->outcome));
    if (answer->amount.currency != CURRENCY_NONE)
        buf_addf(out, " %lld %s", (long long)answer->amount.minor,
                 currency_code(answer->amount.currency));
    write_text(out, "their_ref", answer->gateway_reference);
    write_text(out, "refund_ref", answer->refund_reference);
    write_text(out, "failure", answer->failure_code);
    write_text(out, "code", answer->gateway_code);
    write_text(out, "message", answer->gateway_message);
    write_text(out, "action", word_str(&words_next_action, answer->action));
    write_text(out, "url", answer->action_url);
    write_text(out, "card", answer->card_token);
    write_text(out, "brand", answer->card_brand);
    write_text(out, "last4", answer->card_last4);
    if (!answer->has_position)
        return;
    buf_addf(out, " authorized=%lld captured=%lld refunded=", (long long)answer->authorized_minor,
             (long long)answer->captured_minor);
    if (answer->refunds_unsaid)
        buf_add_char(out, '?');
    else
        buf_add_i64(out, answer->refunded_minor);
    buf_addf(out, " released=%s", answer->released ? "yes" : "no");
}

void transcript_write_token(struct buf *out, const struct gateway_token *token)
{
    buf_addf(out, "token %.*s lives_ms=%lld", STR_ARG(token->text), (long long)token->lives_ms);
}

void transcript_write_findings(struct buf *out, const struct check_report *report)
{
    static const enum check_item items[] = { CHECK_ITEM_CREDENTIALS, CHECK_ITEM_TERMINAL };

    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
        buf_addf(out, "%s%s=%s", i > 0 ? " " : "", check_item_text(items[i]),
                 check_status_text(report->of[items[i]].status));
}

void transcript_write_claims(struct buf *out, const struct gateway_claim *claims, size_t count)
{
    if (count == 0)
        buf_add_c(out, "none");
    for (size_t i = 0; i < count; i++) {
        buf_add_c(out, i > 0 ? "; claim" : "claim");
        write_text(out, "our_ref", claims[i].reference);
        write_text(out, "their_ref", claims[i].gateway_reference);
        write_text(out, "notice", claims[i].notice_id);
    }
}

void transcript_write_page(struct buf *out, const struct gateway_list_page *page)
{
    if (page->count == 0)
        buf_add_c(out, "nothing");
    for (size_t i = 0; i < page->count; i++) {
        const struct gateway_listed *listed = &page->items[i];
        buf_addf(out, "%s%lld %s", i > 0 ? "; " : "", (long long)listed->amount.minor,
                 currency_code(listed->amount.currency));
        write_text(out, "our_ref", listed->reference);
        write_text(out, "their_ref", listed->gateway_reference);
        write_text(out, "refund_ref", listed->refund_reference);
        if (listed->has_position) {
            buf_addf(out, " captured=%lld refunded=", (long long)listed->captured_minor);
            if (listed->refunds_unsaid)
                buf_add_char(out, '?');
            else
                buf_add_i64(out, listed->refunded_minor);
            buf_addf(out, " released=%s", listed->released ? "yes" : "no");
        }
        buf_add_c(out, listed->holds ? " holds" : "");
    }
    write_text(out, "next", page->next);
}
