/* queries.h - what is read from the books outside of turns, one file per resource.
 *
 * Each sees one merchant's objects in one mode, or, where it takes an object that was
 * found so, what hangs on that object. What is not there is ERR_NOT_FOUND for one
 * object and an empty list for many; other errors are those of db.h. Rows live in the
 * arena. Lists give at most `limit` rows from a place on: ask for one more than shown to
 * know whether there is a next page. */
#ifndef STORE_QUERIES_H
#define STORE_QUERIES_H

#include "core/books.h"
#include "core/tenants.h"
#include "core/turn.h"
#include "store/db.h"

LIST_TYPE(invoice_list, struct invoice)

struct query_scope {
    struct merchant_id merchant;
    bool live;
};

/* The ids of a list that goes from new to old: those before `before`; zero: from the newest. */
struct query_page {
    struct id before;
    int64_t limit;
};

/* Payments. An empty filter lets all pass. */
struct payment_filter {
    struct str status;
    struct str reference;
    struct str gateway;
    struct str gateway_reference;
    int64_t amount_minor;    /* 0: any */
    int64_t created_from_ms; /* at or after; 0: any */
    int64_t created_to_ms;   /* before; 0: any */
};
must_check enum err query_payment(struct db *db, struct query_scope scope, struct payment_id id,
                                  struct arena *arena, struct payment **out);
must_check enum err query_payments(struct db *db, struct query_scope scope,
                                   const struct payment_filter *filter, struct query_page page,
                                   struct arena *arena, struct payment_list *out);

/* Refunds. */
must_check enum err query_refund(struct db *db, struct query_scope scope, struct refund_id id,
                                 struct arena *arena, struct refund **out);
must_check enum err query_payment_refunds(struct db *db, const struct payment *payment,
                                          struct query_page page, struct arena *arena,
                                          struct refund_list *out);

/* Invoices, and the payments of one, oldest first. */
must_check enum err query_invoice(struct db *db, struct query_scope scope, struct invoice_id id,
                                  struct arena *arena, struct invoice **out);
must_check enum err query_invoices(struct db *db, struct query_scope scope, struct str status,
                                   struct query_page page, struct arena *arena,
                                   struct invoice_list *out);
must_check enum err query_invoice_payments(struct db *db, struct invoice_id invoice,
                                           struct arena *arena, struct payment_list *out);

/* Checkout sessions. By its id alone one is found whosever it is: for its page. */
must_check enum err query_checkout_by_id(struct db *db, struct checkout_id id, struct arena *arena,
                                         struct checkout **out);
must_check enum err query_checkout(struct db *db, struct query_scope scope, struct checkout_id id,
                                   struct arena *arena, struct checkout **out);
/* NULL when nothing was ever set. */
must_check enum err query_checkout_settings(struct db *db, struct query_scope scope,
                                            struct arena *arena, struct checkout_settings **out);

/* Events in the order of the feed: those after `number`. One is found by its number. */
must_check enum err query_event(struct db *db, struct query_scope scope, int64_t number,
                                struct arena *arena, struct event **out);
must_check enum err query_events(struct db *db, struct query_scope scope, int64_t after_number,
                                 int64_t limit, struct arena *arena, struct event_list *out);
/* The newest, from new to old. */
must_check enum err query_last_events(struct db *db, struct query_scope scope, int64_t limit,
                                      struct arena *arena, struct event_list *out);
/* Those of a payment and its refunds, in order: after `sequence`. */
must_check enum err query_payment_events(struct db *db, const struct payment *payment,
                                         int64_t after_sequence, int64_t limit, struct arena *arena,
                                         struct event_list *out);

/* Operations of a payment, oldest first: after the id. Attempts of one, in order. */
must_check enum err query_payment_operations(struct db *db, const struct payment *payment,
                                             struct operation_id after, int64_t limit,
                                             struct arena *arena, struct operation_list *out);
/* When the gateway was last asked something about the payment, refunds included; 0: never. */
must_check enum err query_payment_asked(struct db *db, const struct payment *payment, int64_t *out);
must_check enum err query_attempts(struct db *db, const struct operation *operation,
                                   struct arena *arena, struct attempt_list *out);

/* What was recorded for these claims, of those that have an answer. */
must_check enum err query_answers(struct db *db, const struct id *claims, size_t count,
                                  struct arena *arena, struct turn_answer_list *out);

/* Gateway accounts. By its id alone one is found whosever it is: for what gateways send. */
must_check enum err query_gateway_account_by_id(struct db *db, struct gateway_account_id id,
                                                struct arena *arena,
                                                struct gateway_account **out);
must_check enum err query_gateway_account(struct db *db, struct query_scope scope,
                                          struct gateway_account_id id, struct arena *arena,
                                          struct gateway_account **out);
must_check enum err query_gateway_accounts(struct db *db, struct query_scope scope,
                                           struct query_page page, struct arena *arena,
                                           struct gateway_account_list *out);

/* The merchant of that name. */
must_check enum err query_merchant(struct db *db, struct str name, struct arena *arena,
                                   struct merchant_id *out);

/* API keys, revoked and expired ones included. By its hash a key is found whosever it is. */
must_check enum err query_api_key_by_hash(struct db *db, const struct sha256 *hash,
                                          struct arena *arena, struct api_key *out);
must_check enum err query_api_keys(struct db *db, struct query_scope scope, struct query_page page,
                                   struct arena *arena, struct api_key_list *out);

/* Webhooks: endpoints without deleted ones; deliveries from new to old; the tries of one. */
struct webhook_delivery_filter {
    struct webhook_endpoint_id endpoint; /* zero: any */
    struct str status;
    struct str type;
    int64_t created_from_ms, created_to_ms; /* as of payments */
};
must_check enum err query_webhook_endpoint(struct db *db, struct query_scope scope,
                                           struct webhook_endpoint_id id, struct arena *arena,
                                           struct webhook_endpoint **out);
must_check enum err query_webhook_endpoints(struct db *db, struct query_scope scope,
                                            struct query_page page, struct arena *arena,
                                            struct webhook_endpoint_list *out);
must_check enum err query_webhook_keys(struct db *db, struct query_scope scope,
                                       struct arena *arena, struct webhook_key_list *out);
must_check enum err query_webhook_delivery(struct db *db, struct query_scope scope,
                                           struct webhook_delivery_id id, struct arena *arena,
                                           struct webhook_delivery **out);
must_check enum err query_webhook_deliveries(struct db *db, struct query_scope scope,
                                             const struct webhook_delivery_filter *filter,
                                             struct query_page page, struct arena *arena,
                                             struct webhook_delivery_list *out);
must_check enum err query_webhook_backlog(struct db *db, struct webhook_endpoint_id endpoint,
                                          struct webhook_backlog *out);
must_check enum err query_webhook_replay(struct db *db, struct query_scope scope,
                                         struct webhook_replay_id id, struct arena *arena,
                                         struct webhook_replay **out);
must_check enum err query_webhook_replays(struct db *db, struct query_scope scope,
                                          struct query_page page, struct arena *arena,
                                          struct webhook_replay_list *out);
must_check enum err query_webhook_attempts(struct db *db, struct webhook_delivery_id delivery,
                                           struct arena *arena, struct webhook_attempt_list *out);

#endif
