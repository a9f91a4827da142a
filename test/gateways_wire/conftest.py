"""The real purser pays at the real purser-sim, both on loopback. One pair for the whole run."""
import os
import sys

import pytest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TESTS, 'api'), os.path.join(TESTS, 'sim')]

from client import Client                             # noqa: E402
from contract import Contract                         # noqa: E402
from installation import Installation, binary         # noqa: E402
from simulator import Simulator                       # noqa: E402
from simulator import binary as simulator_binary      # noqa: E402
from till import EpaymentTill, HyperswitchTill        # noqa: E402


def pytest_report_header():
    return 'purser: %s\nsimulator: %s' % (binary(), simulator_binary())


@pytest.fixture(scope='session')
def sim(tmp_path_factory):
    simulator = Simulator(tmp_path_factory.mktemp('sim'))
    yield simulator
    simulator.end()


@pytest.fixture(scope='session')
def server(tmp_path_factory, sim):
    """It must live through all tests, and leave books that hold every invariant."""
    installation = Installation(tmp_path_factory.mktemp('purser') / 'data').start()
    try:
        yield installation
        assert installation.alive(), 'the server died:\n' + installation.log_tail()
        deep = installation.doctor()
        assert deep.returncode == 0, deep.stdout + deep.stderr
        assert installation.stop() == 0, installation.log_tail()
    finally:
        if installation.alive():
            installation.process.kill()
            installation.process.wait()


@pytest.fixture(scope='session')
def client(server):
    return Client(server, server.key(), Contract())


@pytest.fixture(scope='session')
def hyperswitch(client, sim):
    till = HyperswitchTill(client, sim)
    yield till
    till.check()


@pytest.fixture(scope='session')
def epayment(client, sim):
    till = EpaymentTill(client, sim)
    yield till
    till.check()
