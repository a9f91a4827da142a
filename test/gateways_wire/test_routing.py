"""Payments that name no account: the first gateway refuses the connection, or takes the call and
says nothing."""
import socket

import pytest

from simulator import API_KEY, HASH_KEY


def closed_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def route(hyperswitch, url, currency, priority):
    return hyperswitch.account({'api_key': API_KEY, 'webhook_key': HASH_KEY.decode()},
                               {'base_url': url, 'currencies': [currency], 'priority': priority})


@pytest.fixture(scope='module', autouse=True)
def no_default(client):
    """The sandbox takes everything, and would come first."""
    default = [one for one in client.pages('/v1/gateway_accounts') if one['is_default']][0]
    path = '/v1/gateway_accounts/%s' % default['id']
    client.patch(path, {'is_default': False}).expect(200)
    yield
    client.patch(path, {'is_default': True}).expect(200)


def create(hyperswitch, currency, amount=None, prefer='wait=5'):
    return hyperswitch.client.post('/v1/payments', {
        'amount': amount or hyperswitch.amount(), 'currency': currency,
        'payment_method': {'type': 'gateway_page'}}, prefer=prefer).expect(201, 202)


def authorizes(hyperswitch, payment):
    return [one for one in hyperswitch.story(payment) if one['kind'] == 'authorize']


def events(hyperswitch, payment):
    return [one['type'] for one in hyperswitch.client.get(
        '/v1/payments/%s/events' % payment['id']).expect(200)['data']]


def test_who_refuses_the_connection_is_passed_over(hyperswitch):
    dead = route(hyperswitch, 'http://127.0.0.1:%d' % closed_port(), 'SEK', 1)
    alive = route(hyperswitch, hyperswitch.sim.url + '/hyperswitch', 'SEK', 2)
    payment = create(hyperswitch, 'SEK')
    assert payment['status'] == 'requires_action' and payment['gateway_account'] == alive['id']
    first, second = authorizes(hyperswitch, payment)
    assert (first['state'], second['state']) == ('not_sent', 'succeeded')
    assert [one['gateway_account'] for one in (first, second)] == [dead['id'], alive['id']]
    assert first['attempts'][0]['outcome'] == 'not_sent'
    assert events(hyperswitch, payment) == [
        'payment.created', 'payment.authorizing', 'payment.rerouted', 'payment.requires_action']
    hyperswitch.sim.sim('pay', gateway='hyperswitch', action='approve',
                        payment_id='pay_' + second['id'].removeprefix('op_'))
    assert hyperswitch.comes_to(payment, 'captured')['amount_captured'] == payment['amount']


def test_who_may_have_heard_it_is_asked_and_nobody_else(hyperswitch):
    silent = route(hyperswitch, hyperswitch.sim.url + '/hyperswitch', 'NOK', 1)
    route(hyperswitch, hyperswitch.sim.url + '/hyperswitch', 'NOK', 2)
    amount = hyperswitch.amount()
    hyperswitch.must_strike(hyperswitch.plan('accept_then_drop_reply', 'saved', amount=amount))
    # Answered well before the first look, which is after five seconds.
    payment = create(hyperswitch, 'NOK', amount, prefer='wait=1')
    assert payment['status'] == 'authorizing', payment
    there = hyperswitch.comes_to(payment, 'requires_action')
    assert there['gateway_account'] == silent['id']
    [only] = authorizes(hyperswitch, payment)
    assert [one['outcome'] for one in only['attempts']][0] == 'unknown'
    assert only['attempts'][-1]['call'] == 'enquire'
    assert 'payment.rerouted' not in events(hyperswitch, payment)


def test_nobody_is_left(hyperswitch):
    route(hyperswitch, 'http://127.0.0.1:%d' % closed_port(), 'DKK', 1)
    route(hyperswitch, 'http://127.0.0.1:%d' % closed_port(), 'DKK', 2)
    payment = create(hyperswitch, 'DKK')
    assert payment['status'] == 'failed' and payment['failure']['code'] == 'interrupted'
    assert [one['state'] for one in authorizes(hyperswitch, payment)] == ['not_sent'] * 2


def test_an_amount_that_nobody_takes(hyperswitch):
    hyperswitch.client.post('/v1/payments', {
        'amount': 1, 'currency': 'ISK', 'payment_method': {'type': 'gateway_page'},
    }).refused('no_gateway_account', 'gateway_account')
