"""What a person must decide: each action of each kind of task, by the API and by the command."""
import re
import time
import uuid

import pytest

import store
from client import until
from contract import ROOT
from installation import purser

with open(ROOT + '/src/core/drift.def', encoding='utf-8') as table:
    TASKS = re.findall(r'X\(\w+, "(\w+)", TASK_MAY', table.read())
NO_CAPTURE, LOST_REFUND, LOST_DEACTIVATION = ('4000000000000341', '4000000000000275',
                                              '4000000000000317')

# (kind, action, what the payment, or what the task is about, comes to).
CASES = [
    ('operation_unresolved', 'ask', 'succeeded'), ('operation_unresolved', 'did_it', 'succeeded'),
    ('operation_unresolved', 'did_not', 'failed'),
    ('card_not_forgotten', 'deactivate', 'removed'), ('card_not_forgotten', 'did_it', 'removed'),
    ('card_not_forgotten', 'did_not', 'active'),
    ('capture_exhausted', 'capture', 'authorized'), ('capture_exhausted', 'cancel', 'cancelled'),
    ('capture_exhausted', 'close', 'authorized'),
    ('cancel_exhausted', 'cancel', 'cancelled'), ('cancel_exhausted', 'capture', 'captured'),
    ('cancel_exhausted', 'close', 'authorized'),
    ('late_refund_refused', 'refund', 'captured'), ('late_refund_refused', 'close', 'captured'),
    ('late_refund_impossible', 'close', 'captured'),
]
# All by the API; by the command one of each kind of decision.
WAYS = [(*case, 'api') for case in CASES] \
    + [(*case, 'command') for case in CASES if case[:2] in (
        ('operation_unresolved', 'did_it'), ('card_not_forgotten', 'deactivate'),
        ('capture_exhausted', 'cancel'), ('late_refund_refused', 'refund'))]
# Having asked resolves nothing; the answer does.
LEFT_OPEN = ('ask', 'deactivate')


def make_thing(client, kind):
    """(the payment, what the task is about)"""
    if kind == 'operation_unresolved':
        payment = client.captured(number=LOST_REFUND)
        return payment, client.act(payment, 'refunds', {'amount': 100},
                                   prefer='respond-async').expect(202)
    if kind == 'card_not_forgotten':
        customer = client.post('/v1/customers', {'name': 'Jo'}).expect(201)
        payment = client.captured(number=LOST_DEACTIVATION, customer=customer['id'],
                                  save_card=True)
        path = '/v1/instruments/%s/deactivate' % payment['instrument']
        return payment, client.post(path, prefer='respond-async').expect(202)
    if kind == 'capture_exhausted':
        payment = client.pay(NO_CAPTURE).expect(201)
    elif kind == 'cancel_exhausted':
        payment = client.authorized()
    else:
        payment = client.captured()
    return payment, payment


def open_task(server, payment, kind):
    """As the engine would, had it tried for days."""
    operation = None
    if kind in ('operation_unresolved', 'card_not_forgotten'):
        row, = store.run(server.data, 'purser.db', 'SELECT id FROM operations WHERE payment = ?'
                         " AND kind IN ('refund', 'deactivate')", store.id_bytes(payment['id']))
        operation = bytes(row['id'])
        store.run(server.data, 'purser.db', 'UPDATE operations SET tries = 8 WHERE id = ?',
                  operation)
    task = uuid.uuid4().bytes
    task = int(time.time() * 1000).to_bytes(6, 'big') + bytes([0x70 | task[6] & 15]) + task[7:]
    store.run(server.data, 'purser.db', 'INSERT INTO tasks (id, merchant, live, kind, invoice,'
              ' payment, operation, detail, created_ms) SELECT ?, merchant, live, ?, invoice, id,'
              ' ?, ?, created_ms FROM payments WHERE id = ?', task, kind, operation,
              'for days', store.id_bytes(payment['id']))


@pytest.fixture(scope='module')
def things(server, client):
    """One of each case and way, all at once: what gets no answer is unknown after two seconds."""
    paused = purser('jobs', 'pause', 'resolve', '--data', server.data, '--note', 'the test looks')
    assert paused.returncode == 0, paused.stderr
    made = {}
    for kind, action, _, way in WAYS:
        made[kind, action, way] = make_thing(client, kind)

    def known():
        rows = store.run(server.data, 'purser.db', "SELECT count(*) AS n FROM operations WHERE"
                         " state = 'sending'")
        return rows[0]['n'] == 0
    until(known, 15, 'the deadline')
    for (kind, action, way), (payment, _) in made.items():
        open_task(server, payment, kind)
    return made


def task_of(client, payment):
    task, = [task for task in client.pages('/v1/tasks') if task['payment'] == payment['id']]
    return task


def resolve(client, server, task, action, way):
    if way == 'api':
        return client.post('/v1/tasks/%s/resolve' % task['id'],
                           {'action': action, 'note': 'case 12'}).expect(200)
    assert task['id'] in purser('tasks', 'list', '--data', server.data).stdout
    done = purser('tasks', 'resolve', task['id'], action, '--note', 'case 12', '--data',
                  server.data, '--url', 'http://%s:%d' % (server.host, server.port))
    assert done.returncode == 0, done.stderr
    return client.get('/v1/tasks/' + task['id']).expect(200)


def test_every_kind_and_action_has_its_case(client, things):
    for kind in TASKS:
        payment, _ = things[next(key for key in things if key[0] == kind)]
        possible = task_of(client, payment)['actions']
        assert sorted(possible) == sorted(a for k, a, _ in CASES if k == kind), kind


@pytest.mark.parametrize('kind,action,end,way', WAYS)
def test_an_action(client, server, things, kind, action, end, way):
    payment, about = things[kind, action, way]
    task = task_of(client, payment)
    assert (task['status'], task['kind']) == ('open', kind)
    after = resolve(client, server, task, action, way)
    if action not in LEFT_OPEN:
        assert (after['status'], after['action'], after['note']) == ('closed', action, 'case 12')
    until(lambda: client.read(about)['status'] == end, 15, 'the end')
    closed = until(lambda: (lambda t: t['status'] == 'closed' and t)(task_of(client, payment)), 10,
                   'the task')
    if action in LEFT_OPEN:
        assert (closed['action'], closed['resolved_by']) == ('answered', 'gateway')
    if action == 'refund':
        refunded = until(lambda: client.read(payment)['amount_refunded'], 10, 'the refund')
        assert refunded == payment['amount']
    entry, = [e for e in client.pages('/v1/audit') if e['about'] == task['id']]
    assert entry['action'] == 'task.' + action and entry['actor'].startswith('key_')
    assert entry['detail']['id'] == task['id']
    client.post('/v1/tasks/%s/resolve' % task['id'], {'action': action, 'note': 'again'}) \
          .refused('state_conflict')


def test_what_ends_by_itself_is_nobodys_task(client, server):
    payment = client.pay(NO_CAPTURE).expect(201)
    store.run(server.data, 'purser.db', 'UPDATE payments SET capture_tries = 96 WHERE id = ?',
              store.id_bytes(payment['id']))
    open_task(server, payment, 'capture_exhausted')
    client.act(payment, 'cancel').expect(200)
    task = task_of(client, payment)
    assert (task['status'], task['action'], task['actions']) == ('closed', 'answered', [])


def test_nobody_chooses_that_it_ended_by_itself(client, server):
    payment = client.authorized()
    open_task(server, payment, 'cancel_exhausted')
    task = task_of(client, payment)
    client.post('/v1/tasks/%s/resolve' % task['id'], {'action': 'answered', 'note': 'x'}) \
          .refused('validation_failed', 'action')


def test_the_log_of_decisions_is_whole(server):
    assert purser('audit', 'verify', '--data', server.data).returncode == 0
