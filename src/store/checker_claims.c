/* checker_claims.c - I8: every idempotency key in use has one effect and one answer. */
#include "store/checker_parts.h"

#define PAGE_CLAIMS 1000

/* The key itself is not known, only its hash: enough to find the row. */
static struct str claim_name(struct checker *checker, const struct claim *claim)
{
    struct buf text;

    buf_init(&text, checker->arena, 64);
    buf_add_c(&text, "claim ");
    buf_add_hex(&text, claim->key.bytes, sizeof claim->key.bytes);
    return buf_str(&text);
}

struct answer_event {
    bool found;
    struct id payment, refund, instrument;
};

static struct id id_of_value(const struct db_value *value)
{
    struct id id = { { 0 } };

    if (value->type == DB_BYTES && value->bytes.len == sizeof id.bytes)
        for (size_t i = 0; i < sizeof id.bytes; i++)
            id.bytes[i] = (unsigned char)value->bytes.ptr[i];
    return id;
}

static enum err take_answer(void *self, const struct db_value *values, size_t count)
{
    struct answer_event *answer = self;

    (void)count;
    answer->found = true;
    answer->payment = id_of_value(&values[0]);
    answer->refund = id_of_value(&values[1]);
    answer->instrument = id_of_value(&values[2]);
    return OK;
}

static enum err check_answered(struct checker *checker, const struct claim *claim)
{
    struct db_value args[] = { DB_ID(claim->invoice), DB_NUMBER(claim->answer_sequence) };
    struct answer_event answer = { 0 };

    if (!str_is_empty(claim->body))
        return OK;
    enum err err = db_query(
        checker->db,
        "SELECT payment, refund, instrument FROM events WHERE invoice = $1 AND sequence = $2",
        args, 2, take_answer, &answer);
    if (err != OK)
        return err;
    if (!answer.found)
        checker_blame(checker, "I8", claim_name(checker, claim),
                      "its answer is event %lld of an invoice, which is not there",
                      (long long)claim->answer_sequence);
    else if (!id_equal(answer.payment, claim->payment.id) ||
             !id_equal(answer.refund, claim->refund.id) ||
             !id_equal(answer.instrument, claim->instrument.id))
        checker_blame(checker, "I8", claim_name(checker, claim),
                      "its answer is event %lld, which is about something else",
                      (long long)claim->answer_sequence);
    return OK;
}

static enum err take_found(void *self, const struct db_value *values, size_t count)
{
    (void)values;
    (void)count;
    *(bool *)self = true;
    return OK;
}

/* Without an operation that answers to it, the claim's caller would be told to wait for ever. */
static enum err check_waiting(struct checker *checker, const struct claim *claim)
{
    struct db_value args[] = { DB_ID(claim->invoice), DB_ID(claim->key) };
    bool found = false;

    enum err err = db_query(checker->db,
                            "SELECT 1 FROM operations WHERE invoice = $1 AND claim = $2 "
                            "AND closed_ms IS NULL",
                            args, 2, take_found, &found);
    if (err == OK && !found)
        checker_blame(checker, "I8", claim_name(checker, claim),
                      "has no answer, and no open operation that will give it one");
    return err;
}

static bool is_zero_hash(const struct sha256 *hash)
{
    unsigned any = 0;

    for (size_t i = 0; i < sizeof hash->bytes; i++)
        any |= hash->bytes[i];
    return any == 0;
}

static enum err check_claim(struct checker *checker, const struct claim *claim)
{
    checker->report.claims++;
    if (is_zero_hash(&claim->fingerprint)) {
        checker_blame(checker, "I8", claim_name(checker, claim), "has no fingerprint");
        return OK;
    }
    return claim->status != 0 ? check_answered(checker, claim) : check_waiting(checker, claim);
}

struct claim_page {
    struct arena *arena;
    struct claim_list claims;
};

static enum err take_claim(void *self, void *row)
{
    struct claim_page *page = self;

    claim_list_add(page->arena, &page->claims, row);
    return OK;
}

enum err checker_claims(struct checker *checker)
{
    struct id after = { { 0 } };
    struct claim_page page;
    enum err err;

    do {
        struct db_value args[] = { DB_ID(after), DB_NUMBER(PAGE_CLAIMS) };
        arena_reset(checker->arena);
        page = (struct claim_page){ .arena = checker->arena };
        err = db_select(checker->db, &table_claims, "key > $1 ORDER BY key LIMIT $2", args, 2,
                        checker->arena, take_claim, &page);
        for (size_t i = 0; err == OK && i < page.claims.count; i++) {
            if (checker->report.invariant == NULL)
                err = check_claim(checker, page.claims.items[i]);
            after = page.claims.items[i]->key;
        }
    } while (err == OK && checker->report.invariant == NULL && page.claims.count == PAGE_CLAIMS);
    return err;
}
