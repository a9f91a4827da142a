"""tools/run_suites must not miss a failure, whatever shape it has."""
import os
import subprocess
import sys
import time

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

TAP_GOOD = r"printf '1..2\nok 1 - a\nok 2 - b\n'"
TAP_BAD = r"printf '1..2\nok 1 - a\nnot ok 2 - b\n# what went wrong\n'; exit 1"
TAP_SKIP = r"printf '1..2\nok 1 - a\nnot ok 2 # SKIP b\n'"
TAP_SHORT = r"printf '1..3\nok 1 - a\n'"
TAP_CRASH = r"printf '1..1\nok 1 - a\n'; exit 134"
TAP_NONE = r"printf '1..0\n'"


def run(tmp_path, table, *arguments):
    suites = tmp_path / 'suites'
    suites.write_text(table)
    done = subprocess.run(
        [sys.executable, os.path.join(ROOT, 'tools', 'run_suites'), '--suites', suites, *arguments],
        capture_output=True, text=True, check=False)
    assert done.stderr == ''
    return done.returncode, done.stdout


def tap(script):
    return f'one short - tap sh -c "{script}"\n'


@pytest.mark.parametrize('table, last, status', [
    ('one short - exit true\n', '1 passed, 0 failed', 0),
    ('one short - exit false\n', '0 passed, 1 failed', 1),
    ('one short - exit ANSWER=42 sh -c "test $ANSWER = 42"\n', '1 passed, 0 failed', 0),
    (tap(TAP_GOOD), '2 passed, 0 failed', 0),
    (tap(TAP_BAD), '1 passed, 1 failed', 1),
    (tap(TAP_SKIP), '1 passed, 0 failed', 0),
    (tap(TAP_SHORT), '1 passed, 2 failed', 1),
    (tap(TAP_CRASH), '1 passed, 1 failed', 1),
    (tap(TAP_NONE), '0 passed, 1 failed', 1),
    ('a short - exit true\nb short a exit true\n', '2 passed, 0 failed', 0),
    ('a short - exit false\nb short a exit true\n', '0 passed, 2 failed', 1),
    ('one short - pytest no/such/folder\n', '0 passed, 1 failed', 1),
])
def test_last_line_and_status(tmp_path, table, last, status):
    got, output = run(tmp_path, table)
    assert output.splitlines()[-1] == last
    assert got == status


@pytest.mark.parametrize('body, last, status', [
    ('def test_a():\n    pass\n\ndef test_b():\n    pass\n', '2 passed, 0 failed', 0),
    ('def test_a():\n    pass\n\ndef test_b():\n    assert "egg" == "hen"\n',
     '1 passed, 1 failed', 1),
    ('x = 1 / 0\n', '0 passed, 1 failed', 1),
    ('x = 1\n', '0 passed, 1 failed', 1),
    ('import pytest\n\n@pytest.mark.skip\ndef test_a():\n    pass\n', '0 passed, 1 failed', 1),
])
def test_pytest_is_counted(tmp_path, body, last, status):
    (tmp_path / 'test_it.py').write_text(body)
    got, output = run(tmp_path, f'one short - pytest {tmp_path}\n')
    assert output.splitlines()[-1] == last
    assert got == status
    assert ('hen' in output) == ('hen' in body)


def test_programs_of_a_meson_suite_are_counted(tmp_path):
    (tmp_path / 'meson.build').write_text(
        "project('small')\nsh = find_program('sh')\n"
        "test('good', sh, args: ['-c', 'echo ok 1 - $WORD'], suite: 'unit', env: {'WORD': 'hen'})\n"
        "test('bad', sh, args: ['-c', 'echo not ok 1 - egg'], suite: ['unit', 'slow'])\n"
        "test('other', sh, args: ['-c', 'exit 1'], suite: 'fuzz')\n")
    folder = tmp_path / 'out'
    subprocess.run(['meson', 'setup', folder, tmp_path], check=True, capture_output=True)
    got, output = run(tmp_path, f'one short - meson {folder} unit\n')
    assert output.splitlines()[-1] == '1 passed, 1 failed'
    assert 'not ok 1 - egg' in output
    assert got == 1
    assert run(tmp_path, f'one short - meson {folder} none\n')[1].endswith('0 passed, 1 failed\n')


def test_output_of_a_failure_is_shown_whole(tmp_path):
    _, output = run(tmp_path, tap(TAP_BAD))
    assert '# what went wrong' in output


LONG = 'a short - exit true\nb long - exit true\nc long b exit true\n'


def test_long_suites_only_when_asked(tmp_path):
    assert run(tmp_path, LONG)[1].endswith('1 passed, 0 failed\n')
    assert run(tmp_path, LONG, '--long')[1].endswith('3 passed, 0 failed\n')


def test_only_brings_what_is_needed(tmp_path):
    assert run(tmp_path, LONG, '--long', '--only', 'c')[1].endswith('2 passed, 0 failed\n')


def test_only_brings_long_suites_only_when_asked(tmp_path):
    assert run(tmp_path, LONG, '--only', '[ab]')[1].endswith('1 passed, 0 failed\n')


def test_suites_of_pytest_run_side_by_side(tmp_path):
    """Two wait for each other; what stands after them begins when both have ended."""
    for mine, other in ('ab', 'ba'):
        (tmp_path / f'test_{mine}.py').write_text(
            'import pathlib, time\n\n'
            f'def test_it():\n    pathlib.Path("{tmp_path}/{mine}").touch()\n'
            '    end = time.monotonic() + 20\n'
            f'    while not pathlib.Path("{tmp_path}/{other}").exists():\n'
            '        assert time.monotonic() < end\n        time.sleep(0.02)\n'
            f'    pathlib.Path("{tmp_path}/{mine}-ended").touch()\n')
    got, output = run(tmp_path, f'a short - pytest {tmp_path}/test_a.py\n'
                      f'b short - pytest {tmp_path}/test_b.py\n'
                      f'c short - exit test -e {tmp_path}/a-ended -a -e {tmp_path}/b-ended\n')
    assert output.splitlines()[-1] == '3 passed, 0 failed'
    assert got == 0


def test_terminated_runner_ends_what_it_runs(tmp_path):
    (tmp_path / 'suites').write_text(
        f'one short - exit sh -c "echo $$ > {tmp_path}/pid; exec sleep 60"\n')
    runner = subprocess.Popen([sys.executable, os.path.join(ROOT, 'tools', 'run_suites'),
                               '--suites', tmp_path / 'suites'], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not (tmp_path / 'pid').exists() or not (tmp_path / 'pid').read_text().strip():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    runner.terminate()
    assert runner.wait(timeout=20) == 143
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / 'pid').read_text()), 0)


def test_what_runs_too_long_is_stopped():
    code = ('import importlib.machinery as m, sys\n'
            'loader = m.SourceFileLoader("run_suites", sys.argv[1])\n'
            'suites = loader.load_module()\n'
            'status, output = suites.run(["sh", "-c", "echo begun; sleep 60"], {}, 0.5)\n'
            'assert status < 0 and "begun" in output and "stopped after" in output, output\n')
    subprocess.run([sys.executable, '-B', '-W', 'ignore', '-c', code,
                    os.path.join(ROOT, 'tools', 'run_suites')], check=True, timeout=20)
