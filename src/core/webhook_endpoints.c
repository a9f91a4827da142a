/* webhook_endpoints.c - what an endpoint wants to hear, and how it is shown. */
#include <assert.h>

#include "core/render.h"
#include "core/webhook_format.h"
#include "core/webhook_rules.h"

#define FILTER_ITEMS_MAX 64
#define BODY_MORE 256

static bool lists(const struct json *array, struct str text)
{
    struct json_cursor cursor;
    const struct json *item;

    json_each(&cursor, array);
    while (json_next(&cursor, NULL, &item))
        if (str_equal(json_text(item), text))
            return true;
    return false;
}

/* An absent list lets everything through. */
static bool lets(const struct json *filter, const char *member, struct str text)
{
    const struct json *array = json_get(filter, member);

    return json_type(array) == JSON_MISSING || lists(array, text);
}

static bool has_metadata(const struct json *wanted, const struct json *metadata)
{
    struct json_cursor cursor;
    const struct json *value;
    struct str name;

    json_each(&cursor, wanted);
    while (json_next(&cursor, &name, &value)) {
        struct json_cursor own;
        const struct json *have;
        struct str have_name;
        bool found = false;
        json_each(&own, metadata);
        while (!found && json_next(&own, &have_name, &have))
            found = str_equal(name, have_name) && str_equal(json_text(value), json_text(have));
        if (!found)
            return false;
    }
    return true;
}

static bool passes(const struct json *filter, const struct event *event,
                   const struct invoice *invoice, struct arena *arena)
{
    const struct json *data = NULL, *metadata = NULL;

    if (!lets(filter, "events", word_str(&words_event_type, event->type)) ||
        !lets(filter, "shops", invoice->shop))
        return false;
    if (json_type(json_get(filter, "statuses")) == JSON_MISSING &&
        json_type(json_get(filter, "metadata")) == JSON_MISSING)
        return true;
    if (json_parse(event->data, arena, &data, NULL) != OK ||
        !lets(filter, "statuses", json_text(json_get(data, "status"))))
        return false;
    if (!str_is_empty(invoice->metadata) &&
        json_parse(invoice->metadata, arena, &metadata, NULL) != OK)
        return false;
    return has_metadata(json_get(filter, "metadata"), metadata);
}

bool webhook_wants(const struct webhook_endpoint *endpoint, const struct event *event,
                   const struct invoice *invoice, struct arena *arena)
{
    const struct json *filter = NULL;

    if (endpoint->status == ENDPOINT_DELETED || endpoint->live != event->live ||
        !merchant_id_equal(endpoint->merchant, event->merchant) ||
        !webhook_tells(endpoint->format, event->type))
        return false;
    if (str_is_empty(endpoint->filter))
        return true;
    return json_parse(endpoint->filter, arena, &filter, NULL) == OK &&
           passes(filter, event, invoice, arena);
}

bool webhook_wants_alert(const struct webhook_endpoint *endpoint,
                         const struct webhook_alert *alert, struct arena *arena)
{
    const struct json *filter = NULL;

    if (endpoint->status != ENDPOINT_ENABLED || endpoint->live != alert->endpoint->live ||
        !webhook_tells_alerts(endpoint->format))
        return false;
    if (str_is_empty(endpoint->filter))
        return true;
    return json_parse(endpoint->filter, arena, &filter, NULL) == OK && json_count(filter) == 1 &&
           lists(json_get(filter, "events"), word_str(&words_webhook_alert, alert->type));
}

static enum err refuse(struct str *param, struct str *why, const char *member, struct str sentence)
{
    *param = str_of(member);
    *why = sentence;
    return ERR_VALIDATION;
}

static enum err check_events(const struct json *events, enum webhook_format format,
                             struct arena *arena, struct str *param, struct str *why)
{
    struct json_cursor cursor;
    const struct json *item;

    json_each(&cursor, events);
    while (json_next(&cursor, NULL, &item)) {
        unsigned type = word_of(&words_event_type, json_text(item));
        if (word_of(&words_webhook_alert, json_text(item)) != 0 && webhook_tells_alerts(format))
            continue;
        if (type == 0)
            return refuse(param, why, "filter.events",
                          STR("filter.events must be types of events, such as payment.captured."));
        if (!webhook_tells(format, type))
            return refuse(param, why, "filter.events",
                          str_format(arena, "The format %s does not tell %s.",
                                     word_text(&words_webhook_format, format),
                                     word_text(&words_event_type, type)));
    }
    return OK;
}

static bool is_texts(const struct json *value, enum json_type type)
{
    struct json_cursor cursor;
    const struct json *item;

    if (json_type(value) == JSON_MISSING)
        return true;
    if (json_type(value) != type || json_count(value) == 0 || json_count(value) > FILTER_ITEMS_MAX)
        return false;
    json_each(&cursor, value);
    while (json_next(&cursor, NULL, &item))
        if (json_type(item) != JSON_TEXT || json_text(item).len > 500)
            return false;
    return true;
}

enum err webhook_filter_check(const struct json *filter, enum webhook_format format,
                              struct arena *arena, struct str *param, struct str *why)
{
    static const struct {
        const char *name;
        const char *full;
        enum json_type type;
    } members[] = {
        { "events", "filter.events", JSON_ARRAY },
        { "statuses", "filter.statuses", JSON_ARRAY },
        { "shops", "filter.shops", JSON_ARRAY },
        { "metadata", "filter.metadata", JSON_OBJECT },
    };
    struct json_cursor cursor;
    const struct json *value;
    struct str name;

    json_each(&cursor, filter);
    while (json_next(&cursor, &name, &value)) {
        size_t at = 0;
        while (at < 4 && !str_equal_c(name, members[at].name))
            at++;
        if (at == 4)
            return refuse(param, why, "filter",
                          STR("filter may have events, statuses, shops and metadata."));
        if (!is_texts(value, members[at].type))
            return refuse(param, why, members[at].full,
                          str_format(arena, "%s must be %s of 1 to %d texts.", members[at].full,
                                     members[at].type == JSON_ARRAY ? "an array" : "an object",
                                     FILTER_ITEMS_MAX));
    }
    return check_events(json_get(filter, "events"), format, arena, param, why);
}

static void put_object(struct json_out *out, const char *name, struct str text)
{
    json_put_raw(out, name, str_is_empty(text) ? STR("{}") : text);
}

static void put_rsa(struct json_out *out, const struct webhook_key *key)
{
    char array[1024];
    struct buf pem;

    if (!key) {
        json_put_null(out, "rsa_public_key");
        json_put_null(out, "rsa_public_key_pem");
        return;
    }
    json_put_text(out, "rsa_public_key", key->public_key);
    buf_fixed(&pem, array, sizeof array);
    buf_add_c(&pem, "-----BEGIN PUBLIC KEY-----\n");
    for (size_t at = 0; at < key->public_key.len; at += 64) {
        buf_add(&pem, str_slice(key->public_key, at, 64));
        buf_add_char(&pem, '\n');
    }
    buf_add_c(&pem, "-----END PUBLIC KEY-----\n");
    assert(buf_ok(&pem));
    json_put_text(out, "rsa_public_key_pem", buf_str(&pem));
}

static void put_backlog(struct json_out *out, const struct webhook_backlog *backlog)
{
    if (!backlog)
        return;
    json_open_object(out, "backlog");
    json_put_int(out, "count", backlog->count);
    json_put_time(out, "oldest_at", backlog->oldest_ms);
    json_put_time(out, "untried_at", backlog->untried_ms);
    json_close_object(out);
}

void webhook_endpoint_render(struct json_out *out, const char *name,
                             const struct webhook_endpoint *endpoint,
                             const struct webhook_key *key, const struct webhook_backlog *backlog)
{
    json_open_object(out, name);
    RENDER_ID(out, "id", webhook_endpoint, endpoint->id);
    json_put_text(out, "object", STR("webhook_endpoint"));
    json_put_null(out, "secret");
    json_put_text(out, "url", endpoint->url);
    json_put_text_or_null(out, "description", endpoint->description);
    json_put_text(out, "status", word_str(&words_endpoint_status, endpoint->status));
    json_put_text_or_null(out, "status_reason", endpoint->status_reason);
    json_put_text(out, "format", word_str(&words_webhook_format, endpoint->format));
    put_object(out, "filter", endpoint->filter);
    put_object(out, "headers", endpoint->headers);
    json_put_text_or_null(out, "signature_header", endpoint->signature_header);
    json_put_text(out, "ordering", word_str(&words_webhook_ordering, endpoint->ordering));
    json_put_text(out, "success", word_str(&words_webhook_success, endpoint->success));
    json_put_text(out, "retries", word_str(&words_webhook_retries, endpoint->retries));
    json_put_int(out, "at_once", endpoint->at_once);
    json_put_int(out, "per_minute", endpoint->per_minute);
    json_put_text_or_null(out, "public_key", endpoint->public_key);
    put_rsa(out, key);
    json_put_time(out, "old_secret_until", endpoint->old_until_ms);
    json_put_time(out, "failing_since", endpoint->failing_since_ms);
    json_put_int(out, "failures", endpoint->failures);
    json_put_time(out, "succeeded_at", endpoint->succeeded_ms);
    put_backlog(out, backlog);
    json_put_bool(out, "live", endpoint->live);
    json_put_time(out, "created_at", endpoint->created_ms);
    json_put_time(out, "updated_at", endpoint->updated_ms);
    json_close_object(out);
}

/* Its place is before every text of the merchant's. */
struct str webhook_endpoint_show(struct str body, struct str secret, struct arena *arena)
{
    static const struct str empty = STR_INIT("\"secret\":null");
    struct buf out;
    size_t at = 0;

    while (at < body.len && !str_starts_with(str_slice(body, at, body.len), empty))
        at++;
    assert(at < body.len);
    buf_init(&out, arena, body.len + secret.len + BODY_MORE);
    buf_add(&out, str_slice(body, 0, at));
    buf_add_c(&out, "\"secret\":");
    json_write_text(&out, secret);
    buf_add(&out, str_slice(body, at + empty.len, body.len));
    assert(buf_ok(&out));
    return buf_str(&out);
}

/* What came after the first byte is what is left of the whole. */
static void put_attempt(struct json_out *out, const struct webhook_attempt *attempt)
{
    int64_t before_us = attempt->dns_us + attempt->connect_us + attempt->tls_us +
                        attempt->first_byte_us;
    int64_t body_us = attempt->first_byte_us > 0 ? attempt->total_us - before_us : 0;

    json_open_object(out, NULL);
    json_put_int(out, "number", attempt->number);
    json_put_text(out, "outcome", attempt->outcome);
    json_put_text_or_null(out, "failure", attempt->failure);
    if (attempt->http_status)
        json_put_int(out, "http_status", attempt->http_status);
    else
        json_put_null(out, "http_status");
    json_put_text_or_null(out, "peer", attempt->peer);
    json_put_text_or_null(out, "reply", attempt->reply);
    json_open_object(out, "phases_us");
    json_put_int(out, "dns", attempt->dns_us);
    json_put_int(out, "connect", attempt->connect_us);
    json_put_int(out, "tls", attempt->tls_us);
    json_put_int(out, "first_byte", attempt->first_byte_us);
    json_put_int(out, "body", body_us > 0 ? body_us : 0);
    json_put_int(out, "total", attempt->total_us);
    json_close_object(out);
    json_put_time(out, "started_at", attempt->started_ms);
    json_put_time(out, "next_at", attempt->next_ms);
    json_close_object(out);
}

void webhook_delivery_render(struct json_out *out, const char *name,
                             const struct webhook_delivery *delivery,
                             const struct webhook_attempt_list *attempts)
{
    json_open_object(out, name);
    RENDER_ID(out, "id", webhook_delivery, delivery->id);
    json_put_text(out, "object", STR("webhook_delivery"));
    RENDER_ID(out, "webhook_endpoint", webhook_endpoint, delivery->endpoint);
    RENDER_ID(out, "event", event, delivery->event);
    json_put_text(out, "type", delivery->type);
    RENDER_ID(out, "invoice", invoice, delivery->invoice);
    json_put_text(out, "status", word_str(&words_delivery_status, delivery->status));
    json_put_int(out, "attempt_count", delivery->attempts);
    if (delivery->http_status)
        json_put_int(out, "http_status", delivery->http_status);
    else
        json_put_null(out, "http_status");
    json_put_text_or_null(out, "failure", delivery->failure);
    json_put_bool(out, "replayed", delivery->replayed);
    json_put_bool(out, "skipped", delivery->skipped);
    json_put_time(out, "next_at", delivery->due_ms);
    json_put_time(out, "ended_at", delivery->ended_ms);
    json_put_bool(out, "live", delivery->live);
    json_put_time(out, "created_at", delivery->created_ms);
    if (attempts) {
        json_open_array(out, "attempts");
        for (size_t i = 0; i < attempts->count; i++)
            put_attempt(out, attempts->items[i]);
        json_close_array(out);
    }
    json_close_object(out);
}

void webhook_replay_render(struct json_out *out, const char *name,
                           const struct webhook_replay *replay)
{
    json_open_object(out, name);
    RENDER_ID(out, "id", webhook_replay, replay->id);
    json_put_text(out, "object", STR("webhook_replay"));
    RENDER_ID(out, "webhook_endpoint", webhook_endpoint, replay->endpoint);
    json_put_text_or_null(out, "delivery_status",
                          word_str(&words_delivery_status, replay->delivery_status));
    json_put_text_or_null(out, "type", replay->type);
    json_put_time(out, "created_from", replay->created_from_ms);
    json_put_time(out, "created_to", replay->created_to_ms);
    json_put_int(out, "per_minute", replay->per_minute);
    json_put_text(out, "status", word_str(&words_replay_status, replay->status));
    json_put_int(out, "sent", replay->sent);
    json_put_bool(out, "live", replay->live);
    json_put_time(out, "created_at", replay->created_ms);
    json_put_time(out, "updated_at", replay->updated_ms);
    json_close_object(out);
}

struct str webhook_secret_place(struct webhook_endpoint_id id, const char *column,
                                struct arena *arena)
{
    struct buf out;
    buf_init(&out, arena, 2 * ID_TEXT_MAX);
    buf_addf(&out, "webhook_endpoints|%s|", column);
    webhook_endpoint_id_write(&out, id);
    return buf_str(&out);
}

struct str webhook_key_place(struct webhook_key_id id, struct arena *arena)
{
    struct buf out;
    buf_init(&out, arena, 2 * ID_TEXT_MAX);
    buf_add_c(&out, "webhook_keys|private_key|");
    webhook_key_id_write(&out, id);
    return buf_str(&out);
}
