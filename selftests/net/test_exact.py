#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Each packet that pods send is accounted for: it was received, or it is in the
counter of exactly one reason to drop it, and once in those by endpoint and by
rule. One that audit lets pass is both.

    test_exact.py [PART-OF-A-NAME]

Many packets of many kinds at once; WD_LONG=1: ten million on each rung.
"""
import json
import os
import socket
import struct
import sys
import time

from wdnet import wire
from wdnet.burst import Burst
from wdnet.raw import inet_sum
from wdnet.shared import Shared, pin
from wdnet.solo import Solo, ingress_policy, note, wait_for
from wdnet.suite import LONG
from wdnet.tap import Fail, expect

SHARED = Shared()
COUNT = 10000000 if LONG else 320000
FLOWS = 200  # of each kind: what is open at once is in nobody's way
ROUND = 1000  # packets of a kind before the next one's turn
PORT, DENIED = 4444, 4445
DEAF = b'exactly'
COUNTED = ('full', 'compat')  # rungs that count by endpoint and rule
SHED = ('IPOPT', 'FRAG_ORPHAN')  # what minimal calls so
# What the kernel's own conntrack takes for no packet of a flow, on rung nft; and
# what its IP layer drops before any rule of warder: it counts that itself.
UNTRACKED = ('L4_BAD', 'CT_INVALID')
BY_KERNEL = ('L3_BAD', 'FRAG_ORPHAN')
DENY = 'CiliumNetworkPolicy/shop/not-that'
ALLOW = 'NetworkPolicy/shop/srv'


def ip4(src, dst, proto, body, frag=0, options=b'', total=None):
    size = 20 + len(options) + len(body)

    def head(check):
        return struct.pack('!BBHHHBBH', 0x45 + len(options) // 4, 0,
                           total or size, 7, frag, 64, proto, check) \
            + wire.packed(src) + wire.packed(dst) + options
    return head(inet_sum(head(0))) + body


def tcp_ack(n):
    return struct.pack('!HHIIBBHHH', 2000 + n, 80, 1, 1, 0x50, 0x10, 512, 0, 0)


def echo_reply():
    head = struct.pack('!BBHHH', 0, 0, 0, 1, 1)
    return head[:2] + struct.pack('!H', inet_sum(head)) + head[4:]


class Kind:
    """One kind of packet from one pod. @reason, @way: what drops it, None if
    nothing does. @rule: that says so. @shed: rung minimal does not look at
    such. @audit: it passes in spite of the reason. @stray: rung nft takes it
    for the rest of a connection that nobody opened."""

    def __init__(self, pod, frames, reason=None, way='egress', **kw):
        self.reason, self.way, self.sent = reason, way, 0
        self.rule, self.shed = kw.get('rule'), kw.get('shed')
        self.audit, self.stray = kw.get('audit'), kw.get('stray')
        self.burst = Burst(pod, frames)

    def why(self, rung):
        if self.shed and rung == 'minimal':
            return 'SHED', 'egress'
        if rung == 'nft' and (self.stray or self.reason in UNTRACKED):
            return 'CT_INVALID', 'egress'
        return self.reason, self.way


def listen(pod):
    """And never answer: that would be one more packet."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((pod.ips[4], PORT))
    return sock


class Bench:
    def __init__(self):
        self.c = Solo()
        self.node = self.c.only_node
        self.srv, self.ok, self.bad = self.c.three()
        self.caged, self.tried = (self.c.make_pod(name, 20 + n) for n, name
                                  in enumerate(('caged', 'tried')))
        self.tried.annotations = {'warder.io/mode': 'audit'}
        self.c.policies += [
            ingress_policy('tried', 'tried'),
            {'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy',
             'metadata': {'name': 'caged', 'namespace': 'shop'},
             'spec': {'podSelector': {'matchLabels': {'app': 'caged'}},
                      'policyTypes': ['Egress'], 'egress': []}},
            {'apiVersion': 'cilium.io/v2', 'kind': 'CiliumNetworkPolicy',
             'metadata': {'name': 'not-that', 'namespace': 'shop'},
             'spec': {'endpointSelector': {'matchLabels': {'app': 'srv'}},
                      'ingressDeny': [{
                          'fromEndpoints': [{'matchLabels': {'app': 'ok'}}],
                          'toPorts': [{'ports': [{
                              'port': str(DENIED), 'protocol': 'UDP'}]}]}]}}]
        self.c.run_pods([self.caged, self.tried])
        self.pods = (self.srv, self.ok, self.bad, self.caged, self.tried)
        # nobody asks for routers in between
        for space in (self.node.ns, *(pod.space for pod in self.pods)):
            space.run(['sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1'])
        self.deaf = [wire.open_in(pod.space, lambda pod=pod: listen(pod))
                     for pod in (self.srv, self.tried)]
        self.kinds = self.make_kinds()

    def frames(self, pod, packets, mac=None):
        ep = self.endpoint(pod)
        return [wire.frame(mac or ep['pod_mac'], ep['host_mac'], p)
                for p in packets]

    def datagrams(self, src, port, dst=None):
        return [wire.udp(src, dst or self.srv.ips[4], 5000 + n, port, DEAF)
                for n in range(FLOWS)]

    def make_kinds(self):
        bad, ok, caged = self.bad, self.ok, self.caged
        own = bad.ips[4]
        return self.kinds_of_bytes() + [
            Kind(ok, self.frames(ok, self.datagrams(ok.ips[4], PORT)),
                 rule=ALLOW),
            Kind(ok, self.frames(ok, self.datagrams(ok.ips[4], DENIED)),
                 'POLICY', 'ingress', rule=DENY),
            Kind(bad, self.frames(bad, self.datagrams(own, PORT)), 'DEFAULT',
                 'ingress'),
            Kind(bad, self.frames(bad, self.datagrams(
                own, PORT, self.tried.ips[4])), 'DEFAULT', 'ingress',
                audit=True),
            Kind(bad, self.frames(bad, [ip4(own, self.srv.ips[4], 6,
                                            tcp_ack(n))
                                        for n in range(FLOWS)]),
                 'DEFAULT', 'ingress', stray=True),
            Kind(caged, self.frames(caged, self.datagrams(
                caged.ips[4], PORT)), 'DEFAULT')]

    def kinds_of_bytes(self):
        """What no policy decides."""
        bad, own, srv = self.bad, self.bad.ips[4], self.srv.ips[4]
        plain = self.frames(bad, self.datagrams(own, PORT))
        route = b'\x83\7\4' + bytes(5)
        kinds = [
            ('SPOOF_MAC', self.frames(bad, self.datagrams(own, PORT),
                                      '02:00:00:00:00:77')),
            ('VLAN', [f[:12] + b'\x81\0\0\5' + f[12:] for f in plain]),
            ('L2_UNSUP', [f[:12] + b'\x88\xb5' + f[14:] for f in plain])]
        for reason, packets in (
                ('SPOOF_IP', self.datagrams(self.ok.ips[4], PORT)),
                ('L3_BAD', [ip4(own, srv, 17, bytes(8), total=1000)]),
                ('L4_BAD', [ip4(own, srv, 17, bytes(2))]),
                ('IPOPT', [ip4(own, srv, 17, bytes(8), options=route)]),
                ('FRAG_ORPHAN', [ip4(own, srv, 17, bytes(64), frag=8)]),
                ('CT_INVALID', [ip4(own, srv, 1, echo_reply())]),
                ('ENCAP_FORBIDDEN', self.datagrams(own, 4789,
                                                   self.node.ips[4]))):
            kinds.append((reason, self.frames(bad, packets)))
        return [Kind(bad, frames, reason, shed=reason in SHED)
                for reason, frames in kinds]

    def endpoint(self, pod):
        return json.loads(self.node.warder('endpoint', 'get', pod.key,
                                           '--json')[1])

    def close(self):
        self.c.close()


def stats_of(space, device):
    return json.loads(space.run(['ip', '-s', '-j', 'link', 'show',
                                 device])[1])[0]['stats64']


def ip_received(space):
    """IP packets that came to the pod's stack, wanted or not."""
    rows = [x.split() for x in space.run(['cat', '/proc/net/snmp'])[1]
            .splitlines() if x.startswith('Ip:')]
    return int(dict(zip(*rows))['InReceives'])


def rule_packets(b, name):
    counts = json.loads(b.node.warder('policy', 'get', name, '--json')[1]
                        )['rules'][0]['counts']
    return counts and counts['packets']


class Look:
    """All numbers at one time."""

    def __init__(self, b):
        status = b.node.status()
        self.reasons = {(c['reason'], c['direction'], c['verdict']):
                        c['packets'] for c in status['counters']}
        self.events = {k: status['events'].get(k, 0)
                       for k in ('sent', 'limited', 'lost')}
        self.rules = {name: rule_packets(b, name) for name in (ALLOW, DENY)}
        self.received = sum(ip_received(p.space) for p in (b.srv, b.tried))
        self.came, self.went, self.judged = {}, {}, {}
        for pod in b.pods:
            doc = b.endpoint(pod)
            stats = stats_of(b.node.ns, doc['interface'])
            self.came[pod.name] = stats['rx']['packets']
            self.went[pod.name] = stats['tx']['packets'] \
                + stats['tx']['dropped']
            for way, counts in doc['counters'].items():
                for verdict, count in counts.items():
                    self.judged[pod.name, way, verdict] = count['packets']

    def sum(self, way, verdicts=('allow', 'drop', 'audit')):
        return sum(n for (_, w, v), n in self.reasons.items()
                   if w == way and v in verdicts)

    def of_pods(self, way, verdict):
        return sum(n for (_, w, v), n in self.judged.items()
                   if (w, v) == (way, verdict))


def send_each(kinds, each):
    """All of them in turn, the same number of each."""
    for at in range(0, each, ROUND):
        for kind in kinds:
            kind.burst.send(min(ROUND, each - at))


def send_all(kinds, count):
    """From two processes, so that two CPUs count at the same time."""
    each = count // len(kinds)
    begun = time.monotonic()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            send_each(kinds[::2], each)
            code = 0
        except BaseException as e:  # the child must never become the test
            os.write(2, f'# {e!r}\n'.encode())
        os._exit(code)
    send_each(kinds[1::2], each)
    expect(0, os.waitpid(pid, 0)[1], 'the other sender')
    for kind in kinds:
        kind.sent = each
    return time.monotonic() - begun


def still(b, judged=0):
    """A look while nothing moves, when so many were judged as they left."""
    def quiet():
        first, then = Look(b), Look(b)
        return then if vars(first) == vars(then) and \
            then.sum('egress') >= judged else None
    try:
        return wait_for('all packets are judged', quiet, 60)
    except Fail:
        return Look(b)  # whoever compares says what is missing


def check_reasons(kinds, rung, was, now):
    want = {}
    for kind in kinds:
        if kind.reason:
            key = *kind.why(rung), 'audit' if kind.audit else 'drop'
            want[key] = want.get(key, 0) + kind.sent
    got = {key: n - was.reasons.get(key, 0) for key, n in now.reasons.items()
           if key[2] != 'allow'}
    expect(want, {k: n for k, n in got.items() if n}, 'by reason')
    expect(sum(k.sent for k in kinds if k.audit or not k.reason),
           now.received - was.received, 'received')


def check_devices(b, was, now):
    """Counted by the kernel at the devices, and by reason: ARP as well."""
    for way, devices in (('egress', 'came'), ('ingress', 'went')):
        moved = sum(getattr(now, devices)[p.name] -
                    getattr(was, devices)[p.name] for p in b.pods)
        verdicts = ('allow', 'audit') + ('drop',) * (way == 'egress')
        expect(moved, now.sum(way, verdicts) - was.sum(way, verdicts),
               f'{way}: packets of devices, in counters of reasons')


def check_apart(b, was, now):
    """Once by endpoint, once by the rule if there is one, once as an event."""
    for way in ('egress', 'ingress'):
        for verdict in ('allow', 'drop', 'audit'):
            expect(now.sum(way, (verdict,)) - was.sum(way, (verdict,)),
                   now.of_pods(way, verdict) - was.of_pods(way, verdict),
                   f'{way} {verdict}: by reason, by endpoint')
    for name in (ALLOW, DENY):
        expect(sum(k.sent for k in b.kinds if k.rule == name),
               now.rules[name] - was.rules[name], f'by rule: {name}')
    told = ('drop', 'audit')
    expect(sum(now.sum(way, told) - was.sum(way, told)
               for way in ('egress', 'ingress')),
           sum(now.events.values()) - sum(was.events.values()),
           'events of drops: sent, limited and lost')


def kinds_for(b, rung):
    return [k for k in b.kinds if rung != 'nft' or k.reason not in BY_KERNEL]


def account(b, rung):
    pin(b.c, rung)
    kinds = kinds_for(b, rung)
    was = still(b)
    seconds = send_all(kinds, COUNT)
    sent = sum(k.sent for k in kinds)
    now = still(b, was.sum('egress') + sent)

    check_reasons(kinds, rung, was, now)
    if rung != 'nft':
        check_devices(b, was, now)
    if rung in COUNTED:
        check_apart(b, was, now)
    dropped = sum(k.sent for k in kinds if k.reason and not k.audit)
    note(f'{rung}: {sent} sent in {seconds:.1f} s, {dropped} dropped for '
         f'{len({k.why(rung)[0] for k in kinds if k.reason})} reasons, '
         f'{now.received - was.received} received')


@SHARED.test
def on_full_each_packet_is_received_or_in_one_reason(b):
    account(b, 'full')


@SHARED.test
def on_compat_each_packet_is_received_or_in_one_reason(b):
    account(b, 'compat')


@SHARED.test
def on_minimal_each_packet_is_received_or_in_one_reason(b):
    account(b, 'minimal')


@SHARED.test
def on_nft_each_packet_is_received_or_in_one_reason(b):
    account(b, 'nft')


if __name__ == '__main__':
    sys.exit(SHARED.main(Bench))
