/* texts.h - what payers are told, in every language of the pages (checkout_text.def); amounts and
 * dates as each writes them. Inside pages only. */
#ifndef PAGES_TEXTS_H
#define PAGES_TEXTS_H

#include "base/money.h"
#include "pages/checkout_text.def"

/* clang-format off */
enum text {
#define X(key, ...) TEXT_##key,
    CHECKOUT_TEXTS(X)
#undef X
    TEXT_COUNT
};
enum language {
#define X(code, name, ...) LANGUAGE_##name,
    CHECKOUT_LANGUAGES(X)
#undef X
    LANGUAGE_COUNT
};
/* clang-format on */

enum language language_of(struct str code); /* English for none of ours */
const char *language_code(enum language language);
const char *language_direction(enum language language); /* "ltr" or "rtl" */
struct str text_of(enum text text, enum language language);

void text_write_amount(struct buf *out, struct money amount, enum language language);
/* "29.11.2026 08:05 UTC" */
void text_write_time(struct buf *out, int64_t time_ms, enum language language);

#endif
