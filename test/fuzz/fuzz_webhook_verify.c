/* fuzz_webhook_verify.c - any bytes as a request that came, and as a key: there is always a
 * sentence, and nothing that was not signed is taken. */
#include <assert.h>
#include <stdint.h>

#include "core/webhook_verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const keys[] = {
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
    };
    static const char *const headers[] = { "", "X-Hub-Signature-256" };
    struct str text = str_make((const char *)data, size);
    struct arena arena = { 0 };
    struct webhook_receipt receipt = { 0 };
    struct str why = { 0 };

    enum err err = webhook_receipt_read(text, &arena, &receipt, &why);
    assert(err == OK || (err == ERR_VALIDATION && why.len > 0));
    for (size_t i = 0; i < 3; i++) {
        struct webhook_check check = {
            .key = i < 2 ? str_of(keys[i]) : text,
            .header = str_of(headers[i % 2]),
            .now_ms = INT64_C(1614265330000),
            .tolerance_s = 300,
        };
        struct str said = { 0 };
        (void)webhook_verify(&receipt, &check, &arena, &said);
        assert(said.len > 0);
    }
    arena_done(&arena);
    return 0;
}
