/* csv.h - comma-separated values (RFC 4180), read record by record in bounded memory.
 *
 * Bytes are fed as they come; a record is whole whatever pieces it came in. Strict where
 * programs disagree: a quote inside an unquoted field, text behind a closing quote, an open quote
 * at the end, a carriage return alone, NUL and what is not UTF-8 are errors that name their row.
 * A byte-order mark at the beginning and empty lines are passed over. Rows are counted as a
 * spreadsheet counts them: the first line is 1, empty ones count, a record's number is that of
 * its first line. */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

#define CSV_FIELDS_MAX 256
#define CSV_RECORD_MAX ((size_t)64 * 1024)   /* bytes of all fields of one record */

enum csv_event { CSV_MORE, CSV_RECORD, CSV_END, CSV_BAD };

struct csv;

/* `separator` is no quote, no line end and not NUL. */
struct csv *csv_open(char separator);
void csv_close(struct csv *csv);             /* accepts NULL */

/* The next bytes; those before must have been used up (CSV_MORE). They are not copied until
 * csv_next looks at them. */
void csv_feed(struct csv *csv, struct str bytes);
/* No more bytes come: from now on csv_next ends with CSV_END. */
void csv_finish(struct csv *csv);

/* CSV_RECORD: csv_fields are valid until the next call. CSV_BAD stays. */
enum csv_event csv_next(struct csv *csv);
const struct str *csv_fields(const struct csv *csv, size_t *count);
int64_t csv_row(const struct csv *csv);      /* of the record, or of what is bad */
const char *csv_why(const struct csv *csv);  /* what is bad, and what to do */

#endif
