/* challenge.c - the sandbox bank's page, and the payer's decision on it.
 *
 * The token in the address is the key to the page; nothing else is asked for. The far side
 * keeps the decision, and the first one stands; the turn only makes purser ask it. */
#include <assert.h>

#include "api/resources.h"
#include "core/requests.h"
#include "net/url.h"
#include "pages/challenge.h"

#define PAGE_MAX ((size_t)64 * 1024)
#define PAGE_TYPE STR("text/html; charset=utf-8")

static bool find_challenge(struct call *call, struct api_challenge *out)
{
    const struct api_challenges *challenges = &call->api->config.challenges;

    return challenges->get && challenges->get(challenges->self, call->segment, call->arena, out);
}

/* Every answer of ours forbids caches already. */
static void add_page_headers(struct call *call, struct str return_url)
{
    struct buf policy;

    buf_init(&policy, call->arena, PAGE_MAX);
    challenge_page_write_policy(&policy, return_url);
    assert(buf_ok(&policy));
    call_add_header(call, STR("Content-Security-Policy"), buf_str(&policy));
    for (size_t i = 0; i < CHALLENGE_PAGE_HEADER_COUNT; i++)
        if (!str_equal_nocase(challenge_page_headers[i].name, STR("Cache-Control")))
            call_add_header(call, challenge_page_headers[i].name, challenge_page_headers[i].value);
}

static void answer_wrong_link(struct call *call)
{
    struct buf page;

    buf_init(&page, call->arena, PAGE_MAX);
    challenge_page_write_wrong_link(&page);
    assert(buf_ok(&page));
    add_page_headers(call, (struct str){ 0 });
    call_answer(call, 404, PAGE_TYPE, buf_str(&page));
}

/* GET /sandbox/challenge/{token} */
enum err challenge_show(struct call *call)
{
    static const enum challenge_page_state states[] = {
        [CHALLENGE_OPEN] = CHALLENGE_PAGE_WAITING,
        [CHALLENGE_APPROVED] = CHALLENGE_PAGE_CONFIRMED,
        [CHALLENGE_DECLINED] = CHALLENGE_PAGE_NOT_CONFIRMED,
    };
    struct api_challenge challenge = { 0 };
    struct buf page;

    if (!find_challenge(call, &challenge)) {
        answer_wrong_link(call);
        return OK;
    }
    buf_init(&page, call->arena, PAGE_MAX);
    challenge_page_write(&page, &(struct challenge_page){
                                    .state = states[challenge.state],
                                    .amount = challenge.amount,
                                    .description = challenge.description,
                                    .return_url = challenge.return_url,
                                });
    assert(buf_ok(&page));
    add_page_headers(call, challenge.return_url);
    call_answer(call, 200, PAGE_TYPE, buf_str(&page));
    return OK;
}

static enum err read_decision(struct call *call, bool *approve)
{
    struct str form = server_request_body(call->request);
    struct str name;
    struct str value;

    while (url_next_pair(&form, call->arena, &name, &value) > 0) {
        if (!str_equal_c(name, "decision"))
            continue;
        *approve = str_equal_c(value, "approve");
        if (*approve || str_equal_c(value, "decline"))
            return OK;
    }
    return trouble_about(&call->trouble, ERR_VALIDATION, STR("decision"),
                         "decision must be approve or decline.");
}

/* To the merchant's site, or to this page as it stands now. */
static void answer_decided(struct call *call)
{
    struct api_challenge challenge = { 0 };
    struct str path = server_request_path(call->request);
    struct str target = { 0 };

    if (find_challenge(call, &challenge))
        target = challenge.return_url;
    if (str_is_empty(target))
        target = str_format(call->arena, "%.*s%.*s", STR_ARG(call->api->config.public_url),
                            STR_ARG(path));
    call_add_header(call, STR("Location"), target);
    call_answer(call, 303, (struct str){ 0 }, (struct str){ 0 });
}

static void turn_is_back(void *arg)
{
    struct desk_turn *turn = arg;
    struct call *call = turn->user;

    call->trouble.detail = turn->detail;
    if (turn->err)
        call_fail(call, turn->err);
    else
        answer_decided(call);
    desk_turn_free(turn);
}

static void turn_done(struct desk_turn *turn)
{
    const struct call *call = turn->user;

    server_post(atomic_load(&call->api->server), turn_is_back, turn);
}

static enum err tell_books(struct call *call, struct operation_id operation)
{
    const struct desk *desk = call->api->config.desk;
    struct desk_turn *turn = desk_turn_new();

    turn->input = (struct turn_input){
        .handler = &turn_payer_done,
        .origin = ORIGIN_API,
        .actor = STR("payer"),
        .operation = operation,
    };
    turn->done = turn_done;
    turn->user = call;
    if (desk->submit(desk->self, turn))
        return OK;
    desk_turn_free(turn);
    return trouble_say(&call->trouble, ERR_UNAVAILABLE, "This node takes no more work now.");
}

/* POST /sandbox/challenge/{token}. Said again, it changes nothing and tells again: so a payer
 * whose first try met a full queue is not stuck. */
enum err challenge_decide(struct call *call)
{
    const struct api_challenges *challenges = &call->api->config.challenges;
    struct api_challenge challenge = { 0 };
    struct operation_id operation;
    bool approve = false;

    enum err err = read_decision(call, &approve);
    if (err)
        return err;
    bool found = find_challenge(call, &challenge) &&
                 operation_id_parse(challenge.operation_reference, &operation);
    if (found && challenge.state == CHALLENGE_OPEN)
        found = challenges->decide(challenges->self, call->segment, approve);
    if (!found) {
        answer_wrong_link(call);
        return OK;
    }
    return tell_books(call, operation);
}
