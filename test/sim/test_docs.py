"""docs/simulator.md: its tables are the program's, and its sessions run as printed.

`python3 test/sim/test_docs.py` writes the sessions' output anew.
"""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from simulator import ROOT, Simulator, help_text, table    # noqa: E402

DOCUMENT = os.path.join(ROOT, 'docs', 'simulator.md')
ADDRESS = '127.0.0.1:9090'
SESSION = re.compile(r'```console\n(.*?)```', re.DOTALL)
# What differs from run to run.
CHANGING = [
    (re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'),
     'b2f4a1de-7c1f-4d51-9b55-0c6d3f0a7e12'),
    (re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z'), '2026-11-23T10:00:00.000Z'),
    (re.compile(r'("id":")[0-9A-Za-z]{20}"'), r'\1O4rmBQgV09KnaJx306UR"'),
]


def read():
    with open(DOCUMENT, encoding='utf-8') as file:
        return file.read()


def settled(text):
    for changing, instead in CHANGING:
        text = changing.sub(instead, text)
    return text


def run_sessions(text):
    """The document's sessions with the output that they have now."""
    commands = [line[2:] for session in SESSION.findall(text) for line in session.splitlines()
                if line.startswith('$ ')]
    with tempfile.TemporaryDirectory() as folder:
        simulator = Simulator(folder)
        script = ''.join(f"{command.replace(ADDRESS, simulator.address)}\nprintf '\\n=====\\n'\n"
                         for command in commands)
        done = subprocess.run(['bash', '-c', script], capture_output=True, text=True, check=True)
        simulator.end()
    assert done.stderr == ''
    outputs = iter(settled(done.stdout.replace(simulator.address, ADDRESS)).split('\n=====\n'))

    def run(session):
        lines = []
        for line in session.group(1).splitlines():
            if line.startswith('$ '):
                lines.append(line)
                lines += [out for out in next(outputs).splitlines() if out]
        return '```console\n' + ''.join(line + '\n' for line in lines) + '```'

    return SESSION.sub(run, text)


def test_the_sessions_run_as_printed():
    text = read()
    assert len(SESSION.findall(text)) >= 5
    assert run_sessions(text) == text


def test_every_fault_setting_and_magic_amount_is_listed():
    text = read()
    for words in table('Faults:') + table('Settings (also'):
        assert f'| `{words[0]}` |' in text, words[0]
    rows = [' '.join(words) for words in table('Magic amounts')]
    listed = [f'{digits} {gateway} {call} {fault}{more}'.strip() for digits, gateway, call, fault,
              more in re.findall(r'^\| (9\d{3}) \| (\w+) \| (\w+) \| `(\w+)`(.*?) \|$', text,
                                 re.MULTILINE)]
    assert listed == rows


def test_every_word_of_the_document_is_the_programs():
    """Calls and addresses in the document's tables are in the sources, and the other way round."""
    text, sources = read(), ''
    for name in ('epay.c', 'hyper.c', 'control.c'):
        with open(os.path.join(ROOT, 'sim', name), encoding='utf-8') as file:
            sources += file.read()
    calls = set(re.findall(r'"/[^"]*", "(\w+)", "\w+"', sources)) | {'payment_token'}
    assert len(calls) > 15
    assert [call for call in calls if f'`{call}`' not in text] == []
    paths = set(re.findall(r'HTTP_\w+, "(/sim/\w+)"', sources))
    assert [path for path in paths if path not in text] == []
    assert 'docs/simulator.md' in help_text()


if __name__ == '__main__':
    changed = run_sessions(read())
    with open(DOCUMENT, 'w', encoding='utf-8') as out:
        out.write(changed)
