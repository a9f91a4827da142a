"""What is owed, and the payments that pay it."""
from client import together


def invoice(client, **members):
    body = dict({'amount': 1250, 'currency': 'EUR'}, **members)
    return client.post('/v1/invoices', body).expect(201)


def act(client, thing, action):
    return client.post('/v1/invoices/%s/%s' % (thing['id'], action))


def test_made_paid_and_fulfilled(client):
    said = dict(reference='inv-1', description='Two books', shop='north', metadata={'a': 'b'})
    owed = invoice(client, **said)
    assert owed['status'] == 'unpaid' and owed['payments'] == [] and owed['version'] == 1
    assert {name: owed[name] for name in said} == said
    assert client.read(owed) == owed
    payment = client.captured(invoice=owed['id'])
    assert payment['invoice'] == owed['id']
    paid = client.read(owed)
    assert (paid['status'], paid['payments'], paid['version']) == ('paid', [payment['id']], 2)
    fulfilled = act(client, owed, 'fulfil').expect(200)
    assert fulfilled['status'] == 'fulfilled' and fulfilled == client.read(owed)
    act(client, owed, 'fulfil').refused('state_conflict')


def test_the_location_leads_to_the_invoice(client):
    answer = client.post('/v1/invoices', {'amount': 5, 'currency': 'KZT'})
    assert answer.headers['Location'].endswith('/v1/invoices/' + answer.expect(201)['id'])


def test_a_payment_without_an_invoice_gets_one(client):
    payment = client.captured(reference='r', description='d', shop='s', metadata={'k': 'v'})
    own = client.get('/v1/invoices/' + payment['invoice']).expect(200)
    assert own['status'] == 'paid' and own['payments'] == [payment['id']]
    assert (own['reference'], own['description'], own['shop']) == ('r', 'd', 's')
    assert own['metadata'] == {'k': 'v'}


def test_an_invoice_made_for_a_payment_ends_with_it(client):
    failed = client.pay('4000000000000002').expect(201)
    cancelled = client.act(client.pay(None).expect(201), 'cancel').expect(200)
    for payment in (failed, cancelled):
        assert client.get('/v1/invoices/' + payment['invoice']).expect(200)['status'] == 'cancelled'


def test_an_invoice_of_its_own_outlives_a_failed_payment(client):
    owed = invoice(client)
    failed = client.pay('4000000000000002', invoice=owed['id']).expect(201)
    assert failed['status'] == 'failed' and client.read(owed)['status'] == 'unpaid'
    paid = client.captured(invoice=owed['id'])
    assert client.read(owed)['payments'] == [failed['id'], paid['id']]


def test_it_is_paid_in_full_and_in_its_currency(client):
    owed = invoice(client)
    client.pay(invoice=owed['id'], amount=1249).refused('invoice_mismatch', 'amount')
    client.pay(invoice=owed['id'], currency='USD').refused('invoice_mismatch', 'currency')
    assert client.read(owed)['payments'] == []


def test_one_open_payment_at_a_time(client):
    owed = invoice(client)
    client.authorized(invoice=owed['id'])
    client.pay(invoice=owed['id']).refused('state_conflict')
    act(client, owed, 'cancel').refused('state_conflict')


def test_no_payment_for_what_is_not_owed(client):
    owed = invoice(client)
    client.captured(invoice=owed['id'])
    client.pay(invoice=owed['id']).refused('state_conflict')
    withdrawn = invoice(client)
    assert act(client, withdrawn, 'cancel').expect(200)['status'] == 'cancelled'
    client.pay(invoice=withdrawn['id']).refused('state_conflict')


def test_one_of_many_payments_at_once_pays_it(client, server):
    owed = invoice(client)
    answers = together(*[lambda: client.pay(invoice=owed['id']) for _ in range(16)])
    paid = [a.json for a in answers if a.status == 201]
    assert len(paid) == 1 and paid[0]['status'] == 'captured'
    for answer in answers:
        if answer.status != 201:
            answer.refused('state_conflict')
    assert client.read(owed)['payments'] == [paid[0]['id']]


def test_cancel_only_what_is_unpaid(client):
    owed = invoice(client)
    act(client, owed, 'fulfil').refused('state_conflict')
    act(client, owed, 'cancel').expect(200)
    act(client, owed, 'cancel').refused('state_conflict')
    paid = client.captured()
    client.post('/v1/invoices/%s/cancel' % paid['invoice'], {}).refused('state_conflict')


def test_what_is_refused(client):
    owed = invoice(client)
    for action in ('cancel', 'fulfil'):
        client.post('/v1/invoices/%s/%s' % (owed['id'], action), {'reason': 'x'}) \
            .refused('unknown_member', 'reason')
    client.get('/v1/invoices', status='open').refused('validation_failed', 'status')
    assert client.read(owed) == owed


def test_refunded_when_all_money_went_back(client):
    payment = client.captured(amount=1000)
    where = '/v1/invoices/' + payment['invoice']
    client.act(payment, 'refunds', {'amount': 999}).expect(201)
    assert client.get(where).expect(200)['status'] == 'paid'
    client.act(payment, 'refunds', {'amount': 1}).expect(201)
    assert client.get(where).expect(200)['status'] == 'refunded'


def test_its_events(client):
    payment = client.captured()
    client.act(payment, 'refunds').expect(201)
    events = [e for e in client.pages('/v1/events') if e['invoice'] == payment['invoice']]
    assert [e['type'] for e in events] == [
        'invoice.created', 'payment.created', 'payment.authorizing', 'payment.authorized',
        'payment.capturing', 'payment.captured', 'invoice.paid', 'refund.created',
        'refund.succeeded', 'invoice.refunded']
    assert [e['sequence'] for e in events] == list(range(1, 11))
    own = [e for e in events if e['type'].startswith('invoice')]
    assert [e['version'] for e in own] == [1, 2, 3]
    assert own[-1]['data'] == client.get('/v1/invoices/' + payment['invoice']).expect(200)
