"""The disk between a commit and its flush: nobody is told of what is not on it yet, and a flush
that fails ends the server before anybody was."""
import os
import signal
import subprocess
import threading
import uuid

import pytest

from client import Client, until
from installation import Installation
from store import sqlite_only

pytestmark = sqlite_only


class Disk:
    """What flushes of the log do."""

    def __init__(self, folder):
        self.control = folder / 'flushes'
        self.library = folder / 'flush_fault.so'
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'flush_fault.c')
        subprocess.run(['cc', '-shared', '-fPIC', '-O1', '-o', self.library, source], check=True)
        self.set('')

    def environment(self):
        return {'LD_PRELOAD': str(self.library), 'FLUSH_FAULT': str(self.control),
                'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':verify_asan_link_order=0'}

    def set(self, what):
        new = self.control.with_suffix('.new')
        new.write_text(what)
        new.rename(self.control)


class Asked(threading.Thread):
    """A request whose answer may be long in coming."""

    def __init__(self, ask):
        super().__init__(daemon=True)
        self.ask, self.answer, self.error = ask, None, None
        self.start()

    def run(self):
        try:
            self.answer = self.ask()
        except OSError as error:
            self.error = error


@pytest.fixture()
def disk(tmp_path):
    return Disk(tmp_path)


@pytest.fixture()
def server(disk, tmp_path):
    server = Installation(tmp_path / 'data').start(**disk.environment())
    yield server
    disk.set('')
    if server.alive():
        assert server.stop() == 0, server.log_tail()


def test_nobody_is_told_of_what_is_not_on_the_disk(server, disk, contract):
    client = Client(server, server.key(), contract)
    first = client.captured()
    disk.set('hold')
    payment = Asked(client.pay)
    payment.join(0.3)
    # These read what the writer has committed, and nobody knows yet whether it stays.
    reads = [Asked(lambda: client.get('/v1/events')),
             Asked(lambda: client.get('/v1/payments'))]
    for read in reads:
        read.join(0.3)
    assert payment.is_alive() and all(read.is_alive() for read in reads)
    assert client.with_key(None).get('/healthz').status == 200
    disk.set('')
    for asked in [payment, *reads]:
        asked.join(10)
    made = payment.answer.expect(201)
    assert made['status'] == 'captured'
    listed = [one['id'] for one in reads[1].answer.expect(200)['data']]
    assert listed in ([made['id'], first['id']], [first['id']])
    assert client.read(made)['status'] == 'captured'


def test_a_flush_that_fails_ends_the_server_unheard(server, disk, contract):
    client = Client(server, server.key(), contract)
    key = str(uuid.uuid4())
    before = client.captured()
    disk.set('fail')
    lost = Asked(lambda: client.pay(key=key))
    lost.join(10)
    assert lost.error and not lost.answer
    until(lambda: not server.alive(), 10, 'the end of the server')
    assert server.process.returncode == -signal.SIGABRT
    assert server.log()[-1]['event'] == 'store.flush_failed'

    disk.set('')
    server.start(**disk.environment())
    # It was written after all, before anything was asked of the gateway; or nothing was.
    again = client.settles(client.pay(key=key).expect(201, 202))
    if again['status'] != 'captured':
        assert again['failure']['code'] == 'interrupted'
        assert client.moved_at_gateway(again) == {}
    assert client.read(before)['status'] == 'captured'
    assert {one['id'] for one in client.get('/v1/payments').expect(200)['data']} \
        == {before['id'], again['id']}
    assert server.doctor().returncode == 0
