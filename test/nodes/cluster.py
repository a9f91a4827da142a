"""A PostgreSQL cluster that a test may stop, and a way to it that a test may cut."""
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

from client import until
from contract import ROOT

PG = os.path.join(ROOT, 'tools', 'pg')
SOCKET = '.s.PGSQL.5432'
# A statement that is prepared to commit, and its name.
COMMIT = re.compile(rb'P....([^\0]+)\0COMMIT\0', re.DOTALL)
# The server's word that a commit is done.
COMMITTED = b'C\x00\x00\x00\x0bCOMMIT\x00'


class Cluster:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix='purser-nodes-')
        os.chmod(self.folder, 0o755)
        self.address = self.run('start')

    def run(self, what):
        done = subprocess.run([PG, what, self.folder], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def stop(self):
        """As a crash would: nobody is told."""
        self.run('stop')

    def crash(self):
        """Only begun when this returns, unlike stop."""
        with open(os.path.join(self.folder, 'data', 'postmaster.pid'), encoding='utf-8') as file:
            os.kill(int(file.readline()), signal.SIGQUIT)

    def rest(self):
        """Stops in good order: nothing is lost."""
        with open(os.path.join(self.folder, 'data', 'postmaster.pid'), encoding='utf-8') as file:
            os.kill(int(file.readline()), signal.SIGINT)
        until(lambda: not os.path.exists(file.name), 30, 'the end of the server')

    def again(self):
        self.run('again')

    def follow(self, synchronous):
        """A standby; if `synchronous`, no commit is done before it has it."""
        standby = Cluster.__new__(Cluster)
        standby.folder = tempfile.mkdtemp(prefix='purser-standby-')
        done = subprocess.run([PG, 'standby', standby.folder, self.folder], check=True,
                              capture_output=True, text=True)
        standby.address = done.stdout.strip()
        if synchronous:
            self.as_superuser('ALTER SYSTEM SET synchronous_standby_names = \'"%s"\''
                              % os.path.basename(standby.folder))
            self.as_superuser('SELECT pg_reload_conf()')
        return standby

    def stop_following(self):
        """What the primary commits from now on, this standby does not get."""
        self.as_superuser("ALTER SYSTEM SET primary_conninfo = ''")
        self.as_superuser('SELECT pg_reload_conf()')

    def promote(self):
        self.run('promote')

    def remove(self):
        self.run('stop')
        shutil.rmtree(self.folder)

    def as_superuser(self, sql):
        subprocess.run(['psql', '-q', '-h', self.folder, '-U', 'postgres', '-d', 'purser',
                        '-c', sql], check=True, capture_output=True,
                       env=dict(os.environ, PGOPTIONS='-c default_transaction_read_only=off'))

    def ask(self, sql):
        """The one value that it gives."""
        done = subprocess.run(['psql', '-q', '-A', '-t', '-h', self.folder, '-U', 'postgres', '-d',
                               'purser', '-c', sql], check=True, capture_output=True, text=True)
        return done.stdout.strip()


def waiting_for(cluster, table):
    """How many transactions wait for that table."""
    return int(cluster.ask("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation ="
                           " '%s'::regclass" % table))


class Hold:
    """A table that nobody can write until the end of the `with`."""

    def __init__(self, cluster, table):
        self.session = subprocess.Popen(
            ['psql', '-q', '-A', '-t', '-h', cluster.folder, '-U', 'postgres', '-d', 'purser'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.say("BEGIN; LOCK TABLE %s IN EXCLUSIVE MODE; SELECT 'held';" % table)
        assert self.session.stdout.readline() == 'held\n'

    def say(self, sql):
        self.session.stdin.write(sql + '\n')
        self.session.stdin.flush()

    def release(self):
        if self.session.poll() is None:
            self.session.communicate('COMMIT;')

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.release()


class Way:
    """A proxy before the cluster: a folder with its own socket, to be named as the host."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.folder = tempfile.mkdtemp(prefix='purser-way-')
        self.swallow = 0             # so many answers to commits are still to be lost
        self.swallowed = 0
        self.silent = False          # nothing is passed on, and nobody is told
        self.commit = None           # the name of the prepared commit: the same everywhere
        self.at_commit = None        # called once, with what passes the next commit on
        self.lock = threading.Lock()
        self.pairs = set()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(self.folder, SOCKET))
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def address(self, address):
        return address.replace(self.cluster.folder, self.folder)

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(os.path.join(self.cluster.folder, SOCKET))
            self.pairs.add((client, server))
            self.pass_on(client, server)
        except OSError:
            pass
        finally:
            self.pairs.discard((client, server))
            client.close()
            server.close()

    def loses(self, data):
        with self.lock:
            if self.swallow == 0 or COMMITTED not in data:
                return False
            self.swallow -= 1
            self.swallowed += 1
            return True

    def commits(self, data):
        """Whoever waits for a commit, if this is one."""
        with self.lock:
            found = COMMIT.search(data)
            if found:
                self.commit = found.group(1)
            if not self.at_commit or not self.commit or b'\0%s\0' % self.commit not in data:
                return None
            waits, self.at_commit = self.at_commit, None
            return waits

    def pass_on(self, client, server):
        while True:
            for readable in select.select([client, server], [], [], 0.1)[0]:
                if self.silent:
                    continue
                data = readable.recv(1 << 16)
                if not data or (readable is server and self.loses(data)):
                    return
                waits = readable is client and self.commits(data)
                if waits:
                    waits(lambda data=data: server.sendall(data))
                else:
                    (server if readable is client else client).sendall(data)

    def cut(self):
        """Every connection ends now."""
        for client, server in list(self.pairs):
            for end in (client, server):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self):
        self.listener.close()
        self.cut()
        shutil.rmtree(self.folder)
