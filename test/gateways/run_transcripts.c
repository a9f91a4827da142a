/* run_transcripts.c - holds every gateway to its transcripts, test/gateways/<name>/<any>.txt.
 *
 *   # What this case is about: its first line is its name.
 *   ? authorize 1250 EUR our_ref=op_02 card=4242424242424242
 *   > POST https://acme.test/v3/payments
 *   > Idempotency-Key: op_02
 *   > {"amount":1250}
 *   < 200
 *   < {"status":"succeeded"}
 *   = approved 1250 EUR their_ref=p_9
 *
 * `?` is what purser asks: a kind ("enquire" is followed by the kind asked about), amount and
 * currency, and members of struct gateway_ask by the names in `asks` below; a value with spaces
 * stands in double quotes. `>` is the whole request that must be built, `<` the reply: first
 * line, header lines, then all that is no header line is the body. `=` is what the reply means
 * after the check of amounts: "error bad_reply" when it is not understood, "cannot" when the
 * gateway has no such operation. A case may lack `>`; then its request is not looked at.
 *
 * run_transcripts DIR               runs them, TAP on stdout
 * run_transcripts DIR --seeds OUT   writes each reply as an input of test/fuzz/fuzz_gateway.c */
#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "gateways/gateways.h"

#define FILE_MAX (256 << 10)
#define FIELDS_MAX 32

struct transcript {
    struct str title;
    size_t line; /* of the '?', for people */
    struct str ask;
    struct buf request; /* as it must be; empty: not looked at */
    struct buf reply;
    struct str answer;
};

/* What a run goes through. */
struct run {
    const struct gateway *gateway;
    const char *dir;
    const char *file;
    const char *seeds;  /* NULL: run the cases */
    struct arena arena; /* of one file */
    unsigned count;
    unsigned failed;
};

/* Prints a TAP line, and what was wanted and got when they differ. */
static bool report(struct run *run, const struct transcript *t, const char *what, struct str want,
                   struct str got)
{
    bool good = str_equal(want, got);

    run->count++;
    run->failed += !good;
    printf("%sok %u - %s/%s:%zu %s: %.*s\n", good ? "" : "not ", run->count, run->gateway->name,
           run->file, t->line, what, STR_ARG(t->title));
    struct str line;
    while (!good && str_cut(&want, '\n', &line))
        printf("# want %.*s\n", STR_ARG(line));
    while (!good && str_cut(&got, '\n', &line))
        printf("# got  %.*s\n", STR_ARG(line));
    return good;
}

/* --- the ask --- */

/* Members that an ask line may set as name=value. */
static const struct {
    const char *name;
    size_t offset;
} asks[] = {
    { "our_ref", offsetof(struct gateway_ask, reference) },
    { "payment_ref", offsetof(struct gateway_ask, payment_reference) },
    { "their_ref", offsetof(struct gateway_ask, gateway_reference) },
    { "description", offsetof(struct gateway_ask, description) },
    { "return_url", offsetof(struct gateway_ask, return_url) },
    { "public_url", offsetof(struct gateway_ask, public_url) },
    { "account", offsetof(struct gateway_ask, account_id) },
    { "settings", offsetof(struct gateway_ask, settings) },
};
#define ASK_COUNT (sizeof(asks) / sizeof(asks[0]))

/* The next word of the line; quotes keep spaces together and may follow a '='. */
static bool next_word(struct str *rest, struct str *word)
{
    bool quoted = false;
    size_t at = 0;

    *rest = str_trim(*rest);
    while (at < rest->len && (quoted || rest->ptr[at] != ' '))
        quoted ^= rest->ptr[at++] == '"';
    *word = str_slice(*rest, 0, at);
    *rest = str_slice(*rest, at, rest->len);
    return at > 0;
}

static struct str unquoted(struct str value)
{
    bool quoted = value.len >= 2 && value.ptr[0] == '"' && str_ends_with(value, STR("\""));
    return quoted ? str_slice(value, 1, value.len - 2) : value;
}

static struct secret secret_of(struct arena *arena, struct str text)
{
    struct str copy = str_copy(arena, text);
    return (struct secret){ (char *)(uintptr_t)copy.ptr, copy.len };
}

/* Card members: a number makes a card that is otherwise in order. */
static bool set_card(struct arena *arena, struct card *card, struct str name, struct str value)
{
    int64_t number;

    if (str_equal_c(name, "card"))
        *card = (struct card){
            secret_of(arena, value), secret_of(arena, STR("123")), { 0 }, 12, 2030
        };
    else if (str_equal_c(name, "cvc"))
        card->cvc = secret_of(arena, value);
    else if (str_equal_c(name, "holder"))
        card->holder_name = value;
    else if (str_equal_c(name, "exp_month") && str_to_i64(value, &number))
        card->exp_month = (int)number;
    else if (str_equal_c(name, "exp_year") && str_to_i64(value, &number))
        card->exp_year = (int)number;
    else
        return false;
    return true;
}

static bool set_member(struct arena *arena, struct gateway_ask *ask, struct card *card,
                       struct str word)
{
    struct str name;
    struct str value = word;

    if (!str_cut(&value, '=', &name) || name.len == word.len)
        return false;
    value = unquoted(value);
    for (size_t i = 0; i < ASK_COUNT; i++) {
        if (str_equal_c(name, asks[i].name)) {
            memcpy((char *)ask + asks[i].offset, &value, sizeof(value));
            return true;
        }
    }
    if (str_equal_c(name, "capture_now"))
        return (ask->capture_now = str_equal_c(value, "yes"));
    if (str_equal_c(name, "method"))
        return (ask->method = word_of(&words_payment_method, value)) != METHOD_NONE;
    ask->card = card;
    return set_card(arena, card, name, value);
}

/* False when the line cannot be understood; `bad` then holds the word. */
static bool read_ask(struct arena *arena, struct str line, struct gateway_ask *ask, struct str *bad)
{
    struct card *card = ARENA_NEW(arena, struct card);
    struct str word;

    if (!next_word(&line, bad) || !(ask->call = word_of(&words_operation_kind, *bad)))
        return false;
    ask->about = ask->call;
    if (ask->call == OPERATION_KIND_ENQUIRE &&
        (!next_word(&line, bad) || !(ask->about = word_of(&words_operation_kind, *bad))))
        return false;
    while (next_word(&line, &word)) {
        *bad = word;
        if (str_to_i64(word, &ask->amount.minor)) {
            if (!next_word(&line, bad) || !(ask->amount.currency = currency_of(*bad)))
                return false;
        } else if (!set_member(arena, ask, card, word)) {
            return false;
        }
    }
    return true;
}

/* --- request, reply and answer as text --- */

static void write_request(struct buf *out, const struct http_request *request)
{
    buf_addf(out, "%s %.*s\n", request->method, STR_ARG(request->url));
    for (size_t i = 0; i < request->field_count; i++)
        buf_addf(out, "%.*s: %.*s\n", STR_ARG(request->fields[i].name),
                 STR_ARG(request->fields[i].value));
    buf_add(out, request->body);
}

/* "Name: value" with a name that a header can have. */
static bool read_field(struct str line, struct http_field *out)
{
    size_t colon = str_find_char(line, ':', 0);

    if (colon == 0 || colon + 1 >= line.len || line.ptr[colon + 1] != ' ')
        return false;
    for (size_t i = 0; i < colon; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_",
                    line.ptr[i]))
            return false;
    out->name = str_slice(line, 0, colon);
    out->value = str_trim(str_slice(line, colon + 1, line.len));
    return true;
}

static bool read_reply(struct arena *arena, struct str text, struct http_reply *out)
{
    struct http_field *fields = ARENA_ARRAY(arena, struct http_field, FIELDS_MAX);
    struct str line;
    int64_t status;

    if (!str_cut(&text, '\n', &line) || !str_to_i64(line, &status))
        return false;
    *out = (struct http_reply){ .status = (int)status, .fields = fields };
    struct str rest = text;
    while (out->field_count < FIELDS_MAX && str_cut(&rest, '\n', &line) &&
           read_field(line, &fields[out->field_count])) {
        out->field_count++;
        text = rest;
    }
    out->body = text;
    return true;
}

static void write_text(struct buf *out, const char *name, struct str value)
{
    if (str_is_empty(value))
        return;
    buf_addf(out, " %s=", name);
    if (str_find_char(value, ' ', 0) < value.len)
        json_write_text(out, value);
    else
        buf_add(out, value);
}

static void write_answer(struct buf *out, const struct gateway_answer *answer)
{
    buf_add_c(out, gateway_outcome_text(answer->outcome));
    if (answer->amount.currency != CURRENCY_NONE)
        buf_addf(out, " %lld %s", (long long)answer->amount.minor,
                 currency_code(answer->amount.currency));
    write_text(out, "their_ref", answer->gateway_reference);
    write_text(out, "refund_ref", answer->refund_reference);
    write_text(out, "failure", answer->failure_code);
    write_text(out, "code", answer->gateway_code);
    write_text(out, "message", answer->gateway_message);
    write_text(out, "action", word_str(&words_next_action, answer->action));
    write_text(out, "url", answer->action_url);
    if (answer->has_position)
        buf_addf(out, " authorized=%lld captured=%lld refunded=%lld released=%s",
                 (long long)answer->authorized_minor, (long long)answer->captured_minor,
                 (long long)answer->refunded_minor, answer->released ? "yes" : "no");
}

/* --- a case --- */

static void check_request(struct run *run, const struct transcript *t,
                          const struct gateway_ask *ask)
{
    struct http_request request = { 0 };
    struct buf got;

    buf_init(&got, &run->arena, FILE_MAX);
    if (!gateway_can(run->gateway, ask->call)) {
        buf_add_c(&got, "cannot");
    } else {
        enum err err = run->gateway->calls[ask->call].build(ask, &run->arena, &request);
        if (err != OK)
            buf_addf(&got, "error %s", err_code(err));
        else
            write_request(&got, &request);
    }
    report(run, t, "request", str_trim(buf_str(&t->request)), buf_str(&got));
}

static void check_answer(struct run *run, const struct transcript *t, const struct gateway_ask *ask,
                         const struct http_reply *reply)
{
    struct gateway_answer answer = { 0 };
    struct buf got;

    buf_init(&got, &run->arena, FILE_MAX);
    if (!gateway_can(run->gateway, ask->call)) {
        buf_add_c(&got, "cannot");
    } else {
        enum err err = run->gateway->calls[ask->call].parse(ask, reply, &run->arena, &answer);
        gateway_check_amount(ask, &answer);
        if (err != OK)
            buf_addf(&got, "error %s", err_code(err));
        else
            write_answer(&got, &answer);
    }
    report(run, t, "answer", t->answer, buf_str(&got));
}

/* The input of the fuzzer: gateway, call, kind asked about, status, body (see fuzz_gateway.c). */
static void write_seed(struct run *run, const struct transcript *t, const struct gateway_ask *ask,
                       const struct http_reply *reply)
{
    struct buf path;
    unsigned char head[5] = { 0 };

    while (gateways[head[0]] != run->gateway)
        head[0]++;
    head[1] = (unsigned char)ask->call;
    head[2] = (unsigned char)ask->about;
    head[3] = (unsigned char)(reply->status >> 8);
    head[4] = (unsigned char)reply->status;
    buf_init(&path, &run->arena, 4096);
    buf_addf(&path, "%s/%s-%.*s-%zu", run->seeds, run->gateway->name, (int)strcspn(run->file, "."),
             run->file, t->line);
    FILE *file = fopen(buf_c(&path), "wb");
    if (!file || fwrite(head, 1, sizeof(head), file) != sizeof(head) ||
        fwrite(reply->body.ptr ? reply->body.ptr : "", 1, reply->body.len, file) !=
            reply->body.len ||
        fclose(file) != 0) {
        perror(buf_c(&path));
        exit(1);
    }
}

static void run_case(struct run *run, const struct transcript *t)
{
    struct gateway_ask ask = { .account_id = STR("ga_1"), .method = METHOD_CARD };
    struct http_reply reply = { 0 };
    struct str bad = STR("neither > nor =");
    bool has_request = t->request.len > 0;
    bool has_answer = !str_is_empty(t->answer);

    bool good = read_ask(&run->arena, t->ask, &ask, &bad);
    if (good && has_answer) {
        bad = STR("its reply");
        good = read_reply(&run->arena, buf_str(&t->reply), &reply);
    }
    if (!good || (!has_request && !has_answer)) {
        report(run, t, "not understood", STR("a transcript"), bad);
        return;
    }
    if (has_answer && run->seeds)
        write_seed(run, t, &ask, &reply);
    if (has_request && !run->seeds)
        check_request(run, t, &ask);
    if (has_answer && !run->seeds)
        check_answer(run, t, &ask, &reply);
}

/* --- a file --- */

static void begin_case(struct run *run, struct transcript *t, struct str title, size_t line)
{
    *t = (struct transcript){ .title = title, .line = line };
    buf_init(&t->request, &run->arena, FILE_MAX);
    buf_init(&t->reply, &run->arena, FILE_MAX);
}

static void run_text(struct run *run, struct str text)
{
    struct transcript t = { 0 };
    struct str title = { 0 };
    struct str line;
    bool in_comment = false;

    for (size_t number = 1; str_cut(&text, '\n', &line); number++) {
        char mark = line.len > 0 ? line.ptr[0] : '\n';
        struct str rest = str_slice(line, 2, line.len);
        if (mark == '#' && !in_comment)
            title = rest;
        in_comment = mark == '#';
        if (mark == '?') {
            if (t.line > 0)
                run_case(run, &t);
            begin_case(run, &t, title, number);
            t.ask = rest;
        } else if (mark == '>' || mark == '<') {
            struct buf *to = mark == '>' ? &t.request : &t.reply;
            assert(t.line > 0);
            if (to->len > 0)
                buf_add_char(to, '\n');
            buf_add(to, rest);
        } else if (mark == '=') {
            t.answer = rest;
        } else if (mark != '#' && mark != '\n') {
            t.line = number;
            report(run, &t, "not understood", STR("? > < = or #"), line);
        }
    }
    if (t.line > 0)
        run_case(run, &t);
}

static void run_file(struct run *run)
{
    static char text[FILE_MAX];
    char path[1024];
    struct buf name;

    buf_fixed(&name, path, sizeof(path));
    buf_addf(&name, "%s/%s/%s", run->dir, run->gateway->name, run->file);
    FILE *file = fopen(buf_c(&name), "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    size_t len = fread(text, 1, sizeof(text), file);
    assert(len < sizeof(text));
    fclose(file);
    run_text(run, str_make(text, len));
    arena_reset(&run->arena);
}

static int is_transcript(const struct dirent *entry)
{
    return str_ends_with(str_of(entry->d_name), STR(".txt"));
}

/* A gateway without transcripts fails: nothing would hold it to anything. */
static void run_gateway(struct run *run)
{
    struct dirent **files = NULL;
    char path[1024];
    struct buf dir;

    buf_fixed(&dir, path, sizeof(path));
    buf_addf(&dir, "%s/%s", run->dir, run->gateway->name);
    int count = scandir(buf_c(&dir), &files, is_transcript, alphasort);
    if (count <= 0) {
        run->failed++;
        printf("not ok %u - %s has transcripts\n", ++run->count, run->gateway->name);
    }
    for (int i = 0; i < count; i++) {
        run->file = files[i]->d_name;
        run_file(run);
        free(files[i]);
    }
    free(files);
}

int main(int argc, char **argv)
{
    struct run run = { 0 };

    if (argc != 2 && (argc != 4 || strcmp(argv[2], "--seeds") != 0)) {
        fputs("usage: run_transcripts DIR [--seeds OUT]\n", stderr);
        return 2;
    }
    run.dir = argv[1];
    run.seeds = argc == 4 ? argv[3] : NULL;
    for (size_t i = 0; gateways[i] != NULL; i++) {
        run.gateway = gateways[i];
        run_gateway(&run);
    }
    printf("1..%u\n", run.count);
    arena_done(&run.arena);
    return run.failed > 0;
}
