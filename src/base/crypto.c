#include "base/crypto.h"

#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/arena.h"

#define BASE62_BYTES_MAX 64
#define BASE62_DIGITS_MAX 87 /* 64 bytes: 512 / log2(62), rounded up, plus one */

/* Looked up once: looking an algorithm up costs more than hashing a short text with it. */
static EVP_MD *sha256_algorithm, *sha512_algorithm;

static void fetch_algorithms(void)
{
    sha256_algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    sha512_algorithm = EVP_MD_fetch(NULL, "SHA512", NULL);
    assert(sha256_algorithm != NULL && sha512_algorithm != NULL);
}

static void set_up(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, fetch_algorithms);
}

struct sha256 crypto_sha256(struct str data)
{
    struct sha256 out;
    unsigned len = 0;

    set_up();
    int done = EVP_Digest(data.ptr, data.len, out.bytes, &len, sha256_algorithm, NULL);
    assert(done == 1 && len == SHA256_SIZE);
    return out;
}

struct sha256_run {
    EVP_MD_CTX *context;
};

struct sha256_run *crypto_sha256_begin(void)
{
    struct sha256_run *run = mem_alloc(sizeof(*run));

    set_up();
    run->context = EVP_MD_CTX_new();
    assert(run->context != NULL);
    int done = EVP_DigestInit_ex(run->context, sha256_algorithm, NULL);
    assert(done == 1);
    return run;
}

void crypto_sha256_add(struct sha256_run *run, struct str data)
{
    int done = EVP_DigestUpdate(run->context, data.ptr, data.len);
    assert(done == 1);
}

struct sha256 crypto_sha256_end(struct sha256_run *run)
{
    struct sha256 out;
    unsigned len = 0;

    int done = EVP_DigestFinal_ex(run->context, out.bytes, &len);
    assert(done == 1 && len == SHA256_SIZE);
    EVP_MD_CTX_free(run->context);
    mem_free(run);
    return out;
}

/* HMAC, as RFC 2104 has it, over plain digests: OpenSSL's own looks its digest up by name at
 * every use, which costs more than hashing a short text. */
#define MAC_BLOCK_MAX 128

struct mac {
    EVP_MD_CTX *context;
    const EVP_MD *algorithm;
    size_t block;
    uint8_t outer[MAC_BLOCK_MAX];
};

static void digest_begin(EVP_MD_CTX *context, const EVP_MD *algorithm, const uint8_t *block,
                         size_t len)
{
    int done = EVP_DigestInit_ex(context, algorithm, NULL) == 1 &&
               EVP_DigestUpdate(context, block, len) == 1;
    assert(done);
}

static void mac_update(struct mac *mac, const void *bytes, size_t len)
{
    int done = EVP_DigestUpdate(mac->context, bytes, len);
    assert(done == 1);
}

static void mac_begin(struct mac *mac, const EVP_MD *algorithm, struct str key)
{
    uint8_t inner[MAC_BLOCK_MAX] = { 0 };

    *mac = (struct mac){ .context = EVP_MD_CTX_new(),
                         .algorithm = algorithm,
                         .block = (size_t)EVP_MD_get_block_size(algorithm) };
    assert(mac->context != NULL && mac->block <= sizeof inner);
    if (key.len > mac->block) {
        int done = EVP_Digest(key.ptr, key.len, inner, NULL, algorithm, NULL);
        assert(done == 1);
    } else if (key.len > 0) {
        memcpy(inner, key.ptr, key.len);
    }
    /* All of it, because the number is known beforehand then, and many bytes are done at once. */
    for (size_t i = 0; i < MAC_BLOCK_MAX; i++) {
        mac->outer[i] = inner[i] ^ 0x5c;
        inner[i] ^= 0x36;
    }
    digest_begin(mac->context, algorithm, inner, mac->block);
    OPENSSL_cleanse(inner, sizeof inner);
}

static void mac_end(struct mac *mac, uint8_t *out, size_t size)
{
    unsigned len = 0;
    int done = EVP_DigestFinal_ex(mac->context, out, &len);

    assert(done == 1 && len == size);
    digest_begin(mac->context, mac->algorithm, mac->outer, mac->block);
    mac_update(mac, out, size);
    done = EVP_DigestFinal_ex(mac->context, out, &len);
    assert(done == 1 && len == size);
    EVP_MD_CTX_free(mac->context);
    OPENSSL_cleanse(mac, sizeof *mac);
}

struct sha256 crypto_hmac_sha256(struct str key, const struct str *pieces, size_t count)
{
    struct sha256 out;
    struct mac mac;

    set_up();
    mac_begin(&mac, sha256_algorithm, key);
    for (size_t i = 0; i < count; i++) {
        uint8_t length[8];
        for (int byte = 0; byte < 8; byte++)
            length[byte] = (uint8_t)((uint64_t)pieces[i].len >> (56 - 8 * byte));
        mac_update(&mac, length, sizeof length);
        mac_update(&mac, pieces[i].ptr, pieces[i].len);
    }
    mac_end(&mac, out.bytes, sizeof out.bytes);
    return out;
}

struct sha512 crypto_hmac_sha512(struct str key, struct str data)
{
    struct sha512 out;
    struct mac mac;

    set_up();
    mac_begin(&mac, sha512_algorithm, key);
    mac_update(&mac, data.ptr, data.len);
    mac_end(&mac, out.bytes, sizeof out.bytes);
    return out;
}

struct sha256 crypto_hmac_sha256_plain(struct str key, struct str data)
{
    struct sha256 out;
    struct mac mac;

    set_up();
    mac_begin(&mac, sha256_algorithm, key);
    mac_update(&mac, data.ptr, data.len);
    mac_end(&mac, out.bytes, sizeof out.bytes);
    return out;
}

/* `digest` is NULL where the algorithm has its own. */
static bool sign(EVP_PKEY *key, const EVP_MD *digest, struct str data, void *out, size_t *len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert(context != NULL);
    bool done = EVP_DigestSignInit(context, NULL, digest, NULL, key) == 1 &&
                EVP_DigestSign(context, out, len, (const unsigned char *)data.ptr, data.len) == 1;
    EVP_MD_CTX_free(context);
    return done;
}

static bool verify(EVP_PKEY *key, const EVP_MD *digest, struct str data, struct str signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert(context != NULL);
    bool right = EVP_DigestVerifyInit(context, NULL, digest, NULL, key) == 1 &&
                 EVP_DigestVerify(context, (const unsigned char *)signature.ptr, signature.len,
                                  (const unsigned char *)data.ptr, data.len) == 1;
    EVP_MD_CTX_free(context);
    return right;
}

static EVP_PKEY *ed25519_key(const void *seed)
{
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed,
                                                 CRYPTO_ED25519_KEY_SIZE);
    assert(key != NULL);
    return key;
}

void crypto_ed25519_public(const void *seed, void *out)
{
    EVP_PKEY *key = ed25519_key(seed);
    size_t len = CRYPTO_ED25519_KEY_SIZE;
    int done = EVP_PKEY_get_raw_public_key(key, out, &len);
    assert(done == 1 && len == CRYPTO_ED25519_KEY_SIZE);
    EVP_PKEY_free(key);
}

void crypto_ed25519_sign(const void *seed, struct str data, void *out)
{
    EVP_PKEY *key = ed25519_key(seed);
    size_t len = CRYPTO_ED25519_SIGNATURE_SIZE;
    bool done = sign(key, NULL, data, out, &len);
    assert(done && len == CRYPTO_ED25519_SIGNATURE_SIZE);
    EVP_PKEY_free(key);
}

bool crypto_ed25519_verify(const void *public_key, struct str data, struct str signature)
{
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key,
                                                CRYPTO_ED25519_KEY_SIZE);
    bool right = key != NULL && verify(key, NULL, data, signature);
    EVP_PKEY_free(key);
    return right;
}

/* OpenSSL's own memory may hold a private key: wiped before it is freed. */
static void take_der(unsigned char *der, int len, struct buf *out)
{
    assert(len > 0);
    buf_add_bytes(out, der, (size_t)len);
    OPENSSL_clear_free(der, (size_t)len);
}

static void write_pair(const EVP_PKEY *key, struct buf *private_der, struct buf *public_der)
{
    unsigned char *der = NULL;
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    assert(info != NULL);
    int len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    take_der(der, len, private_der);
    der = NULL;
    len = i2d_PUBKEY(key, &der);
    take_der(der, len, public_der);
    PKCS8_PRIV_KEY_INFO_free(info);
}

void crypto_rsa_make(unsigned bits, struct buf *private_der, struct buf *public_der)
{
    EVP_PKEY *key = EVP_RSA_gen(bits);
    assert(key != NULL);
    write_pair(key, private_der, public_der);
    EVP_PKEY_free(key);
}

bool crypto_rsa_read(struct str der, struct buf *private_der, struct buf *public_der,
                     unsigned *bits)
{
    const unsigned char *at = (const unsigned char *)der.ptr;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, (long)der.len);
    bool is_rsa = key != NULL && EVP_PKEY_is_a(key, "RSA") == 1 &&
                  at == (const unsigned char *)der.ptr + der.len;
    if (is_rsa) {
        *bits = (unsigned)EVP_PKEY_get_bits(key);
        write_pair(key, private_der, public_der);
    }
    EVP_PKEY_free(key);
    return is_rsa && buf_ok(private_der) && buf_ok(public_der);
}

bool crypto_rsa_sign(struct str private_der, struct str data, struct buf *out)
{
    const unsigned char *der = (const unsigned char *)private_der.ptr;
    unsigned char signature[CRYPTO_RSA_SIGNATURE_MAX];
    size_t len = sizeof signature;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &der, (long)private_der.len);
    bool done = key != NULL && EVP_PKEY_is_a(key, "RSA") == 1 &&
                sign(key, EVP_sha256(), data, signature, &len);
    EVP_PKEY_free(key);
    if (done)
        buf_add_bytes(out, signature, len);
    return done && buf_ok(out);
}

bool crypto_rsa_verify(struct str public_der, struct str data, struct str signature)
{
    const unsigned char *der = (const unsigned char *)public_der.ptr;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &der, (long)public_der.len);
    bool right = key != NULL && verify(key, EVP_sha256(), data, signature);
    EVP_PKEY_free(key);
    return right;
}

static EVP_CIPHER_CTX *cipher_new(const void *key, const void *nonce, struct str aad, int encrypt)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int ignored = 0;
    assert(context != NULL);
    int done = EVP_CipherInit_ex2(context, EVP_aes_256_gcm(), key, nonce, encrypt, NULL);
    assert(done == 1);
    if (aad.len > 0) {
        done = EVP_CipherUpdate(context, NULL, &ignored, (const unsigned char *)aad.ptr,
                                (int)aad.len);
        assert(done == 1);
    }
    return context;
}

void crypto_encrypt(const void *key, const void *nonce, struct str aad, struct str plain, void *out)
{
    unsigned char *bytes = out;
    int len = 0, rest = 0;
    assert(plain.len <= INT_MAX && aad.len <= INT_MAX);
    EVP_CIPHER_CTX *context = cipher_new(key, nonce, aad, 1);
    int done = EVP_CipherUpdate(context, bytes, &len, (const unsigned char *)plain.ptr,
                                (int)plain.len);
    assert(done == 1);
    done = EVP_CipherFinal_ex(context, bytes + len, &rest);
    assert(done == 1 && (size_t)(len + rest) == plain.len);
    done = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, CRYPTO_TAG_SIZE,
                               bytes + plain.len);
    assert(done == 1);
    EVP_CIPHER_CTX_free(context);
}

bool crypto_decrypt(const void *key, const void *nonce, struct str aad, struct str sealed,
                    void *out)
{
    unsigned char tag[CRYPTO_TAG_SIZE];
    unsigned char *bytes = out;
    int len = 0, rest = 0;
    if (sealed.len < CRYPTO_TAG_SIZE || sealed.len > INT_MAX || aad.len > INT_MAX)
        return false;
    size_t plain_len = sealed.len - CRYPTO_TAG_SIZE;
    memcpy(tag, sealed.ptr + plain_len, sizeof tag);
    EVP_CIPHER_CTX *context = cipher_new(key, nonce, aad, 0);
    int done = EVP_CipherUpdate(context, bytes, &len, (const unsigned char *)sealed.ptr,
                                (int)plain_len);
    assert(done == 1);
    done = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, sizeof tag, tag);
    assert(done == 1);
    bool intact = EVP_CipherFinal_ex(context, bytes + len, &rest) == 1;
    EVP_CIPHER_CTX_free(context);
    if (!intact)
        OPENSSL_cleanse(out, plain_len);
    return intact;
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
    return len == 0 || CRYPTO_memcmp(a, b, len) == 0;
}

uint32_t crypto_crc32(struct str data)
{
    /* The remainders of four bits: the keys are short, a larger table would gain nothing. */
    static const uint32_t remainders[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < data.len; i++) {
        crc ^= (unsigned char)data.ptr[i];
        crc = crc >> 4 ^ remainders[crc & 15];
        crc = crc >> 4 ^ remainders[crc & 15];
    }
    return ~crc;
}

/* Divides the big-endian number in place; returns the remainder. */
static unsigned divide(uint8_t *number, size_t len, unsigned divisor)
{
    unsigned remainder = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned part = remainder << 8 | number[i];
        number[i] = (uint8_t)(part / divisor);
        remainder = part % divisor;
    }
    return remainder;
}

void crypto_write_base62(struct buf *out, const void *bytes, size_t len, size_t width)
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    uint8_t number[BASE62_BYTES_MAX];
    char text[BASE62_DIGITS_MAX];

    assert(len <= sizeof number && width <= sizeof text);
    if (len > 0)
        memcpy(number, bytes, len);
    for (size_t at = width; at > 0; at--)
        text[at - 1] = alphabet[divide(number, len, 62)];
    for (size_t i = 0; i < len; i++)
        assert(number[i] == 0);
    buf_add_bytes(out, text, width);
    /* What is written this way is mostly a key. */
    OPENSSL_cleanse(text, sizeof text);
}

static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void crypto_write_base64(struct buf *out, const void *bytes, size_t len)
{
    const uint8_t *from = bytes;

    for (size_t i = 0; i < len; i += 3) {
        size_t piece = len - i < 3 ? len - i : 3;
        uint32_t bits = (uint32_t)from[i] << 16;
        if (piece > 1)
            bits |= (uint32_t)from[i + 1] << 8;
        if (piece > 2)
            bits |= from[i + 2];
        char text[4] = {
            base64_alphabet[bits >> 18],
            base64_alphabet[bits >> 12 & 63],
            piece > 1 ? base64_alphabet[bits >> 6 & 63] : '=',
            piece > 2 ? base64_alphabet[bits & 63] : '=',
        };
        buf_add_bytes(out, text, sizeof text);
    }
}

/* Four characters to their 24 bits; `padding` of them are '='. */
static bool read_quad(const char *text, size_t padding, uint32_t *out)
{
    uint32_t bits = 0;

    for (size_t i = 0; i < 4; i++) {
        const char *at = i < 4 - padding ? memchr(base64_alphabet, text[i], 64) : base64_alphabet;
        if (at == NULL)
            return false;
        bits = bits << 6 | (uint32_t)(at - base64_alphabet);
    }
    /* Bits that the padding says are not there: two texts would mean the same bytes. */
    if ((padding == 1 && (bits & 0xff) != 0) || (padding == 2 && (bits & 0xffff) != 0))
        return false;
    *out = bits;
    return true;
}

bool crypto_read_base64(struct str text, struct buf *out)
{
    size_t before = out->len;

    if (text.len % 4 != 0)
        return false;
    for (size_t i = 0; i < text.len; i += 4) {
        struct str quad = str_slice(text, i, 4);
        bool last = i + 4 == text.len;
        size_t padding = last ? (size_t)str_ends_with(quad, STR("=")) +
                                    (size_t)str_ends_with(quad, STR("=="))
                              : 0;
        uint32_t bits = 0;
        if (!read_quad(quad.ptr, padding, &bits)) {
            out->len = before;
            return false;
        }
        uint8_t bytes[3] = { (uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits };
        buf_add_bytes(out, bytes, 3 - padding);
    }
    return buf_ok(out);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool crypto_read_hex(struct str text, void *out, size_t out_len)
{
    uint8_t *to = out;

    if (text.len % 2 != 0 || text.len / 2 != out_len)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (hex_value(text.ptr[i]) < 0)
            return false;
    }
    for (size_t i = 0; i < out_len; i++)
        to[i] = (uint8_t)(hex_value(text.ptr[2 * i]) << 4 | hex_value(text.ptr[2 * i + 1]));
    return true;
}
