/* fuzz_settings.c - any bytes as a settings file. What is taken can be written again, and is
 * read again as the same settings. */
#include <assert.h>
#include <stdint.h>

#include "base/buf.h"
#include "commands/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str write_layer(const struct settings_layer *layer, struct arena *arena)
{
    struct buf out;

    buf_init(&out, arena, 1 << 20);
    for (int i = 0; i < SETTING_COUNT; i++) {
        if (layer->values[i].ptr == NULL)
            continue;
        buf_add_c(&out, settings_table[i].name);
        buf_add_c(&out, " = ");
        buf_add(&out, layer->values[i]);
        buf_add_c(&out, "\r\n");
    }
    assert(buf_ok(&out));
    return buf_str(&out);
}

static void check_taken(const struct settings_layer *layer, struct arena *arena)
{
    struct settings_layer again = { 0 };
    struct str why = { 0 };

    enum err err = settings_parse(write_layer(layer, arena), STR("again"), arena, &again, &why);
    assert(err == OK);
    for (int i = 0; i < SETTING_COUNT; i++) {
        const char *wrong = NULL;
        assert(str_equal(layer->values[i], again.values[i]));
        assert((layer->values[i].ptr == NULL) == (again.values[i].ptr == NULL));
        if (again.values[i].ptr != NULL)
            assert(setting_check((enum setting)i, again.values[i], &wrong));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct settings_layer layer = { 0 };
    struct str why = { 0 };

    enum err err = settings_parse(str_make((const char *)data, size), STR("fuzz"), &arena, &layer,
                                  &why);
    assert(err == OK || (err == ERR_VALIDATION && why.len > 0));
    if (err == OK)
        check_taken(&layer, &arena);
    arena_done(&arena);
    return 0;
}
