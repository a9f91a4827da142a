"""`purser copy` moves a stopped installation; `purser wait` waits for the books."""
import os
import shutil
import signal
import subprocess
import time

import pytest

import store
from client import Client
from installation import Installation, binary, environment, purser

pytestmark = store.sqlite_only


@pytest.fixture
def stopped(tmp_path, contract):
    """Books with some history, stopped; and what was in them."""
    server = Installation(tmp_path / 'data').start()
    client = Client(server, server.key(), contract)
    payments = [client.captured(amount=1000 + number) for number in range(3)]
    client.act(payments[0], 'refunds', {'amount': 400}).expect(201)
    payments.append(client.authorized(amount=500))
    seen = {payment['id']: client.read(payment) for payment in payments}
    feed = client.pages('/v1/events')
    assert server.stop() == 0
    return server, client.key, seen, feed


def copy(source, target, *more):
    return purser('copy', '--from', 'sqlite:' + str(source), '--to', 'sqlite:' + str(target), *more)


def test_a_copy_serves_as_the_original_did(stopped, tmp_path, contract):
    server, key, seen, feed = stopped
    target = tmp_path / 'moved'
    run = copy(server.data, target)
    assert run.returncode == 0, run.stdout + run.stderr
    assert 'source: invariants hold' in run.stdout and 'target: invariants hold' in run.stdout
    shutil.copy(os.path.join(server.data, 'installation.key'), target)
    moved = Installation(target).start()
    client = Client(moved, key, contract)
    for name, payment in seen.items():
        assert client.get('/v1/payments/' + name).expect(200) == payment
    assert client.pages('/v1/events') == feed
    # Life goes on where it was, behind the last place of the feed.
    client.pay(amount=700).expect(201, 202)
    # The built-in gateway still knows what it holds.
    held = next(payment for payment in seen.values() if payment['status'] == 'authorized')
    assert client.act(held, 'capture').expect(200)['status'] == 'captured'
    charged = next(payment for payment in seen.values() if payment['amount_refunded'] == 0
                   and payment['status'] == 'captured')
    assert client.act(charged, 'refunds').expect(201)['status'] == 'succeeded'
    assert len(client.pages('/v1/events')) > len(feed)
    assert moved.doctor().returncode == 0
    assert moved.stop() == 0


def test_a_copy_that_was_cut_off_goes_on(stopped, tmp_path):
    server, _, _, _ = stopped
    target = tmp_path / 'moved'
    for pause in (0.001, 0.005, 0.02):
        process = subprocess.Popen([binary(), 'copy', '--from', 'sqlite:' + server.data, '--to',
                                    'sqlite:' + str(target)], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env=environment())
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.wait()
    run = copy(server.data, target)
    assert run.returncode == 0, run.stdout + run.stderr
    again = copy(server.data, target, '--verify-only')
    assert again.returncode == 0, again.stdout + again.stderr


def test_served_books_are_not_copied(tmp_path):
    server = Installation(tmp_path / 'data').start()
    run = copy(server.data, tmp_path / 'moved')
    assert run.returncode == 2 and server.data in run.stderr, run.stderr
    assert server.stop() == 0


def test_books_of_others_are_not_mixed(stopped, tmp_path):
    server, _, _, _ = stopped
    other = Installation(tmp_path / 'other').start()
    assert other.stop() == 0
    run = copy(server.data, other.data)
    assert run.returncode == 1 and 'another installation' in run.stderr, run.stderr
    run = copy(tmp_path / 'nothing', tmp_path / 'moved')
    assert run.returncode == 2, run.stderr


def test_a_difference_is_named(stopped, tmp_path):
    server, _, _, _ = stopped
    target = tmp_path / 'moved'
    assert copy(server.data, target).returncode == 0
    moved = Installation(target)
    store.run(moved.data, 'sandbox.db', 'DELETE FROM sandbox_ledger WHERE number = 1')
    run = copy(server.data, target, '--verify-only')
    assert run.returncode == 1 and 'sandbox_ledger' in run.stderr, run.stderr
    store.run(moved.data, 'purser.db', 'DELETE FROM attempts WHERE number = 1')
    run = copy(server.data, target, '--verify-only')
    assert run.returncode == 1 and 'attempts' in run.stderr, run.stderr


def test_wait_for_books(stopped, tmp_path):
    server, _, _, _ = stopped
    assert purser('wait', '--data', server.data).returncode == 0
    started = time.monotonic()
    missing = purser('wait', '--data', str(tmp_path / 'none'), '--timeout', '1')
    assert missing.returncode == 2 and time.monotonic() - started >= 1, missing.stderr
    store.run(server.data, 'purser.db', "INSERT INTO schema_versions (version, what, applied_ms)"
                           " VALUES (9999, 'later', 1)")
    newer = purser('wait', '--data', server.data, '--timeout', '5')
    assert newer.returncode == 1 and '9999' in newer.stderr, newer.stderr


def test_wait_ends_when_the_books_come(tmp_path):
    data = tmp_path / 'later'
    process = subprocess.Popen([binary(), 'wait', '--data', str(data), '--timeout', '20'],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               env=environment())
    time.sleep(0.3)
    assert process.poll() is None
    server = Installation(data).start()
    assert process.wait(10) == 0
    assert server.stop() == 0
