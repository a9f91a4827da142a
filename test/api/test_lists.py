"""Lists: pages that neither repeat nor skip, and filters."""
import time
from datetime import datetime, timezone

import pytest

from client import until


@pytest.fixture(scope='module')
def payments(client):
    """Twelve payments of one reference, oldest first."""
    return [client.captured(reference='listed', amount=100 + i, prefer='wait=20')
            for i in range(12)]


def ids(items):
    return [item['id'] for item in items]


def stamp(milliseconds):
    moment = datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
    return moment.strftime('%Y-%m-%dT%H:%M:%S.') + '%03dZ' % (milliseconds % 1000)


def milliseconds(text):
    return round(datetime.fromisoformat(text.replace('Z', '+00:00')).timestamp() * 1000)


def test_newest_first(client, payments):
    page = client.get('/v1/payments', reference='listed').expect(200)
    assert ids(page['data']) == ids(payments)[::-1] and page['next_cursor'] is None


def test_pages(client, payments):
    first = client.get('/v1/payments', reference='listed', limit=5).expect(200)
    second = client.get('/v1/payments', reference='listed', limit=5,
                        cursor=first['next_cursor']).expect(200)
    third = client.get('/v1/payments', reference='listed', limit=5,
                       cursor=second['next_cursor']).expect(200)
    assert [len(p['data']) for p in (first, second, third)] == [5, 5, 2]
    assert third['next_cursor'] is None
    assert ids(first['data'] + second['data'] + third['data']) == ids(payments)[::-1]


def test_a_full_last_page_has_no_cursor(client, payments):
    page = client.get('/v1/payments', reference='listed', limit=12).expect(200)
    assert len(page['data']) == 12 and page['next_cursor'] is None


def test_20_unless_said_otherwise(client):
    for i in range(21):
        client.post('/v1/invoices', {'amount': 1 + i, 'currency': 'EUR'}).expect(201)
    page = client.get('/v1/invoices').expect(200)
    assert len(page['data']) == 20 and page['next_cursor']


def test_pages_are_stable_while_others_are_added(client):
    old = [client.pay(None, reference='stable').expect(201) for _ in range(6)]
    seen, cursor = [], {}
    while True:
        page = client.get('/v1/payments', reference='stable', limit=2, **cursor).expect(200)
        seen += ids(page['data'])
        client.pay(None, reference='stable').expect(201)
        if page['next_cursor'] is None:
            break
        cursor = {'cursor': page['next_cursor']}
    assert seen == ids(old)[::-1]


@pytest.mark.parametrize('path', ['/v1/payments', '/v1/invoices', '/v1/gateway_accounts',
                                  '/v1/api_keys'])
def test_every_list_has_pages(client, path):
    for _ in range(2):
        client.pay(None).expect(201)
        client.post('/v1/gateway_accounts', {'gateway': 'sandbox'}).expect(201)
        client.post('/v1/api_keys', {}).expect(201)
    at_once = client.get(path, limit=100).expect(200)['data']
    one_by_one = client.pages(path, limit=1)
    assert len(at_once) >= 3 and ids(one_by_one) == ids(at_once)
    assert ids(at_once) == sorted(ids(at_once), reverse=True)


def test_lists_of_a_payment_have_pages(client):
    payment = client.captured(amount=1000)
    for _ in range(3):
        client.act(payment, 'refunds', {'amount': 10}).expect(201)
    for what, count in (('refunds', 3), ('events', 11), ('operations', 5)):
        path = '/v1/payments/%s/%s' % (payment['id'], what)
        at_once = client.get(path, limit=100).expect(200)
        assert len(at_once['data']) == count and at_once['next_cursor'] is None
        assert client.pages(path, limit=2) == at_once['data']


def test_filters(client, payments):
    one = payments[3]
    for name, value, wanted in [
            ('amount', one['amount'], [one]),
            ('gateway_reference', one['gateway_reference'], [one]),
            ('status', 'captured', payments[::-1]), ('status', 'failed', []),
            ('gateway', 'sandbox', payments[::-1])]:
        found = client.get('/v1/payments', reference='listed', **{name: value}).expect(200)['data']
        assert ids(found) == ids(wanted), name
    assert client.get('/v1/payments', reference='liste').expect(200)['data'] == []


def test_by_time_of_making(client, payments):
    """From is included, to is not."""
    one = payments[5]
    made = milliseconds(one['created_at'])
    of = {'reference': 'listed'}
    around = client.get('/v1/payments', created_from=stamp(made), created_to=stamp(made + 1), **of)
    assert one['id'] in ids(around.expect(200)['data'])
    before = client.get('/v1/payments', created_to=stamp(made), **of).expect(200)['data']
    after = client.get('/v1/payments', created_from=stamp(made + 1), **of).expect(200)['data']
    assert one['id'] not in ids(before + after)
    assert set(ids(before)) <= set(ids(payments[:5])) and set(ids(after)) <= set(ids(payments[6:]))
    second = client.get('/v1/payments', created_from='2020-01-01T00:00:00Z', **of).expect(200)
    assert len(second['data']) == 12


def test_invoices_by_status(client):
    owed = client.post('/v1/invoices', {'amount': 5, 'currency': 'EUR'}).expect(201)
    assert owed in client.get('/v1/invoices', status='unpaid', limit=1).expect(200)['data']
    client.post('/v1/invoices/%s/cancel' % owed['id']).expect(200)
    assert owed['id'] not in ids(client.pages('/v1/invoices', status='unpaid'))
    assert owed['id'] in ids(client.get('/v1/invoices', status='cancelled').expect(200)['data'])


@pytest.mark.parametrize('query,code', [
    ({'limit': 0}, 'validation_failed'), ({'limit': 101}, 'validation_failed'),
    ({'limit': 'many'}, 'validation_failed'), ({'limit': '5.0'}, 'validation_failed'),
    ({'limit': ''}, 'validation_failed'), ({'status': 'paid'}, 'validation_failed'),
    ({'amount': -5}, 'validation_failed'), ({'created_from': 'yesterday'}, 'validation_failed'),
    ({'created_to': '2026-02-30T00:00:00Z'}, 'validation_failed'),
    ({'gateway': 'nobody'}, 'validation_failed'),
    ({'colour': 'red'}, 'unknown_member'), ({'after': 'x'}, 'unknown_member'),
    ({'cursor': 'x!'}, 'invalid_cursor'), ({'cursor': 'AAAA'}, 'invalid_cursor'),
])
def test_what_a_list_refuses(client, query, code):
    problem = client.get('/v1/payments', **query).refused(code)
    if code != 'invalid_cursor':
        assert problem['param'] == list(query)[0]


def test_the_feed_has_everything_once_and_in_order(client):
    start = client.pages('/v1/events', limit=100)
    after = {'after': start[-1]['id']} if start else {}
    payments = [client.captured(), client.pay('4000000000000002').expect(201)]
    news = client.pages('/v1/events', limit=3, **after)
    assert [e['id'] for e in news] == sorted({e['id'] for e in news})
    wanted = {p['invoice']: [] for p in payments}
    for event in news:
        assert event['sequence'] == len(wanted[event['invoice']]) + 1
        wanted[event['invoice']].append(event['type'])
    assert wanted[payments[0]['invoice']][-1] == 'invoice.paid'
    assert wanted[payments[1]['invoice']][-1] == 'invoice.cancelled'
    assert client.get('/v1/events', after=news[-1]['id']).expect(200) == {
        'object': 'list', 'data': [], 'next_cursor': None}
    for event in news[:3]:
        assert client.get('/v1/events/' + event['id']).expect(200) == event


def test_an_event_says_who_and_how(client):
    payment = client.captured()
    events = client.pages('/v1/payments/%s/events' % payment['id'])
    created, captured = events[0], events[-1]
    assert created['origin'] == 'api' and created['actor'].startswith('key_')
    assert captured['actor'] == 'gateway'
    assert {e['merchant'] for e in events} == {created['merchant']}
    assert created['data']['status'] == 'created'


def test_what_the_feed_refuses(client):
    for after in ('x', 'pay_01k1jqvz5tfw8axd0x31b7n6k4', ''):
        client.get('/v1/events', after=after).refused('validation_failed', 'after')
    client.get('/v1/events', cursor='x').refused('unknown_member', 'cursor')


def test_a_poll_of_the_feed_misses_nothing_while_many_write(client):
    """Followed while it grows, as a consumer does."""
    seen, after = [], {}
    first = client.pages('/v1/events', limit=100)
    after = {'after': first[-1]['id']} if first else {}
    made = [client.pay(prefer='respond-async').expect(201, 202) for _ in range(20)]
    end = time.monotonic() + 10

    def all_captured():
        page = client.get('/v1/events', limit=7, **after).expect(200)['data']
        seen.extend(page)
        if page:
            after['after'] = page[-1]['id']
        done = {e['payment'] for e in seen if e['type'] == 'payment.captured'}
        return done >= set(ids(made))
    until(all_captured, end - time.monotonic(), 'every capture to come by')
    sequences = {}
    for event in seen:
        sequences.setdefault(event['invoice'], []).append(event['sequence'])
    for numbers in sequences.values():
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
