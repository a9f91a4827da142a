#include "sim/plan.h"

#include "base/nearest.h"
#include "sim/magic.def"

struct plan_rule {
    struct plan_rule *next;
    int64_t number;
    struct str gateway, call, invoice, payment_id, refund_id, external_id, amount;
    int64_t nth, times; /* from which fitting call on, and for how many; times 0: always */
    int64_t seen, used;
    struct fault fault;
};

struct magic {
    int64_t digits;
    struct str gateway; /* empty: both */
    struct str call;
    struct fault fault;
    int64_t times;
};

static const struct {
    const char *text, *call, *meaning;
    enum fault_stage stage;
    bool effect;
} kinds[FAULT_COUNT] = {
    [FAULT_NONE] = { "", "", "", FAULT_STAGE_WAIT, false },
#define X(name, text, stage, effect, call, meaning)                                                \
    [FAULT_##name] = { text, call, meaning, FAULT_STAGE_##stage, effect },
    FAULTS(X)
#undef X
};

#define GATEWAY_BOTH STR_INIT("")
#define GATEWAY_EPAYMENT STR_INIT("epayment")
#define GATEWAY_HYPERSWITCH STR_INIT("hyperswitch")

static const struct magic magics[] = {
#define X(digits, gateway, call, fault, ms, word, code, times)                                     \
    { digits,                                                                                      \
      GATEWAY_##gateway,                                                                           \
      STR_INIT(call),                                                                              \
      { FAULT_##fault, false, ms, STR_INIT(word), STR_INIT(code) },                                \
      times },
    MAGIC_AMOUNTS(X)
#undef X
};
#define MAGIC_COUNT (sizeof magics / sizeof magics[0])

const char *fault_text(enum fault_kind kind)
{
    return kinds[kind].text;
}

void plan_clear(struct plan *plan)
{
    arena_reset(&plan->arena);
    plan->rules = NULL;
    plan->end = &plan->rules;
    plan->magic_used = (struct map){ .arena = &plan->arena };
}

void plan_done(struct plan *plan)
{
    arena_done(&plan->arena);
}

/* Rules. */

static enum fault_kind kind_of(struct str text)
{
    for (enum fault_kind kind = FAULT_NONE + 1; kind < FAULT_COUNT; kind++) {
        if (str_equal_c(text, kinds[kind].text))
            return kind;
    }
    return FAULT_NONE;
}

static struct str no_such_fault(struct arena *arena, struct str text)
{
    const char *names[FAULT_COUNT];

    for (size_t i = 0; i < FAULT_COUNT; i++)
        names[i] = i == FAULT_NONE ? NULL : kinds[i].text;
    const char *nearest = nearest_name(text, names, FAULT_COUNT);
    return nearest == NULL ? str_format(arena, "there is no fault \"%.*s\"", STR_ARG(text))
                           : str_format(arena, "there is no fault \"%.*s\"; did you mean %s?",
                                        STR_ARG(text), nearest);
}

/* Amounts are given as the gateway writes them: 100, 12.5 or "12.50". */
static struct str amount_text(struct arena *arena, const struct json *value)
{
    struct buf text;
    struct json_out out;

    if (json_type(value) == JSON_TEXT || value == NULL)
        return str_copy(arena, json_text(value));
    buf_init(&text, arena, 64);
    json_begin(&out, &text);
    json_put_value(&out, NULL, value);
    return buf_str(&text);
}

static const char *const rule_members[] = { "gateway", "call", "nth",  "match", "fault",
                                            "times",   "ms",   "code", "word",  "effect" };
static const char *const match_members[] = { "invoice", "payment_id", "refund_id", "external_id",
                                             "amount" };

static bool knows_all(const struct json *object, const char *const *names, size_t count,
                      struct arena *arena, struct str *why)
{
    struct json_cursor cursor;
    struct str name;
    const struct json *value = NULL;

    json_each(&cursor, object);
    while (json_next(&cursor, &name, &value)) {
        size_t at = 0;
        while (at < count && !str_equal_c(name, names[at]))
            at++;
        if (at == count) {
            *why = str_format(arena, "a plan has no member \"%.*s\"", STR_ARG(name));
            return false;
        }
    }
    return true;
}

static struct str member(struct arena *arena, const struct json *object, const char *name)
{
    return str_copy(arena, json_text(json_get(object, name)));
}

static void read_numbers(struct plan_rule *rule, const struct json *members)
{
    rule->nth = rule->times = 1;
    (void)json_int(json_get(members, "nth"), &rule->nth);
    (void)json_int(json_get(members, "times"), &rule->times);
    (void)json_int(json_get(members, "ms"), &rule->fault.ms);
    rule->fault.effect = kinds[rule->fault.kind].effect;
    (void)json_bool(json_get(members, "effect"), &rule->fault.effect);
}

int64_t plan_add(struct plan *plan, const struct json *members, struct arena *arena,
                 struct str *why)
{
    const struct json *match = json_get(members, "match");
    struct str fault = json_text(json_get(members, "fault"));
    enum fault_kind kind = kind_of(fault);

    if (!knows_all(members, rule_members, sizeof rule_members / sizeof rule_members[0], arena,
                   why) ||
        !knows_all(match, match_members, sizeof match_members / sizeof match_members[0], arena,
                   why))
        return 0;
    if (kind == FAULT_NONE) {
        *why = no_such_fault(arena, fault);
        return 0;
    }
    struct plan_rule *rule = ARENA_NEW(&plan->arena, struct plan_rule);
    *rule = (struct plan_rule){
        .number = ++plan->count,
        .gateway = member(&plan->arena, members, "gateway"),
        .call = member(&plan->arena, members, "call"),
        .invoice = member(&plan->arena, match, "invoice"),
        .payment_id = member(&plan->arena, match, "payment_id"),
        .refund_id = member(&plan->arena, match, "refund_id"),
        .external_id = member(&plan->arena, match, "external_id"),
        .amount = amount_text(&plan->arena, json_get(match, "amount")),
        .fault = { kind, false, 0, member(&plan->arena, members, "word"),
                   amount_text(&plan->arena, json_get(members, "code")) },
    };
    read_numbers(rule, members);
    if (str_is_empty(rule->call) || kinds[kind].stage == FAULT_STAGE_NOTIFY)
        rule->call = str_of(kinds[kind].call);
    *plan->end = rule;
    plan->end = &rule->next;
    return rule->number;
}

static void write_rule(const struct plan_rule *rule, struct json_out *out)
{
    json_open_object(out, NULL);
    json_put_int(out, "rule", rule->number);
    json_put_text_or_null(out, "gateway", rule->gateway);
    json_put_text_or_null(out, "call", rule->call);
    json_put_text(out, "fault", str_of(kinds[rule->fault.kind].text));
    json_put_int(out, "nth", rule->nth);
    json_put_int(out, "times", rule->times);
    json_put_int(out, "seen", rule->seen);
    json_put_int(out, "used", rule->used);
    json_close_object(out);
}

void plan_write(const struct plan *plan, struct json_out *out, const char *name)
{
    json_open_array(out, name);
    for (const struct plan_rule *rule = plan->rules; rule != NULL; rule = rule->next)
        write_rule(rule, out);
    json_close_array(out);
}

/* Calls. */

static bool same(struct str wanted, struct str is)
{
    return str_is_empty(wanted) || str_equal(wanted, is);
}

/* As the gateway writes amounts: epayment in major units, the other in minor ones. */
static bool same_amount(struct str wanted, const struct plan_subject *subject)
{
    int64_t minor = 0;

    if (str_is_empty(wanted))
        return true;
    if (!str_equal(subject->gateway, STR("epayment")))
        return str_to_i64(wanted, &minor) && minor == subject->amount.minor;
    return money_parse_decimal(wanted, currency_exponent(subject->amount.currency), &minor) == OK &&
           minor == subject->amount.minor;
}

/* A call's own name or its role; nothing but a notification is taken for one. */
static bool same_call(struct str wanted, const struct plan_subject *subject)
{
    if (str_is_empty(wanted))
        return !str_equal(subject->call, STR("notification"));
    return str_equal(wanted, subject->call) || str_equal(wanted, subject->role);
}

static bool fits(const struct plan_rule *rule, const struct plan_subject *subject)
{
    return same(rule->gateway, subject->gateway) && same_call(rule->call, subject) &&
           same(rule->invoice, subject->reference) && same(rule->payment_id, subject->reference) &&
           same(rule->refund_id, subject->second) && same(rule->external_id, subject->second) &&
           same_amount(rule->amount, subject);
}

static void take_rule(struct plan_rule *rule, struct fault *place)
{
    rule->seen++;
    if (place->kind != FAULT_NONE || rule->seen < rule->nth ||
        (rule->times > 0 && rule->used >= rule->times))
        return;
    rule->used++;
    *place = rule->fault;
}

static void take_magic(struct plan *plan, const struct plan_subject *subject,
                       const struct magic *magic, struct fault *place)
{
    char text[256];
    struct buf key;

    buf_fixed(&key, text, sizeof text);
    buf_addf(&key, "%td %.*s", magic - magics, STR_ARG(subject->reference));
    int64_t *used = map_get(&plan->magic_used, buf_str(&key));
    if (used == NULL) {
        used = ARENA_NEW(&plan->arena, int64_t);
        map_put(&plan->magic_used, str_copy(&plan->arena, buf_str(&key)), used);
    }
    if (magic->times > 0 && *used >= magic->times)
        return;
    ++*used;
    *place = magic->fault;
    place->effect = kinds[magic->fault.kind].effect;
}

void plan_take(struct plan *plan, const struct plan_subject *subject,
               struct fault faults[FAULT_STAGE_COUNT])
{
    for (struct plan_rule *rule = plan->rules; rule != NULL; rule = rule->next) {
        struct fault *place = &faults[kinds[rule->fault.kind].stage];
        if (fits(rule, subject))
            take_rule(rule, place);
    }
    for (size_t i = 0; i < MAGIC_COUNT; i++) {
        const struct magic *magic = &magics[i];
        struct fault *place = &faults[kinds[magic->fault.kind].stage];
        if (place->kind == FAULT_NONE && subject->total.minor % 10000 == magic->digits &&
            same(magic->gateway, subject->gateway) && same_call(magic->call, subject))
            take_magic(plan, subject, magic, place);
    }
}

void plan_write_help(struct buf *out)
{
    buf_add_c(out, "Faults:\n");
    for (enum fault_kind kind = FAULT_NONE + 1; kind < FAULT_COUNT; kind++)
        buf_addf(out, "  %-31s %s\n", kinds[kind].text, kinds[kind].meaning);
    buf_add_c(out, "\nMagic amounts (last four digits of the minor units):\n");
    for (size_t i = 0; i < MAGIC_COUNT; i++) {
        const struct magic *magic = &magics[i];
        buf_addf(out, "  %d  %-12s %-13s %s", (int)magic->digits,
                 str_is_empty(magic->gateway) ? "both" : magic->gateway.ptr, magic->call.ptr,
                 kinds[magic->fault.kind].text);
        buf_addf(out, "%s%s%s%s\n", str_is_empty(magic->fault.word) ? "" : " ",
                 magic->fault.word.ptr, str_is_empty(magic->fault.code) ? "" : " ",
                 magic->fault.code.ptr);
    }
}
