"""The database server goes away, comes back, loses its answers, or takes no writing: requests are
refused so that they can be repeated, nothing is half done, and the service returns by itself.

PURSER_RESTARTS says how many times the server is restarted, and how many answers to commits
are lost (5)."""
import json
import os
import random
import time

import books
import store
from client import Client, until
from contract import ROOT
from cluster import Hold, Way, waiting_for
from load import create
from node import SETTLE_S, Load, Node, check_books
from pooler import Pooler, needs_pooler

RESTARTS = int(os.environ.get('PURSER_RESTARTS', '5'))
RETURN_S = 10


def test_the_server_is_restarted_under_load(cluster, tmp_path):
    node = Node(tmp_path, 'node').start()
    load = Load([node], node.key(), workers=6)
    seeded = random.Random(3)
    for _ in range(RESTARTS):
        load.start()
        time.sleep(seeded.uniform(0.2, 0.8))
        cluster.stop()
        time.sleep(seeded.uniform(0, 1))
        cluster.again()
        until(lambda: node.pays(load.key), RETURN_S, 'a payment after the restart')
        load.finish()
    check_books(node, node, load)
    assert node.stop() == 0


def replaced(node):
    return len([line for line in node.log() if line['event'] == 'run.replaced'])


def test_the_gateway_forgets_what_it_said_before_a_crash(cluster, tmp_path, contract):
    """The built-in gateway's ledger is not waited for: the commit that takes its answer down has it
    on the disk too. Here that one is held up until the server crashes. While the server keeps all
    that it had, nobody begins anew."""
    cluster.as_superuser("ALTER SYSTEM SET wal_writer_delay = '10s'")
    cluster.as_superuser('SELECT pg_reload_conf()')
    node = Node(tmp_path, 'node').start()
    client = Client(node, node.key(), contract)
    client.captured()
    cluster.rest()
    cluster.again()
    until(lambda: node.pays(client.key), RETURN_S, 'a payment after the rest')
    assert replaced(node) == 0
    schema = store.schema(node.data)
    with Hold(cluster, schema + '.attempts'):
        payment = client.pay(prefer='respond-async').expect(202)
        until(lambda: waiting_for(cluster, schema + '.attempts'), 5, 'the turn of the answer')
        cluster.stop()
    cluster.again()
    until(lambda: node.pays(client.key), RETURN_S, 'a payment after the crash')
    assert replaced(node) > 0
    until(lambda: not books.open_operations(node.data), SETTLE_S, 'the end of all operations')
    # Without its card it is not asked for again; unless somebody's commit took the ledger along.
    status = client.get('/v1/payments/' + payment['id']).expect(200)['status']
    assert status in ('failed', 'captured')
    assert not books.differences(node.data)
    assert node.stop() == 0
    assert node.doctor().returncode == 0


def test_without_a_server_requests_are_refused(cluster, tmp_path):
    node = Node(tmp_path, 'node').start()
    key = node.key()
    request = create(random.Random(1))
    assert node.pays(key)
    cluster.stop()
    for target in ('/readyz', '/v1/payments'):
        status, _ = until(lambda: node.call(key, 'GET', target), 5, 'an answer')
        assert status == 503
    for _ in range(3):
        status, body = node.call(key, 'POST', request.target, request)
        problem = json.loads(body)
        assert status == 503 and problem['retryable'], problem
        assert 'postgres' not in body.decode().lower() and cluster.folder not in body.decode()
    assert node.call(key, 'GET', '/healthz')[0] == 200
    cluster.again()
    until(lambda: node.call(key, 'GET', '/readyz')[0] == 200, RETURN_S, 'ready again')
    status, _ = until(lambda: node.call(key, 'POST', request.target, request), 5, 'an answer')
    assert status == 201
    events = [line['event'] for line in node.log()]
    assert events.count('store.away') >= 1 and events.count('store.back') >= 1
    assert node.stop() == 0


def test_answers_to_commits_are_lost(cluster, tmp_path):
    """The server did what it was told, and nobody heard of it."""
    way = Way(cluster)
    node = Node(tmp_path, 'node', way=way).start()
    load = Load([node], node.key(), workers=6)
    seeded = random.Random(5)
    for lost in range(1, RESTARTS + 1):
        load.start()
        time.sleep(seeded.uniform(0.1, 0.4))
        way.swallow = 1
        until(lambda: way.swallowed == lost, 10, 'a lost answer')
        until(lambda: node.pays(load.key), RETURN_S, 'a payment after the loss')
        load.finish()
    check_books(node, node, load)
    claims = store.run(node.data, 'purser.db',
                       'SELECT count(*) AS n, count(DISTINCT payment) AS payments FROM claims'
                       ' WHERE payment IS NOT NULL AND refund IS NULL AND success_status = 201')[0]
    assert claims['n'] == claims['payments'] > 0
    assert node.stop() == 0
    way.close()


def test_every_connection_is_cut(cluster, tmp_path):
    way = Way(cluster)
    node = Node(tmp_path, 'node', way=way).start()
    load = Load([node], node.key(), workers=6)
    for _ in range(RESTARTS):
        load.start()
        time.sleep(0.2)
        way.cut()
        until(lambda: node.pays(load.key), RETURN_S, 'a payment after the cut')
        load.finish()
    check_books(node, node, load)
    assert node.stop() == 0
    way.close()


def test_a_standby_is_no_server_for_writing(cluster, tmp_path):
    node = Node(tmp_path, 'node').start()
    key = node.key()
    kick = ("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'purser'")
    cluster.as_superuser('ALTER DATABASE purser SET default_transaction_read_only = on')
    cluster.as_superuser(kick)
    status, _ = until(lambda: node.call(key, 'GET', '/readyz'), 5, 'an answer')
    assert status == 503
    assert node.call(key, 'GET', '/v1/payments')[0] == 200
    request = create(random.Random(1))
    assert node.call(key, 'POST', request.target, request)[0] == 503
    assert [line for line in node.log() if 'standby' in line.get('detail', '')]
    cluster.as_superuser('ALTER DATABASE purser RESET default_transaction_read_only')
    cluster.as_superuser(kick)
    until(lambda: node.pays(key), RETURN_S, 'a payment')
    assert node.stop() == 0


def documented_grants(schema):
    """What docs/nodes.md says to grant, for this schema."""
    with open(os.path.join(ROOT, 'docs', 'nodes.md'), encoding='utf-8') as file:
        sql = file.read().split('```sql\n')[1].split('```')[0]
    assert 'GRANT' in sql
    return sql.replace('SCHEMA public', 'SCHEMA ' + schema)


def test_the_documented_grants_are_enough(cluster, tmp_path):
    owner = Node(tmp_path, 'owner').start()
    key = owner.key()
    assert owner.stop() == 0
    for statement in documented_grants(store.schema(owner.data)).split(';\n'):
        cluster.as_superuser(statement or 'SELECT 1')
    node = Node(tmp_path, 'node', owner, way=Role('purser_node')).start()
    load = Load([node], key)
    load.for_a_while(1)
    check_books(owner, node, load)
    assert node.stop() == 0


class Role:
    """The way of another role to the same books."""

    def __init__(self, name):
        self.name = name

    def address(self, address):
        return address.replace('//purser@', '//%s@' % self.name)


@needs_pooler
def test_behind_a_pooler(cluster, tmp_path):
    pooler = Pooler(cluster)
    first = Node(tmp_path, 'node0', way=pooler)
    pooler.keep_schema(first)
    first.start()
    second = Node(tmp_path, 'node1', first, way=pooler).start()
    load = Load([first, second], first.key())
    for _ in range(3):
        load.for_a_while(1)
    check_books(first, second, load)
    assert first.stop() == 0 and second.stop() == 0
    pooler.close()
