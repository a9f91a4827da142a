/* audit.h - who decided what: append-only, each entry sealed over the one before it.
 *
 * An entry that is changed, left out or put in between breaks the chain from there on, which
 * `purser audit verify` finds. What it cannot find is a tail that is missing: keep the last
 * number and hash elsewhere. */
#ifndef CORE_AUDIT_H
#define CORE_AUDIT_H

#include "base/crypto.h"
#include "core/turn.h"

/* In the commit of the turn. `detail` is the object as it is then, or empty; no secrets. */
void audit_record(struct turn *turn, const char *action, struct str object, struct str detail);
/* The same about what is no merchant's but the whole installation's. */
void audit_record_common(struct turn *turn, const char *action, struct str object,
                         struct str detail);

/* The same about an object by its id: AUDIT(turn, "task.close", task, task->id, text). */
#define AUDIT(turn, action, kind, value, detail)                                         \
    do {                                                                                 \
        char text_[ID_TEXT_MAX];                                                         \
        struct buf id_;                                                                  \
        buf_fixed(&id_, text_, sizeof(text_));                                           \
        kind##_id_write(&id_, (value));                                                  \
        audit_record((turn), (action), str_copy((turn)->arena, buf_str(&id_)), (detail)); \
    } while (0)

/* A turn that does nothing but record: what a command did beside the books' own turns. */
struct audit_note {
    const char *action;
    struct str object, detail;    /* as in audit_record */
};
extern const struct turn_handler turn_audit_note;

/* The seal of an entry, over its members and entry->previous. */
struct sha256 audit_hash(const struct audit_entry *entry);

#endif
