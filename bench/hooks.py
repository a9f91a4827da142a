"""What bench/webhooks and bench/fairness share: the sink, and books with a backlog in them."""
import json
import mmap
import os
import sqlite3
import struct
import subprocess
import time

from harness import BENCH, PURSER, Server

HOOKS = os.path.join(BENCH, 'hooks')
PATHS = 4096
LAG_MS = 0.1
LAGS = 100001
# struct seen of bench/hooks.h
HEAD = struct.Struct('4q')
MADE_AT = HEAD.size + 8 * PATHS
ANSWERED_AT = MADE_AT + 8 * LAGS
SEEN = ANSWERED_AT + 8 * (LAGS + 262144)
MADE = 0x019ac00000007000       # ids of a day long ago, of version 7
OWN_ID = 'made(n.i * row.total + row.k)'
ENDPOINTS_OF_MERCHANT = 50


class Certificate:
    """One that signs itself, for 127.0.0.1."""

    def __init__(self, folder):
        self.key, self.path = (os.path.join(folder, 'sink.' + end) for end in ('key', 'pem'))
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                        'ec_paramgen_curve:P-256', '-nodes', '-keyout', self.key, '-out', self.path,
                        '-days', '2', '-subj', '/CN=sink',
                        '-addext', 'subjectAltName=IP:127.0.0.1'], check=True, capture_output=True)


class Sink:
    def __init__(self, folder, certificate=None):
        self.scheme = 'https' if certificate else 'http'
        path = self.path = os.path.join(folder, 'seen-' + self.scheme)
        files = [certificate.path, certificate.key] if certificate else []
        self.process = subprocess.Popen([HOOKS, 'sink', path, *files])
        while not os.path.exists(path) or os.path.getsize(path) < SEEN:
            time.sleep(0.01)
        with open(path, 'r+b') as file:
            self.map = mmap.mmap(file.fileno(), SEEN)
        while not self.port():
            time.sleep(0.01)

    def head(self):
        return HEAD.unpack(self.map[:HEAD.size])

    def port(self):
        return self.head()[0]

    def count(self):
        return self.head()[1]

    def url(self, path='/hook'):
        return '%s://127.0.0.1:%d%s' % (self.scheme, self.port(), path)

    def paths(self):
        """How many came to each of the paths that end in a number."""
        return struct.unpack('%dq' % PATHS, self.map[HEAD.size:MADE_AT])

    def lags(self, *shares, since=MADE_AT):
        """From the time in the body, or from the invoice's answer, to the arrival, in ms: the p50
        is 0.5 of them, and so on."""
        counts = struct.unpack('%dq' % LAGS, self.map[since:since + 8 * LAGS])
        found, left = [], [share * sum(counts) for share in shares]
        passed = 0
        for at, count in enumerate(counts):
            passed += count
            while len(found) < len(left) and passed >= left[len(found)] and passed:
                found.append((at + 1) * LAG_MS)
        return found

    def reset(self):
        self.map[8:] = bytes(SEEN - 8)

    def wait(self, count, seconds=300):
        until = time.monotonic() + seconds
        while self.count() < count:
            if time.monotonic() > until:
                raise SystemExit('bench: %d of %d webhooks came' % (self.count(), count))
            time.sleep(0.002)

    def close(self):
        self.process.kill()
        self.process.wait()


def serve(folder, certificate=None):
    also = {'PURSER_WEBHOOK_ADDRESSES': 'any'}
    if certificate:
        also['PURSER_WEBHOOK_CA_FILE'] = certificate.path
    return Server(folder, also=also)


def merchants_key(server, name):
    """Of a new merchant, who is put into the books: there is no command for it."""
    db = sqlite3.connect(os.path.join(server.data, 'purser.db'), timeout=10)
    db.execute('INSERT INTO merchants (id, name, created_ms) VALUES (?, ?, 1)',
               (os.urandom(16), name))
    db.commit()
    db.close()
    made = subprocess.run([PURSER, 'key', 'create', '--data', server.data, '--mode', 'test',
                           '--merchant', name, '--json'], check=True, capture_output=True,
                          text=True, env=server.environment)
    return json.loads(made.stdout)['key']


def invoice(server):
    server.must(201, 'POST', '/v1/invoices', '{"amount": 500, "currency": "EUR"}')


def prepare(folder, sink, urls, certificate=None, at_once=8):
    """Books with endpoints, each of which has been told one event."""
    server = serve(folder, certificate)
    sink.reset()
    first = server.key
    for at, url in enumerate(urls):
        if at and at % ENDPOINTS_OF_MERCHANT == 0:
            server.key = merchants_key(server, 'shop%d' % at)
        server.must(201, 'POST', '/v1/webhook_endpoints', json.dumps(
            {'url': url, 'at_once': at_once, 'filter': {'events': ['invoice.created']}}))
        if (at + 1) % ENDPOINTS_OF_MERCHANT == 0 or at + 1 == len(urls):
            invoice(server)
    sink.wait(len(urls))
    time.sleep(0.5)             # the last records
    server.key = first
    server.stop()


def iso(ms):
    return time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(ms // 1000)) + '.%03dZ' % (ms % 1000)


class Books:
    """The file itself, while nobody serves it."""

    def __init__(self, folder):
        self.db = sqlite3.connect(os.path.join(folder, 'data', 'purser.db'))
        self.db.create_function('made', 1, lambda n: struct.pack('>QQ', MADE + (n << 16), n))
        self.db.create_function('told_at', 2, self.told_at)

    @staticmethod
    def told_at(body, ms):
        """The body with another time in it."""
        value = json.loads(body)
        value['timestamp'] = iso(ms)
        return json.dumps(value, separators=(',', ':'))

    def columns(self, table):
        return [row[1] for row in self.db.execute('PRAGMA table_info(%s)' % table)]

    def copies(self, table, count, **changed):
        """So many copies of each row, with ids of their own that count up as real ones do: first
        one of each row, then the second of each."""
        names = self.columns(table)
        picked = ', '.join(changed.get(name, 'row.' + name) for name in names)
        self.db.execute(
            'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?),'
            ' row AS (SELECT *, row_number() OVER (ORDER BY id) AS k, count(*) OVER () AS total'
            ' FROM %s)'
            ' INSERT INTO %s (%s) SELECT %s FROM n CROSS JOIN row ORDER BY n.i, row.k'
            % (table, table, ', '.join(names), picked), (count,))

    def backlog(self, each, due_ms='row.created_ms'):
        """So many more deliveries wait at each endpoint, tried never, each with a body of its own
        whose time is when it is due; `due_ms` is SQL."""
        # Each of the first has its own too, so that copies of both fit together.
        rows = self.db.execute('SELECT d.id, m.body, m.created_ms FROM webhook_deliveries AS d'
                               ' JOIN webhook_messages AS m ON m.id = d.message'
                               ' ORDER BY d.id').fetchall()
        self.db.execute('DELETE FROM webhook_messages')
        for number, (delivery, body, created_ms) in enumerate(rows):
            own = struct.pack('>QQ', MADE, number + 1)
            self.db.execute('INSERT INTO webhook_messages (id, body, created_ms) VALUES (?, ?, ?)',
                            (own, body, created_ms))
            self.db.execute('UPDATE webhook_deliveries SET message = ? WHERE id = ?',
                            (own, delivery))
        self.copies('webhook_messages', each, id=OWN_ID, body='told_at(row.body, %s)' % due_ms)
        self.copies('webhook_deliveries', each, id=OWN_ID, message=OWN_ID, status="'pending'",
                    attempts='0', tries='0', due_ms=due_ms, ended_ms='NULL')

    def due_now(self):
        """All that waits: what is long overdue would be sent at a ramp."""
        self.db.execute('UPDATE webhook_deliveries SET due_ms = ? WHERE due_ms IS NOT NULL',
                        (int(time.time() * 1000),))

    def shift(self, by_ms):
        """What waits and is due within the hour becomes due so much later, and says so."""
        waits = 'due_ms IS NOT NULL AND due_ms < %d' % (int(time.time() * 1000) + 3600000)
        self.db.execute('UPDATE webhook_deliveries SET due_ms = due_ms + ?, created_ms = created_ms'
                        ' + ? WHERE %s' % waits, (by_ms, by_ms))
        self.db.execute('UPDATE webhook_messages SET body = told_at(body, due.due_ms) FROM'
                        ' (SELECT message, due_ms FROM webhook_deliveries WHERE %s) AS due'
                        ' WHERE webhook_messages.id = due.message' % waits)

    def close(self):
        self.db.commit()
        self.db.close()
