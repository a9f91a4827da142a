"""A network of its own for a node, with one cable to the server and one to the test."""
import itertools
import os
import subprocess

import pytest

NUMBERS = itertools.count(os.getpid() % 1000)
NOWHERE = '02:00:00:00:00:99'


def ip(*arguments):
    return subprocess.run(['ip', *arguments], check=True, capture_output=True, text=True).stdout


def _may_make_one():
    name = 'purser-may-%d' % os.getpid()
    try:
        ip('netns', 'add', name)
        ip('netns', 'del', name)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


needs_namespaces = pytest.mark.skipif(
    not _may_make_one(), reason='no network namespace can be made here: that needs root and ip')


class Namespace:
    """`server` is an address at which a server may listen, `inside` one at which a node may."""

    def __init__(self):
        number = next(NUMBERS)
        self.name = 'purser-%d' % number
        net = '10.%d.%d.' % (200 + number // 250, number % 250)
        self.server, self.inside = net + '1', net + '6'
        self.node_end, self.cable = net + '2', 'psr%da' % number
        ip('netns', 'add', self.name)
        self.lay(self.cable, 'db0', self.server, self.node_end)
        self.lay('psr%db' % number, 'api0', net + '5', self.inside)
        ip('-n', self.name, 'link', 'set', 'lo', 'up')

    def lay(self, outer, inner, outer_address, inner_address):
        ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', inner, 'netns', self.name)
        ip('addr', 'add', outer_address + '/30', 'dev', outer)
        ip('link', 'set', outer, 'up')
        ip('-n', self.name, 'addr', 'add', inner_address + '/30', 'dev', inner)
        ip('-n', self.name, 'link', 'set', inner, 'up')

    def cut_silently(self):
        """Both ends are up, and what they send arrives nowhere."""
        ip('-n', self.name, 'neigh', 'replace', self.server, 'lladdr', NOWHERE, 'dev', 'db0',
           'nud', 'permanent')
        ip('neigh', 'replace', self.node_end, 'lladdr', NOWHERE, 'dev', self.cable,
           'nud', 'permanent')

    def mend_silence(self):
        ip('-n', self.name, 'neigh', 'del', self.server, 'dev', 'db0')
        ip('neigh', 'del', self.node_end, 'dev', self.cable)

    def cut_loudly(self):
        """The node is told that there is no way."""
        ip('-n', self.name, 'route', 'add', 'unreachable', self.server + '/32')

    def mend_loudness(self):
        ip('-n', self.name, 'route', 'del', 'unreachable', self.server + '/32')

    def remove(self):
        ip('netns', 'del', self.name)
