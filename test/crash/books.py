"""Our books and the sandbox gateway's ledger side by side, read from their files."""
import store

# TypeID's alphabet: Crockford's base32, small.
ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'


def type_id(prefix, raw):
    """The text of an id, as the API shows it and as the gateway gets it."""
    number = int.from_bytes(raw, 'big')
    return prefix + '_' + ''.join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def rows(data, file, sql, *values):
    return store.run(data, file, sql, *values)


def open_operations(data):
    return rows(data, 'purser.db', 'SELECT kind, state FROM operations WHERE closed_ms IS NULL')


def payments(data):
    """{id: row}, amounts and status as the books have them."""
    found = rows(data, 'purser.db',
                 'SELECT id, status, amount_minor, authorized_minor, captured_minor,'
                 ' refunded_minor, authorize_operation, version FROM payments')
    return {type_id('pay', row['id']): row for row in found}


def ledger(data):
    """{our authorize reference: {kind: sum}} of what the gateway did."""
    sums = {}
    for row in rows(data, 'sandbox.db',
                    'SELECT charge, kind, sum(amount_minor) AS amount, count(*) AS times'
                    ' FROM sandbox_ledger GROUP BY charge, kind'):
        sums.setdefault(row['charge'], {})[row['kind']] = (row['amount'], row['times'])
    return sums


def differences(data):
    """Where the two disagree, one sentence each: invariants I1, I3 and I10 (docs/invariants.md)."""
    found, known = [], set()
    sums = ledger(data)
    for name, row in payments(data).items():
        if row['authorize_operation'] is None:
            continue
        reference = type_id('op', row['authorize_operation'])
        known.add(reference)
        theirs = sums.get(reference, {})
        captured, refunded = (theirs.get(kind, (0, 0))[0] for kind in ('capture', 'refund'))
        held = theirs.get('authorize', (0, 0))
        voided = 'void' in theirs
        if captured != row['captured_minor'] or refunded != row['refunded_minor']:
            found.append('%s: captured %d, refunded %d in our books; %d, %d at the gateway'
                         % (name, row['captured_minor'], row['refunded_minor'],
                            captured, refunded))
        if held[1] > 1 or captured > held[0] or refunded > captured or (voided and captured):
            found.append('%s: the gateway did what it must never be asked for: %s' % (name, theirs))
        if row['status'] == 'cancelled' and held[0] and not voided:
            found.append('%s: cancelled, and the gateway still holds the money' % name)
        if row['status'] == 'failed' and held[0] and not voided:
            found.append('%s: failed, and the gateway holds the money' % name)
    for reference in set(sums) - known:
        found.append('%s: the gateway knows it, our books do not' % reference)
    return found


def cards_by_status(data):
    found = rows(data, 'purser.db', 'SELECT status, count(*) AS n FROM instruments GROUP BY status')
    return {row['status']: row['n'] for row in found}


def cards_that_differ(data):
    """Saved cards of which we say something else than the gateway does (I25)."""
    kept = {row['reference']: row['saving'] for row in
            rows(data, 'sandbox.db', 'SELECT reference, saving FROM sandbox_charges')}
    right = {'active': ('kept',), 'removed': ('forgotten',), 'failed': (None, 'asked')}
    found = []
    for row in rows(data, 'purser.db',
                    'SELECT i.id, i.status, p.authorize_operation FROM instruments i'
                    ' JOIN payments p ON p.id = i.payment'):
        reference = row['authorize_operation'] and type_id('op', row['authorize_operation'])
        theirs = kept.get(reference)
        if row['status'] in right and theirs not in right[row['status']]:
            found.append('%s is %s, and %s at the gateway'
                         % (type_id('ins', row['id']), row['status'], theirs))
    return found
