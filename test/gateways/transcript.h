/* transcript.h - one case of a transcript: its texts, read and written. The format is at the top
 * of run_transcripts.c. */
#ifndef TEST_GATEWAYS_TRANSCRIPT_H
#define TEST_GATEWAYS_TRANSCRIPT_H

#include "core/gateway.h"

struct transcript {
    struct str title;
    size_t line; /* of the '?', for people */
    struct str ask;
    struct str defaults; /* members that the file sets for it */
    struct buf request;  /* as it must be; empty: not looked at */
    struct buf reply;
    struct str answer;
};

/* False when the line cannot be understood; `bad` then holds the word. */
bool transcript_ask(const struct transcript *t, struct arena *arena, struct gateway_ask *ask,
                    struct str *bad);
/* Is it about a notice? Then its reply, what they sent, has no status. */
bool transcript_is_notice(const struct transcript *t);
/* Is it about a login: the account's, or an order's? */
bool transcript_is_login(const struct transcript *t);
/* Is it about the call that shows whether the account is taken? */
bool transcript_is_probe(const struct transcript *t);
/* Is it about a list of what the gateway has? */
bool transcript_is_list(const struct transcript *t);
bool transcript_list(const struct transcript *t, struct arena *arena, struct gateway_ask *ask,
                     struct gateway_list_ask *list, struct str *bad);
bool transcript_reply(const struct transcript *t, struct arena *arena, struct http_reply *out);

/* As the lines of a transcript have it. */
void transcript_write_request(struct buf *out, const struct http_request *request);
void transcript_write_answer(struct buf *out, const struct gateway_answer *answer);
void transcript_write_token(struct buf *out, const struct gateway_token *token);
/* "credentials=ok terminal=failed": what was found of them. */
void transcript_write_findings(struct buf *out, const struct check_report *report);
/* "1250 EUR our_ref=... captured=1250 refunded=? released=no holds; ... next=100" */
void transcript_write_page(struct buf *out, const struct gateway_list_page *page);
void transcript_write_claims(struct buf *out, const struct gateway_claim *claims, size_t count);

#endif
