"""A probe client of the test's own: calls go in, ends come out."""
import collections
import json
import os
import queue
import re
import subprocess
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PATIENCE_S = 30
# Sanitizers and a shared machine slow everything down; what is early is wrong at any speed.
LATE_S = 0.1


def binary():
    return os.path.abspath(os.environ.get(
        'PROBE_CLIENT', os.path.join(ROOT, 'build-debug/test/net/probe_client')))


class End(dict):
    """What became of a call, by its names: end, reason, status, body, took_ms."""

    def __getattr__(self, name):
        return self[name]

    @property
    def what(self):
        return self['end'], self['reason']

    @property
    def echo(self):
        return json.loads(self['body'])

    def field(self, name):
        values = [value for key, value in zip(self.fields[::2], self.fields[1::2])
                  if key.lower() == name]
        return values[0] if values else None


class Caller:
    """Calls are money by default (`once`) and may go to http://, as most tests want it."""

    def __init__(self, env=None, **settings):
        words = ['%s=%s' % setting for setting in settings.items()]
        self.process = subprocess.Popen([binary(), *words], text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env={**os.environ, **(env or {})})
        self.lines = queue.Queue()
        self.made = 0
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.process.kill()
        self.end(kind is None)

    def end(self, well=True):
        """Its input ends; what is still under way is reported as stopped."""
        self.process.stdin.close()
        code = self.process.wait(PATIENCE_S)
        self.reader.join()
        errors = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        if well:
            assert code == 0, errors
            assert errors == ''
        return [End(line) for line in self.lines.queue if line != 'refused']

    def write(self, **order):
        self.process.stdin.write(json.dumps(order) + '\n')
        self.process.stdin.flush()

    def send(self, url, **options):
        self.made += 1
        order = {'id': str(self.made), 'url': url, 'once': True, 'plain': True,
                 'body': '{"amount":1}', **options}
        self.write(**{name: value for name, value in order.items() if value is not None})
        return order['id']

    def next(self):
        line = self.lines.get(timeout=PATIENCE_S)
        return line if line == 'refused' else End(line)

    def ends(self, count):
        return [self.next() for _ in range(count)]

    def call(self, url, **options):
        made = self.send(url, **options)
        end = self.next()
        assert end.id == made
        return end

    def read_(self, url, **options):
        """A call that may use a kept connection and be sent again."""
        return self.call(url, once=False, method='GET', body=None, **options)

    def counts(self):
        self.write(counts=True)
        return self.next()

    def stop(self):
        self.write(stop=True)

    def switches(self):
        """How often its threads were put to sleep or interrupted."""
        total = 0
        for task in os.listdir('/proc/%d/task' % self.process.pid):
            with open('/proc/%d/task/%s/status' % (self.process.pid, task),
                      encoding='ascii') as file:
                total += sum(int(line.split()[1]) for line in file if 'ctxt_switches' in line)
        return total

    def sleeps(self, seconds, within):
        """It comes to rest for so long: what it does before that may take its time."""
        end = time.monotonic() + within
        before, since = self.switches(), time.monotonic()
        while time.monotonic() < since + seconds:
            assert time.monotonic() < end, 'it never sleeps for %s s' % seconds
            time.sleep(0.05)
            if self.switches() != before:
                before, since = self.switches(), time.monotonic()

    def forgets(self, text):
        """Whether the bytes are gone, a moment after the end of the call was told."""
        deadline = time.monotonic() + 2
        while self.holds(text):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def holds(self, text):
        """Where in the memory that it may write these bytes are; None if nowhere."""
        wanted = text.encode()
        pid = self.process.pid
        with open('/proc/%d/maps' % pid, encoding='ascii') as maps, \
                open('/proc/%d/mem' % pid, 'rb', 0) as memory:
            for line in maps:
                match = re.match(r'([0-9a-f]+)-([0-9a-f]+) rw', line)
                if match is None:
                    continue
                first, last = (int(text, 16) for text in match.groups())
                if last - first > 1 << 30:
                    continue    # a sanitizer's shadow
                try:
                    memory.seek(first)
                    if wanted in memory.read(last - first):
                        return line
                except OSError:
                    continue
        return None


def tally(ends):
    return collections.Counter(end.what for end in ends)
