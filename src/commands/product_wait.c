#include "commands/product_wait.h"

#include <time.h>

#define LOOK_MS 200
#define SECONDS_DEFAULT 600
#define SECONDS_MAX 86400

static enum err seconds_of(const struct cli *cli, int64_t *out, struct str *why)
{
    *out = SECONDS_DEFAULT;
    if (!cli_has(cli, "wait") || (str_to_i64(cli_option(cli, "wait"), out) && *out >= 1 &&
                                  *out <= SECONDS_MAX))
        return OK;
    *why = STR("--wait must be a number of seconds from 1 to 86400");
    return ERR_VALIDATION;
}

static void pause_a_little(void)
{
    const struct timespec time = { .tv_nsec = LOOK_MS * 1000000L };

    nanosleep(&time, NULL);
}

static enum err wait_for_end(struct cli *cli, struct product *product,
                             const struct product_work *work, int64_t seconds,
                             struct product_answer *answer, struct str *why)
{
    struct str path = work->path(cli, answer);
    int64_t until_us = outside_monotonic_us(cli->world->outside) + seconds * 1000000;
    enum err err = OK;

    while (err == OK && !work->has_ended(answer)) {
        if (outside_monotonic_us(cli->world->outside) > until_us) {
            *why = str_format(cli->arena, "it has not ended after %lld s; it goes on, and GET "
                                          "%.*s tells of it",
                              (long long)seconds, STR_ARG(path));
            return ERR_IO;
        }
        pause_a_little();
        err = product_ask(product, "GET", path, (struct str){ 0 }, cli->arena, answer, why);
    }
    return err;
}

enum err product_run(struct cli *cli, struct str merchant, bool live, int64_t scopes,
                     const struct product_work *work, struct product_answer *out, struct str *why)
{
    struct product *product = NULL;
    int64_t seconds = 0;

    enum err err = seconds_of(cli, &seconds, why);
    if (err == OK)
        err = product_open(cli, merchant, live, scopes, &product, why);
    if (err == OK)
        err = product_ask(product, "POST", work->begin, work->body, cli->arena, out, why);
    if (err == OK)
        err = wait_for_end(cli, product, work, seconds, out, why);
    product_close(product);
    return err;
}
