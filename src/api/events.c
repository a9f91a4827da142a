/* events.c - the feed, one event, and the story of a payment. */
#include "api/fields.h"
#include "api/reads.h"
#include "api/resources.h"
#include "core/render.h"
#include "store/query_pruned.h"

/* Pruning may be under way just now: then it begins anew. */
#define FEED_TRIES 10

/* The feed goes on from an event, not from a cursor: its clients keep the place themselves. */
struct feed {
    struct page page;
    struct id after;
};

static const struct field feed_fields[] = {
    { .name = "limit",
      .kind = FIELD_INT,
      .offset = offsetof(struct page, limit),
      .least = 1,
      .most = PAGE_MOST },
    FIELD(struct feed, after, ID, .prefix = "evt"),
};

static struct str event_text(struct arena *arena, const struct event *event)
{
    struct buf text;

    buf_init(&text, arena, ID_TEXT_MAX);
    event_id_write(&text, event_id_of(event));
    return buf_str(&text);
}

/* Events behind `after`; ERR_PRUNED when some of them are not there any more. */
static enum err read_feed(const struct read_ask *ask, struct db *db, int64_t after,
                          struct event_list *out)
{
    int64_t pruned = 0;
    enum err err = query_events(db, ask->scope, after, page_limit(ask->page), ask->arena, out);

    if (!err)
        err = query_events_pruned(db, ask->scope, ask->arena, &pruned);
    return !err && after < pruned ? ERR_PRUNED : err;
}

/* From the place since which nothing is missing. It may go on while it is read. */
static enum err read_feed_whole(const struct read_ask *ask, struct db *db, struct event_list *out)
{
    enum err err = ERR_PRUNED;

    for (int tries = 0; err == ERR_PRUNED && tries < FEED_TRIES; tries++) {
        int64_t after = 0;
        *out = (struct event_list){ 0 };
        err = query_events_pruned(db, ask->scope, ask->arena, &after);
        if (!err)
            err = read_feed(ask, db, after, out);
    }
    return err == ERR_PRUNED ? ERR_STORE_RETRY : err;
}

static enum err run_events(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    const struct feed *feed = ask->params;
    struct event_list events = { 0 };
    struct str next = { 0 };

    enum err err = id_is_zero(feed->after)
                       ? read_feed_whole(ask, db, &events)
                       : read_feed(ask, db, event_id_number((struct event_id){ feed->after }),
                                   &events);
    if (err)
        return err;
    size_t shown = page_shown(ask->page, events.count);
    list_open(out);
    for (size_t i = 0; i < shown; i++)
        render_event(out, NULL, events.items[i]);
    if (events.count > shown)
        next = event_text(ask->arena, events.items[shown - 1]);
    list_close_at(out, next);
    return OK;
}

/* GET /v1/events */
const struct reading read_events = {
    FIELDS(feed_fields),
    sizeof(struct feed),
    true,
    .run = run_events,
};

static enum err run_event(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct event_id id = { ask->object };
    struct event *event = NULL;
    int64_t pruned = 0;

    enum err err = query_event(db, ask->scope, event_id_number(id), ask->arena, &event);
    if (err == ERR_NOT_FOUND) {
        err = query_events_pruned(db, ask->scope, ask->arena, &pruned);
        return err ? err : event_id_number(id) <= pruned ? ERR_PRUNED : ERR_NOT_FOUND;
    }
    if (err)
        return err;
    /* The number finds it; the rest of the id must be right too. */
    if (!event_id_equal(event_id_of(event), id))
        return ERR_NOT_FOUND;
    render_event(out, NULL, event);
    return OK;
}

/* GET /v1/events/{id} */
const struct reading read_event = { .run = run_event };

static enum err run_payment_events(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct event_list events = { 0 };
    struct payment *payment = NULL;
    bool pruned = false;

    enum err err = query_payment(db, ask->scope, (struct payment_id){ ask->object }, ask->arena,
                                 &payment);
    if (!err)
        err = query_payment_events(db, payment, number_of_place(ask->page->place),
                                   page_limit(ask->page), ask->arena, &events);
    if (!err)
        err = query_payment_pruned(db, payment, &pruned);
    if (err)
        return err;
    struct id last = { { 0 } };
    list_open_history(out, pruned);
    for (size_t i = 0; i < page_shown(ask->page, events.count); i++) {
        render_event(out, NULL, events.items[i]);
        last = place_of_number(events.items[i]->sequence);
    }
    list_close(out, ask, events.count, last);
    return OK;
}

/* GET /v1/payments/{id}/events */
const struct reading read_payment_events = { PAGE_ONLY, .run = run_payment_events };
