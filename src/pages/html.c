#include "pages/html.h"

static const char *escape_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void html_write(struct buf *out, struct str text)
{
    for (size_t at = 0; at < text.len;) {
        size_t step = str_utf8_step(text, at);
        const char *escape = escape_of(text.ptr[at]);
        if (step == 0)
            buf_add_c(out, "\xef\xbf\xbd");
        else if (escape != NULL)
            buf_add_c(out, escape);
        else
            buf_add(out, str_slice(text, at, step));
        at += step > 0 ? step : 1;
    }
}
