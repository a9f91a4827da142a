"""Large books on PostgreSQL, made by SQL of the rows of one real payment, as books_sqlite.py does
it in a file; spread over the last 400 days, for books are kept by months there."""
import subprocess
import sys
import threading
import time

from books_sqlite import MONTH_MS, SCATTERED, reference_sql
from postgres import Rows

DAYS = 400
DAY_MS = 24 * 60 * 60 * 1000
KEYS = {'invoices': 'id', 'payments': 'id', 'operations': 'id', 'attempts': 'operation',
        'events': 'sequence', 'claims': 'key'}
PARTED = ('operations', 'attempts', 'events')
STANDING = ('invoices', 'payments')     # what pruning leaves
TIMES = ('created_ms', 'updated_ms', 'occurred_ms', 'sent_ms', 'closed_ms', 'started_ms',
         'ended_ms')
CHUNK = 100000


def functions(count):
    start = int(time.time() * 1000) - DAYS * DAY_MS
    step = DAYS * DAY_MS / count
    return ("CREATE OR REPLACE FUNCTION fill_ms(g bigint) RETURNS bigint LANGUAGE sql IMMUTABLE"
            " AS $$ SELECT %d + (g * %f)::bigint $$;"
            "CREATE OR REPLACE FUNCTION fill_id(g bigint, kind bigint) RETURNS uuid LANGUAGE sql"
            " IMMUTABLE AS $$ SELECT (lpad(to_hex(fill_ms(g)), 12, '0') || '70008' ||"
            " lpad(to_hex(kind), 3, '0') || lpad(to_hex(g), 12, '0'))::uuid $$;" % (start, step))


def month_parts():
    """The months of the last 400 days, as serve makes them ahead of time."""
    now = time.gmtime()
    first = now.tm_year * 12 + now.tm_mon - 1
    lines = []
    for month in range(first - 14, first):
        year, number = divmod(month, 12)
        ends = ["(lpad(to_hex((extract(epoch FROM timestamptz '%04d-%02d-01 00:00:00+00') * 1000)"
                "::bigint), 12, '0') || repeat('0', 20))::uuid" % (at // 12, at % 12 + 1)
                for at in (month, month + 1)]
        name = '%04d_%02d' % (year, number + 1)
        for table in PARTED:
            lines.append("DO $do$ BEGIN EXECUTE format('CREATE TABLE %s_%s PARTITION OF %s"
                         " FOR VALUES FROM (%%L) TO (%%L)', %s, %s); END $do$"
                         % (table, name, table, *ends))
        lines.append('CREATE UNIQUE INDEX ON events_%s (merchant, live, number)' % name)
        lines.append('CREATE UNIQUE INDEX ON operations_%s (gateway_account, reference)'
                     ' WHERE reference IS NOT NULL' % name)
    return lines


class Fill:
    """Of the books of a stopped purser that holds exactly one payment: as many as `count` more, of
    which the youngest `whole` have their history. `cluster` runs SQL: psql(text, schema)."""

    def __init__(self, cluster, schema, count, whole):
        self.cluster, self.schema, self.count = cluster, schema, count
        self.first_whole = count - min(whole, count)

    def sql(self, text):
        return self.cluster.psql(text, self.schema)

    def run(self, progress=None):
        self.progress = progress
        self.sql(';'.join([functions(self.count)] + month_parts()))
        self.tables = {name: Rows(self.cluster, self.schema, name, 'true ORDER BY ' + key)
                       for name, key in KEYS.items()}
        known = self.ids()
        most = self.count * 2 // 3      # of the payments, until they have that index; see SCATTERED
        todo = [(name, row, 0 if name in STANDING else self.first_whole, self.count)
                for name in KEYS for row in self.tables[name].rows if name != 'payments']
        payments = [('payments', row, *part) for row in self.tables['payments'].rows
                    for part in ((0, most), (most, self.count))]
        if progress:
            progress.total = (sum(last - first for _, _, first, last in todo + payments)
                              + 2 * self.first_whole)
        index = self.sql("SELECT pg_get_indexdef('%s'::regclass)" % SCATTERED)
        self.sql('DROP INDEX ' + SCATTERED)

        def with_index():
            self.rows(known, *payments[0])
            self.sql(index)
            self.rows(known, *payments[1])
        self.in_parallel([with_index] + [lambda job=job: self.rows(known, *job) for job in todo]
                         + [lambda kind=kind: self.checkpoints(kind) for kind in (1, 2)])
        self.sql("UPDATE counters SET value = %d WHERE name = 'events'" % (self.count * 10 + 1000))

    def in_parallel(self, jobs):
        """Two at a time, as there are cores."""
        failed = []

        def work():
            while jobs and not failed:
                try:
                    job = jobs.pop(0)
                except IndexError:
                    return
                try:
                    job()
                except subprocess.CalledProcessError as error:
                    failed.append(error.stderr)
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            sys.exit('bench: %s' % failed[0])

    def ids(self):
        """The template's ids, each by the expression that stands for it."""
        kinds = [row['id'] for name in ('invoices', 'payments', 'operations')
                 for row in self.tables[name].rows]
        return {text: 'fill_id(g, %d)' % (at + 1) for at, text in enumerate(kinds)}

    def rows(self, known, table, row, first, last):
        special = {name: 'fill_ms(g)' for name in TIMES}
        if table == 'events':
            special['number'] = 'g * 10 + %s' % row['sequence']
        if table == 'claims':
            special['key'] = 'md5(g::text)::uuid'
        if table == 'invoices':
            special['checkpointed'] = 'CASE WHEN g < %d THEN 1 ELSE 0 END' % self.first_whole
        if table in STANDING:
            special['reference'] = reference_sql('substr(md5(g::text), 1, 10)')
        if table == 'payments':
            special['gateway_reference'] = "'sbx_' || fill_id(g, 99)"
            # Whose history is pruned was last held against the gateway's books long ago, and none
            # of the others is due while it is measured.
            special['check_ms'] = 'CASE WHEN g >= %d THEN %s::bigint + %d END' % (
                self.first_whole, row['check_ms'].strip("'"), MONTH_MS)
        if table == 'operations':
            special['reference'] = "'op_' || %s" % known[row['id']]
        names = self.tables[table].names
        values = ', '.join(special[n] if n in special and row[n] != 'NULL'
                           else known.get(row[n], row[n]) for n in names)
        self.insert(table, names, values, first, last)

    def checkpoints(self, kind):
        """Of the invoice (1) and the payment (2): what their rows say after the last event."""
        table = 'invoices' if kind == 1 else 'payments'
        row, events = self.tables[table].rows[0], self.tables['events'].rows
        sums = [row.get(name, '0').replace("'", '') for name in (
            'version', 'captured_minor', 'refunded_minor', 'reserved_minor')]
        self.insert('checkpoints', [
            'invoice', 'object', 'status', 'version', 'captured_minor', 'refunded_minor',
            'reserved_minor', 'sequence', 'number', 'made_ms'], ', '.join([
                'fill_id(g, 1)', 'fill_id(g, %d)' % kind, row['status'], *sums, str(len(events)),
                'g * 10 + %d' % len(events), 'fill_ms(g)']), 0, self.first_whole)

    def insert(self, table, names, values, first, last):
        for start in range(first, last, CHUNK):
            end = min(start + CHUNK, last)
            self.sql('INSERT INTO %s (%s) SELECT %s FROM generate_series(%d, %d) AS g'
                     % (table, ', '.join(names), values, start, end - 1))
            if self.progress:
                self.progress.add(end - start)
