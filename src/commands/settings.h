/* settings.h - what an operator may choose, from four sources.
 *
 * A value comes from the strongest source that has one: a flag, the environment
 * (PURSER_LISTEN), a file (purser.conf in the data directory, or --config), the default. The
 * settings themselves are listed in settings.def.
 *
 * The file has one `name = value` a line; lines that begin with # and empty lines say nothing.
 * There is no quoting: a value is the rest of its line without the spaces at both ends. Unknown
 * and repeated names are errors. Relative paths, wherever they are written, start at the
 * working directory.
 *
 * Texts live in the arena, in the environment or in the arguments: as long as the process. */
#ifndef COMMANDS_SETTINGS_H
#define COMMANDS_SETTINGS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "commands/settings.def"

#define X(NAME, name, kind, fallback, flag, group, help) SETTING_##NAME,
enum setting { SETTINGS(X) SETTING_COUNT };
#undef X
#define X(KIND, value) SETTING_KIND_##KIND,
enum setting_kind { SETTING_KINDS(X) };
#undef X
#define X(NAME, text) SETTING_FROM_##NAME,
enum setting_source { SETTING_SOURCES(X) SETTING_SOURCE_COUNT };
#undef X

/* Which commands take a setting's flag; each includes the one before. */
enum setting_group { SETTING_GROUP_NONE, SETTING_GROUP_BOOKS, SETTING_GROUP_SERVE };

struct setting_info {
    const char *name; /* "public_url" */
    enum setting_kind kind;
    const char *fallback; /* the default, before <data> and <listen> are put in */
    const char *flag;     /* "--public-url", or NULL */
    enum setting_group group;
    const char *help;
};
extern const struct setting_info settings_table[SETTING_COUNT];

/* What one source says; a text whose ptr is NULL was not given. */
struct settings_layer {
    struct str values[SETTING_COUNT];
};

struct settings {
    struct str values[SETTING_COUNT];
    enum setting_source sources[SETTING_COUNT];
    bool file_read; /* the file of SETTING_CONFIG was there */
};

/* SETTING_COUNT when there is none of that name. */
enum setting setting_of(struct str name);
/* "PURSER_PUBLIC_URL" */
struct str setting_variable(enum setting setting, struct arena *arena);
/* What a value looks like, for help texts: "URL". */
const char *setting_value_name(enum setting setting);
/* Nothing may show its value. */
bool setting_is_secret(enum setting setting);
const char *setting_source_text(enum setting_source source);

/* Reads all sources and checks every value. ERR_VALIDATION, or ERR_IO for a file, with a
 * sentence in `why` that names the source. `env` is outside_env, or a test's. */
must_check enum err settings_resolve(const struct settings_layer *flags,
                                     const char *(*env)(const char *name), struct arena *arena,
                                     struct settings *out, struct str *why);

/* The text of a settings file; `file` is its name for `why`. */
must_check enum err settings_parse(struct str text, struct str file, struct arena *arena,
                                   struct settings_layer *out, struct str *why);

/* Whether a value is one that the setting can have; else a sentence's end in `why`
 * ("is not a number from 1 to 64"). */
bool setting_check(enum setting setting, struct str value, const char **why);

#endif
