#include "store/pacer.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/arena.h"

struct pacer {
    void (*work)(void *self);
    void *self;
    int gap_ms;
    int wake_fd;
    int stop_fd;
    atomic_bool woken; /* wake_fd was written since the last run began */
    pthread_t thread;
};

static void post(int fd)
{
    const uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof one);

    assert(written == (ssize_t)sizeof one);
    (void)written;
}

/* Whether the pacer was told to stop within the time; -1 is without limit. */
static bool is_stopped(const struct pacer *pacer, int timeout_ms)
{
    struct pollfd fds[] = { { pacer->stop_fd, POLLIN, 0 }, { pacer->wake_fd, POLLIN, 0 } };
    /* During the gap only the stop counts: what comes meanwhile waits for its end. */
    nfds_t count = timeout_ms < 0 ? 2 : 1;
    int ready = poll(fds, count, timeout_ms);

    assert(ready >= 0 || errno == EINTR);
    return ready > 0 && fds[0].revents != 0;
}

static void *run(void *self)
{
    struct pacer *pacer = self;
    uint64_t count = 0;

    while (!is_stopped(pacer, -1)) {
        ssize_t got = read(pacer->wake_fd, &count, sizeof count);
        assert(got == (ssize_t)sizeof count || errno == EAGAIN);
        (void)got;
        /* Before the work: what is asked for while it runs leads to another run. */
        atomic_store(&pacer->woken, false);
        pacer->work(pacer->self);
        if (is_stopped(pacer, pacer->gap_ms))
            break;
    }
    return NULL;
}

static bool start_thread(struct pacer *pacer)
{
    sigset_t all;
    sigset_t before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&pacer->thread, NULL, run, pacer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed == 0;
}

static void free_pacer(struct pacer *pacer)
{
    if (pacer->wake_fd >= 0)
        close(pacer->wake_fd);
    if (pacer->stop_fd >= 0)
        close(pacer->stop_fd);
    mem_free(pacer);
}

struct pacer *pacer_start(const char *name, void (*work)(void *self), void *self, int gap_ms)
{
    struct pacer *pacer = mem_alloc(sizeof *pacer);

    assert(gap_ms >= 0);
    pacer->work = work;
    pacer->self = self;
    pacer->gap_ms = gap_ms;
    pacer->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pacer->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (pacer->wake_fd < 0 || pacer->stop_fd < 0 || !start_thread(pacer)) {
        free_pacer(pacer);
        return NULL;
    }
    pthread_setname_np(pacer->thread, name);
    return pacer;
}

void pacer_wake(struct pacer *pacer)
{
    if (!atomic_exchange(&pacer->woken, true))
        post(pacer->wake_fd);
}

void pacer_stop(struct pacer *pacer)
{
    if (pacer == NULL)
        return;
    post(pacer->stop_fd);
    pthread_join(pacer->thread, NULL);
    free_pacer(pacer);
}
