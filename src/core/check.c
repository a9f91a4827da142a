/* check.c - findings about a gateway account, and the test message that purser sends itself. */
#include "core/check.h"

#include <assert.h>

#include "base/crypto.h"
#include "base/time.h"
#include "core/account.h"
#include "core/render.h"

/* Tokens and expiry go by the clock. The header has whole seconds, and both ends of a call some. */
#define CLOCK_APART_MS (10 * SECOND_MS)

const char *check_status_text(enum check_status status)
{
    static const char *const texts[] = {
#define X(name, text, meaning) [CHECK_##name] = text,
        CHECK_STATUSES(X)
#undef X
    };

    assert(status < CHECK_STATUS_COUNT);
    return texts[status];
}

const char *check_item_text(enum check_item item)
{
    static const char *const texts[] = {
#define X(name, text, network, meaning) [CHECK_ITEM_##name] = text,
        CHECK_ITEMS(X)
#undef X
    };

    assert(item < CHECK_ITEM_COUNT);
    return texts[item];
}

const char *check_verdict_text(enum check_verdict verdict)
{
    static const char *const texts[] = {
#define X(name, text, meaning) [CHECK_VERDICT_##name] = text,
        CHECK_VERDICTS(X)
#undef X
    };

    assert(verdict < CHECK_VERDICT_COUNT);
    return texts[verdict];
}

void check_begin(struct check_report *report, const struct gateway *gateway)
{
    static const bool network[] = {
#define X(name, text, is_network, meaning) [CHECK_ITEM_##name] = is_network,
        CHECK_ITEMS(X)
#undef X
    };

    *report = (struct check_report){ 0 };
    for (int i = 0; i < CHECK_ITEM_COUNT; i++)
        report->applies[i] = !network[i] || !gateway->in_process;
    if (!gateway->notices.verify)
        report->applies[CHECK_ITEM_NOTIFICATIONS] = false;
}

void check_find(struct check_report *report, enum check_item item, enum check_status status,
                struct str detail, struct str advice)
{
    report->of[item] = (struct check_finding){ status, detail, advice };
}

void check_say_why_not(struct check_report *report, struct str detail, struct str advice)
{
    for (int i = 0; i < CHECK_ITEM_COUNT; i++)
        if (report->of[i].status == CHECK_NOT_RUN && str_is_empty(report->of[i].detail))
            check_find(report, (enum check_item)i, CHECK_NOT_RUN, detail, advice);
}

/* --- the account --- */

struct look {
    const struct gateway *gateway;
    const struct gateway_account *account;
    const struct secret *credentials;
    struct str public_url;
    struct arena *arena;
    struct check_report *report;
};

static bool fail(const struct look *look, enum check_item item, struct str detail,
                 struct str advice)
{
    check_find(look->report, item, CHECK_FAILED, detail, advice);
    return false;
}

/* Its members, by the rules of this binary: those that stored them may have been others. */
static bool has_whole_members(const struct look *look)
{
    const struct gateway_account *account = look->account;
    struct str param = { 0 }, why = { 0 };
    const struct json *settings = NULL;

    if (!str_is_empty(account->settings) &&
        json_parse(account->settings, look->arena, &settings, NULL) != OK)
        return fail(look, CHECK_ITEM_SETTINGS, STR("The settings are no JSON."),
                    STR("Set them anew, with PATCH of the account."));
    enum err err = account_settings_check(look->gateway, account->live, settings, look->arena,
                                          &param, &why);
    if (!err)
        err = account_credentials_check(look->gateway,
                                        gateway_credentials(look->credentials, look->arena),
                                        look->arena, &param, &why);
    if (!err)
        return true;
    return fail(look, CHECK_ITEM_SETTINGS,
                str_format(look->arena, "%.*s: %.*s", STR_ARG(param), STR_ARG(why)),
                STR("Set it, with PATCH of the account."));
}

static bool is_whole(const struct look *look)
{
    if (str_is_empty(look->account->credentials) || look->credentials)
        return has_whole_members(look);
    return fail(look, CHECK_ITEM_SETTINGS,
                STR("The stored credentials open with none of the keys in use."),
                STR("Restore the key (purser credentials status), or set them anew."));
}

static bool may_be_used(const struct look *look)
{
    const struct gateway_account *account = look->account;

    if (account->disabled)
        return fail(look, CHECK_ITEM_SETTINGS, STR("The account is disabled."),
                    STR("Enable it: PATCH of the account with {\"disabled\": false}."));
    if (account->live && look->gateway->test_only)
        return fail(look, CHECK_ITEM_SETTINGS, STR("The gateway is for test mode only."),
                    STR("Take real money with an account at another gateway."));
    if (account->live && look->gateway->notices.verify &&
        !str_starts_with(look->public_url, STR("https://")))
        return fail(look, CHECK_ITEM_SETTINGS,
                    str_format(look->arena, "Gateways are told to call %.*s, which is not https.",
                               STR_ARG(look->public_url)),
                    STR("Set public_url to the https:// address under which purser is reached."));
    return true;
}

/* Whether the adapter can write an order of one whole unit of it. */
static bool can_be_asked(const struct look *look, enum currency currency)
{
    bool digits = look->gateway->references == GW_REFERENCE_DIGITS;
    struct str reference = digits ? STR("000100001") : STR("op_00000000000000000000000000");
    struct http_request request;
    int64_t minor = 1;

    if (look->gateway->in_process)
        return true;
    for (int i = 0; i < currency_exponent(currency); i++)
        minor *= 10;
    const struct gateway_ask ask = {
        .call = OPERATION_KIND_AUTHORIZE,
        .about = OPERATION_KIND_AUTHORIZE,
        .reference = reference,
        .payment_reference = reference,
        .amount = { minor, currency },
        .credentials = look->credentials,
        .method = METHOD_GATEWAY_PAGE,
        .public_url = look->public_url,
        .live = look->account->live,
        .settings = look->account->settings,
    };
    return look->gateway->calls[ask.call].build(&ask, look->arena, &request) != ERR_VALIDATION;
}

/* "EUR, USD"; false when one of them cannot be sent: then it is that one. */
static bool name_currencies(const struct look *look, const struct json *currencies,
                            struct str *out)
{
    struct json_cursor cursor;
    const struct json *item;
    struct buf all;

    buf_init(&all, look->arena, (size_t)4 << 10);
    json_each(&cursor, currencies);
    while (json_next(&cursor, NULL, &item)) {
        struct str code = json_text(item);
        if (!can_be_asked(look, currency_of(code))) {
            *out = code;
            return false;
        }
        buf_addf(&all, "%s%.*s", all.len > 0 ? ", " : "", STR_ARG(code));
    }
    *out = buf_str(&all);
    return true;
}

static void look_at_currencies(const struct look *look, const struct account_settings *settings)
{
    struct str names = STR("any, for the setting `currencies` is not there");

    if (settings->currencies && !name_currencies(look, settings->currencies, &names)) {
        fail(look, CHECK_ITEM_CURRENCIES,
             str_format(look->arena, "%.*s cannot be asked of %s.", STR_ARG(names),
                        look->gateway->title),
             STR("Take it out of the setting `currencies`."));
        return;
    }
    struct str detail = str_format(look->arena, "Taken: %.*s.", STR_ARG(names));
    if (look->gateway->in_process)
        check_find(look->report, CHECK_ITEM_CURRENCIES, CHECK_OK, detail, (struct str){ 0 });
    else
        check_find(look->report, CHECK_ITEM_CURRENCIES, CHECK_BY_HAND, detail,
                   STR("Compare with your contract there; set `currencies` to what it has."));
}

/* When payments come to it that name no account. */
static struct str route_text(const struct look *look, const struct account_settings *settings)
{
    if (settings->priority > 0)
        return str_format(look->arena, "priority %lld among the routes",
                          (long long)settings->priority);
    return look->account->is_default ? STR("the default account")
                                     : STR("for payments that name it, for it is no route");
}

bool check_account(struct check_report *report, const struct gateway *gateway,
                   const struct gateway_account *account, const struct secret *credentials,
                   struct str public_url, struct arena *arena)
{
    const struct look look = { gateway, account, credentials, public_url, arena, report };

    if (!is_whole(&look))
        return false;
    struct account_settings settings = account_settings(account, gateway, arena);
    look_at_currencies(&look, &settings);
    if (may_be_used(&look))
        check_find(report, CHECK_ITEM_SETTINGS, CHECK_OK,
                   str_format(arena, "%s mode, %.*s.", account->live ? "Live" : "Test",
                              STR_ARG(route_text(&look, &settings))),
                   (struct str){ 0 });
    return true;
}

/* --- the clock --- */

void check_clock(struct check_report *report, struct str http_date, int64_t now_ms,
                 int64_t took_ms, struct arena *arena)
{
    int64_t theirs_ms = 0;

    if (!time_parse_http(http_date, &theirs_ms)) {
        check_find(report, CHECK_ITEM_CLOCK, CHECK_BY_HAND,
                   STR("The gateway's answer has no date in it."),
                   STR("Compare this machine's clock with NTP."));
        return;
    }
    int64_t ahead_ms = now_ms - theirs_ms;
    int64_t apart_ms = ahead_ms < 0 ? -ahead_ms : ahead_ms;
    if (apart_ms > CLOCK_APART_MS + took_ms)
        check_find(report, CHECK_ITEM_CLOCK, CHECK_FAILED,
                   str_format(arena, "This machine's clock is %lld s %s the gateway's.",
                              (long long)(apart_ms / SECOND_MS),
                              ahead_ms < 0 ? "behind" : "ahead of"),
                   STR("Set the clock, and keep it with NTP: expiry and tokens go by it."));
    else
        check_find(report, CHECK_ITEM_CLOCK, CHECK_OK, STR("As the gateway's, within seconds."),
                   (struct str){ 0 });
}

/* --- what came out --- */

enum check_verdict check_verdict(const struct check_report *report)
{
    enum check_verdict verdict = CHECK_VERDICT_READY;

    for (int i = 0; i < CHECK_ITEM_COUNT; i++) {
        if (!report->applies[i])
            continue;
        if (report->of[i].status == CHECK_FAILED)
            return CHECK_VERDICT_NOT_READY;
        if (report->of[i].status == CHECK_NOT_RUN)
            verdict = CHECK_VERDICT_UNKNOWN;
    }
    return verdict;
}

void check_render(struct json_out *out, const char *name, const struct gateway_account *account,
                  const struct check_report *report, int64_t now_ms)
{
    json_open_object(out, name);
    json_put_text(out, "object", STR("gateway_account_check"));
    RENDER_ID(out, "gateway_account", gateway_account, account->id);
    json_put_text(out, "gateway", account->gateway);
    json_put_text_or_null(out, "description", account->description);
    json_put_text(out, "status", str_of(check_verdict_text(check_verdict(report))));
    json_open_array(out, "checks");
    for (int i = 0; i < CHECK_ITEM_COUNT; i++) {
        const struct check_finding *found = &report->of[i];
        if (!report->applies[i])
            continue;
        json_open_object(out, NULL);
        json_put_text(out, "name", str_of(check_item_text((enum check_item)i)));
        json_put_text(out, "status", str_of(check_status_text(found->status)));
        json_put_text(out, "detail", found->detail);
        json_put_text_or_null(out, "advice", found->advice);
        json_close_object(out);
    }
    json_close_array(out);
    json_put_bool(out, "live", account->live);
    json_put_time(out, "checked_at", now_ms);
    json_close_object(out);
}

/* --- the test message --- */

static struct str mac_text(const struct secret *key, const char *what, struct str of,
                           struct arena *arena)
{
    const struct str pieces[] = { STR("gateway account check"), str_of(what), of };
    struct sha256 mac = crypto_hmac_sha256(secret_reveal(key), pieces, 3);
    struct buf text;

    buf_init(&text, arena, 2 * SHA256_SIZE);
    buf_add_hex(&text, mac.bytes, sizeof mac.bytes);
    assert(buf_ok(&text));
    return buf_str(&text);
}

/* "END.MAC": until when it is good, and the MAC over that and the account. */
static struct str test_of(const struct secret *key, struct gateway_account_id account,
                          int64_t end_ms, struct arena *arena)
{
    struct buf signed_text;

    buf_init(&signed_text, arena, ID_TEXT_MAX + 32);
    gateway_account_id_write(&signed_text, account);
    buf_addf(&signed_text, ".%lld", (long long)end_ms);
    struct str mac = mac_text(key, "test", buf_str(&signed_text), arena);
    return str_format(arena, "%lld.%.*s", (long long)end_ms, STR_ARG(mac));
}

struct str check_test_make(const struct secret *installation_key,
                           struct gateway_account_id account, int64_t now_ms,
                           struct arena *arena)
{
    return test_of(installation_key, account, now_ms + CHECK_TEST_LIVES_MS, arena);
}

bool check_test_verify(const struct secret *installation_key, struct gateway_account_id account,
                       struct str test, int64_t now_ms)
{
    size_t dot = str_find_char(test, '.', 0);
    struct arena arena = { 0 };
    int64_t end_ms = 0;

    /* What was made by another node with a clock that is ahead is good for longer, but not for
     * ever. */
    if (test.len > CHECK_TEST_MAX || !str_to_i64(str_slice(test, 0, dot), &end_ms) ||
        end_ms < now_ms || end_ms - now_ms > 2 * CHECK_TEST_LIVES_MS)
        return false;
    struct str expected = test_of(installation_key, account, end_ms, &arena);
    bool good = test.len == expected.len && crypto_equal(test.ptr, expected.ptr, test.len);
    arena_done(&arena);
    return good;
}

struct str check_test_answer(const struct secret *installation_key, struct str test,
                             struct arena *arena)
{
    return mac_text(installation_key, "answer", test, arena);
}
