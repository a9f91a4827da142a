/* notify.c - a timer on the server's thread until a try is due, a worker for the try, and back.
 *
 * A receiver may take seconds; four workers keep one that does from holding up the others. */
#include "sim/notify.h"

#include <pthread.h>
#include <string.h>

#include "sim/post.h"

#define WORKERS 4
#define SECOND_COPY_MS 50 /* after the first: a real duplicate is not simultaneous */

struct job {
    struct job *next;                /* for the workers */
    struct job *newer, *older;       /* among all */
    struct sim *sim;
    struct arena arena; /* the texts of the notice */
    struct notice notice;
    struct server_timer timer;
    struct exchange *waiter;
    enum fault_kind fault;
    unsigned resets; /* of the sim when it was made: what is older is dropped */
    int64_t post_ms;
    int tries;
    int status;
    char why[200];
};

struct notifier {
    struct sim *sim;
    pthread_t workers[WORKERS];
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct job *first, **last;
    bool closing;
    struct job *newest; /* the server's thread's own */
};

static void on_tried(void *arg);

/* The workers' side. */

static struct job *take_job(struct notifier *notifier)
{
    struct job *job = NULL;

    pthread_mutex_lock(&notifier->mutex);
    while (notifier->first == NULL && !notifier->closing)
        pthread_cond_wait(&notifier->wake, &notifier->mutex);
    if (!notifier->closing) {
        job = notifier->first;
        notifier->first = job->next;
        if (notifier->first == NULL)
            notifier->last = &notifier->first;
    }
    pthread_mutex_unlock(&notifier->mutex);
    return job;
}

static void *work(void *arg)
{
    struct notifier *notifier = arg;
    struct job *job = NULL;

    while ((job = take_job(notifier)) != NULL) {
        struct buf why;
        buf_fixed(&why, job->why, sizeof job->why);
        job->status = post_send(job->notice.url, job->notice.headers, job->notice.body,
                                job->post_ms, &why);
        (void)buf_c(&why);
        server_post(notifier->sim->server, on_tried, job);
    }
    return NULL;
}

struct notifier *notifier_open(struct sim *sim)
{
    struct notifier *notifier = mem_alloc(sizeof *notifier);

    notifier->sim = sim;
    notifier->last = &notifier->first;
    pthread_mutex_init(&notifier->mutex, NULL);
    pthread_cond_init(&notifier->wake, NULL);
    for (int i = 0; i < WORKERS; i++)
        pthread_create(&notifier->workers[i], NULL, work, notifier);
    return notifier;
}

void notifier_stop(struct notifier *notifier)
{
    pthread_mutex_lock(&notifier->mutex);
    notifier->closing = true;
    pthread_cond_broadcast(&notifier->wake);
    pthread_mutex_unlock(&notifier->mutex);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(notifier->workers[i], NULL);
}

static void free_job(struct job *job)
{
    if (job->newer == NULL)
        job->sim->notifier->newest = job->older;
    else
        job->newer->older = job->older;
    if (job->older != NULL)
        job->older->newer = job->newer;
    arena_done(&job->arena);
    mem_free(job);
}

void notifier_close(struct notifier *notifier)
{
    while (notifier->newest != NULL)
        free_job(notifier->newest);
    pthread_cond_destroy(&notifier->wake);
    pthread_mutex_destroy(&notifier->mutex);
    mem_free(notifier);
}

/* The server's side. */

static void record(struct sim *sim, const struct notice *notice, enum fault_kind fault,
                   int attempt, int status, const char *why)
{
    struct json_out *out = ledger_begin(&sim->ledger, "notification");

    json_put_text(out, "gateway", str_of(notice->gateway));
    json_put_text(out, "event", str_of(notice->event));
    json_put_text_or_null(out, "reference", notice->reference);
    json_put_text_or_null(out, "second", notice->second);
    json_put_text(out, "url", notice->url);
    json_put_int(out, "attempt", attempt);
    json_put_int(out, "status", status);
    json_put_text_or_null(out, "why", str_of(why));
    json_put_text_or_null(out, "fault", str_of(fault_text(fault)));
    ledger_end(&sim->ledger);
}

static void try_now(void *arg)
{
    struct job *job = arg;
    struct notifier *notifier = job->sim->notifier;

    job->next = NULL;
    job->tries++;
    job->post_ms = job->sim->settings.post_ms;
    pthread_mutex_lock(&notifier->mutex);
    *notifier->last = job;
    notifier->last = &job->next;
    pthread_cond_signal(&notifier->wake);
    pthread_mutex_unlock(&notifier->mutex);
}

/* Minutes until the next try; 0: there is none. */
static int64_t next_try_minutes(const struct job *job)
{
    const struct notice *notice = &job->notice;

    if (job->status >= 200 && job->status < 300)
        return 0;
    if (notice->schedule == NULL)
        return job->tries < notice->attempts ? 1 : 0;
    for (int i = 0; i < job->tries; i++) {
        if (notice->schedule[i] == 0)
            return 0;
    }
    return notice->schedule[job->tries - 1];
}

static bool is_worth_it(const struct job *job)
{
    const struct notice *notice = &job->notice;

    return job->tries == 0 || notice->still_true == NULL ||
           notice->still_true(job->sim, notice->reference, notice->second, notice->event);
}

/* A try is due. */
static void on_due(void *arg)
{
    struct job *job = arg;

    if (job->resets != job->sim->resets) {
        free_job(job);
    } else if (is_worth_it(job)) {
        try_now(job);
    } else {
        record(job->sim, &job->notice, job->fault, job->tries, 0,
               "not repeated: the state has moved on");
        free_job(job);
    }
}

static void on_tried(void *arg)
{
    struct job *job = arg;
    struct sim *sim = job->sim;

    if (job->waiter != NULL) {
        exchange_noticed(job->waiter);
        job->waiter = NULL;
    }
    if (job->resets != sim->resets || server_is_stopping(sim->server)) {
        free_job(job);
        return;
    }
    record(sim, &job->notice, job->fault, job->tries, job->status, job->why);
    int64_t minutes = next_try_minutes(job);
    if (minutes == 0)
        free_job(job);
    else
        server_timer_start(sim->server, &job->timer, minutes * sim->settings.minute_ms, on_due,
                           job);
}

static struct job *new_job(struct sim *sim, const struct notice *notice, enum fault_kind fault)
{
    struct job *job = mem_alloc(sizeof *job);

    job->sim = sim;
    job->resets = sim->resets;
    job->fault = fault;
    job->notice = *notice;
    job->notice.reference = str_copy(&job->arena, notice->reference);
    job->notice.second = str_copy(&job->arena, notice->second);
    job->notice.url = str_copy(&job->arena, notice->url);
    job->notice.headers = str_copy(&job->arena, notice->headers);
    job->notice.body = str_copy(&job->arena, notice->body);
    job->older = sim->notifier->newest;
    if (job->older != NULL)
        job->older->newer = job;
    sim->notifier->newest = job;
    return job;
}

struct fault notify_fault(struct sim *sim, const char *gateway, struct str reference,
                          struct str second, struct money amount)
{
    struct fault faults[FAULT_STAGE_COUNT] = { 0 };
    struct plan_subject subject = { str_of(gateway), STR("notification"), STR("notification"),
                                    reference,       second,              amount,
                                    amount };

    plan_take(&sim->plan, &subject, faults);
    return faults[FAULT_STAGE_NOTIFY];
}

void notify_send(struct sim *sim, const struct notice *notice, const struct fault *fault,
                 struct exchange *cause)
{
    if (str_is_empty(notice->url) || fault->kind == FAULT_NOTIFY_NONE) {
        record(sim, notice, fault->kind, 0, 0,
               str_is_empty(notice->url) ? "no address" : "suppressed");
        return;
    }
    struct job *job = new_job(sim, notice, fault->kind);
    int64_t after_ms = sim->settings.notify_ms;
    if (fault->kind == FAULT_NOTIFY_LATE)
        after_ms = fault->ms;
    if (fault->kind == FAULT_NOTIFY_EARLY && cause != NULL) {
        job->waiter = cause;
        cause->notices++;
        try_now(job);
        return;
    }
    server_timer_start(sim->server, &job->timer, after_ms, on_due, job);
    if (fault->kind == FAULT_NOTIFY_TWICE) {
        job = new_job(sim, notice, fault->kind);
        server_timer_start(sim->server, &job->timer, after_ms + SECOND_COPY_MS, on_due, job);
    }
}
