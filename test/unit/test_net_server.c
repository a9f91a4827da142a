/* What of server.h has to do with threads, timers and the loop's life. What clients see is in
 * test/net/, where real sockets talk to a real process. */
#include "test_base_help.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "net/server.h"

struct fixture {
    struct server *server;
    struct arena arena;
    struct server_request *held; /* answered by the test itself */
    struct str bound;
    pthread_t loop;
};

static void hold(void *self, struct server_request *request)
{
    struct fixture *fixture = self;

    fixture->held = request;
    server_stop(fixture->server, 50);
}

static void refuse(void *self, struct server_request *request, enum err err, int status,
                   const char *detail, struct server_answer *out)
{
    (void)self, (void)request, (void)err;
    out->status = status;
    out->body = str_of(detail);
}

static void open_server(struct fixture *fixture,
                        void (*handle)(void *self, struct server_request *request))
{
    struct server_config config = {
        .outside = outside_real(),
        .limits = SERVER_LIMITS_DEFAULT,
        .self = fixture,
        .handle = handle,
        .refuse = refuse,
    };
    struct str why;

    assert_int_equal(server_open(&config, &fixture->server), OK);
    assert_int_equal(server_listen(fixture->server, STR("127.0.0.1:0"), 7, &fixture->arena,
                                   &fixture->bound, &why),
                     OK);
}

static int set_up(void **state)
{
    struct fixture *fixture = mem_alloc(sizeof *fixture);

    open_server(fixture, hold);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    server_close(fixture->server);
    arena_done(&fixture->arena);
    mem_free(fixture);
    return 0;
}

static int connect_to(struct str address)
{
    struct sockaddr_in to = { .sin_family = AF_INET };
    size_t colon = str_find_char(address, ':', 0);
    uint64_t port = 0;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(str_to_u64(str_slice(address, colon + 1, address.len), &port));
    to.sin_port = htons((uint16_t)port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void stop(void *arg)
{
    struct fixture *fixture = arg;

    server_stop(fixture->server, 1000);
}

static void listens_only_where_it_can(void **state)
{
    static const char *const wrong[] = {
        "",       "8080",    ":8080",          "127.0.0.1",       "127.0.0.1:",
        "::1:80", "[::1]",   "[::1]80",        "127.0.0.1:65536", "127.0.0.1:-1",
        "a:80",   "[::1:80", "localhost:8080", "1.2.3.4.5:80",    "127.0.0.1:80x",
    };
    struct fixture *fixture = *state;
    struct str why, bound;

    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        why = (struct str){ 0 };
        assert_int_equal(
            server_listen(fixture->server, str_of(wrong[i]), 0, &fixture->arena, NULL, &why),
            ERR_IO);
        assert_true(str_ends_with(why, STR("is not an address like 127.0.0.1:8080 or "
                                           "[::1]:8080")));
    }
    assert_true(str_starts_with(fixture->bound, STR("127.0.0.1:")));
    assert_false(str_ends_with(fixture->bound, STR(":0")));
    assert_int_equal(server_listen(fixture->server, fixture->bound, 0, &fixture->arena, NULL, &why),
                     ERR_IO);
    assert_true(str_ends_with(why, STR(": Address already in use")));
    assert_int_equal(
        server_listen(fixture->server, STR("[::1]:0"), 0, &fixture->arena, &bound, &why), OK);
    assert_true(str_starts_with(bound, STR("[::1]:")));
}

static void stops_when_told_before_it_runs(void **state)
{
    struct fixture *fixture = *state;

    assert_false(server_is_stopping(fixture->server));
    server_stop(fixture->server, 60000);
    assert_true(server_is_stopping(fixture->server));
    server_run(fixture->server);
}

/* Posts from several threads. */

#define POSTERS 4
#define POSTS 5000

struct poster {
    struct fixture *fixture;
    pthread_t thread;
    int next;  /* posts of one thread arrive in their order */
    int *left; /* of all; only the loop's thread writes it */
};

struct numbered {
    struct poster *poster;
    int number;
};

static void arrive(void *arg)
{
    struct numbered *post = arg;
    struct poster *poster = post->poster;

    assert_true(pthread_equal(pthread_self(), poster->fixture->loop));
    assert_int_equal(post->number, poster->next);
    poster->next++;
    mem_free(post);
    if (--*poster->left == 0)
        stop(poster->fixture);
}

static void *post_many(void *arg)
{
    struct poster *poster = arg;

    for (int i = 0; i < POSTS; i++) {
        struct numbered *post = mem_alloc(sizeof *post);
        *post = (struct numbered){ poster, i };
        server_post(poster->fixture->server, arrive, post);
    }
    return NULL;
}

static void takes_posts_of_all_threads_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct poster posters[POSTERS] = { 0 };
    int left = POSTERS * POSTS;

    fixture->loop = pthread_self();
    for (int i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){ .fixture = fixture, .left = &left };
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_many, &posters[i]), 0);
    }
    server_run(fixture->server);
    assert_int_equal(left, 0);
    for (int i = 0; i < POSTERS; i++)
        pthread_join(posters[i].thread, NULL);
}

static void count(void *arg)
{
    int *counter = arg;

    (*counter)++;
}

static void calls_posts_after_the_end_when_closed(void **state)
{
    struct fixture *fixture = *state;
    int counter = 0;

    server_stop(fixture->server, 0);
    server_run(fixture->server);
    server_post(fixture->server, count, &counter);
    assert_int_equal(counter, 0);
    server_close(fixture->server);
    fixture->server = NULL;
    assert_int_equal(counter, 1);
}

/* Timers. */

struct timers {
    struct fixture *fixture;
    struct server_timer first, second, moved, cancelled, again;
    char order[16];
    size_t count;
};

static void note(struct timers *timers, char name)
{
    timers->order[timers->count++] = name;
}

static void on_first(void *arg)
{
    note(arg, '1');
}

static void on_moved(void *arg)
{
    struct timers *timers = arg;

    note(timers, 'm');
    server_timer_cancel(&timers->cancelled);
    server_timer_cancel(&timers->first); /* has ended: nothing to do */
}

static void on_cancelled(void *arg)
{
    note(arg, 'c');
}

static void on_again(void *arg)
{
    struct timers *timers = arg;
    struct server *server = timers->fixture->server;

    note(timers, 'a');
    if (timers->count < 5)
        server_timer_start(server, &timers->again, 5, on_again, timers);
    else
        server_stop(server, 0);
}

static void keeps_time(void **state)
{
    struct timers timers = { .fixture = *state };
    struct server *server = timers.fixture->server;
    int64_t begin_us = outside_monotonic_us(outside_real());

    server_timer_start(server, &timers.again, 60, on_again, &timers);
    server_timer_start(server, &timers.cancelled, 40, on_cancelled, &timers);
    server_timer_start(server, &timers.moved, 1, on_moved, &timers);
    server_timer_start(server, &timers.first, 10, on_first, &timers);
    server_timer_start(server, &timers.moved, 20, on_moved, &timers);
    server_timer_cancel(&timers.second); /* never started */
    server_run(server);
    assert_string_equal(timers.order, "1maaa");
    assert_true(outside_monotonic_us(outside_real()) - begin_us >= 70 * 1000);
    assert_null(timers.again.hidden);
}

static void calls_back_for_a_signal(void **state)
{
    struct fixture *fixture = *state;

    server_on_signal(fixture->server, SIGUSR1, stop, fixture);
    raise(SIGUSR1);
    server_run(fixture->server);
    assert_true(server_is_stopping(fixture->server));
}

/* A handler that never answers holds the end up for the time of grace, not for ever. Its request
 * is still good afterwards, and the client gets what it says. */
static void ends_in_spite_of_work(void **state)
{
    static const char text[] = "GET /x?y HTTP/1.1\r\nHost: a\r\n\r\n";
    struct fixture *fixture = *state;
    struct server_answer answer = { .status = 200, .body = STR("late") };
    char reply[512] = "";
    int fd = connect_to(fixture->bound);

    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    server_run(fixture->server);
    assert_non_null(fixture->held);
    assert_int_equal(server_counts(fixture->server).requests_open, 1);
    assert_int_equal(server_request_listener(fixture->held), 7);
    assert_str(server_request_path(fixture->held), "/x");
    assert_str(server_request_query(fixture->held), "y");
    assert_str(server_request_peer(fixture->held), "127.0.0.1");
    server_answer(fixture->held, &answer);
    assert_int_equal(server_counts(fixture->server).requests_open, 0);
    assert_true(read(fd, reply, sizeof reply - 1) > 0);
    assert_non_null(strstr(reply, "Connection: close\r\n\r\nlate"));
    close(fd);
}

static void drop(void *self, struct server_request *request)
{
    struct fixture *fixture = self;
    bool half = str_equal(server_request_path(request), STR("/half"));

    server_drop(request, half ? STR("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
                              : (struct str){ 0 });
    server_stop(fixture->server, 1000);
}

/* What a simulator needs to play a peer that breaks off: the bytes as they are, then the end. */
static void breaks_off_when_told(void **state)
{
    static const struct {
        const char *path, *gets;
    } cases[] = {
        { "/none", "" },
        { "/half", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf" },
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char reply[512] = "", byte;
        struct str request = str_format(&fixture->arena, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
                                        cases[i].path);

        server_close(fixture->server);
        open_server(fixture, drop);
        int fd = connect_to(fixture->bound);
        assert_int_equal(write(fd, request.ptr, request.len), request.len);
        server_run(fixture->server);
        assert_int_equal(read(fd, reply, sizeof reply - 1), strlen(cases[i].gets));
        assert_string_equal(reply, cases[i].gets);
        assert_int_equal(read(fd, &byte, 1), 0);
        assert_int_equal(server_counts(fixture->server).requests_open, 0);
        close(fd);
    }
}

/* Closing with a request in work neither leaks nor answers. */
static void closes_in_spite_of_work(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    struct fixture *fixture = *state;
    char byte;
    int fd = connect_to(fixture->bound);

    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    server_run(fixture->server);
    assert_non_null(fixture->held);
    server_close(fixture->server);
    fixture->server = NULL;
    assert_int_equal(read(fd, &byte, 1), 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(listens_only_where_it_can, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stops_when_told_before_it_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_posts_of_all_threads_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(calls_posts_after_the_end_when_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(calls_back_for_a_signal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ends_in_spite_of_work, set_up, tear_down),
        cmocka_unit_test_setup_teardown(breaks_off_when_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closes_in_spite_of_work, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
