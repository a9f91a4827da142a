/* csv.c - one state machine, a byte at a time. */
#include "base/csv.h"

#include <assert.h>
#include <string.h>

enum state {
    AT_START,        /* of a record */
    AT_FIELD,        /* of another field */
    IN_FIELD,        /* unquoted */
    IN_QUOTES,
    AFTER_QUOTE,     /* of a quoted field: it ends, or is doubled */
    AFTER_CR,        /* only a line feed may follow */
};

struct csv {
    char separator;
    enum state state;
    struct str input;
    size_t at;
    bool finished;
    bool begun;                      /* some byte was looked at: no byte-order mark any more */
    const char *why;
    int64_t line, row;
    char text[CSV_RECORD_MAX];
    size_t used;
    size_t starts[CSV_FIELDS_MAX + 1];
    size_t count;
    struct str fields[CSV_FIELDS_MAX];
};

struct csv *csv_open(char separator)
{
    struct csv *csv = mem_alloc(sizeof(*csv));

    assert(separator != '"' && separator != '\r' && separator != '\n' && separator != '\0');
    csv->separator = separator;
    csv->line = 1;
    return csv;
}

void csv_close(struct csv *csv)
{
    mem_free(csv);
}

void csv_feed(struct csv *csv, struct str bytes)
{
    assert(csv->at == csv->input.len && !csv->finished);
    csv->input = bytes;
    csv->at = 0;
}

void csv_finish(struct csv *csv)
{
    csv->finished = true;
}

static enum csv_event bad(struct csv *csv, const char *why)
{
    csv->why = why;
    csv->row = csv->line;
    return CSV_BAD;
}

static bool add_char(struct csv *csv, char c)
{
    if (csv->used == CSV_RECORD_MAX)
        return false;
    csv->text[csv->used++] = c;
    return true;
}

static bool end_field(struct csv *csv)
{
    if (csv->count == CSV_FIELDS_MAX)
        return false;
    csv->starts[++csv->count] = csv->used;
    return true;
}

static enum csv_event end_record(struct csv *csv)
{
    for (size_t i = 0; i < csv->count; i++) {
        csv->fields[i] = str_make(csv->text + csv->starts[i], csv->starts[i + 1] - csv->starts[i]);
        if (!str_is_utf8(csv->fields[i])) {
            csv->why = "the text is not UTF-8: save the file as UTF-8";
            return CSV_BAD;
        }
    }
    csv->state = AT_START;
    return CSV_RECORD;
}

static enum csv_event field_over(struct csv *csv)
{
    return end_field(csv) ? CSV_MORE
                          : bad(csv, "there are more than 256 fields: is the separator right?");
}

/* Behind a field: the next one, or the record's end. CSV_MORE: go on. */
static enum csv_event after_field(struct csv *csv, char c)
{
    enum csv_event event = field_over(csv);

    if (event == CSV_BAD)
        return event;
    if (c == csv->separator) {
        csv->state = AT_FIELD;
        return CSV_MORE;
    }
    if (c == '\r') {
        csv->state = AFTER_CR;
        return CSV_MORE;
    }
    csv->line++;
    return end_record(csv);
}

static bool ends_field(const struct csv *csv, char c)
{
    return c == csv->separator || c == '\n' || c == '\r';
}

/* An empty line is no record. */
static enum csv_event at_start(struct csv *csv, char c)
{
    if (c == '\n') {
        csv->line++;
        return CSV_MORE;
    }
    csv->row = csv->line;
    csv->used = csv->count = 0;
    csv->state = AT_FIELD;
    return CSV_MORE;
}

static enum csv_event in_quotes(struct csv *csv, char c)
{
    if (c == '"') {
        csv->state = AFTER_QUOTE;
        return CSV_MORE;
    }
    if (c == '\n')
        csv->line++;
    return add_char(csv, c)
               ? CSV_MORE
               : bad(csv, "the row is longer than 64 KiB: is a closing quote missing?");
}

static enum csv_event in_field(struct csv *csv, char c)
{
    if (ends_field(csv, c))
        return after_field(csv, c);
    if (c == '"')
        return bad(csv, "a quote stands inside a field that does not begin with one: "
                        "put the whole field in quotes and double those within");
    csv->state = IN_FIELD;
    return add_char(csv, c) ? CSV_MORE : bad(csv, "the row is longer than 64 KiB");
}

static enum csv_event after_quote(struct csv *csv, char c)
{
    if (c == '"') {
        csv->state = IN_QUOTES;
        return add_char(csv, c) ? CSV_MORE : bad(csv, "the row is longer than 64 KiB");
    }
    if (!ends_field(csv, c))
        return bad(csv, "text follows a closing quote: double the quotes within a field");
    return after_field(csv, c);
}

static enum csv_event after_cr(struct csv *csv, char c)
{
    if (c != '\n')
        return bad(csv, "a carriage return stands alone: end lines with a line feed, or both");
    csv->line++;
    if (csv->count > 1 || csv->used > 0)
        return end_record(csv);
    csv->state = AT_START;
    return CSV_MORE;
}

static enum csv_event step(struct csv *csv, char c)
{
    if (c == '\0')
        return bad(csv, "there is a zero byte: this is no CSV, or it is UTF-16; save it as UTF-8");
    if (csv->state == AT_START) {
        enum csv_event event = at_start(csv, c);
        if (csv->state == AT_START)
            return event;
    }
    if (csv->state == AT_FIELD && c == '"') {
        csv->state = IN_QUOTES;
        return CSV_MORE;
    }
    switch (csv->state) {
    case IN_QUOTES:
        return in_quotes(csv, c);
    case AFTER_QUOTE:
        return after_quote(csv, c);
    case AFTER_CR:
        return after_cr(csv, c);
    case AT_START:
    case AT_FIELD:
    case IN_FIELD:
        break;
    }
    return in_field(csv, c);
}

/* The last line may lack its end. */
static enum csv_event last(struct csv *csv)
{
    if (csv->state == AT_START)
        return CSV_END;
    if (csv->state == IN_QUOTES) {
        csv->line = csv->row;
        return bad(csv, "a quoted field that begins in this row has no closing quote");
    }
    return step(csv, '\n');
}

/* "EF BB BF"; it comes in one piece, as files are read in larger ones. */
static void skip_mark(struct csv *csv)
{
    if (!csv->begun && str_starts_with(csv->input, STR("\xEF\xBB\xBF")))
        csv->at = 3;
    csv->begun = csv->begun || csv->input.len > 0;
}

enum csv_event csv_next(struct csv *csv)
{
    enum csv_event event = CSV_MORE;

    if (csv->why != NULL)
        return CSV_BAD;
    skip_mark(csv);
    while (event == CSV_MORE && csv->at < csv->input.len)
        event = step(csv, csv->input.ptr[csv->at++]);
    return event == CSV_MORE && csv->finished ? last(csv) : event;
}

const struct str *csv_fields(const struct csv *csv, size_t *count)
{
    *count = csv->count;
    return csv->fields;
}

int64_t csv_row(const struct csv *csv)
{
    return csv->row;
}

const char *csv_why(const struct csv *csv)
{
    return csv->why;
}
