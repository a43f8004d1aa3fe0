#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Policies of those who run the cluster, between real pods: which tier decides,
in which order, on programs and on the ruleset.

    test_tiers.py [PART-OF-A-NAME]
"""
import json
import sys

from cases.dsl import frm, into, out_of, pods, sel
from wdnet.ask import allowed, answered, denied, until
from wdnet.cluster import POD_NET, WORLD, e2e
from wdnet.shared import Shared, each_rung
from wdnet.tap import expect

SHARED = Shared()
ALL = {'namespaces': {}}
X = {'namespaces': {'matchLabels': {'ns': 'x'}}}


def pod(ns, name):
    return {'pods': {'namespaceSelector': {'matchLabels': {'ns': ns}},
                     'podSelector': {'matchLabels': {'pod': name}}}}


def rule(action, *peers, key='from', **more):
    return {'action': action, key: list(peers), **more}


def wide(kind, name, subject=X, **spec):
    older = kind != 'ClusterNetworkPolicy'
    return {'apiVersion': 'policy.networking.k8s.io/v1alpha'
                          + ('1' if older else '2'),
            'kind': kind, 'metadata': {'name': name},
            'spec': {'subject': subject, **spec}}


def cluster_np(name, priority, *ingress, tier='Admin', egress=(), subject=X):
    return wide('ClusterNetworkPolicy', name, subject, tier=tier,
                priority=priority, ingress=list(ingress), egress=list(egress))


def admin_np(name, priority, *ingress, egress=()):
    return wide('AdminNetworkPolicy', name, priority=priority,
                ingress=list(ingress), egress=list(egress))


def baseline_np(*ingress):
    return wide('BaselineAdminNetworkPolicy', 'default',
                ingress=list(ingress))


@SHARED.test
def admin_decides_before_network_policy_and_passes_on(c):
    c.apply([
        cluster_np('first', 10,
                   rule('Accept', pod('y', 'a')),
                   rule('Pass', pod('y', 'b')),
                   rule('Deny', ALL)),
        into('x', sel(pod='a'), frm(pods(pod='b'))),  # of its own namespace
        into('x', sel(pod='b')),
    ])
    for _ in each_rung(c):
        allowed(c.pod('y/a'), c.pod('x/a'))  # though NetworkPolicy isolates
        denied(c.pod('y/b'), c.pod('x/a'))   # passed on, and not in its rule
        denied(c.pod('x/b'), c.pod('x/a'))   # in its rule, but denied before
        denied(c.pod('z/a'), c.pod('x/c'))
        allowed(c.pod('y/b'), c.pod('x/c'))  # passed on to nobody
        allowed(c.pod('z/a'), c.pod('y/c'))  # no subject


@SHARED.test
def baseline_counts_where_nothing_isolates(c):
    c.apply([
        baseline_np(rule('Allow', pod('y', 'a')), rule('Deny', ALL)),
        cluster_np('low', 5, rule('Deny', pod('y', 'c')), tier='Baseline'),
        into('x', sel(pod='a'), frm(pods(pod='b'))),
    ])
    for _ in each_rung(c):
        allowed(c.pod('x/b'), c.pod('x/a'))
        denied(c.pod('y/a'), c.pod('x/a'))   # isolated: no baseline
        allowed(c.pod('y/a'), c.pod('x/c'))
        denied(c.pod('y/b'), c.pod('x/c'))
        denied(c.pod('y/c'), c.pod('x/c'))
        allowed(c.pod('y/b'), c.pod('y/c'))


@SHARED.test
def lower_priority_comes_first_whatever_the_kind(c):
    both = [cluster_np('new', 20, rule('Deny', pod('y', 'a'))),
            admin_np('old', 30, rule('Allow', pod('y', 'a')))]
    c.apply(both)
    denied(c.pod('y/a'), c.pod('x/a'))
    both[1]['spec']['priority'] = 10
    c.apply(both)
    allowed(c.pod('y/a'), c.pod('x/a'))
    both[1]['spec']['ingress'][0]['action'] = 'Pass'
    c.apply(both)
    allowed(c.pod('y/a'), c.pod('x/a'))  # passed on, past the other's rule
    both[1]['spec']['priority'] = 21
    c.apply(both)
    denied(c.pod('y/a'), c.pod('x/a'))
    c.apply([])


@SHARED.test
def passing_on_leaves_the_rest_of_the_tier_behind(c):
    c.apply([
        admin_np('p', 1, rule('Pass', pod('y', 'a'))),
        cluster_np('d', 2, rule('Deny', ALL)),
    ])
    for _ in each_rung(c):
        allowed(c.pod('y/a'), c.pod('x/a'))
        denied(c.pod('y/b'), c.pod('x/a'))


@SHARED.test
def egress_knows_nodes_and_networks(c):
    other = {'networks': [POD_NET[4] % 2, POD_NET[6] % 2]}
    c.apply([cluster_np(
        'out', 1, egress=[
            rule('Accept', pod('y', 'a'), key='to'),
            rule('Deny', other, key='to',
                 protocols=[{'tcp': {'destinationPort': {'number': 80}}}]),
            rule('Deny', {'nodes': {}}, key='to')])])
    outer, node = c.pod('x/a'), c.node('node-b')
    elsewhere = [p for p in c.pods if p.node is node]
    expect(True, {p.key for p in elsewhere} > {'y/a'}, 'pods of node-b')
    for _ in each_rung(c):
        for p in elsewhere:
            (allowed if p.key == 'y/a' else denied)(outer, p)
            allowed(outer, p, port=81)
        denied(outer, node)
        for f in c.families:
            expect('world', answered(outer, WORLD['ext1'][f], 'tcp', 80,
                                     'world'), 'nobody of the cluster')


@SHARED.test
def rule_that_is_not_understood_closes_what_it_was_to_close(c):
    for wrong in (rule('Deny', {'sameLabels': ['t']}),
                  rule('Pass', {'sameLabels': ['t']}),
                  rule('Refuse', ALL)):
        c.policies = [cluster_np('w', 1, wrong, rule('Accept', ALL))]
        c.write_objects()
        for node in c.nodes:
            node.warder('sync', ok=None)
        denied(c.pod('y/a'), c.pod('x/a'))
        allowed(c.pod('y/a'), c.pod('y/b'))
    c.policies = [cluster_np('w', 1, rule('Accept', {'sameLabels': ['t']})),
                  into('x', sel(pod='a'))]
    c.write_objects()
    for node in c.nodes:
        node.warder('sync', ok=None)
    denied(c.pod('y/a'), c.pod('x/a'))
    allowed(c.pod('y/a'), c.pod('x/c'))
    c.apply([])


@SHARED.test
def long_lists_decide_like_short_ones(c):
    """More rules than a class has room for, turn by turn."""
    rules = [rule('Deny' if i % 2 else 'Accept', pod('nobody', f'p{i}'))
             for i in range(20)]
    c.apply([cluster_np('long', 1, *rules, rule('Accept', pod('y', 'a')),
                        rule('Pass', pod('y', 'b')), rule('Deny', ALL))])
    for _ in each_rung(c):
        allowed(c.pod('y/a'), c.pod('x/a'))
        allowed(c.pod('y/b'), c.pod('x/a'))
        denied(c.pod('z/a'), c.pod('x/a'))


@SHARED.test
def commands_name_tier_rule_and_action(c):
    for node in c.nodes:
        node.warder('ladder', 'pin', 'full')
    c.apply([cluster_np('named', 3, rule('Deny', pod('y', 'a'), name='no'))])
    node = c.pod('x/a').node
    denied(c.pod('y/a'), c.pod('x/a'))
    doc = json.loads(node.warder('why', 'y/a', 'x/a:80', '--json', ok=None)[1])
    found = doc['rule']
    expect(('ClusterNetworkPolicy', '', 'named', 'deny', 0),
           tuple(found[k] for k in ('kind', 'namespace', 'name', 'action',
                                    'index')), 'rule')
    expect('POLICY', doc['reason'], 'reason')
    text = node.warder('why', 'y/a', 'x/a:80', ok=None)[1]
    expect(True, 'ClusterNetworkPolicy/named ingress[0]' in text and
           'denies from pods' in text, text)
    row = json.loads(node.warder('policy', 'list', '--json')[1])['policies']
    expect([('named', 'admin', 3)],
           [(p['name'], p['tier'], p['priority']) for p in row], 'list')
    doc = json.loads(node.warder('policy', 'get', 'cnp/named', '--json')[1])
    expect([['deny', False]], [[r['action'], r['broken']]
                               for r in doc['rules']], 'get')
    until(True, lambda: 'named' in [
        (e.get('rule') or {}).get('name') for e in drops(c, node)],
        'an event that names it')


def drops(c, node):
    """What `monitor` tells while denied packets are sent."""
    tail = node.warder_popen('monitor', '--drops', '--json')
    try:
        denied(c.pod('y/a'), c.pod('x/a'))
    finally:
        tail.terminate()
    return [json.loads(line)
            for line in tail.communicate(timeout=10)[0].splitlines()]


@SHARED.test
def egress_of_network_policy_is_one_tier_with_it(c):
    c.apply([out_of('x', sel(pod='a')),
             cluster_np('up', 1, egress=[rule('Accept', pod('y', 'a'),
                                              key='to')])])
    for _ in each_rung(c):
        allowed(c.pod('x/a'), c.pod('y/a'))
        denied(c.pod('x/a'), c.pod('y/b'))


if __name__ == '__main__':
    sys.exit(SHARED.main(e2e))
