import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from simulator import Epay, Hyper, Receiver, Simulator, TWO_STEP, binary    # noqa: E402


def pytest_report_header(config):
    return 'simulator: ' + binary()


@pytest.fixture(scope='session')
def _running(tmp_path_factory):
    simulator = Simulator(tmp_path_factory.mktemp('sim'))
    yield simulator
    simulator.end()


@pytest.fixture
def sim(_running):
    """The running one, as if it had just been started."""
    _running.reset()
    return _running


@pytest.fixture
def make_sim(tmp_path):
    """Simulators with options of the test's own, ended after it."""
    made = []

    def make(*options):
        made.append(Simulator(tmp_path, *options))
        return made[-1]

    yield make
    for simulator in made:
        simulator.end()


@pytest.fixture
def epay(sim):
    return Epay(sim)


@pytest.fixture
def epay_two_step(sim):
    return Epay(sim, TWO_STEP)


@pytest.fixture
def hyper(sim):
    return Hyper(sim)


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.end()
