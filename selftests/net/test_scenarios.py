#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Flaws that policy enforcers have shipped, tried here: addresses that change
hands, pods that share names, the first packet, churn. Numbers are those of the
project's list of scenarios; what the conformance tables and test_last_good try
already is not repeated.
"""
import os
import sys
import threading
import time

from cases.dsl import (ANY, block, frm, into, is_in, not_in, out_of, pods,
                       policy, port, sel, spaces, to)
from wdnet.ask import Flow, allowed, answered, denied, until
from wdnet.cluster import Pod, e2e
from wdnet.matrix import Matrix
from wdnet.node import CniError
from wdnet.solo import wait_for
from wdnet.suite import LONG, main
from wdnet.tap import Fail, expect

A = sel(pod='a')
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def make(c, key, node, index, labels, **kw):
    ns, name = key.split('/')
    return Pod(ns, name, c.nodes[node], index, kw.pop('families', c.families),
               labels, **kw)


def started(c, *args, **kw):
    pod = make(c, *args, **kw)
    c.run_pods([pod])
    return pod


def expect_matrix(c):
    matrix = Matrix(c)
    wrong = matrix.check()
    if wrong:
        raise Fail(*matrix.explain(wrong))


# ---- A1: what policies mean ----

@test
def scenario_1_peer_list_that_resolves_to_nobody_allows_nobody(c):
    for peers in ([block('10.0.0.0/8', '10.0.0.0/8'),
                   block('fd00::/8', 'fd00::/8')],
                  [pods(pod='nobody')], [spaces(ns='nowhere')]):
        c.apply([into('x', A, frm(*peers)), out_of('y', A, to(*peers))])
        expect_matrix(c)


@test
def scenario_3_expressions_of_many_values_match_exactly(c):
    for many in (1, 2, 63):
        values = ['b'] + [f'v{n}' for n in range(many - 1)]
        c.apply([into('x', sel(not_in('pod', *values)),
                      frm(spaces(), ports=[port(80)])),
                 into('y', sel(is_in('pod', *values)),
                      frm(pods(not_in('pod', *values))))])
        expect_matrix(c)


@test
def scenario_7_a_pod_update_cannot_impersonate_another_namespace(c):
    c.apply([into('x', A, frm(spaces(**{'kubernetes.io__metadata.name': 'y'})))
             ])
    allowed(c.pod('y/a'), c.pod('x/a'))
    denied(c.pod('z/a'), c.pod('x/a'))

    c.pod('z/a').labels = {
        'pod': 'a', 'io.kubernetes.pod.namespace': 'y',
        'kubernetes.io/metadata.name': 'y', 'namespace': 'y',
        'io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name': 'y',
        'reserved.host': '', 'warder.io/namespace': 'y'}
    c.apply()
    denied(c.pod('z/a'), c.pod('x/a'))
    allowed(c.pod('y/a'), c.pod('x/a'))


@test
def scenario_12_blocks_written_many_ways_mean_the_same_each_time(c):
    ways = [block('10.161.0.0/8'), block('10.0.0.0/8'), block('10.2.3.4/8'),
            block('10.255.255.255/8')]
    for turn in range(4):
        order = ways[turn:] + ways[:turn]
        c.apply([into('x', A, *[frm(b, ports=[port(79 + n)])
                                for n, b in enumerate(order)],
                      frm(block('fd00:10::ffff/32'), ports=[port(80)]))])
        expect_matrix(c)


@test
def scenario_14_policies_of_one_direction_never_touch_the_other(c):
    one, two = into('x', A, name='one'), into('x', A, name='two')
    out1, out2 = out_of('x', A, name='o1'), out_of('x', A, name='o2')
    for first, second in ((one, two), (out1, out2)):
        for now in ([first], [first, second], [second], [second, first],
                    [first], []):
            c.apply(now)
            way = (c.pod('x/a'), c.pod('z/b'))
            way = way if first is one else way[::-1]
            allowed(*way)
            (denied if now else allowed)(*way[::-1])


@test
def scenario_19_a_port_renamed_on_a_live_pod_moves(c):
    x_a = c.pod('x/a')
    before = x_a.ports
    c.apply([into('x', A, frm(ports=[port('serve-80-tcp')]))])
    allowed(c.pod('y/a'), x_a)
    denied(c.pod('y/a'), x_a, 'tcp', 81)
    try:
        x_a.ports = [('gone', 80, 'tcp'), ('serve-80-tcp', 81, 'tcp')]
        c.apply()
        denied(c.pod('y/a'), x_a)
        allowed(c.pod('y/a'), x_a, 'tcp', 81)
    finally:
        x_a.ports = before


@test
def scenario_21_a_pod_never_runs_under_a_policy_older_than_its_labels(c):
    """Labels, policy and pod come together; the first answer counts."""
    for turn in range(8):
        label = {'turn': str(turn)}
        c.policies = [into('x', sel(**label), frm(pods(pod='b')))]
        pod = started(c, f'x/new{turn}', turn % 2, 100 + turn, label)
        denied(c.pod('x/c'), pod, families=(c.families[0],))
        allowed(c.pod('x/b'), pod, families=(c.families[0],))
        c.delete(pod, sync=False)


# ---- A2: addresses and identities ----

def reuse(c, where):
    """An address changes hands: the new pod gets nothing of the old one."""
    old = started(c, 'x/old', where, 110, {'role': 'client'})
    c.apply([into('x', A, frm(pods(role='client'))),
             into('x', sel(role='server'), frm(pods(pod='b')), name='srv')])
    flow = Flow(old, c.pod('x/a'), c.families[0])
    flow.client_speaks(True)
    allowed(old, c.pod('x/a'))
    c.delete(old, sync=False)

    new = make(c, 'x/new', where, 110, {'role': 'server'})
    expect(old.ips, new.ips, 'addresses')
    c.run_pods([new])
    denied(new, c.pod('x/a'))
    denied(c.pod('x/a'), new)
    allowed(c.pod('x/b'), new)
    allowed(new, c.pod('y/a'))
    c.pod('x/a').handle.ask('abort')


@test
def scenario_22_an_address_reused_on_a_node_brings_no_old_policy(c):
    reuse(c, 0)


@test
def scenario_22_an_address_reused_on_a_bridge_brings_no_old_policy(c):
    reuse(c, 1)


@test
def scenario_23_the_later_owner_of_an_address_is_who_counts(c):
    """The old pod's object is still there when the new one comes, and goes
    after it: at no time does the old one's permission return."""
    old = started(c, 'x/old', 0, 111, {'role': 'client'})
    c.apply([into('y', ANY, frm(spaces(ns='x')))])
    allowed(old, c.pod('y/a'))
    c.delete(old, sync=False)
    c.pods.append(old)  # its object only
    new = make(c, 'z/new', 0, 111, {'role': 'other'})
    c.run_pods([new])
    denied(new, c.pod('y/c'))  # of the other node: knows both objects
    denied(new, c.pod('y/b'))
    allowed(new, c.pod('z/b'))
    c.pods.remove(old)
    c.apply()
    denied(new, c.pod('y/c'))
    denied(new, c.pod('y/b'))


@test
def scenario_27_an_outside_address_that_becomes_a_node_and_back(c):
    ip = c.fabric
    c.apply([into('x', ANY, frm(spaces())),
             into('y', ANY, frm(block('203.0.113.10/32'),
                                block('2001:db8:113::10/128')))])
    expect_matrix(c)
    node = c.nodes[1]
    before = dict(node.ips)
    expect(True, ip is c.fabric, 'the world is one')
    try:
        c.nodes[1].ips = {4: '203.0.113.10', 6: '2001:db8:113::10'}
        c.apply()
        for family, source in node.ips.items():
            for key, want in (('x/b', False), ('y/a', True)):
                got = answered(c, c.pod(key).ips[family], 'tcp', 80, want,
                               source)
                expect(want, bool(got), f'{source} -> {key}')
    finally:
        node.ips = before
    c.apply()
    expect_matrix(c)


@test
def scenario_35_names_that_run_together_are_still_two(c):
    c.namespaces.update({'ab': {'n': '1'}, 'a': {'n': '2'},
                         'deny-me-x': {'n': '3'}, 'deny': {'n': '4'}})
    names = ('ab/c', 'a/bc', 'deny-me-x/ns1', 'deny/me-x-ns1')
    some = [make(c, key, 0, 120 + i, {'p': 'q'})
            for i, key in enumerate(names)]
    c.run_pods(some)
    c.apply([into('ab', ANY), into('deny-me-x', ANY, frm(spaces(ns='x')))])
    expect_matrix(c)


@test
def scenario_36_long_and_dotted_names(c):
    long_name = 'a' * 50 + '.' + 'b' * 60 + '.' + 'c' * 60 + '.' + 'd' * 60
    c.namespaces['n' * 63] = {'n': 'long'}
    dotted = started(c, 'x/web.v1.2', 0, 130, {'app': 'dotted'})
    long = started(c, 'n' * 63 + '/' + long_name, 1, 131, {'app': 'long'})
    c.apply([into('x', sel(app='dotted'), frm(spaces(n='long'))),
             into('n' * 63, ANY, frm(pods(app='nobody')))])
    allowed(long, dotted)
    denied(c.pod('x/a'), dotted)
    denied(dotted, long)
    for node in c.nodes:
        node.stop_agent(9)
        node.start_agent()
    allowed(long, dotted)
    denied(dotted, long)


@test
def scenario_37_a_finished_pod_does_not_shadow_the_running_one(c):
    for phase in ('Succeeded', 'Failed'):
        done = make(c, 'x/done', 0, 10, {'pod': 'done'})  # x/a's address
        done.phase, done.known_ips = phase, dict(c.pod('x/a').ips)
        c.pods.insert(0, done)
        try:
            c.apply([into('x', A, frm(pods(pod='b'))),
                     into('y', ANY, frm(pods(pod='a'), spaces(ns='x')))])
            allowed(c.pod('x/b'), c.pod('x/a'))
            denied(c.pod('x/c'), c.pod('x/a'))
            allowed(c.pod('x/a'), c.pod('y/a'))
            c.apply([into('y', ANY, frm({**spaces(ns='x'),
                                         **pods(pod='done')}))])
            denied(c.pod('x/a'), c.pod('y/a'))
        finally:
            c.pods.remove(done)


@test
def scenario_38_packets_sent_before_reuse_are_judged_for_the_new_pod(c):
    """A client keeps sending to an address while it changes hands."""
    old = started(c, 'x/old', 1, 112, {'role': 'open'})
    c.apply([into('x', sel(role='shut'))])
    client, ip = c.pod('y/b'), old.ips[c.families[0]]
    for proto in ('tcp', 'udp'):
        client.handle.ask('stream', ident=proto, interval=0.01, timeout=1.0,
                          target=[proto, None, ip, 80])
    until(True, lambda: all(client.handle.ask('tally', ident=p)['answered'] > 3
                            for p in ('tcp', 'udp')), 'the stream is answered')
    c.delete(old, sync=False)
    before = {p: client.handle.ask('tally', ident=p)['answered']
              for p in ('tcp', 'udp')}
    new = started(c, 'x/new', 1, 112, {'role': 'shut'})
    time.sleep(1.5)
    for proto in ('tcp', 'udp'):
        client.handle.ask('pause', ident=proto)
        got = client.handle.ask('tally', ident=proto)['answered']
        expect(before[proto], got, f'{proto} answers after the reuse')
    allowed(new, client)


@test
def scenario_39_the_address_of_a_deleted_pod_is_nobody(c):
    """Its process still runs and sends; it is no pod any more."""
    pod = started(c, 'x/gone', 0, 113, {'role': 'client'})
    c.apply([into('y', ANY, frm(spaces(ns='x')))])
    allowed(pod, c.pod('y/a'))
    c.pods.remove(pod)
    c.apply()
    denied(pod, c.pod('y/a'))
    denied(pod, c.pod('y/b'))
    c.pods.append(pod)
    c.apply()
    allowed(pod, c.pod('y/a'))


@test
def scenario_31_a_pod_that_moves_to_another_node_takes_its_name_along(c):
    """The new one is known before the old one is gone."""
    old = started(c, 'x/move', 0, 114, {'role': 'mover'})
    c.apply([into('x', sel(role='mover'), frm(pods(pod='b'))),
             into('y', ANY, frm({**spaces(ns='x'), **pods(role='mover')}))])
    allowed(old, c.pod('y/a'))
    new = make(c, 'x/move', 1, 115, {'role': 'mover'})
    c.pods.remove(old)
    c.run_pods([new])
    denied(c.pod('x/c'), new)
    allowed(c.pod('x/b'), new)
    allowed(new, c.pod('y/a'))
    denied(old, c.pod('y/a'))
    c.pods.append(old)
    c.delete(old)
    allowed(new, c.pod('y/a'))


# ---- A8: life ----

@test
def scenario_144_nothing_denied_passes_from_the_first_packet_on(c):
    """Streams towards and from a pod run while it comes to life."""
    c.apply([into('x', sel(role='new'), frm(pods(pod='b'))),
             out_of('x', sel(role='new'), to(pods(pod='b')), name='out')])
    watcher, target = c.pod('x/c'), c.pod('y/a')
    for turn in range(20 if LONG else 6):
        pod = make(c, f'x/new{turn}', turn % 2, 140 + turn, {'role': 'new'})
        ip = pod.ips[c.families[0]]
        for proto in ('tcp', 'udp'):
            watcher.handle.ask('stream', ident=f'{proto}{turn}', timeout=0.5,
                               interval=0.003, target=[proto, None, ip, 80])
        c.pods.append(pod)
        c.apply()
        c.start(pod)
        pod.node.cni_add(pod)
        pod.handle.ask('stream', ident='first', interval=0.003, timeout=0.5,
                       target=['udp', None, target.ips[c.families[0]], 80])
        c.listen(pod)
        allowed(c.pod('x/b'), pod)
        allowed(pod, c.pod('x/b'))
        wait_for('the pod has sent', lambda p=pod: p.handle.ask(
            'tally', ident='first')['sent'] > 1)
        pod.handle.ask('pause', ident='first')
        for proto in ('tcp', 'udp'):
            watcher.handle.ask('pause', ident=f'{proto}{turn}')
        time.sleep(0.1)
        t = pod.handle.ask('tally', ident='first')
        expect(0, t['answered'], 'denied packets of the pod that arrived')
        for proto in ('tcp', 'udp'):
            t = watcher.handle.ask('tally', ident=f'{proto}{turn}')
            expect(0, t['answered'], f'denied {proto} answered by the pod')
        c.delete(pod, sync=False)


@test
def scenario_145_the_first_connection_of_a_pod_completes(c):
    c.apply([out_of('x', sel(role='new'), to(pods(pod='b'))),
             policy('x', sel(role='new'), types=['Ingress'], name='deny')])
    for turn in range(6):
        pod = make(c, f'x/new{turn}', turn % 2, 150 + turn, {'role': 'new'})
        c.pods.append(pod)
        c.apply()
        c.start(pod)
        pod.node.cni_add(pod)
        begun = time.monotonic()
        got = pod.handle.ask('hold', ident='first', port=80,
                             dst=c.pod('x/b').ips[c.families[0]])
        expect('x/b', got['answer'], 'answer to the first connection')
        if time.monotonic() - begun > 2.5:
            raise Fail('the first connection took long: something was lost')
        denied(pod, c.pod('x/c'))
        c.delete(pod, sync=False)


@test
def scenario_146_isolation_switched_on_and_off_under_traffic(c):
    base = [into('y', ANY, frm(spaces(ns='x')))]
    extra = [policy('x', ANY, types=['Ingress', 'Egress'], name='deny'),
             policy('x', ANY, ingress=[frm(spaces())], egress=[to(spaces())],
                    types=['Ingress', 'Egress'], name='allow')]
    c.apply(base)
    good, bad, srv = c.pod('x/a'), c.pod('z/a'), c.pod('y/a')
    flow = Flow(good, srv, c.families[0])
    ip = srv.ips[c.families[0]]
    for who in (good, bad):
        for proto in ('tcp', 'udp'):
            who.handle.ask('stream', ident='t-' + proto, interval=0.02,
                           timeout=8.0, target=[proto, None, ip, 80])
    good.handle.ask('stream', ident='held', interval=0.02, timeout=8.0,
                    target=['held', flow.ident])
    for turn in range(400 if LONG else 40):
        c.apply(base + extra if turn % 2 == 0 else base)
    for who in (good, bad):
        for proto in ('tcp', 'udp'):
            who.handle.ask('pause', ident='t-' + proto)
    good.handle.ask('pause', ident='held')

    def settled():
        return all(good.handle.ask('tally', ident='t-' + p)['open'] == 0
                   for p in ('tcp', 'udp'))
    until(True, settled, 'all answers are in')
    for proto in ('tcp', 'udp'):
        t = good.handle.ask('tally', ident='t-' + proto)
        expect(t['sent'], t['answered'], f'answers to allowed {proto}')
        t = bad.handle.ask('tally', ident='t-' + proto)
        expect(0, t['answered'], f'answers to denied {proto}')
    t = good.handle.ask('tally', ident='held')
    expect([], t['lost'], 'errors of the connection that stays')
    until(t['sent'], lambda: good.handle.ask('tally', ident='held')[
        'answered'], 'echoes on the connection that stays')


@test
def scenario_147_no_verdict_hangs_on_a_tail_call(c):
    _, out, _ = c.nodes[0].warder('map', 'list', '--json')
    if 'wd_addr4' not in out:
        raise Fail('no maps listed', out)
    _, out, _ = c.nodes[0].ns.run(
        ['find', c.nodes[0].bpffs, '-type', 'f', '-name', '*tail*'])
    expect('', out.strip(), 'maps of tail calls')


class Storm(threading.Thread):
    """CNI ADD and DEL of its own pods, over and over."""

    def __init__(self, c, pods_of_it, turns):
        super().__init__()
        self.c, self.mine, self.turns, self.error = c, pods_of_it, turns, None

    def run(self):
        try:
            for _ in range(self.turns):
                for pod in self.mine:
                    pod.node.cni_add(pod)
                for pod in self.mine:
                    pod.node.cni_del(pod)
            for pod in self.mine:
                pod.node.cni_add(pod)
        except Exception as e:  # told by the test
            self.error = e


@test
def scenario_152_adds_deletes_and_policies_at_once_end_as_they_should(c):
    some = [make(c, f'x/s{i}', i % 2, 160 + i, {'storm': str(i % 3)})
            for i in range(16)]
    c.pods += some
    c.apply([])
    for pod in some:
        c.start(pod)
    storms = [Storm(c, some[i::8], 20 if LONG else 3) for i in range(8)]
    for storm in storms:
        storm.start()
    turn = 0
    while any(s.is_alive() for s in storms):
        c.apply([into('x', sel(storm=str(turn % 3)), frm(pods(pod='b')))])
        turn += 1
    for storm in storms:
        storm.join()
        if storm.error:
            raise Fail(repr(storm.error))
    for pod in some:
        c.listen(pod)
        pod.phase, pod.known_ips = 'Running', dict(pod.ips)
    c.apply([into('x', sel(storm='1'), frm(pods(pod='b'))),
             out_of('x', sel(storm='2'), to(pods(storm='1')), name='out')])
    expect_matrix(c)
    for node in c.nodes:
        here = [p for p in c.pods if p.node is node]
        expect(len(here), node.status()['endpoints']['enforced'],
               f'endpoints of {node.name}')


@test
def scenario_154_what_is_told_enforced_drops_a_packet(c):
    c.apply([into('x', A)])
    node = c.nodes[0]
    before = node.counter('DEFAULT', 'ingress')
    denied(c.pod('x/b'), c.pod('x/a'), 'udp')
    after = node.counter('DEFAULT', 'ingress')
    if after < before + len(c.families):
        raise Fail(f'DEFAULT counted {after - before} drops')
    doc = node.status()
    expect(sum(p.node is node for p in c.pods), doc['endpoints']['enforced'],
           'endpoints enforced')


@test
def scenario_155_a_policy_too_large_is_refused_and_opens_nothing(c):
    """More predicates than a row has bits, and than a namespace may have."""
    c.apply([into('x', A, frm(pods(pod='b')))])
    flood = [frm(block(f'11.{n >> 8}.{n & 255}.0/24'), ports=[port(n + 1)])
             for n in range(6000)]
    c.policies = [into('x', A, frm(pods(pod='b')), *flood),
                  into('y', A, frm(pods(pod='c')), name='other')]
    c.write_objects()
    codes = [n.warder('sync', ok=None)[0] for n in c.nodes]
    doc = c.nodes[0].status()
    told = doc['endpoint_problems'] or doc['commits']['error'] or \
        doc['problems'] or any(codes)
    if not told:
        raise Fail('nobody says that the policy does not fit')
    denied(c.pod('x/c'), c.pod('x/a'))
    c.apply([into('x', A, frm(pods(pod='b')))])
    allowed(c.pod('x/b'), c.pod('x/a'))
    expect_matrix(c)


@test
def scenario_156_deleted_while_it_was_being_added(c):
    """The pod is unknown to all sources, so ADD waits; DEL comes."""
    node = c.nodes[0]
    before = node.status()['endpoints']
    pod = make(c, 'x/ghost', 0, 180, {'role': 'ghost'})
    c.start(pod)
    pod.result = node.cni('ADD', node.plugin, pod)
    out = []

    def add():
        try:
            node.cni('ADD', 'warder-cni', pod, pod.result)
            out.append('added')
        except CniError as e:
            out.append(e.doc.get('code'))
    thread = threading.Thread(target=add)
    thread.start()
    until(before['waiting'] + 1,
          lambda: node.status()['endpoints']['waiting'], 'ADD waits')
    node.cni('DEL', 'warder-cni', pod, pod.result)
    thread.join(30)
    expect([True], [o != 'added' for o in out], 'ADD did not succeed')
    until(before, lambda: node.status()['endpoints'], 'endpoints')
    c.pods.append(pod)  # told of too late: nothing comes of it
    c.apply()
    expect(before, node.status()['endpoints'], 'endpoints')
    c.delete(pod)


@test
def an_unknown_pod_drops_all_until_it_is_known(c):
    node = c.nodes[1]
    pod = make(c, 'x/late', 1, 181, {'role': 'late'})
    c.start(pod)
    try:
        node.cni_add(pod)
        raise Fail('ADD of a pod nobody told of succeeded')
    except CniError as e:
        expect(11, e.doc.get('code'), 'error code')
    c.listen(pod)
    denied(c.pod('x/a'), pod)
    denied(pod, c.pod('x/a'))
    c.pods.append(pod)
    c.apply()
    allowed(c.pod('x/a'), pod)
    allowed(pod, c.pod('x/a'))


if __name__ == '__main__':
    assert os.geteuid() == 0, 'needs root'
    sys.exit(main(e2e, TESTS, sys.argv))
