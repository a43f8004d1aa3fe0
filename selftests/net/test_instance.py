#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Policy follows the host's end of an interface: renamed, replaced by another
one with its index, moved at the far end, joined by a second one, hot-added,
beside devices that cannot be guarded, and beside programs of others.

Row numbers are those of the project's list of scenarios. Three pods: only `ok`
may send to `srv`, `bad` is the one that must not get through.
"""
import array
import fcntl
import json
import os
import signal
import socket
import struct
import sys
import time

from wdnet import bpf, kernel, wire
from wdnet.node import CniError
from wdnet.solo import Solo, expect_reach, ingress_policy, note, wait_for
from wdnet.tap import Fail, Tap, expect
from wdnet.wire import Witness

FAMILIES = (4, 6)
SOON_MS = 100
SECONDS = 20
NET1 = {4: '10.9.0.2', 6: 'fd00:9::2'}
NET1_HOST = {4: '10.9.0.1', 6: 'fd00:9::1'}
BITS = {4: 32, 6: 128}


class Bench:
    def __init__(self):
        self.c = Solo(FAMILIES)
        self.node = self.c.only_node
        self.srv, self.ok, self.bad = self.c.three()
        self.marks = 0

    # ---- what the agent says ----

    def endpoints(self):
        doc = json.loads(self.node.warder('endpoint', 'list', '--json')[1])
        return doc['endpoints']

    def endpoint(self, pod, interface=None):
        found = [e for e in self.endpoints() if e['name'] == pod.name and
                 interface in (None, e['interface'])]
        expect(1, len(found), f'endpoints of {pod.key}')
        return found[0]

    def dropped(self):
        return sum(c['packets'] for c in self.node.status()['counters']
                   if c['verdict'] == 'drop')

    # ---- devices ----

    def index(self, name):
        return json.loads(self.node.ns.run(
            ['ip', '-j', 'link', 'show', name])[1])[0]['ifindex']

    def mac(self, space, name):
        return json.loads(space.run(
            ['ip', '-j', 'link', 'show', name])[1])[0]['address']

    # ---- who reaches whom ----

    def mark(self):
        self.marks += 1
        return b'mark-%06d-' % self.marks

    def send(self, src, dst_ip, mark, src_ip=None, count=3):
        """Datagrams from a socket of @src's namespace."""
        family = socket.AF_INET6 if ':' in dst_ip else socket.AF_INET
        sock = wire.open_in(src.space, lambda: socket.socket(
            family, socket.SOCK_DGRAM))
        try:
            if src_ip:
                sock.setsockopt(socket.IPPROTO_IP, 15, 1)  # IP_FREEBIND
                sock.bind((src_ip, 0))
            for _ in range(count):
                sock.sendto(mark, (dst_ip, 81))
        except OSError as e:
            if src_ip is None:
                raise Fail(f'sending to {dst_ip}: {e}') from None
        finally:
            sock.close()

    def arrives(self, witness, src, ip, want, what):
        """Three datagrams, all or none; a denied one moves a counter."""
        mark = self.mark()
        before = self.dropped()
        got = witness.count(mark, lambda: self.send(src, ip, mark),
                            want=3 if want else 0)
        expect(3 if want else 0, got, f'{what}: datagrams {src.key} -> {ip}')
        if not want and self.dropped() - before < 3:
            raise Fail(f'{what}: {src.key} -> {ip}: no counter moved, '
                       'the packets never came to a hook')

    def verdicts(self, what):
        """The three controls at once: the permitted twin gets answers by the
        same way, the denied one is counted."""
        witness = Witness(self.srv.space)
        for family in FAMILIES:
            for proto, port in (('tcp', 80), ('udp', 81)):
                expect_reach(True, self.ok, self.srv, what, proto=proto,
                             port=port, family=family)
            self.arrives(witness, self.bad, self.srv.ips[family], False, what)
        witness.close()


# ---- row 115 ----

def row_115_a_renamed_interface_stays_guarded_and_is_called_by_its_name(b):
    ep = b.endpoint(b.srv)
    old = ep['interface']
    b.node.ns.ip(f'link set {old} name renamed0')
    wait_for('the new name', lambda: b.endpoint(b.srv)['interface']
             == 'renamed0', 2, 0.02)
    expect(ep['id'], b.endpoint(b.srv)['id'], 'instance')
    expect(ep['ifindex'], b.endpoint(b.srv)['ifindex'], 'index')
    b.verdicts('renamed')
    b.node.stop_agent(signal.SIGKILL)
    b.node.start_agent()
    expect((ep['id'], 'renamed0'), (b.endpoint(b.srv)['id'],
                                    b.endpoint(b.srv)['interface']),
           'after a restart')
    b.node.ns.ip(f'link set renamed0 name {old}')
    wait_for('the old name', lambda: b.endpoint(b.srv)['interface'] == old, 2)
    b.verdicts('named as before')


def reuse(b, turn, stopped):
    """A pod that is allowed everything goes; `bad` gets a device with its
    index, and its addresses on it."""
    pod = b.c.make_pod(f'old{turn}', 60 + turn, {'app': 'ok'})
    b.c.run_pods([pod])
    expect_reach(True, pod, b.srv, 'pod before it goes')
    ep = b.endpoint(pod)
    lines = [f'link del {ep["interface"]}',
             f'link add again{turn} index {ep["ifindex"]} type veth peer name '
             f'sneak netns {b.bad.handle.pid}', f'link set again{turn} up']
    if stopped:
        b.node.agent.send_signal(signal.SIGSTOP)
        time.sleep(2.1)  # so that its own check of attachments is due, too
    b.node.ns.ip(*lines)
    if stopped:
        b.node.agent.send_signal(signal.SIGCONT)
    for f in FAMILIES:
        b.bad.space.ip(
            f'addr add {pod.ips[f]}/{BITS[f]} dev sneak'
            + ' nodad' * (f == 6), 'link set sneak up',
            f'route add {b.srv.ips[f]}/{BITS[f]} dev sneak')
        b.node.ns.ip(f'route replace {pod.ips[f]}/{BITS[f]} dev again{turn}')
    neighbours(b, f'again{turn}', 'sneak', b.srv, pod)
    witness = Witness(b.srv.space)
    for f in FAMILIES:
        before = b.dropped()
        mark = b.mark()
        got = witness.count(mark, lambda f=f, mark=mark: b.send(
            b.bad, b.srv.ips[f], mark, pod.ips[f]))
        expect(0, got, f'datagrams with the index and address of the pod '
               f'that went, v{f}')
        if b.dropped() - before < 3:
            raise Fail(f'v{f}: not dropped by a hook')
    witness.close()
    wait_for('the new device is `bad`\'s', lambda: [
        e['name'] for e in b.endpoints() if e['interface'] == f'again{turn}']
        == ['bad'], SECONDS)
    new = b.endpoint(b.bad, f'again{turn}')
    if new['id'] <= ep['id']:
        raise Fail('an instance number was used again')
    expect([], [a for a in new['addresses'] if a in pod.ips.values()],
           'addresses of the pod that went')
    b.node.ns.ip(f'link del again{turn}')
    wait_for('it is gone', lambda: len(b.endpoints()) == 3, SECONDS)
    b.c.delete(pod)


def neighbours(b, host_dev, pod_dev, target, pod):
    """So that no ARP stands between the test and the hook."""
    host_mac = b.mac(b.node.ns, host_dev)
    pod_mac = b.mac(b.bad.space, pod_dev)
    for f in FAMILIES:
        b.bad.space.ip(f'neigh replace {target.ips[f]} lladdr {host_mac} '
                       f'dev {pod_dev}')
        b.node.ns.ip(f'neigh replace {pod.ips[f]} lladdr {pod_mac} '
                     f'dev {host_dev}')


def row_115_an_index_used_again_inherits_nothing(b):
    for turn in range(3):
        reuse(b, turn, False)
    b.verdicts('after reuse')


def row_115_an_index_used_again_behind_the_agents_back_inherits_nothing(b):
    for turn in range(3, 5):
        reuse(b, turn, True)
    b.verdicts('after reuse')


def row_115_a_pods_end_in_another_namespace_keeps_its_policy(b):
    """The endpoint is the host's end. Whoever has the other one is judged as
    that pod, with its addresses."""
    pod = b.c.make_pod('mover', 46)
    b.c.policies.append(ingress_policy('mover', 'mover', 'ok'))
    b.c.run_pods([pod])
    ep = b.endpoint(pod)
    other = kernel.Namespace(b.bad.handle.pid, False)
    mac = b.mac(pod.space, 'eth0')
    pod.space.ip('link set eth0 down', 'link set eth0 name moved0',
                 f'link set moved0 netns {b.bad.handle.pid}')
    other.ip(f'link set moved0 address {mac}', 'link set moved0 up', *[
        f'addr add {pod.ips[f]}/{BITS[f]} dev moved0' + ' nodad' * (f == 6)
        for f in FAMILIES])
    time.sleep(1.5)
    expect(ep['id'], b.endpoint(pod, ep['interface'])['id'], 'instance')
    witness = Witness(other, 'moved0')
    for f in FAMILIES:
        b.arrives(witness, b.ok, pod.ips[f], True, 'end moved')
        b.arrives(witness, b.srv, pod.ips[f], False, 'end moved')
    witness.close()
    other.close()
    b.node.ns.ip(f'link del {ep["interface"]}')
    wait_for('it is gone', lambda: len(b.endpoints()) == 3, SECONDS)
    b.c.policies.pop()
    b.c.delete(pod)
    b.verdicts('end moved')


# ---- rows 113 and 114 ----

def add_second(b, pod, host='hnet1', name='weird7'):
    b.node.ns.ip(f'link add {host} type veth peer name {name} netns '
                 f'{pod.handle.pid}', f'link set {host} up',
                 *[f'addr add {NET1_HOST[f]}/{BITS[f]} dev {host}'
                   + ' nodad' * (f == 6) for f in FAMILIES],
                 *[f'route add {NET1[f]}/{BITS[f]} dev {host}'
                   for f in FAMILIES])
    pod.space.ip(f'link set {name} up',
                 *[f'addr add {NET1[f]}/{BITS[f]} dev {name}'
                   + ' nodad' * (f == 6) for f in FAMILIES])


def row_113_a_hot_added_interface_is_closed_at_once(b):
    """Until it is known nothing gets through; the time until then is bounded."""
    ep = b.endpoint(b.srv)
    took = []
    for turn in range(5):
        took.append(time_to_close(b, f'hot{turn}'))
        b.node.ns.ip(f'link del hot{turn}')
    note('programs are on a hot-added interface after '
         + ', '.join(f'{ms:.1f}' for ms in took) + ' ms')
    # Of a machine that has other things to do, one in five may be late.
    if sorted(took)[-2] > SOON_MS:
        raise Fail(f'took more than {SOON_MS} ms twice')
    wait_for('they are gone', lambda: len(b.endpoints()) == 3, SECONDS)
    expect(ep['id'], b.endpoint(b.srv)['id'], 'instance')


def time_to_close(b, name):
    """Milliseconds from the device's being there to both hooks being taken."""
    ours, theirs = os.pipe()

    def inside():
        kernel.sysctl()
        pid = os.spawnvp(os.P_NOWAIT, 'ip', [
            'ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'x7',
            'netns', str(b.srv.handle.pid)])
        until = time.monotonic() + 5
        begun = 0
        while time.monotonic() < until:
            try:
                index = socket.if_nametoindex(name)
            except OSError:
                continue
            begun = begun or time.monotonic()
            if bpf.query(bpf.TCX_INGRESS, index) and \
                    bpf.query(bpf.TCX_EGRESS, index):
                os.write(theirs, struct.pack(
                    'd', (time.monotonic() - begun) * 1000))
                break
            time.sleep(0.0005)
        os.waitpid(pid, 0)
    b.node.ns.call(inside)
    os.close(theirs)
    data = os.read(ours, 8)
    os.close(ours)
    if not data:
        raise Fail(f'{name}: no programs within 5 s')
    return struct.unpack('d', data)[0]


def row_113_nothing_passes_a_hot_added_interface_before_its_policy(b):
    """Streams towards and from it run while it comes."""
    for f in FAMILIES:
        b.bad.handle.ask('stream', ident=f'hot{f}', interval=0.002,
                         timeout=0.3, target=['udp', None, NET1[f], 81])
    add_second(b, b.srv)
    witness = Witness(b.srv.space, 'weird7')
    witness.seen[b'?'] = 0
    wait_for('it is an endpoint with addresses', lambda: any(
        e['interface'] == 'hnet1' and len(e['addresses']) == 2
        for e in b.endpoints()), SECONDS)
    time.sleep(0.3)
    for f in FAMILIES:
        b.bad.handle.ask('pause', ident=f'hot{f}')
        tally = b.bad.handle.ask('tally', ident=f'hot{f}')
        if tally['sent'] < 20:
            raise Fail(f'v{f}: the stream sent only {tally["sent"]}')
    mark = b.mark()
    expect(0, witness.count(b'?' + mark, lambda: None), 'no such mark')
    witness.take()
    expect(0, witness.seen.get(b'?', 0), 'datagrams of the stream')
    witness.close()
    b.node.ns.ip('link del hnet1')
    wait_for('it is gone', lambda: len(b.endpoints()) == 3, SECONDS)
    for f in FAMILIES:
        b.bad.handle.ask('abort')


def row_114_a_second_interface_of_any_name_has_the_pods_policy(b):
    add_second(b, b.srv)
    wait_for('it is an endpoint with addresses', lambda: any(
        e['interface'] == 'hnet1' and len(e['addresses']) == 2
        for e in b.endpoints()), SECONDS)
    ep = b.endpoint(b.srv, 'hnet1')
    expect(('shop', 'srv', sorted(NET1.values()), 'enforced'),
           (ep['namespace'], ep['name'], sorted(ep['addresses']),
            ep['state']), 'endpoint')
    first = b.endpoints()[0]
    expect((first['slot'], first['identity']), (ep['slot'], ep['identity']),
           'slot and identity of both interfaces')
    # srv may answer by the interface that it was asked on
    b.srv.space.ip(*[f'route add {p.ips[f]}/{BITS[f]} dev weird7'
                     for p in (b.ok, b.bad) for f in FAMILIES])
    witness = Witness(b.srv.space, 'weird7')
    for f in FAMILIES:
        b.arrives(witness, b.ok, NET1[f], True, 'second interface')
        b.arrives(witness, b.bad, NET1[f], False, 'second interface')
    witness.close()
    b.srv.space.ip(*[f'route del {p.ips[f]}/{BITS[f]} dev weird7'
                     for p in (b.ok, b.bad) for f in FAMILIES])
    b.verdicts('beside a second interface')
    b.node.stop_agent(signal.SIGKILL)
    b.node.start_agent()
    expect(ep['id'], b.endpoint(b.srv, 'hnet1')['id'], 'after a restart')
    b.node.ns.ip('link del hnet1')
    wait_for('it is gone', lambda: len(b.endpoints()) == 3, SECONDS)


def row_114_a_second_interface_lends_no_address_that_somebody_has(b):
    """`bad` puts the address of `ok` on an interface that comes to it."""
    b.node.ns.ip('link add hnet1 type veth peer name net1 netns '
                 f'{b.bad.handle.pid}', 'link set hnet1 up')
    b.bad.space.ip('link set net1 up', *[
        f'addr add {b.ok.ips[f]}/{BITS[f]} dev net1' + ' nodad' * (f == 6)
        for f in FAMILIES])
    wait_for('it is closed', lambda: any(
        e['interface'] == 'hnet1' for e in b.endpoints()), SECONDS)
    host_mac = b.mac(b.node.ns, 'hnet1')
    b.bad.space.ip(*[line for f in FAMILIES for line in (
        f'route add {b.srv.ips[f]}/{BITS[f]} dev net1',
        f'neigh replace {b.srv.ips[f]} lladdr {host_mac} dev net1')])
    time.sleep(1.2)
    witness = Witness(b.srv.space)
    for f in FAMILIES:
        mark = b.mark()
        before = b.node.counter('SPOOF_IP', 'egress')
        got = witness.count(mark, lambda f=f, mark=mark: b.send(
            b.bad, b.srv.ips[f], mark, b.ok.ips[f]))
        expect(0, got, f'datagrams with the address of ok, v{f}')
        if b.node.counter('SPOOF_IP', 'egress') - before < 3:
            raise Fail(f'v{f}: SPOOF_IP did not move')
    witness.close()
    expect([], b.endpoint(b.bad, 'hnet1')['addresses'], 'addresses')
    b.node.ns.ip('link del hnet1')
    wait_for('it is gone', lambda: len(b.endpoints()) == 3, SECONDS)
    b.verdicts('after a borrowed address')


def row_114_a_second_interface_lends_no_address_that_is_routed_elsewhere(b):
    """Nobody has it, but this host does not send there by the interface: a
    pod could take any address of the world and be let in by an ipBlock."""
    world = {4: '198.51.100.7', 6: '2001:db8::7'}
    b.node.ns.ip('link add hnet1 type veth peer name net1 netns '
                 f'{b.bad.handle.pid}', 'link set hnet1 up')
    b.bad.space.ip('link set net1 up', *[
        f'addr add {world[f]}/{BITS[f]} dev net1' + ' nodad' * (f == 6)
        for f in FAMILIES])
    try:
        wait_for('it is closed', lambda: any(
            e['interface'] == 'hnet1' for e in b.endpoints()), SECONDS)
        time.sleep(2.5)
        expect([], b.endpoint(b.bad, 'hnet1')['addresses'], 'addresses')
        b.node.ns.ip(*[f'route add {world[f]}/{BITS[f]} dev hnet1'
                       for f in FAMILIES])
        wait_for('the host sends there now', lambda: sorted(
            b.endpoint(b.bad, 'hnet1')['addresses'])
            == sorted(world.values()), SECONDS)
    finally:
        b.node.ns.ip('link del hnet1')
    wait_for('it is gone', lambda: len(b.endpoints()) == 3, SECONDS)
    b.verdicts('after an address of the world')


def unenforced(b, want):
    status = b.node.status()
    return status['endpoints']['unenforced'] == want


def is_told(b, device, kind):
    wait_for(f'{device} is told', lambda: unenforced(b, 1), SECONDS)
    status = b.node.status()
    told = [p for p in status['endpoint_problems']
            if p['state'] == 'unenforced']
    expect(['srv'], [p['name'] for p in told], 'who')
    if device not in told[0]['error'] or kind not in told[0]['error']:
        raise Fail(f'status says {told[0]["error"]}')
    text = b.node.warder('status')[1]
    if 'shop/srv' not in text or 'UNENFORCED' not in text:
        raise Fail('status does not say it')
    if 'UNENFORCED' not in b.node.warder('endpoint', 'list')[1]:
        raise Fail('endpoint list does not say it')
    code, text, _ = b.node.warder('endpoint', 'get', 'shop/srv', ok=None)
    expect(1, code, 'exit code of endpoint get')
    if 'UNENFORCED' not in text:
        raise Fail('endpoint get does not say it')
    expect(0, b.node.warder('endpoint', 'get', 'shop/ok', ok=None)[0],
           'exit code for a pod that has no such device')


def row_114_a_device_that_cannot_be_guarded_makes_the_pod_unenforced(b):
    """A macvlan on a device of the host, and a tap that was moved in."""
    pid = b.srv.handle.pid
    b.node.ns.ip('link add lan0 type bridge', 'link set lan0 up')
    ways = [('mv0', 'macvlan', f'link add link lan0 name mv0 netns {pid} '
             'type macvlan', 'link del mv0')]
    if os.path.exists('/dev/net/tun'):
        b.node.ns.ip('tuntap add mode tap name tap7')
        ways.append(('tap7', 'tun', f'link set tap7 netns {pid}',
                     'link del tap7'))
    expect(0, b.node.status()['endpoints']['unenforced'], 'before')
    for device, kind, come, go in ways:
        b.node.ns.ip(come)
        is_told(b, device, kind)
        b.verdicts('on the guarded interface')
        b.node.stop_agent(signal.SIGKILL)
        b.node.start_agent()
        is_told(b, device, kind)
        b.srv.space.ip(go)
        wait_for('it is forgotten', lambda: unenforced(b, 0), SECONDS)
    expect(0, b.node.warder('endpoint', 'get', 'shop/srv', ok=None)[0],
           'exit code of endpoint get')
    b.node.ns.ip('link del lan0')


def row_114_add_fails_for_a_pod_that_cannot_be_guarded(b):
    """What is there when the runtime asks is refused; without it ADD works."""
    pod = b.c.make_pod('multi', 45)
    b.c.pods.append(pod)
    b.c.apply()
    b.c.start(pod)
    b.node.ns.ip('link add lan0 type bridge', 'link add link lan0 name mv0 '
                 f'netns {pod.handle.pid} type macvlan')
    prev = b.node.cni('ADD', 'ptp', pod)
    try:
        b.node.cni('ADD', 'warder-cni', pod, prev)
        raise Fail('ADD succeeded')
    except CniError as e:
        expect(100, e.doc['code'], 'code')
        if 'mv0' not in e.doc['msg'] or 'UNENFORCED' not in e.doc['msg']:
            raise Fail(f'ADD says {e.doc["msg"]}') from None
    pod.space.ip('link del mv0')
    pod.result = b.node.cni('ADD', 'warder-cni', pod, prev)
    b.c.listen(pod)
    expect_reach(True, b.ok, pod, 'pod without the device')
    b.node.ns.ip('link del lan0')
    b.c.delete(pod)


# ---- row 183: what can be detected ----

def blind_spots(b):
    b.node.sync()
    return [(s['name'], s['kind']) for s in b.node.status()['blind_spots']]


def row_183_programs_of_others_before_ours_are_told(b):
    """They can keep packets from warder, not let denied ones by: told, and
    the verdicts are as before while they pass everything on."""
    expect([], blind_spots(b), 'before')
    index = b.endpoint(b.srv)['ifindex']
    ways = [('xdp', bpf.XDP, bpf.XDP_HOOK, bpf.returns(2), 0),
            ('before ingress', bpf.SCHED_CLS, bpf.TCX_EGRESS,
             bpf.returns(-1), bpf.BEFORE),
            ('before egress', bpf.SCHED_CLS, bpf.TCX_INGRESS,
             bpf.returns(-1), bpf.BEFORE)]
    for kind, prog, hook, code, flags in ways:
        link = wire.fd_in(b.node.ns, lambda p=prog, h=hook, c=code, f=flags:
                          bpf.attach(p, h, index, c, f))
        try:
            expect([('srv', kind)], blind_spots(b), kind)
            if 'shop/srv' not in b.node.warder('status')[1].partition(
                    'blind spots')[2][:200]:
                raise Fail('status does not say it')
            b.verdicts('beside ' + kind)
        finally:
            os.close(link)
        wait_for(f'{kind} is forgotten', lambda: not blind_spots(b), 5)


def row_183_programs_of_others_after_ours_are_no_blind_spot(b):
    index = b.endpoint(b.srv)['ifindex']
    links = [wire.fd_in(b.node.ns, lambda h=h: bpf.attach(
        bpf.SCHED_CLS, h, index, bpf.returns(0)))
        for h in (bpf.TCX_EGRESS, bpf.TCX_INGRESS)]
    expect([], blind_spots(b), 'programs behind ours')
    b.verdicts('programs behind ours that let everything pass')
    for link in links:
        os.close(link)


# ---- row 184: the pod owns its end ----

def row_184_what_a_pod_does_to_its_own_end_changes_nothing(b):
    """`bad` is root in its namespace. After each trick it still does not reach
    `srv`, and `ok` does."""
    space, name = b.bad.space, 'eth0'
    mac = b.mac(space, name)
    tricks = [
        ('mtu', ['link set eth0 mtu 65535'], ['link set eth0 mtu 1500']),
        ('promisc', ['link set eth0 promisc on'],
         ['link set eth0 promisc off']),
        ('macvlan', ['link add link eth0 name c0 type macvlan mode bridge',
                     'link set c0 up'], ['link del c0']),
        ('bridge', ['link add c1 type bridge', 'link set c1 up'],
         ['link del c1']),
        ('vxlan', ['link add c2 type vxlan id 7 dstport 4789 remote '
                   f'{b.srv.ips[4]} dev eth0', 'link set c2 up'],
         ['link del c2']),
        ('alias', [f'link set eth0 alias {b.ok.key}'],
         ['link set eth0 alias x']),
        ('vlan', ['link add link eth0 name c3 type vlan id 5',
                  'link set c3 up'], ['link del c3']),
        ('ipvlan', ['link add link eth0 name c4 type ipvlan',
                    'link set c4 up'], ['link del c4']),
    ]
    for what, do, undo in tricks:
        try:
            space.ip(*do)
        except RuntimeError as e:
            if 'Unknown device type' not in str(e):
                raise
            note(f'this kernel has no {what}')
            continue
        b.verdicts(what)
        space.ip(*undo)
    for value in (0, 1):
        space.call(lambda value=value: offloads(value))
        b.verdicts(f'offloads {value}')
    expect(0, b.node.status()['endpoints']['unenforced'],
           'children of its own device make it')
    forged_sources(b, mac)


def offloads(value):
    """Checksums, scatter-gather and segmentation, as ethtool -K sets them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for command in (0x17, 0x19, 0x1f, 0x24):  # tx, sg, tso, gso
            data = array.array('I', [command, value])
            where, _ = data.buffer_info()
            fcntl.ioctl(sock, 0x8946, struct.pack('16sQ16x', b'eth0', where))


def forged_sources(b, mac):
    """Another MAC, and addresses that are not its own: counted as that."""
    host_mac = b.mac(b.node.ns, b.endpoint(b.bad)['interface'])
    wire_out = wire.packet_socket(b.bad.space, 'eth0')
    witness = Witness(b.srv.space)
    cases = [('SPOOF_MAC', '02:00:00:00:00:77', b.ok.ips),
             ('SPOOF_IP', mac, b.ok.ips),
             ('SPOOF_IP', mac, {4: '10.1.0.200', 6: 'fd00:10:1::200'})]
    for reason, source, ips in cases:
        for f in FAMILIES:
            mark = b.mark()
            data = wire.frame(source, host_mac, wire.udp(
                ips[f], b.srv.ips[f], 5000, 81, mark))
            before = b.node.counter(reason, 'egress')
            got = witness.count(mark, lambda data=data: [
                wire_out.send(data) for _ in range(3)])
            expect(0, got, f'{reason} v{f}: arrived')
            expect(3, b.node.counter(reason, 'egress') - before,
                   f'{reason} v{f}: counted')
    witness.close()
    wire_out.close()


def row_184_programs_in_the_pods_namespace_have_no_effect(b):
    """Its tc programs pass everything on and its XDP program, too."""
    links = []
    for prog, hook, code in ((bpf.SCHED_CLS, bpf.TCX_EGRESS, bpf.returns(0)),
                             (bpf.SCHED_CLS, bpf.TCX_INGRESS, bpf.returns(0)),
                             (bpf.XDP, bpf.XDP_HOOK, bpf.returns(2))):
        for pod in (b.srv, b.bad):
            def make(prog=prog, hook=hook, code=code):
                return bpf.attach(prog, hook,
                                  socket.if_nametoindex('eth0'), code)
            links.append(wire.fd_in(pod.space, make))
    b.verdicts('programs of the pods')
    for link in links:
        os.close(link)
    b.verdicts('without them')


# ---- row 185 ----

def row_185_policy_follows_the_namespace_that_owns_the_socket(b):
    """A socket handed over (SCM_RIGHTS) is judged as the pod it was made in:
    also in the hands of a process of another pod."""
    for f in FAMILIES:
        kind = socket.AF_INET6 if f == 6 else socket.AF_INET
        for owner, want in ((b.ok, True), (b.bad, False)):
            before = b.dropped()
            sock = wire.open_in(owner.space, lambda k=kind: socket.socket(
                k, socket.SOCK_DGRAM))
            got = borrowed(b.bad if want else b.ok, sock, b.srv.ips[f])
            sock.close()
            expect(want, got, f'v{f}: the socket of {owner.key} is answered')
            if not want and b.dropped() == before:
                raise Fail('nothing was dropped')


def borrowed(user, sock, ip):
    """A process in @user's namespace asks with a socket it was given."""
    ours, theirs = os.pipe()

    def inside():
        sock.settimeout(0.5)
        got = False
        try:
            sock.sendto(b'?', (ip, 81))
            got = bool(sock.recv(64))
        except OSError:
            pass
        os.write(theirs, b'1' if got else b'0')
    user.space.call(inside)
    os.close(theirs)
    data = os.read(ours, 1)
    os.close(ours)
    return data == b'1'


def row_185_no_map_of_sockets_is_in_use(b):
    """Nothing of ours passes data between sockets past the hooks."""
    kinds = {m['type'] for m in json.loads(
        b.node.warder('map', 'list', '--json')[1])['maps']}
    if 'hash' not in kinds:
        raise Fail(f'types of maps: {kinds}')
    expect(set(), kinds & {'sockmap', 'sockhash'}, 'maps of sockets')


NEED_TCX = (row_113_a_hot_added_interface_is_closed_at_once,
            row_183_programs_of_others_before_ours_are_told,
            row_183_programs_of_others_after_ours_are_no_blind_spot,
            row_184_programs_in_the_pods_namespace_have_no_effect)


def main():
    tap = Tap()
    bench = Bench()
    try:
        has_tcx = bench.node.status()['attach'] == 'tcx'
        for name, test in list(globals().items()):
            if name.startswith('row_') and \
                    (len(sys.argv) < 2 or sys.argv[1] in name):
                row, text = name[4:].split('_', 1)
                text = f'row {row}: ' + text.replace('_', ' ')
                if test in NEED_TCX and not has_tcx:
                    tap.result(text, skip='the kernel has no tcx links')
                else:
                    tap.run(text, test, bench)
        if tap.failed:
            tap.say(bench.node.log_tail(40))
    finally:
        bench.c.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
