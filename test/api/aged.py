"""Books that are older than they are: what a server did, as if it had been days ago.

On PostgreSQL the server ran with a clock that is late. Books in files are made older afterwards:
every time, and every id, which begins with its time."""
import contextlib
import os
import re
import sqlite3
import urllib.parse

import store

DAY_MS = 24 * 60 * 60 * 1000
LETTERS = '0123456789abcdefghjkmnpqrstvwxyz'
# What is set up once, and the hashes of idempotency keys.
KEPT_TABLES = ('merchants', 'api_keys', 'gateway_accounts', 'webhook_endpoints', 'webhook_keys',
               'runs', 'counters', 'schema_versions')
KEPT_COLUMNS = ('key', 'claim', 'merchant', 'gateway_account', 'endpoint', 'rsa_key', 'run')
ID_TEXT = re.compile(r'\b(inv|pay|op|ref|evt|wm|whd|ntc|tsk|drf)_([0-9a-hjkmnp-tv-z]{26})\b')


def late_address(data, days):
    """The books' address, for a server to which it is so many days ago. PostgreSQL looks for
    a function in our schema first when the path says so."""
    store.address(data)
    store.run(data, 'purser.db', 'CREATE OR REPLACE FUNCTION clock_timestamp() RETURNS timestamptz'
              ' LANGUAGE sql AS $$ SELECT pg_catalog.clock_timestamp()'
              " - interval '%d days' $$" % days)
    path = '-csearch_path=%s,pg_catalog' % store.schema(data)
    return store.server_address('&options=' + urllib.parse.quote(path))


def start(installation, days, *arguments):
    """Starts a server whose deeds will be so old once `finish` was called."""
    if store.on_postgres():
        return installation.start(*arguments, PURSER_STORE=late_address(installation.data, days))
    return installation.start(*arguments)


def finish(installation, days):
    """Stops it. Ids in files are others from now on: `name` tells which."""
    assert installation.stop() == 0
    if store.on_postgres():
        return
    for file in ('purser.db', 'sandbox.db'):
        age(os.path.join(installation.data, file), days * DAY_MS)


def name(text, days):
    return text if store.on_postgres() else older_text(text, days * DAY_MS)


def older(raw, by_ms):
    return (int.from_bytes(raw[:6], 'big') - by_ms).to_bytes(6, 'big') + raw[6:]


def older_text(text, by_ms):
    def shift(match):
        number = 0
        for letter in match[2]:
            number = number * 32 + LETTERS.index(letter)
        number = int.from_bytes(older(number.to_bytes(16, 'big'), by_ms), 'big')
        return match[1] + '_' + ''.join(LETTERS[number >> 5 * i & 31] for i in range(25, -1, -1))
    return ID_TEXT.sub(shift, text)


def age(path, by_ms):
    def value(column, given):
        if isinstance(given, bytes) and len(given) == 16 and column not in KEPT_COLUMNS:
            return older(given, by_ms)
        if isinstance(given, str):
            return older_text(given, by_ms)
        return given - by_ms if given and column.endswith('_ms') else given

    with contextlib.closing(sqlite3.connect(path)) as books:
        tables = [row[0] for row in books.execute("SELECT name FROM sqlite_master WHERE"
                                                  " type = 'table' AND name NOT LIKE 'sqlite_%'")]
        for table in tables:
            rows = books.execute('SELECT * FROM ' + table)
            names = [column[0] for column in rows.description]
            if table in KEPT_TABLES:
                continue
            fresh = [[value(*pair) for pair in zip(names, row)] for row in rows]
            books.execute('DELETE FROM ' + table)
            books.executemany('INSERT INTO %s VALUES (%s)' % (table, ', '.join('?' * len(names))),
                              fresh)
        books.commit()
