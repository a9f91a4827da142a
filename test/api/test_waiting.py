"""Prefer: how long a caller wants to wait for the gateway."""
import time

import pytest

from client import card, together

SILENT = '4000000000000259'        # approved, but the answer is lost for some seconds


def timed(call):
    start = time.monotonic()
    answer = call()
    return answer, time.monotonic() - start


def test_how_long_a_silent_gateway_is_waited_for(client):
    """None, a second unless said, what was asked for, and not longer than needed."""
    (nothing, t0), (default, t1), (three, t3), (enough, t20) = together(
        lambda: timed(lambda: client.pay(SILENT, prefer='respond-async')),
        lambda: timed(lambda: client.pay(SILENT, prefer=None)),
        lambda: timed(lambda: client.pay(SILENT, prefer='wait=3')),
        lambda: timed(lambda: client.pay(SILENT, prefer='wait=20')))
    for answer in (nothing, default, three):
        assert answer.expect(202)['status'] in ('created', 'authorizing')
    assert enough.expect(201)['status'] == 'captured'
    assert t0 < 0.8 and 0.9 < t1 < 2.5 and 2.9 < t3 < 4.5 and 4 < t20 < 15


def test_no_longer_than_the_gateway_takes(client):
    answer, seconds = timed(lambda: client.pay(prefer='wait=20'))
    assert answer.expect(201) and seconds < 3


def test_wait_0_does_not_wait(client):
    answer, seconds = timed(lambda: client.pay(SILENT, prefer='wait=0'))
    assert answer.expect(202) and seconds < 0.8


@pytest.mark.parametrize('prefer', ['wait=x', 'wait=-1', 'wait=', 'minimal', 'wait', ''])
def test_a_preference_that_is_not_understood_is_ignored(client, prefer):
    """RFC 7240 wants it so: a preference is no requirement."""
    answer = client.post('/v1/invoices', {'amount': 1, 'currency': 'EUR'},
                         headers={'Prefer': prefer})
    assert answer.expect(201)


def test_other_calls_wait_too(client):
    refused = client.captured(number='4000000000000275')
    answer, seconds = timed(lambda: client.act(refused, 'refunds', prefer=None))
    assert answer.expect(202)['status'] == 'pending' and 0.9 < seconds < 2.5
    waiting = client.pay(None).expect(201)
    silent = {'payment_method': card(SILENT)}
    assert client.act(waiting, 'confirm', silent, prefer='wait=0').expect(202)['version'] >= 2


def test_respond_async_answers_with_the_payment_as_it_is(client):
    for action, passing, settled in (('capture', 'capturing', 'captured'),
                                     ('cancel', 'cancelling', 'cancelled')):
        payment = client.authorized()
        now = client.act(payment, action, prefer='respond-async').expect(202)
        assert now['status'] == passing and now['actions'] == []
        assert client.settles(payment, passing='authorized')['status'] == settled
