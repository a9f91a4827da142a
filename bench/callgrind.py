"""Reading what callgrind wrote: instructions of each function, and how often it was called."""
import collections
import re
import subprocess
import sys


class Profile:
    """Of one dump. `own` are the instructions of a function itself, `calls` how often it was
    called, `within` the instructions of all its calls with what they called."""

    def __init__(self, path):
        self.names = {}
        self.own, self.calls, self.within = (collections.Counter() for _ in range(3))
        with open(path, encoding='utf-8', errors='replace') as file:
            self.read(file)

    def name(self, token):
        """A name is written once, behind its number: `(12) main`, later `(12)`."""
        number, text = re.match(r'(\(\d+\))?\s*(.*)', token).groups()
        if number and text:
            self.names[number] = text
        return self.names.get(number, text)

    def read(self, file):
        here = callee = None
        for line in file:
            if line.startswith('fn='):
                here = self.name(line[3:].strip())
            elif line.startswith('cfn='):
                callee = self.name(line[4:].strip())
            elif line.startswith('calls='):
                self.calls[callee] += int(line[6:].split()[0])
                self.within[callee] += int(next(file).split()[1])
            elif line[0] in '0123456789+-*':
                self.own[here] += int(line.split()[1])

    def instructions(self, without=()):
        return sum(self.own.values()) - sum(self.within[name] for name in without)

    def called(self, *names):
        """Of a function, whichever version of it the linker took: `malloc@@GLIBC_2.2.5`."""
        return sum(count for name, count in self.calls.items() if name.split('@')[0] in names)


def command(out, *options):
    return ['valgrind', '-q', '--tool=callgrind', '--callgrind-out-file=' + out, *options]


def control(pid, *words):
    run(['callgrind_control', *words, str(pid)])


def begin(pid):
    """Of a program that was started with --instr-atstart=no, which is much faster till here."""
    control(pid, '--instr=on')


def dump(pid):
    """What was counted since the last dump goes to a file of its own."""
    control(pid, '--dump')


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit('bench: %s failed:\n%s' % (command[0], done.stdout + done.stderr))
