/* invoices.c - making, cancelling and fulfilling what is owed. */
#include "core/record.h"
#include "core/requests.h"

static void claim_is_about_invoice(struct turn *turn)
{
    if (turn->claim)
        turn->claim->invoice = turn->books->invoice->id;
}

/* The invoice as its last event shows it, for a caller without an idempotency key. */
static void answer_invoice(struct turn *turn, int status)
{
    const struct event_list *events = &turn->books->events;
    if (turn->claim)
        turn->claim->success_status = status;
    turn->answer = (struct turn_answer){
        .status = status,
        .body = events->items[events->count - 1]->data,
        .final = true,
    };
}

static enum err invoice_create(struct turn *turn)
{
    const struct invoice_create *ask = turn->input->ask;
    invoice_begin(turn, (struct invoice){
        .amount_minor = ask->amount.minor,
        .currency = ask->amount.currency,
        .reference = ask->reference,
        .description = ask->description,
        .shop = ask->shop,
        .metadata = ask->metadata,
    });
    claim_is_about_invoice(turn);
    answer_invoice(turn, 201);
    return OK;
}

static enum err invoice_cancel(struct turn *turn)
{
    const struct payment_list *payments = &turn->books->payments;
    for (size_t i = 0; i < payments->count; i++)
        if (!machine_is_final(&machine_payment, payments->items[i]->status))
            return turn_fail(turn, ERR_CONFLICT,
                             "A payment of this invoice is not finished; cancel it first.");
    enum err err = invoice_move(turn, INVOICE_ON_CANCEL);
    if (err)
        return err;
    claim_is_about_invoice(turn);
    answer_invoice(turn, 200);
    return OK;
}

static enum err invoice_fulfil(struct turn *turn)
{
    enum err err = invoice_move(turn, INVOICE_ON_FULFIL);
    if (err)
        return err;
    claim_is_about_invoice(turn);
    answer_invoice(turn, 200);
    return OK;
}

const struct turn_handler turn_invoice_create = { "invoice.create", TARGET_NOTHING,
                                                  .handle = invoice_create };
const struct turn_handler turn_invoice_cancel = { "invoice.cancel", TARGET_INVOICE, .scoped = true,
                                                  .handle = invoice_cancel };
const struct turn_handler turn_invoice_fulfil = { "invoice.fulfil", TARGET_INVOICE, .scoped = true,
                                                  .handle = invoice_fulfil };
