"""The work that the clock drives: what is due of it, pausing and resuming, running it once."""
import json
import os
import time

import pytest

import store
from client import Client, until
from contract import ROOT, table_of
from installation import Installation, binary, purser, serving
from payer import open_session
from test_operating import metrics

DAY_MS = 24 * 60 * 60 * 1000
JOBS = [row[1] for row in table_of('src/core/job.def', 'JOBS')]


@pytest.fixture(scope='module')
def server(tmp_path_factory):
    """One that prunes by itself."""
    with serving(tmp_path_factory.mktemp('jobs') / 'data', '--retention-days', '31') as server:
        yield server


@pytest.fixture(scope='module')
def operator(server, contract):
    return Client(server, server.key(scopes='operator'), contract)


def command(server, *arguments):
    return purser('jobs', *arguments, '--data', server.data)


def run(server, name, *more):
    return command(server, 'run', name, '--url', 'http://%s:%d' % (server.host, server.port), *more)


def job(operator, name):
    return operator.get('/v1/jobs/' + name).expect(200)


def overdue(client, server, count, reference):
    """Payments that nobody finished in time, though the clock was not told."""
    made = [client.pay(None, reference=reference).expect(201) for _ in range(count)]
    store.run(server.data, 'purser.db', 'UPDATE payments SET due_ms = 1000, expires_ms = 1000'
              ' WHERE reference = ?', reference)
    return made


def statuses(server, reference):
    rows = store.run(server.data, 'purser.db', 'SELECT status, count(*) AS n FROM payments'
                     ' WHERE reference = ? GROUP BY status', reference)
    return {row['status']: row['n'] for row in rows}


def test_all_are_listed_by_both(server, operator):
    listed = operator.get('/v1/jobs').expect(200)['data']
    assert [one['name'] for one in listed] == JOBS
    assert all(one['what'] and one['status'] == 'active' for one in listed)
    lines = command(server, 'list', '--json').stdout.splitlines()
    assert [json.loads(line)['name'] for line in lines] == JOBS
    table = command(server, 'list').stdout
    assert all('\n%s ' % name in table for name in JOBS)
    with open(os.path.join(ROOT, 'docs/operating.md'), encoding='utf-8') as page:
        documented = page.read()
    assert all('| `%s` |' % name in documented for name in JOBS)


def test_they_are_for_operators(server, client, operator):
    for call in (lambda c: c.get('/v1/jobs'), lambda c: c.get('/v1/jobs/expire'),
                 lambda c: c.post('/v1/jobs/expire/pause', {'note': 'x'}),
                 lambda c: c.post('/v1/jobs/expire/resume', {}),
                 lambda c: c.post('/v1/jobs/expire/run', {})):
        assert 'operator' in call(client).refused('forbidden')['detail']
    operator.get('/v1/payments').refused('forbidden')
    # No key of a merchant leads there: the command line alone gives the scope.
    client.post('/v1/api_keys', {'scopes': ['operator']}).refused('validation_failed', 'scopes')


def test_there_is_no_such_job(server, operator):
    operator.get('/v1/jobs/nothing').refused('not_found')
    for action, body in (('pause', {'note': 'x'}), ('resume', {}), ('run', {})):
        operator.post('/v1/jobs/nothing/' + action, body).refused('not_found')
    refused = command(server, 'pause', 'nothing', '--note', 'x')
    assert refused.returncode == 2 and 'expire' in refused.stderr
    operator.post('/v1/jobs/expire/pause', {}).refused('validation_failed', 'note')
    assert command(server, 'pause', 'expire').returncode == 2


def test_a_paused_job_leaves_what_is_due(server, client, operator):
    paused = operator.post('/v1/jobs/expire/pause', {'note': 'ticket 7'}).expect(200)
    assert (paused['status'], paused['note']) == ('paused', 'ticket 7')
    assert paused['paused_by'].startswith('key_')
    operator.post('/v1/jobs/expire/pause', {'note': 'again'}).refused('state_conflict')
    overdue(client, server, 3, 'paused')
    # Whoever waits for another job knows that the clock has looked.
    operator.post('/v1/jobs/checkouts/run', {}).expect(200)
    until(lambda: job(operator, 'checkouts')['asked_at'] is None, 10, 'the clock')
    assert statuses(server, 'paused') == {'created': 3}
    one = job(operator, 'expire')
    assert one['due'] == 3 and one['oldest_due_at'] == '1970-01-01T00:00:01.000Z'
    assert 'by ' + paused['paused_by'] + ': ticket 7' in command(server, 'list').stdout
    seen = until(lambda: (lambda m: m['purser_job_due{job="expire"}'] == 3
                          and m['purser_jobs_paused'] == 1 and m)(metrics(client)), 25,
                 'the sample')
    assert seen['purser_job_oldest_due_seconds{job="expire"}'] > 1e9
    for name in JOBS:
        for kind in ('due', 'oldest_due_seconds', 'done_total', 'failed_total', 'ran_at_seconds',
                     'paused_seconds'):
            assert 'purser_job_%s{job="%s"}' % (kind, name) in seen


def test_a_pause_outlives_the_server(server, operator):
    assert server.stop() == 0
    listed = command(server, 'list').stdout
    assert 'ticket 7' in listed
    server.start('--retention-days', '31')
    assert job(operator, 'expire')['status'] == 'paused'
    assert statuses(server, 'paused') == {'created': 3}


def test_a_paused_job_is_run_once_when_asked(server, operator):
    ended = run(server, 'expire')
    assert ended.returncode == 0 and ended.stdout.startswith('done 3, failed 0'), ended
    assert statuses(server, 'paused') == {'cancelled': 3}
    assert job(operator, 'expire')['status'] == 'paused'


def test_a_resumed_job_goes_on_by_itself(server, client, operator):
    overdue(client, server, 2, 'resumed')
    done = command(server, 'resume', 'expire')
    assert done.returncode == 0 and json.loads(done.stdout)['status'] == 'active'
    until(lambda: statuses(server, 'resumed') == {'cancelled': 2}, 15, 'the clock')
    assert command(server, 'resume', 'expire').returncode == 1
    operator.post('/v1/jobs/expire/resume', {}).refused('state_conflict')
    operator.post('/v1/jobs/replays/pause', {'note': 'x'}).expect(200)
    assert operator.post('/v1/jobs/replays/resume', {}).expect(200)['note'] is None


def test_decisions_are_in_the_audit_log(server):
    entries = store.run(server.data, 'purser.db', "SELECT actor, action FROM audit WHERE action"
                        " LIKE 'job.%' AND object = 'expire' ORDER BY number")
    assert [e['action'] for e in entries] == ['job.pause', 'job.run', 'job.resume']
    assert entries[2]['actor'] == 'operator' and entries[0]['actor'].startswith('key_')
    assert purser('audit', 'verify', '--data', server.data).returncode == 0


def test_the_audit_log_shows_them_to_operators(server, client, contract):
    """Whoever decided, by the API or by a command: a job is no merchant's."""
    both = Client(server, server.key(scopes='admin,operator'), contract)
    shown = [e for e in both.pages('/v1/audit', limit=2) if e['about'] == 'expire']
    assert [e['action'] for e in shown] == ['job.resume', 'job.run', 'job.pause']
    assert not [e for e in client.pages('/v1/audit') if e['action'].startswith('job.')]
    assert 'api_key.create' in {e['action'] for e in both.pages('/v1/audit')}


@store.postgres_only
def test_a_look_that_takes_too_long_lets_the_others_have_their_turn(server, client):
    """The first page takes longer than a look may; what is behind it waits for the other jobs."""
    def run_sql(sql, *values):
        return store.run(server.data, 'purser.db', sql, *values)

    def pause(moment):
        run_sql('UPDATE jobs SET paused_ms = ?, paused_by = ?, note = ? WHERE name IN'
                " ('expire', 'checkouts')", moment, moment and 'test', moment and 'x')

    for name in ('expire', 'checkouts'):
        command(server, 'pause', name, '--note', 'x')
    overdue(client, server, 200, 'page')
    slow = overdue(client, server, 1, 'slow')[0]
    behind = overdue(client, server, 1, 'behind')[0]
    run_sql("UPDATE payments SET due_ms = 2000 WHERE reference = 'behind'")
    run_sql("UPDATE payments SET due_ms = 500 WHERE reference = 'slow'")
    session = open_session(client)
    run_sql('UPDATE checkouts SET due_ms = 1000, expires_ms = 1000 WHERE id = ?',
            store.id_bytes(session['id']))
    run_sql("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN PERFORM pg_sleep(5.5); RETURN NEW; END'")
    run_sql("CREATE TRIGGER slow BEFORE UPDATE ON payments FOR EACH ROW WHEN"
            " (NEW.reference = 'slow' AND OLD.due_ms = 500) EXECUTE FUNCTION slow()")
    try:
        pause(None)             # both at once
        until(lambda: statuses(server, 'behind') == {'cancelled': 1}, 40, 'the last')
    finally:
        run_sql('DROP TRIGGER slow ON payments')
        run_sql('DROP FUNCTION slow()')
    ends = {}
    for event in run_sql("SELECT number, payment, type FROM events WHERE type IN"
                         " ('payment.cancelled', 'checkout_session.expired') ORDER BY number"):
        ends[event['payment'] and bytes(event['payment']) or event['type']] = event['number']
    order = [ends[store.id_bytes(slow['id'])], ends['checkout_session.expired'],
             ends[store.id_bytes(behind['id'])]]
    assert order == sorted(order), order


@store.sqlite_only
def test_fifty_whose_turns_fail_never_hide_the_fifty_first(server, client, operator):
    """They fail each time; they are set back, and what is behind them gets its turn."""
    store.run(server.data, 'purser.db', "CREATE TRIGGER poison BEFORE UPDATE ON payments WHEN"
              " NEW.reference = 'poison' BEGIN SELECT RAISE(ABORT, 'poison'); END")
    try:
        made = [client.pay(None, reference='poison').expect(201) for _ in range(50)]
        last = client.pay(None, reference='behind').expect(201)
        store.run(server.data, 'purser.db', 'DROP TRIGGER poison')
        store.run(server.data, 'purser.db', "UPDATE payments SET due_ms = CASE reference WHEN"
                  " 'poison' THEN 1000 ELSE 2000 END, expires_ms = 1000"
                  " WHERE reference IN ('poison', 'behind')")
        store.run(server.data, 'purser.db', "CREATE TRIGGER poison BEFORE UPDATE ON payments WHEN"
                  " NEW.reference = 'poison' BEGIN SELECT RAISE(ABORT, 'poison'); END")
        tried = run(server, 'expire', '--json')
        assert tried.returncode == 1 and json.loads(tried.stdout)['failed'] >= 50, tried
        assert client.read(last)['status'] == 'cancelled'
        assert statuses(server, 'poison') == {'created': len(made)}
        assert metrics(client)['purser_job_failed_total{job="expire"}'] >= 50
    finally:
        store.run(server.data, 'purser.db', 'DROP TRIGGER IF EXISTS poison')
    assert run(server, 'expire').returncode == 0
    assert statuses(server, 'poison') == {'cancelled': 50}


def test_what_is_too_old_is_pruned_in_the_background(server, client, operator):
    client.pay(None, key='pruned-by-itself').expect(201)
    long_ago = int(time.time() * 1000) - 40 * DAY_MS
    store.run(server.data, 'purser.db', 'UPDATE claims SET created_ms = ? WHERE status <> 0',
              long_ago)
    # Its next run is a day away; as if that had passed.
    first = until(lambda: (lambda j: j['next_run_at'] and j)(job(operator, 'prune')), 10,
                  'the first run')
    assert first['every_seconds'] == 86400
    store.run(server.data, 'purser.db', "UPDATE jobs SET due_ms = 1000 WHERE name = 'prune'")
    operator.post('/v1/jobs/checkouts/run', {}).expect(200)
    done = until(lambda: (lambda j: j['done'] > 0 and j)(job(operator, 'prune')), 15, 'the run')
    assert 'keys ' in done['detail'] and done['failed'] == 0
    assert done['started_at'] > first['started_at'] and done['next_run_at'] > done['ended_at']
    left = store.run(server.data, 'purser.db', 'SELECT count(*) AS n FROM claims'
                     ' WHERE created_ms = ?', long_ago)
    assert left[0]['n'] == 0


@store.sqlite_only
def test_what_is_not_wanted_here_says_why(server, operator):
    ended = run(server, 'months')
    assert ended.returncode == 0 and 'these books have no parts' in ended.stdout


@store.postgres_only
def test_the_coming_months_are_made(server, operator):
    left = store.run(server.data, 'purser.db', "SELECT relname FROM pg_class WHERE relname LIKE"
                     " 'operations\\_2%' AND relnamespace = current_schema()::regnamespace"
                     " AND relkind = 'r' ORDER BY relname")
    last = left[-1]['relname'][len('operations_'):]
    for table in ('attempts', 'events', 'operations'):
        store.run(server.data, 'purser.db', 'DROP TABLE %s_%s' % (table, last))
    operator.post('/v1/jobs/months/run', {}).expect(200)
    ended = until(lambda: (lambda j: not j['asked_at'] and j)(job(operator, 'months')), 15,
                  'the run')
    assert ended['detail'] == 'parts up to ' + last.replace('_', '-')
    assert (ended['done'], ended['failed']) == (1, 0)


@store.sqlite_only
def test_an_idle_server_is_not_scheduled(tmp_path):
    """Nothing is due, so no thread wakes up."""
    def switches(pid):
        total = 0
        for task in os.listdir('/proc/%d/task' % pid):
            with open('/proc/%d/task/%s/status' % (pid, task), encoding='ascii') as status:
                total += sum(int(line.split()[1]) for line in status if 'ctxt_switches' in line)
        return total

    with open(binary(), 'rb') as program:
        if b'__tsan_init' in program.read():
            pytest.skip('ThreadSanitizer has a thread of its own that polls')
    idle = Installation(tmp_path / 'data').start()
    pid = idle.process.pid
    try:
        # What follows a start comes to its end first.
        until(lambda: (lambda was: time.sleep(0.5) or switches(pid) == was)(switches(pid)), 20,
              'quiet')
        before = switches(pid)
        time.sleep(1.5)
        assert switches(pid) - before <= 2
    finally:
        assert idle.stop() == 0
