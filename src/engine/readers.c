/* readers.c - threads that answer queries, each on a read-only connection of its own,
 * so that a slow list holds up neither the loop nor the writer. */
#include <assert.h>

#include "engine/engine_parts.h"

struct reader {
    struct engine *engine;
    struct db *db;
    bool is_away;
};

static void run(struct reader *reader, struct desk_read *read)
{
    read->err = db_begin(reader->db);
    if (read->err)
        return;
    read->run(read, reader->db);
    db_rollback(reader->db);
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

static void *reader_loop(void *self)
{
    struct reader *reader = self;
    struct link *item;
    while ((item = queue_take(&reader->engine->reads, 1, 0)))
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
