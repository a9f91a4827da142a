"""One thread of a server, stopped while the others go on: as if it waited for ever."""
import contextlib
import ctypes
import os

import pytest

SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
ANY_CHILD = 0x40000000      # __WALL: threads too


def _ptrace(request, thread):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), 'ptrace')


def _named(process, name):
    folder = '/proc/%d/task' % process
    for thread in os.listdir(folder):
        with open('%s/%s/comm' % (folder, thread), encoding='utf-8') as file:
            if file.read().strip() == name:
                return int(thread)
    raise AssertionError('no thread %s' % name)


@contextlib.contextmanager
def stopped_thread(process, name):
    thread = _named(process, name)
    try:
        _ptrace(SEIZE, thread)
    except OSError as error:
        pytest.skip('no process may be traced here: %s' % error)
    _ptrace(INTERRUPT, thread)
    os.waitpid(thread, ANY_CHILD)
    try:
        yield
    finally:
        _ptrace(DETACH, thread)
