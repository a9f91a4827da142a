/* secret.c - each secret has pages of its own: locking and leaving out of core dumps
 * are properties of pages, and a page shared with other data would lose them with it. */
#include "base/secret.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

struct secret secret_copy(struct str text)
{
    if (str_is_empty(text))
        return (struct secret){ 0 };

    char *hidden = mmap(NULL, text.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(hidden != MAP_FAILED);
    /* Best effort: the amount that a user may lock is limited, and a secret that might be
     * swapped out serves better than none. */
    (void)mlock(hidden, text.len);
    (void)madvise(hidden, text.len, MADV_DONTDUMP);
    memcpy(hidden, text.ptr, text.len);
    return (struct secret){ hidden, text.len };
}

void secret_done(struct secret *secret)
{
    assert(secret != NULL);

    if (secret->hidden != NULL) {
        secret_wipe(secret->hidden, secret->len);
        int failed = munmap(secret->hidden, secret->len);
        assert(failed == 0);
    }
    *secret = (struct secret){ 0 };
}

struct str secret_reveal(const struct secret *secret)
{
    return str_make(secret->hidden, secret->len);
}

bool secret_is_empty(const struct secret *secret)
{
    return secret->len == 0;
}

bool secret_equal(const struct secret *secret, struct str text)
{
    unsigned char differences = 0;

    if (secret->len != text.len)
        return false;
    /* volatile: a compiler that saw the purpose could stop at the first difference. */
    const volatile char *hidden = secret->hidden;
    const volatile char *shown = text.ptr;
    for (size_t i = 0; i < text.len; i++)
        differences |= (unsigned char)(hidden[i] ^ shown[i]);
    return differences == 0;
}

void secret_wipe(void *bytes, size_t len)
{
    if (len > 0)
        explicit_bzero(bytes, len);
}
