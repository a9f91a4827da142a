#include "api/card.h"

#include "base/pan.h"
#include "base/time.h"

struct card_body {
    struct str number;
    int64_t exp_month;
    int64_t exp_year;
    struct str cvc;
    struct str holder_name;
};

static const struct field card_fields[] = {
    FIELD(struct card_body, number, DIGITS, .required = true, .least = 12, .most = 19),
    FIELD(struct card_body, exp_month, INT, .required = true, .least = 1, .most = 12),
    FIELD(struct card_body, exp_year, INT, .required = true, .least = 2000, .most = 2099),
    FIELD(struct card_body, cvc, DIGITS, .required = true, .least = 3, .most = 4),
    FIELD(struct card_body, holder_name, TEXT, .most = 100),
};

/* First digits of the numbers of the networks, from their published ranges; the first
 * that fits counts. `from` and `to` have the same number of digits. */
struct brand_range {
    const char *brand;
    int digits;
    int from, to;
};

static const struct brand_range brand_ranges[] = {
    /* clang-format off */
    { "mir",        4, 2200,   2204   },
    { "mastercard", 4, 2221,   2720   },
    { "mastercard", 2, 51,     55     },
    { "amex",       2, 34,     34     },
    { "amex",       2, 37,     37     },
    { "diners",     3, 300,    305    },
    { "diners",     2, 36,     36     },
    { "diners",     2, 38,     39     },
    { "jcb",        4, 3528,   3589   },
    { "discover",   4, 6011,   6011   },
    { "discover",   3, 644,    649    },
    { "discover",   2, 65,     65     },
    { "unionpay",   2, 62,     62     },
    { "maestro",    2, 50,     50     },
    { "maestro",    2, 56,     58     },
    { "maestro",    2, 63,     63     },
    { "maestro",    2, 67,     67     },
    { "visa",       1, 4,      4      },
    /* clang-format on */
};

struct str card_brand(struct str number)
{
    for (size_t i = 0; i < sizeof brand_ranges / sizeof brand_ranges[0]; i++) {
        const struct brand_range *range = &brand_ranges[i];
        int64_t first = 0;
        if (!str_to_i64(str_slice(number, 0, (size_t)range->digits), &first))
            continue;
        if (first >= range->from && first <= range->to)
            return str_of(range->brand);
    }
    return (struct str){ 0 };
}

static bool has_expired(const struct card_body *body, int64_t now_ms)
{
    struct time_parts now = time_split(now_ms);

    if (body->exp_year != now.year)
        return body->exp_year < now.year;
    return body->exp_month < now.month;
}

static enum err check(const struct card_body *body, const char *where, int64_t now_ms,
                      struct trouble *trouble)
{
    if (!pan_luhn_ok(body->number))
        return trouble_about(trouble, ERR_VALIDATION, str_format(trouble->arena, "%snumber", where),
                             "number is no card number: its check digit is wrong.");
    if (has_expired(body, now_ms)) {
        struct time_parts now = time_split(now_ms);
        const char *member = body->exp_year < now.year ? "exp_year" : "exp_month";
        return trouble_about(trouble, ERR_VALIDATION,
                             str_format(trouble->arena, "%s%s", where, member),
                             "The card has expired.");
    }
    return OK;
}

enum err card_read(const struct json *object, const char *where, int64_t now_ms,
                   struct arena *arena, struct card_given *out, struct trouble *trouble)
{
    struct card_body body = { 0 };

    enum err err = fields_read(FIELDS(card_fields), object, where, &body, trouble);
    if (!err)
        err = check(&body, where, now_ms, trouble);
    if (err)
        return err;
    *out = (struct card_given){
        .card = {
            .number = secret_copy(body.number),
            .cvc = secret_copy(body.cvc),
            .holder_name = body.holder_name,
            .exp_month = (int)body.exp_month,
            .exp_year = (int)body.exp_year,
        },
        .brand = card_brand(body.number),
        .last4 = str_copy(arena, str_slice(body.number, body.number.len - 4, 4)),
    };
    return OK;
}

void card_done(struct card *card)
{
    secret_done(&card->number);
    secret_done(&card->cvc);
    secret_done(&card->saved);
}
