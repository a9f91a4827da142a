"""What is epayment.kz's own: a payer whose page knows nothing of purser, numbers, small refunds."""


def untold(epayment, payment):
    epayment.plan('notification_none', 'notification', **epayment.match(payment),
                  members={'times': 0})


def test_numbers_are_digits_and_differ(epayment):
    numbers = [epayment.reference(epayment.create()) for _ in range(3)]
    assert all(number.isdigit() and 9 <= len(number) <= 15 for number in numbers), numbers
    assert len({number[-6:] for number in numbers}) == 3, numbers


def test_cancelled_before_the_payer_acts(epayment):
    payment = epayment.create()
    epayment.act(payment, 'cancel')
    epayment.comes_to(payment, 'cancelled')
    assert epayment.agree(payment) == {}


def test_cancelled_while_the_payer_is_at_the_issuer(epayment):
    payment = epayment.create()
    untold(epayment, payment)
    epayment.pay(payment, '3d')
    epayment.client.act(payment, 'cancel', None, prefer='wait=1').expect(200, 202, 409)
    epayment.comes_to_rest(payment, seconds=20)
    assert epayment.agree(payment) == {}


def test_paid_before_the_cancel_that_came_too_late(epayment):
    """Nobody tells purser: the question that its cancel begins with does."""
    payment = epayment.create()
    untold(epayment, payment)
    epayment.pay(payment)
    epayment.client.act(payment, 'cancel', None, prefer='wait=1').expect(200, 202, 409)
    paid = epayment.comes_to(payment, 'captured', seconds=20)
    assert epayment.agree(paid) == {'authorize': (1, paid['amount']),
                                    'capture': (1, paid['amount'])}


def test_page_whose_opening_was_lost(epayment):
    amount = epayment.amount()
    epayment.plan('accept_then_drop_reply', 'payment_token', amount=amount // epayment.unit)
    payment = epayment.create(amount=amount)
    assert payment['status'] == 'authorizing', payment
    epayment.comes_to(payment, 'requires_action', seconds=20)
    epayment.pay(payment)
    epayment.comes_to(payment, 'captured')


def test_saved_card_that_wants_its_payer(epayment):
    epayment.save_card()
    amount = epayment.amount()
    epayment.plan('outcome', 'saved', amount=amount // epayment.unit, members={'word': '3D'})
    payment = epayment.create(epayment.saved, amount=amount)
    failed = epayment.comes_to(payment, 'failed')
    assert failed['failure']['code'] == 'authentication_required', failed
    assert epayment.agree(failed) == {}


def test_saved_card_declined(epayment):
    epayment.save_card()
    amount = epayment.amount()
    epayment.plan('outcome', 'saved', amount=amount // epayment.unit,
                  members={'word': 'REJECT', 'code': '484'})
    payment = epayment.create(epayment.saved, amount=amount)
    failed = epayment.comes_to(payment, 'failed', seconds=20)
    assert failed['failure']['code'] == 'insufficient_funds', failed
    assert epayment.agree(failed) == {}


def test_too_small_to_be_refunded(epayment):
    payment = epayment.captured()
    epayment.client.act(payment, 'refunds', {'amount': 999}).refused('refund_too_small', 'amount')
    epayment.comes_to(epayment.refund(payment, 1000), 'succeeded')
    assert epayment.agree(payment)['refund'] == (1, 1000)


def test_lost_refund_of_a_part_waits_for_a_person(epayment):
    """Their word does not tell of a part: it is not sent again, and its amount stays reserved."""
    payment = epayment.captured()
    epayment.plan('accept_then_drop_reply', 'refund', **epayment.match(payment))
    refund = epayment.refund(payment, 30000)
    assert refund['status'] == 'pending', refund
    operation = [one for one in epayment.story(payment) if one['kind'] == 'refund'][0]
    assert operation['state'] == 'unknown', operation
    assert epayment.moved(payment)['refund'] == (1, 30000)
    # What is open here would not agree at the end of the run.
    epayment.payments.remove(payment['id'])
