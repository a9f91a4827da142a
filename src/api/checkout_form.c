/* checkout_form.c - what is pressed on the payer's page.
 *
 * A card is reviewed first: the answer is the page that asks once more. What moves money, and
 * turning back, is a turn; the browser is then sent to the page as it stands, so that going back
 * and loading again repeat nothing. */
#include <assert.h>

#include "api/checkout_parts.h"
#include "base/log.h"
#include "core/requests.h"
#include "net/url.h"

static struct str *member(struct pressed *pressed, struct str name)
{
    const struct {
        const char *name;
        struct str *value;
    } members[] = {
        { "do", &pressed->deed },
        { "form", &pressed->form },
        { "card", &pressed->card },
        { "website", &pressed->website },
        { "save", &pressed->save },
    };

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (str_equal_c(name, members[i].name))
            return members[i].value;
    return checkout_card_field(&pressed->fields, name);
}

enum err checkout_read_form(struct str body, struct arena *arena, struct pressed *out)
{
    struct str name;
    struct str value;
    int more;

    while ((more = url_next_pair(&body, arena, &name, &value)) > 0) {
        struct str *place = member(out, name);
        if (place)
            *place = str_trim(value);
    }
    return more < 0 ? ERR_MALFORMED_REQUEST : OK;
}

static void free_turn(struct desk_turn *turn)
{
    struct errand *errand = turn->user;

    card_done(&errand->card);
    arena_wipe(&turn->arena);
    desk_turn_free(turn);
}

/* Payers get a page; why it is so is for the operator. It loads itself again: the page as it
 * stands then. */
static void answer_away(struct call *call, const struct desk_turn *turn)
{
    struct checkout_page page = { .view = CHECKOUT_VIEW_AWAY, .live = true };

    log_event(LOG_WARN, "checkout.trouble", LOG_STR("request_id", call->id_text),
              LOG_C("code", err_code(turn->err)), LOG_STR("detail", turn->detail), LOG_END);
    call_add_header(call, STR("Retry-After"), STR("10"));
    checkout_answer_page(call, 503, &page);
}

/* The page says what is the case; only what the turn could not do at all is told as trouble. */
static void turn_is_back(void *arg)
{
    struct desk_turn *turn = arg;
    const struct errand *errand = turn->user;
    struct call *call = errand->call;

    if (turn->err && turn->err != ERR_CONFLICT)
        answer_away(call, turn);
    else
        checkout_send_to_page(call, call->segment);
    free_turn(turn);
}

static void turn_done(struct desk_turn *turn)
{
    const struct errand *errand = turn->user;

    server_post(atomic_load(&errand->call->api->server), turn_is_back, turn);
}

static void fill_input(const struct visit *visit, const struct turn_handler *handler,
                       struct desk_turn *turn)
{
    turn->input = (struct turn_input){
        .handler = handler,
        .merchant = visit->checkout->merchant,
        .live = visit->checkout->live,
        .origin = ORIGIN_API,
        .actor = STR("payer"),
        .invoice = visit->checkout->invoice,
        .checkout = visit->id,
    };
    turn->done = turn_done;
}

/* False: the card is not one that was reviewed here, or too long ago. */
static bool fill_pay(struct visit *visit, const struct pressed *pressed, struct desk_turn *turn)
{
    struct checkout_pay *ask = ARENA_NEW(&turn->arena, struct checkout_pay);
    struct errand *errand = turn->user;
    struct card_given given = { 0 };

    fill_input(visit, &turn_checkout_pay, turn);
    turn->input.ask = ask;
    ask->id = visit->id;
    ask->attempts = visit->checkout->attempts;
    ask->save_card = visit->save;
    if (visit->knows_customer)
        turn->input.customer = visit->checkout->customer;
    ask->return_url = str_copy(&turn->arena, checkout_back_address(visit));
    if (!checkout_takes_cards(visit))
        return true;
    if (!checkout_card_open(visit, pressed->card, &turn->arena, &given))
        return false;
    errand->card = given.card;
    ask->card = &errand->card;
    ask->card_brand = given.brand;
    ask->card_last4 = given.last4;
    return true;
}

/* A form of an earlier state of the page, or of a page that was never shown, does nothing. */
static bool is_of_this_page(const struct visit *visit, const struct pressed *pressed)
{
    struct str right = checkout_form_proof(visit);
    struct str site = server_request_header(visit->call->request, "Sec-Fetch-Site");

    return pressed->form.len == right.len &&
           crypto_equal(pressed->form.ptr, right.ptr, right.len) &&
           (str_is_empty(site) || str_equal_c(site, "same-origin"));
}

/* True: there is a turn to hand in. */
static bool is_deed(struct visit *visit, const struct pressed *pressed, struct desk_turn *turn)
{
    /* Somebody's program filled in what people do not see. */
    if (!is_of_this_page(visit, pressed) || !str_is_empty(pressed->website))
        return false;
    visit->save = checkout_asks_to_save(visit) && str_equal_c(pressed->save, "yes");
    if (str_equal_c(pressed->deed, "leave")) {
        fill_input(visit, &turn_checkout_leave, turn);
        return true;
    }
    if (str_equal_c(pressed->deed, "pay"))
        return fill_pay(visit, pressed, turn);
    if (visit->checkout->status == CHECKOUT_OPEN && checkout_takes_cards(visit) &&
        str_equal_c(pressed->deed, "review"))
        (void)checkout_card_seal(visit, &pressed->fields, &turn->arena);
    return false;
}

static enum err submit(struct visit *visit, struct desk_turn *turn)
{
    const struct desk *desk = visit->call->api->config.desk;

    checkout_add_cookie(visit);
    if (desk->submit(desk->self, turn))
        return OK;
    free_turn(turn);
    return trouble_say(&visit->call->trouble, ERR_UNAVAILABLE,
                       "This node takes no more work now.");
}

enum err checkout_take(struct visit *visit)
{
    struct call *call = visit->call;
    struct desk_turn *turn = desk_turn_new();
    struct errand *errand = ARENA_NEW(&turn->arena, struct errand);
    struct pressed pressed = { 0 };
    struct str body = server_request_body(call->request);

    errand->call = call;
    turn->user = errand;
    enum err err = checkout_read_form(body, &turn->arena, &pressed);
    secret_wipe((void *)(uintptr_t)body.ptr, body.len);
    if (!err && is_deed(visit, &pressed, turn))
        return submit(visit, turn);
    free_turn(turn);
    if (err)
        return trouble_say(&call->trouble, err, "The form's encoding is wrong.");
    if (visit->faults || !str_is_empty(visit->card))
        checkout_show(visit);
    else
        checkout_send_to_page(call, call->segment);
    return OK;
}
