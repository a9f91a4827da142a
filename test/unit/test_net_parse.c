#include "test_base_help.h"

#include "../net/parse_record.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

#define LIMITS ((struct http_limits){ 16384, 100, 8192 })

static size_t whole(void *self, size_t left)
{
    (void)self;
    return left;
}

static size_t single_bytes(void *self, size_t left)
{
    (void)self, (void)left;
    return 1;
}

/* One cut, after `*self` bytes. */
static size_t cut_once(void *self, size_t left)
{
    size_t *first = self;
    size_t piece = *first > 0 && *first < left ? *first : left;

    *first = 0;
    return piece;
}

static struct record_rules rules_of(size_t (*piece)(void *self, size_t left), void *self)
{
    return (
        struct record_rules){ .limits = LIMITS, .body_bytes = 65536, .piece = piece, .self = self };
}

/* What comes out, however the bytes are cut. */
static struct record *parse(struct str bytes)
{
    static struct record expected, actual;
    struct record_rules rules = rules_of(whole, NULL);

    record_parse(&expected, bytes.ptr, bytes.len, &rules);
    assert_true(buf_ok(&expected.buf));
    rules = rules_of(single_bytes, NULL);
    record_parse(&actual, bytes.ptr, bytes.len, &rules);
    assert_str(buf_str(&actual.buf), buf_c(&expected.buf));

    /* Long ones only around the places where something happens: single bytes saw the rest. */
    for (size_t at = 1; at < bytes.len && bytes.len <= 2000; at++) {
        size_t cut = at;
        rules = rules_of(cut_once, &cut);
        record_parse(&actual, bytes.ptr, bytes.len, &rules);
        assert_str(buf_str(&actual.buf), buf_c(&expected.buf));
    }
    return &expected;
}

#define assert_parses(bytes, text) assert_str(buf_str(&parse(bytes)->buf), text)

static void reads_requests(void **state)
{
    (void)state;
    assert_parses(STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "GET [/] []\nHost: [a]\n0: \n");
    assert_parses(STR("GET /v1/x?a=1&b=%20 HTTP/1.1\r\nHost:example.org:8080 \t\r\nX-Empty:\r\n"
                      "X-Blank:  \t \r\nX-Inner:  a  b \r\n\r\n"),
                  "GET [/v1/x] [a=1&b=%20]\nHost: [example.org:8080]\nX-Empty: []\n"
                  "X-Blank: []\nX-Inner: [a  b]\n0: \n");
    assert_parses(STR("POST /p HTTP/1.1\r\nhost: [::1]:80\r\nCONTENT-LENGTH: 5\r\n\r\nhello"),
                  "POST [/p] []\nhost: [[::1]:80]\nCONTENT-LENGTH: [5]\n5: hello\n");
    assert_parses(STR("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
                  "POST [/p] []\nHost: [a]\nContent-Length: [0]\n0: \n");
    assert_parses(STR("GET /?? HTTP/1.0\r\n\r\n"), "GET [/] [?] 1.0 last\n0: \n");
    assert_parses(STR("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
                  "GET [/] [] 1.0\nConnection: [keep-alive]\n0: \n");
    assert_parses(STR("DELETE /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
                  "DELETE [/x] [] last\nHost: [a]\nConnection: [close]\n0: \n");
    assert_parses(STR("PROPFIND /x HTTP/1.1\r\nHost: a\r\nX: \xc3\xa9\xff\r\n\r\n"),
                  "PROPFIND [/x] []\nHost: [a]\nX: [\xc3\xa9\xff]\n0: \n");
    assert_parses(STR("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n"
                      "Content-Length: 1\r\n\r\n1"),
                  "POST [/] []\nHost: [a]\nExpect: [100-Continue]\nContent-Length: [1]\n1: 1\n");
}

static void reads_chunks(void **state)
{
    (void)state;
    assert_parses(STR("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
                      "5\r\nhello\r\n00A;ext=\"1\";b\r\n, world\r\n.\r\n0\r\n\r\n"),
                  "POST [/] []\nHost: [a]\nTransfer-Encoding: [Chunked]\n15: hello, world\r\n.\n");
    assert_parses(STR("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "1\r\nx\r\n0\r\nX-Sum: 1\r\nX-Other: \r\n\r\n"),
                  "POST [/] []\nHost: [a]\nTransfer-Encoding: [chunked]\n1: x\n");
    assert_parses(STR("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                  "POST [/] []\nHost: [a]\nTransfer-Encoding: [chunked]\n0: \n");
}

static void reads_one_after_the_other(void **state)
{
    (void)state;
    assert_parses(STR("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
                      "\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\n"
                      "POST /3 HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "2\r\nho\r\n0\r\n\r\nGET /4 HTTP/1.1\r\nHo"),
                  "POST [/1] []\nHost: [a]\nContent-Length: [2]\n2: hi\n"
                  "GET [/2] []\nHost: [b]\n0: \n"
                  "POST [/3] []\nHost: [c]\nTransfer-Encoding: [chunked]\n2: ho\n"
                  "more: headers\n");
    assert_parses(STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n"),
                  "GET [/] []\nHost: [a]\n0: \nmore: nothing\n");
    assert_parses(STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell"),
                  "more: body\n");
}

/* clang-format off */
#define GET "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

/* refused.txt: bytes of every kind that must be refused. */

static char unescape(const char **at)
{
    const char *from = *at;
    char hex[3] = { 0 };

    *at += 1;
    if (*from != '\\')
        return *from;
    *at += 1;
    switch (from[1]) {
    case 'r': return '\r';
    case 'n': return '\n';
    case 't': return '\t';
    case '0': return '\0';
    case '\\': return '\\';
    case 'x':
        memcpy(hex, from + 2, 2);
        *at += 2;
        return (char)strtol(hex, NULL, 16);
    default: fail_msg("unknown escape in %s", from); return 0;
    }
}

static void decode(struct buf *out, const char *text)
{
    static const struct {
        const char *name, *bytes;
    } words[] = { { "{GET}", GET }, { "{POST}", POST }, { "{CHUNKED}", CHUNKED } };

    while (*text != '\0' && *text != '\n') {
        size_t word = 0;
        while (word < COUNT_OF(words) && strncmp(text, words[word].name, strlen(words[word].name)))
            word++;
        if (word < COUNT_OF(words)) {
            buf_add_c(out, words[word].bytes);
            text += strlen(words[word].name);
        } else {
            buf_add_char(out, unescape(&text));
        }
    }
    assert_true(buf_ok(out));
}

static bool is_refused(const char *line)
{
    char bytes[1024];
    struct buf buf;
    size_t name_len = strcspn(line, " ");

    buf_fixed(&buf, bytes, sizeof bytes);
    decode(&buf, line + name_len + strspn(line + name_len, " "));
    struct record *record = parse(buf_str(&buf));
    const char *name = refusal_name(record->refusal);
    if (record->requests == 0 && strlen(name) == name_len && memcmp(name, line, name_len) == 0)
        return true;
    print_error("%s gives %.*s", line, STR_ARG(buf_str(&record->buf)));
    return false;
}

static void refuses(void **state)
{
    FILE *file = fopen("test/net/refused.txt", "r");
    char line[1024];
    int count = 0, wrong = 0;

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[0] == '#' || line[0] == '\n')
            continue;
        count++;
        wrong += is_refused(line) ? 0 : 1;
    }
    fclose(file);
    assert_true(count > 80);
    assert_int_equal(wrong, 0);
}

/* Limits: the largest that passes, and one more. */

static struct str repeat(char *to, size_t size, const char *head, char c, size_t count,
                         const char *tail)
{
    struct buf buf;

    buf_fixed(&buf, to, size);
    buf_add_c(&buf, head);
    for (size_t i = 0; i < count; i++)
        buf_add_char(&buf, c);
    buf_add_c(&buf, tail);
    assert_true(buf_ok(&buf));
    return buf_str(&buf);
}

static char space[80 * 1024];

static enum http_refusal refusal_of(const char *head, size_t count, const char *tail)
{
    struct record *record = parse(repeat(space, sizeof space, head, 'x', count, tail));

    assert_int_equal(record->requests, record->refusal == HTTP_REFUSAL_NONE ? 1 : 0);
    return record->refusal;
}

static void limits_target(void **state)
{
    (void)state;
    assert_int_equal(refusal_of("GET /", 8191, " HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
    assert_int_equal(refusal_of("GET /", 8192, " HTTP/1.1\r\nHost: a\r\n\r\n"),
                     HTTP_REFUSAL_TARGET_LONG);
}

static void limits_header_bytes(void **state)
{
    (void)state;
    size_t frame = strlen(GET "X: \r\n\r\n");
    assert_int_equal(refusal_of(GET "X: ", 16384 - frame, "\r\n\r\n"), 0);
    assert_int_equal(refusal_of(GET "X: ", 16384 - frame + 1, "\r\n\r\n"),
                     HTTP_REFUSAL_HEADER_BYTES);
    assert_int_equal(refusal_of("\r\n" GET "X: ", 16384 - frame - 2, "\r\n\r\n"), 0);
    assert_int_equal(refusal_of("\r\n" GET "X: ", 16384 - frame - 1, "\r\n\r\n"),
                     HTTP_REFUSAL_HEADER_BYTES);
    assert_int_equal(refusal_of(GET, 16384, ": x\r\n\r\n"), HTTP_REFUSAL_HEADER_BYTES);
    assert_int_equal(refusal_of(GET "X: ", 40000, "\r\n\r\n"), HTTP_REFUSAL_HEADER_BYTES);
}

/* Trailers and chunk extensions are held to the same sum as headers. */
static void limits_trailers(void **state)
{
    (void)state;
    size_t frame = strlen(CHUNKED) + strlen("X: \r\n\r\n");
    assert_int_equal(refusal_of(CHUNKED "0\r\nX: ", 16384 - frame, "\r\n\r\n"), 0);
    assert_int_equal(refusal_of(CHUNKED "0\r\nX: ", 16384 - frame + 1, "\r\n\r\n"),
                     HTTP_REFUSAL_HEADER_BYTES);

    struct buf buf;
    buf_fixed(&buf, space, sizeof space);
    buf_add_c(&buf, CHUNKED);
    for (int i = 0; i < 80; i++)
        buf_addf(&buf, "1;%0250d\r\nx\r\n", i);
    assert_true(buf_ok(&buf));
    assert_int_equal(parse(buf_str(&buf))->refusal, HTTP_REFUSAL_HEADER_BYTES);
}

static void limits_chunk_extensions(void **state)
{
    (void)state;
    assert_int_equal(refusal_of(CHUNKED "0;", 256, "\r\n\r\n"), 0);
    assert_int_equal(refusal_of(CHUNKED "0;", 257, "\r\n\r\n"), HTTP_REFUSAL_CHUNK_EXTENSION);
}

static enum http_refusal refusal_of_lines(const char *head, int count, const char *tail)
{
    struct buf buf;

    buf_fixed(&buf, space, sizeof space);
    buf_add_c(&buf, head);
    for (int i = 0; i < count; i++)
        buf_addf(&buf, "X: %d\r\n", i);
    buf_add_c(&buf, tail);
    assert_true(buf_ok(&buf));
    return parse(buf_str(&buf))->refusal;
}

static void limits_header_lines(void **state)
{
    (void)state;
    assert_int_equal(refusal_of_lines(GET, 99, "\r\n"), 0);
    assert_int_equal(refusal_of_lines(GET, 100, "\r\n"), HTTP_REFUSAL_HEADER_LINES);
    assert_int_equal(refusal_of_lines(GET, 5000, "\r\n"), HTTP_REFUSAL_HEADER_LINES);
    /* Two are the headers', before the trailers come. */
    assert_int_equal(refusal_of_lines(CHUNKED "0\r\n", 98, "\r\n"), 0);
    assert_int_equal(refusal_of_lines(CHUNKED "0\r\n", 99, "\r\n"), HTTP_REFUSAL_HEADER_LINES);
}

static void limits_body(void **state)
{
    (void)state;
    assert_int_equal(refusal_of(POST "Content-Length: 65536\r\n\r\n", 65536, ""), 0);
    assert_int_equal(refusal_of(POST "Content-Length: 65537\r\n\r\n", 0, ""),
                     HTTP_REFUSAL_BODY_LARGE);
    assert_int_equal(refusal_of(POST "Content-Length: 18446744073709551615\r\n\r\n", 0, ""),
                     HTTP_REFUSAL_BODY_LARGE);
    assert_int_equal(refusal_of(CHUNKED "10000\r\n", 65536, "\r\n0\r\n\r\n"), 0);
    assert_int_equal(refusal_of(CHUNKED "10001\r\n", 0, ""), HTTP_REFUSAL_BODY_LARGE);
    assert_int_equal(refusal_of(CHUNKED "ffff\r\n", 65535, "\r\n2\r\n"), HTTP_REFUSAL_BODY_LARGE);
}

/* The parser says when somebody waits for "100 Continue". */

static size_t limit_ten(void *self)
{
    (void)self;
    return 10;
}

static bool waits_after(const char *text)
{
    struct http_limits limits = LIMITS;
    struct arena arena = { 0 };
    struct http_parse request;
    size_t taken = 0;

    http_parse_start(&request, &limits, &arena, limit_ten, NULL);
    http_parse_feed(&request, text, strlen(text), &taken);
    arena_done(&arena);
    return request.wants_continue;
}

static void tells_who_waits(void **state)
{
    (void)state;
    assert_true(waits_after(POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"));
    assert_true(waits_after(POST "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"));
    assert_false(waits_after(POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nx"));
    assert_false(waits_after(POST "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n"));
    assert_false(waits_after(POST "Expect: 100-continue\r\n\r\n"));
    assert_false(waits_after(POST "Content-Length: 5\r\n\r\n"));
    assert_false(waits_after("POST / HTTP/1.0\r\nExpect: 100-continue\r\n"
                             "Content-Length: 5\r\n\r\n"));
}

static void finds_headers(void **state)
{
    (void)state;
    const char *text = GET "X-One: 1\r\nTwo: a\r\ntwo:\r\nTWO: c\r\n\r\n";
    struct http_limits limits = LIMITS;
    struct arena arena = { 0 };
    struct http_parse request;
    size_t taken = 0;

    http_parse_start(&request, &limits, &arena, limit_ten, NULL);
    assert_int_equal(http_parse_feed(&request, text, strlen(text), &taken), HTTP_PROGRESS_DONE);
    assert_str(http_parse_header(&request, "x-one"), "1");
    assert_str(http_parse_header(&request, "Two"), "a, , c");
    assert_str(http_parse_header(&request, "Tw"), "");
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_requests),
        cmocka_unit_test(reads_chunks),
        cmocka_unit_test(reads_one_after_the_other),
        cmocka_unit_test(refuses),
        cmocka_unit_test(limits_target),
        cmocka_unit_test(limits_header_bytes),
        cmocka_unit_test(limits_trailers),
        cmocka_unit_test(limits_chunk_extensions),
        cmocka_unit_test(limits_header_lines),
        cmocka_unit_test(limits_body),
        cmocka_unit_test(tells_who_waits),
        cmocka_unit_test(finds_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
