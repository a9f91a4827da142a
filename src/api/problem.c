#include "api/problem.h"

#include <assert.h>

#include "api/resources.h"
#include "base/json.h"

static void put_page(struct json_out *out, const char *name, const struct problem *problem)
{
    char array[1024];
    struct buf url;

    buf_fixed(&url, array, sizeof array);
    buf_add(&url, problem->public_url);
    buf_add_c(&url, "/errors/");
    buf_add_c(&url, err_code(problem->err));
    assert(buf_ok(&url));
    json_put_text(out, name, buf_str(&url));
}

void problem_write(struct buf *out, const struct problem *problem)
{
    struct json_out json;
    struct str title = str_of(err_title(problem->err));
    int status = problem->status ? problem->status : err_http_status(problem->err);

    assert(problem->err != OK && problem->err < ERR_COUNT);
    json_begin(&json, out);
    json_open_object(&json, NULL);
    put_page(&json, "type", problem);
    json_put_text(&json, "title", title);
    json_put_int(&json, "status", status);
    json_put_text(&json, "code", str_of(err_code(problem->err)));
    json_put_text(&json, "detail", str_is_empty(problem->detail) ? title : problem->detail);
    json_put_text_or_null(&json, "param", problem->param);
    json_put_text(&json, "request_id", problem->request_id);
    json_put_bool(&json, "retryable", err_is_retryable(problem->err));
    put_page(&json, "doc_url", problem);
    json_close_object(&json);
    json_done(&json);
}

int64_t problem_retry_after_s(enum err err)
{
    int status = err_http_status(err);

    return err_is_retryable(err) && (status == 409 || status == 429 || status == 503) ? 1 : 0;
}

/* The error whose code it is, or OK. */
static enum err err_of_code(struct str code)
{
    for (unsigned i = OK + 1; i < ERR_COUNT; i++)
        if (str_equal_c(code, err_code((enum err)i)))
            return (enum err)i;
    return OK;
}

static void add_escaped(struct buf *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            buf_add_c(out, "&amp;");
            break;
        case '<':
            buf_add_c(out, "&lt;");
            break;
        case '>':
            buf_add_c(out, "&gt;");
            break;
        default:
            buf_add_char(out, *text);
        }
    }
}

static void add_element(struct buf *out, const char *element, const char *text)
{
    buf_addf(out, "<%s>", element);
    add_escaped(out, text);
    buf_addf(out, "</%s>\n", element);
}

/* GET /errors/{code}: where type and doc_url of a problem lead. */
enum err problem_page(struct call *call)
{
    enum err err = err_of_code(call->segment);
    struct buf page;

    if (err == OK)
        return trouble_say(&call->trouble, ERR_NOT_FOUND, "There is no error of this code.");
    buf_init(&page, call->arena, 8192);
    buf_add_c(&page, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width\">\n");
    add_element(&page, "title", err_code(err));
    add_element(&page, "h1", err_title(err));
    buf_addf(&page, "<p><code>%s</code>, HTTP status %d.\n", err_code(err), err_http_status(err));
    add_element(&page, "p", err_advice(err));
    add_element(&page, "p",
                err_is_retryable(err)
                    ? "The same request, with the same Idempotency-Key, can succeed later."
                    : "The same request will not succeed: change it first.");
    buf_add_c(&page, "</html>\n");
    assert(buf_ok(&page));
    call_answer(call, 200, STR("text/html; charset=utf-8"), buf_str(&page));
    return OK;
}
