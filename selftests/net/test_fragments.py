#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Datagrams in fragments, between real stacks: what a policy allows arrives
whole, what is put together is what was judged, and a flood of fragments by one
pod is felt by no other.
"""
import os
import select
import sys
import time

from cases.dsl import block, frm, into, pods, port, sel, spaces
from wdnet.ask import until
from wdnet.cluster import WORLD, e2e
from wdnet.frag import fragment, inside, raw_socket, udp, udp_socket
from wdnet.kernel import die_with_parent
from wdnet.suite import main
from wdnet.tap import Fail, expect

A = sel(pod='a')
OPEN, ALSO_OPEN, SHUT = 5000, 5002, 5001
LARGE = 8192
OWED_S, DENIED_S = 5.0, 0.4
FLOOD_CNT = 250  # datagrams of each pair while another pod floods
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def heard(socks, seconds, cnt):
    """What arrives, up to @cnt: (the socket's place, bytes, peer)."""
    out, end = [], time.monotonic() + seconds
    while len(out) < cnt and time.monotonic() < end:
        ready, _, _ = select.select(socks, [], [], 0.05)
        for sock in ready:
            data, peer = sock.recvfrom(65536)
            out.append((socks.index(sock), data, peer[:2]))
    return out


class Ends:
    """UDP sockets of pods, closed at the end."""

    def __init__(self):
        self.socks = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for sock in self.socks:
            sock.close()

    def udp(self, space, addr, number=0):
        self.socks.append(udp_socket(space, addr, number))
        return self.socks[-1]

    def raw(self, space, addr):
        self.socks.append(raw_socket(space, addr))
        return self.socks[-1]


# ---- large datagrams ----

def goes(src, dst, addr, number, want, what):
    data = os.urandom(LARGE)
    src.sendto(data, (addr, number))
    got = heard([dst], OWED_S if want else DENIED_S, 1)
    expect(want, bool(got), what)
    if want:
        expect(True, data == got[0][1], what + ': the bytes')
        return got[0][2]
    return None


def whole_or_not(c, server, friend, foe, reason='FRAG_ORPHAN', least=8):
    """@reason: counted @least times for two datagrams that may not pass."""
    c.apply([into('x', sel(pod=server.name), frm(
        pods(pod=friend.name), ports=[port(OPEN, 'UDP')]))])
    for family in c.families:
        with Ends() as ends:
            ip = server.ips[family]
            right, wrong = (ends.udp(server.space, ip, n)
                            for n in (OPEN, SHUT))
            good = ends.udp(friend.space, friend.ips[family])
            bad = ends.udp(foe.space, foe.ips[family])
            what = f'{friend.key} -> {server.key} v{family}'
            peer = goes(good, right, ip, OPEN, True, what)
            before = server.node.counter(reason, 'ingress')
            goes(good, wrong, ip, SHUT, False, what + ', another port')
            goes(bad, right, ip, OPEN, False, f'{foe.key}, v{family}')
            after = server.node.counter(reason, 'ingress')
            expect(True, after >= before + least, f'v{family}: {reason}: '
                   f'{before} -> {after}')
            goes(right, good, *peer, True, what + ': the answer')
            goes(good, right, ip, OPEN, True, what + ', again')


@test
def large_datagrams_pass_whole_or_not_at_all_on_a_node(c):
    whole_or_not(c, c.pod('x/a'), c.pod('x/c'), c.pod('z/a'))


@test
def large_datagrams_pass_whole_or_not_at_all_between_nodes(c):
    whole_or_not(c, c.pod('x/a'), c.pod('x/b'), c.pod('z/b'))
    whole_or_not(c, c.pod('x/b'), c.pod('x/a'), c.pod('z/a'))


@test
def large_datagrams_are_judged_alike_where_the_host_puts_them_together(c):
    """Connection tracking in the node's namespace collects the fragments
    between the two hooks, and takes them apart again; it sends no more of a
    datagram whose first part was dropped."""
    node = c.pod('x/a').node
    node.ns.run(['nft', '-f', '-'], 'table inet wdtest {\n'
                'chain c { type filter hook prerouting priority 0;\n'
                'ct state new counter\n}\n}\n')
    try:
        for friend, foe in (('x/c', 'z/a'), ('x/b', 'z/b')):
            whole_or_not(c, c.pod('x/a'), c.pod(friend), c.pod(foe),
                         'DEFAULT', 2)
        _, out, _ = node.ns.run(['nft', 'list', 'table', 'inet', 'wdtest'])
        expect(False, 'packets 0 ' in out, 'the host tracked nothing')
    finally:
        node.ns.run(['nft', 'delete', 'table', 'inet', 'wdtest'])


# ---- trains made to deceive ----

BODY = b'head' * 8 + b'GoodGood' * 4 + b'tail' * 8  # 32 bytes each
TURNED = b'odGoodGo' * 4  # the same sum as the middle


class Tricks:
    """Each is a list of (offset, more, bytes); its source port names it."""

    def __init__(self, src, dst):
        self.src, self.dst = src, dst
        self.rows = []
        self.add('in order', True, [0, 1, 2])
        self.add('the middle last', True, [0, 2, 1])
        self.add('the first last', False, [2, 1, 0])
        self.add('no first', False, [1, 2])
        self.add('twice the same', False, [0, 1, 1, 2])
        self.add('other bytes for the middle', False,
                 [0, 1, (40, True, TURNED), 2])
        self.add('other bytes before the middle', False,
                 [0, (40, True, TURNED), 1, 2])
        self.add('part of the middle', False,
                 [0, 1, (56, True, TURNED[:8]), 2])
        self.add('across middle and last', False,
                 [0, 1, (56, True, TURNED), 2])
        self.add('over the end of the first', False,
                 [0, (32, True, TURNED), 1, 2])
        self.add('two ends', False, [0, 2, (72, False, b'tail' * 6), 1])
        self.add('behind the end', False, [0, 2, (104, True, TURNED), 1])
        self.add('the end before the middle', False,
                 [0, 1, (40, False, b'end'), 2])
        self.add('past the largest', True, [0, (65528, False, TURNED), 1, 2])
        self.add('a length that none has', True,
                 [0, (40, True, TURNED[:31]), 1, 2])
        self.add('of no bytes', True, [0, (40, True, b''), 1, 2])
        self.add('ports that are shut, first', True, [SHUT, 0, 1, 2])
        self.add('ports that are shut, then', False, [0, SHUT, 1, 2])
        self.add('ports that are shut, late', False, [0, 1, SHUT, 2])
        self.add('only ports that are shut', False, [SHUT, 1, 2])
        self.add('other ports', False, [0, ALSO_OPEN, 1, 2])
        self.add('other ports, before', False, [ALSO_OPEN, 0, 1, 2])
        self.add('in order, again', True, [0, 1, 2])

    def add(self, name, arrives, parts):
        self.rows.append((name, arrives, parts))

    def packets(self, number):
        """The fragments of trick @number."""
        sport = 7000 + number

        def whole(dport):
            return udp(self.src, self.dst, sport, dport, BODY)
        good = whole(OPEN)
        for part in self.rows[number][2]:
            if isinstance(part, tuple):
                off, more, data = part
            elif part > 2:
                off, more, data = 0, True, whole(part)[:40]
            else:
                off = (0, 40, 72)[part]
                more, data = part < 2, good[off:(40, 72, 104)[part]]
            yield fragment(self.src, self.dst, 0x1000 + number, off, more,
                           data)

    def owed(self):
        return {7000 + n: name for n, (name, arrives, _)
                in enumerate(self.rows) if arrives}


def deceive(c, src, space, server, family, counters):
    """@counters: gives those of the hook that judges first."""
    dst = server.ips[family]
    tricks = Tricks(src, dst)
    with Ends() as ends:
        socks = [ends.udp(server.space, dst, n)
                 for n in (OPEN, SHUT, ALSO_OPEN)]
        twin = ends.udp(space, src, 7000)
        raw = ends.raw(space, src)
        before = counters()
        for number in range(len(tricks.rows)):
            for packet in tricks.packets(number):
                raw.sendto(packet, (dst, 0))
        got = heard(socks, 1.0, 2 * len(tricks.rows))
        after = counters()
        names = {7000 + n: row[0] for n, row in enumerate(tricks.rows)}
        for place, data, peer in got:
            expect((OPEN, BODY), ((OPEN, SHUT, ALSO_OPEN)[place], data),
                   names[peer[1]])
        expect(sorted(tricks.owed().values()),
               sorted(names[peer[1]] for _, _, peer in got), 'what arrives')
        for reason, least in (('FRAG_OVERLAP', 11), ('FRAG_ORPHAN', 12),
                              ('L3_BAD', 3), ('DEFAULT', 4)):
            expect(True, after[reason] >= before[reason] + least,
                   f'{reason}: {before[reason]} -> {after[reason]}')
        socks[0].sendto(b'answer', (src, 7000))
        expect(True, bool(heard([twin], OWED_S, 1)), 'the answer is heard')


def counters_of(node, direction):
    def get():
        return {reason: node.counter(reason, direction) for reason in
                ('FRAG_OVERLAP', 'FRAG_ORPHAN', 'L3_BAD', 'DEFAULT')}
    return get


def only_open_ports(c, name, *peers):
    ports = [port(OPEN, 'UDP'), port(ALSO_OPEN, 'UDP')]
    c.apply([into('x', sel(pod=name), frm(*peers, ports=ports))])


@test
def scenario_65_no_pod_gets_bytes_past_that_were_not_judged(c):
    """The sender's own hook is the first to judge; it is isolated too."""
    friend, server = c.pod('x/c'), c.pod('x/a')
    only_open_ports(c, 'a', spaces(ns='x'))
    rules = c.policies + [{
        'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy',
        'metadata': {'name': 'out', 'namespace': 'x'},
        'spec': {'podSelector': {'matchLabels': {'pod': 'c'}},
                 'policyTypes': ['Egress'],
                 'egress': [{'ports': [{'port': n, 'protocol': 'UDP'}
                                       for n in (OPEN, ALSO_OPEN)]}]}}]
    c.apply(rules)
    for family in c.families:
        deceive(c, friend.ips[family], friend.space, server, family,
                counters_of(friend.node, 'egress'))


@test
def scenario_65_nobody_outside_gets_bytes_past_that_were_not_judged(c):
    world = WORLD['ext1']
    for name in ('a', 'b'):
        only_open_ports(c, name, *[block(f'{ip}/{32 if f == 4 else 128}')
                                   for f, ip in world.items()])
        server = c.pod('x/' + name)
        for family in c.families:
            deceive(c, world[family], c.space, server, family,
                    counters_of(server.node, 'ingress'))


# ---- a flood ----

def flood(space, src, dst):
    """Start a process that sends first fragments and orphans until killed."""
    raw = raw_socket(space, src)
    pid = os.fork()
    if pid:
        raw.close()
        return pid
    try:
        die_with_parent()
        head = udp(src, dst, 9, OPEN, BODY)[:40]
        for ident in range(1, 1 << 30):
            ident &= 0xffff
            for off, data in ((0, head), (400, BODY[:32])):
                try:
                    raw.sendto(fragment(src, dst, ident, off, True, data),
                               (dst, 0))
                except OSError:  # the queue is full: so be it
                    pass
            if ident % 64 == 0:
                time.sleep(0.001)
    finally:
        os._exit(0)


def lost_of(family, pairs):
    """Which of FLOOD_CNT large datagrams of each pair do not arrive whole."""
    lost = []
    for src, dst in pairs:
        ip = dst.ips[family]
        with Ends() as ends:
            there = ends.udp(dst.space, ip, OPEN)
            here = ends.udp(src.space, src.ips[family])
            for number in range(FLOOD_CNT):
                data = number.to_bytes(4, 'big') * (LARGE // 4)
                here.sendto(data, (ip, OPEN))
                got = heard([there], 1.0, 1)
                if not got or got[0][1] != data:
                    lost.append((src.key, dst.key, number))
    return lost


@test
def scenario_68_a_flood_of_fragments_is_felt_by_nobody_else(c):
    """All on one node, and from another; the flood goes to a pod that may get
    it. What that pod's own stack keeps of it is its own."""
    loud, target = c.pod('z/a'), c.pod('y/b')
    server, friend, afar = c.pod('x/a'), c.pod('x/c'), c.pod('x/b')
    c.apply([into('x', A, frm(spaces(ns='x'), ports=[port(OPEN, 'UDP')]))])
    for family in c.families:
        before = {w: loud.node.counter(w, 'egress')
                  for w in ('FRAG_FULL', 'FRAG_ORPHAN')}
        pid = flood(loud.space, loud.ips[family], target.ips[family])
        try:
            for reason, old in before.items():
                until(True, lambda r=reason, o=old:
                      loud.node.counter(r, 'egress') > o + 1000,
                      f'v{family}: {reason} of the flood is counted')
            lost = lost_of(family, (
                (friend, server), (server, friend), (afar, server),
                (target, c.pod('z/c'))))
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
        if len(lost) > 4 * FLOOD_CNT // 1000:
            raise Fail(f'v{family}: lost in the flood:', *lost[:8])


if __name__ == '__main__':
    sys.exit(main(e2e, TESTS, sys.argv))
