# SPDX-License-Identifier: GPL-2.0-only
"""A cluster whose underlay is watched, and traffic that must not show there.

    node-a eth0 --- port1 ---+
                             +--- br0: the sniffer counts what comes in by its
    node-b eth0 --- port2 ---+    ports, so what the nodes have let out
                             |
            wild0 --- port3 -+    nobody guards this one: planted leaks come in
                                  here, and must be counted, each

Namespace `shop` must be encrypted, `open` need not. There is no WireGuard on
the nodes: whatever of `shop` is seen is a leak.
"""
import collections
import json
import os
import secrets
import select
import subprocess
import time

from wdnet.cluster import POD_ADDR, POD_NET, UPLINK, WORLD, Cluster, Pod
from wdnet.node import BUILD
from wdnet.tap import Fail, expect

TOOL = os.path.join(BUILD, 'selftests', 'wire', 'wire_tool')
LONG = os.environ.get('WD_LONG') == '1'
REQUIRED = ('--encryption', 'required')
PORTS = ('port1', 'port2')  # of the nodes
WILD = 'port3'
UDP_PORT, TCP_PORT = 9000, 9001
NOBODY = 99  # index of a pod that no manifest tells of
SETTLE_S = 0.15  # what was sent before has come or will not come
BY_HEADERS, BY_SCAN, BY_MARKER = 1, 2, 4
VXLAN = {'id': 7, 'port': 8472}

Plant = collections.namedtuple('Plant', 'number payload_only name')


def plants():
    text = subprocess.run([TOOL, 'plants'], text=True, check=True,
                          stdout=subprocess.PIPE).stdout
    rows = [line.split(' ', 2) for line in text.splitlines()]
    return [Plant(int(n), kind == 'payload', name) for n, kind, name in rows]


class Tool:
    """wire_tool in a namespace, spoken to line by line."""

    def __init__(self, space, *argv):
        self.argv = [TOOL, *map(str, argv)]
        self.proc = space.popen(self.argv, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)
        self.line()

    def line(self, seconds=20):
        ready, _, _ = select.select([self.proc.stdout], [], [], seconds)
        text = self.proc.stdout.readline() if ready else ''
        if not text:
            raise RuntimeError(f'no answer of {" ".join(self.argv[1:])}')
        return json.loads(text)

    def ask(self, word):
        self.proc.stdin.write(word + '\n')
        self.proc.stdin.flush()
        return self.line()

    def close(self):
        if self.proc.poll() is None:
            self.proc.kill()
        self.proc.wait()
        self.proc.stdin.close()
        self.proc.stdout.close()


class Sniffer(Tool):
    """Several devices of a namespace; every count is since the last."""

    def __init__(self, space, devices, *rules):
        super().__init__(space, 'sniff', *devices, *rules)

    def take(self, word='next'):
        got = self.ask(word)
        for name, count in got['devices'].items():
            if count['lost'] or count['cut']:
                raise Fail(f'the run is void: {name} has lost '
                           f'{count["lost"]} packets, {count["cut"]} were cut')
        return got


class Sender(Tool):
    """Streams out of a namespace, until stop() says what was sent."""

    def __init__(self, space, rate, marker, *words):
        super().__init__(space, 'send', rate, 'marker=' + marker, *words)
        self.sent = self.refused = 0

    def stop(self):
        """{stream: [sent, refused]}"""
        got = self.ask('stop')
        self.close()
        self.sent = sum(n for n, _ in got.values())
        self.refused = sum(n for _, n in got.values())
        return got


class Lab(Cluster):
    """@overlay: None: routes to the other node; 'vxlan'."""

    def __init__(self, overlay=None):
        self.overlay = overlay
        self.secret, self.clear, self.tag = (secrets.token_hex(n)
                                             for n in (16, 16, 8))
        self.sniffer = None
        self.tools = []
        super().__init__((4, 6), start=False)
        self.namespaces = {'shop': {'team': 'shop'}, 'open': {'team': 'open'}}
        self.ns_annotations['open'] = {'warder.io/encryption': 'none'}
        self.sniffer = Sniffer(self.space, (*PORTS, WILD), *self.rules(),
                               'marker=' + self.secret, 'tag=' + self.tag)

    # ---- the underlay ----

    def _build(self):
        super()._build()
        self.space.ip('link add wild0 type veth peer name port3',
                      'link set port3 master br0 up', 'link set wild0 up')
        if self.overlay == 'vxlan':
            for number, node in enumerate(self.nodes, 1):
                self._add_vxlan(number, node)
        for node in self.nodes:  # who answers ARP and ND is known from now on
            node.mac = self.mac(node.ns, 'eth0')

    def _add_vxlan(self, number, node):
        """Each family of pods over the underlay's same family."""
        other = 3 - number
        for f in self.families:
            name, far = f'vx{f}', UPLINK[f] % other
            mac = '02:00:00:00:0%d:0%d'
            node.ns.ip(
                f'link add {name} type vxlan id {VXLAN["id"] + f} local '
                f'{UPLINK[f] % number} dev eth0 dstport {VXLAN["port"]} '
                f'nolearning',
                f'link set {name} address {mac % (f, number)} up')
            gate = f'169.254.7.{other}' if f == 4 else f'fe80::7:{other}'
            node.ns.ip(
                f'neigh replace {gate} lladdr {mac % (f, other)} dev {name}',
                f'route replace {POD_NET[f] % other} via {gate} dev {name}'
                + (' onlink' if f == 4 else ''))
            node.ns.run(['bridge', 'fdb', 'append', mac % (f, other), 'dev',
                         name, 'dst', far])

    @staticmethod
    def mac(space, device):
        out = space.run(['ip', '-j', 'link', 'show', device])[1]
        return json.loads(out)[0]['address']

    def rules(self):
        """Words for the sniffer: whose addresses are whose."""
        out = []
        for number in (1, 2):
            for f in self.families:
                out += [f'node={UPLINK[f] % number}',
                        f'secret={POD_NET[f] % number}']
                out += [f'open={self.open_ip(number, f)}']
        return out

    # ---- objects ----

    @staticmethod
    def open_ip(number, family):
        return {4: f'10.{number}.0.200', 6: f'fd00:10:{number}::c8'}[family]

    def base_objects(self):
        out = super().base_objects()
        for obj in out:
            if obj['kind'] == 'Node':
                nets = list(self.node(obj['metadata']['name']).pod_nets.values())
                obj['spec'] = {'podCIDR': nets[0], 'podCIDRs': nets}
        return out

    def new_pod(self, key, node, index):
        ns, name = key.split('/')
        return Pod(ns, name, self.nodes[node], index, self.families,
                   {'app': name}, [('http', 80, 'tcp'), ('dns', 81, 'udp')])

    def run_usual_pods(self):
        pods = [self.new_pod('shop/a', 0, 10), self.new_pod('shop/b', 1, 10),
                self.new_pod('open/a', 0, 200), self.new_pod('open/b', 1, 200)]
        self.run_pods(pods)

    # ---- traffic ----

    def words(self, src, dst, kinds=('udp', 'tcp', 'echo')):
        """Streams between two {family: address}."""
        port = {'udp': f',{UDP_PORT}', 'tcp': f',{TCP_PORT}', 'echo': ''}
        return [f'{kind}={src[f]}>{dst[f]}{port[kind]}'
                for f in self.families for kind in kinds]

    def send(self, space, rate, marker, *words):
        sender = Sender(space, rate, marker, *words)
        self.tools.append(sender)
        return sender

    def listen_for(self, pod, marker):
        ear = Sniffer(pod.space, ('eth0',), 'marker=' + marker)
        self.tools.append(ear)
        return ear

    def plant(self, space, device, macs, nodes, pods, *words, check=True):
        """One frame of each kind, on a device. Gives how many were sent.
        @check: none may be refused, as they are where they are dropped"""
        argv = [TOOL, 'plant', device, 'macs=' + ','.join(macs)]
        for f in self.families:
            argv += [f'nodes={nodes[0][f]},{nodes[1][f]}',
                     f'pods={pods[0][f]},{pods[1][f]}']
        got = json.loads(space.run([*argv, *words])[1])
        if check:
            expect(0, got['refused'], 'planted frames that were refused')
        return got['sent']

    def beat(self):
        """One planted leak where nobody guards: the sniffer must count it."""
        ips = [n.ips for n in self.nodes]
        pods = [{f: POD_ADDR[f] % (n, NOBODY) for f in self.families}
                for n in (1, 2)]
        return self.plant(self.space, 'wild0',
                          ('02:00:00:00:00:01', '02:00:00:00:00:02'), ips, pods,
                          'only=4', 'marker=' + self.secret)

    def count(self):
        """What the ports have seen since the last call; a run whose sniffer
        does not see the planted frame of the moment is void."""
        beats = self.beat()
        time.sleep(SETTLE_S)
        got = self.sniffer.take('armed')['devices']
        wild = got[WILD]
        for by in ('leaks', 'headers', 'scan', 'marker'):
            if wild[by] < beats:
                raise Fail(f'the run is void: of {beats} planted frames the '
                           f'sniffer has found {wild[by]} ({by})')
        return got

    def close(self):
        for tool in self.tools:
            tool.close()
        if self.sniffer:
            self.sniffer.close()
        super().close()


def leaks(counts):
    """(how many, what they look like) of what left the nodes."""
    return (sum(counts[p]['leaks'] for p in PORTS),
            [f'{p}: {text}' for p in PORTS for text in counts[p]['samples']])


def expect_no_leak(counts, what):
    number, samples = leaks(counts)
    if number:
        raise Fail(f'{what}: {number} packets left in clear', *samples)


def outside(family, number):
    return list(WORLD.values())[number][family]
