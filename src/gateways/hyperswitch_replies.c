/* hyperswitch_replies.c - what Hyperswitch answers, to orders and to enquiries.
 *
 * An order and an enquiry about it get the same object back, so they are read by the same
 * tables. An error says something of the operation only where nothing can have been done. */
#include <assert.h>

#include "core/check.h"
#include "gateways/hyperswitch.h"

#define URL_MAX 2048
#define REQUEST_ID_MAX 64

/* Where the money of a payment in that status is. */
enum purse { UNCLEAR, NOTHING, HELD, TAKEN, HELD_AND_TAKEN, GIVEN_BACK };

/* A payment's status, and what it says of an operation on the payment. ABSENT is for enquiries:
 * what was asked about has not begun. A status that is not listed says nothing. */
struct status {
    const char *word;
    enum purse purse;
    enum gateway_outcome authorize, capture, cancel;
};

/* clang-format off */
static const struct status statuses[] = {
    { "requires_payment_method",        NOTHING,        GW_NEEDS_PAYER, GW_UNKNOWN,  GW_ABSENT },
    { "requires_confirmation",          NOTHING,        GW_NEEDS_PAYER, GW_UNKNOWN,  GW_ABSENT },
    { "requires_customer_action",       NOTHING,        GW_NEEDS_PAYER, GW_UNKNOWN,  GW_ABSENT },
    /* A fraud rule holds it, until a person decides there. */
    { "requires_merchant_action",       UNCLEAR,        GW_PENDING,     GW_PENDING,  GW_PENDING },
    { "review",                         UNCLEAR,        GW_PENDING,     GW_PENDING,  GW_PENDING },
    { "processing",                     UNCLEAR,        GW_PENDING,     GW_PENDING,  GW_PENDING },
    { "requires_capture",               HELD,           GW_APPROVED,    GW_ABSENT,   GW_ABSENT },
    { "partially_authorized_and_requires_capture",
                                        HELD,           GW_APPROVED,    GW_ABSENT,   GW_ABSENT },
    { "partially_captured_and_capturable",
                                        HELD_AND_TAKEN, GW_APPROVED,    GW_APPROVED, GW_REFUSED },
    { "partially_captured_and_processing",
                                        UNCLEAR,        GW_PENDING,     GW_PENDING,  GW_PENDING },
    { "partially_captured",             TAKEN,          GW_APPROVED,    GW_APPROVED, GW_REFUSED },
    { "succeeded",                      TAKEN,          GW_APPROVED,    GW_APPROVED, GW_REFUSED },
    { "cancelled",                      GIVEN_BACK,     GW_REFUSED,     GW_REFUSED,  GW_APPROVED },
    { "cancelled_post_capture",         GIVEN_BACK,     GW_REFUSED,     GW_REFUSED,  GW_APPROVED },
    { "expired",                        NOTHING,        GW_REFUSED,     GW_REFUSED,  GW_APPROVED },
    { "failed",                         NOTHING,        GW_DECLINED,    GW_REFUSED,  GW_REFUSED },
    /* Their books and the processor's differ: a person has to look. */
    { "conflicted",                     UNCLEAR,        GW_UNKNOWN,     GW_UNKNOWN,  GW_UNKNOWN },
};
/* clang-format on */

static const struct gateway_word refund_statuses[] = {
    { "succeeded", GW_APPROVED }, { "failed", GW_REFUSED }, { "pending", GW_PENDING },
    { "review", GW_PENDING },     { NULL, GW_UNKNOWN },
};

/* Codes with which a call is turned away before anything is done, and for which kinds that is
 * certain. Of all others (duplicates, wrong states, connectors' errors CE_*, HE_00) only an
 * enquiry tells what became of the operation. */
#define KIND(name) (1U << OPERATION_KIND_##name)
#define ON_PAYMENT (KIND(CAPTURE) | KIND(CANCEL) | KIND(REFUND))
#define ORDERS (KIND(AUTHORIZE) | ON_PAYMENT)

static const struct {
    const char *code;
    unsigned kinds;
    const char *failure;             /* NULL: the one of its kind */
} refusals[] = {
    { "IR_00", ORDERS, NULL },       /* 501: not implemented */
    { "IR_01", ORDERS, "gateway_credentials_refused" },
    { "IR_02", ORDERS, "gateway_misconfigured" },    /* no such address: base_url is wrong */
    { "IR_03", ORDERS, "gateway_misconfigured" },
    { "IR_04", ORDERS, NULL },       /* members that miss or are not valid */
    { "IR_05", ORDERS, NULL },
    { "IR_06", ORDERS, NULL },
    { "IR_07", ORDERS, NULL },
    { "IR_12", KIND(REFUND), NULL }, /* too many refunds of the payment */
    { "IR_13", KIND(REFUND), NULL }, /* more than was captured */
    { "IR_16", KIND(AUTHORIZE) | KIND(REFUND), NULL },
    { "IR_19", ORDERS, NULL },       /* the connector cannot do it */
    { "IR_20", ORDERS, NULL },
    { "IR_21", ORDERS, NULL },
    { "IR_22", ORDERS, "gateway_credentials_refused" },
    { "IR_28", ORDERS, NULL },       /* the currency */
    { "IR_30", ORDERS, "gateway_misconfigured" },
    { "IR_39", ORDERS, "gateway_misconfigured" },    /* no connector for the method */
    { "IR_40", ORDERS, "gateway_misconfigured" },    /* the payment page's set-up */
    { "HE_02", ON_PAYMENT, NULL },   /* the payment is not known */
    { "HE_03", ON_PAYMENT, NULL },
    { "HE_04", ON_PAYMENT, NULL },
};

/* Reasons of processors that read as ours do. */
static const char *const declines[] = {
    "card_declined", "insufficient_funds", "expired_card", "incorrect_cvc", NULL,
};

/* --- payments --- */

/* A payment as they state it. */
struct stated {
    const struct status *status;     /* NULL: a word that is not listed */
    struct money amount;             /* as it was created */
    int64_t held_minor;              /* what can still be captured */
    int64_t taken_minor;
};

static const struct status *status_of(struct str word)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (str_equal_c(word, statuses[i].word))
            return &statuses[i];
    return NULL;
}

/* False when an amount is missing where the money is. amount_received is null while it is 0. */
static bool read_stated(const struct json *doc, struct stated *out)
{
    struct str currency = json_text(json_get(doc, "currency"));
    struct money held = hyperswitch_amount_read(json_get(doc, "amount_capturable"), currency);
    struct money taken = hyperswitch_amount_read(json_get(doc, "amount_received"), currency);

    out->status = status_of(json_text(json_get(doc, "status")));
    out->amount = hyperswitch_amount_read(json_get(doc, "amount"), currency);
    enum purse purse = out->status ? out->status->purse : UNCLEAR;
    bool holds = purse == HELD || purse == HELD_AND_TAKEN;
    bool took = purse == TAKEN || purse == HELD_AND_TAKEN;
    out->held_minor = holds ? held.minor : 0;
    out->taken_minor = took ? taken.minor : 0;
    return out->amount.currency != CURRENCY_NONE &&
           !(holds && held.currency == CURRENCY_NONE) &&
           !(took && taken.currency == CURRENCY_NONE);
}

/* The refunds that they list with a payment that is asked about, those that succeeded. */
static bool read_refunded(const struct json *doc, int64_t *out_minor)
{
    struct json_cursor cursor;
    const struct json *refund;
    int64_t sum = 0;

    json_each(&cursor, json_get(doc, "refunds"));
    while (json_next(&cursor, NULL, &refund)) {
        struct money amount = hyperswitch_amount_read(json_get(refund, "amount"),
                                                      json_text(json_get(refund, "currency")));
        if (!str_equal_c(json_text(json_get(refund, "status")), "succeeded"))
            continue;
        if (amount.currency == CURRENCY_NONE || !money_add(sum, amount.minor, &sum))
            return false;
    }
    *out_minor = sum;
    return true;
}

/* What the authorisation came to. A manual one that was captured in part shows its own amount
 * only in `amount`; where they took the money at once, what they took is what they approved. */
static int64_t authorized_minor(const struct gateway_ask *ask, const struct stated *stated)
{
    if (stated->taken_minor > 0 && !ask->capture_now)
        return stated->amount.minor;
    return stated->held_minor + stated->taken_minor;
}

static void read_position(const struct gateway_ask *ask, const struct json *doc,
                          const struct stated *stated, struct gateway_answer *answer)
{
    if (!stated->status || stated->status->purse == UNCLEAR)
        return;
    answer->has_position = read_refunded(doc, &answer->refunded_minor);
    if (!answer->has_position)
        return;
    answer->authorized_minor = authorized_minor(ask, stated);
    answer->captured_minor = stated->taken_minor;
    answer->refunds_unsaid = ask->call != OPERATION_KIND_ENQUIRE;
    answer->released = stated->status->purse == GIVEN_BACK;
}

/* Listed payments lack their refunds. */
bool hyperswitch_listed_read(const struct json *doc, struct gateway_listed *out)
{
    struct stated stated = { 0 };

    if (!read_stated(doc, &stated))
        return false;
    *out = (struct gateway_listed){ .amount = stated.amount, .refunds_unsaid = true };
    if (!stated.status || stated.status->purse == UNCLEAR)
        return true;
    out->has_position = true;
    out->holds = stated.held_minor + stated.taken_minor > 0;
    out->captured_minor = stated.taken_minor;
    out->released = stated.status->purse == GIVEN_BACK;
    return true;
}

static bool is_web_address(struct str url)
{
    return url.len <= URL_MAX && str_is_visible_ascii(url) &&
           (str_starts_with(url, STR("https://")) || str_starts_with(url, STR("http://")));
}

/* Where the payer has to go: on with an authentication that was begun, or to their page. */
static struct str payer_url(const struct json *doc)
{
    struct str url = json_text(json_get(json_get(doc, "next_action"), "redirect_to_url"));

    if (!is_web_address(url))
        url = json_text(json_get(json_get(doc, "payment_link"), "link"));
    return is_web_address(url) ? url : (struct str){ 0 };
}

/* A payment that waits for its payer. Without a link nobody can pay it: the answer with the
 * link was lost, or the confirmation of a saved card did not arrive. That is as good as never
 * asked, unless they gave us a link before, or the payer acts in a way of its own. */
static void wait_for_payer(const struct gateway_ask *ask, const struct json *doc,
                           const struct stated *stated, struct gateway_answer *answer)
{
    bool acting = str_equal_c(json_text(json_get(doc, "status")), "requires_customer_action");

    answer->action_url = payer_url(doc);
    if (stated->amount.minor != ask->amount.minor ||
        stated->amount.currency != ask->amount.currency) {
        /* Somebody else's payment, or changed since: no payer of ours is sent there. */
        answer->action_url = (struct str){ 0 };
        answer->amount = stated->amount;
        answer->outcome = GW_UNKNOWN;
    } else if (!str_is_empty(answer->action_url)) {
        answer->action = ACTION_REDIRECT;
    } else {
        answer->outcome = acting || !str_is_empty(ask->gateway_reference) ? GW_PENDING : GW_ABSENT;
    }
}

static enum gateway_outcome outcome_of(const struct gateway_ask *ask, const struct stated *stated)
{
    const struct status *status = stated->status;

    if (!status)
        return GW_UNKNOWN;
    if (ask->about == OPERATION_KIND_CAPTURE)
        return status->capture;
    if (ask->about == OPERATION_KIND_CANCEL) {
        /* Where nothing was reserved, a payment that failed holds nothing, as was wanted. */
        bool failed = str_equal_c(str_of(status->word), "failed");
        return failed && ask->amount.minor == 0 ? GW_APPROVED : status->cancel;
    }
    /* Their own capture is still to come. */
    if (ask->capture_now && status->purse == HELD)
        return GW_PENDING;
    return status->authorize;
}

static struct str first_of(struct str a, struct str b)
{
    return str_is_empty(a) ? b : a;
}

/* Ours, by the kind of the operation. */
static struct str failure_of(enum operation_kind about)
{
    static const char *const failures[OPERATION_KIND_COUNT] = {
        [OPERATION_KIND_AUTHORIZE] = "payment_refused",
        [OPERATION_KIND_CAPTURE] = "capture_refused",
        [OPERATION_KIND_CANCEL] = "cancel_refused",
        [OPERATION_KIND_REFUND] = "refund_refused",
    };

    assert(failures[about] != NULL);
    return str_of(failures[about]);
}

/* Why a payer's bank said no: a processor's reason that reads as one of ours, or the general. */
static struct str decline_of(const struct json *doc, struct str reason)
{
    for (size_t i = 0; declines[i] != NULL; i++)
        if (str_equal_c(reason, declines[i]))
            return str_of(declines[i]);
    bool card = str_equal_c(json_text(json_get(doc, "payment_method")), "card");
    return card ? STR("card_declined") : STR("payment_declined");
}

/* Their reason, of a payment or a refund; the status where they give none. */
static void read_reason(const struct gateway_ask *ask, const struct json *doc,
                        struct gateway_answer *answer)
{
    struct str code = first_of(json_text(json_get(doc, "error_code")),
                               json_text(json_get(doc, "unified_code")));

    answer->gateway_code = code;
    answer->gateway_message = first_of(json_text(json_get(doc, "error_message")),
                                       json_text(json_get(doc, "unified_message")));
    if (answer->outcome == GW_DECLINED)
        answer->failure_code = decline_of(doc, code);
    else if (answer->outcome == GW_REFUSED)
        answer->failure_code = failure_of(ask->about);
    if (answer->outcome == GW_DECLINED || answer->outcome == GW_REFUSED)
        answer->gateway_code = first_of(code, json_text(json_get(doc, "status")));
}

/* "I do not know it" answers a question, never an order. */
static void settle_absence(const struct gateway_ask *ask, struct gateway_answer *answer)
{
    if (answer->outcome == GW_ABSENT && ask->call != OPERATION_KIND_ENQUIRE)
        answer->outcome = GW_UNKNOWN;
}

static enum err parse_payment(const struct gateway_ask *ask, const struct json *doc,
                              struct arena *arena, struct gateway_answer *out)
{
    struct str id = hyperswitch_id(HYPERSWITCH_PAYMENT, ask->payment_reference, arena);
    struct stated stated = { 0 };

    /* An answer about something else is no answer to this. */
    if (str_is_empty(id) || !str_equal(json_text(json_get(doc, "payment_id")), id) ||
        !read_stated(doc, &stated))
        return ERR_BAD_REPLY;
    struct gateway_answer answer = { .outcome = outcome_of(ask, &stated), .gateway_reference = id };
    read_position(ask, doc, &stated, &answer);
    if (answer.outcome == GW_APPROVED && ask->about != OPERATION_KIND_CANCEL)
        answer.amount = (struct money){ ask->about == OPERATION_KIND_CAPTURE
                                            ? stated.taken_minor
                                            : authorized_minor(ask, &stated),
                                        stated.amount.currency };
    if (answer.outcome == GW_NEEDS_PAYER)
        wait_for_payer(ask, doc, &stated, &answer);
    settle_absence(ask, &answer);
    read_reason(ask, doc, &answer);
    *out = answer;
    return OK;
}

/* --- refunds --- */

static enum err parse_refund(const struct gateway_ask *ask, const struct json *doc,
                             struct arena *arena, struct gateway_answer *out)
{
    struct str payment = hyperswitch_id(HYPERSWITCH_PAYMENT, ask->payment_reference, arena);
    struct str refund = hyperswitch_id(HYPERSWITCH_REFUND, ask->reference, arena);

    if (str_is_empty(refund) || !str_equal(json_text(json_get(doc, "refund_id")), refund) ||
        !str_equal(json_text(json_get(doc, "payment_id")), payment))
        return ERR_BAD_REPLY;
    struct gateway_answer answer = {
        .outcome = gateway_outcome_of(refund_statuses, json_text(json_get(doc, "status"))),
        .amount = hyperswitch_amount_read(json_get(doc, "amount"),
                                          json_text(json_get(doc, "currency"))),
        .gateway_reference = payment,
        .refund_reference = refund,
    };
    if (answer.outcome == GW_APPROVED && answer.amount.currency == CURRENCY_NONE)
        return ERR_BAD_REPLY;
    read_reason(ask, doc, &answer);
    *out = answer;
    return OK;
}

/* --- errors --- */

/* Whether they know nothing of what is asked about. Captures and cancels are of a payment that
 * they had before, so that its absence is not believed; nor is that of one they spoke of. */
static bool is_absent(const struct gateway_ask *ask, struct str code, struct str message)
{
    if (!str_equal_c(code, "HE_02"))
        return false;
    if (ask->about == OPERATION_KIND_REFUND)
        return str_starts_with(message, STR("Refund does not exist"));
    return ask->about == OPERATION_KIND_AUTHORIZE && str_is_empty(ask->gateway_reference) &&
           str_starts_with(message, STR("Payment does not exist"));
}

static void refuse(const struct gateway_ask *ask, struct gateway_answer *out)
{
    unsigned kind = 1U << ask->call;

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (!str_equal_c(out->gateway_code, refusals[i].code) || !(refusals[i].kinds & kind))
            continue;
        out->outcome = GW_REFUSED;
        out->failure_code = refusals[i].failure ? str_of(refusals[i].failure)
                                                : failure_of(ask->about);
    }
}

/* Their x-request-id goes along: it is what they ask for first. */
static struct str message_with_id(const struct http_reply *reply, struct str message,
                                  struct arena *arena)
{
    struct str id = http_reply_field(reply, "x-request-id");

    if (str_is_empty(id) || id.len > REQUEST_ID_MAX || !str_is_visible_ascii(id))
        return message;
    return str_format(arena, "%.*s (request %.*s)", STR_ARG(message), STR_ARG(id));
}

static enum err parse_error(const struct gateway_ask *ask, const struct http_reply *reply,
                            const struct json *doc, struct arena *arena,
                            struct gateway_answer *out)
{
    const struct json *error = json_get(doc, "error");
    struct str code = json_text(json_get(error, "code"));
    struct str message = json_text(json_get(error, "message"));
    bool turned_away = reply->status < 500 || reply->status == 501;

    if (str_is_empty(code))
        return ERR_BAD_REPLY;
    out->gateway_code = code;
    out->gateway_message = message_with_id(reply, message, arena);
    if (ask->call == OPERATION_KIND_ENQUIRE && reply->status == 404 &&
        is_absent(ask, code, message))
        out->outcome = GW_ABSENT;
    else if (turned_away)
        refuse(ask, out);
    return OK;
}

enum err hyperswitch_parse(const struct gateway_ask *ask, const struct http_reply *reply,
                           struct arena *arena, struct gateway_answer *out)
{
    const struct json *doc;

    if (reply->status < 200 || reply->status > 599 ||
        json_parse(reply->body, arena, &doc, NULL) != OK)
        return ERR_BAD_REPLY;
    if (reply->status >= 400)
        return parse_error(ask, reply, doc, arena, out);
    if (reply->status > 299)
        return ERR_BAD_REPLY;
    return ask->about == OPERATION_KIND_REFUND ? parse_refund(ask, doc, arena, out)
                                               : parse_payment(ask, doc, arena, out);
}

/* --- the probe --- */

/* No call that moves nothing names a profile. */
static void put_profile(const struct gateway_ask *ask, struct arena *arena,
                        struct check_report *out)
{
    struct str profile = json_text(json_get(gateway_settings(ask, arena), "profile_id"));

    check_find(out, CHECK_ITEM_TERMINAL, CHECK_BY_HAND,
               str_is_empty(profile) ? STR("The merchant's only one, for profile_id is not set.")
                                     : str_format(arena, "The profile %.*s.", STR_ARG(profile)),
               STR("Make a small test payment: it fails at once where profile, connector or payment"
                   " method are not set up."));
}

enum err hyperswitch_parse_probe(const struct gateway_ask *ask, const struct http_reply *reply,
                                 struct arena *arena, struct check_report *out)
{
    const struct json *doc;

    if (json_parse(reply->body, arena, &doc, NULL) != OK)
        return ERR_BAD_REPLY;
    struct str code = json_text(json_get(json_get(doc, "error"), "code"));
    if (reply->status < 400 || reply->status > 499 || str_is_empty(code))
        return ERR_BAD_REPLY;
    if (reply->status == 404 && str_equal_c(code, "HE_02")) {
        check_find(out, CHECK_ITEM_CREDENTIALS, CHECK_OK,
                   STR("Asked for a payment that nobody made; they looked for it."),
                   (struct str){ 0 });
        put_profile(ask, arena, out);
    } else if (str_equal_c(code, "IR_01") || str_equal_c(code, "IR_22")) {
        check_find(out, CHECK_ITEM_CREDENTIALS, CHECK_FAILED,
                   str_format(arena, "They refuse api_key (HTTP %d, %.*s).", reply->status,
                              STR_ARG(code)),
                   STR("Set credentials.api_key to a secret API key of this merchant there."));
    } else {
        check_find(out, CHECK_ITEM_CREDENTIALS, CHECK_NOT_RUN,
                   str_format(arena, "They answered HTTP %d, %.*s.", reply->status, STR_ARG(code)),
                   STR("Check again later."));
    }
    return OK;
}
