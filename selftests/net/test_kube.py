#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""An API server as the source of objects: what it says is enforced, and what
it said last while it cannot be asked.
"""
import contextlib
import functools
import json
import os
import random
import shutil
import signal
import socket
import sys
import time

from wdnet import wire, yamlout
from wdnet.churn import Churn, spread, until_seen, used
from wdnet.kube import KubeSolo, kubeconfig
from wdnet.law import Chance
from wdnet.life import VIPS, Life
from wdnet.solo import (expect_reach, ingress_policy, note, reach,
                        wait_for)
from wdnet.suite import LONG, main
from wdnet.tap import Fail, expect

NETPOLS = '/apis/networking.k8s.io/v1/networkpolicies'
PODS = '/api/v1/pods'
CNPS = '/apis/cilium.io/v2/ciliumnetworkpolicies'
DEFINITION = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/' \
    'ciliumnetworkpolicies.cilium.io'
TESTS = []


def test(function, tests=TESTS):
    """What follows finds a server that is well, whatever came of this."""
    @functools.wraps(function)
    def run(c):
        try:
            function(c)
        finally:
            c.server.ask('calm')
            c.server.ask('kinds', absent=c.absent)
    tests.append(run)
    return run


def base(c):
    """An agent that has no failure behind it, and so waits for nothing."""
    c.server.ask('calm')
    if any(k['failures'] for k in c.source()['kinds']):
        c.only_node.stop_agent()
        c.only_node.start_agent()
    c.apply([ingress_policy('srv', 'srv', 'ok')])
    expect_base(c)


def expect_base(c):
    expect_reach(True, c.pod('shop/ok'), c.pod('shop/srv'), 'allowed')
    expect_reach(False, c.pod('shop/bad'), c.pod('shop/srv'), 'denied')


def answers(c, src, dst):
    return reach(c.pod(src), c.pod(dst))


def lists(c, kind):
    return c.kind(kind)['lists']


@test
def what_the_server_says_is_enforced(c):
    base(c)
    c.apply([ingress_policy('srv', 'srv', 'bad')])
    expect_reach(True, c.pod('shop/bad'), c.pod('shop/srv'), 'allowed now')
    expect_reach(False, c.pod('shop/ok'), c.pod('shop/srv'), 'denied now')
    c.apply([])
    expect_reach(True, c.pod('shop/ok'), c.pod('shop/srv'), 'no policy')


@test
def status_tells_of_each_kind(c):
    base(c)
    source = c.source()
    expect(True, source['known'], 'known')
    states = {k['kind']: k['state'] for k in source['kinds']}
    expect('absent', states.pop('CiliumNode'), 'a kind that is not there')
    for name in ('CiliumIdentity', 'CiliumEndpointSlice', 'CiliumEndpoint'):
        expect('unused', states.pop(name), name)
    expect({'watching'}, set(states.values()), 'states of the others')
    out = c.only_node.warder('status')[1]
    if 'kinds watched' not in out or 'since never' in out or 'unused' in out:
        raise Fail('status does not tell of the server:', out)


@test
def the_server_is_told_nothing(c):
    base(c)
    expect([], c.server.ask('writes')['writes'], 'writes')
    expect(None, c.only_node.status()['reports'], 'reports')


@test
def a_label_that_changes_moves_a_pod(c):
    base(c)
    c.pod('shop/bad').labels = {'app': 'ok'}
    c.apply()
    expect_reach(True, c.pod('shop/bad'), c.pod('shop/srv'), 'labelled ok')


@test
def version_too_old_in_a_200_lists_again(c):
    base(c)
    before = lists(c, 'NetworkPolicy')
    c.server.ask('compact', path=NETPOLS, cut=True)
    wait_for('another list', lambda: lists(c, 'NetworkPolicy') > before)
    expect_base(c)
    c.apply([ingress_policy('srv', 'srv', 'bad')])
    expect_reach(True, c.pod('shop/bad'), c.pod('shop/srv'), 'after it')


@test
def a_policy_deleted_while_nobody_watched_goes_with_the_list(c):
    base(c)
    for fault in ('429', 'close'):
        c.server.fault(NETPOLS, 'watch', fault)
    c.server.fault(NETPOLS, 'list', 'torn')
    c.server.ask('cut')
    c.policies = []
    c.write_objects()
    c.server.ask('compact', path=NETPOLS)
    wait_for('nothing isolates', lambda: c.only_node.status()['objects'][
        'NetworkPolicy'] == 0, 60)
    expect_reach(True, c.pod('shop/bad'), c.pod('shop/srv'), 'no policy')


@test
def a_torn_list_deletes_nothing(c):
    base(c)
    c.server.fault(PODS, 'list', 'torn', 2)
    c.server.ask('compact', path=PODS, cut=True)
    wait_for('two lists fail', lambda: c.kind('Pod')['failures'] >= 1)
    expect(3, c.only_node.status()['objects']['Pod'], 'pods')
    expect_base(c)
    wait_for('a whole one', lambda: c.kind('Pod')['state'] == 'watching', 60)
    expect_base(c)


@test
def an_object_that_is_wrong_is_told_by_its_name(c):
    base(c)
    bad = ingress_policy('srv', 'srv', 'ok')
    bad['spec']['ingress'][0]['from'].append({'ipBlock': {'cidr': '10/8'}})
    c.apply([bad])
    found = [p for p in c.only_node.status()['problems']
             if p['object'] == 'NetworkPolicy/shop/srv']
    expect(['kube'], [p['file'] for p in found], 'where')
    expect([0], [p['line'] for p in found], 'line')
    expect(['spec.ingress[0].from[1].ipBlock.cidr'],
           [p['field'] for p in found], 'field')
    c.apply([ingress_policy('srv', 'srv', 'ok')])
    wait_for('the problem ends', lambda: not
             c.only_node.status()['problems'])


@test
def the_server_away_leaves_all_in_force(c):
    base(c)
    c.server.away()
    wait_for('it is noticed', lambda: c.kind('Pod')['error'])
    expect_base(c)
    c.policies = [ingress_policy('srv', 'srv', 'bad')]
    c.write_objects()
    c.server.back()
    c.sync()
    expect_reach(True, c.pod('shop/bad'), c.pod('shop/srv'), 'it is back')


@test
def an_agent_that_starts_without_the_server_opens_nothing(c):
    base(c)
    node = c.only_node
    for on in ('list', 'watch'):
        c.server.fault('*', on, '503', 1 << 30)
    node.stop_agent(signal.SIGKILL)
    shutil.rmtree(os.path.join(node.dir, 'state', 'kube'))
    node.start_agent(wait=False)

    def refused():
        code, _, err = node.warder('status', ok=None)
        return code == 3 and 'HTTP 503' in err
    wait_for('it says what it waits for', refused, 60)
    node.warder('status', '--alive')  # which is an answer
    for more in ((), ('--json',)):  # and what a probe gets is no crash
        code, out, err = node.warder('status', '--wait=100ms', *more,
                                     ok=None)
        expect((3, '', True), (code, out, 'HTTP 503' in err), '--wait')
    expect_base(c)
    with counted(node):
        expect(True, hears(c, 7777), 'of the pod, no tunnel')
        node.ns.ip('link add vx7 type vxlan id 7 dstport 7778 local '
                   + GATEWAY)
        try:
            wait_for('the port of a tunnel that comes is shut',
                     lambda: not hears(c, 7778))
            expect(True, hears(c, 7779), 'another port')
        finally:
            node.ns.ip('link del vx7')
    c.server.ask('calm')
    node.wait_ready()
    c.sync()
    expect_base(c)


GATEWAY = '10.1.0.1'  # an address of the node
# What reaches the node's own sockets.
HEARD = """add table inet heard
add counter inet heard udps
add chain inet heard in { type filter hook input priority 0 ; }
add rule inet heard in udp dport 7777-7779 counter name udps
"""


@contextlib.contextmanager
def counted(node):
    node.ns.run(['nft', '-f', '-'], HEARD)
    try:
        yield
    finally:
        node.ns.run(['nft', 'delete table inet heard'])


def hears(c, port):
    """Does the node hear what a pod sends there, each time another flow?"""
    node = c.only_node

    def heard():
        text = node.ns.run(['nft', '-j', 'list', 'counter', 'inet', 'heard',
                            'udps'])[1]
        return json.loads(text)['nftables'][-1]['counter']['packets']
    before, end = heard(), time.monotonic() + 0.4
    with wire.open_in(c.pod('shop/ok').space, lambda: socket.socket(
            socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.sendto(b'plain text', (GATEWAY, port))
    while heard() == before and time.monotonic() < end:
        time.sleep(0.02)
    return heard() > before


def reboot(c):
    """What is left is the state directory."""
    c.only_node.warder('stop', '--detach')
    c.only_node.agent.wait(30)
    c.only_node.agent = None


@test
def a_node_that_starts_without_the_server_enforces_what_it_did(c):
    base(c)
    c.apply([ingress_policy('srv', 'srv', 'ok'),
             ingress_policy('bad', 'bad', 'srv')])
    c.apply([ingress_policy('srv', 'srv', 'ok')])
    for on in ('list', 'watch'):
        c.server.fault('*', on, '503', 1 << 30)
    reboot(c)
    c.only_node.start_agent()
    expect(True, c.kind('NetworkPolicy')['kept'], 'of the disk')
    expect_base(c)
    expect_reach(True, c.pod('shop/ok'), c.pod('shop/bad'), 'was deleted')
    c.server.ask('calm')
    c.apply([ingress_policy('srv', 'srv', 'bad')])
    expect(False, c.kind('NetworkPolicy')['kept'], 'of the disk')
    expect_reach(True, c.pod('shop/bad'), c.pod('shop/srv'), 'it is back')


@test
def a_torn_end_of_what_is_kept_is_left_out(c):
    base(c)
    for on in ('list', 'watch'):
        c.server.fault('*', on, '503', 1 << 30)
    reboot(c)
    path = os.path.join(c.only_node.dir, 'state', 'kube',
                        'apis_networking.k8s.io_v1_networkpolicies')
    with open(path, 'a', encoding='utf-8') as f:
        f.write('-shop/srv\t{"metadata":{"name":"srv","namespace":"sho')
    c.only_node.start_agent()
    expect_base(c)


def checksum(text):
    """FNV-1a, as each line of what is kept begins with."""
    found = 0xcbf29ce484222325
    for byte in text.encode():
        found = (found ^ byte) * 0x100000001b3 & (1 << 64) - 1
    return f'{found:016x}'


def as_of(server, text):
    head, rest = text.split('\n', 1)
    magic, form, _, said, path = head.split(' ')
    said = server + said[len(server):]
    return f'{magic} {form} {checksum(f"{said} {path}")} {said} {path}\n{rest}'


@test
def what_another_server_said_is_not_taken(c):
    base(c)
    folder = os.path.join(c.only_node.dir, 'state', 'kube')
    for on in ('list', 'watch'):
        c.server.fault('*', on, '503', 1 << 30)
    reboot(c)
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding='utf-8') as f:
            text = f.read()
        with open(os.path.join(folder, name), 'w', encoding='utf-8') as f:
            f.write(as_of('http://127.0.0.2', text))
    c.only_node.start_agent(wait=False)
    wait_for('it waits for the server', lambda: 'are not known yet' in
             c.only_node.warder('status', ok=None)[2], 60)
    c.server.ask('calm')
    c.only_node.wait_ready()
    expect_base(c)
    expect([], c.only_node.status()['unread_state'], 'it is sound')


@test
def what_is_kept_and_damaged_is_waited_for_and_not_lost(c):
    """Without the server nothing opens, and it is told what is damaged."""
    base(c)
    node = c.only_node
    path = os.path.join(node.dir, 'state', 'kube',
                        'apis_networking.k8s.io_v1_networkpolicies')
    for on in ('list', 'watch'):
        c.server.fault('*', on, '503', 1 << 30)
    node.stop_agent()
    with open(path, encoding='utf-8') as f:
        text = f.read().replace('"metadata"', '"meta', 1)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    node.start_agent(wait=False)
    wait_for('it waits and says for what',
             lambda: "networkpolicies' cannot be used: " in
             node.warder('status', ok=None)[2], 60)
    expect_base(c)
    with open(path, encoding='utf-8') as f:
        expect(text, f.read(), 'while it waits')
    c.server.ask('calm')
    node.wait_ready()
    expect_base(c)
    wait_for('it is kept', lambda: node.status()['unread_state'][0]['kept_as'])
    with open(path + '.bad', encoding='utf-8') as f:
        expect(text, f.read(), 'kept')
    os.unlink(path + '.bad')


def lock_bad(c):
    """A policy of Cilium's on `bad`, in force."""
    base(c)
    policy = {'apiVersion': 'cilium.io/v2', 'kind': 'CiliumNetworkPolicy',
              'metadata': {'name': 'bad', 'namespace': 'shop'},
              'spec': {'endpointSelector': {'matchLabels': {'app': 'bad'}},
                       'ingress': [{'fromEndpoints': [
                           {'matchLabels': {'app': 'srv'}}]}]}}
    c.apply([ingress_policy('srv', 'srv', 'ok'), policy])
    expect_reach(True, c.pod('shop/srv'), c.pod('shop/bad'), 'allowed')
    expect_reach(False, c.pod('shop/ok'), c.pod('shop/bad'), 'denied')


@test
def a_custom_resource_that_is_deleted_goes_at_once(c):
    lock_bad(c)
    c.apply([ingress_policy('srv', 'srv', 'ok')])
    wait_for('it goes', lambda: c.only_node.status()['objects'][
        'CiliumNetworkPolicy'] == 0)
    expect_reach(True, c.pod('shop/ok'), c.pod('shop/bad'), 'no policy')


def asked_for_definition(c):
    return sum(r[0] == DEFINITION
               for r in c.server.ask('requests')['requests'])


@test
def deletions_are_not_believed_while_the_kind_is_deleted(c):
    lock_bad(c)
    # failures say nothing, for longer than the 10 s of who may not ask
    c.server.fault(DEFINITION, 'list', '503', 13)
    before = asked_for_definition(c)
    c.server.ask('leave', path=CNPS)
    wait_for('it asks on', lambda: asked_for_definition(c) >= before + 15, 90)
    expect(1, c.kind('CiliumNetworkPolicy')['unconfirmed_deletions'],
           'deletions that wait')
    expect(True, 'CiliumNetworkPolicy: 1 deleted, which count until' in
           c.only_node.warder('status')[1], 'status tells of them')
    expect_reach(False, c.pod('shop/ok'), c.pod('shop/bad'), 'still denied')
    c.server.ask('kinds', absent=[CNPS, *c.absent])
    wait_for('it is held', lambda:
             c.kind('CiliumNetworkPolicy')['state'] == 'held', 60)
    expect_reach(False, c.pod('shop/ok'), c.pod('shop/bad'), 'held')
    c.server.ask('kinds', absent=c.absent)
    wait_for('a list without it', lambda: c.only_node.status()['objects'][
        'CiliumNetworkPolicy'] == 0, 60)
    c.told.pop(next(k for k in c.told if 'CiliumNetworkPolicy' in k))


@test
def a_kind_that_vanishes_is_held(c):
    lock_bad(c)
    c.server.ask('kinds', absent=[CNPS, *c.absent])
    wait_for('it is held', lambda:
             c.kind('CiliumNetworkPolicy')['state'] == 'held', 60)
    expect_reach(False, c.pod('shop/ok'), c.pod('shop/bad'), 'still denied')
    if not any('no such kind' in p['text']
               for p in c.only_node.status()['problems']):
        raise Fail('status does not tell')
    c.server.ask('kinds', absent=c.absent)
    c.apply([ingress_policy('srv', 'srv', 'ok')])
    expect_reach(True, c.pod('shop/ok'), c.pod('shop/bad'), 'it is back')


@test
def the_server_counts_more_than_a_manifest_of_the_same_name(c):
    base(c)
    other = ingress_policy('srv', 'srv', 'bad')
    c.write('extra.yaml', yamlout.text([other]))
    c.sync()
    expect_base(c)
    c.apply([])
    wait_for('the manifest counts', lambda: 'extra.yaml' in json.loads(
        c.only_node.warder('policy', 'get', 'NetworkPolicy/shop/srv',
                           '--json', ok=None)[1] or '{}').get('file', ''))
    expect_reach(True, c.pod('shop/bad'), c.pod('shop/srv'), 'by the file')
    expect_reach(False, c.pod('shop/ok'), c.pod('shop/srv'), 'by the file')
    c.apply([ingress_policy('srv', 'srv', 'ok')])
    expect_base(c)


def life(c, steps, flows, every):
    """@every: steps after which a fresh agent is asked, too."""
    seed = os.environ.get('WD_SEED') or \
        str(random.SystemRandom().getrandbits(32))
    note(f'WD_SEED={seed}')
    c.policies, c.namespaces['lab'] = [], {'team': 'blue'}
    c.run_pods([c.make_pod(name, 40 + i, {'app': name}, 'lab')
                for i, name in enumerate(('x', 'y') if LONG else ('x',))])
    walk = Life(c, Chance(seed))
    try:
        for slot in walk.slots[::2]:
            walk.now[slot] = walk.rng.policy(*slot, walk.order[slot], VIPS)
        walk.translate()
        for number in range(1, steps + 1):
            try:
                walk.step(flows)
                if number % every == 0:
                    walk.fresh(1000 if LONG else 8, LONG)
            except Fail as e:
                raise Fail(f'step {number}:', *e.args) from e
        cuts = sorted(int(s * 1000) for s in walk.cuts)
        note(f'{steps} steps, {dict(walk.tally)}')
        if cuts:
            note(f'{len(cuts)} connections cut, from the first change on in '
                 f'{cuts[len(cuts) // 2]} ms, p99 '
                 f'{cuts[len(cuts) * 99 // 100]} ms, at most {cuts[-1]} ms')
    finally:
        walk.close()
        note(f'sent again on connections that went on: {walk.again}')


@test
def objects_of_all_kinds_change_in_the_midst_of_flows(c):
    life(c, 300 if LONG else 2, 8, 30 if LONG else 2)


@test
def one_tenant_changing_all_the_time_leaves_others_changes_in_force(c):
    """500 changes a second; what they wait is printed."""
    c.policies, c.namespaces['lab'] = [], {}
    c.run_pods([c.make_pod(n, 60 + i, ns='lab') for i, n in enumerate('ab')])
    src, dst, pid = c.pod('lab/a'), c.pod('lab/b'), c.only_node.agent.pid
    churn, waits = Churn(c, random.Random(5)), {True: [], False: []}
    (cpu, rss), begun = used(pid), time.monotonic()

    def meanwhile():
        churn.keep_up(int((time.monotonic() - begun) * 500))
    try:
        while churn.sent < (30000 if LONG else 1000) or not waits[True]:
            for want, peers in ((False, ()), (True, 'a')):
                c.policies = [ingress_policy('b', 'b', *peers, ns='lab')]
                c.write_objects()
                put = time.monotonic()
                waits[want].append(max(0, until_seen(src, dst, want,
                                                     meanwhile) - put))
        took, (cpu_now, rss_now) = time.monotonic() - begun, used(pid)
        note(f'{churn.sent} changes in {took:.1f} s, '
             f'{(cpu_now - cpu) / took:.0%} of a processor, {rss} to '
             f'{rss_now} KiB; others: closed {spread(waits[False])}; '
             f'open {spread(waits[True])}')
        c.sync()
        now = c.only_node.status()['objects']
        expect(sum(kind == 'Pod' for kind, _ in churn.last) + len(c.pods),
               now['Pod'], 'pods at the end')
    finally:
        churn.end()
    c.sync()
    expect(len(c.pods), c.only_node.status()['objects']['Pod'], 'pods left')


@test
def a_kubeconfig_that_names_a_program_is_refused(c):
    node = c.only_node
    path = kubeconfig(os.path.join(c.dir, 'exec'), 'https://127.0.0.1:1',
                      {'exec': {'command': 'aws'}})
    code, _, err = node.warder('agent', '--kubeconfig', path, '--check',
                               ok=None)
    expect(1, code, 'exit code')
    for word in (path + ':1', "user 'u'", 'exec'):
        if word not in err:
            raise Fail(f'no {word} in', err)


if __name__ == '__main__':
    sys.exit(main(KubeSolo.with_three, TESTS, sys.argv))
