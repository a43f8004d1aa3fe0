#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What is on the wire between two nodes in clear is what the report says is not
covered: no more, no less. Programs of wires; a sniffer on the fabric.

    x/a y/a z/a  on node-a, x/b y/b z/b  on node-b
"""
import itertools
import json
import socket
import struct
import sys
import time

from wdnet import wire, yamlout
from wdnet.ask import handle_of, until
from wdnet.cluster import POD_NET, WORLD, Cluster, Pod
from wdnet.raw import inet_sum
from wdnet.shared import Shared
from wdnet.tap import expect

SHARED = Shared()
FAMILIES = (4, 6)
PREFIXES = [word for net in POD_NET.values() for number in (1, 2)
            for word in ('--encryption-prefix', net % number)]
NEED, FREE = ({'warder.io/encryption': word} for word in ('required', 'none'))
TCP, UDP, ICMP = 6, 17, (1, 58)
RST = 4


def make():
    c = Cluster(FAMILIES, PREFIXES)
    try:
        c.namespaces = {'x': {}, 'y': {}, 'z': {}}
        c.run_pods([Pod(ns, name, node, 10 + i, FAMILIES)
                    for i, (ns, (name, node)) in enumerate(
                        itertools.product('xyz', zip('ab', c.nodes)))])
    except BaseException:
        c.close()
        raise
    return c


def require(c, *args, **by_space):
    for node in c.nodes:
        if node.agent_args != [*PREFIXES, *args]:
            node.stop_agent()
            node.start_agent(*PREFIXES, *args)
    c.ns_annotations = by_space
    c.apply([])


class Sniffer:
    """IP packets that nodes have let out: (protocol, source, destination,
    what follows the IP header)."""

    def __init__(self, c):
        self.socks = [wire.packet_socket(c.space, port)
                      for port in ('port1', 'port2')]
        for sock in self.socks:
            sock.setblocking(False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for sock in self.socks:
            sock.close()

    @staticmethod
    def read(frame):
        at = frame[14:]
        if frame[12:14] == b'\x08\x00':
            return (at[9], socket.inet_ntop(socket.AF_INET, at[12:16]),
                    socket.inet_ntop(socket.AF_INET, at[16:20]),
                    at[(at[0] & 15) * 4:])
        if frame[12:14] == b'\x86\xdd':
            return (at[6], socket.inet_ntop(socket.AF_INET6, at[8:24]),
                    socket.inet_ntop(socket.AF_INET6, at[24:40]), at[40:])
        return None

    def take(self, seconds=0.0):
        out, end = [], time.monotonic() + seconds
        while True:
            for sock in self.socks:
                try:
                    while True:
                        data, where = sock.recvfrom(2048)
                        if where[2] != wire.PACKET_OUTGOING:
                            out.append(self.read(data))
                except BlockingIOError:
                    pass
            if time.monotonic() >= end:
                return [p for p in out if p]
            time.sleep(0.01)


# ---- the complement ----

def ends_of(c):
    """(name, node or None, namespace or None, addresses, who can ask)"""
    out = [(p.key, p.node.name, p.key[0], p.ips, p) for p in c.pods]
    out += [(n.name, n.name, None, n.ips, n) for n in c.nodes]
    return out + [('ext1', None, None, WORLD['ext1'], None)]


def not_covered(node):
    doc = json.loads(node.warder('encryption', 'report', '--json')[1])
    return {p['path']: p['subjects'] for p in doc['not_covered']}


def is_told(paths, a, b):
    """Does the report say that these two may be seen in clear?"""
    if None in (a[1], b[1]):
        return 'outside' in paths
    if not a[2] and not b[2]:
        return 'node-to-node' in paths
    if all(e[2] in paths.get('namespace-not-required', ())
           for e in (a, b) if e[2]):
        return True
    return any(e[1] in paths.get('node-exempt', ())
               for e in (a, b) if not e[2])


def asked(c, sniffer):
    """Everybody asks everybody of another node. Who was seen, by addresses."""
    ends, seen = ends_of(c), []
    sniffer.take()
    for src in ends:
        if src[4]:
            handle_of(src[4]).ask('probe', timeout=0.25, targets=[
                ['tcp', src[3][f], dst[3][f], 80] for dst in ends
                for f in FAMILIES if dst[1] != src[1]])
        seen += sniffer.take(0.1)
    return {frozenset(p[1:3]) for p in seen if p[0] == TCP}


@SHARED.test
def scenario_133_what_is_seen_is_what_is_told_to_be_not_covered(c):
    ways = (('nothing', (), {}),
            ('by namespaces', (), {'x': NEED, 'y': FREE}),
            ('an exempt node', ('--encryption-exempt', 'node-a'),
             {'x': NEED, 'y': NEED}),
            ('all', ('--encryption', 'required', '--encryption-nodes',
                     'required'), {'y': FREE}),
            ('all without exception', (
                '--encryption', 'required', '--encryption-nodes', 'required'),
             {}))
    counts = []
    for name, args, spaces in ways:
        require(c, *args, **spaces)
        paths = not_covered(c.nodes[0])
        if 'nothing-required' in paths:
            want = {frozenset((a[3][f], b[3][f])) for f in FAMILIES
                    for a, b in itertools.combinations(ends_of(c), 2)
                    if a[1] != b[1]}
        else:
            want = {frozenset((a[3][f], b[3][f])) for f in FAMILIES
                    for a, b in itertools.combinations(ends_of(c), 2)
                    if a[1] != b[1] and is_told(paths, a, b)}
        with Sniffer(c) as sniffer:
            seen = asked(c, sniffer)
        expect([], sorted(map(sorted, seen - want)), f'{name}: not told of')
        expect([], sorted(map(sorted, want - seen)), f'{name}: never seen')
        counts.append(len(seen))
    # each way of requiring it takes something away
    expect(True, counts[0] > counts[1] and counts[3] > counts[4] > 0,
           f'pairs that are seen: {counts}')


# ---- special addresses ----

def special(c, number):
    """Addresses out of a node's pod CIDR that are no pod's, and the object
    that tells of them, but for the resolver's."""
    pods = {f: POD_NET[f] % number for f in FAMILIES}
    own = {word: {f: pods[f].split('/')[0] + end if f == 6 else
                  pods[f].rsplit('.', 1)[0] + '.' + end
                  for f in FAMILIES}
           for word, end in (('health', '201'), ('ingress', '202'),
                             ('resolver', '203'))}
    spec = {word: {f'ipv{f}': ip for f, ip in own[word].items()}
            for word in ('health', 'ingress')}
    spec['ipam'] = {'podCIDRs': list(pods.values())}
    return own, {'apiVersion': 'cilium.io/v2', 'kind': 'CiliumNode',
                 'metadata': {'name': c.nodes[number - 1].name}, 'spec': spec}


def raw_send(space, family, packet, to):
    with wire.open_in(space, lambda: socket.socket(
            socket.AF_INET if family == 4 else socket.AF_INET6,
            socket.SOCK_RAW, socket.IPPROTO_RAW)) as sock:
        sock.sendto(packet, (to, 0))


@SHARED.test
def scenario_122_special_addresses_are_encrypted_as_whom_they_talk_to(c):
    """Health checks and Envoy's ingress are the node's own, as Cilium's objects
    say: with a pod they are encrypted as it is, with nodes as nodes are. An
    address of a prefix that no object tells of, a resolver's, is a pod's."""
    (here, one), (there, two) = (special(c, n) for n in (1, 2))
    c.write('extra-nodes.yaml', yamlout.text([one, two]))
    node, pod = c.nodes[0], c.pod('x/b')
    nodes = [(f, src, dst) for f in FAMILIES for src, dst in (
        (here['health'][f], there['health'][f]),
        (here['health'][f], c.nodes[1].ips[f]),
        (node.ips[f], there['ingress'][f]))]
    pods = [(f, src, dst) for f in FAMILIES for src, dst in (
        (here['ingress'][f], pod.ips[f]), (here['health'][f], pod.ips[f]),
        (node.ips[f], pod.ips[f]), (node.ips[f], there['resolver'][f]),
        (here['resolver'][f], c.nodes[1].ips[f]))]
    all_of_it = ('--encryption', 'required', '--encryption-nodes', 'required')
    try:
        for args, spaces, want in (((), {}, nodes + pods),
                                   ((), {'x': NEED}, nodes),
                                   (all_of_it[:2], {}, nodes),
                                   (all_of_it, {}, [])):
            require(c, *args, **spaces)
            got = []
            with Sniffer(c) as sniffer:
                for f, src, dst in nodes + pods:
                    raw_send(node.ns, f, wire.udp(src, dst, 7, 53, b'name?'),
                             dst)
                    got += sniffer.take(0.03)
                got += sniffer.take(0.3)
            seen = {p[1:3] for p in got
                    if p[0] == UDP and p[3].endswith(b'name?')}
            expect({w[1:] for w in want}, seen, f'{args} {spaces}')
    finally:
        c.write('extra-nodes.yaml', None)
        c.sync()


# ---- from the wire ----

def syn(src, dst):
    a, b = wire.packed(src), wire.packed(dst)
    def tcp(check):
        return struct.pack('!HHIIHHHH', 4321, 80, 1, 0, 0x5002, 1024, check, 0)
    pseudo = a + b + (struct.pack('!BBH', 0, TCP, 20) if len(a) == 4
                      else struct.pack('!II', 20, TCP))
    body = tcp(inet_sum(pseudo + tcp(0)))
    if len(a) == 16:
        return struct.pack('!IHBB', 6 << 28, 20, TCP, 64) + a + b + body
    def ip(check):
        return struct.pack('!BBHHHBBH', 0x45, 0, 40, 1, 0, 64, TCP,
                           check) + a + b
    return ip(inet_sum(ip(0))) + body


def said(packets, addr):
    """What was answered about @addr: TCP from it, errors that quote it."""
    return [p for p in packets if (p[0] == TCP and p[1] == addr) or
            (p[0] in ICMP and wire.packed(addr) in p[3][8:])]


@SHARED.test
def scenario_137_what_comes_in_clear_from_the_wire_is_never_answered(c):
    require(c, x=NEED, y=FREE)
    node = c.nodes[0]
    for f in FAMILIES:
        nobody = special(c, 2)[0]['resolver'][f]
        for src, dst, answers in ((c.pod('x/b').ips[f], c.pod('x/a'), False),
                                  (nobody, c.pod('x/a'), False),
                                  (c.nodes[1].ips[f], c.pod('x/a'), False),
                                  (c.pod('y/b').ips[f], c.pod('y/a'), True)):
            before = node.counter('PLAINTEXT_IN', 'ingress')
            with Sniffer(c) as sniffer:
                # ports open and shut, by both transports
                raw_send(c.space, f, syn(src, dst.ips[f]), dst.ips[f])
                raw_send(c.space, f, wire.udp(src, dst.ips[f], 7, 9, b'shut'),
                         dst.ips[f])
                got = said(sniffer.take(0.5), dst.ips[f])
            expect(answers, bool(got), f'{src} -> {dst.key}: {got}')
            if not answers:
                until(2, lambda b=before: node.counter(
                    'PLAINTEXT_IN', 'ingress') - b, f'{src}: drops')


if __name__ == '__main__':
    sys.exit(SHARED.main(make))
