#include "commands_fixture.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

#define START_MS INT64_C(1772366400000)
#define WORDS_MAX 32
#define VARIABLES_MAX 8

static struct {
    const char *name;
    const char *value;
} variables[VARIABLES_MAX];

void commands_setenv(const char *name, const char *value)
{
    size_t i = 0;

    while (i < VARIABLES_MAX && variables[i].name != NULL && strcmp(variables[i].name, name) != 0)
        i++;
    assert_true(i < VARIABLES_MAX);
    variables[i].name = name;
    variables[i].value = value;
}

const char *commands_env(const char *name)
{
    for (size_t i = 0; i < VARIABLES_MAX && variables[i].name != NULL; i++)
        if (strcmp(variables[i].name, name) == 0)
            return variables[i].value;
    return NULL;
}

int commands_fixture_open(void **state)
{
    static struct commands_fixture fixture;
    const char *tmp = outside_env("TMPDIR");

    fixture = (struct commands_fixture){ 0 };
    memset(variables, 0, sizeof variables);
    outside_fake_init(&fixture.outside, START_MS, 7);
    snprintf(fixture.dir, sizeof fixture.dir, "%s/purser-commands-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(fixture.dir));
    *state = &fixture;
    return 0;
}

static int remove_one(const char *path, const struct stat *found, int kind, struct FTW *where)
{
    (void)found, (void)kind, (void)where;
    return remove(path);
}

int commands_fixture_done(void **state)
{
    struct commands_fixture *fixture = *state;

    free(fixture->out);
    free(fixture->err);
    arena_done(&fixture->arena);
    return nftw(fixture->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* {} becomes the directory, wherever it stands in the word. */
static const char *expand(struct commands_fixture *fixture, struct str word)
{
    struct buf out;

    buf_init(&out, &fixture->arena, 4096);
    for (size_t i = 0; i < word.len; i++) {
        bool here = word.ptr[i] == '{' && i + 1 < word.len && word.ptr[i + 1] == '}';
        if (here)
            buf_add_c(&out, fixture->dir);
        else
            buf_add_char(&out, word.ptr[i]);
        i += here;
    }
    return str_c(&fixture->arena, buf_str(&out));
}

void commands_line(struct commands_fixture *fixture, const char *line)
{
    struct str rest = str_of(line), word;
    const char *words[WORDS_MAX + 1] = { 0 };
    size_t out_len = 0, err_len = 0;
    int count = 0;

    while (str_cut(&rest, ' ', &word)) {
        assert_true(count < WORDS_MAX);
        words[count++] = expand(fixture, word);
    }
    free(fixture->out);
    free(fixture->err);
    struct world world = { &fixture->outside.outside, commands_env,
                           open_memstream(&fixture->out, &out_len),
                           open_memstream(&fixture->err, &err_len), "purser" };
    fixture->code = commands_run(&world, count, words);
    fclose(world.out);
    fclose(world.err);
}

void commands_expect(struct commands_fixture *fixture, int code, const char *line)
{
    commands_line(fixture, line);
    if (fixture->code != code)
        fail_msg("%s: exit code %d, not %d\n%s%s", line, fixture->code, code, fixture->out,
                 fixture->err);
}

void assert_says_at(const char *text, const char *part, const char *file, int line)
{
    if (strstr(text, part) != NULL)
        return;
    /* The part first: a long text is cut off. */
    print_error("\"%s\" is not said by \"%s\"\n", part, text);
    _fail(file, line);
}

const char *commands_path(struct commands_fixture *fixture, const char *name)
{
    return str_format(&fixture->arena, "%s/%s", fixture->dir, name).ptr;
}

void commands_write(struct commands_fixture *fixture, const char *name, const char *text)
{
    FILE *file = fopen(commands_path(fixture, name), "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}
