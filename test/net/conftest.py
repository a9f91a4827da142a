import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from probe import Probe, binary    # noqa: E402


def pytest_report_header(config):
    return 'probe server: ' + binary()


@pytest.fixture(scope='module')
def probe():
    """With the limits of production; for tests that do not wait for one."""
    with Probe() as server:
        yield server


@pytest.fixture
def make_probe():
    """Servers with limits of the test's own, ended after it."""
    servers = []

    def make(**limits):
        servers.append(Probe(**limits))
        return servers[-1]

    yield make
    for server in servers:
        server.end()
