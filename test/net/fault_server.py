"""A server that fails on purpose, each way by its path, and counts the effects that it had.

An effect is a request that was read whole: a gateway that got so far may have moved money. The
header X-Effect names what it moved, so that nothing is counted together that is not the same.
"""
import collections
import json
import socket
import ssl
import struct
import threading
import time

MAX = 65536


def reply(body=b'{"ok":true}', status='200 OK', version='1.1', length=True, **headers):
    lines = ['HTTP/%s %s' % (version, status)]
    if length:
        lines.append('Content-Length: %d' % len(body))
    lines += ['%s: %s' % (name.replace('_', '-'), value) for name, value in headers.items()]
    return '\r\n'.join(lines).encode() + b'\r\n\r\n' + body


class Request:
    def __init__(self, head, body):
        first, *lines = head.decode('latin-1').split('\r\n')
        self.method, target, self.version = first.split(' ')
        self.path, _, self.query = target.partition('?')
        self.lines = [line.split(': ', 1) if ': ' in line else (line.rstrip(':'), '')
                      for line in lines]
        self.headers = {name.lower(): value for name, value in self.lines}
        self.body = body

    @property
    def number(self):
        return int(self.query)


class Connection:
    """One client. `requests` counts those that it made; `buffer` is what was read ahead."""

    def __init__(self, server, sock):
        self.server, self.socket = server, sock
        self.buffer, self.requests = b'', 0

    def send(self, data):
        self.socket.sendall(data)

    def fill(self):
        more = self.socket.recv(MAX)
        self.buffer += more
        return more != b''

    def read_head(self):
        while b'\r\n\r\n' not in self.buffer:
            if not self.fill():
                return None
        head, self.buffer = self.buffer.split(b'\r\n\r\n', 1)
        return head

    def read_request(self):
        head = self.read_head()
        if head is None:
            return None
        request = Request(head, b'')
        if request.path == '/half':
            return request
        length = int(request.headers.get('content-length', 0))
        while len(self.buffer) < length:
            if not self.fill():
                return None
        request.body, self.buffer = self.buffer[:length], self.buffer[length:]
        self.requests += 1
        self.server.count(request)
        return request

    def reset(self):
        """Ends it with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.socket.close()

    def close(self):
        # The descriptor stays open within `ssl` otherwise, and the client would wait.
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def wait_for_client(self):
        """Until the other side has had enough."""
        try:
            while self.socket.recv(MAX):
                pass
        except OSError:
            pass

    def drip(self, data, pause_s):
        for byte in data:
            self.send(bytes([byte]))
            time.sleep(pause_s)


# Each fault takes (connection, request) and returns True when the connection goes on.

def ok(connection, request):
    connection.send(reply())
    return True


def echo(connection, request):
    seen = {'method': request.method, 'headers': request.lines, 'version': request.version,
            'body': request.body.decode(), 'requests': connection.requests,
            'target': request.path + ('?' + request.query if request.query else '')}
    connection.send(reply(json.dumps(seen).encode()))
    return True


def half(connection, request):
    """Closed before the body was read. Bytes that were not read make it a reset."""


def drop(connection, request):
    """It happened, and nobody is told."""


def drop_second(connection, request):
    """As drop, on a connection that was used before."""
    if connection.requests == 1:
        return ok(connection, request)
    return drop(connection, request)


def drop_first(connection, request):
    if connection.requests == 1:
        return drop(connection, request)
    return ok(connection, request)


def reset_after(connection, request):
    connection.send(reply(b'x' * 1000)[:request.number])
    time.sleep(0.05)    # else the reset overtakes what was sent
    connection.reset()


def close_after(connection, request):
    connection.send(reply(b'x' * 1000)[:request.number])


def chunks_cut(connection, request):
    connection.send(reply(length=False, body=b'5\r\nhello\r\n', Transfer_Encoding='chunked'))


def chunks(connection, request):
    connection.send(reply(length=False, body=b'5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n',
                          Transfer_Encoding='chunked'))
    return True


def drip(connection, request):
    connection.drip(reply(b'{"ok":"slowly"}'), 0.005)
    return True


def drip_for_ever(connection, request):
    connection.send(reply(length=False, body=b''))
    while True:
        connection.drip(b'x', 0.02)


def slow(connection, request):
    """The server counts how many of these are at work together."""
    server = connection.server
    with server.lock:
        server.in_work += 1
        server.most_in_work = max(server.most_in_work, server.in_work)
    time.sleep(request.number / 1000)
    with server.lock:
        server.in_work -= 1
    return ok(connection, request)


def gated(connection, request):
    """Answers when the test opens the gate."""
    connection.server.gate.wait(60)
    connection.send(reply(b'{"ok":true}'))
    return True


def silence(connection, request):
    connection.wait_for_client()


def sized(connection, request):
    connection.send(reply(b'x' * request.number))
    return True


def flood(connection, request):
    connection.send(reply(length=False, body=b'', Transfer_Encoding='chunked'))
    while True:
        connection.send(b'1000\r\n' + b'x' * 4096 + b'\r\n')


def header_flood(connection, request):
    connection.send(b'HTTP/1.1 200 OK\r\n')
    for number in range(request.number):
        connection.send(b'X-%d: %s\r\n' % (number, b'y' * 1000))
    connection.send(b'Content-Length: 0\r\n\r\n')
    return True


def redirect(connection, request):
    connection.send(reply(status='302 Found', Location='/echo'))
    return True


def repeat_307(connection, request):
    connection.send(reply(status='307 Temporary Redirect', Location='/ok'))
    return True


def gzip(connection, request):
    connection.send(reply(b'\x1f\x8b\x08\0not really', Content_Encoding='gzip'))
    return True


def go_on(connection, request):
    connection.send(b'HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n')
    connection.send(b'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')
    return ok(connection, request)


def go_on_then_drop(connection, request):
    connection.send(b'HTTP/1.1 100 Continue\r\n\r\n')


def wrong_100(connection, request):
    """Says 417 to make a client repeat without Expect, 401 and 407 to make it log in."""
    connection.send(reply(status='%d Once more' % request.number,
                          WWW_Authenticate='Basic realm="x"', Proxy_Authenticate='Basic'))
    return True


def http10(connection, request):
    connection.send(reply(b'{"old":true}', version='1.0', length=False))


def http10_reset(connection, request):
    connection.send(reply(b'{"old":true}', version='1.0', length=False))
    time.sleep(0.05)
    connection.reset()


def garbage(connection, request):
    connection.send(b'SSH-2.0-OpenSSH_9.2\r\n')


def ancient(connection, request):
    connection.send(b'<html>HTTP/0.9</html>')


def two_lengths(connection, request):
    connection.send(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n{}')
    connection.wait_for_client()


def empty(connection, request):
    connection.send(b'HTTP/1.1 204 No Content\r\n\r\n')
    return True


def status(connection, request):
    connection.send(reply(status='%d Whatever' % request.number))
    return True


FAULTS = {'/' + function.__name__.replace('_', '-'): function for function in (
    ok, echo, half, drop, drop_second, drop_first, reset_after, close_after, chunks_cut, chunks,
    drip, drip_for_ever, slow, gated, silence, sized, flood, header_flood, redirect, repeat_307,
    gzip, go_on, go_on_then_drop, wrong_100, http10, http10_reset, garbage, ancient, two_lengths,
    empty, status)}


class FaultServer:
    """Threads, one per connection. `greet` is called first with the bare socket and may end it
    by returning None, or wrap it, as TLS does."""

    def __init__(self, greet=None, serve=None):
        self.greet = greet or (lambda sock: sock)
        self.serve = serve or self.serve_http
        self.lock, self.gate = threading.Lock(), threading.Event()
        self.effects = collections.Counter()
        self.connections = self.in_work = self.most_in_work = 0
        self.times = []
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def url(self, path='/ok', scheme='http', host='127.0.0.1'):
        return '%s://%s:%d%s' % (scheme, host, self.port, path)

    def count(self, request):
        with self.lock:
            self.effects[request.headers.get('x-effect', request.path)] += 1
            self.times.append(time.monotonic())

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.work, args=(sock,), daemon=True).start()

    def work(self, sock):
        with self.lock:
            self.connections += 1
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            greeted = self.greet(sock)
            if greeted is not None:
                connection = Connection(self, greeted)
                self.serve(connection)
                connection.close()
        except OSError:
            pass
        finally:
            sock.close()

    def serve_http(self, connection):
        while (request := connection.read_request()) is not None:
            if not FAULTS.get(request.path, drop)(connection, request):
                return


def greet_tls(cert, key, alpn=('http/1.1',)):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(list(alpn))
    return lambda sock: context.wrap_socket(sock, server_side=True)


def greet_close(sock):
    """Accepted, and gone before a byte was read."""
    sock.close()


def greet_silence(sock):
    """Accepted, and then nothing: no handshake, no reply."""
    try:
        while sock.recv(MAX):
            pass
    except OSError:
        pass


def greet_half_handshake(sock):
    """Reads the first words of TLS and goes away."""
    sock.recv(1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    sock.close()


# HTTP/2, no more of it than a refusal or a plain 200 needs.

PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1
REFUSED_STREAM, HTTP_1_1_REQUIRED = 7, 13
STATUS_200 = b'\x88'


def frame(kind, flags, stream, payload=b''):
    return struct.pack('>I', len(payload))[1:] + bytes([kind, flags]) \
        + struct.pack('>I', stream) + payload


class H2:
    """`answer(connection, stream)` is called when a request has come whole; effects are counted
    as 'h2'. A connection that chose HTTP/1.1 is served as any other."""

    def __init__(self, answer):
        self.answer = answer
        self.server = None

    def __call__(self, connection):
        if connection.socket.selected_alpn_protocol() != 'h2':
            self.server.serve_http(connection)
            return
        while len(connection.buffer) < len(PREFACE):
            connection.fill()
        assert connection.buffer.startswith(PREFACE)
        connection.buffer = connection.buffer[len(PREFACE):]
        connection.send(frame(SETTINGS, 0, 0))
        while self.hear(connection):
            pass

    @staticmethod
    def read_frame(connection):
        while len(connection.buffer) < 9:
            if not connection.fill():
                return None
        size = int.from_bytes(connection.buffer[:3], 'big')
        kind, flags = connection.buffer[3:5]
        stream = int.from_bytes(connection.buffer[5:9], 'big')
        while len(connection.buffer) < 9 + size:
            if not connection.fill():
                return None
        connection.buffer = connection.buffer[9 + size:]
        return kind, flags, stream

    def hear(self, connection):
        heard = self.read_frame(connection)
        if heard is None:
            return False
        kind, flags, stream = heard
        if kind == SETTINGS and not flags & ACK:
            connection.send(frame(SETTINGS, ACK, 0))
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            with self.server.lock:
                self.server.effects['h2'] += 1
            return self.answer(connection, stream)
        return True


def h2_ok(connection, stream):
    connection.send(frame(HEADERS, END_HEADERS, stream, STATUS_200)
                    + frame(DATA, END_STREAM, stream, b'{"two":true}'))
    return True


def h2_refuse(code):
    def answer(connection, stream):
        connection.send(frame(RST_STREAM, 0, stream, struct.pack('>I', code)))
        return True
    return answer


def h2_goaway(connection, stream):
    """Says that it never saw this stream, and closes."""
    connection.send(frame(GOAWAY, 0, 0, struct.pack('>II', 0, 0)))
    return False


def h2_drop(connection, stream):
    return False


# A proxy for CONNECT and for absolute URLs.

class Proxy(FaultServer):
    def __init__(self, refuse=False):
        super().__init__(serve=self.serve_proxy)
        self.refuse = refuse
        self.asked = []

    def serve_proxy(self, connection):
        head = connection.read_head()
        if head is None:
            return
        method, target, _ = head.decode().split('\r\n')[0].split(' ')
        self.asked.append((method, target))
        if self.refuse or method != 'CONNECT':
            connection.send(reply(b'no', status='403 Forbidden', X_Proxy='1'))
            return
        host, port = target.rsplit(':', 1)
        with socket.create_connection((host, int(port))) as far:
            connection.send(reply(b'', status='200 Yes', length=False, X_Proxy='1'))
            back = threading.Thread(target=self.pump, args=(far, connection.socket), daemon=True)
            back.start()
            self.pump(connection.socket, far)
            back.join()

    @staticmethod
    def pump(source, target):
        try:
            while data := source.recv(MAX):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
