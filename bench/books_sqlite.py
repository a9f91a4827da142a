"""Large books on SQLite, made by SQL of the rows of one real payment: as many like it as wanted.

The youngest have their whole history, the others are as `purser prune` leaves them, with
checkpoints alone. Ids count up as real ones do, and the keys of claims, which are hashes, lie at
random; the built-in gateway's ledger is filled too where that is asked for."""
import contextlib
import hashlib
import os
import sqlite3
import time

ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
BOOKS = {'invoices': 'id', 'payments': 'id', 'operations': 'id', 'attempts': 'operation',
         'events': 'sequence', 'claims': 'key'}
LEDGER = {'sandbox_charges': 'id', 'sandbox_operations': 'id', 'sandbox_ledger': 'number'}
STANDING = ('invoices', 'payments')     # what pruning leaves
UNIQUE = {'events': 'number', 'sandbox_ledger': 'number'}
# Made when two thirds of the payments are in: so many rows in no order take long one by one, and an
# index that was made at the end is packed, so that all that is written afterwards splits its pages.
SCATTERED = 'payments_reference'
CHUNK = 500000
MONTH_MS = 30 * 24 * 60 * 60 * 1000


def text_of(prefix, blob):
    """An id as purser writes it (base/id.h): base 32 of its 16 bytes."""
    number = int.from_bytes(blob, 'big')
    return prefix + '_' + ''.join(ALPHABET[number >> 5 * place & 31]
                                  for place in range(25, -1, -1))


def reference_sql(digits):
    """SQL of the reference of the payment number g, in no order: as random as a merchant's may be.
    `digits` is SQL of the first 10 of its md5, which every engine has in its own way. With more
    of them some would be taken for a card's number."""
    return "'order-' || " + digits


def reference_of(number):
    return 'order-' + hashlib.md5(b'%d' % number).hexdigest()[:10]


# What bench/growth changes of books where each payment has a reference of its own.
REFERENCES = {(table, 'reference'): reference_sql("lower(hex(substr(md5_of(g), 1, 5)))")
              for table in STANDING}


class Fill:
    """Of the books of a stopped purser that holds exactly one payment."""

    def __init__(self, data, count, whole=None):
        self.data, self.count = data, count
        self.first_whole = count - min(count, count if whole is None else whole)

    @contextlib.contextmanager
    def opened(self, file):
        db = sqlite3.connect(os.path.join(self.data, file))
        db.row_factory = sqlite3.Row
        db.create_function('text_of', 2, text_of, deterministic=True)
        db.create_function('md5_of', 1, lambda number: hashlib.md5(b'%d' % number).digest(),
                           deterministic=True)
        db.execute('PRAGMA synchronous = OFF')
        db.execute('PRAGMA cache_size = -1048576')
        yield db
        db.commit()
        db.execute('PRAGMA wal_checkpoint(TRUNCATE)')
        db.close()

    def run(self, ledger=False, changed=None, progress=None):
        """`changed`: SQL that replaces a column, by (table, column)."""
        self.progress = progress
        with self.opened('purser.db') as db:
            self.read(db, BOOKS)
            self.learn()
            if progress:
                progress.total = self.row_count()
            self.changed = changed or {}
            for table in BOOKS:
                if table == 'payments':
                    self.payments(db)
                else:
                    self.table(db, table)
            self.checkpoints(db)
            db.execute("UPDATE counters SET value = ? WHERE name = 'events'",
                       (self.count * 10 + 1000,))
        if not ledger:
            return
        with self.opened('sandbox.db') as db:
            self.read(db, LEDGER)
            for table in LEDGER:
                self.table(db, table)
            db.execute("UPDATE counters SET value = ? WHERE name = 'sandbox_ledger'",
                       (self.count * 10 + 1000,))

    def read(self, db, tables):
        """The real rows, before others are beside them."""
        self.real = {table: db.execute('SELECT * FROM %s ORDER BY %s' % (table, key)).fetchall()
                     for table, key in tables.items()}

    def row_count(self):
        """How many it will insert into the books."""
        whole = self.count - self.first_whole
        return (sum(len(rows) * (self.count if table in STANDING else whole)
                    for table, rows in self.real.items()) + 2 * self.first_whole)

    def learn(self):
        """Each id of the one payment, and the SQL that makes its like for the payment number g."""
        ids = [bytes(row['id']) for table in ('invoices', 'payments', 'operations')
               for row in self.real[table]]
        claims = [bytes(row['key']) for row in self.real['claims']]
        first = min(ids)[:6].hex()
        self.known, self.texts = {claim: 'md5_of(g)' for claim in claims}, {}
        for kind, blob in enumerate(ids):
            made = ("CAST(x'%s' || x'70%02x' || printf('%%08x', g) AS BLOB)" % (first, kind + 1))
            self.known[blob] = made
            for prefix in ('inv', 'pay', 'op', 'ch'):
                self.texts[text_of(prefix, blob)] = "text_of('%s', %s)" % (prefix, made)

    def value(self, row, table, name):
        value = row[name]
        if (table, name) in self.changed:
            return self.changed[table, name]
        if UNIQUE.get(table) == name:
            return 'g * 10 + %d' % value
        if isinstance(value, bytes):
            return self.known.get(value, "x'%s'" % value.hex())
        if isinstance(value, str):
            return self.texts.get(value, "'%s'" % value.replace("'", "''"))
        return 'NULL' if value is None else str(value)

    def payments(self, db):
        index = db.execute("SELECT sql FROM sqlite_schema WHERE name = '%s'"
                           % SCATTERED).fetchone()['sql']
        db.execute('DROP INDEX ' + SCATTERED)
        self.table(db, 'payments', last=self.count * 2 // 3)
        db.execute(index)
        self.table(db, 'payments', first=self.count * 2 // 3)

    def table(self, db, table, first=0, last=None):
        standing = table in STANDING or table in LEDGER
        for row in self.real[table]:
            values = [self.value(row, table, name) for name in row.keys()]
            if table == 'invoices':
                values[row.keys().index('checkpointed')] = 'g < %d' % self.first_whole
            if table == 'payments':
                # Whose history is pruned was last held against the gateway's books long ago, and
                # none of the others is due while it is measured.
                at = row.keys().index('check_ms')
                values[at] = 'CASE WHEN g >= %d THEN %s + %d END' % (self.first_whole, values[at],
                                                                     MONTH_MS)
            self.insert(db, table, row.keys(), values, first if standing else self.first_whole,
                        last or self.count)

    def checkpoints(self, db):
        """Of the invoice and the payment: what their rows say after the last event."""
        events = len(self.real['events'])
        for table in STANDING:
            row = self.real[table][0]
            sums = [str(row[name]) if name in row.keys() else '0' for name in (
                'version', 'captured_minor', 'refunded_minor', 'reserved_minor')]
            invoice = self.known[bytes(row['invoice' if table == 'payments' else 'id'])]
            self.insert(db, 'checkpoints', [
                'invoice', 'object', 'status', 'version', 'captured_minor', 'refunded_minor',
                'reserved_minor', 'sequence', 'number', 'made_ms'], [
                    invoice, self.known[bytes(row['id'])], "'%s'" % row['status'], *sums,
                    str(events), 'g * 10 + %d' % events, str(row['created_ms'])],
                        0, self.first_whole)

    def insert(self, db, table, names, values, first, last):
        for start in range(max(first, 1), last, CHUNK):     # number 0 is the real one
            end = min(start + CHUNK, last)
            db.execute('WITH RECURSIVE numbers(g) AS (SELECT %d UNION ALL SELECT g + 1 FROM numbers'
                       ' WHERE g < %d) INSERT INTO %s (%s) SELECT %s FROM numbers'
                       % (start, end - 1, table, ', '.join(names), ', '.join(values)))
            db.commit()
            if self.progress:
                self.progress.add(end - start)


def size_gib(data):
    return sum(os.path.getsize(os.path.join(data, name)) for name in os.listdir(data)
               if name.startswith('purser.db')) / 2 ** 30


def now_ms():
    return int(time.time() * 1000)
