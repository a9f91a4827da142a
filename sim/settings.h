/* settings.h - the switches of settings.def, as a struct and as JSON. */
#ifndef SIM_SETTINGS_H
#define SIM_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "sim/settings.def"

#define SETTING_FLAG bool
#define SETTING_NUMBER int64_t
#define SETTING_TEXT struct str

struct settings {
#define X(name, kind, fallback, meaning) SETTING_##kind name;
    SIM_SETTINGS(X)
#undef X
};

struct settings settings_default(void);
/* All or nothing: false, with `settings` untouched and a sentence in `why`, when a member is
 * unknown or of the wrong kind. Texts are copied into `arena`. */
bool settings_change(struct settings *settings, const struct json *members, struct arena *arena,
                     struct str *why);
void settings_write(const struct settings *settings, struct json_out *out);
/* One line each, for --help. */
void settings_write_help(struct buf *out);

#endif
