"""What an operator sees: health, readiness, metrics, explanations of errors."""
import re

import pytest


METRIC = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[^}"]|"[^"]*")*\})?'
                    r' (-?[0-9.e+-]+|NaN|\+Inf)$')


def metrics(client):
    """{name with labels: value} of GET /metrics."""
    answer = client.with_key(None).get('/metrics')
    assert answer.status == 200
    lines = answer.raw.decode().split('\n')
    assert lines[-1] == ''
    values, described = {}, set()
    for line in lines[:-1]:
        if line.startswith('# '):
            _, what, name, _ = line.split(' ', 3)
            assert what in ('HELP', 'TYPE')
            described.add((what, name))
            continue
        match = re.match(METRIC, line)
        assert match, line
        assert match.group(1) + (match.group(2) or '') not in values, line
        values[match.group(1) + (match.group(2) or '')] = float(match.group(3))
        base = re.sub(r'_(bucket|sum|count)$', '', match.group(1))
        assert {('TYPE', base), ('TYPE', match.group(1))} & described, line
    return values


def test_health_needs_no_key(client):
    assert client.with_key(None).get('/healthz').expect(200) == {'status': 'ok'}


def test_readiness_is_a_real_write(client):
    assert client.with_key(None).get('/readyz').expect(200) == {'status': 'ok'}


def test_metrics_count(client):
    before = metrics(client)
    assert any(name.startswith('purser_') for name in before)
    client.captured()
    after = metrics(client)
    grown = {name for name in after if after[name] > before.get(name, 0)}
    assert {'purser_turns_total', 'purser_gateway_calls_total', 'purser_batches_total'} <= grown
    assert after['purser_turns_total'] >= before['purser_turns_total'] + 3


def test_metrics_name_no_merchant_data(client):
    client.captured(reference='secret-reference', customer_email='ada@example.com')
    text = client.with_key(None).get('/metrics').raw.decode()
    assert 'secret-reference' not in text and 'ada@' not in text and client.key not in text


def test_every_error_has_its_page(client, contract):
    for code in contract.errors:
        page = client.with_key(None).get('/errors/' + code)
        assert page.status == 200
        text = page.raw.decode()
        assert code in text and '<title>' in text and '<script' not in text


def test_a_problem_leads_to_its_page(client):
    problem = client.pay(amount=-1).refused('validation_failed')
    host = 'http://%s:%d' % (client.server.host, client.server.port)
    assert problem['doc_url'].startswith(host + '/')
    assert client.with_key(None).get(problem['doc_url'][len(host):]).status == 200


@pytest.mark.parametrize('code', ['nothing', 'NOT_FOUND', '<b>', '%3Cb%3E'])
def test_an_error_that_there_is_not(client, code):
    client.with_key(None).get('/errors/' + code).refused('not_found')


def test_every_request_is_one_line_of_the_log(client, server):
    answer = client.pay(amount=-1)
    answer.refused('validation_failed')
    name = answer.headers['Request-Id']
    from client import until
    lines = until(lambda: [e for e in server.log() if name in e.values()], 3, 'the line')
    assert len(lines) == 1


def test_the_log_is_json_with_time_level_and_event(client, server):
    client.captured()
    with open(server.log_path, encoding='utf-8') as file:
        lines = file.read().splitlines()
    events = server.log()
    assert len(events) == len(lines) > 0
    for event in events:
        assert {'ts', 'level', 'event'} <= set(event), event
        assert re.match(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$', event['ts'])


def test_the_admin_address_serves_health_and_metrics(tmp_path, contract):
    import socket
    from client import Client
    from installation import Installation
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    server = Installation(tmp_path / 'data').start('--admin-listen', '127.0.0.1:%d' % port)
    try:
        admin, key = Client(server, None, contract), server.key()
        server.port = port
        for path in ('/healthz', '/readyz', '/metrics'):
            assert admin.get(path).status == 200
        merchant = Client(server, key, contract)
        for path in ('/v1/payments', '/v1/gateway_accounts', '/v1/events', '/nowhere'):
            merchant.get(path).refused('not_found')
        merchant.post('/v1/notifications/epayment/ga_01h455vb4pex5vsknk084sn02q',
                      {}).refused('not_found')
    finally:
        assert server.stop() == 0
