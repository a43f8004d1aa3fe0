# SPDX-License-Identifier: GPL-2.0-only
"""Sockets that live in other namespaces, frames by hand, and who saw them.

A socket belongs to the namespace it was made in, whoever holds it: so the test
itself can send from a pod, see what arrives there, and put frames on a device.
"""
import os
import socket
import struct
import time

from . import kernel
from .raw import inet_sum

ETH_ALL, ETH_IP4, ETH_IP6 = 0x0003, 0x0800, 0x86dd
PACKET_OUTGOING = 4
PACKET_QDISC_BYPASS = 20
SOL_PACKET = 263


def fd_in(space, make):
    """A descriptor that @make() makes inside @space (a Namespace)."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            kernel.setns(space.net, kernel.CLONE_NEWNET)
            made = make()
            socket.send_fds(theirs, [b'.'], [made if isinstance(made, int)
                                             else made.fileno()])
            code = 0
        except BaseException as e:  # the child must never become the test
            os.write(2, f'# {e!r}\n'.encode())
        os._exit(code)
    theirs.close()
    _, fds, _, _ = socket.recv_fds(ours, 1, 1)
    ours.close()
    os.waitpid(pid, 0)
    if not fds:
        raise RuntimeError('nothing was made')
    return fds[0]


def open_in(space, make):
    """A socket that @make() makes inside @space."""
    return socket.socket(fileno=fd_in(space, make))


def packet_socket(space, device, bypass=False):
    """Frames in and out of @device of @space."""
    def make():
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                             socket.htons(ETH_ALL))
        sock.bind((device, ETH_ALL))
        if bypass:
            sock.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
        return sock
    return open_in(space, make)


def mac_bytes(text):
    return bytes.fromhex(text.replace(':', ''))


def packed(addr):
    family = socket.AF_INET6 if ':' in addr else socket.AF_INET
    return socket.inet_pton(family, addr)


def udp(src, dst, sport, dport, text):
    """An IP packet with a datagram."""
    a, b, size = packed(src), packed(dst), 8 + len(text)
    head = struct.pack('!HHHH', sport, dport, size, 0)
    pseudo = a + b + (struct.pack('!BBH', 0, 17, size) if len(a) == 4
                      else struct.pack('!II', size, 17))
    total = inet_sum(pseudo + head + text) or 0xffff
    body = head[:6] + struct.pack('!H', total) + text
    if len(a) == 16:
        return struct.pack('!IHBB', 6 << 28, size, 17, 64) + a + b + body
    def ip(check):
        return struct.pack('!BBHHHBBH', 0x45, 0, 20 + size, 1, 0, 64, 17,
                           check) + a + b
    return ip(inet_sum(ip(0))) + body


def frame(src_mac, dst_mac, packet):
    kind = ETH_IP6 if packet[0] >> 4 == 6 else ETH_IP4
    return mac_bytes(dst_mac) + mac_bytes(src_mac) \
        + struct.pack('!H', kind) + packet


class Witness:
    """Counts frames that arrive at a device and contain a mark. @device may
    be None: then every device of the namespace counts."""

    def __init__(self, space, device='eth0'):
        def make():
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                 socket.htons(ETH_ALL))
            if device:
                sock.bind((device, ETH_ALL))
            sock.setblocking(False)
            return sock
        self.sock = open_in(space, make)
        self.seen = {}
        self.last = b''

    def take(self):
        while True:
            try:
                data, where = self.sock.recvfrom(65536)
            except BlockingIOError:
                return
            except OSError:  # the device went down: no frame
                continue
            if where[2] != PACKET_OUTGOING:
                for mark in self.seen:
                    if mark in data:
                        self.seen[mark] += 1
                        self.last = data

    def count(self, mark, send, wait=0.15, want=0):
        """Frames with @mark after @send(); waits longer for @want of them."""
        self.seen[mark] = 0
        self.take()
        self.seen[mark] = 0
        send()
        end = time.monotonic() + (2.0 if want else wait)
        while time.monotonic() < end:
            self.take()
            if want and self.seen[mark] >= want:
                break
            time.sleep(0.005)
        return self.seen.pop(mark)

    def close(self):
        self.sock.close()
