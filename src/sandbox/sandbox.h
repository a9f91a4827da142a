/* sandbox.h - the far side of the built-in test gateway: an in-process transport with a ledger
 * of its own, as a bank would have. Purser's handlers never read it: they learn what happened
 * by asking, as with any gateway. The near side is gateways/sandbox.c; what both speak, and
 * which card does what, is docs/gateways/sandbox.md.
 *
 * What it was asked and what it did is committed before it answers, apart from purser's own
 * commits, so it survives kill -9. No card number is stored: only how the card behaves, and
 * its last four digits.
 *
 * sandbox_handle is called by one thread at a time; the challenge functions may be called by
 * another meanwhile. */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include "base/arena.h"
#include "base/err.h"
#include "base/outside.h"
#include "core/gateway.h"
#include "store/db.h"

struct sandbox;

/* Makes the ledger's tables where they are missing. `ledger` stays the caller's, open for
 * writing until sandbox_close and used by nobody else. Errors are those of db_migrate. */
must_check enum err sandbox_open(struct db *ledger, struct str public_url,
                                 const struct outside *outside, struct arena *arena,
                                 struct sandbox **out, struct str *why);
void sandbox_close(struct sandbox *sandbox); /* accepts NULL */

/* Answers a batch in one transaction; a later request sees what an earlier one did. A reply
 * with status 0 is none: the caller's deadline decides. On an error nothing was done and no
 * reply was given. Replies live in the arena; requests must live as long as they do. */
must_check enum err sandbox_handle(struct sandbox *sandbox,
                                   const struct http_request *const *requests,
                                   struct http_reply *replies, size_t count, struct arena *arena);

/* Tells what it has (listing.h): from any thread. Nothing is changed. */
must_check enum err sandbox_list(struct sandbox *sandbox, const struct http_request *request,
                                 struct arena *arena, struct http_reply *out);

/* What the payer is asked to confirm. */
enum sandbox_challenge_state {
    CHALLENGE_WAITING,
    CHALLENGE_CONFIRMED,
    CHALLENGE_REFUSED,
    CHALLENGE_CANCELLED, /* the charge was cancelled before the payer decided */
};

struct sandbox_challenge {
    enum sandbox_challenge_state state;
    struct money amount;
    struct str description;
    struct str return_url;
    struct str account;   /* the gateway account's id text */
    struct str reference; /* ours, of the authorize operation */
};

/* ERR_NOT_FOUND when no charge has that token. Texts live in the arena. */
must_check enum err sandbox_challenge_get(struct sandbox *sandbox, struct str token,
                                          struct arena *arena, struct sandbox_challenge *out);
/* The payer's word. Only the first counts; later ones change nothing. `out` is how it stands
 * then. */
must_check enum err sandbox_challenge_decide(struct sandbox *sandbox, struct str token,
                                             bool confirmed, struct arena *arena,
                                             struct sandbox_challenge *out);

#endif
