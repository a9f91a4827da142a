/* checkout_card.c - the card of the page's own form, which is there for the sandbox only.
 *
 * It is read, and then the payer is asked once more before money moves. Between the two pages
 * it is kept by the page itself: encrypted under a key of this session, bound to the attempt
 * that the page was shown for, and good for some minutes. Any node can open it, none stores it. */
#include <assert.h>
#include <string.h>

#include "api/checkout_parts.h"
#include "base/time.h"

#define SEAL_MINUTES 15
#define PLAIN_MAX 1024
#define SEALED_MAX (CRYPTO_NONCE_SIZE + PLAIN_MAX + CRYPTO_TAG_SIZE)

struct str *checkout_card_field(struct card_form *form, struct str name)
{
    const struct {
        const char *name;
        struct str *value;
    } fields[] = {
        { "number", &form->number },
        { "expiry", &form->expiry },
        { "cvc", &form->cvc },
        { "name", &form->name },
    };

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (str_equal_c(name, fields[i].name))
            return fields[i].value;
    return NULL;
}

static struct sha256 key_of(const struct visit *visit)
{
    const struct str pieces[] = {
        STR("purser checkout card"),
        str_make((const char *)visit->id.id.bytes, sizeof visit->id.id.bytes),
    };

    return crypto_hmac_sha256(secret_reveal(visit->call->api->config.installation_key), pieces, 2);
}

/* People write numbers in groups. */
static struct str digits_of(struct str text, struct arena *arena)
{
    struct buf out;

    buf_init(&out, arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != ' ' && text.ptr[i] != '-')
            buf_add_char(&out, text.ptr[i]);
    return buf_str(&out);
}

/* "09/30", "9 / 2030", "0930" */
static bool read_expiry(struct str text, struct arena *arena, int64_t *month, int64_t *year)
{
    struct str plain = digits_of(text, arena);
    size_t slash = str_find_char(plain, '/', 0);
    bool split = slash < plain.len;
    size_t cut = split ? slash : 2;

    if (!str_to_i64(str_slice(plain, 0, cut), month) ||
        !str_to_i64(str_slice(plain, split ? cut + 1 : cut, plain.len), year))
        return false;
    if (*year >= 0 && *year < 100)
        *year += 2000;
    return true;
}

static unsigned fault_of(struct str param)
{
    if (str_ends_with(param, STR("number")))
        return CHECKOUT_FAULT_NUMBER;
    if (str_ends_with(param, STR("cvc")))
        return CHECKOUT_FAULT_CODE;
    return str_ends_with(param, STR("holder_name")) ? CHECKOUT_FAULT_NAME : CHECKOUT_FAULT_EXPIRY;
}

/* As the API takes it, so that one reader judges both. */
static struct str card_json(const struct card_form *form, struct arena *arena)
{
    struct json_out out;
    struct buf text;
    int64_t month = 0;
    int64_t year = 0;

    if (!read_expiry(form->expiry, arena, &month, &year))
        month = 0;
    buf_init(&text, arena, PLAIN_MAX);
    json_begin(&out, &text);
    json_open_object(&out, NULL);
    json_put_text(&out, "number", digits_of(form->number, arena));
    json_put_int(&out, "exp_month", month);
    json_put_int(&out, "exp_year", year);
    json_put_text(&out, "cvc", form->cvc);
    if (!str_is_empty(form->name))
        json_put_text(&out, "holder_name", form->name);
    json_close_object(&out);
    json_done(&out);
    return buf_ok(&text) ? buf_str(&text) : (struct str){ 0 };
}

static enum err read_card(const struct visit *visit, struct str text, struct arena *arena,
                          struct card_given *out, struct trouble *trouble)
{
    const struct json *json = NULL;

    enum err err = json_parse(text, arena, &json, NULL);
    return err ? err : card_read(json, "", call_now_ms(visit->call), arena, out, trouble);
}

/* The moment, the form's proof as what it is bound to, and the text. */
static struct str seal(const struct visit *visit, struct str text, struct arena *arena)
{
    uint8_t sealed[SEALED_MAX];
    struct sha256 key = key_of(visit);
    struct str plain = str_format(arena, "%lld %.*s", (long long)call_now_ms(visit->call),
                                  STR_ARG(text));
    struct buf out;

    outside_random(visit->call->api->config.outside, sealed, CRYPTO_NONCE_SIZE);
    assert(plain.len <= PLAIN_MAX);
    crypto_encrypt(key.bytes, sealed, checkout_form_proof(visit), plain,
                   sealed + CRYPTO_NONCE_SIZE);
    buf_init(&out, visit->call->arena, 2 * SEALED_MAX);
    crypto_write_base64(&out, sealed, CRYPTO_NONCE_SIZE + plain.len + CRYPTO_TAG_SIZE);
    return buf_str(&out);
}

bool checkout_card_seal(struct visit *visit, const struct card_form *form, struct arena *arena)
{
    struct trouble trouble = { .arena = arena };
    struct card_given given = { 0 };
    struct str text = card_json(form, arena);

    enum err err = text.len == 0 || text.len > PLAIN_MAX - 32
                       ? ERR_VALIDATION : read_card(visit, text, arena, &given, &trouble);
    if (err) {
        visit->faults = fault_of(trouble.param);
        return false;
    }
    visit->card = seal(visit, text, arena);
    visit->card_last4 = str_copy(visit->call->arena, given.last4);
    card_done(&given.card);
    return true;
}

bool checkout_card_open(const struct visit *visit, struct str sealed, struct arena *arena,
                        struct card_given *out)
{
    struct sha256 key = key_of(visit);
    struct trouble trouble = { .arena = arena };
    struct str at;
    struct buf bytes;
    int64_t sealed_ms;

    buf_init(&bytes, arena, SEALED_MAX);
    if (!crypto_read_base64(sealed, &bytes) || !buf_ok(&bytes) ||
        buf_str(&bytes).len < CRYPTO_NONCE_SIZE + CRYPTO_TAG_SIZE)
        return false;
    struct str cipher = str_slice(buf_str(&bytes), CRYPTO_NONCE_SIZE, SEALED_MAX);
    char *plain = ARENA_ARRAY(arena, char, cipher.len);
    if (!crypto_decrypt(key.bytes, buf_str(&bytes).ptr, checkout_form_proof(visit), cipher, plain))
        return false;
    struct str text = str_make(plain, cipher.len - CRYPTO_TAG_SIZE);
    if (!str_cut(&text, ' ', &at) || !str_to_i64(at, &sealed_ms) ||
        call_now_ms(visit->call) - sealed_ms > SEAL_MINUTES * MINUTE_MS)
        return false;
    return read_card(visit, text, arena, out, &trouble) == OK;
}
