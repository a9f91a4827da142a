"""What Hyperswitch lists against the books, over the wire: pages, faults, and each planted
difference once."""
import time

import pytest

import store
import test_reconcile
from simulator import Hyper


@pytest.fixture(autouse=True)
def looks_are_over(server):
    """No payment that is final waits for a look any more: only the listing sees it."""
    store.run(server.data, 'purser.db', "UPDATE payments SET check_ms = NULL"
              " WHERE status IN ('captured', 'failed', 'cancelled')")


def reconcile(client, **wish):
    time.sleep(1.05)     # a window ends a second ago
    return test_reconcile.reconcile(client, gateway='hyperswitch', **wish)


def listing(client, till):
    """The row of the account's last listing."""
    return next(row for row in client.get('/v1/reconciliations', limit=20).expect(200)['data']
                if row['gateway_account'] == till.made['id'] and row['status'] == 'ended')


def drifts(client, till):
    return {(drift['kind'], drift['payment'] or drift['reference']): drift
            for drift in client.get('/v1/drift', status='open', gateway='hyperswitch',
                                    limit=100).expect(200)['data']}


def alien(sim, name, **members):
    """A payment that another program makes at the same merchant account."""
    made = Hyper(sim).call('POST', '/payments', {
        'payment_id': name, 'amount': 4200, 'currency': 'EUR', 'confirm': True,
        'payment_token': 'any', **members})
    assert made.status == 200, made.body


def test_both_sides_over_the_wire(hyperswitch, client, sim):
    captured = [hyperswitch.captured() for _ in range(3)]
    hyperswitch.comes_to(hyperswitch.refund(captured[0], 100), 'succeeded')
    before = drifts(client, hyperswitch)
    run = reconcile(client)
    assert run['failed'] == 0, run
    row = listing(client, hyperswitch)
    assert row['checked'] >= 4 and row['failed'] == 0 and row['listed_to']
    # None is new; what other tests left may have closed.
    left = drifts(client, hyperswitch)
    assert set(left) <= set(before)
    before = left
    # By hand at the gateway: a refund of a payment that is final; and somebody else's payment.
    sim.sim('outsider', gateway='hyperswitch', action='refund', amount=250,
            payment_id=hyperswitch.reference(captured[1]))
    hyperswitch.leave_open(captured[1])
    alien(sim, 'order_of_another_shop_01')
    for times in (1, 2):
        run = reconcile(client)
        found = drifts(client, hyperswitch)
        new = set(found) - set(before)
        assert new == {('refund_mismatch', captured[1]['id']),
                       ('missing_here', 'order_of_another_shop_01')}, run
        # Of the refund a notification may have told as well.
        assert found['refund_mismatch', captured[1]['id']]['times_seen'] >= times
        missing = found['missing_here', 'order_of_another_shop_01']
        assert missing['times_seen'] == times
    assert (missing['gateway_amount'], missing['currency']) == (4200, 'EUR')


def test_pages_are_walked_to_their_end(hyperswitch, client, sim):
    before = listing(client, hyperswitch)['checked']
    for number in range(120):
        alien(sim, 'unpaid_%024d' % number, confirm=False)
    reconcile(client)
    row = listing(client, hyperswitch)
    assert row['checked'] >= before + 120
    assert not [name for kind, name in drifts(client, hyperswitch) if name.startswith('unpaid')]


@pytest.mark.parametrize('fault', ['http_500', 'accept_then_drop_reply', 'not_json'])
def test_a_list_that_fails_once_is_asked_for_again(hyperswitch, client, sim, fault):
    hyperswitch.must_strike(sim.plan(fault, gateway='hyperswitch', call='list', match={}))
    assert reconcile(client)['failed'] == 0
    assert listing(client, hyperswitch)['listed_to']


def test_a_list_that_fails_leaves_the_window_as_it_was(hyperswitch, client, sim):
    alien(sim, 'order_of_another_shop_02')
    rule = sim.plan('http_500', gateway='hyperswitch', call='list', match={}, times=3)
    hyperswitch.must_strike(rule)
    run = reconcile(client)
    assert run['failed'] == 1, run
    assert listing(client, hyperswitch)['listed_to'] is None
    assert ('missing_here', 'order_of_another_shop_02') not in drifts(client, hyperswitch)
    assert reconcile(client)['failed'] == 0
    assert ('missing_here', 'order_of_another_shop_02') in drifts(client, hyperswitch)
