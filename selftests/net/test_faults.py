#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Faults that people plant by mistake, and the one command that shows each and
names what mends it. What has to stand in the answer for somebody new to see it
is asserted, on a node with a live agent. Others are in test_doctor.py.

    test_faults.py [PART-OF-A-NAME]
"""
import json
import mmap
import os
import socket
import struct
import sys
import tempfile
import threading

from wdnet import bpf, frag, wire
from wdnet.node import WARDER
from wdnet.shared import Shared
from wdnet.solo import Solo, expect_reach, ingress_policy, wait_for
from wdnet.tap import Fail, expect

SHARED = Shared()


class Bench:
    def close(self):
        self.c.close()

    def __init__(self):
        self.c = Solo(agent_args=('--quota-rules', '0', '--quota-cidrs', '0'))
        self.node = self.c.only_node
        self.srv, self.ok, self.bad = self.c.three()

    def policies(self, *policies):
        self.c.policies = list(policies)
        self.c.apply()

    def shows(self, command, code, *lines, run_dir=None):
        """These stand in the answer, in this order."""
        got, text, err = self.node.ns.run(
            [WARDER, *command.split(), '--run-dir',
             run_dir or self.node.run_dir], check_rc=False)
        rest = text
        if got != code:
            raise Fail(f'`warder {command}`: exit code {got}', text + err)
        for line in lines:
            _, found, rest = rest.partition(line)
            if not found:
                raise Fail(f'`warder {command}` does not say {line!r}', text)

    def applied(self, question):
        """What --suggest prints is put among the manifests."""
        self.c.write('suggested.yaml', self.node.warder(
            'why', *question.split(), '--suggest')[1])
        self.c.sync()

    def taken_back(self):
        self.c.write('suggested.yaml', None)
        self.c.sync()

    def annotate(self, **by_space):
        self.c.ns_annotations = by_space
        self.c.apply()

    def veth(self, pod):
        return next(e['interface'] for e in json.loads(self.node.warder(
            'endpoint', 'list', '--json')[1])['endpoints']
            if e['name'] == pod.name)

    def ifindex(self, device):
        return int(self.node.ns.run(
            ['cat', f'/sys/class/net/{device}/ifindex'])[1])


def egress_policy(*ports):
    return {'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy',
            'metadata': {'name': 'out', 'namespace': 'shop'},
            'spec': {'podSelector': {'matchLabels': {'app': 'ok'}},
                     'policyTypes': ['Egress'], 'egress': [{'ports': [
                         {'port': p, 'protocol': 'TCP'} for p in ports]}]}}


@SHARED.test
def label_in_the_policy_is_misspelt(b):
    b.policies(ingress_policy('srv', 'srv', 'okay'))
    expect_reach(False, b.ok, b.srv)
    b.shows('why shop/ok shop/srv:80', 1, 'drop, decided at ingress',
            'no rule allows it', 'NetworkPolicy/shop/srv',
            'to allow        at ingress: NetworkPolicy/shop/srv ingress[0]',
            'allows pods with app=okay, and shop/ok has app=ok',
            'correct the label', 'egress   allow', 'ingress  drop')
    b.shows('policy get shop/srv', 0, 'allow', 'from pods app=okay')
    b.policies(ingress_policy('srv', 'srv', 'ok'))
    expect_reach(True, b.ok, b.srv, 'with the label that it named')


@SHARED.test
def names_cannot_be_resolved_as_egress_lacks_dns(b):
    b.policies(egress_policy(80))
    expect_reach(True, b.ok, b.srv)
    expect_reach(False, b.ok, b.srv, proto='udp', port=81)
    b.shows('why shop/ok shop/srv:81/udp', 1, 'drop, decided at egress',
            'no rule allows it',
            'to allow        at egress: NetworkPolicy/shop/out egress[0]',
            'on other ports only: add udp port 81', 'over both',
            'egress   drop', 'ingress  allow')
    b.applied('shop/ok shop/srv:81/udp')
    try:
        expect_reach(True, b.ok, b.srv, proto='udp', port=81)
        expect_reach(True, b.ok, b.srv)
    finally:
        b.taken_back()
    expect_reach(False, b.ok, b.srv, proto='udp', port=81)


@SHARED.test
def port_has_another_name_than_the_policy_says(b):
    policy = ingress_policy('srv', 'srv', 'ok')
    policy['spec']['ingress'][0]['ports'] = [{'port': 'web'}]
    b.policies(policy)
    expect_reach(False, b.ok, b.srv)
    b.shows('why shop/ok shop/srv:80', 1, 'no rule allows it',
            "allows the port named 'web'", "shop/srv calls tcp port 80 'http'",
            'write that name')
    b.shows('policy get shop/srv', 0, 'on tcp/web')
    policy['spec']['ingress'][0]['ports'] = [{'port': 'http'}]
    b.policies(policy)
    b.shows('why shop/ok shop/srv:80', 0, 'allow, decided at ingress',
            'on tcp/http')
    expect_reach(True, b.ok, b.srv, 'with the name that it named')


@SHARED.test
def tunnel_of_a_mesh_hides_the_port(b):
    """In a mesh the port that the policy allows is one inside the tunnel."""
    policy = ingress_policy('srv', 'srv', 'ok')
    policy['spec']['ingress'][0]['ports'] = [{'port': 80}]
    b.policies(policy)
    b.srv.handle.ask('listen', addrs=[], socks=[
        ['tcp', b.srv.ips[4], 15008]])
    expect_reach(False, b.ok, b.srv, port=15008)
    b.shows('why shop/ok shop/srv:15008', 1, 'WARNING: port 15008',
            'HBONE', 'no rule by port sees', 'AuthorizationPolicy',
            'drop, decided at ingress',
            'to allow        at ingress: NetworkPolicy/shop/srv ingress[0]',
            'on other ports only: add tcp port 15008')
    b.applied('shop/ok shop/srv:15008')
    try:
        expect_reach(True, b.ok, b.srv, 'with the rule that it printed',
                     port=15008)
        expect_reach(False, b.bad, b.srv, 'nobody else', port=15008)
        b.shows('why shop/ok shop/srv:15008', 0, 'WARNING: port 15008',
                'allow, decided at ingress')
    finally:
        b.taken_back()


@SHARED.test
def permission_that_was_removed_leaves_no_stale_flow(b):
    b.policies(ingress_policy('srv', 'srv', 'ok'))
    expect_reach(True, b.ok, b.srv)
    b.policies(ingress_policy('srv', 'srv'))
    expect_reach(False, b.ok, b.srv)
    b.shows('why shop/ok shop/srv:80', 1, 'drop, decided at ingress',
            'to allow        at ingress: no rule comes near')
    before = b.node.counter('DEFAULT', 'ingress')
    expect_reach(False, b.ok, b.srv)
    expect(True, b.node.counter('DEFAULT', 'ingress') > before, 'counted')
    b.applied('shop/ok shop/srv:80')
    try:
        expect_reach(True, b.ok, b.srv, 'with the rule that it printed')
    finally:
        b.taken_back()


@SHARED.test
def pod_is_in_the_network_of_its_node(b):
    b.policies(ingress_policy('srv', 'srv', 'agent'),
               ingress_policy('agent', 'agent'))
    pod = b.c.make_pod('agent', 20)
    pod.host_network, pod.phase = True, 'Running'
    pod.known_ips = dict(b.node.ips)
    b.c.pods.append(pod)
    try:
        b.c.apply()
        b.shows('why shop/agent shop/srv:80', 0,
                'WARNING: shop/agent has hostNetwork',
                'no policy about pods selects it', b.node.ips[4], 'ipBlock',
                'HOST')
        b.shows('why shop/ok shop/agent:80', 0,
                'WARNING: shop/agent has hostNetwork',
                'take hostNetwork from the pod')
    finally:
        b.c.pods.remove(pod)
        b.c.apply()
    pod = b.c.make_pod('agent', 20)  # as told: hostNetwork is taken from it
    b.c.run_pods([pod])
    try:
        b.shows('why shop/ok shop/agent:80', 1, 'drop, decided at ingress')
        expect_reach(False, b.ok, pod, 'its policy selects it')
        expect_reach(True, pod, b.srv, 'policies know its labels')
    finally:
        b.c.delete(pod)


@SHARED.test
def audit_was_left_on(b):
    b.policies(ingress_policy('srv', 'srv', 'ok'))
    b.annotate(shop={'warder.io/mode': 'audit'})
    try:
        expect_reach(True, b.bad, b.srv)
        b.shows('why shop/bad shop/srv:80', 0, 'audit, decided at ingress',
                'to enforce      at ingress', 'warder.io/mode: audit')
        b.shows('doctor', 1, 'mode: shop/srv: mode audit',
                'fix: take the annotation warder.io/mode from it')
    finally:
        b.annotate()
    expect_reach(False, b.bad, b.srv)


def passing(b, device, flags):
    """A program of others that lets all pass to the pod, past who comes after."""
    return frag.inside(b.node.ns, bpf.attach, bpf.SCHED_CLS, bpf.TCX_EGRESS,
                       b.ifindex(device), bpf.returns(0), flags)


@SHARED.test
def program_of_others_runs_before_ours(b):
    b.policies(ingress_policy('srv', 'srv', 'ok'))
    expect_reach(False, b.bad, b.srv)
    device = b.veth(b.srv)
    link = passing(b, device, bpf.BEFORE)
    try:
        expect_reach(True, b.bad, b.srv, 'past the policy')
        wait_for('it was looked for', lambda: b.node.status()['blind_spots'],
                 40)
        b.shows('doctor', 1, 'foreign-program: shop/srv',
                f'fix: bpftool net show dev {device}',
                "attach the other program behind warder's")
    finally:
        os.close(link)
    link = passing(b, device, 0)
    try:
        expect_reach(False, b.bad, b.srv, 'behind it')
        expect_reach(True, b.ok, b.srv, 'behind it')
    finally:
        os.close(link)


PORT = 4444
BUCKET, WAYS, HEAD, FLOW = 576, 8, 64, 64  # struct wd_bucket


def datagrams(pod, at=0):
    """A socket of a pod for datagrams."""
    def make():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((pod.ips[4], at))
        return sock
    sock = wire.open_in(pod.space, make)
    sock.settimeout(0.7)
    return sock


def passes(src, dst, to):
    """Does a datagram from one of these sockets come to the other?"""
    word = os.urandom(8)
    src.sendto(word, to)
    try:
        while dst.recv(64) != word:
            pass
        return True
    except TimeoutError:
        return False


def age(b, pod, port, peer, peer_port):
    """As if nobody had said anything for long: by the time that it dies at."""
    fd = bpf.obj_get(f'/proc/{b.node.agent.pid}/root{b.node.bpffs}'
                     '/maps/wd_flow')
    ep = json.loads(b.node.warder('endpoint', 'get', pod.key, '--json')[1])
    key = bytes(12) + wire.packed(peer) + struct.pack('=I', ep['id']) \
        + struct.pack('!HH', port, peer_port) + b'\x11'
    with mmap.mmap(fd, 32768 * BUCKET) as table:
        at = table.find(key)
        expect(True, at >= 0, 'the flow is in the table')
        begin = at // BUCKET * BUCKET
        place = (at - begin - HEAD) // FLOW
        at = begin + 4 * (WAYS + place)
        was = struct.unpack_from('=I', table, at)[0]
        struct.pack_into('=I', table, at, was - 240)  # five minutes
    os.close(fd)


@SHARED.test
def live_flow_of_before_a_change_of_policy(b):
    """It is told that it is stale, ends at its next packet, and goes on."""
    b.policies(ingress_policy('srv', 'srv', 'ok'))
    with datagrams(b.srv, PORT) as srv, datagrams(b.ok) as ok:
        to, back = (b.srv.ips[4], PORT), ok.getsockname()
        expect((True, True), (passes(ok, srv, to), passes(srv, ok, back)),
               'allowed, and answered')
        b.policies(ingress_policy('srv', 'srv'))
        question = f'why shop/ok shop/srv:{PORT}/udp'
        b.shows(question, 1, 'drop, decided at ingress',
                'to allow        at ingress: no rule comes near',
                'flows           at egress: 1 live, 1 of them judged under an '
                'older generation',
                'flows           at ingress: 1 live, 1 of them judged under '
                'an older')
        expect((False, False), (passes(ok, srv, to), passes(srv, ok, back)),
               'stale in both directions')
        b.applied(question[4:])
        try:
            expect((True, True), (passes(ok, srv, to),
                                  passes(srv, ok, back)), 'the same flow')
        finally:
            b.taken_back()


@SHARED.test
def answer_comes_when_its_flow_has_ended(b):
    b.policies(ingress_policy('ok', 'ok'))  # nobody may open anything to it
    with datagrams(b.srv, PORT) as srv, datagrams(b.ok) as ok:
        to, back = (b.srv.ips[4], PORT), ok.getsockname()
        expect((True, True), (passes(ok, srv, to), passes(srv, ok, back)),
               'allowed, and answered')
        question = f'why shop/srv shop/ok:{back[1]}/udp'
        b.shows(question, 1, 'flows           at ingress: these ports are of '
                'a live flow that was opened the other way: its packets pass')
        age(b, b.ok, back[1], b.srv.ips[4], PORT)
        expect(False, passes(srv, ok, back), 'too late')
        b.shows(question, 1, 'drop, decided at ingress', 'DEFAULT',
                'flows           at ingress: a flow that was opened the other '
                'way ended here: an answer that comes so late is judged as a '
                'new flow. Have the opener ask again, or keep it alive')
        expect((True, True), (passes(ok, srv, to), passes(srv, ok, back)),
               'the opener asks again')


def full(subject, base, cnt=1700):
    """As many predicates as rules: no two allow the same."""
    policy = ingress_policy('full-' + subject, subject)
    policy['spec']['ingress'] = [
        {'from': [{'ipBlock': {'cidr': f'{base}.{i >> 8}.{i & 255}.0/24'}}],
         'ports': [{'port': 1000 + i, 'protocol': 'TCP'}]}
        for i in range(cnt)]
    return policy


def full_wide(subject, base, cnt=1700):
    """The same of a policy of the whole cluster: of no namespace's share."""
    return {'apiVersion': 'cilium.io/v2',
            'kind': 'CiliumClusterwideNetworkPolicy',
            'metadata': {'name': 'full-' + subject},
            'spec': {'endpointSelector': {'matchLabels': {'app': subject}},
                     'ingress': [
                         {'fromCIDR': [f'{base}.{i >> 8}.{i & 255}.0/24'],
                          'toPorts': [{'ports': [{'port': str(1000 + i),
                                                  'protocol': 'TCP'}]}]}
                         for i in range(cnt)]}}


@SHARED.test
def map_is_full(b):
    b.policies(full('srv', 20), full_wide('ok', 21))
    b.shows('doctor', 1, 'maps: predicates: ',
            'of 4096 places are used: what does not fit is refused',
            'fix: fewer or wider prefixes, ports and selectors')
    b.c.policies = [full('srv', 20, 2100)]
    b.c.write_objects()
    try:
        expect(1, b.node.warder('sync', ok=None)[0], 'sync')
        b.shows('doctor', 1, 'pods: shop/srv: too_large', 'does not fit',
                'fix: fewer or wider prefixes, ports and selectors in the '
                'policies that select it')
        b.shows('why shop/ok shop/srv:80', 1,
                'WARNING: all traffic of shop/srv is dropped: its policy does '
                'not fit', 'drop, decided at ingress', 'NOT_READY')
        b.shows('why shop/ok shop/srv:80 --stages', 1, 'stages at ingress',
                'the pod has no compiled policy that could be asked',
                'NOT_READY')
        expect_reach(False, b.ok, b.srv)
        b.policies(ingress_policy('srv', 'srv', 'ok'))
        expect_reach(True, b.ok, b.srv, 'with fewer ports and selectors')
    finally:
        b.policies()


class StandIn:
    """Answers one agent's `status` with something else in it, so that a machine
    without WireGuard shows what one with it would say. An agent reads the
    devices of the kernel, so no WireGuard in user space can take their place;
    row 134 of suite `wire` has a real peer that does not answer, and mends it:
    the agent finds it, and packets pass."""

    def __init__(self, node, **other):
        self.answers = {name: json.loads(node.warder(
            *name.split('.'), '--json')[1]) for name in ('status',
                                                         'endpoint.list')}
        self.answers['status'].update(other)
        # pylint: disable-next=consider-using-with
        self.dir = tempfile.TemporaryDirectory(dir=node.dir)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.bind(os.path.join(self.dir.name, 'agent.sock'))
        self.sock.listen(4)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                conn = self.sock.accept()[0]
            except OSError:
                return
            with conn, conn.makefile('rw', encoding='utf-8') as stream:
                asked = json.loads(stream.readline())['cmd']
                stream.write(json.dumps({'ok': True, 'result':
                                         self.answers[asked]}) + '\n')

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        self.thread.join(10)
        self.dir.cleanup()


@SHARED.test
def node_has_no_handshake(b):
    agent = StandIn(b.node, wireguard={'devices': [], 'findings': [
        {'finding': 'stale-handshake', 'object': 'node-b', 'text':
         'packets wait for it, and there was never a handshake'}]})
    try:
        b.shows('doctor', 1, 'wireguard: node-b: stale-handshake: packets '
                'wait for it, and there was never a handshake',
                "fix: look on that node whether its device is up and has this "
                "node's key, and whether its UDP port is open",
                run_dir=agent.dir.name)
    finally:
        agent.close()


if __name__ == '__main__':
    sys.exit(SHARED.main(Bench))
