/* money.h - amounts in minor units of a currency; no floating point anywhere.
 *
 * The currencies and their exponents are ISO 4217's (currency.def). A gateway
 * that counts otherwise has its own table in its adapter. */
#ifndef BASE_MONEY_H
#define BASE_MONEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include "base/currency.def"

enum currency {
    CURRENCY_NONE = 0,
#define X(code, number, exponent, name) CURRENCY_##code,
    CURRENCY_TABLE(X)
#undef X
    CURRENCY_COUNT
};

struct money {
    int64_t minor;
    enum currency currency;
};

/* The largest amount that the API takes, inclusive. */
#define MONEY_MAX_MINOR INT64_C(1000000000000000)

/* Three capital letters; CURRENCY_NONE when unknown. */
enum currency currency_of(struct str code);
/* By ISO number (398 is KZT), as some gateways write it; CURRENCY_NONE when unknown. */
enum currency currency_of_number(int number);
const char *currency_code(enum currency currency);
int currency_number(enum currency currency);
int currency_exponent(enum currency currency);
const char *currency_name(enum currency currency);

/* False on overflow, with `out` untouched. */
must_check bool money_add(int64_t a_minor, int64_t b_minor, int64_t *out_minor);
must_check bool money_sub(int64_t a_minor, int64_t b_minor, int64_t *out_minor);

/* "12.50" <-> 1250 with `exponent` decimals. Reading takes an optional '-', digits, and
 * at most `exponent` decimals (more are refused unless they are zeros); no exponent
 * form, no spaces, no separators. ERR_VALIDATION when malformed or too large. */
void money_write_decimal(struct buf *out, int64_t minor, int exponent);
must_check enum err money_parse_decimal(struct str text, int exponent, int64_t *out_minor);

/* "12.50 EUR", for people. */
void money_write(struct buf *out, struct money money);

#endif
