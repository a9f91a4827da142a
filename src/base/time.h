/* time.h - moments as milliseconds since 1970-01-01T00:00:00Z, in int64_t named *_ms.
 *
 * 0 means "no moment". Reading a clock is not here: time comes from
 * base/outside.h, so that a simulation can hold it. */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

/* 9999-12-31T23:59:59.999Z, the last moment that RFC 3339 can write. */
#define TIME_MAX_MS INT64_C(253402300799999)

/* A date of HTTP, "Sun, 06 Nov 1994 08:49:37 GMT"; the older forms are not read. */
bool time_parse_http(struct str text, int64_t *out_ms);

/* "2026-03-01T12:00:00.000Z". `time_ms` is clamped to 0..TIME_MAX_MS. */
void time_write(struct buf *out, int64_t time_ms);

/* RFC 3339 date-time with Z or an offset and 0 to 9 digits of fraction (cut to ms).
 * ERR_VALIDATION when it is none, or before 1970 or after 9999. A leap second
 * (:60) is read as the second that follows. */
must_check enum err time_parse(struct str text, int64_t *out_ms);

struct time_parts {
    int year, month, day, hour, minute, second, millisecond;
};
struct time_parts time_split(int64_t time_ms);

#endif
