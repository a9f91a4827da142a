"""When all else has run: what of the contract did the tests touch?"""
import re

import pytest

from contract import ROOT


@pytest.fixture()
def called(contract, whole_suite):
    if not whole_suite:
        pytest.skip('only a part of the suite was run')
    return contract.called


def test_every_route_was_called(contract, called):
    assert [r.name for r in contract.routes if r.name not in called] == []


def test_every_declared_answer_was_seen(contract, called):
    """Each status that the contract has for a route came up, ranges and two cases apart."""
    unseen = []
    for route in contract.routes:
        for status in route.responses:
            if status.isdigit() and int(status) not in called.get(route.name, ()):
                unseen.append('%s %s' % (route.name, status))
    assert unseen == []


def test_the_contract_has_every_route_of_the_program(contract):
    with open(ROOT + '/src/api/routes.c', encoding='utf-8') as file:
        rows = re.findall(r'\{ (GET|POST|PATCH|DELETE), "([^"]+)"', file.read())
    assert sorted('%s %s' % row for row in rows) == sorted(r.name for r in contract.routes)


def test_the_program_has_every_route_of_the_contract(contract, client):
    """Asked for with another method, an address of ours says which methods it takes."""
    for route in contract.routes:
        path = re.sub(r'\{[a-z]+\}', 'x', route.path)
        answer = client.call('PUT', path)
        answer.refused('method_not_allowed')
        assert route.method.upper() in answer.headers['Allow'].replace(',', ' ').split()
