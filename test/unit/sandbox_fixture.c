#include "sandbox_fixture.h"

#include "base/json.h"

#define RUN_MAX 64

void sandbox_fixture_connect(struct sandbox_fixture *far)
{
    const struct db_config config = {
        .where = far->place.where,
        .file = STR("sandbox.db"),
        .access = DB_WRITE,
        .durable = false,
        .create = true,
        .outside = &far->place.outside.outside,
    };
    struct str why = { 0 };

    if (db_open(&config, &far->place.arena, &far->db, &why) != OK ||
        sandbox_open(far->db, STR("http://purser.test"), &far->place.outside.outside,
                     &far->place.arena, &far->sandbox, &why) != OK)
        fail_msg("%.*s", STR_ARG(why));
}

void sandbox_fixture_disconnect(struct sandbox_fixture *far)
{
    sandbox_close(far->sandbox);
    db_close(far->db);
}

void sandbox_fixture_open(struct sandbox_fixture *far, const struct store_engine *engine)
{
    *far = (struct sandbox_fixture){ 0 };
    store_fixture_place(&far->place, engine);
    sandbox_fixture_connect(far);
}

void sandbox_fixture_done(struct sandbox_fixture *far)
{
    sandbox_fixture_disconnect(far);
    store_fixture_done(&far->place);
}

void sandbox_fixture_reopen(struct sandbox_fixture *far)
{
    sandbox_fixture_disconnect(far);
    sandbox_fixture_connect(far);
}

struct http_request sandbox_request(struct sandbox_fixture *far, const char *call,
                                    const char *reference, struct str body)
{
    struct http_field *fields = ARENA_ARRAY(&far->place.arena, struct http_field, 2);

    fields[0] = (struct http_field){ STR("Sandbox-Account"), STR("ga_1") };
    fields[1] = (struct http_field){ STR("Idempotency-Key"), str_of(reference) };
    return (struct http_request){
        .method = "POST",
        .url = str_format(&far->place.arena, "http://sandbox.invalid/v1/%s", call),
        .fields = fields,
        .field_count = reference ? 2 : 1,
        .body = body,
    };
}

struct str sandbox_card_body(struct sandbox_fixture *far, const char *number, int amount)
{
    return str_format(
        &far->place.arena,
        "{\"amount\":%d,\"currency\":\"EUR\",\"capture\":false,\"description\":\"Two cups\","
        "\"return_url\":\"https://shop.test/back\",\"card\":{\"number\":\"%s\","
        "\"exp_month\":12,\"exp_year\":2030,\"cvc\":\"737\"}}",
        amount, number);
}

struct str sandbox_amount_body(struct sandbox_fixture *far, const char *charge, int amount)
{
    return str_format(&far->place.arena, "{\"charge\":\"%s\",\"amount\":%d,\"currency\":\"EUR\"}",
                      charge, amount);
}

static const struct json *body_of(struct sandbox_fixture *far, const struct http_reply *reply)
{
    const struct json *doc = NULL;

    assert_int_equal(json_parse(reply->body, &far->place.arena, &doc, NULL), OK);
    return doc;
}

static int64_t number_of(const struct json *object, const char *name)
{
    int64_t number = -1;

    assert_true(json_int(json_get(object, name), &number));
    return number;
}

const char *sandbox_said(struct sandbox_fixture *far, const struct http_reply *reply)
{
    struct buf said;
    bool released = false;

    if (reply->status == 0)
        return "silence";
    const struct json *doc = body_of(far, reply);
    buf_init(&said, &far->place.arena, 512);
    if (reply->status != 200) {
        struct str code = json_text(json_get(json_get(doc, "error"), "code"));
        buf_addf(&said, "%d %.*s", reply->status, STR_ARG(code));
        return buf_c(&said);
    }
    const struct json *charge = json_get(doc, "charge");
    struct str code = json_text(json_get(doc, "code"));
    buf_add(&said, json_text(json_get(doc, "status")));
    if (!str_is_empty(code))
        buf_addf(&said, " %.*s", STR_ARG(code));
    buf_addf(&said, " %lld/%lld/%lld", (long long)number_of(charge, "authorized"),
             (long long)number_of(charge, "captured"), (long long)number_of(charge, "refunded"));
    assert_true(json_bool(json_get(charge, "released"), &released));
    if (released)
        buf_add_c(&said, " released");
    return buf_c(&said);
}

const char *sandbox_say(struct sandbox_fixture *far, const char *call, const char *reference,
                        struct str body)
{
    struct http_request request = sandbox_request(far, call, reference, body);
    const struct http_request *requests[] = { &request };
    struct http_reply reply = { 0 };

    enum err err = sandbox_handle(far->sandbox, requests, &reply, 1, &far->place.arena);
    assert_stored(far->db, err);
    return sandbox_said(far, &reply);
}

const char *sandbox_authorize(struct sandbox_fixture *far, const char *reference,
                              const char *number, int amount)
{
    return sandbox_say(far, "authorize", reference, sandbox_card_body(far, number, amount));
}

const char *sandbox_capture(struct sandbox_fixture *far, const char *reference, int amount)
{
    return sandbox_say(far, "capture", reference, sandbox_amount_body(far, "op_a", amount));
}

const char *sandbox_refund(struct sandbox_fixture *far, const char *reference, int amount)
{
    return sandbox_say(far, "refund", reference, sandbox_amount_body(far, "op_a", amount));
}

const char *sandbox_void(struct sandbox_fixture *far, const char *reference)
{
    return sandbox_say(far, "void", reference, STR("{\"charge\":\"op_a\"}"));
}

static struct str enquiry_body(struct sandbox_fixture *far, const char *reference)
{
    return str_format(&far->place.arena, "{\"operation\":\"%s\"}", reference);
}

const char *sandbox_enquire(struct sandbox_fixture *far, const char *reference)
{
    return sandbox_say(far, "enquire", NULL, enquiry_body(far, reference));
}

struct str sandbox_member(struct sandbox_fixture *far, const struct http_reply *reply,
                          const char *name)
{
    return json_text(json_get(body_of(far, reply), name));
}

struct str sandbox_token(struct sandbox_fixture *far)
{
    struct str before = STR("http://purser.test/sandbox/challenge/");
    struct http_request request = sandbox_request(far, "enquire", NULL, enquiry_body(far, "op_a"));
    const struct http_request *requests[] = { &request };
    struct http_reply reply = { 0 };

    enum err err = sandbox_handle(far->sandbox, requests, &reply, 1, &far->place.arena);
    assert_stored(far->db, err);
    struct str url = sandbox_member(far, &reply, "action_url");
    assert_true(str_starts_with(url, before));
    return str_slice(url, before.len, url.len);
}

static enum err write_movement(void *self, const struct db_value *values, size_t count)
{
    struct buf *out = self;

    assert_int_equal(count, 6);
    buf_add_i64(out, values[0].number);
    for (size_t i = 1; i < count; i++) {
        buf_add_char(out, ' ');
        if (values[i].type == DB_INT)
            buf_add_i64(out, values[i].number);
        else
            buf_add(out, values[i].bytes);
    }
    buf_add_char(out, '\n');
    return OK;
}

const char *sandbox_ledger(struct sandbox_fixture *far)
{
    struct buf out;

    buf_init(&out, &far->place.arena, 1 << 16);
    enum err err = db_query(far->db,
                            "SELECT number, kind, charge, reference, amount_minor, currency "
                            "FROM sandbox_ledger ORDER BY number",
                            NULL, 0, write_movement, &out);
    assert_stored(far->db, err);
    return buf_c(&out);
}

static int set_up(void **state)
{
    static struct sandbox_fixture far;

    sandbox_fixture_open(&far, *state);
    *state = &far;
    return 0;
}

static int tear_down(void **state)
{
    sandbox_fixture_done(*state);
    return 0;
}

int sandbox_run(const char *group, const struct CMUnitTest *tests, size_t count)
{
    const struct store_engine *engine = NULL;
    struct arena arena = { 0 };
    struct CMUnitTest runs[RUN_MAX];
    size_t made = 0;

    while ((engine = store_engine_next(engine)) != NULL) {
        for (size_t i = 0; i < count; i++) {
            assert_true(made < RUN_MAX);
            runs[made] = tests[i];
            runs[made].name = str_format(&arena, "%s: %s", engine->name, tests[i].name).ptr;
            runs[made].setup_func = set_up;
            runs[made].teardown_func = tear_down;
            runs[made++].initial_state = (void *)(uintptr_t)engine;
        }
    }
    int failed = _cmocka_run_group_tests(group, runs, made, NULL, NULL);
    arena_done(&arena);
    return failed;
}
