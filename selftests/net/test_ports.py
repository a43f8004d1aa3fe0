#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a pod sends to a tunnel of its node comes out as somebody else's packet,
whatever port the tunnel has: so it may not be sent. Real VXLAN devices.

    x/srv  on node-a; only y/ok, of node-b, may reach it
    x/mal  on node-a; policy allows it everything
"""
import contextlib
import json
import signal
import socket
import struct
import sys
import time

from wdnet import wire, yamlout
from wdnet.ask import until
from wdnet.cluster import Cluster, Pod
from wdnet.shared import Shared, each_rung
from wdnet.solo import ingress_policy, wait_for
from wdnet.tap import expect

SHARED = Shared()
RUNGS = ('full', 'compat', 'minimal', 'nft')
FAMILIES = (4, 6)
SINK = 82
ENCAP = 'warder.io/encapsulation'


def make():
    c = Cluster(FAMILIES)
    try:
        c.namespaces = {'x': {}, 'y': {}}
        a, b = c.nodes
        c.run_pods([Pod('x', 'srv', a, 10, FAMILIES, {'app': 'srv'}),
                    Pod('x', 'mal', a, 11, FAMILIES, {'app': 'mal'}),
                    Pod('y', 'ok', b, 10, FAMILIES, {'app': 'ok'})])
        allow = ingress_policy('srv', 'srv', ns='x')
        allow['spec']['ingress'] = [{'from': [{
            'namespaceSelector': {},
            'podSelector': {'matchLabels': {'app': 'ok'}}}]}]
        c.apply([allow])
        a.ns.run(['nft', '-f', '-'], SEEN)
    except BaseException:
        c.close()
        raise
    return c


def told(c):
    """What the agent says of tunnels, by port."""
    doc = json.loads(c.nodes[0].warder('encryption', 'status', '--json')[1])
    return {t['port']: t['kind'] for t in doc['tunnels']}


@contextlib.contextmanager
def device(c, port, name='vx9', known=True, node=None):
    """A tunnel of the node that takes VXLAN over both families."""
    node = node or c.nodes[0]
    for f, end in ((4, name), (6, name + 's')):
        node.ns.ip(f'link add {end} type vxlan id 9 dstport {port} local '
                   f'{node.ips[f]}', f'link set {end} up')
    try:
        if known:
            until('vxlan', lambda: told(c).get(port), f'port {port} is told')
        yield
    finally:
        for end in (name, name + 's'):
            node.ns.run(['ip', 'link', 'del', end], check_rc=False)
        if known:
            until(None, lambda: told(c).get(port), f'port {port} is no more')


def mac_of(space, name):
    return json.loads(space.run(['ip', '-j', 'link', 'show', name])[1])[0][
        'address']


def forged(c, outer, inner, text, whose=('y/ok', 'x/srv')):
    """VXLAN around what one pod would send to another."""
    src, dst = map(c.pod, whose)
    packet = wire.udp(src.ips[inner], dst.ips[inner], 1234, SINK, text)
    return struct.pack('!II', 8 << 24, 9 << 8) + wire.frame(
        '02:00:00:00:00:99', mac_of(dst.node.ns, 'vx9' if outer == 4
                                    else 'vx9s'), packet)


def send(space, to, port, data, source=0):
    family = socket.AF_INET6 if ':' in to else socket.AF_INET

    with wire.open_in(space, lambda: socket.socket(
            family, socket.SOCK_DGRAM)) as sock:
        sock.bind(('', source))
        sock.sendto(data, (to, port))


def comes_out(c, space, port, want, whose=('y/ok', 'x/srv')):
    """Sends from @space through both families; what of it reaches the pod
    that it is for, of whose node the tunnel is."""
    node, out = c.pod(whose[1]).node, []
    witness = wire.Witness(c.pod(whose[1]).space)
    try:
        for outer in FAMILIES:
            for inner in FAMILIES:
                text = f'planted {outer} {inner}'.encode()
                data = forged(c, outer, inner, text, whose)
                if witness.count(text, lambda o=outer, d=data: send(
                        space, node.ips[o], port, d), want=want):
                    out.append((outer, inner))
    finally:
        witness.close()
    return out


BOTH = [(4, 4), (4, 6), (6, 4), (6, 6)]


@SHARED.test
def nothing_of_a_pod_comes_out_of_its_nodes_tunnel_at_an_odd_port(c):
    node, mal = c.nodes[0], c.pod('x/mal')
    with device(c, 7777):
        for rung in each_rung(c, RUNGS):
            expect(BOTH, comes_out(c, node.ns, 7777, 1),
                   f'{rung}: planted by the node itself')
            before = node.counter('ENCAP_FORBIDDEN', 'egress')
            expect([], comes_out(c, mal.space, 7777, 0), f'{rung}: of the pod')
            wait_for('drops are counted', lambda b=before: node.counter(
                'ENCAP_FORBIDDEN', 'egress') >= b + 4)
        answer = node.warder('why', 'x/mal', f'{node.ips[4]}:7777/udp',
                             ok=None)[1]
        expect(True, 'ENCAP_FORBIDDEN' in answer, 'why: ' + answer)
    answer = node.warder('why', 'x/mal', f'{node.ips[4]}:7777/udp', ok=None)[1]
    expect(False, 'ENCAP_FORBIDDEN' in answer, 'no tunnel, why: ' + answer)


# What reaches the node's own sockets: who is dropped by a hook never does.
SEEN = """add table inet seen
add counter inet seen plain
add chain inet seen in { type filter hook input priority 0 ; }
add rule inet seen in udp sport 4321 counter name plain
"""


def seen(node):
    text = node.ns.run(['nft', '-j', 'list', 'counter', 'inet', 'seen',
                        'plain'])[1]
    return json.loads(text)['nftables'][-1]['counter']['packets']


def passes_hook(c, port, to=None):
    """Does mal's hook let a datagram to the node pass? From one port: a flow."""
    node, mal = c.nodes[0], c.pod('x/mal')
    before, end = seen(node), time.monotonic() + 0.4
    send(mal.space, to or node.ips[4], port, b'plain text', 4321)
    while seen(node) == before and time.monotonic() < end:
        time.sleep(0.02)
    return seen(node) > before


@SHARED.test
def a_flow_ends_when_its_port_becomes_a_tunnels(c):
    for rung in each_rung(c, RUNGS):
        expect(True, passes_hook(c, 7778), f'{rung}: no tunnel')
        with device(c, 7778):
            wait_for(f'{rung}: the same flow ends',
                     lambda: not passes_hook(c, 7778))
        wait_for(f'{rung}: it lives', lambda: passes_hook(c, 7778))


SERVICES = {'10.96.7.7': 0, '10.96.7.8': 20}  # backends elsewhere


def objects_of(name, addr, ends):
    """A service and a slice for each of its @ends, at UDP port 53."""
    yield {'apiVersion': 'v1', 'kind': 'Service',
           'metadata': {'name': name, 'namespace': 'x'},
           'spec': {'clusterIP': addr, 'clusterIPs': [addr], 'ports': [
               {'name': 'led', 'port': 53, 'targetPort': 'led',
                'protocol': 'UDP'}]}}
    for i, (ip, port) in enumerate(ends):
        yield {'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice',
               'metadata': {'name': f'{name}-{i}', 'namespace': 'x', 'labels': {
                   'kubernetes.io/service-name': name}},
               'addressType': 'IPv4', 'endpoints': [{'addresses': [ip]}],
               'ports': [{'name': 'led', 'port': port, 'protocol': 'UDP'}]}


@contextlib.contextmanager
def services(c, port):
    """Each leads to @port of the node, as far as packets go."""
    to, objects = c.nodes[0].ips[4], []
    rules = 'add table ip led\nadd chain ip led pre ' \
        '{ type nat hook prerouting priority dstnat ; }\n'
    for i, (addr, others) in enumerate(SERVICES.items()):
        objects += objects_of(f'led{i}', addr, [
            (f'198.51.100.{n}', 2000 + n) for n in range(1, others + 1)
        ] + [(to, port)])
        rules += f'add rule ip led pre ip daddr {addr} udp dport 53 ' \
            f'dnat to {to}:{port}\n'
    c.write('led.yaml', yamlout.text(objects))
    c.nodes[0].ns.run(['nft', '-f', '-'], rules)
    c.sync()
    try:
        yield
    finally:
        c.nodes[0].ns.run(['nft', 'delete table ip led'])
        c.write('led.yaml', None)
        c.sync()


# One has more kinds of backends than programs are told of: an entry for all of
# them says whether one may be a tunnel, and another when their ports change.
@SHARED.test
def no_service_leads_into_a_tunnel_of_a_node(c):
    node = c.nodes[0]
    with services(c, 7787):
        for rung in each_rung(c, RUNGS):
            for to in SERVICES:
                wait_for(f'{rung}: {to} leads to the node',
                         lambda t=to: passes_hook(c, 53, t))
            with device(c, 7787, known=False):
                for to in SERVICES:
                    before = node.counter('ENCAP_FORBIDDEN', 'egress')
                    wait_for(f'{rung}: {to} to a tunnel',
                             lambda t=to: not passes_hook(c, 53, t))
                    wait_for(f'{rung}: a drop is counted', lambda b=before:
                             node.counter('ENCAP_FORBIDDEN', 'egress') > b)
            for to in SERVICES:
                wait_for(f'{rung}: {to} to the node again',
                         lambda t=to: passes_hook(c, 53, t))


@SHARED.test
def of_more_ports_than_can_be_told_of_each_is_shut(c):
    node = c.nodes[0]
    with contextlib.ExitStack() as stack:
        expect(True, passes_hook(c, 7790), 'none yet')
        for i in range(9):
            stack.enter_context(device(c, 7801 + i, f'vy{i}', i < 5))
        wait_for('more than fit', lambda: told(c).get(0) == 'more than fit')
        for rung in each_rung(c, ('full', 'nft')):
            for port in (7801, 7809, 7790):
                wait_for(f'{rung}: port {port} is shut',
                         lambda p=port: not passes_hook(c, p))
            expect(True, 'more than fit' in node.warder(
                'encryption', 'status')[1], 'status')
    wait_for('all as before', lambda: not told(c) and passes_hook(c, 7790))


@SHARED.test
def ports_that_only_another_node_has_are_shut_where_they_are_named(c):
    node, mal, whose = c.nodes[0], c.pod('x/mal'), ('x/srv', 'y/ok')
    with device(c, 7783, known=False, node=c.nodes[1]):
        expect(BOTH, comes_out(c, mal.space, 7783, 1, whose), 'not named')
        try:
            node.stop_agent()
            node.start_agent('--tunnel-port', '7783', '--tunnel-port', '4789')
            expect({7783: 'another'}, told(c), 'the customary one is no news')
            for rung in each_rung(c, RUNGS):
                expect([], comes_out(c, mal.space, 7783, 0, whose), rung)
            expect(BOTH, comes_out(c, node.ns, 7783, 1, whose), 'of the node')
            expect(True, passes_hook(c, 7784), 'another port')
        finally:
            node.stop_agent()
            node.agent_args = []
            node.start_agent()
        expect(BOTH, comes_out(c, mal.space, 7783, 1, whose), 'as before')


@SHARED.test
def a_tunnel_that_moves_to_another_namespace_still_listens_here(c):
    node, away = c.nodes[0], c.pod('x/srv').space
    with device(c, 7785, 'vm9', known=False):
        wait_for('it is told', lambda: told(c).get(7785) == 'vxlan')
        try:
            for end in ('vm9', 'vm9s'):
                node.ns.ip(f'link set {end} netns {away.pid}')
            wait_for('it is gone from here', lambda: node.ns.run(
                ['ip', 'link', 'show', 'vm9s'], check_rc=False)[0])
            time.sleep(0.3)  # in which a port that goes would have gone
            expect('vxlan', told(c).get(7785), 'it has moved')
            expect(False, passes_hook(c, 7785), 'to where it listens')
            expect(True, passes_hook(c, 7786), 'to another port')
        finally:
            for end in ('vm9', 'vm9s'):
                away.run(['ip', 'link', 'del', end], check_rc=False)
    node.stop_agent()
    node.start_agent()
    expect({}, told(c), 'nothing listens any more')
    expect(True, passes_hook(c, 7785), 'where nothing listens')


@SHARED.test
def what_comes_and_goes_while_no_agent_runs_is_known_to_the_next(c):
    node, mal = c.nodes[0], c.pod('x/mal')
    node.stop_agent(signal.SIGKILL)
    with device(c, 7779, known=False):
        node.start_agent()
        expect('vxlan', told(c).get(7779), 'when it is ready')
        expect([], comes_out(c, mal.space, 7779, 0), 'of the pod')
        node.stop_agent(signal.SIGKILL)
        expect([], comes_out(c, mal.space, 7779, 0), 'no agent')
    node.start_agent()
    expect(None, told(c).get(7779), 'it is gone')


@SHARED.test
def who_may_exchange_tunnels_with_nodes_may_at_any_port(c):
    mal = c.pod('x/mal')
    with device(c, 7777):
        c.ns_annotations['x'] = {ENCAP: 'allowed'}
        c.apply()
        try:
            expect(BOTH, comes_out(c, mal.space, 7777, 1), 'allowed')
        finally:
            del c.ns_annotations['x']
            c.apply()
        expect([], comes_out(c, mal.space, 7777, 0), 'no longer')


if __name__ == '__main__':
    sys.exit(SHARED.main(make))
