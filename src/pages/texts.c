#include "pages/texts.h"

#include <assert.h>

#include "base/time.h"

/* clang-format off */
static const struct {
    const char *code, *decimal, *thousand;
    char date;
    const char *direction;
} languages[] = {
#define X(code, name, decimal, thousand, date, dir) { code, decimal, thousand, date, dir },
    CHECKOUT_LANGUAGES(X)
#undef X
};
/* A key without a text in every language does not compile. */
static const char *const texts[TEXT_COUNT][LANGUAGE_COUNT] = {
#define X(key, en, ru, kk, fr, de, cy) [TEXT_##key] = { en, ru, kk, fr, de, cy },
    CHECKOUT_TEXTS(X)
#undef X
};
/* clang-format on */

enum language language_of(struct str code)
{
    for (unsigned i = 0; i < LANGUAGE_COUNT; i++)
        if (str_equal_c(code, languages[i].code))
            return (enum language)i;
    return LANGUAGE_EN;
}

const char *language_code(enum language language)
{
    assert(language < LANGUAGE_COUNT);
    return languages[language].code;
}

const char *language_direction(enum language language)
{
    assert(language < LANGUAGE_COUNT);
    return languages[language].direction;
}

struct str text_of(enum text text, enum language language)
{
    assert(text < TEXT_COUNT && language < LANGUAGE_COUNT);
    return str_of(texts[text][language]);
}

void text_write_amount(struct buf *out, struct money amount, enum language spoken)
{
    char plain[64];
    struct buf text;

    buf_fixed(&text, plain, sizeof plain);
    money_write(&text, amount);
    struct str number = buf_str(&text);
    struct str currency = str_slice(number, str_find_char(number, ' ', 0), number.len);
    number = str_slice(number, 0, str_find_char(number, ' ', 0));
    size_t point = str_find_char(number, '.', 0);
    for (size_t i = 0; i < point; i++) {
        if (i > 0 && (point - i) % 3 == 0)
            buf_add_c(out, languages[spoken].thousand);
        buf_add_char(out, number.ptr[i]);
    }
    if (point < number.len) {
        buf_add_c(out, languages[spoken].decimal);
        buf_add(out, str_slice(number, point + 1, number.len));
    }
    /* A line is not broken between the two. */
    buf_add_c(out, "\xc2\xa0");
    buf_add(out, str_trim(currency));
}

void text_write_time(struct buf *out, int64_t time_ms, enum language language)
{
    struct time_parts at = time_split(time_ms);
    char mark = languages[language].date;

    buf_addf(out, "%02d%c%02d%c%04d %02d:%02d UTC", at.day, mark, at.month, mark, at.year, at.hour,
             at.minute);
}
