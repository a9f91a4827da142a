"""The rules for Prometheus of docs/operating.md: quiet while all is well, and each made to fire."""
import operator
import re
import time

import yaml

import store
from client import Client, until
from contract import ROOT
from installation import Installation, purser
from test_operating import metrics
from test_tasks import LOST_REFUND, NO_CAPTURE, open_task

pytestmark = store.sqlite_only


def rules():
    with open(ROOT + '/docs/operating.md', encoding='utf-8') as page:
        text = page.read()
    groups, = [yaml.safe_load(block) for block in re.findall(r'```yaml\n(.*?)```', text, re.S)
               if 'alert:' in block]
    return {rule['alert']: rule['expr'] for group in groups['groups'] for rule in group['rules']}


def series(sample, selector):
    """The values that a selector finds: a name, or a name with labels."""
    return [value for name, value in sample.items()
            if name == selector or name.startswith(selector + '{')]


def holds(expression, now, before, at):
    """Whether an expression of the few forms that the rules have is true for any series; `before`
    is the sample at the beginning of every range."""
    for word, decide in ((' and on() ', all), (' and ', all), (' or ', any)):
        if word in expression:
            return decide(holds(part, now, before, at) for part in expression.split(word))
    absent = re.fullmatch(r'absent\((\S+)\)', expression)
    if absent:
        return series(now, absent[1]) == []
    left, sign, limit = re.fullmatch(r'(.+) (>=?) (\d+)', expression).groups()
    beyond = {'>': operator.gt, '>=': operator.ge}[sign]
    clock = re.fullmatch(r'time\(\) - (\S+)', left)
    growth = re.fullmatch(r'increase\((\S+)\[\d+[mh]\]\)', left)
    if clock:
        values = [at - value for value in series(now, clock[1])]
    elif growth:
        values = [b - a for a, b in zip(series(before, growth[1]), series(now, growth[1]))]
    else:
        assert re.fullmatch(r'\w+(\{\w+="\w+"\})?', left), expression
        values = series(now, left)
    return any(beyond(value, int(limit)) for value in values)


def sample_after(client, moment):
    """What the books hold is read when somebody reads the metrics, and shown to the next."""
    return until(lambda: (lambda m: m['purser_sampled_at_seconds'] > moment and m)(
        metrics(client)), 25, 'a sample')


def go_wrong(server, client):
    """All at once, with every job paused that would put it right."""
    for job in ('resolve', 'capture', 'expire', 'reconcile'):
        paused = purser('jobs', 'pause', job, '--data', server.data, '--note', 'the test looks')
        assert paused.returncode == 0, paused.stderr
    refused = client.pay(NO_CAPTURE).expect(201)
    lost = client.captured(number=LOST_REFUND)
    client.act(lost, 'refunds', {'amount': 100}, prefer='respond-async').expect(202)
    open_task(server, refused, 'capture_exhausted')
    poison = client.pay(None).expect(201)
    until(lambda: store.run(server.data, 'purser.db', "SELECT 1 AS x FROM operations WHERE"
                            " state = 'unknown'"), 10, 'the deadline')
    books = [
        ("UPDATE operations SET created_ms = 1000, due_ms = 1000 WHERE state = 'unknown'",),
        ('UPDATE payments SET due_ms = 1000 WHERE id = ?', store.id_bytes(refused['id'])),
        ('UPDATE payments SET due_ms = 1000, expires_ms = 1000 WHERE id = ?',
         store.id_bytes(poison['id'])),
        ('UPDATE payments SET check_ms = 1000 WHERE id = ?', store.id_bytes(lost['id'])),
        ("UPDATE jobs SET paused_ms = 1000 WHERE name = 'resolve'",),
        ("INSERT INTO drifts (id, merchant, live, kind, invoice, payment, currency, our_minor,"
         " gateway_minor, times, created_ms) SELECT id, merchant, live, 'amount_mismatch',"
         " invoice, id, currency, 1, 2, 1, created_ms FROM payments WHERE id = ?",
         store.id_bytes(lost['id'])),
        ('CREATE TRIGGER poison BEFORE UPDATE ON payments BEGIN SELECT RAISE(ABORT, \'x\'); END',),
    ]
    for sql, *values in books:
        store.run(server.data, 'purser.db', sql, *values)
    failed = purser('jobs', 'run', 'expire', '--data', server.data, '--url',
                    'http://%s:%d' % (server.host, server.port))
    assert failed.returncode == 1, failed


# No fault of the books makes these fire; their metrics have tests of their own.
GIVEN = {
    'PurserWebhooksStuck': {'purser_webhooks_untried_seconds': 61},
    'PurserListingFails': {'purser_listings_failed_total': 3},
    'PurserReconcilerFails': {'purser_reconcile_failed_total': 21},
}


def test_each_is_quiet_and_each_fires(tmp_path, contract):
    server = Installation(tmp_path / 'data').start()
    try:
        client = Client(server, server.key(), contract)
        well = sample_after(client, 0)
        for name, expression in rules().items():
            assert not holds(expression, well, well, time.time()), name
        go_wrong(server, client)
        ill = sample_after(client, time.time())
        # The sampler cannot read what is not there.
        store.run(server.data, 'purser.db', 'ALTER TABLE tasks RENAME TO tasks_away')
        blind = until(lambda: (lambda m: m['purser_sample_failures_total'] > 0 and m)(
            metrics(client)), 25, 'a failure')
        assert server.logged('sample.failed', 5)['level'] == 'error'
        store.run(server.data, 'purser.db', 'ALTER TABLE tasks_away RENAME TO tasks')
        for name, expression in rules().items():
            now = {'PurserSamplerBroken': blind, 'PurserGone': {}}.get(name, ill)
            # It looked when it started: the silence is as long as the rule says some hours later.
            at = time.time() + (8000 if name == 'PurserReconcilerSilent' else 0)
            assert holds(expression, {**now, **GIVEN.get(name, {})}, well, at), name
        # What it read last stays as old as it says: nobody takes it for quiet.
        assert holds(rules()['PurserSamplerBroken'], {'purser_sampled_at_seconds': 1.0,
                     'purser_sample_failures_total': 0.0}, well, time.time())
    finally:
        server.stop()
