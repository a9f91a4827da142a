/* test_store_sqlite_help.h - what the tests of books in a file share. */
#ifndef TEST_STORE_SQLITE_HELP_H
#define TEST_STORE_SQLITE_HELP_H

#include "store_fixture.h"

#include <sys/stat.h>

#include "core/books.h"

static inline const char *path_of(struct store_fixture *books, const char *name)
{
    return str_format(&books->arena, "%s/%s", books->dir, name).ptr;
}

/* -1 when there is no such file. */
static inline int64_t size_of(struct store_fixture *books, const char *name)
{
    struct stat stat_of;

    return stat(path_of(books, name), &stat_of) == 0 ? (int64_t)stat_of.st_size : -1;
}

static inline enum err put_task(struct store_fixture *books)
{
    const void *row = store_fixture_row(books, &table_tasks);

    return db_insert(books->db, &table_tasks, &row, 1);
}

static inline enum err take_text(void *self, const struct db_value *values, size_t count)
{
    assert_int_equal(count, 1);
    *(bool *)self = str_equal_c(values[0].bytes, "ok");
    return OK;
}

static inline void assert_whole(struct store_fixture *books)
{
    bool whole = false;

    assert_stored(books->db,
                  db_query(books->db, "PRAGMA integrity_check", NULL, 0, take_text, &whole));
    assert_true(whole);
}

#endif
