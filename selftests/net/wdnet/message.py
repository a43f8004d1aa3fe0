# SPDX-License-Identifier: GPL-2.0-only
"""ICMP of any type and code, and packets of other protocols, between pods.

What is denied is sent before what is allowed, by the same way: when the last
of the latter is there, the former would be.
"""
import select
import socket
import struct
import time

from .frag import inside
from .raw import family_of, inet_sum

OWED_S = 6.0


def icmp(v6, kind, code, token):
    head = struct.pack('!BBHHH', kind, code, 0, 77, 1)
    if v6:
        return head + token  # the kernel fills in the sum
    return struct.pack('!BBHHH', kind, code, inet_sum(head + token), 77,
                       1) + token


class Message:
    """@what: (type, code) of ICMP, or the number of another protocol."""
    count = 0

    def __init__(self, src, dst, family, what):
        Message.count += 1
        self.src, self.dst, self.family, self.what = src, dst, family, what
        self.token = b'warder-message-%06d' % Message.count
        v6 = family == 6
        if isinstance(what, int):
            self.proto, self.data = what, self.token
        else:
            self.proto = socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP
            self.data = icmp(v6, *what, self.token)

    def socket_in(self, end):
        return inside(end.space, socket.socket,
                      family_of(self.dst.ips[self.family]), socket.SOCK_RAW,
                      self.proto)

    def send(self):
        with self.socket_in(self.src) as sock:
            sock.sendto(self.data, (self.dst.ips[self.family], 0))

    def __str__(self):
        return (f'{self.src.key} -> {self.dst.key} v{self.family} '
                f'{self.what}')


def take(sock, waiting):
    """Forget what has come. Gives those messages."""
    data = sock.recv(2048)
    come = [m for m in waiting if m.token in data]
    for message in come:
        waiting.remove(message)
    return come


def heard(denied, allowed):
    """Send all. Gives those of @denied that came, and of @allowed that did
    not."""
    messages = denied + allowed
    ears = {(m.dst.key, m.family, m.proto): m.socket_in(m.dst)
            for m in messages}
    try:
        for message in messages:
            message.send()
        waiting, last = list(messages), time.monotonic() + OWED_S
        while any(m in waiting for m in allowed):
            ready = select.select(ears.values(), [], [],
                                  max(0, last - time.monotonic()))[0]
            if not ready:
                break
            for sock in ready:
                take(sock, waiting)
    finally:
        for sock in ears.values():
            sock.close()
    return ([str(m) for m in denied if m not in waiting],
            [str(m) for m in allowed if m in waiting])
