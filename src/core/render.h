/* render.h - the objects of the API as JSON, from their rows.
 *
 * The one place that shapes them: answers, lists and the frozen data of events are
 * the same bytes for the same row. */
#ifndef CORE_RENDER_H
#define CORE_RENDER_H

#include "base/json.h"
#include "core/books.h"
#include "core/tenants.h"

/* `name` as in json_open_object: NULL for an outermost value or an array item. */
void render_payment(struct json_out *out, const char *name, const struct payment *payment);
void render_refund(struct json_out *out, const char *name, const struct refund *refund);
/* `payments` are those of the invoice, oldest first. */
void render_invoice(struct json_out *out, const char *name, const struct invoice *invoice,
                    const struct payment_list *payments);
void render_customer(struct json_out *out, const char *name, const struct customer *customer);
void render_instrument(struct json_out *out, const char *name, const struct instrument *instrument);
void render_event(struct json_out *out, const char *name, const struct event *event);
void render_operation(struct json_out *out, const char *name, const struct operation *operation,
                      const struct attempt_list *attempts);
void render_gateway_account(struct json_out *out, const char *name,
                            const struct gateway_account *account);

void render_reconciliation(struct json_out *out, const char *name,
                           const struct reconciliation *row);
void render_drift(struct json_out *out, const char *name, const struct drift *drift);
void render_audit_entry(struct json_out *out, const char *name, const struct audit_entry *entry);
void render_task(struct json_out *out, const char *name, const struct task *task);

/* A member with the id of an object of this kind; null when it is zero. */
#define RENDER_ID(out, name, kind, value)                                                \
    do {                                                                                 \
        if (kind##_id_is_zero(value)) {                                                  \
            json_put_null((out), (name));                                                \
        } else {                                                                         \
            kind##_id_write(json_open_plain((out), (name)), (value));                    \
            json_close_plain(out);                                                       \
        }                                                                                \
    } while (0)

/* Members of a payment as they were written last. */
struct payment_rest {
    struct payment of;
    struct str text;
};

/* The whole text of one object, in the arena. */
struct str render_payment_text(struct arena *arena, const struct payment *payment);
/* The same text, when several are made of a payment that moves on: what its last one shares with
 * it is not written anew. `*known` is NULL at first; the arena must be the same one. */
struct str render_payment_again(struct arena *arena, const struct payment *payment,
                                struct payment_rest **known);
struct str render_refund_text(struct arena *arena, const struct refund *refund);
struct str render_instrument_text(struct arena *arena, const struct instrument *instrument);
struct str render_drift_text(struct arena *arena, const struct drift *drift);
struct str render_task_text(struct arena *arena, const struct task *task);
struct str render_reconciliation_text(struct arena *arena, const struct reconciliation *row);
struct str render_invoice_text(struct arena *arena, const struct invoice *invoice,
                               const struct payment_list *payments);

/* The public id of an event holds its place in the feed: no index is needed to find it again. */
struct event_id event_id_of(const struct event *event);
int64_t event_id_number(struct event_id id);

#endif
