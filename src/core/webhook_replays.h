/* webhook_replays.h - what is done about deliveries beside sending them: replays, alerts, and how
 * far behind an endpoint is. Rows as in objects.h. */
#ifndef CORE_WEBHOOK_REPLAYS_H
#define CORE_WEBHOOK_REPLAYS_H

#include "base/id.h"
#include "base/list.h"
#include "core/objects.h"
#include "core/words.h"

struct webhook_endpoint;

/* Deliveries of an endpoint that have ended, sent again one after the other at a rate. */
struct webhook_replay {
    enum row_change row;
    struct webhook_replay_id id;
    struct merchant_id merchant;
    bool live;
    struct webhook_endpoint_id endpoint;
    enum delivery_status delivery_status; /* of those; 0: of any that has ended */
    struct str type;              /* of this type of event; empty: any */
    int64_t created_from_ms;      /* made at or after; 0: any */
    int64_t created_to_ms;        /* made before */
    int64_t per_minute;
    enum replay_status status;
    struct webhook_delivery_id last; /* the one up to which they were gone through */
    int64_t sent;
    int64_t created_ms;
    int64_t updated_ms;
    int64_t due_ms;               /* when to go on; 0 unless it is running */
};
LIST_TYPE(webhook_replay_list, struct webhook_replay)

/* Something that the merchant's other endpoints are told. Written as deliveries by the flush. */
struct webhook_alert {
    enum webhook_alert_type type;
    const struct webhook_endpoint *endpoint;
    struct str data;              /* JSON */
};
LIST_TYPE(webhook_alert_list, struct webhook_alert)

/* What of an endpoint's deliveries has not ended. */
struct webhook_backlog {
    int64_t count;                /* WEBHOOK_BACKLOG_COUNTED when there are more */
    int64_t oldest_ms;            /* when the oldest was made; 0: there is none */
    int64_t untried_ms;           /* likewise of those without a try */
};
#define WEBHOOK_BACKLOG_COUNTED 10000

#endif
