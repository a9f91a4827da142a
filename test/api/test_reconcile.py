"""Payments against the gateway's books: what differs is found, told once, decided by a person."""
import json
import time

import pytest

import store
from client import until
from installation import purser
from test_operating import metrics
from test_tasks import open_task

EARLIER = '2020-01-01T00:00:00Z'


def reconcile(client, **wish):
    """Asks for a reconciliation and waits for its end."""
    asked = client.post('/v1/reconciliations', wish).expect(201)
    return until(lambda: (lambda now: now['status'] == 'ended' and now)(
        client.get('/v1/reconciliations/' + asked['id']).expect(200)), 60, 'the reconciliation')


def at_gateway(server, payment, **columns):
    """Changes the sandbox's ledger behind purser's back."""
    names = ', '.join('%s = ?' % name for name in columns)
    sql = 'UPDATE sandbox_charges SET %s WHERE reference = ?' % names
    store.run(server.data, 'sandbox.db', sql, *columns.values(), payment)


@pytest.fixture(scope='module')
def charge(client, server):
    """A captured payment that the sandbox has another amount of."""
    payment = client.captured(amount=1000)
    operation = client.get('/v1/payments/%s/operations' % payment['id']).expect(200)['data'][0]
    payment['charge'] = operation['reference']
    return payment


def drift_of(client, payment, **query):
    return [drift for drift in client.get('/v1/drift', **query).expect(200)['data']
            if drift['payment'] == payment['id']]


def test_books_that_agree(client, charge):
    run = reconcile(client, since=EARLIER)
    assert (run['checked'], run['agreed'], run['drifted']) == (1, 1, 0), run
    assert run in client.pages('/v1/reconciliations')
    assert drift_of(client, charge) == []


def test_a_difference_is_found_once_and_counted(client, server, charge):
    at_gateway(server, charge['charge'], captured_minor=999)
    dry = reconcile(client, since=EARLIER, dry_run=True)
    assert dry['drifted'] == 1 and drift_of(client, charge) == []
    for times in (1, 2):
        run = reconcile(client, since=EARLIER, gateway='sandbox')
        assert (run['checked'], run['drifted']) == (1, 1), run
        drift, = drift_of(client, charge, status='open', kind='amount_mismatch')
        assert drift['times_seen'] == times
    assert (drift['our_amount'], drift['gateway_amount']) == (1000, 999)
    assert drift['severity'] == 'critical'
    assert client.get('/v1/drift/' + drift['id']).expect(200) == drift
    assert client.read(charge)['amount_captured'] == 1000
    listed = purser('drift', 'list', '--data', server.data)
    assert drift['id'] in listed.stdout and 'ours captured 1000, theirs  999' in listed.stdout


def test_the_command_says_so_with_its_exit_code(server, charge):
    arguments = ('--data', server.data, '--url', 'http://%s:%d' % (server.host, server.port))
    found = purser('reconcile', '--since', EARLIER, *arguments)
    assert found.returncode == 1 and 'drifted  1' in found.stdout, found
    none = purser('reconcile', '--once', '--gateway', 'epayment', '--json', *arguments)
    assert none.returncode == 0 and json.loads(none.stdout)['checked'] == 0, none
    unreached = purser('reconcile', '--data', server.data, '--url', 'http://127.0.0.1:9')
    assert unreached.returncode == 2


def test_it_closes_by_itself_when_the_books_agree(client, server, charge):
    at_gateway(server, charge['charge'], captured_minor=1000)
    assert reconcile(client, since=EARLIER)['agreed'] == 1
    drift, = drift_of(client, charge)
    assert (drift['status'], drift['resolution']) == ('closed', 'agreed')


def test_a_person_resolves_it_once(client, server, charge):
    at_gateway(server, charge['charge'], refunded_minor=100)
    assert reconcile(client, since=EARLIER)['drifted'] == 1
    drift, = drift_of(client, charge, status='open')
    assert drift['kind'] == 'refund_mismatch'
    path = '/v1/drift/%s/resolve' % drift['id']
    client.post(path, {'resolution': 'agreed', 'note': 'x'}).refused('validation_failed')
    client.post(path, {'resolution': 'settled'}).refused('validation_failed', 'note')
    done = client.post(path, {'resolution': 'settled', 'note': 'by hand'}).expect(200)
    assert (done['resolution'], done['note'], done['status']) == ('settled', 'by hand', 'closed')
    client.post(path, {'resolution': 'settled', 'note': 'again'}).refused('state_conflict')
    entry = client.get('/v1/audit').expect(200)['data'][0]
    assert (entry['action'], entry['about']) == ('drift.resolve', drift['id'])
    assert entry['detail']['note'] == 'by hand'
    at_gateway(server, charge['charge'], refunded_minor=0)


def test_a_task_is_decided_and_done(client, server):
    payment = client.pay('4000000000000341', reference='task-1').expect(201)
    assert payment['status'] == 'authorized'
    open_task(server, payment, 'capture_exhausted')
    # Whoever reads the metrics has the books sampled for the next reader.
    until(lambda: metrics(client)['purser_tasks_open'] == 1, 5, 'the sample')
    assert metrics(client)['purser_sampled_at_seconds'] > time.time() - 60
    task, = client.get('/v1/tasks', status='open', kind='capture_exhausted').expect(200)['data']
    assert task['payment'] == payment['id'] and task['actions'] == ['capture', 'cancel', 'close']
    assert client.get('/v1/tasks/' + task['id']).expect(200) == task
    assert task['id'] in purser('tasks', 'list', '--data', server.data).stdout
    path = '/v1/tasks/%s/resolve' % task['id']
    client.post(path, {'action': 'did_it', 'note': 'x'}).refused('validation_failed', 'action')
    done = client.post(path, {'action': 'cancel', 'note': 'ticket 12'}).expect(200)
    assert (done['status'], done['action'], done['actions']) == ('closed', 'cancel', [])
    assert client.settles(payment)['status'] == 'cancelled'
    client.post(path, {'action': 'cancel', 'note': 'again'}).refused('state_conflict')


def test_what_is_not_there(client, live):
    for path in ('/v1/drift/drf_', '/v1/tasks/tsk_', '/v1/reconciliations/rec_'):
        client.get(path + '01h455vb4pex5vsknk084sn02q').refused('not_found')
    client.post('/v1/drift/drf_01h455vb4pex5vsknk084sn02q/resolve',
                {'resolution': 'settled', 'note': 'x'}).refused('not_found')
    client.post('/v1/tasks/tsk_01h455vb4pex5vsknk084sn02q/resolve',
                {'action': 'close', 'note': 'x'}).refused('not_found')
    client.post('/v1/reconciliations', {'gateway': 'nobody'}).refused('validation_failed')
    for path in ('/v1/drift', '/v1/tasks', '/v1/reconciliations', '/v1/audit'):
        client.get(path, limit=0).refused('validation_failed', 'limit')
        # The live key's making is all that there was in live mode.
        there = live.get(path).expect(200)['data']
        assert [e.get('action') for e in there] == ['api_key.create'] * (path == '/v1/audit')


def test_the_chain_of_decisions_shows_what_was_changed(client, server):
    client.post('/v1/api_keys', {'scopes': ['read']}).expect(201)
    whole = purser('audit', 'verify', '--data', server.data)
    assert whole.returncode == 0 and 'entries hold' in whole.stdout, whole
    store.run(server.data, 'purser.db', "UPDATE audit SET actor = 'nobody' WHERE number = 2")
    broken = purser('audit', 'verify', '--data', server.data)
    assert broken.returncode == 1 and 'breaks at entry 2' in broken.stderr, broken
