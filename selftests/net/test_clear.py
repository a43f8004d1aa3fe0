#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Which pods of two nodes without WireGuard reach each other in clear: by what
their namespaces require, by exempt nodes, by what is known; on programs and on
the ruleset.

    test_clear.py [PART-OF-A-NAME]
"""
import contextlib
import ipaddress
import json
import signal
import socket
import struct
import sys
import time

from wdnet import wire, yamlout
from wdnet.ask import allowed, answered, denied, until
from wdnet.cluster import POD_NET, WORLD, e2e
from wdnet.shared import Shared, pin
from wdnet.solo import note
from wdnet.tap import Fail, expect

SHARED = Shared()
RUNGS = ('full', 'nft')
PREFIXES = [word for net in POD_NET.values() for number in (1, 2)
            for word in ('--encryption-prefix', net % number)]
NEED = {'warder.io/encryption': 'required'}
FREE = {'warder.io/encryption': 'none'}
FAR = {4: '172.31.9.9', 6: 'fd99::9'}  # a pod in no prefix of the cluster
EVENTS = 6000  # more than the agent's socket has room for
LOST = 'events were lost'
SOON_S = 0.5  # on a busy machine; the look at all comes each 2 s
STRANGER = {4: '169.254.7.7', 6: 'fe80::7777'}


def annotate(c, **by_space):
    c.ns_annotations = by_space
    c.apply([])


def dropped(node):
    """Packets that this node has dropped for being in clear, by reason."""
    out = {}
    for line in node.status()['counters']:
        if line['reason'] in ('PLAINTEXT_OUT', 'PLAINTEXT_IN', 'WG_STATE',
                              'TUN_OPAQUE'):
            out[line['reason']] = out.get(line['reason'], 0) \
                + line['packets']
    return out


def restart(c, *args):
    for node in c.nodes:
        node.stop_agent()
        node.start_agent(*args)


def hooks(node):
    """Devices that are no pod's and have programs of ours."""
    return node.ns.run(['ls', node.bpffs + '/wires/links'],
                       check_rc=False)[1].split()


def reaches(end, name, family):
    return answered(end, WORLD[name][family], 'tcp', 80, 'world') == 'world'


def total(node):
    return sum(dropped(node).values())


@SHARED.test
def required_pods_reach_their_own_node_only(c):
    annotate(c, x=NEED, y=FREE)
    for rung in ('full', 'minimal', 'nft', 'full'):
        pin(c, rung)
        before = [total(n) for n in c.nodes]
        allowed(c.pod('x/a'), c.pod('x/c'))
        denied(c.pod('x/a'), c.pod('x/b'))
        denied(c.pod('x/b'), c.pod('x/a'))
        # either end is enough
        denied(c.pod('x/a'), c.pod('y/a'))
        denied(c.pod('y/a'), c.pod('x/a'))
        allowed(c.pod('y/b'), c.pod('y/a'))
        allowed(c.pod('y/a'), c.pod('y/b'))
        for node, count in zip(c.nodes, before):
            expect(True, total(node) > count,
                   f'{rung}: {node.name} counts drops: {dropped(node)}')


@SHARED.test
def outside_of_the_cluster_nothing_changes(c):
    annotate(c, x=NEED)
    for rung in RUNGS:
        pin(c, rung)
        for end in (c.pod('x/a'), c.pod('x/b')):
            for name in ('ext1', 'ext2'):
                expect(True, reaches(end, name, 4), f'{rung}: {name}')


def expect_no_stranger_told(c, rung, family):
    """Who is outside may be a pod: what one that must has said to it, or it to
    one that must, no node says to it in clear."""
    node, ext = c.nodes[0], WORLD['ext1'][family]
    for i, (name, want) in enumerate((('x/a', 0), ('y/b', 1))):
        pod = c.pod(name).ips[family]
        for j, (src, dst) in enumerate(((ext, pod), (pod, ext))):
            mark = b'alien-%d-%d-%d-' % (family, i, j)
            got = crosses(c, family, node.ns, node.ips[family],
                          lambda m, s=src, d=dst: wire.udp(s, d, 5, 6, m),
                          mark, want, to=ext)
            expect(want, got, f'{rung}: {src} and {dst} quoted, IPv{family}')


@SHARED.test
def where_no_prefix_is_known_a_pod_that_must_reaches_nobody_outside(c):
    restart(c, '--encryption', 'none')
    annotate(c, x=NEED)
    try:
        for rung in RUNGS:
            pin(c, rung)
            for f in c.families:
                expect(None, answered(c.pod('x/a'), WORLD['ext1'][f], 'tcp',
                                      80, None), f'{rung}: ext1 over IPv{f}')
                expect(True, reaches(c.pod('y/b'), 'ext1', f),
                       f'{rung}: of a pod that need not')
                expect(True, reaches(c.nodes[0], 'ext1', f),
                       f'{rung}: of the node')
                expect_no_stranger_told(c, rung, f)
            allowed(c.pod('x/a'), c.pod('x/c'))
        expect(['IPv4', 'IPv6'], c.nodes[0].status()['wires']['no_prefix'],
               'families without a prefix')
        pin(c, 'full')
        c.write('extra-nodes.yaml', yamlout.text([
            {'apiVersion': 'cilium.io/v2', 'kind': 'CiliumNode',
             'metadata': {'name': f'node-{name}'},
             'spec': {'ipam': {'podCIDRs': [net % number
                                            for net in POD_NET.values()]}}}
            for number, name in enumerate('ab', 1)]))
        c.sync()
        expect([], c.nodes[0].status()['wires']['no_prefix'],
               'once CiliumNodes say them')
        expect(True, reaches(c.pod('x/a'), 'ext1', 4), 'outside')
        denied(c.pod('x/a'), c.pod('x/b'))
    finally:
        c.write('extra-nodes.yaml', None)
        c.sync()
        restart(c, *PREFIXES)
    expect([], c.nodes[0].status()['wires']['no_prefix'], 'once they are known')
    pin(c, 'full')
    expect(True, reaches(c.pod('x/a'), 'ext1', 4), 'outside is outside again')


@SHARED.test
def ruleset_alone_judges_where_no_programs_are_fed(c):
    annotate(c, x=NEED)
    pin(c, 'full')
    expect(True, bool(hooks(c.nodes[0])), 'programs of wires')
    pin(c, 'nft')
    for node in c.nodes:
        until(True, lambda n=node: not hooks(n), 'they are off on nft')
    pin(c, 'full')
    expect(True, bool(hooks(c.nodes[0])), 'they are back')


@SHARED.test
def node_reaches_no_required_pod_elsewhere_in_clear(c):
    annotate(c, x=NEED, y=FREE)
    for rung in RUNGS:
        pin(c, rung)
        denied(c.node('node-a'), c.pod('x/b'))
        denied(c.pod('x/b'), c.node('node-a'))
        allowed(c.node('node-a'), c.pod('y/a'))
        allowed(c.node('node-a'), c.pod('x/a'))


def checksum(data):
    words = struct.unpack(f'!{len(data) // 2}H', data)
    low = sum(words)
    while low >> 16:
        low = (low & 0xffff) + (low >> 16)
    return 0xffff ^ low


def ip_packet(family, src, dst, proto, data):
    ends = b''.join(socket.inet_pton(
        socket.AF_INET if family == 4 else socket.AF_INET6, a)
                    for a in (src, dst))
    if family == 6:
        return struct.pack('!IHBB', 6 << 28, len(data), proto, 64) \
            + ends + data
    head = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(data), 7, 0, 64, proto,
                       0)
    return head[:10] + struct.pack('!H', checksum(head + ends)) + ends + data


def icmp_error(family, src, dst, quoted):
    head = struct.pack('!BBHI', 3 if family == 4 else 1, 1, 0, 0)
    data = head + quoted + bytes(len(quoted) % 2)
    pseudo = b'' if family == 4 else wire.packed(src) + wire.packed(dst) \
        + struct.pack('!II', len(data), 58)
    data = head[:2] + struct.pack('!H', checksum(pseudo + data)) + data[4:]
    return ip_packet(family, src, dst, 1 if family == 4 else 58, data)


def raw_socket(space, family):
    return wire.open_in(space, lambda: socket.socket(
        socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_RAW,
        socket.IPPROTO_RAW))


@SHARED.test
def icmp_of_an_address_that_nobody_knows_quotes_nothing_secret(c):
    """As a node does whose route to a pod is gone: what the pod has sent is in
    the answer, which goes where the default route leads."""
    annotate(c, x=NEED, y=FREE)
    node, there = c.nodes[0], c.pod('x/b')
    for rung in ('full', 'minimal', 'nft', 'full'):
        pin(c, rung)
        for f in c.families:
            quoted = ip_packet(f, there.ips[f], c.pod('x/a').ips[f], 17,
                               struct.pack('!HHHH', 1, 2, 20, 0)
                               + b'secret' * 2)
            before = dropped(node)
            # a ruleset says to who sends that it is not permitted
            with raw_socket(node.ns, f) as sock, \
                    contextlib.suppress(PermissionError):
                sock.sendto(icmp_error(f, STRANGER[f], there.ips[f], quoted),
                            (there.ips[f], 0))
            until(True, lambda b=before: sum(dropped(node).values())
                  > sum(b.values()), f'{rung}: a drop is counted, IPv{f}')


def told_by_nodes(c, family):
    """What node-a may say to node-b about, and what not: (name, packet,
    whether it is a secret of x/b and x/a)."""
    (a, b), ext = (n.ips[family] for n in c.nodes), WORLD['ext1'][family]
    src, dst = c.pod('x/b').ips[family], c.pod('x/a').ips[family]
    nobody = str(ipaddress.ip_network(POD_NET[family] % 1)[99])
    vni = struct.pack('!II', 8 << 24, 9 << 8)

    def over(port, data):
        return lambda mark: wire.udp(b, a, 7, port, data + mark)

    def tunnel(port):
        return lambda mark: wire.udp(b, a, 7, port, vni + wire.frame(
            '02:00:00:00:00:01', '02:00:00:00:00:02',
            wire.udp(src, dst, 5, 6, mark)))
    tcp = struct.pack('!HHIIHHHH', 5, 6443, 7, 0, 0x5010, 0, 0, 0)
    return (
        ('two pods', lambda m: wire.udp(src, dst, 5, 6, m), True),
        ('node and pod', lambda m: wire.udp(b, dst, 5, 6, m), True),
        ('pod and node', lambda m: wire.udp(src, a, 5, 6, m), True),
        ('a pod nobody knows', lambda m: wire.udp(src, nobody, 5, 6, m), True),
        ('in VXLAN', tunnel(4789), True),
        ('a pod in no prefix', lambda m: wire.udp(FAR[family], dst, 5, 6, m),
         True),
        ('node and such a pod', lambda m: wire.udp(b, FAR[family], 5, 6, m),
         True),
        ('TCP of nodes', lambda m: ip_packet(family, b, a, 6, tcp + m), False),
        ('UDP of nodes', over(53, b'plain!'), False),
        ('WireGuard', over(51820, b'\4\0\0\0' * 8), False),
        ('pod and outside', lambda m: wire.udp(src, ext, 5, 6, m), False))


def crosses(c, family, space, src, packet, mark, want, to=None):
    """How often an error about @packet, sent to node-b by @src, or to @to, is
    on the wire of node-a."""
    to = to or c.nodes[1].ips[family]
    error = icmp_error(family, src, to, packet(mark))

    def send():
        # a ruleset says to who sends that it is not permitted
        with raw_socket(space, family) as sock, \
                contextlib.suppress(PermissionError):
            sock.sendto(error, (to, 0))
    seen = wire.Witness(c.space, 'port1')
    try:
        return seen.count(mark, send, want=want)
    finally:
        seen.close()


def change_over(c, rung):
    """None: to where nothing is required. What judged before is gone then."""
    annotate(c, **({'x': NEED, 'y': FREE} if rung else {}))
    pin(c, rung or 'full')
    for node in c.nodes:
        until(rung in ('full', 'minimal'), lambda n=node: bool(hooks(n)),
              f'{rung}: programs of wires')


@contextlib.contextmanager
def far_pod(c):
    c.write('far.yaml', yamlout.text([
        {'apiVersion': 'v1', 'kind': 'Pod',
         'metadata': {'name': 'far', 'namespace': 'x', 'uid': 'far'},
         'spec': {'nodeName': c.nodes[1].name},
         'status': {'phase': 'Running',
                    'podIPs': [{'ip': FAR[f]} for f in c.families]}}]))
    c.sync()
    try:
        yield
    finally:
        c.write('far.yaml', None)
        c.sync()


@SHARED.test
def errors_of_an_exempt_node_quote_what_it_may_say_itself(c):
    """What is its own may be in clear, not what pods say to each other."""
    node = c.nodes[0]
    restart(c, *PREFIXES, '--encryption-exempt', node.name)
    try:
        for rung in RUNGS:
            change_over(c, rung)
            for f in c.families:
                for i, (name, packet, secret) in enumerate(
                        told_by_nodes(c, f)[:3]):
                    want = int(not secret or name == 'pod and node')
                    mark = b'spare-%d-%d-' % (f, i)
                    expect(want, crosses(c, f, node.ns, node.ips[f], packet,
                                         mark, want), f'{rung}: {name}, IPv{f}')
    finally:
        restart(c, *PREFIXES)


@SHARED.test
def errors_between_nodes_quote_nothing_secret(c):
    with far_pod(c):
        expect_nothing_quoted(c)


def expect_nothing_quoted(c):
    node = c.nodes[0]
    for rung in (None, 'full', 'minimal', 'nft'):
        change_over(c, rung)
        for f in c.families:
            for i, (name, packet, secret) in enumerate(told_by_nodes(c, f)):
                want = 0 if rung and secret else 1
                mark = b'quote-%d-%d-' % (f, i)
                expect(want, crosses(c, f, node.ns, node.ips[f], packet, mark,
                                     want),
                       f'{rung or "nothing required"}: {name}, IPv{f}')


def hears(c, family, packet, mark):
    """Does node-b get an error that somebody says node-a has sent?"""
    there = c.nodes[1]
    with wire.open_in(there.ns, lambda: socket.socket(
            socket.AF_INET if family == 4 else socket.AF_INET6,
            socket.SOCK_RAW, socket.IPPROTO_ICMP if family == 4
            else socket.IPPROTO_ICMPV6)) as ear, \
            raw_socket(c.space, family) as sock:
        sock.sendto(icmp_error(family, c.nodes[0].ips[family],
                               there.ips[family], packet(mark)),
                    (there.ips[family], 0))
        # what comes behind it says that it has come, or not
        sock.sendto(icmp_error(family, c.nodes[0].ips[family],
                               there.ips[family], wire.udp(
                                   there.ips[family], c.nodes[0].ips[family],
                                   7, 53, b'end of it')),
                    (there.ips[family], 0))
        ear.settimeout(10)
        got = b''
        while b'end of it' not in got[-200:]:
            got += ear.recv(2048)
        return mark in got


@SHARED.test
def errors_from_the_wire_quote_nothing_secret(c):
    with far_pod(c):
        expect_no_secret_heard(c)


def expect_no_secret_heard(c):
    for rung in (None, 'full', 'minimal', 'nft'):
        change_over(c, rung)
        for f in c.families:
            for i, (name, packet, secret) in enumerate(told_by_nodes(c, f)):
                expect(not rung or not secret,
                       hears(c, f, packet, b'wired-%d-%d-' % (f, i)),
                       f'{rung or "nothing required"}: {name}, IPv{f}')


def told_of(node, kind):
    """Packets by pair of namespaces, as the evidence has it."""
    doc = json.loads(node.warder('encryption', 'report', '--json')[1])
    return {(p['from'], p['to']): p['counts'][kind]['packets']
            for p in doc['namespaces'] if kind in p['counts']}


@SHARED.test
def what_a_pod_puts_into_a_tunnel_to_outside_is_nobodys_word(c):
    """It may send VXLAN to somebody outside, and writes what it likes inside."""
    change_over(c, 'full')
    node, mal = c.nodes[0], c.pod('x/a')
    src, dst = c.pod('z/a'), c.pod('y/a')
    vni = struct.pack('!II', 8 << 24, 9 << 8)
    for f in c.families:
        before, seen = told_of(node, 'clear'), wire.Witness(c.space, 'port1')
        data = vni + wire.frame('02:00:00:00:00:01', '02:00:00:00:00:02',
                                wire.udp(src.ips[f], dst.ips[f], 5, 6,
                                         b'never said'))

        def send(f=f, data=data):
            with wire.open_in(mal.space, lambda: socket.socket(
                    socket.AF_INET if f == 4 else socket.AF_INET6,
                    socket.SOCK_DGRAM)) as sock:
                for _ in range(5):
                    sock.sendto(data, (WORLD['ext1'][f], 4789))
        expect(5, seen.count(b'never said', send, want=5), f'IPv{f}: it left')
        seen.close()
        until(5, lambda: told_of(node, 'clear').get((None, None), 0)
              - before.get((None, None), 0), f'IPv{f}: of nobody')
        expect(before.get(('z', 'y')), told_of(node, 'clear').get(('z', 'y')),
               f'IPv{f}: of those named inside')
    allowed(src, dst)
    until(True, lambda: told_of(node, 'clear').get(('z', 'y'), 0) > 0,
          'what they do say')


@SHARED.test
def change_of_a_namespace_holds_at_once(c):
    annotate(c, x=FREE)
    pin(c, 'full')
    allowed(c.pod('x/a'), c.pod('x/b'))
    annotate(c, x=NEED)
    denied(c.pod('x/a'), c.pod('x/b'))
    annotate(c)
    allowed(c.pod('x/a'), c.pod('x/b'))
    annotate(c, x=NEED)
    denied(c.pod('x/a'), c.pod('x/b'))


def times_lost(node):
    with open(node.log_path, encoding='utf-8') as f:
        return f.read().count(LOST)


def make_unheard(node, name):
    """A pair of devices; what the kernel tells of it finds no room in the
    socket of the agent, which stands still. Gives how long it takes, from then
    on, until both are guarded."""
    before = set(hooks(node))
    node.agent.send_signal(signal.SIGSTOP)
    try:
        node.ns.run(['ip', '-batch', '-'], ''.join(
            f'link set eth0 alias {n}\n' for n in range(EVENTS)))
        node.ns.ip(f'link add {name} type veth peer name {name}p')
    finally:
        begun = time.monotonic()
        node.agent.send_signal(signal.SIGCONT)
    while len(set(hooks(node)) - before) < 4:
        if time.monotonic() - begun > 10:
            raise Fail(f'{name} is not guarded: {hooks(node)}')
    return time.monotonic() - begun


@SHARED.test
def device_of_which_the_word_was_lost_is_guarded_soon(c):
    node = c.nodes[0]
    annotate(c, x=NEED)
    pin(c, 'full')
    lost = times_lost(node)
    took = []
    for name in ('unheard0', 'unheard1'):
        took.append(make_unheard(node, name))
        node.ns.ip(f'link del {name}')
    expect(lost + len(took), times_lost(node), 'events were lost')
    note(f'guarded after {", ".join(f"{t * 1000:.0f} ms" for t in took)}')
    expect(True, max(took) < SOON_S, f'guarded within {SOON_S} s: {took}')


def gates(node):
    """What keeps new devices closed: tables, and how many rules there are."""
    out = node.ns.run(['nft', 'list', 'ruleset'])[1]
    return [f + ' warder_gate' for f in ('inet', 'bridge')
            if f'table {f} warder_gate' in out], out.count(' @inside4 counter')


@SHARED.test
def what_keeps_new_devices_closed_comes_and_goes_with_the_requirement(c):
    node, all_of_it = c.nodes[0], (['inet warder_gate', 'bridge warder_gate'], 4)
    annotate(c, x=NEED)
    pin(c, 'full')
    expect((all_of_it, False), (gates(node), node.status()['wires'][
        'new_devices_open']), 'what is there')
    node.ns.run(['nft', 'flush', 'chain', 'inet', 'warder_gate', 'gate'])
    node.ns.run(['nft', 'delete', 'table', 'bridge', 'warder_gate'])
    until(all_of_it, lambda: gates(node), 'what was edited is mended')
    pin(c, 'nft')
    expect(([], 0), gates(node), 'where a ruleset judges every device')
    pin(c, 'full')
    expect(all_of_it, gates(node), 'programs again')
    annotate(c)
    expect(([], 0), gates(node), 'nothing is required')
    annotate(c, x=NEED)
    node.warder('stop', '--detach')
    node.agent.wait(30)
    expect(([], 0), gates(node), 'the end of enforcement')
    node.start_agent(*PREFIXES, '--encryption-new-devices', 'open')
    expect((([], 0), True), (gates(node), node.status()['wires'][
        'new_devices_open']), 'not wanted')
    expect(True, 'a new device is not closed' in node.warder('status')[1],
           'status says so')
    restart(c, *PREFIXES)
    expect(all_of_it, gates(node), 'wanted again')


@SHARED.test
def pod_that_nobody_has_told_of_is_no_stranger(c):
    """The other node's pods are unknown: inside, by the prefix of the node."""
    annotate(c, x=NEED)
    pin(c, 'full')
    gone = [p for p in c.pods if p.key in ('y/a', 'y/c')]
    c.pods = [p for p in c.pods if p not in gone]
    try:
        annotate(c, x=NEED)
        for rung in RUNGS:
            pin(c, rung)
            denied(c.pod('x/a'), gone[0])
            denied(c.pod('y/b'), gone[0])  # it might be one that must
    finally:
        c.pods += gone
        restart(c)  # on the ruleset: programs of before know nothing of y/a
    annotate(c, x=NEED)
    allowed(c.pod('y/b'), c.pod('y/a'))


@SHARED.test
def exempt_nodes_reach_pods_in_clear_and_pods_do_not(c):
    annotate(c, x=NEED)
    restart(c, *PREFIXES, '--encryption-exempt', 'node-a')
    for rung in RUNGS:
        pin(c, rung)
        allowed(c.node('node-a'), c.pod('x/b'))
        denied(c.node('node-b'), c.pod('x/a'))
        denied(c.pod('x/a'), c.pod('x/b'))


def says(c, src, dst, port=80):
    node = src.node if hasattr(src, 'node') else src
    doc = json.loads(node.warder('why', src.key, f'{dst.key}:{port}',
                                 '--json')[1])
    return doc['encryption'], ' '.join(doc['warnings'])


@SHARED.test
def why_says_what_must_be_encrypted(c):
    annotate(c, x=NEED)
    pin(c, 'full')
    expect('required', says(c, c.pod('x/a'), c.pod('x/b'))[0], 'elsewhere')
    expect('required', says(c, c.pod('y/b'), c.pod('x/b'))[0], 'its peer must')
    expect('none', says(c, c.pod('x/a'), c.pod('x/c'))[0], 'same node')
    expect('none', says(c, c.pod('y/b'), c.pod('y/a'))[0], 'neither must')
    expect('', says(c, c.pod('x/a'), c.pod('x/b'))[1], 'warnings')
    expect(True, 'HBONE' in says(c, c.pod('x/a'), c.pod('x/b'), 15008)[1],
           'warning of port 15008')
    expect(True, 'Linkerd' in says(c, c.pod('x/a'), c.pod('x/b'), 4143)[1],
           'warning of port 4143')


@SHARED.test
def status_names_devices_and_findings(c):
    annotate(c, x=NEED)
    pin(c, 'full')
    doc = c.nodes[0].status()
    wires = {d['interface']: d for d in doc['wires']['devices']}
    expect('wire', wires['eth0']['kind'], 'kind of eth0')
    expect(True, wires['eth0']['guarded'], 'eth0 is guarded')
    expect(False, doc['wires']['open'], 'a wire is open')
    until(True, lambda: 'no-device' in [
        f['finding'] for f in c.nodes[0].status()['wireguard']['findings']],
        'finding no-device')
    annotate(c)
    expect([], c.nodes[0].status()['wires']['devices'],
           'devices that are guarded where nothing is required')


if __name__ == '__main__':
    sys.exit(SHARED.main(lambda: e2e(agent_args=PREFIXES)))
