/* What a row of a settlement file is against the books. How rows are read is in
 * test/api/test_settlement.py and the fuzz target. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/settlement.h"

#define PAID { .has_payment = true, .captured_minor = 1000, .currency = CURRENCY_EUR }
#define GIVEN                                                                            \
    { .has_payment = true, .has_refund = true, .captured_minor = 1000,                   \
      .refund_minor = 300, .refund_status = REFUND_SUCCEEDED, .currency = CURRENCY_EUR }

static const struct {
    const char *what;
    enum settlement_kind kind;
    int64_t gross, fee, net;
    enum currency currency;
    struct settlement_books books;
    enum settlement_result result;
    enum drift_kind drift;
} cases[] = {
    { "as it should be", SETTLEMENT_PAYMENT, 1000, 15, 985, CURRENCY_EUR, PAID,
      SETTLEMENT_IS_MATCHED, DRIFT_NONE },
    { "one too much", SETTLEMENT_PAYMENT, 1001, 15, 986, CURRENCY_EUR, PAID,
      SETTLEMENT_IS_DIFFERS, DRIFT_SETTLEMENT_MISMATCH },
    { "another currency", SETTLEMENT_PAYMENT, 1000, 15, 985, CURRENCY_USD, PAID,
      SETTLEMENT_IS_DIFFERS, DRIFT_SETTLEMENT_MISMATCH },
    { "a fee that does not add up", SETTLEMENT_PAYMENT, 1000, 15, 984, CURRENCY_EUR, PAID,
      SETTLEMENT_IS_DIFFERS, DRIFT_FEE_MISMATCH },
    { "nobody's", SETTLEMENT_PAYMENT, 1000, 15, 985, CURRENCY_EUR, { 0 },
      SETTLEMENT_IS_UNKNOWN, DRIFT_MISSING_HERE },
    { "of a payment that took nothing", SETTLEMENT_PAYMENT, 1000, 15, 985, CURRENCY_EUR,
      { .has_payment = true, .currency = CURRENCY_EUR },
      SETTLEMENT_IS_DIFFERS, DRIFT_UNEXPECTED_SETTLEMENT },
    { "again", SETTLEMENT_PAYMENT, 1000, 15, 985, CURRENCY_EUR,
      { .has_payment = true, .captured_minor = 1000, .currency = CURRENCY_EUR, .twice = true },
      SETTLEMENT_IS_TWICE, DRIFT_SETTLED_TWICE },
    { "given back", SETTLEMENT_REFUND, -300, 0, -300, CURRENCY_EUR, GIVEN,
      SETTLEMENT_IS_MATCHED, DRIFT_NONE },
    { "more given back", SETTLEMENT_REFUND, -301, 0, -301, CURRENCY_EUR, GIVEN,
      SETTLEMENT_IS_DIFFERS, DRIFT_SETTLEMENT_MISMATCH },
    { "given back by somebody else", SETTLEMENT_REFUND, -300, 0, -300, CURRENCY_EUR, PAID,
      SETTLEMENT_IS_UNKNOWN, DRIFT_MISSING_HERE },
    { "given back though it had failed", SETTLEMENT_REFUND, -300, 0, -300, CURRENCY_EUR,
      { .has_payment = true, .has_refund = true, .refund_minor = 300,
        .refund_status = REFUND_FAILED, .currency = CURRENCY_EUR },
      SETTLEMENT_IS_DIFFERS, DRIFT_UNEXPECTED_SETTLEMENT },
    { "taken back by the bank", SETTLEMENT_CHARGEBACK, -1000, 20, -1020, CURRENCY_EUR, PAID,
      SETTLEMENT_IS_DIFFERS, DRIFT_UNSEEN_DISPUTE },
    { "a fee", SETTLEMENT_FEE, 0, 500, -500, CURRENCY_EUR, { 0 }, SETTLEMENT_IS_NOTED,
      DRIFT_NONE },
    { "a payout", SETTLEMENT_PAYOUT, 985, 0, 985, CURRENCY_EUR, { 0 }, SETTLEMENT_IS_NOTED,
      DRIFT_NONE },
};

static void each_row_is_one_thing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct settlement_line line = {
            .kind = cases[i].kind, .gross_minor = cases[i].gross, .fee_minor = cases[i].fee,
            .net_minor = cases[i].net, .currency = cases[i].currency,
        };
        struct settlement_verdict verdict = settlement_judge(&line, &cases[i].books);
        if (verdict.result != cases[i].result || verdict.drift != cases[i].drift)
            fail_msg("%s: %d, %d", cases[i].what, (int)verdict.result, (int)verdict.drift);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_row_is_one_thing) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
