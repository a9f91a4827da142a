/* checkout_settings.c - what is a merchant's own in the payer's page. */
#include "api/fields.h"
#include "api/reads.h"
#include "api/resources.h"
#include "base/crypto.h"
#include "base/origin.h"
#include "core/checkout_settings.h"
#include "core/render.h"

#define LOGO_CHARS ((CHECKOUT_LOGO_MAX_BYTES + 2) / 3 * 4)

struct change_body {
    struct checkout_settings_change change;
    const struct json *origins;
    bool has_origins;
};

#define OF_CHANGE(member_, name_, ...)                                                             \
    {                                                                                              \
        .name = name_, .kind = FIELD_TEXT, .nullable = true,                                       \
        .offset = offsetof(struct change_body, change.member_),                                    \
        .given = offsetof(struct change_body, change.has_##member_), __VA_ARGS__                   \
    }

static const struct field change_fields[] = {
    OF_CHANGE(name, "name", .most = SHOP_MAX),
    OF_CHANGE(colour, "colour", .most = 7, .ours = true),
    OF_CHANGE(logo, "logo", .most = LOGO_CHARS, .ours = true),
    FIELD(struct change_body, origins, ARRAY, .given = offsetof(struct change_body, has_origins)),
};

static enum err check_logo(struct call *call, struct str logo)
{
    static const struct str signature = STR_INIT("\x89PNG\r\n\x1a\n");
    struct buf bytes;

    buf_init(&bytes, call->arena, CHECKOUT_LOGO_MAX_BYTES + 1);
    if (str_is_empty(logo) ||
        (crypto_read_base64(logo, &bytes) && str_starts_with(buf_str(&bytes), signature)))
        return OK;
    return trouble_about(&call->trouble, ERR_VALIDATION, STR("logo"),
                         "logo must be a PNG of at most %d bytes in base64.",
                         CHECKOUT_LOGO_MAX_BYTES);
}

/* One of the list, as it is kept. In live mode nobody may be sent over a line that others read. */
static enum err read_origin(struct call *call, const struct json *item, struct arena *arena,
                            struct str *out)
{
    struct str text = json_text(item);
    bool right = origin_of(text, arena, out) && str_find_char(text, '/', 8) == text.len &&
                 (origin_is_https(*out) || (!call->who.live && origin_is_loopback(*out)));

    if (right)
        return OK;
    return trouble_about(&call->trouble, ERR_VALIDATION, STR("origins"),
                         call->who.live
                             ? "origins must be like https://shop.example, without a path."
                             : "origins must be like https://shop.example, without a path; http "
                               "is for localhost only.");
}

static enum err read_origins(struct call *call, const struct json *array, struct arena *arena,
                             struct str *out)
{
    struct json_cursor cursor;
    const struct json *item = NULL;
    struct str origin;
    struct buf text;
    enum err err = OK;

    if (json_count(array) > CHECKOUT_ORIGINS_MAX)
        return trouble_about(&call->trouble, ERR_VALIDATION, STR("origins"),
                             "There may be %d origins.", CHECKOUT_ORIGINS_MAX);
    buf_init(&text, arena, CHECKOUT_ORIGINS_MAX * (ORIGIN_MAX + 1));
    json_each(&cursor, array);
    while (!err && json_next(&cursor, NULL, &item)) {
        err = read_origin(call, item, arena, &origin);
        if (!err)
            buf_addf(&text, "%s%.*s", buf_str(&text).len > 0 ? " " : "", STR_ARG(origin));
    }
    *out = buf_str(&text);
    return err;
}

/* PATCH /v1/checkout_settings */
enum err checkout_settings_change_ask(struct call *call, const struct json *json,
                                      struct desk_turn *turn)
{
    struct change_body *body = ARENA_NEW(&turn->arena, struct change_body);
    struct checkout_settings_change *change = &body->change;

    enum err err = fields_read(FIELDS(change_fields), json, "", body, &call->trouble);
    if (!err && !str_is_empty(change->colour) && !checkout_colour_is_readable(change->colour))
        err = trouble_about(&call->trouble, ERR_VALIDATION, STR("colour"),
                            "colour must be like #1a4fa0, and dark enough for white text to have "
                            "a contrast of 4.5 on it.");
    if (!err)
        err = check_logo(call, change->logo);
    if (!err && body->has_origins)
        err = read_origins(call, body->origins, &turn->arena, &change->origins);
    change->has_origins = body->has_origins;
    turn->input.handler = &turn_checkout_settings_change;
    turn->input.ask = change;
    return err;
}

static enum err run_settings(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct checkout_settings *settings = NULL;

    enum err err = query_checkout_settings(db, ask->scope, ask->arena, &settings);
    if (!err)
        json_put_raw(out, NULL, render_checkout_settings_text(ask->arena, settings,
                                                              ask->scope.live));
    return err;
}

/* GET /v1/checkout_settings */
const struct reading read_checkout_settings = { .run = run_settings };
