/* webhook_rules.h - who is told what, what a try means, and the turns about webhooks. */
#ifndef CORE_WEBHOOK_RULES_H
#define CORE_WEBHOOK_RULES_H

#include "base/json.h"
#include "core/turn.h"
#include "core/webhooks.h"

/* How a try ended, as whoever made it saw it. */
struct webhook_result {
    struct webhook_delivery_id delivery;
    struct webhook_attempt attempt;     /* number, outcome of a reply and next_ms come from here */
    int64_t retry_after_ms;             /* what the endpoint asked for; 0: nothing */
    bool endpoint_gone;                 /* deleted meanwhile: nothing was sent */
};

/* Whether the endpoint's filter lets the event through, and its format tells it. A disabled one
 * wants it too: it is held until the endpoint is enabled. */
bool webhook_wants(const struct webhook_endpoint *endpoint, const struct event *event,
                   const struct invoice *invoice, struct arena *arena);
/* A filter as it was sent: ERR_VALIDATION with the member and a sentence. */
must_check enum err webhook_filter_check(const struct json *filter, enum webhook_format format,
                                         struct arena *arena, struct str *param, struct str *why);

bool webhook_is_success(const struct webhook_endpoint *endpoint, int64_t http_status);
/* The same for an alert, which is told where no list of shops, states or metadata stands. */
bool webhook_wants_alert(const struct webhook_endpoint *endpoint,
                         const struct webhook_alert *alert, struct arena *arena);
/* When to try again after the failure number `tries`, in ms from now; 0: never. Jitter comes
 * from the delivery's id, so that a restart does not move it. */
int64_t webhook_retry_ms(enum webhook_retries retries, int64_t tries, struct id delivery);

/* `key` is its RSA key or NULL; `backlog` NULL where nobody looked. The secret's place is empty
 * (webhook_endpoint_show). */
void webhook_endpoint_render(struct json_out *out, const char *name,
                             const struct webhook_endpoint *endpoint,
                             const struct webhook_key *key, const struct webhook_backlog *backlog);
void webhook_replay_render(struct json_out *out, const char *name,
                           const struct webhook_replay *replay);
void webhook_delivery_render(struct json_out *out, const char *name,
                             const struct webhook_delivery *delivery,
                             const struct webhook_attempt_list *attempts);
/* In an answer about an endpoint the secret's place is empty: with the text in it. */
struct str webhook_endpoint_show(struct str body, struct str secret, struct arena *arena);

/* What a secret of the books is bound to when it is sealed. */
struct str webhook_secret_place(struct webhook_endpoint_id id, const char *column,
                                struct arena *arena);
struct str webhook_key_place(struct webhook_key_id id, struct arena *arena);

/* The asks. Rows are complete, with ids and times. */
struct webhook_endpoint_create {
    struct webhook_endpoint row;
    struct webhook_key key;             /* used when the merchant has none of its size yet */
};

struct webhook_endpoint_change {
    struct webhook_endpoint_id id;
    bool has_url, has_description, has_filter, has_headers, has_ordering, has_success, has_retries,
        has_at_once, has_per_minute, has_signature_header;
    const struct json *filter;
    struct webhook_endpoint values;
};

/* Of disable, enable, delete, rotate_secret and test. */
struct webhook_endpoint_act {
    struct webhook_endpoint_id id;
    struct str sealed;                  /* rotate_secret: the new one */
};

/* The rows that a handler with WEBHOOKS_NAMED gets; first member of its ask. */
struct webhook_names {
    const struct id *deliveries;
    size_t delivery_count;
    const struct id *endpoints;         /* beside those of the deliveries */
    size_t endpoint_count;
    struct webhook_replay_id replay;    /* zero: none */
};

struct webhook_results {
    struct webhook_names names;
    const struct webhook_result *results;
    size_t count;
};

struct webhook_redeliver {
    struct webhook_names names;
};

/* This node's run shall deliver to the endpoints, of which `before` held them until now. */
struct webhook_lease {
    struct webhook_names names;
    const struct run_id *before;
};

struct webhook_replay_create {
    struct webhook_names names;         /* the endpoint */
    struct webhook_replay row;
};

/* Of pause, resume and cancel. */
struct webhook_replay_act {
    struct webhook_names names;
};

/* The next deliveries of a replay, looked up by the clock. */
struct webhook_replay_step {
    struct webhook_names names;
    struct webhook_delivery_id after;   /* where it stood when that was looked up */
    bool was_last;                      /* there are none behind these */
};
/* How many it sends in a step, and how long it then waits. */
int64_t webhook_replay_at_once(const struct webhook_replay *replay);

extern const struct turn_handler turn_webhook_replay_create, turn_webhook_replay_pause,
    turn_webhook_replay_resume, turn_webhook_replay_cancel, turn_webhook_replay_step;
extern const struct turn_handler turn_webhook_endpoint_create, turn_webhook_endpoint_change,
    turn_webhook_endpoint_delete, turn_webhook_endpoint_disable, turn_webhook_endpoint_enable,
    turn_webhook_endpoint_rotate, turn_webhook_endpoint_test, turn_webhook_redeliver,
    turn_webhook_results, turn_webhook_lease, turn_webhook_key_import;

#endif
