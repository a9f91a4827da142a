/* codec.c - a struct as values for the engine, and back.
 *
 * What the engine hands back is not believed: a file can be damaged, or edited by hand. */
#include <assert.h>
#include <string.h>

#include "base/crypto.h"
#include "base/money.h"
#include "store/db_driver.h"

static const struct db_value null_value = { DB_NULL, 0, { 0 } };

static struct db_value bytes_value(const void *bytes, size_t size)
{
    return (struct db_value){ DB_BYTES, 0, str_make(bytes, size) };
}

static struct db_value text_value(struct str text)
{
    return str_is_empty(text) ? null_value : DB_STR(text);
}

static struct db_value id_value(const void *member)
{
    struct id id;

    memcpy(&id, member, sizeof id);
    return id_is_zero(id) ? null_value : bytes_value(member, sizeof id);
}

static int64_t int_at(const void *member)
{
    int64_t number;

    memcpy(&number, member, sizeof number);
    return number;
}

static struct db_value value_of(const struct column *column, const void *member)
{
    switch (column->kind) {
    case COLUMN_ID: return id_value(member);
    case COLUMN_INT: return DB_NUMBER(int_at(member));
    case COLUMN_BOOL: return DB_NUMBER(*(const bool *)member ? 1 : 0);
    case COLUMN_TIME: return int_at(member) == 0 ? null_value : DB_NUMBER(int_at(member));
    case COLUMN_TEXT: return text_value(*(const struct str *)member);
    case COLUMN_HASH: return bytes_value(member, sizeof(struct sha256));
    case COLUMN_WORD: return text_value(word_str(column->words, *(const unsigned *)member));
    case COLUMN_CURRENCY: {
        enum currency currency = *(const enum currency *)member;
        return currency == CURRENCY_NONE ? null_value : DB_STR(str_of(currency_code(currency)));
    }
    case COLUMN_KIND_COUNT: break;
    }
    assert(column->kind < COLUMN_KIND_COUNT);
    return null_value;
}

struct db_value codec_value(const struct column *column, const void *row)
{
    return value_of(column, (const char *)row + column->offset);
}

void codec_values(const struct table *table, const void *row, struct db_value *values)
{
    assert(table->column_count <= TABLE_COLUMNS_MAX);
    for (size_t i = 0; i < table->column_count; i++)
        values[i] = codec_value(&table->columns[i], row);
}

static bool read_bytes(const struct db_value *value, void *member, size_t size)
{
    if (value->type != DB_BYTES || value->bytes.len != size)
        return false;
    memcpy(member, value->bytes.ptr, size);
    return true;
}

static bool read_int(const struct db_value *value, int64_t *member)
{
    if (value->type != DB_INT)
        return false;
    *member = value->number;
    return true;
}

static bool read_bool(const struct db_value *value, bool *member)
{
    if (value->type != DB_INT || (value->number != 0 && value->number != 1))
        return false;
    *member = value->number == 1;
    return true;
}

static bool read_text(const struct db_value *value, struct arena *arena, struct str *member)
{
    if (value->type != DB_TEXT)
        return false;
    *member = str_copy(arena, value->bytes);
    return true;
}

static bool read_word(const struct db_value *value, const struct word_list *words, unsigned *member)
{
    if (value->type != DB_TEXT)
        return false;
    *member = word_of(words, value->bytes);
    return *member != 0;
}

static bool read_currency(const struct db_value *value, enum currency *member)
{
    if (value->type != DB_TEXT)
        return false;
    *member = currency_of(value->bytes);
    return *member != CURRENCY_NONE;
}

/* NULL stands for zero where a kind says so; the member is zero already. */
static bool may_be_null(const struct column *column)
{
    return !column_is_key(column) && column->kind != COLUMN_INT &&
           column->kind != COLUMN_BOOL && column->kind != COLUMN_HASH;
}

static bool read_value(const struct column *column, const struct db_value *value,
                       struct arena *arena, void *member)
{
    if (value->type == DB_NULL)
        return may_be_null(column);
    switch (column->kind) {
    case COLUMN_ID: return read_bytes(value, member, sizeof(struct id));
    case COLUMN_INT:
    case COLUMN_TIME: return read_int(value, member);
    case COLUMN_BOOL: return read_bool(value, member);
    case COLUMN_TEXT: return read_text(value, arena, member);
    case COLUMN_HASH: return read_bytes(value, member, sizeof(struct sha256));
    case COLUMN_WORD: return read_word(value, column->words, member);
    case COLUMN_CURRENCY: return read_currency(value, member);
    case COLUMN_KIND_COUNT: break;
    }
    assert(column->kind < COLUMN_KIND_COUNT);
    return false;
}

enum err codec_row(const struct table *table, const struct db_value *values, struct arena *arena,
                   void *row)
{
    memset(row, 0, table->row_size);
    for (size_t i = 0; i < table->column_count; i++) {
        const struct column *column = &table->columns[i];
        if (!read_value(column, &values[i], arena, (char *)row + column->offset))
            return ERR_STORE;
    }
    return OK;
}

enum err codec_load_row(void *self, const struct db_value *values, size_t count)
{
    struct codec_loader *loader = self;
    void *row = arena_alloc(loader->arena, loader->table->row_size);

    assert(count == loader->table->column_count);
    enum err err = codec_row(loader->table, values, loader->arena, row);
    loader->damaged = err != OK;
    return err == OK ? loader->load(loader->self, row) : err;
}
