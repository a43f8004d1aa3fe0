# SPDX-License-Identifier: GPL-2.0-only
"""Packets without a pause, and what of them arrives.

Sent once a millisecond by a process of its own from sockets in the pods'
namespaces, counted where they arrive by packet sockets of the receiver, which
see a frame before its stack does: nobody need answer, and nothing is lost in a
buffer.
"""
import ctypes
import mmap
import os
import signal
import socket
import struct
import time

from . import kernel

TICK_S = 0.001
PORTS = 512  # source ports of new flows, in turn
FIRST_PORT = 20000
SOL_PACKET, PACKET_STATISTICS = 263, 6
SO_ATTACH_FILTER = 26
ETH_P = {4: 0x0800, 6: 0x86dd}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
ETH_BYTES = 14
SYN, ACK = 2, 16


def inside(space, function):
    """Call it in a network namespace; sockets that it makes stay there."""
    own = os.open('/proc/self/ns/net', os.O_RDONLY)
    kernel.setns(space.net, kernel.CLONE_NEWNET)
    try:
        return function()
    finally:
        kernel.setns(own, kernel.CLONE_NEWNET)
        os.close(own)


# ---- where they arrive ----

LOAD_B, LOAD_W, EQUAL, AND, RETURN = 0x30, 0x20, 0x15, 0x54, 0x06


def _filter(family, proto, source):
    """Datagrams, or segments that open a connection, from an address."""
    at = ETH_BYTES
    packed = socket.inet_pton(FAMILY[family], source)
    source_at = at + (12 if family == 4 else 8)
    checks = [(LOAD_B, at + (9 if family == 4 else 6),
               socket.IPPROTO_TCP if proto == 'tcp' else socket.IPPROTO_UDP)]
    checks += [(LOAD_W, source_at + i, int.from_bytes(packed[i:i + 4], 'big'))
               for i in range(0, len(packed), 4)]
    code = []
    for load, where, value in checks:
        code += [(load, 0, 0, where), (EQUAL, 0, None, value)]
    if proto == 'tcp':
        flags = at + (20 if family == 4 else 40) + 13
        code += [(LOAD_B, 0, 0, flags), (AND, 0, 0, SYN | ACK),
                 (EQUAL, 0, None, SYN)]
    code += [(RETURN, 0, 0, 1), (RETURN, 0, 0, 0)]
    return b''.join(struct.pack('=HBBI', op, t,
                                len(code) - 2 - i if f is None else f, k)
                    for i, (op, t, f, k) in enumerate(code))


class Ear:
    """Counts what arrives at a pod's eth0 from an address."""

    def __init__(self, pod, family, proto, source):
        self.total = 0
        self.sock = inside(pod.space, lambda: self._open(
            ETH_P[family], _filter(family, proto, source)))

    @staticmethod
    def _open(ethertype, code):
        # A protocol of 0 hears nothing before the filter is there.
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        room = ctypes.create_string_buffer(code, len(code))
        sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack(
            'HL', len(code) // 8, ctypes.addressof(room)))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)
        sock.bind(('eth0', ethertype))
        return sock

    def count(self):
        """Frames so far, also those that found no room."""
        seen = self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        self.total += struct.unpack('=II', seen)[0]
        return self.total

    def close(self):
        self.sock.close()


# ---- where they are sent ----

def _checksum(data):
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def _syn(source, target, sport, dport):
    """A segment that opens a connection, without options."""
    head = struct.pack('!HHIIBBHHH', sport, dport, sport * 65536, 0, 5 << 4,
                       SYN, 64240, 0, 0)
    pseudo = source + target + struct.pack('!II', len(head),
                                           socket.IPPROTO_TCP)
    return head[:16] + struct.pack('!H', _checksum(pseudo + head)) + head[18:]


class Mouth:
    """One kind of packet from one pod. @changing: each of another port, so
    each is a new flow; else all of one."""

    def __init__(self, pod, family, proto, target, port, changing=True):
        self.target, self.port = target, port
        self.sent = self.turn = 0
        self.family, self.proto = family, proto
        self.source = pod.ips[family]
        self.ports = range(FIRST_PORT, FIRST_PORT + (PORTS if changing else 1))
        self.socks, self.data = inside(pod.space, self._open)

    def _open(self):
        if self.proto == 'tcp':
            sock = socket.socket(FAMILY[self.family], socket.SOCK_RAW,
                                 socket.IPPROTO_TCP)
            sock.setblocking(False)
            pack = [socket.inet_pton(FAMILY[self.family], a)
                    for a in (self.source, self.target)]
            return [sock], [_syn(*pack, p, self.port) for p in self.ports]
        socks = []
        for port in self.ports if len(self.ports) == 1 else self.ports[:64]:
            sock = socket.socket(FAMILY[self.family], socket.SOCK_DGRAM)
            sock.setblocking(False)
            sock.bind((self.source, port))
            socks.append(sock)
        return socks, [b'?']

    def send(self):
        """One packet; what the sender's own stack refuses was not sent."""
        self.turn += 1
        sock = self.socks[self.turn % len(self.socks)]
        try:
            sock.sendto(self.data[self.turn % len(self.data)],
                        (self.target, 0 if self.proto == 'tcp' else self.port))
        except OSError:
            return
        self.sent += 1

    def close(self):
        for sock in self.socks:
            sock.close()


class Torrent:
    """@groups: lists of Mouths; of each group one sends each millisecond, in
    turn. Runs from the start until stop()."""
    STOP, LATE, LONGEST, TICKS = range(4)

    def __init__(self, groups):
        self.groups = groups
        self.all = [m for g in groups for m in g]
        self.shared = mmap.mmap(-1, 4096)
        self.pid = os.fork()
        if self.pid == 0:
            self._child()

    def _put(self, at, value):
        struct.pack_into('=Q', self.shared, at * 8, value)

    def _get(self, at):
        return struct.unpack_from('=Q', self.shared, at * 8)[0]

    def _child(self):
        code = 1
        try:
            kernel.die_with_parent()
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._run()
            code = 0
        except BaseException as e:  # the child must never become the test
            os.write(2, f'# torrent: {e!r}\n'.encode())
        os._exit(code)

    def _run(self):
        last = due = time.monotonic()
        late = longest = tick = 0
        while not self._get(self.STOP):
            for group in self.groups:
                group[tick % len(group)].send()
            tick += 1
            for i, mouth in enumerate(self.all):
                self._put(8 + i, mouth.sent)
            now = time.monotonic()
            late += now - last > 2 * TICK_S
            longest = max(longest, now - last)
            last = now
            self._put(self.LATE, late)
            self._put(self.LONGEST, int(longest * 1e6))
            self._put(self.TICKS, tick)
            due = max(due + TICK_S, now)
            time.sleep(max(0, due - now))

    def sent(self, mouth):
        return self._get(8 + self.all.index(mouth))

    def ticks(self):
        return self._get(self.TICKS)

    def wait_ticks(self, count, seconds=10.0):
        """Until so many more were begun: a busy machine lets it wait."""
        until = self.ticks() + count
        end = time.monotonic() + seconds
        while self.ticks() < until and time.monotonic() < end:
            time.sleep(TICK_S)

    def pace(self):
        """How many times they were sent, how often later than 2 ms after the
        time before, and the longest time between two, in us."""
        return {'ticks': self._get(self.TICKS), 'late': self._get(self.LATE),
                'longest_us': self._get(self.LONGEST)}

    def stop(self):
        if self.pid:
            self._put(self.STOP, 1)
            os.waitpid(self.pid, 0)
            self.pid = 0
            time.sleep(0.05)  # the last ones are under way

    def close(self):
        self.stop()
        for mouth in self.all:
            mouth.close()
