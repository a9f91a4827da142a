"""Money back: whole, in parts, and never more than was captured."""
import itertools

import pytest

from client import together, until


def test_a_whole_refund(client):
    payment = client.captured()
    answer = client.act(payment, 'refunds', {'reason': 'Came too late'})
    refund = answer.expect(201)
    assert answer.headers['Location'].endswith('/v1/refunds/' + refund['id'])
    assert (refund['status'], refund['amount']) == ('succeeded', 1250)
    assert refund['reason'] == 'Came too late' and refund['payment'] == payment['id']
    assert refund['gateway_reference'] and refund['failure'] is None
    assert client.read(refund) == refund
    now = client.read(payment)
    assert now['status'] == 'captured' and now['actions'] == []
    assert (now['amount_refunded'], now['amount_refundable']) == (1250, 0)


def test_several_partial_refunds(client):
    payment = client.captured(amount=1000)
    refunds = [client.act(payment, 'refunds', {'amount': a}).expect(201) for a in (300, 300, 400)]
    assert client.pages('/v1/payments/%s/refunds' % payment['id']) == refunds[::-1]
    client.act(payment, 'refunds', {'amount': 1}).refused('refund_exceeds_captured', 'amount')
    client.act(payment, 'refunds').refused('refund_exceeds_captured', 'amount')


def test_the_rest_is_refunded_when_no_amount_is_given(client):
    payment = client.captured(amount=1000)
    client.act(payment, 'refunds', {'amount': 999}).expect(201)
    assert client.act(payment, 'refunds', {}).expect(201)['amount'] == 1


def test_not_more_than_was_captured(client):
    payment = client.authorized(amount=1000)
    client.act(payment, 'capture', {'amount': 600}).expect(200)
    client.act(payment, 'refunds', {'amount': 601}).refused('refund_exceeds_captured', 'amount')
    assert client.act(payment, 'refunds').expect(201)['amount'] == 600


def test_only_a_captured_payment_is_refunded(client):
    for payment in (client.authorized(), client.pay(None).expect(201),
                    client.pay('4000000000000002').expect(201)):
        client.act(payment, 'refunds').refused('state_conflict')


def test_a_precondition_guards_against_a_colleague(client):
    payment = client.captured(amount=1000)
    client.act(payment, 'refunds', {'amount': 100, 'expected_refundable': 1000}).expect(201)
    client.act(payment, 'refunds', {'amount': 100, 'expected_refundable': 1000}) \
        .refused('precondition_failed', 'expected_refundable')
    client.act(payment, 'refunds', {'amount': 100, 'expected_refundable': 900}).expect(201)


def test_a_refund_is_two_events_of_the_payment(client):
    payment = client.captured()
    refund = client.act(payment, 'refunds', {'amount': 5}).expect(201)
    created, succeeded = client.pages('/v1/payments/%s/events' % payment['id'])[-2:]
    assert [created['type'], succeeded['type']] == ['refund.created', 'refund.succeeded']
    assert created['refund'] == succeeded['refund'] == refund['id']
    assert created['data']['status'] == 'pending' and succeeded['data'] == refund
    assert (created['version'], succeeded['version']) == (6, 7)
    assert client.read(payment)['version'] == 7


def insist(client, payment, body, seconds=30):
    """A refund's last word: asked again with the same key while another one is on its way."""
    key = 'insist-%s-%d' % (payment['id'], next(insist.count))

    def answered():
        answer = client.act(payment, 'refunds', body, key=key)
        if answer.status == 409:
            assert answer.json['code'] in ('operation_in_progress', 'idempotency_in_flight')
            return None
        return answer if answer.status != 202 else None
    return until(answered, seconds, 'a refund of %s' % payment['id'])


insist.count = itertools.count()


@pytest.mark.parametrize('amount,of', [(10000, 1250), (1250, 700), (1000, 16)])
def test_64_refunds_at_once_never_exceed_the_capture(client, amount, of):
    """I2 and I3: in our books and in the sandbox's own ledger, which accepts what is wrong."""
    payment = client.captured(amount=amount)
    answers = together(*[lambda: insist(client, payment, {'amount': of}) for _ in range(64)])
    done = [a.json for a in answers if a.status == 201]
    refused = [a for a in answers if a.status != 201]
    assert all(r['status'] == 'succeeded' for r in done)
    assert len(done) == min(64, amount // of)
    for answer in refused:
        answer.refused('refund_exceeds_captured', 'amount')
    now = client.read(payment)
    assert now['amount_refunded'] == len(done) * of
    assert now['amount_refundable'] == amount - len(done) * of
    assert client.moved_at_gateway(payment)['refund'] == len(done) * of


def test_64_refunds_of_64_payments_do_not_wait_for_each_other(client):
    payments = together(*[lambda: client.captured() for _ in range(64)])
    refunds = together(*[lambda p=p: client.act(p, 'refunds') for p in payments])
    assert [r.expect(201)['status'] for r in refunds] == ['succeeded'] * 64
