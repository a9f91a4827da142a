#include "api/address.h"

#include <string.h>

#define GROUPS 8 /* of an IPv6 address, 16 bits each */
#define V4_BITS_BEFORE 96u

static const uint8_t v4_lead[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

/* Four decimals from 0 to 255 without leading zeros: 010 is eight to some readers. */
static bool parse_v4(struct str text, uint8_t out[4])
{
    for (int i = 0; i < 4; i++) {
        size_t dot = str_find_char(text, '.', 0);
        struct str part = str_slice(text, 0, dot);
        int64_t number = 0;
        bool last = i == 3;
        if (part.len == 0 || part.len > 3 || (part.len > 1 && part.ptr[0] == '0') ||
            !str_to_i64(part, &number) || number < 0 || number > 255)
            return false;
        if (last != (dot == text.len))
            return false;
        out[i] = (uint8_t)number;
        text = str_slice(text, dot + 1, text.len);
    }
    return true;
}

static bool parse_group(struct str text, uint16_t *out)
{
    unsigned value = 0;

    if (text.len == 0 || text.len > 4)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c >= '0' && c <= '9')
            value = value * 16 + (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value * 16 + (unsigned)(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F')
            value = value * 16 + (unsigned)(c - 'A' + 10);
        else
            return false;
    }
    *out = (uint16_t)value;
    return true;
}

/* Groups separated by ':'. At the address's end the last may be an IPv4 address, which counts
 * as two. Returns how many, or -1. The empty text has none. */
static int parse_groups(struct str text, bool at_end, uint16_t out[GROUPS])
{
    int count = 0;

    if (text.len == 0)
        return 0;
    for (;;) {
        size_t colon = str_find_char(text, ':', 0);
        struct str group = str_slice(text, 0, colon);
        uint8_t v4[4];
        bool last = colon == text.len;
        if (last && at_end && count <= GROUPS - 2 && parse_v4(group, v4)) {
            out[count] = (uint16_t)(v4[0] << 8 | v4[1]);
            out[count + 1] = (uint16_t)(v4[2] << 8 | v4[3]);
            return count + 2;
        }
        if (count == GROUPS || !parse_group(group, &out[count]))
            return -1;
        count++;
        if (last)
            return count;
        text = str_slice(text, colon + 1, text.len);
    }
}

/* Position of "::", or text.len. */
static size_t find_gap(struct str text)
{
    for (size_t i = 0; i + 1 < text.len; i++)
        if (text.ptr[i] == ':' && text.ptr[i + 1] == ':')
            return i;
    return text.len;
}

static bool parse_v6(struct str text, struct address *out)
{
    uint16_t head[GROUPS] = { 0 };
    uint16_t tail[GROUPS] = { 0 };
    uint16_t all[GROUPS] = { 0 };
    size_t gap = find_gap(text);
    int heads = parse_groups(str_slice(text, 0, gap), gap == text.len, head);
    int tails = 0;

    if (gap < text.len) {
        tails = parse_groups(str_slice(text, gap + 2, text.len), true, tail);
        if (heads < 0 || tails < 0 || heads + tails > GROUPS - 1)
            return false;
    } else if (heads != GROUPS) {
        return false;
    }
    for (int i = 0; i < heads; i++)
        all[i] = head[i];
    for (int i = 0; i < tails; i++)
        all[GROUPS - tails + i] = tail[i];
    for (int i = 0; i < GROUPS; i++) {
        out->bytes[2 * i] = (uint8_t)(all[i] >> 8);
        out->bytes[2 * i + 1] = (uint8_t)all[i];
    }
    return true;
}

bool address_parse(struct str text, struct address *out)
{
    struct address address;

    if (str_find_char(text, ':', 0) < text.len) {
        if (!parse_v6(text, &address))
            return false;
    } else {
        memcpy(address.bytes, v4_lead, sizeof v4_lead);
        if (!parse_v4(text, address.bytes + sizeof v4_lead))
            return false;
    }
    *out = address;
    return true;
}

bool address_block_parse(struct str text, struct address_block *out)
{
    size_t slash = str_find_char(text, '/', 0);
    struct address_block block = { .bits = 128 };
    bool is_v4 = str_find_char(text, ':', 0) == text.len;
    int64_t bits = is_v4 ? 32 : 128;

    if (!address_parse(str_slice(text, 0, slash), &block.first))
        return false;
    if (slash < text.len) {
        int64_t most = bits;
        if (!str_to_i64(str_slice(text, slash + 1, text.len), &bits) || bits < 0 || bits > most)
            return false;
    }
    block.bits = (unsigned)bits + (is_v4 ? V4_BITS_BEFORE : 0);
    *out = block;
    return true;
}

bool address_in_block(const struct address *address, const struct address_block *block)
{
    unsigned whole = block->bits / 8;
    unsigned rest = block->bits % 8;

    if (memcmp(address->bytes, block->first.bytes, whole) != 0)
        return false;
    if (rest == 0)
        return true;
    uint8_t differing = address->bytes[whole] ^ block->first.bytes[whole];
    return differing >> (8 - rest) == 0;
}

bool address_is_listed(struct str blocks, struct str peer)
{
    struct address address;
    struct address_block block;
    struct str text;

    if (str_is_empty(blocks))
        return true;
    if (!address_parse(peer, &address))
        return false;
    while (str_cut(&blocks, ' ', &text))
        if (address_block_parse(text, &block) && address_in_block(&address, &block))
            return true;
    return false;
}

/* Off the end of a list with commas; false when it was empty. */
static bool cut_last(struct str *list, struct str *last)
{
    size_t from = list->len;

    if (list->len == 0)
        return false;
    while (from > 0 && list->ptr[from - 1] != ',')
        from--;
    *last = str_trim(str_slice(*list, from, list->len));
    *list = str_slice(*list, 0, from > 0 ? from - 1 : 0);
    return true;
}

/* What is no address was written by nobody of ours: then it is the proxy that passed it on. */
struct str address_behind(struct str peer, struct str forwarded, struct str proxies)
{
    struct address address;
    struct str before;

    while (!str_is_empty(proxies) && address_is_listed(proxies, peer) &&
           cut_last(&forwarded, &before) && address_parse(before, &address))
        peer = before;
    return peer;
}
