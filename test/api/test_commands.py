"""The commands of the binary, beside a running server and without one."""
import json
import os
import re
import signal
import subprocess
import threading
import time

import pytest

import store
from client import Client
from contract import table_of
from installation import Installation, binary, environment, purser

COMMANDS = ['serve', 'init', 'key create', 'key list', 'key revoke', 'credentials status',
            'credentials rotate', 'config', 'doctor', 'recover', 'check', 'gateways',
            'events tail', 'listen', 'trigger', 'webhook verify', 'webhook import',
            'deliveries list', 'deliveries show', 'deliveries redeliver', 'deliveries replay',
            'deliveries pause', 'deliveries resume', 'migrate status', 'migrate up', 'prune',
            'copy', 'wait', 'graph', 'version', 'help', 'reconcile', 'drift list',
            'drift resolve', 'settlement import', 'settlement list', 'settlement show',
            'settlement mapping', 'settlement sandbox', 'tasks list', 'tasks resolve', 'jobs list',
            'jobs run', 'jobs pause', 'jobs resume', 'audit verify']


def done(*arguments, **env):
    """What a command prints when it succeeds."""
    run = purser(*arguments, **env)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def failed(code, *arguments, **env):
    """What a command says on stderr when it ends with this exit code."""
    run = purser(*arguments, **env)
    assert run.returncode == code, run.stdout + run.stderr
    assert run.stderr.startswith('purser'), run.stderr
    return run.stderr


def test_the_overview_lists_every_command():
    text = done('help')
    for command in COMMANDS:
        assert re.search(r'^  %s +\S' % command, text, re.MULTILINE), command
    assert done('--help') == text
    listed = re.findall(r'^  ([a-z]+(?: [a-z]+)?) {2,}\S', text, re.MULTILINE)
    assert set(listed) == set(COMMANDS)


@pytest.mark.parametrize('command', COMMANDS)
def test_each_command_explains_itself(command):
    text = done(*command.split(), '--help')
    assert text == done('help', *command.split())
    assert 'usage: purser ' + command in text and 'purser ' + command in text.split('usage:')[1]


def test_a_command_that_there_is_not():
    assert 'graph' in failed(2, 'grpah', 'payment')
    assert 'data' in failed(2, 'doctor', '--dat', 'x')
    failed(2, 'key', 'create', '--mode')
    failed(2, 'key', 'create', '--mode', 'both')
    failed(2, 'graph', 'payments')
    failed(2, 'key', 'revoke', 'pay_00000000000000000000000000')


def test_version():
    assert re.match(r'purser \d+\.\d+\.\d+ ', done('version'))
    said = json.loads(done('version', '--json'))
    assert {'version', 'schema', 'compiler'} <= set(said)


MACHINES = [('payment', 'PAYMENT'), ('refund', 'REFUND'), ('invoice', 'INVOICE'),
            ('operation', 'OPERATION')]


@pytest.mark.parametrize('machine,prefix', MACHINES)
def test_a_graph_has_every_edge_of_the_table(machine, prefix):
    path = 'src/core/%s.def' % machine
    text = done('graph', machine)
    assert text.startswith('digraph') and text.rstrip().endswith('}')
    states = {row[0]: row[1] for row in table_of(path, prefix + '_STATES')}
    edges = table_of(path, prefix + '_EDGES')
    for start, event, end in edges:
        assert re.search(r'^\s*"?%s"? -> "?%s"?\b.*%s' % (states[start], states[end], event), text,
                         re.MULTILINE), (start, event, end)


def test_config_says_where_each_setting_comes_from(tmp_path):
    file = tmp_path / 'my.conf'
    file.write_text('# a comment\nreaders = 7\nlog_level = warn\nlisten = 127.0.0.1:1111\n')
    shown = json.loads(done('config', '--config', str(file), '--listen', '127.0.0.1:2222', '--json',
                            PURSER_LOG_LEVEL='debug', PURSER_INSTALLATION_KEY='0' * 64))
    found = {name: (s['value'], s['source']) for name, s in shown.items()}
    assert found['readers'] == ('7', 'file')
    assert found['log_level'] == ('debug', 'environment')
    assert found['listen'] == ('127.0.0.1:2222', 'flag')
    assert found['data'][1] == 'default'
    assert found['public_url'] == ('http://127.0.0.1:2222', 'default')
    assert '0' * 64 not in json.dumps(shown)
    assert set(found) == {row[1] for row in table_of('src/commands/settings.def', 'SETTINGS')}
    table = done('config', '--config', str(file))
    assert re.search(r'^readers +file +7$', table, re.MULTILINE)


@pytest.mark.parametrize('line', ['colour = red', 'readers = many', 'readers', 'listen = nowhere',
                                  'readers = 2\nreaders = 3', 'log_level = loud'])
def test_a_file_with_a_mistake_is_refused(tmp_path, line):
    file = tmp_path / 'my.conf'
    file.write_text('log_format = json\n' + line + '\n')
    assert str(file) in failed(2, 'config', '--config', str(file))


def test_settings_with_a_mistake_are_refused():
    assert 'PURSER_READERS' in failed(2, 'config', PURSER_READERS='none')
    assert '--listen' in failed(2, 'config', '--listen', 'nowhere')


def test_init_makes_a_data_directory(tmp_path):
    data = tmp_path / 'new'
    done('init', '--data', str(data))
    books = set() if store.on_postgres() else {'purser.db'}
    assert books | {'purser.conf', 'installation.key'} <= set(os.listdir(data))
    assert os.stat(data).st_mode & 0o077 == 0
    assert os.stat(data / 'installation.key').st_mode & 0o077 == 0
    assert 'purser.conf' in failed(1, 'init', '--data', str(data))
    key = (data / 'installation.key').read_bytes()
    done('init', '--data', str(data), '--force')
    assert (data / 'installation.key').read_bytes() == key
    done('config', '--data', str(data))
    assert done('migrate', 'status', '--data', str(data))
    assert done('doctor', '--deep', '--data', str(data))


def test_keys_are_made_listed_and_revoked(tmp_path):
    data = str(tmp_path / 'data')
    made = json.loads(done('key', 'create', '--data', data, '--mode', 'test', '--json',
                           '--scopes', 'read,refund', '--description', 'Desk',
                           '--expires-in-days', '30'))
    assert re.match(r'psk_test_[0-9A-Za-z]{39}$', made['key'])
    plain = done('key', 'create', '--data', data, '--mode', 'live')
    assert re.match(r'psk_live_[0-9A-Za-z]{39}\n$', plain)
    lines = done('key', 'list', '--data', data, '--json').splitlines()
    listed = [json.loads(line) for line in lines]
    assert [k['mode'] for k in listed] == ['test', 'live'] and listed[0]['id'] == made['id']
    assert made['key'] not in json.dumps(listed) and 'Desk' in done('key', 'list', '--data', data)
    done('key', 'revoke', made['id'], '--data', data)
    assert 'revoked' in done('key', 'list', '--data', data)
    failed(1, 'key', 'revoke', made['id'], '--data', data)
    assert 'nobody' in failed(1, 'key', 'create', '--data', data, '--mode', 'test',
                              '--merchant', 'nobody')


def test_the_tail_of_the_events_is_that_of_the_feed(client, server):
    payment = client.captured()
    feed = client.pages('/v1/events', limit=100)
    lines = done('events', 'tail', '--data', server.data, '--lines', '3', '--json').splitlines()
    assert [json.loads(line) for line in lines] == feed[-3:]
    assert payment['id'] in done('events', 'tail', '--data', server.data)
    done('events', 'tail', '--data', server.data, '--lines', '0')


def test_the_tail_goes_on(client, server):
    tail = subprocess.Popen([binary(), 'events', 'tail', '--data', server.data, '--lines', '0',
                             '--follow', '--json'], stdout=subprocess.PIPE, text=True,
                            env=environment(server.data))
    try:
        time.sleep(0.5)
        payment = client.captured()
        types = []
        while 'payment.captured' not in types:
            event = json.loads(tail.stdout.readline())
            if event['payment'] == payment['id']:
                types.append(event['type'])
        assert types == ['payment.created', 'payment.authorizing', 'payment.authorized',
                         'payment.capturing', 'payment.captured']
    finally:
        tail.terminate()
        tail.communicate()


def test_doctor_is_content_beside_the_server(client, server):
    client.captured()
    assert server.doctor().returncode == 0
    assert purser('doctor', '--data', server.data).returncode == 0


def test_doctor_names_the_first_bad_row(tmp_path, contract):
    server = Installation(tmp_path / 'data').start()
    client = Client(server, server.key(), contract)
    payment = client.captured()
    assert server.stop() == 0
    assert server.doctor().returncode == 0
    store.run(server.data, 'purser.db', "UPDATE payments SET status = 'authorized'")
    run = server.doctor()
    assert run.returncode == 1 and payment['id'] in run.stdout + run.stderr
    assert re.search(r'\bI[0-9]+\b', run.stdout + run.stderr)


@store.postgres_only
def test_doctor_warns_of_a_month_without_tables(tmp_path):
    server = Installation(tmp_path / 'data').start()
    assert server.stop() == 0
    assert 'has no parts' not in server.doctor().stdout
    months = store.run(server.data, 'purser.db', "SELECT relname AS name FROM pg_class WHERE"
                       " relkind = 'r' AND relnamespace = current_schema()::regnamespace"
                       " AND relname ~ '^operations_[0-9]' ORDER BY relname")
    assert len(months) == 4
    store.run(server.data, 'purser.db', 'DROP TABLE ' + months[1]['name'])
    doctor = server.doctor()
    assert doctor.returncode == 0
    assert months[1]['name'][-7:].replace('_', '-') + ' has no parts' in doctor.stdout


def test_doctor_without_books(tmp_path):
    assert purser('doctor', '--deep', '--data', str(tmp_path / 'none')).returncode == 2


@store.sqlite_only
def test_doctor_of_a_file_that_is_no_books(tmp_path):
    (tmp_path / 'bad').mkdir()
    (tmp_path / 'bad' / 'purser.db').write_bytes(b'this is no database' * 100)
    assert purser('doctor', '--deep', '--data', str(tmp_path / 'bad')).returncode == 2


def test_books_of_a_newer_purser_are_refused(tmp_path):
    data = str(tmp_path / 'data')
    newest = json.loads(done('version', '--json'))['schema']
    done('migrate', 'up', '--data', data)
    assert 'done' in done('migrate', 'status', '--data', data)
    set_schema(data, newest + 1)
    for command in (['serve', '--listen', '127.0.0.1:0'], ['key', 'list'], ['migrate', 'up'],
                    ['doctor', '--deep'], ['key', 'create', '--mode', 'test']):
        run = purser(*command, '--data', data)
        assert run.returncode in (1, 2), command
        assert str(newest + 1) in run.stderr and 'newer' in run.stderr.lower(), run.stderr
    assert purser('migrate', 'status', '--data', data).returncode == 1


def set_schema(data, version):
    """Marks the books as if a purser had migrated them that knows more."""
    store.run(data, 'purser.db',
              "INSERT INTO schema_versions (version, what, applied_ms) VALUES (?, 'x', 1)", version)


@store.sqlite_only
def test_a_second_server_on_the_same_data_is_refused(server):
    start = time.monotonic()
    run = purser('serve', '--data', server.data, '--listen', '127.0.0.1:0')
    assert run.returncode == 2 and str(server.process.pid) in run.stderr
    assert time.monotonic() - start < 10 and server.alive()


def test_an_address_in_use_is_refused(tmp_path, server):
    run = purser('serve', '--data', str(tmp_path / 'other'), '--listen',
                 '%s:%d' % (server.host, server.port))
    assert run.returncode == 2 and str(server.port) in run.stderr and '--listen' in run.stderr


def pasted(data, first, end):
    """Starts a server and runs, in a shell, what it prints from `first` to `end`: both outputs."""
    process = subprocess.Popen([binary(), 'serve', '--data', str(data), '--listen', '127.0.0.1:0'],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                               env=environment(data))
    try:
        text = ''
        while end not in text:
            line = process.stdout.readline()
            assert line, text
            text += line
        run = subprocess.run(['sh', '-c', text[text.index(first):]], capture_output=True, text=True,
                             timeout=30, env=environment(data))
        assert run.returncode == 0, run
        return text, run.stdout
    finally:
        process.terminate()
        assert process.wait(15) == 0


def test_each_start_prints_a_line_that_works(tmp_path):
    printed, answer = pasted(tmp_path / 'data', 'curl ', "}'")
    assert json.loads(answer)['status'] == 'captured'
    assert re.search(r'psk_test_[0-9A-Za-z]{39}', printed)
    printed, answer = pasted(tmp_path / 'data', binary(), '--mode test')
    assert re.match(r'psk_test_[0-9A-Za-z]{39}\n$', answer) and answer not in printed


def test_sigterm_lets_what_runs_finish(tmp_path, contract):
    server = Installation(tmp_path / 'data').start()
    client = Client(server, server.key(), contract)
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(
        client.pay('4000000000000259', prefer='wait=3')))
    waiting.start()
    time.sleep(0.7)
    server.process.send_signal(signal.SIGTERM)
    waiting.join(20)
    assert server.process.wait(15) == 0
    assert answers and answers[0].status in (201, 202)
    restarted = server.start()
    try:
        client.server = restarted
        assert client.settles(answers[0].json)['status'] == 'captured'
        assert server.doctor().returncode == 0
    finally:
        assert server.stop() == 0


def test_a_second_sigterm_ends_it_at_once(tmp_path, contract):
    server = Installation(tmp_path / 'data').start()
    client = Client(server, server.key(), contract)
    payment = client.pay('4000000000000259', prefer='respond-async').expect(202)
    hanging = threading.Thread(target=lambda: swallow(
        lambda: client.act(payment, 'refunds', prefer='wait=30')), daemon=True)
    hanging.start()
    time.sleep(0.3)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    start = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(15)
    assert time.monotonic() - start < 2
    server.start()
    assert client.settles(payment)['status'] == 'captured'
    assert server.doctor().returncode == 0
    assert server.stop() == 0


def swallow(call):
    try:
        call()
    except (OSError, AssertionError, EOFError):
        pass
