/* poll.h - looking into the books for callers who wait; of the loop's thread only. */
#ifndef API_POLL_H
#define API_POLL_H

#include <stddef.h>
#include <stdint.h>

struct api;

/* Somebody waits: they are looked up twice a second until nobody does. Nothing to do where the
 * books are not shared. */
void poll_begin(struct api *api);
/* Those who wait for claims with these marks are looked up now. */
void poll_now(struct api *api, const uint32_t *marks, size_t count);

#endif
