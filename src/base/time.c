#include "base/time.h"

#include <assert.h>

#define DAYS_PER_ERA 146097 /* 400 years */

/* Days from 1970-01-01 to a date of the Gregorian calendar, with years that begin in
 * March, so that the leap day is the last of its year. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * DAYS_PER_ERA + day_of_era - 719468;
}

struct time_parts time_split(int64_t time_ms)
{
    if (time_ms < 0)
        time_ms = 0;
    if (time_ms > TIME_MAX_MS)
        time_ms = TIME_MAX_MS;

    int64_t days = time_ms / DAY_MS + 719468;
    int64_t day_of_era = days % DAYS_PER_ERA;
    int64_t leap_days = day_of_era / 1460 - day_of_era / 36524 + day_of_era / 146096;
    int64_t year_of_era = (day_of_era - leap_days) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    int64_t year = days / DAYS_PER_ERA * 400 + year_of_era + (month >= 10 ? 1 : 0);
    int64_t in_day = time_ms % DAY_MS;

    return (struct time_parts){
        .year = (int)year,
        .month = (int)(month < 10 ? month + 3 : month - 9),
        .day = (int)(day_of_year - (153 * month + 2) / 5 + 1),
        .hour = (int)(in_day / HOUR_MS),
        .minute = (int)(in_day % HOUR_MS / MINUTE_MS),
        .second = (int)(in_day % MINUTE_MS / SECOND_MS),
        .millisecond = (int)(in_day % SECOND_MS),
    };
}

static char *put_digits(char *at, int value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + width;
}

void time_write(struct buf *out, int64_t time_ms)
{
    static const size_t len = sizeof "2026-03-01T12:00:00.000Z" - 1;
    struct time_parts parts = time_split(time_ms);
    char *text = buf_reserve(out, len);

    if (text == NULL)
        return;
    char *at = put_digits(text, parts.year, 4);
    *at++ = '-';
    at = put_digits(at, parts.month, 2);
    *at++ = '-';
    at = put_digits(at, parts.day, 2);
    *at++ = 'T';
    at = put_digits(at, parts.hour, 2);
    *at++ = ':';
    at = put_digits(at, parts.minute, 2);
    *at++ = ':';
    at = put_digits(at, parts.second, 2);
    *at++ = '.';
    at = put_digits(at, parts.millisecond, 3);
    *at++ = 'Z';
    assert(at == text + len);
    out->len += len;
}

/* The text is eaten from the front; `ok` is checked once, at the end. */
struct reader {
    struct str rest;
    bool ok;
};

static bool next_is(const struct reader *reader, char c)
{
    return reader->rest.len > 0 && reader->rest.ptr[0] == c;
}

static void skip(struct reader *reader, char c)
{
    if (next_is(reader, c))
        reader->rest = str_slice(reader->rest, 1, reader->rest.len);
    else
        reader->ok = false;
}

static int read_number(struct reader *reader, size_t width, int low, int high)
{
    uint64_t value = 0;
    struct str digits = str_slice(reader->rest, 0, width);

    if (digits.len != width || !str_to_u64(digits, &value) || (int)value < low ||
        (int)value > high) {
        reader->ok = false;
        return low;
    }
    reader->rest = str_slice(reader->rest, width, reader->rest.len);
    return (int)value;
}

static int days_in_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

/* Milliseconds of ".123456": one to nine digits, of which three count. */
static int read_fraction(struct reader *reader)
{
    int value = 0;
    int digits = 0;

    skip(reader, '.');
    for (; reader->rest.len > 0 && reader->rest.ptr[0] >= '0' && reader->rest.ptr[0] <= '9';
         digits++) {
        int digit = read_number(reader, 1, 0, 9);
        if (digits < 3)
            value = value * 10 + digit;
    }
    if (digits < 1 || digits > 9)
        reader->ok = false;
    for (; digits < 3; digits++)
        value *= 10;
    return value;
}

/* Z or an offset, in seconds east of UTC. */
static int64_t read_offset(struct reader *reader)
{
    if (next_is(reader, 'Z') || next_is(reader, 'z')) {
        skip(reader, reader->rest.ptr[0]);
        return 0;
    }
    bool west = next_is(reader, '-');
    skip(reader, west ? '-' : '+');
    int hours = read_number(reader, 2, 0, 23);
    skip(reader, ':');
    int minutes = read_number(reader, 2, 0, 59);
    int64_t east = hours * 3600 + minutes * 60;
    return west ? -east : east;
}

enum err time_parse(struct str text, int64_t *out_ms)
{
    struct reader reader = { text, true };

    int year = read_number(&reader, 4, 0, 9999);
    skip(&reader, '-');
    int month = read_number(&reader, 2, 1, 12);
    skip(&reader, '-');
    int day = read_number(&reader, 2, 1, days_in_month(year, month));
    skip(&reader, next_is(&reader, 't') ? 't' : 'T');
    int hour = read_number(&reader, 2, 0, 23);
    skip(&reader, ':');
    int minute = read_number(&reader, 2, 0, 59);
    skip(&reader, ':');
    int second = read_number(&reader, 2, 0, 60);
    int millisecond = next_is(&reader, '.') ? read_fraction(&reader) : 0;
    int64_t offset = read_offset(&reader);
    if (!reader.ok || reader.rest.len > 0)
        return ERR_VALIDATION;

    int64_t seconds = days_of(year, month, day) * (DAY_MS / SECOND_MS) + hour * INT64_C(3600) +
                      minute * INT64_C(60) + second - offset;
    /* Leap seconds are the last of a day in UTC; elsewhere :60 is a typing error. */
    if (second == 60 && seconds % (DAY_MS / SECOND_MS) != 0)
        return ERR_VALIDATION;
    int64_t time_ms = seconds * SECOND_MS + millisecond;
    if (time_ms < 0 || time_ms > TIME_MAX_MS)
        return ERR_VALIDATION;
    *out_ms = time_ms;
    return OK;
}

bool time_parse_http(struct str text, int64_t *out_ms)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char array[32];
    struct buf rfc3339;
    unsigned month = 0;

    if (text.len != 29 || !str_ends_with(text, STR(" GMT")) || text.ptr[3] != ',')
        return false;
    while (month < 12 && !str_equal(str_slice(text, 8, 3), str_make(months + 3 * (size_t)month, 3)))
        month++;
    if (month == 12)
        return false;
    buf_fixed(&rfc3339, array, sizeof array);
    buf_addf(&rfc3339, "%.*s-%02u-%.*sT%.*sZ", STR_ARG(str_slice(text, 12, 4)), month + 1,
             STR_ARG(str_slice(text, 5, 2)), STR_ARG(str_slice(text, 17, 8)));
    return time_parse(buf_str(&rfc3339), out_ms) == OK;
}
