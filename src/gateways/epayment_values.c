/* epayment_values.c - numbers of orders, amounts, ids and reasons, as epayment writes them. */
#include <assert.h>

#include "base/crypto.h"
#include "gateways/epayment.def"
#include "gateways/epayment.h"

#define ORDER_DIGITS_LEAST 6
#define ORDER_DIGITS_MOST 15
#define ID_MOST 64
#define ORDER_SECRET_BYTES 16

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool epayment_is_order(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_digit(text.ptr[i]))
            return false;
    return text.len >= ORDER_DIGITS_LEAST && text.len <= ORDER_DIGITS_MOST;
}

bool epayment_is_id(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !is_digit(c) && c != '-')
            return false;
    }
    return text.len > 0 && text.len <= ID_MOST;
}

struct str epayment_order_secret(const struct json *credentials, struct str order,
                                 struct arena *arena)
{
    struct str key = json_text(json_get(credentials, "notify_secret"));
    struct buf text;

    if (str_is_empty(key))
        return (struct str){ 0 };
    struct sha512 mac = crypto_hmac_sha512(key, order);
    buf_init(&text, arena, 2 * ORDER_SECRET_BYTES);
    buf_add_hex(&text, mac.bytes, ORDER_SECRET_BYTES);
    assert(buf_ok(&text));
    return buf_str(&text);
}

void epayment_amount_write(struct buf *out, struct money amount)
{
    int exponent = currency_exponent(amount.currency);
    int64_t unit = 1;

    for (int i = 0; i < exponent; i++)
        unit *= 10;
    if (amount.minor % unit == 0)
        buf_add_i64(out, amount.minor / unit);
    else
        money_write_decimal(out, amount.minor, exponent);
}

bool epayment_amount_read(struct str amount, struct str currency, struct money *out)
{
    struct money read = { 0, currency_of(currency) };

    if (read.currency == CURRENCY_NONE ||
        money_parse_decimal(amount, currency_exponent(read.currency), &read.minor) != OK ||
        read.minor < 0 || read.minor > MONEY_MAX_MINOR)
        return false;
    *out = read;
    return true;
}

const struct json *epayment_member(const struct json *object, const char *name)
{
    struct json_cursor cursor;
    struct str found;
    const struct json *value;

    if (!json_is_object(object))
        return NULL;
    json_each(&cursor, object);
    while (json_next(&cursor, &found, &value))
        if (str_equal_nocase(found, str_of(name)))
            return value;
    return NULL;
}

struct str epayment_text(const struct json *object, const char *name)
{
    return json_text(epayment_member(object, name));
}

#define X(name, outcome, code, meaning) CLASS_##name,
enum reason_class { EPAYMENT_CLASSES(X) };
#undef X

static const struct epayment_reason classes[] = {
#define X(name, outcome, code, meaning) [CLASS_##name] = { GW_##outcome, STR_INIT(code) },
    EPAYMENT_CLASSES(X)
#undef X
};

struct epayment_reason epayment_reason_of(struct str number)
{
    static const struct {
        struct str number;
        enum reason_class class;
    } reasons[] = {
#define X(number, class) { STR_INIT(#number), CLASS_##class },
        EPAYMENT_REASONS(X)
#undef X
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (str_equal(number, reasons[i].number))
            return classes[reasons[i].class];
    return classes[CLASS_DECLINED];
}
