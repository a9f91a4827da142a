#include "api/trouble.h"

#include <assert.h>
#include <stdarg.h>

#include "base/buf.h"
#include "base/pan.h"

#define DETAIL_MAX 1024
/* Of an unknown member, whose name the client chose. */
#define PARAM_MAX 128

__attribute__((format(printf, 2, 0))) static void say(struct trouble *trouble, const char *format,
                                                      va_list args)
{
    struct buf text;

    if (!str_is_empty(trouble->detail))
        return;
    buf_init(&text, trouble->arena, DETAIL_MAX);
    buf_addfv(&text, format, args);
    trouble->detail = buf_str(&text);
}

enum err trouble_say(struct trouble *trouble, enum err err, const char *format, ...)
{
    va_list args;

    assert(err != OK);
    va_start(args, format);
    say(trouble, format, args);
    va_end(args);
    return err;
}

enum err trouble_about(struct trouble *trouble, enum err err, struct str param, const char *format,
                       ...)
{
    struct buf name;
    va_list args;

    assert(err != OK);
    if (str_is_empty(trouble->detail)) {
        buf_init(&name, trouble->arena, PARAM_MAX * 2);
        pan_write_masked(&name, str_slice(param, 0, PARAM_MAX));
        /* What masking leaves can look like another number again. */
        if (!pan_present(buf_str(&name)))
            trouble->param = buf_str(&name);
    }
    va_start(args, format);
    say(trouble, format, args);
    va_end(args);
    return err;
}
