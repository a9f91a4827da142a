"""What the benchmarks say of what they measured: also when a part of it is missing."""
import importlib.machinery
import importlib.util
import pathlib
import subprocess
import sys

import pytest

BENCH = pathlib.Path(__file__).resolve().parents[2] / 'bench'
sys.path.append(str(BENCH))
import report   # noqa: E402

MACHINE = {'processor': 'One', 'processors': 2, 'memory_gib': 8, 'kernel': '6.1',
           'date': '2026-01-01', 'revision': 'abc', 'load_before': 0}


def program(name):
    loader = importlib.machinery.SourceFileLoader('bench_' + name, str(BENCH / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


@pytest.fixture(scope='module', name='run')
def fixture_run():
    return program('run')


@pytest.fixture(scope='module', name='growth')
def fixture_growth():
    return program('growth')


class Options:
    quick, seconds, rounds = True, 1, 3


def test_a_part_that_fails_leaves_the_others(run, tmp_path, monkeypatch):
    def broken(folder, options):
        raise SystemExit('bench: no such luck')
    monkeypatch.setattr(run.single, 'SINGLES', (('binary', lambda *_: {'kib': 1000}),
                                                ('memory', broken)))
    one = run.Run(Options, str(tmp_path))
    for name in ('memory', 'binary'):
        one.part(name)
    assert one.failed == {'memory': 'bench: no such luck'}
    text = report.text({'machine': MACHINE, 'rounds': one.rounds, 'failed': one.failed})
    assert '| the program, stripped | 1,000 KiB |' in text
    assert 'Not measured: memory' in text and 'no such luck' in text


def test_rounds_before_a_failure_are_reported(run, tmp_path):
    one = run.Run(Options, str(tmp_path))
    calls = []

    def flaky():
        calls.append(1)
        if len(calls) > 2:
            raise ValueError('gone')
        return {'per_second': 10 * len(calls), 'p50_ms': 1, 'p99_ms': 2}
    with pytest.raises(ValueError):
        one.interleaved([('fast.sqlite.closed.1', flaky)])
    text = report.text({'machine': MACHINE, 'rounds': one.rounds})
    assert '| 1 connection | 15 | 1.0, 2.0 |' in text


def test_every_part_can_be_measured(run):
    named = {'fast', 'slow', 'reads'} | {name for name, _ in run.single.SINGLES}
    assert named == {part[0] for part in run.PARTS}
    with pytest.raises(run.argparse.ArgumentTypeError):
        run.parts_of('fast,slwo')


def test_the_report_goes_into_its_place(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text('a\n<!-- bench/x: begin -->\nold\n<!-- bench/x: end -->\nb\n')
    report.put(str(page), 'bench/x', 'new')
    assert page.read_text() == 'a\n<!-- bench/x: begin -->\nnew\n<!-- bench/x: end -->\nb\n'
    with pytest.raises(SystemExit):
        report.put(str(page), 'bench/y', 'new')


def test_the_median_is_certain_between_two_rounds(growth):
    values = [9, 1, 2, 3, 4, 5, 6, 7, 8]
    assert growth.certain(values) == (2, 8)
    assert growth.certain([3, 1, 2]) == (1, 3)


def test_what_is_missed_is_said(growth):
    def found(value):
        return {'per_second': value, 'p50_ms': 1, 'p99_ms': value, 'refused': 0}

    rounds = [{kind: [found(10), found(14)] for kind in growth.KINDS}]
    books = [{'payments': n, 'whole': n, 'start_ms': 1, 'memory_mib': 1, 'disk_gib': 1}
             for n in (100, 1000)]
    text = growth.show({'engine': 'SQLite', 'connections': 64, 'rounds': rounds, 'books': books,
                        'rates': dict.fromkeys(growth.KINDS, 1)})
    assert '1.40 to 1.40 | >= 0.8: yes' in text
    assert text.count('<= 1.3: **no**') == 5


PROGRAMS = sorted(path.name for path in BENCH.iterdir()
                  if path.is_file() and path.read_bytes()[:18] == b'#!/usr/bin/python3')


@pytest.mark.parametrize('name', PROGRAMS)
def test_each_tells_how_it_is_called(name):
    done = subprocess.run([BENCH / name, '--help'], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('usage: bench/' + name)
