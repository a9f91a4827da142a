#include "net/http_refusal.h"

#include <assert.h>

struct http_refusal_text http_refusal_text(enum http_refusal refusal)
{
    static const struct http_refusal_text texts[] = {
#define X(name, err, status, detail) [HTTP_REFUSAL_##name] = { ERR_##err, status, detail },
        HTTP_REFUSALS(X)
#undef X
    };

    assert(refusal > HTTP_REFUSAL_NONE && refusal < HTTP_REFUSAL_COUNT);
    return texts[refusal];
}
