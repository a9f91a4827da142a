/* settlement.c - a row of a settlement file, read by its mapping and held against the books. */
#include "core/settlement.h"

#include <assert.h>

#include "base/json.h"
#include "base/pan.h"
#include "base/time.h"
#include "core/words.h"

/* clang-format off */
#define WORD(name, text, ...) text,
#define WORDS(list, list_name, TABLE)                                                             \
    static const char *const list##_texts[] = { NULL, TABLE(WORD) };                              \
    const struct word_list words_##list = { list_name, list##_texts,                              \
                                            sizeof(list##_texts) / sizeof(list##_texts[0]) }

WORDS(settlement_kind, "settlement_line.kind", SETTLEMENT_KINDS);
WORDS(settlement_result, "settlement_line.result", SETTLEMENT_RESULTS);
WORDS(settlement_state, "settlement.status", SETTLEMENT_STATES);
/* clang-format on */

#define REFERENCE_MAX 255
#define AMOUNT_CHARS 40
/* A file that adds up to more than this is no file of amounts. */
#define LINE_MAX_MINOR MONEY_MAX_MINOR

struct reader {
    const struct settlement_mapping *mapping;
    const struct settlement_header *header;
    const struct str *fields;
    struct arena *arena;
    struct str *why;
};

static struct str value_at(const struct reader *reader, int place)
{
    return place < 0 ? (struct str){ 0 } : str_trim(reader->fields[place]);
}

static struct str value(const struct reader *reader, enum settlement_column column)
{
    return value_at(reader, reader->header->columns[column]);
}

static enum err refuse(const struct reader *reader, struct str column, const char *what)
{
    *reader->why = str_format(reader->arena, "column \"%.*s\": %s", STR_ARG(column), what);
    return ERR_VALIDATION;
}

#define SHOWN_MAX 40
/* Its beginning, in whole characters. */
static struct str shown(struct str text)
{
    size_t at = 0, step;

    while ((step = str_utf8_step(text, at)) > 0 && at + step <= SHOWN_MAX)
        at += step;
    return str_slice(text, 0, at);
}

/* Whether the mapping's list for this meaning has the word. */
static bool means(const struct settlement_mapping *mapping, const char *meaning, struct str word)
{
    const struct json *item;
    struct json_cursor cursor;

    json_each(&cursor, json_get(mapping->kinds, meaning));
    while (json_next(&cursor, NULL, &item))
        if (str_equal_nocase(json_text(item), word))
            return true;
    return false;
}

static enum err read_kind(const struct reader *reader, enum settlement_kind *out, bool *ignored)
{
    const struct settlement_mapping *mapping = reader->mapping;
    struct str word = value(reader, SETTLEMENT_COLUMN_KIND);

    *out = SETTLEMENT_KIND_NONE;
    *ignored = false;
    if (reader->header->columns[SETTLEMENT_COLUMN_KIND] < 0)
        return OK;
    *ignored = means(mapping, "ignore", word);
    for (unsigned i = 1; !*ignored && i < words_settlement_kind.count; i++)
        if (means(mapping, words_settlement_kind.words[i], word)) {
            *out = (enum settlement_kind)i;
            return OK;
        }
    if (*ignored)
        return OK;
    return refuse(reader, mapping->columns[SETTLEMENT_COLUMN_KIND],
                  str_format(reader->arena,
                             "the mapping's kinds do not say what \"%.*s\" means; name it there, "
                             "or under ignore", STR_ARG(shown(word))).ptr);
}

/* Digits with the mapping's decimal sign, as money_parse_decimal wants them. "(1.00)" and a sign
 * in front are negative; grouping is dropped. */
static bool plain_amount(const struct settlement_mapping *mapping, struct str text,
                         struct buf *out)
{
    bool brackets = text.len > 2 && text.ptr[0] == '(' && text.ptr[text.len - 1] == ')';

    if (brackets)
        text = str_slice(text, 1, text.len - 2);
    if (text.len > 1 && text.ptr[0] == '+')
        text = str_slice(text, 1, text.len);
    if (brackets)
        buf_add_char(out, '-');
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (str_find_char(mapping->grouping, c, 0) < mapping->grouping.len)
            continue;
        if (c == mapping->decimal)
            c = '.';
        else if (c == '.' || c == ',')
            return false;
        buf_add_char(out, c);
    }
    return buf_ok(out);
}

static enum err read_amount(const struct reader *reader, struct str column, struct str text,
                            enum currency currency, int64_t *out)
{
    const struct settlement_mapping *mapping = reader->mapping;
    bool minor = mapping->unit == SETTLEMENT_UNIT_MINOR;
    char bytes[AMOUNT_CHARS];
    int64_t amount = 0;
    struct buf plain;

    buf_fixed(&plain, bytes, sizeof bytes);
    if (!plain_amount(mapping, text, &plain)
        || money_parse_decimal(buf_str(&plain), minor ? 0 : currency_exponent(currency), &amount)
        || amount > LINE_MAX_MINOR || amount < -LINE_MAX_MINOR)
        return refuse(reader, column,
                      str_format(reader->arena,
                                 "\"%.*s\" is no amount of %s%s with '%c' as its decimal sign; "
                                 "see units, decimal and grouping of the mapping",
                                 STR_ARG(shown(text)),
                                 minor ? "minor units of " : "", currency_code(currency),
                                 mapping->decimal).ptr);
    *out = amount;
    return OK;
}

static enum err read_currency(const struct reader *reader, enum currency *out)
{
    const struct settlement_mapping *mapping = reader->mapping;
    struct str text = value(reader, SETTLEMENT_COLUMN_CURRENCY);
    char letters[3];
    uint64_t number = 0;

    *out = mapping->currency;
    if (reader->header->columns[SETTLEMENT_COLUMN_CURRENCY] < 0)
        return OK;
    /* Some write them small. */
    for (size_t i = 0; i < text.len && i < sizeof letters; i++)
        letters[i] = text.ptr[i] >= 'a' && text.ptr[i] <= 'z' ? (char)(text.ptr[i] - 'a' + 'A')
                                                              : text.ptr[i];
    if (text.len == 3 && str_to_u64(text, &number))
        *out = currency_of_number((int)number);
    else
        *out = text.len == 3 ? currency_of(str_make(letters, 3)) : CURRENCY_NONE;
    return *out ? OK : refuse(reader, mapping->columns[SETTLEMENT_COLUMN_CURRENCY],
                              "this is no currency of ISO 4217");
}

/* The three numbers of a date and what follows them. */
struct date_parts {
    struct str numbers[3];
    struct str rest;
};

static bool is_digits(struct str text)
{
    uint64_t ignored;
    return str_to_u64(text, &ignored);
}

static bool split_date(struct str text, struct date_parts *out)
{
    size_t at = 0;

    for (int i = 0; i < 3; i++) {
        size_t from = at;
        while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9')
            at++;
        out->numbers[i] = str_slice(text, from, at - from);
        bool more = at < text.len && (text.ptr[at] == '-' || text.ptr[at] == '.'
                                      || text.ptr[at] == '/');
        if (!is_digits(out->numbers[i]) || (i < 2 && !more))
            return false;
        at += i < 2;
    }
    out->rest = str_slice(text, at, text.len);
    return true;
}

/* "T10:00:00.000Z", " 10:00", or nothing. */
static bool add_time(const struct settlement_mapping *mapping, struct str rest, struct buf *out)
{
    if (str_is_empty(rest)) {
        buf_addf(out, "T00:00:00%.*s", STR_ARG(mapping->utc_offset));
        return true;
    }
    if (rest.ptr[0] != 'T' && rest.ptr[0] != ' ')
        return false;
    rest = str_slice(rest, 1, rest.len);
    bool short_time = rest.len == 5 && rest.ptr[2] == ':';
    bool has_offset = false;
    for (size_t i = 0; i < rest.len; i++)
        has_offset = has_offset || rest.ptr[i] == 'Z' || rest.ptr[i] == '+' || rest.ptr[i] == '-';
    buf_addf(out, "T%.*s%s", STR_ARG(rest), short_time ? ":00" : "");
    if (!has_offset)
        buf_add(out, mapping->utc_offset);
    return true;
}

static enum err read_date(const struct reader *reader, int64_t *out)
{
    const struct settlement_mapping *mapping = reader->mapping;
    struct str text = value(reader, SETTLEMENT_COLUMN_BOOKED);
    struct date_parts parts;
    char bytes[64];
    struct buf rfc3339;
    static const struct {
        const char *looks;
        int year, month, day;
    } orders[] = {
        [SETTLEMENT_DATE_YMD] = { "2026-03-01", 0, 1, 2 },
        [SETTLEMENT_DATE_DMY] = { "01.03.2026", 2, 1, 0 },
        [SETTLEMENT_DATE_MDY] = { "03/01/2026", 2, 0, 1 },
    };

    buf_fixed(&rfc3339, bytes, sizeof bytes);
    if (split_date(text, &parts)) {
        buf_addf(&rfc3339, "%.*s-%s%.*s-%s%.*s",
                 STR_ARG(parts.numbers[orders[mapping->date].year]),
                 parts.numbers[orders[mapping->date].month].len == 1 ? "0" : "",
                 STR_ARG(parts.numbers[orders[mapping->date].month]),
                 parts.numbers[orders[mapping->date].day].len == 1 ? "0" : "",
                 STR_ARG(parts.numbers[orders[mapping->date].day]));
        if (add_time(mapping, parts.rest, &rfc3339) && buf_ok(&rfc3339)
            && time_parse(buf_str(&rfc3339), out) == OK)
            return OK;
    }
    return refuse(reader, mapping->columns[SETTLEMENT_COLUMN_BOOKED],
                  str_format(reader->arena, "\"%.*s\" is no date like %s, with or without a time; "
                                            "see dates of the mapping",
                             STR_ARG(shown(text)), orders[mapping->date].looks).ptr);
}

/* No card number reaches the disk, whatever column somebody took for a reference. */
static enum err read_reference(const struct reader *reader, enum settlement_column column,
                               struct str *out)
{
    struct str text = value(reader, column);
    struct buf masked;

    if (text.len > REFERENCE_MAX)
        return refuse(reader, reader->mapping->columns[column],
                      "a reference has at most 255 bytes");
    *out = text;
    if (pan_present(text)) {
        buf_init(&masked, reader->arena, REFERENCE_MAX);
        pan_write_masked(&masked, text);
        *out = buf_str(&masked);
    }
    return OK;
}

static enum err read_references(const struct reader *reader, struct settlement_line *line)
{
    struct str prefix;
    enum err err = read_reference(reader, SETTLEMENT_COLUMN_GATEWAY_REFERENCE,
                                  &line->gateway_reference);
    if (!err)
        err = read_reference(reader, SETTLEMENT_COLUMN_OUR_REFERENCE, &line->reference);
    if (!err)
        err = read_reference(reader, SETTLEMENT_COLUMN_REFUND_REFERENCE, &line->refund_reference);
    if (!err)
        err = read_reference(reader, SETTLEMENT_COLUMN_PAYOUT, &line->payout);
    /* Gateways that take our ids may change their prefixes. */
    if (!err && !id_parse_any(line->reference, &prefix, &line->named))
        line->named = (struct id){ { 0 } };
    return err;
}

static enum err read_fee(const struct reader *reader, enum currency currency, int64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < reader->header->fee_count; i++) {
        struct str text = value_at(reader, reader->header->fees[i]);
        int64_t fee = 0;
        if (str_is_empty(text))
            continue;
        enum err err = read_amount(reader, STR("fees"), text, currency, &fee);
        if (err)
            return err;
        if (!money_add(*out, fee, out))
            return refuse(reader, STR("fees"), "the sum is too large");
    }
    return OK;
}

static enum err read_amounts(const struct reader *reader, struct settlement_line *line,
                             bool *has_net)
{
    const struct settlement_mapping *mapping = reader->mapping;
    struct str net = value(reader, SETTLEMENT_COLUMN_NET);

    *has_net = !str_is_empty(net);
    enum err err = read_currency(reader, &line->currency);
    if (!err)
        err = read_amount(reader, mapping->columns[SETTLEMENT_COLUMN_GROSS],
                          value(reader, SETTLEMENT_COLUMN_GROSS), line->currency,
                          &line->gross_minor);
    if (!err)
        err = read_fee(reader, line->currency, &line->fee_minor);
    if (!err && *has_net)
        err = read_amount(reader, mapping->columns[SETTLEMENT_COLUMN_NET], net, line->currency,
                          &line->net_minor);
    return err;
}

static int64_t less_zero(int64_t minor)
{
    return minor > 0 ? -minor : minor;
}

static int64_t without_sign(int64_t minor)
{
    return minor < 0 ? -minor : minor;
}

/* The kind without a column for it, and whether the sign fits it. */
static enum err check_sign(const struct reader *reader, struct settlement_line *line)
{
    struct str column = reader->mapping->columns[SETTLEMENT_COLUMN_GROSS];

    if (line->kind == SETTLEMENT_KIND_NONE)
        line->kind = line->gross_minor < 0 ? SETTLEMENT_REFUND : SETTLEMENT_PAYMENT;
    if (line->kind == SETTLEMENT_PAYMENT && line->gross_minor < 0)
        return refuse(reader, column, "a payment is not negative: what kind of row is it really?");
    if (line->kind == SETTLEMENT_REFUND && line->gross_minor > 0
        && reader->mapping->sign == SETTLEMENT_SIGN_BOOKED)
        return refuse(reader, column, "a refund is negative; where a file writes all amounts "
                                      "without signs its mapping has \"signs\": \"absolute\"");
    return OK;
}

static void normalise(const struct settlement_mapping *mapping, bool has_net,
                      struct settlement_line *line)
{
    bool absolute = mapping->sign == SETTLEMENT_SIGN_ABSOLUTE;
    bool goes = line->kind == SETTLEMENT_REFUND || line->kind == SETTLEMENT_CHARGEBACK
                || line->kind == SETTLEMENT_FEE;

    if (absolute && goes) {
        line->gross_minor = less_zero(line->gross_minor);
        line->net_minor = less_zero(line->net_minor);
    }
    if (line->kind == SETTLEMENT_FEE) {
        /* All of it is fee, in whichever of the columns it stands. */
        int64_t paid = line->gross_minor != 0 ? line->gross_minor
                       : has_net              ? line->net_minor : -line->fee_minor;
        line->gross_minor = 0;
        line->fee_minor = -paid;
        line->net_minor = paid;
        return;
    }
    if (line->kind == SETTLEMENT_PAYOUT) {
        line->gross_minor = without_sign(line->gross_minor);
        line->net_minor = has_net ? without_sign(line->net_minor) : line->gross_minor;
        return;
    }
    if (!has_net)
        line->net_minor = line->gross_minor - line->fee_minor;
}

static bool is_about_something(const struct settlement_line *line)
{
    return !str_is_empty(line->gateway_reference) || !str_is_empty(line->reference)
           || !str_is_empty(line->refund_reference);
}

static bool needs_payment(enum settlement_kind kind)
{
    return kind == SETTLEMENT_PAYMENT || kind == SETTLEMENT_REFUND
           || kind == SETTLEMENT_CHARGEBACK;
}

enum err settlement_line_read(const struct settlement_mapping *mapping,
                              const struct settlement_header *header, const struct str *fields,
                              size_t count, struct arena *arena, struct settlement_line *out,
                              bool *ignored, struct str *why)
{
    const struct reader reader = { mapping, header, fields, arena, why };
    struct settlement_line line = { 0 };
    bool has_net = false;

    if (count != header->count) {
        *why = str_format(arena, "the row has %zu fields and the header %zu: is the separator "
                                 "right, and are fields that hold it in quotes?",
                          count, header->count);
        return ERR_VALIDATION;
    }
    enum err err = read_kind(&reader, &line.kind, ignored);
    if (err || *ignored)
        return err;
    err = read_amounts(&reader, &line, &has_net);
    if (!err)
        err = check_sign(&reader, &line);
    if (!err)
        err = read_date(&reader, &line.booked_ms);
    if (!err)
        err = read_references(&reader, &line);
    if (err)
        return err;
    normalise(mapping, has_net, &line);
    if (needs_payment(line.kind) && !is_about_something(&line)) {
        *why = str_format(arena, "a %s needs a reference, and the columns for it are empty",
                          word_text(&words_settlement_kind, line.kind));
        return ERR_VALIDATION;
    }
    *out = line;
    return OK;
}

/* What the books say that the row should hold; false when they hold no such money. */
static bool expected(const struct settlement_line *line, const struct settlement_books *books,
                     int64_t *out)
{
    if (line->kind == SETTLEMENT_REFUND) {
        *out = -books->refund_minor;
        return books->refund_status == REFUND_SUCCEEDED;
    }
    *out = books->captured_minor;
    return books->captured_minor > 0;
}

struct settlement_verdict settlement_judge(const struct settlement_line *line,
                                           const struct settlement_books *books)
{
    struct settlement_verdict verdict = { SETTLEMENT_IS_MATCHED, DRIFT_NONE, 0,
                                          line->gross_minor };

    if (!needs_payment(line->kind))
        return (struct settlement_verdict){ SETTLEMENT_IS_NOTED, DRIFT_NONE, 0, 0 };
    bool found = line->kind == SETTLEMENT_REFUND ? books->has_refund : books->has_payment;
    if (!found) {
        verdict.result = SETTLEMENT_IS_UNKNOWN;
        verdict.drift = DRIFT_MISSING_HERE;
        return verdict;
    }
    if (line->kind == SETTLEMENT_CHARGEBACK) {
        verdict.result = SETTLEMENT_IS_DIFFERS;
        verdict.our_minor = books->captured_minor;
        verdict.drift = DRIFT_UNSEEN_DISPUTE;
        return verdict;
    }
    bool holds = expected(line, books, &verdict.our_minor);
    if (books->twice) {
        verdict.result = SETTLEMENT_IS_TWICE;
        verdict.drift = DRIFT_SETTLED_TWICE;
    } else if (!holds) {
        verdict.drift = DRIFT_UNEXPECTED_SETTLEMENT;
        verdict.our_minor = 0;
    } else if (line->gross_minor != verdict.our_minor || line->currency != books->currency) {
        verdict.drift = DRIFT_SETTLEMENT_MISMATCH;
    } else if (line->net_minor != line->gross_minor - line->fee_minor) {
        verdict.drift = DRIFT_FEE_MISMATCH;
        verdict.our_minor = line->gross_minor - line->fee_minor;
        verdict.gateway_minor = line->net_minor;
    }
    if (verdict.drift != DRIFT_NONE && !books->twice)
        verdict.result = SETTLEMENT_IS_DIFFERS;
    return verdict;
}
