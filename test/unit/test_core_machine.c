/* The machines against docs/domain.md, written down here a second time: whoever changes an
 * edge has to say so twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "core/graph.h"
#include "core/words.h"

/* All that leads out of a state; what is not written is refused. */
struct expected {
    const char *from;
    const char *ways; /* "EVENT to; EVENT to" */
};

/* clang-format off */
static const struct expected payment_expected[] = {
    { "created", "AUTHORIZE authorizing; CANCEL cancelled; TIME_UP cancelled" },
    { "authorizing", "AUTH_YES authorized; AUTH_SALE captured; AUTH_NO failed; "
                     "AUTH_VERIFIED verified; AUTH_PAYER requires_action; REROUTE authorizing" },
    { "requires_action", "PAYER_DONE authorizing; AUTH_YES authorized; AUTH_SALE captured; "
                         "AUTH_NO failed; AUTH_VERIFIED verified; CANCEL cancelling; "
                         "TIME_UP cancelling" },
    { "authorized", "CAPTURE capturing; CANCEL cancelling; TIME_UP cancelling; "
                    "FOUND_CAPTURED captured; FOUND_VERIFIED verified; FOUND_CANCELLED cancelled; "
                    "FOUND_FAILED failed" },
    { "capturing", "CAPTURE_YES captured; CAPTURE_NO authorized; FOUND_CANCELLED cancelled" },
    { "captured", "FOUND_CANCELLED cancelled; FOUND_FAILED failed" },
    { "verified", "" },
    { "cancelling", "CANCEL_YES cancelled; CANCEL_NO authorized; FOUND_CAPTURED captured; "
                    "FOUND_VERIFIED verified; FOUND_FAILED failed" },
    { "cancelled", "FOUND_CAPTURED captured; FOUND_VERIFIED verified; "
                   "FOUND_AUTHORIZED cancelling" },
    { "failed", "FOUND_CAPTURED captured; FOUND_VERIFIED verified; FOUND_AUTHORIZED cancelling" },
    { NULL, NULL },
};
static const struct expected refund_expected[] = {
    { "pending", "REFUND_YES succeeded; REFUND_NO failed" },
    { "succeeded", "FOUND_REVERSED failed" },
    { "failed", "FOUND_REFUNDED succeeded" },
    { NULL, NULL },
};
static const struct expected invoice_expected[] = {
    { "unpaid", "PAY paid; CANCEL cancelled" },
    { "paid", "FULFIL fulfilled; REFUND_ALL refunded" },
    { "fulfilled", "REFUND_ALL refunded" },
    { "cancelled", "FOUND_PAID paid" },
    { "refunded", "FOUND_PAID paid" },
    { NULL, NULL },
};
static const struct expected operation_expected[] = {
    { "planned", "SEND sending; NEVER_SENT not_sent" },
    { "sending", "YES succeeded; NO refused; NEVER_SENT not_sent; SILENCE unknown" },
    { "succeeded", "" },
    { "refused", "" },
    { "not_sent", "SEND sending" },
    { "unknown", "YES succeeded; NO refused; NEVER_SENT not_sent; SEND sending" },
    { NULL, NULL },
};
static const struct expected instrument_expected[] = {
    { "pending", "NEEDS_PAYER pending; KEPT active; NOT_KEPT failed" },
    { "active", "DEACTIVATE deactivating; FOUND_REMOVED removed" },
    { "deactivating", "DEACTIVATE_YES removed; DEACTIVATE_NO active" },
    { "removed", "" },
    { "failed", "FOUND_KEPT active" },
    { NULL, NULL },
};

static const struct expected checkout_expected[] = {
    { "open", "PAY processing; CANCEL cancelled; EXPIRE expired; TIME_UP expired; "
              "FOUND_PAID paid" },
    { "processing", "ATTEMPT_YES paid; ATTEMPT_NO open; FOUND_PAID paid" },
    { "paid", "" },
    { "expired", "FOUND_PAID paid" },
    { "cancelled", "FOUND_PAID paid" },
    { NULL, NULL },
};

/* Who says each event, and what it records when that is not the new state's own type. */
static const char *const payment_speakers =
    "AUTHORIZE merchant; CAPTURE merchant; CANCEL merchant; AUTH_YES gateway; AUTH_SALE gateway; "
    "AUTH_NO gateway; AUTH_VERIFIED gateway; AUTH_PAYER gateway; REROUTE purser; "
    "CAPTURE_YES gateway; CAPTURE_NO gateway; "
    "CANCEL_YES gateway; CANCEL_NO gateway; PAYER_DONE payer; TIME_UP clock; "
    "FOUND_AUTHORIZED correction; FOUND_CAPTURED correction; FOUND_VERIFIED correction; "
    "FOUND_CANCELLED correction; FOUND_FAILED correction";
static const char *const refund_speakers =
    "REFUND_YES gateway; REFUND_NO gateway; FOUND_REFUNDED correction; FOUND_REVERSED correction";
static const char *const invoice_speakers =
    "PAY gateway; FULFIL merchant; CANCEL merchant; REFUND_ALL gateway; FOUND_PAID correction";
static const char *const checkout_speakers =
    "PAY payer; ATTEMPT_YES gateway; ATTEMPT_NO gateway; CANCEL merchant; EXPIRE merchant; "
    "TIME_UP clock; FOUND_PAID correction";
static const char *const operation_speakers =
    "SEND purser; YES gateway; NO gateway; NEVER_SENT gateway; SILENCE clock";
static const char *const instrument_speakers =
    "NEEDS_PAYER gateway; KEPT gateway; NOT_KEPT gateway; DEACTIVATE merchant; "
    "DEACTIVATE_YES gateway; DEACTIVATE_NO gateway; FOUND_KEPT correction; "
    "FOUND_REMOVED correction";

/* "EVENT type" where an event has a type of its own; states record "machine.state" else,
 * apart from the ones here. */
static const char *const payment_types =
    "REROUTE payment.rerouted; CAPTURE_NO payment.capture_failed; CANCEL_NO payment.cancel_failed; "
    "FOUND_AUTHORIZED payment.corrected; FOUND_CAPTURED payment.corrected; "
    "FOUND_VERIFIED payment.corrected; FOUND_CANCELLED payment.corrected; "
    "FOUND_FAILED payment.corrected";
static const char *const refund_types =
    "FOUND_REFUNDED refund.corrected; FOUND_REVERSED refund.corrected";
static const char *const instrument_types =
    "NEEDS_PAYER instrument.requires_action; KEPT instrument.activated; "
    "DEACTIVATE_NO instrument.deactivation_failed; FOUND_KEPT instrument.corrected; "
    "FOUND_REMOVED instrument.corrected";

static const struct machine_case {
    const struct machine *machine;
    const struct expected *expected;
    const char *speakers;
    const char *types;
    const char *born;      /* event type of the first state */
} cases[] = {
    { &machine_payment, payment_expected, payment_speakers, payment_types, "payment.created" },
    { &machine_refund, refund_expected, refund_speakers, refund_types, "refund.created" },
    { &machine_invoice, invoice_expected, invoice_speakers, "", "invoice.created" },
    { &machine_operation, operation_expected, operation_speakers, "", NULL },
    { &machine_instrument, instrument_expected, instrument_speakers, instrument_types,
      "instrument.created" },
    { &machine_checkout, checkout_expected, checkout_speakers,
      "ATTEMPT_NO checkout_session.attempt_failed", "checkout_session.created" },
};
/* clang-format on */
#define CASE_COUNT (sizeof(cases) / sizeof(cases[0]))

/* The word after `key` in "key word; key word", empty when there is none. */
static struct str lookup(const char *pairs, const char *key)
{
    struct str rest = str_of(pairs);
    struct str pair;

    while (str_cut(&rest, ';', &pair)) {
        struct str value = str_trim(pair);
        struct str name;
        if (str_cut(&value, ' ', &name) && str_equal_c(name, key))
            return value;
    }
    return (struct str){ 0 };
}

static size_t pair_count(const char *pairs)
{
    struct str rest = str_of(pairs);
    struct str pair;
    size_t count = 0;

    while (str_cut(&rest, ';', &pair))
        count += str_trim(pair).len > 0;
    return count;
}

static const char *ways_of(const struct expected *expected, const char *state)
{
    for (; expected->from != NULL; expected++)
        if (str_equal_c(str_of(state), expected->from))
            return expected->ways;
    fail_msg("state %s is not expected", state);
    return NULL;
}

typedef void pair_f(const struct machine_case *the, unsigned from, unsigned event);

/* Every state of every machine with every event. */
static void each_pair(pair_f *check)
{
    for (size_t i = 0; i < CASE_COUNT; i++)
        for (unsigned from = 1; from < cases[i].machine->state_count; from++)
            for (unsigned event = 1; event < cases[i].machine->event_count; event++)
                check(&cases[i], from, event);
}

static size_t expected_edges(const struct machine_case *the)
{
    size_t count = 0;

    for (const struct expected *row = the->expected; row->from; row++)
        count += pair_count(row->ways);
    return count;
}

static void check_next(const struct machine_case *the, unsigned from, unsigned event)
{
    const struct machine *machine = the->machine;
    const char *from_text = machine_state_text(machine, from);
    unsigned to = machine_next(machine, from, event);
    struct str want = lookup(ways_of(the->expected, from_text), machine->events[event].name);
    struct str got = to ? str_of(machine_state_text(machine, to)) : STR("");

    if (!str_equal(want, got))
        fail_msg("%s: %s on %s leads to '%.*s', not to '%.*s'", machine->name, from_text,
                 machine->events[event].name, STR_ARG(got), STR_ARG(want));
}

static void test_each_state_and_event(void **state)
{
    (void)state;
    each_pair(check_next);
}

/* An expected edge whose state or event does not exist would not be missed above. */
static void test_no_edge_is_missing(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        const struct machine *machine = cases[i].machine;
        size_t edges = 0;
        for (size_t cell = 0; cell < machine->state_count * machine->event_count; cell++)
            edges += machine->next[cell] != 0;
        assert_int_equal(edges, expected_edges(&cases[i]));
    }
}

static void test_nowhere_leads_nowhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        const struct machine *machine = cases[i].machine;
        for (unsigned event = 0; event < machine->event_count; event++)
            assert_int_equal(machine_next(machine, 0, event), 0);
        for (unsigned from = 0; from < machine->state_count; from++)
            assert_int_equal(machine_next(machine, from, 0), 0);
        assert_null(machine_state_text(machine, 0));
    }
}

/* Marks what one more step reaches from what is reached. */
static void step(const struct machine *machine, bool *reached)
{
    for (unsigned from = 1; from < machine->state_count; from++)
        for (unsigned event = 1; reached[from] && event < machine->event_count; event++)
            reached[machine_next(machine, from, event)] = true;
}

static void test_each_state_is_reached(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        const struct machine *machine = cases[i].machine;
        bool reached[UINT8_MAX] = { [1] = true };
        for (size_t round = 1; round < machine->state_count; round++)
            step(machine, reached);
        for (unsigned to = 1; to < machine->state_count; to++)
            if (!reached[to])
                fail_msg("%s: nothing leads to %s", machine->name, machine_state_text(machine, to));
    }
}

static bool has_ordinary_way_out(const struct machine *machine, unsigned from)
{
    for (unsigned event = 1; event < machine->event_count; event++)
        if (machine_next(machine, from, event) != 0 &&
            machine->events[event].speaker != SPEAKER_CORRECTION)
            return true;
    return false;
}

static void test_only_corrections_leave_final_states(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        const struct machine *machine = cases[i].machine;
        /* And a state that is not final has a way on. */
        for (unsigned from = 1; from < machine->state_count; from++)
            assert_int_equal(has_ordinary_way_out(machine, from), !machine_is_final(machine, from));
    }
}

static void test_each_event_has_its_speaker(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        const struct machine *machine = cases[i].machine;
        assert_int_equal(machine->event_count - 1, pair_count(cases[i].speakers));
        for (unsigned event = 1; event < machine->event_count; event++) {
            struct str want = lookup(cases[i].speakers, machine->events[event].name);
            assert_true(str_equal_c(want, speaker_text(machine->events[event].speaker)));
        }
    }
}

static void check_edge_type(const struct machine_case *the, unsigned from, unsigned event)
{
    unsigned to = machine_next(the->machine, from, event);
    char by_state[64];
    struct buf buf;

    if (to == 0)
        return;
    const char *text = event_type_text(machine_event_type(the->machine, event, to));
    if (the->born == NULL) {
        assert_null(text);
        return;
    }
    buf_fixed(&buf, by_state, sizeof(by_state));
    buf_addf(&buf, "%s.%s", the->machine->name, machine_state_text(the->machine, to));
    struct str want = lookup(the->types, the->machine->events[event].name);
    if (str_is_empty(want))
        want = buf_str(&buf);
    if (!str_equal_c(want, text))
        fail_msg("%s records '%s', not '%.*s'", the->machine->events[event].name, text,
                 STR_ARG(want));
}

static void test_each_edge_records_its_event_type(void **state)
{
    (void)state;
    each_pair(check_edge_type);
    /* Being born is entering the first state without an event. */
    for (size_t i = 0; i < CASE_COUNT; i++) {
        const char *born = event_type_text(machine_event_type(cases[i].machine, 0, 1));
        assert_true(cases[i].born == NULL ? born == NULL
                                          : str_equal_c(str_of(born), cases[i].born));
    }
}

static void test_event_types_are_unique(void **state)
{
    (void)state;
    assert_null(event_type_text(EVENT_NONE));
    for (enum event_type a = EVENT_NONE + 1; a < EVENT_TYPE_COUNT; a++) {
        assert_true(str_of(event_type_meaning(a)).len > 0);
        for (enum event_type b = EVENT_NONE + 1; b < a; b++)
            assert_string_not_equal(event_type_text(a), event_type_text(b));
    }
}

/* The lists, and for each its first and last word: order is part of the enums. */
static void test_words_round_trip(void **state)
{
    (void)state;
    static const struct {
        const struct word_list *list;
        size_t count;
        const char *first, *last;
    } lists[] = {
        { &words_payment_state, PAYMENT_STATE_COUNT, "created", "failed" },
        { &words_refund_state, REFUND_STATE_COUNT, "pending", "failed" },
        { &words_invoice_state, INVOICE_STATE_COUNT, "unpaid", "refunded" },
        { &words_operation_state, OPERATION_STATE_COUNT, "planned", "unknown" },
        { &words_instrument_state, INSTRUMENT_STATE_COUNT, "pending", "failed" },
        { &words_event_type, EVENT_TYPE_COUNT, "invoice.created",
          "checkout_session.cancelled" },
        { &words_checkout_state, CHECKOUT_STATE_COUNT, "open", "cancelled" },
        { &words_cancel_reason, CANCEL_REASON_RISK + 1, "payer", "risk" },
        { &words_failure_type, FAILURE_INVALID + 1, "declined", "invalid" },
        { &words_capture_method, CAPTURE_METHOD_MANUAL + 1, "automatic", "manual" },
        { &words_payment_method, METHOD_SAVED_CARD + 1, "card", "saved_card" },
        { &words_next_action, ACTION_CHALLENGE + 1, "redirect", "challenge" },
        { &words_operation_kind, OPERATION_KIND_COUNT, "authorize", "enquire" },
        { &words_origin, ORIGIN_OPERATOR + 1, "api", "operator" },
    };

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        const struct word_list *list = lists[i].list;
        assert_int_equal(list->count, lists[i].count);
        for (unsigned value = 1; value < list->count; value++)
            assert_int_equal(word_of(list, word_str(list, value)), value);
        assert_string_equal(word_text(list, 1), lists[i].first);
        assert_string_equal(word_text(list, (unsigned)list->count - 1), lists[i].last);
        assert_null(word_text(list, 0));
        assert_null(word_text(list, (unsigned)list->count));
        assert_true(str_is_empty(word_str(list, 0)));
        assert_int_equal(word_of(list, STR("")), 0);
        assert_int_equal(word_of(list, STR("Created")), 0);
    }
}

static void test_words_are_the_machines_own(void **state)
{
    (void)state;
    static const struct word_list *const lists[] = {
        &words_payment_state,   &words_refund_state,     &words_invoice_state,
        &words_operation_state, &words_instrument_state, &words_checkout_state,
    };

    for (size_t i = 0; i < CASE_COUNT; i++)
        for (unsigned s = 1; s < cases[i].machine->state_count; s++)
            assert_string_equal(word_text(lists[i], s), machine_state_text(cases[i].machine, s));
}

static void test_which_operations_move_money(void **state)
{
    (void)state;
    assert_true(operation_kind_moves_money(OPERATION_KIND_AUTHORIZE));
    assert_true(operation_kind_moves_money(OPERATION_KIND_CAPTURE));
    assert_true(operation_kind_moves_money(OPERATION_KIND_CANCEL));
    assert_true(operation_kind_moves_money(OPERATION_KIND_REFUND));
    assert_false(operation_kind_moves_money(OPERATION_KIND_DEACTIVATE));
    assert_false(operation_kind_moves_money(OPERATION_KIND_ENQUIRE));
    assert_false(operation_kind_moves_money(OPERATION_KIND_NONE));
}

static size_t count_of(struct str text, struct str what)
{
    size_t count = 0;

    for (size_t at = 0; at < text.len; at++)
        count += str_starts_with(str_slice(text, at, text.len), what);
    return count;
}

static void test_graph_draws_every_state_and_edge(void **state)
{
    (void)state;
    struct arena arena = { 0 };

    for (size_t i = 0; machines[i] != NULL; i++) {
        struct buf buf;
        size_t finals = 0;
        buf_init(&buf, &arena, 1 << 16);
        graph_write(&buf, machines[i]);
        assert_true(buf_ok(&buf));
        for (unsigned s = 1; s < machines[i]->state_count; s++)
            finals += machine_is_final(machines[i], s);
        assert_int_equal(count_of(buf_str(&buf), STR(" -> ")), expected_edges(&cases[i]) + 1);
        assert_int_equal(count_of(buf_str(&buf), STR("doublecircle")), finals);
    }
    arena_done(&arena);
}

static void test_graph_text(void **state)
{
    (void)state;
    struct arena arena = { 0 };
    struct buf buf;

    buf_init(&buf, &arena, 1 << 16);
    graph_write(&buf, &machine_refund);
    assert_string_equal(
        buf_c(&buf),
        "digraph refund {\n"
        "    label=<<b>refund</b> &#160;<font color=\"#2e6b2e\">gateway</font>"
        " &#160;<font color=\"#b3261e\">correction</font>>\n"
        "    labelloc=t\n"
        "    rankdir=LR\n"
        "    node [fontname=\"sans-serif\" fontsize=11]\n"
        "    edge [fontname=\"sans-serif\" fontsize=9]\n"
        "    start [shape=point]\n"
        "    pending [shape=ellipse]\n"
        "    succeeded [shape=doublecircle]\n"
        "    failed [shape=doublecircle]\n"
        "    start -> pending\n"
        "    pending -> succeeded [label=\"REFUND_YES\" color=\"#2e6b2e\" fontcolor=\"#2e6b2e\" "
        "style=solid]\n"
        "    pending -> failed [label=\"REFUND_NO\" color=\"#2e6b2e\" fontcolor=\"#2e6b2e\" "
        "style=solid]\n"
        "    succeeded -> failed [label=\"FOUND_REVERSED\" color=\"#b3261e\" "
        "fontcolor=\"#b3261e\" style=dashed]\n"
        "    failed -> succeeded [label=\"FOUND_REFUNDED\" color=\"#b3261e\" "
        "fontcolor=\"#b3261e\" style=dashed]\n"
        "}\n");
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_state_and_event),
        cmocka_unit_test(test_no_edge_is_missing),
        cmocka_unit_test(test_nowhere_leads_nowhere),
        cmocka_unit_test(test_each_state_is_reached),
        cmocka_unit_test(test_only_corrections_leave_final_states),
        cmocka_unit_test(test_each_event_has_its_speaker),
        cmocka_unit_test(test_each_edge_records_its_event_type),
        cmocka_unit_test(test_event_types_are_unique),
        cmocka_unit_test(test_words_round_trip),
        cmocka_unit_test(test_words_are_the_machines_own),
        cmocka_unit_test(test_which_operations_move_money),
        cmocka_unit_test(test_graph_draws_every_state_and_edge),
        cmocka_unit_test(test_graph_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
