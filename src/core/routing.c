/* routing.c - the order of the routes, and who takes what. */
#include "core/routing.h"

#include <assert.h>

bool account_takes(const struct account_settings *settings, struct money amount)
{
    struct json_cursor cursor;
    const struct json *item;

    /* Nothing is what a verification is of. */
    bool moves_money = amount.minor != 0;
    if (moves_money
        && (amount.minor < settings->amount_from || amount.minor > settings->amount_to))
        return false;
    if (json_type(settings->currencies) == JSON_MISSING)
        return true;
    json_each(&cursor, settings->currencies);
    while (json_next(&cursor, NULL, &item))
        if (currency_of(json_text(item)) == amount.currency)
            return true;
    return false;
}

/* An account's place: smaller goes first, and ids decide between equals. */
struct place {
    int64_t priority;
    struct gateway_account_id id;
};

static struct account_settings settings_of(const struct turn *turn,
                                           const struct gateway_account *account)
{
    const struct gateway *gateway = turn_gateway(turn, account->gateway);
    assert(gateway);
    return account_settings(account, gateway, turn->arena);
}

static bool is_route(const struct gateway_account *account,
                     const struct account_settings *settings)
{
    return !account->disabled && (account->is_default || settings->priority != 0);
}

static bool is_after(const struct place *place, const struct place *other)
{
    if (place->priority != other->priority)
        return place->priority > other->priority;
    return id_compare(place->id.id, other->id.id) > 0;
}

struct gateway_account *route_next(const struct turn *turn, const struct gateway_account *before,
                                   struct money amount)
{
    struct gateway_account *best = NULL;
    struct place at_best = { 0 }, from = { -1, { { { 0 } } } };

    if (before)
        from = (struct place){ settings_of(turn, before).priority, before->id };
    for (size_t i = 0; i < turn->accounts.count; i++) {
        struct gateway_account *account = turn->accounts.items[i];
        struct account_settings settings = settings_of(turn, account);
        struct place place = { settings.priority, account->id };
        if (!is_route(account, &settings) || !account_takes(&settings, amount)
            || !is_after(&place, &from) || (best && is_after(&place, &at_best)))
            continue;
        best = account;
        at_best = place;
    }
    return best;
}

/* A gateway keeps its saved cards for itself. */
static bool could_take_over(const struct turn *turn, const struct gateway_account *account,
                            const struct payment *payment)
{
    const struct gateway *gateway = turn_gateway(turn, account->gateway);
    struct account_settings settings = settings_of(turn, account);

    if (payment->capture_method == CAPTURE_METHOD_MANUAL && settings.capture == GW_CAPTURE_SALE)
        return false;
    if (payment->save_card && !gateway_keeps(gateway, payment->method))
        return false;
    if (payment->verification && !gateway->cards.verifies)
        return false;
    if (payment->method == METHOD_NONE)
        return gateway->methods[0] == METHOD_GATEWAY_PAGE;
    return payment->method != METHOD_SAVED_CARD && gateway_takes(gateway, payment->method);
}

struct gateway_account *route_elsewhere(const struct turn *turn, const struct payment *payment)
{
    struct money amount = { payment->amount_minor, payment->currency };
    struct gateway_account *account = turn_account(turn, payment->gateway_account);

    do
        account = route_next(turn, account, amount);
    while (account && !could_take_over(turn, account, payment));
    return account;
}
