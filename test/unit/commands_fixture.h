/* commands_fixture.h - the command line in a test: its own directory, environment and streams. */
#ifndef COMMANDS_FIXTURE_H
#define COMMANDS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "commands/commands.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct commands_fixture {
    char dir[128];                   /* empty at first; gone after the test */
    struct arena arena;
    struct outside_fake outside;
    int code;                        /* of the last run, with what it printed */
    char *out;
    char *err;
};

/* For cmocka: *state is the fixture. */
int commands_fixture_open(void **state);
int commands_fixture_done(void **state);

/* A variable of the environment until the test ends; NULL unsets it. */
void commands_setenv(const char *name, const char *value);
const char *commands_env(const char *name);

/* Runs "key create --data {}": words at single spaces, {} is the test's directory. */
void commands_line(struct commands_fixture *fixture, const char *line);
/* The same, and the exit code must be this. */
void commands_expect(struct commands_fixture *fixture, int code, const char *line);

/* Fails unless `part` is in the text. */
#define assert_says(text, part) assert_says_at((text), (part), __FILE__, __LINE__)
void assert_says_at(const char *text, const char *part, const char *file, int line);

/* "DIR/name" in the test's directory. */
const char *commands_path(struct commands_fixture *fixture, const char *name);
void commands_write(struct commands_fixture *fixture, const char *name, const char *text);

#endif
