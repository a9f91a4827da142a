/* words.c - the vocabularies as arrays, made from the .def files. */
#include "core/words.h"

#include <assert.h>

/* clang-format off */
#define WORD(name, text, ...) text,
#define WORDS(list, list_name, TABLE)                                                             \
    static const char *const list##_texts[] = { NULL, TABLE(WORD) };                              \
    const struct word_list words_##list = { list_name, list##_texts,                              \
                                            sizeof(list##_texts) / sizeof(list##_texts[0]) }

WORDS(payment_state, "payment.status", PAYMENT_STATES);
WORDS(refund_state, "refund.status", REFUND_STATES);
WORDS(invoice_state, "invoice.status", INVOICE_STATES);
WORDS(checkout_state, "checkout_session.status", CHECKOUT_STATES);
WORDS(operation_state, "operation.state", OPERATION_STATES);
WORDS(instrument_state, "instrument.status", INSTRUMENT_STATES);
WORDS(event_type, "event.type", EVENT_TYPES);
WORDS(cancel_reason, "payment.cancel_reason", CANCEL_REASONS);
WORDS(failure_type, "failure.type", FAILURE_TYPES);
WORDS(capture_method, "payment.capture_method", CAPTURE_METHODS);
WORDS(payment_method, "payment_method.type", PAYMENT_METHODS);
WORDS(next_action, "next_action.type", NEXT_ACTIONS);
WORDS(operation_kind, "operation.kind", OPERATION_KINDS);
WORDS(origin, "event.origin", ORIGINS);
WORDS(webhook_format, "webhook_endpoint.format", WEBHOOK_FORMATS);
WORDS(endpoint_status, "webhook_endpoint.status", ENDPOINT_STATES);
WORDS(delivery_status, "webhook_delivery.status", DELIVERY_STATES);
WORDS(webhook_ordering, "webhook_endpoint.ordering", WEBHOOK_ORDERINGS);
WORDS(webhook_success, "webhook_endpoint.success", WEBHOOK_SUCCESSES);
WORDS(webhook_retries, "webhook_endpoint.retries", WEBHOOK_RETRIES);
WORDS(replay_status, "webhook_replay.status", REPLAY_STATES);
WORDS(webhook_alert, "webhook_alert.type", WEBHOOK_ALERTS);
WORDS(drift_kind, "drift.kind", DRIFT_KINDS);
WORDS(drift_resolution, "drift.resolution", DRIFT_RESOLUTIONS);
WORDS(task_kind, "task.kind", TASK_KINDS);
WORDS(task_action, "task.action", TASK_ACTIONS);
/* clang-format on */

const char *word_text(const struct word_list *list, unsigned value)
{
    return value < list->count ? list->words[value] : NULL;
}

struct str word_str(const struct word_list *list, unsigned value)
{
    return str_of(word_text(list, value));
}

unsigned word_of(const struct word_list *list, struct str text)
{
    if (str_is_empty(text))
        return 0;
    for (unsigned value = 1; value < list->count; value++)
        if (list->words[value][0] == text.ptr[0] && str_equal_c(text, list->words[value]))
            return value;
    return 0;
}

bool operation_kind_moves_money(enum operation_kind kind)
{
    static const bool moves[] = {
#define X(name, text, moves_money, meaning) [OPERATION_KIND_##name] = moves_money,
        OPERATION_KINDS(X)
#undef X
    };

    assert(kind < OPERATION_KIND_COUNT);
    return moves[kind];
}

const char *drift_severity(enum drift_kind kind)
{
    enum { CRITICAL, WARNING };
    static const int severities[] = {
#define X(name, text, severity, meaning) [DRIFT_##name] = severity,
        DRIFT_KINDS(X)
#undef X
    };

    assert(kind != DRIFT_NONE && kind < DRIFT_KIND_COUNT);
    return severities[kind] == CRITICAL ? "critical" : "warning";
}

bool task_allows(enum task_kind kind, enum task_action action)
{
#define TASK_MAY(name) (1u << TASK_DO_##name)
    static const unsigned allowed[] = {
#define X(name, text, actions, meaning) [TASK_##name] = (actions),
        TASK_KINDS(X)
#undef X
    };

    assert(kind != TASK_NONE && kind < TASK_KIND_COUNT);
    return action != TASK_DO_NONE && (allowed[kind] & 1u << action) != 0;
}
