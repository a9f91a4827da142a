/* settlement_file.c - see settlement_file.h. */
#include "commands/settlement_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES ((size_t)256 << 10)
#define TELL_US (2 * INT64_C(1000000))

static enum err open_file(struct source *source, struct str *why)
{
    const char *path = str_c(source->cli->arena, source->path);
    source->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (source->fd < 0) {
        *why = str_format(source->cli->arena, "cannot read %s: %s", path, strerror(errno));
        return ERR_IO;
    }
    source->size = (int64_t)lseek(source->fd, 0, SEEK_END);
    (void)lseek(source->fd, 0, SEEK_SET);
    source->csv = csv_open(source->mapping.separator);
    source->chunk = mem_alloc(CHUNK_BYTES);
    source->hash = crypto_sha256_begin();
    source->bytes = source->rows = 0;
    return OK;
}

struct sha256 source_close(struct source *source)
{
    struct sha256 hash = { { 0 } };
    if (source->fd >= 0)
        close(source->fd);
    if (source->hash != NULL)
        hash = crypto_sha256_end(source->hash);
    csv_close(source->csv);
    mem_free(source->chunk);
    arena_done(&source->arena);
    source->fd = -1;
    source->hash = NULL;
    source->csv = NULL;
    source->chunk = NULL;
    return hash;
}

/* For somebody who waits: a line on stderr every other second. */
static void tell_progress(struct source *source)
{
    const struct world *world = source->cli->world;
    int64_t now_us = outside_monotonic_us(world->outside);
    if (source->told_us == 0)
        source->told_us = now_us;
    if (now_us - source->told_us < TELL_US)
        return;
    source->told_us = now_us;
    fprintf(world->err, "%s: %lld rows, %d %%\n", source->doing, (long long)source->rows,
            source->size > 0 ? (int)(source->bytes * 100 / source->size) : 0);
}

static enum err read_more(struct source *source, struct str *why)
{
    ssize_t got;
    do {
        got = read(source->fd, source->chunk, CHUNK_BYTES);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        *why = str_format(source->cli->arena, "cannot read %.*s: %s", STR_ARG(source->path),
                          strerror(errno));
        return ERR_IO;
    }
    if (got == 0) {
        csv_finish(source->csv);
        return OK;
    }
    struct str bytes = str_make(source->chunk, (size_t)got);
    crypto_sha256_add(source->hash, bytes);
    source->bytes += got;
    csv_feed(source->csv, bytes);
    tell_progress(source);
    return OK;
}

/* The next record; CSV_BAD stands for any error, with the sentence in `why`. */
static enum csv_event next_record(struct source *source, struct str *why)
{
    enum csv_event event;
    while ((event = csv_next(source->csv)) == CSV_MORE)
        if (read_more(source, why) != OK) {
            /* There is no row to go on to. */
            csv_close(source->csv);
            source->csv = NULL;
            return CSV_BAD;
        }
    if (event == CSV_BAD)
        *why = str_format(source->cli->arena, "row %lld: %s", (long long)csv_row(source->csv),
                          csv_why(source->csv));
    return event;
}

/* Up to the header and past it. */
static enum err read_header(struct source *source, struct str *why)
{
    struct str wrong;
    size_t count;
    do {
        enum csv_event event = next_record(source, why);
        if (event == CSV_BAD)
            return ERR_VALIDATION;
        if (event == CSV_END) {
            *why = str_format(source->cli->arena, "there is no row %lld, where the mapping has "
                              "the header", (long long)source->mapping.header_row);
            return ERR_VALIDATION;
        }
    } while (csv_row(source->csv) < source->mapping.header_row);
    const struct str *fields = csv_fields(source->csv, &count);
    enum err err = settlement_header_read(&source->mapping, fields, count, source->cli->arena,
                                          &source->header, &wrong);
    if (err)
        *why = str_format(source->cli->arena, "row %lld: %.*s", (long long)csv_row(source->csv),
                          STR_ARG(wrong));
    return err;
}

bool source_next(struct source *source, struct settlement_line *line, enum err *err,
                 struct str *why)
{
    bool ignored = true;
    while (ignored) {
        struct str wrong = { 0 };
        enum csv_event event = next_record(source, why);
        *err = event == CSV_BAD ? ERR_VALIDATION : OK;
        if (event != CSV_RECORD)
            return false;
        size_t count;
        const struct str *fields = csv_fields(source->csv, &count);
        *err = settlement_line_read(&source->mapping, &source->header, fields, count,
                                    &source->arena, line, &ignored, &wrong);
        line->number = csv_row(source->csv);
        if (*err) {
            *why = str_format(source->cli->arena, "row %lld, %.*s", (long long)line->number,
                              STR_ARG(wrong));
            return false;
        }
    }
    source->rows++;
    return true;
}

bool source_is_broken(const struct source *source)
{
    return source->csv == NULL || csv_why(source->csv) != NULL;
}

enum err source_open(struct source *source, const char *doing, struct str *why)
{
    source->doing = doing;
    enum err err = open_file(source, why);
    return err ? err : read_header(source, why);
}
