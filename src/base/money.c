#include "base/money.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define CODE_LEN 3
#define NUMBER_COUNT 1000
#define EXPONENT_MAX 18 /* the most decimals that int64_t can tell apart */

struct currency_row {
    const char *code;
    int number;
    int exponent;
    const char *name;
};

/* clang-format off */
static const struct currency_row rows[CURRENCY_COUNT] = {
    [CURRENCY_NONE] = { "", 0, 0, "" },
#define X(code, number, exponent, name) [CURRENCY_##code] = { #code, number, exponent, name },
    CURRENCY_TABLE(X)
#undef X
};

/* Two currencies of one number do not compile. */
static const enum currency by_number[NUMBER_COUNT] = {
#define X(code, number, exponent, name) [number] = CURRENCY_##code,
    CURRENCY_TABLE(X)
#undef X
};
/* clang-format on */

static const struct currency_row *row_of(enum currency currency)
{
    assert((unsigned)currency < CURRENCY_COUNT);
    return &rows[currency];
}

/* The table is in the order of the codes. */
enum currency currency_of(struct str code)
{
    unsigned low = CURRENCY_NONE + 1;
    unsigned high = CURRENCY_COUNT;

    if (code.len != CODE_LEN)
        return CURRENCY_NONE;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        int order = memcmp(code.ptr, rows[middle].code, CODE_LEN);
        if (order == 0)
            return (enum currency)middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return CURRENCY_NONE;
}

enum currency currency_of_number(int number)
{
    return number >= 0 && number < NUMBER_COUNT ? by_number[number] : CURRENCY_NONE;
}

const char *currency_code(enum currency currency)
{
    return row_of(currency)->code;
}

int currency_number(enum currency currency)
{
    return row_of(currency)->number;
}

int currency_exponent(enum currency currency)
{
    return row_of(currency)->exponent;
}

const char *currency_name(enum currency currency)
{
    return row_of(currency)->name;
}

bool money_add(int64_t a_minor, int64_t b_minor, int64_t *out_minor)
{
    int64_t sum = 0;

    if (__builtin_add_overflow(a_minor, b_minor, &sum))
        return false;
    *out_minor = sum;
    return true;
}

bool money_sub(int64_t a_minor, int64_t b_minor, int64_t *out_minor)
{
    int64_t difference = 0;

    if (__builtin_sub_overflow(a_minor, b_minor, &difference))
        return false;
    *out_minor = difference;
    return true;
}

void money_write_decimal(struct buf *out, int64_t minor, int exponent)
{
    char text[1 + EXPONENT_MAX + 1 + 20];
    size_t at = sizeof text;
    uint64_t magnitude = minor < 0 ? 0 - (uint64_t)minor : (uint64_t)minor;

    assert(exponent >= 0 && exponent <= EXPONENT_MAX);
    for (int digits = 0; magnitude > 0 || digits <= exponent; digits++) {
        if (digits == exponent && exponent > 0)
            text[--at] = '.';
        text[--at] = (char)('0' + magnitude % 10);
        magnitude /= 10;
    }
    if (minor < 0)
        text[--at] = '-';
    buf_add_bytes(out, text + at, sizeof text - at);
}

/* Counts downwards when negative, because only that side holds INT64_MIN. */
static bool append_digit(int64_t *value, char digit, bool negative)
{
    int64_t step = digit - '0';

    return !__builtin_mul_overflow(*value, INT64_C(10), value) &&
           !__builtin_add_overflow(*value, negative ? -step : step, value);
}

static bool is_digits(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    }
    return text.len > 0;
}

static bool is_zeros(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '0')
            return false;
    }
    return true;
}

enum err money_parse_decimal(struct str text, int exponent, int64_t *out_minor)
{
    assert(exponent >= 0 && exponent <= EXPONENT_MAX);

    bool negative = text.len > 0 && text.ptr[0] == '-';
    struct str rest = negative ? str_slice(text, 1, text.len) : text;
    size_t point = str_find_char(rest, '.', 0);
    struct str whole = str_slice(rest, 0, point);
    struct str fraction = str_slice(rest, point + 1, rest.len);
    bool has_point = point < rest.len;
    size_t decimals = (size_t)exponent;
    if (!is_digits(whole) || (has_point && !is_digits(fraction)) ||
        !is_zeros(str_slice(fraction, decimals, fraction.len)))
        return ERR_VALIDATION;

    int64_t minor = 0;
    for (size_t i = 0; i < whole.len; i++) {
        if (!append_digit(&minor, whole.ptr[i], negative))
            return ERR_VALIDATION;
    }
    for (size_t i = 0; i < decimals; i++) {
        if (!append_digit(&minor, i < fraction.len ? fraction.ptr[i] : '0', negative))
            return ERR_VALIDATION;
    }
    *out_minor = minor;
    return OK;
}

void money_write(struct buf *out, struct money money)
{
    money_write_decimal(out, money.minor, currency_exponent(money.currency));
    buf_add_char(out, ' ');
    buf_add_c(out, currency_code(money.currency));
}
