/* gateways.c - `purser gateways`: what each gateway can do, from the adapters themselves. */
#include "gateways/gateways.h"

#include <inttypes.h>

#include "base/json.h"
#include "base/time.h"
#include "commands/command.h"

#define JSON_MAX (1 << 16)

static const struct word_list *const kinds = &words_operation_kind;

static void print_methods(FILE *out, const struct gateway *gateway)
{
    fprintf(out, "  methods      ");
    for (const enum payment_method *method = gateway->methods; *method; method++)
        fprintf(out, "%s%s", method == gateway->methods ? "" : ", ",
                word_text(&words_payment_method, *method));
    fprintf(out, "\n");
}

/* Whose cards it keeps, and can forget again. */
static void print_keeps(FILE *out, const struct gateway *gateway)
{
    const char *between = "";

    fprintf(out, "  keeps cards  ");
    for (const enum payment_method *method = gateway->methods; *method; method++)
        if (gateway_keeps(gateway, *method)) {
            fprintf(out, "%s%s", between, word_text(&words_payment_method, *method));
            between = ", ";
        }
    fprintf(out, "%s\n", !*between                  ? "no"
                         : gateway->cards.verifies ? "; without a payment too"
                                                   : "");
}

/* Whether it does something that a second call would do again. */
static bool has_effect(enum operation_kind kind)
{
    return operation_kind_moves_money(kind) || kind == OPERATION_KIND_DEACTIVATE;
}

static void print_calls(FILE *out, const struct gateway *gateway)
{
    fprintf(out, "  %-12s %-6s %s\n", "operation", "can", "when its answer is lost");
    for (unsigned kind = OPERATION_KIND_AUTHORIZE; kind < OPERATION_KIND_COUNT; kind++) {
        bool can = gateway_can(gateway, (enum operation_kind)kind);
        fprintf(out, "  %-12s %-6s %s\n", word_text(kinds, kind), can ? "yes" : "no",
                can && has_effect((enum operation_kind)kind)
                    ? gateway_lost_text(gateway->calls[kind].lost) : "");
    }
}

static void print_needs(FILE *out, const struct gateway *gateway)
{
    for (const char *const *name = gateway->credentials; name && *name; name++)
        fprintf(out, "  credential   %s\n", *name);
    for (const struct gateway_setting *setting = gateway->settings; setting && setting->name;
         setting++)
        fprintf(out, "  setting      %-22s %s%s\n", setting->name,
                setting->required ? "(needed) " : "", setting->what);
}

static void print_refunds(FILE *out, const struct gateway *gateway)
{
    const struct money *least = gateway->refund_least;
    char array[64];
    struct buf text;

    fprintf(out, "  refunds      %s", gateway->refund_age_ms ? "for " : "for ever");
    if (gateway->refund_age_ms)
        fprintf(out, "%" PRId64 " days", gateway->refund_age_ms / DAY_MS);
    for (; least && least->currency != CURRENCY_NONE; least++) {
        buf_fixed(&text, array, sizeof(array));
        money_write(&text, *least);
        fprintf(out, ", at least %s", buf_c(&text));
    }
    fprintf(out, "\n");
}

/* What it says that it has, so that what only one side has is found. */
static void print_lists(FILE *out, const struct gateway *gateway)
{
    const char *between = "";

    fprintf(out, "  lists        ");
    for (int list = 0; list < GW_LIST_COUNT; list++)
        if (gateway->listing.lists[list]) {
            fprintf(out, "%s%s", between, gateway_list_text((enum gateway_list)list));
            between = ", ";
        }
    fprintf(out, "%s\n", *between ? "" : "cannot");
}

static void print_gateway(FILE *out, const struct gateway *gateway)
{
    fprintf(out, "%s - %s%s\n", gateway->name, gateway->title,
            gateway->test_only ? " (test mode only)" : "");
    fprintf(out, "  capture      %s\n", gateway_capture_text(gateway->capture));
    print_methods(out, gateway);
    print_keeps(out, gateway);
    fprintf(out, "  notices      %s\n", gateway->notices.verify ? "verified" : "none taken");
    print_refunds(out, gateway);
    print_lists(out, gateway);
    fprintf(out, "  absent       proven after %" PRId64 " s\n",
            gateway->visibility_ms / SECOND_MS);
    print_calls(out, gateway);
    print_needs(out, gateway);
}

static void put_calls(struct json_out *json, const struct gateway *gateway)
{
    json_open_object(json, "operations");
    for (unsigned kind = OPERATION_KIND_AUTHORIZE; kind < OPERATION_KIND_COUNT; kind++) {
        if (!gateway_can(gateway, (enum operation_kind)kind))
            continue;
        json_open_object(json, word_text(kinds, kind));
        if (has_effect((enum operation_kind)kind))
            json_put_text(json, "lost_answer",
                          str_of(gateway_lost_text(gateway->calls[kind].lost)));
        json_close_object(json);
    }
    json_close_object(json);
}

static void put_gateway(struct json_out *json, const struct gateway *gateway)
{
    json_open_object(json, NULL);
    json_put_text(json, "name", str_of(gateway->name));
    json_put_text(json, "title", str_of(gateway->title));
    json_put_bool(json, "test_only", gateway->test_only);
    json_put_text(json, "capture", str_of(gateway_capture_text(gateway->capture)));
    json_open_array(json, "methods");
    for (const enum payment_method *method = gateway->methods; *method; method++)
        json_put_text(json, NULL, word_str(&words_payment_method, *method));
    json_close_array(json);
    json_open_array(json, "keeps_cards");
    for (const enum payment_method *method = gateway->methods; *method; method++)
        if (gateway_keeps(gateway, *method))
            json_put_text(json, NULL, word_str(&words_payment_method, *method));
    json_close_array(json);
    json_put_bool(json, "verifies_cards", gateway->cards.verifies);
    json_open_array(json, "lists");
    for (int list = 0; list < GW_LIST_COUNT; list++)
        if (gateway->listing.lists[list])
            json_put_text(json, NULL, str_of(gateway_list_text((enum gateway_list)list)));
    json_close_array(json);
    json_put_bool(json, "notices", gateway->notices.verify != NULL);
    json_put_int(json, "refund_days", gateway->refund_age_ms / DAY_MS);
    json_open_object(json, "refund_least");
    for (const struct money *at = gateway->refund_least; at && at->currency != CURRENCY_NONE; at++)
        json_put_int(json, currency_code(at->currency), at->minor);
    json_close_object(json);
    json_put_int(json, "visibility_seconds", gateway->visibility_ms / SECOND_MS);
    put_calls(json, gateway);
    json_open_array(json, "credentials");
    for (const char *const *name = gateway->credentials; name && *name; name++)
        json_put_text(json, NULL, str_of(*name));
    json_close_array(json);
    json_close_object(json);
}

static void print_json(struct cli *cli)
{
    struct json_out json;
    struct buf text;
    buf_init(&text, cli->arena, JSON_MAX);
    json_begin(&json, &text);
    json_open_array(&json, NULL);
    for (const struct gateway *const *at = gateways; *at; at++)
        put_gateway(&json, *at);
    json_close_array(&json);
    json_done(&json);
    fprintf(cli->world->out, "%s\n", buf_c(&text));
}

static enum exit_code run(struct cli *cli)
{
    if (cli_has(cli, "json")) {
        print_json(cli);
        return EXIT_OK;
    }
    for (const struct gateway *const *at = gateways; *at; at++) {
        if (at != gateways)
            fprintf(cli->world->out, "\n");
        print_gateway(cli->world->out, *at);
    }
    return EXIT_OK;
}

static const struct option options[] = {
    { "json", NULL, false, "The same as JSON." },
    { NULL, NULL, false, NULL },
};

const struct command command_gateways = {
    .name = "gateways",
    .operands = "",
    .summary = "list the gateways and what each can do",
    .about = "Read from the adapters, so it is what this binary does.",
    .examples = { "purser gateways", "purser gateways --json | jq '.[].name'" },
    .options = options,
    .run = run,
};
