/* account.c - a gateway account's settings. */
#include "core/account.h"

#include <assert.h>

#include "base/json.h"
#include "base/time.h"

#define PAYMENT_MINUTES_DEFAULT 90
#define CAPTURE_RETRY_MINUTES_DEFAULT 60
#define CAPTURE_TRIES_DEFAULT 96

/* X(member of the JSON, least, most, meaning). `capture` beside them is a word. */
#define ACCOUNT_NUMBERS(X)                                                               \
    X(authorization_hours, 1, 24 * 365)                                                  \
    X(payment_minutes, 1, 60 * 24 * 30)                                                  \
    X(refund_days, 0, 3650)                                                              \
    X(capture_retry_minutes, 1, 60 * 24 * 7)                                             \
    X(capture_tries, 1, 10000)

struct number_rule {
    const char *name;
    int64_t least, most;
};

static const struct number_rule number_rules[] = {
#define X(name, least, most) { #name, least, most },
    ACCOUNT_NUMBERS(X)
#undef X
};

static int64_t number_or(const struct json *settings, const char *name, int64_t otherwise)
{
    int64_t value = otherwise;
    (void)json_int(json_get(settings, name), &value);
    return value;
}

static enum gateway_capture capture_or(const struct json *settings, enum gateway_capture otherwise)
{
    struct str text = json_text(json_get(settings, "capture"));
    for (int i = 0; i < GW_CAPTURE_WAY_COUNT; i++)
        if (str_equal_c(text, gateway_capture_text((enum gateway_capture)i)))
            return (enum gateway_capture)i;
    return otherwise;
}

struct account_settings account_settings(const struct gateway_account *account,
                                         const struct gateway *gateway, struct arena *arena)
{
    const struct json *settings = NULL;
    if (!str_is_empty(account->settings)) {
        enum err err = json_parse(account->settings, arena, &settings, NULL);
        assert(err == OK);
        (void)err;
    }
    return (struct account_settings){
        .capture = capture_or(settings, gateway->capture),
        .authorization_ms = HOUR_MS * number_or(settings, "authorization_hours",
                                                gateway->authorization_ms / HOUR_MS),
        .payment_ms = MINUTE_MS * number_or(settings, "payment_minutes", PAYMENT_MINUTES_DEFAULT),
        .refund_age_ms = DAY_MS * number_or(settings, "refund_days",
                                            gateway->refund_age_ms / DAY_MS),
        .capture_retry_ms = MINUTE_MS * number_or(settings, "capture_retry_minutes",
                                                  CAPTURE_RETRY_MINUTES_DEFAULT),
        .capture_tries = number_or(settings, "capture_tries", CAPTURE_TRIES_DEFAULT),
    };
}

static const struct number_rule *number_rule_of(struct str name)
{
    for (size_t i = 0; i < sizeof(number_rules) / sizeof(number_rules[0]); i++)
        if (str_equal_c(name, number_rules[i].name))
            return &number_rules[i];
    return NULL;
}

static enum err number_check(const struct number_rule *rule, const struct json *value,
                             struct arena *arena, struct str *why)
{
    int64_t number = 0;
    if (json_int(value, &number) && number >= rule->least && number <= rule->most)
        return OK;
    *why = str_format(arena, "%s is a whole number from %lld to %lld.", rule->name,
                      (long long)rule->least, (long long)rule->most);
    return ERR_VALIDATION;
}

static enum err member_check(struct str name, const struct json *value, struct arena *arena,
                             struct str *why)
{
    const struct number_rule *rule = number_rule_of(name);
    if (rule)
        return number_check(rule, value, arena, why);
    if (!str_equal_c(name, "capture")) {
        *why = STR("There is no such setting of a gateway account.");
        return ERR_UNKNOWN_MEMBER;
    }
    struct str text = json_text(value);
    for (int i = 0; i < GW_CAPTURE_WAY_COUNT; i++)
        if (str_equal_c(text, gateway_capture_text((enum gateway_capture)i)))
            return OK;
    *why = STR("capture is one of separate, sale, both.");
    return ERR_VALIDATION;
}

enum err account_settings_check(const struct json *settings, struct arena *arena,
                                struct str *param, struct str *why)
{
    struct json_cursor cursor;
    struct str name;
    const struct json *value;
    json_each(&cursor, settings);
    while (json_next(&cursor, &name, &value)) {
        enum err err = member_check(name, value, arena, why);
        if (err) {
            *param = str_format(arena, "settings.%.*s", STR_ARG(name));
            return err;
        }
    }
    return OK;
}
