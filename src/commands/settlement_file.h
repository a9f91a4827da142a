/* settlement_file.h - a settlement file on its way from the disk to rows: a piece at a time,
 * however large it is. Errors come with a sentence in `why` that names the row. */
#ifndef COMMANDS_SETTLEMENT_FILE_H
#define COMMANDS_SETTLEMENT_FILE_H

#include "commands/command.h"
#include "core/settlement.h"

struct source {
    struct cli *cli;
    struct str path;
    struct settlement_mapping mapping;
    const char *doing;               /* for the line that tells how far it is */
    int64_t rows;                    /* that counted, so far */
    struct arena arena;              /* the caller's, of one row or one group; ended at the close */
    /* Its own. */
    int fd;
    struct csv *csv;
    char *chunk;
    struct sha256_run *hash;
    int64_t bytes, size, told_us;
    struct settlement_header header;
};

/* Opens the file and reads up to its header and past it. To be closed also when it failed. */
must_check enum err source_open(struct source *source, const char *doing, struct str *why);
/* What was read has this hash. */
struct sha256 source_close(struct source *source);

/* The next row that counts, in source->arena; false at the end, or when `err` is set. A row that
 * cannot be read may be passed by going on; after source_is_broken there is none to go on to. */
bool source_next(struct source *source, struct settlement_line *line, enum err *err,
                 struct str *why);
bool source_is_broken(const struct source *source);

#endif
