"""Hyperswitch's API: payments, refunds, lists, webhooks, the payment link's page."""
import hashlib
import hmac
import json
import time
import urllib.parse

import pytest

import hyperswitch_facts as facts
from simulator import HASH_KEY


def good(answer):
    assert answer.status == 200, answer.body
    facts.check_payment(answer.json)
    return answer.json


def test_created_confirmed_captured(sim, hyper):
    made = good(hyper.create(6540, capture_method='manual', description='Tea',
                             metadata={'order': '7'}, return_url='https://shop.test/'))
    assert made['status'] == 'requires_payment_method' and made['amount_received'] is None
    assert made['client_secret'].startswith(made['payment_id'] + '_secret_')
    assert (made['description'], made['metadata']) == ('Tea', {'order': '7'})
    path = '/payments/' + made['payment_id']
    held = good(hyper.call('POST', path + '/confirm', {'payment_token': 'x'}))
    assert held['status'] == 'requires_capture' and held['amount_capturable'] == 6540
    assert sim.effects() == [('authorize', 6540, 'merchant')]
    taken = good(hyper.call('POST', path + '/capture', {}))
    assert (taken['status'], taken['amount_received'], taken['amount_capturable']) == \
        ('succeeded', 6540, 0)
    assert sim.effects()[1:] == [('capture', 6540, 'merchant')]
    assert good(hyper.get(made['payment_id'])) == taken


def test_automatic_takes_at_once(sim, hyper):
    paid = hyper.paid(1000)
    facts.check_payment(paid)
    assert paid['status'] == 'succeeded' and paid['connector_transaction_id']
    assert sim.effects() == [('authorize', 1000, 'merchant'), ('capture', 1000, 'merchant')]


@pytest.mark.parametrize('method, status, capturable', [
    ('manual', 'partially_captured', 0),
    ('manual_multiple', 'partially_captured_and_capturable', 600)])
def test_a_part_is_captured(hyper, method, status, capturable):
    paid = hyper.paid(1000, capture_method=method)
    path = f"/payments/{paid['payment_id']}/capture"
    part = good(hyper.call('POST', path, {'amount_to_capture': 400}))
    assert (part['status'], part['amount_received'], part['amount_capturable']) == \
        (status, 400, capturable)
    again = hyper.call('POST', path, {'amount_to_capture': 600})
    if capturable:
        assert good(again)['status'] == 'succeeded'
        expanded = hyper.get(paid['payment_id'], '?expand_captures=true&expand_attempts=true').json
        assert len(expanded['captures']) == 2 and len(expanded['attempts']) == 1
    else:
        facts.check_error(again, 'IR_14')


def test_cancel_before_and_after_the_hold(sim, hyper):
    for members in ({}, {'confirm': True, 'payment_token': 'x', 'capture_method': 'manual'}):
        made = good(hyper.create(500, **members))
        gone = good(hyper.call('POST', f"/payments/{made['payment_id']}/cancel",
                               {'cancellation_reason': 'abandoned'}))
        assert (gone['status'], gone['cancellation_reason']) == ('cancelled', 'abandoned')
        assert gone['amount_capturable'] == 0
    assert [kind for kind, _, _ in sim.effects()] == ['authorize', 'void']


@pytest.mark.parametrize('call', ['cancel', 'confirm', 'capture'])
def test_a_finished_payment_stays_finished(sim, hyper, call):
    paid = hyper.paid()
    before = sim.effects()
    answer = hyper.call('POST', f"/payments/{paid['payment_id']}/{call}", {'payment_token': 'x'})
    facts.check_error(answer, 'IR_14' if call == 'capture' else 'IR_16')
    assert sim.effects() == before


def test_an_id_is_used_once(sim, hyper):
    first = hyper.paid(1000)
    again = hyper.call('POST', '/payments', {'amount': 2000, 'currency': 'EUR',
                                             'payment_id': first['payment_id']})
    facts.check_error(again, 'HE_01')
    assert first['payment_id'] in again.json['error']['reason']
    assert good(hyper.get(first['payment_id']))['amount'] == 1000
    refund = hyper.refund(first['payment_id'], 100).json
    facts.check_error(hyper.refund(first['payment_id'], 200, refund_id=refund['refund_id']),
                      'HE_01')
    assert len(sim.ledger('refund')) == 1


def test_ids_are_made_when_none_is_given(hyper):
    made = hyper.call('POST', '/payments', {'amount': 1, 'currency': 'USD', 'confirm': True,
                                            'payment_token': 'x'}).json
    assert made['payment_id'].startswith('pay_')
    refund = hyper.call('POST', '/refunds', {'payment_id': made['payment_id']}).json
    assert refund['refund_id'].startswith('ref_') and refund['amount'] == 1


@pytest.mark.parametrize('body, code', [
    ({}, 'IR_04'), ({'amount': 1}, 'IR_04'), ({'currency': 'EUR'}, 'IR_04'),
    ({'amount': '1', 'currency': 'EUR'}, 'IR_06'), ({'amount': 1.5, 'currency': 'EUR'}, 'IR_06'),
    ({'amount': -1, 'currency': 'EUR'}, 'IR_06'), ({'amount': 1, 'currency': 'eur'}, 'IR_06'),
    ({'amount': 1, 'currency': 'EUR', 'surprise': 1}, 'IR_06'),
    ({'amount': 1, 'currency': 'EUR', 'capture_method': 'later'}, 'IR_06'),
    ({'amount': 1, 'currency': 'EUR', 'payment_id': 'a b'}, 'IR_05'),
    ({'amount': 1, 'currency': 'EUR', 'payment_id': 'x' * 65}, 'IR_05'),
    ({'amount': 1, 'currency': 'EUR', 'confirm': True}, 'IR_04')])
def test_wrong_creations(hyper, body, code):
    answer = hyper.call('POST', '/payments', body)
    assert 400 <= answer.status < 500
    facts.check_error(answer, code)


def test_what_is_no_json(sim, hyper):
    answer = sim.call('POST', '/payments', '{', {'api-key': 'snd_sim_key'})
    facts.check_error(answer, 'IR_06')


@pytest.mark.parametrize('method, path', [
    ('POST', '/payments'), ('GET', '/payments/x'), ('POST', '/payments/x'),
    ('POST', '/payments/x/confirm'), ('POST', '/payments/x/capture'),
    ('POST', '/payments/x/cancel'), ('POST', '/refunds'), ('GET', '/refunds/x'),
    ('GET', '/payments/list'), ('POST', '/payments/list'), ('POST', '/refunds/list')])
def test_every_call_wants_the_key(hyper, method, path):
    answer = hyper.call(method, path, {} if method == 'POST' else None, key='wrong')
    assert answer.status == 401
    facts.check_error(answer, 'IR_01')


@pytest.mark.parametrize('method, path', [
    ('GET', '/payments/x'), ('POST', '/payments/x/confirm'), ('POST', '/payments/x/capture'),
    ('POST', '/payments/x/cancel'), ('GET', '/refunds/x')])
def test_what_is_not_there(hyper, method, path):
    answer = hyper.call(method, path, {} if method == 'POST' else None)
    facts.check_error(answer, 'HE_02')
    assert answer.headers['x-request-id']


def test_an_update_changes_what_was_not_paid(hyper):
    made = hyper.create(1000).json
    path = '/payments/' + made['payment_id']
    changed = good(hyper.call('POST', path, {'amount': 900, 'description': 'less'}))
    assert (changed['amount'], changed['description']) == (900, 'less')
    facts.check_error(hyper.call('POST', path, {'surprise': 1}), 'IR_06')
    good(hyper.call('POST', path + '/confirm', {'payment_token': 'x'}))
    facts.check_error(hyper.call('POST', path, {'amount': 1}), 'IR_16')


@pytest.mark.parametrize('number, status, code', [
    ('4242424242424242', 'succeeded', None), ('4000000000000002', 'failed', 'card_declined'),
    ('4000000000009995', 'failed', 'insufficient_funds'),
    ('4000003800000446', 'requires_customer_action', None)])
def test_cards_of_the_dummy_connector(sim, hyper, number, status, code):
    answer = good(hyper.create(100, confirm=True, payment_method='card', payment_method_data={
        'card': {'card_number': number, 'card_exp_month': '10', 'card_exp_year': '30'}}))
    assert (answer['status'], answer['error_code']) == (status, code)
    with open(sim.ledger_file, encoding='utf-8') as file:
        assert number not in file.read()


def test_a_failed_payment_can_be_confirmed_again(hyper):
    made = hyper.create(100, confirm=True, payment_method_data={
        'card': {'card_number': '4000000000000002'}}).json
    again = good(hyper.call('POST', f"/payments/{made['payment_id']}/confirm",
                            {'payment_token': 'x'}))
    assert (again['status'], again['attempt_count']) == ('succeeded', 2)


def test_a_payment_expires(sim, hyper):
    made = hyper.create(100, session_expiry=0).json
    answer = hyper.call('POST', f"/payments/{made['payment_id']}/confirm", {'payment_token': 'x'})
    facts.check_error(answer, 'IR_08')
    assert 'expired' in sim.sim('pay', gateway='hyperswitch', payment_id=made['payment_id'],
                                action='approve')['error']


@pytest.mark.parametrize('status', facts.INTENT_STATUS)
def test_every_state_can_be_shown(sim, hyper, status):
    made = hyper.create(1000).json
    shown = sim.sim('outsider', gateway='hyperswitch', payment_id=made['payment_id'],
                    action='set_status', status=status)
    facts.check_payment(shown)
    assert good(hyper.get(made['payment_id']))['status'] == status


def test_a_word_that_no_document_has(sim, hyper):
    made = hyper.create().json
    sim.sim('outsider', gateway='hyperswitch', payment_id=made['payment_id'], action='set_status',
            status='pondering')
    assert hyper.get(made['payment_id']).json['status'] == 'pondering'


# Refunds.

def refunded(answer):
    assert answer.status == 200, answer.body
    facts.check_refund(answer.json)
    return answer.json


def test_refunds_add_up_to_what_was_captured(sim, hyper):
    paid = hyper.paid(1000)
    first = refunded(hyper.refund(paid['payment_id'], 300, reason='requested_by_customer'))
    assert (first['status'], first['amount'], first['reason']) == \
        ('succeeded', 300, 'requested_by_customer')
    facts.check_error(hyper.refund(paid['payment_id'], 701), 'IR_13')
    refunded(hyper.refund(paid['payment_id'], 700))
    facts.check_error(hyper.refund(paid['payment_id'], 1), 'IR_13')
    shown = good(hyper.get(paid['payment_id']))
    assert [refund['amount'] for refund in shown['refunds']] == [300, 700]
    assert sim.effects()[2:] == [('refund', 300, 'merchant'), ('refund', 700, 'merchant')]
    assert [line['wrong'] for line in sim.ledger('refused')] == ['over_refund', 'over_refund']
    assert refunded(hyper.call('GET', '/refunds/' + first['refund_id'])) == first


def test_a_refund_needs_a_captured_payment(sim, hyper):
    held = hyper.paid(1000, capture_method='manual')
    facts.check_error(hyper.refund(held['payment_id']), 'IR_14')
    assert sim.ledger('refused')[0]['wrong'] == 'refund_without_capture'
    facts.check_error(hyper.refund('pay_none'), 'HE_02')


@pytest.mark.parametrize('body, code', [
    ({}, 'IR_06'), ({'amount': 1.5}, 'IR_06'), ({'amount': 0}, 'IR_05'),
    ({'surprise': 1}, 'IR_06')])
def test_wrong_refunds(hyper, body, code):
    paid = hyper.paid()
    if body:
        body = {'payment_id': paid['payment_id'], **body}
    facts.check_error(hyper.call('POST', '/refunds', body), code)


def test_refunds_are_counted(sim, hyper):
    sim.sim('settings', refund_attempts=2)
    paid = hyper.paid(1000)
    for _ in range(2):
        refunded(hyper.refund(paid['payment_id'], 1))
    facts.check_error(hyper.refund(paid['payment_id'], 1), 'IR_12')


@pytest.mark.parametrize('first', ['pending', 'review'])
@pytest.mark.parametrize('last', ['succeeded', 'failed'])
def test_a_refund_may_end_later(sim, hyper, first, last):
    sim.plan('outcome', call='refund_create', word=first)
    paid = hyper.paid(1000)
    refund = refunded(hyper.refund(paid['payment_id'], 600))
    assert refund['status'] == first and len(sim.effects()) == 2
    facts.check_error(hyper.refund(paid['payment_id'], 600), 'IR_13')   # it is reserved
    ended = sim.sim('outsider', gateway='hyperswitch', refund_id=refund['refund_id'],
                    status=last, code='' if last == 'succeeded' else 'no_funds')
    facts.check_refund(ended)
    assert ended['status'] == last
    assert sim.effects()[2:] == ([('refund', 600, 'merchant')] if last == 'succeeded' else [])
    assert hyper.refund(paid['payment_id'], 600).status == (400 if last == 'succeeded' else 200)


def test_a_bank_can_take_its_word_back(sim, hyper):
    paid = hyper.paid(1000)
    refund = refunded(hyper.refund(paid['payment_id'], 600))
    sim.sim('outsider', gateway='hyperswitch', refund_id=refund['refund_id'], status='failed')
    sim.sim('outsider', gateway='hyperswitch', refund_id=refund['refund_id'], status='succeeded')
    assert [kind for kind, _, _ in sim.effects()[2:]] == ['refund', 'refund_reversed', 'refund']


# Lists.

def test_payments_are_listed_newest_first(hyper):
    ids = [hyper.paid(100 + i)['payment_id'] for i in range(12)]
    old = hyper.call('GET', '/payments/list?limit=5&offset=2').json
    assert old['size'] == 5
    assert [item['payment_id'] for item in old['data']] == ids[::-1][2:7]
    new = hyper.call('POST', '/payments/list', {'limit': 100}).json
    assert (new['count'], new['total_count']) == (12, 12)
    for item in new['data']:
        facts.check_payment(item)
    one = hyper.call('POST', '/payments/list', {'payment_id': ids[3], 'status': ['succeeded']})
    assert [item['payment_id'] for item in one.json['data']] == [ids[3]]
    assert hyper.call('POST', '/payments/list', {'status': ['failed']}).json['count'] == 0
    assert hyper.call('GET', '/payments/list').json['size'] == 10


def test_lists_know_when(hyper):
    hyper.paid()
    time.sleep(0.01)
    border = time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime()) + '.%03dZ' % (
        time.time() % 1 * 1000)
    time.sleep(0.01)
    paid = hyper.paid()
    refund = hyper.refund(paid['payment_id'], 1).json
    after = hyper.call('POST', '/payments/list', {'time_range': {'start_time': border}}).json
    assert [item['payment_id'] for item in after['data']] == [paid['payment_id']]
    before = hyper.call('GET', '/payments/list?created.lte=' + border).json
    assert before['size'] == 1
    refunds = hyper.call('POST', '/refunds/list', {'start_time': border}).json
    assert [item['refund_id'] for item in refunds['data']] == [refund['refund_id']]


def test_refunds_are_listed(hyper):
    paid = hyper.paid()
    made = [hyper.refund(paid['payment_id'], 1).json['refund_id'] for _ in range(3)]
    listed = hyper.call('POST', '/refunds/list', {'payment_id': paid['payment_id']}).json
    assert [item['refund_id'] for item in listed['data']] == made[::-1]
    assert (listed['count'], listed['total_count']) == (3, 3)
    one = hyper.call('POST', '/refunds/list', {'refund_id': made[1]}).json
    assert [item['refund_id'] for item in one['data']] == [made[1]]
    facts.check_refund(one['data'][0])


# What Hyperswitch knows, and what the processor behind it does.

def test_without_force_sync_it_answers_from_its_own_books(sim, hyper):
    held = hyper.paid(1000, capture_method='manual')
    sim.sim('outsider', gateway='hyperswitch', payment_id=held['payment_id'], action='capture',
            at='connector')
    assert good(hyper.get(held['payment_id']))['status'] == 'requires_capture'
    assert good(hyper.get(held['payment_id'], '?force_sync=false'))['status'] == 'requires_capture'
    assert good(hyper.get(held['payment_id'], '?force_sync=true'))['status'] == 'succeeded'
    assert good(hyper.get(held['payment_id']))['status'] == 'succeeded'


def test_a_finished_state_is_not_asked_about(sim, hyper):
    paid = hyper.create(100, confirm=True, payment_method_data={
        'card': {'card_number': '4000000000000002'}}).json
    sim.sim('outsider', gateway='hyperswitch', payment_id=paid['payment_id'], action='set_status',
            status='succeeded', at='connector')
    assert good(hyper.get(paid['payment_id'], '?force_sync=true'))['status'] == 'failed'
    sim.sim('outsider', gateway='hyperswitch', payment_id=paid['payment_id'], action='set_status',
            status='succeeded')
    assert good(hyper.get(paid['payment_id']))['status'] == 'succeeded'     # late success


def test_an_outsider_acts(sim, hyper):
    held = hyper.paid(1000, capture_method='manual')['payment_id']
    sim.sim('outsider', gateway='hyperswitch', payment_id=held, action='capture', amount=700)
    sim.sim('outsider', gateway='hyperswitch', payment_id=held, action='refund', amount=200)
    other = hyper.paid(1000, capture_method='manual')['payment_id']
    sim.sim('outsider', gateway='hyperswitch', payment_id=other, action='void')
    assert sim.effects(held)[1:] == [('capture', 700, 'outsider'), ('refund', 200, 'outsider')]
    assert sim.effects(other)[1:] == [('void', 1000, 'outsider')]
    assert good(hyper.get(held))['status'] == 'partially_captured'
    assert good(hyper.get(other))['status'] == 'cancelled'
    assert 'error' in sim.sim('outsider', gateway='hyperswitch', payment_id=held, action='dance')
    assert 'error' in sim.sim('outsider', gateway='hyperswitch', payment_id='no', action='void')
    assert 'error' in sim.sim('outsider', gateway='bank', payment_id=held, action='void')


# The payer.

def form(sim, path, **fields):
    return sim.call('POST', path, urllib.parse.urlencode(fields),
                    {'Content-Type': 'application/x-www-form-urlencoded'})


def test_the_payment_link_leads_to_a_page(sim, hyper):
    made = good(hyper.create(1000, payment_link=True, return_url='https://shop.test/r?x=1'))
    path = made['payment_link']['link'].removeprefix(sim.url)
    page = sim.call('GET', path)
    assert page.status == 200 and b'10.00 EUR' in page.body and b'<script' not in page.body
    assert form(sim, path, action='3d').status == 200
    waiting = good(hyper.get(made['payment_id']))
    assert waiting['status'] == 'requires_customer_action'
    assert waiting['next_action']['redirect_to_url'] == made['payment_link']['link']
    done = form(sim, path, action='approve')
    assert done.status == 303
    assert done.headers['Location'] == ('https://shop.test/r?x=1&payment_id='
                                        f"{made['payment_id']}&status=succeeded")
    assert sim.effects() == [('authorize', 1000, 'payer'), ('capture', 1000, 'payer')]
    assert form(sim, path, action='approve').status == 409
    assert sim.call('GET', '/payment_link/merchant_sim/none').status == 404


@pytest.mark.parametrize('action, status', [
    ('approve', 'requires_capture'), ('decline', 'failed'), ('3d', 'requires_customer_action'),
    ('abandon', 'requires_payment_method')])
def test_a_test_acts_as_the_payer(sim, hyper, action, status):
    made = hyper.create(1000, capture_method='manual').json
    shown = sim.sim('pay', gateway='hyperswitch', payment_id=made['payment_id'], action=action)
    facts.check_payment(shown)
    assert shown['status'] == status
    assert len(sim.effects()) == (1 if action == 'approve' else 0)
    assert 'error' in sim.sim('pay', gateway='hyperswitch', payment_id=made['payment_id'],
                              action='dance')


# Webhooks.

def events(receiver, count):
    got = receiver.wait(count)
    for value in got:
        facts.check_webhook(value)
    return got


def test_webhooks_are_signed_over_the_raw_bytes(sim, hyper, receiver):
    sim.sim('settings', webhook_url=receiver.url)
    paid = hyper.paid(1000, description='Чай "<\\>"')
    got = events(receiver, 1)[0]
    assert got['event_type'] == 'payment_succeeded'
    assert got['content']['object']['payment_id'] == paid['payment_id']
    _, headers, body = receiver.got[0]
    assert headers['x-webhook-signature-512'] == hmac.new(HASH_KEY, body,
                                                          hashlib.sha512).hexdigest()


def test_each_thing_that_happens_is_told_once(sim, hyper, receiver):
    sim.sim('settings', webhook_url=receiver.url, notify_ms=0)
    held = hyper.paid(1000, capture_method='manual')['payment_id']
    events(receiver, 1)
    hyper.call('POST', f'/payments/{held}/capture', {'amount_to_capture': 400})
    events(receiver, 2)
    hyper.refund(held, 100)
    events(receiver, 3)
    other = hyper.paid(1000, capture_method='manual')['payment_id']
    events(receiver, 4)
    hyper.call('POST', f'/payments/{other}/cancel', {})
    got = events(receiver, 5)
    assert [value['event_type'] for value in got] == [
        'payment_authorized', 'payment_captured', 'refund_succeeded', 'payment_authorized',
        'payment_cancelled']
    assert len({value['event_id'] for value in got}) == 5
    assert got[2]['content']['object']['payment_id'] == held


@pytest.mark.parametrize('status', [word for word in facts.INTENT_STATUS
                                    if word not in ('requires_payment_method',
                                                    'requires_confirmation',
                                                    'partially_captured_and_processing')])
def test_the_event_of_a_state(sim, hyper, receiver, status):
    sim.sim('settings', webhook_url=receiver.url, notify_ms=0)
    made = hyper.create(1000).json
    sim.sim('outsider', gateway='hyperswitch', payment_id=made['payment_id'], action='set_status',
            status=status)
    assert events(receiver, 1)[0]['content']['object']['status'] == status


def test_webhooks_are_repeated_until_they_are_taken(sim, hyper, receiver):
    sim.sim('settings', webhook_url=receiver.url, minute_ms=5, notify_ms=0)
    receiver.statuses = [500, 404, 302]
    hyper.paid()
    got = events(receiver, 4)
    assert len({value['event_id'] for value in got}) == 1
    assert len({body for _, _, body in receiver.got}) == 1      # the same bytes each time
    lines = sim.wait_for('notification', 4)
    assert [(line['attempt'], line['status']) for line in lines] == [
        (1, 500), (2, 404), (3, 302), (4, 200)]


def test_sixteen_repetitions_and_no_more(sim, hyper, receiver):
    sim.sim('settings', webhook_url=receiver.url, minute_ms=0, notify_ms=0)
    receiver.statuses = [500] * 30
    hyper.paid()
    sim.wait_for('notification', 17)
    time.sleep(0.1)
    assert len(receiver.got) == 17


def test_an_old_event_is_not_repeated(sim, hyper, receiver):
    sim.sim('settings', webhook_url=receiver.url, minute_ms=200, notify_ms=0)
    receiver.statuses = [500, 200]
    held = hyper.paid(1000, capture_method='manual')['payment_id']
    events(receiver, 1)
    hyper.call('POST', f'/payments/{held}/capture', {})
    events(receiver, 2)
    time.sleep(0.5)
    assert [json.loads(body)['event_type'] for _, _, body in receiver.got] == [
        'payment_authorized', 'payment_succeeded']
