/* banned.h - library calls that nobody in purser makes, each with what to use instead.
 *
 * The build puts this in front of every source file (-include base/banned.h), so a
 * banned call does not compile. It is an attribute and not #pragma GCC poison,
 * because poison also hits members and parameters of that name (outside.random,
 * a library header's `free`). The few files that must make such a call switch the
 * warning off around it, which a reviewer sees:
 *
 *   #pragma GCC diagnostic ignored "-Wdeprecated-declarations"
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdarg.h>
#include <stddef.h>

#define INSTEAD(text) __attribute__((deprecated("banned: " text)))

/* Before their headers, because these may define the functions inline, and clang takes no
 * attribute for a function after its definition. */
#define BANNED(function, text, type, parameters) type function parameters INSTEAD(text)

/* Writing without a limit, or with one that forgets the NUL. */
BANNED(strcpy, "use struct buf", char *, (char *restrict, const char *restrict));
BANNED(stpcpy, "use struct buf", char *, (char *restrict, const char *restrict));
BANNED(strcat, "use struct buf", char *, (char *restrict, const char *restrict));
BANNED(strncpy, "use struct buf", char *, (char *restrict, const char *restrict, size_t));
BANNED(strncat, "use struct buf", char *, (char *restrict, const char *restrict, size_t));
BANNED(sprintf, "use buf_addf", int, (char *restrict, const char *restrict, ...));
BANNED(vsprintf, "use buf_addfv", int, (char *restrict, const char *restrict, va_list));
BANNED(gets, "read into a struct buf", char *, (char *));

/* Reading that hides errors and overflow. */
BANNED(atoi, "use str_to_i64", int, (const char *));
BANNED(atol, "use str_to_i64", long, (const char *));
BANNED(atoll, "use str_to_i64", long long, (const char *));

#undef BANNED

#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Macros would hide the functions (sprintf is one for clang with _FORTIFY_SOURCE). */
#undef sprintf
#undef alloca
extern void *alloca(size_t size);

#define BANNED(function, text) extern __typeof__(function) function INSTEAD(text)

BANNED(scanf, "use str_cut and str_to_i64");
BANNED(fscanf, "use str_cut and str_to_i64");
BANNED(sscanf, "use str_cut and str_to_i64");
BANNED(vscanf, "use str_cut and str_to_i64");
BANNED(vfscanf, "use str_cut and str_to_i64");
BANNED(vsscanf, "use str_cut and str_to_i64");
BANNED(strtok, "use str_cut");

/* Clock, randomness, environment: one door, so that a simulation can hold it. */
BANNED(time, "use outside_now_ms");
BANNED(gmtime, "use time_split");
BANNED(localtime, "use time_split");
BANNED(asctime, "use time_write");
BANNED(ctime, "use time_write");
BANNED(rand, "use outside_random");
BANNED(srand, "use outside_random");
BANNED(random, "use outside_random");
BANNED(srandom, "use outside_random");
BANNED(getenv, "use outside_env");

/* A shell between us and what we want to run. */
BANNED(system, "start programs without a shell");
BANNED(popen, "start programs without a shell");

/* Memory that does not end the process when it is exhausted, and stack without a limit. */
BANNED(malloc, "use arena_alloc or mem_alloc");
BANNED(calloc, "use arena_array or mem_alloc");
BANNED(realloc, "use mem_realloc");
BANNED(free, "use mem_free");
BANNED(strdup, "use str_copy or mem_strdup");
BANNED(strndup, "use str_copy");
BANNED(alloca, "use arena_alloc");

#undef BANNED
#undef INSTEAD

#endif
