# SPDX-License-Identifier: GPL-2.0-only
"""Services translated at the socket, as Cilium does it: programs of a cgroup of
control groups version 2 that change where connect(2) and sendmsg(2) lead, and
whom recvmsg(2) tells of. What leaves the pod is sent to the backend.
"""
import os
import socket
import struct
import tempfile

from . import bpf, kernel

SOCK_ADDR = 18
MOVE = 0xbf
LOAD, STORE = 0x61, 0x63  # 32 bits
SET = 0xb7
UNEQUAL = 0x56  # of 32 bits
PORT, PROTOCOL = 24, 36  # in struct bpf_sock_addr
CONNECT, SENDMSG, RECVMSG = {4: 10, 6: 11}, {4: 14, 6: 15}, {4: 19, 6: 20}
NUMBER = {'tcp': socket.IPPROTO_TCP, 'udp': socket.IPPROTO_UDP}


def signed(number):
    return number - (1 << 32) if number >> 31 else number


def words(addr):
    """[(offset in the context, as it stands there)]"""
    if ':' not in addr:
        return [(4, struct.unpack('=I', socket.inet_aton(addr))[0])]
    raw = socket.inet_pton(socket.AF_INET6, addr)
    return [(8 + 4 * i, w) for i, w in enumerate(struct.unpack('=4I', raw))]


def rewrite(proto, was, now):
    """@was, @now: (address, port)."""
    tests = [*words(was[0]), (PORT, socket.htons(was[1])),
             (PROTOCOL, NUMBER[proto])]
    body = b''.join(bpf.insn(SET, 2, imm=signed(value))
                    + bpf.insn(STORE, 6, 2, at) for at, value in
                    [*words(now[0]), (PORT, socket.htons(now[1]))]) \
        + bpf.returns(1)
    out = b''
    left = 2 * len(tests) + len(body) // 8
    for at, value in tests:
        left -= 2
        out += bpf.insn(LOAD, 2, 6, at) \
            + bpf.insn(UNEQUAL, 2, off=left, imm=signed(value))
    return out + body


class SocketBalancer:
    """@handles: of the probers whose sockets are translated."""

    def __init__(self, handles):
        self.dir, self.links, self.mounted = tempfile.mkdtemp(), [], False
        self.group = os.path.join(self.dir, f'warder-test-{os.getpid()}')
        self.handles = handles
        try:
            kernel.mount('none', self.dir, 'cgroup2')
            self.mounted = True
            os.mkdir(self.group)
            self._move(self.group, handles)
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _move(group, handles):
        for handle in handles:
            kernel.write(os.path.join(group, 'cgroup.procs'), str(handle.pid))

    def translate(self, rules):
        """@rules: (protocol, (address, port), (backend, its port)); instead of
        those before."""
        old, self.links = self.links, []
        fd = os.open(self.group, os.O_RDONLY)
        try:
            for f in (4, 6):
                mine = [r for r in rules if (':' in r[1][0]) == (f == 6)]
                back = [(proto, now, was) for proto, was, now in mine]
                for hook, some in ((CONNECT, mine), (SENDMSG, mine),
                                   (RECVMSG, back)):
                    self._attach(fd, hook[f], some)
        finally:
            os.close(fd)
            for link in old:
                os.close(link)

    def _attach(self, group, hook, rules):
        code = bpf.insn(MOVE, 6, 1) \
            + b''.join(rewrite(*r) for r in rules) + bpf.returns(1)
        prog = bpf.prog_load(SOCK_ADDR, code, hook)
        try:
            self.links.append(bpf.link(prog, group, hook))
        finally:
            os.close(prog)

    def close(self):
        for link in self.links:
            os.close(link)
        self.links = []
        try:
            if os.path.isdir(self.group):
                self._move(self.dir, self.handles)
                os.rmdir(self.group)
        finally:
            if self.mounted:
                kernel.check(kernel.LIBC.umount(self.dir.encode()))
            os.rmdir(self.dir)
