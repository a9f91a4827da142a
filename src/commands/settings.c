#include "commands/settings.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "api/address.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/nearest.h"
#include "commands/file.h"
#include "core/credentials.h"
#include "store/prune.h"

#define FILE_MAX_BYTES 65536
#define VALUE_MAX_BYTES 4096
#define READERS_MAX 64
#define LIMIT_MAX   1000000
#define DAYS_MAX 36500

/* clang-format off */
#define X(KIND, value) [SETTING_KIND_##KIND] = value,
static const char *const kind_values[] = { SETTING_KINDS(X) };
#undef X

#define X(NAME, text) [SETTING_FROM_##NAME] = text,
static const char *const source_texts[] = { SETTING_SOURCES(X) };
#undef X

#define X(NAME, name, kind, fallback, flag, group, help) name,
static const char *const names[SETTING_COUNT] = { SETTINGS(X) };
#undef X

const struct setting_info settings_table[SETTING_COUNT] = {
#define X(NAME, name, kind, fallback, flag, group, help)                                          \
    { name, SETTING_KIND_##kind, fallback, flag, SETTING_GROUP_##group, help },
    SETTINGS(X)
#undef X
};
/* clang-format on */

enum setting setting_of(struct str name)
{
    for (int i = 0; i < SETTING_COUNT; i++)
        if (str_equal_c(name, names[i]))
            return (enum setting)i;
    return SETTING_COUNT;
}

const char *setting_value_name(enum setting setting)
{
    assert(setting < SETTING_COUNT);
    return kind_values[settings_table[setting].kind];
}

struct str setting_variable(enum setting setting, struct arena *arena)
{
    struct buf out;

    assert(setting < SETTING_COUNT);
    buf_init(&out, arena, 64);
    buf_add_c(&out, "PURSER_");
    for (const char *c = names[setting]; *c != '\0'; c++)
        buf_add_char(&out, (char)toupper((unsigned char)*c));
    return str_copy(arena, buf_str(&out));
}

bool setting_is_secret(enum setting setting)
{
    assert(setting < SETTING_COUNT);
    enum setting_kind kind = settings_table[setting].kind;
    return kind == SETTING_KIND_SECRET || kind == SETTING_KIND_SECRETS;
}

const char *setting_source_text(enum setting_source source)
{
    assert(source < SETTING_SOURCE_COUNT);
    return source_texts[source];
}

/* "127.0.0.1:8080" or "[::1]:8080": whether the host can be listened on is for net/ to say. */
static bool is_address(struct str value)
{
    size_t colon = value.len;
    int64_t port;

    while (colon > 0 && value.ptr[colon - 1] != ':')
        colon--;
    return colon > 1 && str_to_i64(str_slice(value, colon, value.len), &port) && port >= 0 &&
           port <= 65535 && str_is_visible_ascii(value);
}

static bool is_url(struct str value)
{
    bool http = str_starts_with(value, STR("http://")) && value.len > 7;
    bool https = str_starts_with(value, STR("https://")) && value.len > 8;

    return (http || https) && str_is_visible_ascii(value) && !str_ends_with(value, STR("/")) &&
           str_find_char(value, '?', 0) == value.len && str_find_char(value, '#', 0) == value.len;
}

/* A password in it would be shown by `purser config`. */
static bool is_url_or_none(struct str value)
{
    return value.len == 0 || (is_url(value) && str_find_char(value, '@', 0) == value.len);
}

/* Addresses and CIDR blocks separated by commas; may be none. */
static bool is_blocks(struct str value)
{
    struct address_block block;
    struct str text;

    while (str_cut(&value, ',', &text))
        if (!address_block_parse(str_trim(text), &block))
            return false;
    return true;
}

static bool is_count(struct str value)
{
    int64_t count;

    return str_to_i64(value, &count) && count >= 1 && count <= READERS_MAX;
}

static bool is_limit(struct str value)
{
    int64_t limit;

    return str_to_i64(value, &limit) && limit >= 0 && limit <= LIMIT_MAX;
}

/* Below that answers to idempotency keys would be pruned before the keys. */
static bool is_days_or_none(struct str value)
{
    int64_t days;

    return value.len == 0 || (str_to_i64(value, &days) && days >= PRUNE_KEEP_LEAST_DAYS &&
                              days <= DAYS_MAX);
}

static bool is_minutes(struct str value)
{
    int64_t minutes;

    return str_to_i64(value, &minutes) && minutes >= 1 && minutes <= 10080;
}

static bool is_switch(struct str value)
{
    return str_equal_c(value, "on") || str_equal_c(value, "off");
}

static bool is_reach(struct str value)
{
    return str_equal_c(value, "public") || str_equal_c(value, "any");
}

static bool is_log_format(struct str value)
{
    return str_equal_c(value, "auto") || str_equal_c(value, "text") || str_equal_c(value, "json");
}

static bool is_log_level(struct str value)
{
    enum log_level level;

    return log_level_parse(value, &level);
}

static bool is_key(struct str value)
{
    unsigned char bytes[32];

    return crypto_read_hex(value, bytes, sizeof bytes);
}

static bool is_keys(struct str value)
{
    struct credentials_keys keys;
    struct arena arena = { 0 };
    struct str why;

    bool good = credentials_keys_parse(value, &keys, &arena, &why) == OK;
    if (good)
        credentials_keys_done(&keys);
    arena_done(&arena);
    return good;
}

static bool is_something(struct str value)
{
    return value.len > 0;
}

static bool is_path_or_none(struct str value)
{
    (void)value;
    return true;
}

static bool is_address_or_none(struct str value)
{
    return value.len == 0 || is_address(value);
}

bool setting_check(enum setting setting, struct str value, const char **why)
{
    static const struct {
        bool (*is)(struct str value);
        const char *why;
    } kinds[] = {
        [SETTING_KIND_PATH] = { is_something, "must not be empty" },
        [SETTING_KIND_PATH_OR_NONE] = { is_path_or_none, "" },
        [SETTING_KIND_STORE] = { is_something, "must not be empty" },
        [SETTING_KIND_SECRET] = { is_key, "must be 64 hex digits" },
        [SETTING_KIND_SECRETS] = { is_keys, "must be keys of 64 hex digits, separated by commas" },
        [SETTING_KIND_ADDRESS] = { is_address, "is not an address with a port, like "
                                               "127.0.0.1:8080 or [::1]:8080" },
        [SETTING_KIND_ADDRESS_OR_NONE] = { is_address_or_none,
                                           "is neither empty nor an address with a port, like "
                                           "127.0.0.1:8081" },
        [SETTING_KIND_URL] = { is_url, "is not the beginning of a URL, like "
                                       "https://pay.example.com (without / at its end)" },
        [SETTING_KIND_URL_OR_NONE] = { is_url_or_none,
                                       "is neither empty nor a URL without a password, like "
                                       "http://proxy.example.com:3128" },
        [SETTING_KIND_LIMIT] = { is_limit, "is not a number from 0 to 1000000" },
        [SETTING_KIND_BLOCKS] = { is_blocks, "is no list of addresses or CIDR blocks, like "
                                             "10.0.0.7,192.0.2.0/24" },
        [SETTING_KIND_COUNT] = { is_count, "is not a number from 1 to 64" },
        [SETTING_KIND_DAYS_OR_NONE] = { is_days_or_none,
                                        "is neither empty nor a number of days from 31 to 36500" },
        [SETTING_KIND_MINUTES] = { is_minutes, "is not a number from 1 to 10080" },
        [SETTING_KIND_SWITCH] = { is_switch, "is neither on nor off" },
        [SETTING_KIND_REACH] = { is_reach, "is none of public, any" },
        [SETTING_KIND_LOG_FORMAT] = { is_log_format, "is none of auto, text, json" },
        [SETTING_KIND_LOG_LEVEL] = { is_log_level, "is none of debug, info, warn, error" },
    };

    assert(setting < SETTING_COUNT);
    enum setting_kind kind = settings_table[setting].kind;
    *why = kinds[kind].why;
    if (value.len > VALUE_MAX_BYTES || (value.len > 0 && memchr(value.ptr, 0, value.len) != NULL)) {
        *why = "is too long, or no text";
        return false;
    }
    return kinds[kind].is(value);
}

/* A store's address may hold a password: then what was given is not repeated. */
static struct str explain(enum setting setting, struct str from, struct str value,
                          const char *wrong, struct arena *arena)
{
    enum setting_kind kind = settings_table[setting].kind;

    if (setting_is_secret(setting) || kind == SETTING_KIND_STORE)
        return str_format(arena, "%.*s %s", STR_ARG(from), wrong);
    return str_format(arena, "%.*s: \"%.*s\" %s", STR_ARG(from), STR_ARG(str_slice(value, 0, 80)),
                      wrong);
}

/* One line of the file; empty ones and comments are none. */
static enum err parse_line(struct str line, struct arena *arena, struct settings_layer *out,
                           struct str *why)
{
    line = str_trim(line);
    if (line.len == 0 || line.ptr[0] == '#')
        return OK;

    size_t equals = str_find_char(line, '=', 0);
    struct str name = str_trim(str_slice(line, 0, equals));
    if (equals == line.len || name.len == 0) {
        *why = STR("is not of the form `name = value`");
        return ERR_VALIDATION;
    }
    enum setting setting = setting_of(name);
    if (setting == SETTING_COUNT) {
        const char *nearest = nearest_name(name, names, SETTING_COUNT);
        *why = nearest == NULL
                   ? str_format(arena, "unknown setting \"%.*s\"", STR_ARG(str_slice(name, 0, 40)))
                   : str_format(arena, "unknown setting \"%.*s\"; did you mean \"%s\"?",
                                STR_ARG(str_slice(name, 0, 40)), nearest);
        return ERR_VALIDATION;
    }
    if (settings_table[setting].flag == NULL || setting == SETTING_CONFIG) {
        *why = str_format(arena, "%s cannot be set in a file", names[setting]);
        return ERR_VALIDATION;
    }
    if (out->values[setting].ptr != NULL) {
        *why = str_format(arena, "%s is set twice", names[setting]);
        return ERR_VALIDATION;
    }
    struct str value = str_trim(str_slice(line, equals + 1, line.len));
    const char *wrong;
    if (!setting_check(setting, value, &wrong)) {
        *why = explain(setting, str_of(names[setting]), value, wrong, arena);
        return ERR_VALIDATION;
    }
    /* The copy's ptr is never NULL: an empty value is one that was given. */
    out->values[setting] = str_copy(arena, value);
    return OK;
}

enum err settings_parse(struct str text, struct str file, struct arena *arena,
                        struct settings_layer *out, struct str *why)
{
    struct settings_layer layer = { 0 };
    struct str line, wrong;
    unsigned number = 0;

    if (!str_is_utf8(text) || (text.len > 0 && memchr(text.ptr, 0, text.len) != NULL)) {
        *why = str_format(arena, "%.*s is no text in UTF-8", STR_ARG(file));
        return ERR_VALIDATION;
    }
    while (str_cut(&text, '\n', &line)) {
        number++;
        if (str_ends_with(line, STR("\r")))
            line.len--;
        enum err err = parse_line(line, arena, &layer, &wrong);
        if (err != OK) {
            *why = str_format(arena, "%.*s, line %u: %.*s", STR_ARG(file), number, STR_ARG(wrong));
            return err;
        }
    }
    *out = layer;
    return OK;
}

static void read_environment(const char *(*env)(const char *name), struct arena *arena,
                             struct settings_layer *out)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        const char *value = env(setting_variable((enum setting)i, arena).ptr);
        /* Set to nothing is how containers and units say "not set". */
        if (value != NULL && value[0] != '\0')
            out->values[i] = str_of(value);
    }
}

/* The default with <data> and <listen> put in. */
static struct str expand(const char *fallback, const struct settings *settings, struct arena *arena)
{
    struct str rest = str_of(fallback);
    struct str head, name;
    struct buf out;

    buf_init(&out, arena, 2 * VALUE_MAX_BYTES);
    while (str_cut(&rest, '<', &head)) {
        buf_add(&out, head);
        if (!str_cut(&rest, '>', &name))
            break;
        enum setting setting = setting_of(name);
        assert(setting < SETTING_COUNT && settings->values[setting].ptr != NULL);
        buf_add(&out, settings->values[setting]);
    }
    return str_copy(arena, buf_str(&out));
}

static enum err choose(enum setting setting, const struct settings_layer *const *layers,
                       struct arena *arena, struct settings *settings, struct str *why)
{
    const struct setting_info *info = &settings_table[setting];
    int source = SETTING_SOURCE_COUNT - 1;
    const char *wrong;

    while (source > SETTING_FROM_DEFAULT && layers[source]->values[setting].ptr == NULL)
        source--;
    settings->sources[setting] = (enum setting_source)source;
    if (source == SETTING_FROM_DEFAULT) {
        settings->values[setting] = expand(info->fallback, settings, arena);
        return OK;
    }
    struct str value = layers[source]->values[setting];
    settings->values[setting] = value;
    if (setting_check(setting, value, &wrong))
        return OK;

    /* A file's values were checked when it was read. */
    assert(source != SETTING_FROM_FILE);
    struct str from = source == SETTING_FROM_FLAG ? str_of(info->flag)
                                                  : setting_variable(setting, arena);
    *why = explain(setting, from, value, wrong, arena);
    return ERR_VALIDATION;
}

/* The file must be there when somebody named it. */
static enum err read_file(struct settings *settings, struct arena *arena,
                          struct settings_layer *out, struct str *why)
{
    struct str path = settings->values[SETTING_CONFIG];
    bool by_default = settings->sources[SETTING_CONFIG] == SETTING_FROM_DEFAULT;
    struct str text = { 0 };
    bool found = true;

    enum err err = file_read(path, FILE_MAX_BYTES, arena, &text, by_default ? &found : NULL, why);
    if (err != OK || !found)
        return err;
    settings->file_read = true;
    err = settings_parse(text, path, arena, out, why);
    if (err == OK && by_default && out->values[SETTING_DATA].ptr != NULL) {
        *why = str_format(arena, "%.*s: data cannot be set in the data directory's own file",
                          STR_ARG(path));
        err = ERR_VALIDATION;
    }
    return err;
}

enum err settings_resolve(const struct settings_layer *flags, const char *(*env)(const char *name),
                          struct arena *arena, struct settings *out, struct str *why)
{
    static const struct settings_layer nothing;
    struct settings_layer environment = { 0 }, file = { 0 };
    const struct settings_layer *layers[SETTING_SOURCE_COUNT] = {
        [SETTING_FROM_DEFAULT] = &nothing,
        [SETTING_FROM_FILE] = &file,
        [SETTING_FROM_ENVIRONMENT] = &environment,
        [SETTING_FROM_FLAG] = flags,
    };
    struct settings settings = { 0 };

    read_environment(env, arena, &environment);
    /* Where the file is must be known before the file is read. */
    enum err err = choose(SETTING_DATA, layers, arena, &settings, why);
    if (err == OK)
        err = choose(SETTING_CONFIG, layers, arena, &settings, why);
    if (err == OK)
        err = read_file(&settings, arena, &file, why);
    /* In the table's order, so that <data> and <listen> are chosen before they are put in. */
    for (int i = 0; err == OK && i < SETTING_COUNT; i++)
        if (i != SETTING_CONFIG)
            err = choose((enum setting)i, layers, arena, &settings, why);
    if (err == OK)
        *out = settings;
    return err;
}
