/* serve.c - `purser serve`: the engine, the API and the HTTP server of one node.
 *
 * The order of starting: listen (so that the address in effect is known, also for port 0), the
 * books and the key, the engine, the API, and only then the loop that answers. A request that
 * comes earlier waits in the listening socket. */
#include <assert.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/api.h"
#include "base/log.h"
#include "base/time.h"
#include "commands/command.h"
#include "commands/key.h"
#include "commands/keyring.h"
#include "commands/welcome.h"
#include "engine/engine.h"
#include "gateways/gateways.h"
#include "net/reverse.h"
#include "net/server.h"
#include "pages/card_form.h"
#include "sandbox/sandbox.h"

#define STOP_MS 10000         /* from the first signal to the end of the process */
#define STOP_REQUESTS_MS 7000 /* of it, for requests in work; the rest is the engine's */

struct serve {
    struct cli *cli;
    const struct outside *outside;
    struct installation installation;
    struct vault *vault;
    struct reverse *reverse;
    struct str address; /* in effect */
    struct str public_url;
    struct engine *engine;
    struct server *server;
    /* The engine's threads run before the API is there; until then nobody waits. */
    _Atomic(struct api *) api;
    int64_t stop_by_us; /* 0: no signal yet */
};

/* Between engine, API and server, each of which is made before something it is tied to. */

static void pass_wake(void *self, const struct turn_answer *const *answers, size_t count)
{
    struct serve *serve = self;
    struct api *api = atomic_load(&serve->api);

    if (api != NULL)
        api_wake(api, answers, count);
}

static void pass_hint(void *self, const uint32_t *marks, size_t count)
{
    struct serve *serve = self;
    struct api *api = atomic_load(&serve->api);

    if (api != NULL)
        api_look(api, marks, count);
}

static void pass_request(void *self, struct server_request *request)
{
    struct serve *serve = self;

    api_handle(atomic_load(&serve->api), request);
}

static size_t pass_body_limit(void *self, const struct server_request *request)
{
    struct serve *serve = self;

    return api_body_limit(atomic_load(&serve->api), request);
}

static void pass_refusal(void *self, struct server_request *request, enum err err, int status,
                         const char *detail, struct server_answer *out)
{
    struct serve *serve = self;

    api_refuse(atomic_load(&serve->api), request, err, status, detail, out);
}

/* The built-in gateway's challenge page: the API shows it, the sandbox knows it. */

static bool get_challenge(void *self, struct str token, struct arena *arena,
                          struct api_challenge *out)
{
    struct serve *serve = self;
    struct sandbox_challenge found;

    if (sandbox_challenge_get(engine_sandbox(serve->engine), token, arena, &found) != OK)
        return false;
    *out = (struct api_challenge){
        .amount = found.amount,
        .description = found.description,
        .operation_reference = found.reference,
        .return_url = found.return_url,
        .state = found.state == CHALLENGE_WAITING     ? CHALLENGE_OPEN
                 : found.state == CHALLENGE_CONFIRMED ? CHALLENGE_APPROVED
                                                      : CHALLENGE_DECLINED,
    };
    return true;
}

static bool decide_challenge(void *self, struct str token, bool approve)
{
    struct serve *serve = self;
    struct sandbox_challenge decided;
    struct arena arena = { 0 };

    enum err err = sandbox_challenge_decide(engine_sandbox(serve->engine), token, approve, &arena,
                                            &decided);
    arena_done(&arena);
    return err == OK;
}

static void add_metrics(void *self, struct buf *out)
{
    struct serve *serve = self;
    struct engine_counts counts = engine_counts(serve->engine);

#define X(name, help)                                                                              \
    buf_addf(out, "# HELP purser_" #name " %s\n# TYPE purser_" #name " " TYPE "\n", help);         \
    buf_addf(out, "purser_" #name " %llu\n", (unsigned long long)counts.name);
#define TYPE "counter"
    ENGINE_COUNTERS(X)
#undef TYPE
#define TYPE "gauge"
    ENGINE_GAUGES(X)
#undef TYPE
#undef X
    engine_write_metrics(serve->engine, out);
}

/* The process. */

/* Card numbers and keys pass through memory: nothing may copy it to a disk or attach to it. */
static void guard_memory(void)
{
    const struct rlimit no_core = { 0, 0 };

    if (setrlimit(RLIMIT_CORE, &no_core) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        log_event(LOG_WARN, "serve.memory_not_guarded", LOG_END);
}

/* One descriptor per connection: take as many as the system allows. */
static void raise_descriptors(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        log_event(LOG_WARN, "serve.descriptors_not_raised", LOG_END);
}

static void set_up_log(const struct cli *cli)
{
    struct str format = cli_setting(cli, SETTING_LOG_FORMAT);
    enum log_level level = LOG_INFO;

    bool known = log_level_parse(cli_setting(cli, SETTING_LOG_LEVEL), &level);
    assert(known);
    log_setup(cli->world->outside,
              str_equal_c(format, "text")   ? LOG_TEXT
              : str_equal_c(format, "json") ? LOG_JSON
                                            : LOG_AUTO,
              level);
}

/* Every intent is in the books before it is acted on, so leaving at once loses nothing. */
static void exit_at_once(int number)
{
    (void)number;
    _exit(EXIT_OK);
}

static void on_second_signal_exit(void)
{
    const struct sigaction action = { .sa_handler = exit_at_once };

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

static void stop(void *arg)
{
    struct serve *serve = arg;

    if (serve->stop_by_us != 0)
        exit_at_once(0);
    serve->stop_by_us = outside_monotonic_us(serve->outside) + STOP_MS * INT64_C(1000);
    on_second_signal_exit();
    log_event(LOG_INFO, "serve.stopping", LOG_INT("grace_ms", STOP_MS), LOG_END);
    server_stop(serve->server, STOP_REQUESTS_MS);
}

/* Starting. */

static enum err listen_on(struct serve *serve, enum setting setting, int listener,
                          struct str *bound, struct str *why)
{
    struct arena *arena = serve->cli->arena;
    struct str address = cli_setting(serve->cli, setting);

    enum err err = server_listen(serve->server, address, listener, arena, bound, why);
    if (err != OK)
        *why = str_format(arena, "%.*s; %s takes another address", STR_ARG(*why),
                          settings_table[setting].flag);
    return err;
}

static enum err listen_on_addresses(struct serve *serve, struct str *why)
{
    struct cli *cli = serve->cli;
    struct server_config config = {
        .outside = serve->outside,
        .limits = SERVER_LIMITS_DEFAULT,
        .self = serve,
        .handle = pass_request,
        .body_limit = pass_body_limit,
        .refuse = pass_refusal,
    };

    enum err err = server_open(&config, &serve->server);
    if (err != OK)
        return err;
    server_on_signal(serve->server, SIGTERM, stop, serve);
    server_on_signal(serve->server, SIGINT, stop, serve);
    err = listen_on(serve, SETTING_LISTEN, API_LISTENER_MERCHANTS, &serve->address, why);
    if (err == OK && cli_setting(cli, SETTING_ADMIN_LISTEN).len > 0)
        err = listen_on(serve, SETTING_ADMIN_LISTEN, API_LISTENER_OPERATORS, NULL, why);
    if (err != OK)
        return err;
    serve->public_url = cli_setting(cli, SETTING_PUBLIC_URL);
    if (cli->settings.sources[SETTING_PUBLIC_URL] == SETTING_FROM_DEFAULT)
        serve->public_url = str_format(cli->arena, "http://%.*s", STR_ARG(serve->address));
    return OK;
}

static enum err open_books(struct serve *serve, struct str *why)
{
    struct cli *cli = serve->cli;
    int newest = installation_schema_newest();
    int before = 0;

    enum err err = installation_schema(&cli->settings, serve->outside, cli->arena, &before, why);
    if (err != OK)
        return err;
    bool upgrade = before > 0 && before < newest;
    if (upgrade)
        log_event(LOG_INFO, "migrate.begin", LOG_INT("from", before), LOG_INT("to", newest),
                  LOG_END);
    err = installation_open(&cli->settings, serve->outside, cli->arena, &serve->installation, why);
    if (err == OK && (upgrade || before == 0))
        log_event(LOG_INFO, "migrate.done", LOG_INT("from", before), LOG_INT("to", newest),
                  LOG_END);
    if (err == OK)
        err = keyring_open(&cli->settings, store_db(serve->installation.store), serve->outside,
                           cli->arena, &serve->vault, why);
    return err;
}

static unsigned count_setting(const struct cli *cli, enum setting setting)
{
    int64_t count = 0;

    bool is_number = str_to_i64(cli_setting(cli, setting), &count);
    assert(is_number);
    return (unsigned)count;
}

static int64_t reconcile_ms(struct cli *cli)
{
    if (!str_equal_c(cli_setting(cli, SETTING_RECONCILE_ENABLED), "on"))
        return 0;
    return count_setting(cli, SETTING_RECONCILE_MINUTES) * MINUTE_MS;
}

static int64_t retention_ms(const struct cli *cli)
{
    bool is_set = cli_setting(cli, SETTING_RETENTION_DAYS).len > 0;

    return is_set ? count_setting(cli, SETTING_RETENTION_DAYS) * DAY_MS : 0;
}

static enum err open_engine(struct serve *serve, struct str *why)
{
    struct cli *cli = serve->cli;
    struct engine_config config = {
        .where = cli_setting(cli, SETTING_STORE),
        .public_url = serve->public_url,
        .vault = serve->vault,
        .outside = serve->outside,
        .gateway_ca_file = cli_setting(cli, SETTING_GATEWAY_CA_FILE),
        .gateway_proxy = cli_setting(cli, SETTING_GATEWAY_PROXY),
        .webhook_ca_file = cli_setting(cli, SETTING_WEBHOOK_CA_FILE),
        .webhook_private = str_equal_c(cli_setting(cli, SETTING_WEBHOOK_ADDRESSES), "any"),
        .readers = count_setting(cli, SETTING_READERS),
        .writers = count_setting(cli, SETTING_WRITERS),
        .reconcile_ms = reconcile_ms(cli),
        .retention_ms = retention_ms(cli),
        .capture_alarm_ms = count_setting(cli, SETTING_CAPTURE_ALARM_MINUTES) * MINUTE_MS,
        .hints = str_equal_c(cli_setting(cli, SETTING_HINTS), "on"),
        .wake = pass_wake,
        .heard = pass_hint,
        .wake_self = serve,
    };
    return engine_open(&config, cli->arena, &serve->engine, why);
}

/* As the API reads them: separated by spaces. */
static struct str trusted_proxies(const struct cli *cli)
{
    struct str list = cli_setting(cli, SETTING_TRUSTED_PROXIES), block;
    struct buf blocks;

    buf_init(&blocks, cli->arena, list.len + 1);
    while (str_cut(&list, ',', &block))
        buf_addf(&blocks, "%s%.*s", blocks.len > 0 ? " " : "", STR_ARG(str_trim(block)));
    return buf_str(&blocks);
}

static bool find_name(void *self, struct reverse_ask *ask)
{
    return reverse_find(self, ask);
}

static bool sells(const struct serve *serve)
{
    return str_equal_c(cli_setting(serve->cli, SETTING_DEMO), "on");
}

static enum err open_api(struct serve *serve)
{
    struct api *api = NULL;
    struct api_config config = {
        .outside = serve->outside,
        .desk = engine_desk(serve->engine),
        .gateways = gateways,
        .installation_key = &serve->installation.key,
        .vault = serve->vault,
        .challenges = { serve, get_challenge, decide_challenge },
        .public_url = serve->public_url,
        .receipt_font = str_c(serve->cli->arena, cli_setting(serve->cli, SETTING_RECEIPT_FONT)),
        .trusted_proxies = trusted_proxies(serve->cli),
        .find_name = find_name,
        .names = serve->reverse,
        .demo = sells(serve),
        .page_requests = count_setting(serve->cli, SETTING_PAGE_REQUESTS),
        .is_shared = engine_is_shared(serve->engine),
        .metrics = add_metrics,
        .metrics_self = serve,
    };

    enum err err = api_open(&config, &api);
    if (err != OK)
        return err;
    api_attach(api, serve->server);
    atomic_store(&serve->api, api);
    return OK;
}

static enum err count_row(void *self, const struct db_value *values, size_t count)
{
    assert(count == 1);
    *(int64_t *)self = values[0].number;
    return OK;
}

/* Books without any key belong to somebody who starts for the first time. */
static enum err greet(struct serve *serve, struct str *why)
{
    struct cli *cli = serve->cli;
    struct db *db = store_db(serve->installation.store);
    const struct key_wish wish = {
        .merchant = STR("default"),
        .scopes = KEY_SCOPES_ALL,
        .description = STR("made at the first start"),
    };
    int64_t keys = 0;
    struct api_key row;
    struct secret text;

    enum err err = db_query(db, "SELECT count(*) FROM api_keys", NULL, 0, count_row, &keys);
    if (err != OK) {
        *why = str_copy(cli->arena, db_error(db));
        return err;
    }
    if (keys > 0) {
        welcome_again(cli->world->out, serve->address, cli->world->program,
                      cli_setting(cli, SETTING_DATA));
        return OK;
    }
    err = key_new(&serve->installation, serve->outside, &wish, cli->arena, &row, &text, why);
    if (err != OK)
        return err;
    welcome_first(cli->world->out, serve->address, &text, outside_now_ms(serve->outside));
    secret_done(&text);
    return OK;
}

/* The shop sells at the sandbox, whose cards the page's own form takes. */
static enum err check_build(const struct serve *serve, struct str *why)
{
    if (!sells(serve) || card_form_is_here())
        return OK;
    *why = STR("The demo shop needs the sandbox's card form, and this build was made without it "
               "(sandbox_form); leave out --demo on.");
    return ERR_VALIDATION;
}

static enum err start(struct serve *serve, struct str *why)
{
    enum err err = check_build(serve, why);
    if (err == OK)
        err = listen_on_addresses(serve, why);
    if (err == OK)
        err = open_books(serve, why);
    if (err == OK)
        err = open_engine(serve, why);
    serve->reverse = reverse_open(serve->outside, &reverse_of_machine);
    if (err == OK)
        err = open_api(serve);
    if (err == OK)
        err = greet(serve, why);
    if (err == OK && sells(serve))
        welcome_demo(serve->cli->world->out, serve->address);
    /* The key stays; writing is the engine's from here on. */
    store_close(serve->installation.store);
    serve->installation.store = NULL;
    return err;
}

/* The engine before the server and that before the API: the last turns are answered through
 * both, and what was posted to the server is done while it closes. */
static void finish(struct serve *serve)
{
    int64_t left_ms = 0;

    if (serve->stop_by_us != 0) {
        on_second_signal_exit();
        left_ms = (serve->stop_by_us - outside_monotonic_us(serve->outside)) / 1000;
    }
    engine_close(serve->engine, left_ms > 0 ? left_ms : 0);
    if (serve->reverse)
        reverse_stop(serve->reverse);
    server_close(serve->server);
    api_close(atomic_load(&serve->api));
    reverse_close(serve->reverse);
    vault_close(serve->vault);
    installation_close(&serve->installation);
}

static enum exit_code run_serve(struct cli *cli)
{
    struct serve serve = { .cli = cli, .outside = cli->world->outside };
    struct str why = { 0 };

    signal(SIGPIPE, SIG_IGN);
    set_up_log(cli);
    guard_memory();
    mem_settle();
    raise_descriptors();
    enum err err = start(&serve, &why);
    if (err != OK) {
        finish(&serve);
        return cli_fail_err(cli, err, why);
    }
    log_event(LOG_INFO, "serve.ready", LOG_STR("address", serve.address),
              LOG_STR("public_url", serve.public_url), LOG_C("version", PURSER_VERSION),
              LOG_INT("pid", getpid()), LOG_END);
    server_run(serve.server);
    finish(&serve);
    log_event(LOG_INFO, "serve.stopped", LOG_END);
    return EXIT_OK;
}

const struct command command_serve = {
    .name = "serve",
    .operands = "",
    .summary = "take payments: the API, the engine, everything",
    .about =
        "Needs nothing: with an empty data directory it makes the books, a merchant, a sandbox\n"
        "gateway account and a test key, and prints how to take a first payment.\n"
        "SIGTERM or SIGINT ends it within 10 seconds; a second one ends it at once, which\n"
        "loses nothing either.",
    .examples = { "purser serve", "purser serve --data /var/lib/purser --listen 0.0.0.0:8080 "
                                  "--public-url https://pay.example.com" },
    .settings = SETTING_GROUP_SERVE,
    .run = run_serve,
};
