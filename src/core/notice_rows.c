/* notice_rows.c - from a notification's bytes to rows. */
#include "core/notice_rows.h"

#include <assert.h>

#include "base/crypto.h"
#include "base/pan.h"

#define CLAIMS_MAX 32
#define REFERENCE_BYTES_MAX 255
/* Escapes make JSON up to six times as long, U+FFFD other bytes three times. */
#define KEPT_MAX (8 * NOTICE_BODY_MAX)

/* Bytes that tell one notification from another: the same claim of the same one is one row. */
static struct sha256 digest_of(const struct gateway_account *account,
                               const struct gateway_notice *notice,
                               const struct gateway_claim *claim, size_t place,
                               struct arena *arena)
{
    struct sha256 body = crypto_sha256(notice->body);
    struct buf text;

    buf_init(&text, arena, NOTICE_BODY_MAX + 256);
    gateway_account_id_write(&text, account->id);
    buf_addf(&text, "|%zu|", place);
    if (str_is_empty(claim->notice_id)) {
        buf_add_c(&text, "body|");
        buf_add_hex(&text, body.bytes, sizeof body.bytes);
    } else {
        buf_add_c(&text, "id|");
        buf_add(&text, claim->notice_id);
    }
    assert(buf_ok(&text));
    return crypto_sha256(buf_str(&text));
}

/* What is kept of the body. */

static bool is_secret(const char *const *secret_members, struct str name)
{
    for (const char *const *at = secret_members; at && *at != NULL; at++)
        if (str_equal_nocase(name, str_of(*at)))
            return true;
    return false;
}

static void put_without_secrets(struct json_out *out, struct arena *arena, struct str name,
                                const struct json *value, const char *const *secret_members)
{
    const char *called = str_is_empty(name) ? NULL : str_c(arena, name);
    bool is_object = json_is_object(value);
    struct json_cursor cursor;

    if (is_secret(secret_members, name)) {
        json_put_text(out, called, STR("[hidden]"));
        return;
    }
    if (!is_object && json_type(value) != JSON_ARRAY) {
        json_put_value(out, called, value);
        return;
    }
    if (is_object)
        json_open_object(out, called);
    else
        json_open_array(out, called);
    json_each(&cursor, value);
    while (json_next(&cursor, &name, &value))
        put_without_secrets(out, arena, name, value, secret_members);
    if (is_object)
        json_close_object(out);
    else
        json_close_array(out);
}

/* As it came where that is JSON without secrets. What is none may hold a secret anywhere, so of
 * a gateway that sends some nothing is kept. */
static struct str without_secrets(const struct gateway *gateway, struct str body,
                                  struct arena *arena)
{
    const char *const *secret_members = gateway->notices.secret_members;
    const struct json *json = NULL;
    struct json_out out;
    struct buf text;

    bool is_json = json_parse(body, arena, &json, NULL) == OK;
    if (is_json && !secret_members)
        return body;
    buf_init(&text, arena, KEPT_MAX);
    if (!is_json) {
        json_write_text(&text, secret_members ? (struct str){ 0 } : body);
        return buf_str(&text);
    }
    json_begin(&out, &text);
    put_without_secrets(&out, arena, (struct str){ 0 }, json, secret_members);
    json_done(&out);
    return buf_str(&text);
}

static struct str body_to_keep(const struct gateway *gateway, struct str body,
                               struct arena *arena, struct arena *scratch)
{
    struct buf masked;

    buf_init(&masked, arena, KEPT_MAX);
    pan_write_masked(&masked, without_secrets(gateway, body, scratch));
    assert(buf_ok(&masked));
    return buf_str(&masked);
}

/* Rows. */

static struct str reference_to_keep(struct str reference, struct arena *arena)
{
    bool ours = reference.len <= REFERENCE_BYTES_MAX && str_is_utf8(reference);

    return ours ? str_copy(arena, reference) : (struct str){ 0 };
}

enum err notice_rows(const struct gateway *gateway, const struct gateway_account *account,
                     const struct gateway_notice *notice, struct arena *arena,
                     struct arena *scratch, struct notices_keep *out, bool *unreadable)
{
    struct gateway_claim *claims = ARENA_ARRAY(scratch, struct gateway_claim, CLAIMS_MAX);
    size_t count = 0;

    assert(notice->body.len <= NOTICE_BODY_MAX);
    if (!gateway->notices.verify(notice))
        return ERR_UNAUTHENTICATED;
    *unreadable = gateway->notices.read(notice, scratch, claims, CLAIMS_MAX, &count) != OK;
    if (*unreadable || count == 0) {
        claims[0] = (struct gateway_claim){ 0 };
        count = 1;
    }
    struct str body = body_to_keep(gateway, notice->body, arena, scratch);
    const struct notice **rows = ARENA_ARRAY(arena, const struct notice *, count);
    for (size_t i = 0; i < count; i++) {
        struct notice *row = ARENA_NEW(arena, struct notice);
        *row = (struct notice){
            .gateway_account = account->id,
            .merchant = account->merchant,
            .live = account->live,
            .digest = digest_of(account, notice, &claims[i], i, scratch),
            .reference = reference_to_keep(claims[i].reference, arena),
            .gateway_reference = reference_to_keep(claims[i].gateway_reference, arena),
            .body = body,
        };
        rows[i] = row;
    }
    *out = (struct notices_keep){ rows, count };
    return OK;
}
