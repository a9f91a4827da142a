"""Each fault on each call of Hyperswitch's. All payments are under way at once, for most wait some
seconds until purser asks; then each test looks at its own.

The faults that do nothing and say nothing (drop_before, http_500, http_429) are proven by the
visibility window, two minutes: the suite wire-long has them.
"""
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from till import every_or_each

LONG = os.environ.get('PURSER_WIRE_LONG') == '1'
PATIENCE_S = 60
# Reading a payment makes purser ask. These are left alone until its own schedule (5, 30, 120
# seconds, one after the other) has come to the end of it.
UNREAD_S = 170 if LONG else 7

# (name, the plan's members): the gateway did it, and what it said of it was no use.
DONE = [
    ('accept_then_drop_reply', {}), ('cut_reply', {}), ('http_500', {'effect': True}),
    ('http_503', {'effect': True}), ('http_429', {'effect': True}), ('empty_200', {}),
    ('truncated_json', {}), ('not_json', {}), ('unknown_word', {'word': 'limbo'}),
    ('wrong_amount', {}), ('wrong_currency', {}), ('stale_status', {}),
    ('maintenance', {'effect': True})]
# What the first question about a lost answer may meet.
ASKED = {
    'accept_then_drop_reply': {}, 'drop_before': {}, 'cut_reply': {}, 'http_401': {},
    'http_429': {}, 'locked': {}, 'locked_422': {}, 'http_500': {}, 'http_503': {},
    'maintenance': {}, 'error_code': {'code': 'CE_00'}, 'empty_200': {}, 'truncated_json': {},
    'not_json': {}, 'wrong_amount': {}, 'wrong_currency': {}, 'unknown_word': {'word': 'limbo'},
    'stale_status': {}, 'not_found_then_found': {}}
# They say so that they did nothing: (fault, members, our code).
TURNED_AWAY = {} if LONG else {
    'http_401': ({}, 'gateway_credentials_refused'), 'error_code': ({'code': 'IR_06'}, None)}
# The gateway did nothing, and did not say so.
NOT_DONE = [(name, {}) for name in ('drop_before', 'http_500', 'http_503', 'http_429', 'locked',
                                    'locked_422')]
CALLS = ('authorize', 'capture', 'cancel', 'refund')
# The gateway did it, when purser had given up waiting or just before.
LATE = [('delay_ms', {'ms': 33000}), ('reply_after_ms', {'ms': 33000})]
FAULTS = NOT_DONE + LATE if LONG else DONE
CASES = [(call, name) for call in CALLS for name, _ in FAULTS]
QUESTIONS = every_or_each(CALLS, list(ASKED), LONG)
MEMBERS = dict(FAULTS)
PART = 250


@pytest.fixture(scope='module')
def started(hyperswitch):
    with ThreadPoolExecutor(8) as pool:
        made = dict(zip(CASES, [
            pool.submit(hyperswitch.fail, call, fault, MEMBERS[fault], PART)
            for call, fault in CASES]))
        # Not by a broken connection: many of those, and the host is given up for a while.
        asked = dict(zip(QUESTIONS, [
            pool.submit(hyperswitch.fail, call, 'http_503', {'effect': True}, PART,
                        (fault, ASKED[fault])) for call, fault in QUESTIONS]))
    time.sleep(UNREAD_S)
    return made, asked


@pytest.mark.parametrize('call, fault', CASES)
def test_it_ends_right_by_itself(hyperswitch, started, call, fault):
    payment, thing = started[0][call, fault].result()
    done = not LONG or fault in dict(LATE)
    ends_right(hyperswitch, call, payment, thing, done)


@pytest.mark.parametrize('call, fault', QUESTIONS)
def test_so_it_does_when_the_question_goes_wrong_too(hyperswitch, started, call, fault):
    payment, thing = started[1][call, fault].result()
    ends_right(hyperswitch, call, payment, thing, True)


@pytest.mark.parametrize('fault', TURNED_AWAY)
@pytest.mark.parametrize('call', CALLS)
def test_what_they_turn_away_was_not_done(hyperswitch, call, fault):
    members, code = TURNED_AWAY[fault]
    payment, thing = hyperswitch.fail(call, fault, members, PART)
    end = {'authorize': 'failed', 'capture': 'authorized', 'cancel': 'authorized',
           'refund': 'failed'}[call]
    ended = hyperswitch.comes_to(thing, end)
    if code:
        assert ended['failure']['code'] == code, ended
    before = {'authorize': {}, 'refund': ('authorize', 'capture')}.get(call, ('authorize',))
    assert set(hyperswitch.agree(payment)) == set(before)


def ends_right(hyperswitch, call, payment, thing, done):
    """An authorize that was not done is not sent again: its card is gone."""
    amount = payment['amount']
    end = {'authorize': 'captured' if done else 'failed', 'capture': 'captured',
           'cancel': 'cancelled', 'refund': 'succeeded'}[call]
    ended = hyperswitch.comes_to(thing, end, seconds=PATIENCE_S)
    moved = hyperswitch.agree(payment)
    if end == 'failed':
        assert ended['failure']['code'] == 'interrupted' and moved == {}
    elif call == 'cancel':
        assert moved == {'authorize': (1, amount), 'void': (1, amount)}
    else:
        refunded = {'refund': (1, PART)} if call == 'refund' else {}
        assert moved == {'authorize': (1, amount), 'capture': (1, amount), **refunded}


@pytest.mark.skipif(LONG, reason='nothing that waits for the visibility window')
def test_a_page_whose_address_was_lost_is_found(hyperswitch):
    amount = hyperswitch.amount()
    hyperswitch.must_strike(hyperswitch.plan('accept_then_drop_reply', 'saved', amount=amount))
    payment = hyperswitch.comes_to(hyperswitch.create(amount=amount), 'requires_action')
    assert payment['next_action']['url'].endswith(hyperswitch.reference(payment))
    hyperswitch.pay(payment)
    hyperswitch.comes_to(payment, 'captured')
    assert hyperswitch.agree(payment) == {'authorize': (1, amount), 'capture': (1, amount)}


# Webhooks.

@pytest.fixture(scope='module')
def told(hyperswitch):
    return hyperswitch.tell(WEBHOOKS)


WEBHOOKS = {} if LONG else {
    'notification_none': {}, 'notification_duplicate': {}, 'notification_early': {},
    'notification_late_ms': {'ms': 2000}, 'notification_bad_signature': {},
    'notification_wrong_amount': {}, 'notification_unknown_reference': {}}


@pytest.mark.parametrize('fault', WEBHOOKS)
def test_webhooks_may_fail(hyperswitch, told, fault):
    """Where none comes that can be believed, purser asks because the payment is read."""
    paid = hyperswitch.comes_to(told[fault], 'captured')
    assert hyperswitch.agree(paid) == {'authorize': (1, paid['amount']),
                                       'capture': (1, paid['amount'])}
