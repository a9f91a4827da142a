/* fuzz_csv.c - a separator, the size of the pieces, then a file: it reads the same in one piece
 * and in many, and what is read is text within its limits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct file {
    struct csv *csv;
    struct str rest;
    size_t piece;
};

static enum csv_event next(struct file *file)
{
    enum csv_event event;

    while ((event = csv_next(file->csv)) == CSV_MORE) {
        if (file->rest.len == 0) {
            csv_finish(file->csv);
            continue;
        }
        struct str piece = str_slice(file->rest, 0, file->piece);
        file->rest = str_slice(file->rest, piece.len, file->rest.len);
        csv_feed(file->csv, piece);
    }
    return event;
}

static void check_same(const struct file *a, const struct file *b)
{
    size_t a_count, b_count, total = 0;
    const struct str *a_fields = csv_fields(a->csv, &a_count);
    const struct str *b_fields = csv_fields(b->csv, &b_count);

    if (a_count != b_count || a_count == 0 || a_count > CSV_FIELDS_MAX)
        abort();
    for (size_t i = 0; i < a_count; i++) {
        if (!str_equal(a_fields[i], b_fields[i]) || !str_is_utf8(a_fields[i]))
            abort();
        total += a_fields[i].len;
    }
    if (total > CSV_RECORD_MAX)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char separators[] = ",;\t|";

    if (size < 2)
        return 0;
    char separator = separators[data[0] % 4];
    struct str text = str_make((const char *)data + 2, size - 2);
    /* The mark at the beginning comes whole, as it does from a file. */
    struct file whole = { csv_open(separator), text, text.len + 1 };
    struct file parts = { csv_open(separator), text, 3 + data[1] % 16u };
    enum csv_event event;
    int64_t row = 0;
    do {
        event = next(&whole);
        if (event != next(&parts) || csv_row(whole.csv) != csv_row(parts.csv))
            abort();
        if (event == CSV_RECORD) {
            check_same(&whole, &parts);
            if (csv_row(whole.csv) <= row)
                abort();
            row = csv_row(whole.csv);
        }
        if (event == CSV_BAD && strlen(csv_why(whole.csv)) == 0)
            abort();
    } while (event == CSV_RECORD);
    csv_close(whole.csv);
    csv_close(parts.csv);
    return 0;
}
