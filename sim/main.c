/* main.c - purser-sim: the program. Options, the listening address, start and end. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "sim/notify.h"
#include "sim/post.h"
#include "sim/sim.h"

#define HELP_MAX_BYTES ((size_t)64 << 10)
#define BODY_MAX_BYTES ((size_t)1 << 20)
#define STOP_MS 2000

static const char usage[] =
    "purser-sim - plays payment gateways on this machine, with faults on demand.\n"
    "\n"
    "usage: purser-sim [OPTION...]\n"
    "\n"
    "  --listen ADDR:PORT   where to listen; a loopback address (127.0.0.1:9090)\n"
    "  --ledger FILE        what happened, as JSON lines; it only grows (purser-sim.jsonl)\n"
    "  --public-url URL     how payers reach its pages (http://ADDR:PORT)\n"
    "  --webhook-url URL    where Hyperswitch's webhooks go (none are sent)\n"
    "  --lenient            accept wrong requests, and record them\n"
    "  --set NAME=VALUE     any setting of the table below\n"
    "  --help               this text\n"
    "\n"
    "It plays epayment.kz (prefix /epayment or none) and Hyperswitch (prefix /hyperswitch or\n"
    "none), and is told what to do under /sim/: docs/simulator.md.\n"
    "\n"
    "Settings (also POST /sim/settings):\n";

struct options {
    const char *listen, *ledger, *public_url;
    bool help;
};

static int complain(const char *what, const char *about)
{
    fprintf(stderr, "purser-sim: %s%s; purser-sim --help tells more\n", what, about);
    return 2;
}

/* "name=value" as the JSON that settings_change takes: a number or a flag stays bare. */
static bool set(struct sim *sim, struct arena *arena, const char *text)
{
    struct str pair = str_of(text), name, why;
    size_t equals = str_find_char(pair, '=', 0);
    struct str value = str_slice(pair, equals + 1, pair.len);
    const struct json *doc = NULL;
    int64_t number = 0;
    struct json_out out;
    struct buf body;

    if (equals == pair.len)
        return false;
    name = str_slice(pair, 0, equals);
    buf_init(&body, arena, 4096);
    json_begin(&out, &body);
    json_open_object(&out, NULL);
    if (str_equal(value, STR("true")) || str_equal(value, STR("false")))
        json_put_bool(&out, str_c(arena, name), str_equal(value, STR("true")));
    else if (str_to_i64(value, &number))
        json_put_int(&out, str_c(arena, name), number);
    else
        json_put_text(&out, str_c(arena, name), value);
    json_close_object(&out);
    json_done(&out);
    return buf_ok(&body) && json_parse(buf_str(&body), arena, &doc, NULL) == OK &&
           settings_change(&sim->settings_at_start, doc, arena, &why);
}

/* 0, or the exit status after what was wrong has been said. */
static int read_options(int argc, char **argv, struct sim *sim, struct arena *arena,
                        struct options *options)
{
    const struct {
        const char *name;
        const char **value;
    } valued[] = { { "--listen", &options->listen },
                   { "--ledger", &options->ledger },
                   { "--public-url", &options->public_url } };

    for (int i = 1; i < argc; i++) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        size_t at = 0;
        if (strcmp(name, "--help") == 0) {
            options->help = true;
            continue;
        }
        if (strcmp(name, "--lenient") == 0) {
            sim->settings_at_start.lenient = true;
            continue;
        }
        while (at < 3 && strcmp(name, valued[at].name) != 0)
            at++;
        bool is_set = strcmp(name, "--set") == 0, is_hook = strcmp(name, "--webhook-url") == 0;
        if (at == 3 && !is_set && !is_hook)
            return complain("there is no option ", name);
        if (value == NULL)
            return complain("a value is missing after ", name);
        i++;
        if (at < 3)
            *valued[at].value = value;
        else if (is_hook)
            sim->settings_at_start.webhook_url = str_of(value);
        else if (!set(sim, arena, value))
            return complain("not a setting, or not its kind of value: ", value);
    }
    return 0;
}

static int help(struct arena *arena)
{
    struct buf text;

    buf_init(&text, arena, HELP_MAX_BYTES);
    buf_add_c(&text, usage);
    settings_write_help(&text);
    buf_add_char(&text, '\n');
    plan_write_help(&text);
    fputs(buf_c(&text), stdout);
    return 0;
}

static void refuse(void *self, struct server_request *request, enum err err, int status,
                   const char *detail, struct server_answer *out)
{
    (void)self, (void)request, (void)err;
    out->status = status;
    out->content_type = STR("text/plain");
    out->body = str_of(detail);
}

static void stop(void *arg)
{
    struct sim *sim = arg;

    server_stop(sim->server, STOP_MS);
}

static bool open_server(struct sim *sim, const struct options *options, struct arena *arena,
                        struct str *why)
{
    struct server_config config = {
        .outside = sim->outside,
        .limits = SERVER_LIMITS_DEFAULT,
        .self = sim,
        .handle = sim_handle,
        .refuse = refuse,
    };
    struct str bound;

    config.limits.body_bytes = BODY_MAX_BYTES;
    if (server_open(&config, &sim->server) != OK ||
        server_listen(sim->server, str_of(options->listen), 0, arena, &bound, why) != OK)
        return false;
    server_on_signal(sim->server, SIGTERM, stop, sim);
    server_on_signal(sim->server, SIGINT, stop, sim);
    sim->public_url = options->public_url != NULL
                          ? str_of(options->public_url)
                          : str_format(arena, "http://%.*s", STR_ARG(bound));
    if (str_ends_with(sim->public_url, STR("/")))
        sim->public_url.len--;
    printf("purser-sim plays epayment.kz and Hyperswitch on http://%.*s\n"
           "  ledger    %s\n"
           "  control   http://%.*s/sim/ (docs/simulator.md)\n",
           STR_ARG(bound), options->ledger, STR_ARG(bound));
    fflush(stdout);
    return true;
}

static int serve(struct sim *sim, const struct options *options, struct arena *arena)
{
    struct str why = STR("the server cannot be opened");
    int status = 1;

    /* What it plays has no password worth the name, so nobody else may reach it. */
    if (!post_is_local(str_format(arena, "http://%s/", options->listen)))
        return complain("only a loopback address can be listened on, not ", options->listen);
    if (ledger_open(&sim->ledger, options->ledger, sim->outside, arena, &why) == OK &&
        open_server(sim, options, arena, &why)) {
        sim_begin(sim);
        sim->notifier = notifier_open(sim);
        server_run(sim->server);
        notifier_stop(sim->notifier);
        status = 0;
    } else {
        fprintf(stderr, "purser-sim: %.*s\n", STR_ARG(why));
    }
    server_close(sim->server);
    if (sim->notifier != NULL)
        notifier_close(sim->notifier);
    ledger_close(&sim->ledger);
    return status;
}

int main(int argc, char **argv)
{
    struct options options = { .listen = "127.0.0.1:9090", .ledger = "purser-sim.jsonl" };
    struct sim sim = { .outside = outside_real(), .settings_at_start = settings_default() };
    struct arena arena = { 0 };
    int status = read_options(argc, argv, &sim, &arena, &options);

    signal(SIGPIPE, SIG_IGN);
    if (status == 0)
        status = options.help ? help(&arena) : serve(&sim, &options, &arena);
    plan_done(&sim.plan);
    arena_done(&sim.arena);
    arena_done(&arena);
    return status;
}
