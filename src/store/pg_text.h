/* pg_text.h - the texts of statements that a session has used, each made once, and the names
 * under which the server keeps them. Inside store only.
 *
 * A name is a hash of the text and its types: behind a pooler a server's connection may keep
 * what another node gave that name, and that is then the same statement. */
#ifndef STORE_PG_TEXT_H
#define STORE_PG_TEXT_H

#include "store/pg_link.h"
#include "store/sqltext.h"

/* "p", half a SHA-256 in hex, NUL. The server cuts names beyond 63 bytes. */
#define PG_NAME_BYTES 34

struct pg_text {
    struct pg_text *next;
    char *sql;
    char name[PG_NAME_BYTES];
    struct pg_param types[TABLE_COLUMNS_MAX];
    size_t type_count;
    unsigned known_to;           /* the session's: which connection knows the name; 0 none */
};

/* Zeroed: none yet. */
struct pg_texts {
    struct statements statements;
    struct pg_text *all;
};

struct pg_text *pg_text_of(struct pg_texts *texts, const struct sqltext *what,
                           const struct pg_param *params, size_t count);
/* Whether the params are of the types that the name stands for. A NULL has none. */
bool pg_text_takes(const struct pg_text *text, const struct pg_param *params, size_t count);
void pg_texts_done(struct pg_texts *texts);

#endif
