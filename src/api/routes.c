/* routes.c - every address of the API, and which of them a path is. */
#include "api/routes.h"

#include <assert.h>
#include <string.h>

#include "api/resources.h"
#include "base/arena.h"
#include "base/buf.h"

/* clang-format off */
#define GET     HTTP_GET
#define POST    HTTP_POST
#define PATCH   HTTP_PATCH
#define DELETE  HTTP_DELETE

const struct route routes[] = {
    { POST, "/v1/payments", NULL, ROUTE_WRITE, CLAIM_REQUIRED, BODY_REQUIRED,
      .turn = payment_create_ask },
    { GET, "/v1/payments", NULL, ROUTE_READ, .read = &read_payments },
    { GET, "/v1/payments/{id}", "pay", ROUTE_READ, .plain = payment_show },
    { POST, "/v1/payments/{id}/confirm", "pay", ROUTE_WRITE, CLAIM_REQUIRED, BODY_OPTIONAL,
      .turn = payment_confirm_ask },
    { POST, "/v1/payments/{id}/capture", "pay", ROUTE_WRITE, CLAIM_REQUIRED, BODY_OPTIONAL,
      .turn = payment_capture_ask },
    { POST, "/v1/payments/{id}/cancel", "pay", ROUTE_WRITE, CLAIM_REQUIRED, BODY_OPTIONAL,
      .turn = payment_cancel_ask },
    { POST, "/v1/payments/{id}/refunds", "pay", ROUTE_REFUND, CLAIM_REQUIRED, BODY_OPTIONAL,
      .turn = refund_create_ask },
    { GET, "/v1/payments/{id}/refunds", "pay", ROUTE_READ, .read = &read_payment_refunds },
    { GET, "/v1/payments/{id}/events", "pay", ROUTE_READ, .read = &read_payment_events },
    { GET, "/v1/payments/{id}/operations", "pay", ROUTE_READ, .read = &read_payment_operations },
    { GET, "/v1/payments/{id}/receipt", "pay", ROUTE_READ, .plain = receipt_show },
    { GET, "/v1/refunds/{id}", "ref", ROUTE_READ, .read = &read_refund },
    { POST, "/v1/customers", NULL, ROUTE_WRITE, CLAIM_OPTIONAL, BODY_REQUIRED,
      .turn = customer_create_ask },
    { GET, "/v1/customers", NULL, ROUTE_READ, .read = &read_customers },
    { GET, "/v1/customers/{id}", "cus", ROUTE_READ, .read = &read_customer },
    { PATCH, "/v1/customers/{id}", "cus", ROUTE_WRITE, CLAIM_IGNORED, BODY_REQUIRED,
      .turn = customer_change_ask },
    { DELETE, "/v1/customers/{id}", "cus", ROUTE_WRITE, .turn = customer_delete_ask },
    { POST, "/v1/instruments", NULL, ROUTE_WRITE, CLAIM_REQUIRED, BODY_REQUIRED,
      .turn = instrument_create_ask },
    { GET, "/v1/instruments", NULL, ROUTE_READ, .read = &read_instruments },
    { GET, "/v1/instruments/{id}", "ins", ROUTE_READ, .read = &read_instrument },
    { POST, "/v1/instruments/{id}/deactivate", "ins", ROUTE_WRITE, CLAIM_REQUIRED, BODY_OPTIONAL,
      .turn = instrument_deactivate_ask },
    { POST, "/v1/invoices", NULL, ROUTE_WRITE, CLAIM_OPTIONAL, BODY_REQUIRED,
      .turn = invoice_create_ask },
    { GET, "/v1/invoices", NULL, ROUTE_READ, .read = &read_invoices },
    { GET, "/v1/invoices/{id}", "inv", ROUTE_READ, .read = &read_invoice },
    { POST, "/v1/invoices/{id}/cancel", "inv", ROUTE_WRITE, CLAIM_OPTIONAL, BODY_OPTIONAL,
      .turn = invoice_cancel_ask },
    { POST, "/v1/invoices/{id}/fulfil", "inv", ROUTE_WRITE, CLAIM_OPTIONAL, BODY_OPTIONAL,
      .turn = invoice_fulfil_ask },
    { POST, "/v1/checkout_sessions", NULL, ROUTE_WRITE, CLAIM_REQUIRED, BODY_REQUIRED,
      .turn = checkout_create_ask, .finish = checkout_add_url },
    { GET, "/v1/checkout_sessions/{id}", "cs", ROUTE_READ, .read = &read_checkout },
    { POST, "/v1/checkout_sessions/{id}/cancel", "cs", ROUTE_WRITE, CLAIM_OPTIONAL, BODY_OPTIONAL,
      .turn = checkout_cancel_ask, .finish = checkout_add_url },
    { POST, "/v1/checkout_sessions/{id}/expire", "cs", ROUTE_WRITE, CLAIM_OPTIONAL, BODY_OPTIONAL,
      .turn = checkout_expire_ask, .finish = checkout_add_url },
    { GET, "/v1/checkout_settings", NULL, ROUTE_READ, .read = &read_checkout_settings },
    { PATCH, "/v1/checkout_settings", NULL, ROUTE_ADMIN, CLAIM_IGNORED, BODY_REQUIRED,
      .turn = checkout_settings_change_ask },
    { GET, "/v1/events", NULL, ROUTE_READ, .read = &read_events },
    { GET, "/v1/events/{id}", "evt", ROUTE_READ, .read = &read_event },
    { POST, "/v1/gateway_accounts", NULL, ROUTE_ADMIN, CLAIM_OPTIONAL, BODY_REQUIRED,
      .turn = gateway_account_create_ask },
    { GET, "/v1/gateway_accounts", NULL, ROUTE_READ, .read = &read_gateway_accounts },
    { GET, "/v1/gateway_accounts/{id}", "ga", ROUTE_READ, .read = &read_gateway_account },
    { PATCH, "/v1/gateway_accounts/{id}", "ga", ROUTE_ADMIN, CLAIM_IGNORED, BODY_REQUIRED,
      .turn = gateway_account_change_ask },
    { POST, "/v1/gateway_accounts/{id}/check", "ga", ROUTE_WRITE,
      .plain = gateway_account_check },
    { POST, "/v1/webhook_endpoints", NULL, ROUTE_ADMIN, CLAIM_OPTIONAL, BODY_REQUIRED,
      .turn = webhook_endpoint_create_ask, .show = webhook_endpoint_secret_show },
    { GET, "/v1/webhook_endpoints", NULL, ROUTE_READ, .read = &read_webhook_endpoints },
    { GET, "/v1/webhook_endpoints/{id}", "we", ROUTE_READ, .read = &read_webhook_endpoint },
    { PATCH, "/v1/webhook_endpoints/{id}", "we", ROUTE_ADMIN, CLAIM_IGNORED, BODY_REQUIRED,
      .turn = webhook_endpoint_change_ask },
    { DELETE, "/v1/webhook_endpoints/{id}", "we", ROUTE_ADMIN,
      .turn = webhook_endpoint_delete_ask },
    { POST, "/v1/webhook_endpoints/{id}/disable", "we", ROUTE_ADMIN, CLAIM_OPTIONAL, BODY_OPTIONAL,
      .turn = webhook_endpoint_disable_ask },
    { POST, "/v1/webhook_endpoints/{id}/enable", "we", ROUTE_ADMIN, CLAIM_OPTIONAL, BODY_OPTIONAL,
      .turn = webhook_endpoint_enable_ask },
    { POST, "/v1/webhook_endpoints/{id}/rotate_secret", "we", ROUTE_ADMIN, CLAIM_OPTIONAL,
      BODY_OPTIONAL, .turn = webhook_endpoint_rotate_ask, .show = webhook_endpoint_secret_show },
    { POST, "/v1/webhook_endpoints/{id}/test", "we", ROUTE_WRITE, CLAIM_OPTIONAL, BODY_OPTIONAL,
      .turn = webhook_endpoint_test_ask },
    { GET, "/v1/webhook_deliveries", NULL, ROUTE_READ, .read = &read_webhook_deliveries },
    { GET, "/v1/webhook_deliveries/{id}", "whd", ROUTE_READ, .read = &read_webhook_delivery },
    { POST, "/v1/webhook_deliveries/{id}/redeliver", "whd", ROUTE_WRITE, CLAIM_OPTIONAL,
      BODY_OPTIONAL, .turn = webhook_redeliver_ask },
    { POST, "/v1/webhook_replays", NULL, ROUTE_WRITE, CLAIM_OPTIONAL, BODY_REQUIRED,
      .turn = webhook_replay_create_ask },
    { GET, "/v1/webhook_replays", NULL, ROUTE_READ, .read = &read_webhook_replays },
    { GET, "/v1/webhook_replays/{id}", "whr", ROUTE_READ, .read = &read_webhook_replay },
    { POST, "/v1/webhook_replays/{id}/pause", "whr", ROUTE_WRITE, CLAIM_OPTIONAL, BODY_OPTIONAL,
      .turn = webhook_replay_pause_ask },
    { POST, "/v1/webhook_replays/{id}/resume", "whr", ROUTE_WRITE, CLAIM_OPTIONAL, BODY_OPTIONAL,
      .turn = webhook_replay_resume_ask },
    { POST, "/v1/webhook_replays/{id}/cancel", "whr", ROUTE_WRITE, CLAIM_OPTIONAL, BODY_OPTIONAL,
      .turn = webhook_replay_cancel_ask },
    { POST, "/v1/reconciliations", NULL, ROUTE_ADMIN, CLAIM_OPTIONAL, BODY_OPTIONAL,
      .turn = reconciliation_ask },
    { GET, "/v1/reconciliations", NULL, ROUTE_READ, .read = &read_reconciliations },
    { GET, "/v1/reconciliations/{id}", "rec", ROUTE_READ, .read = &read_reconciliation },
    { GET, "/v1/drift", NULL, ROUTE_READ, .read = &read_drifts },
    { GET, "/v1/drift/{id}", "drf", ROUTE_READ, .read = &read_drift },
    { POST, "/v1/drift/{id}/resolve", "drf", ROUTE_ADMIN, CLAIM_OPTIONAL, BODY_REQUIRED,
      .turn = drift_resolve_ask },
    { GET, "/v1/tasks", NULL, ROUTE_READ, .read = &read_tasks },
    { GET, "/v1/tasks/{id}", "tsk", ROUTE_READ, .read = &read_task },
    { POST, "/v1/tasks/{id}/resolve", "tsk", ROUTE_ADMIN, CLAIM_OPTIONAL, BODY_REQUIRED,
      .turn = task_resolve_ask },
    { GET, "/v1/audit", NULL, ROUTE_ADMIN, .read = &read_audit },
    { GET, "/v1/jobs", NULL, ROUTE_OPERATOR, .read = &read_jobs },
    { GET, "/v1/jobs/{name}", NULL, ROUTE_OPERATOR, .read = &read_job },
    { POST, "/v1/jobs/{name}/pause", NULL, ROUTE_OPERATOR, CLAIM_OPTIONAL, BODY_REQUIRED,
      .turn = job_pause_ask },
    { POST, "/v1/jobs/{name}/resume", NULL, ROUTE_OPERATOR, CLAIM_OPTIONAL, BODY_OPTIONAL,
      .turn = job_resume_ask },
    { POST, "/v1/jobs/{name}/run", NULL, ROUTE_OPERATOR, CLAIM_OPTIONAL, BODY_OPTIONAL,
      .turn = job_run_ask },
    { POST, "/v1/api_keys", NULL, ROUTE_ADMIN, CLAIM_OPTIONAL, BODY_REQUIRED,
      .turn = api_key_create_ask, .show = api_key_create_show },
    { GET, "/v1/api_keys", NULL, ROUTE_ADMIN, .read = &read_api_keys },
    { DELETE, "/v1/api_keys/{id}", "key", ROUTE_ADMIN, .turn = api_key_revoke_ask },

    { POST, "/v1/notifications/{gateway}/{account}", "ga", ROUTE_OPEN,
      .plain = notification_take },
    { GET, "/pay/{token}", NULL, ROUTE_OPEN, .plain = checkout_page_show },
    { POST, "/pay/{token}", NULL, ROUTE_OPEN, .plain = checkout_page_take },
    { GET, "/pay/back/{id}", NULL, ROUTE_OPEN, .plain = checkout_page_back },
    { POST, "/pay/back/{id}", NULL, ROUTE_OPEN, .plain = checkout_page_posted_back },
    { GET, "/pay/{token}/receipt", NULL, ROUTE_OPEN, .plain = receipt_page_show },
    { GET, "/demo", NULL, ROUTE_OPEN, .plain = demo_show },
    { POST, "/demo", NULL, ROUTE_OPEN, .plain = demo_buy },
    { GET, "/demo/events", NULL, ROUTE_OPEN, .plain = demo_events_show },
    { GET, "/pages/checkout.css", NULL, ROUTE_OPEN, .plain = checkout_style_show },
    { GET, "/sandbox/challenge/{token}", NULL, ROUTE_OPEN, .plain = challenge_show },
    { POST, "/sandbox/challenge/{token}", NULL, ROUTE_OPEN, .plain = challenge_decide },
    { GET, "/errors/{code}", NULL, ROUTE_OPEN, .plain = problem_page },
    { GET, "/openapi.yaml", NULL, ROUTE_OPEN, .plain = openapi_show },
    { GET, "/healthz", NULL, ROUTE_OPEN, .plain = health_show, .operators = true },
    { GET, "/readyz", NULL, ROUTE_OPEN, .plain = readiness_show, .operators = true },
    { GET, "/metrics", NULL, ROUTE_OPEN, .plain = metrics_show, .operators = true },
};
const size_t route_count = sizeof routes / sizeof routes[0];
/* clang-format on */

static const char *const method_texts[] = {
    [HTTP_GET] = "GET",         [HTTP_HEAD] = "HEAD",   [HTTP_POST] = "POST",
    [HTTP_PUT] = "PUT",         [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE",
    [HTTP_OPTIONS] = "OPTIONS", [HTTP_OTHER] = "OTHER",
};

const char *method_text(enum http_method method)
{
    assert((size_t)method < sizeof method_texts / sizeof method_texts[0]);
    return method_texts[method];
}

/* Segment by segment; what stands for {...} goes to `segment`. */
static bool matches(const char *pattern, struct str path, struct str *segment)
{
    struct str left = str_of(pattern);
    struct str right = path;
    struct str found = { 0 };
    struct str want;

    while (str_cut(&left, '/', &want)) {
        struct str have;
        if (!str_cut(&right, '/', &have))
            return false;
        if (want.len > 0 && want.ptr[0] == '{' && have.len > 0)
            found = have;
        else if (!str_equal(want, have))
            return false;
    }
    /* "/v1/payments/" has no piece after its last slash, and is no address of ours. */
    if (right.len > 0 || path.ptr[path.len - 1] == '/')
        return false;
    *segment = found;
    return true;
}

/* What tells nearly all patterns of a bucket apart: the letters before the first {. */
static bool may_match(const char *pattern, struct str path)
{
    size_t i = 0;

    while (pattern[i] != '{' && pattern[i] != '\0' && i < path.len && pattern[i] == path.ptr[i])
        i++;
    return pattern[i] == '{' || (pattern[i] == '\0' && i == path.len);
}

/* The word that tells most patterns apart: "payments" of /v1/payments/{id}, "pay" of
 * /pay/{token}. */
static struct str word_of_path(struct str path)
{
    struct str rest = str_slice(path, str_starts_with(path, STR("/v1/")) ? 4 : 1, path.len);

    return str_slice(rest, 0, str_find_char(rest, '/', 0));
}

/* Routes whose words have the same hash, in the order of the table. */
#define BUCKETS 64u
#define ROUTES_MAX 254
#define NO_ROUTE 255

/* The loop's thread alone asks. */
static struct {
    bool sorted;
    uint8_t first[BUCKETS];
    uint8_t next[ROUTES_MAX];
} by_word;

static unsigned bucket_of(struct str word)
{
    unsigned hash = (unsigned)word.len;

    for (size_t i = 0; i < word.len; i++)
        hash = hash * 31 + (unsigned char)word.ptr[i];
    return hash % BUCKETS;
}

static void sort_by_word(void)
{
    assert(route_count <= ROUTES_MAX);
    memset(by_word.first, NO_ROUTE, sizeof by_word.first);
    for (size_t i = route_count; i-- > 0;) {
        unsigned bucket = bucket_of(word_of_path(str_of(routes[i].pattern)));
        by_word.next[i] = by_word.first[bucket];
        by_word.first[bucket] = (uint8_t)i;
    }
    by_word.sorted = true;
}

static void add_allowed(struct buf *allow, enum http_method method)
{
    if (buf_str(allow).len > 0)
        buf_add_c(allow, ", ");
    buf_add_c(allow, method == HTTP_GET ? "GET, HEAD" : method_text(method));
}

const struct route *route_find(enum http_method method, struct str path, struct arena *arena,
                               struct str *segment, struct str *allow)
{
    enum http_method wanted = method == HTTP_HEAD ? HTTP_GET : method;
    struct buf methods;

    if (str_is_empty(path))
        return NULL;
    if (!by_word.sorted)
        sort_by_word();
    buf_init(&methods, arena, 128);
    for (uint8_t i = by_word.first[bucket_of(word_of_path(path))]; i != NO_ROUTE;
         i = by_word.next[i]) {
        if (!may_match(routes[i].pattern, path) || !matches(routes[i].pattern, path, segment))
            continue;
        if (routes[i].method == wanted)
            return &routes[i];
        add_allowed(&methods, routes[i].method);
    }
    *allow = buf_str(&methods);
    return NULL;
}
