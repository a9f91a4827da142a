/* json.c - reading, over jansson.
 *
 * jansson takes its memory from the arena of the call that is under way on this
 * thread, and gives nothing back: a parsed value goes when the arena does, and
 * no reference is counted. */
#include "base/json.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/outside.h"

/* jansson has names that are also ours: its own are renamed while it is read. */
#define json_type jansson_type
#define JSON_NULL JANSSON_NULL
#define JSON_REAL JANSSON_REAL
#define JSON_ARRAY JANSSON_ARRAY
#define JSON_OBJECT JANSSON_OBJECT
#include <jansson.h>
#undef json_type
#undef JSON_NULL
#undef JSON_REAL
#undef JSON_ARRAY
#undef JSON_OBJECT
#undef json_is_object

static _Thread_local struct arena *parse_arena;

static void *alloc_in_arena(size_t size)
{
    assert(parse_arena != NULL);
    return arena_alloc(parse_arena, size);
}

static void free_nothing(void *ptr)
{
    (void)ptr;
}

/* The seed keeps callers from choosing member names that all hash alike. */
static void set_up(void)
{
    size_t seed = 0;

    json_set_alloc_funcs(alloc_in_arena, free_nothing);
    while (seed == 0) /* 0 would have jansson choose one by the clock */
        outside_random(outside_real(), &seed, sizeof seed);
    json_object_seed(seed);
}

/* What jansson alone would take: 2,048 levels, and a megabyte of "{},{},{}" for which it wants
 * eighty. The reason and where, or NULL. Brackets that do not match are for jansson to find. */
static const char *find_excess(struct str text, size_t *at)
{
    unsigned depth = 0;
    size_t values = 1;
    bool in_string = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        *at = i;
        if (in_string && c == '\\') {
            i++;
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string && (c == '[' || c == '{')) {
            depth++;
            values++;
        } else if (!in_string && (c == ']' || c == '}')) {
            depth -= depth > 0;
        } else if (!in_string && c == ',') {
            values++;
        }
        if (depth > JSON_MAX_DEPTH)
            return "the nesting is deeper than 32 levels";
        if (values > JSON_MAX_VALUES)
            return "there are more than 65536 values";
    }
    return NULL;
}

/* jansson's own sentences quote the text, and a quoted text may hold a card number. */
static const char *reason_of(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_invalid_utf8:
        return "the text is not valid UTF-8";
    case json_error_premature_end_of_input:
        return "the text ends too early";
    case json_error_end_of_input_expected:
        return "there is more text after the value";
    case json_error_duplicate_key:
        return "an object has the same member twice";
    case json_error_numeric_overflow:
        return "a number is too large";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a text holds the character U+0000";
    default:
        return "the syntax is wrong";
    }
}

static enum err refuse(struct arena *arena, struct str *why, int line, int column,
                       const char *reason)
{
    if (why != NULL)
        *why = str_format(arena, "Line %d, column %d: %s.", line, column, reason);
    return ERR_MALFORMED_JSON;
}

/* For what jansson is not asked about. */
static enum err refuse_at(struct str text, size_t at, struct arena *arena, struct str *why,
                          const char *reason)
{
    int line = 1;
    size_t line_start = 0;

    for (size_t i = 0; i < at; i++) {
        if (text.ptr[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    }
    size_t column = str_utf8_count(str_slice(text, line_start, at - line_start)) + 1;
    return refuse(arena, why, line, (int)column, reason);
}

enum err json_parse(struct str text, struct arena *arena, const struct json **out, struct str *why)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    json_error_t error = { 0 };

    assert(arena != NULL && out != NULL);
    pthread_once(&once, set_up);

    /* jansson loses a NUL that follows a number or a word, and goes on behind it. */
    size_t nul = str_find_char(text, '\0', 0);
    if (nul < text.len)
        return refuse_at(text, nul, arena, why, "the text holds a NUL byte");
    size_t excess_at = 0;
    const char *excess = find_excess(text, &excess_at);
    if (excess != NULL)
        return refuse_at(text, excess_at, arena, why, excess);

    parse_arena = arena;
    json_t *value = json_loadb(text.ptr == NULL ? "" : text.ptr, text.len,
                               JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    parse_arena = NULL;
    if (value == NULL) {
        enum err err = refuse(arena, why, error.line, error.column, reason_of(&error));
        /* It is JSON: RFC 8259 sets numbers no limits. Ours is about the value. */
        return json_error_code(&error) == json_error_numeric_overflow ? ERR_VALIDATION : err;
    }
    *out = (const struct json *)value;
    return OK;
}

static const json_t *inside(const struct json *value)
{
    return (const json_t *)value;
}

enum json_type json_type(const struct json *value)
{
    static const enum json_type ours[] = {
        [JANSSON_NULL] = JSON_NULL,   [JSON_TRUE] = JSON_BOOL,        [JSON_FALSE] = JSON_BOOL,
        [JSON_INTEGER] = JSON_INT,    [JANSSON_REAL] = JSON_REAL,     [JSON_STRING] = JSON_TEXT,
        [JANSSON_ARRAY] = JSON_ARRAY, [JANSSON_OBJECT] = JSON_OBJECT,
    };

    return value == NULL ? JSON_MISSING : ours[json_typeof(inside(value))];
}

bool json_is_object(const struct json *value)
{
    return json_type(value) == JSON_OBJECT;
}

const struct json *json_get(const struct json *object, const char *name)
{
    /* jansson answers NULL when it is no object. */
    return (const struct json *)json_object_get(inside(object), name);
}

struct str json_text(const struct json *value)
{
    if (json_type(value) != JSON_TEXT)
        return (struct str){ 0 };
    return str_make(json_string_value(inside(value)), json_string_length(inside(value)));
}

bool json_int(const struct json *value, int64_t *out)
{
    if (json_type(value) != JSON_INT)
        return false;
    *out = json_integer_value(inside(value));
    return true;
}

bool json_bool(const struct json *value, bool *out)
{
    if (json_type(value) != JSON_BOOL)
        return false;
    *out = json_is_true(inside(value));
    return true;
}

void json_each(struct json_cursor *cursor, const struct json *parent)
{
    *cursor = (struct json_cursor){ .parent = parent };
    /* jansson's iterators want a value that may be changed; this one only reads. */
    if (json_type(parent) == JSON_OBJECT)
        cursor->position = json_object_iter((json_t *)(uintptr_t)inside(parent));
}

bool json_next(struct json_cursor *cursor, struct str *name, const struct json **value)
{
    struct str found_name = { 0 };
    const json_t *found = NULL;

    if (json_type(cursor->parent) == JSON_OBJECT && cursor->position != NULL) {
        found_name = str_make(json_object_iter_key(cursor->position),
                              json_object_iter_key_len(cursor->position));
        found = json_object_iter_value(cursor->position);
        cursor->position = json_object_iter_next((json_t *)(uintptr_t)inside(cursor->parent),
                                                 cursor->position);
    } else if (json_type(cursor->parent) == JSON_ARRAY) {
        found = json_array_get(inside(cursor->parent), cursor->index++);
    }
    if (found == NULL)
        return false;
    if (name != NULL)
        *name = found_name;
    *value = (const struct json *)found;
    return true;
}

size_t json_count(const struct json *value)
{
    /* Each is 0 for what it is not made for. */
    return json_object_size(inside(value)) + json_array_size(inside(value));
}

/* A short text that reads back as the same number, with a mark of being no integer.
 * The C library's comma for other locales cannot come: purser never sets a locale. */
static struct str real_text(double number, char *array, size_t size)
{
    struct buf text;

    for (int digits = 15; digits <= 17; digits++) {
        buf_fixed(&text, array, size);
        buf_addf(&text, "%.*g", digits, number);
        if (strtod(buf_c(&text), NULL) == number)
            break;
    }
    if (strpbrk(buf_c(&text), ".e") == NULL)
        buf_add_c(&text, ".0");
    assert(buf_ok(&text));
    return buf_str(&text);
}

static void put_members(struct json_out *out, const struct json *parent)
{
    struct json_cursor cursor;
    struct str member_name = { 0 };
    const struct json *member = NULL;
    bool named = json_type(parent) == JSON_OBJECT;

    json_each(&cursor, parent);
    while (json_next(&cursor, &member_name, &member))
        json_put_value(out, named ? member_name.ptr : NULL, member);
}

void json_put_value(struct json_out *out, const char *name, const struct json *value)
{
    char number[32];

    switch (json_type(value)) {
    case JSON_MISSING:
    case JSON_NULL:
        json_put_null(out, name);
        break;
    case JSON_BOOL:
        json_put_bool(out, name, json_is_true(inside(value)));
        break;
    case JSON_INT:
        json_put_int(out, name, json_integer_value(inside(value)));
        break;
    case JSON_REAL:
        json_put_raw(out, name, real_text(json_real_value(inside(value)), number, sizeof number));
        break;
    case JSON_TEXT:
        json_put_text(out, name, json_text(value));
        break;
    case JSON_ARRAY:
        json_open_array(out, name);
        put_members(out, value);
        json_close_array(out);
        break;
    case JSON_OBJECT:
        json_open_object(out, name);
        put_members(out, value);
        json_close_object(out);
        break;
    }
}
