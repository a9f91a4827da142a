#include "sim/funds.h"

const char *wrong_text(enum wrong wrong)
{
    static const char *const texts[] = {
#define X(name, text) text,
        WRONGS(X)
#undef X
    };
    return texts[wrong];
}

enum wrong funds_check_capture(const struct funds *funds, int64_t amount_minor)
{
    if (funds->voided)
        return WRONG_CAPTURE_AFTER_VOID;
    if (funds->authorized == 0)
        return WRONG_NOT_AUTHORIZED;
    if (funds->closed)
        return WRONG_CAPTURE_AGAIN;
    return amount_minor > funds->authorized - funds->captured ? WRONG_OVER_CAPTURE : WRONG_NONE;
}

enum wrong funds_check_void(const struct funds *funds)
{
    if (funds->voided)
        return WRONG_VOID_AGAIN;
    if (funds->captured > 0)
        return WRONG_VOID_AFTER_CAPTURE;
    return funds->authorized == 0 ? WRONG_VOID_WITHOUT_HOLD : WRONG_NONE;
}

enum wrong funds_check_refund(const struct funds *funds, int64_t amount_minor)
{
    if (funds->captured == 0)
        return WRONG_NOT_CAPTURED;
    return amount_minor > funds->captured - funds->refunded ? WRONG_OVER_REFUND : WRONG_NONE;
}
