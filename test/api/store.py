"""Where an installation keeps its books: in files of its data directory or, with
PURSER_TEST_STORE=postgresql, in a schema of its own of the database PURSER_TEST_POSTGRES."""
import contextlib
import hashlib
import os
import sqlite3
import subprocess
import urllib.parse
import uuid

import pytest

UUID_OID = 2950


def on_postgres():
    return os.environ.get('PURSER_TEST_STORE') == 'postgresql'


sqlite_only = pytest.mark.skipif(on_postgres(), reason='about files of books')
postgres_only = pytest.mark.skipif(not on_postgres(), reason='about a server of books')


def schema(data):
    """One per data directory."""
    return 'test_' + hashlib.sha256(str(data).encode()).hexdigest()[:24]


def server_address(more=''):
    return os.environ['PURSER_TEST_POSTGRES'] + more


def address(data):
    """The value of --store, or None for the default. A schema that is missing is made."""
    if not on_postgres():
        return None
    with contextlib.closing(connect_server()) as connection, connection.cursor() as cursor:
        cursor.execute('CREATE SCHEMA IF NOT EXISTS ' + schema(data))
        connection.commit()
    option = urllib.parse.quote('-csearch_path=' + schema(data))
    return server_address('&options=' + option)


def connect_server():
    """A connection of psycopg2 that gives ids as the books' files have them, as bytes."""
    import psycopg2
    import psycopg2.extensions as extensions
    connection = psycopg2.connect(server_address())
    ids = extensions.new_type((UUID_OID,), 'id', lambda text, _: text and uuid.UUID(text).bytes)
    extensions.register_type(ids, connection)
    return connection


def _for_postgres(value):
    return str(uuid.UUID(bytes=value)) if isinstance(value, bytes) else value


def _run_on_postgres(data, sql, values):
    with contextlib.closing(connect_server()) as connection, connection.cursor() as cursor:
        cursor.execute('SET search_path TO ' + schema(data))
        cursor.execute(sql.replace('%', '%%').replace('?', '%s'),
                       [_for_postgres(value) for value in values])
        names = [column.name for column in cursor.description or ()]
        found = [dict(zip(names, row)) for row in (cursor.fetchall() if names else ())]
        connection.commit()
    return found


def _run_on_sqlite(data, file, sql, values):
    with contextlib.closing(sqlite3.connect(os.path.join(str(data), file), timeout=10)) as books:
        books.row_factory = sqlite3.Row
        found = [dict(row) for row in books.execute(sql, values)]
        books.commit()
    return found


def run(data, file, sql, *values):
    """Runs SQL behind purser's back; rows as dicts. `file` is purser.db, or sandbox.db with the
    sandbox gateway's own ledger. Sums come as numbers of Python on either engine."""
    if on_postgres():
        return _run_on_postgres(data, sql, values)
    return _run_on_sqlite(data, file, sql, values)


ID_ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'


def id_bytes(text):
    """The bytes of an id as the books have them."""
    number = 0
    for letter in text.partition('_')[2]:
        number = number * 32 + ID_ALPHABET.index(letter)
    return number.to_bytes(16, 'big')


def content(data):
    """(name, bytes) of all that the books consist of, apart from files in the data directory."""
    if on_postgres():
        yield 'dump', subprocess.run(['pg_dump', '-n', schema(data), server_address()], check=True,
                                     capture_output=True).stdout
