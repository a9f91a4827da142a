#include "test_base_help.h"

#include "base/arena.h"
#include "base/list.h"

static bool is_zero(const void *bytes, size_t len)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < len; i++) {
        if (at[i] != 0)
            return false;
    }
    return true;
}

/* AddressSanitizer guards what an arena does not hand out. */
void __asan_unpoison_memory_region(void const volatile *at, size_t size) __attribute__((weak));

static void unpoison(const void *at, size_t size)
{
    if (__asan_unpoison_memory_region != NULL)
        __asan_unpoison_memory_region(at, size);
}

static void gives_zeroed_aligned_memory(void **state)
{
    struct arena arena = { 0 };

    (void)state;
    for (size_t size = 0; size < 300; size++) {
        unsigned char *ptr = arena_alloc(&arena, size);
        assert_int_equal((uintptr_t)ptr % _Alignof(max_align_t), 0);
        assert_true(is_zero(ptr, size));
        memset(ptr, 0xff, size);
    }
    arena_done(&arena);
}

static void gives_zeroed_memory_again_after_reset(void **state)
{
    struct arena arena = { 0 };

    (void)state;
    unsigned char *first = arena_alloc(&arena, 4000);
    memset(first, 0xff, 4000);
    assert_true(arena.used_bytes >= 4000);
    arena_reset(&arena);
    assert_int_equal(arena.used_bytes, 0);
    unsigned char *second = arena_alloc(&arena, 4000);
    assert_ptr_equal(first, second);
    assert_true(is_zero(second, 4000));
    arena_done(&arena);
}

static void keeps_apart_what_it_gave(void **state)
{
    struct arena arena = { 0 };
    unsigned char *given[2000];

    (void)state;
    /* Through all sizes of chunks, with oversize blocks among them. */
    for (size_t i = 0; i < COUNT_OF(given); i++) {
        size_t size = i % 100 == 99 ? 1500000 : 1500;
        given[i] = arena_alloc(&arena, size);
        assert_true(is_zero(given[i], size));
        memset(given[i], (int)(i % 251), size);
    }
    for (size_t i = 0; i < COUNT_OF(given); i++) {
        size_t size = i % 100 == 99 ? 1500000 : 1500;
        assert_int_equal(given[i][0], i % 251);
        assert_int_equal(given[i][size - 1], i % 251);
    }
    arena_done(&arena);
}

static void takes_oversize_blocks_beside_the_chunk(void **state)
{
    struct arena arena = { 0 };

    (void)state;
    char *before = arena_alloc(&arena, 16);
    arena_alloc(&arena, 3000000);
    char *after = arena_alloc(&arena, 16);
    /* The chunk goes on where it was. */
    assert_true(after > before && after - before <= 64);

    arena_reset(&arena);
    assert_ptr_equal(arena_alloc(&arena, 16), before);
    arena_done(&arena);

    arena_alloc(&arena, 3000000);
    arena_reset(&arena);
    arena_alloc(&arena, 16);
    arena_done(&arena);
    assert_null(arena.blocks);
    arena_done(&arena);
}

static void copies_and_makes_arrays(void **state)
{
    struct arena arena = { 0 };
    int numbers[] = { 1, 2, 3 };

    (void)state;
    int *copy = arena_copy(&arena, numbers, sizeof numbers);
    numbers[0] = 9;
    assert_int_equal(copy[0], 1);
    assert_int_equal(copy[2], 3);
    assert_non_null(arena_copy(&arena, NULL, 0));
    long *array = ARENA_ARRAY(&arena, long, 100);
    assert_true(is_zero(array, 100 * sizeof *array));
    assert_non_null(arena_array(&arena, 0, 8));
    arena_done(&arena);
}

static void grows_in_place_only_at_the_end(void **state)
{
    struct arena arena = { 0 };

    (void)state;
    char *text = arena_grow(&arena, NULL, 0, 5);
    memcpy(text, "abcd", 5);
    char *same = arena_grow(&arena, text, 5, 100);
    assert_ptr_equal(same, text);
    assert_string_equal(same, "abcd");
    assert_true(is_zero(same + 5, 95));

    arena_alloc(&arena, 1);
    char *moved = arena_grow(&arena, same, 100, 200);
    assert_ptr_not_equal(moved, same);
    assert_string_equal(moved, "abcd");
    assert_true(is_zero(moved + 5, 195));

    char *large = arena_grow(&arena, moved, 200, 100000);
    assert_string_equal(large, "abcd");
    assert_true(is_zero(large + 5, 100000 - 5));
    large[99999] = 'z';
    char *larger = arena_grow(&arena, large, 100000, 5000000);
    assert_string_equal(larger, "abcd");
    assert_int_equal(larger[99999], 'z');
    assert_true(is_zero(larger + 100000, 4900000));
    arena_done(&arena);
}

static void wipes_what_it_gave(void **state)
{
    struct arena arena = { 0 };

    (void)state;
    char *small = arena_alloc(&arena, 100);
    char *oversize = arena_alloc(&arena, 2000000);
    char *last = arena_alloc(&arena, 100);
    memset(small, 's', 100);
    memset(oversize, 's', 2000000);
    memset(last, 's', 100);
    arena_wipe(&arena);
    /* Looked at although it is not to be used any more: a debugger would do the same. */
    unpoison(small, 100);
    unpoison(oversize, 2000000);
    unpoison(last, 100);
    assert_true(is_zero(small, 100));
    assert_true(is_zero(oversize, 2000000));
    assert_true(is_zero(last, 100));
    arena_done(&arena);
}

static void multiply_too_much(void)
{
    struct arena arena = { 0 };

    arena_array(&arena, SIZE_MAX / 2, 3);
}

static void want_everything(void)
{
    struct arena arena = { 0 };

    arena_alloc(&arena, SIZE_MAX);
}

/* More than an address space has, so that no overcommitment can give it. */
static void want_too_much_heap(void)
{
    mem_alloc(SIZE_MAX / 4);
}

static void exhausted_memory_ends_the_process(void **state)
{
    (void)state;
    assert_true(stops(multiply_too_much));
    assert_true(stops(want_everything));
    assert_true(stops(want_too_much_heap));
}

static void heap_gives_zeroed_memory(void **state)
{
    (void)state;
    char *text = mem_alloc(64);
    assert_true(is_zero(text, 64));
    memcpy(text, "abc", 4);
    text = mem_realloc(text, 4096);
    assert_string_equal(text, "abc");
    char *copy = mem_strdup(text);
    mem_free(text);
    assert_string_equal(copy, "abc");
    mem_free(copy);
    mem_free(mem_alloc(0));
    mem_free(NULL);
}

LIST_TYPE(number_list, int)

static void lists_keep_their_items(void **state)
{
    struct arena arena = { 0 };
    struct number_list list = { 0 };
    int numbers[100];

    (void)state;
    for (int i = 0; i < 100; i++) {
        numbers[i] = i;
        number_list_add(&arena, &list, &numbers[i]);
    }
    assert_int_equal(list.count, 100);
    for (int i = 0; i < 100; i++)
        assert_ptr_equal(list.items[i], &numbers[i]);
    arena_done(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_zeroed_aligned_memory),
        cmocka_unit_test(gives_zeroed_memory_again_after_reset),
        cmocka_unit_test(keeps_apart_what_it_gave),
        cmocka_unit_test(takes_oversize_blocks_beside_the_chunk),
        cmocka_unit_test(copies_and_makes_arrays),
        cmocka_unit_test(grows_in_place_only_at_the_end),
        cmocka_unit_test(wipes_what_it_gave),
        cmocka_unit_test(exhausted_memory_ends_the_process),
        cmocka_unit_test(heap_gives_zeroed_memory),
        cmocka_unit_test(lists_keep_their_items),
    };
    return cmocka_run_group_tests_name("base/arena", tests, NULL, NULL);
}
