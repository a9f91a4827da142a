"""What the benchmarks share: building, a server of their own, and requests to it."""
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PURSER = os.environ.get('PURSER_BINARY') or os.path.join(ROOT, 'build', 'purser')
BENCH = os.path.join(os.path.dirname(PURSER), 'bench')
PAYMENT = json.dumps({
    'amount': 1250, 'currency': 'EUR', 'reference': 'order', 'description': 'Two tickets',
    'payment_method': {'type': 'card', 'card': {
        'number': '4242424242424242', 'exp_month': 12, 'exp_year': 2034, 'cvc': '123'}}})


def setup(*sections):
    subprocess.run([os.path.join(ROOT, 'tools', 'setup'), *sections], check=True)


def build(*programs):
    """The release variant, and those of the programs of bench/ that are named."""
    subprocess.run([os.path.join(ROOT, 'tools', 'build'), 'release'], check=True,
                   stdout=subprocess.DEVNULL)
    for name in programs:
        subprocess.run(['ninja', '-C', os.path.join(ROOT, 'build'), 'bench/' + name], check=True,
                       stdout=subprocess.DEVNULL)


def machine():
    """What a table of measurements says of where they were made. Before anything is built or
    measured: afterwards the load is one's own."""
    with open('/proc/cpuinfo', encoding='utf-8') as file:
        names = [line.split(':', 1)[1].strip() for line in file if line.startswith('model name')]
    revision = subprocess.run(['git', '-C', ROOT, 'rev-parse', '--short', 'HEAD'],
                              capture_output=True, text=True).stdout.strip()
    return {'processor': names[0] if names else 'unknown', 'processors': os.cpu_count(),
            'memory_gib': round(os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2 ** 30),
            'kernel': '.'.join(os.uname().release.split('.')[:2]),
            'date': time.strftime('%Y-%m-%d'), 'revision': revision,
            'load_before': os.getloadavg()[0]}


def say(text):
    print('%s %s' % (time.strftime('%H:%M:%S'), text), file=sys.stderr, flush=True)


def span(seconds):
    return '%d s' % seconds if seconds < 90 else '%.1f minutes' % (seconds / 60)


class Progress:
    """Tells now and then how much of `total` is done, and what the rest may take."""

    GAP_S = 10

    def __init__(self, what):
        self.what, self.total, self.done = what, 0, 0
        self.began = self.told = time.monotonic()

    def add(self, count):
        self.done += count
        now = time.monotonic()
        if now - self.told < self.GAP_S or self.done >= self.total:
            return
        self.told = now
        left = (now - self.began) * (self.total / self.done - 1)
        say('%s: %.0f %%, about %s left' % (self.what, 100 * self.done / self.total, span(left)))


def fresh():
    """Letters that nobody had before. Digits among them could be taken for a card's number."""
    return uuid.uuid4().hex.translate(str.maketrans('0123456789', 'ghijklmnop'))


def lines(*requests):
    """A file of requests for bench/load: (method, path, headers, body) each."""
    return ''.join('%s\t%s\t%s\t%s\n' % (method, path, '|'.join(headers), body)
                   for method, path, headers, body in requests)


def load(address, requests, connections, seconds, rate=0, before=()):
    """What bench/load measured. Everything must have been answered 2xx, or 429 or 503."""
    with tempfile.NamedTemporaryFile('w', encoding='utf-8') as file:
        file.write(requests)
        file.flush()
        done = subprocess.run([*before, os.path.join(BENCH, 'load'), address.split(':')[1],
                               str(connections), str(seconds), str(rate), file.name],
                              check=True, capture_output=True, text=True)
    said = json.loads(done.stdout)
    wrong = {status: count for status, count in said['statuses'].items()
             if status[0] != '2' and status not in ('429', '503')}
    if wrong or said['broken']:
        sys.exit('bench: not answered as they should be: %s, %d without an answer'
                 % (wrong, said['broken']))
    return said


def stop_all():
    """Servers that somebody who gave up has left."""
    for server in list(Server.running):
        server.kill()


class Server:
    """purser on books of its own, or on those that `store` names. `before` are the words that a
    tool which runs it puts in front; `also` joins its environment."""

    running = []

    def __init__(self, folder, store='', before=(), also=None):
        self.data = os.path.join(folder, 'data')
        os.makedirs(folder, exist_ok=True)
        self.environment = dict(os.environ, PURSER_LOG_FORMAT='json', PURSER_LOG_LEVEL='warn',
                                PURSER_STORE=store)
        self.log = open(os.path.join(folder, 'log'), 'w+', encoding='utf-8')
        started = time.monotonic()
        self.process = subprocess.Popen(
            [*before, PURSER, 'serve', '--data', self.data, '--listen', '127.0.0.1:0'],
            stdout=subprocess.DEVNULL, stderr=self.log, env=dict(self.environment, **(also or {})))
        self.running.append(self)
        self.address = self.wait_for_address()
        self.line = http.client.HTTPConnection(self.address, timeout=60)
        self.get('/healthz')
        self.start_ms = (time.monotonic() - started) * 1000
        made = subprocess.run([PURSER, 'key', 'create', '--data', self.data, '--mode', 'test',
                               '--json'], check=True, capture_output=True, text=True,
                              env=self.environment)
        self.key = json.loads(made.stdout)['key']

    def wait_for_address(self):
        """The port that the kernel gave, from /proc: the log is quiet on purpose."""
        while self.process.poll() is None:
            for line in open('/proc/%d/net/tcp' % self.process.pid, encoding='ascii'):
                fields = line.split()
                if len(fields) > 9 and fields[3] == '0A' and fields[9] in self.sockets():
                    return '127.0.0.1:%d' % int(fields[1].split(':')[1], 16)
            time.sleep(0.001)
        sys.exit('bench: purser did not start: ' + open(self.log.name, encoding='utf-8').read())

    def sockets(self):
        found = set()
        folder = '/proc/%d/fd' % self.process.pid
        for name in os.listdir(folder):
            try:
                match = re.match(r'socket:\[(\d+)\]', os.readlink(os.path.join(folder, name)))
            except OSError:
                continue
            if match:
                found.add(match.group(1))
        return found

    def ask(self, method, path, body=None, **headers):
        """(status, text) of one request on the one connection that all of these share."""
        self.line.request(method, path, body, {
            'Authorization': 'Bearer ' + self.key, 'Content-Type': 'application/json',
            **{name.replace('_', '-'): value for name, value in headers.items()}})
        reply = self.line.getresponse()
        return reply.status, reply.read().decode()

    def must(self, wanted, method, path, body=None, **headers):
        status, text = self.ask(method, path, body, **headers)
        if status != wanted:
            sys.exit('bench: %s %s was answered %d: %s' % (method, path, status, text))
        return text

    def get(self, path):
        self.line.close()       # it may have been idle for too long
        try:
            self.line.request('GET', path)
        except ConnectionRefusedError:
            sys.exit('bench: purser has gone, with exit code %s:\n%s'
                     % (self.process.poll(), open(self.log.name, encoding='utf-8').read()))
        return self.line.getresponse().read().decode()

    def pay(self, key):
        """One payment, created, authorised and captured; its id."""
        text = self.must(201, 'POST', '/v1/payments', PAYMENT, Idempotency_Key=key,
                         Prefer='wait=30')
        return json.loads(text)['id']

    def metric(self, name):
        return float(re.search(r'^%s (\S+)$' % name, self.get('/metrics'), re.M).group(1))

    def memory_mib(self, name='VmHWM'):
        """VmHWM is the most that it ever had, VmRSS what it has now."""
        status = open('/proc/%d/status' % self.process.pid, encoding='ascii').read()
        return int(re.search(name + r':\s+(\d+)', status).group(1)) / 1024

    def cpu_s(self):
        stat = open('/proc/%d/stat' % self.process.pid, encoding='ascii').read()
        fields = stat.rsplit(')')[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def post(self, path, body='{}'):
        """A request for bench/load, with an idempotency key that is new each time."""
        return ('POST', path, [
            'Authorization: Bearer ' + self.key, 'Content-Type: application/json',
            'Prefer: wait=30', 'Idempotency-Key: %s-{n}' % fresh()], body)

    def payments(self):
        """Requests for bench/load, of payments that are captured before they are answered."""
        return lines(self.post('/v1/payments', PAYMENT))

    def reads(self, *paths):
        return lines(*(('GET', path, ['Authorization: Bearer ' + self.key], '')
                       for path in paths))

    def load(self, seconds, connections):
        """Payments from connections that never rest."""
        before = self.metric('purser_turns_total'), self.metric('purser_batches_total')
        said = load(self.address, self.payments(), connections, seconds)
        turns = self.metric('purser_turns_total') - before[0]
        batches = self.metric('purser_batches_total') - before[1]
        return {'per_second': said['per_second'], 'p50_ms': said['ok']['p50_ms'],
                'p99_ms': said['ok']['p99_ms'], 'turns_per_commit': turns / max(1, batches)}

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.gone()

    def gone(self):
        if self in self.running:
            self.running.remove(self)

    def stop(self):
        """Ends it and tells the size of its books."""
        self.line.close()
        self.process.terminate()
        code = self.process.wait(60)
        self.gone()
        if code != 0:
            sys.exit('bench: purser did not stop cleanly:\n'
                     + open(self.log.name, encoding='utf-8').read())
        return sum(os.path.getsize(os.path.join(self.data, name))
                   for name in os.listdir(self.data) if name.startswith('purser.db'))
