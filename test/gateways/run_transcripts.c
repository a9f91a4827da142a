/* run_transcripts.c - holds every gateway to its transcripts, test/gateways/<name>/<any>.txt.
 *
 *   @ settings={"base_url":"https://acme.test"} credentials={"key":"k"}
 *   # What this case is about: its first line is its name.
 *   ? authorize 1250 EUR our_ref=op_02 card=4242424242424242
 *   > POST https://acme.test/v3/payments
 *   > Idempotency-Key: op_02
 *   > {"amount":1250}
 *   < 200
 *   < {"status":"succeeded"}
 *   = approved 1250 EUR their_ref=p_9
 *
 *   # What they send by themselves; a signature in it is made with openssl dgst -hmac.
 *   ? notice
 *   < X-Signature: 51f2...
 *   < {"order":"op_02"}
 *   = claim our_ref=op_02 notice=evt_7
 *
 *   # How it logs in, for the account or (order_login) for one order.
 *   ? login
 *   > POST https://acme.test/token
 *   < 200
 *   < {"access_token":"t","expires_in":60}
 *   = token t lives_ms=60000
 *
 * # Whether it takes the account: the gateway's probe, and what was found.
 * ? probe
 * > GET https://acme.test/orders/none
 * < 404
 * < {"error":"no such order"}
 * = credentials=ok terminal=by_hand
 *
 * # What it has of a window of time: a page of its list.
 * ? list payments from=2026-03-01T00:00:00Z to=2026-03-02T00:00:00Z cursor=100
 * > POST https://acme.test/orders/list
 * < 200
 * < {"data":[{"reference":"op_02", ...}]}
 * = 1250 EUR our_ref=op_02 their_ref=p_9 captured=1250 refunded=? released=no holds next=200
 *
 * `?` is what purser asks: a kind ("enquire" is followed by the kind asked about), amount and
 * currency, and members of struct gateway_ask by the names in `asks` of transcript.c; a
 * value with spaces stands in double quotes. `@` sets members for all cases that follow in the
 * file. `>` is the whole request that must be built, or "error" and a code. `<` is the reply:
 * first line, header lines, then all that is no header line is the body; a notice has no first
 * line. `=` is what the reply means after the check of amounts: "error bad_reply" when it is not
 * understood, "cannot" when the gateway has no such operation; of a notice its claims, split by
 * "; ", or "none", or "forged" when it is not verified. A request goes with the token that the
 * gateway wants for it: "account-token" or "order-token", unless the case sets one. A case may
 * lack `>`; then its request is
 * not looked at.
 *
 * run_transcripts DIR               runs them, TAP on stdout
 * run_transcripts DIR --seeds OUT   writes each reply as an input of test/fuzz/fuzz_gateway.c */
#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/check.h"
#include "gateways/gateways.h"
#include "transcript.h"

#define FILE_MAX (256 << 10)
#define CLAIMS_MAX 8

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

/* --- a case --- */

/* What the engine would have fetched for it. */
static void give_token(struct run *run, struct gateway_ask *ask)
{
    struct str text = STR("account-token");

    if (gateway_token_use(run->gateway, ask) == GW_TOKEN_NONE || ask->token)
        return;
    if (gateway_token_use(run->gateway, ask) == GW_TOKEN_ORDER)
        text = STR("order-token");
    struct secret *token = ARENA_NEW(&run->arena, struct secret);
    *token = (struct secret){ (char *)(uintptr_t)text.ptr, text.len };
    ask->token = token;
}

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
            transcript_write_request(&got, &request);
    }
    report(run, t, "request", str_trim(buf_str(&t->request)), buf_str(&got));
}

static const struct gateway_login *login_of(const struct run *run, const struct transcript *t)
{
    bool order = str_starts_with(t->ask, STR("order_login"));
    return order ? &run->gateway->order_login : &run->gateway->login;
}

static void check_login_request(struct run *run, const struct transcript *t,
                                const struct gateway_ask *ask)
{
    const struct gateway_login *login = login_of(run, t);
    struct http_request request = { 0 };
    struct buf got;

    buf_init(&got, &run->arena, FILE_MAX);
    enum err err = login->build ? login->build(ask, &run->arena, &request) : ERR_NOT_FOUND;
    if (err != OK)
        buf_addf(&got, "error %s", err_code(err));
    else
        transcript_write_request(&got, &request);
    report(run, t, "login", str_trim(buf_str(&t->request)), buf_str(&got));
}

static void check_token(struct run *run, const struct transcript *t,
                        const struct http_reply *reply)
{
    const struct gateway_login *login = login_of(run, t);
    struct gateway_token token = { 0 };
    struct buf got;

    buf_init(&got, &run->arena, FILE_MAX);
    enum err err = login->parse ? login->parse(reply, &run->arena, &token) : ERR_NOT_FOUND;
    if (err != OK)
        buf_addf(&got, "error %s", err_code(err));
    else
        transcript_write_token(&got, &token);
    report(run, t, "token", t->answer, buf_str(&got));
}

static void check_probe(struct run *run, const struct transcript *t, const struct gateway_ask *ask,
                        const struct http_reply *reply)
{
    const struct gateway_probe *probe = &run->gateway->probe;
    struct http_request request = { 0 };
    struct check_report found = { 0 };
    struct buf got;

    buf_init(&got, &run->arena, FILE_MAX);
    enum err err = probe->build ? probe->build(ask, &run->arena, &request) : ERR_NOT_FOUND;
    if (err != OK)
        buf_addf(&got, "error %s", err_code(err));
    else
        transcript_write_request(&got, &request);
    if (t->request.len > 0)
        report(run, t, "probe", str_trim(buf_str(&t->request)), buf_str(&got));
    if (str_is_empty(t->answer) || err != OK)
        return;
    buf_clear(&got);
    err = probe->parse(ask, reply, &run->arena, &found);
    if (err != OK)
        buf_addf(&got, "error %s", err_code(err));
    else
        transcript_write_findings(&got, &found);
    report(run, t, "findings", t->answer, buf_str(&got));
}

static void check_list(struct run *run, const struct transcript *t, struct gateway_ask *ask,
                       const struct http_reply *reply)
{
    const struct gateway_listing *listing = &run->gateway->listing;
    struct gateway_list_page page = { 0 };
    struct http_request request = { 0 };
    struct gateway_list_ask list;
    struct buf got;
    struct str bad;

    buf_init(&got, &run->arena, FILE_MAX);
    if (!transcript_list(t, &run->arena, ask, &list, &bad)) {
        report(run, t, "not understood", STR("a list"), bad);
        return;
    }
    enum err err = listing->build ? listing->build(&list, &run->arena, &request) : ERR_NOT_FOUND;
    if (err != OK)
        buf_addf(&got, "error %s", err_code(err));
    else
        transcript_write_request(&got, &request);
    if (t->request.len > 0)
        report(run, t, "list", str_trim(buf_str(&t->request)), buf_str(&got));
    if (str_is_empty(t->answer) || err != OK)
        return;
    buf_clear(&got);
    err = listing->parse(&list, reply, &run->arena, &page);
    if (err != OK)
        buf_addf(&got, "error %s", err_code(err));
    else
        transcript_write_page(&got, &page);
    report(run, t, "page", t->answer, buf_str(&got));
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
            transcript_write_answer(&got, &answer);
    }
    report(run, t, "answer", t->answer, buf_str(&got));
}

static void check_notice(struct run *run, const struct transcript *t, const struct gateway_ask *ask,
                         const struct http_reply *received)
{
    const struct gateway_notices *notices = &run->gateway->notices;
    const struct gateway_notice notice = { received->fields, received->field_count, received->body,
                                           ask->credentials };
    struct gateway_claim claims[CLAIMS_MAX];
    size_t count = 0;
    struct buf got;

    buf_init(&got, &run->arena, FILE_MAX);
    if (!notices->verify) {
        buf_add_c(&got, "cannot");
    } else if (!notices->verify(&notice)) {
        buf_add_c(&got, "forged");
    } else {
        enum err err = notices->read(&notice, &run->arena, claims, CLAIMS_MAX, &count);
        if (err != OK)
            buf_addf(&got, "error %s", err_code(err));
        else
            transcript_write_claims(&got, claims, count);
    }
    report(run, t, "notice", t->answer, buf_str(&got));
}

/* The input of the fuzzer, as fuzz_gateway.c tells it. */
static void add_seed(struct buf *seed, const struct run *run, const struct gateway_ask *ask,
                     const struct http_reply *reply)
{
    const char head[] = {
        (char)ask->call,
        (char)ask->about,
        (char)(ask->capture_now | (ask->method == METHOD_SAVED_CARD) << 1 |
               !str_is_empty(ask->gateway_reference) << 2),
        (char)(reply->status >> 8),
        (char)reply->status,
    };

    buf_addf(seed, "%s\n", run->gateway->name);
    buf_add_bytes(seed, head, sizeof(head));
    buf_addf(seed, "%.*s\n%.*s\n", STR_ARG(ask->reference), STR_ARG(ask->payment_reference));
    for (size_t i = 0; i < reply->field_count; i++)
        buf_addf(seed, "%.*s: %.*s\n", STR_ARG(reply->fields[i].name),
                 STR_ARG(reply->fields[i].value));
    buf_add_char(seed, '\n');
    buf_add(seed, reply->body);
}

static void write_seed(struct run *run, const struct transcript *t, const struct gateway_ask *ask,
                       const struct http_reply *reply)
{
    struct buf path;
    struct buf seed;

    buf_init(&path, &run->arena, 4096);
    buf_init(&seed, &run->arena, FILE_MAX);
    buf_addf(&path, "%s/%s-%.*s-%zu", run->seeds, run->gateway->name, (int)strcspn(run->file, "."),
             run->file, t->line);
    add_seed(&seed, run, ask, reply);
    FILE *file = fopen(buf_c(&path), "wb");
    if (!file || fwrite(seed.ptr, 1, seed.len, file) != seed.len || fclose(file) != 0) {
        perror(buf_c(&path));
        exit(1);
    }
}

/* The case as it was read: its request and its answer, each if it has one. */
static void check_case(struct run *run, const struct transcript *t, struct gateway_ask *ask,
                       const struct http_reply *reply)
{
    bool has_answer = !str_is_empty(t->answer);

    if (transcript_is_notice(t)) {
        if (has_answer)
            check_notice(run, t, ask, reply);
    } else if (transcript_is_login(t)) {
        if (t->request.len > 0)
            check_login_request(run, t, ask);
        if (has_answer)
            check_token(run, t, reply);
    } else if (transcript_is_probe(t)) {
        give_token(run, ask);
        check_probe(run, t, ask, reply);
    } else if (transcript_is_list(t)) {
        check_list(run, t, ask, reply);
    } else {
        give_token(run, ask);
        if (t->request.len > 0)
            check_request(run, t, ask);
        if (has_answer)
            check_answer(run, t, ask, reply);
    }
}

static void run_case(struct run *run, const struct transcript *t)
{
    struct gateway_ask ask = { .account_id = STR("ga_1"), .method = run->gateway->methods[0] };
    struct http_reply reply = { 0 };
    struct str bad = STR("neither > nor =");
    bool has_request = t->request.len > 0 && !transcript_is_notice(t);
    bool has_answer = !str_is_empty(t->answer);

    bool good = transcript_is_list(t) || transcript_ask(t, &run->arena, &ask, &bad);
    if (good && has_answer) {
        bad = STR("its reply");
        good = transcript_reply(t, &run->arena, &reply);
    }
    if (!good || (!has_request && !has_answer))
        report(run, t, "not understood", STR("a transcript"), bad);
    else if (!run->seeds)
        check_case(run, t, &ask, &reply);
    else if (has_answer)
        write_seed(run, t, &ask, &reply);
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
    struct str defaults = { 0 };
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
            t.defaults = defaults;
        } else if (mark == '>' || mark == '<') {
            struct buf *to = mark == '>' ? &t.request : &t.reply;
            assert(t.line > 0);
            if (to->len > 0)
                buf_add_char(to, '\n');
            buf_add(to, rest);
        } else if (mark == '=') {
            t.answer = rest;
        } else if (mark == '@') {
            defaults = rest;
        } else if (mark != '#' && mark != '\n') {
            t.line = number;
            report(run, &t, "not understood", STR("? > < = @ or #"), line);
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
