/* settlement.h - gateways' settlement files: how a file's columns become rows of ours, and what a
 * row says about the books.
 *
 * How a file looks is data, a JSON object that an operator or an adapter writes down
 * (docs/settlement.md). A row that cannot be read names its column; nothing is guessed. Amounts
 * are normalised: a payment's gross is positive, a refund's and a chargeback's negative, a
 * payout's positive, and net = gross - fee. */
#ifndef CORE_SETTLEMENT_H
#define CORE_SETTLEMENT_H

#include "base/crypto.h"
#include "base/csv.h"
#include "base/list.h"
#include "core/objects.h"
#include "core/settlement.def"

#define X(name, ...) SETTLEMENT_##name,
enum settlement_kind { SETTLEMENT_KIND_NONE = 0, SETTLEMENT_KINDS(X) };
#undef X
#define X(name, ...) SETTLEMENT_IS_##name,
enum settlement_result { SETTLEMENT_IS_OPEN = 0, SETTLEMENT_RESULTS(X) };
#undef X
#define X(name, ...) SETTLEMENT_##name,
enum settlement_state { SETTLEMENT_STATE_NONE = 0, SETTLEMENT_STATES(X) };
#undef X
#define X(name, ...) SETTLEMENT_COLUMN_##name,
enum settlement_column { SETTLEMENT_COLUMNS(X) SETTLEMENT_COLUMN_COUNT };
#undef X
#define X(name, ...) SETTLEMENT_UNIT_##name,
enum settlement_unit { SETTLEMENT_UNITS(X) };
#undef X
#define X(name, ...) SETTLEMENT_DATE_##name,
enum settlement_date { SETTLEMENT_DATES(X) };
#undef X
#define X(name, ...) SETTLEMENT_SIGN_##name,
enum settlement_sign { SETTLEMENT_SIGNS(X) };
#undef X

extern const struct word_list words_settlement_kind, words_settlement_result,
    words_settlement_state;

/* An import. Its counts are of the rows that are in. */
struct settlement {
    enum row_change row;
    struct settlement_id id;
    struct merchant_id merchant;
    bool live;
    struct gateway_account_id gateway_account;
    struct str gateway;
    struct sha256 content;        /* a file is imported once per account */
    struct str name;              /* of the file */
    struct str mapping;           /* its name */
    enum settlement_state status;
    int64_t lines;
    int64_t matched, differing, twice, unknown, noted;
    int64_t unsettled;            /* found missing when it had been imported */
    int64_t payouts_wrong;
    int64_t last_row;             /* of the file, that is in */
    int64_t from_ms, to_ms;       /* the earliest and latest booking */
    int64_t overdue_ms;           /* what was taken before must be in some file by now */
    struct str actor;
    int64_t created_ms;
    int64_t ended_ms;
};

/* One row of a file. */
struct settlement_line {
    struct settlement_id settlement;
    int64_t number;               /* its row in the file: the header's is mostly 1 */
    enum settlement_kind kind;
    enum settlement_result result;
    struct id named;              /* the id within our reference, whatever of ours it is */
    struct payment_id payment;    /* found by the references; or zero */
    struct refund_id refund;
    struct str gateway_reference, reference, refund_reference, payout;
    int64_t gross_minor, fee_minor, net_minor;
    enum currency currency;
    int64_t booked_ms;
};
LIST_TYPE(settlement_list, struct settlement)
LIST_TYPE(settlement_line_list, struct settlement_line)

/* How a gateway's file looks. Texts live as long as the JSON's arena. */
struct settlement_mapping {
    struct str name;
    char separator;
    int64_t header_row;
    char decimal;
    struct str grouping;          /* characters that are dropped from amounts */
    enum settlement_unit unit;
    enum settlement_date date;
    enum settlement_sign sign;
    struct str utc_offset;        /* "+05:00", of times without one; "Z" */
    enum currency currency;       /* where no column names it */
    struct str columns[SETTLEMENT_COLUMN_COUNT];
    const struct json *fees;      /* names of columns whose sum is the fee; or NULL */
    const struct json *kinds;     /* their words by ours; and "ignore" */
};

/* ERR_VALIDATION with a sentence in `why` that names the member. */
must_check enum err settlement_mapping_read(struct str text, struct arena *arena,
                                            struct settlement_mapping *out, struct str *why);

/* Where the mapping's columns stand in a file. */
#define SETTLEMENT_FEES_MAX 8
struct settlement_header {
    int columns[SETTLEMENT_COLUMN_COUNT];        /* -1: there is none */
    int fees[SETTLEMENT_FEES_MAX];
    size_t fee_count, count;
};
must_check enum err settlement_header_read(const struct settlement_mapping *mapping,
                                           const struct str *fields, size_t count,
                                           struct arena *arena, struct settlement_header *out,
                                           struct str *why);

/* A record as a row; `ignored` when the mapping says to pass it over. Card numbers are masked. */
must_check enum err settlement_line_read(const struct settlement_mapping *mapping,
                                         const struct settlement_header *header,
                                         const struct str *fields, size_t count,
                                         struct arena *arena, struct settlement_line *out,
                                         bool *ignored, struct str *why);

/* What the books have of a row's payment and refund, and whether a row before is about the same. */
struct settlement_books {
    bool has_payment, has_refund;
    enum refund_state refund_status;
    int64_t captured_minor, refund_minor;
    enum currency currency;
    bool twice;
};

/* What a row is against the books, and the kind of drift that it makes; DRIFT_NONE when none. */
struct settlement_verdict {
    enum settlement_result result;
    enum drift_kind drift;
    int64_t our_minor, gateway_minor;
};
struct settlement_verdict settlement_judge(const struct settlement_line *line,
                                           const struct settlement_books *books);

#endif
