/* checker_checkpoints.c - what is left of histories that were pruned (prune.h).
 *
 * While the events are still there, their fold must come past the checkpoint; when they are
 * gone, the fold of the later ones begins at it. */
#include <assert.h>

#include "store/checker_parts.h"

static const struct checkpoint *find(const struct checked *checked, struct id object)
{
    for (size_t i = 0; i < checked->checkpoints.count; i++)
        if (id_equal(checked->checkpoints.items[i]->object, object))
            return checked->checkpoints.items[i];
    return NULL;
}

static bool blame(const struct checked *checked, const char *what)
{
    struct checker *checker = checked->checker;

    return checker_blame(checker, "I5", checker_invoice_name(checker, checked->invoice->id), "%s",
                         what);
}

static bool resume_payment(const struct checked *checked, struct payment_fold *fold)
{
    const struct checkpoint *from = find(checked, fold->payment->id.id);

    /* Without one it was begun later. */
    if (from == NULL)
        return true;
    fold->status = (enum payment_state)word_of(&words_payment_state, from->status);
    fold->version = from->version;
    fold->captured_minor = from->captured_minor;
    fold->refunded_minor = from->refunded_minor;
    fold->reserved_minor = from->reserved_minor;
    fold->resumed = true;
    return fold->status != PAYMENT_NOWHERE || blame(checked, "a checkpoint is of no known status");
}

static bool resume_refund(const struct checked *checked, struct refund_fold *fold)
{
    const struct checkpoint *from = find(checked, fold->refund->id.id);

    if (from == NULL)
        return true;
    fold->status = (enum refund_state)word_of(&words_refund_state, from->status);
    fold->resumed = true;
    return fold->status != REFUND_NOWHERE || blame(checked, "a checkpoint is of no known status");
}

static bool resume_checkout(const struct checked *checked, struct checkout_fold *fold)
{
    const struct checkpoint *from = find(checked, fold->checkout->id.id);

    if (from == NULL)
        return true;
    fold->status = (enum checkout_state)word_of(&words_checkout_state, from->status);
    fold->version = from->version;
    return fold->status != CHECKOUT_NOWHERE || blame(checked, "a checkpoint is of no known status");
}

static bool resume_instrument(const struct checked *checked, struct instrument_fold *fold)
{
    const struct checkpoint *from = find(checked, fold->instrument->id.id);

    if (from == NULL)
        return true;
    fold->status = (enum instrument_state)word_of(&words_instrument_state, from->status);
    fold->resumed = true;
    return fold->status != INSTRUMENT_NOWHERE ||
           blame(checked, "a checkpoint is of no known status");
}

bool checkpoints_resume(struct checked *checked, int64_t *next)
{
    const struct checkpoint *from = find(checked, checked->invoice->id.id);
    bool ok = true;

    if (checked->invoice->checkpointed != (from != NULL))
        return blame(checked, from == NULL ? "is marked as checkpointed, but has no checkpoint"
                                           : "has a checkpoint, but is not marked so");
    if (from == NULL || (checked->events.count > 0 && checked->events.items[0]->sequence == 1))
        return true;
    checked->fold = (struct invoice_fold){
        .status = word_of(&words_invoice_state, from->status),
        .version = from->version,
        .sequence = from->sequence,
        .number = from->number,
    };
    *next = from->sequence + 1;
    for (size_t i = 0; ok && i < checked->payments.count; i++)
        ok = resume_payment(checked, checked->payments.items[i]);
    for (size_t i = 0; ok && i < checked->refunds.count; i++)
        ok = resume_refund(checked, checked->refunds.items[i]);
    for (size_t i = 0; ok && i < checked->checkouts.count; i++)
        ok = resume_checkout(checked, checked->checkouts.items[i]);
    for (size_t i = 0; ok && i < checked->instruments.count; i++)
        ok = resume_instrument(checked, checked->instruments.items[i]);
    return ok;
}

/* Empty before its first event. */
static struct str status_text(const struct word_list *words, unsigned status)
{
    return status == 0 ? (struct str){ 0 } : word_str(words, status);
}

static struct checkpoint of_invoice(const struct checked *checked)
{
    const struct invoice_fold *fold = &checked->fold;

    return (struct checkpoint){
        .object = checked->invoice->id.id,
        .status = status_text(&words_invoice_state, fold->status),
        .version = fold->version,
    };
}

static struct checkpoint of_payment(const struct payment_fold *fold)
{
    return (struct checkpoint){
        .object = fold->payment->id.id,
        .status = status_text(&words_payment_state, fold->status),
        .version = fold->version,
        .captured_minor = fold->captured_minor,
        .refunded_minor = fold->refunded_minor,
        .reserved_minor = fold->reserved_minor,
    };
}

static struct checkpoint of_refund(const struct refund_fold *fold)
{
    return (struct checkpoint){
        .object = fold->refund->id.id,
        .status = status_text(&words_refund_state, fold->status),
    };
}

static struct checkpoint of_checkout(const struct checkout_fold *fold)
{
    return (struct checkpoint){
        .object = fold->checkout->id.id,
        .status = status_text(&words_checkout_state, fold->status),
        .version = fold->version,
    };
}

static struct checkpoint of_instrument(const struct instrument_fold *fold)
{
    return (struct checkpoint){
        .object = fold->instrument->id.id,
        .status = status_text(&words_instrument_state, fold->status),
    };
}

static void make(const struct checked *checked, struct checkpoint made, int64_t now_ms,
                 struct checkpoint_list *out)
{
    struct arena *arena = checked->checker->arena;

    made.invoice = checked->invoice->id;
    made.sequence = checked->fold.sequence;
    made.number = checked->fold.number;
    made.made_ms = now_ms;
    checkpoint_list_add(arena, out, arena_copy(arena, &made, sizeof made));
}

void checkpoints_make(struct checked *checked, int64_t now_ms, struct checkpoint_list *out)
{
    make(checked, of_invoice(checked), now_ms, out);
    for (size_t i = 0; i < checked->payments.count; i++)
        make(checked, of_payment(checked->payments.items[i]), now_ms, out);
    for (size_t i = 0; i < checked->refunds.count; i++)
        make(checked, of_refund(checked->refunds.items[i]), now_ms, out);
    for (size_t i = 0; i < checked->checkouts.count; i++)
        make(checked, of_checkout(checked->checkouts.items[i]), now_ms, out);
    for (size_t i = 0; i < checked->instruments.count; i++)
        make(checked, of_instrument(checked->instruments.items[i]), now_ms, out);
}

static bool is_same(const struct checkpoint *a, const struct checkpoint *b)
{
    return str_equal(a->status, b->status) && a->version == b->version &&
           a->captured_minor == b->captured_minor && a->refunded_minor == b->refunded_minor &&
           a->reserved_minor == b->reserved_minor && a->sequence == b->sequence &&
           a->number == b->number;
}

bool checkpoints_compare(struct checked *checked)
{
    const struct checkpoint *of_books = find(checked, checked->invoice->id.id);
    struct checkpoint_list told = { 0 };

    if (of_books == NULL || of_books->sequence != checked->fold.sequence)
        return true;
    checkpoints_make(checked, 0, &told);
    for (size_t i = 0; i < told.count; i++) {
        const struct checkpoint *stored = find(checked, told.items[i]->object);
        /* What was begun later has no events yet. */
        if (stored == NULL && !str_is_empty(told.items[i]->status))
            return blame(checked, "something of it has no checkpoint");
        if (stored != NULL && !is_same(stored, told.items[i]))
            return blame(checked, "a checkpoint says something else than the events until then");
    }
    return true;
}
