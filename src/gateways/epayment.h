/* epayment.h - what the parts of the epayment adapter share; nothing for others.
 *
 * epayment.c has the gateway's struct and builds requests, epayment_replies.c reads what comes
 * back but for a status, epayment_status.c reads that, epayment_notices.c what they send by
 * themselves, epayment_values.c is the small change: numbers, amounts, ids, reasons. */
#ifndef GATEWAYS_EPAYMENT_H
#define GATEWAYS_EPAYMENT_H

#include "core/gateway.h"

/* Our number of an order (their invoiceID): 6 to 15 digits. */
bool epayment_is_order(struct str text);
/* Their id of a transaction: what can stand in a path, 1 to 64 letters, digits and '-'. */
bool epayment_is_id(struct str text);
/* The secret that comes back in the notices about an order, and in no other: 32 hex digits.
 * Empty when there is no notify_secret. */
struct str epayment_order_secret(const struct json *credentials, struct str order,
                                 struct arena *arena);

/* Major units with no more decimals than needed: "100", "12.50". */
void epayment_amount_write(struct buf *out, struct money amount);
/* False when it is no amount in a currency that we know, or beyond what we keep. */
must_check bool epayment_amount_read(struct str amount, struct str currency, struct money *out);

/* Their names differ in case by place (invoiceID, invoiceId, invoiceid). */
const struct json *epayment_member(const struct json *object, const char *name);
struct str epayment_text(const struct json *object, const char *name);

/* What a reason code says of an order that they call refused. Not listed is the issuer's no. */
struct epayment_reason {
    enum gateway_outcome outcome;    /* DECLINED, REFUSED, or UNKNOWN: it may have been done */
    struct str failure_code;         /* ours; empty when UNKNOWN */
};
struct epayment_reason epayment_reason_of(struct str number);

/* The account's page_url, or the default. */
struct str epayment_page_url(const struct gateway_ask *ask, struct arena *arena);

/* Replies. */
enum err epayment_parse_login(const struct http_reply *reply, struct arena *arena,
                              struct gateway_token *out);
enum err epayment_parse_authorize(const struct gateway_ask *ask, const struct http_reply *reply,
                                  struct arena *arena, struct gateway_answer *out);
enum err epayment_parse_change(const struct gateway_ask *ask, const struct http_reply *reply,
                               struct arena *arena, struct gateway_answer *out);
enum err epayment_parse_deactivate(const struct gateway_ask *ask, const struct http_reply *reply,
                                   struct arena *arena, struct gateway_answer *out);
/* What is said of the card that they keep for a payment which was to save it. */
void epayment_put_card(const struct gateway_ask *ask, const struct json *transaction,
                       struct gateway_answer *out);
enum err epayment_parse_status(const struct gateway_ask *ask, const struct http_reply *reply,
                               struct arena *arena, struct gateway_answer *out);

/* Of a question after an order that nobody made: whether the terminal is theirs to use. */
enum err epayment_parse_probe(const struct gateway_ask *ask, const struct http_reply *reply,
                              struct arena *arena, struct check_report *out);

bool epayment_notice_verify(const struct gateway_notice *notice);
enum err epayment_notice_read(const struct gateway_notice *notice, struct arena *arena,
                              struct gateway_claim *claims, size_t room, size_t *count);

#endif
