"""Every fault of the plan does what its line in --help says, and nothing else."""
import email.utils
import hashlib
import hmac
import http.client
import json
import time

import pytest

import hyperswitch_facts as facts
from simulator import Dropped, HASH_KEY, TWO_STEP, Epay, Receiver, bearer, table

FAULTS = [words[0] for words in table('Faults:')]
MAGIC = table('Magic amounts')

# Of the stage REPLY, with what the caller sees and whether the effect happens by itself.
REPLACED = {
    'accept_then_drop_reply': (Dropped, True), 'drop_before': (Dropped, False),
    'cut_reply': (Dropped, True), 'http_401': (401, False), 'token_expired': (401, False),
    'http_429': (429, False), 'locked': (429, False), 'locked_422': (None, False),
    'http_500': (500, False), 'http_503': (503, False), 'maintenance': (503, False),
    'error_code': (None, False), 'empty_200': (200, True), 'truncated_json': (200, True),
    'not_json': (200, True)}


class Charge:
    """A capture at the bank: one call with one effect."""

    gateway, call = 'epayment', 'charge'

    def __init__(self, sim):
        self.sim, self.epay = sim, Epay(sim, TWO_STEP)
        self.reference, self.tx = self.epay.paid('100')

    def send(self):
        return self.epay.operation(self.tx, 'charge')


class Capture:
    """The same at Hyperswitch."""

    gateway, call = 'hyperswitch', 'payment_capture'

    def __init__(self, sim):
        from simulator import Hyper
        self.sim, self.hyper = sim, Hyper(sim)
        self.reference = self.hyper.paid(10000, capture_method='manual')['payment_id']

    def send(self):
        return self.hyper.call('POST', f'/payments/{self.reference}/capture', {})


def outcome(subject):
    try:
        return subject.send()
    except Dropped:
        return Dropped


def captured(subject):
    return [kind for kind, _, _ in subject.sim.effects(subject.reference)].count('capture') == 1


def seen(answer):
    return answer if answer is Dropped else answer.status


@pytest.mark.parametrize('subject', [Charge, Capture])
@pytest.mark.parametrize('fault', REPLACED)
def test_the_reply_is_replaced_once(sim, subject, fault):
    wanted, effect = REPLACED[fault]
    subject = subject(sim)
    sim.plan(fault, gateway=subject.gateway, call=subject.call, code='CE_03')
    first = outcome(subject)
    reply = sim.last_reply()        # the ledger knows it
    assert reply['faults'] == [fault] and reply['performed'] is effect
    assert captured(subject) is effect
    if wanted is not None:
        assert seen(first) == wanted
    else:
        assert first.status >= 400
    if fault == 'token_expired' and subject.gateway == 'epayment':
        subject.epay.token = subject.epay.login()
    second = subject.send()         # and the plan is used up
    assert second.status == (400 if effect else 200)
    assert captured(subject)


@pytest.mark.parametrize('subject', [Charge, Capture])
@pytest.mark.parametrize('effect', [False, True])
@pytest.mark.parametrize('fault', [name for name in REPLACED
                                   if name not in ('accept_then_drop_reply', 'drop_before')])
def test_the_effect_can_be_chosen(sim, subject, fault, effect):
    subject = subject(sim)
    sim.plan(fault, call=subject.call, effect=effect)
    outcome(subject)
    assert captured(subject) is effect


@pytest.mark.parametrize('subject', [Charge, Capture])
def test_replies_that_are_no_answer(sim, subject):
    subject = subject(sim)
    sim.plan('empty_200', call='capture', effect=False)
    assert subject.send().body == b''
    sim.plan('not_json', call='capture', effect=False)
    answer = subject.send()
    assert answer.status == 200 and answer.body.startswith(b'<!doctype html>')
    sim.plan('maintenance', call='capture')
    answer = subject.send()
    assert (answer.status, answer.headers['Retry-After']) == (503, '30')
    assert answer.headers['Content-Type'] == 'text/html'
    sim.plan('truncated_json', call='capture')
    answer = subject.send()
    assert len(answer.body) == int(answer.headers['Content-Length'])
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.body)


def test_a_cut_reply_promises_more_than_it_gives(sim):
    subject = Capture(sim)
    sim.plan('cut_reply', call='capture')
    connection = http.client.HTTPConnection(sim.address, timeout=10)
    connection.request('POST', f'/payments/{subject.reference}/capture', '{}',
                       {'api-key': 'snd_sim_key'})
    reply = connection.getresponse()
    with pytest.raises(http.client.IncompleteRead) as cut:
        reply.read()
    assert cut.value.partial.startswith(b'{"payment_id"')
    connection.close()


@pytest.mark.parametrize('subject', [Charge, Capture])
@pytest.mark.parametrize('fault, before', [('delay_ms', False), ('reply_after_ms', True)])
def test_waiting_before_and_after(sim, subject, fault, before):
    subject = subject(sim)
    sim.plan(fault, call='capture', ms=600)
    with pytest.raises(TimeoutError):
        slow = http.client.HTTPConnection(sim.address, timeout=0.2)
        if subject.gateway == 'epayment':
            slow.request('POST', f"/operation/{subject.tx['id']}/charge", headers=bearer(
                subject.epay.token))
        else:
            slow.request('POST', f'/payments/{subject.reference}/capture', '{}',
                         {'api-key': 'snd_sim_key'})
        slow.getresponse()
    assert captured(subject) is before
    slow.close()        # the caller has given up; it happens all the same
    end = time.monotonic() + 5
    while not captured(subject) and time.monotonic() < end:
        time.sleep(0.02)
    assert captured(subject)


def test_a_reset_does_not_wait_for_delayed_calls(sim):
    subject = Capture(sim)
    sim.plan('reply_after_ms', call='capture', ms=300)
    slow = http.client.HTTPConnection(sim.address, timeout=10)
    slow.request('POST', f'/payments/{subject.reference}/capture', '{}',
                 {'api-key': 'snd_sim_key'})
    sim.wait_for('capture', 1)
    sim.reset()
    reply = slow.getresponse()
    assert reply.status == 200 and json.loads(reply.read())['status'] == 'succeeded'
    slow.close()


def test_logging_in(sim, epay):
    sim.plan('login_401')
    assert epay.token_request().status == 401
    assert epay.token_request(client_secret='wrong').json == epay.token_request(
        client_id='wrong').json
    sim.plan('expires_in_text')
    invoice, _ = epay.order()       # a payment token is another call
    assert epay.token_request().json['expires_in'] == '7200'
    assert epay.token_request().json['expires_in'] == 7200
    sim.plan('token_expired', call='status')
    path = '/check-status/payment/transaction/' + invoice
    assert [epay.get(path).status for _ in range(2)] == [401, 401]      # gone for good
    epay.token = epay.login()
    assert epay.get(path).status == 200


def test_errors_by_code(sim, epay, hyper):
    for code in ('101', '103', '104', '106', '107', '109'):
        sim.plan('error_code', call='status', code=code)
        answer = epay.get('/check-status/payment/transaction/000000001')
        assert (answer.status, answer.json['resultCode']) == (200, code)
        assert answer.json['transaction'] is None and answer.json['resultMessage']
    _, tx = epay.paid()
    sim.plan('error_code', call='refund', code=3141)
    answer = epay.operation(tx, 'refund')
    assert (answer.status, answer.json['code']) == (400, 3141) and answer.json['message']
    sim.plan('error_code', call='refund', code='100')
    assert epay.operation(tx, 'refund').json == {'code': 100, 'message': ''}
    for code in facts.ERRORS:
        sim.plan('error_code', call='payment_create', code=code)
        facts.check_error(hyper.create(), code)
    for fault, status, code in (('locked', 429, 'HE_00'), ('locked_422', 422, 'HE_00'),
                                ('http_429', 429, 'HE_00'), ('http_500', 500, 'HE_00'),
                                ('http_401', 401, 'IR_01')):
        sim.plan(fault, call='payment_create')
        answer = hyper.create()
        assert answer.status == status
        facts.check_error(answer, code)


# What a whole reply says.

def questions(sim, epay, hyper):
    """For each gateway: a way to ask, and how the answer is read."""
    invoice, _ = epay.paid('100')
    paid = hyper.paid(10000)['payment_id']
    refund = hyper.refund(paid, 5000).json['refund_id']

    def at_bank():
        tx = epay.status(invoice)['transaction']
        return tx and (tx['statusName'], round(tx['amount'] * 100), tx['currency'])

    def payment():
        value = hyper.get(paid, '?force_sync=true').json
        return None if 'error' in value else (value['status'], value['amount'], value['currency'])

    def its_refund():
        value = hyper.call('GET', '/refunds/' + refund).json
        return None if 'error' in value else (value['status'], value['amount'], value['currency'])

    return [('status', at_bank, ('CHARGE', 10000, 'KZT')),
            ('payment_get', payment, ('succeeded', 10000, 'EUR')),
            ('refund_get', its_refund, ('succeeded', 5000, 'EUR'))]


@pytest.mark.parametrize('fault', ['wrong_amount', 'wrong_currency', 'unknown_word',
                                   'not_found_then_found', 'stale_status'])
def test_what_a_reply_shows(sim, epay, hyper, fault):
    for call, ask, true in questions(sim, epay, hyper):
        sim.plan(fault, call=call, times=2)
        odd = {'wrong_amount': (true[0], true[1] + 1, true[2]),
               'wrong_currency': (true[0], true[1], 'USD'),
               'unknown_word': ('LIMBO', true[1], true[2]),
               'not_found_then_found': None,
               'stale_status': ({'status': 'NEW', 'payment_get': 'requires_confirmation',
                                 'refund_get': 'pending'}[call], true[1], true[2])}[fault]
        assert [ask() for _ in range(3)] == [odd, odd, true], call


def test_another_clock(sim, hyper):
    paid = hyper.paid(10000)['payment_id']
    for ms in (90000, -7200000):
        sim.plan('skewed_date', call='payment_get', ms=ms)
        answer = hyper.call('GET', '/payments/' + paid)
        assert answer.status == 200 and answer.json['status'] == 'succeeded'
        date = email.utils.parsedate_to_datetime(answer.headers['Date']).timestamp()
        assert abs(date - time.time() - ms / 1000) < 5


def test_the_word_can_be_chosen(sim, epay, hyper):
    invoice, _ = epay.paid()
    sim.plan('unknown_word', call='status', word='APPROVED')
    assert epay.state(invoice) == 'APPROVED'
    sim.plan('wrong_amount', call='card_pay')
    sim.plan('unknown_word', call='card_pay', nth=2, word='COMPLETED')
    assert epay.pay_by_card(epay.card(), '50')[1].json['amount'] == 50.01
    assert epay.pay_by_card(epay.card(), '50')[1].json['status'] == 'COMPLETED'
    sim.plan('wrong_amount', call='payment_create')
    assert hyper.paid(100)['amount'] == 101


def test_a_stale_status_is_the_one_before_the_last(sim, hyper):
    held = hyper.paid(1000, capture_method='manual')['payment_id']
    hyper.call('POST', f'/payments/{held}/capture', {})
    sim.plan('stale_status', call='payment_get')
    stale = hyper.get(held).json
    assert (stale['status'], stale['amount_capturable']) == ('requires_capture', 1000)
    assert hyper.get(held).json['status'] == 'succeeded'


@pytest.mark.parametrize('word, effects', [
    ('failed', []), ('processing', []), ('requires_customer_action', []),
    ('requires_merchant_action', []), ('requires_capture', [('authorize', 1000, 'merchant')]),
    ('partially_authorized_and_requires_capture', [('authorize', 500, 'merchant')])])
def test_what_a_payment_comes_to(sim, hyper, word, effects):
    sim.plan('outcome', call='authorize', word=word, code='why')
    paid = hyper.paid(1000)
    facts.check_payment(paid)
    assert paid['status'] == word and sim.effects() == effects
    assert paid['error_code'] == 'why'


# Notifications.

def told(sim, receiver, gateway, fault, **members):
    """Plans the fault, pays, and gives the reference."""
    sim.sim('settings', webhook_url=receiver.url, notify_ms=0)
    sim.plan(fault, gateway=gateway, **members)
    if gateway == 'hyperswitch':
        from simulator import Hyper
        return Hyper(sim).paid(10000)['payment_id']
    epay = Epay(sim)
    invoice, _ = epay.order('100', postLink=receiver.url, secret_hash='s3cret')
    epay.pay(invoice, 'approve')
    return invoice


BOTH = pytest.mark.parametrize('gateway', ['epayment', 'hyperswitch'])


@BOTH
def test_no_notification(sim, receiver, gateway):
    reference = told(sim, receiver, gateway, 'notification_none')
    line = sim.wait_for('notification', 1, reference=reference)[0]
    time.sleep(0.1)
    assert receiver.got == [] and (line['attempt'], line['why']) == (0, 'suppressed')


@BOTH
def test_the_same_notification_twice(sim, receiver, gateway):
    told(sim, receiver, gateway, 'notification_duplicate')
    receiver.wait(2)
    assert receiver.got[0][2] == receiver.got[1][2]
    time.sleep(0.1)
    assert len(receiver.got) == 2


@BOTH
def test_an_early_notification_comes_before_the_reply(sim, receiver, gateway):
    lines = []
    receiver.hook = lambda body: lines.append(sim.effects())
    told(sim, receiver, gateway, 'notification_early')
    assert len(receiver.got) == 1       # no waiting: it was there before the call ended
    assert len(lines[0]) == 2           # and what it tells had happened


@BOTH
def test_a_late_notification(sim, receiver, gateway):
    begin = time.monotonic()
    told(sim, receiver, gateway, 'notification_late_ms', ms=400)
    assert receiver.got == []
    receiver.wait(1)
    assert time.monotonic() - begin >= 0.4


@BOTH
def test_a_notification_with_another_amount(sim, receiver, gateway):
    told(sim, receiver, gateway, 'notification_wrong_amount')
    got = receiver.wait(1)[0]
    if gateway == 'epayment':
        assert got['amount'] == 100.01
    else:
        facts.check_webhook(got)
        assert got['content']['object']['amount'] == 10001


@BOTH
def test_a_notification_about_nothing(sim, receiver, gateway):
    reference = told(sim, receiver, gateway, 'notification_unknown_reference')
    got = receiver.wait(1)[0]
    about = got['invoiceId'] if gateway == 'epayment' else got['content']['object']['payment_id']
    assert about != reference and len(about) >= 15


def test_a_wrong_secret_and_a_bad_signature(sim, receiver):
    told(sim, receiver, 'epayment', 'notification_wrong_secret')
    assert receiver.wait(1)[0]['secret_hash'] not in ('s3cret', '')
    told(sim, receiver, 'hyperswitch', 'notification_bad_signature')
    receiver.wait(2)
    _, headers, body = receiver.got[1]
    signature = headers['x-webhook-signature-512']
    assert len(signature) == 128
    assert signature != hmac.new(HASH_KEY, body, hashlib.sha512).hexdigest()


def test_a_notification_and_its_call_can_both_go_wrong(sim, hyper, receiver):
    sim.sim('settings', webhook_url=receiver.url)
    sim.plan('notification_early')
    sim.plan('accept_then_drop_reply', call='payment_create')
    with pytest.raises(Dropped):
        hyper.paid(1000)
    assert len(receiver.got) == 1 and len(sim.effects()) == 2


def test_an_early_one_that_nobody_takes_does_not_stop_the_call(sim, hyper):
    sim.sim('settings', webhook_url='http://127.0.0.1:1/', post_ms=200)
    sim.plan('notification_early')
    assert hyper.paid(1000)['status'] == 'succeeded'
    assert 'connecting' in sim.ledger('notification')[0]['why']


def test_a_receiver_that_never_answers(sim, hyper):
    slow = Receiver()
    slow.hook = lambda body: time.sleep(0.6)
    sim.sim('settings', webhook_url=slow.url, post_ms=200, notify_ms=0)
    hyper.paid(1000)
    assert 'no answer' in sim.wait_for('notification', 1)[0]['why']
    slow.end()


# The plan itself.

def test_rules_fit_what_they_name(sim, hyper):
    first, second, third = (hyper.paid(100 * (i + 1), capture_method='manual')['payment_id']
                            for i in range(3))
    sim.plan('http_500', call='payment_get', match={'payment_id': second})
    sim.plan('http_503', gateway='hyperswitch', call='enquire', match={'amount': 300}, times=0)
    sim.plan('http_429', call='payment_cancel', nth=2)
    sim.plan('http_500', gateway='epayment', times=0)
    assert [hyper.get(one).status for one in (first, second, third)] == [200, 500, 503]
    assert [hyper.get(one).status for one in (first, second, third)] == [200, 200, 503]
    assert [hyper.call('POST', f'/payments/{one}/cancel', {}).status
            for one in (first, second, third)] == [200, 429, 200]
    rules = sim.sim('plan')['rules']
    assert [(rule['seen'], rule['used']) for rule in rules] == [(2, 1), (2, 2), (3, 1), (0, 0)]
    assert sim.call('DELETE', '/sim/plan').status == 200
    assert hyper.get(third).status == 200


def test_rules_fit_the_banks_calls_too(sim, epay, hyper):
    one, tx = epay.paid('12.5')
    other, _ = epay.paid('100')
    sim.plan('http_500', match={'invoice': other}, call='status')
    sim.plan('http_429', match={'amount': 12.5}, call='status')
    sim.plan('http_503', match={'external_id': 'r2'})
    path = '/check-status/payment/transaction/'
    assert [epay.get(path + invoice).status for invoice in (one, other, one)] == [429, 500, 200]
    assert epay.operation(tx, 'refund', '?amount=10&externalID=r1').status == 200
    assert epay.operation(tx, 'refund', '?amount=1&externalID=r2').status == 503
    paid = hyper.paid(1000)['payment_id']
    sim.plan('locked', match={'refund_id': 'ref_x'})
    assert hyper.refund(paid, 1).status == 200
    assert hyper.refund(paid, 1, refund_id='ref_x').status == 429


@pytest.mark.parametrize('rule', [
    {'fault': 'no_such'}, {}, {'fault': 'http_500', 'when': 'now'},
    {'fault': 'http_500', 'match': {'colour': 'red'}}])
def test_a_plan_that_is_none(sim, rule):
    answer = sim.call('POST', '/sim/plan', json.dumps(rule))
    assert answer.status == 400 and answer.json['error']
    assert sim.sim('plan')['rules'] == []


def test_a_typing_error_is_pointed_out(sim):
    answer = sim.call('POST', '/sim/plan', '{"fault": "acept_then_drop_reply"}')
    assert 'did you mean accept_then_drop_reply?' in answer.json['error']
    assert sim.call('POST', '/sim/plan', 'nonsense').status == 400


# Magic amounts: every row of the table, by its last four digits.

def run_magic(sim, gateway, call, minor):
    """Does what the row is about, and gives the faults that the ledger saw."""
    from simulator import Hyper
    if gateway == 'hyperswitch':
        hyper = Hyper(sim)
        body = {'amount': minor, 'currency': 'EUR', 'payment_id': hyper.new_id(), 'confirm': True,
                'payment_token': 'x', 'capture_method': 'manual'}
        post = '/payments/' + body['payment_id']
        steps = {'authorize': [('POST', '/payments', body)],
                 'capture': [('POST', post + '/capture', {})],
                 'cancel': [('POST', post + '/cancel', {})],
                 'refund': [('POST', post + '/capture', {}),
                            ('POST', '/refunds', {'payment_id': body['payment_id']})],
                 'enquire': [('GET', post, None)], 'notification': []}[call]
        if call != 'authorize':
            steps = [('POST', '/payments', body)] + steps
        for method, path, sent in steps:
            try:
                hyper.simulator.call(method, path, sent and json.dumps(sent),
                                     {'api-key': 'snd_sim_key'}, timeout=0.3)
            except (Dropped, TimeoutError):
                pass
        return body['payment_id']
    epay = Epay(sim, TWO_STEP)
    card, major = epay.card(), f'{minor // 100}.{minor % 100:02}'
    invoice, token = epay.order(major, postLink=sim.sim('settings')['webhook_url'])
    try:
        sim.call('POST', '/payments/cards/auth', json.dumps(
            {'amount': float(major), 'currency': 'KZT', 'terminalId': TWO_STEP,
             'invoiceId': invoice, 'paymentType': 'cardId', 'cardId': {'id': card}}),
            bearer(token['access_token']), timeout=0.3)
    except (Dropped, TimeoutError):
        pass
    if call == 'enquire':
        epay.status(invoice)
    if call in ('capture', 'cancel', 'refund'):
        tx = epay.status(invoice)['transaction']
        for name in {'capture': ['charge'], 'cancel': ['cancel'],
                     'refund': ['charge', 'refund']}[call]:
            try:
                sim.call('POST', f"/operation/{tx['id']}/{name}", headers=bearer(epay.token),
                         timeout=0.3)
            except (Dropped, TimeoutError):
                pass
    return invoice


@pytest.mark.parametrize('row', MAGIC, ids=['-'.join(row[:4]) for row in MAGIC])
def test_a_magic_amount_brings_its_fault(sim, receiver, row):
    digits, gateways, call, fault = row[:4]
    for gateway in ['epayment', 'hyperswitch'] if gateways == 'both' else [gateways]:
        sim.reset()
        sim.sim('settings', webhook_url=receiver.url, notify_ms=0)
        reference = run_magic(sim, gateway, call, 10000000 + int(digits))
        if call == 'notification':
            lines = sim.wait_for('notification', 1, reference=reference)
            assert lines[0]['fault'] == fault
        else:
            lines = sim.sim('requests')['requests']
            struck = [line['faults'] for line in lines
                      if line['kind'] == 'reply' and line['reference'] == reference]
            late = fault == 'reply_after_ms'        # its line comes after the wait
            assert [fault] in struck or (late and len(struck) < len(
                [line for line in lines if line['kind'] == 'request'
                 and line['reference'] == reference]))


def test_magic_is_in_the_last_four_digits_only(sim, hyper):
    assert hyper.paid(90010)['status'] == 'succeeded'
    with pytest.raises(Dropped):
        hyper.paid(9001)
    with pytest.raises(Dropped):
        hyper.paid(55559001)


def test_magic_is_used_up_by_each_payment(sim, hyper):
    held = hyper.paid(9006, capture_method='manual')['payment_id']
    with pytest.raises(Dropped):
        hyper.call('POST', f'/payments/{held}/capture', {})
    assert hyper.call('POST', f'/payments/{held}/capture', {}).status == 200
    other = hyper.paid(9020)['payment_id']
    assert [hyper.get(other).json['status'] for _ in range(3)] == ['LIMBO', 'LIMBO', 'succeeded']


def test_no_fault_is_without_a_test():
    with open(__file__, encoding='utf-8') as file:
        text = file.read()
    assert len(FAULTS) == 34
    assert [name for name in FAULTS if f"'{name}'" not in text] == []
