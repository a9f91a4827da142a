/* judge.c - whether all is as it must be: the books by themselves, and once nothing is under way
 * the books against the bank's. */
#include <assert.h>

#include "base/money.h"
#include "core/record.h"
#include "store/checker.h"
#include "store/db_one.h"
#include "store/store.h"
#include "world.h"

struct reading {
    struct world *world;
    struct arena arena;
    struct db *db;
    size_t payments;
    bool has_epayment;
    bool has_payment[BANK_CHARGES_MAX];
    bool has_holder[GATEWAYS_HOLDINGS_MAX];
};

static bool open_books(struct world *world, struct reading *reading)
{
    struct str why = { 0 };

    *reading = (struct reading){ .world = world };
    if (store_open_reader(STR(WORLD_WHERE), &world->outside, &reading->arena, &reading->db, &why)
        == OK)
        return true;
    world_blame(world, "books", "%.*s", STR_ARG(why));
    return false;
}

static void close_books(struct reading *reading)
{
    db_close(reading->db);
    arena_done(&reading->arena);
}

static void check_books(struct reading *reading)
{
    struct checker_report found = { 0 };

    if (checker_run(reading->db, &reading->arena, &found) != OK)
        world_blame(reading->world, "books", "%.*s", STR_ARG(db_error(reading->db)));
    else if (found.invariant)
        world_blame(reading->world, found.invariant, "%.*s: %.*s", STR_ARG(found.row),
                    STR_ARG(found.wrong));
}

static enum err take_verdict(void *self, const struct db_value *values, size_t count)
{
    assert(count == 1);
    if (!str_equal_c(values[0].bytes, "ok"))
        world_blame(self, "books", "%.*s", STR_ARG(values[0].bytes));
    return OK;
}

/* Each page and each index, which is more than purser's own check asks. */
static void check_file(struct reading *reading)
{
    if (db_query(reading->db, "PRAGMA integrity_check(1)", NULL, 0, take_verdict, reading->world)
        != OK)
        world_blame(reading->world, "books", "%.*s", STR_ARG(db_error(reading->db)));
}

/* Who reads may have what it sees flushed: no fault that is to come hits the judge. */
static void judge_now(struct world *world, bool after_death)
{
    struct files *files = world->files;
    const struct files before = *files;
    struct reading reading;

    files->dies_in = files->fails_in = files->sync_fails_in = files->full_in = 0;
    files->between = NULL;
    if (open_books(world, &reading)) {
        if (after_death)
            check_file(&reading);
        check_books(&reading);
        if (after_death)
            told_judge(world, reading.db);
    }
    close_books(&reading);
    files->dies_in = before.dies_in;
    files->fails_in = before.fails_in;
    files->sync_fails_in = before.sync_fails_in;
    files->full_in = before.full_in;
    files->between = before.between;
}

void judge_books(struct world *world)
{
    (void)engine_step_flush(world->engine);
    if (!world->files->is_dead)
        judge_now(world, false);
}

void judge_return(struct world *world)
{
    if (!world->invariant)
        judge_now(world, true);
}

/* What a person has to decide of its refunds. */
static int64_t open_minor(struct reading *reading, const struct payment *payment)
{
    struct db_value args[] = { DB_ID(payment->id) };
    int64_t minor = 0;
    if (db_number(reading->db, "SELECT coalesce(sum(o.amount_minor), 0) FROM operations o"
                               " JOIN tasks t ON t.operation = o.id WHERE o.payment = $1"
                               " AND o.closed_ms IS NULL AND t.closed_ms IS NULL",
                  args, 1, &minor)
        != OK)
        world_blame(reading->world, "books", "%.*s", STR_ARG(db_error(reading->db)));
    return minor;
}

/* Without a fault it ends as the table has it. */
static void judge_scenario(struct world *world, const struct payment *payment)
{
    const struct scenario *told = world->scenario;
    bool is_whole = payment->status == PAYMENT_CAPTURED
                    && payment->captured_minor == SCENARIO_AMOUNT;
    bool is_told = payment->status == told->end && payment->captured_minor == told->captured_minor
                   && payment->refunded_minor == told->refunded_minor;
    if (!is_told && !(told->race && is_whole))
        world_blame(world, "scenario", "it ended as %s, %lld captured, %lld refunded",
                    word_text(&words_payment_state, payment->status),
                    (long long)payment->captured_minor, (long long)payment->refunded_minor);
}

/* What the bank holds for a payment, and what the books say of it. */
static void compare(struct reading *reading, const struct payment *payment,
                    const struct bank_charge *charge)
{
    static const struct bank_charge none = { 0 };
    struct world *world = reading->world;
    bool is_paid = payment->status == PAYMENT_CAPTURED;

    if (!charge)
        charge = &none;
    if (charge->captured_minor != payment->captured_minor)
        world_blame(world, "I10", "the bank captured %lld, the books say %lld",
                    (long long)charge->captured_minor, (long long)payment->captured_minor);
    if (charge->refunded_minor < payment->refunded_minor
        || charge->refunded_minor > payment->refunded_minor + open_minor(reading, payment))
        world_blame(world, "I10", "the bank refunded %lld, the books say %lld",
                    (long long)charge->refunded_minor, (long long)payment->refunded_minor);
    if (is_paid != (charge->captured_minor > 0))
        world_blame(world, "I10", "the bank %s the money, the payment is %s",
                    charge->captured_minor ? "took" : "has not taken",
                    word_text(&words_payment_state, payment->status));
    if (world->scenario && world->plan == PLAN_NONE)
        judge_scenario(world, payment);
    if (!is_paid && (charge->waits || (charge->authorized_minor > 0 && !charge->released)))
        world_blame(world, "I11", "the bank holds the money of a payment that is %s",
                    word_text(&words_payment_state, payment->status));
}

/* What a gateway over the network did, in the bank's words. */
static struct bank_charge charge_of(struct reading *reading, const struct payment *payment)
{
    struct str reference = payment_order_reference(&reading->arena, payment);
    size_t count = 0;

    if (str_equal_c(payment->gateway, "hyperswitch"))
        reference = str_format(&reading->arena, "pay_%.*s",
                               STR_ARG(str_slice(reference, 3, reference.len)));
    const struct holding *holding = gateways_holding(payment->gateway, reference);
    if (!holding)
        return (struct bank_charge){ 0 };
    reading->has_holder[holding - gateways_holdings(&count)] = true;
    return (struct bank_charge){ .authorized_minor = holding->authorized_minor,
                                 .captured_minor = holding->captured_minor,
                                 .refunded_minor = holding->refunded_minor,
                                 .released = holding->voided };
}

static enum err judge_payment(void *self, void *row)
{
    struct reading *reading = self;
    struct world *world = reading->world;
    const struct payment *payment = row;
    struct bank_charge *charge =
        bank_charge(&world->bank, payment_order_reference(&reading->arena, payment));

    reading->payments++;
    if (!machine_payment.states[payment->status].final)
        world_blame(world, "L", "a payment is %s for ever",
                    word_text(&words_payment_state, payment->status));
    if (charge)
        reading->has_payment[charge - world->bank.charges] = true;
    struct bank_charge over_network = charge_of(reading, payment);
    compare(reading, payment, charge ? charge : &over_network);
    return OK;
}

/* What no answer of the gateway can decide is a person's; its bounds are I1's (compare). */
#define NOT_A_TASK " AND id NOT IN (SELECT operation FROM tasks WHERE closed_ms IS NULL)"

/* Of epayment.kz's refunds no question tells of one among several: only these may be open. */
static enum err judge_task(void *self, void *row)
{
    struct reading *reading = self;
    const struct task *task = row;

    reading->world->tasks++;
    if (!reading->has_epayment)
        world_blame(reading->world, "L", "a person has to decide: %.*s", STR_ARG(task->detail));
    return OK;
}

static void nothing_is_open(struct reading *reading)
{
    static const struct {
        const char *sql, *what;
    } questions[] = {
        { "SELECT count(*) FROM checkouts WHERE status IN ('open', 'processing')",
          "pages have no end" },
        { "SELECT count(*) FROM operations WHERE due_ms IS NOT NULL" NOT_A_TASK,
          "operations are open" },
        /* A look of the reconciler's that was not answered is over. */
        { "SELECT count(*) FROM operations WHERE state IN ('planned', 'sending', 'unknown')"
          " AND closed_ms IS NULL" NOT_A_TASK,
          "operations have no end" },
        { "SELECT count(*) FROM (SELECT invoice FROM payments WHERE captured_minor > 0"
          " GROUP BY invoice HAVING count(*) > 1) AS twice", "invoices were paid twice" },
        { "SELECT count(*) FROM refunds WHERE status = 'pending' AND payment NOT IN"
          " (SELECT payment FROM tasks WHERE closed_ms IS NULL)", "refunds are pending" },
    };

    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        int64_t number = 0;
        if (db_number(reading->db, questions[i].sql, NULL, 0, &number) != OK)
            world_blame(reading->world, "books", "%.*s", STR_ARG(db_error(reading->db)));
        else if (number > 0)
            world_blame(reading->world, "L", "%lld %s", (long long)number, questions[i].what);
    }
}

static void judge_totals(struct reading *reading)
{
    struct world *world = reading->world;
    size_t wanted = 0, holders = 0;

    for (size_t i = 0; i < world->order_count; i++)
        wanted += world->orders[i].is_known;
    if (reading->payments != wanted)
        world_blame(world, "I9", "%zu orders made %zu payments", wanted, reading->payments);
    for (size_t i = 0; i < world->bank.charge_count; i++)
        if (!reading->has_payment[i] && world->bank.charges[i].captured_minor > 0)
            world_blame(world, "I1", "the bank took money of which no payment knows");
    const struct holding *holdings = gateways_holdings(&holders);
    for (size_t i = 0; i < holders; i++)
        if (!reading->has_holder[i])
            world_blame(world, "I1", "%s moved money of which no payment knows",
                        holdings[i].gateway);
}

void judge_quiet(struct world *world)
{
    struct reading reading;

    if (open_books(world, &reading)) {
        reading.has_epayment = world->is_used[ACCOUNT_EPAYMENT_SALE]
                               || world->is_used[ACCOUNT_EPAYMENT_HOLD];
        check_books(&reading);
        nothing_is_open(&reading);
        if (db_select(reading.db, &table_tasks,
                      "closed_ms IS NULL AND operation IN"
                      " (SELECT id FROM operations WHERE closed_ms IS NULL)",
                      NULL, 0, &reading.arena, judge_task, &reading)
            != OK)
            world_blame(world, "books", "%.*s", STR_ARG(db_error(reading.db)));
        if (db_select(reading.db, &table_payments, "1 = 1", NULL, 0, &reading.arena, judge_payment,
                      &reading)
            != OK)
            world_blame(world, "books", "%.*s", STR_ARG(db_error(reading.db)));
        judge_totals(&reading);
        told_judge(world, reading.db);
        if (world->has_hooks)
            hooks_judge(world, reading.db, &reading.arena);
    }
    close_books(&reading);
}
