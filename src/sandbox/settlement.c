/* settlement.c - see settlement.h. A capture costs one and a half percent, a refund nothing. */
#include "sandbox/settlement.h"

#include <assert.h>

#include "base/list.h"
#include "base/money.h"
#include "base/time.h"
#include "sandbox/ledger.h"

#define PAGE_ROWS 500
#define FEE_PER_MILLE 15
#define LINE_MAX 1024

struct payout {
    int64_t day;
    enum currency currency;
    int64_t net_minor;
};
LIST_TYPE(payout_list, struct payout)

struct writing {
    struct arena arena;              /* of the payouts */
    struct payout_list payouts;
    sandbox_line_f *write;
    void *self;
    int64_t last;
    size_t count;
};

static struct payout *payout_of(struct writing *writing, int64_t at_ms, enum currency currency)
{
    for (size_t i = writing->payouts.count; i-- > 0;) {
        struct payout *payout = writing->payouts.items[i];
        if (payout->day == at_ms / DAY_MS && payout->currency == currency)
            return payout;
    }
    struct payout *payout = ARENA_NEW(&writing->arena, struct payout);
    payout->day = at_ms / DAY_MS;
    payout->currency = currency;
    payout_list_add(&writing->arena, &writing->payouts, payout);
    return payout;
}

static void add_payout_name(struct buf *line, const struct payout *payout)
{
    struct time_parts day = time_split(payout->day * DAY_MS);
    buf_addf(line, "po_%04d%02d%02d_%s", day.year, day.month, day.day,
             currency_code(payout->currency));
}

static void add_amounts(struct buf *line, int64_t gross_minor, int64_t fee_minor,
                        enum currency currency)
{
    int exponent = currency_exponent(currency);
    money_write_decimal(line, gross_minor, exponent);
    buf_add_char(line, ',');
    money_write_decimal(line, fee_minor, exponent);
    buf_add_char(line, ',');
    money_write_decimal(line, gross_minor - fee_minor, exponent);
    buf_addf(line, ",%s,", currency_code(currency));
}

static void end_line(struct writing *writing, struct buf *line)
{
    buf_add_char(line, '\n');
    assert(buf_ok(line));
    writing->write(writing->self, buf_str(line));
}

/* number, charge, kind, reference, amount_minor, currency, at_ms */
static enum err write_movement(void *self, const struct db_value *values, size_t count)
{
    struct writing *writing = self;
    char bytes[LINE_MAX];
    struct buf line;
    struct operation_id operation;
    assert(count == 7);
    bool refund = str_equal_c(values[2].bytes, "refund");
    enum currency currency = currency_of(values[5].bytes);
    int64_t minor = values[4].number;
    int64_t fee_minor = refund ? 0 : minor * FEE_PER_MILLE / 1000;
    struct payout *payout = payout_of(writing, values[6].number, currency);
    payout->net_minor += refund ? -minor : minor - fee_minor;
    buf_fixed(&line, bytes, sizeof bytes);
    buf_add(&line, values[2].bytes);
    buf_add_char(&line, ',');
    time_write(&line, values[6].number);
    buf_add_char(&line, ',');
    if (operation_id_parse(values[1].bytes, &operation))
        id_write(&line, "ch", operation.id);
    buf_add_char(&line, ',');
    buf_add(&line, values[3].bytes);
    buf_add_char(&line, ',');
    if (refund && operation_id_parse(values[3].bytes, &operation))
        id_write(&line, "re", operation.id);
    buf_add_char(&line, ',');
    add_amounts(&line, refund ? -minor : minor, fee_minor, currency);
    add_payout_name(&line, payout);
    end_line(writing, &line);
    writing->last = values[0].number;
    writing->count++;
    return OK;
}

static void write_payouts(struct writing *writing)
{
    for (size_t i = 0; i < writing->payouts.count; i++) {
        const struct payout *payout = writing->payouts.items[i];
        char bytes[LINE_MAX];
        struct buf line;
        buf_fixed(&line, bytes, sizeof bytes);
        buf_add_c(&line, "payout,");
        time_write(&line, (payout->day + 1) * DAY_MS);
        buf_add_c(&line, ",,,,");
        add_amounts(&line, -payout->net_minor, 0, payout->currency);
        add_payout_name(&line, payout);
        end_line(writing, &line);
    }
}

enum err sandbox_settlement(struct db *ledger, struct str account, sandbox_line_f *write,
                            void *self)
{
    struct writing writing = { .write = write, .self = self };
    enum err err = OK;
    write(self, STR("type,booked_at,charge,reference,refund,gross,fee,net,currency,payout\n"));
    do {
        struct db_value args[] = { DB_STR(account), DB_NUMBER(writing.last),
                                   DB_NUMBER(PAGE_ROWS) };
        writing.count = 0;
        err = db_query(ledger,
                       "SELECT number, charge, kind, reference, amount_minor, currency, at_ms"
                       " FROM sandbox_ledger WHERE account = $1 AND number > $2"
                       " AND kind IN ('capture', 'refund') AND amount_minor > 0"
                       " ORDER BY number LIMIT $3",
                       args, 3, write_movement, &writing);
    } while (!err && writing.count == PAGE_ROWS);
    if (!err)
        write_payouts(&writing);
    arena_done(&writing.arena);
    return err;
}
