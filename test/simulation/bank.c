#include "bank.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "dice.h"

static const char *const kind_names[] = { "authorize", "capture", "void", "refund" };

static void blame(struct bank *bank, const char *invariant, const char *wrong)
{
    if (bank->invariant)
        return;
    bank->invariant = invariant;
    bank->wrong = wrong;
}

static void keep_reference(char *out, struct str reference)
{
    assert(reference.len > 0 && reference.len < BANK_REFERENCE_MAX);
    memcpy(out, reference.ptr, reference.len);
    out[reference.len] = '\0';
}

struct bank_operation *bank_operation(struct bank *bank, struct str reference)
{
    for (size_t i = 0; i < bank->operation_count; i++)
        if (str_equal_c(reference, bank->operations[i].reference))
            return &bank->operations[i];
    return NULL;
}

struct bank_charge *bank_charge(struct bank *bank, struct str reference)
{
    for (size_t i = 0; i < bank->charge_count; i++)
        if (str_equal_c(reference, bank->charges[i].reference))
            return &bank->charges[i];
    return NULL;
}

static void say_error(struct arena *arena, int status, const char *code, struct http_reply *out)
{
    struct str body = str_format(arena, "{\"error\":{\"code\":\"%s\",\"message\":\"No.\"}}", code);
    *out = (struct http_reply){ .status = status, .body = body };
}

static void put_charge(struct json_out *json, const struct bank_charge *charge)
{
    json_open_object(json, "charge");
    json_put_text(json, "id", str_of(charge->reference));
    json_put_int(json, "authorized", charge->authorized_minor);
    json_put_int(json, "captured", charge->captured_minor);
    json_put_int(json, "refunded", charge->refunded_minor);
    json_put_bool(json, "released", charge->released);
    json_close_object(json);
}

static void say_operation(const struct bank *bank, const struct bank_operation *operation,
                          struct arena *arena, struct http_reply *out)
{
    const struct bank_charge *charge = &bank->charges[operation->charge];
    bool refunded = operation->kind == BANK_REFUND && strcmp(operation->status, "approved") == 0;
    bool waits = strcmp(operation->status, "requires_action") == 0;
    struct json_out json;
    struct buf body;
    buf_init(&body, arena, 4096);
    json_begin(&json, &body);
    json_open_object(&json, NULL);
    json_put_text(&json, "operation", str_of(operation->reference));
    json_put_text(&json, "kind", str_of(kind_names[operation->kind]));
    json_put_text(&json, "status", str_of(operation->status));
    json_put_text_or_null(&json, "code", str_of(operation->code));
    json_put_null(&json, "message");
    if (operation->kind != BANK_VOID) {
        json_put_int(&json, "amount", operation->amount_minor);
        json_put_text(&json, "currency", str_of(charge->currency));
    }
    json_put_text_or_null(&json, "refund", str_of(refunded ? operation->reference : ""));
    json_put_text_or_null(&json, "action_url", str_of(waits ? "http://bank.test/confirm" : ""));
    put_charge(&json, charge);
    json_close_object(&json);
    json_done(&json);
    *out = (struct http_reply){ .status = 200, .body = buf_str(&body) };
}

/* How it treats a card, by the number's end. */
static void authorize(struct bank_charge *charge, struct bank_operation *operation,
                      struct str number)
{
    struct str end = str_slice(number, number.len - 4, number.len);
    charge->refuses_captures = str_equal_c(end, "0341");
    charge->refuses_refunds = str_equal_c(end, "5126");
    charge->waits = str_equal_c(end, "3155");
    operation->status = charge->waits ? "requires_action" : "approved";
    if (str_equal_c(end, "0002") || str_equal_c(end, "0119")) {
        operation->status = str_equal_c(end, "0002") ? "declined" : "refused";
        operation->code = str_equal_c(end, "0002") ? "card_declined" : "processing_error";
    } else if (!charge->waits) {
        charge->authorized_minor = charge->amount_minor;
    }
}

static void capture(struct bank *bank, struct bank_charge *charge,
                    struct bank_operation *operation)
{
    if (charge->refuses_captures) {
        operation->status = "refused";
        operation->code = "capture_refused";
        return;
    }
    if (charge->released)
        blame(bank, "I3", "a capture after a void was asked for");
    if (charge->captured_minor > 0)
        blame(bank, "I3", "a second capture was asked for");
    charge->captured_minor += operation->amount_minor;
    if (charge->captured_minor > charge->authorized_minor)
        blame(bank, "I3", "more was captured than authorised");
}

static void release(struct bank *bank, struct bank_charge *charge)
{
    if (charge->captured_minor > 0)
        blame(bank, "I16", "a void after a capture was asked for");
    charge->released = true;
    if (!charge->waits)
        return;
    struct bank_operation *first = bank_operation(bank, str_of(charge->reference));
    charge->waits = false;
    first->status = "refused";
    first->code = "already_cancelled";
}

static void refund(struct bank *bank, struct bank_charge *charge,
                   struct bank_operation *operation)
{
    if (charge->refuses_refunds) {
        operation->status = "refused";
        operation->code = "refund_refused";
        return;
    }
    charge->refunded_minor += operation->amount_minor;
    if (charge->refunded_minor > charge->captured_minor)
        blame(bank, "I3", "more was refunded than captured");
}

static void act(struct bank *bank, const struct json *doc, struct bank_operation *operation)
{
    struct bank_charge *charge = &bank->charges[operation->charge];
    operation->status = "approved";
    switch (operation->kind) {
    case BANK_AUTHORIZE:
        authorize(charge, operation, json_text(json_get(json_get(doc, "card"), "number")));
        break;
    case BANK_CAPTURE:
        capture(bank, charge, operation);
        break;
    case BANK_VOID:
        release(bank, charge);
        break;
    case BANK_REFUND:
        refund(bank, charge, operation);
        break;
    case BANK_KIND_COUNT:
        break;
    }
}

static struct bank_charge *new_charge(struct bank *bank, struct str reference,
                                      const struct json *doc)
{
    struct bank_charge *charge = &bank->charges[bank->charge_count++];
    struct str currency = json_text(json_get(doc, "currency"));
    assert(bank->charge_count < BANK_CHARGES_MAX && currency.len == 3);
    keep_reference(charge->reference, reference);
    memcpy(charge->currency, currency.ptr, 3);
    bool has_amount = json_int(json_get(doc, "amount"), &charge->amount_minor);
    assert(has_amount);
    (void)has_amount;
    return charge;
}

static void operate(struct bank *bank, enum bank_kind kind, struct str reference,
                    const struct json *doc, struct str body, struct arena *arena,
                    struct http_reply *out)
{
    struct bank_operation *operation = bank_operation(bank, reference);
    struct bank_charge *charge = kind == BANK_AUTHORIZE
                                     ? NULL : bank_charge(bank, json_text(json_get(doc, "charge")));
    uint64_t digest = digest_add(DIGEST_BEGIN, body.ptr, body.len);
    if (operation && (operation->kind != kind || operation->digest != digest))
        blame(bank, "I9", "one reference was used for two different requests");
    if (operation) {
        say_operation(bank, operation, arena, out);
        return;
    }
    if (kind == BANK_AUTHORIZE)
        charge = new_charge(bank, reference, doc);
    if (!charge) {
        say_error(arena, 404, "unknown_charge", out);
        return;
    }
    operation = &bank->operations[bank->operation_count++];
    assert(bank->operation_count < BANK_OPERATIONS_MAX);
    *operation = (struct bank_operation){
        .kind = kind,
        .charge = (size_t)(charge - bank->charges),
        .digest = digest,
    };
    keep_reference(operation->reference, reference);
    (void)json_int(json_get(doc, "amount"), &operation->amount_minor);
    act(bank, doc, operation);
    say_operation(bank, operation, arena, out);
}

void bank_handle(struct bank *bank, const struct http_request *request, int64_t now_us,
                 int64_t visible_us, struct arena *arena, struct http_reply *out)
{
    struct str name = request->url;
    size_t known = bank->operation_count;
    const struct json *doc = NULL;
    bool parsed = json_parse(request->body, arena, &doc, NULL) == OK;
    struct str reference = http_field_value(request->fields, request->field_count,
                                            "Idempotency-Key");
    assert(parsed);
    (void)parsed;
    for (size_t at; (at = str_find_char(name, '/', 0)) < name.len;)
        name = str_slice(name, at + 1, name.len);
    for (enum bank_kind kind = 0; kind < BANK_KIND_COUNT; kind++)
        if (str_equal_c(name, kind_names[kind])) {
            operate(bank, kind, reference, doc, request->body, arena, out);
            if (bank->operation_count > known)
                bank->operations[known].visible_us = visible_us;
            return;
        }
    assert(str_equal_c(name, "enquire"));
    const struct bank_operation *operation =
        bank_operation(bank, json_text(json_get(doc, "operation")));
    if (operation && operation->visible_us <= now_us)
        say_operation(bank, operation, arena, out);
    else
        say_error(arena, 404, "unknown_operation", out);
}

void bank_payer(struct bank *bank, struct str reference, bool confirmed)
{
    struct bank_charge *charge = bank_charge(bank, reference);
    struct bank_operation *operation = bank_operation(bank, reference);
    if (!charge || !charge->waits)
        return;
    charge->waits = false;
    operation->status = confirmed ? "approved" : "declined";
    operation->code = confirmed ? NULL : "authentication_failed";
    if (confirmed)
        charge->authorized_minor = charge->amount_minor;
}
