"""The network between a node and the server is cut, with packets lost in silence or with a word,
while another node goes on."""
import random
import time

import pytest

from client import until
from load import create
from namespace import Namespace, needs_namespaces
from node import Load, Node, check_books

NOTICED_S = 20          # a commit in doubt is asked about for 10 s
RETURN_S = 10
PORT = 8080


@pytest.fixture
def network(monkeypatch):
    network = Namespace()
    monkeypatch.setenv('PURSER_PG_OPTIONS', '-c fsync=off -c full_page_writes=off'
                       ' -c listen_addresses=' + network.server)
    yield network
    network.remove()


@pytest.fixture
def far_cluster(network, request):
    """The test's cluster, which lets the namespace in."""
    cluster = request.getfixturevalue('cluster')
    with open(cluster.folder + '/data/pg_hba.conf', 'a', encoding='utf-8') as file:
        file.write('host all purser %s/30 trust\n' % network.server)
    cluster.as_superuser('SELECT pg_reload_conf()')
    return cluster


class Cable:
    """The way over the network."""

    def __init__(self, cluster, network):
        self.cluster, self.network = cluster, network

    def address(self, address):
        return address.replace('host=' + self.cluster.folder, 'host=' + self.network.server)


def start_inside(network, node):
    return node.start(wrapper=('ip', 'netns', 'exec', network.name),
                      listen='%s:%d' % (network.inside, PORT))


def is_refused(node, key):
    request = create(random.Random(3))
    answer = node.call(key, 'POST', request.target, request, timeout=NOTICED_S)
    return answer is not None and answer[0] == 503 and b'"retryable":true' in answer[1]


@needs_namespaces
@pytest.mark.parametrize('how', ['silence', 'loudness'])
def test_a_node_is_cut_off(how, network, far_cluster, tmp_path):
    cut, mend = {'silence': (network.cut_silently, network.mend_silence),
                 'loudness': (network.cut_loudly, network.mend_loudness)}[how]
    near = Node(tmp_path, 'near').start()
    far = start_inside(network, Node(tmp_path, 'far', near, way=Cable(far_cluster, network)))
    load = Load([near, far], near.key())
    load.for_a_while(0.5)
    load.start()
    time.sleep(0.5)
    cut()
    begin = time.monotonic()
    until(lambda: is_refused(far, load.key), NOTICED_S, 'a refusal')
    until(lambda: far.call(load.key, 'GET', '/readyz')[0] == 503, 5, 'not ready')
    print('%s noticed after %.1f s' % (how, time.monotonic() - begin))
    assert far.call(load.key, 'GET', '/healthz')[0] == 200
    assert near.pays(load.key)
    mend()
    begin = time.monotonic()
    until(lambda: far.pays(load.key), RETURN_S, 'a payment at the node that was cut off')
    print('back after %.1f s' % (time.monotonic() - begin))
    load.finish()
    load.for_a_while(0.5)
    check_books(near, far, load)
    for node in (near, far):
        assert node.stop() == 0
