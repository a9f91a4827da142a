/* json.h - strict reading and plain writing of JSON.
 *
 * Reading refuses what RFC 8259 leaves to the reader's taste and what readers
 * disagree about: duplicate members, nesting beyond 32 levels, more than 65,536
 * values (an empty array or object counts as two), bytes that are not UTF-8, lone
 * surrogates, NUL inside text, trailing bytes, integers beyond 2^63-1 and numbers
 * beyond a double's range. Numbers with a fraction or an exponent are kept as
 * JSON_REAL so that a caller can say "must be an integer"; their value is not
 * available: no money passes through floating point.
 *
 * A parsed value lives in the arena that was given to json_parse and is only
 * read. Every reader accepts NULL (a missing member) and answers "not that". */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct arena;
struct json;

#define JSON_MAX_DEPTH 32
#define JSON_MAX_VALUES 65536      /* nested objects cost the most: some 20 MiB in all */

enum json_type {
    JSON_MISSING, JSON_NULL, JSON_BOOL, JSON_INT, JSON_REAL, JSON_TEXT, JSON_ARRAY, JSON_OBJECT,
};

/* ERR_MALFORMED_JSON, or ERR_VALIDATION for a number that is JSON but too large to hold. `why`
 * (may be NULL) receives one sentence with line and column. */
must_check enum err json_parse(struct str text, struct arena *arena, const struct json **out,
                               struct str *why);
/* The same, but numbers come as JSON_TEXT, as they were written ("100.00"): for those who send
 * decimal amounts as numbers. Columns in `why` count the quotes too. */
must_check enum err json_parse_exact(struct str text, struct arena *arena,
                                     const struct json **out, struct str *why);

enum json_type json_type(const struct json *value);
bool json_is_object(const struct json *value);

/* The member, or NULL when `object` is no object or has no such member. */
const struct json *json_get(const struct json *object, const char *name);
/* Empty when the value is no text; json_type tells empty from absent. */
struct str json_text(const struct json *value);
/* False, with `out` untouched, when the value is of another type. */
bool json_int(const struct json *value, int64_t *out);
bool json_bool(const struct json *value, bool *out);

/* Members of an object in the order in which they were written, items of an array in order. */
struct json_cursor {
    const struct json *parent;
    void *position;
    size_t index;
};
void json_each(struct json_cursor *cursor, const struct json *parent);
/* `name` (may be NULL) is empty for array items. Returns false at the end. */
bool json_next(struct json_cursor *cursor, struct str *name, const struct json **value);
size_t json_count(const struct json *value);

/* Writing. Commas are put by the writer; the caller keeps brackets balanced
 * (asserted by json_done). Text that is not UTF-8 is written with U+FFFD in
 * place of the bad bytes, so that the output is always valid. Overflow is the
 * buffer's. `name` is NULL for array items and for the outermost value. */
struct json_out {
    struct buf *buf;
    unsigned depth;
    bool comma;
};

void json_begin(struct json_out *out, struct buf *buf);
void json_close_object(struct json_out *out);
void json_close_array(struct json_out *out);
void json_close_plain(struct json_out *out);
void json_done(struct json_out *out);
/* Just the JSON text of a string, with its quotes, for writers of other formats. */
void json_write_text(struct buf *out, struct str value);

/* A name without text is none. */
void json_add_object(struct json_out *out, struct str name);
void json_add_array(struct json_out *out, struct str name);
void json_add_text(struct json_out *out, struct str name, struct str value);
void json_add_text_or_null(struct json_out *out, struct str name, struct str value);
void json_add_int(struct json_out *out, struct str name, int64_t value);
void json_add_bool(struct json_out *out, struct str name, bool value);
void json_add_raw(struct json_out *out, struct str name, struct str value);
void json_add_time(struct json_out *out, struct str name, int64_t time_ms);
struct buf *json_add_plain(struct json_out *out, struct str name);

/* The same, inline, so that nobody counts the characters of a name that stands in the source. */
static inline void json_open_object(struct json_out *out, const char *name)
{
    json_add_object(out, str_of(name));
}
static inline void json_open_array(struct json_out *out, const char *name)
{
    json_add_array(out, str_of(name));
}
static inline void json_put_text(struct json_out *out, const char *name, struct str value)
{
    json_add_text(out, str_of(name), value);
}
/* null when the text is empty. */
static inline void json_put_text_or_null(struct json_out *out, const char *name, struct str value)
{
    json_add_text_or_null(out, str_of(name), value);
}
static inline void json_put_int(struct json_out *out, const char *name, int64_t value)
{
    json_add_int(out, str_of(name), value);
}
static inline void json_put_bool(struct json_out *out, const char *name, bool value)
{
    json_add_bool(out, str_of(name), value);
}
/* `value` is JSON already; an empty one becomes null. */
static inline void json_put_raw(struct json_out *out, const char *name, struct str value)
{
    json_add_raw(out, str_of(name), value);
}
static inline void json_put_null(struct json_out *out, const char *name)
{
    json_add_raw(out, str_of(name), (struct str){ 0 });
}
/* RFC 3339 UTC with milliseconds; null when 0. */
static inline void json_put_time(struct json_out *out, const char *name, int64_t time_ms)
{
    json_add_time(out, str_of(name), time_ms);
}

/* A text that needs no escapes, which the caller writes: an id. */
static inline struct buf *json_open_plain(struct json_out *out, const char *name)
{
    return json_add_plain(out, str_of(name));
}

/* A value that was read, written again in one line with its members' order kept. */
void json_put_value(struct json_out *out, const char *name, const struct json *value);

#endif
