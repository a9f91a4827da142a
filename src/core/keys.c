/* keys.c - the text of API keys, and the keyed hashes that the books keep in its place. */
#include "core/keys.h"

#include <assert.h>

#include "base/buf.h"
#include "base/crypto.h"

#define PREFIX_LEN 9
#define RANDOM_LEN 33
#define CHECKSUM_LEN 6
#define HINT_TAIL 4

static const struct str prefix_test = STR_INIT("psk_test_");
static const struct str prefix_live = STR_INIT("psk_live_");

/* One byte out of four (62 and 63 of six bits) is thrown away: taking a remainder would make
 * some characters likelier than others. */
static void write_random(struct buf *out, const struct outside *outside)
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t written = 0;

    while (written < RANDOM_LEN) {
        uint8_t byte = 0;
        outside_random(outside, &byte, 1);
        if ((byte & 63) >= 62)
            continue;
        buf_add_char(out, alphabet[byte & 63]);
        written++;
    }
}

static void write_checksum(struct buf *out, struct str precedes)
{
    uint32_t sum = crypto_crc32(precedes);
    uint8_t bytes[4];

    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(sum >> (24 - 8 * i));
    crypto_write_base62(out, bytes, sizeof bytes, CHECKSUM_LEN);
}

struct secret key_make(const struct outside *outside, bool live)
{
    char array[KEY_TEXT_LEN + 1];
    struct buf text;

    buf_fixed(&text, array, sizeof array);
    buf_add(&text, live ? prefix_live : prefix_test);
    write_random(&text, outside);
    write_checksum(&text, buf_str(&text));
    assert(buf_ok(&text) && buf_str(&text).len == KEY_TEXT_LEN);

    struct secret key = secret_copy(buf_str(&text));
    secret_wipe(array, sizeof array);
    return key;
}

static bool is_base62(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool digit = c >= '0' && c <= '9';
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!digit && !letter)
            return false;
    }
    return true;
}

bool key_is_well_formed(struct str text, bool *live)
{
    char sum[CHECKSUM_LEN + 1];
    struct buf expected;
    bool is_live = str_starts_with(text, prefix_live);

    if (text.len != KEY_TEXT_LEN || (!is_live && !str_starts_with(text, prefix_test)))
        return false;
    if (!is_base62(str_slice(text, PREFIX_LEN, KEY_TEXT_LEN)))
        return false;
    buf_fixed(&expected, sum, sizeof sum);
    write_checksum(&expected, str_slice(text, 0, PREFIX_LEN + RANDOM_LEN));
    if (!str_equal(str_slice(text, PREFIX_LEN + RANDOM_LEN, CHECKSUM_LEN), buf_str(&expected)))
        return false;
    *live = is_live;
    return true;
}

/* The first piece keeps the two uses of the installation key apart. */
struct sha256 key_hash(const struct secret *installation_key, struct str text)
{
    struct str pieces[] = { STR("api key"), text };

    assert(!secret_is_empty(installation_key));
    return crypto_hmac_sha256(secret_reveal(installation_key), pieces, 2);
}

struct sha256 claim_fingerprint(const struct secret *installation_key, struct str route,
                                struct str body)
{
    struct str pieces[] = { STR("claim"), route, body };

    assert(!secret_is_empty(installation_key));
    return crypto_hmac_sha256(secret_reveal(installation_key), pieces, 3);
}

struct str key_hint(struct arena *arena, struct str text)
{
    assert(text.len == KEY_TEXT_LEN);
    return str_format(arena, "%.*s...%.*s", STR_ARG(str_slice(text, 0, PREFIX_LEN)),
                      STR_ARG(str_slice(text, KEY_TEXT_LEN - HINT_TAIL, HINT_TAIL)));
}

struct scope_word {
    const char *text;
    int64_t bit;
};

static const struct scope_word scope_words[] = {
#define X(name, text, bit, meaning) { text, bit },
    KEY_SCOPES(X)
#undef X
};
#define SCOPE_COUNT (sizeof scope_words / sizeof scope_words[0])

static int64_t scope_of(struct str word)
{
    for (size_t i = 0; i < SCOPE_COUNT; i++)
        if (str_equal_c(word, scope_words[i].text))
            return scope_words[i].bit;
    return 0;
}

int64_t key_scopes_parse(struct str text)
{
    int64_t scopes = 0;

    for (size_t at = 0; at < text.len;) {
        size_t end = at;
        while (end < text.len && text.ptr[end] != ' ' && text.ptr[end] != ',')
            end++;
        if (end > at) {
            int64_t scope = scope_of(str_slice(text, at, end - at));
            if (scope == 0)
                return 0;
            scopes |= scope;
        }
        at = end + 1;
    }
    return scopes;
}

void key_scopes_write(struct buf *out, int64_t scopes)
{
    bool first = true;

    for (size_t i = 0; i < SCOPE_COUNT; i++) {
        if (!(scopes & scope_words[i].bit))
            continue;
        if (!first)
            buf_add_char(out, ' ');
        buf_add_c(out, scope_words[i].text);
        first = false;
    }
}

static void put_addresses(struct json_out *out, struct str addresses)
{
    struct str block;

    json_open_array(out, "addresses");
    while (str_cut(&addresses, ' ', &block))
        json_put_text(out, NULL, block);
    json_close_array(out);
}

void api_key_render(struct json_out *out, const char *name, const struct api_key *key,
                    struct str text)
{
    json_open_object(out, name);
    api_key_id_write(json_open_plain(out, "id"), key->id);
    json_close_plain(out);
    json_put_text(out, "object", STR("api_key"));
    json_put_text_or_null(out, "key", text);
    json_put_text(out, "hint", key->hint);
    json_open_array(out, "scopes");
    for (size_t i = 0; i < SCOPE_COUNT; i++)
        if (key->scopes & scope_words[i].bit)
            json_put_text(out, NULL, str_of(scope_words[i].text));
    json_close_array(out);
    json_put_text_or_null(out, "description", key->description);
    put_addresses(out, key->addresses);
    json_put_bool(out, "live", key->live);
    json_put_time(out, "created_at", key->created_ms);
    json_put_time(out, "expires_at", key->expires_ms);
    json_put_time(out, "revoked_at", key->revoked_ms);
    json_close_object(out);
}
