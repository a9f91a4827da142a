/* The data directory: its key, its books, and the commands that work on it without a server. */
#include "commands_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/time.h"
#include "commands/file.h"

static unsigned mode_of(struct commands_fixture *fixture, const char *name)
{
    struct stat found;

    assert_int_equal(stat(commands_path(fixture, name), &found), 0);
    return found.st_mode & 0777;
}

static struct str content_of(struct commands_fixture *fixture, const char *name)
{
    struct str text = { 0 }, why = { 0 };

    enum err err = file_read(str_of(commands_path(fixture, name)), 65536, &fixture->arena, &text,
                             NULL, &why);
    assert_int_equal(err, OK);
    return text;
}

/* Files. */

static void files_are_made_whole_and_once(void **state)
{
    struct commands_fixture *fixture = *state;
    struct arena *arena = &fixture->arena;
    struct str path = str_of(commands_path(fixture, "f"));
    struct str text = { 0 }, why = { 0 };
    bool found = true;

    assert_int_equal(file_read(path, 9, arena, &text, &found, &why), OK);
    assert_false(found);
    assert_int_equal(file_read(path, 9, arena, &text, NULL, &why), ERR_IO);
    assert_int_equal(file_make(path, STR("123456789"), false, arena, &why), OK);
    assert_int_equal(mode_of(fixture, "f"), 0600);
    assert_int_equal(file_make(path, STR("other"), false, arena, &why), ERR_ALREADY_EXISTS);
    assert_int_equal(file_read(path, 9, arena, &text, &found, &why), OK);
    assert_true(found && str_equal_c(text, "123456789"));
    assert_int_equal(file_read(path, 8, arena, &text, &found, &why), ERR_IO);
    assert_int_equal(file_make(path, STR("other"), true, arena, &why), OK);
    assert_true(str_equal_c(content_of(fixture, "f"), "other"));
    path = str_of(commands_path(fixture, "none/f"));
    assert_int_equal(file_make(path, STR("x"), false, arena, &why), ERR_IO);
    assert_says(why.ptr, "none/f");
    /* Nothing is left of the attempts that failed. */
    assert_int_equal(unlink(commands_path(fixture, "f")), 0);
    assert_int_equal(rmdir(fixture->dir), 0);
    assert_int_equal(mkdir(fixture->dir, 0700), 0);
}

static void directories_are_made_for_their_owner(void **state)
{
    struct commands_fixture *fixture = *state;
    struct str why = { 0 };

    assert_int_equal(file_make_directory(str_of(commands_path(fixture, "a/b/c")), &fixture->arena,
                                         &why),
                     OK);
    assert_int_equal(mode_of(fixture, "a"), 0700);
    assert_int_equal(mode_of(fixture, "a/b/c"), 0700);
    commands_write(fixture, "file", "x");
    assert_int_equal(file_make_directory(str_of(commands_path(fixture, "file")), &fixture->arena,
                                         &why),
                     ERR_IO);
    assert_says(why.ptr, "is not a directory");
}

/* The installation key. */

static void key_is_made_once(void **state)
{
    struct commands_fixture *fixture = *state;

    commands_expect(fixture, 0, "init --data {}/d");
    assert_says(fixture->out, "installation key  made");
    assert_int_equal(mode_of(fixture, "d"), 0700);
    assert_int_equal(mode_of(fixture, "d/installation.key"), 0600);
    assert_int_equal(mode_of(fixture, "d/purser.db"), 0600);
    struct str key = content_of(fixture, "d/installation.key");
    assert_int_equal(key.len, 65);
    commands_expect(fixture, 1, "init --data {}/d");
    assert_says(fixture->err, "is there already and stays as it is");
    commands_expect(fixture, 0, "init --data {}/d --force");
    assert_says(fixture->out, "installation key  kept");
    assert_true(str_equal(content_of(fixture, "d/installation.key"), key));
}

static void missing_key_is_not_replaced(void **state)
{
    static const char *const lines[] = { "init --data {} --force", "migrate up --data {}",
                                         "key create --data {} --mode test" };
    struct commands_fixture *fixture = *state;

    commands_expect(fixture, 0, "init --data {}");
    assert_int_equal(unlink(commands_path(fixture, "installation.key")), 0);
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        commands_expect(fixture, 2, lines[i]);
        assert_says(fixture->err, "installation.key is missing, but the books exist");
        assert_int_not_equal(access(commands_path(fixture, "installation.key"), F_OK), 0);
    }
    commands_expect(fixture, 1, "doctor --data {}");
    assert_says(fixture->out, "failed   installation key");
}

static void another_key_is_refused(void **state)
{
    static const char other[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    struct commands_fixture *fixture = *state;

    commands_expect(fixture, 0, "init --data {}");
    struct str right = str_copy(&fixture->arena, content_of(fixture, "installation.key"));
    commands_setenv("PURSER_INSTALLATION_KEY", other);
    commands_expect(fixture, 2, "key create --data {} --mode test");
    assert_says(fixture->err, "not the installation key with which these books were made");
    commands_expect(fixture, 1, "doctor --data {}");
    assert_says(fixture->out, "not the installation key with which these books were made");
    /* The right one, from the environment. */
    const char *hex = str_c(&fixture->arena, str_slice(right, 0, 64));
    commands_setenv("PURSER_INSTALLATION_KEY", hex);
    assert_int_equal(unlink(commands_path(fixture, "installation.key")), 0);
    commands_expect(fixture, 0, "key create --data {} --mode test");
    commands_expect(fixture, 0, "doctor --data {}");
    assert_says(fixture->out, "from the environment");
    commands_setenv("PURSER_INSTALLATION_KEY", NULL);
    commands_write(fixture, "installation.key", "half a key\n");
    commands_expect(fixture, 2, "key create --data {} --mode test");
    assert_says(fixture->err, "is no installation key (64 hex digits)");
}

/* Two starts at once in an empty directory end with one key and one merchant. */
static void first_starts_at_once_agree(void **state)
{
    struct commands_fixture *fixture = *state;
    pid_t children[4];

    for (size_t i = 0; i < COUNT_OF(children); i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            outside_fake_init(&fixture->outside, fixture->outside.now_ms, 100 + i);
            commands_line(fixture, "key create --data {}/d --mode test");
            if (fixture->code != 0)
                print_error("%s", fixture->err);
            _exit(fixture->code);
        }
    }
    for (size_t i = 0; i < COUNT_OF(children); i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    commands_expect(fixture, 0, "doctor --deep --data {}/d");
    commands_expect(fixture, 0, "key list --json --data {}/d");
    int lines = 0;
    for (const char *c = fixture->out; *c != '\0'; c++)
        lines += *c == '\n';
    assert_int_equal(lines, (int)COUNT_OF(children));
}

/* API keys. */

static struct str member_of(struct commands_fixture *fixture, const char *name)
{
    const struct json *doc = NULL;

    enum err err = json_parse(str_of(fixture->out), &fixture->arena, &doc, NULL);
    assert_int_equal(err, OK);
    return json_text(json_get(doc, name));
}

static void keys_live_and_end(void **state)
{
    struct commands_fixture *fixture = *state;

    commands_expect(fixture, 0, "key create --data {} --mode live --scopes read,refund "
                                "--description Desk --expires-in-days 2 --json");
    assert_true(str_starts_with(member_of(fixture, "key"), STR("psk_live_")));
    assert_true(str_equal_c(member_of(fixture, "scopes"), "read refund"));
    assert_true(str_equal_c(member_of(fixture, "expires_at"), "2026-03-03T12:00:00.000Z"));
    const char *id = str_c(&fixture->arena, member_of(fixture, "id"));
    const char *key = str_c(&fixture->arena, member_of(fixture, "key"));
    commands_expect(fixture, 0, "key list --data {}");
    assert_says(fixture->out, id);
    assert_says(fixture->out, "active Desk");
    assert_null(strstr(fixture->out, key));
    outside_fake_advance(&fixture->outside, 2 * DAY_MS);
    commands_expect(fixture, 0, "key list --data {}");
    assert_says(fixture->out, "expired Desk");
    const char *revoke = str_format(&fixture->arena, "key revoke --data {} %s", id).ptr;
    commands_expect(fixture, 0, revoke);
    commands_expect(fixture, 1, revoke);
    assert_says(fixture->err, "there is no active key");
    commands_expect(fixture, 0, "key list --data {}");
    assert_says(fixture->out, "revoked Desk");
    commands_expect(fixture, 1, "key create --data {} --mode test --merchant nobody");
    assert_says(fixture->err, "there is no merchant \"nobody\"");
}

static void commands_need_books(void **state)
{
    static const char *const lines[] = { "key list --data {}", "events tail --data {}",
                                         "doctor --data {}",
                                         "key revoke --data {} key_01h455vb4pex5vsknk084sn02q" };
    struct commands_fixture *fixture = *state;

    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        commands_expect(fixture, 2, lines[i]);
        assert_says(fixture->err, "purser ");
        assert_int_not_equal(access(commands_path(fixture, "purser.db"), F_OK), 0);
    }
}

/* Schema, doctor, events. */

static void schema_goes_forward_once(void **state)
{
    struct commands_fixture *fixture = *state;

    commands_expect(fixture, 1, "migrate status --data {}");
    assert_says(fixture->out, "  1  to do ");
    commands_expect(fixture, 0, "migrate up --data {}");
    assert_says(fixture->out, "schema version 0 -> ");
    commands_expect(fixture, 0, "migrate up --data {}");
    assert_says(fixture->out, "nothing to do");
    commands_expect(fixture, 0, "migrate status --data {}");
    assert_says(fixture->out, "  1  done ");
}

static void doctor_warns_and_tells_what_to_do(void **state)
{
    struct commands_fixture *fixture = *state;

    commands_expect(fixture, 0, "init --data {}/d");
    commands_expect(fixture, 0, "doctor --deep --data {}/d");
    assert_null(strstr(fixture->out, "failed"));
    assert_null(strstr(fixture->out, "->"));
    assert_says(fixture->out, "hold in 0 invoices, 0 payments");
    assert_int_equal(chmod(commands_path(fixture, "d"), 0755), 0);
    assert_int_equal(chmod(commands_path(fixture, "d/installation.key"), 0644), 0);
    commands_expect(fixture, 0, "doctor --data {}/d");
    assert_says(fixture->out, "warning  data directory");
    assert_says(fixture->out, "-> chmod 700");
    assert_says(fixture->out, "-> chmod 600");
    assert_null(strstr(fixture->out, "invariants"));
    commands_expect(fixture, 0, "doctor --json --data {}/d");
    const struct json *doc = NULL;
    assert_int_equal(json_parse(str_of(fixture->out), &fixture->arena, &doc, NULL), OK);
    assert_int_equal(json_count(json_get(doc, "checks")), 12);
    bool ok = false;
    assert_true(json_bool(json_get(doc, "ok"), &ok) && ok);
}

static void restored_books_go_on_beyond_their_backup(void **state)
{
    struct commands_fixture *fixture = *state;

    commands_expect(fixture, 2, "recover --data {}/d");
    assert_says(fixture->err, "There are no books");
    assert_int_equal(access(commands_path(fixture, "d"), F_OK), -1);
    commands_expect(fixture, 0, "init --data {}/d");
    commands_expect(fixture, 0, "doctor --data {}/d");
    assert_says(fixture->out, "without a cut");
    commands_expect(fixture, 0, "recover --data {}/d");
    assert_says(fixture->out, "compare with their lists");
    commands_expect(fixture, 0, "doctor --deep --data {}/d");
    assert_says(fixture->out, "warning  history");
}

static void mode_is_test_or_live_and_nothing_else(void **state)
{
    static const char *const lines[] = {
        "drift list --mode liv --data {}/d",
        "tasks list --mode Live --data {}/d",
        "deliveries list --mode both --data {}/d",
        "drift resolve drf_01h455vb4pex5vsknk084sn02q settled --note n --mode liv --data {}/d",
        "reconcile --mode liv --data {}/d",
        "listen --mode liv --data {}/d",
    };
    struct commands_fixture *fixture = *state;

    commands_expect(fixture, 0, "init --data {}/d");
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        commands_expect(fixture, 2, lines[i]);
        assert_says(fixture->err, "--mode must be test or live");
    }
    commands_expect(fixture, 0, "drift list --mode live --data {}/d");
    commands_expect(fixture, 0, "tasks list --data {}/d");
}

static void doctor_sees_a_clock_that_is_wrong(void **state)
{
    struct commands_fixture *fixture = *state;

    commands_expect(fixture, 0, "init --data {}");
    fixture->outside.now_ms = DAY_MS;
    commands_expect(fixture, 1, "doctor --data {}");
    assert_says(fixture->out, "failed   clock");
}

static void doctor_cannot_read_what_is_no_book(void **state)
{
    struct commands_fixture *fixture = *state;

    commands_expect(fixture, 0, "init --data {}");
    commands_write(fixture, "purser.db", "this is not a database, whatever its name says it is");
    commands_expect(fixture, 2, "doctor --deep --data {}");
    assert_true(strlen(fixture->err) > 0);
}

static void no_events_are_no_lines(void **state)
{
    struct commands_fixture *fixture = *state;

    commands_expect(fixture, 0, "init --data {}");
    commands_expect(fixture, 0, "events tail --data {}");
    assert_string_equal(fixture->out, "");
    commands_expect(fixture, 0, "events tail --lines 0 --json --data {}");
    assert_string_equal(fixture->out, "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, commands_fixture_open, commands_fixture_done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_are_made_whole_and_once),
        TEST(directories_are_made_for_their_owner),
        TEST(key_is_made_once),
        TEST(missing_key_is_not_replaced),
        TEST(another_key_is_refused),
        TEST(first_starts_at_once_agree),
        TEST(keys_live_and_end),
        TEST(commands_need_books),
        TEST(schema_goes_forward_once),
        TEST(doctor_warns_and_tells_what_to_do),
        TEST(restored_books_go_on_beyond_their_backup),
        TEST(mode_is_test_or_live_and_nothing_else),
        TEST(doctor_sees_a_clock_that_is_wrong),
        TEST(doctor_cannot_read_what_is_no_book),
        TEST(no_events_are_no_lines),
    };

    return cmocka_run_group_tests_name("commands installation", tests, NULL, NULL);
}
