/* Writing texts as JSON: whatever is found eight bytes at a time. */
#include "test_base_help.h"

#include "base/json.h"

#define LONGEST 36

/* The byte among plain ones comes out as it does alone. */
static void check_byte_at(char byte, size_t at, size_t len)
{
    char filled[LONGEST], room[16], wanted[64], written[64];
    struct buf alone, text, expected;
    unsigned char value = (unsigned char)byte;

    buf_fixed(&alone, room, sizeof room);
    json_write_text(&alone, str_make(&byte, 1));
    struct str inner = str_slice(buf_str(&alone), 1, alone.len - 2);
    /* The lowest and the highest that are plain: they would carry first. */
    for (size_t i = 0; i < len; i++)
        filled[i] = i % 2 ? ' ' : '~';
    buf_fixed(&expected, wanted, sizeof wanted);
    buf_add_char(&expected, '"');
    buf_add(&expected, str_make(filled, at));
    buf_add(&expected, inner);
    buf_add(&expected, str_make(filled + at + 1, len - at - 1));
    buf_add_char(&expected, '"');
    filled[at] = byte;
    buf_fixed(&text, written, sizeof written);
    json_write_text(&text, str_make(filled, len));
    assert_true(str_equal(buf_str(&text), buf_str(&expected)));
    assert_int_equal(str_has_no_controls(str_make(filled, len)), value >= ' ' && value != 0x7f);
}

/* Texts are written many bytes at a time where they need nothing, by their length. */
static void test_every_byte_at_every_place(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++)
        for (size_t len = 1; len <= LONGEST; len++)
            for (size_t at = 0; at < len; at++)
                check_byte_at((char)byte, at, len);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_at_every_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
