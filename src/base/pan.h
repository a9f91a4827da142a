/* pan.h - finds card numbers in text that must not hold one.
 *
 * A card number (PAN) here is 12 to 19 digits that pass the Luhn check and begin as an issuer's
 * number can (2 to 6, 8 or 9), not inside a longer run of digits, optionally
 * grouped by single spaces, dots or dashes; full-width and Arabic-Indic digits
 * count as digits. Payers do type card numbers into reference fields, so every
 * free text of a request and every log line passes through here. */
#ifndef BASE_PAN_H
#define BASE_PAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

/* Position and length in bytes of the first card number, false when there is none. */
bool pan_find(struct str text, size_t *at, size_t *len);
bool pan_present(struct str text);
/* Copies text with every digit of each card number but the last four replaced by '*'. */
void pan_write_masked(struct buf *out, struct str text);
/* Digits only, already stripped of grouping. */
bool pan_luhn_ok(struct str digits);

#endif
