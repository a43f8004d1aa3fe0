# SPDX-License-Identifier: GPL-2.0-only
"""Datagrams and fragments made by hand, and sockets in somebody's namespace."""
import socket
import struct
import threading

from . import kernel
from .raw import family_of, inet_sum

UDP = 17
FRAGMENT = 44


def inside(space, function, *args):
    """Call a function in a thread that lives in a namespace: a socket that it
    makes stays there. @space: a kernel.Namespace."""
    out = []

    def body():
        try:
            kernel.setns(space.net, kernel.CLONE_NEWNET)
            out.append((True, function(*args)))
        except OSError as e:
            out.append((False, e))
    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    good, value = out[0]
    if not good:
        raise value
    return value


def _udp_socket(addr, port):
    sock = socket.socket(family_of(addr), socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    sock.bind((addr, port))
    sock.settimeout(0)
    return sock


def udp_socket(space, addr, port):
    return inside(space, _udp_socket, addr, port)


def raw_socket(space, addr):
    """Sends packets as they are, IP header and all."""
    return inside(space, socket.socket, family_of(addr), socket.SOCK_RAW,
                  socket.IPPROTO_RAW)


def packed(addr):
    return socket.inet_pton(family_of(addr), addr)


def udp(src, dst, sport, dport, payload):
    """A datagram with its checksum."""
    size = 8 + len(payload)
    head = struct.pack('!HHHH', sport, dport, size, 0)
    pseudo = packed(src) + packed(dst) + struct.pack('!II', size, UDP)
    total = inet_sum(pseudo + head + payload) or 0xffff
    return head[:6] + struct.pack('!H', total) + payload


def fragment(src, dst, ident, off, more, data, proto=UDP):
    """An IP packet that holds bytes @off.. of a datagram."""
    if ':' not in src:
        return struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(data), ident,
                           off // 8 | (0x2000 if more else 0), 64, proto, 0,
                           packed(src), packed(dst)) + data
    return struct.pack('!IHBB16s16sBBHI', 6 << 28, 8 + len(data), FRAGMENT, 64,
                       packed(src), packed(dst), proto, 0, off | more,
                       ident) + data
