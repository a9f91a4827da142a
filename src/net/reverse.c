/* reverse.c - one thread that looks names up, and a small table of what it found. */
#include "net/reverse.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netdb.h>
#include <pthread.h>
#include <resolv.h>
#include <string.h>

#include "base/arena.h"

#define KEPT_MAX 64

/* Of the machine's resolver, on this thread: with its defaults one question may take half a
 * minute. */
#define TRY_SECONDS 1
#define TRIES 2

struct kept {
    char address[REVERSE_ADDRESS_MAX]; /* empty: a free place */
    enum reverse_end end;
    char name[REVERSE_NAME_MAX];
    int64_t until_us;
};

struct reverse {
    const struct outside *outside;
    struct reverse_system system;
    pthread_t thread;
    bool started;

    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t changed;
    struct link *first, **end; /* that wait */
    size_t waiting;
    bool stopping;
    struct kept kept[KEPT_MAX];
};

/* --- the machine's resolver --- */

union place {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Its length; 0 when it is no address. */
static socklen_t place_of(const char *address, union place *out)
{
    static const char mapped[] = "::ffff:";

    memset(out, 0, sizeof *out);
    if (strncmp(address, mapped, sizeof mapped - 1) == 0 && strchr(address, '.') != NULL)
        address += sizeof mapped - 1;
    if (inet_pton(AF_INET, address, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        return sizeof out->v4;
    }
    if (inet_pton(AF_INET6, address, &out->v6.sin6_addr) == 1) {
        out->v6.sin6_family = AF_INET6;
        return sizeof out->v6;
    }
    return 0;
}

/* That the name server fails, or is not there, says nothing of the name. */
static enum reverse_end end_of(int code)
{
    return code == 0 ? REVERSE_NAMED : code == EAI_NONAME ? REVERSE_NONE : REVERSE_UNKNOWN;
}

static enum reverse_end name_of(void *self, const char *address, char *name)
{
    union place place;
    socklen_t len = place_of(address, &place);

    (void)self;
    if (len == 0)
        return REVERSE_NONE;
    return end_of(getnameinfo(&place.any, len, name, REVERSE_NAME_MAX, NULL, 0, NI_NAMEREQD));
}

static bool is_same(const union place *place, const struct sockaddr *found)
{
    if (found->sa_family != place->any.sa_family)
        return false;
    if (found->sa_family == AF_INET)
        return memcmp(&((const struct sockaddr_in *)(const void *)found)->sin_addr,
                      &place->v4.sin_addr, sizeof place->v4.sin_addr) == 0;
    return memcmp(&((const struct sockaddr_in6 *)(const void *)found)->sin6_addr,
                  &place->v6.sin6_addr, sizeof place->v6.sin6_addr) == 0;
}

static enum reverse_end leads_to(void *self, const char *name, const char *address)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    enum reverse_end end = REVERSE_NONE;
    union place place;

    (void)self;
    if (place_of(address, &place) == 0)
        return REVERSE_NONE;
    hints.ai_family = place.any.sa_family;
    int code = getaddrinfo(name, NULL, &hints, &found);
    if (code == EAI_NODATA || code == EAI_ADDRFAMILY)
        return REVERSE_NONE;
    if (code != 0)
        return end_of(code);
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next)
        if (is_same(&place, at->ai_addr))
            end = REVERSE_NAMED;
    freeaddrinfo(found);
    return end;
}

const struct reverse_system reverse_of_machine = { NULL, name_of, leads_to };

/* --- what was found --- */

/* The lock is held. */
static const struct kept *find_kept(const struct reverse *reverse, const char *address)
{
    int64_t now_us = outside_monotonic_us(reverse->outside);

    for (size_t i = 0; i < KEPT_MAX; i++)
        if (strcmp(reverse->kept[i].address, address) == 0 && reverse->kept[i].until_us > now_us)
            return &reverse->kept[i];
    return NULL;
}

/* Its own place, or the one that ends first; free ones have ended. */
static struct kept *place_for(struct reverse *reverse, const char *address)
{
    struct kept *oldest = &reverse->kept[0];

    for (size_t i = 0; i < KEPT_MAX; i++) {
        struct kept *at = &reverse->kept[i];
        if (strcmp(at->address, address) == 0)
            return at;
        if (at->until_us < oldest->until_us)
            oldest = at;
    }
    return oldest;
}

static void keep(struct reverse *reverse, const struct reverse_ask *ask)
{
    static const int64_t lives_ms[] = {
        [REVERSE_UNKNOWN] = REVERSE_UNKNOWN_KEPT_MS,
        [REVERSE_NAMED] = REVERSE_KEPT_MS,
        [REVERSE_NONE] = REVERSE_NONE_KEPT_MS,
    };

    pthread_mutex_lock(&reverse->lock);
    struct kept *place = place_for(reverse, ask->address);
    memcpy(place->address, ask->address, sizeof place->address);
    memcpy(place->name, ask->name, sizeof place->name);
    place->end = ask->end;
    place->until_us = outside_monotonic_us(reverse->outside) + lives_ms[ask->end] * 1000;
    pthread_mutex_unlock(&reverse->lock);
}

static bool take_kept(struct reverse *reverse, struct reverse_ask *ask)
{
    pthread_mutex_lock(&reverse->lock);
    const struct kept *found = find_kept(reverse, ask->address);
    if (found) {
        ask->end = found->end;
        memcpy(ask->name, found->name, sizeof ask->name);
    }
    pthread_mutex_unlock(&reverse->lock);
    return found != NULL;
}

/* --- the thread --- */

/* Names are compared as DNS does: without case, and without the root's dot. */
static void tidy_name(char *name)
{
    size_t len = strnlen(name, REVERSE_NAME_MAX - 1);

    name[len] = '\0';
    while (len > 0 && name[len - 1] == '.')
        name[--len] = '\0';
    for (size_t i = 0; i < len; i++)
        if (name[i] >= 'A' && name[i] <= 'Z')
            name[i] = (char)(name[i] - 'A' + 'a');
}

static void look_up(struct reverse *reverse, struct reverse_ask *ask)
{
    const struct reverse_system *system = &reverse->system;

    ask->end = system->name_of(system->self, ask->address, ask->name);
    tidy_name(ask->name);
    if (ask->end == REVERSE_NAMED)
        ask->end = system->leads_to(system->self, ask->name, ask->address);
    if (ask->end != REVERSE_NAMED)
        memset(ask->name, 0, sizeof ask->name);
    keep(reverse, ask);
}

/* The next one; NULL when there will be none. */
static struct reverse_ask *take_ask(struct reverse *reverse, bool *stopping)
{
    struct reverse_ask *ask = NULL;

    pthread_mutex_lock(&reverse->lock);
    while (!reverse->first && !reverse->stopping)
        pthread_cond_wait(&reverse->changed, &reverse->lock);
    if (reverse->first) {
        ask = LINK_OWNER(reverse->first, struct reverse_ask, link);
        reverse->first = ask->link.next;
        if (!reverse->first)
            reverse->end = &reverse->first;
        reverse->waiting--;
    }
    *stopping = reverse->stopping;
    pthread_mutex_unlock(&reverse->lock);
    return ask;
}

static void *run(void *self)
{
    struct reverse *reverse = self;
    bool stopping;

    if (res_init() == 0) {
        _res.retrans = TRY_SECONDS;
        _res.retry = TRIES;
    }
    for (;;) {
        struct reverse_ask *ask = take_ask(reverse, &stopping);
        if (!ask)
            return NULL;
        if (!stopping && !take_kept(reverse, ask))
            look_up(reverse, ask);
        ask->done(ask);
    }
}

/* --- asking --- */

struct reverse *reverse_open(const struct outside *outside, const struct reverse_system *system)
{
    struct reverse *reverse = mem_alloc(sizeof *reverse);

    reverse->outside = outside;
    reverse->system = *system;
    reverse->end = &reverse->first;
    pthread_mutex_init(&reverse->lock, NULL);
    pthread_cond_init(&reverse->changed, NULL);
    return reverse;
}

/* The lock is held. */
static bool put_ask(struct reverse *reverse, struct reverse_ask *ask)
{
    if (reverse->stopping || reverse->waiting == REVERSE_WAITING_MAX)
        return false;
    if (!reverse->started)
        reverse->started = pthread_create(&reverse->thread, NULL, run, reverse) == 0;
    if (!reverse->started)
        return false;
    ask->link.next = NULL;
    *reverse->end = &ask->link;
    reverse->end = &ask->link.next;
    reverse->waiting++;
    pthread_cond_signal(&reverse->changed);
    return true;
}

bool reverse_find(struct reverse *reverse, struct reverse_ask *ask)
{
    assert(ask->done && memchr(ask->address, '\0', sizeof ask->address) != NULL);
    ask->end = REVERSE_UNKNOWN;
    memset(ask->name, 0, sizeof ask->name);
    if (take_kept(reverse, ask)) {
        ask->done(ask);
        return true;
    }
    pthread_mutex_lock(&reverse->lock);
    bool taken = put_ask(reverse, ask);
    pthread_mutex_unlock(&reverse->lock);
    return taken;
}

void reverse_stop(struct reverse *reverse)
{
    pthread_mutex_lock(&reverse->lock);
    reverse->stopping = true;
    pthread_cond_signal(&reverse->changed);
    pthread_mutex_unlock(&reverse->lock);
    if (reverse->started)
        pthread_join(reverse->thread, NULL);
    reverse->started = false;
}

void reverse_close(struct reverse *reverse)
{
    if (!reverse)
        return;
    assert(!reverse->started && !reverse->first);
    pthread_cond_destroy(&reverse->changed);
    pthread_mutex_destroy(&reverse->lock);
    mem_free(reverse);
}

bool reverse_is_below(struct str name, struct str domain)
{
    if (str_is_empty(domain) || name.len < domain.len)
        return false;
    size_t from = name.len - domain.len;
    return str_equal_nocase(str_slice(name, from, domain.len), domain) &&
           (from == 0 || name.ptr[from - 1] == '.');
}
