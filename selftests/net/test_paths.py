#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Every way to a pod of this node leads past its hook, once.

The ways are a list: what sends, over what, to which address. Each is gone by
three datagrams of a kind to a pod that nobody may reach and to one that
anybody may reach: of the first none arrives and three are dropped, of the
second three arrive and three are allowed, no more and no less. Then the other
end: what a pod reaches of its own node, and of itself.

Row numbers are those of the project's list of scenarios.
"""
import errno
import json
import os
import socket
import sys
import time

from wdnet import bpf, kernel, wire
from wdnet.node import TOP
from wdnet.prober import Handle
from wdnet.solo import Solo, ingress_policy
from wdnet.tap import Fail, Tap, expect
from wdnet.wire import Witness

FAMILIES = (4, 6)
PORT = 82  # somebody takes what comes and never answers
CLIENT = {4: '192.168.88.2', 6: 'fd00:88::2'}
GATE = {4: '192.168.88.1', 6: 'fd00:88::1'}
TUNNEL = {4: '192.168.89.2', 6: 'fd00:89::2'}
TUNNEL_GATE = {4: '192.168.89.1', 6: 'fd00:89::1'}
SERVICE = {4: '10.96.0.%d', 6: 'fd00:96::%d'}
BITS = {4: 32, 6: 128}
COUNT = 3
TRIES = 5
# What hosts and pods say on their own at any time.
NOISE = ('NEIGHBOUR', 'ND_FORBIDDEN', 'NOT_LOCAL', 'RELATED')
RP = '\n'.join(('add table ip w', 'add table ip6 w',
                'add chain ip w pre { type nat hook prerouting priority -100 ; }',
                'add chain ip6 w pre { type nat hook prerouting priority -100 ; }',
                'add chain ip w post { type nat hook postrouting priority 100 ; }',
                'add chain ip6 w post { type nat hook postrouting priority 100 ; }',
                ''))


class Bench:
    """@plugin: ptp routes each pod, bridge has them on one."""

    def __init__(self, plugin, agent_args=()):
        self.c = Solo(FAMILIES, agent_args, plugin)
        self.node = self.c.only_node
        self.marks = 0
        pods = [self.c.make_pod(n, 10 + i) for i, n in enumerate(
            ('open', 'jail', 'src', 'self', 'caged'))]
        self.open, self.jail, self.src, self.self, self.caged = pods
        self.c.policies = [
            ingress_policy('jail', 'jail'), ingress_policy('self', 'self'),
            {'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy',
             'metadata': {'name': 'caged', 'namespace': 'shop'},
             'spec': {'podSelector': {'matchLabels': {'app': 'caged'}},
                      'policyTypes': ['Egress'], 'egress': []}}]
        self.c.run_pods(pods)
        self.sinks = [self.sink(p.space) for p in pods]
        self.sinks.append(self.sink(self.node.ns))
        self.client = Handle('client')
        self.far = kernel.Namespace(self.client.pid, False)
        self.wire_client()
        self.settle()

    def settle(self):
        """Wait until nobody introduces itself any more."""
        for _ in range(40):
            before = self.reasons()
            time.sleep(0.5)
            if self.reasons() == before:
                return

    def wire_client(self):
        self.node.ns.ip('link add up0 type veth peer name eth0 netns '
                        f'{self.client.pid}', 'link set up0 up')
        lines, ours = ['link set lo up', 'link set eth0 up'], []
        for f in FAMILIES:
            size, dad = (24, '') if f == 4 else (64, ' nodad')
            ours.append(f'addr add {GATE[f]}/{size} dev up0{dad}')
            lines += [f'addr add {CLIENT[f]}/{size} dev eth0{dad}',
                      f'route add {"default" if f == 4 else "::/0"} via '
                      f'{GATE[f]}']
        self.node.ns.ip(*ours)
        self.far.ip(*lines)
        self.node.ns.run(['nft', '-f', '-'], RP)

    @staticmethod
    def sink(space):
        def make():
            sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            sock.bind(('::', PORT))
            return sock
        sock = wire.open_in(space, make)
        sock.setblocking(False)
        return sock

    def close(self):
        for sock in self.sinks:
            sock.close()
        self.far.close()
        self.client.close()
        self.c.close()

    # ---- asking ----

    def endpoint(self, pod):
        return json.loads(self.node.warder('endpoint', 'get', pod.key,
                                           '--json')[1])

    def mac(self, space, name):
        return json.loads(space.run(
            ['ip', '-j', 'link', 'show', name])[1])[0]['address']

    def mark(self):
        self.marks += 1
        return b'path-%06d-' % self.marks

    def reasons(self):
        return {(c['reason'], c['direction'], c['verdict']): c['packets']
                for c in self.node.status()['counters']
                if c['reason'] not in NOISE}

    def nft(self, text):
        self.node.ns.run(['nft', '-f', '-'], text + '\n')


def send(space, ip, mark, source=None, count=COUNT):
    """One flow of @count datagrams."""
    family = socket.AF_INET6 if ':' in ip else socket.AF_INET
    sock = wire.open_in(space, lambda: socket.socket(family,
                                                     socket.SOCK_DGRAM))
    try:
        if source:
            sock.bind((source, 0))
        for _ in range(count):
            sock.sendto(mark, (ip, PORT))
    finally:
        sock.close()


# ---- ways to a pod ----

class Way:
    """@egress: the sender is a pod, whose own hook counts, too.
    @families: some ways are not there for both. @count: of datagrams.
    @hops: left of one that was not routed; None: kernels differ."""

    def __init__(self, name, go, egress=False, families=FAMILIES, tcx=False,
                 count=COUNT, hops=64):
        self.hops = hops
        self.name, self.go, self.egress = name, go, egress
        self.families, self.tcx, self.count = families, tcx, count


def from_client(b, pod, f, mark):
    send(b.far, pod.ips[f], mark)


def from_pod(b, pod, f, mark):
    send(b.src.space, pod.ips[f], mark)


def service(b, pod, f, port=None):
    """A service address in front of the pod, as kube-proxy would make one."""
    ip = SERVICE[f] % (50 + port if port else b.marks % 200 + 1)
    fam, to = ('ip', pod.ips[f]) if f == 4 else ('ip6', pod.ips[f])
    b.nft(f'add rule {fam} w pre {fam} daddr {ip} dnat to {to}')
    return ip


def flush(b):
    for fam in ('ip', 'ip6'):
        b.nft(f'flush table {fam} w')


def client_service(b, pod, f, mark):
    send(b.far, service(b, pod, f), mark)


def pod_service(b, pod, f, mark):
    send(b.src.space, service(b, pod, f), mark)


def node_port(b, pod, f, mark):
    """Of the node's own address, with the client's hidden behind it. That makes
    it nobody's probe: what came in by a device is never the node's own."""
    fam = 'ip' if f == 4 else 'ip6'
    b.nft(f'add rule {fam} w pre {fam} daddr {GATE[f]} udp dport {PORT} dnat '
          f'to {pod.ips[f]}\nadd rule {fam} w post {fam} daddr {pod.ips[f]} '
          'masquerade')
    send(b.far, GATE[f], mark)


def vxlan(b, pod, f, mark):
    """Comes out of a tunnel that ends on the node."""
    for space, here, there, name, ips in (
            (b.node.ns, GATE, CLIENT, 'up0', TUNNEL_GATE),
            (b.far, CLIENT, GATE, 'eth0', TUNNEL)):
        lines = [f'link add vx9 type vxlan id 9 dstport 4789 local {here[4]} '
                 f'remote {there[4]} dev {name}', 'link set vx9 up']
        for g in FAMILIES:
            lines.append(f'addr add {ips[g]}/{24 if g == 4 else 64} dev vx9'
                         + ' nodad' * (g == 6))
        space.ip(*lines)
    b.far.ip(f'route add {pod.ips[f]}/{BITS[f]} via {TUNNEL_GATE[f]}')
    try:
        send(b.far, pod.ips[f], mark)
    finally:
        b.far.ip('link del vx9')
        b.node.ns.ip('link del vx9')


def program(device, code):
    """Somebody's tc program on a device: @code(ifindex of the pod's)."""
    def go(b, pod, f, mark):
        to = b.endpoint(pod)['ifindex']
        name = device if device else b.endpoint(b.src)['interface']
        link = wire.fd_in(b.node.ns, lambda: bpf.attach(
            bpf.SCHED_CLS, bpf.TCX_INGRESS, socket.if_nametoindex(name),
            code(to)))
        try:
            send(b.far if device else b.src.space, pod.ips[f], mark)
            # The link must outlast what is under way.
            b.node.ns.run(['sleep', '0.05'])
        finally:
            os.close(link)
    return go


def raw_frame(b, pod, f, mark):
    """Root of the node puts a frame of another source on the pod's device."""
    ep = b.endpoint(pod)
    data = wire.frame(b.mac(b.node.ns, ep['interface']), ep['pod_mac'],
                      wire.udp(CLIENT[f], pod.ips[f], 4000, PORT, mark))
    sock = wire.packet_socket(b.node.ns, ep['interface'])
    for _ in range(COUNT):
        try:
            sock.send(data)
        except OSError as e:  # so is told that the hook dropped it
            expect(errno.ENOBUFS, e.errno, 'error of a dropped frame')
    sock.close()


def host_socket(b, pod, f, mark):
    send(b.node.ns, pod.ips[f], mark)


WAYS = [
    Way('97: routed from outside', from_client),
    Way('109: from a pod of the same node', from_pod, True),
    Way('97: a service address, from outside', client_service),
    Way('97: a service address, from a pod', pod_service, True),
    Way('97 and 186: a port of the node, masqueraded', node_port),
    Way('97: out of a tunnel that ends here', vxlan),
]
HOST_WAYS = [
    Way('97: a socket of the node', host_socket),
    Way('97: a frame put on the device', raw_frame),
]


def go_once(b, way, pod, f, want):
    """Gives which counters moved, of directions and verdicts."""
    witness = Witness(pod.space)
    mark = b.mark()
    before = b.reasons()
    got = witness.count(mark, lambda: way.go(b, pod, f, mark),
                        want=way.count if want else 0)
    after = b.reasons()
    flush(b)
    where = f'{way.name}, {pod.name}, v{f}: '
    expect(way.count if want else 0, got, where + 'datagrams that arrived')
    if want and way.tcx and way.hops:
        expect(way.hops, witness.last[22 if f == 4 else 21],
               where + 'hops left')
    witness.close()
    moved = {}
    for (reason, direction, verdict), packets in after.items():
        more = packets - before.get((reason, direction, verdict), 0)
        if more:
            key = direction, verdict
            moved[key] = moved.get(key, 0) + more
    return moved


def judged(b, way, pod, f, want):
    """Go the way; it is judged once for each datagram, in each direction.
    What hosts say at any time may come in between, but not each time."""
    right = {('ingress', 'allow' if want else 'drop'): way.count}
    if way.egress:
        right['egress', 'allow'] = way.count
    for _ in range(TRIES):
        moved = go_once(b, way, pod, f, want)
        if moved == right:
            return
        time.sleep(0.3)
    expect(right, moved, f'{way.name}, {pod.name}, v{f}: counters')


def go_way(b, way):
    for f in way.families:
        judged(b, way, b.open, f, True)
        judged(b, way, b.jail, f, False)


# ---- what is by design, or cannot be seen ----

def host_allowed(b, way):
    """What the node itself sends passes to any pod, counted as that."""
    for f in FAMILIES:
        before = b.node.counter('HOST', 'ingress')
        judged(b, way, b.open, f, True)
        judged(b, way, b.jail, f, True)
        if b.node.counter('HOST', 'ingress') == before:
            raise Fail('HOST did not move')


def redirect_peer(b):
    """bpf_redirect_peer() puts the packet behind every hook of the device:
    this is as README says, and is known by no counter of ours."""
    way = Way('', program('up0', lambda to: bpf.redirects(
        to, bpf.REDIRECT_PEER)))
    witness = Witness(b.jail.space)
    mark = b.mark()
    before = b.reasons()
    got = witness.count(mark, lambda: way.go(b, b.jail, 4, mark), want=COUNT)
    witness.close()
    after = b.reasons()
    expect(COUNT, got, 'datagrams past the hook')
    expect(before, after, 'counters')
    with open(os.path.join(TOP, 'README'), encoding='utf-8') as f:
        text = f.read()
    if 'bpf_redirect_peer' not in text.partition(
            'What the hooks cannot see')[2]:
        raise Fail('README does not name it')


# ---- row 108 ----

def hairpin(b):
    """A pod that reaches itself by a service is its own peer: its policies
    must allow it in both directions, and it is judged once in each."""
    policies = list(b.c.policies)
    for f in FAMILIES:
        for want in (False, True):
            if want:
                b.c.apply(policies + [ingress_policy('own', 'self', 'self')])
            way = Way(f'108: itself, v{f}', lambda b, pod, f, mark: send(
                pod.space, service(b, pod, f), mark), True)
            judged(b, way, b.self, f, want)
        b.c.apply(policies)


def loopback_source(b):
    """No pod may use the address by which others reach themselves."""
    ep = b.endpoint(b.src)
    sock = wire.packet_socket(b.src.space, 'eth0')
    witness = Witness(b.open.space)
    for source in ('169.254.42.1', '169.254.1.1'):
        mark = b.mark()
        data = wire.frame(ep['pod_mac'], ep['host_mac'], wire.udp(
            source, b.open.ips[4], 4001, PORT, mark))
        before = b.node.counter('SPOOF_IP', 'egress')
        expect(0, witness.count(mark, lambda data=data: [
            sock.send(data) for _ in range(COUNT)]), f'from {source}')
        expect(COUNT, b.node.counter('SPOOF_IP', 'egress') - before,
               f'SPOOF_IP of {source}')
    witness.close()
    sock.close()


# ---- row 103 ----

def heard(b, go):
    """Datagrams that reach a socket of the node."""
    sock = b.sinks[-1]
    mark = b.mark()

    def drain():
        got = 0
        while True:
            try:
                got += sock.recv(2048) == mark
            except BlockingIOError:
                return got
    drain()
    go(mark)
    b.node.ns.run(['sleep', '0.1'])
    return drain()


def own_node(b):
    """The node's addresses are peers like any other."""
    ep = {p.name: b.endpoint(p) for p in (b.open, b.caged)}
    gate = {f: b.open.ips[f].rpartition('.' if f == 4 else ':')[0]
            + ('.1' if f == 4 else ':1') for f in FAMILIES}
    for what, ips in (('gateway', gate), ('uplink', GATE)):
        for f in FAMILIES:
            node_reached(b, f'{what} v{f}', ips[f])
    link_local_gateway(b, ep)


def node_reached(b, what, ip):
    for pod, want in ((b.open, True), (b.caged, False)):
        before = b.node.counter('DEFAULT', 'egress')
        got = heard(b, lambda mark, pod=pod: send(pod.space, ip, mark))
        expect(COUNT if want else 0, got, f'{what} from {pod.name}')
        expect(0 if want else COUNT,
               b.node.counter('DEFAULT', 'egress') - before,
               f'{what} from {pod.name}: DEFAULT')


def link_local_gateway(b, ep):
    for pod, want in ((b.open, True), (b.caged, False)):
        name = ep[pod.name]['interface'] if b.c.plugin == 'ptp' else 'cni0'
        info = json.loads(b.node.ns.run(['ip', '-j', '-6', 'addr', 'show',
                                         'dev', name])[1])[0]
        ip = next(a['local'] for a in info['addr_info']
                  if a['local'].startswith('fe80'))
        before = b.node.counter('DEFAULT', 'egress')
        got = heard(b, lambda mark, pod=pod, ip=ip: send(
            pod.space, ip + '%eth0', mark))
        expect(COUNT if want else 0, got, f'link-local from {pod.name}')
        expect(0 if want else COUNT,
               b.node.counter('DEFAULT', 'egress') - before,
               f'link-local from {pod.name}: DEFAULT')


def loopback_destination(b):
    """127.0.0.1 and ::1, though the node would route them. Its twin is the
    same frame to the node's address."""
    ep = b.endpoint(b.open)
    sock = wire.packet_socket(b.open.space, 'eth0')
    b.node.ns.call(lambda: kernel.sysctl(ipv4__conf__all__route_localnet=1))
    for f, ips in ((4, ('127.0.0.1', GATE[4])), (6, ('::1', GATE[6]))):
        for ip, want in zip(ips, (False, True)):
            def go(mark, f=f, ip=ip):
                data = wire.frame(ep['pod_mac'], ep['host_mac'], wire.udp(
                    b.open.ips[f], ip, 4002, PORT, mark))
                for _ in range(COUNT):
                    sock.send(data)
            before = b.node.counter('L3_BAD', 'egress')
            expect(COUNT if want else 0, heard(b, go), f'{ip} reached')
            expect(0 if want else COUNT,
                   b.node.counter('L3_BAD', 'egress') - before,
                   f'{ip}: L3_BAD')
    sock.close()


# ---- row 48 ----

# Those by which others know what they have decrypted, proxied, masqueraded.
MARKS = (0x0200, 0x0a00, 0x0b00, 0x0d00, 0x0e00, 0x0f00, 0x4000, 0x8000,
         0x80000000, 0xffff0f00, 0xffffffff, 1)


def rewritten(space):
    """From one of @b's namespaces, while the node sets a mark on what it
    forwards, another one on each datagram."""
    marks = ', '.join(f'{n} : {m:#x}' for n, m in enumerate(MARKS))
    table = f"""table inet wdre {{ chain c {{
        type filter hook forward priority -300;
        udp dport {PORT} meta mark set numgen inc mod {len(MARKS)} map {{ {marks} }}
        udp dport {PORT} meta mark != 0 counter
        }}
    }}"""

    def go(b, pod, f, mark):
        b.nft(table)
        try:
            send(space(b), pod.ips[f], mark, count=len(MARKS))
            b.node.ns.run(['sleep', '0.05'])
            rules = json.loads(b.node.ns.run(
                ['nft', '-j', 'list', 'table', 'inet', 'wdre'])[1])['nftables']
            seen = [e['counter']['packets'] for r in rules if 'rule' in r
                    for e in r['rule']['expr'] if 'counter' in e]
            expect([len(MARKS)], seen, 'datagrams that were marked')
        finally:
            b.nft('delete table inet wdre')
    return go


MARKED_WAYS = [
    Way('48: with marks that the node sets, from outside',
        rewritten(lambda b: b.far), count=len(MARKS)),
    Way('48: with marks that the node sets, from a pod',
        rewritten(lambda b: b.src.space), True, count=len(MARKS)),
]


# ---- row 50 ----

def tagged(b):
    """A program on the uplink tags what it sends to the pod: the kernel keeps
    the (outer) tag beside the frame. Without the tag the same way is open."""
    for f in FAMILIES:
        for tags in ((), ((0x8100, 5),), ((0x8100, 0),), ((0x8100, 4095),),
                     ((0x88a8, 5),), ((0x8100, 5), (0x88a8, 6))):
            way = Way('', program('up0', lambda to, tags=tags: bpf.redirects(
                to, tags=tags)))
            witness = Witness(b.open.space)
            before = b.node.counter('VLAN', 'ingress')
            mark = b.mark()
            got = witness.count(mark, lambda way=way, mark=mark, f=f: way.go(
                b, b.open, f, mark), want=0 if tags else COUNT)
            witness.close()
            expect(0 if tags else COUNT, got, f'v{f}, tags {tags}: arrived')
            moved = b.node.counter('VLAN', 'ingress') - before
            # What else comes in by the uplink meanwhile is tagged, too.
            if bool(tags) != (moved >= COUNT) or not tags and moved:
                raise Fail(f'v{f}, tags {tags}: VLAN moved by {moved}')


def unrouted(go):
    """@go, while the node forwards nothing that comes in by the uplink."""
    def forward(b, value):
        b.node.ns.call(lambda: kernel.sysctl(
            ipv4__conf__up0__forwarding=value,
            ipv6__conf__up0__forwarding=value))

    def alone(b, pod, f, mark):
        forward(b, 0)
        try:
            go(b, pod, f, mark)
        finally:
            forward(b, 1)
    return alone


PROGRAM_WAYS = [
    Way('97: redirected by a program of others on the uplink',
        program('up0', bpf.redirects), tcx=True),
    Way('97: cloned by a program of others on the uplink',
        program('up0', bpf.clones), tcx=True),
    Way('97: redirected to a neighbour by a program of others',
        unrouted(program('up0', lambda to: bpf.redirects(
            to, bpf.REDIRECT_NEIGH))), tcx=True, hops=None),
    Way('109: redirected by a program behind a pod\'s own hook',
        program(None, bpf.redirects), True, tcx=True),
]


def run_node(tap, only, plugin):
    b = Bench(plugin)
    # On a bridge the node forwards nothing between its own pods.
    marked = MARKED_WAYS if plugin == 'ptp' else MARKED_WAYS[:1]
    # A port of a bridge has no neighbours.
    programs = [w for w in PROGRAM_WAYS
                if plugin == 'ptp' or 'neighbour' not in w.name]
    alone = [('row 50: what is tagged towards a pod is dropped', tagged)] \
        if plugin == 'ptp' else []
    tests = [(f'row {w.name} ({plugin})', go_way, w)
             for w in WAYS + marked + programs]
    tests += [
        (f'row 97: sockets of the node pass, counted as that ({plugin})',
         host_allowed, HOST_WAYS[0]),
        (f'row 97: frames that the node puts on a device are its own '
         f'({plugin})', host_allowed, HOST_WAYS[1]),
        (f'row 108: a pod is its own peer by a service ({plugin})', hairpin),
        (f'row 108: the source of a hairpin is nobody\'s ({plugin})',
         loopback_source),
        (f'row 103: addresses of the node are peers like others ({plugin})',
         own_node),
        (f'row 103: loopback addresses are never reached ({plugin})',
         loopback_destination),
        (f'row 109: redirect_peer passes no hook, as README says ({plugin})',
         redirect_peer), *alone]
    try:
        has_tcx = b.node.status()['attach'] == 'tcx'
        for name, function, *args in tests:
            if only not in name:
                continue
            if not has_tcx and (function in (redirect_peer, tagged)
                                or args and args[0].tcx):
                tap.result(name, skip='the kernel has no tcx links')
            else:
                tap.run(name, function, b, *args)
        if tap.failed:
            tap.say(b.node.log_tail(20))
    finally:
        b.close()


def run_host_policy(tap, only):
    """The same ways from the node itself, where that is judged."""
    if only not in 'host-ingress policy':
        return
    b = Bench('ptp', ('--host-ingress', 'policy'))
    try:
        for way in HOST_WAYS:
            tap.run(f'row {way.name} (host-ingress policy)', go_way, b, way)
    finally:
        b.close()


def main():
    tap = Tap()
    only = sys.argv[1] if len(sys.argv) > 1 else ''
    for plugin in ('ptp', 'bridge'):
        run_node(tap, only, plugin)
    run_host_policy(tap, only)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
