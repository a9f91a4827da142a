/* fuzz_settlement.c - a mapping up to the first zero byte, then one record whose fields end with
 * zero bytes, the header before it: what is read is normalised, and every refusal says why. */
#include <stdint.h>
#include <stdlib.h>

#include "base/money.h"
#include "base/pan.h"
#include "core/settlement.h"

#define FIELDS_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_refusal(struct str why)
{
    if (str_is_empty(why) || !str_is_utf8(why))
        abort();
}

static void check_line(const struct settlement_line *line)
{
    if (line->kind == SETTLEMENT_KIND_NONE || line->currency == CURRENCY_NONE
        || line->booked_ms < 0)
        abort();
    if (line->kind == SETTLEMENT_PAYMENT && line->gross_minor < 0)
        abort();
    if (line->kind == SETTLEMENT_REFUND && line->gross_minor > 0)
        abort();
    if (line->kind == SETTLEMENT_PAYOUT && line->gross_minor < 0)
        abort();
    if (pan_present(line->gateway_reference) || pan_present(line->reference)
        || pan_present(line->refund_reference) || pan_present(line->payout))
        abort();
    for (int twice = 0; twice < 2; twice++) {
        const struct settlement_books books = {
            .has_payment = true, .has_refund = twice, .captured_minor = line->gross_minor,
            .currency = line->currency, .twice = twice,
        };
        struct settlement_verdict verdict = settlement_judge(line, &books);
        if (verdict.result == SETTLEMENT_IS_OPEN
            || (verdict.result == SETTLEMENT_IS_MATCHED) != (verdict.drift == DRIFT_NONE
                && verdict.result != SETTLEMENT_IS_NOTED))
            abort();
    }
}

static size_t cut(struct str *rest, struct str *fields)
{
    size_t count = 0;
    while (count < FIELDS_MAX && str_cut(rest, '\0', &fields[count]))
        if (str_is_utf8(fields[count]))
            count++;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_make((const char *)data, size), text;
    struct str fields[FIELDS_MAX], why = { 0 };
    struct settlement_mapping mapping;
    struct settlement_header header;
    struct settlement_line line = { 0 };
    struct arena arena = { 0 };
    bool ignored = false;

    if (!str_cut(&rest, '\0', &text))
        return 0;
    if (settlement_mapping_read(text, &arena, &mapping, &why) != OK) {
        check_refusal(why);
    } else {
        size_t count = cut(&rest, fields);
        if (settlement_header_read(&mapping, fields, count / 2, &arena, &header, &why) != OK)
            check_refusal(why);
        else if (settlement_line_read(&mapping, &header, fields + count / 2, count / 2, &arena,
                                      &line, &ignored, &why) != OK)
            check_refusal(why);
        else if (!ignored)
            check_line(&line);
    }
    arena_done(&arena);
    return 0;
}
