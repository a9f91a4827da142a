/* query_webhooks.h - what whoever delivers webhooks reads, of all merchants. */
#ifndef STORE_QUERY_WEBHOOKS_H
#define STORE_QUERY_WEBHOOKS_H

#include "core/webhooks.h"
#include "store/db.h"

/* A delivery, whosever it is; ERR_NOT_FOUND. */
must_check enum err query_webhook_delivery_by_id(struct db *db, struct webhook_delivery_id id,
                                                 struct arena *arena,
                                                 struct webhook_delivery **out);
/* The endpoint, deleted ones too, and its RSA key; each NULL when there is none. */
must_check enum err query_webhook_target(struct db *db, struct webhook_endpoint_id id,
                                         struct arena *arena, struct webhook_endpoint **endpoint,
                                         struct webhook_key **key);
/* A place among what is due at an endpoint; zero: before all of it. */
struct webhook_due_place {
    int64_t due_ms;
    struct webhook_delivery_id id;
};
/* What is due at it now behind that place, the oldest first; `in_order`: only what no earlier event
 * of its invoice holds back. */
must_check enum err query_webhooks_due(struct db *db, struct webhook_endpoint_id endpoint,
                                       bool in_order, int64_t now_ms,
                                       const struct webhook_due_place *after, int64_t limit,
                                       struct arena *arena, struct webhook_delivery_list *out);
/* The same from the other end: the newest first, in no order of theirs. */
must_check enum err query_webhooks_due_newest(struct db *db, struct webhook_endpoint_id endpoint,
                                              int64_t now_ms, int64_t limit, struct arena *arena,
                                              struct webhook_delivery_list *out);
/* When the next one is due after that; 0: none. */
must_check enum err query_webhooks_next(struct db *db, struct webhook_endpoint_id endpoint,
                                        int64_t after_ms, int64_t *out);
/* Messages by their ids, each named once, in any order. */
must_check enum err query_webhook_messages(struct db *db, const struct id *ids, size_t count,
                                           struct arena *arena, struct webhook_message_list *out);
/* Rows of (endpoint, due_ms of its earliest delivery), of all that have some and may get them. */
must_check enum err query_webhooks_waiting(struct db *db, db_row_f *row, void *self);
/* Rows of (endpoint, when its oldest was made that has not ended, likewise of those that are due
 * and were not tried, NULL where nothing says that the endpoint is well, when the endpoint was
 * changed), of all that have some and may get them. */
must_check enum err query_webhooks_backlogs(struct db *db, int64_t now_ms, db_row_f *row,
                                            void *self);
/* One, whosever it is; ERR_NOT_FOUND. */
must_check enum err query_webhook_replay_by_id(struct db *db, struct webhook_replay_id id,
                                               struct arena *arena, struct webhook_replay **out);
/* Replays that are to go on, behind a place, the longest due first. */
must_check enum err query_webhook_replays_due(struct db *db, int64_t now_ms, int64_t after_ms,
                                              struct id after, int64_t limit, struct arena *arena,
                                              struct webhook_replay_list *out);
/* What it sends next, in order. */
must_check enum err query_webhook_replay_next(struct db *db, const struct webhook_replay *replay,
                                              int64_t limit, struct arena *arena,
                                              struct webhook_delivery_list *out);

#endif
