/* server_later.c - what is to be done on the loop's thread, but not now. */
#include <assert.h>
#include <pthread.h>

#include "net/server_parts.h"

struct post {
    void (*f)(void *arg);
    void *arg;
};

struct post_list {
    struct post *items;
    size_t count, cap;
};

struct timer_node {
    struct timer_node *next; /* all */
    struct timer_node *next_free;
    struct later *later;
    struct server_timer *timer; /* NULL while free */
    uv_timer_t uv;
};

struct signal_watch {
    struct signal_watch *next;
    uv_signal_t uv;
    void (*f)(void *arg);
    void *arg;
};

struct later {
    struct server *server;
    uv_async_t async;
    struct post_list running; /* swapped with `posted`; both keep their memory */
    struct timer_node *timers;
    struct timer_node *free_timers;
    struct signal_watch *signals;
    uv_prepare_t rest;
    void (*on_rest)(void *arg);
    void *on_rest_arg;

    pthread_mutex_t lock; /* for what other threads touch: */
    struct post_list posted;
    bool stop_asked;
    int64_t stop_grace_ms;
};

/* Posts. */

static void post_list_add(struct post_list *list, struct post post)
{
    if (list->count == list->cap) {
        list->cap = list->cap == 0 ? 64 : list->cap * 2;
        list->items = mem_realloc(list->items, list->cap * sizeof *list->items);
    }
    list->items[list->count++] = post;
}

void server_post(struct server *server, void (*f)(void *arg), void *arg)
{
    struct later *later = server->later;

    assert(f != NULL);
    pthread_mutex_lock(&later->lock);
    bool first = later->posted.count == 0;
    post_list_add(&later->posted, (struct post){ f, arg });
    pthread_mutex_unlock(&later->lock);
    /* The first of a list wakes the loop, which then takes all of it. */
    if (first)
        uv_async_send(&later->async);
}

void server_stop(struct server *server, int64_t grace_ms)
{
    struct later *later = server->later;

    assert(grace_ms >= 0);
    pthread_mutex_lock(&later->lock);
    if (!later->stop_asked || grace_ms < later->stop_grace_ms)
        later->stop_grace_ms = grace_ms;
    later->stop_asked = true;
    pthread_mutex_unlock(&later->lock);
    atomic_store(&server->stop_asked, true);
    uv_async_send(&later->async);
}

void later_run_posts(struct later *later)
{
    pthread_mutex_lock(&later->lock);
    struct post_list now = later->posted;
    later->posted = later->running;
    pthread_mutex_unlock(&later->lock);

    for (size_t i = 0; i < now.count; i++)
        now.items[i].f(now.items[i].arg);
    now.count = 0;
    later->running = now;
}

static void on_async(uv_async_t *async)
{
    struct later *later = async->data;

    later_run_posts(later);

    pthread_mutex_lock(&later->lock);
    bool stop = later->stop_asked;
    int64_t grace_ms = later->stop_grace_ms;
    pthread_mutex_unlock(&later->lock);
    if (stop)
        server_begin_stop(later->server, grace_ms);
}

/* Timers. Their libuv handles are kept for the next one: letting go of one takes a turn of the
 * loop, and a waiting request starts one. */

static struct timer_node *timer_node_take(struct later *later)
{
    struct timer_node *node = later->free_timers;

    if (node != NULL) {
        later->free_timers = node->next_free;
        return node;
    }
    node = mem_alloc(sizeof *node);
    node->later = later;
    node->next = later->timers;
    later->timers = node;
    uv_timer_init(&later->server->loop, &node->uv);
    node->uv.data = node;
    return node;
}

void server_timer_cancel(struct server_timer *timer)
{
    struct timer_node *node = timer->hidden;

    if (node == NULL)
        return;
    assert(node->timer == timer);
    uv_timer_stop(&node->uv);
    timer->hidden = NULL;
    node->timer = NULL;
    node->next_free = node->later->free_timers;
    node->later->free_timers = node;
}

static void on_timer(uv_timer_t *uv)
{
    struct timer_node *node = uv->data;
    struct server_timer *timer = node->timer;

    /* Not running any more when it is called, so that it may start itself again. */
    server_timer_cancel(timer);
    timer->f(timer->arg);
}

void server_timer_start(struct server *server, struct server_timer *timer, int64_t after_ms,
                        void (*f)(void *arg), void *arg)
{
    assert(timer != NULL && f != NULL && after_ms >= 0);

    struct timer_node *node = timer->hidden;
    if (node == NULL)
        node = timer_node_take(server->later);
    node->timer = timer;
    timer->hidden = node;
    timer->f = f;
    timer->arg = arg;
    /* libuv counts whole milliseconds from the start of the loop's turn, the caller from now: one
     * more, so that it never ends before its time. */
    uv_update_time(&server->loop);
    uv_timer_start(&node->uv, on_timer, after_ms > 0 ? (uint64_t)after_ms + 1 : 0, 0);
}

/* Rests. */

static void on_prepare(uv_prepare_t *prepare)
{
    const struct later *later = prepare->data;

    later->on_rest(later->on_rest_arg);
}

void server_on_rest(struct server *server, void (*f)(void *arg), void *arg)
{
    struct later *later = server->later;

    assert(f != NULL && later->on_rest == NULL);
    later->on_rest = f;
    later->on_rest_arg = arg;
    uv_prepare_start(&later->rest, on_prepare);
}

/* Signals. */

static void on_signal(uv_signal_t *uv, int signal_number)
{
    struct signal_watch *watch = uv->data;

    (void)signal_number;
    watch->f(watch->arg);
}

void server_on_signal(struct server *server, int signal_number, void (*f)(void *arg), void *arg)
{
    struct signal_watch *watch = mem_alloc(sizeof *watch);

    watch->f = f;
    watch->arg = arg;
    watch->next = server->later->signals;
    server->later->signals = watch;
    watch->uv.data = watch;
    int failed = uv_signal_init(&server->loop, &watch->uv);
    assert(failed == 0);
    failed = uv_signal_start(&watch->uv, on_signal, signal_number);
    assert(failed == 0);
}

/* Life. */

struct later *later_open(struct server *server)
{
    struct later *later = mem_alloc(sizeof *later);

    later->server = server;
    later->async.data = later;
    later->rest.data = later;
    pthread_mutex_init(&later->lock, NULL);
    if (uv_async_init(&server->loop, &later->async, on_async) != 0) {
        later_free(later);
        return NULL;
    }
    uv_prepare_init(&server->loop, &later->rest);
    return later;
}

void later_close(struct later *later)
{
    uv_close((uv_handle_t *)&later->async, NULL);
    uv_close((uv_handle_t *)&later->rest, NULL);
    for (struct timer_node *node = later->timers; node != NULL; node = node->next)
        uv_close((uv_handle_t *)&node->uv, NULL);
    for (struct signal_watch *watch = later->signals; watch != NULL; watch = watch->next)
        uv_close((uv_handle_t *)&watch->uv, NULL);
}

void later_free(struct later *later)
{
    while (later->timers != NULL) {
        struct timer_node *node = later->timers;
        later->timers = node->next;
        mem_free(node);
    }
    while (later->signals != NULL) {
        struct signal_watch *watch = later->signals;
        later->signals = watch->next;
        mem_free(watch);
    }
    mem_free(later->running.items);
    mem_free(later->posted.items);
    pthread_mutex_destroy(&later->lock);
    mem_free(later);
}
