#include "sim/sim.h"

#include <string.h>

#include "base/crypto.h"
#include "sim/control.h"
#include "sim/epay.h"
#include "sim/exchange.h"
#include "sim/hyper.h"

static const struct face *const faces[] = { &control_face, &epay_face, &epay_pages, &hyper_face,
                                            &hyper_pages };

void sim_begin(struct sim *sim)
{
    arena_reset(&sim->arena);
    sim->settings = sim->settings_at_start;
    plan_clear(&sim->plan);
    sim->epay = epay_new(sim);
    sim->hyper = hyper_new(sim);
    sim->resets++;
}

int64_t sim_now_ms(const struct sim *sim)
{
    return outside_now_ms(sim->outside);
}

struct str sim_random_text(struct sim *sim, struct arena *arena, size_t len)
{
    struct buf text;

    buf_init(&text, arena, len + 64);
    while (text.len < len) {
        uint8_t bytes[32];
        outside_random(sim->outside, bytes, sizeof bytes);
        crypto_write_base62(&text, bytes, sizeof bytes, 43);
    }
    return str_slice(buf_str(&text), 0, len);
}

struct str sim_random_uuid(struct sim *sim, struct arena *arena)
{
    uint8_t bytes[16];
    struct buf text;

    outside_random(sim->outside, bytes, sizeof bytes);
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40); /* version 4 */
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    buf_init(&text, arena, 64);
    for (size_t i = 0; i < sizeof bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            buf_add_char(&text, '-');
        buf_add_hex(&text, &bytes[i], 1);
    }
    return buf_str(&text);
}

/* The ledger. */

static void record(struct sim *sim, const struct effect *effect, const char *kind)
{
    struct json_out *out = ledger_begin(&sim->ledger, kind);

    json_put_text(out, "gateway", str_of(effect->gateway));
    if (strcmp(kind, effect->kind) != 0)
        json_put_text(out, "asked", str_of(effect->kind));
    json_put_text(out, "reference", effect->reference);
    json_put_text(out, "id", effect->id);
    json_put_text_or_null(out, "second", effect->second);
    ledger_put_money(out, effect->amount);
    json_put_text(out, "by", str_of(effect->by));
    json_put_text_or_null(out, "wrong", str_of(wrong_text(effect->wrong)));
    ledger_end(&sim->ledger);
}

void sim_record(struct sim *sim, const struct effect *effect)
{
    record(sim, effect, effect->kind);
}

bool sim_lets_wrong_pass(struct sim *sim, const struct effect *effect)
{
    if (effect->wrong == WRONG_NONE || sim->settings.lenient)
        return true;
    record(sim, effect, "refused");
    return false;
}

/* Routing. */

/* "/a/{}/b" against "/a/1/b"; what stands for {} goes to `ids`. */
static bool path_is(const char *wanted, struct str path, struct str ids[2])
{
    struct str rest = str_of(wanted), want, have;
    size_t count = 0;

    while (str_cut(&rest, '/', &want)) {
        if (!str_cut(&path, '/', &have))
            return false;
        if (str_equal(want, STR("{}")) && !str_is_empty(have) && count < 2)
            ids[count++] = have;
        else if (!str_equal(want, have))
            return false;
    }
    return str_is_empty(path);
}

/* Gateways may be spoken to under a prefix of their own, as if each had a host of its own. */
static struct str without_prefix(const char *face, struct str path)
{
    size_t len = strlen(face);

    if (len == 0 || path.len <= len + 1 || path.ptr[len + 1] != '/' ||
        !str_equal(str_slice(path, 1, len), str_of(face)))
        return path;
    return str_slice(path, len + 1, path.len);
}

static bool take(struct sim *sim, const struct face *face, struct server_request *request)
{
    enum http_method method = server_request_method(request);
    struct str path = without_prefix(face->name, server_request_path(request));

    for (size_t i = 0; i < face->count; i++) {
        struct str ids[2] = { { 0 }, { 0 } };
        if (face->calls[i].method == method && path_is(face->calls[i].path, path, ids)) {
            exchange_begin(sim, face, &face->calls[i], request, ids);
            return true;
        }
    }
    return false;
}

void sim_handle(void *self, struct server_request *request)
{
    struct sim *sim = self;
    struct server_answer answer = {
        .status = 404,
        .content_type = STR("application/json"),
        .body = STR("{\"error\":\"the simulator has no such address: see docs/simulator.md\"}"),
    };

    for (size_t i = 0; i < sizeof faces / sizeof faces[0]; i++) {
        if (take(sim, faces[i], request))
            return;
    }
    server_answer(request, &answer);
}
