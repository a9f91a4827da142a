"""A node that is told to stop ends what it has begun."""
import threading
import time

import books
import store
from client import Client, until
from cluster import Hold, waiting_for
from node import Node


def test_a_batch_that_is_being_written_is_ended_with_what_it_orders(cluster, tmp_path, contract):
    """The answer of the gateway is in the hands of a writer when the signal comes; its turn orders
    the capture, which is still made, and its answer recorded."""
    node = Node(tmp_path, 'node').start()
    client = Client(node, node.key(), contract)
    client.captured()
    schema = store.schema(node.data)
    calls, payments = schema + '.sandbox_operations', schema + '.payments'
    with Hold(cluster, calls) as gateway:
        payment = client.pay(prefer='respond-async').expect(202)
        until(lambda: waiting_for(cluster, calls), 5, 'the call')
        with Hold(cluster, payments) as writing:
            gateway.release()
            until(lambda: waiting_for(cluster, payments), 5, 'the batch')
            ended = []
            stopping = threading.Thread(target=lambda: ended.append(node.stop()))
            stopping.start()
            time.sleep(0.5)
            writing.release()
            stopping.join(15)
    assert ended == [0]
    assert not books.open_operations(node.data)
    row = store.run(node.data, 'purser.db', 'SELECT status FROM payments WHERE due_ms IS NULL')
    assert {found['status'] for found in row} == {'captured'} and len(row) == 2, payment
    assert node.doctor().returncode == 0
