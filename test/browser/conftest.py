"""The payer's pages in Debian's Chromium. One server for all; a browser for each sort of it."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'api'))

from browser import Browser                       # noqa: E402
from client import Client                         # noqa: E402
from contract import Contract                     # noqa: E402
from installation import Installation             # noqa: E402


@pytest.fixture(scope='session')
def server(tmp_path_factory):
    installation = Installation(tmp_path_factory.mktemp('purser') / 'data').start(
        '--demo', 'on', '--page-requests', '0')
    yield installation
    assert installation.alive(), installation.log_tail()
    assert installation.stop() == 0


@pytest.fixture(scope='session')
def client(server):
    return Client(server, server.key(), Contract())


@pytest.fixture(scope='session')
def browser():
    with Browser() as it:
        yield it


@pytest.fixture(scope='session')
def plain():
    """Without JavaScript."""
    with Browser(script=False) as it:
        yield it
