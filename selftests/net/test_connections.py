#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Connections that are open while policy, labels or pods change, what is not a
matrix of equal pods: ports of one name and two numbers, pods of one family,
the host's own traffic when that is judged, pods on the host's network.
"""
import sys

from cases.dsl import (ANY, both, frm, into, out_of, pods, policy, port, sel,
                       spaces, to)
from wdnet.ask import Flow, allowed, denied
from wdnet.cluster import Pod, e2e
from wdnet.matrix import Matrix
from wdnet.suite import main
from wdnet.tap import Fail, expect

A = sel(pod='a')
DENY = policy('x', A, types=['Ingress'])
FROM_B_C = into('x', A, frm(pods(pod='b'), pods(pod='c')))
FROM_C = into('x', A, frm(pods(pod='c')))
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def flows(cluster, src, dst, proto='tcp'):
    return [Flow(cluster.pod(src), cluster.pod(dst), f, proto)
            for f in cluster.families]


def judge(want, some, speaker):
    for flow in some:
        getattr(flow, speaker)(want)


def cut(cluster, before, after, src, dst, speaker, twin, proto='tcp'):
    """Flows src -> dst end with the change, those of @twin go on; when the
    permission is back the cut ones go on, too."""
    cluster.apply(before)
    gone, kept = flows(cluster, src, dst, proto), flows(cluster, *twin, proto)
    judge(True, gone + kept, 'client_speaks')
    cluster.apply(after)
    judge(False, gone, speaker)
    judge(True, kept, speaker)
    cluster.apply(before)
    if proto == 'udp':
        judge(True, gone, 'client_speaks')
    for flow in gone + kept:
        flow.close()
    for pod in cluster.pods:
        pod.handle.ask('abort')


def cut_tests():
    allow_out = out_of('x', A, to(pods(pod='b'), pods(pod='c')))
    less_out = out_of('x', A, to(pods(pod='c')))
    rows = (
        ('ingress_rule_removed', [FROM_B_C], [FROM_C], ('x/b', 'x/a'),
         ('x/c', 'x/a')),
        ('ingress_rule_removed_on_one_node', [FROM_B_C, ], [into(
            'x', A, frm(pods(pod='b')))], ('x/c', 'x/a'), ('x/b', 'x/a')),
        ('egress_rule_removed', [allow_out], [less_out], ('x/a', 'x/b'),
         ('x/a', 'x/c')),
        ('default_deny_added', [], [policy('y', ANY, types=['Ingress'])],
         ('x/a', 'y/b'), ('x/a', 'z/b')),
        ('default_deny_of_egress_added', [],
         [policy('x', ANY, types=['Egress'])], ('x/a', 'y/b'),
         ('y/a', 'x/b')),
        ('port_removed',
         [into('x', A, frm(ports=[port(80), port(80, 'UDP')])),
          into('x', sel(pod='b'), frm(ports=[port(80), port(80, 'UDP')]),
               name='b')],
         [into('x', A, frm(ports=[port(81), port(81, 'UDP')])),
          into('x', sel(pod='b'), frm(ports=[port(80), port(80, 'UDP')]),
               name='b')],
         ('z/a', 'x/a'), ('z/a', 'x/b')))
    for name, before, after, flow, twin in rows:
        for speaker, proto in (('client_speaks', 'tcp'),
                               ('server_speaks', 'tcp'),
                               ('client_speaks', 'udp'),
                               ('server_speaks', 'udp')):
            yield (f'{proto}_flow_is_cut_by_{name}_{speaker}', cut, before,
                   after, *flow, speaker, twin, proto)


@test
def tcp_flow_is_cut_by_pod_label_and_goes_on_with_it(cluster):
    cluster.apply([into('x', A, frm(pods(pod='b'), pods(pod='c')))])
    gone, kept = flows(cluster, 'x/b', 'x/a'), flows(cluster, 'x/c', 'x/a')
    judge(True, gone + kept, 'client_speaks')

    cluster.pod('x/b').labels = {'pod': 'other'}
    cluster.apply()
    judge(False, gone, 'server_speaks')
    judge(True, kept, 'server_speaks')

    cluster.pod('x/b').labels = {'pod': 'b'}
    cluster.apply()
    for flow in gone:  # what was pushed meanwhile arrives now
        got = flow.src.handle.ask('hear', ident=flow.ident, timeout=10.0)
        expect('news', (got['answer'] or '')[:4], 'what is heard of '
               + flow.where)


@test
def tcp_flow_is_cut_by_namespace_label(cluster):
    cluster.namespaces['y'] = {'ns': 'y', 'team': 'red'}
    cluster.namespaces['z'] = {'ns': 'z', 'team': 'red'}
    cluster.apply([into('x', A, frm(spaces(team='red')))])
    gone, kept = flows(cluster, 'y/a', 'x/a'), flows(cluster, 'z/a', 'x/a')
    judge(True, gone + kept, 'client_speaks')

    cluster.namespaces['y'] = {'ns': 'y'}
    cluster.apply()
    judge(False, gone, 'client_speaks')
    judge(True, kept, 'client_speaks')


@test
def udp_flow_is_cut_by_subject_label(cluster):
    cluster.apply([into('x', sel(guard='on'))])
    gone, kept = [flows(cluster, 'y/b', dst, 'udp') for dst in ('x/a', 'x/b')]

    cluster.pod('x/a').labels = {'pod': 'a', 'guard': 'on'}
    cluster.apply()
    judge(False, gone, 'client_speaks')
    judge(True, kept, 'client_speaks')


@test
def answers_flow_under_default_deny_of_the_other_direction(cluster):
    cluster.apply([policy('x', A, ingress=[frm()],
                          types=['Ingress', 'Egress']),
                   policy('y', ANY, types=['Ingress'])])
    allowed(cluster.pod('y/a'), cluster.pod('x/a'))
    allowed(cluster.pod('y/a'), cluster.pod('x/a'), 'udp')
    allowed(cluster.pod('y/a'), cluster.pod('x/a'), 'icmp', 0)
    flow = Flow(cluster.pod('y/a'), cluster.pod('x/a'), cluster.families[0])
    flow.server_speaks(True)
    denied(cluster.pod('x/a'), cluster.pod('y/a'))
    denied(cluster.pod('x/a'), cluster.pod('y/a'), 'icmp', 0)


# ---- pods that are not like the others ----

def more_pods(cluster):
    web = {'x/e': ('node-a', 30, 8080), 'x/f': ('node-b', 31, 9090),
           'y/e': ('node-b', 32, 8080)}
    out = []
    for key, (node, index, number) in web.items():
        ns, name = key.split('/')
        out.append(Pod(ns, name, cluster.node(node), index, cluster.families,
                       {'app': 'web'},
                       [('web', number, 'tcp'), ('web', number + 1, 'udp'),
                        ('other', 7000, 'tcp')]))
    return out


@test
def port_of_one_name_is_another_number_in_each_pod(cluster):
    extra = more_pods(cluster)
    x_e, x_f, y_e = extra
    cluster.run_pods(extra)
    src = cluster.pod('z/a')

    cluster.apply([into('x', sel(app='web'), frm(ports=[port('web')]))])
    for pod, number in ((x_e, 8080), (x_f, 9090)):
        allowed(src, pod, 'tcp', number)
        denied(src, pod, 'tcp', 7000)
        denied(src, pod, 'udp', number + 1)
    allowed(src, y_e, 'tcp', 7000)

    cluster.apply([out_of('z', ANY, to(both(spaces(), pods(app='web')),
                                       ports=[port('web', 'UDP'),
                                              port('web')]))])
    for pod, number in ((x_e, 8080), (x_f, 9090), (y_e, 8080)):
        allowed(src, pod, 'tcp', number)
        allowed(src, pod, 'udp', number + 1)
        denied(src, pod, 'tcp', 7000)
        denied(src, pod, 'icmp', 0)

    # The name moves to another number on a live pod.
    x_e.ports = [('web', 7000, 'tcp'), ('old', 8080, 'tcp'),
                 ('web', 8081, 'udp')]
    cluster.apply()
    allowed(src, x_e, 'tcp', 7000)
    denied(src, x_e, 'tcp', 8080)
    allowed(src, x_f, 'tcp', 9090)
    for pod in extra:
        cluster.delete(pod, sync=False)


@test
def pods_of_one_family_beside_pods_of_two(cluster):
    four = Pod('x', 'four', cluster.nodes[0], 40, (4,), {'pod': 'four'})
    six = Pod('y', 'six', cluster.nodes[1], 41, (6,), {'pod': 'six'})
    cluster.run_pods([four, six])
    cluster.apply([into('x', ANY, frm(spaces(ns='y'), ports=[port(80)])),
                   into('y', ANY, frm(spaces(ns='x')))])
    wrong = Matrix(cluster).check()
    if wrong:
        raise Fail(*Matrix(cluster).explain(wrong))
    cluster.delete(four, sync=False)
    cluster.delete(six, sync=False)


@test
def pod_on_the_host_network_is_neither_subject_nor_peer(cluster):
    node = cluster.nodes[0]
    guest = Pod('x', 'guest', node, 50, cluster.families, {'pod': 'guest'})
    guest.host_network, guest.phase = True, 'Running'
    guest.known_ips = dict(node.ips)
    cluster.pods.append(guest)
    x_b = cluster.pod('x/b')  # on the other node: the host is no exception

    cluster.apply([into('x', sel(pod='b'), frm(pods(pod='guest'),
                                               pods(pod='c'))),
                   out_of('x', sel(pod='guest'), name='out')])
    denied(node, x_b)
    allowed(cluster.pod('x/c'), x_b)
    allowed(node, cluster.pod('y/a'))
    cluster.pods.remove(guest)


@test
def host_traffic_is_judged_where_that_is_asked_for(cluster):
    deny_all = [policy(n, ANY, types=['Ingress']) for n in 'xyz']
    node = [{'ipBlock': {'cidr': c}} for c in
            [n.ips[f] + ('/32' if f == 4 else '/128')
             for n in cluster.nodes[:1] for f in n.ips]]
    try:
        for n in cluster.nodes:
            n.stop_agent()
            n.start_agent('--host-ingress=policy')
        matrix = Matrix(cluster, host_policy=True)
        for policies in (deny_all, [into('x', A, frm(*node)),
                                    into('z', A, frm(*node, ports=[port(80)]))
                                    ], []):
            cluster.apply(policies)
            wrong = matrix.check()
            if wrong:
                raise Fail(*matrix.explain(wrong))
    finally:
        for n in cluster.nodes:
            n.stop_agent()
            n.start_agent('--host-ingress=allow')
    cluster.apply(deny_all)
    allowed(cluster.nodes[0], cluster.pod('x/a'))
    denied(cluster.nodes[0], cluster.pod('x/b'))


if __name__ == '__main__':
    sys.exit(main(e2e, [*cut_tests(), *TESTS], sys.argv))
