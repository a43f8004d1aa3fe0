# SPDX-License-Identifier: GPL-2.0-only
"""An agent whose calls into libc go wrong, and the places that make them: see
selftests/faults/strike.h."""
import ctypes
import errno
import mmap
import os
import re
import subprocess

from .node import BUILD, WARDER
from .tap import Fail

LIBRARY = os.path.join(BUILD, 'selftests', 'faults', 'libstrike.so')
SITES, MODULES, NAME = 8192, 32, 64
WHAT = ('memory', 'map', 'bpf', 'syscall', 'open', 'read', 'write', 'sync',
        'close', 'name', 'look', 'socket', 'send', 'receive', 'wait',
        'process')
NOTHING, FAIL, KILL, HALF, STOP = range(5)
ALL = (1 << len(WHAT)) - 1
OFFSET = (1 << 48) - 1
# What each kind of call is known to fail with.
ERRORS = {
    'memory': ('ENOMEM',), 'map': ('ENOMEM', 'EPERM', 'EAGAIN'),
    'bpf': ('EPERM', 'ENOMEM', 'EINVAL', 'EBUSY', 'ENOSPC', 'E2BIG', 'EAGAIN',
            'EINTR', 'ENOENT', 'EEXIST'),
    'syscall': ('ENOSYS', 'EPERM', 'EMFILE'),
    'open': ('EMFILE', 'ENFILE', 'EACCES', 'ENOENT', 'EIO', 'ENOSPC', 'EROFS'),
    'read': ('EIO', 'EINTR', 'EAGAIN'),
    'write': ('ENOSPC', 'EIO', 'EINTR', 'EDQUOT', 'EPIPE'),
    'sync': ('EIO', 'ENOSPC', 'EROFS'), 'close': ('EIO', 'EINTR', 'ENOSPC'),
    'name': ('EIO', 'ENOSPC', 'EROFS', 'EACCES', 'ENOENT', 'EBUSY'),
    'look': ('EACCES', 'EIO', 'ENOMEM', 'ENOENT'),
    'socket': ('EMFILE', 'EPERM', 'EPROTONOSUPPORT', 'ENOBUFS', 'ENOMEM'),
    'send': ('ENOBUFS', 'EPERM', 'EINTR', 'EAGAIN', 'EPIPE'),
    'receive': ('ENOBUFS', 'EINTR', 'EIO', 'EAGAIN', 'ENOMEM'),
    'wait': ('EMFILE', 'ENOMEM', 'EINTR', 'ENOSPC', 'EBADF'),
    'process': ('EAGAIN', 'EPERM', 'ENOMEM', 'ENOSPC'),
}
assert set(ERRORS) == set(WHAT)


class _Site(ctypes.Structure):
    _fields_ = [('at', ctypes.c_uint64), ('calls', ctypes.c_uint64),
                ('struck', ctypes.c_uint64), ('what', ctypes.c_uint32),
                ('pad', ctypes.c_uint32)]


class _File(ctypes.Structure):
    _fields_ = [('first', ctypes.c_uint64), ('every', ctypes.c_uint64),
                ('site', ctypes.c_uint64), ('whats', ctypes.c_uint32),
                ('err', ctypes.c_int32), ('action', ctypes.c_uint32),
                ('pid', ctypes.c_uint32), ('seen', ctypes.c_uint64),
                ('struck', ctypes.c_uint64), ('lost', ctypes.c_uint64),
                ('struck_site', ctypes.c_uint64),
                ('module', ctypes.c_char * NAME * MODULES),
                ('place', _Site * SITES)]


class Strike:
    """What is run by the words `wrapper` can be struck. @folder: for a file."""

    def __init__(self, folder):
        if not os.path.exists(LIBRARY):
            raise Fail(f'{LIBRARY} was not built')
        path = os.path.join(folder, 'strike')
        with open(path, 'wb+') as f:
            f.truncate(ctypes.sizeof(_File))
            self.memory = mmap.mmap(f.fileno(), 0)
        self.file = _File.from_buffer(self.memory)
        self.wrapper = ['env', 'WD_STRIKE=' + path, 'LD_PRELOAD=' + LIBRARY]

    def arm(self, action, first=1, every=0, site=0, whats=ALL, err='EIO'):
        self.file.action = NOTHING
        for name, value in (('first', first), ('every', every),
                            ('site', site), ('whats', whats),
                            ('err', getattr(errno, err)), ('seen', 0),
                            ('struck', 0), ('action', action)):
            setattr(self.file, name, value)

    def calm(self):
        """Nothing goes wrong any more. Gives how often it did."""
        self.file.action = NOTHING
        return self.file.struck

    def sites(self):
        """at -> (kind, calls, struck) of each place that has called."""
        if self.file.lost:
            raise Fail(f'{self.file.lost} places had no room')
        return {(s.at, s.what): (WHAT[s.what], s.calls, s.struck)
                for s in self.file.place if s.at}

    def module(self, at):
        number = (at >> 48) - 1
        return self.file.module[number].value.decode() \
            if number < MODULES else 'loaded later'

    def name(self, at):
        """For people: program+offset, which addr2line knows."""
        return f'{self.module(at)}+{at & OFFSET:#x}'

    def close(self):
        del self.file
        self.memory.close()


def functions():
    """What can be struck, by libc's names."""
    text = subprocess.run(['nm', '-D', '--defined-only', LIBRARY], text=True,
                          stdout=subprocess.PIPE, check=True).stdout
    return {line.split()[-1] for line in text.splitlines()}


def lines_of(offsets):
    """offset in the program -> file:line."""
    text = subprocess.run(['addr2line', '-e', WARDER], text=True, check=True,
                          input=''.join(f'{o - 1:#x}\n' for o in offsets),
                          stdout=subprocess.PIPE).stdout.splitlines()
    out = {}
    for offset, line in zip(offsets, text):
        hit = re.search(r'(?:^|/)(user/.*)', line.split(' ')[0])
        out[offset] = hit[1] if hit else 'libraries/' + os.path.basename(
            line.split(' ')[0])
    return out


def all_sites():
    """Offsets behind each call of the program that can be struck."""
    text = subprocess.run(['objdump', '-d', '--no-show-raw-insn', WARDER],
                          text=True, stdout=subprocess.PIPE,
                          check=True).stdout
    known, out, pending = functions(), set(), False
    for line in text.splitlines():
        hit = re.match(r'\s+([0-9a-f]+):\s+(\S+)\s*(?:[0-9a-f]+ '
                       r'<(\w+)@plt>)?', line)
        if not hit:
            continue
        if pending:
            out.add(int(hit[1], 16))
        pending = hit[2].startswith('call') and hit[3] in known
    return out
