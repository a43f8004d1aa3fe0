#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Services between real pods, translated in the node as kube-proxy does it:
what a pod may send is judged by the backends, whatever the service's address.

    test_services.py [PART-OF-A-NAME]
"""
import json
import os
import sys
import time

from cases.dsl import (block, both, frm, into, out_of, pods, port, sel, spaces,
                       to)
from wdnet.ask import DENIED_S, OWED_S, Flow, handle_of, until
from wdnet.cluster import WORLD, e2e
from wdnet.shared import pin
from wdnet.tap import Fail, Tap, expect

# Clients are of node-a, whose pods are routed: between ports of node-b's bridge
# rung nft lets nothing pass on this kernel.
TESTS = []
LONG = os.environ.get('WD_LONG') == '1'
RUNGS = ('full', 'compat', 'minimal', 'nft') if LONG else ('full', 'nft')
PROGRAMS = tuple(r for r in RUNGS if r != 'nft')
VIP = {4: '10.96.0.%d', 6: 'fd00:96::%d'}
NODE_PORT = 30080


def test(*rungs):
    """@rungs: those it is run on, of all that are asked for."""
    def keep(function):
        TESTS.append((function, rungs or RUNGS))
        return function
    return keep


class Service:
    """@backends: pods, or addresses by family. @target: their port."""

    def __init__(self, ns, name, number, backends, at=80, target=80,
                 proto='tcp', node_port=None, external=None, by='selector',
                 also=(), balancer=None):
        self.ns, self.name, self.backends = ns, name, list(backends)
        self.ips = {f: VIP[f] % number for f in (4, 6)}
        self.at, self.target, self.proto = at, target, proto
        self.node_port, self.external = node_port, external or {}
        self.by, self.also = by, list(also)  # told of, but never chosen
        self.balancer = balancer or {}  # addresses of a load balancer
        self.target_name = None

    def told(self):
        return self.backends + self.also

    def manifests(self):
        spec = {'clusterIPs': list(self.ips.values()),
                'clusterIP': self.ips[4],
                'ports': [{'name': 'web', 'port': self.at,
                           'targetPort': self.target_name or self.target,
                           'protocol': self.proto.upper()}]}
        if self.node_port:
            spec.update(type='NodePort')
            spec['ports'][0]['nodePort'] = self.node_port
        if self.external:
            spec['externalIPs'] = list(self.external.values())
        if self.by == 'selector':
            spec['selector'] = {'pod': self.backends[0].name}
        out = [{'apiVersion': 'v1', 'kind': 'Service', 'metadata':
                {'name': self.name, 'namespace': self.ns}, 'spec': spec}]
        if self.balancer:
            out[0]['status'] = {'loadBalancer': {'ingress': [
                {'ip': ip} for ip in self.balancer.values()]}}
        return out if self.by == 'selector' else out + self.slices()

    def slices(self):
        return [{'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice',
                 'metadata': {
                     'name': f'{self.name}-{f}', 'namespace': self.ns,
                     'labels': {'kubernetes.io/service-name': self.name}},
                 'addressType': f'IPv{f}',
                 'ports': [{'name': 'web', 'port': self.target,
                            'protocol': self.proto.upper()}],
                 'endpoints': [{'addresses': [b.ips[f]]}
                               for b in self.told()]} for f in (4, 6)]


def translate(c, services):
    """What kube-proxy does for them, on both nodes."""
    for node in c.nodes:
        lines = []
        for f in c.families:
            rules = [r for s in services for r in rules_of(s, node, f)]
            ip = 'ip' if f == 4 else 'ip6'
            lines += [f'table {ip} proxy', f'delete table {ip} proxy',
                      f'table {ip} proxy {{', 'chain pre {', 'type nat hook '
                      'prerouting priority dstnat;', *rules, '}',
                      'chain post { type nat hook postrouting priority '
                      'srcnat;', 'meta mark & 0x4000 == 0x4000 masquerade',
                      f'ct status dnat {ip} saddr . {ip} daddr '
                      + '{ ' + ', '.join(f'{p.ips[f]} . {p.ips[f]}'
                                         for p in c.pods) + ' } masquerade',
                      '}', '}']
        node.ns.run(['nft', '-f', '-'], '\n'.join(lines))


def rules_of(s, node, f):
    """Each backend in its turn."""
    ip = 'ip' if f == 4 else 'ip6'
    at = [f'{ip} daddr {s.ips[f]} {s.proto} dport {s.at}']
    for known in (s.external, s.balancer):
        if f in known:
            at.append(f'{ip} daddr {known[f]} {s.proto} dport {s.at}')
    if s.node_port:
        at.append(f'{ip} daddr {node.ips[f]} {s.proto} dport {s.node_port} '
                  'meta mark set meta mark | 0x4000')
    out = []
    for i, backend in enumerate(s.backends):
        left = len(s.backends) - i
        turn = f'numgen inc mod {left} 0 ' if left > 1 else ''
        to_ip = backend.ips[f]
        to_ip = f'[{to_ip}]' if f == 6 else to_ip
        out += [f'{turn}{a} dnat to {to_ip}:{s.target}' for a in at]
    return out


def apply(c, services, policies):
    c.apply(policies + [m for s in services for m in s.manifests()])
    translate(c, services)


def probe(src, questions, timeout):
    return handle_of(src).ask('probe', timeout=timeout, targets=[
        [proto, own, ip, number] for _, own, ip, number, proto, _ in questions
    ])['answers']


def asks(c, src, *questions):
    """(what, addresses by family, port, protocol, who answers or None)."""
    each = [(what, src.ips[f], ips[f], number, proto, want)
            for what, ips, number, proto, want in questions
            for f in c.families]
    owed = [q for q in each if q[-1]]
    denied_ = [q for q in each if not q[-1]]
    got = []
    for timeout in OWED_S:
        got = probe(src, owed, timeout) if owed else []
        if all(got):
            break
    got += probe(src, denied_, DENIED_S) if denied_ else []
    for (what, _, ip, number, proto, want), who in zip(owed + denied_, got):
        who = who and who.removeprefix('host:')
        if who != want:
            target = f'[{ip}]' if ':' in ip else ip
            text = src.node.warder('why', src.key,
                                   f'{target}:{number}/{proto}', ok=None)[1]
            raise Fail(f'{src.key} -> {what} at {ip}: expected {want}, got '
                       f'{who}', *text.splitlines()[:8])


def to_service(s, want=True):
    return (f'service {s.ns}/{s.name}', s.ips, s.at, s.proto,
            s.backends[0].key if want else None)


def reaches(c, src, s, want=True):
    asks(c, src, to_service(s, want))


def to_pods_of(ns, **labels):
    return to(both(spaces(ns=ns), pods(**labels)))


@test()
def a_service_is_judged_by_its_backends(c):
    near = Service('y', 'near', 1, [c.pod('y/b')])
    far = Service('y', 'far', 2, [c.pod('y/a')])
    other = Service('z', 'other', 3, [c.pod('z/a')])
    x = c.pod('x/a')
    apply(c, [near, far, other],
          [out_of('x', sel(pod='a'), to_pods_of('y'))])
    asks(c, x, to_service(near), to_service(far),
         to_service(other, False),
         ('a pod', c.pod('y/b').ips, 80, 'tcp', 'y/b'),
         ('a pod', c.pod('z/a').ips, 80, 'tcp', None))
    reaches(c, c.pod('x/c'), other)  # nothing isolates it


@test()
def an_isolated_pod_reaches_no_service_by_any_of_its_addresses(c):
    s = Service('z', 'shown', 4, [c.pod('z/a')], node_port=NODE_PORT,
                external=WORLD['ext2'], balancer=WORLD['ext3'])
    x, free = c.pod('x/a'), c.pod('x/c')
    apply(c, [s], [out_of('x', sel(pod='a'))])
    for src, want in ((x, None), (free, 'z/a')):
        asks(c, src, ('ClusterIP', s.ips, 80, 'tcp', want),
             ('ExternalIP', s.external, 80, 'tcp', want),
             ('LoadBalancer', s.balancer, 80, 'tcp', want),
             ('as headless', c.pod('z/a').ips, 80, 'tcp', want),
             *[(f'NodePort of {node.name}', node.ips, NODE_PORT, 'tcp',
                want) for node in c.nodes])


@test()
def a_claimed_address_opens_no_other_pod(c):
    """Rows 98, 105: who may go to an address may not go where it is led."""
    s = Service('z', 'claims', 5, [c.pod('z/a')], external=WORLD['ext1'])
    x = c.pod('x/a')
    policy = out_of('x', sel(pod='a'),
                    to(block('203.0.113.0/24'), block('2001:db8:113::/48'),
                       block('10.96.0.0/12'), block('fd00:96::/112')))
    apply(c, [s], [policy])
    asks(c, x, to_service(s, False),
         ('the address it claims', s.external, 80, 'tcp', None))
    apply(c, [], [policy])
    asks(c, x, ('its real owner', s.external, 80, 'tcp', 'world'))


@test()
def ports_are_those_of_the_backends(c):
    by_number = Service('y', 'number', 6, [c.pod('y/b')], at=8080, target=81)
    by_name = Service('y', 'name', 7, [c.pod('y/b')], at=81, target=80,
                      proto='udp')
    by_name.target_name = 'serve-80-udp'
    x = c.pod('x/a')
    apply(c, [by_number, by_name],
          [out_of('x', sel(pod='a'), to(both(spaces(ns='y'), pods()),
                                        ports=[port(81), port(80, 'UDP')]))])
    asks(c, x, to_service(by_number), to_service(by_name))
    apply(c, [by_number, by_name],
          [out_of('x', sel(pod='a'), to(both(spaces(ns='y'), pods()),
                                        ports=[port(8080), port(81, 'UDP')]))])
    asks(c, x, to_service(by_number, False), to_service(by_name, False))


@test()
def a_deny_holds_whatever_the_address(c):
    s = Service('z', 'shut', 8, [c.pod('z/a')], by='slices')
    open_ = Service('y', 'open', 9, [c.pod('y/b')], by='slices')
    x = c.pod('x/a')
    apply(c, [s, open_], [{
        'apiVersion': 'policy.networking.k8s.io/v1alpha2',
        'kind': 'ClusterNetworkPolicy', 'metadata': {'name': 'shut'},
        'spec': {'tier': 'Admin', 'priority': 1,
                 'subject': {'namespaces': {'matchLabels': {'ns': 'x'}}},
                 'egress': [{'action': 'Deny', 'to': [{'namespaces': {
                     'matchLabels': {'ns': 'z'}}}]}]}}])
    asks(c, x, to_service(s, False), to_service(open_))


@test(*PROGRAMS)
def what_a_policy_takes_back_is_cut_in_both_directions(c):
    s = Service('y', 'live', 10, [c.pod('y/b')])
    x = c.pod('x/a')
    may = out_of('x', sel(pod='a'), to_pods_of('y'))
    apply(c, [s], [may])
    flows = [Through(x, s, f, 'tcp') for f in c.families]
    for flow in flows:
        flow.client_speaks(True)
    time.sleep(0.6)  # the client's late ACK would have it judged before
    apply(c, [s], [may, out_of('x', sel(pod='c'), name='of-others')])
    for flow in flows:
        flow.server_speaks(True)  # judged anew, and nobody asked for it
    apply(c, [s], [out_of('x', sel(pod='a'), to_pods_of('z'))])
    for flow in flows:
        flow.client_speaks(False)
        flow.server_speaks(False)
    apply(c, [s], [may])
    for flow in flows:
        flow.server_speaks(True)
        flow.close()


class Through(Flow):
    """A connection by a service's address; the server is its backend."""

    def __init__(self, src, service, family, proto):
        class Target:
            ips, key = service.ips, service.backends[0].key
            handle = service.backends[0].handle
        super().__init__(src, Target, family, proto, service.at)


@test(*PROGRAMS)
def backends_that_come_count_at_once(c):
    s = Service('y', 'grows', 11, [c.pod('y/b')], by='slices')
    x = c.pod('x/a')
    policy = out_of('x', sel(pod='a'), to_pods_of('y'))
    s.also = []
    apply(c, [s], [policy])
    reaches(c, x, s)
    bridged = c.pod('x/b')
    policies = [policy, out_of('x', sel(pod='b'), to_pods_of('y'),
                               name='bridged')]
    apply(c, [s], policies)
    reaches(c, bridged, s)
    s.backends, s.also = [c.pod('z/a')], [c.pod('y/b')]
    apply(c, [s], policies)
    reaches(c, x, s, False)
    # could be chosen, so may not be reached where nobody judges afterwards
    s.backends, s.also = s.also, s.backends
    apply(c, [s], policies)
    reaches(c, bridged, s, False)
    expect(1, bridged.node.warder('why', bridged.key, f'{s.ips[4]}:80',
                                  ok=None)[0], 'why says drop')


@test()
def the_node_behind_a_service_is_a_node(c):
    """As the API server's service: its backend is an address of a node."""
    class Here:
        ips, key = c.nodes[0].ips, c.nodes[0].name

    class There:
        ips, key = c.nodes[1].ips, c.nodes[1].name
    here = Service('x', 'here', 12, [Here], at=443, by='slices')
    there = Service('x', 'there', 13, [There], at=443, by='slices')
    x = c.pod('x/a')
    apply(c, [here, there], [out_of('x', sel(pod='a'), to(
        *(block(f'{ip}/{128 if f == 6 else 32}') for node in c.nodes
          for f, ip in node.ips.items()), ports=[port(80)]))])
    asks(c, x, to_service(here), to_service(there))
    apply(c, [here, there], [out_of('x', sel(pod='a'), to_pods_of('y'))])
    asks(c, x, to_service(here, False), to_service(there, False))


@test(*PROGRAMS)
def a_pod_reaches_itself_by_its_service(c):
    x = c.pod('x/a')
    s = Service('x', 'own', 16, [x])
    apply(c, [s], [])
    reaches(c, x, s)


@test('full')
def why_names_the_service_and_who_decided(c):
    s = Service('z', 'told', 14, [c.pod('z/a')])
    x = c.pod('x/a')
    apply(c, [s], [out_of('x', sel(pod='a'), to_pods_of('y'))])
    reaches(c, x, s, False)
    doc = json.loads(x.node.warder('why', x.key, f'{s.ips[4]}:80',
                                   '--json', ok=1)[1])
    expect({'namespace': 'z', 'name': 'told', 'backends': 1, 'allowed': 0,
            'late': False,
            'address': c.pod('z/a').ips[4], 'port': 80},
           doc['service'], 'service')
    expect(('drop', 'DEFAULT', False),
           (doc['verdict'], doc['reason'], doc['drift']), 'verdict')


@test('full')
def why_asks_the_backends_hook_as_that_of_any_pod(c):
    x = c.pod('x/a')
    s = Service('y', 'near', 17, [c.pod('y/b')])
    apply(c, [s], [into('y', sel(pod='b'), frm(spaces(ns='z')))])
    reaches(c, x, s, False)
    doc = json.loads(x.node.warder('why', x.key, f'{s.ips[4]}:80',
                                   '--json', ok=1)[1])
    hook = doc['hooks'][1]
    expect(('here', 'DEFAULT', 'DEFAULT', False),
           (hook['where'], hook['reason'], hook['kernel']['reason'],
            doc['drift']), 'ingress')
    expect(True, {'row', 'mode', 'class', 'rules'} <=
           {s['stage'] for s in hook['stages']}, 'stages')
    expect(['ingress'], [f['direction'] for f in doc['fixes']
                         if f['manifest']], 'a fix at the backend')


@test('full')
def a_restarted_agent_finds_its_services(c):
    s = Service('y', 'stays', 15, [c.pod('y/b')])
    x = c.pod('x/a')
    apply(c, [s], [out_of('x', sel(pod='a'), to_pods_of('y'))])
    reaches(c, x, s)
    x.node.stop_agent()
    reaches(c, x, s)
    x.node.start_agent()
    reaches(c, x, s)
    until(0, lambda: x.node.status()['drift']['found'], 'drift')
    apply(c, [], [])
    until(0, lambda: x.node.status()['maps']['wd_front']['used'],
          'entries of services')


def main():
    only = sys.argv[1] if len(sys.argv) > 1 else ''
    tap = Tap()
    c = e2e()
    import services_late  # which imports this, as a module
    import services_socket  # too
    TESTS.extend((quick, ('full',)) for quick in services_late.QUICK)
    TESTS.extend((each, RUNGS if LONG else ('full',))
                 for each in services_socket.TESTS[:None if LONG else 2])
    try:
        for rung in RUNGS:
            pin(c, rung)
            for function, rungs in TESTS:
                name = f'{function.__name__}, {rung}'
                if rung in rungs and only in name:
                    tap.run(name, function, c)
    finally:
        c.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
