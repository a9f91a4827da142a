/* webhook_key.c - `purser webhook import`: the RSA key pair with which another system signed
 * webhooks for a merchant. Its receivers then go on with the public key that they have. */
#include <stdio.h>

#include "commands/file.h"
#include "commands/installation.h"
#include "commands/keyring.h"
#include "commands/owner.h"
#include "core/webhook_format.h"
#include "core/webhook_rules.h"
#include "core/webhook_verify.h"

#define KEY_MAX ((size_t)8192)

struct import {
    struct cli *cli;
    struct vault *vault;
    struct query_scope scope;
    int64_t bits;
    struct str private_der, public_key;
};

/* Halves that do not belong together sign what nobody can verify. */
static bool is_pair(const struct buf *private_der, const struct buf *public_der)
{
    static const struct str sample = STR_INIT("purser");
    char bytes[CRYPTO_RSA_SIGNATURE_MAX];
    struct buf signature;

    buf_fixed(&signature, bytes, sizeof bytes);
    return crypto_rsa_sign(buf_str(private_der), sample, &signature) &&
           crypto_rsa_verify(buf_str(public_der), sample, buf_str(&signature));
}

static enum err read_pair(struct import *import, struct str *why)
{
    struct arena *arena = import->cli->arena;
    struct buf private_der, public_der;
    struct str text = { 0 }, der = { 0 };
    unsigned bits = 0;

    buf_init(&private_der, arena, 2 * CRYPTO_RSA_DER_MAX);
    buf_init(&public_der, arena, CRYPTO_RSA_DER_MAX);
    enum err err = file_read(import->cli->operands[0], KEY_MAX, arena, &text, NULL, why);
    if (err != OK)
        return err;
    bool is_key = webhook_key_der(text, arena, &der) &&
                  crypto_rsa_read(der, &private_der, &public_der, &bits) &&
                  is_pair(&private_der, &public_der);
    secret_wipe((void *)(uintptr_t)text.ptr, text.len);
    secret_wipe((void *)(uintptr_t)der.ptr, der.len);
    import->private_der = buf_str(&private_der);
    import->public_key = webhook_key_text(arena, "", buf_str(&public_der));
    import->bits = bits;
    if (is_key && (bits == 1024 || bits == 2048 || bits == 4096))
        return OK;
    secret_wipe((void *)(uintptr_t)import->private_der.ptr, import->private_der.len);
    *why = is_key ? str_format(arena, "the key has %u bits; 1024, 2048 and 4096 are known", bits)
                  : STR("the file must hold a private RSA key without a password: PEM, or the"
                        " base64 of its DER");
    return ERR_VALIDATION;
}

/* Decided where endpoints with such keys are made, and in the audit log with the same commit. */
static enum err put(struct import *import, struct installation *installation, struct str *why)
{
    const struct outside *outside = import->cli->world->outside;
    struct arena *arena = import->cli->arena;
    struct id_maker ids = { .outside = outside };
    int64_t now_ms = outside_now_ms(outside);
    struct webhook_key key = {
        .id = webhook_key_id_make(&ids, now_ms),
        .merchant = import->scope.merchant,
        .live = import->scope.live,
        .bits = import->bits,
        .public_key = import->public_key,
        .created_ms = now_ms,
    };
    const struct turn_input input = { .handler = &turn_webhook_key_import,
                                      .merchant = key.merchant, .live = key.live, .ask = &key };
    struct str text = webhook_key_text(arena, "", import->private_der), body;

    key.private_key = vault_seal_at(import->vault, webhook_key_place(key.id, arena), text, arena);
    secret_wipe((void *)(uintptr_t)text.ptr, text.len);
    return installation_turn(installation, &input, arena, &body, why);
}

static enum exit_code run_import(struct cli *cli)
{
    const struct outside *outside = cli->world->outside;
    struct installation installation;
    struct import import = { .cli = cli };
    struct str why = { 0 };

    enum err err = read_pair(&import, &why);
    if (err != OK)
        return cli_fail_err(cli, err, why);
    err = installation_open(&cli->settings, outside, cli->arena, &installation, &why);
    if (err != OK)
        return cli_fail_err(cli, err, why);
    struct db *db = store_db(installation.store);
    err = keyring_open(&cli->settings, db, outside, cli->arena, &import.vault, &why);
    if (err == OK)
        err = owner_scope(cli, db, &import.scope, &why);
    if (err == OK)
        err = put(&import, &installation, &why);
    secret_wipe((void *)(uintptr_t)import.private_der.ptr, import.private_der.len);
    vault_close(import.vault);
    installation_close(&installation);
    if (err == ERR_CONFLICT || err == ERR_NOT_FOUND)
        return cli_fail(cli, EXIT_NO, "%.*s", STR_ARG(why));
    if (err != OK)
        return cli_fail_err(cli, err, why);
    fprintf(cli->world->out, "%.*s\n", STR_ARG(import.public_key));
    return EXIT_OK;
}

static const struct option options[] = {
    OWNER_OPTIONS,
    { 0 },
};

const struct command command_webhook_import = {
    .name = "webhook import",
    .operands = "FILE",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "sign a merchant's webhooks with the RSA key of another system",
    .about = "FILE holds the private key: PEM, or base64 of its DER as hooker keeps it. It signs\n"
             "the formats hooker-flat and hooker-envelope of the merchant's endpoints that are\n"
             "made afterwards with this key's size (rsa_bits). Prints the public key, which\n"
             "receivers have already. Before the first such endpoint; a key is never replaced.",
    .examples = { "purser webhook import --data ./data --merchant shop --mode live key.pem",
                  "purser webhook import --data ./data --merchant shop --mode test key.pem" },
    .options = options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_import,
};
