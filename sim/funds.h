/* funds.h - the money of one payment at a gateway, and which requests about it are wrong.
 *
 * Both gateways count alike; what they say to a wrong request differs. A wrong request is refused
 * and recorded, or, when the simulator is lenient, carried out and recorded. */
#ifndef SIM_FUNDS_H
#define SIM_FUNDS_H

#include <stdbool.h>
#include <stdint.h>

/* X(NAME, text) */
#define WRONGS(X)                                   \
    X(NONE, "")                                     \
    X(NOT_AUTHORIZED, "capture_without_hold")       \
    X(OVER_CAPTURE, "over_capture")                 \
    X(CAPTURE_AGAIN, "capture_again")               \
    X(CAPTURE_AFTER_VOID, "capture_after_void")     \
    X(VOID_WITHOUT_HOLD, "void_without_hold")       \
    X(VOID_AFTER_CAPTURE, "void_after_capture")     \
    X(VOID_AGAIN, "void_again")                     \
    X(NOT_CAPTURED, "refund_without_capture")       \
    X(OVER_REFUND, "over_refund")

enum wrong {
#define X(name, text) WRONG_##name,
    WRONGS(X)
#undef X
};

/* All in minor units. */
struct funds {
    int64_t authorized, captured, refunded;
    bool voided;
    bool closed; /* captured for the last time: what was held beyond it is released */
};

const char *wrong_text(enum wrong wrong); /* "" for none */
enum wrong funds_check_capture(const struct funds *funds, int64_t amount_minor);
enum wrong funds_check_void(const struct funds *funds);
enum wrong funds_check_refund(const struct funds *funds, int64_t amount_minor);

#endif
