"""One key, one effect: however often, and at the same time, a request is repeated."""
import uuid

import pytest

from client import card, together, until

NEW = {'amount': 1250, 'currency': 'EUR', 'payment_method': card()}


def fresh():
    return 'test-' + str(uuid.uuid4())


def replayed(answer):
    return answer.headers.get('Idempotent-Replayed') == 'true'


def test_the_same_answer_byte_for_byte(client):
    key = fresh()
    first = client.post('/v1/payments', NEW, key=key, prefer='wait=20')
    again = [client.post('/v1/payments', NEW, key=key) for _ in range(3)]
    assert first.expect(201)['status'] == 'captured' and not replayed(first)
    for answer in again:
        assert (answer.status, answer.raw, replayed(answer)) == (201, first.raw, True)


def test_the_answer_does_not_age(client):
    """It is the one recorded then, also after the payment has moved on."""
    key = fresh()
    first = client.post('/v1/payments', NEW, key=key, prefer='wait=20')
    client.act(first.expect(201), 'refunds').expect(201)
    assert client.post('/v1/payments', NEW, key=key).raw == first.raw


@pytest.mark.parametrize('number', ['4000000000000002', '4000000000000119', '4000002500003155'])
def test_what_the_bank_decided_is_recorded_too(client, number):
    key, body = fresh(), dict(NEW, payment_method=card(number))
    first = client.post('/v1/payments', body, key=key, prefer='wait=20')
    first.expect(201)
    again = client.post('/v1/payments', body, key=key)
    assert (again.status, again.raw, replayed(again)) == (201, first.raw, True)


def test_every_call_that_moves_money(client):
    payment = client.authorized()
    for action, body in (('capture', {'amount': 900}), ('refunds', {'amount': 300})):
        key = fresh()
        first = client.act(payment, action, body, key=key)
        first.expect(200, 201)
        again = client.act(payment, action, body, key=key)
        assert (again.status, again.raw, replayed(again)) == (first.status, first.raw, True)
    assert client.read(payment)['amount_refunded'] == 300
    other, key = client.authorized(), fresh()
    first = client.act(other, 'cancel', key=key)
    assert client.act(other, 'cancel', key=key).raw == first.raw
    waiting, key = client.pay(None).expect(201), fresh()
    first = client.act(waiting, 'confirm', {'payment_method': card()}, key=key)
    again = client.act(waiting, 'confirm', {'payment_method': card()}, key=key)
    assert again.raw == first.raw and first.expect(200)['status'] == 'captured'


def test_calls_that_move_none(client):
    owed, key = {'amount': 7, 'currency': 'EUR'}, fresh()
    first = client.post('/v1/invoices', owed, key=key)
    again = client.post('/v1/invoices', owed, key=key)
    assert (again.status, again.raw, replayed(again)) == (201, first.raw, True)
    where = '/v1/invoices/%s/cancel' % first.json['id']
    key = fresh()
    first = client.post(where, key=key)
    again = client.post(where, key=key)
    assert (again.status, again.raw, replayed(again)) == (200, first.raw, True)
    key = fresh()
    first = client.post('/v1/gateway_accounts', {'gateway': 'sandbox'}, key=key)
    again = client.post('/v1/gateway_accounts', {'gateway': 'sandbox'}, key=key)
    assert (again.status, again.raw, replayed(again)) == (201, first.raw, True)


def test_a_new_api_key_is_shown_once(client):
    key = fresh()
    first = client.post('/v1/api_keys', {'scopes': ['read']}, key=key).expect(201)
    again = client.post('/v1/api_keys', {'scopes': ['read']}, key=key)
    assert first['key'] and replayed(again)
    assert again.expect(201) == dict(first, key=None)


def test_another_body_is_another_request(client):
    key = fresh()
    first = client.post('/v1/payments', NEW, key=key, prefer='wait=20').expect(201)
    client.post('/v1/payments', dict(NEW, amount=1251), key=key).refused('idempotency_mismatch')
    client.post('/v1/payments', dict(NEW, reference='r'), key=key).refused('idempotency_mismatch')
    assert client.post('/v1/payments', NEW, key=key).expect(201) == first


def test_another_route_is_another_request(client):
    key, owed = fresh(), {'amount': 7, 'currency': 'EUR'}
    client.post('/v1/invoices', owed, key=key).expect(201)
    client.post('/v1/payments', owed, key=key).refused('idempotency_mismatch')
    one, two, key = client.authorized(), client.authorized(), fresh()
    client.act(one, 'capture', key=key).expect(200)
    client.act(two, 'capture', key=key).refused('idempotency_mismatch')
    client.act(one, 'cancel', key=key).refused('idempotency_mismatch')
    assert client.read(two)['status'] == 'authorized'


def test_a_key_belongs_to_its_merchant_and_mode(client, stranger, live):
    key, owed = fresh(), {'amount': 7, 'currency': 'EUR'}
    made = [c.post('/v1/invoices', owed, key=key).expect(201) for c in (client, stranger, live)]
    assert len({invoice['id'] for invoice in made}) == 3


def test_32_at_the_same_time_have_one_effect(client):
    key, body = fresh(), dict(NEW, reference='at-once-' + fresh())
    answers = together(*[lambda: client.post('/v1/payments', body, key=key) for _ in range(32)])
    for answer in answers:
        if answer.status == 409:
            answer.refused('idempotency_in_flight')
        else:
            answer.expect(201, 202)
    made = client.pages('/v1/payments', reference=body['reference'])
    assert len(made) == 1
    assert {a.json['id'] for a in answers if a.status != 409} == {made[0]['id']}
    final = until(lambda: next((a for a in [client.post('/v1/payments', body, key=key)]
                                if a.status == 201), None), 10, 'a recorded answer')
    assert final.json['status'] == 'captured' and replayed(final)
    assert {a.raw for a in answers if a.status == 201} <= {final.raw}
    assert client.moved_at_gateway(made[0]) == {'authorize': 1250, 'capture': 1250}


def test_32_captures_at_the_same_time_with_32_keys_have_one_effect(client):
    payment = client.authorized(amount=1000)
    answers = together(*[lambda: client.act(payment, 'capture', {'amount': 100})
                         for _ in range(32)])
    done = [a for a in answers if a.status == 200]
    assert len(done) == 1
    for answer in answers:
        if answer.status != 200:
            assert answer.status == 409
            assert answer.json['code'] in ('state_conflict', 'operation_in_progress')
    assert client.read(payment)['amount_captured'] == 100


def test_a_refusal_leaves_the_key_free(client):
    """The statuses after which the same key may be used for what was meant."""
    key = fresh()
    client.post('/v1/payments', b'{"amount": ', key=key).refused('malformed_json')
    client.post('/v1/payments', dict(NEW, amount=0), key=key).refused('validation_failed')
    client.post('/v1/payments', dict(NEW, amuont=1), key=key).refused('unknown_member')
    client.with_key('psk_test_wrong').post('/v1/payments', NEW, key=key).refused('unauthenticated')
    client.post('/v1/payments', dict(NEW, invoice='inv_01k1jqvz5tfw8axd0x2r0yhgb2'), key=key) \
        .refused('not_found')
    client.act(client.captured(), 'capture', key=key).refused('state_conflict')
    client.act(client.captured(), 'refunds', {'expected_refundable': 1}, key=key) \
        .refused('precondition_failed')
    client.act(client.captured(), 'refunds', {'amount': 9999}, key=key) \
        .refused('refund_exceeds_captured')
    answer = client.post('/v1/payments', NEW, key=key)
    assert answer.expect(201, 202) and not replayed(answer)


@pytest.mark.parametrize('action', ['confirm', 'capture', 'cancel', 'refunds'])
def test_it_is_required_where_money_may_move(client, action):
    payment = client.authorized()
    client.post('/v1/payments/%s/%s' % (payment['id'], action), {}, key=False) \
        .refused('idempotency_key_required')
    client.post('/v1/payments', NEW, key=False).refused('idempotency_key_required')


def test_it_is_optional_elsewhere(client):
    owed = {'amount': 7, 'currency': 'EUR'}
    made = [client.post('/v1/invoices', owed, key=False).expect(201) for _ in range(2)]
    assert made[0]['id'] != made[1]['id']


@pytest.mark.parametrize('key', ['a' * 256, 'with space', 'tab\there', 'caf\xe9', ''])
def test_what_is_no_key(client, key):
    answer = client.post('/v1/payments', NEW, key=False, headers={'Idempotency-Key': key})
    assert answer.status == 400
    assert answer.json['code'] in ('invalid_idempotency_key', 'idempotency_key_required')


def test_what_is_a_key(client):
    for key in ('a' * 255, '!~"#$%&\'()*+,-./:;<=>?@[]^_`{|}', fresh()):
        client.post('/v1/invoices', {'amount': 7, 'currency': 'EUR'}, key=key).expect(201)


def test_a_lost_answer_can_be_asked_for_later(client):
    """202 while the gateway is silent; the recorded answer afterwards."""
    key, body = fresh(), dict(NEW, payment_method=card('4000000000000259'))
    first = client.post('/v1/payments', body, key=key, prefer='wait=1').expect(202)
    again = client.post('/v1/payments', body, key=key, prefer='respond-async').expect(202)
    assert again['id'] == first['id']
    final = client.post('/v1/payments', body, key=key, prefer='wait=20')
    assert final.expect(201)['status'] == 'captured'
    replay = client.post('/v1/payments', body, key=key)
    assert (replay.raw, replayed(replay)) == (final.raw, True)
