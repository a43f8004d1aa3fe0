# SPDX-License-Identifier: GPL-2.0-only
"""bpf(2) for tests that change a map behind the agent's back."""
import ctypes
import os
import struct

from . import kernel

SYS_BPF = {'x86_64': 321, 'aarch64': 280}[os.uname().machine]
LOOKUP, UPDATE, DELETE, NEXT, OBJ_GET, INFO = 1, 2, 3, 4, 7, 15
LINK_DETACH = 34


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
