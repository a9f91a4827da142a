/* epayment_status.c - what epayment says of an order when it is asked (check-status).
 *
 * statusName of the transaction says what became of the money. resultCode says whether the
 * question could be answered, and speaks of the order only where there is no transaction. A
 * sound body may come under HTTP 400.
 *
 * A charge, a cancel and a refund are not told of by themselves: they are read from what the
 * transaction has come to. Of a part of a refund that says nothing. */
#include "core/check.h"
#include "gateways/epayment.h"

/* Where the money is when they use a word; all of it, for they know no parts. */
enum place { UNSAID, UNDECIDED, TURNED_DOWN, HELD, TAKEN, RETURNED, RELEASED, LOOKED_AT };

#define AUTHORIZE [OPERATION_KIND_AUTHORIZE]
#define CAPTURE   [OPERATION_KIND_CAPTURE]
#define CANCEL    [OPERATION_KIND_CANCEL]
#define REFUND    [OPERATION_KIND_REFUND]

/* What each word says of each of our operations. What is not said is unknown, and so is a word
 * that is not here. That an order is still held is not absence of its refund: a refund may
 * take its time, and none is ever sent twice. */
static const struct status {
    const char *word;
    enum place money;
    enum gateway_outcome of[OPERATION_KIND_COUNT];
} statuses[] = {
    { "NEW", UNDECIDED, { AUTHORIZE = GW_PENDING } },
    /* In 3-D Secure, and it stays there when the payer gives up. */
    { "FINGERPRINT", UNDECIDED, { AUTHORIZE = GW_NEEDS_PAYER, CANCEL = GW_APPROVED } },
    { "3D", UNDECIDED, { AUTHORIZE = GW_NEEDS_PAYER, CANCEL = GW_APPROVED } },
    { "AUTH", HELD, { AUTHORIZE = GW_APPROVED, CAPTURE = GW_ABSENT, CANCEL = GW_ABSENT } },
    { "CHARGE", TAKEN, { AUTHORIZE = GW_APPROVED, CAPTURE = GW_APPROVED, CANCEL = GW_REFUSED } },
    { "REFUND", RETURNED, { AUTHORIZE = GW_APPROVED, CAPTURE = GW_APPROVED, CANCEL = GW_REFUSED,
                            REFUND = GW_APPROVED } },
    { "CANCEL", RELEASED, { AUTHORIZE = GW_APPROVED, CAPTURE = GW_REFUSED, CANCEL = GW_APPROVED } },
    /* By time, or by themselves. */
    { "CANCEL_OLD", RELEASED, { AUTHORIZE = GW_APPROVED, CAPTURE = GW_REFUSED,
                                CANCEL = GW_APPROVED } },
    /* A card was looked at; no money is in it. Two spellings are about. */
    { "VERIFIED", LOOKED_AT, { AUTHORIZE = GW_APPROVED, CANCEL = GW_REFUSED } },
    { "VERIFICATION", LOOKED_AT, { AUTHORIZE = GW_APPROVED, CANCEL = GW_REFUSED } },
    { "REJECT", TURNED_DOWN, { AUTHORIZE = GW_DECLINED, CAPTURE = GW_REFUSED,
                               CANCEL = GW_APPROVED } },
    { "FAILED", TURNED_DOWN, { AUTHORIZE = GW_DECLINED, CAPTURE = GW_REFUSED,
                               CANCEL = GW_APPROVED } },
};

/* Results of the question. Their texts may be empty; then ours tells the operator. */
static const struct result {
    const char *code;
    const char *what;
} results[] = {
    { "101", "The order was rejected." },
    { "102", "There is no such order." },
    { "103", "They failed; ask again." },
    { "104", "The token names no terminal: check the account's terminal." },
    { "106", "They failed; ask again." },
    { "107", "The order is being processed." },
    { "109", "The terminal is not this client's: check the account's terminal and client_id." },
};

static const struct status *status_of(struct str word)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (str_equal_c(word, statuses[i].word))
            return &statuses[i];
    return NULL;
}

static struct str text_of_result(struct str code)
{
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
        if (str_equal_c(code, results[i].code))
            return str_of(results[i].what);
    return (struct str){ 0 };
}

/* Which of their amounts is a part that was charged is not documented. So any of them that is
 * what we asked for will do; none of them is not an approval. */
static int64_t part_of(const struct gateway_ask *ask, const struct json *transaction,
                       struct money amount)
{
    static const char *const parts[] = { "orgAmount", "payoutAmount" };
    struct str currency = epayment_text(transaction, "currency");
    struct money part;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (amount.minor != ask->amount.minor &&
            epayment_amount_read(epayment_text(transaction, parts[i]), currency, &part) &&
            part.minor == ask->amount.minor)
            return part.minor;
    return amount.minor;
}

/* What the order was for, if that is more than what they took of it. */
static int64_t whole_of(const struct json *transaction, struct money amount)
{
    struct str currency = epayment_text(transaction, "currency");
    struct money whole;

    if (epayment_amount_read(epayment_text(transaction, "orgAmount"), currency, &whole) &&
        whole.minor > amount.minor)
        return whole.minor;
    return amount.minor;
}

/* The amount that the answer is about, and where the money is. */
static bool put_amounts(const struct gateway_ask *ask, const struct json *transaction,
                        enum place place, struct gateway_answer *answer)
{
    bool taken = place == TAKEN || place == RETURNED;
    struct money amount;

    if (!epayment_amount_read(epayment_text(transaction, "amount"),
                              epayment_text(transaction, "currency"), &amount))
        return false;
    int64_t whole_minor = taken ? whole_of(transaction, amount) : amount.minor;
    if (ask->about == OPERATION_KIND_CAPTURE)
        amount.minor = part_of(ask, transaction, amount);
    answer->amount = amount;
    /* What was held in two steps may have been taken in part. In one step less is not a yes. */
    if (ask->about == OPERATION_KIND_AUTHORIZE && !ask->capture_now)
        answer->amount.minor = whole_minor;
    answer->has_position = place != UNSAID && place != LOOKED_AT;
    answer->released = place == RELEASED;
    answer->authorized_minor = taken || place == HELD || answer->released ? whole_minor : 0;
    answer->captured_minor = taken ? amount.minor : 0;
    /* Whether a part that was returned shows at all is not documented either. */
    answer->refunds_unsaid = taken;
    return true;
}

static void put_action(const struct gateway_ask *ask, struct arena *arena,
                       struct gateway_answer *answer)
{
    answer->action = ACTION_WIDGET;
    answer->action_url = epayment_page_url(ask, arena);
}

/* They turned the order down. Some of their reasons say that it may have been done after all. */
static void put_reason(const struct gateway_ask *ask, struct gateway_answer *answer)
{
    struct epayment_reason reason = epayment_reason_of(answer->gateway_code);

    if (reason.outcome == GW_UNKNOWN) {
        answer->outcome = GW_UNKNOWN;
        answer->has_position = false;
    } else if (ask->about == OPERATION_KIND_AUTHORIZE) {
        answer->outcome = reason.outcome;
        answer->failure_code = reason.failure_code;
    } else if (answer->outcome == GW_REFUSED) {
        answer->failure_code = STR("not_authorized");
    }
}

static void put_payer(const struct gateway_ask *ask, struct arena *arena,
                      struct gateway_answer *answer)
{
    if (ask->method != METHOD_SAVED_CARD) {
        put_action(ask, arena, answer);
        return;
    }
    /* The payer is not there, and nobody gets the form that would go on with it. */
    answer->outcome = GW_DECLINED;
    answer->failure_code = STR("authentication_required");
}

/* Whether all of the order was returned, and all of it is what we asked for: only then is our
 * refund among it. What is left of an order that was refunded in part may look the same. */
static bool is_whole_refund(const struct gateway_ask *ask, const struct gateway_answer *answer)
{
    return answer->amount.minor == ask->amount.minor &&
           answer->amount.currency == ask->amount.currency &&
           answer->authorized_minor == ask->amount.minor;
}

/* Whether the word may be taken for an answer to this ask. */
static bool is_about_it(const struct gateway_ask *ask, const struct gateway_answer *answer)
{
    bool another = !str_is_empty(ask->gateway_reference) &&
                   !str_equal(ask->gateway_reference, answer->gateway_reference);

    /* A payer may try an order twice; what was changed is one transaction. */
    if (another && ask->about != OPERATION_KIND_AUTHORIZE)
        return false;
    if (ask->about == OPERATION_KIND_REFUND)
        return is_whole_refund(ask, answer);
    /* That it is still held answers a question; an order has to be given then. */
    return answer->outcome != GW_ABSENT || ask->call == OPERATION_KIND_ENQUIRE;
}

static void put_outcome(const struct gateway_ask *ask, const struct status *status,
                        struct arena *arena, struct gateway_answer *answer)
{
    /* A card that was looked at is no yes to a payment, nor money that was taken one to a look. */
    bool right = status->money == UNDECIDED || status->money == TURNED_DOWN ||
                 ask->verification == (status->money == LOOKED_AT);

    answer->outcome = right ? status->of[ask->about] : GW_UNKNOWN;
    if (answer->outcome == GW_UNKNOWN)
        return;
    if (!is_about_it(ask, answer))
        answer->outcome = GW_UNKNOWN;
    else if (status->money == TURNED_DOWN)
        put_reason(ask, answer);
    else if (answer->outcome == GW_NEEDS_PAYER)
        put_payer(ask, arena, answer);
    else if (answer->outcome == GW_REFUSED)
        answer->failure_code = status->money == RELEASED ? STR("already_cancelled")
                                                         : STR("already_captured");
}

static enum err read_transaction(const struct gateway_ask *ask, const struct json *transaction,
                                 struct arena *arena, struct gateway_answer *out)
{
    struct gateway_answer answer = { .gateway_reference = epayment_text(transaction, "id") };
    struct str word = epayment_text(transaction, "statusName");
    const struct status *status = status_of(word);

    if (!str_equal(epayment_text(transaction, "invoiceID"), ask->payment_reference) ||
        !epayment_is_id(answer.gateway_reference) ||
        !put_amounts(ask, transaction, status ? status->money : UNSAID, &answer))
        return ERR_BAD_REPLY;
    answer.gateway_code = epayment_text(transaction, "reasonCode");
    answer.gateway_message = epayment_text(transaction, "reason");
    if (!status) {
        answer.gateway_code = word;
        *out = answer;
        return OK;
    }
    put_outcome(ask, status, arena, &answer);
    epayment_put_card(ask, transaction, &answer);
    *out = answer;
    return OK;
}

/* Without a transaction. What they have spoken of before, they cannot not know. */
static void read_result(const struct gateway_ask *ask, struct str code, struct arena *arena,
                        struct gateway_answer *out)
{
    bool known = !str_is_empty(ask->gateway_reference);
    bool order = ask->about == OPERATION_KIND_AUTHORIZE;

    if (str_equal_c(code, "101") && order) {
        out->outcome = GW_DECLINED;
        out->failure_code = STR("card_declined");
    } else if (str_equal_c(code, "102") && !known && order) {
        out->outcome = GW_ABSENT;
        /* It is not known there before the payer acts, and may still become so. */
        if (ask->method != METHOD_SAVED_CARD)
            put_action(ask, arena, out);
    } else if (str_equal_c(code, "102") && !known && ask->about == OPERATION_KIND_CANCEL) {
        out->outcome = GW_APPROVED;
    }
}

/* Its resultCode; empty when it is no answer to a question. */
static struct str read_code(const struct http_reply *reply, struct arena *arena,
                            const struct json **out)
{
    if ((reply->status != 200 && (reply->status < 400 || reply->status > 499)) ||
        json_parse_exact(reply->body, arena, out, NULL) != OK)
        return (struct str){ 0 };
    return epayment_text(*out, "resultCode");
}

enum err epayment_parse_status(const struct gateway_ask *ask, const struct http_reply *reply,
                               struct arena *arena, struct gateway_answer *out)
{
    const struct json *doc = NULL;
    struct str code = read_code(reply, arena, &doc);
    const struct json *transaction = epayment_member(doc, "transaction");
    bool answered = str_equal_c(code, "100") || str_equal_c(code, "101");

    if (str_is_empty(code))
        return ERR_BAD_REPLY;
    if (answered && json_is_object(transaction))
        return read_transaction(ask, transaction, arena, out);
    out->gateway_code = code;
    out->gateway_message = epayment_text(doc, "resultMessage");
    if (str_is_empty(out->gateway_message))
        out->gateway_message = text_of_result(code);
    read_result(ask, code, arena, out);
    return OK;
}

/* That they look for the order at all says that they know whose terminal it is. */
enum err epayment_parse_probe(const struct gateway_ask *ask, const struct http_reply *reply,
                              struct arena *arena, struct check_report *out)
{
    const struct json *doc = NULL;
    struct str code = read_code(reply, arena, &doc);
    struct str detail = str_format(arena, "Result %.*s: %.*s", STR_ARG(code),
                                   STR_ARG(text_of_result(code)));

    (void)ask;
    if (reply->status == 401) {
        check_find(out, CHECK_ITEM_CREDENTIALS, CHECK_FAILED,
                   STR("They refuse a token that they have just given."),
                   STR("Ask the bank whether client_id may do all that the setting `scope` has."));
        return OK;
    }
    if (str_is_empty(code))
        return ERR_BAD_REPLY;
    if (str_equal_c(code, "104") || str_equal_c(code, "109"))
        check_find(out, CHECK_ITEM_TERMINAL, CHECK_FAILED, detail,
                   STR("Set credentials.terminal to its id (a UUID) in this mode's contract."));
    else if (str_equal_c(code, "102") || str_equal_c(code, "100"))
        check_find(out, CHECK_ITEM_TERMINAL, CHECK_OK,
                   STR("Asked for an order that nobody made; they looked for it."),
                   (struct str){ 0 });
    else
        check_find(out, CHECK_ITEM_TERMINAL, CHECK_NOT_RUN, detail, STR("Check again later."));
    return OK;
}
