/* fields.h - requests as tables: which members there are and what each may be.
 *
 * One reader for JSON objects and one for query strings; both check everything that a
 * table says, and refuse what it does not list. Values go to the struct that the
 * table's offsets are of; what was not sent stays as it was. Texts live in the arena of
 * the JSON or of the trouble.
 *
 * Order of judgement: members as they come, so that a misspelt name is told as such;
 * then those that are missing. Errors: ERR_VALIDATION, ERR_UNKNOWN_MEMBER,
 * ERR_CARD_NUMBER_IN_FIELD, with the member in the trouble. No sentence repeats a
 * value that was sent. */
#ifndef API_FIELDS_H
#define API_FIELDS_H

#include <stddef.h>

#include "api/trouble.h"
#include "base/json.h"
#include "core/words.h"

enum field_kind {
    FIELD_TEXT,     /* struct str: 1..most characters, without a card number */
    FIELD_DIGITS,   /* struct str: least..most digits. Secret: a card's number or CVC */
    FIELD_INT,      /* int64_t: least..most */
    FIELD_AMOUNT,   /* int64_t: least..MONEY_MAX_MINOR */
    FIELD_CURRENCY, /* enum currency */
    FIELD_WORD,     /* an enum of `words`, of those in `allowed` when that is not 0 */
    FIELD_BOOL,     /* bool */
    FIELD_TIME,     /* int64_t: milliseconds */
    FIELD_EMAIL,    /* struct str */
    FIELD_URL,      /* struct str: http or https */
    FIELD_ID,       /* struct id of `prefix` */
    FIELD_METADATA, /* struct str: the object as JSON text; empty for {} */
    FIELD_OBJECT,   /* const struct json *: an object, for another table */
    FIELD_ARRAY,    /* const struct json * */
};

struct field {
    const char *name;
    enum field_kind kind;
    size_t offset; /* of the value in the struct */
    size_t given;  /* of a bool that becomes true; 0: nobody asks */
    bool required;
    bool nullable; /* null is as good as the empty text */
    bool ours;     /* made by us: digits in it are chance, no card number */
    int64_t least, most;
    const struct word_list *words;
    unsigned allowed; /* bits 1 << word */
    const char *prefix;
};

/* FIELD(struct x, member, KIND, .required = true): named as the member. */
#define FIELD(type, member, field_kind_, ...)                                                      \
    {                                                                                              \
        .name = #member, .kind = FIELD_##field_kind_, .offset = offsetof(type, member),            \
        __VA_ARGS__                                                                                \
    }

/* `where` is put before names in the trouble: "payment_method.card."; "" for the outermost. */
must_check enum err fields_read(const struct field *fields, size_t count, const struct json *object,
                                const char *where, void *out, struct trouble *trouble);

/* The same from name=value pairs. FIELD_TEXT, INT, AMOUNT, WORD, TIME and ID only.
 * ERR_MALFORMED_REQUEST when the encoding is wrong. */
must_check enum err fields_read_query(const struct field *fields, size_t count, struct str query,
                                      void *out, struct trouble *trouble);

#define FIELDS(table) (table), sizeof(table) / sizeof((table)[0])

#endif
