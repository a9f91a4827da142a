#include "sim/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/time.h"

#define LINE_MAX_BYTES ((size_t)4 << 20)
#define READ_BYTES ((size_t)64 << 10)
#define FILE_MAX_BYTES ((size_t)256 << 20) /* of what is read back at once */

static void fail(const char *what)
{
    dprintf(STDERR_FILENO, "purser-sim: the ledger: %s: %s\n", what, strerror(errno));
    _exit(1);
}

static bool count_lines(struct ledger *ledger)
{
    char bytes[4096];
    ssize_t got = 0;

    while ((got = read(ledger->fd, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < got; i++)
            ledger->lines += bytes[i] == '\n';
        ledger->begin += got;
    }
    return got == 0;
}

enum err ledger_open(struct ledger *ledger, const char *path, const struct outside *outside,
                     struct arena *arena, struct str *why)
{
    *ledger = (struct ledger){ .outside = outside };
    ledger->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (ledger->fd < 0 || !count_lines(ledger)) {
        *why = str_format(arena, "%s: %s", path, strerror(errno));
        return ERR_IO;
    }
    ledger_begin(ledger, "start");
    ledger_end(ledger);
    return OK;
}

void ledger_close(struct ledger *ledger)
{
    if (ledger->fd > 0)
        close(ledger->fd);
    arena_done(&ledger->arena);
}

struct json_out *ledger_begin(struct ledger *ledger, const char *kind)
{
    arena_reset(&ledger->arena);
    buf_init(&ledger->line, &ledger->arena, LINE_MAX_BYTES);
    json_begin(&ledger->out, &ledger->line);
    json_open_object(&ledger->out, NULL);
    json_put_int(&ledger->out, "seq", ledger->lines + 1);
    json_put_time(&ledger->out, "at", outside_now_ms(ledger->outside));
    json_put_text(&ledger->out, "kind", str_of(kind));
    return &ledger->out;
}

void ledger_end(struct ledger *ledger)
{
    json_close_object(&ledger->out);
    json_done(&ledger->out);
    buf_add_char(&ledger->line, '\n');
    if (!buf_ok(&ledger->line)) {
        errno = EMSGSIZE;
        fail("a line");
    }
    struct str line = buf_str(&ledger->line);
    ssize_t done = write(ledger->fd, line.ptr, line.len);
    if (done != (ssize_t)line.len)
        fail("writing");
    ledger->lines++;
}

void ledger_put_money(struct json_out *out, struct money money)
{
    json_put_int(out, "amount", money.minor);
    json_put_text(out, "currency", str_of(currency_code(money.currency)));
}

void ledger_reset(struct ledger *ledger)
{
    ledger_begin(ledger, "reset");
    ledger_end(ledger);
    ledger->begin = lseek(ledger->fd, 0, SEEK_END);
}

static struct str read_back(struct ledger *ledger, struct arena *arena)
{
    struct buf all;
    off_t at = ledger->begin;

    buf_init(&all, arena, FILE_MAX_BYTES);
    for (;;) {
        char *room = buf_reserve(&all, READ_BYTES);
        ssize_t got = room == NULL ? 0 : pread(ledger->fd, room, READ_BYTES, at);
        if (got < 0)
            fail("reading");
        if (got == 0)
            return buf_str(&all);
        all.len += (size_t)got;
        at += got;
    }
}

static bool is_among(struct str wanted, struct str list)
{
    struct str one;

    while (str_cut(&list, ',', &one)) {
        if (str_equal(wanted, one))
            return true;
    }
    return false;
}

static bool passes(const struct ledger_filter *filter, const struct json *line)
{
    int64_t seq = 0;

    if (!json_int(json_get(line, "seq"), &seq) || seq <= filter->after)
        return false;
    if (!str_is_empty(filter->kind) && !is_among(json_text(json_get(line, "kind")), filter->kind))
        return false;
    if (!str_is_empty(filter->gateway) &&
        !str_equal(json_text(json_get(line, "gateway")), filter->gateway))
        return false;
    return str_is_empty(filter->reference) ||
           str_equal(json_text(json_get(line, "reference")), filter->reference);
}

void ledger_read(struct ledger *ledger, const struct ledger_filter *filter, struct arena *arena,
                 struct json_out *out, const char *name)
{
    struct str rest = read_back(ledger, arena);
    struct str line;

    json_open_array(out, name);
    while (str_cut(&rest, '\n', &line)) {
        const struct json *value = NULL;
        struct arena scratch = { 0 };
        if (json_parse(line, &scratch, &value, NULL) == OK && passes(filter, value))
            json_put_raw(out, NULL, line);
        arena_done(&scratch);
    }
    json_close_array(out);
}
