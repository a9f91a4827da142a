/* fuzz_checkout.c - what browsers send to a payer's page, and what merchants wrote on it.
 *
 * Whatever comes: a form is text or refused; a card that was taken comes back only from what was
 * sealed here; a cookie proves nothing but the token that is right; a language is one of ours; and
 * no text becomes markup.
 *
 * Input: a letter that says which (f, q, c, l, p), then the form's body, the query, the cookies,
 * the Accept-Language, or what a merchant wrote. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/checkout_parts.h"
#include "base/pan.h"

#define NOW_MS INT64_C(1772366400000)

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_text(struct str value, struct str body)
{
    check(value.len <= body.len && str_is_utf8(value));
    check(value.len == 0 || memchr(value.ptr, '\0', value.len) == NULL);
}

/* What was sealed for one page opens on that page, and no other. */
static void check_card(struct visit *visit, const struct pressed *pressed, struct arena *arena)
{
    struct card_given given = { 0 };

    if (checkout_card_open(visit, pressed->card, arena, &given))
        abort();
    if (!checkout_card_seal(visit, &pressed->fields, arena)) {
        check(visit->faults != 0 && str_is_empty(visit->card));
        return;
    }
    check(!pan_present(visit->card) && visit->card_last4.len == 4);
    check(checkout_card_open(visit, visit->card, arena, &given));
    check(str_equal(given.last4, visit->card_last4));
    card_done(&given.card);
    visit->checkout->attempts++;
    check(!checkout_card_open(visit, visit->card, arena, &given));
}

static void fuzz_form(struct visit *visit, struct str body)
{
    struct arena *arena = visit->call->arena;
    struct pressed pressed = { 0 };

    enum err err = checkout_read_form(body, arena, &pressed);
    check(err == OK || err == ERR_MALFORMED_REQUEST);
    if (err)
        return;
    const struct str texts[] = {
        pressed.deed,          pressed.form,       pressed.card,          pressed.website,
        pressed.save,          pressed.fields.cvc, pressed.fields.number, pressed.fields.name,
        pressed.fields.expiry,
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        check_text(texts[i], body);
    check_card(visit, &pressed, arena);
}

static void fuzz_query(struct str query)
{
    bool has = checkout_query_has(query, STR(CHECKOUT_WAIT));

    check(!has || query.len >= sizeof CHECKOUT_WAIT - 1);
}

static void fuzz_cookies(const struct visit *visit, struct str cookies)
{
    struct checkout_id id = { 0 };
    struct str token = checkout_cookie_token(visit->call->api, cookies, &id);
    struct buf right;

    if (str_is_empty(token))
        return;
    buf_init(&right, visit->call->arena, 256);
    checkout_token_write(visit->call->api, id, &right);
    check(str_equal(token, buf_str(&right)));
}

static size_t marks(const struct visit *visit, struct str text)
{
    struct buf out;
    struct checkout_page page = {
        .view = CHECKOUT_VIEW_CARD, .language = STR("en"), .amount = { 1250, CURRENCY_EUR },
        .merchant = text, .shop = STR("Cups"), .description = text,
    };
    size_t count = 0;

    buf_init(&out, visit->call->arena, 4 * CHECKOUT_PAGE_MAX + 24 * text.len);
    checkout_page_write(&out, &page);
    struct str html = buf_str(&out);
    check(buf_ok(&out) && str_is_utf8(html));
    for (size_t i = 0; i < html.len; i++)
        count += html.ptr[i] == '<' || html.ptr[i] == '>' || html.ptr[i] == '"';
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outside_fake fake;
    struct arena arena = { 0 };
    struct secret key = secret_copy(STR("an installation key"));

    outside_fake_init(&fake, NOW_MS, 1);
    struct api api = { .config = { .outside = &fake.outside, .installation_key = &key } };
    struct call call = { .api = &api, .arena = &arena, .trouble = { .arena = &arena } };
    struct checkout checkout = { .attempts = 1 };
    struct visit visit = { .call = &call, .checkout = &checkout };
    struct str text = size > 0 ? str_make((const char *)data + 1, size - 1) : (struct str){ 0 };

    switch (size > 0 ? data[0] : 0) {
    case 'f':
        fuzz_form(&visit, text);
        break;
    case 'q':
        fuzz_query(text);
        break;
    case 'c':
        fuzz_cookies(&visit, text);
        break;
    case 'l':
        check(checkout_page_speaks(checkout_page_language((struct str){ 0 }, text)));
        break;
    case 'p':
        check(str_is_empty(text) || marks(&visit, text) == marks(&visit, STR("x")));
        break;
    default:
        break;
    }
    secret_done(&key);
    arena_done(&arena);
    return 0;
}
