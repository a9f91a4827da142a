/* files.c - the disk in memory, as SQLite's file layer (sqlite3_vfs). */
#include "files.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX 16
#define SECTOR 512
#define PAGE 4096
#define SHM_REGIONS_MAX 64
#define NAME_MAX_BYTES 256

/* Since the last sync, in order; a truncation has no bytes. */
struct change {
    struct change *next;
    size_t at, len;
    unsigned char *bytes;
};

struct content {
    unsigned char *bytes;
    size_t len, cap;
};

struct file {
    char name[NAME_MAX_BYTES];
    struct content now, synced;
    struct change *first, **end;
    int handles;
    int shared, reserved, exclusive; /* handles that hold that lock */
    void *regions[SHM_REGIONS_MAX];
    int shm_shared[SQLITE_SHM_NLOCK];
    bool shm_exclusive[SQLITE_SHM_NLOCK];
};

struct handle {
    sqlite3_file base;
    struct file *file;
    int lock;
    unsigned shm_shared, shm_exclusive; /* bits */
};

static struct files disk;
static bool is_between;
static struct file *all[FILES_MAX];

static struct file *file_of(sqlite3_file *base)
{
    return ((struct handle *)(void *)base)->file;
}

static void content_grow(struct content *content, size_t len)
{
    if (len > content->cap) {
        content->cap = len * 2;
        content->bytes = realloc(content->bytes, content->cap);
        assert(content->bytes);
    }
    if (len > content->len) {
        memset(content->bytes + content->len, 0, len - content->len);
        content->len = len;
    }
}

static void content_write(struct content *content, size_t at, const void *bytes, size_t len)
{
    content_grow(content, at + len);
    memcpy(content->bytes + at, bytes, len);
}

static void content_apply(struct content *content, const struct change *change)
{
    if (change->bytes)
        content_write(content, change->at, change->bytes, change->len);
    else if (content->len > change->at)
        content->len = change->at;
}

/* Some of its sectors, or pages: what is a piece to a disk begins at multiples of that. */
static void content_apply_torn(struct content *content, const struct change *change,
                               struct dice *dice)
{
    size_t piece = dice_chance(dice, 500) ? SECTOR : PAGE;
    for (size_t done = 0, len; done < change->len; done += len) {
        len = piece - (change->at + done) % piece;
        if (len > change->len - done)
            len = change->len - done;
        if (dice_chance(dice, 500))
            content_write(content, change->at + done, change->bytes + done, len);
    }
}

/* What the disk has of what was not synced: all, none, or some. */
static void content_apply_some(struct content *content, const struct change *first,
                               struct dice *dice)
{
    static const unsigned kept_per_mille[] = { 0, 1000, 500, 900 };
    unsigned kept = kept_per_mille[dice_below(dice, 4)];
    for (const struct change *change = first; change; change = change->next) {
        if (!dice_chance(dice, kept))
            continue;
        if (change->bytes && dice_chance(dice, 100))
            content_apply_torn(content, change, dice);
        else
            content_apply(content, change);
    }
}

static void forget_changes(struct file *file)
{
    for (struct change *change = file->first, *next; change; change = next) {
        next = change->next;
        free(change->bytes);
        free(change);
    }
    file->first = NULL;
    file->end = &file->first;
}

static void note_change(struct file *file, size_t at, const void *bytes, size_t len)
{
    struct change *change = calloc(1, sizeof *change);
    assert(change);
    change->at = at;
    change->len = len;
    if (bytes) {
        change->bytes = malloc(len);
        assert(change->bytes);
        memcpy(change->bytes, bytes, len);
    }
    *file->end = change;
    file->end = &change->next;
}

/* Before anything that changes the disk. Not OK: it is not done. */
static int touch(int error)
{
    if (disk.between && !is_between && !disk.is_dead) {
        is_between = true;
        disk.between(disk.self);
        is_between = false;
    }
    if (disk.is_dead)
        return error;
    disk.touches++;
    if (disk.dies_in > 0 && --disk.dies_in == 0) {
        disk.is_dead = true;
        return error;
    }
    if (disk.full_in > 0 && --disk.full_in == 0)
        disk.is_full = true;
    if (disk.fails_in > 0 && --disk.fails_in == 0) {
        disk.failed++;
        return error;
    }
    return SQLITE_OK;
}

static struct file *find(const char *name, bool make)
{
    size_t i = 0;
    while (i < FILES_MAX && all[i] && strcmp(all[i]->name, name) != 0)
        i++;
    assert(i < FILES_MAX);
    if (all[i] || !make)
        return all[i];
    all[i] = calloc(1, sizeof *all[i]);
    assert(all[i] && strlen(name) < NAME_MAX_BYTES);
    memcpy(all[i]->name, name, strlen(name) + 1);
    all[i]->end = &all[i]->first;
    return all[i];
}

/* The methods of a file. */

static void shm_forget(struct file *file)
{
    for (int i = 0; i < SHM_REGIONS_MAX; i++) {
        free(file->regions[i]);
        file->regions[i] = NULL;
    }
}

/* What connections shared is made anew by the first one that opens the file. */
static int file_close(sqlite3_file *base)
{
    struct file *file = file_of(base);
    if (--file->handles == 0)
        shm_forget(file);
    return SQLITE_OK;
}

static int file_read(sqlite3_file *base, void *out, int len, sqlite3_int64 at)
{
    const struct content *now = &file_of(base)->now;
    size_t wanted = (size_t)len, from = (size_t)at;
    size_t there = from < now->len ? now->len - from : 0;
    if (disk.is_dead)
        return SQLITE_IOERR_READ;
    if (there >= wanted) {
        memcpy(out, now->bytes + from, wanted);
        return SQLITE_OK;
    }
    memset(out, 0, wanted);
    if (there)
        memcpy(out, now->bytes + from, there);
    return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *base, const void *bytes, int len, sqlite3_int64 at)
{
    struct file *file = file_of(base);
    bool was_dead = disk.is_dead;
    int code = touch(SQLITE_IOERR_WRITE);
    /* What it was about to write when it died may be there or not. */
    if (code && disk.is_dead && !was_dead)
        note_change(file, (size_t)at, bytes, (size_t)len);
    if (code)
        return code;
    if (disk.is_full && (size_t)at + (size_t)len > file->now.len) {
        disk.failed++;
        return SQLITE_FULL;
    }
    note_change(file, (size_t)at, bytes, (size_t)len);
    content_write(&file->now, (size_t)at, bytes, (size_t)len);
    return SQLITE_OK;
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 len)
{
    struct file *file = file_of(base);
    int code = touch(SQLITE_IOERR_TRUNCATE);
    if (code)
        return code;
    note_change(file, (size_t)len, NULL, 0);
    if (file->now.len > (size_t)len)
        file->now.len = (size_t)len;
    return SQLITE_OK;
}

static int file_sync(sqlite3_file *base, int flags)
{
    struct file *file = file_of(base);
    int code = touch(SQLITE_IOERR_FSYNC);
    (void)flags;
    if (!code && disk.sync_fails_in > 0 && --disk.sync_fails_in == 0) {
        disk.failed++;
        code = SQLITE_IOERR_FSYNC;
    }
    if (code && !disk.is_dead) {
        content_apply_some(&file->synced, file->first, disk.dice);
        forget_changes(file);
    }
    if (code)
        return code;
    for (const struct change *change = file->first; change; change = change->next)
        content_apply(&file->synced, change);
    forget_changes(file);
    return SQLITE_OK;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *out)
{
    *out = (sqlite3_int64)file_of(base)->now.len;
    return disk.is_dead ? SQLITE_IOERR_FSTAT : SQLITE_OK;
}

static int *holders(struct file *file, int level)
{
    return level == SQLITE_LOCK_SHARED ? &file->shared
           : level == SQLITE_LOCK_RESERVED ? &file->reserved : &file->exclusive;
}

static int file_lock(sqlite3_file *base, int level)
{
    struct handle *handle = (struct handle *)(void *)base;
    struct file *file = handle->file;
    if (level <= handle->lock)
        return SQLITE_OK;
    bool others_exclusive = file->exclusive > (handle->lock >= SQLITE_LOCK_PENDING);
    bool others_reserved = file->reserved > (handle->lock >= SQLITE_LOCK_RESERVED);
    bool others_shared = file->shared > (handle->lock >= SQLITE_LOCK_SHARED);
    if (others_exclusive || (level >= SQLITE_LOCK_RESERVED && others_reserved)
        || (level >= SQLITE_LOCK_PENDING && others_shared))
        return SQLITE_BUSY;
    for (int step = handle->lock + 1; step <= level; step++)
        if (step != SQLITE_LOCK_PENDING)
            ++*holders(file, step);
    handle->lock = level;
    return SQLITE_OK;
}

static int file_unlock(sqlite3_file *base, int level)
{
    struct handle *handle = (struct handle *)(void *)base;
    for (int step = handle->lock; step > level; step--)
        if (step != SQLITE_LOCK_PENDING)
            --*holders(handle->file, step);
    if (level < handle->lock)
        handle->lock = level;
    return SQLITE_OK;
}

static int file_check_reserved(sqlite3_file *base, int *out)
{
    *out = file_of(base)->reserved > 0;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *base, int what, void *arg)
{
    (void)base, (void)what, (void)arg;
    return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *base)
{
    (void)base;
    return SECTOR;
}

/* As the system's says of itself. */
static int file_device(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* The memory that connections of one file share: it dies with the process. */

static int shm_map(sqlite3_file *base, int region, int size, int extend, void volatile **out)
{
    struct file *file = file_of(base);
    assert(region < SHM_REGIONS_MAX);
    if (!file->regions[region] && extend)
        file->regions[region] = calloc(1, (size_t)size);
    *out = file->regions[region];
    return SQLITE_OK;
}

static bool shm_may(const struct handle *handle, int slot, bool exclusive)
{
    const struct file *file = handle->file;
    bool own_shared = handle->shm_shared >> slot & 1;
    if (file->shm_exclusive[slot])
        return handle->shm_exclusive >> slot & 1;
    return !exclusive || file->shm_shared[slot] == (own_shared ? 1 : 0);
}

static void shm_take(struct handle *handle, int slot, bool exclusive)
{
    unsigned bit = 1U << slot;
    if (exclusive) {
        handle->file->shm_exclusive[slot] = true;
        handle->shm_exclusive |= bit;
    } else if (!(handle->shm_shared & bit)) {
        handle->file->shm_shared[slot]++;
        handle->shm_shared |= bit;
    }
}

static void shm_leave(struct handle *handle, int slot)
{
    unsigned bit = 1U << slot;
    if (handle->shm_exclusive & bit)
        handle->file->shm_exclusive[slot] = false;
    if (handle->shm_shared & bit)
        handle->file->shm_shared[slot]--;
    handle->shm_exclusive &= ~bit;
    handle->shm_shared &= ~bit;
}

static int shm_lock(sqlite3_file *base, int first, int count, int flags)
{
    struct handle *handle = (struct handle *)(void *)base;
    bool exclusive = flags & SQLITE_SHM_EXCLUSIVE;
    for (int i = first; flags & SQLITE_SHM_LOCK && i < first + count; i++)
        if (!shm_may(handle, i, exclusive))
            return SQLITE_BUSY;
    for (int i = first; i < first + count; i++) {
        if (flags & SQLITE_SHM_LOCK)
            shm_take(handle, i, exclusive);
        else
            shm_leave(handle, i);
    }
    return SQLITE_OK;
}

static void shm_barrier(sqlite3_file *base)
{
    (void)base;
}

static int shm_unmap(sqlite3_file *base, int delete)
{
    struct handle *handle = (struct handle *)(void *)base;
    for (int i = 0; i < SQLITE_SHM_NLOCK; i++)
        shm_leave(handle, i);
    if (delete)
        shm_forget(handle->file);
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_device,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
};

/* The methods of the disk. */

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *out)
{
    struct handle *handle = (struct handle *)(void *)base;
    (void)vfs;
    handle->base.pMethods = NULL;
    if (!name || disk.is_dead)
        return SQLITE_CANTOPEN;
    *handle = (struct handle){ .base = { &methods }, .file = find(name, true) };
    handle->file->handles++;
    if (out)
        *out = flags;
    return SQLITE_OK;
}

/* Its name is gone at once, and for good. */
static int disk_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    struct file *file = find(name, false);
    (void)vfs, (void)sync;
    int code = touch(SQLITE_IOERR_DELETE);
    if (code || !file)
        return code ? code : SQLITE_IOERR_DELETE_NOENT;
    forget_changes(file);
    file->now.len = file->synced.len = 0;
    return SQLITE_OK;
}

static int disk_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    const struct file *file = find(name, false);
    (void)vfs, (void)flags;
    *out = file && file->now.len > 0;
    return disk.is_dead ? SQLITE_IOERR_ACCESS : SQLITE_OK;
}

static int disk_full_path(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
    size_t len = strlen(name) + 1;
    (void)vfs;
    if (len > (size_t)size)
        return SQLITE_CANTOPEN;
    memcpy(out, name, len);
    return SQLITE_OK;
}

/* SQLite wants it for what nobody sees: salts of its log. */
static int disk_random(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    memset(out, 7, (size_t)size);
    return size;
}

static int disk_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    return microseconds;
}

static int disk_time(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
    (void)vfs;
    *out = INT64_C(212600000000000);
    return SQLITE_OK;
}

struct files *files_open(void)
{
    static sqlite3_vfs vfs = {
        .iVersion = 2,
        .szOsFile = sizeof(struct handle),
        .mxPathname = NAME_MAX_BYTES - 1,
        .zName = FILES_NAME,
        .xOpen = disk_open,
        .xDelete = disk_delete,
        .xAccess = disk_access,
        .xFullPathname = disk_full_path,
        .xRandomness = disk_random,
        .xSleep = disk_sleep,
        .xCurrentTimeInt64 = disk_time,
    };
    int code = sqlite3_vfs_register(&vfs, 1);
    assert(code == SQLITE_OK);
    (void)code;
    return &disk;
}

/* Its locks went with it. */
static void forget_process(struct file *file)
{
    assert(file->handles == 0);
    memset(file->shm_shared, 0, sizeof file->shm_shared);
    memset(file->shm_exclusive, 0, sizeof file->shm_exclusive);
}

static void lose_power(struct file *file)
{
    content_apply_some(&file->synced, file->first, disk.dice);
    forget_changes(file);
    file->now.len = 0;
    if (file->synced.len)
        content_write(&file->now, 0, file->synced.bytes, file->synced.len);
}

void files_return(struct files *files, bool power_was_lost)
{
    for (size_t i = 0; i < FILES_MAX && all[i]; i++) {
        forget_process(all[i]);
        if (power_was_lost)
            lose_power(all[i]);
    }
    files->is_dead = files->is_full = false;
    files->dies_in = files->fails_in = files->sync_fails_in = files->full_in = 0;
}
