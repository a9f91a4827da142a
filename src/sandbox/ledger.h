/* ledger.h - the sandbox's own books: what it was asked, what it holds, what it moved.
 *
 * Three tables. sandbox_operations: every request about a charge by its reference, with what it
 * came to, wrong requests too. sandbox_charges: where each charge's money is. sandbox_ledger:
 * every movement of money, append-only; checkers sum it up. */
#ifndef SANDBOX_LEDGER_H
#define SANDBOX_LEDGER_H

#include "base/list.h"
#include "base/money.h"
#include "core/books.h"
#include "sandbox/sandbox.def"
#include "store/db.h"

#define X(name, ...) SANDBOX_CHARGE_##name,
enum sandbox_charge_state { SANDBOX_CHARGE_NONE = 0, SANDBOX_CHARGE_STATES(X) };
#undef X
#define X(name, ...) SANDBOX_KIND_##name,
enum sandbox_kind { SANDBOX_KIND_NONE = 0, SANDBOX_KINDS(X) SANDBOX_KIND_COUNT };
#undef X
#define X(name, ...) SANDBOX_STATUS_##name,
enum sandbox_status { SANDBOX_STATUS_NONE = 0, SANDBOX_STATUSES(X) };
#undef X
#define X(name, ...) SANDBOX_CODE_##name,
enum sandbox_code { SANDBOX_CODE_NONE = 0, SANDBOX_CODES(X) };
#undef X
#define X(name, ...) SANDBOX_SAVING_##name,
enum sandbox_saving { SANDBOX_SAVING_NONE = 0, SANDBOX_SAVINGS(X) };
#undef X
#define X(name, ...) SANDBOX_CARD_##name,
enum sandbox_card { SANDBOX_CARD_NONE = 0, SANDBOX_CARDS(X) };
#undef X

extern const struct word_list words_sandbox_charge_state, words_sandbox_kind, words_sandbox_status,
    words_sandbox_code, words_sandbox_card, words_sandbox_saving;

struct sandbox_charge {
    enum row_change row;
    struct id id; /* that of its authorize operation */
    struct str account;
    struct str reference; /* of its authorize operation */
    enum sandbox_charge_state state;
    enum currency currency;
    int64_t amount_minor; /* asked for */
    int64_t authorized_minor;
    int64_t captured_minor;
    int64_t refunded_minor;
    int64_t released_minor;
    bool sale; /* captured as soon as it is authorised */
    enum sandbox_card card;
    struct str last4;
    enum sandbox_saving saving;
    struct str customer;  /* for whom its card is kept */
    struct str paid_with; /* the reference of the charge that its card was saved with, or empty */
    struct str token; /* of the challenge, or empty */
    struct str description;
    struct str return_url;
    int64_t created_ms;
};

struct sandbox_operation {
    enum row_change row;
    struct id id; /* ledger_key */
    struct str account;
    struct str reference;
    struct id charge;
    enum sandbox_kind kind;
    enum sandbox_status status;
    enum sandbox_code code;
    int64_t amount_minor; /* 0 and no currency for a void, which names none */
    enum currency currency;
    int64_t conflicts; /* other requests that came under the same reference */
    int64_t created_ms;
};

struct sandbox_movement {
    int64_t number; /* increasing; given at the flush */
    struct str account;
    struct str charge; /* the reference of the charge's authorize */
    enum sandbox_kind kind;
    struct str reference; /* of the operation */
    int64_t amount_minor;
    enum currency currency;
    int64_t at_ms;
};

LIST_TYPE(sandbox_charge_list, struct sandbox_charge)
LIST_TYPE(sandbox_operation_list, struct sandbox_operation)
LIST_TYPE(sandbox_movement_list, struct sandbox_movement)

/* What one transaction works on. */
struct ledger {
    struct arena *arena;
    struct sandbox_charge_list charges;
    struct sandbox_operation_list operations;
    struct sandbox_movement_list movements; /* new ones only */
};

/* The primary key for a reference: purser's operation id itself, which orders by time; a hash
 * for a reference of another form. */
struct id ledger_key(struct str account, struct str reference);

/* Where its tables are, and which; NULL-terminated. They are the far side's own: nothing but
 * the sandbox, and whoever moves an installation as a whole, opens them. */
#define LEDGER_FILE STR("sandbox.db")
extern const struct table *const ledger_tables[];
/* What a card that was saved with that charge is called: "card_...". */
void ledger_write_card(struct buf *out, struct id charge);
bool ledger_read_card(struct str text, struct id *charge);

must_check enum err ledger_migrate(struct db *db, struct arena *arena, struct str *why);

/* Within a transaction; the rows are there after db_await (store/db_later.h). Those that are there
 * already are not loaded twice. */
must_check enum err ledger_load_operations(struct ledger *ledger, struct db *db,
                                           const struct id *ids, size_t count);
must_check enum err ledger_load_charges(struct ledger *ledger, struct db *db, const struct id *ids,
                                        size_t count);
/* The charge with that challenge, or ERR_NOT_FOUND. Waits. */
must_check enum err ledger_load_challenge(struct ledger *ledger, struct db *db, struct str token);
/* Writes what is new or changed; false in `wrote` when there was nothing. */
must_check enum err ledger_flush(struct ledger *ledger, struct db *db, bool *wrote);

/* Among what is loaded and new; NULL when it is not there. */
struct sandbox_charge *ledger_charge(const struct ledger *ledger, struct id id);
struct sandbox_operation *ledger_operation(const struct ledger *ledger, struct id id);

#endif
