/* db_flush.h - commits that are made before they are on the disk.
 *
 * To wait for the disk at each commit makes a writer stand still, and a flush can do for many
 * commits. So one may commit, go on, and flush later: until then nobody may be told of what was
 * committed, nor may anything follow from it outside the books. Connections of this process that
 * only read (DB_READ) wait by themselves until what they saw is on the disk, the first query of a
 * snapshot for all of it. Programs beside it do not: what they show may be younger by a flush. */
#ifndef STORE_DB_FLUSH_H
#define STORE_DB_FLUSH_H

#include "store/db.h"

/* As db_commit, which it is where nothing is to be gained. */
must_check enum err db_commit_later(struct db *db);
/* Whether something is. */
bool db_commits_later(const struct db *db);
/* All that this connection committed is on the disk then. From any thread, also while the
 * connection is in use. After an ERR_STORE nobody can know what is on the disk: the process has to
 * end. */
must_check enum err db_flush(struct db *db);
/* For who has one thread (outside.h's files): what a thread of the store would do beside the
 * connection, at any moment, also from within what the connection has the disk do. */
void db_step(struct db *db);

#endif
