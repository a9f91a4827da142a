#include "sim/fields.h"

#include "base/arena.h"
#include "base/buf.h"
#include "net/url.h"

static bool add(struct fields *fields, struct str name, struct str value)
{
    if (fields->count == FIELDS_MAX)
        return false;
    fields->items[fields->count].name = name;
    fields->items[fields->count].value = value;
    fields->count++;
    return true;
}

struct str fields_json_text(const struct json *value, struct arena *arena)
{
    struct buf text;
    struct json_out out;

    switch (json_type(value)) {
    case JSON_TEXT:
        return json_text(value);
    case JSON_INT:
    case JSON_REAL:
    case JSON_BOOL:
        buf_init(&text, arena, 64);
        json_begin(&out, &text);
        json_put_value(&out, NULL, value);
        return buf_str(&text);
    default:
        return (struct str){ 0 };
    }
}

static bool read_json(struct fields *fields, const struct json *doc, struct arena *arena)
{
    struct json_cursor cursor;
    struct str name;
    const struct json *value = NULL;

    json_each(&cursor, doc);
    while (json_next(&cursor, &name, &value)) {
        if (!add(fields, name, fields_json_text(value, arena)))
            return false;
    }
    return true;
}

static bool read_form(struct fields *fields, struct str body, struct arena *arena)
{
    struct str name, value;
    int got = 0;

    while ((got = url_next_pair(&body, arena, &name, &value)) > 0) {
        if (!add(fields, name, value))
            return false;
    }
    return got == 0;
}

static size_t find(struct str text, struct str wanted, size_t from)
{
    for (size_t at = from; at + wanted.len <= text.len; at++) {
        if (str_equal(str_slice(text, at, wanted.len), wanted))
            return at;
    }
    return text.len;
}

/* The value of name="..." (or boundary=...) within a header; empty when absent. */
static struct str parameter(struct str header, struct str name)
{
    size_t at = find(header, name, 0);

    if (at == header.len)
        return (struct str){ 0 };
    struct str value = str_slice(header, at + name.len, header.len);
    if (str_starts_with(value, STR("\"")))
        return str_slice(value, 1, str_find_char(value, '"', 1) - 1);
    return str_slice(value, 0, str_find_char(value, ';', 0));
}

static bool read_part(struct fields *fields, struct str part)
{
    size_t head_end = find(part, STR("\r\n\r\n"), 0);
    struct str name = parameter(str_slice(part, 0, head_end), STR(" name="));

    if (head_end == part.len || str_is_empty(name) || !str_ends_with(part, STR("\r\n")))
        return false;
    struct str value = str_slice(part, head_end + 4, part.len);
    return add(fields, name, str_slice(value, 0, value.len - 2));
}

static bool read_multipart(struct fields *fields, struct str content_type, struct str body,
                           struct arena *arena)
{
    struct str boundary = parameter(content_type, STR("boundary="));
    struct str mark = str_format(arena, "--%.*s", STR_ARG(boundary));
    size_t at = find(body, mark, 0);

    if (str_is_empty(boundary))
        return false;
    while (at < body.len) {
        size_t begin = at + mark.len;
        if (str_equal(str_slice(body, begin, 2), STR("--")))
            return true;
        size_t end = find(body, mark, begin);
        if (end == body.len || !read_part(fields, str_slice(body, begin, end - begin)))
            return false;
        at = end;
    }
    return false;
}

bool fields_read(struct fields *fields, struct str content_type, struct str body,
                 const struct json *doc, struct arena *arena)
{
    struct str kind = str_trim(str_slice(content_type, 0, str_find_char(content_type, ';', 0)));

    fields->count = 0;
    if (str_equal_nocase(kind, STR("application/json")))
        return doc != NULL && read_json(fields, doc, arena);
    if (str_equal_nocase(kind, STR("multipart/form-data")))
        return read_multipart(fields, content_type, body, arena);
    if (str_equal_nocase(kind, STR("application/x-www-form-urlencoded")))
        return read_form(fields, body, arena);
    return false;
}

struct str fields_get(const struct fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (str_equal_c(fields->items[i].name, name))
            return fields->items[i].value;
    }
    return (struct str){ 0 };
}
