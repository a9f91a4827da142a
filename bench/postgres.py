"""The same payments on PostgreSQL: a cluster of one's own, pgbench with the statements that purser
writes a payment with, and a bare program that writes batches of turns as arrays."""
import json
import os
import subprocess
import sys

from harness import BENCH, ROOT, Server

PG = os.path.join(ROOT, 'tools', 'pg')
GROUP = 63
WRITERS = 2             # of purser, unless it is told otherwise
# Ids that count up with time, the same ones in all statements of a transaction.
MAKE_ID = ("CREATE FUNCTION bench_id(number bigint) RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT"
           " (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0')"
           " || lpad(to_hex(number), 20, '0'))::uuid $$;"
           " CREATE SEQUENCE bench_places START 1000000000")


class Cluster:
    """With fsync; the one that is in the folder, or a new one. `also` joins the environment of its
    processes."""

    def __init__(self, folder, also=None):
        self.folder = folder
        how = 'again' if os.path.exists(os.path.join(folder, 'data')) else 'start'
        subprocess.run([PG, how, folder], check=True, stdout=subprocess.DEVNULL,
                       env=dict(os.environ, PURSER_PG_OPTIONS='-c fsync=on', **(also or {})))
        self.address = 'postgresql://purser@/purser?host=' + folder

    def superuser(self, sql):
        subprocess.run(['psql', '-q', '-X', '-v', 'ON_ERROR_STOP=1', '-h', self.folder, '-U',
                        'postgres', '-d', 'purser', '-c', sql], check=True,
                       stdout=subprocess.DEVNULL)

    def psql(self, sql, schema='public'):
        made = subprocess.run(['psql', '-q', '-A', '-t', '-X', '-v', 'ON_ERROR_STOP=1',
                               self.at(schema), '-c', sql], check=True, capture_output=True,
                              text=True)
        return made.stdout.strip()

    def at(self, schema):
        return '%s&options=-csearch_path%%3D%s' % (self.address, schema)

    def stop(self):
        subprocess.run([PG, 'stop', self.folder], check=True)


def guard(literal):
    """pgbench takes a colon and a word for a variable, inside of texts too."""
    if ':' not in literal:
        return literal
    escaped = literal if literal.startswith('E') else 'E' + literal.replace('\\', '\\\\')
    return escaped.replace(':', '\\x3a')


class Rows:
    """Those of a real payment in one table, as literals, its own ids as expressions."""

    def __init__(self, cluster, schema, table, where):
        names = cluster.psql("SELECT string_agg(quote_ident(attname), ',' ORDER BY attnum) FROM"
                             " pg_attribute WHERE attrelid = '%s'::regclass AND attnum > 0" % table,
                             schema)
        self.table, self.names = table, names.split(',')
        texts = ' , '.join('quote_nullable(%s::text)' % name for name in self.names)
        self.rows = [dict(zip(self.names, map(guard, json.loads(row)))) for row in cluster.psql(
            'SELECT json_build_array(%s) FROM %s WHERE %s' % (texts, table, where),
            schema).splitlines()]

    def insert(self, rows, ids):
        values = ', '.join('(%s)' % ', '.join(ids.get(row[n], row[n]) for n in self.names)
                           for row in rows)
        return 'INSERT INTO %s (%s) VALUES %s;' % (self.table, ', '.join(self.names), values)

    def update(self, row, ids, key='id'):
        """What varies is written as it is: the row is made anew all the same."""
        some = [n for n in self.names if n in ('status', 'state', 'version', 'updated_ms',
                                               'captured_minor', 'authorized_minor', 'closed_ms',
                                               'sequence', 'answer_sequence', 'attempts')]
        return 'UPDATE %s SET %s WHERE %s = %s;' % (
            self.table, ', '.join('%s = %s' % (n, row[n]) for n in some), key, ids[row[key]])


def script(cluster, schema, counted):
    """One payment's life, as pgbench runs it."""
    tables = {name: Rows(cluster, schema, name, 'true' if name != 'events' else 'true ORDER BY'
                        ' sequence')
              for name in ('invoices', 'payments', 'operations', 'attempts', 'events', 'claims')}
    invoice, payment, claim = (tables[n].rows[0] for n in ('invoices', 'payments', 'claims'))
    operations = sorted(tables['operations'].rows, key=lambda row: row['kind'])
    ids = {row['id']: 'bench_id(:a::bigint + %d)' % at
           for at, row in enumerate([invoice, payment] + operations)}
    ids[claim['key']] = "md5(:a::bigint::text)::uuid"
    attempts = sorted(tables['attempts'].rows,
                      key=lambda row: row['operation'] != operations[0]['id'])
    lines = ['\\set a random(1, 9000000000000000000)', 'BEGIN;']

    def events(first, count):
        rows = tables['events'].rows[first:first + count]
        lines.append(("INSERT INTO counters (name, value) VALUES ('events', %d) ON CONFLICT (name)"
                      " DO UPDATE SET value = counters.value + %d RETURNING value AS n \\gset"
                      % (count, count)) if counted else
                     "SELECT nextval('bench_places') * 100 AS n \\gset")
        lines.append(tables['events'].insert(
            [dict(row, number=':n::bigint - %d' % at) for at, row in enumerate(rows)], ids))

    def put(name, row):
        lines.append(tables[name].insert([row], ids))

    def change(name, row, key='id'):
        lines.append(tables[name].update(row, ids, key))

    for name, row in (('invoices', invoice), ('payments', payment), ('operations', operations[0]),
                      ('claims', claim)):
        put(name, row)
    events(0, 3)
    for number in (0, 1):
        put('attempts', attempts[number])
        change('operations', operations[number])
        change('payments', payment)
        change('invoices', invoice)
        if number == 0:
            put('operations', operations[1])
        else:
            change('claims', claim, 'key')
        events(3 + 2 * number, 2)
    return '\n'.join(lines + ['COMMIT;', ''])


def prepare_pgbench(cluster, folder):
    """Books with one real payment, and the scripts that repeat it."""
    cluster.psql('CREATE SCHEMA bench_rows')
    server = Server(os.path.join(folder, 'rows'), cluster.at('bench_rows'))
    server.pay('the-one')
    server.stop()
    cluster.psql(MAKE_ID, 'bench_rows')
    for name, counted in (('pgbench', True), ('pgbench-seq', False)):
        with open(os.path.join(folder, name + '.sql'), 'w', encoding='utf-8') as file:
            file.write(script(cluster, 'bench_rows', counted))


def pgbench(cluster, folder, name, connections, seconds):
    done = subprocess.run(
        ['pgbench', '-n', '-M', 'prepared', '-c', str(connections), '-j', '1', '-T',
         str(seconds), '-f', os.path.join(folder, name + '.sql'),
         cluster.at('bench_rows')], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit('bench: ' + done.stderr)
    return next(float(line.split()[2]) for line in done.stdout.splitlines()
                if line.startswith('tps'))


def arrays(cluster, seconds, group=GROUP):
    done = subprocess.run([os.path.join(BENCH, 'ceiling'), cluster.at('bench_arrays'), str(group),
                           str(seconds), str(WRITERS)], check=True, capture_output=True, text=True)
    result = json.loads(done.stdout)
    return result['payments'] / result['seconds']


