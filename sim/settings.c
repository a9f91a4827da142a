#include "sim/settings.h"

#include "base/buf.h"

/* How each kind is made of a default, read, and written. */
#define MAKE_FLAG(value) ((value) != 0)
#define MAKE_NUMBER(value) (value)
#define MAKE_TEXT(value) STR(value)
#define PUT_FLAG json_put_bool
#define PUT_NUMBER json_put_int
#define PUT_TEXT json_put_text
#define READ_FLAG read_flag
#define READ_NUMBER read_number
#define READ_TEXT read_text

struct settings settings_default(void)
{
    return (struct settings){
#define X(name, kind, fallback, meaning) .name = MAKE_##kind(fallback),
        SIM_SETTINGS(X)
#undef X
    };
}

static bool read_flag(const struct json *value, struct arena *arena, bool *out)
{
    (void)arena;
    return json_bool(value, out);
}

static bool read_number(const struct json *value, struct arena *arena, int64_t *out)
{
    int64_t number = 0;

    (void)arena;
    if (!json_int(value, &number) || number < 0)
        return false;
    *out = number;
    return true;
}

static bool read_text(const struct json *value, struct arena *arena, struct str *out)
{
    if (json_type(value) != JSON_TEXT)
        return false;
    *out = str_copy(arena, json_text(value));
    return true;
}

static bool read_one(struct settings *settings, struct str wanted, const struct json *value,
                     struct arena *arena)
{
#define X(name, kind, fallback, meaning)                                                           \
    if (str_equal(wanted, STR(#name)))                                                             \
        return READ_##kind(value, arena, &settings->name);
    SIM_SETTINGS(X)
#undef X
    return false;
}

bool settings_change(struct settings *settings, const struct json *members, struct arena *arena,
                     struct str *why)
{
    struct settings changed = *settings;
    struct json_cursor cursor;
    struct str name;
    const struct json *value = NULL;

    json_each(&cursor, members);
    while (json_next(&cursor, &name, &value)) {
        if (!read_one(&changed, name, value, arena)) {
            *why = str_format(arena, "%.*s is no setting, or not of that kind", STR_ARG(name));
            return false;
        }
    }
    *settings = changed;
    return true;
}

void settings_write(const struct settings *settings, struct json_out *out)
{
#define X(name, kind, fallback, meaning) PUT_##kind(out, #name, settings->name);
    SIM_SETTINGS(X)
#undef X
}

void settings_write_help(struct buf *out)
{
#define X(name, kind, fallback, meaning)                                                           \
    buf_addf(out, "  %-22s %s\n", #name, meaning);
    SIM_SETTINGS(X)
#undef X
}
