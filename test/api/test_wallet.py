"""Customers, and the cards that the gateway keeps for them: kept with a payment or by a look at the
card with nothing, charged later, forgotten here only once the gateway forgot them. What the
gateway says is compared with the sandbox's own ledger."""
import pytest

import store
from client import card, together
from test_challenge import Browser

CHALLENGE, SILENT_APPROVED, SILENT_UNSEEN = ('4000002500003155', '4000000000000259',
                                             '4000000000000267')
KEPT_FOR_EVER, DEACTIVATE_LOST = '4000000000000309', '4000000000000317'
NO_CUSTOMER, NO_INSTRUMENT = 'cus_00000000000000000000000001', 'ins_00000000000000000000000001'


@pytest.fixture()
def customer(client):
    return client.post('/v1/customers', {'name': 'Aigerim S.'}).expect(201)


def verify(client, customer, number='4242424242424242', prefer='wait=20', **members):
    body = dict(customer=customer['id'], currency='EUR', payment_method=card(number), **members)
    return client.post('/v1/instruments', body, prefer=prefer)


def saved(client, customer, number='4242424242424242', **members):
    """A payment that saves its card, and the card."""
    payment = client.captured(number=number, customer=customer['id'], save_card=True, **members)
    instrument = client.get('/v1/instruments/' + payment['instrument']).expect(200)
    assert instrument['status'] == 'active', instrument
    return payment, instrument


def charge(client, instrument, **members):
    return client.pay(None, payment_method={'type': 'saved_card',
                                            'instrument': instrument['id']}, **members)


def forget(client, instrument, prefer='wait=20', **more):
    path = '/v1/instruments/%s/deactivate' % instrument['id']
    return client.post(path, prefer=prefer, **more)


def story(client, instrument):
    events = client.pages('/v1/payments/%s/events' % instrument['payment'])
    return [e['type'].split('.')[1] for e in events if e['instrument'] == instrument['id']]


def kept_at_gateway(server, client, payment):
    """What the sandbox says of the card of a payment: kept, forgotten or None."""
    operation = client.get('/v1/payments/%s/operations' % payment).expect(200)['data'][0]
    row, = server.sandbox_rows('SELECT saving FROM sandbox_charges WHERE reference = ?',
                               operation['reference'])
    return row['saving']


# Customers

def test_a_customer(client):
    given = dict(reference='member-1', name='Данияр', email='d@example.com',
                 phone='+7 701 000 0000', description='since 2019', metadata={'tier': 'gold'})
    answer = client.post('/v1/customers', given, key='customer-1')
    made = answer.expect(201)
    assert answer.headers['Location'].endswith('/v1/customers/' + made['id'])
    assert {k: made[k] for k in given} == given and made['deleted'] is False
    assert client.read(made) == made
    again = client.post('/v1/customers', given, key='customer-1')
    assert again.raw == answer.raw and again.headers['Idempotent-Replayed'] == 'true'
    client.post('/v1/customers', {}, key='customer-1').refused('idempotency_mismatch')


def test_a_customer_is_changed(client, customer):
    changed = client.patch('/v1/customers/' + customer['id'],
                           {'email': 'a@example.com', 'name': None, 'metadata': {'a': 'b'}})
    assert changed.expect(200) == client.read(customer)
    now = client.read(customer)
    assert (now['name'], now['email'], now['metadata']) == (None, 'a@example.com', {'a': 'b'})
    assert client.patch('/v1/customers/' + customer['id'], {'metadata': {}}).expect(200) \
        == dict(now, metadata={}, updated_at=client.read(customer)['updated_at'])
    client.patch('/v1/customers/' + customer['id'], {'email': 'none'}).refused('validation_failed')
    client.patch('/v1/customers/' + NO_CUSTOMER, {'name': 'x'}).refused('not_found')
    client.get('/v1/customers/' + NO_CUSTOMER).refused('not_found')


def test_customers_are_listed_and_found(client):
    twins = [client.post('/v1/customers', {'reference': 'twin'}).expect(201) for _ in range(3)]
    assert client.pages('/v1/customers', reference='twin', limit=2) == twins[::-1]
    assert client.pages('/v1/customers')[:3] == twins[::-1]
    client.get('/v1/customers', reference='').refused('validation_failed', 'reference')


def test_a_deleted_customer_leaves_nothing_personal(client, server):
    person = client.post('/v1/customers', {'name': 'Quibbleworth', 'email': 'q@example.com'},
                         key=False).expect(201)
    gone = client.delete('/v1/customers/' + person['id']).expect(200)
    assert gone['deleted'] is True and gone['name'] is None and gone['email'] is None
    assert client.read(person) == gone
    assert person['id'] not in [c['id'] for c in client.pages('/v1/customers')]
    client.delete('/v1/customers/' + person['id']).refused('not_found')
    client.patch('/v1/customers/' + person['id'], {'name': 'x'}).refused('not_found')
    client.pay(customer=person['id']).refused('validation_failed', 'customer')
    verify(client, person).refused('validation_failed', 'customer')
    row, = store.run(server.data, 'purser.db', 'SELECT * FROM customers'
                     ' WHERE deleted_ms IS NOT NULL ORDER BY id DESC LIMIT 1')
    assert 'Quibbleworth' not in str(list(row))


# Keeping

def test_a_card_is_kept_with_a_payment(client, server, customer):
    payment, instrument = saved(client, customer)
    assert payment['customer'] == customer['id'] and payment['save_card'] is True
    assert (instrument['payment'], instrument['customer']) == (payment['id'], customer['id'])
    assert (instrument['brand'], instrument['last4']) == ('visa', '4242')
    assert (instrument['exp_month'], instrument['exp_year']) == (12, 2034)
    assert story(client, instrument) == ['created', 'activated']
    assert kept_at_gateway(server, client, payment['id']) == 'kept'


def test_a_card_is_kept_without_a_payment(client, server, customer):
    answer = verify(client, customer)
    instrument = answer.expect(201)
    assert answer.headers['Location'].endswith('/v1/instruments/' + instrument['id'])
    assert instrument['status'] == 'active' and instrument == client.read(instrument)
    payment = client.get('/v1/payments/' + instrument['payment']).expect(200)
    assert (payment['status'], payment['amount'], payment['actions']) == ('verified', 0, [])
    assert payment['verification'] is True and payment['instrument'] == instrument['id']
    assert client.moved_at_gateway(payment) == {}
    client.act(payment, 'refunds').refused('state_conflict')
    client.act(payment, 'cancel').refused('state_conflict')
    client.act(payment, 'capture').refused('state_conflict')
    invoice = client.get('/v1/invoices/' + payment['invoice']).expect(200)
    assert (invoice['amount'], invoice['status']) == (0, 'cancelled')


def test_a_verification_is_replayed(client, customer):
    body = dict(customer=customer['id'], currency='EUR', payment_method=card())
    first, again = [client.post('/v1/instruments', body, key='verify-1', prefer='wait=20')
                    for _ in range(2)]
    assert first.raw == again.raw and again.headers['Idempotent-Replayed'] == 'true'
    assert len(client.pages('/v1/instruments', customer=customer['id'])) == 1


def test_a_declined_card_is_not_kept(client, customer):
    instrument = verify(client, customer, '4000000000000002').expect(201)
    assert (instrument['status'], instrument['failure']['code']) == ('failed', 'card_declined')
    payment = client.pay('4000000000009995', customer=customer['id'], save_card=True).expect(201)
    other = client.get('/v1/instruments/' + payment['instrument']).expect(200)
    assert (other['status'], other['failure']['code']) == ('failed', 'insufficient_funds')
    assert story(client, other) == ['created', 'failed']
    charge(client, other).refused('state_conflict', 'payment_method.instrument')
    forget(client, other).refused('state_conflict')


@pytest.mark.parametrize('decision,status,ends', [
    ('approve', 'active', ['created', 'requires_action', 'activated']),
    ('decline', 'failed', ['created', 'requires_action', 'failed'])])
def test_a_payer_confirms_a_verification(client, customer, decision, status, ends):
    instrument = verify(client, customer, CHALLENGE).expect(201)
    assert instrument['status'] == 'pending' and instrument['next_action']['type'] == 'challenge'
    forget(client, instrument).refused('operation_in_progress')
    client.delete('/v1/customers/' + customer['id']).refused('state_conflict')
    Browser(client, instrument).press(decision)
    instrument = client.settles(instrument)
    assert (instrument['status'], instrument['next_action']) == (status, None)
    assert story(client, instrument) == ends
    if status == 'active':      # who confirmed it once need not again
        assert charge(client, instrument).expect(201)['status'] == 'captured'


def lost_while_forgotten(client, customer):
    """(the payment, the card once the gateway was asked again)"""
    payment, instrument = saved(client, customer, DEACTIVATE_LOST)
    first = forget(client, instrument, prefer='wait=0').expect(202)
    assert first['status'] == 'deactivating' and first['failure'] is None
    forget(client, instrument).refused('operation_in_progress')
    charge(client, instrument).refused('state_conflict', 'payment_method.instrument')
    client.delete('/v1/customers/' + customer['id']).refused('state_conflict')
    return payment, client.settles(instrument, passing='deactivating')


def test_lost_answers(client, server, customer):
    """To a look at a card and to a payment, seen and not seen by the gateway; to forgetting one."""
    def lost(number, payment):
        if not payment:
            first = verify(client, customer, number, prefer='wait=0').expect(202)
            assert first['status'] == 'pending'
            return client.settles(first)
        first = client.pay(number, customer=customer['id'], save_card=True,
                           prefer='respond-async').expect(202)
        pending = client.get('/v1/instruments/' + first['instrument']).expect(200)
        assert pending['status'] == 'pending' and pending['failure'] is None
        return client.settles(pending)

    other = client.post('/v1/customers', {}).expect(201)
    *ends, (paid, forgotten) = together(
        *[lambda n=n, p=p: lost(n, p) for n in (SILENT_APPROVED, SILENT_UNSEEN)
          for p in (False, True)], lambda: lost_while_forgotten(client, other))
    assert [e['status'] for e in ends] == ['active', 'active', 'failed', 'failed']
    for instrument in ends[:2]:
        assert kept_at_gateway(server, client, instrument['payment']) == 'kept'
    assert {e['failure']['code'] for e in ends[2:]} == {'interrupted'}
    assert forgotten['status'] == 'removed'
    operation = client.pages('/v1/payments/%s/operations' % paid['id'])[-1]
    assert [(a['call'], a['outcome']) for a in operation['attempts']] == [
        ('deactivate', 'unknown'), ('deactivate', 'approved')]
    assert kept_at_gateway(server, client, paid['id']) == 'forgotten'
    assert client.delete('/v1/customers/' + other['id']).expect(200)['deleted'] is True


def test_a_card_is_kept_when_the_payment_is_confirmed_later(client, customer):
    payment = client.pay(confirm=False, customer=customer['id'], save_card=True).expect(201)
    instrument = client.get('/v1/instruments/' + payment['instrument']).expect(200)
    assert (payment['status'], instrument['status']) == ('created', 'pending')
    client.delete('/v1/customers/' + customer['id']).refused('state_conflict')
    client.act(payment, 'confirm', {'payment_method': card('5555555555554444')}).expect(200)
    instrument = client.read(instrument)
    assert (instrument['status'], instrument['last4']) == ('active', '4444')
    assert instrument['brand'] == 'mastercard'


def test_a_payment_that_ends_unpaid_keeps_no_card(client, customer):
    payment = client.pay(confirm=False, customer=customer['id'], save_card=True).expect(201)
    client.act(payment, 'cancel').expect(200)
    instrument = client.get('/v1/instruments/' + payment['instrument']).expect(200)
    assert (instrument['status'], instrument['failure']['code']) == ('failed', 'card_not_kept')


def test_a_reserved_payment_keeps_its_card_at_once(client, customer):
    payment = client.authorized(customer=customer['id'], save_card=True)
    instrument = client.get('/v1/instruments/' + payment['instrument']).expect(200)
    assert instrument['status'] == 'active'
    assert client.act(payment, 'cancel').expect(200)['status'] == 'cancelled'
    assert client.read(instrument)['status'] == 'active'
    assert charge(client, instrument).expect(201)['status'] == 'captured'


# Charging

def test_a_kept_card_is_charged(client, server, customer):
    first, instrument = saved(client, customer)
    payment = charge(client, instrument, amount=777).expect(201)
    assert payment['status'] == 'captured' and payment['instrument'] == instrument['id']
    assert payment['customer'] == customer['id'] and payment['save_card'] is False
    assert payment['payment_method'] == {'type': 'saved_card', 'brand': 'visa', 'last4': '4242',
                                         'exp_month': 12, 'exp_year': 2034}
    assert client.moved_at_gateway(payment) == {'authorize': 777, 'capture': 777}
    refund = client.act(payment, 'refunds').expect(201)
    assert refund['status'] == 'succeeded'
    at_first, at_second = [client.get('/v1/payments/%s/operations' % p['id']).expect(200)['data'][0]
                           for p in (first, payment)]
    row, = server.sandbox_rows('SELECT paid_with FROM sandbox_charges WHERE reference = ?',
                               at_second['reference'])
    assert row['paid_with'] == at_first['reference']


def test_a_kept_card_goes_on_as_its_card_does(client, customer):
    _, instrument = saved(client, customer, '4000000000005126')
    refund = client.act(charge(client, instrument).expect(201), 'refunds').expect(201)
    assert refund['status'] == 'failed'


def test_a_kept_card_confirms_a_payment(client, customer):
    _, instrument = saved(client, customer)
    method = {'type': 'saved_card', 'instrument': instrument['id']}
    payment = client.pay(None, confirm=False, payment_method=method).expect(201)
    assert payment['status'] == 'created' and payment['instrument'] == instrument['id']
    client.act(payment, 'confirm').refused('validation_failed', 'payment_method')
    paid = client.act(payment, 'confirm', {'payment_method': method}).expect(200)
    assert paid['status'] == 'captured' and paid['instrument'] == instrument['id']
    # A payment that was made for the saved card, and is paid with another.
    other = client.pay(None, confirm=False, payment_method=method).expect(201)
    paid = client.act(other, 'confirm', {'payment_method': card()}).expect(200)
    assert paid['status'] == 'captured' and paid['instrument'] is None


def test_what_cannot_be_charged(client, live, stranger, customer):
    _, instrument = saved(client, customer)
    other = client.post('/v1/customers', {}).expect(201)
    charge(client, {'id': NO_INSTRUMENT}).refused('validation_failed', 'payment_method.instrument')
    charge(client, instrument, customer=other['id']) \
        .refused('validation_failed', 'payment_method.instrument')
    charge(client, instrument, customer=customer['id']).expect(201)
    for outsider in (live, stranger):
        charge(outsider, instrument).refused('validation_failed', 'payment_method.instrument')
        outsider.pay(customer=customer['id']).refused('validation_failed', 'customer')
        verify(outsider, customer).refused('validation_failed', 'customer')
        outsider.get('/v1/instruments/' + instrument['id']).refused('not_found')
        outsider.get('/v1/customers/' + customer['id']).refused('not_found')
        outsider.patch('/v1/customers/' + customer['id'], {'name': 'x'}).refused('not_found')
        outsider.delete('/v1/customers/' + customer['id']).refused('not_found')
        forget(outsider, instrument).refused('not_found')
        assert outsider.pages('/v1/instruments', customer=customer['id']) == []
    account = client.post('/v1/gateway_accounts', {'gateway': 'sandbox'}).expect(201)
    charge(client, instrument, gateway_account=account['id']) \
        .refused('validation_failed', 'gateway_account')
    made = client.pay(None, confirm=None, gateway_account=account['id']).expect(201)
    client.act(made, 'confirm', {'payment_method': {'type': 'saved_card',
                                                    'instrument': instrument['id']}}) \
        .refused('validation_failed', 'payment_method.instrument')


@pytest.mark.parametrize('change,param', [
    (dict(customer=None), 'customer'),
    (dict(customer=NO_CUSTOMER), 'customer'),
    (dict(payment_method=None), 'payment_method'),
    (dict(currency=None), 'currency'),
    (dict(currency='EUX'), 'currency'),
    (dict(payment_method={'type': 'saved_card', 'instrument': NO_INSTRUMENT}),
     'payment_method.type'),
    (dict(payment_method={'type': 'card'}), 'payment_method.card'),
    (dict(gateway_account='ga_1'), 'gateway_account'),
    (dict(return_url='ftp://x'), 'return_url'),
])
def test_what_a_verification_must_have(client, customer, change, param):
    body = dict(customer=customer['id'], currency='EUR', payment_method=card())
    body.update(change)
    client.post('/v1/instruments', {k: v for k, v in body.items() if v is not None}) \
        .refused('validation_failed', param)


def test_what_keeping_a_card_needs(client, customer):
    client.pay(save_card=True).refused('validation_failed', 'customer')
    _, instrument = saved(client, customer)
    charge(client, instrument, save_card=True, customer=customer['id']) \
        .refused('payment_method_not_supported', 'save_card')
    client.post('/v1/instruments', {}, key=False).refused('idempotency_key_required')
    for method in ({'type': 'saved_card', 'token': 'x', 'instrument': instrument['id']},
                   {'type': 'gateway_page', 'instrument': instrument['id']}):
        client.pay(None, payment_method=method) \
            .refused('validation_failed', 'payment_method.instrument')
    for method in ({'type': 'saved_card'}, dict(card(), token='x')):
        client.pay(None, payment_method=method) \
            .refused('validation_failed', 'payment_method.token')


# Forgetting

def test_a_card_is_forgotten_at_the_gateway_first(client, server, customer):
    payment, instrument = saved(client, customer)
    answer = forget(client, instrument, key='forget-1')
    gone = answer.expect(200)
    assert gone['status'] == 'removed' and gone == client.read(instrument)
    assert kept_at_gateway(server, client, payment['id']) == 'forgotten'
    assert story(client, instrument) == ['created', 'activated', 'deactivating', 'removed']
    assert forget(client, instrument, key='forget-1').raw == answer.raw
    assert forget(client, instrument).expect(200) == gone      # with another key: it is so already
    charge(client, instrument).refused('state_conflict', 'payment_method.instrument')
    operation = client.pages('/v1/payments/%s/operations' % payment['id'])[-1]
    assert (operation['kind'], operation['state']) == ('deactivate', 'succeeded')
    row, = store.run(server.data, 'purser.db',
                     'SELECT count(*) AS n FROM instruments WHERE status = ? AND token IS NOT NULL',
                     'removed')
    assert row['n'] == 0


def test_forgetting_leaves_the_payment_as_it_is(client, customer):
    payment, instrument = saved(client, customer)
    assert forget(client, instrument).expect(200)['status'] == 'removed'
    now = client.read(payment)
    assert (now['status'], now['actions']) == ('captured', ['refund'])
    assert client.act(payment, 'refunds').expect(201)['status'] == 'succeeded'


def test_a_gateway_that_refuses_to_forget(client, server, customer):
    payment, instrument = saved(client, customer, KEPT_FOR_EVER)
    kept = forget(client, instrument).expect(200)
    assert (kept['status'], kept['failure']['code']) == ('active', 'deactivate_refused')
    assert story(client, instrument)[-2:] == ['deactivating', 'deactivation_failed']
    assert kept_at_gateway(server, client, payment['id']) == 'kept'
    assert charge(client, instrument).expect(201)['status'] == 'captured'


def test_a_verified_card_is_forgotten(client, customer):
    instrument = verify(client, customer).expect(201)
    assert forget(client, instrument).expect(200)['status'] == 'removed'


def test_a_verification_is_called_off(client, server, customer):
    """While it waits for the payer, and when the payer was faster."""
    waiting, done = [verify(client, customer, CHALLENGE).expect(201) for _ in range(2)]
    payment = client.get('/v1/payments/' + waiting['payment']).expect(200)
    assert client.act(payment, 'cancel').expect(200)['status'] == 'cancelled'
    assert client.read(waiting)['status'] == 'failed'
    assert kept_at_gateway(server, client, waiting['payment']) == 'asked'
    Browser(client, done).press('approve')
    payment = client.get('/v1/payments/' + done['payment']).expect(200)
    client.act(payment, 'cancel')
    assert client.settles(done)['status'] == 'active'
    assert kept_at_gateway(server, client, done['payment']) == 'kept'


def test_forgetting_and_charging_at_once(client, server, customer):
    """Each ends; a charge that was recorded before is made or refused, none hangs."""
    for _ in range(5):
        payment, instrument = saved(client, customer)
        answers = together(*[lambda: charge(client, instrument) for _ in range(3)],
                           *[lambda: forget(client, instrument) for _ in range(2)])
        assert client.settles(instrument, passing='deactivating')['status'] == 'removed'
        for answer in answers[:3]:
            assert answer.status in (201, 409), answer.raw
        assert sorted(a.status for a in answers[3:]) in ([200, 200], [200, 409])
        assert kept_at_gateway(server, client, payment['id']) == 'forgotten'


def test_what_forgetting_takes(client, customer):
    _, instrument = saved(client, customer)
    forget(client, {'id': NO_INSTRUMENT}).refused('not_found')
    client.post('/v1/instruments/%s/deactivate' % instrument['id'], {'now': True}) \
        .refused('unknown_member')
    forget(client, instrument, key=False).refused('idempotency_key_required')


def test_saved_cards_are_listed(client, customer):
    cards = [saved(client, customer)[1] for _ in range(3)]
    gone = forget(client, cards[1]).expect(200)
    mine = dict(customer=customer['id'])
    assert client.pages('/v1/instruments', limit=1, **mine) == [cards[2], gone, cards[0]]
    assert client.pages('/v1/instruments', status='removed', **mine) == [gone]
    assert client.pages('/v1/instruments')[:3] == [cards[2], gone, cards[0]]
    client.get('/v1/instruments', status='gone').refused('validation_failed', 'status')


# What of a card is where

def test_no_token_is_shown_or_stored_as_it_is(client, server, customer):
    """A token lets money be charged: it is sealed in the books, and in no answer or event."""
    payment, instrument = saved(client, customer)
    token = client.read(payment)['gateway_reference'].replace('ch_', 'card_')
    assert token.startswith('card_')
    seen = [client.get('/v1/instruments/' + instrument['id']).raw]
    seen += [client.get('/v1/payments/%s/%s' % (payment['id'], what)).raw
             for what in ('events', 'operations')]
    seen += [content for path, content in server.bytes_on_disk() if 'sandbox' not in path]
    assert [s for s in seen if token.encode() in s] == []


def test_gateways_without_saved_cards_say_so(client, customer):
    account = client.post('/v1/gateway_accounts', {
        'gateway': 'hyperswitch', 'settings': {'base_url': 'http://127.0.0.1:9'},
        'credentials': {'api_key': 'key_1', 'webhook_key': 'key_2'}}).expect(201)
    page = {'type': 'gateway_page'}
    client.pay(None, payment_method=page, customer=customer['id'], save_card=True,
               gateway_account=account['id']) \
        .refused('payment_method_not_supported', 'save_card')
    client.post('/v1/instruments', {'customer': customer['id'], 'currency': 'EUR',
                                    'payment_method': page,
                                    'gateway_account': account['id']}) \
        .refused('payment_method_not_supported', 'save_card')
