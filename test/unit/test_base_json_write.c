/* Writing texts as JSON: whatever is found eight bytes at a time. */
#include "test_base_help.h"

#include "base/json.h"

/* Texts are written eight bytes at a time where they need nothing: each byte at each place among
 * plain ones comes out as it does alone. */
static void test_every_byte_at_every_place(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        char one = (char)byte, room[16], wanted[64], written[64];
        struct buf alone, text, expected;

        buf_fixed(&alone, room, sizeof room);
        json_write_text(&alone, str_make(&one, 1));
        struct str inner = str_slice(buf_str(&alone), 1, alone.len - 2);
        for (size_t at = 0; at < 20; at++) {
            char filled[20];
            /* The lowest and the highest that are plain: they would carry first. */
            for (size_t i = 0; i < sizeof filled; i++)
                filled[i] = i % 2 ? ' ' : '~';
            buf_fixed(&expected, wanted, sizeof wanted);
            buf_add_char(&expected, '"');
            buf_add(&expected, str_make(filled, at));
            buf_add(&expected, inner);
            buf_add(&expected, str_make(filled + at + 1, sizeof filled - at - 1));
            buf_add_char(&expected, '"');
            filled[at] = one;
            buf_fixed(&text, written, sizeof written);
            json_write_text(&text, str_make(filled, sizeof filled));
            assert_true(str_equal(buf_str(&text), buf_str(&expected)));
            assert_int_equal(str_has_no_controls(str_make(filled, sizeof filled)),
                             byte >= ' ' && byte != 0x7f);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_at_every_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
