/* http_refusal.h - why the server refuses by itself; the reasons are in http_refusal.def. */
#ifndef NET_HTTP_REFUSAL_H
#define NET_HTTP_REFUSAL_H

#include "base/err.h"
#include "net/http_refusal.def"

enum http_refusal {
    HTTP_REFUSAL_NONE = 0,
#define X(name, err, status, detail) HTTP_REFUSAL_##name,
    HTTP_REFUSALS(X)
#undef X
        HTTP_REFUSAL_COUNT
};

struct http_refusal_text {
    enum err err;
    int status;
    const char *detail; /* one sentence */
};

/* Not for HTTP_REFUSAL_NONE. */
struct http_refusal_text http_refusal_text(enum http_refusal refusal);

#endif
