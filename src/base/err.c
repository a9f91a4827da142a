#include "base/err.h"

#include <assert.h>

struct err_row {
    const char *code;
    int http_status;
    enum err_retry retry;
    const char *title;
    const char *advice;
};

static const struct err_row rows[ERR_COUNT] = {
    [OK] = { "ok", 200, RETRY_NEVER, "Done", "Nothing needs to be done." },
#define X(name, code, status, retry, title, advice)                                                \
    [ERR_##name] = { code, status, retry, title, advice },
    ERR_TABLE(X)
#undef X
};

static const struct err_row *row_of(enum err err)
{
    assert((unsigned)err < ERR_COUNT);
    return &rows[err];
}

const char *err_code(enum err err)
{
    return row_of(err)->code;
}

int err_http_status(enum err err)
{
    return row_of(err)->http_status;
}

bool err_is_retryable(enum err err)
{
    return row_of(err)->retry == RETRY_SAME_KEY;
}

bool err_is_outage(enum err err)
{
    return err == ERR_STORE_BUSY || err == ERR_STORE_AWAY || err == ERR_STORE_RETRY ||
           err == ERR_STORE_IN_DOUBT || err == ERR_LEASE_LOST || err == ERR_UNAVAILABLE;
}

const char *err_title(enum err err)
{
    return row_of(err)->title;
}

const char *err_advice(enum err err)
{
    return row_of(err)->advice;
}
