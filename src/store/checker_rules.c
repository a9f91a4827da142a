/* checker_rules.c - the rows of an invoice against each other: amounts, owners, intents. */
#include <assert.h>

#include "store/checker_parts.h"

static bool is_open(const struct operation *operation)
{
    return operation->closed_ms == 0;
}

static bool is_of(const struct operation *operation, const struct payment *payment)
{
    return payment_id_equal(operation->payment, payment->id);
}

/* Owners and amounts. */

static bool check_owner(struct checked *checked, struct str name, struct merchant_id merchant,
                        bool live, enum currency currency)
{
    const struct invoice *invoice = checked->invoice;

    if (!merchant_id_equal(merchant, invoice->merchant) || live != invoice->live)
        return checker_blame(checked->checker, "I21", name,
                             "is of another merchant or mode than its invoice");
    if (currency != invoice->currency)
        return checker_blame(checked->checker, "I22", name, "is in %s, its invoice in %s",
                             currency_code(currency), currency_code(invoice->currency));
    return true;
}

/* 0 <= refunded <= reserved <= captured <= authorised <= amount. */
static bool check_amounts(struct checker *checker, const struct payment *payment, struct str name)
{
    const struct {
        const char *what;
        int64_t minor;
    } steps[] = {
        { "nothing", 0 },
        { "refunded", payment->refunded_minor },
        { "reserved for refunds", payment->reserved_minor },
        { "captured", payment->captured_minor },
        { "authorised", payment->authorized_minor },
        { "the amount", payment->amount_minor },
    };

    for (size_t i = 1; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (steps[i].minor < steps[i - 1].minor)
            return checker_blame(checker, "I2", name, "%s is %lld, less than %s: %lld",
                                 steps[i].what, (long long)steps[i].minor, steps[i - 1].what,
                                 (long long)steps[i - 1].minor);
    return true;
}

/* Intents: what happened to a payment has operations that meant it to. */

struct intents {
    int64_t authorizes, captures;
    bool authorized;          /* an authorize, or an enquiry about one, succeeded */
    bool captured;            /* a capture of the captured amount succeeded */
    bool authorization_found; /* payment->authorization is one of them */
};

static struct intents count_intents(const struct checked *checked, const struct payment_fold *fold)
{
    struct intents intents = { 0 };

    for (size_t i = 0; i < checked->operations.count; i++) {
        const struct operation *operation = checked->operations.items[i];
        if (!is_of(operation, fold->payment))
            continue;
        bool done = operation->state == OPERATION_SUCCEEDED;
        bool authorize = operation->kind == OPERATION_KIND_AUTHORIZE;
        intents.authorizes += authorize;
        intents.captures += operation->kind == OPERATION_KIND_CAPTURE;
        intents.authorized = intents.authorized ||
                             (done && (authorize || operation->kind == OPERATION_KIND_ENQUIRE));
        intents.captured = intents.captured || (done && operation->kind == OPERATION_KIND_CAPTURE &&
                                                operation->amount_minor == fold->captured_minor);
        intents.authorization_found =
            intents.authorization_found ||
            (authorize && operation_id_equal(operation->id, fold->payment->authorization));
    }
    return intents;
}

static bool check_intents(struct checked *checked, const struct payment_fold *fold, struct str name)
{
    struct intents intents = count_intents(checked, fold);
    struct checker *checker = checked->checker;

    if (fold->times_authorizing > 0 && intents.authorizes == 0)
        return checker_blame(checker, "I10", name,
                             "was authorizing, without an authorize operation");
    if (!operation_id_is_zero(fold->payment->authorization) && !intents.authorization_found &&
        !fold->resumed)
        return checker_blame(checker, "I10", name,
                             "its authorization is no authorize operation of it");
    if (intents.captures < fold->times_capturing)
        return checker_blame(checker, "I10", name, "was capturing %lld times, with %lld captures",
                             (long long)fold->times_capturing, (long long)intents.captures);
    if (fold->way == CAPTURED_BY_CAPTURE && !intents.captured)
        return checker_blame(checker, "I10", name,
                             "%lld were captured, but no capture of that amount succeeded",
                             (long long)fold->captured_minor);
    if (fold->way == CAPTURED_BY_SALE && !intents.authorized)
        return checker_blame(checker, "I10", name,
                             "was captured in one step, but no authorize succeeded");
    if (fold->captured_minor > 0 && fold->way == CAPTURED_NEVER && !fold->resumed)
        return checker_blame(checker, "I10", name, "%lld are captured, but it was never captured",
                             (long long)fold->captured_minor);
    return true;
}

/* I15: one operation that moves money at a time, and the payment knows which. */
static bool check_active(struct checked *checked, const struct payment *payment, struct str name)
{
    struct checker *checker = checked->checker;
    const struct operation *active = NULL;

    for (size_t i = 0; i < checked->operations.count; i++) {
        const struct operation *operation = checked->operations.items[i];
        if (!is_of(operation, payment) || !is_open(operation) ||
            !operation_kind_moves_money(operation->kind))
            continue;
        if (active != NULL)
            return checker_blame(checker, "I15", name,
                                 "two operations that move money are open: %.*s and %.*s",
                                 STR_ARG(checker_operation_name(checker, active->id)),
                                 STR_ARG(checker_operation_name(checker, operation->id)));
        active = operation;
    }
    if (active == NULL && !operation_id_is_zero(payment->active_operation))
        return checker_blame(checker, "I15", name, "its active operation is not open");
    if (active != NULL && !operation_id_equal(active->id, payment->active_operation))
        return checker_blame(checker, "I15", name, "%.*s is open, but not its active operation",
                             STR_ARG(checker_operation_name(checker, active->id)));
    return true;
}

/* A question of the reconciler that was not answered: it asks anew when its time comes. */
static bool is_given_up(const struct operation *operation)
{
    return operation->kind == OPERATION_KIND_ENQUIRE && operation->state == OPERATION_UNKNOWN;
}

/* Operations by themselves. */
static bool check_operation(struct checked *checked, const struct operation *operation)
{
    struct checker *checker = checked->checker;
    struct str name = checker_operation_name(checker, operation->id);
    const struct payment_fold *fold = checked_payment(checked, operation->payment);

    if (fold == NULL)
        return checker_blame(checker, "I10", name, "is about no payment of its invoice");
    bool of_refund = operation->kind == OPERATION_KIND_REFUND;
    if (of_refund != (checked_refund(checked, operation->refund) != NULL))
        return checker_blame(checker, "I10", name,
                             of_refund ? "is a refund's, but of no refund here"
                                       : "names a refund, but is not one's");
    if (machine_is_final(&machine_operation, operation->state) && is_open(operation))
        return checker_blame(checker, "I5", name, "is %s, but still open",
                             word_text(&words_operation_state, operation->state));
    if (!machine_is_final(&machine_operation, operation->state) && !is_open(operation) &&
        operation->state != OPERATION_NOT_SENT && !is_given_up(operation))
        return checker_blame(checker, "I5", name, "is %s, but closed",
                             word_text(&words_operation_state, operation->state));
    if (operation->amount_minor > fold->payment->amount_minor)
        return checker_blame(checker, "I2", name, "is about %lld of a payment of %lld",
                             (long long)operation->amount_minor,
                             (long long)fold->payment->amount_minor);
    return true;
}

/* A refund has an operation of its amount, and one that succeeded if it did. */
static bool check_refund(struct checked *checked, const struct refund_fold *fold)
{
    const struct refund *refund = fold->refund;
    struct checker *checker = checked->checker;
    struct str name = checker_refund_name(checker, refund->id);
    bool meant = false, done = false;

    if (!check_owner(checked, name, refund->merchant, refund->live, refund->currency))
        return false;
    for (size_t i = 0; i < checked->operations.count; i++) {
        const struct operation *operation = checked->operations.items[i];
        if (!refund_id_equal(operation->refund, refund->id) ||
            operation->amount_minor != refund->amount_minor)
            continue;
        meant = true;
        done = done || operation->state == OPERATION_SUCCEEDED;
    }
    if (fold->resumed)
        return true;
    if (!meant)
        return checker_blame(checker, "I10", name, "has no operation of its amount");
    if (refund->status == REFUND_SUCCEEDED && !done && !fold->corrected)
        return checker_blame(checker, "I10", name, "succeeded, but none of its operations did");
    return true;
}

bool checker_rules(struct checked *checked)
{
    struct checker *checker = checked->checker;

    for (size_t i = 0; i < checked->payments.count; i++) {
        const struct payment_fold *fold = checked->payments.items[i];
        const struct payment *payment = fold->payment;
        struct str name = checker_payment_name(checker, payment->id);
        if (!check_owner(checked, name, payment->merchant, payment->live, payment->currency) ||
            !check_amounts(checker, payment, name) || !check_active(checked, payment, name) ||
            !check_intents(checked, fold, name))
            return false;
    }
    for (size_t i = 0; i < checked->refunds.count; i++)
        if (!check_refund(checked, checked->refunds.items[i]))
            return false;
    for (size_t i = 0; i < checked->operations.count; i++)
        if (!check_operation(checked, checked->operations.items[i]))
            return false;
    return true;
}

bool checker_attempts(struct checker *checker, const struct operation *operation,
                      struct attempt *const *attempts, size_t count)
{
    struct str name = checker_operation_name(checker, operation->id);

    if (operation->attempts != (int64_t)count)
        return checker_blame(checker, "I10", name, "counted %lld attempts, %zu are recorded",
                             (long long)operation->attempts, count);
    for (size_t i = 0; i < count; i++) {
        const struct attempt *attempt = attempts[i];
        if (attempt->number != (int64_t)i + 1)
            return checker_blame(checker, "I10", name, "has attempt %lld where %zu is next",
                                 (long long)attempt->number, i + 1);
        if (attempt->started_ms < operation->created_ms - checker->clock_slack_ms)
            return checker_blame(checker, "I10", name,
                                 "attempt %lld began before the operation was recorded",
                                 (long long)attempt->number);
    }
    return true;
}
