#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Encryption is required and there is no WireGuard: nothing leaves in clear.

    test_leaks.py [TEXT]        only situations whose name contains it

Two labs side by side, one with routes between the nodes, one with VXLAN. In
each, pods of a namespace that must be encrypted send to each other's node all
the time, so do processes of the host with the pods' addresses and with its own,
while one situation follows the other. A sniffer behind each uplink must count
none of it, and every planted frame. Pods that may talk in clear lose nothing
through all of it, and the world answers.

Row numbers are those of the project's list of scenarios. WD_LONG=1: at a rate
that shows the sniffer 10^7 packets.
"""
import contextlib
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), 'net'))

# pylint: disable=wrong-import-position
import planted
from bench import ARGS, IN, OUT, SEEN_MIN, Bench, Open
from lab import NOBODY, PORTS, SETTLE_S, Lab, Sniffer, expect_no_leak, plants
from planted import STRANGER
from wdnet.cluster import POD_ADDR, POD_NET, UPLINK
from wdnet.tap import Fail, Workers, expect

ROUNDS = 100 if os.environ.get('WD_LONG') == '1' else 4
MARKS = ('0x1', '0xe00', '0xd00', '0x1e00', '0x4000', '0x8000', '0xffffffff')
# What no program knows for a tunnel is looked into only where nothing at all
# may be in clear between nodes.


# ---- how it begins ----

def row_127_what_a_cold_node_sends_is_in_clear_until_the_agent_is_ready(b):
    """Processes of the host send before there is an agent: seen, which is the
    control of all that follows; once it is ready, not one more."""
    b.lab.write_objects()  # of nodes and namespaces; no pods yet
    b.forge()
    b.expect_leaks('no agent yet')
    b.lab.start_agents(*ARGS)
    b.forget()
    b.watch('agents are ready')
    before = b.drops(OUT)
    b.watch('agents are ready')
    if b.drops(OUT) <= before:
        raise Fail('no packet was dropped with PLAINTEXT_OUT')


def row_117_and_118_pods_of_two_nodes_never_talk_in_clear(b):
    """From their first packet on, over IPv4 and IPv6, every kind."""
    b.lab.run_usual_pods()
    b.talk()
    b.open = Open(b.lab)
    b.watch('pods talk')
    b.world_answers('pods talk')


# ---- the agent ----

def nothing_leaks_while_no_agent_runs(b):
    for node in b.nodes:
        node.stop_agent(signal.SIGKILL)
    b.watch('agents were killed')
    b.lab.start_agents(*ARGS)
    b.watch('agents came back')
    b.world_answers('agents came back')


def row_125_nothing_leaks_and_nothing_is_lost_while_agents_restart(b):
    for n in range(ROUNDS):
        node = b.nodes[n % 2]
        node.stop_agent(signal.SIGKILL if n % 3 else signal.SIGTERM)
        node.start_agent(*ARGS)
        b.watch(f'restart {n}', 0.1)


# ---- pods that nobody knows, any more or yet ----

def send_to(b, src, ips, what):
    """From pod @src to addresses of the other node: none leaves in clear."""
    with b.sending(src.space, b.lab.words(src.ips, ips)):
        b.watch(what, 0.6)


def row_117_a_pod_that_the_agent_does_not_know_yet(b):
    """Its own node's agent has told of it, ours stands still."""
    b.nodes[0].agent.send_signal(signal.SIGSTOP)
    pod = b.lab.new_pod('shop/new', 1, 30)
    try:
        b.lab.pods.append(pod)
        b.lab.write_objects()
        b.lab.start(pod)
        b.nodes[1].cni_add(pod)
        pod.phase, pod.known_ips = 'Running', dict(pod.ips)
        b.lab.write_objects()
        send_to(b, b.lab.pod('shop/a'), pod.ips, 'not known yet')
    finally:
        b.nodes[0].agent.send_signal(signal.SIGCONT)
    b.lab.sync()
    send_to(b, b.lab.pod('shop/a'), pod.ips, 'known now')
    b.lab.delete(pod)
    send_to(b, b.lab.pod('shop/a'), pod.ips, 'gone again')


def row_117_an_address_inside_the_cluster_that_nobody_has(b):
    ips = {f: POD_ADDR[f] % (2, NOBODY) for f in b.lab.families}
    send_to(b, b.lab.pod('shop/a'), ips, 'an address of nobody')


def row_117_an_address_inside_the_cluster_on_no_known_node(b):
    """A pod of the open namespace sends there: who has it must be encrypted,
    as far as anybody knows."""
    ips = {f: POD_ADDR[f] % (2, NOBODY) for f in b.lab.families}
    send_to(b, b.lab.pod('open/a'), ips, 'from a pod that may talk in clear')


def row_120_a_pod_that_is_deleted_while_it_sends(b):
    """What it has sent may be on its way when its address is nobody's."""
    for n in range(ROUNDS):
        pod = b.lab.new_pod(f'shop/gone{n}', n % 2, 40 + n % 100)
        b.lab.run_pods([pod])
        words = b.lab.words(pod.ips, b.lab.pod('shop/' + 'ba'[n % 2]).ips)
        with b.sending(pod.space, words), \
                b.sending(b.nodes[n % 2].ns, words, 'any-source'):
            time.sleep(0.05)
            b.lab.delete(pod)
            b.watch(f'round {n}', SETTLE_S)


def row_131_an_address_that_moves_to_another_node(b):
    """Its object says one node, then the other; the address stays."""
    pod = b.lab.new_pod('shop/moves', 1, 31)
    b.lab.run_pods([pod])
    for node in (0, 1, 0):
        pod.node = b.nodes[node]
        b.lab.write_objects()
        send_to(b, b.lab.pod('shop/a'), pod.ips, f'moves to node {node}')
        b.lab.sync()
        send_to(b, b.lab.pod('shop/a'), pod.ips, f'is on node {node}')
    pod.node = b.nodes[1]
    b.lab.delete(pod)


def row_139_what_may_be_in_clear_no_longer_may(b):
    """The namespace says so: from then on nothing more is seen. Its pods are
    among those that the sniffer takes for secret."""
    b.lab.namespaces['flips'] = {'team': 'flips'}
    b.lab.ns_annotations['flips'] = {'warder.io/encryption': 'none'}
    pods = [b.lab.new_pod(f'flips/{n}', i, 50) for i, n in enumerate('ab')]
    b.lab.run_pods(pods)
    with b.sending(pods[0].space, b.lab.words(pods[0].ips, pods[1].ips)):
        b.expect_leaks('the namespace may talk in clear', 0.3)
        del b.lab.ns_annotations['flips']
        b.lab.apply()
        b.forget()
        b.watch('it may no longer')
    for pod in pods:
        b.lab.delete(pod, sync=False)
    del b.lab.namespaces['flips']
    b.lab.apply()


# ---- what is done to packets on their way ----

def flip(b, what, line, options=()):
    """A line of `ip` on node-a, a while, and back. @line: with %s for a verb"""
    ns = b.nodes[0].ns
    ns.run(['ip', *options, *(line % 'add').split()])
    try:
        b.watch(what, 0.3)
    finally:
        ns.run(['ip', *options, *(line % 'del').split()])


def row_136_routes_around_the_tunnel(b):
    """A longer prefix, by the other node or by the router."""
    for f in b.lab.families:
        half, all_bits = {4: (25, 32), 6: (65, 128)}[f]
        for net in (f'{POD_NET[f].split("/")[0] % 2}/{half}',
                    f'{POD_ADDR[f] % (2, 10)}/{all_bits}'):
            for via in (UPLINK[f] % 2, UPLINK[f] % 254):
                flip(b, f'a route to {net} by {via}',
                     f'route %s {net} via {via} dev eth0')


def row_136_rules_in_front_of_the_routes(b):
    """A table of its own, for all and for a mark."""
    ns, target = b.nodes[0].ns, b.lab.pod('shop/b').ips
    for f in b.lab.families:
        net = f'{POD_ADDR[f] % (2, 10)}/{32 if f == 4 else 128}'
        ns.ip(f'route add {net} via {UPLINK[f] % 2} dev eth0 table 100')
        with b.sending(ns, b.lab.words(b.nodes[0].ips, target), 'mark=0x99'):
            for how in ('priority 0', 'priority 9 fwmark 0x99'):
                flip(b, f'a rule of v{f}: {how}', f'rule %s {how} table 100',
                     ('-6',) if f == 6 else ())
        ns.ip(f'route del {net} via {UPLINK[f] % 2} dev eth0 table 100')


def row_136_no_route_but_the_default_one(b):
    """The fabric knows the way to the pods: what leaves would arrive. Pods
    that may talk in clear go that way."""
    node = b.nodes[0]
    out = [node.ns.run(['ip', f'-{f}', 'route', 'show', POD_NET[f] % 2])[1]
           for f in b.lab.families]
    for f in b.lab.families:
        node.ns.run(['ip', f'-{f}', 'route', 'del', POD_NET[f] % 2])
    try:
        b.watch('no route to the other node')
    finally:
        for f, line in zip(b.lab.families, out):
            node.ns.ip('route add ' + line.strip())


@contextlib.contextmanager
def rules_of_nft(b, text):
    """A table of node-a while it lasts."""
    ns = b.nodes[0].ns
    ns.run(['nft', '-f', '-'], f'table inet wiretest {{\n{text}\n}}\n')
    try:
        yield
    finally:
        ns.run(['nft', 'delete', 'table', 'inet', 'wiretest'])


def ip_of(family):
    """Its name in nftables."""
    return 'ip6' if family == 6 else 'ip'


def row_136_destinations_rewritten_on_the_way(b):
    """A service address becomes the pod's behind its own hook."""
    service = {4: '10.96.0.10', 6: 'fd00:96::10'}
    a, target = b.lab.pod('shop/a'), b.lab.pod('shop/b').ips
    rules = '\n'.join(f'{ip_of(f)} daddr {service[f]} dnat {ip_of(f)} to '
                      f'{target[f]}' for f in b.lab.families)
    chains = '\n'.join(f'chain {hook} {{ type nat hook {hook} priority -100;\n'
                       f'{rules}\n}}' for hook in ('prerouting', 'output'))
    node = b.nodes[0]
    with rules_of_nft(b, chains), \
            b.sending(a.space, b.lab.words(a.ips, service)), \
            b.sending(node.ns, b.lab.words(node.ips, service)):
        b.watch('by a service')


def row_121_sources_rewritten_on_the_way(b):
    """Masqueraded: the packet has the node's address, the payload is a pod's."""
    ips = b.lab.pod('shop/a').ips
    rules = '\n'.join(f'{ip_of(f)} saddr {ips[f]} masquerade'
                      for f in b.lab.families)
    before = b.drops(OUT)
    with rules_of_nft(b, 'chain post { type nat hook postrouting priority 100;'
                      f'\n{rules}\n}}'):
        b.watch('masqueraded')
    if b.drops(OUT) <= before:
        raise Fail('no packet was dropped with PLAINTEXT_OUT')


def row_129_marks_that_say_it_is_encrypted(b):
    """Set on whatever passes, and by the sender's socket; then cleared."""
    node, target = b.nodes[0], b.lab.pod('shop/b').ips
    hooks = (('prerouting', 'filter', -300), ('forward', 'filter', 300),
             ('postrouting', 'filter', 300), ('output', 'route', -300))
    for mark in (*MARKS, '0'):
        chains = '\n'.join(f'chain {hook} {{ type {kind} hook {hook} priority '
                           f'{prio}; meta mark set {mark}; }}'
                           for hook, kind, prio in hooks)
        with rules_of_nft(b, chains), \
                b.sending(node.ns, b.lab.words(node.ips, target),
                          'mark=' + mark):
            b.watch(f'mark {mark}', 0.15)


def row_119_no_kind_of_frame_leaves_whatever_is_around_it(b):
    """Each planted frame, put on the guarded uplink: none comes out."""
    before = b.drops(OUT, ('TUN_OPAQUE', 'egress'), ('FRAG_ORPHAN', 'egress'))
    expect_plants(b, lambda p: True)
    after = b.drops(OUT, ('TUN_OPAQUE', 'egress'), ('FRAG_ORPHAN', 'egress'))
    if after - before < 2 * len(plants()) * 3 // 4:
        raise Fail(f'only {after - before} were dropped')


def expect_plants(b, guarded):
    """Plants on both uplinks: those that @guarded() names may not be seen."""
    lab = b.lab
    pods = [{f: POD_ADDR[f] % (n, 10) for f in lab.families} for n in (1, 2)]
    ips = [n.ips for n in lab.nodes]
    lab.count()
    for here, there in ((0, 1), (1, 0)):
        node = lab.nodes[here]
        lab.sniffer.take()  # tagged ones are told apart until the next count
        for words in ((), ('marker=' + lab.secret,)):
            lab.plant(node.ns, 'eth0', (node.mac, lab.nodes[there].mac),
                      (ips[here], ips[there]), (pods[here], pods[there]),
                      'tag=' + lab.tag, *words, check=False)
        time.sleep(SETTLE_S)
        got = lab.sniffer.take('armed')
        seen = [p.name for p in plants()
                if got['plants'].get(str(p.number)) and guarded(p)]
        if seen:
            raise Fail(f'seen behind {node.name}:', *seen)
        expect_no_leak(got['devices'], 'beside the planted ones')


# ---- the other direction ----

def row_128_nothing_in_clear_comes_in_from_the_wire(b):
    """Each planted frame, from the underlay to the node: no pod gets it, and
    nobody answers; the same frames to a pod that may talk in clear arrive."""
    lab = b.lab
    ips = [n.ips for n in lab.nodes]
    before = b.drops(IN, ('TUN_OPAQUE', 'ingress'), ('FRAG_ORPHAN', 'ingress'))
    for here, there in ((0, 1), (1, 0)):
        for index, marker in ((10, lab.secret), (200, lab.tag * 2)):
            pods = [{f: POD_ADDR[f] % (n + 1, index) for f in lab.families}
                    for n in (here, there)]
            ear = lab.listen_for(lab.pod(
                ('shop/' if index == 10 else 'open/') + 'ab'[there]), marker)
            sent = lab.plant(lab.space, 'wild0',
                             (STRANGER, lab.nodes[there].mac),
                             (ips[here], ips[there]), pods,
                             'marker=' + marker)
            time.sleep(SETTLE_S)
            got = ear.take()['devices']['eth0']['marker']
            ear.close()
            if index == 10:
                expect(0, got, f'of {sent} in clear have arrived')
            elif not got:
                raise Fail('what may be in clear does not arrive either')
    b.watch('nobody answers', 0.1)
    after = b.drops(IN, ('TUN_OPAQUE', 'ingress'), ('FRAG_ORPHAN', 'ingress'))
    if after - before < 2 * len(plants()) * 3 // 4:
        raise Fail(f'only {after - before} were dropped')


# ---- devices ----

def row_113_nothing_shows_by_a_new_device_from_its_first_packet_on(b):
    """A second uplink comes, and pods are routed over it in the same moment.
    Twice: the agent guards it, and no agent runs."""
    node = b.nodes[0]
    before = gate_dropped(node)
    node.agent.send_signal(signal.SIGSTOP)
    expect_none_by(b, 'port4', lambda: node.agent.send_signal(signal.SIGCONT))
    expect(True, gate_dropped(node) > before, 'drops of the gate')
    node.stop_agent(signal.SIGKILL)
    expect_none_by(b, 'port5', lambda: node.start_agent(*ARGS))


def gate_dropped(node):
    return node.status()['wires']['new_devices_dropped']


def expect_none_by(b, port, go_on):
    """@go_on: has the agent hear of the device, which it could not before."""
    lab, node, end = b.lab, b.nodes[0], port.replace('port', 'eth')
    lab.space.ip(f'link add {port} type veth peer name {end} netns '
                 f'{node.host.pid}', f'link set {port} master br0 up')
    extra = Sniffer(lab.space, (port,), *lab.rules(),
                    'marker=' + lab.secret)
    lab.tools.append(extra)
    try:
        node.ns.ip(f'link set {end} up', *(
            f'{verb} {ip}{rest} dev {end}'
            for ip in lab.pod('shop/b').ips.values()
            for verb, rest in (('neigh add', ' lladdr ' + b.nodes[1].mac),
                               ('route add', ''))))
        b.watch(f'a second uplink, {end}', 0.3)
        go_on()
        b.watch(f'a second uplink, {end}')
        got = extra.take()['devices'][port]
        expect((0, []), (got['leaks'], got['samples']), f'leaks by {end}')
    finally:
        lab.space.ip(f'link del {port}')
        extra.close()


# ---- how it ends ----

def row_121_between_nodes_nothing_is_in_clear_if_that_is_required(b):
    """Also what processes of the nodes say to each other, and what is in no
    tunnel that anybody knows."""
    for node in b.nodes:
        node.stop_agent()
    b.lab.start_agents(*ARGS, '--encryption-nodes', 'required')
    b.forget()
    one, other = b.nodes
    with b.sending(one.ns, b.lab.words(one.ips, other.ips)):
        b.watch('nodes talk')
    expect_plants(b, lambda p: True)
    b.world_answers('nodes must be encrypted')


def every_packet_that_may_be_in_clear_has_arrived(b):
    """Through all that happened since the pods came."""
    b.open.end()
    b.open.begin()


def enough_was_seen(b):
    if b.seen < SEEN_MIN:
        raise Fail(f'only {b.seen} packets were seen on the wire')


def row_140_all_of_it_was_really_sent(b):
    """Detached, the same traffic is seen at once."""
    for node in b.nodes:
        node.warder('stop', '--detach')
        node.agent.wait(30)
        node.agent = None
    b.forget()
    number = b.expect_leaks('nobody guards any more')
    got = b.lab.count()
    for port in PORTS:
        if not got[port]['leaks']:
            raise Fail(f'nothing was seen at {port}')
    print(f'# {number} leaks seen once nothing guards', flush=True)


ALL = (
    row_127_what_a_cold_node_sends_is_in_clear_until_the_agent_is_ready,
    row_117_and_118_pods_of_two_nodes_never_talk_in_clear,
    nothing_leaks_while_no_agent_runs,
    row_125_nothing_leaks_and_nothing_is_lost_while_agents_restart,
    row_117_a_pod_that_the_agent_does_not_know_yet,
    row_117_an_address_inside_the_cluster_that_nobody_has,
    row_117_an_address_inside_the_cluster_on_no_known_node,
    row_120_a_pod_that_is_deleted_while_it_sends,
    row_131_an_address_that_moves_to_another_node,
    row_139_what_may_be_in_clear_no_longer_may,
    row_129_marks_that_say_it_is_encrypted,
    row_136_destinations_rewritten_on_the_way,
    row_121_sources_rewritten_on_the_way,
    row_113_nothing_shows_by_a_new_device_from_its_first_packet_on,
    row_119_no_kind_of_frame_leaves_whatever_is_around_it,
    row_128_nothing_in_clear_comes_in_from_the_wire,
    row_136_routes_around_the_tunnel,
    row_136_rules_in_front_of_the_routes,
    every_packet_that_may_be_in_clear_has_arrived,
    row_136_no_route_but_the_default_one,
    enough_was_seen,
    row_121_between_nodes_nothing_is_in_clear_if_that_is_required,
    row_140_all_of_it_was_really_sent,
)


def side(overlay, only):
    def run(tap):
        name = overlay or 'native'
        lab = Lab(overlay)
        bench = None
        try:
            for title, test in planted.TESTS:
                tap.run(f'{name}: {title}', test, lab)
            if tap.failed:  # the sniffer is blind: nothing would count
                return
            bench = Bench(lab)
            for test in ALL:
                if only in test.__name__:
                    tap.run(f'{name}: {test.__name__}', bench.run, test)
            tap.say(*bench.told())
        finally:
            if bench:
                bench.close()
            lab.close()
    return run


def main():
    only = sys.argv[1] if len(sys.argv) > 1 else ''
    return Workers([side(None, only), side('vxlan', only)]).run()


if __name__ == '__main__':
    sys.exit(main())
