# SPDX-License-Identifier: GPL-2.0-only
"""ICMP echo and SCTP's first two messages over raw sockets.

SCTP is spoken by hand (INIT, INIT ACK with the answer as its cookie), so that
its policy can be tested on kernels that are built without it.
"""
import socket
import struct

IPPROTO_SCTP = 132
SOL_RAW = 255
ICMP_FILTER = 1
ICMP6_FILTER = 1
INIT, INIT_ACK, COOKIE = 1, 2, 7

_CRC = []
for _n in range(256):
    for _ in range(8):
        _n = (_n >> 1) ^ (0x82f63b78 if _n & 1 else 0)
    _CRC.append(_n)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = _CRC[(crc ^ byte) & 0xff] ^ (crc >> 8)
    return crc ^ 0xffffffff


def inet_sum(data):
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def family_of(addr):
    return socket.AF_INET6 if ':' in addr else socket.AF_INET


def open_icmp(addr):
    """A socket that takes echo replies to @addr only."""
    if ':' in addr:
        sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW,
                             socket.IPPROTO_ICMPV6)
        words = [0xffffffff] * 8
        words[129 >> 5] &= ~(1 << (129 & 31))
        sock.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER,
                        struct.pack('=8I', *words))
    else:
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW,
                             socket.IPPROTO_ICMP)
        sock.setsockopt(SOL_RAW, ICMP_FILTER,
                        struct.pack('=I', ~1 & 0xffffffff))
    sock.setblocking(False)
    sock.bind((addr, 0))
    return sock


def echo_request(v6, ident):
    head = struct.pack('!BBHHH', 128 if v6 else 8, 0, 0, ident, 1)
    body = b'warder-echo-data'
    if v6:
        return head + body  # the kernel fills in the sum
    return struct.pack('!BBHHH', 8, 0, inet_sum(head + body), ident, 1) + body


def echo_ident(v6, packet):
    """The id of an echo reply, None if it is none."""
    if not v6:
        packet = packet[(packet[0] & 15) * 4:]
    if len(packet) < 8 or packet[0] != (129 if v6 else 0):
        return None
    return struct.unpack('!H', packet[4:6])[0]


def open_sctp(addr):
    sock = socket.socket(family_of(addr), socket.SOCK_RAW, IPPROTO_SCTP)
    sock.setblocking(False)
    sock.bind((addr, 0))
    return sock


def _sctp(sport, dport, tag, chunk):
    def pack(crc):
        return struct.pack('!HHI', sport, dport, tag) + struct.pack('<I', crc)
    return pack(crc32c(pack(0) + chunk)) + chunk


def sctp_init(sport, dport):
    chunk = struct.pack('!BBHIIHHI', INIT, 0, 20, 0x1234, 65536, 1, 1, 1)
    return _sctp(sport, dport, 0, chunk)


def sctp_init_ack(sport, dport, tag, text):
    pad = -len(text) % 4
    cookie = struct.pack('!HH', COOKIE, 4 + len(text)) + text + b'\0' * pad
    chunk = struct.pack('!BBHIIHHI', INIT_ACK, 0, 20 + len(cookie) - pad,
                        0x4321, 65536, 1, 1, 1) + cookie
    return _sctp(sport, dport, tag, chunk)


def sctp_parse(v6, packet):
    """(sport, dport, chunk type, initiate tag, cookie), or None."""
    if not v6:
        packet = packet[(packet[0] & 15) * 4:]
    if len(packet) < 32:
        return None
    sport, dport = struct.unpack('!HH', packet[:4])
    kind, tag = packet[12], struct.unpack('!I', packet[16:20])[0]
    cookie = b''
    if kind == INIT_ACK and len(packet) > 36:
        size = struct.unpack('!H', packet[34:36])[0]
        cookie = packet[36:32 + size]
    return sport, dport, kind, tag, cookie
