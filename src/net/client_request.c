/* client_request.c - is a call well-formed? What is not never gets to libcurl, which would make
 * the best of it. */
#include <string.h>

#include "net/client_parts.h"

bool client_call_host(const struct client_call *call, struct str *out)
{
    static const struct str schemes[] = { STR_INIT("https://"), STR_INIT("http://") };
    struct str url = call->url;

    if (!str_is_visible_ascii(url))
        return false;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t end = schemes[i].len;
        if (!str_starts_with(url, schemes[i]))
            continue;
        while (end < url.len && strchr("/?#", url.ptr[end]) == NULL)
            end++;
        *out = str_slice(url, 0, end);
        return end > schemes[i].len && str_find_char(*out, '@', 0) == end;
    }
    return false;
}

static bool is_token(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] <= ' ' || name.ptr[i] > '~' || strchr("\"(),/:;<=>?@[\\]{}", name.ptr[i]))
            return false;
    return name.len > 0;
}

/* Nothing that would end the line, and with it begin another header. */
static bool is_one_line(struct str value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.ptr[i] < ' ' && value.ptr[i] != '\t')
            return false;
    return true;
}

bool client_call_is_well_formed(const struct client_call *call)
{
    for (size_t i = 0; i < call->field_count; i++)
        if (!is_token(call->fields[i].name) || !is_one_line(call->fields[i].value))
            return false;
    return is_token(str_of(call->method));
}

bool client_call_has_field(const struct client_call *call, struct str name)
{
    for (size_t i = 0; i < call->field_count; i++)
        if (str_equal_nocase(call->fields[i].name, name))
            return true;
    return false;
}
