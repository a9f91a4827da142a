/* Names of addresses: believed only when they lead back, kept for a while, never waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/buf.h"
#include "net/reverse.h"

/* A world of a few names, and how often it was asked. */
struct world {
    struct outside_fake fake;
    struct reverse *reverse;
    pthread_mutex_t lock; /* for what follows: the resolver's thread is another */
    pthread_cond_t changed;
    unsigned asked;
    unsigned ended;
    bool held; /* it does not answer */
};

static enum reverse_end name_of(void *self, const char *address, char *name)
{
    static const struct {
        const char *address, *name;
    } names[] = {
        { "192.0.2.1", "Out1.Acme.Test." }, { "192.0.2.2", "out1.acme.test" },
        { "192.0.2.3", "nowhere.test" },    { "192.0.2.4", "silent.test" },
        { "2001:db8::1", "six.acme.test" },
    };
    struct world *world = self;

    pthread_mutex_lock(&world->lock);
    world->asked++;
    while (world->held)
        pthread_cond_wait(&world->changed, &world->lock);
    pthread_mutex_unlock(&world->lock);
    if (strcmp(address, "192.0.2.9") == 0)
        return REVERSE_UNKNOWN;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(address, names[i].address) != 0)
            continue;
        memcpy(name, names[i].name, strlen(names[i].name) + 1);
        return REVERSE_NAMED;
    }
    return REVERSE_NONE;
}

static enum reverse_end leads_to(void *self, const char *name, const char *address)
{
    (void)self;
    if (strcmp(name, "silent.test") == 0)
        return REVERSE_UNKNOWN;
    bool right = (strcmp(name, "out1.acme.test") == 0 && strcmp(address, "192.0.2.1") == 0) ||
                 (strcmp(name, "six.acme.test") == 0 && strcmp(address, "2001:db8::1") == 0);
    return right ? REVERSE_NAMED : REVERSE_NONE;
}

static void done(struct reverse_ask *ask)
{
    struct world *world = ask->user;

    pthread_mutex_lock(&world->lock);
    world->ended++;
    pthread_cond_broadcast(&world->changed);
    pthread_mutex_unlock(&world->lock);
}

static int setup(void **state)
{
    static struct world world;

    world = (struct world){ 0 };
    outside_fake_init(&world.fake, 1770000000000, 1);
    pthread_mutex_init(&world.lock, NULL);
    pthread_cond_init(&world.changed, NULL);
    world.reverse = reverse_open(&world.fake.outside,
                                 &(struct reverse_system){ &world, name_of, leads_to });
    *state = &world;
    return 0;
}

static void hold(struct world *world, bool held)
{
    pthread_mutex_lock(&world->lock);
    world->held = held;
    pthread_cond_broadcast(&world->changed);
    pthread_mutex_unlock(&world->lock);
}

static int teardown(void **state)
{
    struct world *world = *state;

    hold(world, false);
    reverse_stop(world->reverse);
    reverse_close(world->reverse);
    pthread_cond_destroy(&world->changed);
    pthread_mutex_destroy(&world->lock);
    return 0;
}

static void wait_for(struct world *world, const unsigned *count, unsigned least)
{
    pthread_mutex_lock(&world->lock);
    while (*count < least)
        pthread_cond_wait(&world->changed, &world->lock);
    pthread_mutex_unlock(&world->lock);
}

static struct reverse_ask ask_for(struct world *world, const char *address)
{
    struct reverse_ask ask = { .done = done, .user = world };

    memcpy(ask.address, address, strlen(address) + 1);
    return ask;
}

/* Asks and waits. */
static enum reverse_end found(struct world *world, const char *address, char *name)
{
    struct reverse_ask ask = ask_for(world, address);
    unsigned before = world->ended;

    assert_true(reverse_find(world->reverse, &ask));
    wait_for(world, &world->ended, before + 1);
    memcpy(name, ask.name, sizeof ask.name);
    return ask.end;
}

static void a_name_must_lead_back(void **state)
{
    struct world *world = *state;
    char name[REVERSE_NAME_MAX];

    assert_int_equal(found(world, "192.0.2.1", name), REVERSE_NAMED);
    assert_string_equal(name, "out1.acme.test");
    assert_int_equal(found(world, "2001:db8::1", name), REVERSE_NAMED);
    assert_string_equal(name, "six.acme.test");
    /* Whoever owns an address may call it what he likes. */
    assert_int_equal(found(world, "192.0.2.2", name), REVERSE_NONE);
    assert_string_equal(name, "");
    assert_int_equal(found(world, "192.0.2.3", name), REVERSE_NONE);
    assert_int_equal(found(world, "192.0.2.5", name), REVERSE_NONE);
    /* That a name server is silent says nothing. */
    assert_int_equal(found(world, "192.0.2.4", name), REVERSE_UNKNOWN);
    assert_int_equal(found(world, "192.0.2.9", name), REVERSE_UNKNOWN);
    assert_string_equal(name, "");
}

static void what_was_found_is_kept_for_a_while(void **state)
{
    static const struct {
        const char *address;
        enum reverse_end end;
        int64_t ms;
    } cases[] = {
        { "192.0.2.1", REVERSE_NAMED, REVERSE_KEPT_MS },
        { "192.0.2.2", REVERSE_NONE, REVERSE_NONE_KEPT_MS },
        { "192.0.2.9", REVERSE_UNKNOWN, REVERSE_UNKNOWN_KEPT_MS },
    };
    struct world *world = *state;
    char name[REVERSE_NAME_MAX];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned before = world->asked;
        assert_int_equal(found(world, cases[i].address, name), cases[i].end);
        world->fake.monotonic_us += cases[i].ms * 1000 - 1;
        assert_int_equal(found(world, cases[i].address, name), cases[i].end);
        assert_int_equal(world->asked, before + 1);
        world->fake.monotonic_us += 1;
        assert_int_equal(found(world, cases[i].address, name), cases[i].end);
        assert_int_equal(world->asked, before + 2);
    }
}

static void many_addresses_push_each_other_out(void **state)
{
    struct world *world = *state;
    char name[REVERSE_NAME_MAX];
    char address[REVERSE_ADDRESS_MAX];

    for (int i = 0; i < 300; i++) {
        struct buf text;
        buf_fixed(&text, address, sizeof address);
        buf_addf(&text, "198.51.%d.%d", i / 200, i % 200);
        (void)buf_c(&text);
        assert_int_equal(found(world, address, name), REVERSE_NONE);
    }
    assert_int_equal(world->asked, 300);
    assert_int_equal(found(world, address, name), REVERSE_NONE);
    assert_int_equal(world->asked, 300);
}

static void a_resolver_that_hangs_holds_up_nobody(void **state)
{
    static struct reverse_ask asks[REVERSE_WAITING_MAX + 2];
    struct world *world = *state;
    unsigned taken = 0;

    hold(world, true);
    asks[0] = ask_for(world, "192.0.2.1");
    assert_true(reverse_find(world->reverse, &asks[0]));
    pthread_mutex_lock(&world->lock);
    while (world->asked == 0) {
        pthread_mutex_unlock(&world->lock);
        pthread_mutex_lock(&world->lock);
    }
    pthread_mutex_unlock(&world->lock);
    for (size_t i = 1; i < sizeof asks / sizeof asks[0]; i++) {
        asks[i] = ask_for(world, "192.0.2.1");
        taken += reverse_find(world->reverse, &asks[i]);
    }
    assert_int_equal(taken, REVERSE_WAITING_MAX);
    hold(world, false);
    wait_for(world, &world->ended, taken + 1);
    /* Those who waited for the same were answered by the one look. */
    assert_int_equal(world->asked, 1);
    assert_int_equal(asks[REVERSE_WAITING_MAX].end, REVERSE_NAMED);
}

static void who_waits_at_the_end_is_told(void **state)
{
    struct world *world = *state;
    struct reverse_ask first = ask_for(world, "192.0.2.1"), second = ask_for(world, "192.0.2.2");

    hold(world, true);
    assert_true(reverse_find(world->reverse, &first));
    assert_true(reverse_find(world->reverse, &second));
    hold(world, false);
    reverse_stop(world->reverse);
    assert_int_equal(world->ended, 2);
    assert_false(reverse_find(world->reverse, &(struct reverse_ask){ .address = "192.0.2.3",
                                                                     .done = done }));
}

static void domains(void **state)
{
    (void)state;
    assert_true(reverse_is_below(STR("acme.test"), STR("acme.test")));
    assert_true(reverse_is_below(STR("a.b.acme.test"), STR("Acme.Test")));
    assert_false(reverse_is_below(STR("notacme.test"), STR("acme.test")));
    assert_false(reverse_is_below(STR("acme.test.evil"), STR("acme.test")));
    assert_false(reverse_is_below(STR("test"), STR("acme.test")));
    assert_false(reverse_is_below(STR(""), STR("acme.test")));
    assert_false(reverse_is_below(STR("acme.test"), STR("")));
}

/* Every machine knows itself; no name server is needed. */
static void this_machine(void **state)
{
    char name[REVERSE_NAME_MAX] = "";

    (void)state;
    assert_int_equal(reverse_of_machine.name_of(NULL, "127.0.0.1", name), REVERSE_NAMED);
    assert_int_equal(reverse_of_machine.leads_to(NULL, "localhost", "127.0.0.1"), REVERSE_NAMED);
    assert_int_equal(reverse_of_machine.leads_to(NULL, "localhost", "::ffff:127.0.0.1"),
                     REVERSE_NAMED);
    assert_int_equal(reverse_of_machine.leads_to(NULL, "localhost", "192.0.2.1"), REVERSE_NONE);
    assert_int_equal(reverse_of_machine.name_of(NULL, "no address", name), REVERSE_NONE);
    assert_int_equal(reverse_of_machine.leads_to(NULL, "localhost", "nor this"), REVERSE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(a_name_must_lead_back),
        T(what_was_found_is_kept_for_a_while),
        T(many_addresses_push_each_other_out),
        T(a_resolver_that_hangs_holds_up_nobody),
        T(who_waits_at_the_end_is_told),
        cmocka_unit_test(domains),
        cmocka_unit_test(this_machine),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
