"""A receiver of webhooks that keeps what came and answers as it was told to."""
import http.server
import threading


class Sink:
    """`answer` is called with each request and returns (status, headers, body)."""

    def __init__(self):
        self.requests, self.changed = [], threading.Condition()
        self.answer = lambda request: (200, {}, b'')
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                body = self.rfile.read(int(self.headers['Content-Length']))
                request = {'path': self.path, 'headers': self.headers, 'body': body}
                status, headers, reply = sink.answer(request)
                with sink.changed:
                    sink.requests.append(request)
                    sink.changed.notify_all()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header('Content-Length', str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        # A sender that was killed is no error of ours.
        self.server.handle_error = lambda *_: None
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path='/hook'):
        return 'http://127.0.0.1:%d%s' % (self.server.server_port, path)

    def at(self, path):
        with self.changed:
            return [r for r in self.requests if r['path'] == path]

    def wait(self, count, path='/hook', seconds=15):
        """The requests that came to the path, when there are that many."""
        with self.changed:
            def enough():
                return len([r for r in self.requests if r['path'] == path]) >= count
            assert self.changed.wait_for(enough, seconds), \
                '%d of %d webhooks came' % (len([r for r in self.requests if r['path'] == path]),
                                            count)
        return self.at(path)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
