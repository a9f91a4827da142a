/* log.h - one event, one line, on stderr.
 *
 * Text on a terminal, JSON elsewhere, or as told by log_setup. Every line passes
 * the card-number filter. Only the rooms that act on the world log (engine, net's
 * users, commands); base, core, store and gateways return what happened.
 *
 *   log_event(LOG_WARN, "operation.unknown",
 *             LOG_STR("operation", id), LOG_INT("attempts", 3), LOG_END);
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/outside.h"
#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_LEVEL_COUNT };
enum log_format { LOG_AUTO, LOG_TEXT, LOG_JSON };

struct log_field {
    const char *name;                /* NULL ends the list */
    enum { LOG_FIELD_STR, LOG_FIELD_INT } type;
    struct str text;
    int64_t number;
};

#define LOG_STR(field, value) ((struct log_field){ (field), LOG_FIELD_STR, (value), 0 })
#define LOG_C(field, value) ((struct log_field){ (field), LOG_FIELD_STR, str_of(value), 0 })
#define LOG_INT(field, value) ((struct log_field){ (field), LOG_FIELD_INT, { 0 }, (value) })
#define LOG_END ((struct log_field){ 0 })

/* Before threads start. Events below `level` are dropped. */
void log_setup(const struct outside *outside, enum log_format format, enum log_level level);
bool log_level_parse(struct str text, enum log_level *out);

/* Variable arguments are struct log_field, closed by LOG_END. A line is at most
 * 8 KiB and is written with one write(2), so threads do not mix lines. A log that
 * cannot be written never stops the caller. */
void log_event(enum log_level level, const char *event, ...);

/* The line without writing it, for tests. */
struct buf;
void log_format_line(struct buf *out, enum log_format format, int64_t now_ms,
                     enum log_level level, const char *event, const struct log_field *fields);

#endif
