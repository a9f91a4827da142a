/* delivery_parcels.c - one try: the request, its end, its record. */
#include <assert.h>

#include "base/log.h"
#include "base/time.h"
#include "engine/delivery_parts.h"

#define LOCATION_KEPT 200
#define PARCELS_KEPT 256
/* The status says all; what comes after it is for people, and must not hold a place for long. */
#define BODY_MS (2 * SECOND_MS)

static struct parcel *take_kept(struct deliveries *deliveries)
{
    struct link *item = deliveries->kept;
    if (!item)
        return NULL;
    struct parcel *parcel = LINK_OWNER(item, struct parcel, link);
    struct arena arena = parcel->arena;
    deliveries->kept = item->next;
    deliveries->kept_count--;
    *parcel = (struct parcel){ .arena = arena };
    return parcel;
}

struct parcel *parcel_new(struct deliveries *deliveries, struct target *target,
                          const struct webhook_delivery *delivery, struct str body)
{
    struct parcel *parcel = take_kept(deliveries);
    if (!parcel)
        parcel = mem_alloc(sizeof *parcel);
    parcel->deliveries = deliveries;
    parcel->target = target;
    parcel->delivery = *delivery;
    parcel->delivery.type = str_copy(&parcel->arena, delivery->type);
    parcel->delivery.failure = (struct str){ 0 };
    parcel->body = str_copy(&parcel->arena, body);
    parcel->result.delivery = delivery->id;
    parcel_hold(deliveries, parcel);
    target->held++;
    deliveries->parcels++;
    return parcel;
}

void parcel_free(struct parcel *parcel)
{
    assert(parcel->target->held > 0);
    struct deliveries *deliveries = parcel->deliveries;
    parcel_let_go(deliveries, parcel);
    parcel->target->held--;
    deliveries->parcels--;
    if (parcel->recipient)
        recipient_release(parcel->recipient);
    if (deliveries->kept_count == PARCELS_KEPT || deliveries->stopping) {
        arena_done(&parcel->arena);
        mem_free(parcel);
        return;
    }
    arena_reset(&parcel->arena);
    parcel->link.next = deliveries->kept;
    deliveries->kept = &parcel->link;
    deliveries->kept_count++;
}

void parcels_forget(struct deliveries *deliveries)
{
    for (struct parcel *parcel; (parcel = take_kept(deliveries)) != NULL;) {
        arena_done(&parcel->arena);
        mem_free(parcel);
    }
}

/* Of the reply's header; empty where it is not there. */
static struct str field_of(const struct client_call *wire, struct str name)
{
    for (size_t i = 0; i < wire->reply_field_count; i++)
        if (str_equal_nocase(wire->reply_fields[i].name, name))
            return str_trim(wire->reply_fields[i].value);
    return (struct str){ 0 };
}

/* Seconds, of which a day is the most, or a date; the latter as far from now as it is. */
static int64_t retry_after_ms(const struct client_call *wire, int64_t now_ms)
{
    struct str value = field_of(wire, STR("Retry-After"));
    int64_t seconds = 0, time_ms = 0;
    if (str_to_i64(value, &seconds))
        return seconds <= 0 ? 0 : seconds < DAY_MS / SECOND_MS ? seconds * SECOND_MS : DAY_MS;
    if (time_parse_http(value, &time_ms))
        return time_ms > now_ms ? time_ms - now_ms : 0;
    return 0;
}

/* Where it would have led is what its owner wants to know. */
static struct str redirect_of(struct parcel *parcel, const struct client_call *wire)
{
    struct str to = str_slice(field_of(wire, STR("Location")), 0, LOCATION_KEPT);
    if (str_is_empty(to) || !str_is_utf8(to))
        return str_format(&parcel->arena, "It answered %d: redirects are not followed.",
                          wire->status);
    return str_format(&parcel->arena, "It answered %d, to %.*s: redirects are not followed.",
                      wire->status, STR_ARG(to));
}

/* Of the first bytes, those that are whole characters; of others a note that they are none. */
static struct str reply_kept(struct parcel *parcel, struct str body)
{
    struct str text = str_slice(body, 0, WEBHOOK_REPLY_KEPT);
    for (size_t cut = 0; cut < 4 && cut <= text.len; cut++) {
        struct str shorter = str_slice(text, 0, text.len - cut);
        if (str_is_utf8(shorter) && str_find_char(shorter, '\0', 0) == shorter.len)
            return str_copy(&parcel->arena, shorter);
    }
    return STR("(not text)");
}

static struct str failure_of(struct parcel *parcel, const struct client_call *wire)
{
    if (wire->end != CLIENT_REPLY)
        return str_of(client_reason_text(wire->reason));
    if (wire->status >= 300 && wire->status < 400)
        return redirect_of(parcel, wire);
    return str_format(&parcel->arena, "It answered %d.", wire->status);
}

static void fill_result(struct parcel *parcel, const struct client_call *wire)
{
    struct webhook_attempt *attempt = &parcel->result.attempt;
    int64_t now_ms = outside_now_ms(parcel->deliveries->outside);
    attempt->http_status = wire->end == CLIENT_REPLY ? wire->status : 0;
    attempt->failure = failure_of(parcel, wire);
    attempt->outcome = str_of(client_reason_code(wire->reason));
    if (wire->end == CLIENT_REPLY) {
        bool success = webhook_is_success(&parcel->recipient->endpoint, wire->status);
        attempt->outcome = success ? STR("delivered") : STR("refused");
        attempt->reply = reply_kept(parcel, wire->reply_body);
        parcel->result.retry_after_ms = retry_after_ms(wire, now_ms);
    }
    attempt->peer = str_copy(&parcel->arena, str_of(wire->peer));
    attempt->dns_us = wire->times.dns_us;
    attempt->connect_us = wire->times.connect_us;
    attempt->tls_us = wire->times.tls_us;
    attempt->first_byte_us = wire->times.first_byte_us;
    attempt->total_us = wire->times.total_us;
}

/* On the client's thread. A node's own end is no failure of the endpoint. */
static void on_done(struct client_call *wire)
{
    struct parcel *parcel = LINK_OWNER(wire, struct parcel, wire);
    struct note *note = mem_alloc(sizeof *note);
    parcel->cancelled = wire->end != CLIENT_REPLY
                        && (wire->reason == CLIENT_REASON_STOPPED
                            || wire->reason == CLIENT_REASON_WITHDRAWN);
    fill_result(parcel, wire);
    note->kind = NOTE_ENDED;
    note->parcel = parcel;
    bool taken = queue_put(&parcel->deliveries->notes, &note->link);
    assert(taken);
    (void)taken;
}

static bool may_begin(const struct client_call *wire)
{
    const struct parcel *parcel = LINK_OWNER(wire, struct parcel, wire);
    return !db_is_shared(parcel->deliveries->db)
           || engine_run_is_held(parcel->deliveries->engine, parcel->run);
}

static bool fail_here(struct parcel *parcel, const char *outcome, const char *failure)
{
    parcel->result.attempt.outcome = str_of(outcome);
    parcel->result.attempt.failure = str_of(failure);
    return false;
}

#define SIGNATURES_KEPT 1024
#define WEBHOOK_RSA_TEXT_MAX 700     /* of 4096 bits, in base64 */

/* Signatures of bodies alone, kept for the next tries and the merchant's other endpoints: one of
 * 2048 bits takes a quarter of a millisecond. */
struct kept_signature {
    struct webhook_message_id message;
    struct webhook_key_id key;
    char text[WEBHOOK_RSA_TEXT_MAX];
    size_t len;
};

static struct kept_signature *kept_of(struct parcel *parcel)
{
    struct deliveries *deliveries = parcel->deliveries;
    const uint8_t *bytes = parcel->delivery.message.id.bytes;
    if (webhook_key_id_is_zero(parcel->recipient->endpoint.rsa_key))
        return NULL;
    if (!deliveries->signatures)
        deliveries->signatures = mem_alloc(SIGNATURES_KEPT * sizeof(struct kept_signature));
    return &deliveries->signatures[((size_t)bytes[14] << 8 | bytes[15]) % SIGNATURES_KEPT];
}

static struct str signature_known(struct parcel *parcel, const struct kept_signature *kept)
{
    if (!kept || kept->len == 0
        || !webhook_message_id_equal(kept->message, parcel->delivery.message)
        || !webhook_key_id_equal(kept->key, parcel->recipient->endpoint.rsa_key))
        return (struct str){ 0 };
    return str_copy(&parcel->arena, str_make(kept->text, kept->len));
}

static void keep_signature(struct parcel *parcel, struct kept_signature *kept, struct str text)
{
    ENGINE_COUNT(parcel->deliveries->engine, webhooks_rsa_signed_total, 1);
    if (text.len > sizeof kept->text)
        return;
    kept->message = parcel->delivery.message;
    kept->key = parcel->recipient->endpoint.rsa_key;
    for (size_t i = 0; i < text.len; i++)
        kept->text[i] = text.ptr[i];
    kept->len = text.len;
}

static bool add_fields(struct parcel *parcel)
{
    struct webhook_send send = parcel->recipient->keys;
    struct kept_signature *kept = kept_of(parcel);
    struct str known = signature_known(parcel, kept), rsa = known;
    struct webhook_field *fields = ARENA_ARRAY(&parcel->arena, struct webhook_field,
                                               WEBHOOK_FIELDS_MAX);
    send.endpoint = &parcel->recipient->endpoint;
    send.delivery = &parcel->delivery;
    send.body = parcel->body;
    send.now_ms = outside_now_ms(parcel->deliveries->outside);
    send.rsa = &rsa;
    if (send.endpoint->old_until_ms <= send.now_ms)
        send.old_secret = (struct secret){ 0 };
    size_t count = webhook_fields(&send, &parcel->arena, fields);
    if (kept && str_is_empty(known) && !str_is_empty(rsa))
        keep_signature(parcel, kept, rsa);
    struct client_field *wire_fields = ARENA_ARRAY(&parcel->arena, struct client_field, count + 1);
    for (size_t i = 0; i < count; i++)
        wire_fields[i] = (struct client_field){ fields[i].name, fields[i].value };
    parcel->wire.fields = wire_fields;
    parcel->wire.field_count = count;
    return count > 0;
}

bool parcel_send(struct parcel *parcel)
{
    struct deliveries *deliveries = parcel->deliveries;
    struct target *target = parcel->target;
    parcel->recipient = target->recipient;
    parcel->recipient->holders++;
    parcel->run = target->run;
    parcel->result.attempt.started_ms = outside_now_ms(deliveries->outside);
    const struct webhook_endpoint *endpoint = &parcel->recipient->endpoint;
    if (endpoint->status == ENDPOINT_DELETED) {
        parcel->result.endpoint_gone = true;
        return false;
    }
    parcel->wire = (struct client_call){
        .method = "POST",
        .url = endpoint->url,
        .body = parcel->body,
        .deadline_us = outside_monotonic_us(deliveries->outside)
                       + webhook_deadline_ms(endpoint->format) * 1000,
        .guarded = deliveries->guarded,
        .plain = !endpoint->live,
        .body_ms = BODY_MS,
        .may_begin = may_begin,
        .done = on_done,
    };
    if (!add_fields(parcel))
        return fail_here(parcel, "unsigned", "It could not be signed: a key does not open.");
    ENGINE_COUNT(deliveries->engine, webhooks_in_flight, 1);
    if (engine_send(deliveries->engine, deliveries->client, &parcel->wire))
        return true;
    parcel->cancelled = true;
    return false;
}

static void on_recorded(struct desk_turn *turn)
{
    struct deliveries *deliveries = turn->user;
    struct note *note = mem_alloc(sizeof *note);
    note->kind = NOTE_RECORDED;
    note->err = turn->err;
    bool taken = queue_put(&deliveries->notes, &note->link);
    assert(taken);
    (void)taken;
    desk_turn_free(turn);
}

/* The texts stay the parcels', which are kept until the turn is done. */
void parcels_record(struct deliveries *deliveries)
{
    struct desk_turn *turn = desk_turn_new();
    struct webhook_results *ask = ARENA_NEW(&turn->arena, struct webhook_results);
    struct webhook_result *results = ARENA_ARRAY(&turn->arena, struct webhook_result, RESULTS_MOST);
    struct id *ids = ARENA_ARRAY(&turn->arena, struct id, RESULTS_MOST);
    struct link **end = &deliveries->recording;
    assert(!deliveries->records && !deliveries->recording);
    while (deliveries->ended && ask->count < deliveries->record_most) {
        struct parcel *parcel = LINK_OWNER(deliveries->ended, struct parcel, link);
        deliveries->ended = parcel->link.next;
        deliveries->ended_count--;
        ids[ask->count] = parcel->delivery.id.id;
        results[ask->count++] = parcel->result;
        parcel->link.next = NULL;
        *end = &parcel->link;
        end = &parcel->link.next;
    }
    if (!deliveries->ended)
        deliveries->ended_end = &deliveries->ended;
    ask->names = (struct webhook_names){ .deliveries = ids, .delivery_count = ask->count };
    ask->results = results;
    deliveries->records = true;
    deliveries_turn(deliveries, turn, &turn_webhook_results, ask, on_recorded);
}
