#include "api/fields.h"

#include <assert.h>
#include <string.h>

#include "api/field_kinds.h"
#include "base/nearest.h"
#include "net/url.h"

#define FIELDS_MAX 32

static const struct field *find(const struct field *fields, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal_c(name, fields[i].name))
            return &fields[i];
    return NULL;
}

/* Made for every member, so without a format. */
static struct str path_of(const char *where, const char *name, struct arena *arena)
{
    struct buf path;

    if (*where == '\0')
        return str_of(name);
    buf_init(&path, arena, strlen(where) + strlen(name));
    buf_add_c(&path, where);
    buf_add_c(&path, name);
    return buf_str(&path);
}

static enum err refuse_unknown(const struct field *fields, size_t count, struct str name,
                               const char *where, struct trouble *trouble)
{
    const char *names[FIELDS_MAX];

    assert(count <= FIELDS_MAX);
    for (size_t i = 0; i < count; i++)
        names[i] = fields[i].name;
    const char *meant = nearest_name(name, names, count);
    struct str param = str_format(trouble->arena, "%s%.*s", where,
                                  STR_ARG(str_slice(name, 0, JSON_NAME_SHOWN)));
    if (meant)
        return trouble_about(trouble, ERR_UNKNOWN_MEMBER, param,
                             "There is no member of this name here. Did you mean %s?", meant);
    return trouble_about(trouble, ERR_UNKNOWN_MEMBER, param,
                         "There is no member of this name here.");
}

/* Required members that were not among the `sent`, a bit for each. */
static enum err check_required(const struct field *fields, size_t count, uint32_t sent,
                               const char *where, struct trouble *trouble)
{
    for (size_t i = 0; i < count; i++) {
        if (!fields[i].required || (sent & UINT32_C(1) << i))
            continue;
        struct str param = path_of(where, fields[i].name, trouble->arena);
        return trouble_about(trouble, ERR_VALIDATION, param, "%s is required.", fields[i].name);
    }
    return OK;
}

static void mark_given(const struct field *field, void *out)
{
    if (field->given > 0)
        *(bool *)((char *)out + field->given) = true;
}

enum err fields_read(const struct field *fields, size_t count, const struct json *object,
                     const char *where, void *out, struct trouble *trouble)
{
    struct json_cursor cursor;
    struct str name;
    const struct json *value = NULL;
    uint32_t sent = 0;

    json_each(&cursor, object);
    while (json_next(&cursor, &name, &value)) {
        const struct field *field = find(fields, count, name);
        if (!field)
            return refuse_unknown(fields, count, name, where, trouble);
        struct str param = path_of(where, field->name, trouble->arena);
        enum err err = field_from_json(field, value, param, out, trouble);
        if (err)
            return err;
        mark_given(field, out);
        sent |= UINT32_C(1) << (field - fields);
    }
    return check_required(fields, count, sent, where, trouble);
}

enum err fields_read_query(const struct field *fields, size_t count, struct str query, void *out,
                           struct trouble *trouble)
{
    struct str name;
    struct str value;
    uint32_t sent = 0;
    int more = 0;

    while ((more = url_next_pair(&query, trouble->arena, &name, &value)) > 0) {
        const struct field *field = find(fields, count, name);
        if (!field)
            return refuse_unknown(fields, count, name, "", trouble);
        uint32_t bit = UINT32_C(1) << (field - fields);
        if (sent & bit)
            return trouble_about(trouble, ERR_VALIDATION, name, "%s is given twice.", field->name);
        enum err err = field_from_text(field, value, name, out, trouble);
        if (err)
            return err;
        mark_given(field, out);
        sent |= bit;
    }
    if (more < 0)
        return trouble_say(trouble, ERR_MALFORMED_REQUEST,
                           "The query is not percent-encoded UTF-8.");
    return check_required(fields, count, sent, "", trouble);
}
