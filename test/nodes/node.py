"""Nodes on the same books, the load on them, and what must hold when it is over."""
import http.client
import os
import random
import shutil
import time

import books
import store
from installation import Installation
from load import Worker, create
from test_crash import check_acknowledged, keep

SETTLE_S = 60


class Node(Installation):
    """A server on the books of the first one, with the keys of that. `way` leads to them."""

    started = []

    def __init__(self, folder, name, first=None, way=None):
        super().__init__(folder / name)
        self.first, self.way = first or self, way

    def start(self, *arguments, **env):
        address = store.address(self.first.data)
        if self.first is not self:
            os.makedirs(self.data, mode=0o700, exist_ok=True)
            for name in os.listdir(self.first.data):
                if name.endswith('.key'):
                    shutil.copy(os.path.join(self.first.data, name), self.data)
        if self.way:
            address = self.way.address(address)
        self.started.append(self)
        return super().start(*arguments, PURSER_STORE=address, **env)

    def call(self, key, method, target, request=None, timeout=20):
        """(status, body) of one request; None when there is no answer."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        headers = {'Authorization': 'Bearer ' + key, 'Prefer': 'wait=1'}
        if request:
            headers.update({'Content-Type': 'application/json', 'Idempotency-Key': request.key})
        try:
            connection.request(method, target, request and request.body, headers)
            reply = connection.getresponse()
            return reply.status, reply.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def metrics(self):
        """The counters and gauges, by their names with labels."""
        lines = self.call('', 'GET', '/metrics')[1].decode().splitlines()
        pairs = [line.rsplit(' ', 1) for line in lines if line[0] != '#']
        return {name: float(value) for name, value in pairs}

    def pays(self, key):
        """Whether a payment is taken now."""
        request = create(random.Random(1))
        answer = self.call(key, 'POST', request.target, request)
        return answer is not None and answer[0] in (200, 201, 202)


class Load:
    """Workers on several nodes, time and again; what they were answered is remembered."""

    def __init__(self, nodes, key, workers=3, seed=1):
        self.nodes, self.key, self.count = nodes, key, workers
        self.seeded = random.Random(seed)
        self.acknowledged, self.unanswered, self.workers = {}, [], []

    def start(self, seconds=60):
        nodes = [node for node in self.nodes if node.alive()] * self.count
        shares = [self.unanswered[i::len(nodes)] for i in range(len(nodes))]
        self.workers = [Worker(node, self.key, self.seeded.random(), share, seconds)
                        for node, share in zip(nodes, shares)]
        for worker in self.workers:
            worker.start()

    def finish(self):
        """Waits for all of them; no answer may have been a surprise."""
        for worker in self.workers:
            worker.end = 0
        for worker in self.workers:
            worker.join(60)
            assert not worker.is_alive() and not worker.surprises, worker.surprises
            keep(self.acknowledged, worker.answered)
        self.unanswered = [request for worker in self.workers for request in worker.unanswered]
        self.workers = []

    def for_a_while(self, seconds):
        self.start()
        time.sleep(seconds)
        self.finish()


def check_books(first, node, load):
    """Nothing acknowledged is lost, nothing was done twice, and nothing needs a hand."""
    end = time.monotonic() + SETTLE_S
    while books.open_operations(first.data):
        assert time.monotonic() < end, books.open_operations(first.data)
        time.sleep(0.2)
    assert load.acknowledged
    check_acknowledged(node, load.key, load.acknowledged)
    found = books.differences(first.data)
    assert not found, found
    doctor = first.doctor()
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
