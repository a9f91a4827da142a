"""What tools/tidy and tools/vitals need to know of a C file, read without a compiler.

It relies on the project's own style: a function's braces stand in column 0, and nothing
else's do. It reads text, so it sees what a macro is called with, not what it expands to.
"""
import bisect
import re

TRIVIA = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
DIRECTIVE = re.compile(r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', re.MULTILINE)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
BODY = re.compile(r'^\{.*?^\}', re.MULTILINE | re.DOTALL)
TABLE = re.compile(r'=\s*\{\s*\n.*?\n\s*\};', re.DOTALL)
TOKEN = re.compile(r'[A-Za-z_]\w*|\S')
NOT_NEWLINE = re.compile(r'[^\n]')


def blank(match):
    """Spaces of the same shape, so that offsets and line numbers stay."""
    text = match.group()
    if text[0] in '"\'':
        return text[0] + NOT_NEWLINE.sub(' ', text[1:-1]) + text[-1]
    return NOT_NEWLINE.sub(' ', text)


class Function:
    def __init__(self, name, first, last, tables, deepest):
        self.name = name
        self.first = first              # line of the signature
        self.last = last                # line of the closing brace
        self.lines = last - first + 1 - tables      # a table inside is no code
        self.deepest = deepest          # (levels of control flow, line)


class Source:
    """One C file: .lines, .code (comments and text blanked), .includes, .functions."""

    def __init__(self, text):
        self.text = text
        self.lines = text.split('\n')[:-1] if text.endswith('\n') else text.split('\n')
        self.code = TRIVIA.sub(blank, text)
        self.starts = [0] + [m.end() for m in re.finditer('\n', text)]
        self.includes = [(self.line_at(m.start(2)), m.group(1) == '"', m.group(2))
                         for m in INCLUDE.finditer(text)]
        self.plain = DIRECTIVE.sub(blank, self.code)
        self.functions = [self.function_of(m) for m in BODY.finditer(self.plain)]

    def line_at(self, offset):
        return bisect.bisect_right(self.starts, offset)

    def function_of(self, body):
        brace = self.line_at(body.start())
        first = brace
        while first > 1 and self.continues_above(first - 1):
            first -= 1
        signature = self.plain[self.starts[first - 1]:body.start()]
        names = re.findall(r'(\w+)\s*\(', re.sub(r'__attribute__\s*\(\(.*?\)\)', '', signature))
        tables = sum(m.group().count('\n') - 1 for m in TABLE.finditer(body.group()))
        return Function(names[0] if names else '?', first, self.line_at(body.end() - 1),
                        tables, Nesting(self, body).deepest)

    def continues_above(self, number):
        """Whether this line belongs to the signature that ends below it."""
        start = self.starts[number - 1]
        line = self.plain[start:self.starts[number]].strip() if number < len(self.starts) else ''
        return bool(line) and line[-1] not in ';}'


class Nesting:
    """Walks one function's statements and remembers the deepest level of control flow.

    if, for, while, do, switch and macros that take a block each are one level, with or
    without braces; `else if` stays on the level of its if.
    """

    def __init__(self, source, body):
        self.source = source
        self.tokens = [(m.group(), body.start() + m.start()) for m in TOKEN.finditer(body.group())]
        self.at = 0
        self.deepest = (0, source.line_at(body.start()))
        while self.at < len(self.tokens):
            before = self.at
            self.statement(0)
            if self.at == before:       # a brace too many, by way of #if
                self.at += 1

    def peek(self, ahead=0):
        at = self.at + ahead
        return self.tokens[at][0] if at < len(self.tokens) else ''

    def skip_group(self, opening='(', closing=')'):
        depth = 0
        while self.at < len(self.tokens):
            depth += (self.peek() == opening) - (self.peek() == closing)
            self.at += 1
            if depth <= 0:
                return

    def skip_past(self, end):
        while self.peek() not in (end, '}', ''):
            self.at += 1
        if self.peek() == end:
            self.at += 1

    def inner(self, level, keyword):
        if level > self.deepest[0]:
            self.deepest = (level, self.source.line_at(self.tokens[keyword][1]))
        self.statement(level)

    def statement(self, level):
        start, word = self.at, self.peek()
        if word == '{':
            self.at += 1
            while self.peek() not in ('}', ''):
                before = self.at
                self.statement(level)
                self.at += self.at == before
            self.at += 1
        elif word == 'if':
            self.at += 1
            self.skip_group()
            self.inner(level + 1, start)
            if self.peek() == 'else':
                start = self.at
                self.at += 1
                self.statement(level) if self.peek() == 'if' else self.inner(level + 1, start)
        elif word in ('for', 'while', 'switch'):
            self.at += 1
            self.skip_group()
            self.inner(level + 1, start)
        elif word == 'do':
            self.at += 1
            self.inner(level + 1, start)
            self.skip_past(';')
        elif word in ('case', 'default'):
            self.skip_past(':')
        elif word[:1].isalpha() and self.peek(1) == ':':
            self.at += 2
        else:
            self.simple(level, start)

    def simple(self, level, start):
        if self.peek(1) == '(' and re.match(r'[A-Za-z_]', self.peek()):
            self.at += 1
            self.skip_group()
            if self.peek() == '{':                          # for_each(...) { ... }
                return self.inner(level + 1, start)
            if re.match(r'[A-Za-z_}]', self.peek()):        # TABLE(X), without a semicolon
                return None
        while self.peek() not in (';', '}', ''):
            if self.peek() in '({':
                self.skip_group(self.peek(), ')' if self.peek() == '(' else '}')
            else:
                self.at += 1
        self.at += self.peek() == ';'
        return None
