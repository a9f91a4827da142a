/* customers.c - payers whom the merchant knows. */
#include "api/fields.h"
#include "api/reads.h"
#include "api/resources.h"
#include "core/render.h"
#include "core/requests.h"
#include "store/query_wallet.h"

#define NAME_MAX_CHARS 200
#define PHONE_MAX_CHARS 40

#define SHARED_FIELDS(type, prefix, more)                                                          \
    { .name = "reference", .kind = FIELD_TEXT, .most = REFERENCE_MAX, .nullable = true,            \
      .offset = offsetof(type, prefix reference), more(reference) },                               \
    { .name = "name", .kind = FIELD_TEXT, .most = NAME_MAX_CHARS, .nullable = true,                \
      .offset = offsetof(type, prefix name), more(name) },                                         \
    { .name = "email", .kind = FIELD_EMAIL, .nullable = true,                                      \
      .offset = offsetof(type, prefix email), more(email) },                                       \
    { .name = "phone", .kind = FIELD_TEXT, .most = PHONE_MAX_CHARS, .nullable = true,              \
      .offset = offsetof(type, prefix phone), more(phone) },                                       \
    { .name = "description", .kind = FIELD_TEXT, .most = DESCRIPTION_MAX, .nullable = true,        \
      .offset = offsetof(type, prefix description), more(description) },                           \
    { .name = "metadata", .kind = FIELD_METADATA,                                                  \
      .offset = offsetof(type, prefix metadata), more(metadata) }

/* clang-format off */
#define NO_MORE(member) .given = 0
static const struct field create_fields[] = {
    SHARED_FIELDS(struct customer_create, fields., NO_MORE),
};
#define GIVEN(member) .given = offsetof(struct customer_change, has_##member)
static const struct field change_fields[] = {
    SHARED_FIELDS(struct customer_change, , GIVEN),
};
/* clang-format on */

/* POST /v1/customers */
enum err customer_create_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    struct customer_create *ask = ARENA_NEW(&turn->arena, struct customer_create);

    enum err err = fields_read(FIELDS(create_fields), json, "", ask, &call->trouble);
    ask->fields.metadata = str_copy(&turn->arena, ask->fields.metadata);
    turn->input.handler = &turn_customer_create;
    turn->input.ask = ask;
    return err;
}

/* PATCH /v1/customers/{id} */
enum err customer_change_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    struct customer_change *ask = ARENA_NEW(&turn->arena, struct customer_change);

    enum err err = fields_read(FIELDS(change_fields), json, "", ask, &call->trouble);
    ask->metadata = str_copy(&turn->arena, ask->metadata);
    turn->input.handler = &turn_customer_change;
    turn->input.customer = (struct customer_id){ call->object };
    turn->input.ask = ask;
    return err;
}

/* DELETE /v1/customers/{id} */
enum err customer_delete_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    (void)json;
    turn->input.handler = &turn_customer_delete;
    turn->input.customer = (struct customer_id){ call->object };
    return OK;
}

static enum err run_customer(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct customer *customer = NULL;

    enum err err = query_customer(db, ask->scope, (struct customer_id){ ask->object }, ask->arena,
                                  &customer);
    if (!err)
        render_customer(out, NULL, customer);
    return err;
}

/* GET /v1/customers/{id} */
const struct reading read_customer = { .run = run_customer };

struct search {
    struct page page;
    struct str reference;
};

static const struct field search_fields[] = {
    PAGE_FIELDS,
    FIELD(struct search, reference, TEXT, .most = REFERENCE_MAX),
};

static enum err run_customers(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    const struct search *search = ask->params;
    struct query_page page = { ask->page->place, page_limit(ask->page) };
    struct customer_list customers = { 0 };

    enum err err = query_customers(db, ask->scope, search->reference, page, ask->arena,
                                   &customers);
    if (err)
        return err;
    struct id last = { { 0 } };
    list_open(out);
    for (size_t i = 0; i < page_shown(ask->page, customers.count); i++) {
        render_customer(out, NULL, customers.items[i]);
        last = customers.items[i]->id.id;
    }
    list_close(out, ask, customers.count, last);
    return OK;
}

/* GET /v1/customers */
const struct reading read_customers = {
    FIELDS(search_fields),
    sizeof(struct search),
    true,
    .run = run_customers,
};
