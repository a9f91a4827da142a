"""What the documentation names is there, and what there is it names: the tests that prove
something, and the commands."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_every_test_that_is_named_is_there():
    there = set()
    for path in [*ROOT.glob('test/**/*.py'), *ROOT.glob('test/**/*.c')]:
        there |= set(re.findall(r'(?:def|void) (test_\w+)\(', path.read_text(encoding='utf-8')))
    for page in ROOT.glob('docs/**/*.md'):
        named = set(re.findall(r'`(test_\w+)`', page.read_text(encoding='utf-8')))
        files = {path.stem for path in ROOT.glob('test/**/test_*')}
        assert named <= there | files, (page.name, named - there - files)


def commands():
    """From the table that the program itself is made of."""
    text = (ROOT / 'src/commands/commands.c').read_text(encoding='utf-8')
    table = text[text.index('#define COMMANDS(X)'):text.index('/* clang-format off */')]
    return {name.replace('_', ' ') for name in re.findall(r'X\((\w+)\)', table)}


def named_in_table(page, head):
    """The commands of the first column; `list` after `key create` is `key list`."""
    there, found, family = commands(), set(), ''
    text = (ROOT / page).read_text(encoding='utf-8')
    for row in text[text.index(head):].split('\n\n')[0].splitlines():
        for name in re.findall(r'`(?:purser )?([^`]+)`', row.split('|')[1]):
            words = name.split()
            whole = ' '.join(words[:2]) if ' '.join(words[:2]) in there else words[0]
            if whole not in there:
                whole = family + ' ' + name
            family = whole.split()[0]
            found.add(whole)
    return found


def test_every_command_is_in_the_tables():
    for page, head in (('docs/operating.md', '| command | what it does |'),
                       ('README.md', '| command | does |')):
        named = named_in_table(page, head)
        assert named == commands(), (page, commands() - named, named - commands())
