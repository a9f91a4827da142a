"""How the database server goes about what purser asks of it, in books that have grown: by an
index, and within the months that it is about. The server itself logs every statement's plan."""
import json
import os
import re
import sys

import pytest

import store
from client import Client
from contract import ROOT
from node import Node

sys.path.append(os.path.join(ROOT, 'bench'))
import books_postgres   # noqa: E402

PAYMENTS, WHOLE = 12000, 6000
# Of a table, or a part of one: below that the server is right to read it through.
MANY_ROWS = 400
SETTINGS = {'session_preload_libraries': 'auto_explain', 'auto_explain.log_min_duration': '0',
            'auto_explain.log_format': 'json'}


class Filled:
    """The cluster as what fills books for benchmarks wants it."""

    def __init__(self, cluster):
        self.cluster = cluster

    def psql(self, sql, schema):
        return self.cluster.ask('SET search_path = %s; SET ROLE purser; %s' % (schema, sql))


def plans(path, start):
    """(statement, plan) of the server's log from there on; continued lines begin with a tab."""
    with open(path, encoding='utf-8') as file:
        file.seek(start)
        text = file.read()
    for match in re.finditer(r'plan:\n((?:\t.*\n)+)', text):
        found = json.loads(match.group(1).replace('\n\t', '\n'))
        yield found['Query Text'], found['Plan']


def nodes_of(plan):
    yield plan
    for below in plan.get('Plans', ()):
        yield from nodes_of(below)


def parts(plan, table):
    """Which parts of the table it reads or would."""
    return {node['Relation Name'] for node in nodes_of(plan) if node['Node Type'] != 'ModifyTable'
            and re.fullmatch(table + '_([0-9_]+|rest)', node.get('Relation Name', ''))}


@pytest.fixture
def seen(cluster, tmp_path, contract):
    """All statements, with their plans, of a server on large books and its callers."""
    node = Node(tmp_path, 'node').start()
    client = Client(node, node.key(), contract)
    client.captured()
    assert node.stop() == 0
    schema = store.schema(node.data)
    books_postgres.Fill(Filled(cluster), schema, PAYMENTS, WHOLE).run()
    cluster.as_superuser('VACUUM (ANALYZE)')
    for name, value in SETTINGS.items():
        cluster.as_superuser("ALTER DATABASE purser SET %s = '%s'" % (name, value))
    log = os.path.join(cluster.folder, 'log')
    start = os.path.getsize(log)
    node.start()
    # Statements get their lasting plan with the sixth time.
    for _ in range(7):
        payment = client.captured()
        client.act(payment, 'refunds', {'amount': 100}).expect(201)
        for path in ('', '/events', '/operations', '/refunds'):
            client.get('/v1/payments/%s%s' % (payment['id'], path)).expect(200)
        client.get('/v1/payments', reference=payment['reference'] or 'order').expect(200)
        client.get('/v1/events').expect(200)
        client.get('/v1/events', after=feed_place(client)).expect(200)
        client.get('/v1/invoices').expect(200)
    assert node.stop() == 0
    large = set(cluster.ask("SELECT relname FROM pg_class WHERE relnamespace = '%s'::regnamespace"
                            " AND relkind = 'r' AND reltuples > %d" % (schema, MANY_ROWS)).split())
    return list(plans(log, start)), large


def feed_place(client):
    page = client.get('/v1/events', limit=50).expect(200)
    return page['data'][-1]['id']


def test_nothing_is_read_through(seen):
    found, large = seen
    assert len(found) > 100 and {'payments', 'invoices'} <= large, large
    wrong = {(node['Relation Name'], sql) for sql, plan in found for node in nodes_of(plan)
             if node['Node Type'] == 'Seq Scan' and node['Relation Name'] in large}
    assert not wrong
    # Among them what the clock asks for, time and again.
    for table in ('payments', 'operations'):
        assert any('FROM %s WHERE due_ms' % table in sql for sql, _ in found), table
    # What hangs on an invoice is read, and found to be changed, in its month alone, whatever months
    # there are.
    loads = [(sql, plan) for sql, plan in found if '.invoice BETWEEN' in sql]
    assert {sql.split()[0] for sql, _ in loads} == {'SELECT', 'WITH'}
    for sql, plan in loads:
        for table in ('operations', 'attempts', 'events'):
            assert len(parts(plan, table)) <= 2, (sql, parts(plan, table))
    # However far apart they are, each row is found by its key: nothing between them is read.
    changes = [(sql, plan) for sql, plan in loads if sql.startswith('WITH')]
    for sql, plan in changes:
        for node in nodes_of(plan):
            assert node['Node Type'] != 'Materialize' and 'Join Filter' not in node, (sql, plan)
    # The feed looks into each month, in the order of the places, and sorts nothing.
    feed = [plan for sql, plan in found if 'number > $3 ORDER BY number LIMIT $4' in sql]
    assert feed and max(len(parts(plan, 'events')) for plan in feed) > 12
    for plan in feed:
        assert {node['Node Type'] for node in nodes_of(plan)} <= {
            'Limit', 'Merge Append', 'Index Scan'}, plan
