/* check.h - whether a gateway account is ready to take money: what was found, and what the
 * account itself tells.
 *
 * The harmless calls are each gateway's own (core/gateway.h, struct gateway_probe) and made by
 * the engine (engine/check.h). A finding says what to do about it, unless all is well. */
#ifndef CORE_CHECK_H
#define CORE_CHECK_H

#include "base/id.h"
#include "base/json.h"
#include "core/check.def"
#include "core/gateway.h"

struct gateway_account;

#define X(name, text, meaning) CHECK_##name,
enum check_status { CHECK_STATUSES(X) CHECK_STATUS_COUNT };
#undef X
#define X(name, text, network, meaning) CHECK_ITEM_##name,
enum check_item { CHECK_ITEMS(X) CHECK_ITEM_COUNT };
#undef X
#define X(name, text, meaning) CHECK_VERDICT_##name,
enum check_verdict { CHECK_VERDICTS(X) CHECK_VERDICT_COUNT };
#undef X

const char *check_status_text(enum check_status status);
const char *check_item_text(enum check_item item);
const char *check_verdict_text(enum check_verdict verdict);

/* Texts live as long as what they were made from. */
struct check_finding {
    enum check_status status;
    struct str detail;
    struct str advice;               /* empty when OK */
};

struct check_report {
    bool applies[CHECK_ITEM_COUNT];  /* the others are nothing that this gateway has */
    struct check_finding of[CHECK_ITEM_COUNT];
};

/* Nothing is found out yet. */
void check_begin(struct check_report *report, const struct gateway *gateway);
void check_find(struct check_report *report, enum check_item item, enum check_status status,
                struct str detail, struct str advice);
/* For all that are still not run. */
void check_say_why_not(struct check_report *report, struct str detail, struct str advice);

/* SETTINGS and CURRENCIES. `credentials` is NULL when there are none, or they do not open. False
 * when the account is not whole, so that nothing can be asked with it. */
bool check_account(struct check_report *report, const struct gateway *gateway,
                   const struct gateway_account *account, const struct secret *credentials,
                   struct str public_url, struct arena *arena);

/* Of the gateway's clock, as its answer told it, to the second; `took_ms` is how long the answer
 * was under way. */
void check_clock(struct check_report *report, struct str http_date, int64_t now_ms,
                 int64_t took_ms, struct arena *arena);

/* NOT_READY outweighs UNKNOWN. What is to be seen by hand stands in nobody's way. */
enum check_verdict check_verdict(const struct check_report *report);
/* The object of the API. */
void check_render(struct json_out *out, const char *name, const struct gateway_account *account,
                  const struct check_report *report, int64_t now_ms);

/* The test message: purser sends it to itself by the address that the gateway is given, with a
 * header that nothing has to be kept for. Whoever has the installation key makes and knows it. */
#define CHECK_HEADER "Purser-Check"
#define CHECK_TEST_LIVES_MS INT64_C(60000)
#define CHECK_TEST_MAX 128           /* bytes of the header's value */
struct str check_test_make(const struct secret *installation_key,
                           struct gateway_account_id account, int64_t now_ms,
                           struct arena *arena);
/* Whether it is one, for this account, and not older than it lives. */
bool check_test_verify(const struct secret *installation_key, struct gateway_account_id account,
                       struct str test, int64_t now_ms);
/* What only purser can answer to it: proves that no other server answered. */
struct str check_test_answer(const struct secret *installation_key, struct str test,
                             struct arena *arena);

#endif
