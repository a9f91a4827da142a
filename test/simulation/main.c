/* main.c - lives, each in a process of its own, so that one that aborts is only one.
 *
 *   lives [--from N] [--seeds N] [--wanted-by N]   seeds from N (1), so many (500)
 *   lives --single [--from N] [--seeds N]          small lives, each with one fault at every place
 *   lives --seed N [--plan N --at N] [--talk]     one of them, with all that happens
 *
 * Prints TAP. Each tenth seed is lived twice: its trace must be the same. --wanted-by turns the
 * verdict round, for a program with a planted error: one of so many lives has to find it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "world.h"

#define CASE_SEEDS 50
#define LIFE_S 120

struct told {
    uint64_t trace;
    unsigned steps, crashes, faults, touches, calls;
    char invariant[16];
    char wrong[300];
};

static struct world world;

static void tell(int fd)
{
    struct told told = { .trace = world.trace, .steps = world.steps, .crashes = world.crashes,
                         .faults = world.faults_done, .calls = world.calls,
                         .touches = (unsigned)world.files->touches };
    if (world.invariant) {
        snprintf(told.invariant, sizeof told.invariant, "%s", world.invariant);
        snprintf(told.wrong, sizeof told.wrong, "%s", world.wrong);
    }
    if (write(fd, &told, sizeof told) != sizeof told)
        abort();
}

/* A life: small, if it goes by a plan. */
struct wish {
    uint64_t seed;
    bool is_small;
    enum world_plan plan;
    unsigned at;
};

static void live(struct wish wish, bool quietly, struct told *out)
{
    int ends[2], status = 0;

    *out = (struct told){ 0 };
    fflush(stdout);
    if (pipe(ends) != 0)
        abort();
    pid_t child = fork();
    if (child == 0) {
        alarm(LIFE_S);
        if (quietly && !freopen("/dev/null", "w", stderr))
            abort();
        if (wish.is_small)
            world_live_with(&world, wish.seed, wish.plan, wish.at);
        else
            world_live(&world, wish.seed);
        fflush(stdout);
        tell(ends[1]);
        _exit(0);
    }
    close(ends[1]);
    if (read(ends[0], out, sizeof *out) != sizeof *out) {
        snprintf(out->invariant, sizeof out->invariant, "abort");
        snprintf(out->wrong, sizeof out->wrong, "the process ended: an assertion, or time");
    }
    close(ends[0]);
    waitpid(child, &status, 0);
}

static uint64_t number_after(int argc, char **argv, const char *name, uint64_t otherwise)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return strtoull(argv[i + 1], NULL, 10);
    return otherwise;
}

static bool has(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return false;
}

struct sums {
    uint64_t lives, steps, crashes, faults;
};

static void add(struct sums *sums, const struct told *told)
{
    sums->lives++;
    sums->steps += told->steps;
    sums->crashes += told->crashes;
    sums->faults += told->faults;
}

/* Whether the life was as it must be. */
static bool judge(uint64_t seed, struct sums *sums)
{
    struct told told, again;

    live((struct wish){ .seed = seed }, true, &told);
    add(sums, &told);
    if (told.invariant[0]) {
        printf("# seed %llu: %s: %s\n", (unsigned long long)seed, told.invariant, told.wrong);
        return false;
    }
    if (seed % 10 != 0)
        return true;
    live((struct wish){ .seed = seed }, true, &again);
    if (again.trace == told.trace)
        return true;
    printf("# seed %llu: lived again it was another life\n", (unsigned long long)seed);
    return false;
}

static bool judge_plan(uint64_t seed, enum world_plan plan, unsigned at, struct sums *sums)
{
    struct told told;

    live((struct wish){ seed, true, plan, at }, true, &told);
    add(sums, &told);
    if (told.invariant[0])
        printf("# seed %llu, plan %u at %u: %s: %s\n", (unsigned long long)seed, plan, at,
               told.invariant, told.wrong);
    return !told.invariant[0];
}

/* The life without a fault says how often it touches the disk, and how often it calls. */
static bool judge_singles(uint64_t seed, struct sums *sums)
{
    struct told told;
    bool good = true;

    live((struct wish){ .seed = seed, .is_small = true }, true, &told);
    if (told.invariant[0])
        printf("# seed %llu: %s: %s\n", (unsigned long long)seed, told.invariant, told.wrong);
    for (enum world_plan plan = PLAN_DIES; plan < PLAN_COUNT; plan++) {
        unsigned most = plan < PLAN_REFUSED ? told.touches : told.calls;
        for (unsigned at = 1; at <= most; at++)
            good = judge_plan(seed, plan, at, sums) && good;
    }
    return good && !told.invariant[0];
}

/* As many seeds at a time as one case has. */
static int live_all(uint64_t from, uint64_t count, uint64_t at_a_time,
                    bool (*judges)(uint64_t seed, struct sums *sums))
{
    uint64_t cases = (count + at_a_time - 1) / at_a_time;
    struct sums sums = { 0 };
    struct timespec begin, end;
    int failed = 0;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    printf("1..%llu\n", (unsigned long long)cases);
    for (uint64_t i = 0; i < cases; i++) {
        uint64_t first = from + i * at_a_time, after = first + at_a_time;
        bool good = true;
        for (uint64_t seed = first; seed < after && seed < from + count; seed++)
            good = judges(seed, &sums) && good;
        printf("%sok %llu - seeds from %llu\n", good ? "" : "not ", (unsigned long long)i + 1,
               (unsigned long long)first);
        failed += !good;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("# %llu lives, %llu steps, %llu crashes, %llu faults, %.1f lives/s\n",
           (unsigned long long)sums.lives, (unsigned long long)sums.steps,
           (unsigned long long)sums.crashes, (unsigned long long)sums.faults,
           (double)sums.lives / ((double)(end.tv_sec - begin.tv_sec)
                                 + (double)(end.tv_nsec - begin.tv_nsec) / 1e9));
    return failed > 0;
}

static int find_one(uint64_t from, uint64_t count)
{
    struct sums sums = { 0 };

    printf("1..1\n");
    for (uint64_t seed = from; seed < from + count; seed++)
        if (!judge(seed, &sums)) {
            printf("ok 1 - found after %llu lives\n", (unsigned long long)sums.lives);
            return 0;
        }
    printf("not ok 1 - found in none of %llu lives\n", (unsigned long long)count);
    return 1;
}

int main(int argc, char **argv)
{
    uint64_t seed = number_after(argc, argv, "--seed", 0);
    uint64_t from = number_after(argc, argv, "--from", 1);
    uint64_t within = number_after(argc, argv, "--wanted-by", 0);
    enum world_plan plan = (enum world_plan)number_after(argc, argv, "--plan", PLAN_NONE);
    struct told told;

    log_setup(outside_real(), LOG_TEXT, LOG_ERROR);
    world_prepare(&world);
    world.is_talkative = has(argc, argv, "--talk");
    if (within)
        return find_one(from, within);
    if (has(argc, argv, "--single"))
        return live_all(from, number_after(argc, argv, "--seeds", 20), 1, judge_singles);
    if (!seed)
        return live_all(from, number_after(argc, argv, "--seeds", 500), CASE_SEEDS, judge);
    uint64_t at = number_after(argc, argv, "--at", 0);
    live((struct wish){ seed, plan != PLAN_NONE, plan, (unsigned)at }, false, &told);
    printf("# seed %llu: trace %016llx, %u steps, %u calls, %u touches of the disk, %u crashes, %u"
           " faults: %s %s\n",
           (unsigned long long)seed, (unsigned long long)told.trace, told.steps, told.calls,
           told.touches, told.crashes, told.faults,
           told.invariant[0] ? told.invariant : "good", told.wrong);
    return told.invariant[0] != '\0';
}
