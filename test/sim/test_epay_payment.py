"""Payments at the bank: states, operations, saved cards, the page, callbacks."""
import json
import re
import urllib.parse

import pytest

from simulator import ONE_STEP, TWO_STEP

# Section 5 of the contract, as it documents them.
FIELDS = {
    'id', 'createdDate', 'invoiceID', 'amount', 'amountBonus', 'payoutAmount', 'orgAmount',
    'approvalCode', 'data', 'currency', 'terminal', 'terminalID', 'accountID', 'description',
    'language', 'cardMask', 'cardType', 'issuer', 'reference', 'intReference', 'secure',
    'secureDetails', 'statusName', 'name', 'email', 'phone', 'cardID', 'reason', 'reasonCode',
    'ip', 'ipCountry', 'ipCity', 'ipRegion', 'ipDistrict', 'ipLatitude', 'ipLongitude',
    'tokenRecipient'}
CALLBACK_FIELDS = {
    'accountId', 'amount', 'approvalCode', 'cardId', 'cardMask', 'cardType', 'code', 'currency',
    'data', 'dateTime', 'description', 'email', 'id', 'invoiceId', 'invoiceIdAlt', 'ip', 'ipCity',
    'ipCountry', 'ipDistrict', 'ipLatitude', 'ipLongitude', 'ipRegion', 'issuer', 'language',
    'name', 'phone', 'reason', 'reasonCode', 'reference', 'intReference', 'secret_hash', 'secure',
    'secureDetails', 'secure3D', 'terminal', 'tokenRecipient'}
STATES = ['NEW', 'FINGERPRINT', '3D', 'AUTH', 'CHARGE', 'CANCEL', 'CANCEL_OLD', 'REFUND',
          'VERIFIED', 'VERIFICATION', 'REJECT', 'FAILED']


def form(sim, path, **fields):
    return sim.call('POST', path, urllib.parse.urlencode(fields),
                    {'Content-Type': 'application/x-www-form-urlencoded'})


def test_nobody_has_paid_yet(epay):
    invoice, _ = epay.order()
    assert epay.status(invoice) == {'resultCode': '102', 'resultMessage': 'Invoice not found',
                                    'transaction': None}
    assert epay.status('000000999')['resultCode'] == '102'


def test_a_transaction_has_what_the_bank_documents(epay):
    invoice, tx = epay.paid('12.50')
    assert set(tx) == FIELDS
    assert tx['statusName'] == 'CHARGE' and tx['invoiceID'] == invoice
    assert tx['amount'] == 12.5 and tx['currency'] == 'KZT' and tx['terminalID'] == ONE_STEP
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\+05:00', tx['createdDate'])
    assert re.fullmatch(r'[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}',
                        tx['id'])
    assert epay.status(invoice)['transaction'] == tx
    by_id = epay.get('/check-status/payment/transactionId/' + tx['id']).json
    assert by_id['transaction'] == tx


@pytest.mark.parametrize('amount, wire', [('100', b'"amount":100,'), ('100.5', b'"amount":100.5,'),
                                          ('0.01', b'"amount":0.01,'),
                                          ('99999999.99', b'"amount":99999999.99,')])
def test_amounts_are_numbers_in_major_units(epay, amount, wire):
    invoice, _ = epay.order(amount)
    epay.pay(invoice, 'approve')
    assert wire in epay.get('/check-status/payment/transaction/' + invoice).body


@pytest.mark.parametrize('state', STATES)
def test_every_state_can_be_shown(sim, epay, state):
    invoice, _ = epay.paid()
    sim.sim('outsider', gateway='epayment', invoice=invoice, action='set_status', status=state,
            code=454 if state == 'FAILED' else 0)
    tx = epay.status(invoice)['transaction']
    assert tx['statusName'] == state
    assert tx['reasonCode'] == ('454' if state == 'FAILED' else '0')


def test_one_step_takes_the_money_at_once(sim, epay):
    invoice, _ = epay.paid('100')
    assert epay.state(invoice) == 'CHARGE'
    assert sim.effects(invoice) == [('authorize', 10000, 'payer'), ('capture', 10000, 'payer')]


def test_two_steps_hold_first(sim, epay_two_step):
    invoice, tx = epay_two_step.paid('100')
    assert tx['statusName'] == 'AUTH'
    assert epay_two_step.operation(tx, 'charge').json == {'code': 0, 'message': 'success'}
    assert epay_two_step.state(invoice) == 'CHARGE'
    assert sim.effects(invoice) == [('authorize', 10000, 'payer'), ('capture', 10000, 'merchant')]


@pytest.mark.parametrize('query, body, taken', [
    ('?amount=40', None, 4000), ('', {'amount': 40}, 4000), ('', {'amount': 40.25}, 4025),
    ('?amount=40', {'amount': 40}, 4000), ('', {}, 10000), ('?amount=100.00', None, 10000)])
def test_charging_a_part_releases_the_rest(sim, epay_two_step, query, body, taken):
    invoice, tx = epay_two_step.paid('100')
    assert epay_two_step.operation(tx, 'charge', query, body).status == 200
    assert sim.effects(invoice)[1:] == [('capture', taken, 'merchant')]
    shown = epay_two_step.status(invoice)['transaction']
    assert shown['amount'] * 100 == taken and shown['orgAmount'] == 100
    again = epay_two_step.operation(tx, 'charge')
    assert (again.status, again.json['code']) == (400, 100)


@pytest.mark.parametrize('query, body', [('?amount=40', {'amount': 41}), ('?amount=ten', None),
                                         ('?amount=-1', None), ('?amount=0', None),
                                         ('?amount=100.01', None), ('', {'amount': 1e9})])
def test_wrong_charges_are_refused(sim, epay_two_step, query, body):
    invoice, tx = epay_two_step.paid('100')
    assert epay_two_step.operation(tx, 'charge', query, body).status == 400
    assert epay_two_step.state(invoice) == 'AUTH'
    assert len(sim.effects(invoice)) == 1


def test_cancel_releases_the_hold(sim, epay_two_step):
    invoice, tx = epay_two_step.paid('100')
    assert epay_two_step.operation(tx, 'cancel').status == 200
    assert epay_two_step.state(invoice) == 'CANCEL'
    assert sim.effects(invoice)[1:] == [('void', 10000, 'merchant')]
    for name in ('cancel', 'charge', 'refund'):
        assert epay_two_step.operation(tx, name).status == 400
    assert [line['wrong'] for line in sim.ledger('refused')] == [
        'void_again', 'capture_after_void', 'refund_without_capture']


def test_cancel_after_the_charge_is_refused(sim, epay):
    invoice, tx = epay.paid()
    assert epay.operation(tx, 'cancel').status == 400
    assert sim.ledger('refused')[0]['wrong'] == 'void_after_capture'
    assert epay.state(invoice) == 'CHARGE'


def test_refunds_add_up_to_the_charge(sim, epay):
    invoice, tx = epay.paid('100')
    assert epay.operation(tx, 'refund', '?amount=30&externalID=r1').status == 200
    assert epay.state(invoice) == 'CHARGE'
    assert epay.operation(tx, 'refund', '?amount=70.01').status == 400
    assert epay.operation(tx, 'refund', '?externalID=r2').status == 200    # the rest
    assert epay.state(invoice) == 'REFUND'
    refunds = sim.ledger('refund')
    assert [(line['amount'], line['second']) for line in refunds] == [(3000, 'r1'), (7000, 'r2')]
    assert sim.ledger('refused')[0]['wrong'] == 'over_refund'


@pytest.mark.parametrize('shows, status, amount', [('charge', 'CHARGE', 100),
                                                   ('refund', 'REFUND', 100),
                                                   ('reduced', 'REFUND', 60)])
def test_how_a_partial_refund_looks_is_a_setting(sim, epay, shows, status, amount):
    sim.sim('settings', partial_refund=shows)
    invoice, tx = epay.paid('100')
    epay.operation(tx, 'refund', '?amount=40')
    tx = epay.status(invoice)['transaction']
    assert (tx['statusName'], tx['amount'], tx['orgAmount']) == (status, amount, 100)


def test_the_least_refund_is_10_kzt(epay):
    _, tx = epay.paid('100')
    assert epay.operation(tx, 'refund', '?amount=9.99').status == 400
    assert epay.operation(tx, 'refund', '?amount=10').status == 200
    _, tx = epay.paid('100', currency='USD')
    assert epay.operation(tx, 'refund', '?amount=1').status == 200


@pytest.mark.parametrize('dedup, count', [(False, 2), (True, 1)])
def test_an_external_id_may_or_may_not_count(sim, epay, dedup, count):
    sim.sim('settings', external_id_dedup=dedup)
    _, tx = epay.paid('100')
    statuses = [epay.operation(tx, 'refund', '?amount=10&externalID=same').status
                for _ in range(2)]
    assert statuses == [200, 400 if dedup else 200]
    assert len(sim.ledger('refund')) == count


def test_operations_need_a_known_transaction_and_a_terminal(epay):
    _, tx = epay.paid()
    for name in ('charge', 'cancel', 'refund'):
        assert epay.operation({'id': 'no-such'}, name).status == 400
        path = f"/operation/{tx['id']}/{name}"
        assert epay.post(path, token='nonsense').status == 401
        assert epay.post(path, token=epay.login(terminal=None)).status == 400


# Saved cards.

def test_a_saved_card_pays_and_is_forgotten(sim, epay):
    card = epay.card()
    invoice, answer = epay.pay_by_card(card, '50.5')
    assert answer.status == 200
    paid = answer.json
    assert paid['status'] == 'CHARGE' and paid['secure3D'] is None and paid['cardID'] == card
    assert paid['amount'] == 50.5 and paid['invoiceID'] == invoice
    assert sim.effects(invoice) == [('authorize', 5050, 'merchant'), ('capture', 5050, 'merchant')]
    kept, = [one for one in sim.sim('cards')['cards'] if one['id'] == card]
    assert kept['mask'].endswith('5096') and kept['deactivated'] is False
    assert epay.post('/card/deactivate/' + card).status == 200
    kept, = [one for one in sim.sim('cards')['cards'] if one['id'] == card]
    assert kept['deactivated'] is True
    assert epay.post('/card/deactivate/' + card).status == 400
    assert epay.pay_by_card(card)[1].status == 400


@pytest.mark.parametrize('changed', [
    {'amount': 51}, {'currency': 'USD'}, {'terminalId': TWO_STEP}, {'invoiceId': '000999999'},
    {'paymentType': 'applePay'}, {'cardId': {'id': 'no-such'}}, {'cardId': 'text'}])
def test_the_card_call_must_agree_with_its_token(sim, epay, changed):
    card = epay.card()
    before = sim.effects()
    _, answer = epay.pay_by_card(card, '50', **changed)
    assert answer.status == 400
    assert sim.effects() == before


def test_a_payment_token_is_used_once(epay):
    card = epay.card()
    invoice, token = epay.order('50')
    body = {'amount': 50, 'currency': 'KZT', 'terminalId': ONE_STEP, 'invoiceId': invoice,
            'paymentType': 'cardId', 'cardId': {'id': card}}
    assert epay.post('/payments/cards/auth', body, token['access_token']).status == 200
    assert epay.post('/payments/cards/auth', body, token['access_token']).status == 401


@pytest.mark.parametrize('word, code', [('REJECT', 484), ('FAILED', 454)])
def test_a_card_can_be_declined(sim, epay, word, code):
    card = epay.card()
    sim.plan('outcome', call='card_pay', word=word, code=code)
    invoice, answer = epay.pay_by_card(card)
    assert (answer.status, answer.json['code']) == (400, code)
    assert epay.state(invoice) == word and sim.effects(invoice) == []


def test_a_card_can_ask_for_3d(sim, epay):
    card = epay.card()
    sim.plan('outcome', call='card_pay', word='3D')
    invoice, answer = epay.pay_by_card(card)
    assert answer.json['secure3D']['action'] == f'{sim.url}/payform/{invoice}'
    assert epay.state(invoice) == '3D' and sim.effects(invoice) == []
    epay.pay(invoice, 'approve')
    assert epay.state(invoice) == 'CHARGE'


def test_a_check_of_the_card_moves_no_money(sim, epay, receiver):
    invoice, _ = epay.order('0', postLink=receiver.url)
    tx = epay.pay(invoice, 'approve')['transaction']
    assert tx['statusName'] == 'VERIFIED' and tx['cardID'] and sim.effects(invoice) == []
    assert receiver.wait(1)[0]['code'] == 'success'
    assert epay.pay_by_card(tx['cardID'])[1].status == 200


# The payer.

@pytest.mark.parametrize('action, state', [('3d', '3D'), ('fingerprint', 'FINGERPRINT'),
                                           ('new', 'NEW')])
def test_a_payer_may_stop_halfway(epay, action, state):
    invoice, _ = epay.order()
    epay.pay(invoice, action)
    assert epay.state(invoice) == state
    epay.pay(invoice, 'abandon')
    assert epay.state(invoice) == state
    epay.pay(invoice, 'decline')
    assert epay.state(invoice) == 'REJECT'
    assert epay.status(invoice)['transaction']['reasonCode'] == '484'


def test_a_payment_that_failed_can_still_come_late(sim, epay):
    invoice, _ = epay.order()
    epay.pay(invoice, 'decline', status='FAILED', code=454)
    assert 'over' in epay.pay(invoice, 'approve')['error']
    assert epay.pay(invoice, 'approve', late=True)['transaction']['statusName'] == 'CHARGE'
    assert 'over' in epay.pay(invoice, 'approve', late=True)['error']
    assert len(sim.effects(invoice)) == 2


def test_the_page_needs_no_script(sim, epay):
    invoice, _ = epay.order('100', postLink='')
    page = sim.call('GET', f'/payform/{invoice}?backLink=https%3A%2F%2Fshop.test%2Fdone')
    assert page.status == 200 and b'100.00 KZT' in page.body and b'<script' not in page.body
    assert re.findall(rb'name="action" value="(\w+)"', page.body) == [
        b'approve', b'decline', b'3d', b'abandon']
    threed = form(sim, f'/payform/{invoice}', action='3d')
    assert threed.status == 200 and b'3-D Secure' in threed.body and epay.state(invoice) == '3D'
    done = form(sim, f'/payform/{invoice}', action='approve')
    assert (done.status, done.headers['Location']) == (303, 'https://shop.test/done')
    assert epay.state(invoice) == 'CHARGE'
    assert b'over' in sim.call('GET', f'/payform/{invoice}').body
    assert form(sim, f'/payform/{invoice}', action='approve').status == 409


def test_the_page_can_decline_and_be_left(sim, epay):
    invoice, _ = epay.order()
    left = form(sim, f'/payform/{invoice}?x', action='abandon')
    assert left.status == 200 and epay.status(invoice)['resultCode'] == '102'
    assert form(sim, f'/payform/{invoice}', action='decline').status == 200
    assert epay.state(invoice) == 'REJECT'
    assert form(sim, f'/payform/{invoice}', action='nonsense').status == 409
    assert sim.call('GET', '/payform/000000999').status == 404


def widget(epay, **changed):
    invoice, token = epay.order('100')
    return invoice, {'invoiceId': invoice, 'amount': 100, 'currency': 'KZT', 'terminal': ONE_STEP,
                     'backLink': 'http://shop.test/ok', 'failureBackLink': 'http://shop.test/no',
                     'description': 'Tea', 'accountId': 'client-1', 'cardSave': True,
                     'auth': token, **changed}


def test_the_widgets_object_leads_to_the_page(sim, epay):
    invoice, sent = widget(epay, description='<b>Tea</b>')
    answer = form(sim, '/payform', object=json.dumps(sent))
    assert (answer.status, answer.headers['Location']) == (303, f'{sim.url}/payform/{invoice}')
    page = sim.call('GET', f'/payform/{invoice}')
    assert b'&lt;b&gt;Tea' in page.body and b'<b>' not in page.body
    assert form(sim, f'/payform/{invoice}', action='decline').headers['Location'] == \
        'http://shop.test/no'
    invoice, sent = widget(epay)
    form(sim, '/payform', object=json.dumps(sent))
    form(sim, f'/payform/{invoice}', action='approve')
    tx = epay.status(invoice)['transaction']
    assert tx['cardID'] and tx['accountID'] == 'client-1'


@pytest.mark.parametrize('changed', [
    {'amount': 101}, {'currency': 'USD'}, {'terminal': TWO_STEP}, {'invoiceId': '000999999'},
    {'auth': 'only the text'}, {'auth': {'access_token': 'another'}}, {'description': 'x' * 126}])
def test_the_widgets_object_must_agree_with_its_token(sim, epay, changed):
    _, sent = widget(epay, **changed)
    assert form(sim, '/payform', object=json.dumps(sent)).status == 400


def test_the_script_is_served(sim):
    answer = sim.call('GET', '/payform/payment-api.js')
    assert answer.headers['Content-Type'] == 'text/javascript' and b'halyk' in answer.body


# Callbacks.

def test_a_callback_says_what_the_bank_documents(sim, epay, receiver):
    invoice, _ = epay.order('12.5', postLink=receiver.url, secret_hash='s3cret')
    tx = epay.pay(invoice, 'approve')['transaction']
    got = receiver.wait(1)[0]
    assert set(got) == CALLBACK_FIELDS
    assert (got['id'], got['invoiceId'], got['amount'], got['currency']) == \
        (tx['id'], invoice, 12.5, 'KZT')
    assert (got['code'], got['reason'], got['reasonCode'], got['secret_hash']) == \
        ('ok', 'success', 0, 's3cret')
    assert re.fullmatch(r'.*T.*\.\d{9}\+05:00', got['dateTime'])
    assert b'"amount":12.5,' in receiver.got[0][2]
    assert sim.wait_for('notification', 1)[0]['status'] == 200


def test_a_failure_goes_to_the_failure_link(epay, receiver):
    invoice, _ = epay.order(postLink=receiver.url + '/ok', failurePostLink=receiver.url + '/no')
    epay.pay(invoice, 'decline', code=457)
    got = receiver.wait(1)[0]
    assert receiver.got[0][0] == '/notify/no'
    assert (got['code'], got['reasonCode'], got['reason']) == ('error', 457, 'The card has expired')


def test_a_callback_is_not_repeated_unless_told(sim, epay, receiver):
    sim.sim('settings', minute_ms=10, postlink_attempts=3)
    receiver.statuses = [500, 503]
    invoice, _ = epay.order(postLink=receiver.url)
    epay.pay(invoice, 'approve')
    lines = sim.wait_for('notification', 3)
    assert [(line['attempt'], line['status']) for line in lines] == [(1, 500), (2, 503), (3, 200)]
    sim.sim('settings', postlink_attempts=1)
    receiver.statuses = [500]
    invoice, _ = epay.order(postLink=receiver.url)
    epay.pay(invoice, 'approve')
    assert sim.wait_for('notification', 1, reference=invoice)[0]['status'] == 500


# Somebody at the bank.

def test_an_outsider_acts_at_the_bank(sim, epay_two_step):
    invoice, _ = epay_two_step.paid('100')
    sim.sim('outsider', gateway='epayment', invoice=invoice, action='capture', amount=60)
    assert epay_two_step.state(invoice) == 'CHARGE'
    sim.sim('outsider', gateway='epayment', invoice=invoice, action='refund', amount='20')
    sim.sim('outsider', gateway='epayment', invoice=invoice, action='void')
    assert sim.effects(invoice)[1:] == [('capture', 6000, 'outsider'), ('refund', 2000, 'outsider'),
                                        ('void', 10000, 'outsider')]
    assert sim.ledger('void')[0]['wrong'] == 'void_after_capture'
    other, _ = epay_two_step.paid('100')
    sim.sim('outsider', gateway='epayment', invoice=other, action='expire')
    assert epay_two_step.state(other) == 'CANCEL_OLD'


@pytest.mark.parametrize('members', [
    {'invoice': '000999999', 'action': 'void'}, {'action': 'dance'},
    {'action': 'refund', 'amount': 'much'}])
def test_an_outsider_must_make_sense(sim, epay, members):
    invoice, _ = epay.paid()
    assert 'error' in sim.sim('outsider', **{'gateway': 'epayment', 'invoice': invoice, **members})
