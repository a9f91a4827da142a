/* readers.c - threads that answer queries, each on a read-only connection of its own,
 * so that a slow list holds up neither the loop nor the writer. */
#include <assert.h>

#include "engine/engine_parts.h"

struct reader {
    struct engine *engine;
    struct db *db;
    bool looks;       /* has a snapshot */
    int64_t since_us; /* which began after this */
    bool is_away;
};

/* A snapshot costs more than most reads of it. */
static void look_away(struct reader *reader)
{
    if (reader->looks)
        db_rollback(reader->db);
    reader->looks = false;
}

/* What was asked before the snapshot began may share it. What was asked later may not: its caller
 * can have been told meanwhile of something that is not in it. So a snapshot also lasts no longer
 * than those who waited at its beginning. */
static enum err look(struct reader *reader, const struct desk_read *read)
{
    if (reader->looks && read->link.put_us < reader->since_us)
        return OK;
    look_away(reader);
    reader->since_us = outside_monotonic_us(reader->engine->outside);
    enum err err = db_begin(reader->db);
    reader->looks = err == OK;
    return err;
}

static void run(struct reader *reader, struct desk_read *read)
{
    read->err = look(reader, read);
    if (read->err)
        return;
    read->err = read->run(read, reader->db);
    /* After most errors the books refuse what follows; after none it is missed. */
    if (read->err)
        look_away(reader);
}

/* A connection that was lost is opened again, and nobody need know. */
static void answer(struct reader *reader, struct desk_read *read)
{
    run(reader, read);
    if (read->err == ERR_STORE_RETRY)
        run(reader, read);
    engine_log_store(&reader->is_away, read->err, db_error(reader->db));
    read->done(read);
}

/* One at a time, so that a slow one holds up only what no other reader is free for. While there
 * is none no snapshot is kept, because it would hold up the checkpoints. */
static struct link *next(struct reader *reader)
{
    struct queue *reads = &reader->engine->reads;
    struct link *item = queue_take_now(reads, 1);

    if (item)
        return item;
    look_away(reader);
    return queue_take(reads, 1, 0);
}

static void *reader_loop(void *self)
{
    struct reader *reader = self;
    struct link *item;
    while ((item = next(reader)))
        answer(reader, LINK_OWNER(item, struct desk_read, link));
    db_close(reader->db);
    mem_free(reader);
    return NULL;
}

enum err engine_open_readers(struct engine *engine, struct str where, unsigned count,
                             struct arena *arena, struct str *why)
{
    assert(count > 0 && count <= ENGINE_READERS_MAX);
    for (unsigned i = 0; i < count; i++) {
        struct reader *reader = mem_alloc(sizeof(*reader));
        reader->engine = engine;
        enum err err = store_open_reader(where, engine->outside, arena, &reader->db, why);
        if (!err && pthread_create(&engine->readers[i], NULL, reader_loop, reader) != 0) {
            *why = STR("A reader thread could not be started.");
            db_close(reader->db);
            err = ERR_IO;
        }
        if (err) {
            mem_free(reader);
            return err;
        }
        engine->reader_count++;
    }
    return OK;
}
