"""A full disk: a clear refusal, no half payment, and no restart needed afterwards."""
import os
import subprocess
import time

import pytest

from client import Client, until
from installation import Installation
from store import sqlite_only

SIZE_MB = 24
SILENT = '4000000000000259'        # approved; the answer is lost, and found by asking

pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason='mounting a small disk needs root'),
              sqlite_only]


@pytest.fixture()
def small_disk(tmp_path):
    """A file system of a few megabytes."""
    mount = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=%dm' % SIZE_MB, 'purser-test',
                            str(tmp_path)], capture_output=True, text=True)
    if mount.returncode != 0:
        pytest.skip('no tmpfs may be mounted here: ' + mount.stderr)
    yield tmp_path
    subprocess.run(['umount', '-l', str(tmp_path)], check=True)


def fill(folder):
    """Takes all space that is left; removing the file gives it back."""
    path = folder / 'ballast'
    # Without a buffer: what is left in one would be written, and refused, when it is closed.
    with open(path, 'wb', buffering=0) as file:
        try:
            while True:
                file.write(b'\0' * 65536)
        except OSError:
            pass
    return path


@pytest.fixture()
def server(small_disk, tmp_path_factory):
    """On the small disk, but with its log elsewhere."""
    server = Installation(small_disk / 'data')
    server.log_path = str(tmp_path_factory.mktemp('log') / 'serve.log')
    return server.start()


def test_a_full_disk(small_disk, server, contract):
    client = Client(server, server.key(), contract)
    before = [client.captured() for _ in range(3)]
    lost = [client.pay(SILENT, prefer='respond-async').expect(202) for _ in range(5)]
    ballast = fill(small_disk)
    refused, taken = write_until_refused(client)

    # A clear refusal: nothing was recorded, and the same request may come again.
    refused.refused('store_failed')
    assert int(refused.headers['Retry-After']) >= 1
    assert client.with_key(None).get('/healthz').expect(200)
    until(lambda: client.with_key(None).get('/readyz').status == 503, 20, 'unreadiness', 0)
    assert [client.read(p) for p in before] == before
    assert any(event['level'] == 'error' for event in server.log())

    # It stays full while answers of the gateway come in, and none of them may be lost.
    taken += stay_full(client, 4)
    os.remove(ballast)
    until(lambda: client.with_key(None).get('/readyz').status == 200, 10, 'readiness')
    payment = until(lambda: next((a for a in [client.pay(key='after-the-flood')]
                                  if a.status == 201), None), 10, 'a payment').json
    assert payment['status'] == 'captured'
    for one in lost + taken:
        ended_as_the_gateway_says(client, client.settles(one, 45))
    assert server.doctor().returncode == 0
    assert server.stop() == 0


def ended_as_the_gateway_says(client, payment):
    """The sandbox keeps its ledger on the same disk: what that could not take never came about."""
    moved = client.moved_at_gateway(payment)
    if payment['status'] == 'failed':
        assert payment['failure']['code'] == 'interrupted' and moved == {}, (payment, moved)
    else:
        assert payment['status'] == 'captured', payment
        assert moved['capture'] == payment['amount_captured'], (payment, moved)


LARGE = {'key-%d' % i: 'v' * 500 for i in range(50)}


def write_until_refused(client, most=4000):
    """(the first answer that is no success, the payments that were taken until then)

    The write-ahead log has room of its own, so some requests succeed on a full disk."""
    taken = []
    for _ in range(most):
        answer = client.pay(metadata=LARGE, prefer='wait=1')
        if answer.status not in (201, 202):
            return answer, taken
        taken.append(answer.json)
    raise AssertionError('%d payments fit on a full disk' % most)


def stay_full(client, seconds):
    """Goes on asking; whatever is taken must be done later. Returns it."""
    taken, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        answer = client.pay(metadata=LARGE, prefer='respond-async')
        if answer.status == 503:
            answer.refused('store_failed')
            time.sleep(0.01)
        else:
            taken.append(answer.expect(201, 202))
    return taken
