"""A full disk: a clear refusal, no half payment, and no restart needed afterwards."""
import os
import subprocess

import pytest

from client import Client, until
from installation import Installation

SIZE_MB = 24

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='mounting a small disk needs root')


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
    with open(path, 'wb') as file:
        try:
            while True:
                file.write(b'\0' * 65536)
                file.flush()
        except OSError:
            pass
    return path


def test_a_full_disk(small_disk, tmp_path_factory, contract):
    server = Installation(small_disk / 'data')
    server.log_path = str(tmp_path_factory.mktemp('log') / 'serve.log')
    server.start()
    client = Client(server, server.key(), contract)
    before = [client.captured() for _ in range(3)]
    ballast = fill(small_disk)
    refused, answered = write_until_refused(client)

    # A clear refusal: nothing was recorded, and the same request may come again.
    refused.refused('store_failed')
    assert int(refused.headers['Retry-After']) >= 1
    assert client.with_key(None).get('/healthz').expect(200)
    until(lambda: client.with_key(None).get('/readyz').status == 503, 20, 'unreadiness', 0)
    assert [client.read(p) for p in before] == before
    assert any(event['level'] == 'error' for event in server.log())

    # Space comes back: the service goes on by itself, with the same key.
    os.remove(ballast)
    until(lambda: client.with_key(None).get('/readyz').status == 200, 10, 'readiness')
    payment = until(lambda: next((a for a in [client.pay(key='after-the-flood')]
                                  if a.status == 201), None), 10, 'a payment').json
    assert payment['status'] == 'captured'
    for one in answered:
        assert client.settles(one)['status'] == 'captured'
    assert server.doctor().returncode == 0
    assert server.stop() == 0


def write_until_refused(client, most=4000):
    """(the first answer that is no success, the payments that were taken until then)

    The write-ahead log has room of its own, so some requests succeed on a full disk."""
    taken = []
    large = {'key-%d' % i: 'v' * 500 for i in range(50)}
    for _ in range(most):
        answer = client.pay(metadata=large, prefer='wait=5')
        if answer.status not in (201, 202):
            return answer, taken
        taken.append(answer.json)
    raise AssertionError('%d payments fit on a full disk' % most)
