/* fuzz_webhook.c - any JSON object as an endpoint's filter, in every format. What is refused is
 * refused with a member and a sentence; what is taken can be held against any event. */
#include <assert.h>
#include <stdint.h>

#include "core/webhook_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold_against_events(struct str filter, enum webhook_format format, struct arena *arena)
{
    struct invoice invoice = { .shop = STR("12"), .metadata = STR("{\"table\":\"7\"}") };
    struct webhook_endpoint endpoint = {
        .status = ENDPOINT_ENABLED,
        .format = format,
        .filter = filter,
    };

    for (unsigned type = 1; type < EVENT_TYPE_COUNT; type++) {
        struct event event = { .type = type, .data = STR("{\"status\":\"captured\"}") };
        (void)webhook_wants(&endpoint, &event, &invoice, arena);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_make((const char *)data, size);
    struct arena arena = { 0 };
    const struct json *filter = NULL;

    if (json_parse(text, &arena, &filter, NULL) == OK && json_type(filter) == JSON_OBJECT) {
        for (unsigned format = 1; format < WEBHOOK_FORMAT_COUNT; format++) {
            struct str param = { 0 }, why = { 0 };
            enum err err = webhook_filter_check(filter, format, &arena, &param, &why);
            assert(err == OK || (err == ERR_VALIDATION && param.len > 0 && why.len > 0));
            if (err == OK)
                hold_against_events(text, format, &arena);
        }
    }
    arena_done(&arena);
    return 0;
}
