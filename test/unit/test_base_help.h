/* test_base_help.h - what the tests of base share: cmocka with the headers that it wants before
 * itself, and assertions about text and about programs that must stop. */
#ifndef TEST_BASE_HELP_H
#define TEST_BASE_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define assert_str(actual, expected) assert_str_at((actual), (expected), __FILE__, __LINE__)

static inline void assert_str_at(struct str actual, const char *expected, const char *file,
                                 int line)
{
    if (str_equal_c(actual, expected))
        return;
    print_error("text is \"%.*s\", not \"%s\"\n", STR_ARG(actual), expected);
    _fail(file, line);
}

/* Runs `body` in a child and says whether it was stopped: by abort(), or by a sanitizer that
 * ends the program in its own way. */
static inline bool stops(void (*body)(void))
{
    int status = 0;

    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        body();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) ||
           (WIFEXITED(status) && WEXITSTATUS(status) != 0);
}

#endif
