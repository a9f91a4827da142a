"""Each fault on each call of Hyperswitch's. All payments are under way at once, for most wait some
seconds until purser asks; then each test looks at its own.

The faults that do nothing and say nothing (drop_before, http_500, http_429) are proven by the
visibility window, two minutes: the suite wire-long has them.
"""
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

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
    ('wrong_amount', {}), ('stale_status', {})]
# The gateway did nothing, and did not say so.
NOT_DONE = [(name, {}) for name in ('drop_before', 'http_500', 'http_503', 'http_429', 'locked',
                                    'locked_422')]
CALLS = ('authorize', 'capture', 'cancel', 'refund')
FAULTS = NOT_DONE if LONG else DONE
CASES = [(call, name) for call in CALLS for name, _ in FAULTS]
MEMBERS = dict(FAULTS)
PART = 250


@pytest.fixture(scope='module')
def started(hyperswitch):
    with ThreadPoolExecutor(8) as pool:
        made = dict(zip(CASES, [
            pool.submit(hyperswitch.fail, call, fault, MEMBERS[fault], PART)
            for call, fault in CASES]))
    time.sleep(UNREAD_S)
    return made


@pytest.mark.parametrize('call, fault', CASES)
def test_it_ends_right_by_itself(hyperswitch, started, call, fault):
    payment, thing = started[call, fault].result()
    amount = payment['amount']
    ended = hyperswitch.comes_to(thing, *ends(call), seconds=PATIENCE_S)
    moved = hyperswitch.agree(payment)
    if LONG and call == 'authorize':    # its card is gone, so it is not sent again
        assert ended['failure']['code'] == 'interrupted' and moved == {}
    elif call == 'cancel':
        assert moved == {'authorize': (1, amount), 'void': (1, amount)}
    else:
        refunded = {'refund': (1, PART)} if call == 'refund' else {}
        assert moved == {'authorize': (1, amount), 'capture': (1, amount), **refunded}


def ends(call):
    if call == 'authorize':
        return ['failed' if LONG else 'captured']
    return {'capture': ['captured'], 'cancel': ['cancelled'], 'refund': ['succeeded']}[call]


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
