/* tables.c - tables.def as data.
 *
 * A row of tables.def does not name the struct that it is about. So the macro for a table,
 * COLUMN_OF(struct payment), makes the first half of the text and ends with the name of the
 * macro that takes the row and makes the second half. */
#include "store/table.h"

#include <stdint.h>

#include "base/crypto.h"
#include "base/money.h"
#include "core/books.h"
#include "core/checkout_settings.h"
#include "core/job.h"
#include "core/settlement.h"
#include "core/tenants.h"
#include "core/webhooks.h"
#include "store/tables.def"

/* Members of members: the column's name, and where it is. */
#define failure_type            failure.type
#define failure_code            failure.code
#define failure_message         failure.message
#define failure_gateway_code    failure.gateway_code
#define failure_gateway_message failure.gateway_message
/* And one whose own name is a word of SQL. */
#define authorize_operation     authorization

/* clang-format off */

/* A member that has not the type of its kind does not compile. Any enum is a word. */
#define ID_TYPE(kind, prefix) struct kind##_id: 1,
#define TYPES_ID       ID_KINDS(ID_TYPE) struct id: 1
#define TYPES_INT      int64_t: 1
#define TYPES_BOOL     bool: 1
#define TYPES_TIME     int64_t: 1
#define TYPES_TEXT     struct str: 1
#define TYPES_HASH     struct sha256: 1
#define TYPES_WORD     unsigned: 1
#define TYPES_CURRENCY enum currency: 1
#define TYPE_CHECK_OF(row) _Static_assert(_Generic(((row *)0)->TYPE_CHECK
#define TYPE_CHECK(kind, role, member, ...)                                              \
    member, TYPES_##kind, default: 0), #member " is of another type than its column's kind");

#define COLUMN_OF(row) { .offset = __builtin_offsetof(row, COLUMN
#define COLUMN(kind_, role_, member, ...) member), .name = #member,                      \
    .kind = COLUMN_##kind_, .role = COLUMN_##role_, .words = FIRST(__VA_ARGS__, 0),      \
    .since = SECOND(__VA_ARGS__, 0, 0) },
#define FIRST(first, ...) first
#define SECOND(first, second, ...) second

#define KEYS(kind, role, member, ...)                                                    \
    + (COLUMN_##role == COLUMN_KEY || COLUMN_##role == COLUMN_PERIOD)
#define INDEX(name, unique, columns, where) { name, unique, columns, where },
#define CONDITION(condition) condition,

#define TABLE(NAME, name, since)                                                         \
    NAME##_COLUMNS(TYPE_CHECK_OF(NAME##_ROW))                                            \
    static const struct column name##_columns[] = {                                      \
        NAME##_COLUMNS(COLUMN_OF(NAME##_ROW))                                            \
    };                                                                                   \
    _Static_assert(sizeof name##_columns / sizeof(struct column) <= TABLE_COLUMNS_MAX, ""); \
    static const struct index name##_indexes[] = { NAME##_INDEXES(INDEX) { 0 } };        \
    static const char *const name##_checks[] = { NAME##_CHECKS(CONDITION) NULL };        \
    const struct table table_##name = {                                                  \
        #name, since, sizeof(NAME##_ROW), name##_columns,                                \
        sizeof name##_columns / sizeof(struct column), NAME##_COLUMNS(KEYS),             \
        name##_indexes, name##_checks,                                                   \
    };

STORE_TABLES(TABLE)

#define PLACE_OF(member) PLACE_##member
#define PLACE(kind, role, member, ...) PLACE_##member,
enum payments_place { PAYMENTS_COLUMNS(PLACE) };
const struct table table_payments_shown = {
    "payments", 0, sizeof(PAYMENTS_ROW), payments_columns, PAYMENTS_INNER(PLACE_OF),
    PAYMENTS_COLUMNS(KEYS), payments_indexes, payments_checks,
};

#define POINTER(NAME, name, since) &table_##name,
const struct table *const store_tables[] = { STORE_TABLES(POINTER) NULL };

/* clang-format on */
