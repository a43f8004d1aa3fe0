#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Much of something: packets, neighbours, pods at once, pods over time.

A flood of denied packets is counted to the last one, watched or not. A pod
that asks for every address of its network costs others nothing. A hundred pods
at once are guarded each when its ADD returns, and hundreds one after the other
leave nothing behind. Row numbers are those of the project's list of scenarios.
"""
import copy
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
import uuid

from wdnet import bpf, kernel, wire
from wdnet.node import WARDER
from wdnet.solo import Solo, expect_reach, ingress_policy, note, wait_for
from wdnet.suite import LONG
from wdnet.tap import Fail, Tap, expect
from wdnet.wire import Witness

FAMILIES = (4, 6)
FLOOD_S = 10 if LONG else 1.5
SCAN = 1000000 if LONG else 20000
STORM = 100
AT_ONCE = 8
CHURN = 2000 if LONG else 200
WARM_UP = 20
GROWTH_KB = 1024
TICKS = os.sysconf('SC_CLK_TCK')
BITS = {4: 32, 6: 128}


class Bench:
    def __init__(self, plugin):
        self.c = Solo(FAMILIES, plugin=plugin)
        self.node = self.c.only_node
        self.srv, self.ok, self.bad = self.c.three()
        self.caged = self.c.make_pod('caged', 20)
        self.c.policies.append(
            {'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy',
             'metadata': {'name': 'caged', 'namespace': 'shop'},
             'spec': {'podSelector': {'matchLabels': {'app': 'caged'}},
                      'policyTypes': ['Egress'], 'egress': []}})
        self.c.run_pods([self.caged])

    def endpoint(self, pod):
        return json.loads(self.node.warder('endpoint', 'get', pod.key,
                                           '--json')[1])

    def judged(self, pod, direction, verdict=None):
        counters = self.endpoint(pod)['counters'][direction]
        return sum(v['packets'] for k, v in counters.items()
                   if verdict in (None, k))

    def link(self, name):
        return json.loads(self.node.ns.run(
            ['ip', '-s', '-j', 'link', 'show', name])[1])[0]

    def sum(self, verdict):
        return sum(c['packets'] for c in self.node.status()['counters']
                   if c['verdict'] == verdict)

    def verdicts(self, what):
        for family in FAMILIES:
            expect_reach(True, self.ok, self.srv, what, family=family)
            expect_reach(False, self.bad, self.srv, what, family=family)


# ---- row 163 ----

def many_ports(name, count):
    """Allows `bad` in, on more single ports than a policy may have."""
    return {'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy',
            'metadata': {'name': name, 'namespace': 'shop'},
            'spec': {'podSelector': {'matchLabels': {'app': 'srv'}},
                     'policyTypes': ['Ingress'], 'ingress': [{
                         'from': [{'podSelector': {}}],
                         'ports': [{'protocol': p, 'port': 81 + 2 * n}
                                   for n in range(count)
                                   for p in ('TCP', 'UDP')]}]}}


def row_163_what_does_not_fit_drops_all_of_its_pod_and_nothing_of_others(b):
    """Its pod is locked down, told, and open to the node only; nobody else
    notices, and all is as before when the policy is gone."""
    before = list(b.c.policies)
    b.verdicts('before')
    b.c.policies = before + [many_ports('huge', 3000)]
    b.c.write_objects()
    expect(1, b.node.warder('sync', ok=None)[0], 'exit code of sync')
    expect(['too_large'], [p['state'] for p in
                           b.node.status()['endpoint_problems']], 'told')
    for family in FAMILIES:
        for src in (b.ok, b.bad):
            expect_reach(False, src, b.srv, 'too large', family=family)
        expect_reach(True, b.bad, b.ok, 'another pod', family=family)
    expect_reach_node(b)
    b.c.apply(before)
    b.verdicts('afterwards')


def expect_reach_node(b):
    """The kubelet's probes pass also to a pod that is locked down."""
    for f in FAMILIES:
        got = b.node.host.ask('probe', timeout=3.0, targets=[
            ['tcp', None, b.srv.ips[f], 80]])['answers'][0]
        expect(b.srv.key, got, f'the node asks srv, v{f}')


# ---- row 167 ----

def frames_to(b, src, dst):
    """One flow each, so that nothing is spared by the flow before."""
    ep = b.endpoint(src)
    return [wire.frame(ep['pod_mac'], ep['host_mac'], wire.udp(
        src.ips[f], dst.ips[f], 1024 + n, 81, b'flood'))
        for n in range(500) for f in FAMILIES]


def flood(src, frames, seconds):
    """As fast as one process can. Gives how many the device has taken."""
    sock = wire.packet_socket(src.space, 'eth0')
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        sent, until = 0, time.monotonic() + seconds
        while time.monotonic() < until:
            for data in frames:
                try:
                    sock.send(data)
                    sent += 1
                except OSError:
                    pass
        os.write(theirs, struct.pack('=Q', sent))
        os._exit(0)
    os.close(theirs)
    sock.close()
    data = os.read(ours, 8)
    os.close(ours)
    os.waitpid(pid, 0)
    return struct.unpack('=Q', data)[0]


def cpu_s(pid):
    with open(f'/proc/{pid}/stat', encoding='ascii') as f:
        fields = f.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Watched:
    """`warder monitor --drops`, read by nobody who cares."""

    def __init__(self, b):
        fds = f'/proc/{b.node.agent.pid}/fd'
        before = len(os.listdir(fds))
        self.proc = subprocess.Popen(
            [WARDER, 'monitor', '--drops', '--run-dir', b.node.run_dir],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for('the monitor is connected',
                 lambda: len(os.listdir(fds)) > before, 10, 0.02)

    def close(self):
        self.proc.kill()
        self.proc.wait()


def both(b, pod, device):
    """Received by the device and judged, with nothing in between."""
    while True:
        came = b.link(device)['stats64']['rx']['packets']
        judged = b.judged(pod, 'egress')
        if b.link(device)['stats64']['rx']['packets'] == came:
            return came, judged


def flooded(b, src, dst, watched):
    frames = frames_to(b, src, dst)
    device = b.endpoint(src)['interface']
    watcher = Watched(b) if watched else None
    before = b.node.status()
    came, judged = both(b, src, device)
    drops = b.sum('drop')
    cpu, begun = cpu_s(b.node.agent.pid), time.monotonic()

    sent = flood(src, frames, FLOOD_S)

    wall = time.monotonic() - begun
    cpu = cpu_s(b.node.agent.pid) - cpu
    after = b.node.status()
    if watcher:
        watcher.close()
    came_now, judged_now = both(b, src, device)
    came, judged = came_now - came, judged_now - judged
    drops = b.sum('drop') - drops
    events = {k: after['events'][k] - before['events'][k]
              for k in ('sent', 'limited', 'lost')}
    note(f'{src.name} -> {dst.name}, {"watched" if watched else "unwatched"}: '
         f'{sent} packets in {wall:.2f} s, agent {100 * cpu / wall:.1f} % of '
         f'a core, events {events}')
    if sent < 2000:
        raise Fail(f'only {sent} packets were sent')
    expect(came, judged, 'packets judged of those that the device received')
    if came < sent or came - sent > 100:
        raise Fail(f'{sent} sent, {came} received by the device')
    return sent, drops, events, before, after


def drops_of(doc):
    return sum(c['packets'] for c in doc['counters']
               if c['verdict'] == 'drop')


def row_167_each_packet_of_a_flood_is_counted(b):
    """Denied as it leaves the pod, and denied as it enters another one."""
    for src, dst in ((b.caged, b.srv), (b.bad, b.srv)):
        sent, drops, events, before, after = flooded(b, src, dst, False)
        if drops < sent or drops - sent > 100:
            raise Fail(f'{sent} sent, {drops} dropped')
        expect(drops_of(after) - drops_of(before), sum(events.values()),
               'events for the memory of the last hour, of packets dropped')
    b.verdicts('after a flood')


def row_167_of_a_watched_flood_each_event_is_sent_or_counted(b):
    _, _, events, before, after = flooded(b, b.caged, b.srv, True)
    expect(drops_of(after) - drops_of(before), sum(events.values()),
           'events sent, limited and lost, of packets dropped')
    if not events['limited']:
        raise Fail('the limit was not reached: no flood')
    b.verdicts('after a watched flood')


# ---- row 169 ----

def scan_frames(b, src):
    """Who has ...? for every address of a network, from the pod's own."""
    ep = b.endpoint(src)
    mac, own4 = wire.mac_bytes(ep['pod_mac']), wire.packed(src.ips[4])
    own6 = wire.packed(src.ips[6])
    for n in range(SCAN // 2):
        last = struct.pack('!H', 256 + n % 65000)
        yield b'\xff' * 6 + mac + struct.pack(
            '!HHHBBH', 0x0806, 1, 0x0800, 6, 4, 1) + mac + own4 + bytes(6) \
            + b'\x0a\x01' + last
        target = wire.packed('fd00:10:1::')[:12] + struct.pack('!I', 4096 + n)
        group = wire.packed('ff02::1:ff00:0')[:13] + target[13:]
        yield b'\x33\x33\xff' + target[13:] + mac + struct.pack(
            '!H', 0x86dd) + solicit(own6, group, target, mac)


def solicit(src, group, target, mac):
    body = target + b'\x01\x01' + mac
    head = struct.pack('!BBHI', 135, 0, 0, 0)
    total = wire.inet_sum(src + group + struct.pack('!II', 8 + len(body), 58)
                          + head + body)
    return struct.pack('!IHBB', 6 << 28, 8 + len(body), 58, 255) + src \
        + group + struct.pack('!BBHI', 135, 0, total, 0) + body


def neighbours(space):
    return sorted((n['dst'], n.get('lladdr', '')) for n in json.loads(
        space.run(['ip', '-j', 'neigh'])[1])
        if n.get('lladdr') and 'FAILED' not in n['state'])


def row_169_a_scan_of_the_network_costs_nobody_a_neighbour(b):
    """On a bridge, where every pod could hear it. `bad` may send where it
    likes; who is asked for is not there, but for the ones that answer."""
    b.verdicts('before')
    spaces = {'srv': b.srv.space, 'ok': b.ok.space, 'node': b.node.ns}
    before = {k: neighbours(s) for k, s in spaces.items()}
    for f in FAMILIES:
        b.ok.handle.ask('stream', ident=f'scan{f}', interval=0.01,
                        timeout=2.0, target=['udp', None, b.srv.ips[f], 81])
    egress, drops = b.judged(b.bad, 'egress'), b.judged(b.srv, 'ingress',
                                                        'drop')
    refused = b.node.counter('NEIGHBOUR_FLOOD', 'egress')
    sock = wire.packet_socket(b.bad.space, 'eth0')
    for _ in range(5):  # the others may be slow to send on a busy machine
        for data in scan_frames(b, b.bad):
            try:
                sock.send(data)
            except OSError:
                pass
        if all(b.ok.handle.ask('tally', ident=f'scan{f}')['sent'] >= 20
               for f in FAMILIES):
            break
    sock.close()
    for f in FAMILIES:
        b.ok.handle.ask('pause', ident=f'scan{f}')
    wait_for('all answers are in', lambda: all(b.ok.handle.ask(
        'tally', ident=f'scan{f}')['open'] == 0 for f in FAMILIES), 5)
    for f in FAMILIES:
        tally = b.ok.handle.ask('tally', ident=f'scan{f}')
        if tally['sent'] < 20 or tally['answered'] < 0.99 * tally['sent']:
            raise Fail(f'v{f}: {tally["answered"]} of {tally["sent"]} of '
                       'others answered during the scan')
    if b.judged(b.bad, 'egress') - egress < SCAN * 0.99:
        raise Fail('the scan did not reach its hook')
    refused = b.node.counter('NEIGHBOUR_FLOOD', 'egress') - refused
    if not refused:
        raise Fail('no question was one too many')
    note(f'{SCAN} addresses asked for, {refused} questions refused, '
         f'{b.judged(b.srv, "ingress", "drop") - drops} questions kept from '
         'srv')
    for who, space in spaces.items():
        now = dict(neighbours(space))
        gone = [n for n in before[who] if now.get(n[0]) != n[1]]
        expect([], gone, f'neighbours that {who} has lost')
    b.verdicts('after the scan')
    b.ok.handle.ask('abort')


def row_169_a_pod_that_may_send_nothing_makes_no_neighbours(b):
    """Packets to addresses that nobody has: denied before the node asks."""
    ep = b.endpoint(b.caged)
    before = len(json.loads(b.node.ns.run(['ip', '-j', 'neigh'])[1]))
    drops = b.node.counter('DEFAULT', 'egress')
    sock = wire.packet_socket(b.caged.space, 'eth0')
    for n in range(4000):
        for ip, to in ((b.caged.ips[4], f'10.1.0.{30 + n % 200}'),
                       (b.caged.ips[6], f'fd00:10:1::1:{n:x}')):
            sock.send(wire.frame(ep['pod_mac'], ep['host_mac'],
                                 wire.udp(ip, to, 1024, 81, b'scan')))
    sock.close()
    expect(8000, b.node.counter('DEFAULT', 'egress') - drops, 'DEFAULT')
    after = len(json.loads(b.node.ns.run(['ip', '-j', 'neigh'])[1]))
    if after > before + 2:
        raise Fail(f'{before} neighbours before, {after} after')
    # The twin, who may: the node asks for whom it sends to.
    own = b.endpoint(b.bad)
    sock = wire.packet_socket(b.bad.space, 'eth0')
    for n in range(5):
        sock.send(wire.frame(own['pod_mac'], own['host_mac'], wire.udp(
            b.bad.ips[4], f'10.1.0.{200 + n}', 1024, 81, b'scan')))
    sock.close()
    wait_for('the node asks for the twin', lambda: len(json.loads(
        b.node.ns.run(['ip', '-j', 'neigh'])[1])) >= after + 5, 3)


# ---- pods that cost little ----

class Light(kernel.Namespace):
    """A namespace without a process, and its pair."""

    def __init__(self, b, number, pod):  # nobody's process: no super()
        self.b, self.pod, self.mnt = b, pod, None
        self.host = f'lt{number}'
        self.container = uuid.uuid4().hex
        self.path = os.path.join(b.node.netns_dir, self.container)

        def make():
            kernel.unshare(kernel.CLONE_NEWNET)
            return os.open('/proc/self/ns/net', os.O_RDONLY)
        self.net = wire.fd_in(b.node.ns, make)
        with open(self.path, 'w', encoding='ascii'):
            pass
        source = f'/proc/{os.getpid()}/fd/{self.net}'
        b.node.ns.call(lambda: kernel.mount(source, self.path,
                                            flags=kernel.MS_BIND))

    def plug(self):
        """What the plugin before ours does."""
        ips = self.pod.ips
        self.b.node.ns.ip(
            f'link add {self.host} type veth peer name eth0 netns {self.path}',
            f'link set {self.host} up',
            *[f'route replace {ips[f]}/{BITS[f]} dev {self.host}'
              for f in FAMILIES])
        self.ip('link set eth0 up', *[
            f'addr add {ips[f]}/{BITS[f]} dev eth0' + ' nodad' * (f == 6)
            for f in FAMILIES])

    def cni(self, command):
        """Our plugin, with a result as that plugin gives."""
        result = {'cniVersion': '1.0.0', 'ips': [
            {'address': f'{ip}/{BITS[f]}'} for f, ip in self.pod.ips.items()]}
        pod = copy.copy(self.pod)
        pod.container, pod.netns = self.container, self.path
        return self.b.node.cni(command, 'warder-cni', pod, result)

    def end(self):
        self.b.node.ns.run(['umount', self.path])
        os.unlink(self.path)
        self.close()


# ---- row 170 ----

def row_170_a_storm_of_pods_is_guarded_each_when_add_returns(b):
    pods = [b.c.make_pod(f'storm{n}', 0, {'app': 'storm'})
            for n in range(STORM)]
    for n, pod in enumerate(pods):
        pod.ips = {4: f'10.1.1.{n + 1}', 6: f'fd00:10:1::1:{n + 1:x}'}
    b.c.policies.append(ingress_policy('storm', 'storm', 'ok'))
    b.c.pods += pods
    b.c.apply()
    lights = [Light(b, n, pod) for n, pod in enumerate(pods)]
    took, bare = storm(b, lights)
    took.sort()
    note(f'{STORM} ADDs, {AT_ONCE} at a time: median '
         f'{took[len(took) // 2] * 1000:.0f} ms, p99 '
         f'{took[int(len(took) * 0.99) - 1] * 1000:.0f} ms, longest '
         f'{took[-1] * 1000:.0f} ms')
    expect([], bare, 'interfaces without programs when ADD returned')
    expect(STORM + 4, b.node.status()['endpoints']['enforced'], 'enforced')
    storm_verdicts(b, lights)
    for light in lights:
        light.cni('DEL')
    b.node.ns.ip(*[f'link del {light.host}' for light in lights])
    for light in lights:
        light.end()
        b.c.pods.remove(light.pod)
    b.c.policies.pop()
    b.c.apply()
    wait_for('all are gone',
             lambda: b.node.status()['endpoints']['enforced'] == 4)


def storm(b, lights):
    took, bare, left = [], [], list(lights)
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                if not left:
                    return
                light = left.pop()
            light.plug()
            begun = time.monotonic()
            light.cni('ADD')
            with lock:
                took.append(time.monotonic() - begun)
            link = f'{b.node.host.pid}/root{b.node.bpffs}/links'
            names = os.listdir(f'/proc/{link}') if os.path.isdir(
                f'/proc/{link}') else []
            index = b.link(light.host)['ifindex']
            if b.tcx and not {f'{index}-in', f'{index}-out'} <= set(names):
                bare.append(light.host)
    threads = [threading.Thread(target=work) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(len(lights), len(took), 'ADDs that returned')
    return took, bare


def storm_verdicts(b, lights):
    """One datagram from each of two pods to each: the denied ones are all
    counted, the permitted ones all arrive."""
    for f in FAMILIES:
        for src, want in ((b.bad, False), (b.ok, True)):
            witnesses = [Witness(light) for light in lights]
            for w in witnesses:
                w.seen[b'storm'] = 0
            kind = socket.AF_INET6 if f == 6 else socket.AF_INET
            before = b.node.counter('DEFAULT', 'ingress')
            sock = wire.open_in(src.space, lambda k=kind: socket.socket(
                k, socket.SOCK_DGRAM))
            for light in lights:
                sock.sendto(b'storm', (light.pod.ips[f], 81))
            sock.close()
            time.sleep(0.5)
            for w in witnesses:
                w.take()
            got = sum(w.seen[b'storm'] for w in witnesses)
            expect(STORM if want else 0, got, f'v{f} from {src.key}')
            if not want:
                expect(STORM, b.node.counter('DEFAULT', 'ingress') - before,
                       f'v{f}: DEFAULT')
            for w in witnesses:
                w.close()


# ---- row 171 ----

def traces(b):
    """What endpoints are made of, as far as it can be counted. A program, map
    or link lives by somebody's descriptor, by a pin, or on a device."""
    pid = b.node.agent.pid
    root = f'/proc/{b.node.host.pid}/root{b.node.bpffs}'
    m = bpf.Map(root + '/maps/wd_endpoint')
    out = {
        'descriptors': len(os.listdir(f'/proc/{pid}/fd')),
        'endpoints': len(b.node.status()['endpoint_problems']) + sum(
            b.node.status()['endpoints'].values()),
        'entries': len(m.keys()),
        'pins': sum(len(files) for _, _, files in os.walk(root)),
        'programs': [p['id'] for p in b.node.status()['programs']],
        'maps': {k: v['used'] for k, v in b.node.status()['maps'].items()}}
    m.close()
    return out


def rss_kb(pid):
    with open(f'/proc/{pid}/status', encoding='ascii') as f:
        return next(int(line.split()[1]) for line in f
                    if line.startswith('VmRSS'))


def churn(b, light, count):
    """A pair of its own for each, and a container; the namespace is the same."""
    for _ in range(count):
        light.container = uuid.uuid4().hex
        b.node.ns.ip(f'link add {light.host} type veth peer name eth0 netns '
                     + light.path)
        light.cni('ADD')
        light.cni('DEL')
        b.node.ns.ip(f'link del {light.host}')


def row_171_pods_that_come_and_go_leave_nothing_behind(b):
    pod = b.c.make_pod('churn', 0)
    pod.ips = {4: '10.1.2.1', 6: 'fd00:10:1::2:1'}
    b.c.pods.append(pod)
    b.c.apply()
    light = Light(b, 0, pod)
    churn(b, light, WARM_UP)
    time.sleep(1.2)
    before, rss = traces(b), rss_kb(b.node.agent.pid)
    begun = time.monotonic()
    churn(b, light, CHURN)
    begun = time.monotonic() - begun
    until = time.monotonic() + 10
    while traces(b) != before and time.monotonic() < until:
        time.sleep(0.2)
    expect(before, traces(b), 'traces')
    grown = rss_kb(b.node.agent.pid) - rss
    note(f'{CHURN} endpoints came and went in {begun:.0f} s: memory of the '
         f'agent {rss} kB, {grown:+} kB')
    if grown > GROWTH_KB:
        raise Fail(f'memory of the agent grew by {grown} kB')
    light.end()
    b.c.pods.remove(pod)
    b.c.apply()
    b.verdicts('after churn')


def run(tap, only, plugin, tests):
    tests = [t for t in tests if only in t.__name__]
    if not tests:
        return
    b = Bench(plugin)
    b.tcx = b.node.status()['attach'] == 'tcx'
    try:
        for test in tests:
            row, text = test.__name__[4:].split('_', 1)
            tap.run(f'row {row}: ' + text.replace('_', ' '), test, b)
        if tap.failed:
            tap.say(b.node.log_tail(30))
    finally:
        b.c.close()


def main():
    tap = Tap()
    only = sys.argv[1] if len(sys.argv) > 1 else ''
    run(tap, only, 'ptp', (
        row_163_what_does_not_fit_drops_all_of_its_pod_and_nothing_of_others,
        row_167_each_packet_of_a_flood_is_counted,
        row_167_of_a_watched_flood_each_event_is_sent_or_counted,
        row_170_a_storm_of_pods_is_guarded_each_when_add_returns,
        row_171_pods_that_come_and_go_leave_nothing_behind))
    run(tap, only, 'bridge', (
        row_169_a_scan_of_the_network_costs_nobody_a_neighbour,
        row_169_a_pod_that_may_send_nothing_makes_no_neighbours))
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
