/* Settings: which source wins, what a value may be, and what is said about a wrong one. */
#include "commands_fixture.h"

#include <string.h>

#include "base/buf.h"
#include "commands/file.h"
#include "commands/settings.h"
#include "engine/engine.h"

static void defaults_are_put_together(void **state)
{
    struct commands_fixture *fixture = *state;
    struct settings_layer flags = { 0 };
    struct settings settings;
    struct str why = { 0 };

    flags.values[SETTING_DATA] = STR("/nowhere");
    flags.values[SETTING_LISTEN] = STR("[::1]:9");
    assert_int_equal(settings_resolve(&flags, commands_env, &fixture->arena, &settings, &why), OK);
    assert_true(str_equal_c(settings.values[SETTING_STORE], "sqlite:/nowhere"));
    assert_true(str_equal_c(settings.values[SETTING_CONFIG], "/nowhere/purser.conf"));
    assert_true(str_equal_c(settings.values[SETTING_INSTALLATION_KEY_FILE],
                            "/nowhere/installation.key"));
    assert_true(str_equal_c(settings.values[SETTING_PUBLIC_URL], "http://[::1]:9"));
    assert_true(str_equal_c(settings.values[SETTING_ADMIN_LISTEN], ""));
    assert_int_equal(settings.sources[SETTING_LISTEN], SETTING_FROM_FLAG);
    assert_int_equal(settings.sources[SETTING_STORE], SETTING_FROM_DEFAULT);
    assert_false(settings.file_read);
}

/* Every default is a value that the setting may have. */
static void defaults_pass_their_own_check(void **state)
{
    struct commands_fixture *fixture = *state;
    struct settings_layer nothing = { 0 };
    struct settings settings;
    struct str why = { 0 };

    assert_int_equal(settings_resolve(&nothing, commands_env, &fixture->arena, &settings, &why),
                     OK);
    for (int i = 0; i < SETTING_COUNT; i++) {
        const char *wrong = NULL;
        if (!setting_is_secret((enum setting)i))
            assert_true(setting_check((enum setting)i, settings.values[i], &wrong));
        assert_true(setting_of(str_of(settings_table[i].name)) == (enum setting)i);
    }
}

/* Flag over environment over file over default, for every setting that all of them may give. */
static void stronger_sources_win(void **state)
{
    struct commands_fixture *fixture = *state;

    commands_expect(fixture, 0, "config --data {}");
    assert_says(fixture->out, "readers                default      2\n");
    commands_write(fixture, "purser.conf", "# comment\n\n  readers =  3  \r\nlog_level=warn\n");
    commands_expect(fixture, 0, "config --data {}");
    assert_says(fixture->out, "readers                file         3\n");
    commands_setenv("PURSER_READERS", "4");
    commands_expect(fixture, 0, "config --data {}");
    assert_says(fixture->out, "readers                environment  4\n");
    commands_expect(fixture, 0, "config --data {} --readers 5");
    assert_says(fixture->out, "readers                flag         5\n");
    assert_says(fixture->out, "log_level              file         warn\n");
    commands_setenv("PURSER_READERS", "");
    commands_expect(fixture, 0, "config --data {}");
    assert_says(fixture->out, "readers                file         3\n");
}

static void data_directory_may_come_from_anywhere(void **state)
{
    struct commands_fixture *fixture = *state;

    commands_write(fixture, "purser.conf", "readers = 9\n");
    commands_setenv("PURSER_DATA", fixture->dir);
    commands_expect(fixture, 0, "config");
    assert_says(fixture->out, "readers                file         9\n");
    commands_setenv("PURSER_DATA", NULL);
    commands_write(fixture, "my.conf",
                   str_format(&fixture->arena, "data = %s\n", fixture->dir).ptr);
    commands_expect(fixture, 0, "config --config {}/my.conf");
    assert_says(fixture->out, "data                   file ");
    assert_says(fixture->out, "readers                default      2\n");
}

static void secrets_are_masked(void **state)
{
    static const char key[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    struct commands_fixture *fixture = *state;
    static const char *const lines[] = { "config", "config --json" };

    commands_setenv("PURSER_INSTALLATION_KEY", key);
    commands_setenv("PURSER_STORE", "postgresql://me:hush@host/purser");
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        commands_expect(fixture, 0, lines[i]);
        assert_null(strstr(fixture->out, key));
        assert_null(strstr(fixture->out, "hush"));
        assert_says(fixture->out, "********");
        assert_says(fixture->out, "postgresql://me:********@host/purser");
    }
    commands_setenv("PURSER_INSTALLATION_KEY", "abc");
    commands_expect(fixture, 2, "config");
    assert_says(fixture->err, "PURSER_INSTALLATION_KEY must be 64 hex digits");
    assert_null(strstr(fixture->err, "abc"));
}

static const struct {
    const char *text;
    const char *says;
} bad_files[] = {
    { "listn = 1", "line 1: unknown setting \"listn\"; did you mean \"listen\"?" },
    { "\ncolour = red", "line 2: unknown setting \"colour\"" },
    { "readers", "line 1: is not of the form `name = value`" },
    { "= 1", "line 1: is not of the form `name = value`" },
    { "readers = 2\nreaders = 2", "line 2: readers is set twice" },
    { "readers = 0", "line 1: readers: \"0\" is not a number from 1 to 64" },
    { "readers =", "line 1: readers: \"\" is not a number from 1 to 64" },
    { "listen = 8080", "is not an address with a port" },
    { "config = x", "config cannot be set in a file" },
    { "installation_key = 00", "installation_key cannot be set in a file" },
    { "data = elsewhere", "data cannot be set in the data directory's own file" },
    { "# \xff", "is no text in UTF-8" },
};

static void mistakes_in_a_file_are_named_with_their_line(void **state)
{
    struct commands_fixture *fixture = *state;

    for (size_t i = 0; i < COUNT_OF(bad_files); i++) {
        commands_write(fixture, "purser.conf", bad_files[i].text);
        commands_expect(fixture, 2, "config --data {}");
        assert_says(fixture->err, commands_path(fixture, "purser.conf"));
        assert_says(fixture->err, bad_files[i].says);
    }
}

static void files_that_cannot_be_read_are_named(void **state)
{
    struct commands_fixture *fixture = *state;
    char *large = mem_alloc(70000);

    commands_expect(fixture, 2, "config --config {}/missing.conf");
    assert_says(fixture->err, "missing.conf: No such file or directory");
    commands_expect(fixture, 2, "config --config {}");
    assert_says(fixture->err, "Is a directory");
    memset(large, '#', 69999);
    commands_write(fixture, "purser.conf", large);
    commands_expect(fixture, 2, "config --data {}");
    assert_says(fixture->err, "is larger than 65536 bytes");
    mem_free(large);
}

static const struct {
    enum setting setting;
    const char *value;
    bool may;
} values[] = {
    { SETTING_LISTEN, "127.0.0.1:0", true },      { SETTING_LISTEN, "[::]:65535", true },
    { SETTING_LISTEN, "localhost:80", true },     { SETTING_LISTEN, "127.0.0.1:65536", false },
    { SETTING_LISTEN, "127.0.0.1:", false },      { SETTING_LISTEN, ":80", false },
    { SETTING_LISTEN, "127.0.0.1:-1", false },    { SETTING_LISTEN, "a b:80", false },
    { SETTING_LISTEN, "", false },                { SETTING_ADMIN_LISTEN, "", true },
    { SETTING_ADMIN_LISTEN, "x", false },         { SETTING_PUBLIC_URL, "https://a.example", true },
    { SETTING_PUBLIC_URL, "http://a/b", true },   { SETTING_PUBLIC_URL, "http://", false },
    { SETTING_GATEWAY_PROXY, "", true },          { SETTING_GATEWAY_PROXY, "http://p:1", true },
    { SETTING_GATEWAY_PROXY, "p:1", false },      { SETTING_GATEWAY_PROXY, "http://a@p", false },
    { SETTING_GATEWAY_CA_FILE, "", true },        { SETTING_GATEWAY_CA_FILE, "a/b.pem", true },
    { SETTING_PUBLIC_URL, "ftp://a", false },     { SETTING_PUBLIC_URL, "https://a/", false },
    { SETTING_PUBLIC_URL, "https://a?x", false }, { SETTING_PUBLIC_URL, "https://a#x", false },
    { SETTING_READERS, "1", true },               { SETTING_READERS, "64", true },
    { SETTING_READERS, "65", false },             { SETTING_READERS, "1.0", false },
    { SETTING_LOG_FORMAT, "json", true },         { SETTING_LOG_FORMAT, "JSON", false },
    { SETTING_LOG_LEVEL, "debug", true },         { SETTING_LOG_LEVEL, "loud", false },
    { SETTING_DATA, "", false },                  { SETTING_STORE, "", false },
};

static void values_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        const char *why = NULL;
        bool may = setting_check(values[i].setting, str_of(values[i].value), &why);
        if (may != values[i].may)
            fail_msg("%s = %s", settings_table[values[i].setting].name, values[i].value);
    }
}

/* The file that init writes is one that can be read, and says only defaults. */
static void written_file_is_read_back(void **state)
{
    struct commands_fixture *fixture = *state;

    commands_expect(fixture, 0, "init --data {}/new");
    commands_expect(fixture, 0, "config --data {}/new");
    assert_null(strstr(fixture->out, " file "));
    assert_null(strstr(fixture->out, "There is no file"));
}

/* docs/operating.md has a row for each setting, with flag and default, and one for each metric. */
static void operating_manual_has_every_row(void **state)
{
    struct commands_fixture *fixture = *state;
    struct str text = { 0 }, why = { 0 };
    static const char *const metrics[] = {
#define X(name, help) "| `purser_" #name "` | counter | " help " |",
        ENGINE_COUNTERS(X)
#undef X
#define X(name, help) "| `purser_" #name "` | gauge | " help " |",
        ENGINE_GAUGES(X)
#undef X
    };

    assert_int_equal(file_read(STR("docs/operating.md"), 1 << 20, &fixture->arena, &text, NULL,
                               &why),
                     OK);
    const char *manual = str_c(&fixture->arena, text);
    for (int i = 0; i < SETTING_COUNT; i++) {
        const struct setting_info *info = &settings_table[i];
        const char *flag_quote = info->flag == NULL ? "" : "`";
        const char *quote = info->fallback[0] == '\0' ? "" : "`";
        struct str row = str_format(
            &fixture->arena, "| `%s` | %s%s%s | `%.*s` | %s%s%s | %s |", info->name, flag_quote,
            info->flag == NULL ? "" : info->flag, flag_quote,
            STR_ARG(setting_variable((enum setting)i, &fixture->arena)), quote, info->fallback,
            quote, info->help);
        assert_says(manual, row.ptr);
    }
    for (size_t i = 0; i < COUNT_OF(metrics); i++)
        assert_says(manual, metrics[i]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, commands_fixture_open, commands_fixture_done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(defaults_are_put_together),
        TEST(defaults_pass_their_own_check),
        TEST(stronger_sources_win),
        TEST(data_directory_may_come_from_anywhere),
        TEST(secrets_are_masked),
        TEST(mistakes_in_a_file_are_named_with_their_line),
        TEST(files_that_cannot_be_read_are_named),
        TEST(values_are_checked),
        TEST(written_file_is_read_back),
        TEST(operating_manual_has_every_row),
    };

    return cmocka_run_group_tests_name("commands settings", tests, NULL, NULL);
}
