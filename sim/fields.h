/* fields.h - a body as names and values, however it was sent: urlencoded, multipart or JSON.
 *
 * The bank's documents ask for multipart, working clients send urlencoded, some send JSON. */
#ifndef SIM_FIELDS_H
#define SIM_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"

#define FIELDS_MAX 64

struct fields {
    struct {
        struct str name, value;
    } items[FIELDS_MAX];
    size_t count;
};

/* False when it is none of the three, or malformed. `doc` is the body when it is a JSON object,
 * else NULL. JSON numbers become their text. The texts live in `arena`. */
bool fields_read(struct fields *fields, struct str content_type, struct str body,
                 const struct json *doc, struct arena *arena);
struct str fields_get(const struct fields *fields, const char *name); /* empty when absent */
/* A JSON member as text: what it says, or a number as it is written. */
struct str fields_json_text(const struct json *value, struct arena *arena);

#endif
