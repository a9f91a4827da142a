/* bank_fixture.h - a far side for calls over the network: a loopback server that does what a
 * test's script says, one step a request, and keeps what it was asked. */
#ifndef BANK_FIXTURE_H
#define BANK_FIXTURE_H

#include "test_base_help.h"

#define BANK_STEPS_MAX 8

struct bank;

/* `script`: for each request the status and body of the reply, "200 yes"; "drop" closes without
 * one. Whatever comes beyond the script is dropped too. */
struct bank *bank_open(const char *const *script);
void bank_close(struct bank *bank);
int bank_port(const struct bank *bank);

/* After bank_close or once its reply came: how many requests were read, and what they were. */
int bank_count(struct bank *bank);
const char *bank_asked(struct bank *bank, int number);    /* head and body, as they came */

#endif
