/* hooks.c - what webhooks out are held against.
 *
 *     hooks sink FILE [CERTIFICATE KEY]      takes POSTs on a free port of 127.0.0.1; FILE has
 *                                            struct seen, as it is now
 *     hooks bare PORT SCHEME CONNECTIONS COUNT BYTES
 *                                            the ceiling: the same signed requests from a bare
 *                                            loop, keep-alive, without books
 *     hooks library URL CA CONNECTIONS COUNT BYTES
 *                                            the same from purser's HTTP client
 *     hooks ask PORT KEY FILE SECONDS RATE   a merchant who makes invoices, and tells the sink
 *                                            through its FILE when each was answered */
#include "hooks.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static int64_t number(const char *text)
{
    int64_t value = 0;
    if (!str_to_i64(str_of(text), &value) || value < 0)
        exit(2);
    return value;
}

static void raise_descriptors(void)
{
    struct rlimit files;
    must(getrlimit(RLIMIT_NOFILE, &files), "getrlimit");
    files.rlim_cur = files.rlim_max;
    must(setrlimit(RLIMIT_NOFILE, &files), "setrlimit");
}

static int usage(void)
{
    fputs("usage: hooks sink FILE [CERTIFICATE KEY]\n"
          "       hooks bare PORT http|https CONNECTIONS COUNT BYTES\n"
          "       hooks library URL CA CONNECTIONS COUNT BYTES\n"
          "       hooks ask PORT KEY FILE SECONDS RATE\n",
          stderr);
    return 2;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    signal(SIGPIPE, SIG_IGN);
    raise_descriptors();
    if (strcmp(what, "sink") == 0 && (argc == 3 || argc == 5))
        return sink(argv[2], argc == 5 ? tls_server(argv[3], argv[4]) : NULL);
    if (argc != 7)
        return usage();
    if (strcmp(what, "bare") == 0)
        return send_bare((int)number(argv[2]), strcmp(argv[3], "https") == 0 ? tls_client() : NULL,
                         (int)number(argv[4]), number(argv[5]), (size_t)number(argv[6]));
    if (strcmp(what, "library") == 0)
        return send_library(str_of(argv[2]), str_of(argv[3]), (int)number(argv[4]),
                            number(argv[5]), (size_t)number(argv[6]));
    if (strcmp(what, "ask") == 0)
        return ask((int)number(argv[2]), argv[3], argv[4], number(argv[5]), number(argv[6]));
    return usage();
}
