/* store_maker.h - sound books, made by the real handlers with a gateway that is only named.
 *
 * A maker takes the fixture's writer while it is open and gives one back. A turn that fails
 * fails the test. */
#ifndef STORE_MAKER_H
#define STORE_MAKER_H

#include "core/turn.h"
#include "store/store.h"
#include "store_fixture.h"

struct maker {
    struct store_fixture *books;
    struct store *store;
    struct merchant_id merchant;
    struct run_id run;
    struct turn turn;                /* the last one */
};

void maker_open(struct maker *maker, struct store_fixture *books);
void maker_close(struct maker *maker);

/* What a turn is about; the rest is the same for all. */
struct maker_about {
    struct payment_id payment;
    struct operation_id operation;
    const char *key;
};

void maker_run(struct maker *maker, const struct turn_handler *handler, const void *ask,
               struct maker_about about);
/* The gateway's answer to the call that the last turn ordered; false when it ordered none. */
bool maker_answer_with(struct maker *maker, const struct gateway_answer *answer);
bool maker_answer(struct maker *maker, enum gateway_outcome outcome);
/* Without a key it is only created. */
struct payment_id maker_pay(struct maker *maker, enum capture_method method, const char *key);

/* One of everything: captured with a refund done, one refused and one under way; captured in one
 * step; declined; cancelled after authorisation; only created; without an answer; an invoice by
 * itself. */
void maker_fill(struct store_fixture *books);

#endif
