/* main.c - lives, each in a process of its own, so that one that aborts is only one.
 *
 *   lives [--from N] [--seeds N] [--wanted-by N]   seeds from N (1), so many (500)
 *   lives --kept FILE    the seeds that its lines begin with; the rest of a line is for people
 *   lives --single [--scenario NAME] [--from N] [--seeds N] [--every N]
 *                        each scenario, or one, with one fault at every place, or each so many-th
 *   lives --seed N [--scenario NAME [--plan NAME --at N]] [--talk]
 *                        one of them, with all that happens
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

static const char *const plan_names[PLAN_COUNT] = {
    [PLAN_NONE] = "NONE",
#define X(NAME) [PLAN_##NAME] = #NAME,
    WORLD_PLANS(X)
#undef X
};

struct wish {
    uint64_t seed;
    const struct scenario *scenario;     /* NULL: a whole life */
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
        if (wish.scenario)
            world_live_scenario(&world, wish.seed, wish.scenario, wish.plan, wish.at);
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

static const char *text_after(int argc, char **argv, const char *name)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    return NULL;
}

static uint64_t number_after(int argc, char **argv, const char *name, uint64_t otherwise)
{
    const char *text = text_after(argc, argv, name);
    return text ? strtoull(text, NULL, 10) : otherwise;
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

static bool judge_plan(struct wish wish, struct sums *sums)
{
    struct told told;

    live(wish, true, &told);
    add(sums, &told);
    if (told.invariant[0])
        printf("# --seed %llu --scenario %s --plan %s --at %u: %s: %s\n",
               (unsigned long long)wish.seed, wish.scenario->name, plan_names[wish.plan], wish.at,
               told.invariant, told.wrong);
    return !told.invariant[0];
}

/* The life without a fault says how often it touches the disk, and how often it calls. */
static bool judge_singles(uint64_t seed, const struct scenario *scenario, unsigned every,
                          struct sums *sums)
{
    struct wish wish = { .seed = seed, .scenario = scenario };
    struct told told;

    live(wish, true, &told);
    add(sums, &told);
    bool good = !told.invariant[0];
    if (!good)
        printf("# --seed %llu --scenario %s: %s: %s\n", (unsigned long long)seed, scenario->name,
               told.invariant, told.wrong);
    unsigned place = (unsigned)seed;
    for (wish.plan = PLAN_NONE + 1; wish.plan < PLAN_COUNT; wish.plan++) {
        unsigned most = wish.plan < PLAN_REFUSED ? told.touches : told.calls;
        for (wish.at = 1; wish.at <= most; wish.at++)
            if (place++ % every == 0)
                good = judge_plan(wish, sums) && good;
    }
    return good;
}

static void sum_up(const struct sums *sums, const struct timespec *begin)
{
    struct timespec end;

    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("# %llu lives, %llu steps, %llu crashes, %llu faults, %.1f lives/s\n",
           (unsigned long long)sums->lives, (unsigned long long)sums->steps,
           (unsigned long long)sums->crashes, (unsigned long long)sums->faults,
           (double)sums->lives / ((double)(end.tv_sec - begin->tv_sec)
                                  + (double)(end.tv_nsec - begin->tv_nsec) / 1e9));
}

static int live_scenarios(uint64_t from, uint64_t count, const char *name, unsigned every)
{
    struct sums sums = { 0 };
    struct timespec begin;
    size_t said = 0, failed = 0;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (size_t i = 0; i < scenario_count; i++) {
        struct sums before = sums;
        bool good = true;
        if (name && strcmp(name, scenarios[i].name) != 0)
            continue;
        for (uint64_t seed = from; seed < from + count; seed++)
            good = judge_singles(seed, &scenarios[i], every, &sums) && good;
        printf("%sok %zu - %s, %llu lives\n", good ? "" : "not ", ++said, scenarios[i].name,
               (unsigned long long)(sums.lives - before.lives));
        failed += !good;
    }
    printf("1..%zu\n", said);
    sum_up(&sums, &begin);
    return failed > 0 || said == 0;
}

static int live_all(uint64_t from, uint64_t count)
{
    uint64_t cases = (count + CASE_SEEDS - 1) / CASE_SEEDS;
    struct sums sums = { 0 };
    struct timespec begin;
    int failed = 0;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    printf("1..%llu\n", (unsigned long long)cases);
    for (uint64_t i = 0; i < cases; i++) {
        uint64_t first = from + i * CASE_SEEDS, after = first + CASE_SEEDS;
        bool good = true;
        for (uint64_t seed = first; seed < after && seed < from + count; seed++)
            good = judge(seed, &sums) && good;
        printf("%sok %llu - seeds from %llu\n", good ? "" : "not ", (unsigned long long)i + 1,
               (unsigned long long)first);
        failed += !good;
    }
    sum_up(&sums, &begin);
    return failed > 0;
}

static int live_kept(const char *path)
{
    struct sums sums = { 0 };
    struct timespec begin;
    char line[200];
    unsigned failed = 0;
    FILE *file = fopen(path, "r");

    clock_gettime(CLOCK_MONOTONIC, &begin);
    while (file && fgets(line, sizeof line, file)) {
        uint64_t seed = strtoull(line, NULL, 10);
        failed += seed != 0 && !judge(seed, &sums);
    }
    if (file)
        fclose(file);
    bool good = failed == 0 && sums.lives > 0;
    printf("1..1\n%sok 1 - seeds that once failed\n", good ? "" : "not ");
    sum_up(&sums, &begin);
    return !good;
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

static const struct scenario *scenario_named(const char *name)
{
    for (size_t i = 0; i < scenario_count; i++)
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    fprintf(stderr, "lives: there is no scenario %s\n", name);
    exit(2);
}

static enum world_plan plan_named(const char *name)
{
    for (enum world_plan plan = PLAN_NONE; plan < PLAN_COUNT; plan++)
        if (strcmp(plan_names[plan], name) == 0)
            return plan;
    fprintf(stderr, "lives: there is no plan %s\n", name);
    exit(2);
}

static int live_one(int argc, char **argv, uint64_t seed)
{
    const char *scenario = text_after(argc, argv, "--scenario");
    const char *plan = text_after(argc, argv, "--plan");
    struct wish wish = { .seed = seed, .at = (unsigned)number_after(argc, argv, "--at", 0) };
    struct told told;

    if (scenario)
        wish.scenario = scenario_named(scenario);
    if (plan)
        wish.plan = plan_named(plan);
    live(wish, false, &told);
    printf("# seed %llu: trace %016llx, %u steps, %u calls, %u touches of the disk, %u crashes, %u"
           " faults: %s %s\n",
           (unsigned long long)seed, (unsigned long long)told.trace, told.steps, told.calls,
           told.touches, told.crashes, told.faults,
           told.invariant[0] ? told.invariant : "good", told.wrong);
    return told.invariant[0] != '\0';
}

int main(int argc, char **argv)
{
    uint64_t seed = number_after(argc, argv, "--seed", 0);
    uint64_t from = number_after(argc, argv, "--from", 1);
    uint64_t within = number_after(argc, argv, "--wanted-by", 0);

    log_setup(outside_real(), LOG_TEXT, LOG_ERROR);
    world_prepare(&world);
    world.is_talkative = has(argc, argv, "--talk");
    if (within)
        return find_one(from, within);
    if (text_after(argc, argv, "--kept"))
        return live_kept(text_after(argc, argv, "--kept"));
    if (has(argc, argv, "--single"))
        return live_scenarios(from, number_after(argc, argv, "--seeds", 1),
                              text_after(argc, argv, "--scenario"),
                              (unsigned)number_after(argc, argv, "--every", 1));
    if (!seed)
        return live_all(from, number_after(argc, argv, "--seeds", 500));
    return live_one(argc, argv, seed);
}
