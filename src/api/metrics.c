#include "api/metrics.h"

#include <assert.h>

#include "api/resources.h"

#define STATUS_FIRST 100
#define STATUS_COUNT 500
#define METRICS_MAX ((size_t)2 * 1024 * 1024)

/* Upper bounds of the histogram in microseconds, and as Prometheus writes them: from a read
 * out of memory to the longest wait that a caller may ask for. */
struct bound {
    int64_t us;
    const char *text;
};

static const struct bound bounds[] = {
    /* clang-format off */
    { 500,      "0.0005" }, { 1000,     "0.001" }, { 2500,     "0.0025" }, { 5000,    "0.005" },
    { 10000,    "0.01" },   { 25000,    "0.025" }, { 50000,    "0.05" },   { 100000,  "0.1" },
    { 250000,   "0.25" },   { 500000,   "0.5" },   { 1000000,  "1" },      { 2500000, "2.5" },
    { 10000000, "10" },     { 30000000, "30" },
    /* clang-format on */
};
#define BOUND_COUNT (sizeof bounds / sizeof bounds[0])

struct route_metrics {
    uint64_t by_status[STATUS_COUNT];
    uint64_t by_bound[BOUND_COUNT]; /* each request in the first bound that holds it */
    uint64_t count;
    uint64_t us;
};

#define GATEWAYS_MAX 64

struct gateway_metrics {
    const char *gateway; /* NULL ends them */
    uint64_t refused;
};

struct metrics {
    struct route_metrics *routes; /* the last one is for what had no route */
    struct gateway_metrics gateways[GATEWAYS_MAX + 1];
};

struct metrics *metrics_new(void)
{
    struct metrics *metrics = mem_alloc(sizeof *metrics);

    metrics->routes = mem_alloc((route_count + 1) * sizeof *metrics->routes);
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics)
        return;
    mem_free(metrics->routes);
    mem_free(metrics);
}

void metrics_count(struct metrics *metrics, const struct route *route, int status, int64_t us)
{
    size_t place = route ? (size_t)(route - routes) : route_count;
    struct route_metrics *of = &metrics->routes[place];

    assert(place <= route_count);
    assert(status >= STATUS_FIRST && status < STATUS_FIRST + STATUS_COUNT);
    of->by_status[status - STATUS_FIRST]++;
    of->count++;
    of->us += us > 0 ? (uint64_t)us : 0;
    for (size_t i = 0; i < BOUND_COUNT; i++) {
        if (us <= bounds[i].us) {
            of->by_bound[i]++;
            break;
        }
    }
}

void metrics_count_refused_notification(struct metrics *metrics, const char *gateway)
{
    struct gateway_metrics *of = metrics->gateways;

    while (of->gateway != NULL && of->gateway != gateway)
        of++;
    assert(of < metrics->gateways + GATEWAYS_MAX);
    of->gateway = gateway;
    of->refused++;
}

static const char *pattern_of(size_t place)
{
    return place < route_count ? routes[place].pattern : "none";
}

static const char *method_of(size_t place)
{
    return place < route_count ? method_text(routes[place].method) : "none";
}

static void write_statuses(struct buf *out, size_t place, const struct route_metrics *of)
{
    for (int i = 0; i < STATUS_COUNT; i++) {
        if (of->by_status[i] == 0)
            continue;
        buf_addf(out, "purser_http_requests_total{method=\"%s\",route=\"%s\",code=\"%d\"} ",
                 method_of(place), pattern_of(place), STATUS_FIRST + i);
        buf_add_u64(out, of->by_status[i]);
        buf_add_char(out, '\n');
    }
}

static void write_histogram(struct buf *out, size_t place, const struct route_metrics *of)
{
    struct buf labels;
    char array[128];
    uint64_t below = 0;

    if (of->count == 0)
        return;
    buf_fixed(&labels, array, sizeof array);
    buf_addf(&labels, "method=\"%s\",route=\"%s\"", method_of(place), pattern_of(place));
    assert(buf_ok(&labels));
    for (size_t i = 0; i < BOUND_COUNT; i++) {
        below += of->by_bound[i];
        buf_addf(out, "purser_http_request_seconds_bucket{%s,le=\"%s\"} %llu\n", buf_c(&labels),
                 bounds[i].text, (unsigned long long)below);
    }
    buf_addf(out, "purser_http_request_seconds_bucket{%s,le=\"+Inf\"} %llu\n", buf_c(&labels),
             (unsigned long long)of->count);
    buf_addf(out, "purser_http_request_seconds_sum{%s} %llu.%06llu\n", buf_c(&labels),
             (unsigned long long)(of->us / 1000000), (unsigned long long)(of->us % 1000000));
    buf_addf(out, "purser_http_request_seconds_count{%s} %llu\n", buf_c(&labels),
             (unsigned long long)of->count);
}

static void write_gateways(struct buf *out, const struct metrics *metrics)
{
    buf_add_c(out, "# HELP purser_notifications_refused_total Notifications that were not believed:"
                   " a wrong signature or address.\n"
                   "# TYPE purser_notifications_refused_total counter\n");
    for (const struct gateway_metrics *of = metrics->gateways; of->gateway != NULL; of++)
        buf_addf(out, "purser_notifications_refused_total{gateway=\"%s\"} %llu\n", of->gateway,
                 (unsigned long long)of->refused);
}

void metrics_write(struct buf *out, const struct metrics *metrics)
{
    buf_add_c(out, "# HELP purser_http_requests_total Requests answered.\n"
                   "# TYPE purser_http_requests_total counter\n");
    for (size_t i = 0; i <= route_count; i++)
        write_statuses(out, i, &metrics->routes[i]);
    buf_add_c(out, "# HELP purser_http_request_seconds From the first byte to the answer.\n"
                   "# TYPE purser_http_request_seconds histogram\n");
    for (size_t i = 0; i <= route_count; i++)
        write_histogram(out, i, &metrics->routes[i]);
    write_gateways(out, metrics);
}

/* X(member of struct server_counts, sort, name, help) */
#define SERVER_COUNTS(X)                                                                           \
    X(connections_accepted, "counter", "connections_accepted_total", "Connections accepted.")      \
    X(connections_refused, "counter", "connections_refused_total",                                 \
      "Connections closed at once: too many.")                                                     \
    X(refusals, "counter", "refusals_total", "Requests refused before they reached a route.")      \
    X(connections_open, "gauge", "connections_open", "Connections now.")                           \
    X(requests_open, "gauge", "requests_open", "Requests that are not answered yet.")

static void write_server(struct buf *out, const struct server *server)
{
    struct server_counts counts = server_counts(server);

#define X(member, sort, name, help)                                                                \
    buf_addf(out,                                                                                  \
             "# HELP purser_http_" name " " help "\n# TYPE purser_http_" name " " sort             \
             "\npurser_http_" name " %llu\n",                                                      \
             (unsigned long long)counts.member);
    SERVER_COUNTS(X)
#undef X
}

/* GET /metrics */
enum err metrics_show(struct call *call)
{
    const struct api_config *config = &call->api->config;
    struct buf text;

    buf_init(&text, call->arena, METRICS_MAX);
    buf_add_c(&text, "# HELP purser_build_info Which purser this is.\n"
                     "# TYPE purser_build_info gauge\n"
                     "purser_build_info{version=\"" PURSER_VERSION "\"} 1\n");
    write_server(&text, atomic_load(&call->api->server));
    metrics_write(&text, call->api->metrics);
    if (config->metrics)
        config->metrics(config->metrics_self, &text);
    if (!buf_ok(&text))
        return trouble_say(&call->trouble, ERR_INTERNAL, "The metrics are too long.");
    call_answer(call, 200, STR("text/plain; version=0.0.4; charset=utf-8"), buf_str(&text));
    return OK;
}
