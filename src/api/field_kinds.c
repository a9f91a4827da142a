/* field_kinds.c - what each kind of value may be. */
#include "api/field_kinds.h"

#include <assert.h>

#include "base/id.h"
#include "base/money.h"
#include "base/pan.h"
#include "base/time.h"

#define EMAIL_MAX 254
#define URL_MAX 2048
#define METADATA_MAX 50
#define METADATA_NAME_MAX 64
#define METADATA_VALUE_MAX 500
/* As JSON, in which a control character takes six bytes. It is in every object (core/render.h). */
#define METADATA_BYTES_MAX ((size_t)64 * 1024)

/* What is being read, so that the kinds need not pass five arguments on. */
struct reading {
    const struct field *field;
    struct str param;
    void *to; /* where the value belongs */
    struct trouble *trouble;
};

#define REFUSE(r, ...) trouble_about((r)->trouble, ERR_VALIDATION, (r)->param, __VA_ARGS__)

static enum err refuse_card_number(const struct reading *r)
{
    return trouble_about(r->trouble, ERR_CARD_NUMBER_IN_FIELD, r->param,
                         "%s holds what looks like a card number.", r->field->name);
}

static enum err keep_str(const struct reading *r, struct str text)
{
    if (!r->field->ours && pan_present(text))
        return refuse_card_number(r);
    *(struct str *)r->to = text;
    return OK;
}

static enum err read_text(const struct reading *r, struct str text)
{
    long long most = r->field->most;

    assert(most > 0);
    if (str_is_empty(text) || str_utf8_count(text) > (size_t)most)
        return REFUSE(r, "%s must be a text of 1 to %lld characters.", r->field->name, most);
    return keep_str(r, text);
}

static enum err read_digits(const struct reading *r, struct str text)
{
    const struct field *field = r->field;
    bool right = (int64_t)text.len >= field->least && (int64_t)text.len <= field->most;

    for (size_t i = 0; right && i < text.len; i++)
        right = text.ptr[i] >= '0' && text.ptr[i] <= '9';
    if (!right)
        return REFUSE(r, "%s must be a text of %lld to %lld digits.", field->name,
                      (long long)field->least, (long long)field->most);
    *(struct str *)r->to = text;
    return OK;
}

static enum err read_number(const struct reading *r, bool is_number, int64_t number)
{
    const struct field *field = r->field;
    bool amount = field->kind == FIELD_AMOUNT;
    int64_t most = amount ? MONEY_MAX_MINOR : field->most;

    if (!is_number || number < field->least || number > most)
        return REFUSE(r, "%s must be an integer from %lld to %lld%s.", field->name,
                      (long long)field->least, (long long)most,
                      amount ? ", in the minor unit of the currency" : "");
    *(int64_t *)r->to = number;
    return OK;
}

static enum err read_currency(const struct reading *r, struct str text)
{
    enum currency currency = currency_of(text);

    if (currency == CURRENCY_NONE)
        return REFUSE(r, "%s must be an ISO 4217 code in capitals, such as EUR.", r->field->name);
    *(enum currency *)r->to = currency;
    return OK;
}

static bool is_allowed(const struct field *field, unsigned word)
{
    return field->allowed == 0 || (field->allowed & 1u << word);
}

static enum err refuse_word(const struct reading *r)
{
    const struct field *field = r->field;
    struct buf list;

    buf_init(&list, r->trouble->arena, 1024);
    for (unsigned word = 1; word < field->words->count; word++) {
        if (!is_allowed(field, word))
            continue;
        if (buf_str(&list).len > 0)
            buf_add_c(&list, ", ");
        buf_add_c(&list, word_text(field->words, word));
    }
    return REFUSE(r, "%s must be one of: %s.", field->name, buf_c(&list));
}

static enum err read_word(const struct reading *r, struct str text)
{
    unsigned word = word_of(r->field->words, text);

    if (word == 0 || !is_allowed(r->field, word))
        return refuse_word(r);
    /* Every enum of core/words.h is an unsigned int for the compilers that we know. */
    *(unsigned *)r->to = word;
    return OK;
}

static enum err read_time(const struct reading *r, struct str text)
{
    int64_t time_ms = 0;

    if (time_parse(text, &time_ms) != OK)
        return REFUSE(r, "%s must be an RFC 3339 time, such as 2026-08-01T09:30:00Z.",
                      r->field->name);
    *(int64_t *)r->to = time_ms;
    return OK;
}

/* Enough to catch a wrong member, no more: only sending to it proves an address. */
static enum err read_email(const struct reading *r, struct str text)
{
    size_t at = str_find_char(text, '@', 0);
    bool right = at > 0 && at + 1 < text.len && str_find_char(text, '@', at + 1) == text.len;

    for (size_t i = 0; right && i < text.len; i++)
        right = (unsigned char)text.ptr[i] > ' ' && text.ptr[i] != 0x7f;
    if (!right || str_utf8_count(text) > EMAIL_MAX)
        return REFUSE(r, "%s must be an e-mail address of at most %d characters.", r->field->name,
                      EMAIL_MAX);
    return keep_str(r, text);
}

/* Visible ASCII only: it goes into a Location header as it is. */
static enum err read_url(const struct reading *r, struct str text)
{
    struct str rest = text;

    if (str_starts_with(text, STR("https://")))
        rest = str_slice(text, 8, text.len);
    else if (str_starts_with(text, STR("http://")))
        rest = str_slice(text, 7, text.len);
    bool has_host = rest.len < text.len && rest.len > 0 && rest.ptr[0] != '/' &&
                    rest.ptr[0] != '?' && rest.ptr[0] != '#';
    if (!has_host || !str_is_visible_ascii(text) || text.len > URL_MAX)
        return REFUSE(r, "%s must be an absolute http or https URL of at most %d characters.",
                      r->field->name, URL_MAX);
    return keep_str(r, text);
}

static enum err read_id(const struct reading *r, struct str text)
{
    /* Zeros would read as an id that was not given. */
    if (!id_parse(text, r->field->prefix, r->to) || id_is_zero(*(const struct id *)r->to))
        return REFUSE(r, "%s must be an id that begins with %s_.", r->field->name,
                      r->field->prefix);
    return OK;
}

static enum err read_metadata_member(const struct reading *r, struct str name,
                                     const struct json *value)
{
    struct str text = json_text(value);

    if (str_is_empty(name) || str_utf8_count(name) > METADATA_NAME_MAX)
        return REFUSE(r, "The names in %s must have 1 to %d characters.", r->field->name,
                      METADATA_NAME_MAX);
    if (json_type(value) != JSON_TEXT || str_utf8_count(text) > METADATA_VALUE_MAX)
        return REFUSE(r, "The values in %s must be texts of at most %d characters.", r->field->name,
                      METADATA_VALUE_MAX);
    if (pan_present(name) || pan_present(text))
        return refuse_card_number(r);
    return OK;
}

static enum err read_metadata(const struct reading *r, const struct json *value)
{
    struct json_cursor cursor;
    struct json_out out;
    struct buf text;
    struct str name;
    const struct json *member = NULL;

    if (!json_is_object(value) || json_count(value) > METADATA_MAX)
        return REFUSE(r, "%s must be an object of at most %d members.", r->field->name,
                      METADATA_MAX);
    if (json_count(value) == 0) {
        *(struct str *)r->to = (struct str){ 0 };
        return OK;
    }
    json_each(&cursor, value);
    while (json_next(&cursor, &name, &member)) {
        enum err err = read_metadata_member(r, name, member);
        if (err)
            return err;
    }
    buf_init(&text, r->trouble->arena, METADATA_BYTES_MAX);
    json_begin(&out, &text);
    json_put_value(&out, NULL, value);
    json_done(&out);
    if (!buf_ok(&text))
        return REFUSE(r, "%s is longer than %zu bytes as JSON.", r->field->name,
                      METADATA_BYTES_MAX);
    *(struct str *)r->to = buf_str(&text);
    return OK;
}

static enum err read_nested(const struct reading *r, const struct json *value)
{
    bool wants_object = r->field->kind == FIELD_OBJECT;

    if (json_type(value) != (wants_object ? JSON_OBJECT : JSON_ARRAY))
        return REFUSE(r, "%s must be %s.", r->field->name, wants_object ? "an object" : "a list");
    *(const struct json **)r->to = value;
    return OK;
}

static enum err read_as_text(const struct reading *r, struct str text)
{
    switch (r->field->kind) {
    case FIELD_TEXT:
        return read_text(r, text);
    case FIELD_DIGITS:
        return read_digits(r, text);
    case FIELD_CURRENCY:
        return read_currency(r, text);
    case FIELD_WORD:
        return read_word(r, text);
    case FIELD_TIME:
        return read_time(r, text);
    case FIELD_EMAIL:
        return read_email(r, text);
    case FIELD_URL:
        return read_url(r, text);
    case FIELD_ID:
        return read_id(r, text);
    default:
        break;
    }
    assert(false); /* field_from_json and field_from_text read the others */
    return ERR_INTERNAL;
}

static enum err read_bool(const struct reading *r, const struct json *value)
{
    if (!json_bool(value, r->to))
        return REFUSE(r, "%s must be true or false.", r->field->name);
    return OK;
}

enum err field_from_json(const struct field *field, const struct json *value, struct str param,
                         void *out, struct trouble *trouble)
{
    struct reading r = { field, param, (char *)out + field->offset, trouble };
    int64_t number = 0;
    bool is_number = false;

    if (json_type(value) == JSON_NULL && field->nullable)
        return OK;
    switch (field->kind) {
    case FIELD_INT:
    case FIELD_AMOUNT:
        is_number = json_int(value, &number);
        return read_number(&r, is_number, number);
    case FIELD_BOOL:
        return read_bool(&r, value);
    case FIELD_METADATA:
        return read_metadata(&r, value);
    case FIELD_OBJECT:
    case FIELD_ARRAY:
        return read_nested(&r, value);
    default:
        return read_as_text(&r, json_text(value));
    }
}

enum err field_from_text(const struct field *field, struct str value, struct str param, void *out,
                         struct trouble *trouble)
{
    struct reading r = { field, param, (char *)out + field->offset, trouble };
    int64_t number = 0;
    bool is_number = false;

    if (field->kind != FIELD_INT && field->kind != FIELD_AMOUNT)
        return read_as_text(&r, value);
    is_number = str_to_i64(value, &number);
    return read_number(&r, is_number, number);
}
