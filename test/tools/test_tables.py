"""A state machine's table that has an edge twice must not compile, with any compiler here."""

import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPILERS = [name for name in ('gcc', 'clang', 'clang-14', 'clang-19') if shutil.which(name)]
MACHINES = ('payment', 'refund', 'invoice', 'operation')


def compile_machines(compiler, sources):
    """Without any warning: the refusal must not hang on an option."""
    return subprocess.run(
        [compiler, '-std=c17', '-w', '-fsyntax-only', '-I', str(sources),
         str(sources / 'core' / 'machine.c')],
        capture_output=True, text=True, check=False)


@pytest.fixture
def sources(tmp_path):
    for room in ('base', 'core'):
        shutil.copytree(ROOT / 'src' / room, tmp_path / room)
    return tmp_path


def double_an_edge(table):
    """Repeats the first edge, leading somewhere else, as a careless edit would."""
    text = table.read_text()
    at = text.index('_EDGES(X)')
    edge = re.search(r'\n    X\((\w+), (\w+), (\w+)\)( *\\)?', text[at:])
    again = f'\n    X({edge[1]}, {edge[2]}, {edge[1]}) \\'
    table.write_text(text[:at + edge.start()] + again + text[at + edge.start():])


@pytest.mark.parametrize('compiler', COMPILERS)
def test_the_tables_compile(sources, compiler):
    result = compile_machines(compiler, sources)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize('machine', MACHINES)
@pytest.mark.parametrize('compiler', COMPILERS)
def test_an_edge_twice_does_not_compile(sources, compiler, machine):
    double_an_edge(sources / 'core' / f'{machine}.def')
    result = compile_machines(compiler, sources)
    assert result.returncode != 0
    assert f'{machine.upper()}_EDGE_' in result.stderr
