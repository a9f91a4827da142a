/* webhook.c - `purser webhook verify`: is this request ours, and if it is not taken, why not. */
#include <stdio.h>

#include "commands/command.h"
#include "commands/file.h"
#include "core/webhook_verify.h"

#define KEY_MAX 4096
#define TOLERANCE_S 300
#define TOLERANCE_S_MOST 31536000

/* From a file, or from the standard input when it is "-". */
static enum err read_request(struct cli *cli, struct str *out, struct str *why)
{
    struct buf text;
    char piece[4096];
    size_t count;

    if (!str_equal_c(cli->operands[0], "-"))
        return file_read(cli->operands[0], WEBHOOK_RECEIPT_MAX, cli->arena, out, NULL, why);
    buf_init(&text, cli->arena, WEBHOOK_RECEIPT_MAX);
    while ((count = fread(piece, 1, sizeof piece, stdin)) > 0)
        buf_add_bytes(&text, piece, count);
    if (!buf_ok(&text)) {
        *why = STR("the request is too long");
        return ERR_BODY_TOO_LARGE;
    }
    *out = buf_str(&text);
    return OK;
}

static enum exit_code run_verify(struct cli *cli)
{
    struct webhook_check check = {
        .header = cli_option(cli, "header"),
        .now_ms = outside_now_ms(cli->world->outside),
        .tolerance_s = TOLERANCE_S,
    };
    struct webhook_receipt receipt = { 0 };
    struct str text = { 0 }, said = { 0 };

    if (cli_has(cli, "tolerance") &&
        (!str_to_i64(cli_option(cli, "tolerance"), &check.tolerance_s) || check.tolerance_s < 0 ||
         check.tolerance_s > TOLERANCE_S_MOST))
        return cli_fail(cli, EXIT_COULD_NOT, "--tolerance takes 0 to %d seconds; 0: any time",
                        TOLERANCE_S_MOST);
    enum err err = file_read(cli_option(cli, "key"), KEY_MAX, cli->arena, &check.key, NULL, &said);
    if (err == OK)
        err = read_request(cli, &text, &said);
    if (err == OK)
        err = webhook_receipt_read(text, cli->arena, &receipt, &said);
    if (err != OK)
        return cli_fail_err(cli, err, said);
    bool fits = webhook_verify(&receipt, &check, cli->arena, &said);
    secret_wipe((void *)(uintptr_t)check.key.ptr, check.key.len);
    fprintf(cli->world->out, "%.*s\n", STR_ARG(said));
    return fits ? EXIT_OK : EXIT_NO;
}

static const struct option options[] = {
    { "key", "FILE", true, "With whsec_..., whpk_..., or a public RSA key (PEM or base64)." },
    { "header", "NAME", false, "Where stripe-like and hmac-body sign, X-Hub-Signature-256 say." },
    { "tolerance", "SECONDS", false, "How old it may be; 0: any age. Default: 300." },
    { 0 },
};

const struct command command_webhook_verify = {
    .name = "webhook verify",
    .operands = "REQUEST",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "check the signature of a webhook that came",
    .about = "REQUEST is a file with the request as it came, - for standard input: header\n"
             "fields, an empty line, the body. The key's sort says which signature is checked.\n"
             "Exit code 0 when it fits, 1 when it does not, with the reason, 2 when it is no\n"
             "request.",
    .examples = { "purser webhook verify --key secret.txt request.txt",
                  "purser webhook verify --key key.pem --tolerance 0 -" },
    .options = options,
    .settings = SETTING_GROUP_NONE,
    .run = run_verify,
};
