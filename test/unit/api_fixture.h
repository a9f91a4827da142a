/* api_fixture.h - the API without a network and without threads, over real books.
 *
 * The fixture is the server (net/server.h), the desk and the engine: requests are made by
 * api_ask, and nothing moves until api_run, or api_step for one piece, so that a test
 * decides the order. Gateway calls wait until api_gateway answers them. */
#ifndef API_FIXTURE_H
#define API_FIXTURE_H

#include "store_fixture.h"

#include "api/api.h"
#include "api_fixture_server.h"
#include "base/json.h"
#include "core/gateway.h"
#include "store/store.h"

#define VAULT_KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct api_fixture {
    struct store_fixture books;
    struct store *store;
    struct db *reader;
    struct secret installation_key;
    struct vault *vault; /* its key is VAULT_KEY */
    struct desk desk;
    struct api *api;
    struct merchant_id merchant;
    struct id_maker ids;
    struct run_id run;
    struct str key;         /* of the merchant's test mode, with all scopes */
    struct gateway gateway; /* "sandbox"; a test may change it */
    const struct gateway *gateways[2];

    /* What waits. */
    struct desk_turn *turns[API_QUEUE];
    size_t turn_count;
    struct desk_read *reads[API_QUEUE];
    size_t read_count;
    struct operation_id calls[API_QUEUE];
    enum operation_kind kinds[API_QUEUE];
    size_t call_count;
    int answered; /* gateway calls so far: their references are theirs-1, ... */
    void (*probe_done)(void *user, enum err err);
    void *probe_user;

    struct str test;        /* message, of the last check, */
    struct str test_answer; /* and what answers it */
    struct reverse_ask *asked; /* for a name, until api_name answers */
    bool refuse;               /* the desk takes nothing */
    bool behind;               /* and says so beforehand */
    enum err probe_err;
    size_t reads_done;
    struct api_challenge challenge; /* of the token "tok"; operation_reference empty: none */
    size_t decided;                 /* how often decide was called */
};

void api_fixture_open(struct api_fixture *fixture);
void api_fixture_done(struct api_fixture *fixture);
int api_fixture_setup(void **state);
int api_fixture_teardown(void **state);

/* A request. Headers are "Name: value" lines; Authorization with the fixture's key comes
 * by itself unless one is among them; Content-Type too when there is a body. */
struct answer;
struct answer *api_ask(struct api_fixture *fixture, const char *method, const char *target,
                       const char *headers, const char *body);
/* One piece of each sort that waits; false when nothing did. */
bool api_step(struct api_fixture *fixture);
void api_run(struct api_fixture *fixture);
/* Answers the oldest gateway call, and hands in its turn. */
void api_gateway(struct api_fixture *fixture, enum gateway_outcome outcome);
/* Answers who asked for the name of an address ("" when it has none). */
void api_name(struct api_fixture *fixture, enum reverse_end end, const char *name);
/* Moves both clocks, and lets the timers that are due ring. */
void api_pass_time(struct api_fixture *fixture, int64_t by_ms);
/* api_ask and api_run. */
struct answer *api_get(struct api_fixture *fixture, const char *target);
struct answer *api_post(struct api_fixture *fixture, const char *target, const char *key,
                        const char *body);

/* The answer; the status is 0 until there is one. */
int answer_status(const struct answer *answer);
struct str answer_body(const struct answer *answer);
const struct json *answer_json(const struct answer *answer);
struct str answer_header(const struct answer *answer, const char *name);
/* A text member of the answer, "" when it is none. */
const char *answer_text(const struct answer *answer, const char *member);
/* Whether `part` is in its body. */
bool answer_has(const struct answer *answer, const char *part);
/* The request's body as the handler left it. */
struct str answer_request_body(const struct answer *answer);

/* Fails unless it is a problem of this code and about this member (NULL: none). */
void assert_problem(const struct answer *answer, int status, const char *code, const char *param);
void assert_status(const struct answer *answer, int status);

/* Another key in the books; its text. */
struct str api_add_key(struct api_fixture *fixture, struct api_key fields);

#endif
