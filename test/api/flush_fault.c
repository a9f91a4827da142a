/* flush_fault.c - preloaded into purser: flushes of SQLite's log wait, or fail, as the file that
 * FLUSH_FAULT names says ("hold", "fail"; none: as ever).
 * tidy: unlisted - the test that preloads it compiles it, without what a build adds */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_log(int file)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t len = readlink(link, path, sizeof path);
    return len > 14 && memcmp(path + len - 14, "/purser.db-wal", 14) == 0;
}

static char wanted(void)
{
    FILE *file = fopen(getenv("FLUSH_FAULT"), "r");
    int first = file ? fgetc(file) : EOF;
    if (file)
        fclose(file);
    return first == EOF ? 0 : (char)first;
}

int fdatasync(int file)
{
    while (is_log(file) && wanted() == 'h')
        usleep(5000);
    if (!is_log(file) || wanted() != 'f')
        return (int)syscall(SYS_fdatasync, file);
    errno = EIO;
    return -1;
}
