"""Cards that the bank keeps: with a payment or after a look at one, charged later, and forgotten
here only once the bank forgot them. With answers lost on the way."""
import pytest

from client import together, until

PAGE = {'type': 'gateway_page'}


@pytest.fixture()
def customer(client):
    return client.post('/v1/customers', {'name': 'Aigerim S.'}).expect(201)


def keep(epayment, customer, save=True):
    """A payment whose payer leaves the card behind at the bank, if they do: the card."""
    payment = epayment.create(customer=customer['id'], save_card=True)
    assert payment['status'] == 'requires_action' and payment['instrument'], payment
    epayment.sim.sim('pay', gateway='epayment', action='approve', save_card=save,
                     invoice=epayment.reference(payment))
    epayment.comes_to(payment, 'captured')
    return epayment.client.get('/v1/instruments/' + payment['instrument']).expect(200)


def look_at(epayment, customer):
    """A card to be kept without a payment: the payer is sent to the bank's page."""
    body = {'customer': customer['id'], 'currency': 'KZT', 'payment_method': PAGE,
            'gateway_account': epayment.sale['id']}
    return epayment.client.post('/v1/instruments', body, prefer='wait=5').expect(201, 202)


def payment_of(epayment, instrument):
    return epayment.client.get('/v1/payments/' + instrument['payment']).expect(200)


def charge(epayment, instrument, **members):
    return epayment.create({'type': 'saved_card', 'instrument': instrument['id']}, **members)


def charge_of(epayment, instrument):
    """The answer to a charge that is refused."""
    return epayment.client.post('/v1/payments', {
        'amount': epayment.amount(), 'currency': 'KZT',
        'payment_method': {'type': 'saved_card', 'instrument': instrument['id']}})


def forget(epayment, instrument):
    return epayment.client.post('/v1/instruments/%s/deactivate' % instrument['id'],
                                prefer='wait=1').expect(200, 202)


def at_the_bank(epayment, instrument):
    """Whether the bank still charges the card."""
    invoice = epayment.reference(payment_of(epayment, instrument))
    card, = [one for one in epayment.sim.sim('cards')['cards'] if one['invoice'] == invoice]
    return 'forgotten' if card['deactivated'] else 'kept'


def attempts(epayment, instrument):
    operation = epayment.story(payment_of(epayment, instrument))[-1]
    assert operation['kind'] == 'deactivate', operation
    return [(a['call'], a['outcome'], a['http_status']) for a in operation['attempts']]


def spoil(epayment, instrument, fault, **members):
    """The call to forget the card goes wrong, once."""
    epayment.must_strike(epayment.plan(fault, 'card_deactivate', members=members,
                                       **epayment.match(payment_of(epayment, instrument))))


def test_kept_charged_and_forgotten(epayment, customer):
    instrument = keep(epayment, customer)
    assert (instrument['status'], instrument['brand'], instrument['last4']) \
        == ('active', 'visa', '5096')
    paid = epayment.comes_to(charge(epayment, instrument), 'captured')
    assert paid['customer'] == customer['id'] and paid['payment_method']['last4'] == '5096'
    epayment.agree(paid)
    assert forget(epayment, instrument)['status'] == 'removed'
    assert attempts(epayment, instrument) == [('deactivate', 'approved', 200)]
    assert at_the_bank(epayment, instrument) == 'forgotten'
    charge_of(epayment, instrument).refused('state_conflict', 'payment_method.instrument')


def test_kept_after_a_look_at_it(epayment, customer):
    instrument = look_at(epayment, customer)
    assert instrument['status'] == 'pending', instrument
    assert instrument['next_action']['type'] == 'widget'
    epayment.pay(payment_of(epayment, instrument))
    instrument = epayment.comes_to(instrument, 'active')
    assert instrument['next_action'] is None and instrument['last4'] == '5096'
    payment = payment_of(epayment, instrument)
    assert (payment['status'], payment['amount']) == ('verified', 0)
    assert epayment.moved(payment) == {}
    epayment.agree(epayment.comes_to(charge(epayment, instrument), 'captured'))
    assert forget(epayment, instrument)['status'] == 'removed'


def test_a_payer_who_does_not_want_it_kept(epayment, customer):
    instrument = keep(epayment, customer, save=False)
    assert (instrument['status'], instrument['failure']['code']) == ('failed', 'card_not_kept')


def test_a_card_that_is_refused(epayment, customer):
    instrument = look_at(epayment, customer)
    epayment.pay(payment_of(epayment, instrument), 'decline')
    instrument = epayment.comes_to(instrument, 'failed')
    assert instrument['failure']['type'] == 'declined', instrument


def the_bank_tells_nobody(epayment, customer):
    """No notice of the look at the card: whoever reads the payment brings the news."""
    instrument = look_at(epayment, customer)
    payment = payment_of(epayment, instrument)
    epayment.plan('notification_none', 'notification', **epayment.match(payment),
                  members={'times': 0})
    epayment.pay(payment)
    until(lambda: payment_of(epayment, instrument)['status'] == 'verified', 15,
          'the look to be known', pause_s=0.5)
    assert epayment.client.read(instrument)['status'] == 'active'


def the_answer_to_the_page_is_lost(epayment, customer):
    amount = epayment.amount()
    epayment.must_strike(epayment.plan('accept_then_drop_reply', 'payment_token',
                                       amount=amount // epayment.unit))
    payment = epayment.create(amount=amount, customer=customer['id'], save_card=True)
    epayment.comes_to(payment, 'requires_action', seconds=20)
    epayment.sim.sim('pay', gateway='epayment', action='approve', save_card=True,
                     invoice=epayment.reference(payment))
    paid = epayment.comes_to(payment, 'captured')
    instrument = epayment.client.get('/v1/instruments/' + paid['instrument']).expect(200)
    assert instrument['status'] == 'active', instrument


def the_answer_to_a_charge_is_lost(epayment, customer):
    instrument = keep(epayment, customer)
    amount = epayment.amount()
    epayment.must_strike(epayment.plan('accept_then_drop_reply', 'saved',
                                       amount=amount // epayment.unit))
    paid = epayment.comes_to(charge(epayment, instrument, amount=amount), 'captured', seconds=20)
    assert epayment.agree(paid)['capture'] == (1, amount)


def the_call_to_forget_it_does_not_arrive(epayment, customer):
    instrument = keep(epayment, customer)
    spoil(epayment, instrument, 'drop_before')
    assert forget(epayment, instrument)['status'] == 'deactivating'
    epayment.comes_to(instrument, 'removed', seconds=20)
    assert attempts(epayment, instrument) == [('deactivate', 'unknown', None),
                                              ('deactivate', 'approved', 200)]
    assert at_the_bank(epayment, instrument) == 'forgotten'


def the_answer_to_forgetting_is_lost(epayment, customer):
    """The bank forgot it, and refuses to forget it again: that is no proof of anything, so the
    card stays as it is, is not charged, and a person decides in the end."""
    instrument = keep(epayment, customer)
    spoil(epayment, instrument, 'accept_then_drop_reply')
    assert forget(epayment, instrument)['status'] == 'deactivating'
    until(lambda: len(attempts(epayment, instrument)) == 2, 20, 'the second call')
    assert attempts(epayment, instrument) == [('deactivate', 'unknown', None),
                                              ('deactivate', 'refused', 400)]
    now = epayment.client.read(instrument)
    assert (now['status'], now['failure']) == ('deactivating', None)
    operation = epayment.story(payment_of(epayment, instrument))[-1]
    assert operation['state'] == 'unknown' and operation['due_at'], operation
    charge_of(epayment, instrument).refused('state_conflict', 'payment_method.instrument')


def test_what_is_lost_on_the_way(epayment, customer):
    together(*[lambda story=story: story(epayment, customer) for story in (
        the_bank_tells_nobody, the_answer_to_the_page_is_lost, the_answer_to_a_charge_is_lost,
        the_call_to_forget_it_does_not_arrive, the_answer_to_forgetting_is_lost)])


def test_the_bank_refuses_to_forget_it(epayment, customer):
    instrument = keep(epayment, customer)
    spoil(epayment, instrument, 'error_code', code='100')
    kept = forget(epayment, instrument)
    assert (kept['status'], kept['failure']['code']) == ('active', 'deactivate_refused')
    assert at_the_bank(epayment, instrument) == 'kept'
    assert forget(epayment, instrument)['status'] == 'removed'
    assert at_the_bank(epayment, instrument) == 'forgotten'


def test_a_card_that_the_bank_does_not_know(epayment, customer):
    instrument = keep(epayment, customer)
    spoil(epayment, instrument, 'error_code', code='522')
    assert forget(epayment, instrument)['status'] == 'removed'
    assert attempts(epayment, instrument) == [('deactivate', 'absent', 400)]
