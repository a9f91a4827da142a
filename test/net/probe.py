"""A probe server of the test's own, and clients made of raw sockets."""
import json
import os
import re
import signal
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
GET = b'GET / HTTP/1.1\r\nHost: a\r\n'
POST = b'POST / HTTP/1.1\r\nHost: a\r\n'
CHUNKED = POST + b'Transfer-Encoding: chunked\r\n\r\n'
PATIENCE_S = 10


def binary():
    return os.path.abspath(os.environ.get(
        'PROBE_SERVER', os.path.join(ROOT, 'build-debug/test/net/probe_server')))


def get(path='/echo', version='1.1', **headers):
    lines = ''.join('%s: %s\r\n' % (name.replace('_', '-'), value)
                    for name, value in headers.items())
    return ('GET %s HTTP/%s\r\nHost: a\r\n%s\r\n' % (path, version, lines)).encode()


def post(path, body, **headers):
    lines = ''.join('%s: %s\r\n' % (name.replace('_', '-'), value)
                    for name, value in headers.items())
    return ('POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n%s\r\n'
            % (path, len(body), lines)).encode() + body


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def last(self):
        return self.headers.get('connection') == 'close'


class Client:
    """One connection. What is read stays in `buffer` until it is an answer."""

    def __init__(self, address, source=None):
        self.socket = socket.create_connection(address, PATIENCE_S, source and (source, 0))
        self.buffer = b''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def fill(self):
        """Reads once; False at the end of what the server sends."""
        more = self.socket.recv(65536)
        self.buffer += more
        return more != b''

    def answer(self, head=False):
        while b'\r\n\r\n' not in self.buffer:
            assert self.fill(), 'closed within headers: %r' % self.buffer
        raw, self.buffer = self.buffer.split(b'\r\n\r\n', 1)
        first, *lines = raw.decode('latin-1').split('\r\n')
        assert re.fullmatch(r'HTTP/1\.1 \d{3} [A-Za-z ]*', first), first
        headers = {}
        for line in lines:
            name, value = line.split(': ', 1)
            assert name.lower() not in headers, 'twice: ' + line
            headers[name.lower()] = value
        status = int(first.split()[1])
        length = 0 if head or status < 200 else int(headers['content-length'])
        while len(self.buffer) < length:
            assert self.fill(), 'closed within a body'
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return Answer(status, headers, body)

    def ask(self, data):
        return self.send(data).answer()

    def rest(self):
        """All until the server closes. A reset is an error."""
        while self.fill():
            pass
        return self.buffer

    def is_reset(self):
        try:
            self.rest()
        except ConnectionResetError:
            return True
        return False


class Probe:
    """A probe server with these limits. It must end well: no leak, nothing left open."""

    def __init__(self, prepare=None, **limits):
        words = ['%s=%d' % limit for limit in limits.items()]
        self.process = subprocess.Popen([binary(), *words], text=True, preexec_fn=prepare,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.address = self.read_address()
        self.address6 = self.read_address()

    def read_address(self):
        line = self.process.stdout.readline()
        match = re.fullmatch(r'listening \[?([0-9.:]+?)\]?:(\d+)\n', line)
        assert match, line + self.process.stderr.read()
        return match.group(1), int(match.group(2))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.process.kill()
            self.process.communicate()
            return
        self.end()

    def end(self, stopping=False):
        """Stops it, unless it is `stopping` already: so late a signal would kill it."""
        if not stopping:
            self.process.send_signal(signal.SIGTERM)
        output, errors = self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 0, errors
        assert errors == ''
        counts = json.loads(output.partition('ended ')[2])
        assert counts['requests_open'] == 0, counts
        return counts

    def client(self):
        return Client(self.address)

    def ask(self, data):
        with self.client() as client:
            return client.ask(data)

    def counts(self, client=None):
        """Asked for by a connection of its own, or by `client`."""
        if client is None:
            with self.client() as own:
                return self.counts(own)
        return json.loads(client.ask(get('/counts')).body)

    def until(self, name, value, client=None):
        """Waits for a count: what a client did reaches the server a little later."""
        deadline = time.monotonic() + PATIENCE_S
        while self.counts(client)[name] != value:
            assert time.monotonic() < deadline, (name, value, self.counts(client))
            time.sleep(0.01)

    def status(self, name):
        """A number of /proc/PID/status."""
        with open('/proc/%d/status' % self.process.pid, encoding='ascii') as file:
            return int(re.search(r'^%s:\s+(\d+)' % name, file.read(), re.MULTILINE).group(1))

    def cpu_s(self):
        """Processor time that it has used."""
        with open('/proc/%d/stat' % self.process.pid, encoding='ascii') as file:
            fields = file.read().rpartition(')')[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
