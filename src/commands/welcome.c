#include "commands/welcome.h"

#include "base/time.h"

/* Far enough that the line still works when it is pasted months later. */
#define CARD_YEARS 4

void welcome_first(FILE *out, struct str address, const struct secret *key, int64_t now_ms)
{
    struct str text = secret_reveal(key);

    fprintf(out,
            "purser is ready at http://%.*s\n"
            "\n"
            "Your first API key (test mode), shown this once:\n"
            "\n"
            "  %.*s\n"
            "\n"
            "Take a payment through the built-in sandbox:\n"
            "\n"
            "curl -s http://%.*s/v1/payments \\\n"
            "  -H 'Authorization: Bearer %.*s' \\\n"
            "  -H 'Idempotency-Key: first-payment' \\\n"
            "  -H 'Content-Type: application/json' \\\n"
            "  -d '{\"amount\": 1250, \"currency\": \"EUR\", \"capture_method\": \"automatic\","
            " \"payment_method\": {\"type\": \"card\", \"card\": {\"number\": \"4242424242424242\","
            " \"exp_month\": 12, \"exp_year\": %d, \"cvc\": \"123\","
            " \"holder_name\": \"Ada Example\"}}}'\n\n",
            STR_ARG(address), STR_ARG(text), STR_ARG(address), STR_ARG(text),
            time_split(now_ms).year + CARD_YEARS);
    fflush(out);
}

void welcome_again(FILE *out, struct str address, const char *program, struct str data)
{
    fprintf(out,
            "purser is ready at http://%.*s\n"
            "Another API key: %s key create --data %.*s --mode test\n",
            STR_ARG(address), program, STR_ARG(data));
    fflush(out);
}

void welcome_demo(FILE *out, struct str address)
{
    fprintf(out, "The demo shop, the whole way in a browser: http://%.*s/demo\n", STR_ARG(address));
    fflush(out);
}
