#include "store/pg_text.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "store/pg_sql.h"

#define SQL_MAX ((size_t)1 << 16)

static void name_it(struct pg_text *text)
{
    const struct str pieces[] = {
        str_of(text->sql), str_make((const char *)text->types, sizeof text->types),
    };
    struct sha256 hash = crypto_hmac_sha256(STR("purser statement"), pieces, 2);
    struct buf name;

    buf_fixed(&name, text->name, sizeof text->name);
    buf_add_char(&name, 'p');
    buf_add_hex(&name, hash.bytes, sizeof hash.bytes / 2);
    buf_c(&name);
    assert(buf_ok(&name));
}

static struct pg_text *make(const struct sqltext *what, const struct pg_param *params, size_t count)
{
    struct pg_text *text = mem_alloc(sizeof *text);
    struct arena scratch = { 0 };
    struct buf sql;

    buf_init(&sql, &scratch, SQL_MAX);
    pg_sql_write(&sql, what);
    assert(buf_ok(&sql) && count <= TABLE_COLUMNS_MAX);
    text->sql = mem_strdup(buf_c(&sql));
    arena_done(&scratch);
    text->type_count = count;
    for (size_t i = 0; i < count; i++)
        text->types[i].type = params[i].type;
    name_it(text);
    return text;
}

static void discard(struct pg_text *text)
{
    mem_free(text->sql);
    mem_free(text);
}

/* The same text may stand in several places of the program. */
static struct pg_text *share(struct pg_texts *texts, struct pg_text *made)
{
    for (struct pg_text *other = texts->all; other != NULL; other = other->next) {
        if (strcmp(other->name, made->name) != 0)
            continue;
        discard(made);
        return other;
    }
    made->next = texts->all;
    texts->all = made;
    return made;
}

struct pg_text *pg_text_of(struct pg_texts *texts, const struct sqltext *what,
                           const struct pg_param *params, size_t count)
{
    struct statement *found = statements_find(&texts->statements, what);

    if (found == NULL)
        found = statements_add(&texts->statements, what, share(texts, make(what, params, count)));
    struct pg_text *text = found->prepared;
    /* One pointer, one text: a buffer that is used again would run the old statement. */
    assert(what->kind != SQLTEXT_QUERY || strcmp(text->sql, what->text) == 0);
    return text;
}

bool pg_text_takes(const struct pg_text *text, const struct pg_param *params, size_t count)
{
    for (size_t i = 0; i < count && i < text->type_count; i++)
        if (params[i].type != text->types[i].type || params[i].type == PG_UNKNOWN)
            return false;
    return count == text->type_count;
}

/* The list has them all. */
static void forget(void *text)
{
    (void)text;
}

void pg_texts_done(struct pg_texts *texts)
{
    statements_done(&texts->statements, forget);
    while (texts->all != NULL) {
        struct pg_text *first = texts->all;
        texts->all = first->next;
        discard(first);
    }
}
