/* rules.c - what a real gateway would allow, and what each test card does beyond that. */
#include "sandbox/rules.h"

#include <assert.h>

#include "base/crypto.h"

/* 128 bits, which nobody guesses, as 22 characters. */
#define TOKEN_BYTES 16
#define TOKEN_CHARS 22

/* What of a card's story is never answered. */
enum silence {
    SILENCE_NOTHING,
    SILENCE_AUTHORIZE, /* done, but the answer is lost */
    SILENCE_REFUND,
    SILENCE_DEACTIVATE,
    SILENCE_UNSEEN, /* the request itself is lost: nothing is recorded */
};

static const struct behaviour {
    enum sandbox_status authorize;
    enum sandbox_code authorize_code;
    enum sandbox_code capture_code;
    enum sandbox_code refund_code;
    enum silence silence;
} behaviours[] = {
#define X(name, text, status, authorize, capture, refund, silence)                                 \
    [SANDBOX_CARD_##name] = { SANDBOX_STATUS_##status, SANDBOX_CODE_##authorize,                   \
                              SANDBOX_CODE_##capture, SANDBOX_CODE_##refund, SILENCE_##silence },
    SANDBOX_CARDS(X)
#undef X
};

static int64_t held_minor(const struct sandbox_charge *charge)
{
    return charge->authorized_minor - charge->captured_minor - charge->released_minor;
}

static void move(struct rules *rules, const struct sandbox_charge *charge,
                 const struct sandbox_operation *operation, enum sandbox_kind kind,
                 int64_t amount_minor)
{
    struct sandbox_movement *movement = ARENA_NEW(rules->ledger->arena, struct sandbox_movement);

    assert(amount_minor >= 0);
    *movement = (struct sandbox_movement){
        .account = charge->account,
        .charge = charge->reference,
        .kind = kind,
        .reference = operation->reference,
        .amount_minor = amount_minor,
        .currency = charge->currency,
        .at_ms = rules->now_ms,
    };
    sandbox_movement_list_add(rules->ledger->arena, &rules->ledger->movements, movement);
}

static struct sandbox_operation *record(struct rules *rules, const struct sandbox_ask *ask,
                                        const struct sandbox_charge *charge,
                                        enum sandbox_status status, enum sandbox_code code)
{
    struct sandbox_operation *operation = ARENA_NEW(rules->ledger->arena, struct sandbox_operation);

    *operation = (struct sandbox_operation){
        .row = ROW_NEW,
        .id = ledger_key(ask->account, ask->reference),
        .account = ask->account,
        .reference = ask->reference,
        .charge = charge->id,
        .kind = ask->kind,
        .status = status,
        .code = code,
        .amount_minor = ask->amount.minor,
        .currency = ask->amount.currency,
        .created_ms = rules->now_ms,
    };
    sandbox_operation_list_add(rules->ledger->arena, &rules->ledger->operations, operation);
    return operation;
}

static struct str make_token(struct rules *rules)
{
    uint8_t bytes[TOKEN_BYTES];
    struct buf token;

    outside_random(rules->outside, bytes, sizeof(bytes));
    buf_init(&token, rules->ledger->arena, TOKEN_CHARS);
    crypto_write_base62(&token, bytes, sizeof(bytes), TOKEN_CHARS);
    assert(buf_ok(&token));
    return buf_str(&token);
}

static struct sandbox_charge *make_charge(struct rules *rules, const struct sandbox_ask *ask)
{
    struct sandbox_charge *charge = ARENA_NEW(rules->ledger->arena, struct sandbox_charge);

    *charge = (struct sandbox_charge){
        .row = ROW_NEW,
        .id = ledger_key(ask->account, ask->reference),
        .account = ask->account,
        .reference = ask->reference,
        .state = SANDBOX_CHARGE_REFUSED,
        .currency = ask->amount.currency,
        .amount_minor = ask->amount.minor,
        .sale = ask->sale,
        .card = ask->card,
        .last4 = ask->last4,
        .saving = ask->save ? SANDBOX_SAVING_ASKED : SANDBOX_SAVING_NONE,
        .customer = ask->customer,
        .description = ask->description,
        .return_url = ask->return_url,
        .created_ms = rules->now_ms,
    };
    sandbox_charge_list_add(rules->ledger->arena, &rules->ledger->charges, charge);
    return charge;
}

/* What an approved authorize does: it holds the money, and takes it at once when so asked. */
static void hold(struct rules *rules, struct sandbox_charge *charge,
                 const struct sandbox_operation *authorize)
{
    charge->state = SANDBOX_CHARGE_AUTHORIZED;
    charge->authorized_minor = charge->amount_minor;
    if (charge->saving == SANDBOX_SAVING_ASKED)
        charge->saving = SANDBOX_SAVING_KEPT;
    if (charge->amount_minor == 0) /* a look at the card moves nothing */
        return;
    move(rules, charge, authorize, SANDBOX_KIND_AUTHORIZE, charge->amount_minor);
    if (charge->sale) {
        charge->state = SANDBOX_CHARGE_CAPTURED;
        charge->captured_minor = charge->amount_minor;
        move(rules, charge, authorize, SANDBOX_KIND_CAPTURE, charge->amount_minor);
    }
}

/* The charge that a saved card was saved with, while it is kept; NULL: there is no such card. */
static struct sandbox_charge *keeper(struct rules *rules, const struct sandbox_ask *ask)
{
    struct sandbox_charge *charge = ledger_charge(rules->ledger, ask->saved);

    if (charge == NULL || !str_equal(charge->account, ask->account) ||
        charge->saving != SANDBOX_SAVING_KEPT)
        return NULL;
    return charge;
}

static void authorize_card(struct rules *rules, const struct sandbox_ask *ask,
                           const struct sandbox_charge *paid_with, struct sandbox_verdict *out)
{
    const struct behaviour *card = &behaviours[ask->card];

    out->silent = card->silence == SILENCE_AUTHORIZE || card->silence == SILENCE_UNSEEN;
    if (card->silence == SILENCE_UNSEEN)
        return;
    struct sandbox_charge *charge = make_charge(rules, ask);
    if (paid_with != NULL)
        charge->paid_with = paid_with->reference;
    enum sandbox_status status = card->authorize;
    enum sandbox_code code = card->authorize_code;
    /* A sale is one step: what would refuse its capture refuses the whole. */
    if (ask->sale && card->capture_code != SANDBOX_CODE_NONE) {
        status = SANDBOX_STATUS_REFUSED;
        code = card->capture_code;
    }
    struct sandbox_operation *operation = record(rules, ask, charge, status, code);
    if (status == SANDBOX_STATUS_APPROVED)
        hold(rules, charge, operation);
    if (status == SANDBOX_STATUS_REQUIRES_ACTION) {
        charge->state = SANDBOX_CHARGE_WAITING;
        charge->token = make_token(rules);
    }
    out->charge = charge;
    out->operation = operation;
}

static void do_authorize(struct rules *rules, const struct sandbox_ask *ask,
                         struct sandbox_verdict *out)
{
    struct sandbox_ask with_card = *ask;
    const struct sandbox_charge *paid_with = NULL;

    if (!id_is_zero(ask->saved)) {
        paid_with = keeper(rules, ask);
        if (paid_with == NULL) {
            out->error = SANDBOX_ERROR_UNKNOWN_CARD;
            return;
        }
        /* The payer who confirmed it once need not again. */
        with_card.card = paid_with->card == SANDBOX_CARD_CHALLENGE ? SANDBOX_CARD_GOOD
                                                                   : paid_with->card;
        with_card.last4 = paid_with->last4;
    }
    authorize_card(rules, &with_card, paid_with, out);
}

/* Why held money of the charge can neither be taken nor released; NONE when it can. */
static enum sandbox_code why_not_held(const struct sandbox_charge *charge)
{
    switch (charge->state) {
    case SANDBOX_CHARGE_AUTHORIZED:
        return SANDBOX_CODE_NONE;
    case SANDBOX_CHARGE_CAPTURED:
        return SANDBOX_CODE_ALREADY_CAPTURED;
    case SANDBOX_CHARGE_VOIDED:
        return SANDBOX_CODE_ALREADY_CANCELLED;
    case SANDBOX_CHARGE_WAITING:
    case SANDBOX_CHARGE_REFUSED:
    case SANDBOX_CHARGE_NONE:
        break;
    }
    return SANDBOX_CODE_NOT_AUTHORIZED;
}

static enum sandbox_code do_capture(const struct sandbox_ask *ask, struct sandbox_charge *charge)
{
    enum sandbox_code code = why_not_held(charge);

    if (code != SANDBOX_CODE_NONE)
        return code;
    if (ask->amount.currency != charge->currency)
        return SANDBOX_CODE_CURRENCY_MISMATCH;
    if (ask->amount.minor > held_minor(charge))
        return SANDBOX_CODE_AMOUNT_TOO_LARGE;
    if (behaviours[charge->card].capture_code != SANDBOX_CODE_NONE)
        return behaviours[charge->card].capture_code;
    charge->captured_minor = ask->amount.minor;
    charge->released_minor = charge->authorized_minor - charge->captured_minor;
    charge->state = SANDBOX_CHARGE_CAPTURED;
    row_touch(&charge->row);
    return SANDBOX_CODE_NONE;
}

/* A charge that waits for the payer holds nothing, but it can be called off. */
static enum sandbox_code do_void(struct rules *rules, struct sandbox_charge *charge)
{
    enum sandbox_code code = why_not_held(charge);

    /* A look at a card that is over holds nothing. */
    if (code == SANDBOX_CODE_NONE && charge->amount_minor == 0)
        code = SANDBOX_CODE_NOT_AUTHORIZED;
    if (code != SANDBOX_CODE_NONE && charge->state != SANDBOX_CHARGE_WAITING)
        return code;
    if (charge->state == SANDBOX_CHARGE_WAITING) {
        struct sandbox_operation *authorize = ledger_operation(rules->ledger, charge->id);
        assert(authorize != NULL);
        authorize->status = SANDBOX_STATUS_REFUSED;
        authorize->code = SANDBOX_CODE_ALREADY_CANCELLED;
        row_touch(&authorize->row);
    }
    charge->released_minor = charge->authorized_minor;
    charge->state = SANDBOX_CHARGE_VOIDED;
    row_touch(&charge->row);
    return SANDBOX_CODE_NONE;
}

static enum sandbox_code do_refund(const struct sandbox_ask *ask, struct sandbox_charge *charge)
{
    if (charge->state != SANDBOX_CHARGE_CAPTURED)
        return SANDBOX_CODE_NOT_CAPTURED;
    if (ask->amount.currency != charge->currency)
        return SANDBOX_CODE_CURRENCY_MISMATCH;
    if (ask->amount.minor > charge->captured_minor - charge->refunded_minor)
        return SANDBOX_CODE_AMOUNT_TOO_LARGE;
    if (behaviours[charge->card].refund_code != SANDBOX_CODE_NONE)
        return behaviours[charge->card].refund_code;
    charge->refunded_minor += ask->amount.minor;
    row_touch(&charge->row);
    return SANDBOX_CODE_NONE;
}

static enum sandbox_code do_deactivate(struct sandbox_charge *charge)
{
    if (charge->card == SANDBOX_CARD_KEPT_FOR_EVER)
        return SANDBOX_CODE_DEACTIVATE_REFUSED;
    charge->saving = SANDBOX_SAVING_FORGOTTEN;
    row_touch(&charge->row);
    return SANDBOX_CODE_NONE;
}

/* What of the done is not answered. */
static bool is_silent(const struct sandbox_ask *ask, const struct sandbox_charge *charge)
{
    enum silence silence = behaviours[charge->card].silence;

    return (ask->kind == SANDBOX_KIND_REFUND && silence == SILENCE_REFUND) ||
           (ask->kind == SANDBOX_KIND_DEACTIVATE && silence == SILENCE_DEACTIVATE);
}

/* Capture, void, refund and deactivate. */
static void do_with_charge(struct rules *rules, const struct sandbox_ask *ask,
                           struct sandbox_verdict *out)
{
    struct sandbox_charge *charge = ledger_charge(rules->ledger,
                                                  ledger_key(ask->account, ask->charge));
    enum sandbox_code code = SANDBOX_CODE_NONE;

    if (charge == NULL || !str_equal(charge->account, ask->account)) {
        out->error = SANDBOX_ERROR_UNKNOWN_CHARGE;
        return;
    }
    if (ask->kind == SANDBOX_KIND_DEACTIVATE && keeper(rules, ask) != charge) {
        out->error = SANDBOX_ERROR_UNKNOWN_CARD;
        return;
    }
    int64_t held_before = held_minor(charge);
    if (ask->kind == SANDBOX_KIND_CAPTURE)
        code = do_capture(ask, charge);
    else if (ask->kind == SANDBOX_KIND_VOID)
        code = do_void(rules, charge);
    else if (ask->kind == SANDBOX_KIND_DEACTIVATE)
        code = do_deactivate(charge);
    else
        code = do_refund(ask, charge);

    bool done = code == SANDBOX_CODE_NONE;
    struct sandbox_operation *operation = record(
        rules, ask, charge, done ? SANDBOX_STATUS_APPROVED : SANDBOX_STATUS_REFUSED, code);
    if (done && ask->kind != SANDBOX_KIND_DEACTIVATE)
        move(rules, charge, operation, ask->kind,
             ask->kind == SANDBOX_KIND_VOID ? held_before : ask->amount.minor);
    out->silent = done && is_silent(ask, charge);
    out->charge = charge;
    out->operation = operation;
}

static bool is_same(const struct sandbox_operation *operation, const struct sandbox_charge *charge,
                    const struct sandbox_ask *ask)
{
    if (ask->kind == SANDBOX_KIND_AUTHORIZE && ask->sale != charge->sale)
        return false;
    return str_equal(operation->account, ask->account) && operation->kind == ask->kind &&
           id_equal(operation->charge, ledger_key(ask->account, ask->charge)) &&
           operation->amount_minor == ask->amount.minor &&
           operation->currency == ask->amount.currency;
}

/* An operation that is there: its answer, to whom it belongs. */
static void answer_again(struct rules *rules, struct sandbox_operation *operation,
                         const struct sandbox_ask *ask, struct sandbox_verdict *out)
{
    const struct sandbox_charge *charge = ledger_charge(rules->ledger, operation->charge);

    assert(charge != NULL);
    if (ask->is_enquiry && !str_equal(operation->account, ask->account)) {
        out->error = SANDBOX_ERROR_UNKNOWN_OPERATION;
    } else if (!ask->is_enquiry && !is_same(operation, charge, ask)) {
        /* Ours to catch: purser never uses a reference for two things. */
        operation->conflicts++;
        row_touch(&operation->row);
        out->error = SANDBOX_ERROR_REFERENCE_REUSED;
    } else {
        out->operation = operation;
        out->charge = charge;
    }
}

void rules_answer(struct rules *rules, const struct sandbox_ask *ask, struct sandbox_verdict *out)
{
    *out = (struct sandbox_verdict){ .error = ask->error, .detail = ask->detail };
    if (ask->error != SANDBOX_ERROR_NONE)
        return;
    struct sandbox_operation *operation = ledger_operation(
        rules->ledger, ledger_key(ask->account, ask->reference));
    if (operation != NULL)
        answer_again(rules, operation, ask, out);
    else if (ask->is_enquiry)
        out->error = SANDBOX_ERROR_UNKNOWN_OPERATION;
    else if (ask->kind == SANDBOX_KIND_AUTHORIZE)
        do_authorize(rules, ask, out);
    else
        do_with_charge(rules, ask, out);
}

void rules_challenge(struct rules *rules, struct sandbox_charge *charge,
                     struct sandbox_operation *authorize, bool confirmed)
{
    if (charge->state != SANDBOX_CHARGE_WAITING)
        return;
    row_touch(&charge->row);
    row_touch(&authorize->row);
    if (confirmed) {
        authorize->status = SANDBOX_STATUS_APPROVED;
        hold(rules, charge, authorize);
    } else {
        authorize->status = SANDBOX_STATUS_DECLINED;
        authorize->code = SANDBOX_CODE_AUTHENTICATION_FAILED;
        charge->state = SANDBOX_CHARGE_REFUSED;
    }
}
