/* welcome.h - what `serve` tells a person on standard output when it is ready. */
#ifndef COMMANDS_WELCOME_H
#define COMMANDS_WELCOME_H

#include <stdio.h>

#include "base/arena.h"
#include "base/secret.h"

/* The first start: the address, the first API key, shown this once, and a payment to try. */
void welcome_first(FILE *out, struct str address, const struct secret *key, int64_t now_ms);
/* Every other start; `program` is purser as it was called. */
void welcome_again(FILE *out, struct str address, const char *program, struct str data);
/* After either, where the demo shop is on. */
void welcome_demo(FILE *out, struct str address);

#endif
