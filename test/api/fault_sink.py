"""A receiver of webhooks that misbehaves: what it does with a request is a plan by its path.

A plan is called as plan(connection, request) and writes to the connection what it likes; it
returns True when the connection may be used again. Bytes, not http.server: faults are below it."""
import collections
import socket
import ssl
import struct
import threading
import time

Request = collections.namedtuple('Request', 'path headers body connection at')


def reply(status=200, head='', body=b''):
    """An answer as it should be."""
    def plan(connection, _):
        connection.sendall(b'HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n'
                           % (status, len(body), head.encode()) + body)
        return True
    return plan


def raw(*pieces, gap_s=0.0):
    """These bytes, one piece after the other, then the end of the connection."""
    def plan(connection, _):
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(gap_s)
    return plan


def reset_after(count):
    """So many bytes of an answer, then RST."""
    def plan(connection, _):
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'[:count])
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    return plan


def delayed(seconds, plan):
    def late(connection, request):
        time.sleep(seconds)
        return plan(connection, request)
    return late


class FaultSink:
    def __init__(self, certificate=None):
        self.plans, self.requests, self.changed = {}, [], threading.Condition()
        self.open, self.most_open, self.connections, self.sent = {}, {}, 0, 0
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*certificate)
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self, path, host='127.0.0.1'):
        return '%s://%s:%d%s' % ('https' if self.tls else 'http', host, self.port, path)

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection, self.connections),
                             daemon=True).start()

    def serve(self, connection, number):
        try:
            with connection:
                if self.tls:
                    connection = self.tls.wrap_socket(connection, server_side=True)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while self.serve_one(connection, number):
                    pass
        except OSError:
            pass

    def serve_one(self, connection, number):
        data = b''
        while b'\r\n\r\n' not in data:
            piece = connection.recv(65536)
            if not piece:
                return False
            data += piece
        head, _, body = data.partition(b'\r\n\r\n')
        lines = head.decode().split('\r\n')
        headers = {n.lower(): v for n, _, v in (line.partition(': ') for line in lines[1:])}
        while len(body) < int(headers['content-length']):
            body += connection.recv(65536)
        request = Request(lines[0].split(' ')[1], headers, body, number, time.time())
        with self.changed:
            self.requests.append(request)
            self.open[request.path] = self.open.get(request.path, 0) + 1
            self.most_open[request.path] = max(self.most_open.get(request.path, 0),
                                               self.open[request.path])
            self.changed.notify_all()
        try:
            return self.plans.get(request.path, reply())(connection, request)
        finally:
            with self.changed:
                self.open[request.path] -= 1

    def at(self, path):
        with self.changed:
            return [r for r in self.requests if r.path == path]

    def wait(self, count, path, seconds=15):
        with self.changed:
            def enough():
                return sum(r.path == path for r in self.requests) >= count
            assert self.changed.wait_for(enough, seconds), \
                '%d of %d webhooks came to %s' % (len([r for r in self.requests if r.path == path]),
                                                  count, path)
        return self.at(path)

    def close(self):
        self.listener.close()
