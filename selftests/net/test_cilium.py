#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Cilium's policies between real pods, on programs and on the ruleset.

    test_cilium.py [PART-OF-A-NAME]
"""
import ipaddress
import json
import sys

from cases.dsl import frm, into, pods, sel
from wdnet.ask import allowed, answered, denied
from wdnet.cluster import POD_NET, WORLD, e2e
from wdnet.message import Message, heard
from wdnet.shared import Shared, each_rung
from wdnet.tap import expect

# Pods of node-b hang on one bridge, between whose ports rung nft lets nothing
# pass on this kernel (README, What a lower rung is stricter in): not asked.
SHARED = Shared()
PREFIXES = [word for net in POD_NET.values() for number in (1, 2)
            for word in ('--encryption-prefix', net % number)]
A = {'matchLabels': {'pod': 'a'}}
B = {'matchLabels': {'pod': 'b'}}


def cilium(ns, name, subject, **spec):
    """@ns None: of the cluster-wide kind."""
    meta = {'name': name, **({'namespace': ns} if ns else {})}
    return {'apiVersion': 'cilium.io/v2',
            'kind': 'CiliumNetworkPolicy' if ns else
                    'CiliumClusterwideNetworkPolicy',
            'metadata': meta, 'spec': {'endpointSelector': subject, **spec}}


def of_ns(ns, **labels):
    return {'matchLabels': {'k8s:io.kubernetes.pod.namespace': ns, **labels}}


def world(c, end, want):
    for f in c.families:
        expect('world' if want else None,
               answered(end, WORLD['ext1'][f], 'tcp', 80,
                        'world' if want else None), f'the world over IPv{f}')


@SHARED.test
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


@SHARED.test
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


@SHARED.test
def deny_of_a_wide_prefix_beats_a_narrow_allow(c):
    """In both orders of arrival, and where nothing isolates, too."""
    wide = {4: '203.0.113.0/24', 6: '2001:db8:113::/48'}
    for f in c.families:
        net = ipaddress.ip_network(wide[f])
        expect(True, ipaddress.ip_address(WORLD['ext1'][f]) in net,
               'the prefix has it')
    one = [f'{WORLD["ext1"][f]}/{32 if f == 4 else 128}' for f in c.families]
    deny = cilium('x', 'deny', A, egressDeny=[
        {'toCIDR': [wide[f] for f in c.families]}],
        enableDefaultDeny={'egress': False})
    allows = [cilium('x', 'allow', A, egress=[{'toCIDR': one}]),
              cilium('x', 'all', A, egress=[{'toEntities': ['all']}],
                     enableDefaultDeny={'egress': False})]
    for allow in allows:
        for first, second in ((deny, allow), (allow, deny)):
            c.apply([first])
            c.apply([first, second])
            for _ in each_rung(c):
                world(c, c.pod('x/a'), False)
                world(c, c.pod('x/b'), True)


@SHARED.test
def empty_rule_isolates_and_empty_list_does_not(c):
    c.apply([cilium('x', 'a', A, ingress=[{}]),
             cilium('x', 'b', B, ingress=[]),
             cilium('x', 'c', {'matchLabels': {'pod': 'c'}},
                    ingress=[{'fromEndpoints': []}])])
    for _ in each_rung(c):
        denied(c.pod('y/b'), c.pod('x/a'))
        allowed(c.pod('y/b'), c.pod('x/b'))
        denied(c.pod('y/b'), c.pod('x/c'))


@SHARED.test
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


def untold(c, key, then, rungs=('full', 'nft')):
    """@then(pod) while no object tells of it. Its own node drops, too."""
    gone = c.pod(key)
    c.pods = [p for p in c.pods if p is not gone]
    try:
        c.apply()
        for _ in each_rung(c, rungs):
            then(gone)
    finally:
        c.pods.append(gone)
        c.apply()


def dropped_by_sender(src, dst, reason):
    """Not by the node of @dst, which would say NOT_READY."""
    before = src.node.counter(reason, 'egress')
    denied(src, dst)
    expect(True, src.node.counter(reason, 'egress') >=
           before + len(dst.ips), f'the sender counts {reason}')


@SHARED.test
def pod_that_nobody_has_told_of_is_not_the_world(c):
    """An address inside the cluster's prefixes."""
    c.apply([cilium('x', 'w', {}, egress=[{'toEntities': ['world']}])])

    def then(gone):
        world(c, c.pod('x/a'), True)
        dropped_by_sender(c.pod('x/a'), gone, 'DEFAULT')
    untold(c, 'y/c', then)


@SHARED.test
def pod_that_nobody_has_told_of_may_be_one_that_is_denied(c):
    """Nothing isolates: what is not denied passes."""
    c.apply([cilium('x', 'd', A, egressDeny=[{'toEndpoints': [
        of_ns('y', pod='nobody')]}], enableDefaultDeny={'egress': False})])

    def then(gone):
        allowed(c.pod('x/a'), c.pod('y/a'))
        world(c, c.pod('x/a'), True)
        dropped_by_sender(c.pod('x/a'), gone, 'POLICY')
    untold(c, 'y/c', then, ['nft'])


@SHARED.test
def entities_of_nodes(c):
    c.apply([cilium('y', 'h', A, egress=[{'toEntities': ['remote-node']}]),
             cilium('x', 'o', A, egress=[{'toEntities': ['host']}])])
    for _ in each_rung(c):
        for key in ('x/a', 'y/a'):
            own = c.pod(key).node
            other = next(n for n in c.nodes if n is not own)
            (allowed if key == 'y/a' else denied)(c.pod(key), other)
            (allowed if key == 'x/a' else denied)(c.pod(key), own)


VRRP = 112
EGP = 8
ECHO, STAMP, AWAY = {4: 8, 6: 128}, {4: 13, 6: 144}, {4: 3, 6: 1}


def types(*kinds, **code):
    return [{'fields': [{'type': kind, 'family': f'IPv{f}', **code}
                        for f, kind in kinds]}]


@SHARED.test
def types_of_icmp_and_protocols_pass_by_their_own_rules(c):
    who = {'fromEndpoints': [of_ns('y')]}
    c.apply([
        cilium('x', 'echo', A, ingress=[
            {**who, 'icmps': types((4, 'EchoRequest'), (6, 128))}]),
        cilium('x', 'code', B, ingress=[
            {**who, 'icmps': types((4, 'Timestamp'), code=2)}]),
        cilium('x', 'vrrp', {'matchLabels': {'pod': 'c'}}, ingress=[
            {**who, 'toPorts': [{'ports': [{'port': '0',
                                            'protocol': 'VRRP'}]}]}])])
    src, other = c.pod('y/b'), c.pod('z/b')
    a, b, vrrp = (c.pod(f'x/{name}') for name in 'abc')
    for _ in each_rung(c):
        no, yes = [], []
        for f in c.families:
            no += [Message(src, a, f, (STAMP[f], 0)),
                   Message(src, a, f, (AWAY[f], 1)),
                   Message(src, a, f, VRRP), Message(other, a, f, (ECHO[f], 0)),
                   Message(src, b, f, (ECHO[f], 2)),
                   Message(src, vrrp, f, EGP),
                   Message(src, vrrp, f, (ECHO[f], 0)),
                   Message(other, vrrp, f, VRRP)]
            yes += [Message(src, a, f, (ECHO[f], 0)),
                    Message(src, vrrp, f, VRRP)]
        if 4 in c.families:
            no.append(Message(src, b, 4, (STAMP[4], 0)))
            yes.append(Message(src, b, 4, (STAMP[4], 2)))
        expect(([], []), heard(no, yes), 'what came, what did not')
        allowed(src, a, proto='icmp', port=0)
    code, text, _ = b.node.warder('why', src.key, f'{b.key}:13.2/icmp', '-4')
    expect((0, True), (code, 'ICMP Timestamp code 2' in text), text)
    code, text, _ = b.node.warder('why', src.key, f'{b.key}:Timestamp/icmp',
                                  '-4', ok=None)
    expect(1, code, text)


def group(name, *keys, **labels):
    return {'apiVersion': 'cilium.io/v2', 'kind': 'CiliumCIDRGroup',
            'metadata': {'name': name, 'labels': labels},
            'spec': {'externalCIDRs': [
                f'{ip}/{128 if f == 6 else 32}' for key in keys
                for f, ip in WORLD[key].items()]}}


@SHARED.test
def groups_of_cidrs_come_and_go(c):
    """By name where it allows, by label where it denies."""
    policies = [
        cilium('x', 'by-name', A, egress=[{'toCIDRSet': [
            {'cidrGroupRef': 'g'}]}]),
        cilium('y', 'by-label', A, egressDeny=[{'toCIDRSet': [
            {'cidrGroupSelector': {'matchLabels': {'kind': 'bad'}}}]}],
            enableDefaultDeny={'egress': False})]
    for groups, is_meant in (
            ([group('g', 'ext1'), group('h', 'ext1', kind='bad')], True),
            ([group('g', 'ext2'), group('h', 'ext1')], False),
            ([group('g', 'ext1', kind='bad')], True),
            ([], False)):
        c.apply(policies + groups)
        world(c, c.pod('x/a'), is_meant)
        world(c, c.pod('y/a'), not is_meant)
    c.apply([])


def leads_to(ns, name, addrs=None, **selector):
    """A service with a selector, or with slices of such addresses by family."""
    meta = {'name': name, 'namespace': ns}
    out = [{'apiVersion': 'v1', 'kind': 'Service', 'metadata': meta,
            'spec': {'selector': selector, 'ports': [{'port': 80}]}}]
    return out + [{
        'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice',
        'metadata': {'name': f'{name}-{f}', 'namespace': ns,
                     'labels': {'kubernetes.io/service-name': name}},
        'addressType': f'IPv{f}', 'ports': [{'port': 80}],
        'endpoints': [{'addresses': [ip]}]} for f, ip in (addrs or {}).items()]


@SHARED.test
def services_are_whom_they_lead_to(c):
    deny = {'enableDefaultDeny': {'egress': False}}
    policies = [
        cilium('x', 'allow', A, egress=[
            {'toServices': [{'k8sService': {'serviceName': 'b',
                                            'namespace': 'y'}}]},
            {'toEntities': ['kube-apiserver']}]),
        cilium('y', 'deny', A, egressDeny=[{'toServices': [
            {'k8sService': {'serviceName': 'out', 'namespace': 'y'}}]}],
            **deny)]
    c.apply(policies + leads_to('y', 'b', pod='b') +
            leads_to('y', 'out', WORLD['ext1']) +
            leads_to('default', 'kubernetes', WORLD['ext1']))
    allowed(c.pod('x/a'), c.pod('y/b'))
    denied(c.pod('x/a'), c.pod('z/b'))
    world(c, c.pod('x/a'), True)
    world(c, c.pod('y/a'), False)
    allowed(c.pod('y/a'), c.pod('x/a'))
    c.apply(policies)  # nobody knows where they lead
    denied(c.pod('x/a'), c.pod('y/b'))
    denied(c.pod('y/a'), c.pod('x/a'))


@SHARED.test
def what_a_policy_logs_is_told_of_its_verdicts(c):
    c.apply([cilium('x', 'log', A, log={'value': 'audited'}, ingressDeny=[
        {'fromEndpoints': [of_ns('y')]}])])
    a, b = c.pod('x/a'), c.pod('y/b')
    next(each_rung(c, ('full',)))  # not all tell of packets
    watch = a.node.warder_popen('monitor', '--drops', '--json')
    try:
        denied(b, a)
        event = json.loads(watch.stdout.readline())
        expect(('log', 'audited'), (event['rule']['name'],
                                    event['rule']['log']), 'event')
    finally:
        watch.kill()
        watch.wait()
    _, text, _ = a.node.warder('why', b.key, f'{a.key}:80', ok=1)
    expect(True, 'logged as "audited"' in text, text)
    _, text, _ = a.node.warder('policy', 'get', 'ciliumnetworkpolicies/x/log')
    expect(True, 'logged as "audited"' in text, text)


@SHARED.test
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


@SHARED.test
def cidr_of_pods_is_for_network_policy_only(c):
    nets = [POD_NET[4] % 2, POD_NET[6] % 2]
    c.apply([cilium('x', 'c', A, ingress=[{'fromCIDR': nets}])])
    denied(c.pod('y/a'), c.pod('x/a'))
    c.apply([cilium('x', 'c', A, ingress=[{'fromCIDR': nets}]),
             into('x', sel(pod='a'), {'from': [
                 {'ipBlock': {'cidr': net}} for net in nets]})])
    allowed(c.pod('y/a'), c.pod('x/a'))


if __name__ == '__main__':
    sys.exit(SHARED.main(lambda: e2e(agent_args=PREFIXES)))
