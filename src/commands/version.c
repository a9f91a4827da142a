/* version.c - `purser version`. */
#include <assert.h>

#include "base/buf.h"
#include "base/json.h"
#include "commands/command.h"
#include "commands/installation.h"
#include "pages/card_form.h"

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

static enum exit_code run_version(struct cli *cli)
{
    char bytes[1024];
    struct buf buf;
    struct json_out json;

    if (!cli_has(cli, "json")) {
        fprintf(cli->world->out, "purser %s (schema %d, %s)\n", PURSER_VERSION,
                installation_schema_newest(), COMPILER);
        return EXIT_OK;
    }
    buf_fixed(&buf, bytes, sizeof bytes);
    json_begin(&json, &buf);
    json_open_object(&json, NULL);
    json_put_text(&json, "version", STR(PURSER_VERSION));
    json_put_int(&json, "schema", installation_schema_newest());
    json_put_text(&json, "compiler", STR(COMPILER));
    json_put_bool(&json, "sandbox_form", card_form_is_here());
    json_close_object(&json);
    json_done(&json);
    assert(buf_ok(&buf));
    fprintf(cli->world->out, "%s\n", buf_c(&buf));
    return EXIT_OK;
}

static const struct option options[] = {
    { "json", NULL, false, "Print it as JSON, with more about this build." },
    { 0 },
};

const struct command command_version = {
    .name = "version",
    .operands = "",
    .summary = "print this binary's version",
    .about =
        "The schema is the newest version of the books that this binary can serve; sandbox_form\n"
        "is whether the payer's page has a card form for the sandbox, in test mode.",
    .examples = { "purser version", "purser version --json" },
    .options = options,
    .run = run_version,
};
