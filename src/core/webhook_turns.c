/* webhook_turns.c - turns about endpoints and deliveries. */
#include <assert.h>

#include "base/time.h"
#include "core/audit.h"
#include "core/webhook_format.h"
#include "core/webhook_rules.h"

#define OBJECT_MAX ((size_t)128 * 1024)
/* An endpoint is given up after so long without a success, when it was tried often enough:
 * never for a small number of failures alone. */
#define GIVE_UP_MS (5 * DAY_MS)
#define GIVE_UP_TRIES 20
#define RETRY_AFTER_MAX_MS DAY_MS
/* A success is noted in the endpoint's row so often at most: rows are not rewritten for nothing. */
#define SUCCESS_NOTED_MS MINUTE_MS

/* Warnings before that, told to the merchant's other endpoints. */
static const int64_t warnings_ms[] = { HOUR_MS, 24 * HOUR_MS, 72 * HOUR_MS };
#define WARNING_COUNT ((int64_t)(sizeof warnings_ms / sizeof warnings_ms[0]))

static struct webhook_endpoint *find_endpoint(const struct turn *turn,
                                              struct webhook_endpoint_id id)
{
    const struct webhook_endpoint_list *list = &turn->webhooks.endpoints;
    for (size_t i = 0; i < list->count; i++)
        if (webhook_endpoint_id_equal(list->items[i]->id, id))
            return list->items[i];
    return NULL;
}

/* The search begins at `from`, which is then behind what was found: hundreds are looked for in the
 * order in which they were loaded. */
static struct webhook_delivery *find_delivery(const struct turn *turn,
                                              struct webhook_delivery_id id, size_t *from)
{
    const struct webhook_delivery_list *list = &turn->webhooks.deliveries;
    for (size_t i = 0; i < list->count; i++) {
        size_t at = (*from + i) % list->count;
        if (!webhook_delivery_id_equal(list->items[at]->id, id))
            continue;
        *from = at + 1;
        return list->items[at];
    }
    return NULL;
}

static struct webhook_key *find_key(const struct turn *turn, struct webhook_key_id id)
{
    const struct webhook_key_list *list = &turn->webhooks.keys;
    for (size_t i = 0; i < list->count; i++)
        if (webhook_key_id_equal(list->items[i]->id, id))
            return list->items[i];
    return NULL;
}

/* Who may be told, and with which secret, is decided here: it is in the audit log. */
static void answer_endpoint(struct turn *turn, int status, const struct webhook_endpoint *endpoint)
{
    struct json_out out;
    struct buf text;

    buf_init(&text, turn->arena, OBJECT_MAX);
    json_begin(&out, &text);
    webhook_endpoint_render(&out, NULL, endpoint, find_key(turn, endpoint->rsa_key), NULL);
    json_done(&out);
    assert(buf_ok(&text));
    AUDIT(turn, turn->input->handler->name, webhook_endpoint, endpoint->id, buf_str(&text));
    turn_answer_now(turn, status, buf_str(&text));
}

static void answer_delivery(struct turn *turn, int status, const struct webhook_delivery *delivery)
{
    struct json_out out;
    struct buf text;

    buf_init(&text, turn->arena, OBJECT_MAX);
    json_begin(&out, &text);
    webhook_delivery_render(&out, NULL, delivery, NULL);
    json_done(&out);
    assert(buf_ok(&text));
    turn_answer_now(turn, status, buf_str(&text));
}

/* One pair per merchant, mode and size: made once, then shared by its endpoints. */
static struct webhook_key *key_for(struct turn *turn, const struct webhook_key *offered)
{
    const struct webhook_key_list *list = &turn->webhooks.keys;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i]->bits == offered->bits)
            return list->items[i];
    struct webhook_key *key = arena_copy(turn->arena, offered, sizeof *offered);
    key->row = ROW_NEW;
    webhook_key_list_add(turn->arena, &turn->webhooks.keys, key);
    return key;
}

/* What is recorded is the half that everybody may know. */
static void record_key(struct turn *turn, const struct webhook_key *key)
{
    struct json_out out;
    struct buf text;

    buf_init(&text, turn->arena, OBJECT_MAX);
    json_begin(&out, &text);
    json_open_object(&out, NULL);
    json_put_int(&out, "rsa_bits", key->bits);
    json_put_text(&out, "rsa_public_key", key->public_key);
    json_close_object(&out);
    json_done(&out);
    assert(buf_ok(&text));
    AUDIT(turn, turn->input->handler->name, webhook_key, key->id, buf_str(&text));
}

/* Endpoints that are there sign with the pair that the merchant has, so it is never replaced. */
static enum err key_import(struct turn *turn)
{
    const struct webhook_key *ask = turn->input->ask;
    const struct webhook_key *key = key_for(turn, ask);

    if (!str_equal(key->public_key, ask->public_key))
        return turn_fail(turn, ERR_CONFLICT,
                         "The merchant has another key of %lld bits in this mode, which receivers"
                         " may know already.", (long long)ask->bits);
    if (key->row == ROW_NEW)
        record_key(turn, key);
    turn_answer_nothing(turn);
    return OK;
}

static enum err endpoint_create(struct turn *turn)
{
    const struct webhook_endpoint_create *ask = turn->input->ask;
    size_t count = 0;

    for (size_t i = 0; i < turn->webhooks.endpoints.count; i++)
        count += turn->webhooks.endpoints.items[i]->status != ENDPOINT_DELETED;
    if (count >= WEBHOOK_ENDPOINTS_MAX)
        return turn_fail(turn, ERR_CONFLICT, "A merchant may have %d endpoints in a mode.",
                         WEBHOOK_ENDPOINTS_MAX);
    struct webhook_endpoint *endpoint = arena_copy(turn->arena, &ask->row, sizeof ask->row);
    endpoint->row = ROW_NEW;
    endpoint->status = ENDPOINT_ENABLED;
    if (webhook_has_rsa(endpoint->format))
        endpoint->rsa_key = key_for(turn, &ask->key)->id;
    webhook_endpoint_list_add(turn->arena, &turn->webhooks.endpoints, endpoint);
    answer_endpoint(turn, 201, endpoint);
    return OK;
}

static enum err endpoint_of(struct turn *turn, struct webhook_endpoint_id id,
                            struct webhook_endpoint **out)
{
    *out = find_endpoint(turn, id);
    if (!*out || (*out)->status == ENDPOINT_DELETED)
        return turn_fail(turn, ERR_NOT_FOUND, "There is no such endpoint in this mode.");
    return OK;
}

static void changed(struct turn *turn, struct webhook_endpoint *endpoint)
{
    endpoint->updated_ms = turn->now_ms;
    row_touch(&endpoint->row);
    answer_endpoint(turn, 200, endpoint);
}

static enum err endpoint_change(struct turn *turn)
{
    const struct webhook_endpoint_change *ask = turn->input->ask;
    struct webhook_endpoint *endpoint;
    struct str param = { 0 }, why = { 0 };

    enum err err = endpoint_of(turn, ask->id, &endpoint);
    if (err)
        return err;
    if (ask->has_filter &&
        webhook_filter_check(ask->filter, endpoint->format, turn->arena, &param, &why) != OK)
        return turn_fail_param(turn, ERR_VALIDATION, str_c(turn->arena, param), "%.*s",
                               STR_ARG(why));
    if (ask->has_signature_header && str_is_empty(webhook_default_header(endpoint->format)))
        return turn_fail_param(turn, ERR_VALIDATION, "signature_header",
                               "The endpoint's format has a signature header of its own.");
#define TAKE(member)                                                                               \
    if (ask->has_##member)                                                                         \
    endpoint->member = ask->values.member
    TAKE(url);
    TAKE(description);
    TAKE(filter);
    TAKE(headers);
    TAKE(ordering);
    TAKE(success);
    TAKE(retries);
    TAKE(at_once);
    TAKE(per_minute);
    TAKE(signature_header);
#undef TAKE
    changed(turn, endpoint);
    return OK;
}

static enum err set_status(struct turn *turn, enum endpoint_status status, struct str reason)
{
    const struct webhook_endpoint_act *ask = turn->input->ask;
    struct webhook_endpoint *endpoint;

    enum err err = endpoint_of(turn, ask->id, &endpoint);
    if (err)
        return err;
    endpoint->status = status;
    endpoint->status_reason = reason;
    if (status == ENDPOINT_ENABLED) {
        endpoint->failing_since_ms = 0;
        endpoint->failures = 0;
        endpoint->warnings = 0;
    }
    changed(turn, endpoint);
    return OK;
}

static enum err endpoint_delete(struct turn *turn)
{
    return set_status(turn, ENDPOINT_DELETED, (struct str){ 0 });
}

static enum err endpoint_disable(struct turn *turn)
{
    return set_status(turn, ENDPOINT_DISABLED, STR("Disabled by request."));
}

static enum err endpoint_enable(struct turn *turn)
{
    return set_status(turn, ENDPOINT_ENABLED, (struct str){ 0 });
}

static enum err endpoint_rotate(struct turn *turn)
{
    const struct webhook_endpoint_act *ask = turn->input->ask;
    struct webhook_endpoint *endpoint;

    enum err err = endpoint_of(turn, ask->id, &endpoint);
    if (err)
        return err;
    endpoint->old_secret = endpoint->secret;
    endpoint->old_until_ms = turn->now_ms + WEBHOOK_OVERLAP_MS;
    endpoint->secret = ask->sealed;
    changed(turn, endpoint);
    return OK;
}

static enum err endpoint_test(struct turn *turn)
{
    const struct webhook_endpoint_act *ask = turn->input->ask;
    struct webhook_endpoint *endpoint;

    enum err err = endpoint_of(turn, ask->id, &endpoint);
    if (err)
        return err;
    if (endpoint->status != ENDPOINT_ENABLED)
        return turn_fail(turn, ERR_CONFLICT, "The endpoint is disabled; enable it first.");
    struct webhook_message *message = ARENA_NEW(turn->arena, struct webhook_message);
    *message = (struct webhook_message){
        .row = ROW_NEW,
        .id = webhook_message_id_make(turn->ids, turn->now_ms),
        .body = webhook_test_body(endpoint->format, endpoint, turn->now_ms, turn->arena),
        .created_ms = turn->now_ms,
    };
    struct webhook_delivery *delivery = ARENA_NEW(turn->arena, struct webhook_delivery);
    *delivery = (struct webhook_delivery){
        .row = ROW_NEW,
        .id = webhook_delivery_id_make(turn->ids, turn->now_ms),
        .endpoint = endpoint->id,
        .merchant = endpoint->merchant,
        .live = endpoint->live,
        .type = STR("webhook.test"),
        .message = message->id,
        .status = DELIVERY_PENDING,
        .created_ms = turn->now_ms,
        .due_ms = turn->now_ms,
    };
    webhook_message_list_add(turn->arena, &turn->webhooks.messages, message);
    webhook_delivery_list_add(turn->arena, &turn->webhooks.deliveries, delivery);
    answer_delivery(turn, 202, delivery);
    return OK;
}

static enum err redeliver(struct turn *turn)
{
    const struct webhook_redeliver *ask = turn->input->ask;
    struct webhook_delivery_id id = { ask->names.deliveries[0] };
    size_t from = 0;
    struct webhook_delivery *delivery = find_delivery(turn, id, &from);

    if (!delivery || !merchant_id_equal(delivery->merchant, turn->input->merchant) ||
        delivery->live != turn->input->live)
        return turn_fail(turn, ERR_NOT_FOUND, "There is no such delivery in this mode.");
    const struct webhook_endpoint *endpoint = find_endpoint(turn, delivery->endpoint);
    if (!endpoint || endpoint->status == ENDPOINT_DELETED)
        return turn_fail(turn, ERR_CONFLICT, "Its endpoint was deleted.");
    delivery->status = DELIVERY_PENDING;
    delivery->tries = 0;
    delivery->due_ms = turn->now_ms;
    delivery->ended_ms = 0;
    row_touch(&delivery->row);
    answer_delivery(turn, 202, delivery);
    return OK;
}

static void end_delivery(struct turn *turn, struct webhook_delivery *delivery,
                         enum delivery_status status)
{
    delivery->status = status;
    delivery->due_ms = 0;
    delivery->ended_ms = turn->now_ms;
}

/* What happened to an endpoint, or to a delivery of it. */
static void alert(struct turn *turn, const struct webhook_endpoint *endpoint,
                  enum webhook_alert_type type, const struct webhook_delivery *delivery)
{
    struct webhook_alert *made = ARENA_NEW(turn->arena, struct webhook_alert);
    struct json_out out;
    struct buf text;

    buf_init(&text, turn->arena, OBJECT_MAX);
    json_begin(&out, &text);
    if (delivery)
        webhook_delivery_render(&out, NULL, delivery, NULL);
    else
        webhook_endpoint_render(&out, NULL, endpoint, find_key(turn, endpoint->rsa_key), NULL);
    json_done(&out);
    assert(buf_ok(&text));
    *made = (struct webhook_alert){ type, endpoint, buf_str(&text) };
    webhook_alert_list_add(turn->arena, &turn->webhooks.alerts, made);
}

static void succeeded(struct turn *turn, struct webhook_endpoint *endpoint,
                      struct webhook_delivery *delivery)
{
    end_delivery(turn, delivery, DELIVERY_DELIVERED);
    delivery->failure = (struct str){ 0 };
    if (endpoint->failing_since_ms == 0 &&
        turn->now_ms - endpoint->succeeded_ms < SUCCESS_NOTED_MS)
        return;
    bool was_warned = endpoint->warnings > 0;
    endpoint->failing_since_ms = 0;
    endpoint->failures = 0;
    endpoint->warnings = 0;
    endpoint->succeeded_ms = turn->now_ms;
    row_touch(&endpoint->row);
    if (was_warned)
        alert(turn, endpoint, ALERT_RECOVERED, NULL);
}

static void give_up_endpoint(struct turn *turn, struct webhook_endpoint *endpoint,
                             struct str reason)
{
    endpoint->status = ENDPOINT_DISABLED;
    endpoint->status_reason = reason;
    endpoint->updated_ms = turn->now_ms;
    alert(turn, endpoint, ALERT_DISABLED, NULL);
}

/* Once for each warning that is due, however many of them a long silence left behind. */
static void warn(struct turn *turn, struct webhook_endpoint *endpoint)
{
    int64_t failing_ms = turn->now_ms - endpoint->failing_since_ms;
    int64_t due = endpoint->warnings;

    while (due < WARNING_COUNT && failing_ms >= warnings_ms[due])
        due++;
    if (due == endpoint->warnings)
        return;
    endpoint->warnings = due;
    alert(turn, endpoint, ALERT_FAILING, NULL);
}

/* In a lane the next events of the invoice wait for this one no more: the gap is recorded. */
static void give_up_delivery(struct turn *turn, const struct webhook_endpoint *endpoint,
                             struct webhook_delivery *delivery)
{
    end_delivery(turn, delivery, DELIVERY_DEAD);
    if (endpoint->ordering != ORDERING_PER_INVOICE || event_id_is_zero(delivery->event))
        return;
    delivery->skipped = true;
    alert(turn, endpoint, ALERT_SKIPPED, delivery);
}

static int64_t next_try_ms(const struct webhook_endpoint *endpoint,
                           const struct webhook_delivery *delivery,
                           const struct webhook_result *result)
{
    int64_t delay_ms = webhook_retry_ms(endpoint->retries, delivery->tries, delivery->id.id);
    int64_t asked_ms = result->retry_after_ms < RETRY_AFTER_MAX_MS ? result->retry_after_ms
                                                                   : RETRY_AFTER_MAX_MS;
    return delay_ms != 0 && asked_ms > delay_ms ? asked_ms : delay_ms;
}

static void failed(struct turn *turn, struct webhook_endpoint *endpoint,
                   struct webhook_delivery *delivery, const struct webhook_result *result)
{
    int64_t delay_ms = next_try_ms(endpoint, delivery, result);
    delivery->failure = result->attempt.failure;
    if (delay_ms > 0)
        delivery->due_ms = turn->now_ms + delay_ms;
    else
        give_up_delivery(turn, endpoint, delivery);
    if (endpoint->failing_since_ms == 0)
        endpoint->failing_since_ms = turn->now_ms;
    endpoint->failures++;
    row_touch(&endpoint->row);
    if (endpoint->status != ENDPOINT_ENABLED)
        return;
    if (result->attempt.http_status == 410)
        give_up_endpoint(turn, endpoint, STR("It answered 410 Gone."));
    else if (turn->now_ms - endpoint->failing_since_ms >= GIVE_UP_MS &&
             endpoint->failures >= GIVE_UP_TRIES)
        give_up_endpoint(turn, endpoint, STR("No delivery succeeded for five days."));
    else
        warn(turn, endpoint);
}

static void take_result(struct turn *turn, const struct webhook_result *result, size_t *from)
{
    struct webhook_delivery *delivery = find_delivery(turn, result->delivery, from);
    struct webhook_endpoint *endpoint = delivery ? find_endpoint(turn, delivery->endpoint) : NULL;

    if (!endpoint)
        return;
    row_touch(&delivery->row);
    if (result->endpoint_gone) {
        if (delivery->status == DELIVERY_PENDING)
            end_delivery(turn, delivery, DELIVERY_CANCELLED);
        return;
    }
    struct webhook_attempt *attempt =
        arena_copy(turn->arena, &result->attempt, sizeof result->attempt);
    bool success = webhook_is_success(endpoint, attempt->http_status);
    delivery->attempts++;
    delivery->tries++;
    delivery->http_status = attempt->http_status;
    if (success)
        succeeded(turn, endpoint, delivery);
    else
        failed(turn, endpoint, delivery, result);
    attempt->row = ROW_NEW;
    attempt->delivery = delivery->id;
    attempt->number = delivery->attempts;
    attempt->next_ms = delivery->due_ms;
    if (success)
        attempt->failure = (struct str){ 0 };
    webhook_attempt_list_add(turn->arena, &turn->webhooks.attempts, attempt);
}

static enum err take_results(struct turn *turn)
{
    const struct webhook_results *ask = turn->input->ask;
    size_t from = 0;
    for (size_t i = 0; i < ask->count; i++)
        take_result(turn, &ask->results[i], &from);
    return OK;
}

static enum err take_lease(struct turn *turn)
{
    const struct webhook_lease *ask = turn->input->ask;
    for (size_t i = 0; i < ask->names.endpoint_count; i++) {
        struct webhook_endpoint *endpoint =
            find_endpoint(turn, (struct webhook_endpoint_id){ ask->names.endpoints[i] });
        if (!endpoint || !run_id_equal(endpoint->run, ask->before[i]))
            continue;
        endpoint->run = turn->input->run;
        row_touch(&endpoint->row);
    }
    return OK;
}

#define OF_MERCHANT(name, text, function)                                                          \
    const struct turn_handler turn_##name = { text, TARGET_NOTHING,                                \
                                              .webhooks = WEBHOOKS_OF_MERCHANT,                    \
                                              .handle = function }
OF_MERCHANT(webhook_endpoint_create, "webhook_endpoint.create", endpoint_create);
OF_MERCHANT(webhook_endpoint_change, "webhook_endpoint.change", endpoint_change);
OF_MERCHANT(webhook_endpoint_delete, "webhook_endpoint.delete", endpoint_delete);
OF_MERCHANT(webhook_endpoint_disable, "webhook_endpoint.disable", endpoint_disable);
OF_MERCHANT(webhook_endpoint_enable, "webhook_endpoint.enable", endpoint_enable);
OF_MERCHANT(webhook_endpoint_rotate, "webhook_endpoint.rotate_secret", endpoint_rotate);
OF_MERCHANT(webhook_endpoint_test, "webhook_endpoint.test", endpoint_test);
OF_MERCHANT(webhook_key_import, "webhook_key.import", key_import);

#define NAMED(name, text, function)                                                                \
    const struct turn_handler turn_##name = { text, TARGET_NOTHING, .webhooks = WEBHOOKS_NAMED,    \
                                              .handle = function }
NAMED(webhook_redeliver, "webhook_delivery.redeliver", redeliver);
NAMED(webhook_results, "webhook_delivery.results", take_results);
NAMED(webhook_lease, "webhook_endpoint.lease", take_lease);
