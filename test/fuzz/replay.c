/* replay.c - runs a fuzz target over its stored inputs, without libFuzzer: replay FOLDER.
 *
 * One TAP test case for the whole folder. A folder without inputs fails, because a replay of
 * nothing would pass for ever. Each input is named before it is run, so that after a crash
 * the last line says which one it was. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(const char *what, const char *path)
{
    printf("not ok 1 - %s: %s\n", what, path);
    exit(1);
}

static void replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat info;
    if (file == NULL || fstat(fileno(file), &info) != 0)
        fail("cannot be opened", path);

    /* Exactly as large as the input: AddressSanitizer then sees a read of one byte more. */
    size_t size = (size_t)info.st_size;
    uint8_t *data = malloc(size);
    if ((data == NULL && size > 0) || fread(data, 1, size, file) != size)
        fail("cannot be read", path);
    fclose(file);

    printf("# %s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    printf("1..1\n");
    if (argc != 2)
        fail("needs one folder", argv[0]);

    struct dirent **entries;
    int count = scandir(argv[1], &entries, is_input, alphasort);
    if (count <= 0)
        fail("no inputs in", argv[1]);

    for (int i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", argv[1], entries[i]->d_name);
        replay(path);
        free(entries[i]);
    }
    free(entries);

    printf("ok 1 - %d inputs\n", count);
    return 0;
}
