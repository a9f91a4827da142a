/* due.c - see due.h. */
#include "store/due.h"

#include <assert.h>

#include "base/buf.h"
#include "store/db_driver.h"

/* "-9223372036854775808," */
#define NUMBER_MAX 21

/* The half of an id that is random. */
static int64_t number_of(const struct id *piece)
{
    uint64_t number = 0;
    for (size_t i = 8; i < sizeof(piece->bytes); i++)
        number = number << 8 | piece->bytes[i];
    return (int64_t)number;
}

static enum err take(void *self, const struct db_value *values, size_t count)
{
    bool *mine = self;
    assert(count == 3 && values[0].number >= 1 && values[0].number <= DUE_CLAIM_MAX);
    mine[values[0].number - 1] = values[1].number != 0;
    return OK;
}

enum err due_claim(struct db *db, const struct id *pieces, size_t count, bool *mine)
{
    char text[DUE_CLAIM_MAX * NUMBER_MAX];
    struct buf numbers;
    assert(count <= DUE_CLAIM_MAX);
    for (size_t i = 0; i < count; i++)
        mine[i] = !db->driver->claim_sql;
    if (!db->driver->claim_sql || count == 0)
        return OK;
    buf_fixed(&numbers, text, sizeof(text));
    for (size_t i = 0; i < count; i++)
        buf_addf(&numbers, "%s%lld", i ? "," : "", (long long)number_of(&pieces[i]));
    assert(buf_ok(&numbers));
    struct db_value arg = DB_STR(buf_str(&numbers));
    return db_query(db, db->driver->claim_sql, &arg, 1, take, mine);
}
