/* checker_orphans.c - rows that hang on nothing: the pages, which go from invoice to invoice,
 * never meet them. */
#include <string.h>

#include "store/checker_parts.h"

struct orphan {
    struct checker *checker;
    const char *prefix;
    struct str name; /* empty while there is none */
};

/* `SELECT id, number`: the number is 0 where the id says it all. */
static enum err take_orphan(void *self, const struct db_value *values, size_t count)
{
    struct orphan *orphan = self;
    struct buf text;
    struct id id;

    if (count != 2 || values[0].type != DB_BYTES || values[0].bytes.len != sizeof id.bytes)
        return ERR_STORE;
    memcpy(id.bytes, values[0].bytes.ptr, sizeof id.bytes);
    buf_init(&text, orphan->checker->arena, 2 * ID_TEXT_MAX);
    id_write(&text, orphan->prefix, id);
    if (values[1].number != 0)
        buf_addf(&text, " (%lld)", (long long)values[1].number);
    orphan->name = buf_str(&text);
    return OK;
}

enum err checker_orphans(struct checker *checker)
{
    static const struct {
        const char *prefix;
        const char *invariant;
        const char *wrong;
        const char *sql;
    } kinds[] = {
        { "pay", "I5", "is a payment of no invoice",
          "SELECT id, 0 FROM payments WHERE NOT EXISTS "
          "(SELECT 1 FROM invoices WHERE invoices.id = payments.invoice) ORDER BY id LIMIT 1" },
        { "ref", "I5", "is a refund of no invoice",
          "SELECT id, 0 FROM refunds WHERE NOT EXISTS "
          "(SELECT 1 FROM invoices WHERE invoices.id = refunds.invoice) ORDER BY id LIMIT 1" },
        { "cs", "I5", "is a checkout session of no invoice",
          "SELECT id, 0 FROM checkouts WHERE NOT EXISTS "
          "(SELECT 1 FROM invoices WHERE invoices.id = checkouts.invoice) ORDER BY id LIMIT 1" },
        { "ins", "I5", "is a saved card of no invoice",
          "SELECT id, 0 FROM instruments WHERE NOT EXISTS "
          "(SELECT 1 FROM invoices WHERE invoices.id = instruments.invoice) ORDER BY id LIMIT 1" },
        { "ins", "I21", "is a saved card of a customer of another merchant or mode",
          "SELECT id, 0 FROM instruments i WHERE NOT EXISTS (SELECT 1 FROM customers c WHERE "
          "c.id = i.customer AND c.merchant = i.merchant AND c.live = i.live) "
          "ORDER BY id LIMIT 1" },
        { "pay", "I21", "is charged with a saved card that is not its merchant's, mode's, "
                        "customer's or gateway account's",
          "SELECT id, 0 FROM payments p WHERE instrument IS NOT NULL AND NOT EXISTS "
          "(SELECT 1 FROM instruments i WHERE i.id = p.instrument AND i.merchant = p.merchant AND "
          "i.live = p.live AND i.customer = p.customer AND i.gateway_account = p.gateway_account) "
          "ORDER BY id LIMIT 1" },
        { "op", "I10", "is an operation of no invoice",
          "SELECT id, 0 FROM operations WHERE NOT EXISTS "
          "(SELECT 1 FROM invoices WHERE invoices.id = operations.invoice) ORDER BY id LIMIT 1" },
        { "op", "I10", "has an attempt, but is no operation in the books",
          "SELECT operation, number FROM attempts WHERE NOT EXISTS "
          "(SELECT 1 FROM operations WHERE operations.id = attempts.operation) "
          "ORDER BY operation, number LIMIT 1" },
        { "inv", "I6", "has an event, but is no invoice in the books",
          "SELECT invoice, sequence FROM events WHERE NOT EXISTS "
          "(SELECT 1 FROM invoices WHERE invoices.id = events.invoice) "
          "ORDER BY invoice, sequence LIMIT 1" },
    };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct orphan orphan = { .checker = checker, .prefix = kinds[i].prefix };
        enum err err = db_query(checker->db, kinds[i].sql, NULL, 0, take_orphan, &orphan);
        if (err != OK)
            return err;
        if (orphan.name.len > 0) {
            checker_blame(checker, kinds[i].invariant, orphan.name, "%s", kinds[i].wrong);
            return OK;
        }
    }
    return OK;
}
