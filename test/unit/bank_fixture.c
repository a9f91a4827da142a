#include "bank_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#define REQUEST_MAX 4096

struct bank {
    const char *const *script;
    int listener, port;
    pthread_t thread;
    pthread_mutex_t lock;
    int count;
    char asked[BANK_STEPS_MAX][REQUEST_MAX];
};

/* Bytes of the body that the head announces. */
static size_t body_bytes(const char *head)
{
    const char *length = strstr(head, "Content-Length: ");

    return length ? (size_t)strtoul(length + strlen("Content-Length: "), NULL, 10) : 0;
}

static bool read_request(int fd, char *text)
{
    size_t len = 0;

    for (;;) {
        ssize_t got = read(fd, text + len, REQUEST_MAX - 1 - len);
        if (got <= 0)
            return false;
        len += (size_t)got;
        text[len] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        if (end && len >= (size_t)(end + 4 - text) + body_bytes(text))
            return true;
    }
}

static void answer(int fd, const char *step)
{
    char reply[512];
    int len = snprintf(reply, sizeof reply,
                       "HTTP/1.1 %.3s X\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
                       step, strlen(step + 4), step + 4);
    ssize_t sent = write(fd, reply, (size_t)len);

    (void)sent;
}

/* One request, then the connection ends: the next may come on another while this one is kept. */
static void serve(struct bank *bank, int fd)
{
    char text[REQUEST_MAX];

    if (!read_request(fd, text))
        return;
    pthread_mutex_lock(&bank->lock);
    const char *step = bank->script[bank->count] ? bank->script[bank->count] : "drop";
    memcpy(bank->asked[bank->count % BANK_STEPS_MAX], text, sizeof text);
    if (bank->script[bank->count])
        bank->count++;
    pthread_mutex_unlock(&bank->lock);
    if (strcmp(step, "drop") != 0)
        answer(fd, step);
}

static void *run(void *self)
{
    struct bank *bank = self;
    int fd;

    while ((fd = accept(bank->listener, NULL, NULL)) >= 0) {
        serve(bank, fd);
        close(fd);
    }
    return NULL;
}

struct bank *bank_open(const char *const *script)
{
    struct bank *bank = calloc(1, sizeof *bank);
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof address;

    bank->script = script;
    pthread_mutex_init(&bank->lock, NULL);
    bank->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(bank->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(bank->listener, 16), 0);
    assert_int_equal(getsockname(bank->listener, (struct sockaddr *)&address, &len), 0);
    bank->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&bank->thread, NULL, run, bank), 0);
    return bank;
}

void bank_close(struct bank *bank)
{
    shutdown(bank->listener, SHUT_RDWR);
    pthread_join(bank->thread, NULL);
    close(bank->listener);
    pthread_mutex_destroy(&bank->lock);
    free(bank);
}

int bank_port(const struct bank *bank)
{
    return bank->port;
}

int bank_count(struct bank *bank)
{
    pthread_mutex_lock(&bank->lock);
    int count = bank->count;
    pthread_mutex_unlock(&bank->lock);
    return count;
}

const char *bank_asked(struct bank *bank, int number)
{
    assert_true(number < bank_count(bank));
    return bank->asked[number];
}
