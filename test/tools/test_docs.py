"""A test that the documentation names as the proof of something is there."""
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
