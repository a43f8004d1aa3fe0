#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Cilium's policies between real pods, on programs and on the ruleset.

    test_cilium.py [PART-OF-A-NAME]
"""
import os
import sys

from cases.dsl import frm, into, pods, sel
from wdnet.ask import allowed, answered, denied
from wdnet.cluster import POD_NET, WORLD, e2e
from wdnet.tap import Tap, expect

# Pods of node-b hang on one bridge, between whose ports rung nft lets nothing
# pass on this kernel (README, What a lower rung is stricter in): not asked.
TESTS = []
RUNGS = ('full', 'minimal', 'nft') if os.environ.get('WD_LONG') == '1' \
    else ('full', 'nft')
A = {'matchLabels': {'pod': 'a'}}
B = {'matchLabels': {'pod': 'b'}}


def test(function):
    TESTS.append(function)
    return function


def cilium(ns, name, subject, **spec):
    """@ns None: of the cluster-wide kind."""
    meta = {'name': name, **({'namespace': ns} if ns else {})}
    return {'apiVersion': 'cilium.io/v2',
            'kind': 'CiliumNetworkPolicy' if ns else
                    'CiliumClusterwideNetworkPolicy',
            'metadata': meta, 'spec': {'endpointSelector': subject, **spec}}


def of_ns(ns, **labels):
    return {'matchLabels': {'k8s:io.kubernetes.pod.namespace': ns, **labels}}


def each_rung(c):
    for rung in RUNGS:
        for node in c.nodes:
            node.warder('ladder', 'pin', rung)
            expect(rung, node.status()['rung'], f'rung of {node.name}')
        yield rung


def world(c, end, want):
    for f in c.families:
        expect('world' if want else None,
               answered(end, WORLD['ext1'][f], 'tcp', 80,
                        'world' if want else None), f'the world over IPv{f}')


@test
def selectors_stay_in_the_namespace_unless_they_name_one(c):
    c.apply([cilium('x', 'near', A, ingress=[{'fromEndpoints': [B]}]),
             cilium('y', 'far', A, ingress=[{'fromEndpoints': [
                 of_ns('x', pod='a')]}]),
             cilium('z', 'all', A, ingress=[{'fromEndpoints': [
                 {'matchExpressions': [
                     {'key': 'k8s:io.kubernetes.pod.namespace',
                      'operator': 'Exists'}]}]}])])
    for _ in each_rung(c):
        allowed(c.pod('x/b'), c.pod('x/a'))
        denied(c.pod('y/b'), c.pod('x/a'))
        allowed(c.pod('x/a'), c.pod('y/a'))
        denied(c.pod('y/b'), c.pod('y/a'))
        allowed(c.pod('y/b'), c.pod('z/a'))
        allowed(c.pod('z/c'), c.pod('x/b'))


@test
def deny_beats_what_any_policy_allows(c):
    c.apply([
        cilium('x', 'd', A, ingressDeny=[{'fromEndpoints': [of_ns('y')]}],
               enableDefaultDeny={'ingress': False}),
        into('x', sel(pod='b'), frm(pods(pod='a')), frm({'namespaceSelector':
                                                         {}})),
        cilium(None, 'all', {}, ingressDeny=[{
            'fromEndpoints': [of_ns('z', pod='b')],
            'toPorts': [{'ports': [{'port': '80', 'protocol': 'TCP'}]}]}],
            enableDefaultDeny={'ingress': False}),
    ])
    for _ in each_rung(c):
        denied(c.pod('y/b'), c.pod('x/a'))
        allowed(c.pod('z/a'), c.pod('x/a'))  # nothing isolates
        allowed(c.pod('z/a'), c.pod('x/b'))  # NetworkPolicy allows
        denied(c.pod('z/b'), c.pod('x/b'))
        denied(c.pod('z/b'), c.pod('y/b'))
        allowed(c.pod('z/b'), c.pod('y/b'), port=81)


@test
def empty_rule_isolates_and_empty_list_does_not(c):
    c.apply([cilium('x', 'a', A, ingress=[{}]),
             cilium('x', 'b', B, ingress=[]),
             cilium('x', 'c', {'matchLabels': {'pod': 'c'}},
                    ingress=[{'fromEndpoints': []}])])
    for _ in each_rung(c):
        denied(c.pod('y/b'), c.pod('x/a'))
        allowed(c.pod('y/b'), c.pod('x/b'))
        denied(c.pod('y/b'), c.pod('x/c'))


@test
def world_is_neither_pods_nor_nodes(c):
    c.apply([cilium('x', 'w', A, egress=[{'toEntities': ['world']}]),
             cilium('y', 'p', A, egress=[{'toCIDR': ['0.0.0.0/0', '::/0']}]),
             cilium('z', 'c', A, egress=[{'toEntities': ['cluster']}])])
    for _ in each_rung(c):
        for ns in 'xy':
            world(c, c.pod(f'{ns}/a'), True)
            denied(c.pod(f'{ns}/a'), c.pod('z/b'))
            denied(c.pod(f'{ns}/a'), c.node('node-b'))
        world(c, c.pod('z/a'), False)
        allowed(c.pod('z/a'), c.pod('x/b'))
        allowed(c.pod('z/a'), c.node('node-b'))


@test
def pod_that_nobody_has_told_of_is_not_the_world(c):
    """An address inside a node's pod CIDR."""
    c.apply([cilium('x', 'w', {}, egress=[{'toEntities': ['world']}])])
    gone = c.pod('y/c')
    c.pods = [p for p in c.pods if p is not gone]
    try:
        c.apply()
        for _ in each_rung(c):
            world(c, c.pod('x/a'), True)
            denied(c.pod('x/a'), gone)
    finally:
        c.pods.append(gone)
        c.apply()


@test
def entities_of_nodes(c):
    c.apply([cilium('y', 'h', A, egress=[{'toEntities': ['remote-node']}]),
             cilium('x', 'o', A, egress=[{'toEntities': ['host']}])])
    for _ in each_rung(c):
        for key in ('x/a', 'y/a'):
            own = c.pod(key).node
            other = next(n for n in c.nodes if n is not own)
            (allowed if key == 'y/a' else denied)(c.pod(key), other)
            (allowed if key == 'x/a' else denied)(c.pod(key), own)


@test
def what_is_not_enforced_closes(c):
    ports = [{'port': '80', 'protocol': 'TCP'}]
    http = [{'ports': ports, 'rules': {'http': [{'method': 'GET'}]}}]
    c.policies = [
        cilium('x', 'l7', A, ingress=[{'fromEndpoints': [of_ns('y')],
                                       'toPorts': http}]),
        cilium('x', 'dns', B, egress=[{'toFQDNs': [{'matchName': 'a.b'}]},
                                      {'toEntities': ['cluster']}])]
    c.write_objects()
    for node in c.nodes:
        node.warder('sync', ok=None)
    for _ in each_rung(c):
        denied(c.pod('y/a'), c.pod('x/a'))
        world(c, c.pod('x/b'), False)
        allowed(c.pod('x/b'), c.pod('y/b'))
    fields = {p['field'] for p in c.nodes[0].status()['problems']}
    expect({'spec.ingress[0].toPorts[0].rules', 'spec.egress[0].toFQDNs'},
           fields, 'fields that are named')
    c.apply([])


@test
def cidr_of_pods_is_for_network_policy_only(c):
    nets = [POD_NET[4] % 2, POD_NET[6] % 2]
    c.apply([cilium('x', 'c', A, ingress=[{'fromCIDR': nets}])])
    denied(c.pod('y/a'), c.pod('x/a'))
    c.apply([cilium('x', 'c', A, ingress=[{'fromCIDR': nets}]),
             into('x', sel(pod='a'), {'from': [
                 {'ipBlock': {'cidr': net}} for net in nets]})])
    allowed(c.pod('y/a'), c.pod('x/a'))


def main():
    only = sys.argv[1] if len(sys.argv) > 1 else ''
    tap = Tap()
    c = e2e()
    try:
        for function in TESTS:
            if only in function.__name__:
                tap.run(function.__name__, function, c)
    finally:
        c.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
