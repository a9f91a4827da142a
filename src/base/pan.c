/* pan.c - one pass over the text. A group is a run of digits without anything between;
 * a card number is one group or several, joined by single separators. */
#include "base/pan.h"

#include <assert.h>
#include <stdint.h>

#define PAN_MIN 12
#define PAN_MAX 19
#define SHOWN 4 /* the last digits, which a receipt may show */

/* The ways in which a digit is written: the first byte or bytes, then '0' to '9' in turn. */
struct digit_script {
    struct str lead;
    unsigned char zero;
};
static const struct digit_script scripts[] = {
    { STR_INIT("\xef\xbc"), 0x90 }, /* full-width, U+FF10 */
    { STR_INIT("\xd9"), 0xa0 },     /* Arabic-Indic, U+0660 */
    { STR_INIT("\xdb"), 0xb0 },     /* Arabic-Indic as in Persian and Urdu, U+06F0 */
};

/* The digit at `at` and its length in bytes; 0 when there is none. */
static size_t read_digit(struct str text, size_t at, unsigned *digit)
{
    if (at >= text.len)
        return 0;
    unsigned char first = (unsigned char)text.ptr[at];
    if (first < 0x80) {
        *digit = first - (unsigned)'0';
        return first >= '0' && first <= '9' ? 1 : 0;
    }
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        size_t len = scripts[i].lead.len + 1;
        struct str bytes = str_slice(text, at, len);
        if (bytes.len != len || !str_starts_with(bytes, scripts[i].lead))
            continue;
        *digit = (unsigned)(unsigned char)bytes.ptr[len - 1] - scripts[i].zero;
        return *digit <= 9 ? len : 0;
    }
    return 0;
}

/* The Luhn sum of a number that is still growing: which digits count double is known only
 * when the last one is, so both sums are kept. */
struct luhn {
    unsigned sums[2]; /* [0]: digits at even positions doubled; [1]: at odd ones */
    unsigned count;
    unsigned first;
};

static void luhn_add(struct luhn *luhn, unsigned digit)
{
    unsigned doubled = digit < 5 ? digit * 2 : digit * 2 - 9;

    if (luhn->count == 0)
        luhn->first = digit;
    luhn->sums[luhn->count % 2] += doubled;
    luhn->sums[1 - luhn->count % 2] += digit;
    luhn->count++;
}

/* The last digit is never doubled, the one before it always. */
static bool luhn_ok(const struct luhn *luhn)
{
    return luhn->count > 0 && luhn->sums[luhn->count % 2] % 10 == 0;
}

static bool is_pan(const struct luhn *luhn)
{
    /* No issuer's numbers begin with these (ISO/IEC 7812); times in milliseconds do. */
    bool issued = luhn->first >= 2 && luhn->first != 7;

    return issued && luhn->count >= PAN_MIN && luhn->count <= PAN_MAX && luhn_ok(luhn);
}

struct span {
    size_t end;        /* 0 when there is no card number */
    size_t shown_from; /* where its last four digits begin */
};

/* The longest card number that begins with the group at `at`. */
static struct span match_at(struct str text, size_t at)
{
    struct luhn luhn = { 0 };
    struct span found = { 0 };
    size_t starts[PAN_MAX];
    unsigned digit = 0;
    size_t step = 0;

    while ((step = read_digit(text, at, &digit)) > 0) {
        if (luhn.count == PAN_MAX)
            return found;
        starts[luhn.count] = at;
        luhn_add(&luhn, digit);
        at += step;
        if (read_digit(text, at, &digit) > 0)
            continue;
        /* Here a group ends. */
        if (is_pan(&luhn))
            found = (struct span){ at, starts[luhn.count - SHOWN] };
        if (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '.' || text.ptr[at] == '-'))
            at++;
        else
            break;
    }
    return found;
}

bool pan_find(struct str text, size_t *at, size_t *len)
{
    bool in_group = false;
    unsigned digit = 0;

    for (size_t i = 0; i < text.len;) {
        size_t step = read_digit(text, i, &digit);
        if (step > 0 && !in_group) {
            struct span span = match_at(text, i);
            if (span.end > 0) {
                *at = i;
                *len = span.end - i;
                return true;
            }
        }
        in_group = step > 0;
        i += step > 0 ? step : 1;
    }
    return false;
}

bool pan_present(struct str text)
{
    size_t at = 0;
    size_t len = 0;

    return pan_find(text, &at, &len);
}

void pan_write_masked(struct buf *out, struct str text)
{
    size_t masked_to = 0;
    size_t written = 0;
    bool in_group = false;
    unsigned digit = 0;

    /* Numbers may overlap ("20 5555 5555 5555 4444"): a digit is shown only when all of
     * them allow it. */
    for (size_t i = 0; i < text.len;) {
        size_t step = read_digit(text, i, &digit);
        if (step > 0 && !in_group) {
            size_t shown_from = match_at(text, i).shown_from;
            masked_to = shown_from > masked_to ? shown_from : masked_to;
        }
        in_group = step > 0;
        if (in_group && i < masked_to) {
            buf_add(out, str_slice(text, written, i - written));
            buf_add_char(out, '*');
            written = i + step;
        }
        i += in_group ? step : 1;
    }
    buf_add(out, str_slice(text, written, text.len));
}

bool pan_luhn_ok(struct str digits)
{
    struct luhn luhn = { 0 };

    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return false;
        luhn_add(&luhn, (unsigned)(digits.ptr[i] - '0'));
    }
    return luhn_ok(&luhn);
}
