/* slowdisk.c - fsync and fdatasync as a disk does them that is slower than this one.
 *
 * LD_PRELOAD=libslowdisk.so SLOWDISK_US=2000 PROGRAM: each of them sleeps so long, after the real
 * one has done its work. Few disks are as fast as those of machines that software is made on. */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

typedef int sync_f(int fd);

static struct timespec delay;
static sync_f *real_fsync, *real_fdatasync;

static sync_f *find(const char *name)
{
    union {
        void *object;
        sync_f *function;
    } found = { dlsym(RTLD_NEXT, name) };
    if (found.object == NULL)
        abort();
    return found.function;
}

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("SLOWDISK_US");
    long us = text ? strtol(text, NULL, 10) : 0;
    delay = (struct timespec){ .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };
    real_fsync = find("fsync");
    real_fdatasync = find("fdatasync");
}

int fsync(int fd)
{
    int result = real_fsync(fd);
    nanosleep(&delay, NULL);
    return result;
}

int fdatasync(int fd)
{
    int result = real_fdatasync(fd);
    nanosleep(&delay, NULL);
    return result;
}
