"""A payment from its making to its end, as a merchant sees it."""
import pytest

from client import card, until


def kinds(client, payment):
    """The types of everything that happened to a payment, in order."""
    return [e['type'] for e in client.pages('/v1/payments/%s/events' % payment['id'])]


def test_one_call_takes_the_money(client):
    payment = client.pay(amount=1250, currency='EUR', reference='order-1').expect(201)
    assert payment['status'] == 'captured'
    assert (payment['amount'], payment['amount_captured']) == (1250, 1250)
    assert (payment['amount_refunded'], payment['amount_refundable']) == (0, 1250)
    assert payment['payment_method'] == {'type': 'card', 'brand': 'visa', 'last4': '4242',
                                         'exp_month': 12, 'exp_year': 2034}
    assert payment['actions'] == ['refund']
    assert payment['gateway'] == 'sandbox' and payment['gateway_reference']
    assert payment['live'] is False and payment['failure'] is None
    assert payment['expires_at'] is None
    assert client.read(payment) == payment


def test_the_location_leads_to_the_payment(client):
    answer = client.pay()
    path = '/v1/payments/' + answer.expect(201)['id']
    assert answer.headers['Location'].endswith(path)
    assert client.get(path).expect(200) == answer.json


def test_what_the_merchant_said_comes_back(client):
    said = dict(reference='order-7', description='Two books, Ærø', shop='north',
                customer_email='reader@shop.example', return_url='https://shop.example/thanks?o=7',
                metadata={'basket': 'b-77', 'ключ': 'значение', 'empty': ''})
    payment = client.pay(**said).expect(201)
    assert {name: payment[name] for name in said} == said


def test_each_change_is_an_event_and_a_version(client):
    payment = client.captured()
    events = client.pages('/v1/payments/%s/events' % payment['id'])
    assert [e['type'] for e in events] == [
        'payment.created', 'payment.authorizing', 'payment.authorized', 'payment.capturing',
        'payment.captured']
    assert [e['version'] for e in events] == [1, 2, 3, 4, 5]
    assert payment['version'] == 5
    assert events[-1]['data'] == payment


def test_manual_capture_stops_at_authorized(client):
    payment = client.pay(capture_method='manual').expect(201)
    assert payment['status'] == 'authorized'
    assert payment['amount_captured'] == 0 and payment['amount_refundable'] == 0
    assert payment['actions'] == ['capture', 'cancel']
    assert payment['expires_at'] > payment['created_at']
    captured = client.act(payment, 'capture').expect(200)
    assert captured['status'] == 'captured' and captured['amount_captured'] == 1250
    assert kinds(client, payment)[-2:] == ['payment.capturing', 'payment.captured']


def test_a_part_may_be_captured_once(client):
    payment = client.authorized(amount=1000)
    captured = client.act(payment, 'capture', {'amount': 400}).expect(200)
    assert captured['status'] == 'captured'
    assert (captured['amount'], captured['amount_captured']) == (1000, 400)
    assert captured['amount_refundable'] == 400
    client.act(payment, 'capture', {'amount': 100}).refused('state_conflict')


def test_not_more_than_authorized_is_captured(client):
    payment = client.authorized(amount=1000)
    client.act(payment, 'capture', {'amount': 1001}).refused('capture_exceeds_authorized', 'amount')
    assert client.read(payment) == payment


def test_capture_twice(client):
    payment = client.authorized()
    client.act(payment, 'capture').expect(200)
    client.act(payment, 'capture').refused('state_conflict')
    client.act(client.captured(), 'capture').refused('state_conflict')


def test_cancel_releases_the_money(client):
    payment = client.authorized()
    cancelled = client.act(payment, 'cancel', {'reason': 'payer'}).expect(200)
    assert cancelled['status'] == 'cancelled' and cancelled['cancel_reason'] == 'payer'
    assert cancelled['actions'] == [] and cancelled['expires_at'] is None
    assert kinds(client, payment)[-2:] == ['payment.cancelling', 'payment.cancelled']
    client.act(payment, 'capture').refused('state_conflict')
    client.act(payment, 'cancel').refused('state_conflict')


@pytest.mark.parametrize('reason', ['payer', 'merchant', 'duplicate', 'risk'])
def test_why_it_was_cancelled(client, reason):
    payment = client.pay(None).expect(201)
    assert client.act(payment, 'cancel', {'reason': reason}).expect(200)['cancel_reason'] == reason


def test_cancel_after_capture(client):
    problem = client.act(client.captured(), 'cancel').refused('state_conflict')
    assert 'efund' in problem['detail']


def test_a_payment_without_a_method_waits_to_be_confirmed(client):
    payment = client.pay(None).expect(201)
    assert payment['status'] == 'created' and payment['payment_method'] is None
    assert payment['actions'] == ['confirm', 'cancel']
    confirmed = client.act(payment, 'confirm', {'payment_method': card('5555555555554444'),
                                                'return_url': 'https://shop.example/'}).expect(200)
    assert confirmed['status'] == 'captured'
    assert confirmed['payment_method']['brand'] == 'mastercard'
    assert confirmed['return_url'] == 'https://shop.example/'
    client.act(payment, 'confirm', {'payment_method': card()}).refused('state_conflict')


def test_a_card_is_not_kept_for_a_later_confirm(client):
    payment = client.pay(confirm=False).expect(201)
    assert payment['status'] == 'created' and payment['payment_method']['last4'] == '4242'
    client.act(payment, 'confirm').refused('validation_failed', 'payment_method')
    confirmed = client.act(payment, 'confirm', {'payment_method': card()}).expect(200)
    assert confirmed['status'] == 'captured'


def test_confirm_needs_something_to_confirm_with(client):
    client.pay(None, confirm=True).refused('validation_failed', 'confirm')


def test_cancel_before_anything_was_sent_asks_nobody(client):
    payment = client.pay(None).expect(201)
    assert client.act(payment, 'cancel').expect(200)['status'] == 'cancelled'
    assert kinds(client, payment) == ['payment.created', 'payment.cancelled']
    assert client.pages('/v1/payments/%s/operations' % payment['id']) == []
    client.act(payment, 'confirm', {'payment_method': card()}).refused('state_conflict')


def test_methods_that_the_sandbox_does_not_take(client):
    for method in ({'type': 'gateway_page'}, {'type': 'saved_card', 'token': 'tok_1'}):
        client.pay(payment_method=method).refused('payment_method_not_supported',
                                                  'payment_method.type')


@pytest.mark.parametrize('currency,amount', [('JPY', 1), ('KWD', 1234567), ('CLF', 10 ** 15)])
def test_any_currency_in_its_minor_unit(client, currency, amount):
    payment = client.captured(currency=currency, amount=amount)
    assert (payment['amount_captured'], payment['currency']) == (amount, currency)


def test_every_step_at_the_gateway_is_an_operation_with_its_attempts(client):
    payment = client.authorized()
    client.act(payment, 'capture').expect(200)
    client.act(payment, 'refunds', {'amount': 50}).expect(201)
    operations = client.pages('/v1/payments/%s/operations' % payment['id'])
    assert [(o['kind'], o['state'], o['amount']) for o in operations] == [
        ('authorize', 'succeeded', 1250), ('capture', 'succeeded', 1250),
        ('refund', 'succeeded', 50)]
    assert [o['refund'] is not None for o in operations] == [False, False, True]
    for operation in operations:
        attempt, = operation['attempts']
        assert (attempt['number'], attempt['call']) == (1, operation['kind'])
        assert (attempt['outcome'], attempt['http_status']) == ('approved', 200)
        assert operation['created_at'] <= operation['sent_at'] <= operation['closed_at']
        assert operation['due_at'] is None
    assert len({o['reference'] for o in operations}) == 3


def test_the_gateway_did_what_the_books_say(client):
    """I1 for one payment: the sandbox's own ledger equals ours."""
    payment = client.authorized(amount=900)
    client.act(payment, 'capture', {'amount': 700}).expect(200)
    client.act(payment, 'refunds', {'amount': 200}).expect(201)
    assert client.moved_at_gateway(payment) == {'authorize': 900, 'capture': 700, 'refund': 200}
    released = client.authorized(amount=50)
    client.act(released, 'cancel').expect(200)
    assert client.moved_at_gateway(released) == {'authorize': 50, 'void': 50}


def test_a_payment_that_waits_says_so_at_once(client):
    """Prefer: respond-async answers before the gateway does."""
    accepted = client.pay(prefer='respond-async').expect(202)
    assert accepted['status'] in ('created', 'authorizing')
    assert client.settles(accepted)['status'] == 'captured'


def test_expiry_is_90_minutes_away(client):
    from datetime import datetime
    payment = client.pay(None).expect(201)
    made, ends = (datetime.fromisoformat(payment[name].replace('Z', '+00:00'))
                  for name in ('created_at', 'expires_at'))
    assert (ends - made).total_seconds() == 90 * 60


def test_the_list_finds_it(client):
    payment = client.captured(reference='order-to-find')
    until(lambda: client.get('/v1/payments', reference='order-to-find').expect(200)['data']
          == [payment], 2)


@pytest.mark.parametrize('letter', ['a', 'ш', '\U0001f4b6'])
def test_texts_may_be_so_long(client, letter):
    """Lengths are counted in characters, not bytes."""
    said = dict(reference=letter * 255, description=letter * 1000, shop=letter * 100,
                metadata={letter * 62 + '%02d' % i: letter * 100 for i in range(50)})
    payment = client.pay(None, return_url='https://shop.example/' + 'a' * 2027,
                         customer_email='a' * 242 + '@example.com', **said).expect(201)
    assert {name: payment[name] for name in said} == said
