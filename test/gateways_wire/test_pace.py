"""What waits for a gateway waits in the books: jobs begin so many calls at an account, no more."""
import time

import store
from client import Client, until
from contract import table_of
from test_operating import metrics

AT_ONCE = {row[1]: int(row[4]) for row in table_of('src/core/job.def', 'JOBS')}['reconcile']
MORE = 8
HOUR_MS = 60 * 60 * 1000


def test_a_backlog_is_asked_about_a_few_at_a_time(server, client, sim, hyperswitch):
    payments = [hyperswitch.create() for _ in range(AT_ONCE + MORE)]
    assert {client.read(payment)['status'] for payment in payments} == {'requires_action'}
    sim.plan('delay_ms', gateway='hyperswitch', call='payment_get', ms=3000, times=len(payments))
    for payment in payments:
        store.run(server.data, 'purser.db', 'UPDATE payments SET check_ms = 1000, updated_ms = ?'
                  ' WHERE id = ?', int(time.time() * 1000) - HOUR_MS, store.id_bytes(payment['id']))
    operator = Client(server, server.key(scopes='operator'), client.contract)
    operator.post('/v1/jobs/reconcile/run', {}).expect(200)
    seen = []

    def are_all_asked_about():
        flying = metrics(client)['purser_calls_in_flight']
        seen.append((flying, operator.get('/v1/jobs/reconcile').expect(200)['due']))
        return seen[-1] == (0, 0)
    until(are_all_asked_about, 40, 'the answers')
    assert max(flying for flying, _ in seen) == AT_ONCE, seen
    # The rest stayed due while those were under way, and was asked about afterwards.
    assert (AT_ONCE, MORE) in seen, seen
