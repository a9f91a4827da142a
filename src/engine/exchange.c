#include "engine/exchange.h"

#include <assert.h>

void exchange_ask(struct client_call *call, const struct http_request *request,
                  struct arena *arena)
{
    struct client_field *fields = ARENA_ARRAY(arena, struct client_field, request->field_count);
    for (size_t i = 0; i < request->field_count; i++)
        fields[i] = (struct client_field){ request->fields[i].name, request->fields[i].value };
    call->method = request->method;
    call->url = request->url;
    call->fields = fields;
    call->field_count = request->field_count;
    call->body = request->body;
}

struct http_reply exchange_reply(const struct client_call *call, struct arena *arena)
{
    assert(call->end == CLIENT_REPLY);
    size_t count = call->reply_field_count;
    struct http_field *fields = ARENA_ARRAY(arena, struct http_field, count);
    for (size_t i = 0; i < count; i++)
        fields[i] = (struct http_field){ call->reply_fields[i].name, call->reply_fields[i].value };
    return (struct http_reply){
        .status = call->status,
        .fields = fields,
        .field_count = count,
        .body = call->reply_body,
    };
}
