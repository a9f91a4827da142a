"""epayment.kz from end to end, when nothing goes wrong."""


def test_paid_on_their_page(epayment):
    payment = epayment.create()
    assert payment['status'] == 'requires_action' and payment['next_action'], payment
    epayment.pay(payment)
    paid = epayment.comes_to(payment, 'captured', seconds=10)
    assert epayment.agree(paid) == {'authorize': (1, paid['amount']),
                                    'capture': (1, paid['amount'])}


def test_declined_on_their_page(epayment):
    payment = epayment.create()
    epayment.pay(payment, 'decline')
    declined = epayment.comes_to(payment, 'failed')
    assert declined['failure']['code'] == 'insufficient_funds', declined
    assert epayment.agree(declined) == {}


def test_captured_by_hand(epayment):
    payment = epayment.authorized()
    assert epayment.agree(payment) == {'authorize': (1, payment['amount'])}
    epayment.act(payment, 'capture')
    epayment.comes_to(payment, 'captured')
    assert epayment.agree(payment)['capture'] == (1, payment['amount'])


def test_a_part_is_captured(epayment):
    payment = epayment.authorized()
    epayment.act(payment, 'capture', {'amount': 50000})
    assert epayment.comes_to(payment, 'captured')['amount_captured'] == 50000
    assert epayment.agree(payment)['capture'] == (1, 50000)


def test_cancelled(epayment):
    payment = epayment.authorized()
    epayment.act(payment, 'cancel')
    epayment.comes_to(payment, 'cancelled')
    assert epayment.agree(payment)['void'] == (1, payment['amount'])


def test_refunded_in_parts(epayment):
    payment = epayment.captured()
    for amount in (30000, payment['amount'] - 30000):
        epayment.comes_to(epayment.refund(payment, amount), 'succeeded')
    assert epayment.agree(payment)['refund'] == (2, payment['amount'])
