/* post.c - notifications on their way from the gateways to the node: verified and kept there as
 * the API does it, believed never. */
#include <assert.h>

#include "base/time.h"
#include "core/notice_rows.h"
#include "store/vault.h"
#include "world.h"

#define AGAIN_US (60 * SECOND_US)
#define FIELDS_MAX 16

static const struct account *account_at(const struct world *world, struct str url)
{
    struct gateway_account_id id;
    for (size_t at; (at = str_find_char(url, '/', 0)) < url.len;)
        url = str_slice(url, at + 1, url.len);
    bool is_id = gateway_account_id_parse(url, &id);
    for (size_t i = 0; is_id && i < ACCOUNT_COUNT; i++)
        if (gateway_account_id_equal(world->accounts[i].row.id, id))
            return &world->accounts[i];
    return NULL;
}

static struct post *new_post(struct world *world, const struct account *account,
                             const struct telling *telling)
{
    size_t i = 0;
    while (i < POSTS_MAX && world->posts[i].is_used)
        i++;
    assert(i < POSTS_MAX);
    struct post *post = &world->posts[i];
    *post = (struct post){ .is_used = true, .account = account, .tries = telling->tries };
    post->headers = str_copy(&post->arena, telling->headers);
    post->body = str_copy(&post->arena, telling->body);
    post->due_us = world->now_us + dice_between(&world->dice, 10000, 3 * SECOND_US);
    if (world_chance(world, world->faults.told_late))
        post->due_us += dice_between(&world->dice, 0, 2 * HOUR_MS * 1000);
    return post;
}

/* Somebody who has seen one sends it again with other contents, and knows no secret. */
static void forge(struct world *world, struct post *post)
{
    struct str amount = STR("\"amount\":");
    size_t at = 0;
    char *body = arena_copy(&post->arena, post->body.ptr, post->body.len);

    post->is_forged = true;
    post->tries = 1;
    for (at = 0; at + amount.len < post->body.len; at++)
        if (str_starts_with(str_slice(post->body, at, post->body.len), amount))
            break;
    assert(at + amount.len < post->body.len);
    body[at + amount.len] = body[at + amount.len] == '9' ? '8' : '9';
    post->body = str_make(body, post->body.len);
    struct str secret = STR("\"secret_hash\":\"");
    for (at = 0; at + secret.len < post->body.len; at++)
        if (str_starts_with(str_slice(post->body, at, post->body.len), secret))
            body[at + secret.len] = body[at + secret.len] == 'x' ? 'y' : 'x';
    world_say(world, "forged");
}

void post_tells(void *self, const struct telling *telling)
{
    struct world *world = self;
    const struct account *account = account_at(world, telling->url);

    assert(account);
    if (world_chance(world, world->faults.forged))
        forge(world, new_post(world, account, telling));
    if (world_chance(world, world->faults.unheard)) {
        world_say(world, "%s tells nobody", telling->gateway);
        return;
    }
    (void)new_post(world, account, telling);
    if (world_chance(world, world->faults.told_twice))
        (void)new_post(world, account, telling);
}

static void free_post(struct post *post)
{
    arena_done(&post->arena);
    post->is_used = false;
}

static void again_or_never(struct world *world, struct post *post)
{
    post->is_under_way = false;
    post->due_us = world->now_us + AGAIN_US;
    if (--post->tries <= 0)
        free_post(post);
}

struct posting {
    struct world *world;
    struct post *post;
    struct notices_keep keep;
};

static void take(struct world *world, const struct posting *posting)
{
    for (size_t i = 0; i < posting->keep.count; i++)
        told_notice(world, posting->keep.notices[i]->digest);
    free_post(posting->post);
}

static void turn_done(struct desk_turn *turn)
{
    struct posting *posting = turn->user;
    struct world *world = posting->world;

    world_say(world, "told: %s", turn->err ? err_code(turn->err) : "ok");
    if (turn->err || world->files->is_dead)
        again_or_never(world, posting->post);
    else
        take(world, posting);
    desk_turn_free(turn);
}

static size_t read_fields(struct str headers, struct http_field *fields)
{
    struct str line, name;
    size_t count = 0;

    while (str_cut(&headers, '\n', &line)) {
        line = str_slice(line, 0, str_find_char(line, '\r', 0));
        if (str_is_empty(line))
            continue;
        assert(count < FIELDS_MAX);
        bool has_name = str_cut(&line, ':', &name);
        assert(has_name);
        (void)has_name;
        fields[count++] = (struct http_field){ name, str_trim(line) };
    }
    return count;
}

static enum err read_rows(struct world *world, const struct post *post, struct desk_turn *turn,
                          struct notices_keep *keep)
{
    const struct gateway_account *row = &post->account->row;
    struct http_field fields[FIELDS_MAX];
    struct arena scratch = { 0 };
    struct secret credentials;
    bool unreadable = false;

    bool opened = vault_unseal(world->vault, row->id, row->credentials, &credentials);
    assert(opened);
    (void)opened;
    const struct gateway_notice notice = { fields, read_fields(post->headers, fields), post->body,
                                           &credentials };
    enum err err = notice_rows(post->account->gateway, row, &notice, &turn->arena, &scratch, keep,
                               &unreadable);
    secret_done(&credentials);
    arena_done(&scratch);
    if (!err && unreadable)
        world_blame(world, "I14", "what they tell cannot be read");
    return err;
}

static void deliver(struct world *world, struct post *post)
{
    const struct desk *desk = engine_desk(world->engine);
    struct desk_turn *turn = desk_turn_new();
    struct posting *posting = ARENA_NEW(&turn->arena, struct posting);

    *posting = (struct posting){ .world = world, .post = post };
    world_say(world, "told%s by %s: %.*s %.*s", post->is_forged ? ", falsely" : "",
              post->account->gateway->name, STR_ARG(post->headers), STR_ARG(post->body));
    enum err err = read_rows(world, post, turn, &posting->keep);
    if ((err == OK) == post->is_forged)
        world_blame(world, "I14", post->is_forged ? "a forged notification was taken"
                                                  : "a notification of theirs was refused");
    if (err) {
        free_post(post);
        desk_turn_free(turn);
        return;
    }
    turn->input = (struct turn_input){ .handler = &turn_notices_keep,
                                       .merchant = post->account->row.merchant,
                                       .origin = ORIGIN_NOTIFICATION, .actor = STR("gateway"),
                                       .ask = &posting->keep };
    turn->done = turn_done;
    turn->user = posting;
    post->is_under_way = true;
    bool taken = desk->submit(desk->self, turn);
    assert(taken);
    (void)taken;
}

bool post_step(struct world *world)
{
    size_t from = dice_below(&world->dice, POSTS_MAX);
    for (size_t i = 0; i < POSTS_MAX; i++) {
        struct post *post = &world->posts[(from + i) % POSTS_MAX];
        if (post->is_used && !post->is_under_way && post->due_us <= world->now_us) {
            deliver(world, post);
            return true;
        }
    }
    return false;
}

int64_t post_due_us(const struct world *world)
{
    int64_t first = 0;
    for (size_t i = 0; i < POSTS_MAX; i++) {
        const struct post *post = &world->posts[i];
        if (post->is_used && !post->is_under_way && (!first || post->due_us < first))
            first = post->due_us;
    }
    return first;
}
