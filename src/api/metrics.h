/* metrics.h - requests counted by route and status, for GET /metrics. The loop's thread only. */
#ifndef API_METRICS_H
#define API_METRICS_H

#include "api/call.h"

struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics); /* accepts NULL */

/* `route` is NULL for what had none. */
void metrics_count(struct metrics *metrics, const struct route *route, int status, int64_t us);
/* A notification that was not believed; `gateway` is the name in the program's table. */
void metrics_count_refused_notification(struct metrics *metrics, const char *gateway);
/* The Prometheus text format, version 0.0.4. */
void metrics_write(struct buf *out, const struct metrics *metrics);

#endif
