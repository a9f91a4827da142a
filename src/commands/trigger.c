/* trigger.c - `purser trigger EVENT`: real objects in test mode, in whose course the event comes.
 *
 * Nothing is pretended: a payment is made at the sandbox with the card that leads there, and
 * what is told to endpoints is what such a payment always tells. */
#include <time.h>

#include "base/time.h"
#include "commands/owner.h"
#include "commands/product.h"
#include "core/keys.h"
#include "core/words.h"

#define WAIT_MS (10 * SECOND_MS)
#define LOOK_MS 100

#define APPROVED "4242424242424242"

/* How an event is caused: a card (NULL: an invoice alone), and what is done then. */
struct scenario {
    enum event_type type;
    const char *card;
    bool manual;              /* captured by hand */
    const char *acts[2];      /* the ends of paths: of the payment, or of the invoice with '!' */
};

static const struct scenario scenarios[] = {
    { EVENT_INVOICE_CREATED, NULL, false, { NULL } },
    { EVENT_INVOICE_PAID, APPROVED, false, { NULL } },
    { EVENT_INVOICE_CANCELLED, NULL, false, { "!cancel" } },
    { EVENT_INVOICE_FULFILLED, APPROVED, false, { "!fulfil" } },
    { EVENT_INVOICE_REFUNDED, APPROVED, false, { "refunds" } },
    { EVENT_PAYMENT_CREATED, APPROVED, false, { NULL } },
    { EVENT_PAYMENT_AUTHORIZING, APPROVED, false, { NULL } },
    { EVENT_PAYMENT_REQUIRES_ACTION, "4000002500003155", false, { NULL } },
    { EVENT_PAYMENT_AUTHORIZED, APPROVED, true, { NULL } },
    { EVENT_PAYMENT_CAPTURING, APPROVED, true, { "capture" } },
    { EVENT_PAYMENT_CAPTURED, APPROVED, false, { NULL } },
    { EVENT_PAYMENT_CAPTURE_FAILED, "4000000000000341", true, { "capture" } },
    { EVENT_PAYMENT_CANCELLING, APPROVED, true, { "cancel" } },
    { EVENT_PAYMENT_CANCELLED, APPROVED, true, { "cancel" } },
    { EVENT_PAYMENT_FAILED, "4000000000000002", false, { NULL } },
    { EVENT_REFUND_CREATED, APPROVED, false, { "refunds" } },
    { EVENT_REFUND_SUCCEEDED, APPROVED, false, { "refunds" } },
    { EVENT_REFUND_FAILED, "4000000000005126", false, { "refunds" } },
};
#define SCENARIO_COUNT (sizeof scenarios / sizeof scenarios[0])

struct made {
    struct str invoice, payment;   /* ids; the payment's is empty when there is none */
};

static enum err begin(struct cli *cli, struct product *product, const struct scenario *scenario,
                      struct made *out, struct str *why)
{
    struct product_answer answer;
    struct str body = STR("{\"amount\":1250,\"currency\":\"EUR\",\"description\":"
                          "\"purser trigger\"}");
    char bytes[32];
    struct buf now;

    if (!scenario->card) {
        enum err err = product_ask(product, "POST", STR("/v1/invoices"), body, cli->arena, &answer,
                                   why);
        if (err == OK)
            out->invoice = json_text(json_get(answer.json, "id"));
        return err;
    }
    buf_fixed(&now, bytes, sizeof bytes);
    time_write(&now, outside_now_ms(cli->world->outside) + 365 * DAY_MS);
    body = str_format(cli->arena,
                      "{\"amount\":1250,\"currency\":\"EUR\",\"description\":\"purser trigger\","
                      "\"capture_method\":\"%s\",\"payment_method\":{\"type\":\"card\",\"card\":"
                      "{\"number\":\"%s\",\"exp_month\":12,\"exp_year\":%.4s,\"cvc\":\"123\"}}}",
                      scenario->manual ? "manual" : "automatic", scenario->card, buf_c(&now));
    enum err err = product_ask(product, "POST", STR("/v1/payments"), body, cli->arena, &answer,
                               why);
    if (err == OK) {
        out->payment = json_text(json_get(answer.json, "id"));
        out->invoice = json_text(json_get(answer.json, "invoice"));
    }
    return err;
}

static enum err act(struct cli *cli, struct product *product, const struct made *made,
                    const char *name, struct str *why)
{
    struct product_answer answer;
    bool of_invoice = name[0] == '!';
    struct str path = str_format(cli->arena, "/v1/%s/%.*s/%s",
                                 of_invoice ? "invoices" : "payments",
                                 STR_ARG(of_invoice ? made->invoice : made->payment),
                                 of_invoice ? name + 1 : name);

    return product_ask(product, "POST", path, STR("{}"), cli->arena, &answer, why);
}

/* The payment's events are looked through; an invoice's state stands for its own. */
static enum err has_come(struct cli *cli, struct product *product, const struct scenario *scenario,
                         const struct made *made, bool *out, struct str *why)
{
    const char *type = word_text(&words_event_type, scenario->type);
    bool of_invoice = str_starts_with(str_of(type), STR("invoice."));
    struct str path =
        of_invoice ? str_format(cli->arena, "/v1/invoices/%.*s", STR_ARG(made->invoice))
                   : str_format(cli->arena, "/v1/payments/%.*s/events", STR_ARG(made->payment));
    struct product_answer answer;
    struct json_cursor cursor;
    const struct json *event;

    enum err err = product_ask(product, "GET", path, (struct str){ 0 }, cli->arena, &answer, why);
    if (err != OK)
        return err;
    if (of_invoice) {
        *out = scenario->type == EVENT_INVOICE_CREATED ||
               str_equal_c(json_text(json_get(answer.json, "status")), type + 8);
        return OK;
    }
    json_each(&cursor, json_get(answer.json, "data"));
    while (!*out && json_next(&cursor, NULL, &event))
        *out = str_equal_c(json_text(json_get(event, "type")), type);
    return OK;
}

static enum err wait_for(struct cli *cli, struct product *product, const struct scenario *scenario,
                         const struct made *made, struct str *why)
{
    const struct timespec gap = { 0, LOOK_MS * 1000000L };
    bool came = false;

    for (int64_t waited_ms = 0; waited_ms < WAIT_MS; waited_ms += LOOK_MS) {
        enum err err = has_come(cli, product, scenario, made, &came, why);
        if (err != OK || came)
            return err;
        nanosleep(&gap, NULL);
    }
    *why = STR("the event did not come within 10 seconds; is the sandbox gateway account enabled?");
    return ERR_UNAVAILABLE;
}

static const struct scenario *find_scenario(struct str name)
{
    for (size_t i = 0; i < SCENARIO_COUNT; i++)
        if (str_equal(name, word_str(&words_event_type, scenarios[i].type)))
            return &scenarios[i];
    return NULL;
}

static enum exit_code refuse(struct cli *cli)
{
    bool exists = word_of(&words_event_type, cli->operands[0]) != 0;

    (void)cli_fail(cli, EXIT_COULD_NOT, exists ? "%.*s cannot be caused at the sandbox; these can:"
                                               : "there is no event %.*s; these can be caused:",
                   STR_ARG(cli->operands[0]));
    for (size_t i = 0; i < SCENARIO_COUNT; i++)
        fprintf(cli->world->err, "  %s\n", word_text(&words_event_type, scenarios[i].type));
    return EXIT_COULD_NOT;
}

static enum exit_code run_trigger(struct cli *cli)
{
    const struct scenario *scenario = find_scenario(cli->operands[0]);
    struct str merchant = owner_merchant(cli);
    struct product *product = NULL;
    struct made made = { 0 };
    struct str why = { 0 };

    if (!scenario)
        return refuse(cli);
    enum err err = product_open(cli, merchant, false,
                                KEY_SCOPE_READ | KEY_SCOPE_WRITE | KEY_SCOPE_REFUND, &product,
                                &why);
    if (err == OK)
        err = begin(cli, product, scenario, &made, &why);
    for (size_t i = 0; err == OK && i < 2 && scenario->acts[i]; i++)
        err = act(cli, product, &made, scenario->acts[i], &why);
    if (err == OK)
        err = wait_for(cli, product, scenario, &made, &why);
    product_close(product);
    if (err != OK)
        return cli_fail(cli, EXIT_NO, "%.*s", STR_ARG(why));
    fprintf(cli->world->out, "%.*s: invoice %.*s%s%.*s\n", STR_ARG(cli->operands[0]),
            STR_ARG(made.invoice), str_is_empty(made.payment) ? "" : ", payment ",
            STR_ARG(made.payment));
    return EXIT_OK;
}

static const struct option options[] = {
    PRODUCT_URL_OPTION,
    { "merchant", "NAME", false, "Whose event. Default: default." },
    { 0 },
};

const struct command command_trigger = {
    .name = "trigger",
    .operands = "EVENT",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "cause an event, in test mode",
    .about = "Makes what leads to the event at the built-in sandbox, through the API of a running\n"
             "server: a payment with the right card, a refund, an invoice. Endpoints and the feed\n"
             "get it as any other. The key is that of " PRODUCT_KEY_VARIABLE ", or one made\n"
             "for it and revoked after.",
    .examples = { "purser trigger payment.captured --data ./data",
                  "purser trigger refund.failed --url http://127.0.0.1:9000" },
    .options = options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_trigger,
};
