/* fuzz_money.c - an exponent, then any bytes: as decimal text, as an amount, as a currency. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/money.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The amount's text reads back as the amount. */
static void check_amount(int64_t minor, int exponent)
{
    char array[64];
    struct buf buf;
    int64_t again = 0;

    buf_fixed(&buf, array, sizeof array);
    money_write_decimal(&buf, minor, exponent);
    assert(buf_ok(&buf));
    enum err err = money_parse_decimal(buf_str(&buf), exponent, &again);
    assert(err == OK && again == minor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t minor = 0;

    if (size == 0)
        return 0;
    int exponent = data[0] % 19;
    struct str text = str_make((const char *)data + 1, size - 1);

    if (money_parse_decimal(text, exponent, &minor) == OK)
        check_amount(minor, exponent);
    if (text.len >= sizeof minor) {
        memcpy(&minor, text.ptr, sizeof minor);
        check_amount(minor, exponent);
    }
    enum currency currency = currency_of(text);
    if (currency != CURRENCY_NONE)
        assert(str_equal_c(text, currency_code(currency)));
    return 0;
}
