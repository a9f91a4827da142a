"""Each rule of tools/tidy is broken once in a small tree, and must be reported there."""
import os
import re
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TIDY = os.path.join(ROOT, 'tools', 'tidy')

# A tree that breaks nothing. A case below replaces or adds files.
CLEAN = {
    'meson.build': "executable('purser', 'src/main.c')\n",
    'src/main.c': '#include "core/a.h"\n\nint main(void)\n{\n    return 0;\n}\n',
    'src/base/meson.build': "files('b.c')\n",
    'src/base/banned.h': '/* banned.h - not these. */\nBANNED(strcpy, "use struct buf");\n'
                         'BANNED(free, "use mem_free");\n',
    'src/base/b.c': '#include <jansson.h>\n\nvoid mem_free(void *ptr)\n{\n    free(ptr);\n}\n',
    'src/core/meson.build': "files(\n    'a.c',\n)\n",
    'src/core/a.h': '/* a.h - an example. */\nint answer(int of);\n',
    'src/core/a.c': '#include "core/a.h"\n\nint answer(int of)\n{\n    return of;\n}\n',
    'src/store/db.h': '/* db.h - any database. */\n',
    'src/net/server.h': '/* server.h - bytes in. */\n',
    'src/net/client.h': '/* client.h - bytes out. */\n',
    'src/net/meson.build': "files('conn.c')\n",
    'src/net/conn.c': '#include <uv.h>\n#include <llhttp.h>\n',
    'test/data/bytes.json': '\xff\t \n',
}


def c_function(statements):
    return f'int f(int of)\n{{\n{statements}    return of;\n}}\n'


def c_file(statements):
    return {'src/core/a.c': c_function(statements)}


NEST = '    if (of)\n        while (of)\n            for (;;)\n                %sof++;\n'
DEEP = c_file(NEST % 'if (of) ')
LONGEST = c_function('    of++;\n' * 56)           # 60 lines
LONG_BY_ONE = c_function('    of++;\n' * 57)
TABLE = '    static const int table[] = {\n' + '        1,\n' * 80 + '    };\n'

# what: (rule, place, files). The place is where the breach is reported.
BREACHES = {
    'upward include': ('include', 'src/core/a.c:1', {'src/core/a.c': '#include "store/db.h"\n'}),
    'base includes a room': ('include', 'src/base/b.c:1', {
        'src/base/b.c': '#include "core/a.h"\n'}),
    'api includes the inside of net': ('include', 'src/api/a.c:1', {
        'src/api/a.c': '#include "net/client.h"\n', 'src/api/meson.build': "files('a.c')\n"}),
    'the simulator includes an adapter': ('include', 'sim/s.c:1', {
        'sim/s.c': '#include "gateways/g.h"\n', 'sim/meson.build': "files('s.c')\n",
        'src/gateways/g.h': '/* g.h - an adapter. */\n'}),
    'the simulator includes the inside of net': ('include', 'sim/s.c:1', {
        'sim/s.c': '#include "net/client.h"\n', 'sim/meson.build': "files('s.c')\n"}),
    'a room includes the simulator': ('include', 'src/core/a.c:1', {
        'src/core/a.c': '#include "sim/s.h"\n', 'sim/s.h': '/* s.h - played. */\n'}),
    'include without its room': ('include', 'src/core/a.c:1', {'src/core/a.c': '#include "a.h"\n'}),
    'include of no file': ('include', 'src/core/a.c:1', {'src/core/a.c': '#include "core/b.h"\n'}),
    'folder that is no room': ('include', 'src/util/u.h:1', {'src/util/u.h': '/* u.h */\n'}),
    'library in another room': ('library', 'src/core/a.c:1', {
        'src/core/a.c': '#include <sqlite3.h>\n'}),
    'library in two files': ('library', 'src/base/c.c:1', {
        'src/base/c.c': '#include <jansson.h>\n', 'src/base/meson.build': "files('b.c', 'c.c')\n"}),
    'library in a header': ('library', 'src/base/c.h:2', {
        'src/base/c.h': '/* c.h */\n#include <openssl/evp.h>\n'}),
    'libuv outside net': ('library', 'src/core/a.c:1', {'src/core/a.c': '#include <uv.h>\n'}),
    'libuv where others see it': ('library', 'src/net/server.h:2', {
        'src/net/server.h': '/* server.h */\n#include <uv.h>\n'}),
    'threads in core': ('pure', 'src/core/a.c:1', {'src/core/a.c': '#include <pthread.h>\n'}),
    'sockets in core': ('pure', 'src/core/a.c:1', {'src/core/a.c': '#include <sys/socket.h>\n'}),
    'banned call': ('banned', 'src/core/a.c:3', c_file('    strcpy(a, b);\n')),
    'ban lifted outside base': ('banned', 'src/core/a.c:1', {
        'src/core/a.c': '#pragma GCC diagnostic ignored "-Wdeprecated-declarations"\n'}),
    'free outside base': ('memory', 'src/core/a.c:3', c_file('    free(a);\n')),
    'realloc outside base': ('memory', 'src/core/a.c:3', c_file('    a = realloc (a, 2);\n')),
    'long file': ('file-size', 'src/core/a.c:1', {'src/core/a.c': 'int a;\n' * 601}),
    'long header': ('file-size', 'src/core/a.h:1', {'src/core/a.h': '/* a.h */\n' * 151}),
    'long function': ('function-size', 'src/core/a.c:1', {'src/core/a.c': LONG_BY_ONE}),
    'deep nesting': ('nesting', 'src/core/a.c:6', DEEP),
    'deep nesting in a loop macro': ('nesting', 'src/core/a.c:6', c_file(
        '    each(of) {\n        do {\n            switch (of) {\n'
        '                if (of)\n                    of++;\n'
        '            }\n        } while (of);\n    }\n')),
    'wide line': ('line-width', 'src/core/a.c:1', {'src/core/a.c': 'int %s;\n' % ('a' * 96)}),
    'brace on the line of its function': ('brace', 'src/core/a.c:1', {
        'src/core/a.c': 'int f(void) {\n    return 1;\n}\n'}),
    'header without a comment': ('opening', 'src/core/a.h:1', {'src/core/a.h': 'int a(void);\n'}),
    'table without a comment': ('opening', 'src/core/a.def:1', {'src/core/a.def': '#define A 1\n'}),
    'file that is never built': ('unlisted', 'src/core/b.c:1', {'src/core/b.c': 'int b;\n'}),
    'note for later': ('later', 'src/core/a.c:1', {'src/core/a.c': '/* TO' 'DO: all of it */\n'}),
    'note in a document': ('later', 'docs/a.md:2', {'docs/a.md': '# A\nFIX' 'ME\n'}),
    'path of a machine': ('private', 'docs/a.md:1', {'docs/a.md': 'See /home/joe/notes.\n'}),
    'tool that wrote it': ('private', 'docs/a.md:1', {'docs/a.md': 'As the assistant said.\n'}),
    'tab': ('text', 'src/core/a.c:1', {'src/core/a.c': 'int\ta;\n'}),
    'space at the end': ('text', 'src/core/a.c:1', {'src/core/a.c': 'int a; \n'}),
    'no newline at the end': ('text', 'src/core/a.c:1', {'src/core/a.c': 'int a;'}),
    'not UTF-8': ('text', 'src/core/a.c:1', {'src/core/a.c': '/* \xff */\n'}),
    'exception without a reason': ('excuse', 'src/core/a.c:1', {
        'src/core/a.c': 'int a; /* tidy: line-width */\n'}),
    'exception from no rule': ('excuse', 'src/core/a.c:1', {
        'src/core/a.c': 'int a; /* tidy: beauty - it is a matter of taste */\n'}),
    'exception without need': ('excuse', 'src/core/a.c:1', {
        'src/core/a.c': 'int a; /* tidy: line-width - it was longer once */\n'}),
}

FINE = {
    'the simulator with base, net and itself': {
        'sim/s.c': '#include "base/b.h"\n#include "net/server.h"\n#include "sim/s.h"\n',
        'sim/s.h': '/* s.h - played. */\n', 'sim/meson.build': "files('s.c')\n",
        'src/base/b.h': '/* b.h - a tool. */\n'},
    'clean tree': {},
    'else-if chain': c_file('    if (of)\n        of++;\n    else if (of)\n        of++;\n'
                            '    else if (of)\n        of++;\n    else if (of)\n        of++;\n'),
    'three levels': c_file(NEST % ''),
    'member of a banned name': c_file('    a->free(of);\n    a.strcpy(of);\n    x_free(of);\n'),
    'banned name in text': c_file('    /* free(of) */\n    g("free(of)");\n'),
    'function of sixty lines': {'src/core/a.c': LONGEST},
    'table inside a function': c_file(TABLE),
    'currency code': {'docs/a.md': 'XXX is no currency, or 999.\n'},
    'excused line': {'src/core/a.c': '/* tidy: memory - the test of free itself */\n'
                                     'int a = free(0);\n'},
    'excused function': {
        'src/core/a.c': '/* Steps.\n * tidy: function-size - no branch in it */\n' + LONG_BY_ONE},
    'excused file': {'src/core/a.h': '/* a.h\n * tidy: file-size - one table */\n' + '\n' * 160},
}


def tidy_of(tmp_path, files):
    for path, text in {**CLEAN, **files}.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode('latin-1'))
    done = subprocess.run([sys.executable, TIDY, '--root', str(tmp_path)],
                          capture_output=True, text=True, check=False)
    assert done.stderr == ''
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize('what', BREACHES)
def test_breach_is_reported_at_its_place(tmp_path, what):
    rule, place, files = BREACHES[what]
    status, lines = tidy_of(tmp_path, files)
    assert [line for line in lines if line.startswith(f'{place}: {rule}: ')], lines
    assert len(lines) == 2, lines       # this breach, and the closing line
    assert status == 1


@pytest.mark.parametrize('what', FINE)
def test_good_tree_is_left_alone(tmp_path, what):
    status, lines = tidy_of(tmp_path, FINE[what])
    assert len(lines) == 1, lines
    assert status == 0


def test_every_rule_is_broken_above():
    listed = subprocess.run([sys.executable, TIDY, '--rules'], capture_output=True, text=True,
                            check=True).stdout
    rules = re.findall(r'^(\S+)', listed, re.MULTILINE)
    assert set(rules) == {rule for rule, _, _ in BREACHES.values()}


def test_list_of_banned_calls_must_be_there(tmp_path):
    (tmp_path / 'src/base').mkdir(parents=True)
    (tmp_path / 'src/base/banned.h').write_text('/* empty */\n')
    done = subprocess.run([sys.executable, TIDY, '--root', str(tmp_path)],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'BANNED(' in done.stderr
