"""Every card of the sandbox gateway ends as the table in the contract says.

The cards whose answers are lost take seconds until purser has asked the gateway again, so all
stories run at the same time, and the tests look at how they ended.
"""
import re

import pytest

from client import card, together

APPROVED = ['4242424242424242', '5555555555554444', '4000056655665556']
DECLINED = {'4000000000000002': 'card_declined', '4000000000009995': 'insufficient_funds',
            '4000000000000069': 'expired_card', '4000000000000127': 'incorrect_cvc'}
GATEWAY_ERROR, CHALLENGE = '4000000000000119', '4000002500003155'
CAPTURE_REFUSED, REFUND_FAILS = '4000000000000341', '4000000000005126'
LOST_APPROVED, LOST_ABSENT = '4000000000000259', '4000000000000267'
REFUND_LOST = '4000000000000275'
# What these two do when they are forgotten is in test_wallet.py.
KEPT_FOR_EVER, DEACTIVATE_LOST = '4000000000000309', '4000000000000317'


def pay(client, number):
    """(first answer, the payment in the end)"""
    answer = client.pay(number, prefer='wait=1')
    first = answer.expect(201, 202)
    settled = client.settles(first) if answer.status == 202 else client.read(first)
    return answer.status, first, settled


def pay_and_refund(client, number):
    """(first answer to the refund, the refund in the end, the payment in the end)"""
    payment = client.captured(number=number)
    answer = client.act(payment, 'refunds', {'amount': 400}, prefer='wait=1')
    first = answer.expect(201, 202)
    return answer.status, first, client.settles(first), client.read(payment)


@pytest.fixture(scope='module')
def stories(client):
    alone = APPROVED + list(DECLINED) + [GATEWAY_ERROR, CHALLENGE, CAPTURE_REFUSED, LOST_APPROVED,
                                         LOST_ABSENT, KEPT_FOR_EVER, DEACTIVATE_LOST]
    refunded = [REFUND_FAILS, REFUND_LOST]
    ends = together(*[lambda n=n: pay(client, n) for n in alone],
                    *[lambda n=n: pay_and_refund(client, n) for n in refunded])
    return dict(zip(alone + refunded, ends))


def test_the_table_of_the_contract_is_what_is_tested(contract):
    text = next(t['description'] for t in contract.document['tags'] if t['name'] == 'Payments')
    listed = set(re.findall(r'[0-9]{16}', text))
    assert listed == {*APPROVED, *DECLINED, GATEWAY_ERROR, CHALLENGE, CAPTURE_REFUSED, REFUND_FAILS,
                      LOST_APPROVED, LOST_ABSENT, REFUND_LOST, KEPT_FOR_EVER, DEACTIVATE_LOST}


@pytest.mark.parametrize('number', APPROVED + [KEPT_FOR_EVER, DEACTIVATE_LOST])
def test_approved(stories, number):
    status, first, payment = stories[number]
    assert status == 201 and first == payment
    assert payment['status'] == 'captured' and payment['payment_method']['last4'] == number[-4:]


@pytest.mark.parametrize('number,code', DECLINED.items())
def test_declined(stories, number, code):
    status, first, payment = stories[number]
    assert status == 201 and first == payment
    assert payment['status'] == 'failed' and payment['actions'] == []
    assert (payment['failure']['type'], payment['failure']['code']) == ('declined', code)
    assert payment['failure']['gateway_code']


def test_a_certain_gateway_error_is_a_failure(stories):
    status, _, payment = stories[GATEWAY_ERROR]
    assert status == 201 and payment['status'] == 'failed'
    assert payment['failure']['type'] == 'gateway_error'


def test_challenge(stories):
    status, _, payment = stories[CHALLENGE]
    assert status == 201 and payment['status'] == 'requires_action'
    assert payment['next_action']['type'] == 'challenge'
    assert payment['actions'] == ['cancel'] and payment['expires_at'] is not None


def test_capture_refused_ends_at_authorized(stories, client):
    status, _, payment = stories[CAPTURE_REFUSED]
    assert status == 201 and payment['status'] == 'authorized'
    assert payment['failure']['type'] == 'gateway_error' and payment['amount_captured'] == 0
    assert payment['actions'] == ['capture', 'cancel']
    types = [e['type'] for e in client.pages('/v1/payments/%s/events' % payment['id'])]
    assert types[-3:] == ['payment.authorized', 'payment.capturing', 'payment.capture_failed']


def test_refund_fails_and_its_amount_is_free_again(stories):
    status, first, refund, payment = stories[REFUND_FAILS]
    assert status == 201 and first == refund
    assert refund['status'] == 'failed' and refund['failure']['code']
    assert (payment['amount_refunded'], payment['amount_refundable']) == (0, 1250)


def test_a_lost_approval_is_found_by_asking(stories, client):
    status, first, payment = stories[LOST_APPROVED]
    assert status == 202 and first['status'] == 'authorizing' and first['failure'] is None
    assert payment['status'] == 'captured'
    authorize, capture = client.pages('/v1/payments/%s/operations' % payment['id'])
    assert [(a['call'], a['outcome']) for a in authorize['attempts']] == [
        ('authorize', 'unknown'), ('enquire', 'approved')]
    assert authorize['attempts'][0]['http_status'] is None
    assert authorize['state'] == capture['state'] == 'succeeded'


def test_a_request_that_the_gateway_never_saw_is_not_repeated(stories, client):
    status, first, payment = stories[LOST_ABSENT]
    assert status == 202 and first['status'] == 'authorizing' and first['failure'] is None
    assert payment['status'] == 'failed'
    failure = payment['failure']
    assert (failure['type'], failure['code']) == ('gateway_error', 'interrupted')
    authorize, = client.pages('/v1/payments/%s/operations' % payment['id'])
    assert authorize['state'] == 'not_sent'
    assert [a['call'] for a in authorize['attempts']].count('authorize') == 1


def test_a_lost_refund_keeps_its_amount_and_is_found(stories, client):
    status, first, refund, payment = stories[REFUND_LOST]
    assert status == 202 and first['status'] == 'pending'
    assert refund['status'] == 'succeeded'
    assert (payment['amount_refunded'], payment['amount_refundable']) == (400, 850)
    operation = client.pages('/v1/payments/%s/operations' % payment['id'])[-1]
    assert [(a['call'], a['outcome']) for a in operation['attempts']] == [
        ('refund', 'unknown'), ('enquire', 'approved')]


def test_a_pending_refund_reserves_its_amount(client):
    payment = client.captured(number=REFUND_LOST, amount=1000)
    refund = client.act(payment, 'refunds', {'amount': 600}, prefer='respond-async').expect(202)
    pending = client.read(payment)
    assert (pending['amount_refundable'], pending['amount_refunded']) == (400, 0)
    assert pending['actions'] == []
    problem = client.act(payment, 'refunds', {'amount': 400}).refused('operation_in_progress')
    assert problem['retryable'] is True
    assert client.settles(refund)['status'] == 'succeeded'
    assert client.read(payment)['actions'] == ['refund']


@pytest.mark.parametrize('change,param', [
    (dict(number='4242424242424241'), 'payment_method.card.number'),
    (dict(number='42424242424241'), 'payment_method.card.number'),
    (dict(number='4242 4242 4242 4242'), 'payment_method.card.number'),
    (dict(number=None), 'payment_method.card.number'),
    (dict(number=4242424242424242), 'payment_method.card.number'),
    (dict(exp_month=0), 'payment_method.card.exp_month'),
    (dict(exp_month=13), 'payment_method.card.exp_month'),
    (dict(exp_month='12'), 'payment_method.card.exp_month'),
    (dict(exp_year=34), 'payment_method.card.exp_year'),
    (dict(exp_year=None), 'payment_method.card.exp_year'),
    (dict(cvc='12'), 'payment_method.card.cvc'),
    (dict(cvc='12345'), 'payment_method.card.cvc'),
    (dict(cvc='12a'), 'payment_method.card.cvc'),
    (dict(cvc=123), 'payment_method.card.cvc'),
    (dict(cvc=None), 'payment_method.card.cvc'),
    (dict(holder_name='N' * 101), 'payment_method.card.holder_name'),
])
def test_card_details_are_checked_before_anything_is_stored(client, change, param):
    before = client.get('/v1/payments', limit=1).expect(200)['data']
    client.pay(payment_method=card(**change)).refused('validation_failed', param)
    assert client.get('/v1/payments', limit=1).expect(200)['data'] == before


def test_an_expired_card(client):
    problem = client.pay(payment_method=card(exp_month=1, exp_year=2020)) \
        .refused('validation_failed')
    assert problem['param'].startswith('payment_method.card.exp')
