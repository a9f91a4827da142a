#include "test_base_help.h"

#include "base/arena.h"
#include "base/crypto.h"

static struct arena arena;

static struct str hex(struct sha256 hash)
{
    struct buf buf;

    buf_init(&buf, &arena, 64);
    buf_add_hex(&buf, hash.bytes, sizeof hash.bytes);
    return buf_str(&buf);
}

/* FIPS 180-4's examples. */
static void sha256_is_sha256(void **state)
{
    struct str million = str_make(memset(arena_alloc(&arena, 1000000), 'a', 1000000), 1000000);

    (void)state;
    assert_str(hex(crypto_sha256((struct str){ 0 })),
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_str(hex(crypto_sha256(STR("abc"))),
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_str(hex(crypto_sha256(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
               "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    assert_str(hex(crypto_sha256(million)),
               "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    arena_done(&arena);
}

/* Expected values: HMAC-SHA256 of another implementation over length and bytes of each piece;
 * with no piece it is the plain HMAC of the empty text. */
static void hmac_tells_pieces_apart(void **state)
{
    struct str ab_c[] = { STR("ab"), STR("c") };
    struct str a_bc[] = { STR("a"), STR("bc") };
    struct str empty[] = { STR("") };
    struct str nothing[] = { { 0 } };
    struct str hi_there[] = { STR("Hi There") };
    struct str long_text[] = { str_make(memset(arena_alloc(&arena, 1000), 'x', 1000), 1000) };
    struct str long_key = str_make(memset(arena_alloc(&arena, 200), 'k', 200), 200);
    struct str key_0b = str_make(memset(arena_alloc(&arena, 20), 0x0b, 20), 20);

    (void)state;
    assert_str(hex(crypto_hmac_sha256(STR("key"), NULL, 0)),
               "5d5d139563c95b5967b9bd9a8c9b233a9dedb45072794cd232dc1b74832607d0");
    assert_str(hex(crypto_hmac_sha256(STR("key"), ab_c, 2)),
               "6792a685701881d31208bf28ad5cbe35d0ea5cc4f15c4689af94fe1602c421e3");
    assert_str(hex(crypto_hmac_sha256(STR("key"), a_bc, 2)),
               "ba41d3aaace0b4bb31fb49a559ae1df182e1fd8add9b6b3b5603e6cb342dce22");
    assert_str(hex(crypto_hmac_sha256(STR(""), empty, 1)),
               "f375180aba92888401f1919be4a8715a62763b65c1c10e1d0858e81d4d6f9fd2");
    assert_str(hex(crypto_hmac_sha256((struct str){ 0 }, nothing, 1)),
               "f375180aba92888401f1919be4a8715a62763b65c1c10e1d0858e81d4d6f9fd2");
    assert_str(hex(crypto_hmac_sha256(long_key, long_text, 1)),
               "e71bc6b8ece9b2d0b6e3faca011275d1a1f97b012940e1c416f6e95fa1d051bc");
    assert_str(hex(crypto_hmac_sha256(key_0b, hi_there, 1)),
               "70454c00e162637b41588d34d6e73e7ab2fb58fdde827b1e084ecaeb378dca60");
    arena_done(&arena);
}

/* RFC 4231, test cases 1 and 6. */
static void hmac_sha512_is_rfc_4231s(void **state)
{
    static const struct {
        int key_byte;
        size_t key_len;
        struct str data;
        const char *mac;
    } cases[] = {
        { 0x0b, 20, STR_INIT("Hi There"),
          "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
          "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854" },
        { 0xaa, 131, STR_INIT("Test Using Larger Than Block-Size Key - Hash Key First"),
          "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
          "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *key = memset(arena_alloc(&arena, 131), cases[i].key_byte, 131);
        struct sha512 mac = crypto_hmac_sha512(str_make(key, cases[i].key_len), cases[i].data);
        struct buf buf;

        buf_init(&buf, &arena, 128);
        buf_add_hex(&buf, mac.bytes, sizeof mac.bytes);
        assert_str(buf_str(&buf), cases[i].mac);
    }
    arena_done(&arena);
}

static void compares_bytes(void **state)
{
    (void)state;
    assert_true(crypto_equal("abc", "abc", 3));
    assert_false(crypto_equal("abc", "abd", 3));
    assert_true(crypto_equal("abc", "abd", 2));
    assert_true(crypto_equal(NULL, NULL, 0));
}

static void crc32_is_ieees(void **state)
{
    unsigned char bytes[256];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(crypto_crc32((struct str){ 0 }), 0);
    assert_int_equal(crypto_crc32(STR("a")), 0xe8b7be43);
    assert_int_equal(crypto_crc32(STR("123456789")), 0xcbf43926);
    assert_int_equal(crypto_crc32(str_make((char *)bytes, sizeof bytes)), 0x29058c73);
}

static struct str base62(const void *bytes, size_t len, size_t width)
{
    struct buf buf;

    buf_init(&buf, &arena, 128);
    crypto_write_base62(&buf, bytes, len, width);
    return buf_str(&buf);
}

static void base62_pads_to_its_width(void **state)
{
    unsigned char ones[64];

    (void)state;
    memset(ones, 0xff, sizeof ones);
    assert_str(base62("\0", 1, 3), "000");
    assert_str(base62(NULL, 0, 2), "00");
    assert_str(base62("\x3d", 1, 1), "z");
    assert_str(base62("\x3e", 1, 2), "10");
    assert_str(base62("\x0a", 1, 1), "A");
    assert_str(base62("\x24", 1, 1), "a");
    assert_str(base62("\xff", 1, 4), "0047");
    assert_str(base62("\xcb\xf4\x39\x26", 4, 6), "3jZRME");
    assert_str(base62(ones, 16, 22), "7n42DGM5Tflk9n8mt7Fhc7");
    assert_str(base62(ones, 32, 43), "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1");
    assert_str(
        base62(ones, 64, 86),
        "xR9fAlrdKvCIINsqEkJZSfvkAt8lzmSSSSwEFE05v06EBY3r5dlozuRxnvOf5LFQW8jES7aPVEzqA5lO3MW8"
        "I3");
    arena_done(&arena);
}

static void write_62_in_one_digit(void)
{
    char array[8];
    struct buf buf;

    buf_fixed(&buf, array, sizeof array);
    crypto_write_base62(&buf, "\x3e", 1, 1);
}

static void base62_too_narrow_stops_the_program(void **state)
{
    (void)state;
    assert_true(stops(write_62_in_one_digit));
}

/* RFC 4648, section 10, and the two characters of this alphabet that others replace. */
static void base64_goes_both_ways(void **state)
{
    static const struct {
        struct str bytes;
        const char *text;
    } cases[] = {
        { STR_INIT(""), "" },
        { STR_INIT("f"), "Zg==" },
        { STR_INIT("fo"), "Zm8=" },
        { STR_INIT("foo"), "Zm9v" },
        { STR_INIT("foob"), "Zm9vYg==" },
        { STR_INIT("fooba"), "Zm9vYmE=" },
        { STR_INIT("foobar"), "Zm9vYmFy" },
        { STR_INIT("\xfb\xff\xbe"), "+/++" },
        { STR_INIT("\0\0\0"), "AAAA" },
        { STR_INIT("\0"), "AA==" },
        { STR_INIT("\xff\xff"), "//8=" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf text, bytes;
        buf_init(&text, &arena, 64);
        buf_init(&bytes, &arena, 64);
        crypto_write_base64(&text, cases[i].bytes.ptr, cases[i].bytes.len);
        assert_str(buf_str(&text), cases[i].text);
        assert_true(crypto_read_base64(str_of(cases[i].text), &bytes));
        assert_true(str_equal(buf_str(&bytes), cases[i].bytes));
    }
    arena_done(&arena);
}

static void base64_is_strict(void **state)
{
    static const struct str cases[] = {
        STR_INIT("Z"),        STR_INIT("Zg"),
        STR_INIT("Zg="),      STR_INIT("Zg==="),
        STR_INIT("===="),     STR_INIT("Z==="),
        STR_INIT("=Zg="),     STR_INIT("Zg=a"),
        STR_INIT("Zg==Zg=="), STR_INIT("Zm9v Zm9"),
        STR_INIT("Zm9v\n"),   STR_INIT("Zm-v"),
        STR_INIT("Zm_v"),     STR_INIT("Zh=="),
        STR_INIT("Zm9="),     STR_INIT("Zm9v\0\0\0\0"),
        STR_INIT("Zm\0v"),    STR_INIT("Zm9vZm9v\xc3\xa9=="),
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf bytes;
        buf_init(&bytes, &arena, 64);
        buf_add_c(&bytes, "before");
        if (crypto_read_base64(cases[i], &bytes))
            fail_msg("accepted: %s", cases[i].ptr);
        assert_str(buf_str(&bytes), "before");
    }
    /* Well-formed, but there is no room. */
    char array[3];
    struct buf small;
    buf_fixed(&small, array, sizeof array);
    assert_false(crypto_read_base64(STR("Zm9v"), &small));
    arena_done(&arena);
}

static void hex_is_strict(void **state)
{
    unsigned char out[3] = { 1, 1, 1 };

    (void)state;
    assert_false(crypto_read_hex(STR("00ff"), out, 3));
    assert_false(crypto_read_hex(STR("00ff0"), out, 3));
    assert_false(crypto_read_hex(STR("00ff0g"), out, 3));
    assert_false(crypto_read_hex(STR("00ff0000"), out, 3));
    assert_false(crypto_read_hex(STR("0x00ff"), out, 3));
    assert_memory_equal(out, "\1\1\1", 3);
    assert_true(crypto_read_hex(STR("00fFa9"), out, 3));
    assert_memory_equal(out, "\x00\xff\xa9", 3);
    assert_true(crypto_read_hex(STR(""), NULL, 0));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_is_sha256),
        cmocka_unit_test(hmac_tells_pieces_apart),
        cmocka_unit_test(hmac_sha512_is_rfc_4231s),
        cmocka_unit_test(compares_bytes),
        cmocka_unit_test(crc32_is_ieees),
        cmocka_unit_test(base62_pads_to_its_width),
        cmocka_unit_test(base62_too_narrow_stops_the_program),
        cmocka_unit_test(base64_goes_both_ways),
        cmocka_unit_test(base64_is_strict),
        cmocka_unit_test(hex_is_strict),
    };
    return cmocka_run_group_tests_name("base/crypto", tests, NULL, NULL);
}
