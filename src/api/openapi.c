/* openapi.c - the contract, as it was when this program was built. */
#include "api/resources.h"

/* Made from api/openapi.yaml by embed.py. */
extern const char openapi_text[];
extern const size_t openapi_text_len;

/* GET /openapi.yaml */
enum err openapi_show(struct call *call)
{
    call_answer(call, 200, STR("application/yaml"), str_make(openapi_text, openapi_text_len));
    return OK;
}
