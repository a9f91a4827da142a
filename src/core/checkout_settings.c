#include "core/checkout_settings.h"

#include <assert.h>

#include "base/crypto.h"
#include "base/origin.h"
#include "core/render.h"
#include "core/turn.h"

#define OBJECT_MAX ((size_t)128 * 1024)

struct id checkout_settings_id(struct merchant_id merchant, bool live)
{
    const struct str pieces[] = {
        str_make((const char *)merchant.id.bytes, sizeof merchant.id.bytes),
        live ? STR("live") : STR("test"),
    };
    struct sha256 hash = crypto_hmac_sha256(STR("purser checkout settings"), pieces, 2);
    struct id id;

    for (size_t i = 0; i < sizeof id.bytes; i++)
        id.bytes[i] = hash.bytes[i];
    return id;
}

/* The light of one channel in ten thousandths, at 0, 16, 32 ... 240 and 255. The curve bends
 * upwards, so between two points a straight line is never too dark. */
static const int64_t light[] = { 0,    52,   145,  296,  513,  803,  1170, 1621, 2159,
                                 2789, 3516, 4342, 5272, 6308, 7455, 8714, 10000 };

static int64_t light_of(uint8_t channel)
{
    int64_t at = channel / 16, part = channel % 16;

    return light[at] + (light[at + 1] - light[at]) * part / 16 + (part > 0);
}

bool checkout_colour_is_readable(struct str colour)
{
    uint8_t rgb[3];

    if (colour.len != 7 || colour.ptr[0] != '#'
        || !crypto_read_hex(str_slice(colour, 1, colour.len), rgb, sizeof rgb))
        return false;
    int64_t sum = light_of(rgb[0]) * 2126 + light_of(rgb[1]) * 7152 + light_of(rgb[2]) * 722;
    /* (1 + 0.05) / (sum + 0.05) >= 4.5 */
    return (sum + 5000000) * 45 <= INT64_C(105000000) * 10;
}

static bool is_registered(struct str origins, struct str origin)
{
    struct str rest = origins, known;

    while (str_cut(&rest, ' ', &known))
        if (str_equal(known, origin))
            return true;
    return false;
}

enum err checkout_check_return(struct turn *turn, const char *param, struct str url)
{
    const struct checkout_settings *settings = turn->checkout_settings;
    struct str origins = settings ? settings->origins : (struct str){ 0 };
    struct str origin;

    if (str_is_empty(url) || (str_is_empty(origins) && !turn->input->live))
        return OK;
    if (!origin_of(url, turn->arena, &origin))
        return turn_fail_param(turn, ERR_VALIDATION, param,
                               "%s must begin with an origin such as https://shop.example.", param);
    if (!is_registered(origins, origin))
        return turn_fail_param(turn, ERR_VALIDATION, param,
                               "%.*s is not registered: add it to origins with PATCH "
                               "/v1/checkout_settings.", STR_ARG(origin));
    return OK;
}

static enum err checkout_settings_change(struct turn *turn)
{
    const struct checkout_settings_change *ask = turn->input->ask;
    struct checkout_settings *settings = turn->checkout_settings;

    if (!settings) {
        settings = ARENA_NEW(turn->arena, struct checkout_settings);
        settings->row = ROW_NEW;
        settings->merchant = turn->input->merchant;
        settings->live = turn->input->live;
        settings->id = checkout_settings_id(settings->merchant, settings->live);
        settings->created_ms = turn->now_ms;
        turn->checkout_settings = settings;
    }
    if (ask->has_name)
        settings->name = ask->name;
    if (ask->has_colour)
        settings->colour = ask->colour;
    if (ask->has_logo)
        settings->logo = ask->logo;
    if (ask->has_origins)
        settings->origins = ask->origins;
    settings->updated_ms = turn->now_ms;
    row_touch(&settings->row);
    turn_answer_now(turn, 200,
                    render_checkout_settings_text(turn->arena, settings, settings->live));
    return OK;
}

static void put_origins(struct json_out *out, struct str origins)
{
    struct str origin;

    json_open_array(out, "origins");
    while (str_cut(&origins, ' ', &origin))
        json_put_text(out, NULL, origin);
    json_close_array(out);
}

struct str render_checkout_settings_text(struct arena *arena,
                                         const struct checkout_settings *settings, bool live)
{
    static const struct checkout_settings none;
    struct buf text;
    struct json_out out;

    if (!settings)
        settings = &none;
    buf_init(&text, arena, OBJECT_MAX);
    json_begin(&out, &text);
    json_open_object(&out, NULL);
    json_put_text(&out, "object", STR("checkout_settings"));
    json_put_text_or_null(&out, "name", settings->name);
    json_put_text_or_null(&out, "colour", settings->colour);
    json_put_text_or_null(&out, "logo", settings->logo);
    put_origins(&out, settings->origins);
    json_put_bool(&out, "live", live);
    json_put_time(&out, "updated_at", settings->updated_ms);
    json_close_object(&out);
    json_done(&out);
    assert(buf_ok(&text));
    return buf_str(&text);
}

const struct turn_handler turn_checkout_settings_change = { "checkout_settings.change",
                                                            TARGET_NOTHING,
                                                            .wants_checkout_settings = true,
                                                            .handle = checkout_settings_change };
