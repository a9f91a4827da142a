"""What only one side has: the sandbox lists its charges, and each planted difference is found."""
import time
import uuid

import pytest

import store
from installation import purser
from test_reconcile import reconcile


def at_gateway(server, sql, *values):
    return store.run(server.data, 'sandbox.db', sql, *values)


def charge_of(client, payment):
    return client.get('/v1/payments/%s/operations' % payment['id']).expect(200)['data'][0][
        'reference']


def seen_by_now(client):
    """What the sandbox does not know after three seconds it never saw."""
    time.sleep(3.5)


def drifts(client):
    return {(drift['kind'], drift['payment'] or drift['reference']): drift
            for drift in client.get('/v1/drift', status='open').expect(200)['data']}


@pytest.fixture(scope='module')
def payments(client):
    """Five that agree."""
    made = [client.captured(amount=1000 + n) for n in range(4)]
    made.append(client.authorized(amount=2000))
    client.act(made[0], 'refunds', {'amount': 100}).expect(201)
    seen_by_now(client)
    return made


@pytest.fixture
def looks_are_over(server):
    """No payment waits for a look any more: only the listing sees them."""
    store.run(server.data, 'purser.db', 'UPDATE payments SET check_ms = NULL')


def listings(client):
    return [row for row in client.pages('/v1/reconciliations') if row['gateway_account']]


def test_what_agrees_is_listed_and_nobody_is_asked(client, payments):
    run = reconcile(client)
    assert (run['drifted'], run['failed'], run['agreed']) == (0, 0, run['checked']), run
    newest = listings(client)[0]
    assert (newest['checked'], newest['agreed'], newest['drifted']) == (5, 5, 0)
    assert newest['listed_to'] and newest['status'] == 'ended'
    assert drifts(client) == {}


def test_gap_8_each_side_s_own_is_found_once(client, server, payments, looks_are_over):
    # Of a shop that shares the account; gone at the gateway; refunded by hand; released by hand.
    alien = uuid.UUID(int=(int((time.time() - 60) * 1000) << 80) | 0x7 << 76 | 0x8 << 60 | 7).bytes
    at_gateway(server, 'INSERT INTO sandbox_charges (id, account, reference, state, currency,'
               ' amount_minor, authorized_minor, captured_minor, refunded_minor, released_minor,'
               " sale, card, created_ms) SELECT ?, account, 'order-77', state, currency, 700, 700,"
               ' 700, 0, 0, sale, card, created_ms FROM sandbox_charges WHERE reference = ?',
               alien, charge_of(client, payments[1]))
    gone = charge_of(client, payments[1])
    for table in ('sandbox_charges', 'sandbox_operations'):
        at_gateway(server, 'DELETE FROM %s WHERE reference = ?' % table, gone)
    at_gateway(server, 'UPDATE sandbox_charges SET refunded_minor = 250 WHERE reference = ?',
               charge_of(client, payments[2]))
    at_gateway(server, "UPDATE sandbox_charges SET state = 'voided', released_minor = 2000"
               ' WHERE reference = ?', charge_of(client, payments[4]))
    dry = reconcile(client, dry_run=True)
    assert dry['drifted'] >= 3 and drifts(client) == {}
    for times in (1, 2):
        run = reconcile(client)
        assert run['failed'] == 0, run
        found = drifts(client)
        alien_name = next(name for kind, name in found if kind == 'missing_here')
        assert set(found) == {('missing_here', alien_name),
                              ('missing_at_gateway', payments[1]['id']),
                              ('refund_mismatch', payments[2]['id'])}
        assert {drift['times_seen'] for drift in found.values()} == {times}
    missing = found['missing_here', alien_name]
    assert missing['gateway_amount'] == 700 and missing['payment'] is None
    assert missing['detail'].startswith('listed by the gateway, made there at 20')
    # A status follows by itself.
    assert client.read(payments[4])['status'] == 'cancelled'
    listed = purser('drift', 'list', '--data', server.data).stdout
    assert alien_name in listed


def test_what_a_person_decided_is_not_told_again(client, server, payments):
    name = next(name for kind, name in drifts(client) if kind == 'missing_here')
    path = '/v1/drift/%s/resolve' % drifts(client)['missing_here', name]['id']
    client.post(path, {'resolution': 'accepted', 'note': 'another shop'}).expect(200)
    reconcile(client)
    assert ('missing_here', name) not in drifts(client)


def test_the_command_s_exit_code_counts_it(client, server, payments):
    at_gateway(server, 'UPDATE sandbox_charges SET refunded_minor = 0 WHERE reference = ?',
               charge_of(client, payments[2]))
    arguments = ('--data', server.data, '--url', 'http://%s:%d' % (server.host, server.port))
    found = purser('reconcile', *arguments)
    assert found.returncode == 1, found         # one is still gone at the gateway
    assert 'drifted  1' in found.stdout and found.stdout.count('failed   0') == 1
    # What is open is asked about again, and closes once the books agree.
    assert ('refund_mismatch', payments[2]['id']) not in drifts(client)
    closed, = client.get('/v1/drift', kind='refund_mismatch').expect(200)['data']
    assert closed['resolution'] == 'agreed'


@store.sqlite_only
def test_one_whose_turn_fails_hides_none_behind_it(client, server, payments, looks_are_over):
    """Two that are not as the gateway has them; the turn of the older one fails each time."""
    for payment in (payments[0], payments[3]):
        at_gateway(server, 'UPDATE sandbox_charges SET refunded_minor = 300 WHERE reference = ?',
                   charge_of(client, payment))
    store.run(server.data, 'purser.db', 'CREATE TRIGGER poison BEFORE UPDATE ON payments WHEN'
              " NEW.id = x'%s' BEGIN SELECT RAISE(ABORT, 'poison'); END"
              % store.id_bytes(payments[0]['id']).hex())
    try:
        reconcile(client)
        listing = listings(client)[0]
        assert listing['listed_to'] and listing['failed'] == 1, listing
        assert ('refund_mismatch', payments[3]['id']) in drifts(client)
    finally:
        store.run(server.data, 'purser.db', 'DROP TRIGGER poison')
