/* hyperswitch.h - what the parts of the Hyperswitch adapter share; nothing for others.
 *
 * hyperswitch.c builds requests and has the gateway's struct, hyperswitch_replies.c reads what
 * comes back, hyperswitch_notices.c what they send by themselves. */
#ifndef GATEWAYS_HYPERSWITCH_H
#define GATEWAYS_HYPERSWITCH_H

#include "core/gateway.h"

/* How our ids begin at Hyperswitch. */
#define HYPERSWITCH_PAYMENT "pay_"
#define HYPERSWITCH_REFUND "ref_"

/* Their id of what we call op_...: the same 26 characters behind the prefix, 30 in all. Empty
 * when the reference is not an operation's id. */
struct str hyperswitch_id(const char *prefix, struct str reference, struct arena *arena);
/* The other way round; empty when we cannot have made it. */
struct str hyperswitch_reference(const char *prefix, struct str theirs, struct arena *arena);

/* Amounts as they go over the wire: minor units, with their own decimals. False when they
 * cannot express it; currency NONE when it is not stated, or is none that we can keep. */
must_check bool hyperswitch_amount_write(struct money ours, int64_t *out);
struct money hyperswitch_amount_read(const struct json *amount, struct str currency);

/* The request to `path` behind the account's address; `json` NULL makes it a GET. */
enum err hyperswitch_finish(const struct gateway_ask *ask, const char *path,
                            struct json_out *json, struct arena *arena, struct http_request *out);

/* hyperswitch_lists.c */
enum err hyperswitch_list_build(const struct gateway_list_ask *ask, struct arena *arena,
                                struct http_request *out);
enum err hyperswitch_list_parse(const struct gateway_list_ask *ask, const struct http_reply *reply,
                                struct arena *arena, struct gateway_list_page *out);
/* Where the money of a listed payment is; false when it is not understood. */
bool hyperswitch_listed_read(const struct json *doc, struct gateway_listed *out);

/* Of all calls. */
enum err hyperswitch_parse(const struct gateway_ask *ask, const struct http_reply *reply,
                           struct arena *arena, struct gateway_answer *out);

/* Of a question after a payment that nobody made. */
enum err hyperswitch_parse_probe(const struct gateway_ask *ask, const struct http_reply *reply,
                                 struct arena *arena, struct check_report *out);

bool hyperswitch_notice_verify(const struct gateway_notice *notice);
enum err hyperswitch_notice_read(const struct gateway_notice *notice, struct arena *arena,
                                 struct gateway_claim *claims, size_t room, size_t *count);

#endif
