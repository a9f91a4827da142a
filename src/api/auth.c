#include "api/auth.h"

#include <assert.h>

#include "api/address.h"
#include "base/crypto.h"
#include "core/keys.h"
#include "store/desk.h"

#define SLOTS 1024u
#define AGE_US INT64_C(1000000)

/* What was read of a key. Here it is known by the digest of its text, which is made faster than the
 * hash that the books have, and tells as little: 196 bits of a key are random. The slot of a digest
 * is given by its first bytes; whoever comes later takes it over. */
struct slot {
    struct sha256 digest;
    struct api_key key;
    char *addresses; /* its own: key.addresses points to it */
    int64_t read_us; /* when the reading began */
    bool taken;
};

/* A key on its way from the books. */
struct lookup {
    struct lookup *next;
    struct api *api;
    struct sha256 digest, hash;
    int64_t began_us;
    struct call *waiting; /* by next */
    struct api_key key;   /* in the read's arena */
};

struct auth {
    struct slot slots[SLOTS];
    struct lookup *lookups;
};

struct auth *auth_new(void)
{
    return mem_alloc(sizeof(struct auth));
}

void auth_free(struct auth *auth)
{
    if (!auth)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        mem_free(auth->slots[i].addresses);
    mem_free(auth);
}

static struct slot *slot_of(struct auth *auth, const struct sha256 *digest)
{
    return &auth->slots[((unsigned)digest->bytes[0] << 8 | digest->bytes[1]) % SLOTS];
}

static bool same_digest(const struct sha256 *a, const struct sha256 *b)
{
    return crypto_equal(a->bytes, b->bytes, sizeof a->bytes);
}

static void keep(struct auth *auth, const struct lookup *lookup)
{
    struct slot *slot = slot_of(auth, &lookup->digest);
    struct str addresses = lookup->key.addresses;

    mem_free(slot->addresses);
    *slot = (struct slot){
        .digest = lookup->digest, .key = lookup->key, .read_us = lookup->began_us, .taken = true
    };
    slot->addresses = mem_alloc(addresses.len + 1);
    for (size_t i = 0; i < addresses.len; i++)
        slot->addresses[i] = addresses.ptr[i];
    slot->key.addresses = str_make(slot->addresses, addresses.len);
    slot->key.hint = slot->key.description = (struct str){ 0 };
}

static const struct api_key *kept(struct auth *auth, const struct sha256 *digest, int64_t now_us)
{
    const struct slot *slot = slot_of(auth, digest);

    if (!slot->taken || now_us - slot->read_us >= AGE_US)
        return NULL;
    return same_digest(&slot->digest, digest) ? &slot->key : NULL;
}

static enum err judge(struct call *call, const struct api_key *key)
{
    struct trouble *trouble = &call->trouble;
    struct str peer = call_peer(call);

    if (key->revoked_ms != 0)
        return trouble_say(trouble, ERR_UNAUTHENTICATED, "The key was revoked.");
    if (key->expires_ms != 0 && call_now_ms(call) >= key->expires_ms)
        return trouble_say(trouble, ERR_UNAUTHENTICATED, "The key has expired.");
    if (!address_is_listed(key->addresses, peer))
        return trouble_say(trouble, ERR_FORBIDDEN, "The key may not be used from the address %.*s.",
                           STR_ARG(peer));
    call->who = (struct caller){ key->merchant, key->live, key->id, key->scopes };
    return OK;
}

static void go_on(struct call *call, const struct api_key *key)
{
    enum err err = judge(call, key);

    if (err)
        call_fail(call, err);
    else
        call_proceed(call);
}

static enum err read_key(struct desk_read *read, struct db *db)
{
    struct lookup *lookup = read->user;

    return query_api_key_by_hash(db, &lookup->hash, &read->arena, &lookup->key);
}

static void unlink_lookup(struct auth *auth, const struct lookup *lookup)
{
    struct lookup **at = &auth->lookups;

    while (*at != lookup) {
        assert(*at);
        at = &(*at)->next;
    }
    *at = lookup->next;
}

static void key_was_read(void *arg)
{
    struct desk_read *read = arg;
    struct lookup *lookup = read->user;
    struct auth *auth = lookup->api->auth;
    struct call *after = NULL;

    unlink_lookup(auth, lookup);
    if (read->err == OK)
        keep(auth, lookup);
    for (struct call *call = lookup->waiting; call; call = after) {
        after = call->next;
        if (read->err == OK)
            go_on(call, &lookup->key);
        else if (read->err == ERR_NOT_FOUND)
            call_fail(call, trouble_say(&call->trouble, ERR_UNAUTHENTICATED,
                                        "There is no such key here."));
        else
            call_fail(call, read->err);
    }
    mem_free(lookup);
    desk_read_free(read);
}

static void key_read_done(struct desk_read *read)
{
    struct lookup *lookup = read->user;

    server_post(atomic_load(&lookup->api->server), key_was_read, read);
}

static void look_up(struct auth *auth, struct call *call, struct str text,
                    const struct sha256 *digest, int64_t now_us)
{
    for (struct lookup *at = auth->lookups; at; at = at->next) {
        if (!same_digest(&at->digest, digest))
            continue;
        call->next = at->waiting;
        at->waiting = call;
        return;
    }
    struct lookup *lookup = mem_alloc(sizeof *lookup);
    struct desk_read *read = desk_read_new();
    const struct desk *desk = call->api->config.desk;
    *lookup = (struct lookup){
        .next = auth->lookups,
        .api = call->api,
        .digest = *digest,
        .hash = key_hash(call->api->config.installation_key, text),
        .began_us = now_us,
        .waiting = call,
    };
    auth->lookups = lookup;
    read->run = read_key;
    read->done = key_read_done;
    read->user = lookup;
    if (desk->read(desk->self, read))
        return;
    auth->lookups = lookup->next;
    mem_free(lookup);
    desk_read_free(read);
    call_fail(call, ERR_UNAVAILABLE);
}

/* "Bearer psk_test_..."; the scheme has no case (RFC 9110, 11.1). */
static enum err read_header(struct call *call, struct str *key)
{
    struct str header = server_request_header(call->request, "Authorization");
    size_t space = str_find_char(header, ' ', 0);

    if (!str_equal_nocase(str_slice(header, 0, space), STR("Bearer")))
        return trouble_say(&call->trouble, ERR_UNAUTHENTICATED,
                           "The header Authorization: Bearer psk_... is missing.");
    *key = str_trim(str_slice(header, space, header.len));
    return OK;
}

/* A mistyped key costs no look into the books. One that is kept came from them, so its form is
 * right. */
static void begin_unknown(struct auth *auth, struct call *call, struct str text,
                          const struct sha256 *digest, int64_t now_us)
{
    bool live = false;

    if (key_is_well_formed(text, &live))
        look_up(auth, call, text, digest, now_us);
    else
        call_fail(call, trouble_say(&call->trouble, ERR_UNAUTHENTICATED,
                                    "This is no API key: it is mistyped or cut off."));
}

void auth_begin(struct auth *auth, struct call *call)
{
    int64_t now_us = outside_monotonic_us(call->api->config.outside);
    struct str text;

    enum err err = read_header(call, &text);
    if (err) {
        call_fail(call, err);
        return;
    }
    struct sha256 digest = crypto_sha256(text);
    const struct api_key *key = kept(auth, &digest, now_us);
    if (key)
        go_on(call, key);
    else
        begin_unknown(auth, call, text, &digest, now_us);
}
