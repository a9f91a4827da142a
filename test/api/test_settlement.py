"""Settlement files: the sandbox writes one, and what is planted in it is found: once, no more."""
import csv
import io
import json
import os
import signal
import subprocess
import time

import pytest

import aged
import store
from client import Client
from installation import Installation, binary, environment, purser

DAYS = 10

HEADER = 'type,booked_at,charge,reference,refund,gross,fee,net,currency,payout\n'


class Files:
    """Settlement files of the sandbox's default account, and what purser makes of them."""

    def __init__(self, server, folder):
        self.server = server
        self.folder = folder
        self.count = 0

    def sandbox(self):
        """The sandbox's file as rows."""
        done = purser('settlement', 'sandbox', '--data', self.server.data)
        assert done.returncode == 0, done
        return list(csv.DictReader(io.StringIO(done.stdout)))

    def write(self, rows):
        """Rows, or a text, as a new file."""
        self.count += 1
        path = self.folder / ('file-%d.csv' % self.count)
        if isinstance(rows, (str, bytes)):
            path.write_bytes(rows if isinstance(rows, bytes) else rows.encode())
            return str(path)
        with open(path, 'w', newline='') as file:
            writer = csv.DictWriter(file, HEADER.strip().split(','), lineterminator='\n')
            writer.writeheader()
            writer.writerows(rows)
        return str(path)

    def run(self, path, *more):
        return purser('settlement', 'import', path, '--data', self.server.data, '--json', *more)

    def take(self, rows, exit_code, *more):
        done = self.run(self.write(rows), *more)
        assert done.returncode == exit_code, done
        return json.loads(done.stdout)

    def refused(self, rows, *sentences, mapping=None):
        """Names what is wrong, and leaves nothing."""
        before = self.listed()
        done = self.run(self.write(rows), *(('--mapping', mapping) if mapping else ()))
        assert done.returncode == 2 and not done.stdout, done
        for sentence in sentences:
            assert sentence in done.stderr, done.stderr
        assert self.listed() == before

    def listed(self):
        return purser('settlement', 'list', '--data', self.server.data).stdout


@pytest.fixture(scope='module')
def files(server, tmp_path_factory):
    return Files(server, tmp_path_factory.mktemp('settlements'))


def open_drift(client):
    """{reference: kind} of what is open."""
    found = client.get('/v1/drift', status='open', limit=100).expect(200)['data']
    assert len({(drift['kind'], drift['reference']) for drift in found}) == len(found)
    return {(drift['kind'], drift['reference']): drift for drift in found}


def refund(client, payment, amount):
    return client.act(payment, 'refunds', {'amount': amount}).expect(201)


def test_what_agrees_is_clean_and_comes_once(client, server, files):
    payments = [client.captured(amount=1000 + n) for n in range(5)]
    refund(client, payments[0], 300)
    refund(client, payments[0], 300)
    rows = files.sandbox()
    kinds = [row['type'] for row in rows]
    assert (kinds.count('capture'), kinds.count('refund'), kinds.count('payout')) == (5, 2, 1)
    path = files.write(rows)
    done = files.run(path)
    assert done.returncode == 0, done
    told = json.loads(done.stdout)
    assert (told['rows'], told['matched'], told['noted'], told['status']) == (8, 7, 1, 'imported')
    assert (told['gateway'], told['mapping'], told['name']) == ('sandbox', 'sandbox', 'file-1.csv')
    again = files.run(path)
    assert again.returncode == 0 and 'imported before' in again.stderr
    assert json.loads(again.stdout) == told
    assert open_drift(client) == {}
    assert 'clean' in files.listed() and told['id'] in files.listed()
    shown = purser('settlement', 'show', told['id'], '--all', '--data', server.data).stdout
    assert shown.count('matched  payment') == 5 and payments[4]['id'] in shown
    # The same rows in another file are money paid twice.
    twice = files.take(rows + [rows[0]], 1)
    assert (twice['twice'], twice['matched']) == (8, 0)
    drifts = open_drift(client)
    assert len(drifts) == 7 + 1 and {kind for kind, _ in drifts} == {'settled_twice',
                                                                     'payout_mismatch'}
    assert drifts['settled_twice', rows[0]['charge']]['times_seen'] == 2
    for drift in drifts.values():
        client.post('/v1/drift/%s/resolve' % drift['id'],
                    {'resolution': 'settled', 'note': 'a test'}).expect(200)


def test_each_planted_difference_is_found_and_no_other(client, server, files):
    known = {row['reference'] for row in files.sandbox()}
    payments = [client.captured(amount=5000 + n) for n in range(6)]
    refund(client, payments[0], 700)
    held = client.authorized(amount=4000)
    rows = [row for row in files.sandbox() if row['reference'] not in known
            and row['type'] != 'payout']
    assert len(rows) == 7
    charge = [row['charge'] for row in rows]
    # Another amount, another currency, a fee that does not add up, what is not in the books,
    # money of a payment that took none, a chargeback, a payout that is short.
    rows[0]['gross'], rows[0]['net'] = '50.01', '50.01'
    rows[0]['fee'] = '0'
    rows[1]['currency'] = 'USD'
    rows[2]['net'] = '49.00'
    operation = client.get('/v1/payments/%s/operations' % held['id']).expect(200)['data'][0]
    nobody = dict(rows[3], charge='ch_nobody', reference='')
    uncaptured = dict(rows[3], charge='', reference=operation['reference'])
    dispute = dict(rows[4], type='chargeback', gross='-10.00', fee='0', net='-10.00')
    payout = dict(rows[5], type='payout', payout='po_short', gross='-1.00', fee='0', net='-1.00',
                  charge='', reference='')
    rows[5]['payout'] = 'po_short'
    told = files.take(rows + [nobody, uncaptured, dispute, payout], 1)
    assert (told['rows'], told['matched'], told['noted']) == (11, 4, 1)
    assert (told['differing'], told['unknown'], told['payouts_wrong']) == (5, 1, 1)
    drifts = open_drift(client)
    assert set(drifts) == {
        ('settlement_mismatch', charge[0]), ('settlement_mismatch', charge[1]),
        ('fee_mismatch', charge[2]), ('missing_here', 'ch_nobody'),
        ('unexpected_settlement', operation['reference']), ('unseen_dispute', charge[4]),
        ('payout_mismatch', 'po_short')}
    amount = drifts['settlement_mismatch', charge[0]]
    assert (amount['our_amount'], amount['gateway_amount']) == (5000, 5001)
    assert amount['payment'] == payments[0]['id'] and 'row 2 of' in amount['detail']
    missing = drifts['missing_here', 'ch_nobody']
    assert missing['payment'] is None and missing['gateway_amount'] == 5003
    shown = purser('settlement', 'show', told['id'], '--data', server.data).stdout
    assert shown.count('differs') == 5 and shown.count('unknown  payment') == 1
    # What is about nothing in the books is decided like any other, once, and by its owner alone.
    path = '/v1/drift/%s/resolve' % missing['id']
    wish = {'resolution': 'accepted', 'note': 'of the old shop'}
    assert client.post(path, wish).expect(200)['status'] == 'closed'
    client.post(path, wish).refused('state_conflict')
    entry = client.get('/v1/audit').expect(200)['data'][0]
    assert (entry['action'], entry['about']) == ('drift.resolve', missing['id'])


def test_what_is_about_nothing_is_its_owners(client, live, files):
    files.take(HEADER + GOOD.replace('ch_1', 'ch_else'), 1)
    drift = open_drift(client)['missing_here', 'ch_else']
    wish = {'resolution': 'accepted', 'note': 'x'}
    live.post('/v1/drift/%s/resolve' % drift['id'], wish).refused('not_found')
    assert client.get('/v1/drift/' + drift['id']).expect(200)['status'] == 'open'


def test_what_no_file_has_is_told_and_closed_when_it_comes(tmp_path, contract):
    """Ten days later."""
    installation = Installation(tmp_path / 'data')
    aged.start(installation, DAYS)
    client = Client(installation, installation.key(), contract)
    payments = [client.captured(amount=8000 + n) for n in range(3)]
    given = refund(client, payments[0], 100)
    aged.finish(installation, DAYS)
    missed, given = aged.name(payments[1]['id'], DAYS), aged.name(given['id'], DAYS)
    # Its references at the gateway are not as old as they should be: nobody is to ask about them.
    installation.start('--reconcile-enabled', 'off')
    try:
        client = Client(installation, installation.key(), contract)
        files = Files(installation, tmp_path)
        rows = [row for row in files.sandbox() if row['type'] != 'payout']
        assert [row['type'] for row in rows] == ['capture'] * 3 + ['refund']
        for row in rows:
            row['booked_at'] = time.strftime('%Y-%m-%d', time.gmtime(time.time() - DAYS * 86400))
        # The file goes on for nine days, without the second payment and the refund.
        later = dict(rows[2], type='fee', gross='-1.00', fee='0', net='-1.00', charge='',
                     reference='', booked_at=time.strftime('%Y-%m-%d'))
        told = files.take([rows[0], rows[2], later], 1)
        assert (told['matched'], told['unsettled']) == (2, 2)
        drifts = open_drift(client)
        assert set(drifts) == {('unsettled', missed), ('unsettled', given)}
        assert drifts['unsettled', missed]['payment'] == missed
        assert drifts['unsettled', given]['refund'] == given
        assert drifts['unsettled', given]['our_amount'] == -100
        # Cut off before the end was noted: what was found till then is found again.
        store.run(installation.data, 'purser.db', "UPDATE settlements SET status = 'importing',"
                  ' ended_ms = NULL, unsettled = 0')
        assert files.take([rows[0], rows[2], later], 1)['unsettled'] == 2
        assert files.take([rows[1], rows[3]], 0)['matched'] == 2
        assert open_drift(client) == {}
        closed = client.get('/v1/drift/' + drifts['unsettled', given]['id']).expect(200)
        assert (closed['resolution'], closed['resolved_by']) == ('agreed', 'settlement')
    finally:
        assert installation.stop() == 0


GOOD = 'capture,2026-03-01T10:00:00Z,ch_1,,,10.00,0.15,9.85,EUR,po_1\n'


@pytest.mark.parametrize('text, sentences', [
    (b'', ['there is no row 1']),
    (HEADER.encode(), ['no rows below the header']),
    (b'PK\x03\x04\x00', ['row 1', 'zero byte']),
    (HEADER.replace('charge', 'charges').encode(), ['row 1', 'no column "charge"']),
    ((HEADER + GOOD + 'capture,2026-03-01,ch_2\n').encode(), ['row 3', '3 fields', 'header 10']),
    ((HEADER + GOOD.replace('10.00', '10,00')).encode(), ['row 2', 'the row has 11 fields']),
    ((HEADER + GOOD.replace('10.00', '10.0O')).encode(), ['row 2', 'column "gross"', '10.0O']),
    ((HEADER + GOOD.replace('10.00', '10.001')).encode(), ['row 2', 'column "gross"']),
    ((HEADER + GOOD.replace('2026-03-01T', '2026-13-01T')).encode(), ['row 2', 'booked_at']),
    ((HEADER + GOOD.replace('EUR', 'EUX')).encode(), ['row 2', 'column "currency"']),
    ((HEADER + GOOD.replace('capture', 'sale')).encode(), ['row 2', 'column "type"', '"sale"']),
    ((HEADER + GOOD.replace('ch_1', '')).encode(), ['row 2', 'needs a reference']),
    ((HEADER + GOOD.replace('10.00', '-10.00')).encode(), ['row 2', 'a payment is not negative']),
    ((HEADER + GOOD.replace('ch_1', '"ch_1')).encode(), ['row 2', 'no closing quote']),
    ((HEADER + GOOD).encode() + b'\xff\xfe' + GOOD.encode(), ['row 3', 'not UTF-8']),
])
def test_a_file_with_a_mistake_is_refused_whole(files, text, sentences):
    files.refused(text, *sentences)


def test_every_mistake_is_named(files):
    files.refused(HEADER + GOOD + GOOD.replace('10.00', 'x') + GOOD + GOOD.replace('EUR', 'E'),
                  'row 3', 'row 5', '2 mistakes; nothing was imported')


BANK = {
    'name': 'bank', 'separator': ';', 'header_row': 3, 'decimal': ',', 'grouping': ' ',
    'units': 'major', 'dates': 'dmy', 'utc_offset': '+05:00', 'signs': 'absolute',
    'currency': 'EUR',
    'columns': {'kind': 'Art', 'gateway_reference': 'Nummer', 'gross': 'Betrag', 'booked': 'Tag',
                'fees': ['Gebühr', 'Steuer']},
    'kinds': {'payment': ['Kauf'], 'refund': ['Gutschrift'], 'ignore': ['', 'Summe']},
}


def test_a_bank_writes_in_its_own_way(client, files, tmp_path):
    known = {row['reference'] for row in files.sandbox()}
    payment = client.captured(amount=123456)
    refund(client, payment, 10000)
    charge = next(row['charge'] for row in files.sandbox() if row['reference'] not in known)
    mapping = tmp_path / 'bank.json'
    mapping.write_text(json.dumps(BANK))
    text = ('Register der Bank;;;;;\nvom;01.03.2026;;;;\nTag;Art;Nummer;Betrag;Gebühr;Steuer\n'
            '28.02.2026 23:59;Kauf;%s;1 234,56;12,00;0,50\n1.3.2026;Gutschrift;%s;"100,00";;\n'
            ';Summe;;1 134,56;;\n') % (charge, charge)
    told = files.take('\ufeff' + text.replace('\n', '\r\n'), 0, '--mapping', str(mapping))
    assert (told['rows'], told['matched'], told['mapping']) == (2, 2, 'bank')
    assert told['from'] == '2026-02-28T18:59:00.000Z'
    assert told['to'] == '2026-02-28T19:00:00.000Z'


def test_minor_units_and_signs_tell_the_kind(client, files, tmp_path):
    known = {row['reference'] for row in files.sandbox()}
    payment = client.captured(amount=77700)
    refund(client, payment, 700)
    charge = next(row['charge'] for row in files.sandbox() if row['reference'] not in known)
    mapping = tmp_path / 'minor.json'
    mapping.write_text(json.dumps({
        'name': 'minor', 'units': 'minor', 'dates': 'mdy', 'separator': '\t',
        'columns': {'gateway_reference': 'id', 'gross': 'amount', 'net': 'paid',
                    'currency': 'cur', 'booked': 'day'}}))
    text = 'id\tamount\tpaid\tcur\tday\n%s\t77700\t77700\t978\t03/01/2026\n' % charge
    text += '%s\t-700\t-700\teur\t3/2/2026\n' % charge
    told = files.take(text, 0, '--mapping', str(mapping))
    assert told['matched'] == 2


@pytest.mark.parametrize('change, sentence', [
    ({'columns': {}}, 'gateway_reference or our_reference'),
    ({'columns': dict(BANK['columns'], grosss='x')}, 'columns.grosss'),
    ({'kinds': {'sale': ['Kauf']}}, '"kinds" must be'),
    ({'dates': 'iso'}, '"dates" must be one of ymd, dmy, mdy'),
    ({'decimal': ';'}, '"decimal" must be one character'),
    ({'utc_offset': '5'}, '"utc_offset"'),
    ({'currency': 'EU'}, '"currency"'),
    ({'header_row': 0}, '"header_row"'),
    ({'colour': 'red'}, '"colour" must be left out'),
])
def test_a_mapping_with_a_mistake_says_which(files, tmp_path, change, sentence):
    mapping = tmp_path / 'wrong.json'
    mapping.write_text(json.dumps(dict(BANK, **change)))
    files.refused(HEADER + GOOD, sentence, mapping=str(mapping))


def test_what_was_cut_off_goes_on(client, server, files):
    """Killed between two groups, the same command ends it."""
    rows = [GOOD.replace('ch_1', 'ch_long_%05d' % n) for n in range(3000)]
    path = files.write(HEADER + ''.join(rows))
    arguments = [binary(), 'settlement', 'import', path, '--data', server.data, '--json']
    process = subprocess.Popen(arguments, env=environment(server.data), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    name = os.path.basename(path)
    query = 'SELECT last_row, status FROM settlements WHERE name = ?'
    while process.poll() is None:
        found = store.run(server.data, 'purser.db', query, name)
        if found and found[0]['last_row'] > 0:
            process.kill()
    assert process.wait() == -signal.SIGKILL
    cut, = store.run(server.data, 'purser.db', query, name)
    assert cut['status'] == 'importing' and 0 < cut['last_row'] < 3000
    whole = files.run(path)
    assert whole.returncode == 1, whole
    told = json.loads(whole.stdout)
    assert (told['rows'], told['unknown'], told['status']) == (3000, 3000, 'imported')
    count = 'SELECT count(*) AS count FROM settlement_lines l JOIN settlements s' \
            ' ON s.id = l.settlement WHERE s.name = ?'
    assert store.run(server.data, 'purser.db', count, name)[0]['count'] == 3000


def test_no_card_number_stays(server, files):
    number = '4242424242424242'
    files.take(HEADER + GOOD.replace('ch_1', number), 1)
    for name, content in store.content(server.data):
        assert number.encode() not in content, name


def test_the_mapping_can_be_printed_and_used(files, tmp_path):
    printed = purser('settlement', 'mapping', 'sandbox')
    assert printed.returncode == 0 and json.loads(printed.stdout)['name'] == 'sandbox'
    unknown = purser('settlement', 'mapping', 'epayment')
    assert unknown.returncode == 1 and 'docs/settlement.md' in unknown.stderr
