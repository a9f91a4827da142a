/* words.h - the fixed vocabularies of the books, as lists with many readers:
 * the row codec, the SQL CHECKs, the API's reader and writer, the tests.
 *
 * words[0] is NULL: "none". The enums number from 1 in the order of the .def. */
#ifndef CORE_WORDS_H
#define CORE_WORDS_H

#include <stddef.h>

#include "base/str.h"
#include "core/drift.def"
#include "core/machine.h"
#include "core/webhook.def"

#define ENUM_MEMBER(name, text, ...) WORD_PREFIX(name),
#define WORD_PREFIX(name) CANCEL_REASON_##name
enum cancel_reason { CANCEL_REASON_NONE = 0, CANCEL_REASONS(ENUM_MEMBER) };
#undef WORD_PREFIX
#define WORD_PREFIX(name) FAILURE_##name
enum failure_type { FAILURE_NONE = 0, FAILURE_TYPES(ENUM_MEMBER) };
#undef WORD_PREFIX
#define WORD_PREFIX(name) CAPTURE_METHOD_##name
enum capture_method { CAPTURE_METHOD_NONE = 0, CAPTURE_METHODS(ENUM_MEMBER) };
#undef WORD_PREFIX
#define WORD_PREFIX(name) METHOD_##name
enum payment_method { METHOD_NONE = 0, PAYMENT_METHODS(ENUM_MEMBER) };
#undef WORD_PREFIX
#define WORD_PREFIX(name) ACTION_##name
enum next_action { ACTION_NONE = 0, NEXT_ACTIONS(ENUM_MEMBER) };
#undef WORD_PREFIX
#define WORD_PREFIX(name) OPERATION_KIND_##name
enum operation_kind { OPERATION_KIND_NONE = 0, OPERATION_KINDS(ENUM_MEMBER) OPERATION_KIND_COUNT };
#undef WORD_PREFIX
#define WORD_PREFIX(name) ORIGIN_##name
enum origin { ORIGIN_NONE = 0, ORIGINS(ENUM_MEMBER) };
#undef WORD_PREFIX
#define WORD_PREFIX(name) WEBHOOK_FORMAT_##name
enum webhook_format { WEBHOOK_FORMAT_NONE = 0, WEBHOOK_FORMATS(ENUM_MEMBER) WEBHOOK_FORMAT_COUNT };
#undef WORD_PREFIX
#define WORD_PREFIX(name) ENDPOINT_##name
enum endpoint_status { ENDPOINT_NONE = 0, ENDPOINT_STATES(ENUM_MEMBER) };
#undef WORD_PREFIX
#define WORD_PREFIX(name) DELIVERY_##name
enum delivery_status { DELIVERY_NONE = 0, DELIVERY_STATES(ENUM_MEMBER) };
#undef WORD_PREFIX
#define WORD_PREFIX(name) ORDERING_##name
enum webhook_ordering { ORDERING_UNSAID = 0, WEBHOOK_ORDERINGS(ENUM_MEMBER) };
#undef WORD_PREFIX
#define WORD_PREFIX(name) SUCCESS_##name
enum webhook_success { SUCCESS_UNSAID = 0, WEBHOOK_SUCCESSES(ENUM_MEMBER) };
#undef WORD_PREFIX
#define WORD_PREFIX(name) RETRIES_##name
enum webhook_retries { RETRIES_UNSAID = 0, WEBHOOK_RETRIES(ENUM_MEMBER) RETRIES_COUNT };
#undef WORD_PREFIX
#define WORD_PREFIX(name) REPLAY_##name
enum replay_status { REPLAY_NONE = 0, REPLAY_STATES(ENUM_MEMBER) };
#undef WORD_PREFIX
#define WORD_PREFIX(name) ALERT_##name
enum webhook_alert_type { ALERT_NONE = 0, WEBHOOK_ALERTS(ENUM_MEMBER) };
#undef WORD_PREFIX
#define WORD_PREFIX(name) DRIFT_##name
enum drift_kind { DRIFT_NONE = 0, DRIFT_KINDS(ENUM_MEMBER) DRIFT_KIND_COUNT };
#undef WORD_PREFIX
#define WORD_PREFIX(name) RESOLUTION_##name
enum drift_resolution { RESOLUTION_NONE = 0, DRIFT_RESOLUTIONS(ENUM_MEMBER) };
#undef WORD_PREFIX
#define WORD_PREFIX(name) TASK_##name
enum task_kind { TASK_NONE = 0, TASK_KINDS(ENUM_MEMBER) TASK_KIND_COUNT };
#undef WORD_PREFIX
#define WORD_PREFIX(name) TASK_DO_##name
enum task_action { TASK_DO_NONE = 0, TASK_ACTIONS(ENUM_MEMBER) TASK_DO_COUNT };
#undef WORD_PREFIX
#undef ENUM_MEMBER

struct word_list {
    const char *name;             /* "payment.status" */
    const char *const *words;     /* [0] is NULL */
    size_t count;                 /* [0] included */
};

extern const struct word_list words_checkout_state, words_instrument_state;
extern const struct word_list words_payment_state, words_refund_state, words_invoice_state,
    words_operation_state, words_event_type, words_cancel_reason, words_failure_type,
    words_capture_method, words_payment_method, words_next_action, words_operation_kind,
    words_origin, words_webhook_format, words_endpoint_status, words_delivery_status,
    words_webhook_ordering, words_webhook_success, words_webhook_retries,
    words_replay_status, words_webhook_alert, words_drift_kind,
    words_drift_resolution, words_task_kind, words_task_action;

/* NULL for 0 and beyond the list. */
const char *word_text(const struct word_list *list, unsigned value);
struct str word_str(const struct word_list *list, unsigned value);
/* 0 when it is none of them. */
unsigned word_of(const struct word_list *list, struct str text);

/* Whether operations of this kind move money: one such is active per payment. */
bool operation_kind_moves_money(enum operation_kind kind);

/* "critical": money is not where it should be; or "warning". */
const char *drift_severity(enum drift_kind kind);
/* Whether a person may do that about a task of this kind. */
bool task_allows(enum task_kind kind, enum task_action action);

#endif
