/* fuzz_time.c - any bytes as RFC 3339 text, as a date of HTTP, and as a moment. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_moment(int64_t time_ms)
{
    char array[32];
    struct buf buf;
    int64_t again = 0;
    int64_t clamped = time_ms < 0 ? 0 : time_ms > TIME_MAX_MS ? TIME_MAX_MS : time_ms;

    buf_fixed(&buf, array, sizeof array);
    time_write(&buf, time_ms);
    enum err err = time_parse(buf_str(&buf), &again);
    assert(err == OK && again == clamped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t time_ms = -1, http_ms = -1;

    if (time_parse_http(str_make((const char *)data, size), &http_ms))
        check_moment(http_ms);
    else
        assert(http_ms == -1);
    if (time_parse(str_make((const char *)data, size), &time_ms) == OK) {
        assert(time_ms >= 0 && time_ms <= TIME_MAX_MS);
        check_moment(time_ms);
    } else {
        assert(time_ms == -1);
    }
    if (size >= sizeof time_ms) {
        memcpy(&time_ms, data, sizeof time_ms);
        check_moment(time_ms);
        check_moment((int64_t)((uint64_t)time_ms % (uint64_t)(TIME_MAX_MS + 1)));
    }
    return 0;
}
