/* listen.c - `purser listen`: for development, events as they come, forwarded to a program that
 * no server out there could reach.
 *
 * It reads the books and signs by itself, with a secret that is the same at every start of the
 * same installation: the program under development keeps it in its settings. Nothing is tried
 * again, and no endpoint knows of it. */
#include <time.h>

#include "base/time.h"
#include "commands/calls.h"
#include "commands/installation.h"
#include "commands/owner.h"
#include "core/render.h"
#include "core/webhook_format.h"
#include "store/queries.h"

#define LOOK_MS 200
#define PAGE_EVENTS 100

struct listener {
    struct cli *cli;
    struct db *db;
    struct calls *calls;               /* NULL: nothing is forwarded */
    struct arena *arena;               /* of one event */
    struct query_scope scope;
    int64_t after;
    struct webhook_endpoint endpoint;  /* what signing wants to know, made up */
    struct webhook_send keys;
};

static struct str listen_secret(const struct secret *key, struct merchant_id merchant,
                                struct arena *arena)
{
    struct str pieces[] = { STR("purser listen"),
                            str_make((const char *)merchant.id.bytes, sizeof merchant.id.bytes) };
    struct sha256 mac = crypto_hmac_sha256(secret_reveal(key), pieces, 2);

    return webhook_key_text(arena, "whsec_", str_make((const char *)mac.bytes, sizeof mac.bytes));
}

/* An RSA key of the moment: its public half is printed, for the formats that sign with one. */
static void make_rsa(struct listener *listener)
{
    struct arena *arena = listener->cli->arena;
    struct buf private_der, public_der;

    if (!webhook_has_rsa(listener->endpoint.format))
        return;
    buf_init(&private_der, arena, CRYPTO_RSA_DER_MAX);
    buf_init(&public_der, arena, CRYPTO_RSA_DER_MAX);
    crypto_rsa_make(2048, &private_der, &public_der);
    listener->keys.private_key = secret_copy(buf_str(&private_der));
    fprintf(listener->cli->world->err, "public key  %.*s\n",
            STR_ARG(webhook_key_text(arena, "", buf_str(&public_der))));
}

static enum err make_keys(struct listener *listener, struct str *why)
{
    struct cli *cli = listener->cli;
    enum installation_key_origin origin;
    struct secret key = { 0 };
    struct str bytes;

    enum err err = installation_key(&cli->settings, cli->world->outside, false, cli->arena, &key,
                                    &origin, why);
    if (err != OK)
        return err;
    struct str text = listen_secret(&key, listener->scope.merchant, cli->arena);
    secret_done(&key);
    if (!webhook_secret_bytes(text, cli->arena, &bytes))
        return ERR_INTERNAL;
    listener->keys.secret = secret_copy(bytes);
    fprintf(cli->world->err, "secret      %.*s\n", STR_ARG(text));
    make_rsa(listener);
    return OK;
}

/* The body as an endpoint would get it, over the books as they are now; empty when the format
 * does not tell the event. */
static enum err body_of(struct listener *listener, const struct event *event, struct str *out)
{
    struct books books = { 0 };
    struct refund *refund = NULL;

    enum err err = query_invoice(listener->db, listener->scope, event->invoice, listener->arena,
                                 &books.invoice);
    if (err == OK)
        err = query_invoice_payments(listener->db, event->invoice, listener->arena,
                                     &books.payments);
    if (err == OK && !refund_id_is_zero(event->refund))
        err = query_refund(listener->db, listener->scope, event->refund, listener->arena, &refund);
    if (err != OK)
        return err;
    if (refund)
        refund_list_add(listener->arena, &books.refunds, refund);
    *out = webhook_body(listener->endpoint.format, &books, event, listener->arena);
    return OK;
}

static void forward(struct listener *listener, const struct event *event, struct str body)
{
    struct cli *cli = listener->cli;
    struct webhook_delivery delivery = { .event = event_id_of(event) };
    struct webhook_field signed_fields[WEBHOOK_FIELDS_MAX];
    struct client_field fields[WEBHOOK_FIELDS_MAX];
    struct calls_reply reply;
    struct str why = { 0 };

    listener->keys.endpoint = &listener->endpoint;
    listener->keys.delivery = &delivery;
    listener->keys.body = body;
    listener->keys.now_ms = outside_now_ms(cli->world->outside);
    size_t count = webhook_fields(&listener->keys, listener->arena, signed_fields);
    for (size_t i = 0; i < count; i++)
        fields[i] = (struct client_field){ signed_fields[i].name, signed_fields[i].value };
    enum err err = calls_make(listener->calls, "POST", listener->endpoint.url, fields, count, body,
                              webhook_deadline_ms(listener->endpoint.format), listener->arena,
                              &reply, &why);
    if (err != OK)
        fprintf(cli->world->out, "  -> %.*s\n", STR_ARG(why));
    else
        fprintf(cli->world->out, "  -> %d in %lld ms\n", reply.status,
                (long long)(reply.total_us / 1000));
}

static void show(struct listener *listener, const struct event *event)
{
    char bytes[32 + 3 * ID_TEXT_MAX];
    struct buf line;

    buf_fixed(&line, bytes, sizeof bytes);
    time_write(&line, event->occurred_ms);
    buf_addf(&line, "  %-24s ", word_text(&words_event_type, event->type));
    event_id_write(&line, event_id_of(event));
    buf_add_char(&line, ' ');
    if (payment_id_is_zero(event->payment))
        invoice_id_write(&line, event->invoice);
    else
        payment_id_write(&line, event->payment);
    fprintf(listener->cli->world->out, "%s\n", buf_c(&line));
}

static bool is_wanted(const struct listener *listener, const struct event *event)
{
    struct str list = cli_option(listener->cli, "events"), type;

    if (!cli_has(listener->cli, "events"))
        return true;
    while (str_cut(&list, ',', &type))
        if (str_equal(type, word_str(&words_event_type, event->type)))
            return true;
    return false;
}

static enum err take(struct listener *listener, const struct event *event)
{
    struct str body = { 0 };

    if (!is_wanted(listener, event))
        return OK;
    show(listener, event);
    if (!listener->calls)
        return OK;
    enum err err = body_of(listener, event, &body);
    if (err == OK && str_is_empty(body))
        fputs("  not told in this format\n", listener->cli->world->out);
    else if (err == OK)
        forward(listener, event, body);
    return err;
}

/* What is new, one event at a time: what is slow to answer holds up the rest, as one would
 * expect of a program under development. */
static enum err take_round(struct listener *listener, bool *any)
{
    struct arena page = { 0 };
    struct event_list events = { 0 };

    enum err err = query_events(listener->db, listener->scope, listener->after, PAGE_EVENTS, &page,
                                &events);
    for (size_t i = 0; err == OK && i < events.count; i++) {
        arena_reset(listener->arena);
        err = take(listener, events.items[i]);
        fflush(listener->cli->world->out);
        listener->after = events.items[i]->number;
    }
    *any = events.count > 0;
    arena_done(&page);
    return err;
}

static enum err take_newest(void *self, const struct db_value *values, size_t count)
{
    (void)count;
    *(int64_t *)self = values[0].number;
    return OK;
}

static enum err find_start(struct listener *listener)
{
    struct db_value args[] = { DB_ID(listener->scope.merchant), DB_NUMBER(listener->scope.live) };

    return db_query(listener->db,
                    "SELECT number FROM events WHERE merchant = $1 AND live = $2"
                    " ORDER BY number DESC LIMIT 1",
                    args, 2, take_newest, &listener->after);
}

static enum err listen(struct listener *listener)
{
    const struct timespec gap = { 0, LOOK_MS * 1000000L };
    bool any;

    enum err err = find_start(listener);
    fputs("listening; interrupt to end\n", listener->cli->world->err);
    while (err == OK && !ferror(listener->cli->world->out)) {
        err = take_round(listener, &any);
        if (!any)
            nanosleep(&gap, NULL);
    }
    return err;
}

static enum err open_listener(struct listener *listener, struct str *why)
{
    struct cli *cli = listener->cli;

    enum err err = installation_open_reader(&cli->settings, cli->world->outside, cli->arena,
                                            &listener->db, why);
    if (err == OK)
        err = owner_scope(cli, listener->db, &listener->scope, why);
    if (err != OK || !cli_has(cli, "forward-to"))
        return err;
    err = calls_open(cli->world->outside, cli->arena, &listener->calls, why);
    return err == OK ? make_keys(listener, why) : err;
}

static enum exit_code run_listen(struct cli *cli)
{
    struct str format = cli_has(cli, "format") ? cli_option(cli, "format") : STR("standard");
    struct str why = { 0 };
    struct arena of_event = { 0 };
    struct listener listener = {
        .cli = cli,
        .arena = &of_event,
        .endpoint = {
            .url = cli_option(cli, "forward-to"),
            .format = (enum webhook_format)word_of(&words_webhook_format, format),
        },
    };

    if (listener.endpoint.format == WEBHOOK_FORMAT_NONE)
        return cli_fail(cli, EXIT_COULD_NOT, "there is no format %.*s", STR_ARG(format));
    listener.endpoint.signature_header = webhook_default_header(listener.endpoint.format);
    enum err err = open_listener(&listener, &why);
    if (err == OK) {
        err = listen(&listener);
        why = err == OK ? why : str_copy(cli->arena, db_error(listener.db));
    }
    calls_close(listener.calls);
    secret_done(&listener.keys.secret);
    secret_done(&listener.keys.private_key);
    db_close(listener.db);
    arena_done(&of_event);
    return err == OK ? EXIT_OK : cli_fail_err(cli, err, why);
}

static const struct option options[] = {
    { "forward-to", "URL", false, "Where to send them; without it they are only shown." },
    { "events", "LIST", false, "Only these types, separated by commas." },
    { "format", "FORMAT", false, "As of an endpoint. Default: standard." },
    OWNER_OPTIONS,
    { 0 },
};

const struct command command_listen = {
    .name = "listen",
    .operands = "",
    .summary = "forward events to a program under development",
    .about = "Begins with what happens next; works beside a running server, for one merchant\n"
             "and mode. Signed with a secret that it prints, the same at every start. Each\n"
             "event shows what the program answered; nothing is tried again.",
    .examples = { "purser listen --data ./data --forward-to http://localhost:3000/hook",
                  "purser listen --events payment.captured,payment.failed" },
    .options = options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_listen,
};
