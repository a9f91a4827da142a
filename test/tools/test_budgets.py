"""bench/counts must fail for waste, say so, and read callgrind's files as they are."""

import importlib.machinery
import importlib.util
import pathlib
import sys

import pytest

BENCH = pathlib.Path(__file__).resolve().parents[2] / 'bench'

PROFILE = '''events: Ir

fl=(1) a.c
fn=(1) pay
12 100
cfn=(2) malloc@@GLIBC_2.2.5
calls=3 0
13 40
cfn=(3) checkpoint_step
calls=1 0
14 500

fn=(2)
0 40
fn=(3)
0 500
fn=(4) read
20 7
cfn=(2)
calls=2 0
+1 9
'''


def load(name, file):
    sys.path.insert(0, str(BENCH))
    loader = importlib.machinery.SourceFileLoader(name, str(BENCH / file))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


@pytest.fixture(scope='module', name='counts')
def fixture_counts():
    return load('bench_counts', 'counts')


def within(counts):
    """What just fits."""
    found = {}
    for what, name, budget, tolerance in counts.read_budgets(counts.BUDGETS):
        found.setdefault(what, {})[name] = budget * (1 + tolerance)
    return found


def test_what_fits_passes(counts):
    assert all(passed for passed, _ in counts.judge(within(counts),
                                                    counts.read_budgets(counts.BUDGETS)))


def test_each_budget_can_fail_and_names_what_and_by_how_much(counts):
    budgets = counts.read_budgets(counts.BUDGETS)
    assert len(budgets) > 10
    for what, name, budget, tolerance in budgets:
        found = within(counts)
        found[what][name] = budget * (1 + tolerance) * 1.1 + 0.1
        failed = [text for passed, text in counts.judge(found, budgets) if not passed]
        assert len(failed) == 1 and what in failed[0] and name in failed[0]
        assert 'raise the budget in bench/budgets and say why' in failed[0]


def test_a_budget_that_cannot_be_read_is_refused_with_its_line(counts, tmp_path):
    path = tmp_path / 'budgets'
    path.write_text('# fine\npayment instructions many 5%\npayment smiles 3 5%\n')
    with pytest.raises(SystemExit, match=r'budgets:2: want: what count budget tolerance%'):
        counts.read_budgets(path)


def test_a_profile_is_read_with_its_short_names_and_calls(counts, tmp_path):
    path = tmp_path / 'profile'
    path.write_text(PROFILE)
    profile = counts.callgrind.Profile(path)
    assert profile.instructions() == 647
    assert profile.instructions(without=('checkpoint_step',)) == 147
    assert profile.called('malloc') == 5
    assert profile.called('pay') == 0
