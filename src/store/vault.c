#include "store/vault.h"

#include <pthread.h>

#include "base/arena.h"

struct vault {
    struct vault_source source;
    const struct outside *outside;
    pthread_mutex_t lock;
    struct credentials_keys keys;
};

enum err vault_open(const struct vault_source *source, const struct outside *outside,
                    struct arena *arena, struct vault **out, struct str *why)
{
    struct credentials_keys keys;

    enum err err = source->read(source->self, arena, &keys, why);
    if (err != OK)
        return err;
    struct vault *vault = mem_alloc(sizeof *vault);
    vault->source = *source;
    vault->outside = outside;
    vault->keys = keys;
    pthread_mutex_init(&vault->lock, NULL);
    *out = vault;
    return OK;
}

void vault_close(struct vault *vault)
{
    if (vault == NULL)
        return;
    credentials_keys_done(&vault->keys);
    pthread_mutex_destroy(&vault->lock);
    mem_free(vault);
}

/* Keys that cannot be read now stay as they were. */
static void read_again(struct vault *vault)
{
    struct arena arena = { 0 };
    struct credentials_keys keys;
    struct str why;

    if (vault->source.read(vault->source.self, &arena, &keys, &why) == OK) {
        credentials_keys_done(&vault->keys);
        vault->keys = keys;
    }
    arena_done(&arena);
}

struct str vault_seal(struct vault *vault, struct gateway_account_id account, struct str plain,
                      struct arena *arena)
{
    pthread_mutex_lock(&vault->lock);
    read_again(vault);
    struct str sealed = credentials_seal(&vault->keys, vault->outside, account, plain, arena);
    pthread_mutex_unlock(&vault->lock);
    return sealed;
}

bool vault_unseal(struct vault *vault, struct gateway_account_id account, struct str sealed,
                  struct secret *out)
{
    pthread_mutex_lock(&vault->lock);
    if (!credentials_key_is_known(&vault->keys, sealed))
        read_again(vault);
    bool opened = credentials_open(&vault->keys, account, sealed, out);
    pthread_mutex_unlock(&vault->lock);
    return opened;
}

struct str vault_seal_at(struct vault *vault, struct str place, struct str plain,
                         struct arena *arena)
{
    pthread_mutex_lock(&vault->lock);
    read_again(vault);
    struct str sealed = credentials_seal_at(&vault->keys, vault->outside, place, plain, arena);
    pthread_mutex_unlock(&vault->lock);
    return sealed;
}

bool vault_unseal_at(struct vault *vault, struct str place, struct str sealed, struct secret *out)
{
    pthread_mutex_lock(&vault->lock);
    if (!credentials_key_is_known(&vault->keys, sealed))
        read_again(vault);
    bool opened = credentials_open_at(&vault->keys, place, sealed, out);
    pthread_mutex_unlock(&vault->lock);
    return opened;
}
