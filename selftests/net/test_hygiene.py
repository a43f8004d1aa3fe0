#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a pod may not send, on real interfaces: where the kernel itself has a
part in it. One node whose pods hang on a bridge, so that what is not stopped
reaches the host and every other pod. Numbers are those of the project's list
of scenarios; what bytes alone decide is in selftests/packet.

    srv   ingress isolated: only `ok` may reach it, at ports 80 to 82
    shut  isolated both ways, nothing allowed
    mal   not isolated: policy allows it everything
"""
import errno
import fcntl
import json
import os
import select
import socket
import struct
import sys
import threading
import time

from wdnet import kernel
from wdnet.frag import inside, udp, udp_socket
from wdnet.prober import Handle
from wdnet.raw import inet_sum
from wdnet.solo import Solo, expect_reach, ingress_policy, note, wait_for
from wdnet.suite import LONG
from wdnet.tap import Fail, Tap, expect

GATE = {4: '10.1.0.1', 6: 'fd00:10:1::1'}
NODE = {4: '192.168.77.1', 6: 'fd00:77::1'}
FAMILIES = (4, 6)
ETH = {4: 0x0800, 6: 0x86dd}
ALL, EVERY = 'ff:ff:ff:ff:ff:ff', '33:33:00:00:00:01'
ENCAP = 'warder.io/encapsulation'
SO_MARK, SO_NO_CHECK, SOL_PACKET, PACKET_VNET_HDR = 36, 11, 263, 15
TUNSETIFF, IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x400454ca, 1, 0x1000, 0x4000
OWED_S, DENIED_S = 4.0, 0.4
CONSISTENTLY_S = 60 if LONG else 0
TCP_BYTES = 6_000_000


def family_of(ip):
    return 6 if ':' in ip else 4


def packed(ip):
    return socket.inet_pton(
        socket.AF_INET6 if ':' in ip else socket.AF_INET, ip)


def mac(text):
    return bytes(int(b, 16) for b in text.split(':'))


def ip(src, dst, proto, body, hops=64):
    if ':' in src:
        return struct.pack('!IHBB', 6 << 28, len(body), proto, hops) \
            + packed(src) + packed(dst) + body
    head = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(body), 0, 0, hops, proto,
                       0) + packed(src) + packed(dst)
    return head[:10] + struct.pack('!H', inet_sum(head)) + head[12:] + body


def icmp6(src, dst, body, hops=255):
    total = inet_sum(packed(src) + packed(dst)
                     + struct.pack('!II', len(body), 58) + body)
    return ip(src, dst, 58, body[:2] + struct.pack('!H', total) + body[4:],
              hops)


def arp(op, sha, spa, tha, tpa):
    return struct.pack('!HHBBH', 1, 0x800, 6, 4, op) + mac(sha) + packed(spa) \
        + mac(tha) + packed(tpa)


def packet_socket(space, vnet_hdr=False):
    def make():
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sock.bind(('eth0', 0))
        if vnet_hdr:
            sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        return sock
    return inside(space, make)


class Bench:
    def __init__(self):
        self.c = Solo(FAMILIES, plugin='bridge')
        try:
            self._fill()
        except BaseException:
            self.c.close()
            raise

    def _fill(self):
        c = self.c
        self.node = c.only_node
        self.node.ns.ip(f'addr add {NODE[4]}/32 dev lo',
                        f'addr add {NODE[6]}/128 dev lo nodad')
        names = ('srv', 'ok', 'mal', 'shut')
        self.pods = [c.make_pod(n, 10 + i) for i, n in enumerate(names)]
        self.srv, self.ok, self.mal, self.shut = self.pods
        closed = ingress_policy('shut', 'shut')
        closed['spec']['policyTypes'] = ['Ingress', 'Egress']
        allow = ingress_policy('srv', 'srv', 'ok')
        allow['spec']['ingress'][0]['ports'] = [
            {'port': 80, 'endPort': 82, 'protocol': p}
            for p in ('TCP', 'UDP')]
        c.policies = [allow, closed]
        c.run_pods(self.pods)
        for pod in self.pods:
            pod.handle.ask('listen', addrs=[], socks=[
                [p, ip, n] for ip in pod.ips.values() for n in (80, 81)
                for p in ('tcp', 'udp')])
        self.gate_mac = self.link(self.node.ns, 'cni0')['address']
        # A link that warder does not know: what it sends reaches the host.
        self.rogue = Handle('rogue')
        self.rogue_ns = kernel.Namespace(self.rogue.pid, False)
        self.node.ns.ip(
            f'link add rogue0 type veth peer name eth0 netns {self.rogue.pid}',
            'link set rogue0 master cni0 up')
        self.rogue_ns.ip('link set eth0 up')

    def close(self):
        self.rogue_ns.close()
        self.rogue.close()
        self.c.close()

    @staticmethod
    def link(space, name):
        return json.loads(space.run(['ip', '-j', 'link', 'show', name])[1])[0]

    def mac_of(self, space):
        return self.link(space, 'eth0')['address']

    def frames(self, space, frames, to=None):
        """Send bodies as (ethertype, bytes) from somebody's own address."""
        own = mac(self.mac_of(space))
        with packet_socket(space) as sock:
            for kind, body in frames:
                sock.send(mac(to or self.gate_mac) + own
                          + struct.pack('!H', kind) + body)

    def counted(self, reason, direction, least, function, exact=True):
        """@function makes that reason grow by @least."""
        before = self.node.counter(reason, direction)
        function()
        what = f'{reason} {direction}'
        wait_for(f'{what} grows by {least}', lambda: self.node.counter(
            reason, direction) >= before + least, 5)
        got = self.node.counter(reason, direction) - before
        if exact:
            expect(least, got, what)

    def knows(self, addrs):
        """The host has asked for these link-local neighbours by itself: when
        each of them first asks for a router is a matter of chance."""
        addrs = set(addrs)

        def ask():
            port = socket.if_nametoindex('cni0')
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
                for addr in addrs:
                    sock.sendto(b'', (addr, 9, 0, port))

        def known():
            self.node.ns.call(ask)
            return addrs <= {row[0] for row in self.tables()
                             if isinstance(row, tuple)}
        wait_for('neighbours of the host', known)

    def tables(self):
        """The host's routes and neighbours, without what ages."""
        out = []
        for family in ('-4', '-6'):
            for what in (('route', 'show', 'table', 'all'), ('rule', 'show')):
                out += json.loads(self.node.ns.run(
                    ['ip', '-j', family, *what])[1])
            out += sorted((n['dst'], n.get('lladdr', ''), n['dev'])
                          for n in json.loads(self.node.ns.run(
                              ['ip', '-j', family, 'neigh', 'show'])[1])
                          if n.get('lladdr'))
        for route in out:
            if isinstance(route, dict):
                route.pop('expires', None)
        return out


def arrives(sock, seconds):
    ready, _, _ = select.select([sock], [], [], seconds)
    return sock.recv(65536) if ready else None


def drain(sock):
    while arrives(sock, 0):
        pass


# ---- the link ----

def rogue_frames(b, me, hw):
    """Everything by which somebody becomes the gateway; @me, @hw: the sender's
    link-local and hardware address."""
    srv, gate = b.srv.ips, GATE
    advert = struct.pack('!BBHBBHII', 134, 0, 0, 64, 0x08, 1800, 0, 0) \
        + b'\1\1' + mac(hw) + b'\3\4' + struct.pack('!BBIII', 64, 0xc0, 600,
                                                    600, 0) \
        + packed('2001:db8:bad::')
    target = b'\2\1' + mac(hw)
    routers = [
        icmp6(me, 'ff02::1', advert),
        icmp6(me, 'ff02::2', b'\x85\0\0\0\0\0\0\0'),
        icmp6(me, gate[6], b'\x89\0\0\0\0\0\0\0' + packed(me)
              + packed(srv[6]) + target),
        icmp6(me, gate[6], b'\x88\0\0\0\x20\0\0\0' + packed(srv[6]) + target),
        icmp6(me, 'ff02::1', b'\x88\0\0\0\xa0\0\0\0' + packed(gate[6])
              + target),
        icmp6(me, 'ff02::1', struct.pack('!BBHHH16sBBH', 130, 0, 0, 100, 0,
                                         bytes(16), 0, 0, 0), 1),
    ]
    arps = [
        arp(1, hw, gate[4], '00:00:00:00:00:00', gate[4]),
        arp(2, hw, srv[4], b.gate_mac, gate[4]),
        arp(2, hw, gate[4], ALL, b.mal.ips[4]),
        arp(1, hw, srv[4], '00:00:00:00:00:00', gate[4]),
    ]
    return routers, arps


def offers(b, me4, me6):
    offer = bytes((2, 1, 6, 0)) + bytes(232) + b'\x63\x82\x53\x63\x35\1\2\xff'
    return [(ETH[4], ip(me4, '255.255.255.255', 17, udp(
                me4, '255.255.255.255', 67, 68, offer))),
            (ETH[6], ip(me6, 'ff02::1', 17, udp(me6, 'ff02::1', 547, 546,
                                                b'\2\0\0\1'))),
            (ETH[6], ip(me6, b.srv.ips[6], 17, udp(
                me6, b.srv.ips[6], 547, 546, b'\7\0\0\1')))]


def link_local(space):
    return wait_for('a link-local address', lambda: [
        info['local'] for link in json.loads(space.run(
            ['ip', '-j', '-6', 'addr', 'show', 'scope', 'link'])[1])
        if link.get('ifname') == 'eth0'
        for info in link['addr_info'] if 'local' in info])[0]


def scenario_41_and_42_no_pod_becomes_the_gateway(b):
    b.node.ns.call(lambda: kernel.sysctl(
        ipv6__conf__cni0__accept_ra=2, ipv6__conf__cni0__accept_redirects=1,
        ipv4__conf__cni0__arp_accept=1))
    for family in FAMILIES:
        expect_reach(True, b.ok, b.srv, 'before', family=family)
    hw, me = b.mac_of(b.mal.space), link_local(b.mal.space)
    routers, arps = rogue_frames(b, me, hw)
    b.knows(link_local(s) for s in (*(p.space for p in b.pods), b.rogue_ns))
    before = b.tables()
    b.counted('ND_FORBIDDEN', 'egress', len(routers), lambda: b.frames(
        b.mal.space, [(ETH[6], f) for f in routers], EVERY), exact=False)
    b.counted('ARP_FORBIDDEN', 'egress', len(arps), lambda: b.frames(
        b.mal.space, [(0x0806, f) for f in arps], ALL))
    b.counted('L2_UNSUP', 'egress', 1, lambda: b.frames(
        b.mal.space, [(0x8035, arps[0])], ALL))
    b.counted('DHCP_FORBIDDEN', 'egress', 3, lambda: b.frames(
        b.mal.space, offers(b, b.mal.ips[4], me), ALL))
    forged = mac(ALL) + mac(b.gate_mac) + b'\x08\x06' + arps[0]
    with packet_socket(b.mal.space) as sock:
        b.counted('SPOOF_MAC', 'egress', 1, lambda: sock.send(forged))
    expect(before, b.tables(), "the host's tables")
    for family in FAMILIES:
        expect_reach(True, b.ok, b.srv, 'after', family=family)
        # its own questions and answers pass, or it could not speak
        expect_reach(True, b.mal, b.ok, 'mal itself', family=family)

    # The same frames of a link that nothing guards do harm.
    hw, me = b.mac_of(b.rogue_ns), link_local(b.rogue_ns)
    routers, arps = rogue_frames(b, me, hw)
    b.frames(b.rogue_ns, [(ETH[6], routers[0])])  # to the host alone
    wait_for('a route by an advertisement', lambda: 'ra' in b.node.ns.run(
        ['ip', '-6', 'route', 'show', 'default'])[1])
    b.node.ns.run(['ip', '-6', 'route', 'flush', 'proto', 'ra'])
    b.frames(b.rogue_ns, [(0x0806, arps[1])])
    wait_for('a neighbour by a forged answer', lambda: hw in b.node.ns.run(
        ['ip', '-4', 'neigh', 'show', b.srv.ips[4]])[1])
    b.node.ns.run(['ip', 'neigh', 'del', b.srv.ips[4], 'dev', 'cni0'])
    b.node.ns.call(lambda: kernel.sysctl(ipv6__conf__cni0__accept_ra=0))


# ---- addresses ----

def forged(b, proto, src, dst, sport, dport):
    if proto == socket.IPPROTO_UDP:
        return ip(src, dst, proto, udp(src, dst, sport, dport, b'x'))
    if proto == socket.IPPROTO_TCP:
        body = struct.pack('!HHIIBBHHH', sport, dport, 1, 0, 5 << 4, 2, 1000,
                           0, 0)
    else:
        body = struct.pack('!HHII', sport, dport, 0, 0) + b'\1\0\0\x14' \
            + bytes(16)
    return ip(src, dst, proto, body)


def scenario_44_a_forged_frame_opens_no_way_to_its_victim(b):
    """A frame as if srv had sent it to mal, so that mal's next packet to srv
    would be an answer."""
    ports, attack = (80, 443, 8080, 3306), 50001
    b.srv.handle.ask('listen', addrs=[], socks=[
        [p, i, n] for i in b.srv.ips.values() for n in ports
        for p in ('tcp', 'udp')])
    frames = [(ETH[f], forged(b, p, b.srv.ips[f], b.mal.ips[f], n, attack))
              for f in FAMILIES for n in ports for p in (6, 17, 132)]
    b.counted('SPOOF_IP', 'egress', len(frames),
              lambda: b.frames(b.mal.space, frames))
    targets = [(f, n) for f in FAMILIES for n in ports]
    until, tried = time.monotonic() + CONSISTENTLY_S, 0
    while tried < 3 or time.monotonic() < until:
        tried += 1
        socks = [(f, n, udp_socket(b.mal.space, b.mal.ips[f],
                                   attack if n == 80 else 0))
                 for f, n in targets]
        for f, n, sock in socks:
            sock.sendto(b'?', (b.srv.ips[f], n))
        ready, _, _ = select.select([s for *_, s in socks], [], [], DENIED_S)
        expect([], ready, 'answers over UDP')
        for *_, sock in socks:
            sock.close()
        got = b.mal.handle.ask('probe', timeout=DENIED_S, targets=[
            ['tcp', None, b.srv.ips[f], n] for f, n in targets])['answers']
        expect([None] * len(targets), got, 'answers over TCP')
    for family in FAMILIES:
        expect_reach(True, b.ok, b.srv, 'the twin that may', family=family)
        expect_reach(True, b.srv, b.mal, 'the way back', family=family)


def scenario_43_a_flow_is_not_touched_by_frames_in_its_name(b):
    for f in FAMILIES:
        got = b.ok.handle.ask('hold', ident=f'flow{f}', dst=b.srv.ips[f],
                              port=80)
        expect('shop/srv', got['answer'], 'a flow')
        sport = int(got['own'].rpartition(':')[2])
        resets = [(ETH[f], ip(b.ok.ips[f], b.srv.ips[f], 6, struct.pack(
            '!HHIIBBHHH', sport, 80, n, 0, 5 << 4, flags, 1000, 0, 0)))
            for n in range(4) for flags in (2, 4, 16, 20)]
        b.counted('SPOOF_IP', 'egress', len(resets), lambda frames=resets:
                  b.frames(b.mal.space, frames))
        got = b.ok.handle.ask('say', ident=f'flow{f}', text='still',
                              timeout=OWED_S)
        expect(True, bool(got['answer']), f'v{f}: the flow goes on')
        b.ok.handle.ask('drop', ident=f'flow{f}')


def scenario_46_and_47_an_annotation_lends_no_address(b):
    b.mal.annotations = {
        'cni.projectcalico.org/allowedSourcePrefixes': '["0.0.0.0/0","::/0"]',
        'config.cilium.io/disable-source-ip-verification': 'true',
        'warder.io/sources': 'any', ENCAP: 'allowed'}
    b.c.ns_annotations['shop'] = {
        'config.cilium.io/delegate-source-ip-verification': 'true'}
    b.c.apply()
    try:
        frames = [(ETH[f], forged(b, 17, b.ok.ips[f], b.srv.ips[f], 1, 80))
                  for f in FAMILIES]
        b.counted('SPOOF_IP', 'egress', 2,
                  lambda: b.frames(b.mal.space, frames))
        told = b.node.warder('sync')[2]
        expect(True, ENCAP + ': counts on a Namespace only' in told,
               'the annotation is told: ' + told)
    finally:
        b.mal.annotations = {}
        del b.c.ns_annotations['shop']
        b.c.apply()


def scenario_57_a_mapped_address_is_judged_as_ipv4(b):
    """IPv6 sockets that speak IPv4."""
    def answer(pod, want):
        def make():
            sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            sock.settimeout(0)
            return sock
        with inside(pod.space, make) as sock:
            sock.sendto(b'?', ('::ffff:' + b.srv.ips[4], 80))
            return bool(arrives(sock, OWED_S if want else DENIED_S))
    expect(True, answer(b.ok, True), 'ok by a mapped address')
    b.counted('DEFAULT', 'ingress', 1, lambda: expect(
        False, answer(b.mal, False), 'mal by a mapped address'))
    frame = ip('fd00:10:1::c', '::ffff:' + b.srv.ips[4], 17, b'\0' * 8)
    b.counted('L3_BAD', 'egress', 1,
              lambda: b.frames(b.mal.space, [(ETH[6], frame)]))


# ---- marks, buffers, lengths ----

def scenario_48_a_mark_of_a_pod_proves_nothing(b):
    marks = [1 << n for n in range(32)] + [0x0200, 0x0a00, 0x0b00, 0x0d00,
                                           0x0e00, 0x0f00, 0xd00, 0xffffffff]

    def send(pod, dst):
        with udp_socket(pod.space, pod.ips[family_of(dst)], 0) as sock:
            for m in marks:
                sock.setsockopt(socket.SOL_SOCKET, SO_MARK,
                                struct.pack('=I', m))
                sock.sendto(b'?', (dst, 80))
    for f in FAMILIES:
        b.counted('DEFAULT', 'ingress', len(marks),
                  lambda f=f: send(b.mal, b.srv.ips[f]))
        b.counted('DEFAULT', 'egress', len(marks),
                  lambda f=f: send(b.shut, b.ok.ips[f]))
        expect_reach(True, b.ok, b.srv, 'without a mark', family=f)
    code, _, err = b.node.ns.run(['nft', '-f', '-'], '''
        table inet wdmark { chain c {
            type filter hook prerouting priority -300;
            udp dport 80 meta mark != 0 counter comment "marked"
            udp dport 80 counter comment "all"
        }
        }
        ''', check_rc=False)
    if code:
        raise Fail('nft: ' + err)
    try:
        send(b.mal, NODE[4])
        rules = [r['rule']['expr'] for r in json.loads(b.node.ns.run(
            ['nft', '-j', 'list', 'table', 'inet', 'wdmark'])[1])['nftables']
            if 'rule' in r]
        count = [next(e['counter']['packets'] for e in r if 'counter' in e)
                 for r in rules]
        expect([0, len(marks)], count, 'packets with a mark, and all')
    finally:
        b.node.ns.run(['nft', 'delete', 'table', 'inet', 'wdmark'])


def devices(b):
    """Every device between the pods: (namespace, name)."""
    links = json.loads(b.node.ns.run(['ip', '-j', 'link'])[1])
    for pod in b.pods:
        port = b.link(pod.space, 'eth0')['link_index']
        yield pod.space, 'eth0'
        yield b.node.ns, next(n['ifname'] for n in links
                              if n['ifindex'] == port)
    yield b.node.ns, 'cni0'


def set_mtu(b, mtu):
    for space, name in devices(b):
        space.ip(f'link set {name} mtu {mtu}')


CUTS = range(14, 130)


def cut_frames(b, sock, f, dport):
    """6000 bytes of which the first n lie in one piece, for each n."""
    body = ip(b.mal.ips[f], b.srv.ips[f], 17, udp(
        b.mal.ips[f], b.srv.ips[f], 4000, dport, bytes(6000)))
    frame = mac(b.mac_of(b.srv.space)) + mac(b.mac_of(b.mal.space)) \
        + struct.pack('!H', ETH[f]) + body
    for n in CUTS:
        sock.send(struct.pack('=BBHHHH', 0, 0, n, 0, 0, 0) + frame)


def tun_open(b):
    def make():
        fd = os.open('/dev/net/tun', os.O_RDWR)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack(
            '16sH22x', b'wdtun', IFF_TUN | IFF_NO_PI | IFF_VNET_HDR))
        return fd
    return inside(b.node.ns, make)


def cut_by_tun(b, fd, f, src, dport):
    """The same towards a pod, from a device of the host."""
    body = ip(src, b.srv.ips[f], 17, udp(src, b.srv.ips[f], 4000, dport,
                                         bytes(6000)))
    for n in CUTS:
        os.write(fd, struct.pack('=BBHHHH', 0, 0, n, 0, 0, 0) + body)


def scenario_53_where_a_buffer_is_cut_changes_no_verdict(b):
    set_mtu(b, 9000)
    try:
        for f in FAMILIES:
            with packet_socket(b.mal.space, True) as sock:
                b.counted('DEFAULT', 'ingress', len(CUTS), lambda f=f,
                          sock=sock: cut_frames(b, sock, f, 80))
                # by flow: one is new, and the port is mal's own to ask
                b.counted('NOT_ISOLATED', 'egress', 1, lambda f=f, sock=sock:
                          cut_frames(b, sock, f, 4100 + f), exact=False)
    finally:
        set_mtu(b, 1500)


def scenario_53_nor_towards_a_pod_from_a_device_of_the_host(b):
    set_mtu(b, 9000)
    try:
        cut_towards_a_pod(b)
    finally:
        set_mtu(b, 1500)


def cut_towards_a_pod(b):
    world = {4: '198.51.100.9', 6: '2001:db8:9::9'}
    policy = ingress_policy('tun', 'srv', 'ok')
    policy['spec']['ingress'] = [
        {'from': [{'ipBlock': {'cidr': world[4] + '/32'}},
                  {'ipBlock': {'cidr': world[6] + '/128'}}],
         'ports': [{'port': 4200, 'protocol': 'UDP'}]}]
    fd = tun_open(b)
    try:
        b.node.ns.ip('link set wdtun up mtu 9000',
                     f'route add {world[4]}/32 dev wdtun',
                     f'route add {world[6]}/128 dev wdtun')
        b.c.policies.append(policy)
        b.c.apply()
        for f in FAMILIES:
            with udp_socket(b.srv.space, b.srv.ips[f], 4200) as sock:
                drain(sock)
                cut_by_tun(b, fd, f, world[f], 4200)
                got = 0
                while got < len(CUTS) and arrives(sock, OWED_S):
                    got += 1
                expect(len(CUTS), got, f'v{f}: cut datagrams that arrive')
            b.counted('DEFAULT', 'ingress', len(CUTS), lambda f=f:
                      cut_by_tun(b, fd, f, world[f], 4201))
    finally:
        if policy in b.c.policies:
            b.c.policies.remove(policy)
            b.c.apply()
        os.close(fd)


def scenario_52_frames_of_every_length_and_address(b):
    """Nothing of them is let out but what is whole; none upsets anything."""
    own = mac(b.mac_of(b.mal.space))
    others = [b.gate_mac, ALL, EVERY, '01:00:5e:00:00:01',
              b.mac_of(b.srv.space)]
    with packet_socket(b.mal.space) as sock:
        def short():
            sent = 0
            for n in range(0, 61):
                frame = (mac(b.gate_mac) + own + b'\x88\xcc' + bytes(60))[:n]
                try:
                    sent += sock.send(frame) == n
                except OSError as e:
                    expect(errno.EINVAL, e.errno, f'{n} bytes')
            expect(True, sent >= 46, f'{sent} frames were taken')
        b.counted('L2_UNSUP', 'egress', 46, short, exact=False)

        def misled(f):
            body = ip(b.mal.ips[f], b.srv.ips[f], 17, udp(
                b.mal.ips[f], b.srv.ips[f], 4001, 80, b'misled'))
            for to in others:
                sock.send(mac(to) + own + struct.pack('!H', ETH[f]) + body)
        for f in FAMILIES:
            with udp_socket(b.srv.space, b.srv.ips[f], 9080) as other:
                b.counted('DEFAULT', 'ingress', 1, lambda f=f: misled(f),
                          exact=False)
                expect(None, arrives(other, 0.1), 'what arrives')
    expect_reach(True, b.ok, b.srv, 'after')


def scenario_62_a_datagram_without_checksum_is_judged_like_any(b):
    with udp_socket(b.ok.space, b.ok.ips[4], 0) as sock:
        sock.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        sock.sendto(b'?', (b.srv.ips[4], 80))
        expect(True, bool(arrives(sock, OWED_S)), 'IPv4, no checksum')
    with udp_socket(b.mal.space, b.mal.ips[4], 0) as sock:
        sock.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        b.counted('DEFAULT', 'ingress', 1, lambda: sock.sendto(
            b'?', (b.srv.ips[4], 80)))
    # IPv6 takes none; that is the receiver's to say, and not a verdict
    bad = struct.pack('!HHHH', 4002, 81, 9, 0) + b'?'
    b.counted('POLICY_ALLOW', 'ingress', 1, lambda: b.frames(
        b.ok.space, [(ETH[6], ip(b.ok.ips[6], b.srv.ips[6], 17, bad))],
        b.mac_of(b.srv.space)))


def device_bytes(space, which):
    stats = json.loads(space.run(['ip', '-j', '-s', 'link', 'show',
                                  'eth0'])[1])[0]['stats64']
    return stats[which]['bytes']


def transfer(b, f, cnt):
    """TCP from ok to srv; gives the bytes that came."""
    def listener():
        sock = socket.socket(socket.AF_INET6 if f == 6 else socket.AF_INET)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((b.srv.ips[f], 82))
        sock.listen(1)
        return sock

    def client():
        sock = socket.socket(socket.AF_INET6 if f == 6 else socket.AF_INET)
        sock.settimeout(20)
        sock.connect((b.srv.ips[f], 82))
        return sock
    got = 0
    with inside(b.srv.space, listener) as server, \
            inside(b.ok.space, client) as sock:
        conn, _ = server.accept()
        with conn:
            conn.settimeout(20)
            sender = threading.Thread(target=lambda: (
                sock.sendall(bytes(cnt)), sock.shutdown(socket.SHUT_WR)))
            sender.start()
            while True:
                data = conn.recv(1 << 20)
                if not data:
                    break
                got += len(data)
            sender.join()
    return got


def offloads(b, size):
    """The largest packets on the way; 0: the sender hands down none that is
    larger than the MTU. Were a device smaller, it would cut behind the hook."""
    most = [f'gso_max_size {size} gro_max_size {size}',
            f'gso_ipv4_max_size {size} gro_ipv4_max_size {size}'] \
        if size else ['gso_max_segs 1']
    for space, name in devices(b):
        for words in most:  # an older ip knows no size of IPv4's own
            space.run(['ip', 'link', 'set', name, *words.split()],
                      check_rc='ipv4' not in words)


def allowed_to(pod, b):
    """(packets, bytes) that were let in to a pod."""
    doc = json.loads(b.node.warder('endpoint', 'get', pod.key, '--json')[1])
    stat = doc['counters']['ingress']['allow']
    return stat['packets'], stat['bytes']


def compare_counters(b, f, size):
    """One transfer; gives the mean size of a packet."""
    before, device = allowed_to(b.srv, b), device_bytes(b.srv.space, 'rx')
    what = f'v{f}, packets to {size}'
    expect(TCP_BYTES, transfer(b, f, TCP_BYTES), what + ': bytes')
    device = device_bytes(b.srv.space, 'rx') - device
    packets, counted = (x - y for x, y in zip(allowed_to(b.srv, b), before))
    if abs(counted - device) > device / 100:
        raise Fail(f'{what}: {counted} bytes counted, {device} on the device')
    return counted // packets


def scenario_61_merged_packets_are_judged_and_counted_like_others(b):
    for size in (65536, 196608, 0):
        offloads(b, size)
        mean = [compare_counters(b, f, size) for f in FAMILIES]
        note(f'packets to {size}: mean size {mean[0]} and {mean[1]}')
        expect(size > 0, max(mean) > 1514, 'merged ones are among them')
    expect_reach(False, b.mal, b.srv, 'who may not')


# ---- groups, DHCP ----

GROUPS = {4: ('224.0.0.1', '224.0.0.22', '224.0.0.251', '239.1.2.3',
              '255.255.255.255', '240.0.0.1', '10.1.0.255'),
          6: ('ff02::1', 'ff02::2', 'ff02::16', 'ff02::fb', 'ff05::1:3')}
TOKEN = b'scenario 58'


def group_frames(pod):
    """UDP, and IGMP of three versions or MLDv2."""
    out = []
    for f, groups in GROUPS.items():
        me = pod.ips[f]
        for group in groups:
            out.append((ETH[f], ip(me, group, 17, udp(me, group, 4003, 4003,
                                                      TOKEN), 1)))
        first = groups[0]
        if f == 4:
            out += [(ETH[4], ip(me, first, 2, bytes((kind, 0, 0, 0))
                                + packed(first) + TOKEN, 1))
                    for kind in (0x12, 0x16, 0x22)]
        else:
            out.append((ETH[6], icmp6(me, 'ff02::16', b'\x8f\0\0\0\0\0\0\1'
                                      + b'\4\0\0\0' + packed(groups[3])
                                      + TOKEN, 1)))
    return out


def heard_by(sniffers, seconds):
    until, got = time.monotonic() + seconds, set()
    while time.monotonic() < until:
        ready, _, _ = select.select(list(sniffers), [], [], 0.05)
        for sock in ready:
            if TOKEN in sock.recv(2048):
                got.add(sniffers[sock])
    return got


def scenario_58_what_goes_to_a_group_reaches_no_other_pod(b):
    def sniff():
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                             socket.htons(3))
        sock.bind(('eth0', 3))
        return sock
    sniffers = {inside(p.space, sniff): p.name for p in (b.srv, b.ok, b.mal)}
    sniffers[inside(b.rogue_ns, sniff)] = 'rogue'
    try:
        frames = group_frames(b.shut)
        subnet = 1  # the broadcast of the subnet: see README
        b.counted('MCAST', 'egress', len(frames) - subnet, lambda: b.frames(
            b.shut.space, frames, ALL), exact=False)
        expect(set(), heard_by(sniffers, DENIED_S), 'who hears it')
        # who may send to groups is heard by whom policy lets hear
        b.frames(b.mal.space, group_frames(b.mal), ALL)
        expect({'ok', 'rogue'}, heard_by(sniffers, 1.0) - {'mal'},
               'who hears one that may')
    finally:
        for sock in sniffers:
            sock.close()


def scenario_59_no_dhcp_server_in_a_pod_is_heard(b):
    for f in FAMILIES:
        server, client = (67, 68) if f == 4 else (547, 546)
        with udp_socket(b.mal.space, b.mal.ips[f], server) as bad, \
                udp_socket(b.mal.space, b.mal.ips[f], client) as good, \
                udp_socket(b.ok.space, b.ok.ips[f], client) as there:
            b.counted('DHCP_FORBIDDEN', 'egress', 1, lambda: bad.sendto(
                b'offer', (b.ok.ips[f], client)))
            expect(None, arrives(there, DENIED_S), f'v{f}: from the server')
            good.sendto(b'ask', (b.ok.ips[f], client))
            expect(b'ask', arrives(there, OWED_S), f'v{f}: from the client')
            b.counted('DHCP_FORBIDDEN', 'ingress', 1, lambda: there.sendto(
                b'ask', (b.mal.ips[f], server)))
            expect(None, arrives(bad, DENIED_S), f'v{f}: to the server')


# ---- nodes ----

def at_node(b, f, port):
    return [udp_socket(b.node.ns, i[f], port) for i in (NODE, GATE)]


def scenario_94_no_tunnel_reaches_a_node_unless_its_namespace_may(b):
    """Also to the gateway, by a flow that was there before, and as IP in IP."""
    for port in (8472, 4789, 6081, 51871):
        for f in FAMILIES:
            for where, sock in zip((NODE, GATE), at_node(b, f, port)):
                with sock, udp_socket(b.mal.space, b.mal.ips[f], 0) as mine:
                    b.counted('ENCAP_FORBIDDEN', 'egress', 1, lambda: mine
                              .sendto(b'in', (where[f], port)))
                    expect(None, arrives(sock, 0.1), f'{where[f]}:{port}')
    expect_reach_node(b)
    b.c.ns_annotations['shop'] = {ENCAP: 'allowed'}
    b.c.apply()
    try:
        with udp_socket(b.node.ns, NODE[4], 8472) as sock, \
                udp_socket(b.mal.space, b.mal.ips[4], 0) as mine:
            mine.sendto(b'in', (NODE[4], 8472))
            expect(b'in', arrives(sock, OWED_S), 'allowed by the namespace')
            del b.c.ns_annotations['shop']
            b.c.apply()
            b.counted('ENCAP_FORBIDDEN', 'egress', 1, lambda: mine.sendto(
                b'in', (NODE[4], 8472)))
            expect(None, arrives(sock, DENIED_S), 'the same flow, after it')
    finally:
        b.c.ns_annotations.pop('shop', None)
        b.c.apply()
    inner = ip('10.1.0.99', NODE[4], 17, udp('10.1.0.99', NODE[4], 1, 80,
                                             b'inner'))
    for proto in (4, 41, 47, 50, 115, 137):
        b.counted('ENCAP_FORBIDDEN', 'egress', 1, lambda proto=proto: b.frames(
            b.mal.space, [(ETH[4], ip(b.mal.ips[4], NODE[4], proto, inner))]))
    broadcast = json.loads(b.node.ns.run(
        ['ip', '-j', '-4', 'addr', 'show', 'cni0'])[1])[0]['addr_info'][0].get(
            'broadcast', '255.255.255.255')
    note('broadcast of the bridge: ' + broadcast)
    for to in (broadcast, '255.255.255.255', '224.0.0.1'):
        frame = ip(b.mal.ips[4], to, 17, udp(b.mal.ips[4], to, 1, 8472, inner))
        b.counted('ENCAP_FORBIDDEN', 'egress', 1, lambda f=frame: b.frames(
            b.mal.space, [(ETH[4], f)], ALL))
    answer = b.node.warder('why', 'shop/mal', f'{NODE[4]}:8472/udp', ok=None)
    expect(True, 'ENCAP_FORBIDDEN' in answer[1], 'why: ' + answer[1])


OVERLAY = {4: ('192.168.89.1', '192.168.89.2', 24),
           6: ('fd00:89::1', 'fd00:89::2', 64)}


def tunnel(b, f):
    """VXLAN of real devices between mal and the node, over IPv4 or IPv6."""
    ends = ((b.node.ns, NODE[f], b.mal.ips[f], 'cni0', 0),
            (b.mal.space, b.mal.ips[f], NODE[f], 'eth0', 1))
    for space, here, there, device, side in ends:
        space.ip(f'link add vx9 type vxlan id 9 dstport 4789 local {here} '
                 f'remote {there} dev {device}', 'link set vx9 up',
                 *[f'addr add {OVERLAY[g][side]}/{OVERLAY[g][2]} dev vx9'
                   + ' nodad' * (g == 6) for g in FAMILIES])


def through(b, f, want, what):
    """A datagram of each family in the tunnel, and one back if @want: what the
    node itself sends into it is the node's."""
    for g in FAMILIES:
        node, pod, _ = OVERLAY[g]
        ends = (udp_socket(b.mal.space, pod, 4010),
                udp_socket(b.node.ns, node, 4010))
        with ends[0] as inner, ends[1] as outer:
            ways = ((inner, node, outer), (outer, pod, inner))
            for sender, to, receiver in ways[:2 if want else 1]:
                sender.sendto(b'inner', (to, 4010))
                expect(b'inner' if want else None,
                       arrives(receiver, OWED_S if want else 0.2),
                       f'{what}, v{g} in v{f}, to {to}')


def scenario_94_a_tunnel_device_in_a_pod_carries_nothing_to_a_node(b):
    """Both ends agree on everything; it works once the namespace may."""
    for f in FAMILIES:
        try:
            tunnel(b, f)
            b.counted('ENCAP_FORBIDDEN', 'egress', 1, lambda f=f: through(
                b, f, False, 'forbidden'), exact=False)
            b.c.ns_annotations['shop'] = {ENCAP: 'allowed'}
            b.c.apply()
            through(b, f, True, 'allowed')
            del b.c.ns_annotations['shop']
            b.c.apply()
            b.counted('ENCAP_FORBIDDEN', 'egress', 1, lambda f=f: through(
                b, f, False, 'forbidden again'), exact=False)
        finally:
            b.c.ns_annotations.pop('shop', None)
            b.c.apply()
            for space in (b.node.ns, b.mal.space):
                space.run(['ip', 'link', 'del', 'vx9'], check_rc=False)
    expect_reach_node(b)


def expect_reach_node(b):
    """The twin: the same pod, the same node, a port that carries nothing."""
    for f in FAMILIES:
        for where, sock in zip((NODE, GATE), at_node(b, f, 8473)):
            with sock, udp_socket(b.mal.space, b.mal.ips[f], 0) as mine:
                mine.sendto(b'out', (where[f], 8473))
                expect(b'out', arrives(sock, OWED_S), f'{where[f]}:8473')


def scenario_103_this_node_is_a_peer_like_any(b):
    for f in FAMILIES:
        for where, sock in zip((NODE, GATE), at_node(b, f, 8473)):
            with sock, udp_socket(b.shut.space, b.shut.ips[f], 0) as mine:
                b.counted('DEFAULT', 'egress', 1, lambda: mine.sendto(
                    b'out', (where[f], 8473)))
                expect(None, arrives(sock, 0.1), f'shut -> {where[f]}')
    near = link_local(b.rogue_ns)  # any address of the link
    frame = ip(link_local(b.shut.space), near, 17, udp(
        link_local(b.shut.space), near, 4005, 80, b'x'))
    b.counted('DEFAULT', 'egress', 1, lambda: b.frames(
        b.shut.space, [(ETH[6], frame)]))
    expect_reach_node(b)


def scenario_104_the_loopback_of_the_host_is_out_of_reach(b):
    b.node.ns.call(lambda: kernel.sysctl(
        ipv4__conf__all__route_localnet=1, ipv4__conf__cni0__route_localnet=1))
    with udp_socket(b.node.ns, '127.0.0.1', 8474) as sock:
        def frame(src):
            return (ETH[4], ip(src, '127.0.0.1', 17, udp(
                src, '127.0.0.1', 4006, 8474, b'local')))
        b.counted('L3_BAD', 'egress', 1, lambda: b.frames(
            b.mal.space, [frame(b.mal.ips[4])]))
        expect(None, arrives(sock, DENIED_S), 'from a pod')
        b.frames(b.rogue_ns, [frame('10.1.0.200')])
        expect(b'local', arrives(sock, OWED_S), 'of a link without warder')
    me = b.mal.ips[6]
    b.counted('L3_BAD', 'egress', 1, lambda: b.frames(b.mal.space, [
        (ETH[6], ip(me, '::1', 17, udp(me, '::1', 4006, 8474, b'local')))]))


def scenario_116_warder_listens_on_no_address(b):
    """No port of its own that a pod could call: a socket file for root."""
    pid = b.node.agent.pid
    own = {os.readlink(f'/proc/{pid}/fd/{n}')
           for n in os.listdir(f'/proc/{pid}/fd')}
    own = {t[8:-1] for t in own if t.startswith('socket:[')}
    found = 0
    known = udp_socket(b.node.ns, NODE[4], 8475)
    for name in ('tcp', 'tcp6', 'udp', 'udp6', 'raw', 'raw6'):
        with open(f'/proc/{pid}/net/{name}', encoding='ascii') as f:
            for line in f.readlines()[1:]:
                found += 1
                expect(False, line.split()[9] in own, f'{name}: {line}')
    known.close()
    expect(True, bool(own) and found > 0, 'there are sockets to look at')


TESTS = (
    scenario_41_and_42_no_pod_becomes_the_gateway,
    scenario_43_a_flow_is_not_touched_by_frames_in_its_name,
    scenario_44_a_forged_frame_opens_no_way_to_its_victim,
    scenario_46_and_47_an_annotation_lends_no_address,
    scenario_48_a_mark_of_a_pod_proves_nothing,
    scenario_52_frames_of_every_length_and_address,
    scenario_53_where_a_buffer_is_cut_changes_no_verdict,
    scenario_53_nor_towards_a_pod_from_a_device_of_the_host,
    scenario_57_a_mapped_address_is_judged_as_ipv4,
    scenario_58_what_goes_to_a_group_reaches_no_other_pod,
    scenario_59_no_dhcp_server_in_a_pod_is_heard,
    scenario_61_merged_packets_are_judged_and_counted_like_others,
    scenario_62_a_datagram_without_checksum_is_judged_like_any,
    scenario_94_no_tunnel_reaches_a_node_unless_its_namespace_may,
    scenario_94_a_tunnel_device_in_a_pod_carries_nothing_to_a_node,
    scenario_103_this_node_is_a_peer_like_any,
    scenario_104_the_loopback_of_the_host_is_out_of_reach,
    scenario_116_warder_listens_on_no_address,
)


def lacks(b, function):
    """What a test needs and this machine has not."""
    if function is scenario_53_nor_towards_a_pod_from_a_device_of_the_host \
            and not os.access('/dev/net/tun', os.W_OK):
        return 'there is no /dev/net/tun'
    if function is scenario_94_a_tunnel_device_in_a_pod_carries_nothing_to_a_node:
        if b.node.ns.run(['ip', 'link', 'add', 'vx8', 'type', 'vxlan', 'id',
                          '8', 'dstport', '4789'], check_rc=False)[0]:
            return 'the kernel has no vxlan'
        b.node.ns.ip('link del vx8')
    return None


def main():
    tap = Tap()
    bench = Bench()
    only = sys.argv[1] if len(sys.argv) > 1 else ''
    try:
        for function in TESTS:
            if only not in function.__name__:
                continue
            missing = lacks(bench, function)
            if missing:
                tap.result(function.__name__, skip=missing)
            else:
                tap.run(function.__name__, function, bench)
    finally:
        bench.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
