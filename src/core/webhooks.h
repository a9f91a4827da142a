/* webhooks.h - telling merchants what happened: endpoints, and deliveries of events to them.
 *
 * An event and its deliveries are of one commit, and so are the bytes that will be sent: a
 * delivery that comes late says what was true then. Whoever sends (engine/deliveries.c) decides
 * nothing; what the end of a try means is decided here.
 *
 * Rows as in objects.h. */
#ifndef CORE_WEBHOOKS_H
#define CORE_WEBHOOKS_H

#include "base/crypto.h"
#include "base/list.h"
#include "core/history.h"
#include "core/webhook_replays.h"

#define WEBHOOK_ENDPOINTS_MAX 50          /* of a merchant in a mode, deleted ones apart */
#define WEBHOOK_REPLY_KEPT 4096           /* bytes of a reply that are kept with the try */
#define WEBHOOK_DEADLINE_MS 15000
#define WEBHOOK_SECRET_BYTES 32
#define WEBHOOK_OVERLAP_MS (24 * 3600 * INT64_C(1000)) /* an old secret signs beside the new one */

struct webhook_endpoint {
    enum row_change row;
    struct webhook_endpoint_id id;
    struct merchant_id merchant;
    bool live;
    struct str url;
    struct str description;
    struct str filter;            /* JSON object, empty: everything (webhook_wants) */
    enum webhook_format format;
    struct str signature_header;  /* of the formats that leave it open; else empty */
    struct str headers;           /* JSON object of more header fields, or empty */
    enum webhook_ordering ordering;
    enum webhook_success success;
    enum webhook_retries retries;
    int64_t at_once;              /* deliveries under way, at most */
    int64_t per_minute;           /* 0: no limit */
    struct str secret;            /* sealed, all of them: webhook_place */
    struct str old_secret;
    int64_t old_until_ms;
    struct str signing_key;       /* Ed25519 seed; empty: no v1a signature */
    struct str public_key;        /* "whpk_..." of it */
    struct webhook_key_id rsa_key; /* of the formats with RSA, else zero */
    enum endpoint_status status;
    struct str status_reason;     /* why it is not enabled */
    int64_t failing_since_ms;     /* 0: the last try was well, or none was made */
    int64_t failures;             /* tries since, none of them well */
    int64_t warnings;             /* alerts since, of those before it is given up */
    int64_t succeeded_ms;         /* the last time */
    struct run_id run;            /* whose node delivers, on shared books */
    int64_t created_ms;
    int64_t updated_ms;
};
LIST_TYPE(webhook_endpoint_list, struct webhook_endpoint)

/* A merchant's key pair of the formats that sign with RSA: one per mode and size. */
struct webhook_key {
    enum row_change row;
    struct webhook_key_id id;
    struct merchant_id merchant;
    bool live;
    int64_t bits;
    struct str private_key;       /* PKCS#8, sealed */
    struct str public_key;        /* base64 of SubjectPublicKeyInfo, in one line */
    int64_t created_ms;
};
LIST_TYPE(webhook_key_list, struct webhook_key)

/* The bytes to send: an event in one format, however many endpoints get it. */
struct webhook_message {
    enum row_change row;
    struct webhook_message_id id;
    struct str body;
    int64_t created_ms;
};
LIST_TYPE(webhook_message_list, struct webhook_message)

struct webhook_delivery {
    enum row_change row;
    struct webhook_delivery_id id;
    struct webhook_endpoint_id endpoint;
    struct merchant_id merchant;
    bool live;
    struct event_id event;        /* zero: a test delivery */
    struct str type;              /* the event's, or "webhook.test" */
    struct invoice_id invoice;
    int64_t sequence;             /* the event's in the invoice */
    struct webhook_message_id message;
    enum delivery_status status;
    int64_t attempts;
    int64_t tries;                /* of the present round: redelivering begins it anew */
    int64_t http_status;          /* of the last try; 0: there was no reply */
    struct str failure;           /* why the last try failed, in words */
    bool replayed;                /* sent again by a replay */
    bool skipped;                 /* given up, and later events of its invoice went on */
    int64_t created_ms;
    int64_t due_ms;               /* when to try; 0 once it has ended */
    int64_t ended_ms;
};
LIST_TYPE(webhook_delivery_list, struct webhook_delivery)

struct webhook_attempt {
    enum row_change row;
    struct webhook_delivery_id delivery;
    int64_t number;               /* from 1 */
    struct str outcome;           /* "delivered", "refused", or why there was no reply */
    struct str failure;           /* a sentence, empty when it was delivered */
    int64_t http_status;
    struct str peer;              /* address and port */
    struct str reply;             /* its first bytes */
    int64_t dns_us;               /* how long each phase took; 0: it was not needed */
    int64_t connect_us;
    int64_t tls_us;
    int64_t first_byte_us;        /* from the request's first byte to the reply's */
    int64_t total_us;
    int64_t started_ms;
    int64_t next_ms;              /* the next try; 0: none */
};
LIST_TYPE(webhook_attempt_list, struct webhook_attempt)

/* What a turn has of them, loaded or new. */
struct turn_webhooks {
    struct webhook_endpoint_list endpoints;
    struct webhook_key_list keys;
    struct webhook_delivery_list deliveries;
    struct webhook_attempt_list attempts;    /* new ones only */
    struct webhook_message_list messages;    /* new ones only */
    struct webhook_replay_list replays;
    struct webhook_alert_list alerts;        /* new ones only */
};

#endif
