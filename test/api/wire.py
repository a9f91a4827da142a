"""Bytes over a socket, for what no HTTP client would send."""
import socket
import time

from client import Answer


class Wire:
    def __init__(self, server, timeout=45):
        self.socket = socket.create_connection((server.host, server.port), timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """Sends what the server will take; it may have closed already."""
        try:
            self.socket.sendall(data)
        except OSError:
            pass

    def trickle(self, data, pause_s, seconds):
        """A byte at a time, until the server answers or the time is over."""
        end = time.monotonic() + seconds
        for i in range(len(data)):
            if time.monotonic() > end or self.readable(pause_s):
                return
            self.send(data[i:i + 1])

    def readable(self, seconds):
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(1, socket.MSG_PEEK) is not None
        except (TimeoutError, BlockingIOError):
            return False
        except OSError:
            return True
        finally:
            self.socket.settimeout(45)

    def rest(self):
        """Everything until the server closes."""
        chunks = []
        try:
            while True:
                chunk = self.socket.recv(65536)
                if not chunk:
                    break
                chunks.append(chunk)
        except ConnectionResetError:
            pass
        return b''.join(chunks)

    def answer(self):
        """The next answer; leaves the connection as it is."""
        head = b''
        while b'\r\n\r\n' not in head:
            byte = self.socket.recv(1)
            assert byte, 'closed without an answer, after %r' % head
            head += byte
        lines = head.decode('latin-1').split('\r\n')
        headers = dict(line.split(': ', 1) for line in lines[1:] if line)
        body = b''
        length = int(headers.get('Content-Length', 0))
        while len(body) < length:
            chunk = self.socket.recv(length - len(body))
            assert chunk, 'closed inside a body, after %r' % body
            body += chunk
        return Answer(int(lines[0].split(' ')[1]), headers, body)

    def closed(self, seconds=5):
        """Whether the server closes the connection within that time."""
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(1) == b''
        except ConnectionResetError:
            return True
        except (TimeoutError, BlockingIOError):
            return False
