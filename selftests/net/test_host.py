#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Policies about the node itself: what its own sockets receive and send, what
stays open whatever they say, and that what nobody confirms is taken back.

    test_host.py [PART-OF-A-NAME]
"""
import json
import os
import signal
import subprocess
import sys

from wdnet.ask import DENIED_S, answered, handle_of, until
from wdnet.cluster import WORLD, Cluster, Pod
from wdnet.shared import Shared
from wdnet.tap import Fail, expect

SHARED = Shared()
LONG = ('--host-confirm', '30m')
PORTS = (22, 80, 81)
GROUP = """
import socket, sys
own = socket.inet_aton(sys.argv[1])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.bind(('', 5353))
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                 socket.inet_aton('239.1.2.3') + own)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
    s.settimeout(10)
    s.sendto(b'me', ('239.1.2.3', 5353))
    print(s.recv(9).decode())
"""


def host_policy(name, subject=None, **spec):
    labels = {'kubernetes.io/hostname': 'node-a'} if subject is None \
        else subject
    return {'apiVersion': 'cilium.io/v2',
            'kind': 'CiliumClusterwideNetworkPolicy',
            'metadata': {'name': name},
            'spec': {'nodeSelector': {'matchLabels': labels}, **spec}}


def ports(*numbers, proto='TCP'):
    return [{'ports': [{'port': str(n), 'protocol': proto}
                       for n in numbers]}]


def reach(want, src, dst, port=80, proto='tcp'):
    """@dst: a node, a pod, or a dict of addresses."""
    for family, ip in getattr(dst, 'ips', dst).items():
        source = getattr(src, 'ips', WORLD['ext1']).get(family)
        got = answered(src, ip, proto, port, want, source)
        if bool(got) != want:
            raise Fail(f'{src} -> {ip} {proto}/{port}: expected {want}, '
                       f'got {got}')


class Held:
    """Connections that stay, of both families."""
    cnt = 0

    def __init__(self, src, dst, port):
        self.handle = handle_of(src)
        self.idents = []
        for ip in getattr(dst, 'ips', dst).values():
            Held.cnt += 1
            self.idents.append(f'held{Held.cnt}')
            got = self.handle.ask('hold', ident=self.idents[-1], dst=ip,
                                  port=port, timeout=6.0)
            expect(True, bool(got['answer']), f'{ip}:{port} answers')

    def speaks(self, want):
        for ident in self.idents:
            got = self.handle.ask('say', ident=ident, text='hello',
                                  timeout=6.0 if want else DENIED_S)['answer']
            expect(want, bool(got), ident)

    def end(self):
        for ident in self.idents:
            self.handle.ask('drop', ident=ident)


def host_of(node):
    return node.status()['host']


def state_of(node):
    return host_of(node)['state']


def confirm(node):
    expect('tried', state_of(node), 'state')
    expect(True, host_of(node)['enforced'], host_of(node)['why'])
    node.warder('policy', 'confirm')
    expect('confirmed', state_of(node), 'state')


def links(node):
    path = f'/proc/{node.host.pid}/root{node.bpffs}/host'
    return sorted(os.listdir(path)) if os.path.isdir(path) else []


def restart(node, *args):
    node.stop_agent()
    node.start_agent(*args)


def make(*args):
    c = Cluster(agent_args=(*LONG, *args))
    try:
        c.namespaces = {'x': {}}
        c.run_pods([Pod('x', 'a', c.node('node-a'), 10, c.families),
                    Pod('x', 'b', c.node('node-b'), 11, c.families)])
        for node in c.nodes:
            node.host.ask('listen', addrs=[], socks=[
                [proto, ip, port] for ip in node.ips.values()
                for port in PORTS for proto in ('tcp', 'udp')])
    except BaseException:
        c.close()
        raise
    return c


@SHARED.test
def without_a_policy_nothing_is_attached(c):
    a = c.node('node-a')
    c.apply([host_policy('other', {'kubernetes.io/hostname': 'node-b'})])
    expect(('none', []), (state_of(a), links(a)), 'node-a')
    reach(True, c, a)
    c.apply([])


def rules_are_counted(node):
    """By the host's own program, whatever judges pods."""
    for rung in ('minimal', 'auto'):
        node.warder('ladder', 'pin', rung)
        _, out, _ = node.warder('policy', 'get', 'ccnp/in', '--json')
        rule = json.loads(out)['rules'][0]
        expect((None, True), (rule['not_counted'],
                              rule['counts']['packets'] > 0), rung)


@SHARED.test
def ingress_is_judged_and_some_ports_stay_open(c):
    a, b = c.nodes
    c.apply([host_policy('in', ingress=[
        {'fromEntities': ['remote-node'],
         'toPorts': ports(80, proto='ANY')},
        {'fromEndpoints': [{'matchLabels': {'pod': 'b'}}]}])])
    expect(['wd_host4_in', 'wd_host4_out', 'wd_host6_in', 'wd_host6_out'],
           links(a), 'pins')
    confirm(a)
    for proto in ('tcp', 'udp'):
        reach(True, b, a, 80, proto)
        reach(False, b, a, 81, proto)
        reach(False, c, a, 80, proto)
        reach(False, c.pod('x/a'), a, 80, proto)
        reach(True, c.pod('x/b'), a, 81, proto)
        reach(True, a, WORLD['ext1'], 80, proto)  # and what comes back
        reach(True, a, b, 81, proto)
        reach(True, a, a, 81, proto)  # by lo
        reach(True, a, c.pod('x/a'), 80, proto)
        reach(True, a, c.pod('x/b'), 80, proto)
    reach(True, c, a, 22)
    reach(True, c.pod('x/a'), a, 22)
    reach(False, c, a, 22, 'udp')
    # what goes through the node is none of its business
    reach(True, c, c.pod('x/a'))
    reach(True, c.pod('x/a'), WORLD['ext1'])
    reach(True, c.pod('x/a'), c.pod('x/b'))
    reach(True, c, b)
    expect(True, a.counter('DEFAULT', 'ingress') > 0, 'drops are counted')
    rules_are_counted(a)
    c.apply([])
    expect(('none', []), (state_of(a), links(a)), 'taken off')
    reach(True, c, a)


@SHARED.test
def egress_is_judged_but_not_answers_nor_own_pods(c):
    a, b = c.nodes
    c.apply([host_policy('out', egress=[
        {'toCIDR': [ip + ('/128' if f == 6 else '/32')
                    for f, ip in WORLD['ext1'].items()],
         'toPorts': ports(80)}])])
    confirm(a)
    reach(True, a, WORLD['ext1'])
    reach(False, a, WORLD['ext1'], 80, 'udp')
    reach(False, a, WORLD['ext2'])
    reach(False, a, b)
    reach(True, b, a, 81)  # ingress is not isolated, and answers go out
    reach(True, c, a, 81, 'udp')
    reach(True, a, c.pod('x/a'))
    reach(False, a, c.pod('x/b'))
    reach(True, c.pod('x/a'), c.pod('x/b'))
    expect(True, a.counter('DEFAULT', 'egress') > 0, 'drops are counted')
    c.apply([])


@SHARED.test
def deny_comes_before_allow_and_default_deny_can_be_off(c):
    a, b = c.nodes
    c.apply([host_policy('deny', enableDefaultDeny={'ingress': False},
                         ingressDeny=[{'fromEntities': ['remote-node'],
                                       'toPorts': ports(80, 22)}]),
             host_policy('allow', enableDefaultDeny={'ingress': False},
                         ingress=[{'fromEntities': ['all']}])])
    confirm(a)
    reach(False, b, a, 80)
    reach(True, b, a, 81)
    reach(True, b, a, 22)  # open whatever policies say
    reach(True, c, a, 80)
    c.apply([])


@SHARED.test
def connections_of_before_go_on_as_policy_says(c):
    a, b = c.nodes
    ssh, web = Held(c, a, 22), Held(c, a, 81)
    mine, other = Held(a, WORLD['ext1'], 80), Held(a, b, 80)
    c.apply([host_policy(
        'both', ingress=[{'fromEntities': ['remote-node']}],
        egress=[{'toEntities': ['world']}])])
    expect('tried', state_of(a), 'state')
    ssh.speaks(True)
    mine.speaks(True)
    web.speaks(False)
    other.speaks(False)
    c.apply([])
    for held in (web, other):
        held.end()
    ssh.speaks(True)
    for held in (ssh, mine):
        held.end()


@SHARED.test
def what_nobody_confirms_is_taken_back(c):
    a = c.node('node-a')
    closed = host_policy('closed', ingress=[{}])
    restart(a, '--host-confirm', '3s')
    c.apply([closed])
    until('taken back', lambda: state_of(a), 'state')
    until([], lambda: links(a), 'pins')
    reach(True, c, a)
    code, _, err = a.warder('policy', 'confirm', '--json', ok=None)
    expect((1, True), (code, '--again' in err), err)
    restart(a, *LONG)
    expect('taken back', state_of(a), 'it is remembered')
    reach(True, c, a)
    a.warder('policy', 'confirm', '--again')
    reach(False, c, a)
    confirm(a)
    restart(a)
    expect('confirmed', state_of(a), 'it is remembered, too')
    reach(False, c, a)
    reach(True, c, a, 22)
    c.apply([])


@SHARED.test
def what_was_not_tried_cannot_be_confirmed(c):
    a = c.node('node-a')
    restart(a, *LONG, '--mode', 'audit')
    c.apply([host_policy('p', ingress=[{'toPorts': ports(80)}])])
    expect('tried', state_of(a), 'state')
    code, _, err = a.warder('policy', 'confirm', '--json', ok=None)
    expect((1, True), (code, 'mode is audit' in err), err)
    expect('tried', state_of(a), 'state')
    c.apply([])
    restart(a, *LONG)


@SHARED.test
def what_was_confirmed_and_comes_back_needs_no_try(c):
    a = c.node('node-a')
    policy = host_policy('back', ingress=[{'toPorts': ports(80)}])
    c.apply([policy])
    confirm(a)
    c.apply([])
    expect(('none', []), (state_of(a), links(a)), 'taken off')
    restart(a)
    reach(True, c, a, 81)
    c.apply([policy])
    expect('confirmed', state_of(a), 'state')
    reach(True, c, a, 80)
    reach(False, c, a, 81)
    c.apply([])
    # a try goes back to nothing, not to what was taken away before
    restart(a, '--host-confirm', '3s')
    c.apply([host_policy('back', ingress=[{'toPorts': ports(22)}])])
    until('taken back', lambda: state_of(a), 'state')
    reach(True, c, a, 81)
    c.apply([])
    restart(a, *LONG)


@SHARED.test
def labels_of_before_count_while_the_node_object_is_missing(c):
    a = c.node('node-a')
    policy = host_policy('stays', ingress=[{'toPorts': ports(80)}])
    c.apply([policy])
    confirm(a)
    c.base_objects = lambda: [
        obj for obj in Cluster.base_objects(c)
        if (obj['kind'], obj['metadata']['name']) != ('Node', 'node-a')]
    try:
        c.apply([policy])
        restart(a)
        host = host_of(a)
        expect(('confirmed', True), (host['state'], host['enforced']), 'host')
        expect(True, 'labels' in host['why'], host['why'])
        reach(True, c, a, 80)
        reach(False, c, a, 81)
        c.apply([])
        expect(('none', []), (state_of(a), links(a)), 'taken off')
    finally:
        del c.base_objects
    c.apply([])


@SHARED.test
def what_judges_goes_on_where_it_cannot_be_had_anew(c):
    a = c.node('node-a')
    btf = '/sys/kernel/btf/vmlinux'  # which this program alone needs
    c.apply([host_policy('goes', ingress=[{'toPorts': ports(80)}])])
    confirm(a)
    a.ns.run(['mount', '--bind', '/dev/null', btf])
    try:
        restart(a)
        host = host_of(a)
        expect(('confirmed', True), (host['state'], host['enforced']), 'host')
        expect(True, 'agent before' in host['why'], host['why'])
        expect(True, 'agent before' in a.warder('status')[1], 'status')
        reach(True, c, a, 80)
        reach(False, c, a, 81)
        c.apply([host_policy('goes', ingress=[{'toPorts': ports(81)}])])
        reach(True, c, a, 81)
        reach(False, c, a, 80)
        confirm(a)
    finally:
        a.ns.run(['umount', btf])
    restart(a)
    host = host_of(a)
    expect(('confirmed', True, ''),
           (host['state'], host['enforced'], host['why']), 'host')
    reach(True, c, a, 81)
    c.apply([])


@SHARED.test
def a_change_is_tried_in_place_of_what_was_confirmed(c):
    a = c.node('node-a')
    c.apply([host_policy('p', ingress=[{'toPorts': ports(80)}])])
    confirm(a)
    restart(a, '--host-confirm', '5s')
    expect('confirmed', state_of(a), 'state')
    c.apply([host_policy('p', ingress=[{'toPorts': ports(81)}])])
    until('taken back', lambda: state_of(a), 'state')
    reach(True, c, a, 80)
    reach(False, c, a, 81)
    c.apply([])
    restart(a, *LONG)


@SHARED.test
def a_try_ends_without_an_agent_too(c):
    a = c.node('node-a')
    c.apply([host_policy('q', ingress=[{'toPorts': ports(80)}])])
    confirm(a)
    restart(a, '--host-confirm', '8s')
    c.apply([host_policy('q', ingress=[{'toPorts': ports(81)}])])
    held = Held(c, a, 81)
    a.stop_agent(signal.SIGKILL)
    until(True, lambda: bool(answered(c, a.ips[4], 'tcp', 80, False)),
          'what was confirmed', 30)
    held.speaks(False)
    held.end()
    reach(True, c, a, 80)
    reach(False, c, a, 81)
    a.start_agent(*LONG)
    expect('taken back', state_of(a), 'state')
    reach(True, c, a, 80)
    reach(False, c, a, 81)
    c.apply([])


@SHARED.test
def a_group_s_member_hears_itself(c):
    a = c.node('node-a')
    c.apply([host_policy('group', ingress=[{}])])
    confirm(a)
    run = subprocess.run(
        ['nsenter', '-t', str(a.host.pid), '-n', sys.executable, '-c', GROUP,
         a.ips[4]], capture_output=True, text=True, check=False)
    expect('me', run.stdout.strip(), run.stderr)
    c.apply([])


TIERS = {'80': ('normal', 'of the policy whose rule decides'),
         '81': ('default', 'no rule decides, and policies isolate the node '
                           'in this direction: dropped'),
         '22': ('admin', 'of the policy whose rule decides')}


def stage_of(node, port, name):
    """What the node's own hook says of that stage to one from outside."""
    doc = json.loads(node.warder('why', WORLD['ext1'][4],
                                 f'{node.ips[4]}:{port}', '--json',
                                 ok=None)[1])
    return next(s for h in doc['hooks'] for s in h.get('stages', [])
                if s['stage'] == name)


@SHARED.test
def commands_tell_of_it(c):
    a = c.node('node-a')
    c.apply([host_policy('told', ingress=[{'toPorts': ports(80)}])])
    rows = json.loads(a.warder('policy', 'list', '--json')[1])['policies']
    expect([('told', 'tried', 'nodes kubernetes.io/hostname=node-a')],
           [(p['name'], p['host'], p['subject']) for p in rows], 'list')
    expect('tried', stage_of(a, '80', 'mode')['outcome'], 'mode')
    confirm(a)
    expect('enforce', stage_of(a, '80', 'mode')['outcome'], 'mode')
    for what, want in (('80', 'allow'), ('81', 'drop'), ('22', 'allow')):
        doc = json.loads(a.warder('why', WORLD['ext1'][4],
                                  f'{a.ips[4]}:{what}', '--json',
                                  ok=None)[1])
        expect(want, doc['verdict'], f'port {what}: {doc}')
        tier = stage_of(a, what, 'tier')
        expect(TIERS[what], (tier['outcome'], tier['text']), 'tier')
    c.apply([])


if __name__ == '__main__':
    sys.exit(SHARED.main(make))
