/* credentials.c - see credentials.h. */
#include "core/credentials.h"

#include <assert.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/crypto.h"

#define KEY_NAME_BYTES 4
#define KEY_NAME_CHARS (2 * KEY_NAME_BYTES)
#define SEALED_MAX (2 * (CREDENTIALS_MAX_BYTES + CRYPTO_NONCE_SIZE + CRYPTO_TAG_SIZE))

static enum err add_key(struct credentials_keys *keys, struct str hex)
{
    unsigned char bytes[CRYPTO_KEY_SIZE];
    if (keys->count == CREDENTIALS_KEYS_MAX || !crypto_read_hex(hex, bytes, sizeof bytes))
        return ERR_VALIDATION;
    keys->keys[keys->count++] = secret_copy(str_make((const char *)bytes, sizeof bytes));
    secret_wipe(bytes, sizeof bytes);
    return OK;
}

enum err credentials_keys_parse(struct str text, struct credentials_keys *out,
                                struct arena *arena, struct str *why)
{
    struct credentials_keys keys = { .count = 0 };
    struct str line, key;
    size_t number = 0;
    while (str_cut(&text, '\n', &line)) {
        number++;
        line = str_slice(line, 0, str_find_char(line, '#', 0));
        while (str_cut(&line, ',', &key)) {
            key = str_trim(key);
            if (str_is_empty(key) || add_key(&keys, key) == OK)
                continue;
            credentials_keys_done(&keys);
            *why = str_format(arena, "line %zu holds no credentials key (64 hex digits, at most %d"
                                     " keys)", number, CREDENTIALS_KEYS_MAX);
            return ERR_VALIDATION;
        }
    }
    if (keys.count == 0) {
        *why = STR("there is no credentials key in it (64 hex digits)");
        return ERR_VALIDATION;
    }
    *out = keys;
    return OK;
}

void credentials_keys_done(struct credentials_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        secret_done(&keys->keys[i]);
    keys->count = 0;
}

static void write_key_name(struct buf *out, const struct secret *key)
{
    struct sha256 hash = crypto_hmac_sha256(secret_reveal(key), &STR("purser key name"), 1);
    buf_add_hex(out, hash.bytes, KEY_NAME_BYTES);
}

static struct str bound_to(struct gateway_account_id account, struct buf *out)
{
    buf_add_c(out, "gateway_accounts|credentials|");
    gateway_account_id_write(out, account);
    return buf_str(out);
}

struct str credentials_seal_at(const struct credentials_keys *keys, const struct outside *outside,
                               struct str place, struct str plain, struct arena *arena)
{
    struct buf out;
    assert(keys->count > 0 && plain.len <= CREDENTIALS_MAX_BYTES);
    size_t len = CRYPTO_NONCE_SIZE + plain.len + CRYPTO_TAG_SIZE;
    unsigned char *bytes = arena_alloc(arena, len);
    outside_random(outside, bytes, CRYPTO_NONCE_SIZE);
    crypto_encrypt(secret_reveal(&keys->keys[0]).ptr, bytes, place, plain,
                   bytes + CRYPTO_NONCE_SIZE);
    buf_init(&out, arena, SEALED_MAX);
    buf_add_c(&out, "v1.");
    write_key_name(&out, &keys->keys[0]);
    buf_add_char(&out, '.');
    crypto_write_base64(&out, bytes, len);
    assert(buf_ok(&out));
    return buf_str(&out);
}

struct str credentials_seal(const struct credentials_keys *keys, const struct outside *outside,
                            struct gateway_account_id account, struct str plain,
                            struct arena *arena)
{
    char text[ID_TEXT_MAX + 64];
    struct buf place;
    buf_fixed(&place, text, sizeof text);
    return credentials_seal_at(keys, outside, bound_to(account, &place), plain, arena);
}

/* Splits "v1.name.base64"; false when it is none. */
static bool split(struct str sealed, struct str *name, struct str *base64)
{
    if (!str_starts_with(sealed, STR("v1.")) || sealed.len <= 3 + KEY_NAME_CHARS
        || sealed.ptr[3 + KEY_NAME_CHARS] != '.')
        return false;
    *name = str_slice(sealed, 3, KEY_NAME_CHARS);
    *base64 = str_slice(sealed, 3 + KEY_NAME_CHARS + 1, sealed.len);
    return true;
}

static bool is_named(const struct secret *key, struct str name)
{
    char text[KEY_NAME_CHARS + 1];
    struct buf own;
    buf_fixed(&own, text, sizeof text);
    write_key_name(&own, key);
    return str_equal(buf_str(&own), name);
}

static bool open_with(const struct secret *key, struct str place, struct str bytes,
                      struct secret *out)
{
    char plain[CREDENTIALS_MAX_BYTES];
    if (bytes.len < CRYPTO_NONCE_SIZE + CRYPTO_TAG_SIZE
        || bytes.len > CRYPTO_NONCE_SIZE + CRYPTO_TAG_SIZE + sizeof plain)
        return false;
    struct str sealed = str_slice(bytes, CRYPTO_NONCE_SIZE, bytes.len);
    bool opened = crypto_decrypt(secret_reveal(key).ptr, bytes.ptr, place, sealed, plain);
    if (opened) {
        *out = secret_copy(str_make(plain, sealed.len - CRYPTO_TAG_SIZE));
        secret_wipe(plain, sizeof plain);
    }
    return opened;
}

bool credentials_open_at(const struct credentials_keys *keys, struct str place, struct str sealed,
                         struct secret *out)
{
    char array[SEALED_MAX];
    struct str name, base64;
    struct buf bytes;
    buf_fixed(&bytes, array, sizeof array);
    if (!split(sealed, &name, &base64) || !crypto_read_base64(base64, &bytes) || !buf_ok(&bytes))
        return false;
    for (size_t i = 0; i < keys->count; i++)
        if (is_named(&keys->keys[i], name)
            && open_with(&keys->keys[i], place, buf_str(&bytes), out))
            return true;
    return false;
}

bool credentials_open(const struct credentials_keys *keys, struct gateway_account_id account,
                      struct str sealed, struct secret *out)
{
    char text[ID_TEXT_MAX + 64];
    struct buf place;
    buf_fixed(&place, text, sizeof text);
    return credentials_open_at(keys, bound_to(account, &place), sealed, out);
}

bool credentials_is_sealed_with(const struct secret *key, struct str sealed)
{
    struct str name, base64;
    return split(sealed, &name, &base64) && is_named(key, name);
}

bool credentials_is_current(const struct credentials_keys *keys, struct str sealed)
{
    return keys->count > 0 && credentials_is_sealed_with(&keys->keys[0], sealed);
}

bool credentials_key_is_known(const struct credentials_keys *keys, struct str sealed)
{
    for (size_t i = 0; i < keys->count; i++)
        if (credentials_is_sealed_with(&keys->keys[i], sealed))
            return true;
    return false;
}

struct str credentials_key_name(const struct secret *key, struct arena *arena)
{
    struct buf name;
    buf_init(&name, arena, KEY_NAME_CHARS + 1);
    write_key_name(&name, key);
    return buf_str(&name);
}
