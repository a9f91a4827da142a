"""`purser prune`: what is old goes, what is told of it, and that no moment of it loses anything."""
import re
import signal
import subprocess
import time

import pytest

import aged
import store
from client import Client
from installation import Installation, binary, environment, purser

DAYS = 400


class Old:
    """Books of a year ago, and what was in them."""

    def __init__(self, folder, contract, ended=False):
        self.installation = aged.start(Installation(folder / 'data'), DAYS)
        client = Client(self.installation, self.installation.key(), contract)
        self.captured = client.captured(amount=1000)
        client.act(self.captured, 'refunds', {'amount': 400}).expect(201)
        self.declined = client.pay('4000000000000002').expect(201)
        self.key = 'an-old-key'
        client.pay(key=self.key).expect(201)
        if not ended:
            self.open = client.authorized(amount=500)
        self.feed = client.pages('/v1/events')
        self.payments = client.pages('/v1/payments')
        self.secret = client.key
        aged.finish(self.installation, DAYS)

    def name(self, thing):
        """Its id now."""
        return aged.name(thing['id'], DAYS)

    def prune(self, *more, days=31):
        return purser('prune', '--data', self.installation.data, '--retention-days', str(days),
                      *more, timeout=60)


@pytest.fixture(scope='module')
def old(tmp_path_factory, contract):
    """For all tests in a row; the last one prunes it."""
    return Old(tmp_path_factory.mktemp('old'), contract)


@pytest.fixture
def ended(tmp_path, contract):
    """Nothing is open, so that a month can go."""
    return Old(tmp_path, contract, ended=True)


def counts(text):
    return {name: int(number) for name, number in re.findall(r'^(\w+) +(\d+)  \w', text, re.M)}


def rows(old, table):
    return store.run(old.installation.data, 'purser.db',
                     'SELECT count(*) AS n FROM ' + table)[0]['n']


def test_nothing_goes_unless_it_is_said(old):
    run = purser('prune', '--data', old.installation.data)
    assert run.returncode == 2 and 'retention_days' in run.stderr
    run = old.prune(days=30)
    assert run.returncode == 2 and '31' in run.stderr
    run = old.prune(days=DAYS + 10)
    assert run.returncode == 0, run.stderr
    assert set(counts(run.stdout).values()) == {0}, run.stdout


def test_a_dry_run_says_what_would_go(old):
    events, claims = rows(old, 'events'), rows(old, 'claims')
    run = old.prune('--dry-run')
    assert run.returncode == 0, run.stderr
    would = counts(run.stdout)
    assert would['keys'] == claims > 3 and would['checkpoints'] > 5, run.stdout
    assert old.name(old.open) + ' is authorized' in run.stdout
    assert (rows(old, 'events'), rows(old, 'claims')) == (events, claims)


def test_the_api_says_what_is_gone(ended, contract):
    """Payments stay; a history says that it is not whole; the feed skips nothing in silence."""
    old = ended
    run = old.prune()
    assert run.returncode == 0 and counts(run.stdout)['keys'] > 0, run.stdout + run.stderr
    assert ('dropped' in run.stdout) == store.on_postgres(), run.stdout
    assert old.installation.doctor().returncode == 0
    server = old.installation.start()
    client = Client(server, old.secret, contract)
    kept = client.get('/v1/payments/' + old.name(old.captured)).expect(200)
    assert (kept['status'], kept['amount_refunded'], kept['version']) == ('captured', 400, 7)
    fresh = client.captured()
    for part in ('events', 'operations'):
        page = client.get('/v1/payments/%s/%s' % (kept['id'], part)).expect(200)
        # The reconciler may have asked about it just now.
        assert page['pruned'] is True
        assert [row for row in page['data'] if row.get('kind') != 'enquire'] == []
        page = client.get('/v1/payments/%s/%s' % (fresh['id'], part)).expect(200)
        assert page['pruned'] is False and page['data'] != []
    # The feed: from the beginning nothing is missing; from an old place something is.
    gone = client.get('/v1/events', after=old.name(old.feed[0])).refused('pruned')
    assert gone['status'] == 410
    client.get('/v1/events/' + old.name(old.feed[0])).refused('pruned')
    whole = client.pages('/v1/events')
    assert whole == client.get('/v1/events', after=old.name(old.feed[-1])).expect(200)['data']
    assert {event['payment'] for event in whole} == {fresh['id'], None}
    # Life goes on: a refund of what is left of it, told to who follows the feed.
    last = whole[-1]['id']
    client.act(kept, 'refunds', {'amount': 100}).expect(201)
    told = client.get('/v1/events', after=last).expect(200)['data']
    assert [event['type'] for event in told] == ['refund.created', 'refund.succeeded']
    page = client.get('/v1/payments/%s/events' % kept['id']).expect(200)
    assert page['pruned'] is True and page['data'] == told
    # The key was forgotten: it may be used for something else.
    client.pay(key=old.key, amount=77).expect(201)
    assert server.doctor().returncode == 0
    assert server.stop() == 0


def test_killed_at_any_moment_it_is_ended_by_the_next(old, contract):
    """kill -9 again and again, beside a server that takes payments: the books are sound each time,
    and nothing that is young or open goes."""
    server = old.installation.start()
    client = Client(server, old.secret, contract)
    made = []
    for number in range(5):
        process = subprocess.Popen([binary(), 'prune', '--data', server.data,
                                    '--retention-days', '31'], env=environment(server.data),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        made.append(client.captured())
        time.sleep(0.02 * number)
        process.send_signal(signal.SIGKILL)
        process.wait()
        doctor = server.doctor()
        assert doctor.returncode == 0, doctor.stdout
    run = old.prune()
    assert run.returncode == 0, run.stderr
    assert rows(old, 'payments') == len(old.payments) + len(made)
    for payment in made:
        page = client.get('/v1/payments/%s/events' % payment['id']).expect(200)
        assert page['pruned'] is False and len(page['data']) == payment['version']
    assert server.doctor().returncode == 0
    assert server.stop() == 0
