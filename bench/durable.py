"""Payments, created, authorised and captured, each commit on the disk; and what they are held
against. One of these per engine and disk; bench/run calls what measures() lists, round by round."""
import json
import os
import shutil
import subprocess

from harness import BENCH, Server, load
import postgres

CONNECTIONS = (1, 16, 64, 512)
CLIENTS = (4, 8, 16, 32, 64)        # of pgbench; the best is taken
CLIENTS_QUICK = (8, 32)


def slow(delay_us, folder):
    """The environment of a program whose flushes take so much longer."""
    if not delay_us:
        return {}
    os.makedirs(folder, exist_ok=True)
    library = os.path.join(folder, 'libslowdisk.so')    # where anybody may read it
    if not os.path.exists(library):                     # never over one that is in use
        shutil.copy(os.path.join(BENCH, 'libslowdisk.so'), library)
        os.chmod(library, 0o755)
    return {'LD_PRELOAD': library, 'SLOWDISK_US': str(delay_us)}


class Books:
    """What both engines have in common."""

    def __init__(self, server, options):
        self.server, self.options = server, options
        self.closed(64)                     # caches and pages as they are in operation
        self.half = max(1, int(self.closed(64)['per_second'] / 2))

    def measures(self):
        for connections in CONNECTIONS:
            yield 'closed.%d' % connections, lambda count=connections: self.closed(count)
        yield 'open.half', self.open
        yield 'commit', self.commit
        yield 'ceiling', self.ceiling

    def pay(self, connections, rate):
        server = self.server
        before = (server.metric('purser_turns_total'), server.metric('purser_batches_total'),
                  server.cpu_s())
        said = load(server.address, server.payments(), connections, self.options.seconds, rate)
        turns = server.metric('purser_turns_total') - before[0]
        batches = server.metric('purser_batches_total') - before[1]
        payments = max(1, said['ok']['count'])
        return {'per_second': said['per_second'], 'p50_ms': said['ok']['p50_ms'],
                'p99_ms': said['ok']['p99_ms'], 'turns_per_commit': turns / max(1, batches),
                'cpu_us': (server.cpu_s() - before[2]) / payments * 1e6}

    def closed(self, connections):
        found = self.pay(connections, 0)
        if connections == 64:
            self.group = max(3, min(768, round(found['turns_per_commit'])))
        return found

    def open(self):
        """At half of what it can do, due evenly, from more connections than are needed."""
        found = self.pay(256, self.half)
        self.group_half = max(3, min(768, round(found['turns_per_commit'])))
        return dict(found, rate=self.half)

    def ceiling(self, *how):
        return self.bare(self.group, before=how)

    def commit(self):
        """How long one takes, of the rows of payments that are due as in the open loop."""
        return self.bare(self.group_half, before=('--paced', str(self.half)))

    def run_bare(self, store, environment, group, before, *after):
        """The same rows in commits of the same size, without HTTP, handlers and gateway."""
        done = subprocess.run(
            [os.path.join(BENCH, 'ceiling'), *before, store, str(group),
             str(self.options.seconds), *after],
            check=True, capture_output=True, text=True, env=dict(os.environ, **environment))
        said = json.loads(done.stdout)
        return {'per_second': said['payments'] / said['seconds'], 'group': group,
                'p50_ms': said['p50_ms'], 'p99_ms': said['p99_ms']}


class Sqlite(Books):
    name = 'sqlite'

    def __init__(self, folder, delay_us, options):
        self.folder = os.path.join(folder, 'sqlite')
        self.environment = slow(delay_us, folder)
        server = Server(self.folder, also=self.environment)
        self.found = {'start_ms': server.start_ms, 'idle_mib': server.memory_mib('VmRSS')}
        super().__init__(server, options)
        self.found['loaded_mib'] = server.memory_mib()

    def measures(self):
        yield from super().measures()
        yield 'ceiling-later', lambda: self.ceiling('--later')

    def bare(self, group, before):
        books = os.path.join(self.folder, 'ceiling')
        found = self.run_bare('sqlite:' + books, self.environment, group, before)
        shutil.rmtree(books)
        return found

    def stop(self):
        turns = self.server.metric('purser_turns_total')
        # Every captured payment brought three turns.
        self.found['bytes_per_payment'] = self.server.stop() / (turns / 3)
        self.found['payments'] = turns / 3


class Postgres(Books):
    name = 'postgres'

    def __init__(self, folder, delay_us, options):
        self.folder = os.path.join(folder, 'postgres')
        os.makedirs(self.folder, exist_ok=True)
        for place in (folder, self.folder):
            os.chmod(place, 0o755)
        self.found = {}
        self.cluster = postgres.Cluster(os.path.join(self.folder, 'cluster'),
                                        slow(delay_us, folder))
        try:
            for schema in ('bench_arrays', 'bench_server'):
                self.cluster.psql('CREATE SCHEMA ' + schema)
            postgres.prepare_pgbench(self.cluster, self.folder)
            super().__init__(Server(os.path.join(self.folder, 'server'),
                                    self.cluster.at('bench_server')), options)
            self.clients = {name: self.best(name) for name in ('pgbench', 'pgbench-seq')}
        except BaseException:
            self.cluster.stop()
            raise

    def best(self, name):
        clients = CLIENTS_QUICK if self.options.quick else CLIENTS
        return max(clients, key=lambda count: postgres.pgbench(self.cluster, self.folder, name,
                                                               count, 1))

    def measures(self):
        yield from super().measures()
        for name in ('pgbench', 'pgbench-seq'):
            yield name, lambda name=name: self.pgbench(name)

    def pgbench(self, name):
        return {'per_second': postgres.pgbench(self.cluster, self.folder, name,
                                               self.clients[name], self.options.seconds),
                'clients': self.clients[name]}

    def bare(self, group, before):
        """By as many connections as the server has, unless one commit after the other counts."""
        writers = () if before else (str(postgres.WRITERS),)
        return self.run_bare(self.cluster.at('bench_arrays'), {}, group, before, *writers)

    def stop(self):
        self.server.stop()
        self.cluster.stop()
