/* problem.h - errors as RFC 9457 problems, and the pages that explain them. */
#ifndef API_PROBLEM_H
#define API_PROBLEM_H

#include "api/trouble.h"
#include "base/buf.h"

#define PROBLEM_TYPE STR("application/problem+json")

struct problem {
    enum err err;
    int status;        /* 0: the error's own */
    struct str detail; /* empty: the error's title does */
    struct str param;
    struct str request_id;
    struct str public_url;
};

void problem_write(struct buf *out, const struct problem *problem);

/* Seconds for Retry-After; 0 when the error does not pass by itself. */
int64_t problem_retry_after_s(enum err err);

#endif
