"""What the tests are given. One server per file of tests; each test makes its own objects."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from client import Client                 # noqa: E402
from contract import Contract             # noqa: E402
from installation import Installation, binary, serving     # noqa: E402


def pytest_report_header(config):
    try:
        return 'binary: %s' % binary()
    except FileNotFoundError as error:
        return str(error)


@pytest.fixture(scope='session')
def contract():
    return Contract()


@pytest.fixture(scope='module')
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp('purser') / 'data') as server:
        yield server


@pytest.fixture(scope='module')
def client(server, contract):
    """Calls the API with a test key of the default merchant that may do everything."""
    return Client(server, server.key(), contract)


@pytest.fixture(scope='module')
def live(server, contract):
    """The same merchant, live mode."""
    return Client(server, server.key(mode='live'), contract)


@pytest.fixture(scope='module')
def stranger(server, contract):
    """Another merchant, test mode."""
    server.merchant('stranger')
    return Client(server, server.key(merchant='stranger'), contract)


def pytest_collection_modifyitems(items):
    """The coverage of the contract is looked at when everything else has run."""
    items.sort(key=lambda item: item.path.name == 'test_coverage.py')


def pytest_sessionfinish():
    """Servers of tests that failed half-way."""
    for process in Installation.processes:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture(scope='session')
def whole_suite(request):
    """Whether every test file of this folder takes part in this run."""
    here = os.path.dirname(os.path.abspath(__file__))
    present = {name for name in os.listdir(here) if name.startswith('test_')}
    chosen = {item.path.name for item in request.session.items}
    return present <= chosen and not request.config.getoption('-k')
