#include "store/data_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "store/db_driver.h"

#define DIR_MODE 0700
#define FILE_MODE 0600

static enum err refuse(struct arena *arena, struct str *why, const char *what, const char *path)
{
    *why = str_format(arena, "%s %s: %s.", what, path, strerror(errno));
    return ERR_IO;
}

/* A new name is on the disk only once its directory is. */
static enum err sync_dir(const char *dir, struct arena *arena, struct str *why)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return refuse(arena, why, "Cannot open the directory", dir);
    int failed = fsync(fd);
    enum err err = failed ? refuse(arena, why, "Cannot sync the directory", dir) : OK;
    close(fd);
    return err;
}

static struct str parent_of(struct arena *arena, const char *dir)
{
    size_t len = strlen(dir);

    while (len > 1 && dir[len - 1] == '/')
        len--;
    while (len > 0 && dir[len - 1] != '/')
        len--;
    return len == 0 ? STR(".") : str_copy(arena, str_make(dir, len));
}

static enum err make_dir(const char *dir, struct arena *arena, struct str *why)
{
    if (mkdir(dir, DIR_MODE) == 0)
        return sync_dir(parent_of(arena, dir).ptr, arena, why);
    if (errno != EEXIST)
        return refuse(arena, why, "Cannot make the data directory", dir);
    return OK;
}

static enum err make_file(const char *dir, const char *path, struct arena *arena, struct str *why)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);

    if (fd < 0)
        return errno == EEXIST ? OK : refuse(arena, why, "Cannot make", path);
    close(fd);
    return sync_dir(dir, arena, why);
}

static enum err find_file(const char *dir, const char *path, struct arena *arena, struct str *why)
{
    if (access(path, F_OK) == 0)
        return OK;
    if (errno != ENOENT && errno != ENOTDIR)
        return refuse(arena, why, "Cannot look for", path);
    *why = str_format(arena,
                      "There are no books in %s (%s is missing): name another data directory, or "
                      "make the books with: purser init --data %s",
                      dir, path, dir);
    return ERR_IO;
}

enum err data_dir_file(const char *dir, const char *path, bool create, struct arena *arena,
                       struct str *why)
{
    if (!create)
        return find_file(dir, path, arena, why);
    enum err err = make_dir(dir, arena, why);
    return err == OK ? make_file(dir, path, arena, why) : err;
}

static enum err already_running(int fd, const char *dir, struct arena *arena, struct str *why)
{
    char pid[32] = "";
    ssize_t len = pread(fd, pid, sizeof pid - 1, 0);
    struct str text = str_make(pid, len > 0 ? (size_t)len : 0);

    text = str_slice(text, 0, str_find_char(text, '\n', 0));
    if (str_is_empty(text))
        text = STR("unknown");
    *why = str_format(arena,
                      "Another purser (process %.*s) serves the data directory %s. Stop it first, "
                      "or give this one a directory of its own with --data.",
                      STR_ARG(text), dir);
    return ERR_ALREADY_RUNNING;
}

/* For people; the lock is the kernel's. So a full disk does not keep a server from starting. */
static void write_pid(int fd)
{
    char text[32];
    struct buf pid;

    buf_fixed(&pid, text, sizeof text);
    buf_addf(&pid, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.ptr, pid.len, 0) != (ssize_t)pid.len)
        return;
}

enum err data_dir_lock(struct str where, struct arena *arena, struct db_serving_lock **out,
                       struct str *why)
{
    const char *dir = str_c(arena, where);
    enum err err = make_dir(dir, arena, why);

    if (err != OK)
        return err;
    const char *path = str_format(arena, "%s/serve.lock", dir).ptr;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return refuse(arena, why, "Cannot open", path);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        write_pid(fd);
    else if (errno == EWOULDBLOCK)
        err = already_running(fd, dir, arena, why);
    else
        err = refuse(arena, why, "Cannot lock", path);
    if (err != OK) {
        close(fd);
        return err;
    }
    *out = ARENA_NEW(arena, struct db_serving_lock);
    (*out)->fd = fd;
    return OK;
}

void data_dir_unlock(struct db_serving_lock *lock)
{
    close(lock->fd);
}
