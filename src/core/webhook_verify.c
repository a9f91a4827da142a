/* webhook_verify.c - signatures of all formats, checked as a receiver does. */
#include "core/webhook_verify.h"

#include "base/time.h"

#define PART_MAX ((size_t)4096)

/* Which key it is and its bytes. */
enum key_kind { KEY_NONE = 0, KEY_SECRET, KEY_ED25519, KEY_RSA };

struct key {
    enum key_kind kind;
    struct str bytes;
};

static struct str without_lines(struct str text, struct arena *arena)
{
    struct str line;
    struct buf out;

    buf_init(&out, arena, PART_MAX);
    while (str_cut(&text, '\n', &line)) {
        if (str_ends_with(line, STR("\r")))
            line.len--;
        if (!str_starts_with(line, STR("-----")))
            buf_add(&out, str_trim(line));
    }
    return buf_ok(&out) ? buf_str(&out) : (struct str){ 0 };
}

static bool read_base64(struct str text, struct arena *arena, struct str *out)
{
    struct buf bytes;

    buf_init(&bytes, arena, PART_MAX);
    if (str_is_empty(text) || !crypto_read_base64(text, &bytes))
        return false;
    *out = buf_str(&bytes);
    return true;
}

bool webhook_key_der(struct str text, struct arena *arena, struct str *out)
{
    return read_base64(without_lines(text, arena), arena, out);
}

static struct key read_key(struct str text, struct arena *arena)
{
    static const struct str public_prefix = STR_INIT("whpk_");
    struct str plain = without_lines(text, arena);
    struct key key = { KEY_NONE, { 0 } };

    if (webhook_secret_bytes(plain, arena, &key.bytes))
        key.kind = KEY_SECRET;
    else if (str_starts_with(plain, public_prefix) &&
             read_base64(str_slice(plain, public_prefix.len, plain.len), arena, &key.bytes) &&
             key.bytes.len == CRYPTO_ED25519_KEY_SIZE)
        key.kind = KEY_ED25519;
    else if (str_starts_with(plain, STR("M")) && read_base64(plain, arena, &key.bytes))
        key.kind = KEY_RSA;
    return key;
}

static struct str field_of(const struct webhook_receipt *receipt, struct str name)
{
    for (size_t i = 0; i < receipt->field_count; i++)
        if (str_equal_nocase(receipt->fields[i].name, name))
            return receipt->fields[i].value;
    return (struct str){ 0 };
}

static bool say(struct str *said, bool well, struct str sentence)
{
    *said = sentence;
    return well;
}

static bool is_in_time(const struct webhook_check *check, int64_t time_s, struct arena *arena,
                       struct str *said)
{
    int64_t now_s = check->now_ms / SECOND_MS;
    int64_t away_s = time_s > now_s ? time_s - now_s : now_s - time_s;

    if (check->tolerance_s == 0 || away_s <= check->tolerance_s)
        return true;
    return say(said, false,
               str_format(arena,
                          "The signature fits, but its time is %lld s %s; %lld s are allowed.",
                          (long long)away_s, time_s > now_s ? "ahead" : "ago",
                          (long long)check->tolerance_s));
}

static bool same(struct str a, struct str b)
{
    return a.len == b.len && crypto_equal(a.ptr, b.ptr, a.len);
}

/* One of the list "v1,... v1a,...". */
static bool fits_standard(const struct key *key, struct str token, struct str id, int64_t time_s,
                          struct str body, struct arena *arena)
{
    struct str prefix = STR("v1a,"), signature = { 0 };
    struct buf text;

    if (key->kind == KEY_SECRET)
        return same(token, webhook_sign_v1(key->bytes, id, time_s, body, arena));
    buf_init(&text, arena, id.len + body.len + 32);
    buf_add(&text, id);
    buf_addf(&text, ".%lld.", (long long)time_s);
    buf_add(&text, body);
    return str_starts_with(token, prefix) &&
           read_base64(str_slice(token, prefix.len, token.len), arena, &signature) &&
           crypto_ed25519_verify(key->bytes.ptr, buf_str(&text), signature);
}

static bool verify_standard(const struct webhook_receipt *receipt,
                            const struct webhook_check *check, const struct key *key,
                            struct arena *arena, struct str *said)
{
    struct str id = field_of(receipt, STR("webhook-id"));
    struct str list = field_of(receipt, STR("webhook-signature"));
    struct str wanted = key->kind == KEY_SECRET ? STR("v1,") : STR("v1a,");
    struct str token;
    int64_t time_s = 0;
    bool has_sort = false;

    if (str_is_empty(id) || str_is_empty(list))
        return say(said, false, STR("It has no webhook-id or no webhook-signature."));
    if (!str_to_i64(field_of(receipt, STR("webhook-timestamp")), &time_s) || time_s < 0)
        return say(said, false, STR("It has no webhook-timestamp in seconds."));
    while (str_cut(&list, ' ', &token)) {
        has_sort = has_sort || str_starts_with(token, wanted);
        if (fits_standard(key, token, id, time_s, receipt->body, arena))
            return is_in_time(check, time_s, arena, said) &&
                   say(said, true, str_format(arena, "webhook-signature fits (%.*s).",
                                              (int)wanted.len - 1, wanted.ptr));
    }
    if (!has_sort)
        return say(said, false, str_format(arena, "webhook-signature has none of sort %.*s.",
                                           (int)wanted.len - 1, wanted.ptr));
    return say(said, false, STR("No signature fits: id, time or body is not as it was sent, or the "
                                "key is another endpoint's."));
}

static struct str hex_mac(const struct key *key, struct str text, struct arena *arena)
{
    struct sha256 mac = crypto_hmac_sha256_plain(key->bytes, text);
    struct buf out;

    buf_init(&out, arena, 2 * SHA256_SIZE + 1);
    buf_add_hex(&out, mac.bytes, SHA256_SIZE);
    return buf_str(&out);
}

/* "t=SECONDS,v1=HEX[,v1=HEX]" */
static bool verify_stripe(const struct webhook_receipt *receipt, const struct webhook_check *check,
                          const struct key *key, struct str value, struct arena *arena,
                          struct str *said)
{
    struct str part;
    int64_t time_s = -1;
    struct str mac = { 0 };

    while (str_cut(&value, ',', &part)) {
        if (str_starts_with(part, STR("t=")) &&
            str_to_i64(str_slice(part, 2, part.len), &time_s) && time_s >= 0) {
            struct buf text;
            buf_init(&text, arena, receipt->body.len + 32);
            buf_addf(&text, "%lld.", (long long)time_s);
            buf_add(&text, receipt->body);
            mac = hex_mac(key, buf_str(&text), arena);
        }
        if (!str_is_empty(mac) && str_starts_with(part, STR("v1=")) &&
            same(str_slice(part, 3, part.len), mac))
            return is_in_time(check, time_s, arena, said) &&
                   say(said, true, str_format(arena, "%.*s fits.", STR_ARG(check->header)));
    }
    return say(said, false, STR("No v1= fits: time or body is not as it was sent, or the secret is "
                                "another endpoint's."));
}

static bool verify_header(const struct webhook_receipt *receipt, const struct webhook_check *check,
                          const struct key *key, struct arena *arena, struct str *said)
{
    static const struct str prefix = STR_INIT("sha256=");
    struct str value = field_of(receipt, check->header);

    if (str_is_empty(value))
        return say(said, false,
                   str_format(arena, "It has no field %.*s.", STR_ARG(check->header)));
    if (!str_starts_with(value, prefix))
        return verify_stripe(receipt, check, key, value, arena, said);
    if (same(str_slice(value, prefix.len, value.len), hex_mac(key, receipt->body, arena)))
        return say(said, true, str_format(arena, "%.*s fits.", STR_ARG(check->header)));
    return say(said, false, STR("The signature does not fit: the body is not as it was sent, or "
                                "the secret is another endpoint's."));
}

/* X-Signature in base64, or Content-Signature with a digest in the alphabet for URLs. */
static bool verify_rsa(const struct webhook_receipt *receipt, const struct key *key,
                       struct arena *arena, struct str *said)
{
    static const struct str mark = STR_INIT("digest=");
    struct str value = field_of(receipt, STR("X-Signature")), name = STR("X-Signature");
    struct str signature = { 0 };
    struct buf text;

    if (str_is_empty(value)) {
        name = STR("Content-Signature");
        value = field_of(receipt, name);
        while (value.len > 0 && !str_starts_with(value, mark))
            value = str_slice(value, 1, value.len);
        value = str_slice(value, mark.len, value.len);
    }
    if (str_is_empty(value))
        return say(said, false, STR("It has neither X-Signature nor Content-Signature."));
    buf_init(&text, arena, PART_MAX);
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        buf_add_char(&text, (char)(c == '-' ? '+' : c == '_' ? '/' : c));
    }
    if (!buf_ok(&text) || !read_base64(buf_str(&text), arena, &signature))
        return say(said, false, str_format(arena, "%.*s is no base64.", STR_ARG(name)));
    if (crypto_rsa_verify(key->bytes, receipt->body, signature))
        return say(said, true, str_format(arena, "%.*s fits.", STR_ARG(name)));
    return say(said, false, STR("The signature does not fit: the body is not as it was sent, or "
                                "the key is another merchant's, mode's or size's."));
}

bool webhook_verify(const struct webhook_receipt *receipt, const struct webhook_check *check,
                    struct arena *arena, struct str *said)
{
    struct key key = read_key(check->key, arena);

    if (key.kind == KEY_NONE)
        return say(said, false, STR("The key is none: it must be whsec_..., whpk_..., or a public "
                                    "RSA key as PEM or in base64."));
    if (key.kind == KEY_RSA)
        return verify_rsa(receipt, &key, arena, said);
    if (str_is_empty(check->header))
        return verify_standard(receipt, check, &key, arena, said);
    if (key.kind != KEY_SECRET)
        return say(said, false, STR("Signatures in a header of choice are made with whsec_..."));
    return verify_header(receipt, check, &key, arena, said);
}

/* A line that is no field is a request line, which only the first may be. */
static enum err read_line(struct str line, size_t number, struct webhook_field *fields,
                          size_t *count, struct arena *arena, struct str *why)
{
    size_t colon = str_find_char(line, ':', 0);
    struct str name = str_slice(line, 0, colon);

    if (colon < line.len && str_is_visible_ascii(name)) {
        if (*count == WEBHOOK_RECEIPT_FIELDS_MAX) {
            *why = STR("It has too many header fields.");
            return ERR_VALIDATION;
        }
        fields[(*count)++] =
            (struct webhook_field){ name, str_trim(str_slice(line, colon + 1, line.len)) };
        return OK;
    }
    if (number == 1)
        return OK;
    *why = str_format(arena, "Line %zu is no header field.", number);
    return ERR_VALIDATION;
}

enum err webhook_receipt_read(struct str text, struct arena *arena, struct webhook_receipt *out,
                              struct str *why)
{
    struct webhook_field *fields =
        ARENA_ARRAY(arena, struct webhook_field, WEBHOOK_RECEIPT_FIELDS_MAX);
    struct webhook_receipt receipt = { .fields = fields };
    bool ended = false;
    struct str line;
    uint64_t length = 0;

    if (text.len > WEBHOOK_RECEIPT_MAX) {
        *why = str_format(arena, "It has more than %zu bytes.", WEBHOOK_RECEIPT_MAX);
        return ERR_VALIDATION;
    }
    for (size_t number = 1; !ended && str_cut(&text, '\n', &line); number++) {
        if (str_ends_with(line, STR("\r")))
            line.len--;
        ended = line.len == 0;
        enum err err = ended ? OK
                             : read_line(line, number, fields, &receipt.field_count, arena, why);
        if (err)
            return err;
    }
    if (!ended) {
        *why = STR("It has no empty line between its header and its body.");
        return ERR_VALIDATION;
    }
    receipt.body = text;
    if (str_to_u64(field_of(&receipt, STR("Content-Length")), &length)) {
        if (length > text.len) {
            *why = str_format(arena, "Its body is cut off: %zu bytes of %llu.", text.len,
                              (unsigned long long)length);
            return ERR_VALIDATION;
        }
        receipt.body = str_slice(text, 0, (size_t)length);
    }
    *out = receipt;
    return OK;
}
