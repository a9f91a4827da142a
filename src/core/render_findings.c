/* render_findings.c - reconciliations, differences and tasks as JSON. */
#include <assert.h>

#include "base/time.h"
#include "core/render.h"

#define OBJECT_MAX ((size_t)64 * 1024)

void render_reconciliation(struct json_out *out, const char *name,
                           const struct reconciliation *row)
{
    json_open_object(out, name);
    RENDER_ID(out, "id", reconciliation, row->id);
    json_put_text(out, "object", STR("reconciliation"));
    json_put_text(out, "status", row->ended_ms     ? STR("ended")
                                 : row->started_ms ? STR("under_way")
                                                   : STR("asked"));
    json_put_text_or_null(out, "gateway", row->gateway);
    RENDER_ID(out, "gateway_account", gateway_account, row->gateway_account);
    json_put_time(out, "since", row->since_ms);
    json_put_time(out, "listed_to", row->listed_to_ms);
    json_put_bool(out, "dry_run", row->dry_run);
    json_put_int(out, "checked", row->checked);
    json_put_int(out, "agreed", row->agreed);
    json_put_int(out, "moved", row->moved);
    json_put_int(out, "drifted", row->drifted);
    json_put_int(out, "failed", row->failed);
    json_put_int(out, "skipped", row->skipped);
    json_put_text_or_null(out, "actor", row->actor);
    json_put_bool(out, "live", row->live);
    json_put_time(out, "created_at", row->created_ms);
    json_put_time(out, "started_at", row->started_ms);
    json_put_time(out, "ended_at", row->ended_ms);
    json_close_object(out);
}

static void put_resolution(struct json_out *out, struct str word, const char *name,
                           struct str by, struct str note, int64_t closed_ms)
{
    json_put_text_or_null(out, name, word);
    json_put_text_or_null(out, "resolved_by", by);
    json_put_text_or_null(out, "note", note);
    json_put_time(out, "resolved_at", closed_ms);
}

void render_drift(struct json_out *out, const char *name, const struct drift *drift)
{
    json_open_object(out, name);
    RENDER_ID(out, "id", drift, drift->id);
    json_put_text(out, "object", STR("drift"));
    json_put_text(out, "kind", word_str(&words_drift_kind, drift->kind));
    json_put_text(out, "severity", str_of(drift_severity(drift->kind)));
    json_put_text(out, "status", drift->closed_ms ? STR("closed") : STR("open"));
    json_put_text_or_null(out, "gateway", drift->gateway);
    RENDER_ID(out, "gateway_account", gateway_account, drift->gateway_account);
    RENDER_ID(out, "payment", payment, drift->payment);
    RENDER_ID(out, "refund", refund, drift->refund);
    RENDER_ID(out, "operation", operation, drift->operation);
    json_put_text_or_null(out, "reference", drift->reference);
    json_put_text_or_null(out, "our_status", drift->our_status);
    json_put_text_or_null(out, "gateway_status", drift->gateway_status);
    json_put_int(out, "our_amount", drift->our_minor);
    json_put_int(out, "gateway_amount", drift->gateway_minor);
    json_put_text_or_null(out, "currency", str_of(currency_code(drift->currency)));
    json_put_text_or_null(out, "detail", drift->detail);
    json_put_int(out, "times_seen", drift->times);
    json_put_time(out, "first_seen_at", drift->created_ms);
    json_put_time(out, "last_seen_at", drift->seen_ms);
    put_resolution(out, word_str(&words_drift_resolution, drift->resolution), "resolution",
                   drift->resolved_by, drift->note, drift->closed_ms);
    json_put_bool(out, "live", drift->live);
    json_close_object(out);
}

void render_task(struct json_out *out, const char *name, const struct task *task)
{
    json_open_object(out, name);
    RENDER_ID(out, "id", task, task->id);
    json_put_text(out, "object", STR("task"));
    json_put_text(out, "kind", word_str(&words_task_kind, task->kind));
    json_put_text(out, "status", task->closed_ms ? STR("closed") : STR("open"));
    RENDER_ID(out, "payment", payment, task->payment);
    RENDER_ID(out, "operation", operation, task->operation);
    json_put_text_or_null(out, "detail", task->detail);
    json_open_array(out, "actions");
    for (unsigned i = 1; i < TASK_DO_COUNT && task->closed_ms == 0; i++)
        if (task_allows(task->kind, (enum task_action)i))
            json_put_text(out, NULL, word_str(&words_task_action, i));
    json_close_array(out);
    put_resolution(out, word_str(&words_task_action, task->action), "action", task->resolved_by,
                   task->note, task->closed_ms);
    json_put_bool(out, "live", task->live);
    json_put_time(out, "created_at", task->created_ms);
    json_close_object(out);
}

void render_audit_entry(struct json_out *out, const char *name, const struct audit_entry *entry)
{
    char hex_bytes[2 * SHA256_SIZE + 1];
    struct buf hex;
    buf_fixed(&hex, hex_bytes, sizeof(hex_bytes));
    buf_add_hex(&hex, entry->hash.bytes, SHA256_SIZE);
    json_open_object(out, name);
    json_put_text(out, "object", STR("audit_entry"));
    json_put_int(out, "number", entry->number);
    json_put_time(out, "at", entry->at_ms);
    json_put_text_or_null(out, "actor", entry->actor);
    json_put_text(out, "action", entry->action);
    json_put_text_or_null(out, "about", entry->object);
    json_put_raw(out, "detail", str_is_empty(entry->detail) ? STR("null") : entry->detail);
    json_put_text(out, "hash", buf_str(&hex));
    json_put_bool(out, "live", entry->live);
    json_close_object(out);
}

#define TEXT_OF(kind)                                                                    \
    struct str render_##kind##_text(struct arena *arena, const struct kind *row)         \
    {                                                                                    \
        struct buf text;                                                                 \
        struct json_out out;                                                             \
        buf_init(&text, arena, OBJECT_MAX);                                              \
        json_begin(&out, &text);                                                         \
        render_##kind(&out, NULL, row);                                                  \
        json_done(&out);                                                                 \
        assert(buf_ok(&text));                                                           \
        return buf_str(&text);                                                           \
    }
TEXT_OF(reconciliation)
TEXT_OF(drift)
TEXT_OF(task)
