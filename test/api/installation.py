"""An installation of the real binary: a data directory, its server, its commands."""
import contextlib
import json
import os
import signal
import subprocess
import time
import uuid

import store
from contract import ROOT

START_S = 20
STOP_S = 15


def binary():
    """PURSER_BINARY, or what the debug or the release build left."""
    named = os.environ.get('PURSER_BINARY')
    if named:
        return os.path.abspath(named)
    for place in ('build-debug/purser', 'build/purser'):
        path = os.path.join(ROOT, place)
        if os.access(path, os.X_OK):
            return path
    raise FileNotFoundError('no purser is built: run tools/build debug, or set PURSER_BINARY')


def environment(data=None, **more):
    """The test's own environment without settings of purser that happen to be set. For what
    works in a data directory: with the address of its books, where that is not the default."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith('PURSER_')}
    where = store.address(data) if data else None
    return {**kept, **({'PURSER_STORE': where} if where else {}), **more}


def data_of(arguments):
    """The data directory that a command line names."""
    arguments = list(arguments)
    return arguments[arguments.index('--data') + 1] if '--data' in arguments else None


def purser(*arguments, timeout=30, **env):
    """Runs a command to its end."""
    return subprocess.run([binary(), *arguments], env=environment(data_of(arguments), **env),
                          timeout=timeout, stdin=subprocess.DEVNULL, capture_output=True, text=True)


@contextlib.contextmanager
def serving(data, *arguments, **env):
    """A server on empty books. It must live till the end and leave with exit code 0, and the
    books that it leaves must hold every invariant."""
    installation = Installation(data).start(*arguments, **env)
    yield installation
    assert installation.alive(), installation.log_tail()
    deep = installation.doctor()
    assert installation.stop() == 0, installation.log_tail()
    assert deep.returncode == 0, deep.stdout + deep.stderr


class Installation:
    """`data` is a folder of the test's; the server listens on a free port of 127.0.0.1."""

    processes = []      # of all installations, so that none outlives the tests

    def __init__(self, data):
        self.data = str(data)
        self.process = None
        self.log_path = self.data + '.log'
        self.log_start = 0
        self.host = self.port = None

    def start(self, *arguments, wrapper=(), listen='127.0.0.1:0', **env):
        """Starts the server and waits until it is ready. Its log is appended to log_path."""
        self.log_start = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen(
                [*wrapper, binary(), 'serve', '--data', self.data, '--listen', listen,
                 *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
                env=environment(self.data, PURSER_LOG_FORMAT='json', PURSER_LOG_LEVEL='debug',
                                **env))
        Installation.processes.append(self.process)
        ready = self.logged('serve.ready', START_S)
        self.host, port = ready['address'].rpartition('/')[2].rsplit(':', 1)
        self.port = int(port)
        return self

    def log(self):
        """The events that this run of the server has logged so far."""
        with open(self.log_path, 'rb') as file:
            file.seek(self.log_start)
            lines = file.read().decode('utf-8', 'replace').split('\n')
        events = []
        for line in lines[:-1]:
            if line.startswith('{'):
                events.append(json.loads(line))
        return events

    def logged(self, event, seconds):
        """Waits for an event of the log."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for line in self.log():
                if line.get('event') == event:
                    return line
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError('no %s in the log; exit code %s\n%s'
                             % (event, self.process.poll(), self.log_tail()))

    def log_tail(self, size=6000):
        with open(self.log_path, 'rb') as file:
            return file.read()[-size:].decode('utf-8', 'replace')

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """SIGTERM, and waits. Returns the exit code."""
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError('SIGTERM did not end the server:\n' + self.log_tail())

    def key(self, mode='test', scopes=None, merchant=None):
        """A new API key's text."""
        arguments = ['key', 'create', '--data', self.data, '--mode', mode, '--json']
        if scopes is not None:
            arguments += ['--scopes', scopes]
        if merchant is not None:
            arguments += ['--merchant', merchant]
        run = purser(*arguments)
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)['key']

    def merchant(self, name):
        """A second merchant. There is no command for it yet, so it is put into the books."""
        store.run(self.data, 'purser.db',
                  'INSERT INTO merchants (id, name, created_ms) VALUES (?, ?, ?)',
                  uuid.uuid4().bytes, name, int(time.time() * 1000))

    def doctor(self):
        return purser('doctor', '--deep', '--data', self.data)

    def moved_at_gateway(self, authorize_reference):
        """What the sandbox did for a charge, by its own ledger: {kind: sum of amounts}."""
        rows = self.sandbox_rows('SELECT kind, sum(amount_minor) AS amount FROM sandbox_ledger'
                                 ' WHERE charge = ? GROUP BY kind', authorize_reference)
        return {row['kind']: row['amount'] for row in rows}

    def sandbox_rows(self, sql, *values):
        """Rows of the sandbox gateway's own ledger, which purser's handlers never read."""
        return store.run(self.data, 'sandbox.db', sql, *values)

    def bytes_on_disk(self):
        """(path, content) of every file of the data directory, of the log and of the books."""
        yield self.log_path, open(self.log_path, 'rb').read()
        yield from store.content(self.data)
        for folder, _, names in os.walk(self.data):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    yield path, open(path, 'rb').read()
