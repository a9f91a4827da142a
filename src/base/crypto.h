/* crypto.h - hashes, MACs and encodings, over OpenSSL.
 *
 * A failure of the library here (it cannot fail for these inputs short of a broken
 * installation) ends the process. */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define SHA256_SIZE 32

struct sha256 {
    uint8_t bytes[SHA256_SIZE];
};

#define SHA512_SIZE 64

struct sha512 {
    uint8_t bytes[SHA512_SIZE];
};

struct sha256 crypto_sha256(struct str data);
/* The same of what comes in pieces; the end frees it. */
struct sha256_run;
struct sha256_run *crypto_sha256_begin(void);
void crypto_sha256_add(struct sha256_run *run, struct str data);
struct sha256 crypto_sha256_end(struct sha256_run *run);
/* Several pieces, each preceded by its length (8 bytes, big endian), so that
 * ("ab","c") and ("a","bc") differ. */
struct sha256 crypto_hmac_sha256(struct str key, const struct str *pieces, size_t count);
/* HMAC-SHA512 of one text as it is, by RFC 2104: what others sign their messages with. */
struct sha512 crypto_hmac_sha512(struct str key, struct str data);

/* HMAC-SHA256 of one text as it is, likewise. */
struct sha256 crypto_hmac_sha256_plain(struct str key, struct str data);

/* Ed25519 (RFC 8032). The private key is its seed. */
#define CRYPTO_ED25519_KEY_SIZE 32
#define CRYPTO_ED25519_SIGNATURE_SIZE 64
void crypto_ed25519_public(const void *seed, void *out);
void crypto_ed25519_sign(const void *seed, struct str data, void *out);
bool crypto_ed25519_verify(const void *public_key, struct str data, struct str signature);

/* RSA with SHA-256, RSASSA-PKCS1-v1_5. Private keys are PKCS#8 and public ones
 * SubjectPublicKeyInfo, both DER. A new key of 2048 bits takes some 100 ms. */
#define CRYPTO_RSA_DER_MAX 2048
#define CRYPTO_RSA_SIGNATURE_MAX 512
void crypto_rsa_make(unsigned bits, struct buf *private_der, struct buf *public_der);
/* A private key in any DER, as PKCS#8, with its public one. False when it is none. */
bool crypto_rsa_read(struct str der, struct buf *private_der, struct buf *public_der,
                     unsigned *bits);
/* False when it is no such key. */
bool crypto_rsa_sign(struct str private_der, struct str data, struct buf *out);
bool crypto_rsa_verify(struct str public_der, struct str data, struct str signature);

/* AES-256-GCM (NIST SP 800-38D). The nonce must never be used twice with one key; random
 * ones are safe for 2^32 messages. `aad` is not hidden, but any change of it is noticed.
 * `out` has room for len + CRYPTO_TAG_SIZE bytes: the cipher text, then the tag. */
#define CRYPTO_KEY_SIZE 32
#define CRYPTO_NONCE_SIZE 12
#define CRYPTO_TAG_SIZE 16
void crypto_encrypt(const void *key, const void *nonce, struct str aad, struct str plain,
                    void *out);
/* False, with nothing written that could be used, when key, aad or a byte is not as it was.
 * `out` has room for sealed.len - CRYPTO_TAG_SIZE bytes. */
bool crypto_decrypt(const void *key, const void *nonce, struct str aad, struct str sealed,
                    void *out);

/* In time that does not depend on where they differ. Lengths are no secret. */
bool crypto_equal(const void *a, const void *b, size_t len);

/* CRC-32 (IEEE 802.3), the checksum in API keys. */
uint32_t crypto_crc32(struct str data);

/* Base62 of big-endian bytes (digits, capitals, small letters), left-padded with
 * '0' to `width` characters. `len` is at most 64; a value too large for `width` asserts. */
void crypto_write_base62(struct buf *out, const void *bytes, size_t len, size_t width);

/* RFC 4648. Decoding is strict: false on any other character or wrong padding. */
void crypto_write_base64(struct buf *out, const void *bytes, size_t len);
bool crypto_read_base64(struct str text, struct buf *out);
bool crypto_read_hex(struct str text, void *out, size_t out_len);

#endif
