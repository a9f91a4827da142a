/* settlement_mapping.c - how a gateway's settlement file looks, read from JSON. */
#include <assert.h>

#include "base/json.h"
#include "base/time.h"
#include "core/settlement.h"
#include "core/words.h"

#define NAME_MAX_BYTES 64
#define HEADER_ROW_MAX 1000
#define COLUMN_NAME_MAX 255

static const char *const column_names[] = {
#define X(name, member, meaning) member,
    SETTLEMENT_COLUMNS(X)
#undef X
};

static const char *const unit_words[] = {
#define X(name, text) text,
    SETTLEMENT_UNITS(X)
#undef X
    NULL,
};
static const char *const date_words[] = {
#define X(name, text) text,
    SETTLEMENT_DATES(X)
#undef X
    NULL,
};
static const char *const sign_words[] = {
#define X(name, text) text,
    SETTLEMENT_SIGNS(X)
#undef X
    NULL,
};

/* What is being read, and what was wrong with it. */
struct reading {
    const struct json *json;
    struct arena *arena;
    struct str why;
};

static bool wrong(struct reading *reading, const char *member, const char *must)
{
    reading->why = str_format(reading->arena, "the mapping's \"%s\" must be %s", member, must);
    return false;
}

/* One of the words, 0 being the default. */
static bool read_word(struct reading *reading, const char *member, const char *const *words,
                      unsigned *out)
{
    const struct json *value = json_get(reading->json, member);
    struct str text = json_text(value);
    struct buf must;

    *out = 0;
    if (value == NULL)
        return true;
    buf_init(&must, reading->arena, 256);
    buf_add_c(&must, "one of");
    for (unsigned i = 0; words[i] != NULL; i++) {
        if (str_equal_c(text, words[i])) {
            *out = i;
            return true;
        }
        buf_addf(&must, "%s %s", i == 0 ? "" : ",", words[i]);
    }
    return wrong(reading, member, buf_c(&must));
}

static bool read_char(struct reading *reading, const char *member, const char *allowed, char *out)
{
    const struct json *value = json_get(reading->json, member);
    struct str text = json_text(value);

    *out = allowed[0];
    if (value == NULL)
        return true;
    if (text.len != 1 || str_find_char(str_of(allowed), text.ptr[0], 0) == str_of(allowed).len)
        return wrong(reading, member,
                     str_format(reading->arena, "one character of: %s", allowed).ptr);
    *out = text.ptr[0];
    return true;
}

static bool read_text(struct reading *reading, const struct json *object, const char *member,
                      size_t max, struct str *out)
{
    const struct json *value = json_get(object, member);

    *out = json_text(value);
    if (value != NULL && (str_is_empty(*out) || out->len > max))
        return wrong(reading, member,
                     str_format(reading->arena, "a text of 1 to %zu bytes", max).ptr);
    return true;
}

static bool read_row(struct reading *reading, int64_t *out)
{
    const struct json *value = json_get(reading->json, "header_row");

    *out = 1;
    if (value != NULL && (!json_int(value, out) || *out < 1 || *out > HEADER_ROW_MAX))
        return wrong(reading, "header_row", "a number from 1 to 1000");
    return true;
}

static bool read_currency(struct reading *reading, enum currency *out)
{
    const struct json *value = json_get(reading->json, "currency");

    *out = currency_of(json_text(value));
    if (value != NULL && *out == CURRENCY_NONE)
        return wrong(reading, "currency", "three letters of ISO 4217");
    return true;
}

static bool read_offset(struct reading *reading, struct str *out)
{
    int64_t ignored;

    if (!read_text(reading, reading->json, "utc_offset", 6, out))
        return false;
    if (str_is_empty(*out))
        *out = STR("Z");
    struct str probe = str_format(reading->arena, "2026-01-02T00:00:00%.*s", STR_ARG(*out));
    return time_parse(probe, &ignored) == OK
           || wrong(reading, "utc_offset", "Z, or an offset like +05:00");
}

static bool read_fees(struct reading *reading, const struct json *columns,
                      struct settlement_mapping *out)
{
    const struct json *item;
    struct json_cursor cursor;

    out->fees = json_get(columns, "fees");
    if (out->fees == NULL)
        return true;
    if (json_type(out->fees) != JSON_ARRAY || json_count(out->fees) > SETTLEMENT_FEES_MAX)
        return wrong(reading, "columns.fees", "a list of at most 8 names of columns");
    json_each(&cursor, out->fees);
    while (json_next(&cursor, NULL, &item))
        if (str_is_empty(json_text(item)))
            return wrong(reading, "columns.fees", "a list of at most 8 names of columns");
    return true;
}

static bool has(const struct settlement_mapping *mapping, enum settlement_column column)
{
    return !str_is_empty(mapping->columns[column]);
}

static bool is_column(struct str name)
{
    for (size_t i = 0; i < SETTLEMENT_COLUMN_COUNT; i++)
        if (str_equal_c(name, column_names[i]))
            return true;
    return str_equal_c(name, "fees");
}

static bool read_columns(struct reading *reading, struct settlement_mapping *out)
{
    const struct json *columns = json_get(reading->json, "columns"), *ignored;
    struct json_cursor cursor;
    struct str name;

    if (!json_is_object(columns))
        return wrong(reading, "columns", "an object with the names of the file's columns");
    json_each(&cursor, columns);
    while (json_next(&cursor, &name, &ignored))
        if (!is_column(name))
            return wrong(reading, str_c(reading->arena, str_format(reading->arena, "columns.%.*s",
                                                                   STR_ARG(name))),
                         "left out: no column has this name (docs/settlement.md lists them)");
    for (size_t i = 0; i < SETTLEMENT_COLUMN_COUNT; i++)
        if (!read_text(reading, columns, column_names[i], COLUMN_NAME_MAX, &out->columns[i]))
            return false;
    if (!has(out, SETTLEMENT_COLUMN_GATEWAY_REFERENCE)
        && !has(out, SETTLEMENT_COLUMN_OUR_REFERENCE))
        return wrong(reading, "columns", "with gateway_reference or our_reference");
    if (!has(out, SETTLEMENT_COLUMN_GROSS))
        return wrong(reading, "columns", "with gross");
    if (!has(out, SETTLEMENT_COLUMN_BOOKED))
        return wrong(reading, "columns", "with booked");
    if (!has(out, SETTLEMENT_COLUMN_CURRENCY) && out->currency == CURRENCY_NONE)
        return wrong(reading, "columns", "with currency, unless the mapping names the currency");
    return read_fees(reading, columns, out);
}

/* {"payment": ["charge", ...], ..., "ignore": [...]}. */
static bool read_kinds(struct reading *reading, struct settlement_mapping *out)
{
    const struct json *words;
    struct json_cursor cursor;
    struct str name;

    out->kinds = json_get(reading->json, "kinds");
    if (out->kinds == NULL)
        return !has(out, SETTLEMENT_COLUMN_KIND)
               || wrong(reading, "kinds", "there when columns.kind is: which word means what");
    if (!json_is_object(out->kinds) || !has(out, SETTLEMENT_COLUMN_KIND))
        return wrong(reading, "kinds", "an object, and there only with columns.kind");
    json_each(&cursor, out->kinds);
    while (json_next(&cursor, &name, &words))
        if ((word_of(&words_settlement_kind, name) == 0 && !str_equal_c(name, "ignore"))
            || json_type(words) != JSON_ARRAY)
            return wrong(reading, "kinds", "an object of lists of words, by payment, refund, "
                                           "chargeback, fee, adjustment, payout and ignore");
    return true;
}

static bool members_are_known(struct reading *reading)
{
    static const char *const members[] = { "name",       "separator", "header_row", "decimal",
                                           "grouping",   "units",     "dates",      "signs",
                                           "utc_offset", "currency",  "columns",    "kinds" };
    const struct json *ignored;
    struct json_cursor cursor;
    struct str name;

    json_each(&cursor, reading->json);
    while (json_next(&cursor, &name, &ignored)) {
        bool known = false;
        for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
            known = known || str_equal_c(name, members[i]);
        if (!known)
            return wrong(reading, str_c(reading->arena, name),
                         "left out: a mapping has no such member (docs/settlement.md lists them)");
    }
    return true;
}

enum err settlement_mapping_read(struct str text, struct arena *arena,
                                 struct settlement_mapping *out, struct str *why)
{
    struct settlement_mapping mapping = { 0 };
    struct reading reading = { .arena = arena };
    unsigned unit = 0, date = 0, sign = 0;

    if (json_parse(text, arena, &reading.json, why) != OK)
        return ERR_VALIDATION;
    if (!json_is_object(reading.json)) {
        *why = STR("a mapping is one JSON object");
        return ERR_VALIDATION;
    }
    bool ok = members_are_known(&reading)
              && read_text(&reading, reading.json, "name", NAME_MAX_BYTES, &mapping.name)
              && (!str_is_empty(mapping.name) || wrong(&reading, "name", "there"))
              && read_char(&reading, "separator", ",;\t|", &mapping.separator)
              && read_row(&reading, &mapping.header_row)
              && read_char(&reading, "decimal", ".,", &mapping.decimal)
              && read_text(&reading, reading.json, "grouping", 8, &mapping.grouping)
              && read_word(&reading, "units", unit_words, &unit)
              && read_word(&reading, "dates", date_words, &date)
              && read_word(&reading, "signs", sign_words, &sign)
              && read_offset(&reading, &mapping.utc_offset)
              && read_currency(&reading, &mapping.currency) && read_columns(&reading, &mapping)
              && read_kinds(&reading, &mapping);
    if (!ok) {
        *why = reading.why;
        return ERR_VALIDATION;
    }
    mapping.unit = (enum settlement_unit)unit;
    mapping.date = (enum settlement_date)date;
    mapping.sign = (enum settlement_sign)sign;
    *out = mapping;
    return OK;
}

/* The place of a column; -1 when there is none, -2 when there are several. */
static int find(const struct str *fields, size_t count, struct str name)
{
    int found = -1;

    for (size_t i = 0; i < count; i++) {
        if (!str_equal_nocase(str_trim(fields[i]), name))
            continue;
        if (found >= 0)
            return -2;
        found = (int)i;
    }
    return found;
}

static enum err place(const struct str *fields, size_t count, struct str name,
                      struct arena *arena, int *out, struct str *why)
{
    int found = find(fields, count, name);

    *out = found;
    if (found >= 0)
        return OK;
    *why = str_format(arena, found == -1 ? "there is no column \"%.*s\": is this the header, and "
                                           "is the separator right? The mapping names them"
                                         : "two columns are called \"%.*s\"",
                      STR_ARG(name));
    return ERR_VALIDATION;
}

enum err settlement_header_read(const struct settlement_mapping *mapping,
                                const struct str *fields, size_t count, struct arena *arena,
                                struct settlement_header *out, struct str *why)
{
    struct settlement_header header = { .count = count };
    const struct json *item;
    struct json_cursor cursor;
    enum err err = OK;

    for (size_t i = 0; !err && i < SETTLEMENT_COLUMN_COUNT; i++) {
        header.columns[i] = -1;
        if (!str_is_empty(mapping->columns[i]))
            err = place(fields, count, mapping->columns[i], arena, &header.columns[i], why);
    }
    json_each(&cursor, mapping->fees);
    while (!err && json_next(&cursor, NULL, &item)) {
        assert(header.fee_count < SETTLEMENT_FEES_MAX);
        err = place(fields, count, json_text(item), arena, &header.fees[header.fee_count++], why);
    }
    if (!err)
        *out = header;
    return err;
}
