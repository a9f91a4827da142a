"""pgbouncer between nodes and their server."""
import os
import shutil
import subprocess
import tempfile

import pytest

import store
from client import until

PROGRAM = shutil.which('pgbouncer', path='/usr/sbin:/usr/bin')
needs_pooler = pytest.mark.skipif(not PROGRAM, reason='pgbouncer is not installed')


class Pooler:
    """pgbouncer in transaction mode: no connection to the server is anybody's."""

    def __init__(self, cluster):
        self.folder = tempfile.mkdtemp(prefix='purser-pool-')
        os.chmod(self.folder, 0o777)
        settings = os.path.join(self.folder, 'pgbouncer.ini')
        with open(settings, 'w', encoding='utf-8') as file:
            file.write('[databases]\npurser = host=%s port=5432 dbname=purser user=purser\n'
                       '[pgbouncer]\nlisten_addr =\nlisten_port = 5432\nunix_socket_dir = %s\n'
                       'auth_type = any\npool_mode = transaction\ndefault_pool_size = 4\n'
                       'ignore_startup_parameters = extra_float_digits\nlogfile = %s/log\n'
                       % (cluster.folder, self.folder, self.folder))
        user = ['-u', 'postgres'] if os.geteuid() == 0 else []
        self.process = subprocess.Popen([PROGRAM, *user, settings], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self.cluster = cluster
        until(lambda: os.path.exists(os.path.join(self.folder, '.s.PGSQL.5432')), 10, 'pgbouncer')

    def address(self, address):
        """Without options: a pooler knows none. The schema is the role's."""
        return address.partition('&options=')[0].replace(self.cluster.folder, self.folder)

    def keep_schema(self, first):
        """The schema of the first node becomes the role's."""
        self.cluster.as_superuser('ALTER ROLE purser SET search_path = '
                                  + store.schema(first.data))

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.folder)
