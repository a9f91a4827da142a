"""What bench/run measures beside durable payments: reads on books of some size, and one measurement
each of what happens rarely or takes long."""
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time

import books_sqlite as books
import callgrind
from harness import PAYMENT, PURSER, ROOT, Progress, Server, load
import notices

NGINX = '''daemon off; master_process off; pid %(folder)s/pid; error_log %(folder)s/errors;
events { worker_connections 1024; }
http {
    access_log off; keepalive_requests 100000000;
    client_body_temp_path %(folder)s/b; proxy_temp_path %(folder)s/p;
    fastcgi_temp_path %(folder)s/f; uwsgi_temp_path %(folder)s/u; scgi_temp_path %(folder)s/s;
    server { listen 127.0.0.1:%(port)d;
             location / { default_type application/json; return 200 '{"status":"ok"}'; } }
}
'''
SILENT = '4000000000000259'         # authorised, but nobody hears of it


def on(processor):
    """A server has one processor and the load has the other, where there are two."""
    return ['taskset', '-c', str(processor)] if os.cpu_count() > 1 else []


def one_payment(folder):
    """Books that hold one, and nobody serves."""
    server = Server(folder)
    server.pay('the-one')
    server.stop()
    return server.data


class Nginx:
    def __init__(self, folder):
        os.makedirs(folder)
        port = 20000 + os.getpid() % 20000
        config = os.path.join(folder, 'config')
        with open(config, 'w', encoding='ascii') as file:
            file.write(NGINX % {'folder': folder, 'port': port})
        self.address = '127.0.0.1:%d' % port
        self.process = subprocess.Popen([*on(0), 'nginx', '-e', os.path.join(folder, 'errors'),
                                         '-c', config], stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        if self.process.poll() is not None:
            sys.exit('bench: nginx did not start: ' + open(os.path.join(folder, 'errors'),
                                                          encoding='utf-8').read())

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Reads:
    """Server and nginx on one processor, the load on another."""

    def __init__(self, folder, options):
        self.options = options
        self.count = 10000 if options.quick else 100000
        data = one_payment(folder)
        books.Fill(data, self.count).run(changed={
            (table, 'reference'): "'order-' || g" for table in ('invoices', 'payments')})
        # Else it holds all these payments against a gateway that never saw them, for half a minute.
        self.server = Server(folder, before=on(0), also={'PURSER_RECONCILE_ENABLED': 'off'})
        self.found = {'payments': self.count, 'start_ms': self.server.start_ms}
        self.nginx = Nginx(os.path.join(folder, 'nginx'))
        db = sqlite3.connect('file:%s/purser.db?mode=ro' % data, uri=True)
        self.ids = [books.text_of('pay', row[0]) for row in
                    db.execute('SELECT id FROM payments WHERE rowid % ? = 0 LIMIT 1000',
                               (max(1, self.count // 1000),))]
        db.close()

    def measures(self):
        server = self.server
        searches = ['/v1/payments?reference=order-%d' % (number * self.count // 1000)
                    for number in range(1000)]
        for name, address, requests in (
                ('nginx', self.nginx.address, server.reads('/')),
                ('static', server.address, server.reads('/healthz')),
                ('get', server.address, server.reads(*('/v1/payments/' + one for one in self.ids))),
                ('list', server.address, server.reads('/v1/payments?limit=100')),
                ('search', server.address, server.reads(*searches))):
            yield name, lambda address=address, requests=requests: self.read(address, requests)

    def read(self, address, requests):
        said = load(address, requests, 64, self.options.seconds, before=on(1))
        return {'per_second': said['per_second'], 'p50_ms': said['ok']['p50_ms'],
                'p99_ms': said['ok']['p99_ms']}

    def stop(self):
        self.nginx.stop()
        self.server.stop()


def notifications(folder, options):
    """Signed webhooks of a gateway, each verified and kept before it is answered."""
    server = Server(folder)
    account = notices.make_account(server)

    def told(connections, rate=0):
        # Each is another, for as long as it goes on.
        requests = notices.requests(account, 25000 * options.seconds)
        return load(server.address, requests, connections, options.seconds, rate)

    full = [told(64) for _ in range(options.rounds)]
    rate = statistics.median(said['per_second'] for said in full)
    half = [told(256, int(rate / 2)) for _ in range(options.rounds)]
    server.stop()
    return {'per_second': rate,
            'half_p50_ms': statistics.median(said['ok']['p50_ms'] for said in half),
            'half_p99_ms': statistics.median(said['ok']['p99_ms'] for said in half)}


def webhooks(_, options):
    """What bench/webhooks prints."""
    done = subprocess.run([os.path.join(ROOT, 'bench', 'webhooks'),
                           '--quick', '--rounds', str(1 if options.quick else 3)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit('bench: bench/webhooks failed:\n' + done.stderr)
    return {'text': done.stdout}


def one_unknown(folder):
    """Books with one payment that was authorised and whose answer was lost."""
    server = Server(folder)
    server.ask('POST', '/v1/payments', PAYMENT.replace('4242424242424242', SILENT),
               Idempotency_Key='lost', Prefer='wait=0')
    db = sqlite3.connect(os.path.join(server.data, 'purser.db'))
    while not db.execute("SELECT 1 FROM operations WHERE state = 'unknown'").fetchone():
        time.sleep(0.01)
    db.close()
    server.kill()
    return server.data


def unknown(folder, options):
    """So many operations whose outcome nobody knows at a start: asked about, found to have been
    authorised, captured."""
    count = 10000 if options.quick else 100000
    data = one_unknown(folder)
    books.Fill(data, count).run(ledger=True, changed={
        ('operations', 'due_ms'): str(books.now_ms())})
    server = Server(folder)
    db = sqlite3.connect('file:%s/purser.db?mode=ro' % data, uri=True)
    begin = time.monotonic()
    captured = "SELECT count(*) FROM payments WHERE status = 'captured'"
    while db.execute(captured).fetchone()[0] < count:
        if time.monotonic() - begin > 600:
            sys.exit('bench: not all that was unknown is captured after ten minutes')
        time.sleep(0.2)
    seconds = time.monotonic() - begin
    db.close()
    server.stop()
    return {'count': count, 'seconds': seconds, 'per_second': count / seconds}


def reconciliation(folder, options):
    """All payments of the books held against the gateway's."""
    count = 20000 if options.quick else 1000000
    data = one_payment(folder)
    # As `purser prune` leaves them, so that a million fit in: no history is read for it.
    books.Fill(data, count, whole=0).run(ledger=True, progress=Progress('filling'))
    server = Server(folder)
    begin = time.monotonic()
    done = subprocess.run([PURSER, 'reconcile', '--data', data, '--url', 'http://' + server.address,
                           '--since', '2020-01-01T00:00:00Z', '--json'], capture_output=True,
                          text=True)
    seconds = time.monotonic() - begin
    if done.returncode != 0:
        sys.exit('bench: purser reconcile failed:\n' + done.stdout + done.stderr)
    said = json.loads(done.stdout)
    if said['checked'] < count or said['failed'] != 0:
        sys.exit('bench: not all payments were reconciled:\n' + done.stdout)
    server.stop()
    return {'count': count, 'seconds': seconds, 'per_second': count / seconds}


def memory(folder, options):
    """At rest, and what payments that are authorised and wait for their capture add."""
    server = Server(folder)
    idle = server.memory_mib('VmRSS')
    body = json.dumps(dict(json.loads(PAYMENT), capture_method='manual'))
    requests = server.payments().replace(PAYMENT, body)
    made = 0

    def reach(count):
        nonlocal made
        while made < count:
            again = requests.replace('{n}', '%d-{n}' % made)
            made += load(server.address, again, 64, 2)['ok']['count']
        return server.memory_mib('VmRSS'), made
    # Caches are filled before it counts.
    warm, first = reach(20000 if options.quick else 30000)
    full, last = reach(60000 if options.quick else 130000)
    server.stop()
    return {'idle_mib': idle, 'warm_mib': warm, 'full_mib': full, 'open_payments': last,
            'mib_per_100000': (full - warm) / (last - first) * 100000}


def wakeups(folder, options):
    """How often any of its threads is scheduled while nothing happens."""
    server = Server(folder)
    server.pay('one')
    time.sleep(3)
    seconds = 5 if options.quick else 20

    def switches():
        total = 0
        tasks = '/proc/%d/task' % server.process.pid
        for task in os.listdir(tasks):
            for line in open(os.path.join(tasks, task, 'status'), encoding='ascii'):
                if 'ctxt_switches' in line:
                    total += int(line.split()[1])
        return total
    before = switches()
    time.sleep(seconds)
    count = switches() - before
    server.stop()
    return {'seconds': seconds, 'count': count}


def counts(folder, _):
    """Of bench/counts, which fails by itself above its budgets."""
    os.makedirs(folder)
    path = os.path.join(folder, 'counts')
    done = subprocess.run([os.path.join(ROOT, 'bench', 'counts'), '--json', path],
                          capture_output=True, text=True)
    if not os.path.exists(path):
        sys.exit('bench: bench/counts failed:\n' + done.stdout + done.stderr)
    with open(path, encoding='utf-8') as file:
        return json.load(file)


def binary(folder, _):
    """As it is installed: without what only a debugger reads."""
    os.makedirs(folder)
    stripped = os.path.join(folder, 'purser')
    shutil.copy(PURSER, stripped)
    callgrind.run(['strip', stripped])
    return {'kib': os.path.getsize(stripped) / 1024}


def overload(folder, options):
    """Twice as many payments as it can take, then half as many."""
    server = Server(folder)
    load(server.address, server.payments(), 256, 1)
    seconds = 4 if options.quick else 10
    peak = load(server.address, server.payments(), 256, seconds)
    rate = int(peak['per_second'])
    over = load(server.address, server.payments(), 4000, seconds, rate * 2)
    after = load(server.address, server.payments(), 4000, seconds, rate // 2)
    again = load(server.address, server.payments(), 256, seconds)
    server.stop()
    refused = over['refused']['count']
    return {'peak_per_second': peak['per_second'], 'peak_p99_ms': peak['ok']['p99_ms'],
            'rate': rate * 2, 'per_second': over['per_second'],
            'ratio': over['per_second'] / ((peak['per_second'] + again['per_second']) / 2),
            'refused': refused, 'told_when': over['told_when'], 'p50_ms': over['ok']['p50_ms'],
            'p99_ms': over['ok']['p99_ms'], 'refused_p99_ms': over['refused']['p99_ms'],
            'after_p50_ms': after['ok']['p50_ms'], 'after_p99_ms': after['ok']['p99_ms'],
            'after_refused': after['refused']['count'], 'by_second': over['by_second']}


SINGLES = (('notifications', notifications), ('overload', overload), ('unknown', unknown),
           ('reconciliation', reconciliation), ('memory', memory), ('wakeups', wakeups),
           ('counts', counts), ('binary', binary), ('webhooks', webhooks))
