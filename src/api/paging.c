/* paging.c - a cursor is the place of the last object and a keyed hash of everything else
 * that the page depended on, in hexadecimals. A changed filter is noticed, and places
 * cannot be made up. */
#include "api/paging.h"

#include <assert.h>
#include <string.h>

#include "base/crypto.h"
#include "net/url.h"

const struct field page_fields[2] = { PAGE_FIELDS };

struct cursor {
    struct id place;
    uint8_t check[8];
};

/* Each piece is hashed by itself and the hashes are XORed, so that the order of the
 * parameters does not matter. None stands twice (fields_read_query). */
static void mix(const struct call *call, struct page *page, struct str name, struct str value)
{
    struct str pieces[] = { STR("cursor"), name, value };
    struct sha256 hash = crypto_hmac_sha256(secret_reveal(call->api->config.installation_key),
                                            pieces, 3);

    for (size_t i = 0; i < sizeof page->filters; i++)
        page->filters[i] ^= hash.bytes[i];
}

static void mix_query(struct call *call, struct page *page)
{
    struct str query = server_request_query(call->request);
    struct str name;
    struct str value;

    while (url_next_pair(&query, call->arena, &name, &value) > 0)
        if (!str_equal_c(name, "limit") && !str_equal_c(name, "cursor"))
            mix(call, page, name, value);
}

static void seal(const struct call *call, const struct page *page, struct id place,
                 uint8_t check[8])
{
    struct str pieces[] = {
        STR("place"),
        str_make((const char *)page->filters, sizeof page->filters),
        str_make((const char *)place.bytes, sizeof place.bytes),
    };
    struct sha256 hash = crypto_hmac_sha256(secret_reveal(call->api->config.installation_key),
                                            pieces, 3);

    memcpy(check, hash.bytes, 8);
}

enum err page_begin(struct call *call, struct page *page)
{
    struct merchant_id merchant = call->who.merchant;
    struct cursor cursor;
    uint8_t check[8];

    mix(call, page, STR("path"), server_request_path(call->request));
    mix(call, page, call->who.live ? STR("live") : STR("test"),
        str_make((const char *)merchant.id.bytes, sizeof merchant.id.bytes));
    mix_query(call, page);
    if (str_is_empty(page->cursor))
        return OK;
    bool ours = crypto_read_hex(page->cursor, &cursor, sizeof cursor);
    if (ours) {
        seal(call, page, cursor.place, check);
        ours = crypto_equal(check, cursor.check, sizeof check);
    }
    if (!ours)
        return trouble_about(&call->trouble, ERR_INVALID_CURSOR, STR("cursor"),
                             "The cursor is not one of ours, or belongs to another query.");
    page->place = cursor.place;
    return OK;
}

void cursor_write(struct buf *out, const struct call *call, const struct page *page, struct id last)
{
    struct cursor cursor = { .place = last };

    seal(call, page, last, cursor.check);
    buf_add_hex(out, &cursor, sizeof cursor);
}

int64_t page_limit(const struct page *page)
{
    return page->limit + 1;
}

size_t page_shown(const struct page *page, size_t row_count)
{
    return row_count > (size_t)page->limit ? (size_t)page->limit : row_count;
}

void list_open(struct json_out *out)
{
    json_open_object(out, NULL);
    json_put_text(out, "object", STR("list"));
    json_open_array(out, "data");
}

void list_open_history(struct json_out *out, bool pruned)
{
    json_open_object(out, NULL);
    json_put_text(out, "object", STR("list"));
    json_put_bool(out, "pruned", pruned);
    json_open_array(out, "data");
}

void list_close_at(struct json_out *out, struct str next_cursor)
{
    json_close_array(out);
    json_put_text_or_null(out, "next_cursor", next_cursor);
    json_close_object(out);
}

void list_close(struct json_out *out, const struct read_ask *ask, size_t row_count, struct id last)
{
    struct buf cursor;

    buf_init(&cursor, ask->arena, 2 * sizeof(struct cursor));
    if (row_count > page_shown(ask->page, row_count))
        cursor_write(&cursor, ask->call, ask->page, last);
    assert(buf_ok(&cursor));
    list_close_at(out, buf_str(&cursor));
}

struct id place_of_number(int64_t number)
{
    struct id place = { { 0 } };

    for (int i = 0; i < 8; i++)
        place.bytes[8 + i] = (uint8_t)((uint64_t)number >> (56 - 8 * i));
    return place;
}

int64_t number_of_place(struct id place)
{
    uint64_t number = 0;

    for (int i = 0; i < 8; i++)
        number = number << 8 | place.bytes[8 + i];
    return (int64_t)number;
}
