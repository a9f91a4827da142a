/* The command line: which command is meant, its flags, its help, and how it ends. */
#include "commands_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "commands/help.h"

static void commands_are_found_by_all_their_words(void **state)
{
    const char *words[] = { "key", "create", "--mode" };
    int used = 0;

    (void)state;
    assert_string_equal(command_find(3, words, &used)->name, "key create");
    assert_int_equal(used, 2);
    assert_string_equal(command_find(1, &(const char *){ "serve" }, &used)->name, "serve");
    assert_int_equal(used, 1);
    assert_null(command_find(1, words, &used));
    assert_null(command_find(0, words, &used));
    assert_null(command_find(1, &(const char *){ "" }, &used));
}

/* What the table must hold for help and parsing to work. */
static void every_command_is_complete(void **state)
{
    size_t count = 0;

    (void)state;
    for (; commands[count] != NULL; count++) {
        const struct command *command = commands[count];
        size_t options = 0;
        assert_non_null(command->run);
        assert_true(strlen(command->summary) > 0 && strlen(command->about) > 0);
        assert_false(str_ends_with(str_of(command->summary), STR(".")));
        assert_true(command->operands_min <= command->operands_max);
        assert_true(command->operands_max <= CLI_OPERANDS_MAX);
        for (const struct option *o = command->options; o != NULL && o->name != NULL; o++)
            options++;
        assert_true(options <= CLI_OPTIONS_MAX);
        for (size_t other = 0; other < count; other++)
            assert_string_not_equal(command->name, commands[other]->name);
    }
    assert_true(count > 10 && count < COMMANDS_MAX);
}

/* Examples are what people paste: each calls its command, with flags that it has. */
static void every_example_parses(void **state)
{
    struct commands_fixture *fixture = *state;

    for (size_t i = 0; commands[i] != NULL; i++) {
        for (size_t j = 0; j < COUNT_OF(commands[i]->examples); j++) {
            const char *call = strstr(commands[i]->examples[j], "purser ");
            assert_non_null(call);
            call += strlen("purser ");
            /* As far as the shell gives it to purser. */
            struct str words = str_make(call, strcspn(call, "|<>&"));
            if (words.ptr[words.len - 1] == ' ')
                words.len--;
            const char *line = str_format(&fixture->arena, "%.*s --help", STR_ARG(words)).ptr;
            commands_expect(fixture, 0, line);
        }
        assert_says(commands[i]->examples[0], commands[i]->name);
    }
}

static void overview_lists_every_command(void **state)
{
    struct commands_fixture *fixture = *state;

    commands_expect(fixture, 0, "--help");
    for (size_t i = 0; commands[i] != NULL; i++) {
        assert_says(fixture->out, commands[i]->name);
        assert_says(fixture->out, commands[i]->summary);
    }
    commands_expect(fixture, 2, "");
    assert_string_equal(fixture->out, "");
    assert_says(fixture->err, "usage: purser COMMAND");
}

static void help_shows_flags_settings_and_examples(void **state)
{
    struct commands_fixture *fixture = *state;

    for (size_t i = 0; commands[i] != NULL; i++) {
        const struct command *command = commands[i];
        commands_expect(fixture, 0, str_format(&fixture->arena, "help %s", command->name).ptr);
        assert_says(fixture->out, command->examples[0]);
        assert_says(fixture->out, command->examples[1]);
        for (const struct option *o = command->options; o != NULL && o->name != NULL; o++)
            assert_says(fixture->out, o->help);
        for (int s = 0; s < SETTING_COUNT; s++)
            if (settings_table[s].flag != NULL && settings_table[s].group <= command->settings)
                assert_says(fixture->out, settings_table[s].flag);
    }
    commands_expect(fixture, 2, "help sreve");
    assert_says(fixture->err, "did you mean \"serve\"?");
    commands_expect(fixture, 2, "help key");
    assert_says(fixture->err, "key revoke");
}

static const struct {
    const char *line;
    const char *says;
} mistakes[] = {
    { "sevre", "unknown command \"sevre\"; did you mean \"serve\"?" },
    { "fly", "unknown command \"fly\"; see purser --help" },
    { "key", "purser key: which one?" },
    { "key craete", "unknown command \"key craete\"; did you mean \"key create\"?" },
    { "version --jason", "unknown flag --jason; did you mean --json?" },
    { "version --whatever", "unknown flag --whatever; see purser version --help" },
    { "version --json --json", "--json is given twice" },
    { "version --json=yes", "--json takes no value" },
    { "version surplus", "\"surplus\" is one argument too many" },
    { "version -j", "unknown flag -j" },
    { "graph", "payment|refund|invoice|operation is missing" },
    { "graph paymnet", "did you mean payment?" },
    { "graph everything", "there are payment, refund, invoice and operation" },
    { "config --listen", "--listen needs a value" },
    { "config --data a --data=b", "--data is given twice" },
    { "key list --listen 127.0.0.1:1", "unknown flag --listen" },
    { "key create", "--mode test|live is needed" },
    { "key create --data {}/d --mode prod", "--mode must be test or live" },
    { "key create --data {}/d --mode test --scopes reed", "--scopes must name some of" },
    { "key create --data {}/d --mode test --expires-in-days 0", "a number from 1 to 36500" },
    { "key create --data {}/d --mode test --expires-in-days 1.5", "a number from 1 to 36500" },
    { "key create --data {}/d --mode test --description \xff", "must be text" },
    { "key revoke --data {}/d pay_1", "\"pay_1\" is no id of an API key" },
    { "events tail --data {}/d --lines -1", "--lines must be a number from 0 to 10000" },
};

static void mistakes_are_named(void **state)
{
    struct commands_fixture *fixture = *state;

    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        commands_expect(fixture, 2, mistakes[i].line);
        assert_string_equal(fixture->out, "");
        assert_says(fixture->err, mistakes[i].says);
    }
}

static void two_dashes_end_the_flags(void **state)
{
    struct commands_fixture *fixture = *state;

    commands_expect(fixture, 2, "graph -- --json");
    assert_says(fixture->err, "there is no machine \"--json\"");
    commands_expect(fixture, 0, "graph -- refund");
    assert_says(fixture->out, "digraph");
}

static void version_says_what_it_can_serve(void **state)
{
    struct commands_fixture *fixture = *state;

    commands_expect(fixture, 0, "--version");
    assert_says(fixture->out, "purser " PURSER_VERSION " (schema ");
    commands_expect(fixture, 0, "version --json");
    assert_says(fixture->out, "{\"version\":\"" PURSER_VERSION "\",\"schema\":");
}

/* A pipe that nobody reads, a full disk: the answer was not given. */
static void output_that_is_lost_is_a_failure(void **state)
{
    struct commands_fixture *fixture = *state;
    FILE *full = fopen("/dev/full", "w");
    const char *words[] = { "version" };
    char *err = NULL;
    size_t len = 0;
    struct world world = { &fixture->outside.outside, commands_env, full,
                           open_memstream(&err, &len), "purser" };

    assert_non_null(full);
    assert_int_equal(commands_run(&world, 1, words), 2);
    fclose(world.err);
    assert_says(err, "the output could not be written");
    fclose(full);
    free(err);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, commands_fixture_open, commands_fixture_done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(commands_are_found_by_all_their_words),
        TEST(every_command_is_complete),
        TEST(every_example_parses),
        TEST(overview_lists_every_command),
        TEST(help_shows_flags_settings_and_examples),
        TEST(mistakes_are_named),
        TEST(two_dashes_end_the_flags),
        TEST(version_says_what_it_can_serve),
        TEST(output_that_is_lost_is_a_failure),
    };

    return cmocka_run_group_tests_name("commands cli", tests, NULL, NULL);
}
