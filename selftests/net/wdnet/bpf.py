# SPDX-License-Identifier: GPL-2.0-only
"""bpf(2) for tests that change a map behind the agent's back."""
import ctypes
import os
import socket
import struct

from . import kernel

CACHED = '/var/cache/warder/toolchain'  # of tools/setup
SYS_BPF = {'x86_64': 321, 'aarch64': 280}[os.uname().machine]
LOOKUP, UPDATE, DELETE, NEXT, OBJ_GET, INFO = 1, 2, 3, 4, 7, 15
PROG_FD = 13
LINK_DETACH = 34


def tool_dir():
    """Where bpftool is: it may be one that tools/setup has unpacked."""
    for path in (os.path.dirname(os.environ.get('BPFTOOL', '')),
                 *(os.path.join(d, 'prefix', 'bin')
                   for d in (os.environ.get('WD_DEPS', CACHED), CACHED)),
                 *os.environ['PATH'].split(':'), '/usr/sbin'):
        if path and os.access(os.path.join(path, 'bpftool'), os.X_OK):
            return path
    raise RuntimeError('no bpftool here: run `tools/setup build`')


def _call(cmd, attr):
    buf = ctypes.create_string_buffer(attr, 144)
    return kernel.check(kernel.LIBC.syscall(SYS_BPF, cmd, buf, len(buf)))


def _address(buf):
    return ctypes.addressof(buf)


def obj_get(path):
    name = ctypes.create_string_buffer(path.encode())
    return _call(OBJ_GET, struct.pack('=QII', _address(name), 0, 0))


def link_detach(path):
    fd = obj_get(path)
    try:
        _call(LINK_DETACH, struct.pack('=I', fd))
    finally:
        os.close(fd)


class Map:
    """A pinned map; no per-CPU ones."""

    def __init__(self, path):
        self.fd = obj_get(path)
        info = ctypes.create_string_buffer(256)
        _call(INFO, struct.pack('=IIQ', self.fd, len(info), _address(info)))
        _, self.id, self.key_size, self.value_size, self.max = \
            struct.unpack_from('=IIIII', info)

    def _elem(self, cmd, key, value, flags=0):
        key = ctypes.create_string_buffer(key, self.key_size)
        value = ctypes.create_string_buffer(value, max(self.value_size,
                                                       self.key_size))
        _call(cmd, struct.pack('=IIQQQ', self.fd, 0, _address(key),
                               _address(value) if cmd != DELETE else 0,
                               flags))
        return value.raw

    def get(self, key):
        return self._elem(LOOKUP, key, b'')[:self.value_size]

    def set(self, key, value):
        self._elem(UPDATE, key, value)

    def delete(self, key):
        self._elem(DELETE, key, b'')

    def next(self, key):
        """@key: None to begin. None at the end."""
        here = ctypes.create_string_buffer(key or b'', self.key_size)
        there = ctypes.create_string_buffer(self.key_size)
        try:
            _call(NEXT, struct.pack('=IIQQQ', self.fd, 0,
                                    _address(here) if key else 0,
                                    _address(there), 0))
        except FileNotFoundError:
            return None
        return there.raw

    def keys(self):
        out, key = [], self.next(None)
        while key is not None:
            out.append(key)
            key = self.next(key)
        return out

    def flip(self, key, offset, mask=0xff):
        """Change one byte of a value."""
        value = bytearray(self.get(key))
        value[offset] ^= mask
        self.set(key, bytes(value))

    def close(self):
        os.close(self.fd)


# ---- programs, as somebody else on the node would attach them ----

PROG_LOAD, OBJ_PIN, PROG_QUERY, LINK_CREATE = 5, 6, 16, 28
SCHED_CLS, XDP = 3, 6
TCX_INGRESS, TCX_EGRESS, XDP_HOOK = 46, 47, 37
BEFORE = 1 << 3
CLONE_REDIRECT, VLAN_PUSH, REDIRECT, REDIRECT_NEIGH, REDIRECT_PEER = \
    13, 18, 23, 152, 155


def insn(code, dst=0, src=0, off=0, imm=0):
    return struct.pack('=BBhi', code, src << 4 | dst, off, imm)


def returns(value):
    return insn(0xb7, 0, imm=value) + insn(0x95)


def redirects(ifindex, helper=REDIRECT, tags=()):
    """Every packet to the egress of @ifindex (or into its peer). @tags: VLAN
    (ethertype, number) that it gets before, the inner one first."""
    code = insn(0xbf, 6, 1)  # keep the context
    for proto, vlan in tags:
        code += insn(0xbf, 1, 6) \
            + insn(0xb7, 2, imm=socket.htons(proto)) \
            + insn(0xb7, 3, imm=vlan) + insn(0x85, imm=VLAN_PUSH)
    return code + insn(0xb7, 1, imm=ifindex) + insn(0xb7, 2) + insn(0xb7, 3) \
        + insn(0xb7, 4) + insn(0x85, imm=helper) + insn(0x95)


def clones(ifindex):
    """A copy to the egress of @ifindex, the packet itself is dropped."""
    return insn(0xb7, 2, imm=ifindex) + insn(0xb7, 3) \
        + insn(0x85, imm=CLONE_REDIRECT) + returns(2)


def prog_load(kind, code, hook=0):
    """@hook: where it is to be attached, of kinds that must know it."""
    insns = ctypes.create_string_buffer(code, len(code))
    licence = ctypes.create_string_buffer(b'GPL')
    log = ctypes.create_string_buffer(65536)
    attr = struct.pack('=IIQQIIQII16xII', kind, len(code) // 8,
                       _address(insns), _address(licence), 1, len(log),
                       _address(log), 0, 0, 0, hook)
    return _call(PROG_LOAD, attr)


def link(prog, target, hook, flags=0):
    """Lasts as long as it is open. @target: a device, or a file descriptor."""
    return _call(LINK_CREATE, struct.pack('=IIII', prog, target, hook, flags))


def attach(kind, hook, ifindex, code, flags=0):
    """Load and attach to a device of the caller's namespace: a link, which
    lasts as long as it is open."""
    prog = prog_load(kind, code)
    try:
        return link(prog, ifindex, hook, flags)
    finally:
        os.close(prog)


def query(hook, ifindex):
    """Ids of the programs on a hook, in the order they run."""
    ids = ctypes.create_string_buffer(4 * 64)
    buf = ctypes.create_string_buffer(
        struct.pack('=IIIIQIIQ', ifindex, hook, 0, 0, _address(ids), 64, 0, 0),
        144)
    kernel.check(kernel.LIBC.syscall(SYS_BPF, PROG_QUERY, buf, len(buf)))
    count, = struct.unpack_from('=I', buf, 24)
    return list(struct.unpack_from(f'={count}I', ids))


def prog_runs(number):
    """How often the kernel has counted a program's runs, by its number."""
    fd = _call(PROG_FD, struct.pack('=I', number))
    try:
        with open(f'/proc/self/fdinfo/{fd}', encoding='ascii') as f:
            return int(dict(line.split(':', 1) for line in f)['run_cnt'])
    finally:
        os.close(fd)
