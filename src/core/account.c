/* account.c - a gateway account's settings. */
#include "core/account.h"

#include <assert.h>

#include "base/json.h"
#include "base/time.h"

#define CAPTURE_RETRY_MINUTES_DEFAULT 60
#define CAPTURE_TRIES_DEFAULT 96
#define SETTLEMENT_DAYS_DEFAULT 7
#define LIST_DAYS_DEFAULT 30
#define CALLS_AT_ONCE_DEFAULT 50
#define STUCK_MINUTES_DEFAULT 30
#define ORPHAN_MINUTES_DEFAULT 5
#define REFERENCE_FROM_DEFAULT 100001
#define TEXT_MAX 255

/* What becomes of money that came after the payment had ended, or for an invoice that was paid. */
static const char *const late_words[] = { "keep", "refund", NULL };

/* X(member of the JSON, least, most, meaning). `capture` beside them is a word. */
#define ACCOUNT_NUMBERS(X)                                                               \
    X(authorization_hours, 1, 24 * 365)                                                  \
    X(payment_minutes, 1, 60 * 24 * 30)                                                  \
    X(refund_days, 0, 3650)                                                              \
    X(capture_retry_minutes, 1, 60 * 24 * 7)                                             \
    X(capture_tries, 1, 10000)                                                           \
    X(calls_at_once, 1, 1000)                                                            \
    X(calls_per_minute, 0, 100000)                                                       \
    X(stuck_minutes, 1, 60 * 24 * 60)                                                    \
    X(stuck_minutes_card, 1, 60 * 24 * 60)                                               \
    X(stuck_minutes_gateway_page, 1, 60 * 24 * 60)                                       \
    X(stuck_minutes_saved_card, 1, 60 * 24 * 60)                                         \
    X(refund_stuck_minutes, 1, 60 * 24 * 60)                                             \
    X(refund_orphan_minutes, 1, 60 * 24 * 60)                                            \
    X(list_days, 0, 365)                                                                 \
    X(settlement_days, 0, 365)                                                           \
    X(reference_from, 100001, 999999999)                                                 \
    X(priority, 1, ACCOUNT_PRIORITY_MAX)                                                 \
    X(amount_from, 1, MONEY_MAX_MINOR)                                                   \
    X(amount_to, 1, MONEY_MAX_MINOR)

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
    if (settings)
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

int64_t account_payment_ms(const struct json *settings)
{
    return MINUTE_MS * number_or(settings, "payment_minutes", ACCOUNT_PAYMENT_MINUTES);
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
        .payment_ms = account_payment_ms(settings),
        .refund_age_ms = DAY_MS * number_or(settings, "refund_days",
                                            gateway->refund_age_ms / DAY_MS),
        .capture_retry_ms = MINUTE_MS * number_or(settings, "capture_retry_minutes",
                                                  CAPTURE_RETRY_MINUTES_DEFAULT),
        .capture_tries = number_or(settings, "capture_tries", CAPTURE_TRIES_DEFAULT),
        .refund_late = str_equal_c(json_text(json_get(settings, "late_success")), "refund"),
        .refund_stuck_ms = MINUTE_MS * number_or(settings, "refund_stuck_minutes",
                                                 STUCK_MINUTES_DEFAULT),
        .refund_orphan_ms = MINUTE_MS * number_or(settings, "refund_orphan_minutes",
                                                  ORPHAN_MINUTES_DEFAULT),
        .list_ms = DAY_MS * number_or(settings, "list_days", LIST_DAYS_DEFAULT),
        .settlement_ms = DAY_MS * number_or(settings, "settlement_days", SETTLEMENT_DAYS_DEFAULT),
        .calls_at_once = number_or(settings, "calls_at_once", CALLS_AT_ONCE_DEFAULT),
        .calls_per_minute = number_or(settings, "calls_per_minute", 0),
        .reference_from = number_or(settings, "reference_from", REFERENCE_FROM_DEFAULT),
        .priority = number_or(settings, "priority", 0),
        .amount_from = number_or(settings, "amount_from", 0),
        .amount_to = number_or(settings, "amount_to", MONEY_MAX_MINOR),
        .currencies = json_get(settings, "currencies"),
    };
}

int64_t account_stuck_ms(const struct gateway_account *account, enum payment_method method,
                         struct arena *arena)
{
    const struct json *settings = NULL;
    if (str_is_empty(account->settings))
        return MINUTE_MS * STUCK_MINUTES_DEFAULT;
    enum err err = json_parse(account->settings, arena, &settings, NULL);
    assert(err == OK);
    (void)err;
    int64_t minutes = number_or(settings, "stuck_minutes", STUCK_MINUTES_DEFAULT);
    if (method != METHOD_NONE) {
        struct str name = str_format(arena, "stuck_minutes_%s",
                                     word_text(&words_payment_method, method));
        minutes = number_or(settings, str_c(arena, name), minutes);
    }
    return MINUTE_MS * minutes;
}

/* The texts of a list, separated by spaces. */
static struct str list_text(const struct gateway_account *account, const char *name, size_t max,
                            struct arena *arena)
{
    const struct json *settings = NULL, *item;
    struct json_cursor cursor;
    struct buf text;
    if (str_is_empty(account->settings))
        return (struct str){ 0 };
    enum err err = json_parse(account->settings, arena, &settings, NULL);
    assert(err == OK);
    (void)err;
    buf_init(&text, arena, max);
    json_each(&cursor, json_get(settings, name));
    while (json_next(&cursor, NULL, &item)) {
        if (buf_str(&text).len > 0)
            buf_add_char(&text, ' ');
        buf_add(&text, json_text(item));
    }
    assert(buf_ok(&text));
    return buf_str(&text);
}

struct str account_notification_addresses(const struct gateway_account *account,
                                          struct arena *arena)
{
    return list_text(account, "notification_addresses",
                     ACCOUNT_ADDRESSES_MAX * (size_t)(ACCOUNT_ADDRESS_CHARS + 1), arena);
}

struct str account_notification_domains(const struct gateway_account *account,
                                        struct arena *arena)
{
    return list_text(account, "notification_domains",
                     ACCOUNT_DOMAINS_MAX * (size_t)(ACCOUNT_DOMAIN_CHARS + 1), arena);
}

/* What a check looks at, and where its sentence goes. */
struct check {
    const struct gateway *gateway;
    bool live;
    struct arena *arena;
    struct str *why;
};

static enum err check_number(const struct check *check, const struct number_rule *rule,
                             const struct json *value)
{
    int64_t number = 0;
    if (json_int(value, &number) && number >= rule->least && number <= rule->most)
        return OK;
    *check->why = str_format(check->arena, "%s is a whole number from %lld to %lld.", rule->name,
                             (long long)rule->least, (long long)rule->most);
    return ERR_VALIDATION;
}

static enum err check_word(const struct check *check, const char *name, const struct json *value,
                           const char *const *words)
{
    struct str text = json_text(value);
    struct buf all;
    buf_init(&all, check->arena, 1024);
    for (size_t i = 0; words[i] != NULL; i++) {
        if (str_equal_c(text, words[i]))
            return OK;
        buf_addf(&all, "%s%s", i > 0 ? ", " : "", words[i]);
    }
    *check->why = str_format(check->arena, "%s is one of %s.", name, buf_c(&all));
    return ERR_VALIDATION;
}

static enum err check_capture(const struct check *check, const struct json *value)
{
    const char *words[GW_CAPTURE_WAY_COUNT + 1] = { NULL };
    for (int i = 0; i < GW_CAPTURE_WAY_COUNT; i++)
        words[i] = gateway_capture_text((enum gateway_capture)i);
    return check_word(check, "capture", value, words);
}

/* Money and credentials go to this address, so what is unusual in it is refused. */
static bool is_plain_url(struct str url, bool live)
{
    static const char refused[] = "@?#\\\"<>";
    struct str scheme = STR("https://");

    if (!live && str_starts_with(url, STR("http://")))
        scheme = STR("http://");
    if (!str_starts_with(url, scheme) || !str_is_visible_ascii(url) || url.len > TEXT_MAX)
        return false;
    for (const char *c = refused; *c != '\0'; c++)
        if (str_find_char(url, *c, 0) < url.len)
            return false;
    struct str rest = str_slice(url, scheme.len, url.len);
    return str_find_char(rest, '/', 0) > 0;
}

static bool is_line(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] > '~')
            return false;
    return text.len > 0 && text.len <= TEXT_MAX && str_trim(text).len == text.len;
}

static bool is_plain_path(struct str path, bool live)
{
    struct buf url;
    char array[TEXT_MAX + 16];

    buf_fixed(&url, array, sizeof(array));
    buf_add_c(&url, "https://h");
    buf_add(&url, path);
    return str_starts_with(path, STR("/")) && buf_ok(&url) && is_plain_url(buf_str(&url), live);
}

/* What a value of that kind has to be; NULL when it is that. */
static const char *wanted(enum gateway_setting_kind kind, struct str text, bool live)
{
    switch (kind) {
    case GW_SETTING_URL:
        if (is_plain_url(text, live))
            return NULL;
        return live ? "an address that begins with https://, without credentials, query or"
                      " fragment"
                    : "an address that begins with https:// (or http:// in test mode), without"
                      " credentials, query or fragment";
    case GW_SETTING_PATH:
        return is_plain_path(text, live) ? NULL
                                         : "a path that begins with /, without query or fragment";
    case GW_SETTING_LINE:
        return is_line(text) ? NULL : "text of 1 to 255 characters of ASCII, no space at an end";
    case GW_SETTING_TEXT:
    case GW_SETTING_WORD:
        break;
    }
    if (str_is_visible_ascii(text) && text.len <= TEXT_MAX)
        return NULL;
    return "text of 1 to 255 visible characters of ASCII";
}

static enum err check_own(const struct check *check, const struct gateway_setting *rule,
                          const struct json *value)
{
    if (rule->kind == GW_SETTING_WORD)
        return check_word(check, rule->name, value, rule->words);
    const char *it = wanted(rule->kind, json_text(value), check->live);
    if (!it)
        return OK;
    *check->why = str_format(check->arena, "%s is %s.", rule->name, it);
    return ERR_VALIDATION;
}

static enum err check_addresses(const struct check *check, const struct json *value)
{
    struct json_cursor cursor;
    const struct json *item;
    bool good = json_type(value) == JSON_ARRAY && json_count(value) <= ACCOUNT_ADDRESSES_MAX;
    json_each(&cursor, value);
    while (good && json_next(&cursor, NULL, &item)) {
        struct str text = json_text(item);
        good = text.len > 0 && text.len <= ACCOUNT_ADDRESS_CHARS && str_is_visible_ascii(text);
    }
    if (good)
        return OK;
    *check->why = str_format(check->arena, "notification_addresses is a list of at most %d IP"
                                           " addresses or CIDR blocks, such as 192.0.2.0/24.",
                             ACCOUNT_ADDRESSES_MAX);
    return ERR_VALIDATION;
}

static bool is_label(struct str label)
{
    for (size_t i = 0; i < label.len; i++) {
        char c = label.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && (c < '0' || c > '9') && c != '-' && c != '_')
            return false;
    }
    return label.len > 0 && label.len <= 63;
}

/* At least two labels, for one alone would be everybody's, and no address: the last has a
 * letter. This machine itself is a domain too. */
static bool is_domain(struct str text)
{
    struct str rest = text, label = { 0 };
    size_t labels = 0;

    if (str_equal_nocase(text, STR("localhost")))
        return true;
    for (; str_cut(&rest, '.', &label); labels++)
        if (!is_label(label))
            return false;
    char first = label.len > 0 ? label.ptr[0] : '0';
    return labels >= 2 && text.len <= ACCOUNT_DOMAIN_CHARS && !str_ends_with(text, STR(".")) &&
           (first < '0' || first > '9');
}

static enum err check_domains(const struct check *check, const struct json *value)
{
    struct json_cursor cursor;
    const struct json *item;
    bool good = json_type(value) == JSON_ARRAY && json_count(value) <= ACCOUNT_DOMAINS_MAX;
    json_each(&cursor, value);
    while (good && json_next(&cursor, NULL, &item))
        good = is_domain(json_text(item));
    if (good)
        return OK;
    *check->why = str_format(check->arena, "notification_domains is a list of at most %d names of"
                                           " domains, such as gateway.example.com.",
                             ACCOUNT_DOMAINS_MAX);
    return ERR_VALIDATION;
}

static enum err check_currencies(const struct check *check, const struct json *value)
{
    struct json_cursor cursor;
    const struct json *item;
    bool good = json_type(value) == JSON_ARRAY && json_count(value) > 0
                && json_count(value) <= CURRENCY_COUNT;
    json_each(&cursor, value);
    while (good && json_next(&cursor, NULL, &item))
        good = currency_of(json_text(item)) != CURRENCY_NONE;
    if (good)
        return OK;
    *check->why = STR("currencies is a list of ISO 4217 codes, such as [\"EUR\", \"USD\"];"
                      " leave it out to take any.");
    return ERR_VALIDATION;
}

static const struct number_rule *number_rule_of(struct str name)
{
    for (size_t i = 0; i < sizeof(number_rules) / sizeof(number_rules[0]); i++)
        if (str_equal_c(name, number_rules[i].name))
            return &number_rules[i];
    return NULL;
}

static const struct gateway_setting *own_rule_of(const struct gateway *gateway, struct str name)
{
    const struct gateway_setting *rule = gateway->settings;
    while (rule && rule->name != NULL && !str_equal_c(name, rule->name))
        rule++;
    return rule && rule->name != NULL ? rule : NULL;
}

static enum err check_member(const struct check *check, struct str name, const struct json *value)
{
    const struct number_rule *number = number_rule_of(name);
    if (number)
        return check_number(check, number, value);
    if (str_equal_c(name, "capture"))
        return check_capture(check, value);
    if (str_equal_c(name, "late_success"))
        return check_word(check, "late_success", value, late_words);
    if (str_equal_c(name, "notification_addresses"))
        return check_addresses(check, value);
    if (str_equal_c(name, "notification_domains"))
        return check_domains(check, value);
    if (str_equal_c(name, "currencies"))
        return check_currencies(check, value);
    const struct gateway_setting *own = own_rule_of(check->gateway, name);
    if (own)
        return check_own(check, own, value);
    *check->why = str_format(check->arena, "An account at the gateway %s has no such setting.",
                             check->gateway->name);
    return ERR_UNKNOWN_MEMBER;
}

/* The first required setting that is not there; NULL when all are. */
static const struct gateway_setting *missing(const struct gateway *gateway,
                                             const struct json *settings)
{
    const struct gateway_setting *rule = gateway->settings;
    for (; rule && rule->name != NULL; rule++)
        if (rule->required && json_type(json_get(settings, rule->name)) == JSON_MISSING)
            return rule;
    return NULL;
}

enum err account_settings_check(const struct gateway *gateway, bool live,
                                const struct json *settings, struct arena *arena,
                                struct str *param, struct str *why)
{
    const struct check check = { gateway, live, arena, why };
    struct json_cursor cursor;
    struct str name;
    const struct json *value;
    json_each(&cursor, settings);
    while (json_next(&cursor, &name, &value)) {
        enum err err = check_member(&check, name, value);
        if (err) {
            *param = str_format(arena, "settings.%.*s", STR_ARG(name));
            return err;
        }
    }
    if (number_or(settings, "amount_from", 0) > number_or(settings, "amount_to", MONEY_MAX_MINOR)) {
        *param = STR("settings.amount_to");
        *why = STR("amount_to is not less than amount_from.");
        return ERR_VALIDATION;
    }
    const struct gateway_setting *rule = missing(gateway, settings);
    if (!rule)
        return OK;
    *param = str_format(arena, "settings.%s", rule->name);
    *why = str_format(arena, "The gateway %s needs it: %s", gateway->name, rule->what);
    return ERR_VALIDATION;
}

static bool is_credential(const struct gateway *gateway, struct str name)
{
    const char *const *at = gateway->credentials;
    while (at && *at != NULL && !str_equal_c(name, *at))
        at++;
    return at && *at != NULL;
}

enum err account_credentials_check(const struct gateway *gateway, const struct json *credentials,
                                   struct arena *arena, struct str *param, struct str *why)
{
    struct json_cursor cursor;
    struct str name;
    const struct json *value;
    json_each(&cursor, credentials);
    while (json_next(&cursor, &name, &value)) {
        struct str text = json_text(value);
        *param = str_format(arena, "credentials.%.*s", STR_ARG(name));
        if (!is_credential(gateway, name)) {
            *why = str_format(arena, "The gateway %s has no such credential.", gateway->name);
            return ERR_UNKNOWN_MEMBER;
        }
        if (str_is_empty(text) || text.len > ACCOUNT_CREDENTIAL_MAX) {
            *why = str_format(arena, "It is text of 1 to %d bytes.", ACCOUNT_CREDENTIAL_MAX);
            return ERR_VALIDATION;
        }
    }
    for (const char *const *at = gateway->credentials; at && *at != NULL; at++) {
        if (json_type(json_get(credentials, *at)) != JSON_MISSING)
            continue;
        *param = str_format(arena, "credentials.%s", *at);
        *why = str_format(arena, "The gateway %s needs it.", gateway->name);
        return ERR_VALIDATION;
    }
    return OK;
}
