/* sandbox.c - the transport: a batch of requests in one transaction, and the payer's word. */
#include "sandbox/sandbox.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "sandbox/listing.h"
#include "sandbox/rules.h"
#include "store/db_later.h"

#define REPEATS_MAX 3

/* db_commit, or db_commit_with_next. */
typedef enum err commit_f(struct db *db);

struct sandbox {
    /* The connection is one thread's at a time: the engine's, or the API's for a challenge. */
    pthread_mutex_t lock;
    struct db *db;
    const struct outside *outside;
    char *public_url;
};

enum err sandbox_open(struct db *ledger, struct str public_url, const struct outside *outside,
                      struct arena *arena, struct sandbox **out, struct str *why)
{
    enum err err = ledger_migrate(ledger, arena, why);

    if (err != OK)
        return err;
    struct sandbox *sandbox = mem_alloc(sizeof(*sandbox));
    int failed = pthread_mutex_init(&sandbox->lock, NULL);
    assert(failed == 0);
    sandbox->db = ledger;
    sandbox->outside = outside;
    sandbox->public_url = mem_strdup(str_c(arena, public_url));
    *out = sandbox;
    return OK;
}

void sandbox_close(struct sandbox *sandbox)
{
    if (sandbox == NULL)
        return;
    pthread_mutex_destroy(&sandbox->lock);
    mem_free(sandbox->public_url);
    mem_free(sandbox);
}

static void lock(struct sandbox *sandbox)
{
    int failed = pthread_mutex_lock(&sandbox->lock);
    assert(failed == 0);
}

static void unlock(struct sandbox *sandbox)
{
    int failed = pthread_mutex_unlock(&sandbox->lock);
    assert(failed == 0);
}

/* Writes what was decided and ends the transaction; without changes there is nothing to commit. */
static enum err finish(struct sandbox *sandbox, struct ledger *ledger, commit_f *commit,
                       enum err err)
{
    bool wrote = false;

    if (err == OK)
        err = ledger_flush(ledger, sandbox->db, &wrote);
    if (err == OK && wrote)
        err = commit(sandbox->db);
    if (err != OK || !wrote)
        db_rollback(sandbox->db);
    return err;
}

/* What the asks name. */
struct named {
    struct id *operations, *charges;
    size_t operation_count, charge_count;
    bool enquires;
};

static struct named names_of(const struct sandbox_ask *asks, size_t count, struct arena *arena)
{
    struct named named = { .operations = ARENA_ARRAY(arena, struct id, count),
                           .charges = ARENA_ARRAY(arena, struct id, 3 * count) };

    for (size_t i = 0; i < count; i++) {
        if (asks[i].error != SANDBOX_ERROR_NONE)
            continue;
        named.operations[named.operation_count++] = ledger_key(asks[i].account, asks[i].reference);
        if (asks[i].is_enquiry)
            named.enquires = true;
        else if (asks[i].kind != SANDBOX_KIND_AUTHORIZE)
            named.charges[named.charge_count++] = ledger_key(asks[i].account, asks[i].charge);
        if (!id_is_zero(asks[i].saved))
            named.charges[named.charge_count++] = asks[i].saved;
    }
    return named;
}

static size_t charges_of(const struct ledger *ledger, struct id *out)
{
    for (size_t i = 0; i < ledger->operations.count; i++)
        out[i] = ledger->operations.items[i]->charge;
    return ledger->operations.count;
}

/* The operations that the asks are or ask about, and the charges of these and those. What an
 * enquiry is about is known only then: so the charges are held in one order all the same. */
static enum err load(struct sandbox *sandbox, struct ledger *ledger, const struct sandbox_ask *asks,
                     size_t count)
{
    struct named named = names_of(asks, count, ledger->arena);
    struct db *db = sandbox->db;
    size_t waiting = 0;
    enum err err = ledger_load_operations(ledger, db, named.operations, named.operation_count);

    if (err == OK && named.enquires)
        err = db_await(db);
    named.charge_count += charges_of(ledger, named.charges + named.charge_count);
    if (err == OK)
        err = ledger_load_charges(ledger, db, named.charges, named.charge_count);
    if (err == OK)
        err = db_await(db);
    /* Of references that came before. */
    if (err == OK)
        err = ledger_load_charges(ledger, db, named.charges, charges_of(ledger, named.charges));
    if (err == OK)
        err = db_await(db);
    /* A void of a charge that waits for the payer ends its authorize too, which has its key. */
    for (size_t i = 0; err == OK && i < ledger->charges.count; i++)
        if (ledger->charges.items[i]->state == SANDBOX_CHARGE_WAITING)
            named.charges[waiting++] = ledger->charges.items[i]->id;
    if (err == OK)
        err = ledger_load_operations(ledger, db, named.charges, waiting);
    return err == OK ? db_await(db) : err;
}

static void answer(struct sandbox *sandbox, struct ledger *ledger, const struct sandbox_ask *asks,
                   struct http_reply *replies, size_t count)
{
    struct rules rules = {
        .ledger = ledger,
        .outside = sandbox->outside,
        .now_ms = outside_now_ms(sandbox->outside),
    };

    for (size_t i = 0; i < count; i++) {
        struct sandbox_verdict verdict;
        rules_answer(&rules, &asks[i], &verdict);
        protocol_write(&verdict, str_of(sandbox->public_url), ledger->arena, &replies[i]);
    }
}

static enum err handle(struct sandbox *sandbox, const struct sandbox_ask *asks,
                       struct http_reply *replies, size_t count, struct arena *arena)
{
    struct ledger ledger = { .arena = arena };
    enum err err = db_begin(sandbox->db);

    if (err != OK)
        return err;
    err = load(sandbox, &ledger, asks, count);
    if (err == OK)
        answer(sandbox, &ledger, asks, replies, count);
    /* The books take the answers down before anybody hears of them. */
    return finish(sandbox, &ledger, db_commit_with_next, err);
}

/* Where other nodes keep the same ledger, one of them may have been in the way, or first with
 * the same reference: then this is another look at it. */
static bool is_worth_repeating(const struct sandbox *sandbox, enum err err)
{
    return err == ERR_STORE_RETRY || (err == ERR_STORE && db_is_shared(sandbox->db));
}

enum err sandbox_handle(struct sandbox *sandbox, const struct http_request *const *requests,
                        struct http_reply *replies, size_t count, struct arena *arena)
{
    struct sandbox_ask *asks = ARENA_ARRAY(arena, struct sandbox_ask, count);

    for (size_t i = 0; i < count; i++)
        protocol_read(requests[i], arena, &asks[i]);
    lock(sandbox);
    enum err err = handle(sandbox, asks, replies, count, arena);
    for (int repeats = 0; repeats < REPEATS_MAX && is_worth_repeating(sandbox, err); repeats++)
        err = handle(sandbox, asks, replies, count, arena);
    unlock(sandbox);
    /* What was not committed must not be heard of. */
    if (err != OK)
        memset(replies, 0, count * sizeof(*replies));
    return err;
}

enum err sandbox_list(struct sandbox *sandbox, const struct http_request *request,
                      struct arena *arena, struct http_reply *out)
{
    lock(sandbox);
    enum err err = listing_answer(sandbox->db, request, arena, out);
    unlock(sandbox);
    return err;
}

static enum sandbox_challenge_state challenge_state(const struct sandbox_operation *authorize)
{
    switch (authorize->status) {
    case SANDBOX_STATUS_APPROVED:
        return CHALLENGE_CONFIRMED;
    case SANDBOX_STATUS_DECLINED:
        return CHALLENGE_REFUSED;
    case SANDBOX_STATUS_REFUSED:
        return CHALLENGE_CANCELLED;
    case SANDBOX_STATUS_REQUIRES_ACTION:
    case SANDBOX_STATUS_NONE:
        break;
    }
    return CHALLENGE_WAITING;
}

/* Loads the challenge, lets the payer decide it when there is a word of theirs, describes it. */
static enum err with_challenge(struct sandbox *sandbox, struct str token, const bool *confirmed,
                               struct arena *arena, struct sandbox_challenge *out)
{
    struct ledger ledger = { .arena = arena };
    enum err err = ledger_load_challenge(&ledger, sandbox->db, token);

    if (err != OK)
        return finish(sandbox, &ledger, db_commit, err);
    assert(ledger.charges.count == 1 && ledger.operations.count == 1);
    struct sandbox_charge *charge = ledger.charges.items[0];
    struct sandbox_operation *authorize = ledger.operations.items[0];
    struct rules rules = {
        .ledger = &ledger,
        .outside = sandbox->outside,
        .now_ms = outside_now_ms(sandbox->outside),
    };
    if (confirmed != NULL)
        rules_challenge(&rules, charge, authorize, *confirmed);
    /* The payer is told at once. */
    err = finish(sandbox, &ledger, db_commit, OK);
    if (err != OK)
        return err;
    *out = (struct sandbox_challenge){
        .state = challenge_state(authorize),
        .amount = { charge->amount_minor, charge->currency },
        .description = charge->description,
        .return_url = charge->return_url,
        .account = charge->account,
        .reference = charge->reference,
    };
    return OK;
}

static enum err challenge(struct sandbox *sandbox, struct str token, const bool *confirmed,
                          struct arena *arena, struct sandbox_challenge *out)
{
    /* An empty text is NULL in the ledger, where it would match nothing anyway. */
    if (!str_is_visible_ascii(token))
        return ERR_NOT_FOUND;
    lock(sandbox);
    enum err err = db_begin(sandbox->db);
    if (err == OK)
        err = with_challenge(sandbox, token, confirmed, arena, out);
    unlock(sandbox);
    return err;
}

enum err sandbox_challenge_get(struct sandbox *sandbox, struct str token, struct arena *arena,
                               struct sandbox_challenge *out)
{
    return challenge(sandbox, token, NULL, arena, out);
}

enum err sandbox_challenge_decide(struct sandbox *sandbox, struct str token, bool confirmed,
                                  struct arena *arena, struct sandbox_challenge *out)
{
    return challenge(sandbox, token, &confirmed, arena, out);
}
