#include "commands/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

static enum err fail(struct arena *arena, const char *what, const char *path, struct str *why)
{
    *why = str_format(arena, "cannot %s %s: %s", what, path, strerror(errno));
    return ERR_IO;
}

struct str file_path(struct arena *arena, struct str dir, const char *name)
{
    return str_format(arena, "%.*s%s%s", STR_ARG(dir), str_ends_with(dir, STR("/")) ? "" : "/",
                      name);
}

enum err file_read(struct str path, size_t max, struct arena *arena, struct str *out, bool *found,
                   struct str *why)
{
    const char *name = str_c(arena, path);
    int fd = open(name, O_RDONLY | O_CLOEXEC);

    if (found != NULL)
        *found = fd >= 0;
    if (fd < 0 && errno == ENOENT && found != NULL)
        return OK;
    if (fd < 0)
        return fail(arena, "read", name, why);

    char *bytes = arena_alloc(arena, max + 1);
    size_t len = 0;
    ssize_t got;
    do {
        got = read(fd, bytes + len, max + 1 - len);
        if (got > 0)
            len += (size_t)got;
    } while (len <= max && (got > 0 || (got < 0 && errno == EINTR)));
    enum err err = got < 0 ? fail(arena, "read", name, why) : OK;
    if (err == OK && len > max) {
        *why = str_format(arena, "%s is larger than %zu bytes", name, max);
        err = ERR_IO;
    }
    close(fd);
    if (err == OK)
        *out = str_make(bytes, len);
    return err;
}

/* A new name in a directory is safe only once the directory itself is on the disk. */
static enum err sync_directory_of(const char *path, struct arena *arena, struct str *why)
{
    const char *slash = strrchr(path, '/');
    const char *dir = slash == NULL   ? "."
                      : slash == path ? "/"
                                      : str_c(arena, str_make(path, (size_t)(slash - path)));
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return fail(arena, "open", dir, why);
    enum err err = fsync(fd) == 0 ? OK : fail(arena, "sync", dir, why);
    close(fd);
    return err;
}

static enum err write_all(int fd, struct str text, const char *path, struct arena *arena,
                          struct str *why)
{
    for (size_t done = 0; done < text.len;) {
        ssize_t wrote = write(fd, text.ptr + done, text.len - done);
        if (wrote < 0 && errno != EINTR)
            return fail(arena, "write", path, why);
        if (wrote > 0)
            done += (size_t)wrote;
    }
    return fsync(fd) == 0 ? OK : fail(arena, "sync", path, why);
}

/* Written under another name first: whoever finds the file finds all of it. link() fails when
 * the name is taken, which rename() would not. */
enum err file_make(struct str path, struct str text, bool replace, struct arena *arena,
                   struct str *why)
{
    const char *name = str_c(arena, path);
    const char *draft = str_format(arena, "%s.%ld.new", name, (long)getpid()).ptr;
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return fail(arena, "make", draft, why);
    enum err err = write_all(fd, text, draft, arena, why);
    if (close(fd) != 0 && err == OK)
        err = fail(arena, "write", draft, why);
    if (err == OK && (replace ? rename(draft, name) : link(draft, name)) != 0) {
        bool taken = errno == EEXIST;
        err = fail(arena, "make", name, why);
        if (taken)
            err = ERR_ALREADY_EXISTS;
    }
    if (!(err == OK && replace))
        unlink(draft);
    return err == OK ? sync_directory_of(name, arena, why) : err;
}

enum err file_make_directory(struct str path, struct arena *arena, struct str *why)
{
    const char *name = str_c(arena, path);
    struct stat found;

    for (size_t at = 1; at <= path.len; at++) {
        if (at < path.len && path.ptr[at] != '/')
            continue;
        const char *part = str_c(arena, str_slice(path, 0, at));
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return fail(arena, "make the directory", part, why);
    }
    if (stat(name, &found) != 0)
        return fail(arena, "use", name, why);
    if (!S_ISDIR(found.st_mode)) {
        *why = str_format(arena, "%s is not a directory", name);
        return ERR_IO;
    }
    return OK;
}
