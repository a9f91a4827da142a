"""Our books and the gateways' ledger side by side, payment by payment."""
import json
import time

import books

MONEY = ('authorize', 'capture', 'void', 'refund', 'refund_reversed')


def ledger(sim):
    """{reference: {kind: (sum, times)}} of what the gateways did, and what they should have
    refused."""
    sums, wrong = {}, []
    with open(sim.ledger_file, encoding='utf-8') as file:
        for text in file:
            line = json.loads(text)
            if line.get('wrong'):
                wrong.append(line)
            if line['kind'] in MONEY:
                known = sums.setdefault(line['reference'], {})
                total, times = known.get(line['kind'], (0, 0))
                known[line['kind']] = (total + line['amount'], times + 1)
    return sums, wrong


def payments(data):
    """{the gateway's name of it: row}."""
    found = {}
    for row in books.rows(data, 'purser.db',
                          'SELECT id, gateway, status, captured_minor, refunded_minor,'
                          ' order_reference, authorize_operation FROM payments'):
        if row['authorize_operation'] is None:
            continue
        name = row['order_reference']
        if row['gateway'] == 'hyperswitch':
            name = books.type_id('pay', row['authorize_operation'])
        row['id'] = books.type_id('pay', row['id'])
        found[name] = row
    return found


def under_way(data):
    """{payment: {kind: sum}} of its operations without an end."""
    found = {}
    for row in books.rows(data, 'purser.db',
                          'SELECT payment, kind, amount_minor FROM operations'
                          ' WHERE closed_ms IS NULL'):
        kinds = found.setdefault(books.type_id('pay', row['payment']), {})
        kinds[row['kind']] = kinds.get(row['kind'], 0) + (row['amount_minor'] or 0)
    return found


def settle(data, seconds):
    """Waits until nothing is under way; returns what still is."""
    end = time.monotonic() + seconds
    while under_way(data) and time.monotonic() < end:
        time.sleep(0.3)
    return under_way(data)


def differences(data, sim, is_over):
    """Where the two disagree, one sentence each (I1, I3, I10, I16). The gateway may have done of a
    payment what is under way there. When all is over that can only be a refund at epayment.kz:
    where it shows a partly refunded payment as it was before, no question tells whether a refund
    without an answer was done, and a person is asked."""
    sums, wrong = ledger(sim)
    known, waiting = payments(data), under_way(data)
    found = ['they were asked for what is wrong: %s' % line for line in wrong]
    found += ['%s: the gateway knows it, our books do not' % name
              for name in set(sums) - set(known)]
    if is_over:
        found += ['%s: %s without an end' % (row['id'], waiting[row['id']])
                  for row in known.values() if row['id'] in waiting
                  and (row['gateway'] != 'epayment' or set(waiting[row['id']]) != {'refund'})]
    for name, row in known.items():
        theirs, open_sums = sums.get(name, {}), waiting.get(row['id'], {})
        held, captured, voided, refunded = (theirs.get(kind, (0, 0)) for kind in MONEY[:4])
        if max(held[1], captured[1], voided[1]) > 1:
            found.append('%s: twice at the gateway: %s' % (name, theirs))
        if captured[0] and voided[1]:
            found.append('%s: captured and voided: %s' % (name, theirs))
        # A sale is taken with its authorize.
        more = (open_sums.get('capture', 0) + open_sums.get('authorize', 0),
                open_sums.get('refund', 0))
        for sum_, ours, room in ((captured[0], row['captured_minor'], more[0]),
                                 (refunded[0], row['refunded_minor'], more[1])):
            if not ours <= sum_ <= ours + room:
                found.append('%s: %s, and they have %s' % (name, row, theirs))
        over = row['status'] in ('cancelled', 'failed')
        if over and held[0] and not voided[1]:
            found.append('%s: %s, and the gateway holds the money' % (name, row['status']))
    return found
