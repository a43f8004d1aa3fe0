# SPDX-License-Identifier: GPL-2.0-only
"""A delay line in a pod: what it sends to a peer waits, where no netem is.

    the pod's stack ---- tun `late0` ---- a child that waits ---- raw socket ---- eth0

The child ends with the test program, and with close().
"""
import fcntl
import heapq
import itertools
import mmap
import os
import select
import signal
import socket
import struct
import subprocess
import time

from . import kernel

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 1, 0x1000
TABLE, MARK = 77, 7


class Delay:
    """IPv4 only. What @pod sends to address @peer waits for set() seconds."""

    def __init__(self, pod, peer):
        self.space = pod.space
        self.shared = mmap.mmap(-1, 8)
        self.set(0)
        up, ready = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(up)
                kernel.die_with_parent()
                self.space.enter()
                self._serve(peer, ready)
            except BaseException as e:  # the child must never go on
                os.write(2, f'# {e!r}\n'.encode())
            os._exit(1)
        os.close(ready)
        try:
            if os.read(up, 1) != b'+':
                raise RuntimeError('no delay line')
        finally:
            os.close(up)

    def set(self, seconds):
        self.shared[:8] = struct.pack('=d', seconds)

    def _wait(self):
        return struct.unpack('=d', self.shared[:8])[0]

    def _serve(self, peer, ready):
        tun = os.open('/dev/net/tun', os.O_RDWR | os.O_CLOEXEC)
        fcntl.ioctl(tun, TUNSETIFF, struct.pack('16sH22x', b'late0',
                                                IFF_TUN | IFF_NO_PI))
        for pref in (10, 20):  # of a line before it in this pod
            subprocess.run(['ip', 'rule', 'del', 'pref', str(pref)],
                           check=False, stderr=subprocess.DEVNULL)
        for line in ('link set late0 up',
                     f'rule add pref 10 fwmark {MARK} lookup main',
                     f'rule add pref 20 to {peer} lookup {TABLE}',
                     f'route add default dev late0 table {TABLE}'):
            if os.spawnvp(os.P_WAIT, 'ip', ['ip', *line.split()]):
                raise RuntimeError(line)
        out = socket.socket(socket.AF_INET, socket.SOCK_RAW,
                            socket.IPPROTO_RAW)
        out.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, MARK)
        os.write(ready, b'+')
        self._run(tun, out)

    def _run(self, tun, out):
        line, number = [], itertools.count()
        while True:
            wait = max(0, line[0][0] - time.monotonic()) if line else None
            if select.select([tun], [], [], wait)[0]:
                data = os.read(tun, 65536)
                if data[0] >> 4 == 4:
                    heapq.heappush(line, (time.monotonic() + self._wait(),
                                          next(number), data))
            while line and line[0][0] <= time.monotonic():
                data = heapq.heappop(line)[2]
                out.sendto(data, (socket.inet_ntoa(data[16:20]), 0))

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
