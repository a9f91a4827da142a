/* webhook_format.h - formats: how an event becomes bytes, and how these are signed.
 *
 * Pure, like a gateway: adding one is a line in webhook.def and a row in webhook_formats.c. */
#ifndef CORE_WEBHOOK_FORMAT_H
#define CORE_WEBHOOK_FORMAT_H

#include "base/secret.h"
#include "core/books.h"
#include "core/webhooks.h"

struct webhook_field {
    struct str name;
    struct str value;
};

#define WEBHOOK_FIELDS_MAX 32

/* What a try needs; secrets are open, those that there are not are empty. */
struct webhook_send {
    const struct webhook_endpoint *endpoint;
    const struct webhook_delivery *delivery;
    struct str body;
    int64_t now_ms;
    struct secret secret, old_secret;  /* decoded */
    struct secret signing_key;         /* Ed25519 seed */
    struct secret private_key;         /* RSA, PKCS#8 */
    struct str *rsa;                   /* its signature in base64: used where there is one already,
                                          else written, since it is the body's alone. NULL: made */
};

/* The body, or empty when the format does not tell this event. The event has its number; `books`
 * are its invoice's. */
struct str webhook_body(enum webhook_format format, const struct books *books,
                        const struct event *event, struct arena *arena);
/* That of a test delivery. */
struct str webhook_test_body(enum webhook_format format, const struct webhook_endpoint *endpoint,
                             int64_t now_ms, struct arena *arena);
/* Of the formats with a body of type, timestamp and data; the others tell no alerts. */
struct str webhook_alert_body(const struct webhook_alert *alert, int64_t now_ms,
                              struct arena *arena);
bool webhook_tells_alerts(enum webhook_format format);
bool webhook_tells(enum webhook_format format, enum event_type type);

/* The header of a try: content type, ids, signatures, the endpoint's own fields. `fields` has
 * room for WEBHOOK_FIELDS_MAX. Returns how many; 0 when a key does not work. */
size_t webhook_fields(const struct webhook_send *send, struct arena *arena,
                      struct webhook_field *fields);
/* What identifies the message to its receiver, the same in every try. */
struct str webhook_id(const struct webhook_delivery *delivery, struct arena *arena);

bool webhook_has_rsa(enum webhook_format format);
/* The signature header where a format leaves it open; empty where it does not. */
struct str webhook_default_header(enum webhook_format format);
enum webhook_retries webhook_default_retries(enum webhook_format format);
int64_t webhook_deadline_ms(enum webhook_format format);

/* "whsec_..." and the like: the prefix and base64 of bytes. */
struct str webhook_key_text(struct arena *arena, const char *prefix, struct str bytes);
/* The bytes of a "whsec_" text; false when it is none, or not of 24 to 64 bytes. */
bool webhook_secret_bytes(struct str text, struct arena *arena, struct str *out);
/* v1 and v1a of Standard Webhooks. */
struct str webhook_sign_v1(struct str secret, struct str id, int64_t time_s, struct str body,
                           struct arena *arena);
struct str webhook_sign_v1a(struct str seed, struct str id, int64_t time_s, struct str body,
                            struct arena *arena);

#endif
