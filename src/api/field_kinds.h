/* field_kinds.h - one value of a request, checked and kept: the kinds behind fields.h. */
#ifndef API_FIELD_KINDS_H
#define API_FIELD_KINDS_H

#include "api/fields.h"

/* Bytes of an unknown member's name that an answer may repeat. */
#define JSON_NAME_SHOWN 64

/* `param` is the member's full name. On OK the value stands in `out` at the field's offset. */
must_check enum err field_from_json(const struct field *field, const struct json *value,
                                    struct str param, void *out, struct trouble *trouble);
must_check enum err field_from_text(const struct field *field, struct str value, struct str param,
                                    void *out, struct trouble *trouble);

#endif
