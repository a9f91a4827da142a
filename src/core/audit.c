/* audit.c - see audit.h. */
#include "core/audit.h"

#include <assert.h>

#include "base/json.h"

/* Of an entry's text, the detail included. */
#define ENTRY_MAX ((size_t)256 * 1024)

void audit_record(struct turn *turn, const char *action, struct str object, struct str detail)
{
    audit_record_common(turn, action, object, detail);
    struct audit_entry *entry = turn->audit.items[turn->audit.count - 1];
    entry->merchant = turn->input->merchant;
    entry->live = turn->input->live;
}

void audit_record_common(struct turn *turn, const char *action, struct str object,
                         struct str detail)
{
    struct audit_entry *entry = ARENA_NEW(turn->arena, struct audit_entry);
    *entry = (struct audit_entry){
        .row = ROW_NEW,
        .at_ms = turn->now_ms,
        .actor = turn->input->actor,
        .action = str_of(action),
        .object = object,
        .detail = detail,
    };
    audit_entry_list_add(turn->arena, &turn->audit, entry);
}

/* Each member with its length, so that no two entries have the same text. */
struct sha256 audit_hash(const struct audit_entry *entry)
{
    struct arena arena = { 0 };
    struct buf text;
    const struct str members[] = {
        str_make((const char *)entry->previous.bytes, SHA256_SIZE),
        str_make((const char *)entry->merchant.id.bytes, sizeof(entry->merchant.id.bytes)),
        entry->actor, entry->action, entry->object, entry->detail,
    };
    buf_init(&text, &arena, ENTRY_MAX);
    buf_addf(&text, "%lld %d %lld ", (long long)entry->number, entry->live,
             (long long)entry->at_ms);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        buf_addf(&text, "%zu:", members[i].len);
        buf_add(&text, members[i]);
    }
    assert(buf_ok(&text));
    struct sha256 hash = crypto_sha256(buf_str(&text));
    arena_done(&arena);
    return hash;
}

static enum err audit_note(struct turn *turn)
{
    const struct audit_note *ask = turn->input->ask;
    audit_record(turn, ask->action, ask->object, ask->detail);
    turn_answer_nothing(turn);
    return OK;
}

const struct turn_handler turn_audit_note = { "audit.note", TARGET_NOTHING, .handle = audit_note };
