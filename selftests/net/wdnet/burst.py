# SPDX-License-Identifier: GPL-2.0-only
"""Frames by the ten thousand, and how many of them a device has taken.

sendmmsg(2) from one process: enough for millions in a minute.
"""
import ctypes
import errno
import os
import time

from . import kernel, wire


class Iovec(ctypes.Structure):
    _fields_ = [('base', ctypes.c_char_p), ('len', ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    _fields_ = [('name', ctypes.c_void_p), ('namelen', ctypes.c_uint32),
                ('iov', ctypes.POINTER(Iovec)), ('iovlen', ctypes.c_size_t),
                ('control', ctypes.c_void_p),
                ('controllen', ctypes.c_size_t), ('flags', ctypes.c_int)]


class Mmsghdr(ctypes.Structure):
    _fields_ = [('hdr', Msghdr), ('len', ctypes.c_uint)]


class Burst:
    """@frames: sent round and round at eth0 of @pod."""

    def __init__(self, pod, frames):
        self.pod, self.cnt, self.at = pod, len(frames), 0
        self.sock = wire.packet_socket(pod.space, 'eth0', bypass=True)
        self.iov = (Iovec * self.cnt)(*((f, len(f)) for f in frames))
        self.msgs = (Mmsghdr * self.cnt)()
        for n in range(self.cnt):
            self.msgs[n].hdr.iov = ctypes.pointer(self.iov[n])
            self.msgs[n].hdr.iovlen = 1

    def send(self, count):
        """Until the device took @count of them. One that the queue behind it
        has no room for is sent again."""
        left = count
        while left:
            here = min(left, self.cnt - self.at)
            got = kernel.LIBC.sendmmsg(
                self.sock.fileno(), ctypes.byref(self.msgs, self.at *
                                                 ctypes.sizeof(Mmsghdr)),
                here, 0)
            if got < 0:
                err = ctypes.get_errno()
                if err not in (errno.ENOBUFS, errno.EAGAIN, errno.EINTR):
                    raise OSError(err, os.strerror(err))
                time.sleep(0.001)
                continue
            left -= got
            self.at = (self.at + got) % self.cnt

    def close(self):
        self.sock.close()
