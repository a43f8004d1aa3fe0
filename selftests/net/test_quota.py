#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What one namespace may take of the tables: who goes beyond it hurts himself.

    test_quota.py [PART-OF-A-NAME]
"""
import json
import sys

from wdnet.shared import Shared
from wdnet.solo import Solo, expect_reach, ingress_policy
from wdnet.tap import expect

CIDRS, RULES, LABELS, SERVICES, BACKENDS = 20, 30, 5, 4, 6
SHARED = Shared()


class Bench:
    def close(self):
        self.c.close()

    def __init__(self):
        self.c = Solo(agent_args=(
            '--quota-cidrs', str(CIDRS), '--quota-rules', str(RULES),
            '--quota-labels', str(LABELS),
            '--quota-services', str(SERVICES),
            '--quota-backends', str(BACKENDS)))
        self.srv, self.ok, self.bad = self.c.three()
        self.policies = list(self.c.policies)
        # beside them one of another namespace
        self.lab = self.c.make_pod('lab', 20, ns='lab')
        self.c.pods.append(self.lab)
        self.c.namespaces['lab'] = {}
        self.add(self.lab)

    def add(self, pod):
        if pod not in self.c.pods:
            self.c.pods.append(pod)
        self.c.apply()
        self.c.start(pod)
        self.c.only_node.cni_add(pod)
        self.c.listen(pod)

    def apply(self, *policies):
        self.c.apply(self.policies + list(policies))

    def problems(self):
        doc = json.loads(self.c.only_node.warder('status', '--json',
                                                 ok=None)[1])
        return {p['object']: (p['effect'], p['text'])
                for p in doc['problems']}


def from_blocks(name, subject, cnt, ns='shop'):
    policy = ingress_policy(name, subject, 'ok', ns=ns)
    policy['spec']['ingress'][0]['from'] += [
        {'ipBlock': {'cidr': f'198.51.100.{i}/32'}} for i in range(cnt)]
    return policy


@SHARED.test
def row_165_many_blocks_close_their_own_subjects_and_nobody_elses(b):
    bomb = from_blocks('bomb', 'bad', CIDRS + 1)
    expect_reach(True, b.ok, b.bad)
    b.apply(bomb, from_blocks('near', 'lab', CIDRS, ns='lab'))
    effect, text = b.problems()['NetworkPolicy/shop/bomb']
    expect('isolated', effect, 'effect')
    expect(True, f'{CIDRS} CIDRs' in text and 'quota-cidrs' in text, text)
    expect(['NetworkPolicy/shop/bomb'], list(b.problems()), 'who is named')
    expect_reach(False, b.ok, b.bad, 'what it would allow')
    expect_reach(True, b.ok, b.srv, 'of another policy')
    expect_reach(False, b.ok, b.lab, 'as the other namespace has it')
    out = b.c.only_node.warder('why', 'shop/ok', 'shop/bad:80', ok=None)[1]
    expect(True, 'NetworkPolicy/shop/bomb' in out, out)
    expect(True, 'would allow it, but goes beyond' in out, out)
    listed = json.loads(b.c.only_node.warder('policy', 'list', '--json')[1])
    expect({'bomb': 1, 'near': 0, 'srv': 0},
           {p['name']: p['problems'] for p in listed['policies']}, 'problems')
    b.apply(from_blocks('bomb', 'bad', CIDRS))
    expect({}, b.problems(), 'problems')
    expect_reach(True, b.ok, b.bad, 'with as many as it may have')
    b.apply()


@SHARED.test
def one_that_waits_is_enforced_when_another_goes(b):
    first = ingress_policy('first', 'ok', *['x'] * (RULES - 1))
    b.apply(first)
    b.apply(first, ingress_policy('late', 'bad', 'ok'))
    expect(['NetworkPolicy/shop/late'], list(b.problems()), 'who is named')
    expect_reach(False, b.ok, b.bad)
    b.apply(ingress_policy('late', 'bad', 'ok'))
    expect({}, b.problems(), 'problems')
    expect_reach(True, b.ok, b.bad)
    b.apply()


@SHARED.test
def row_164_sets_of_labels_beyond_it_are_nobodys(b):
    others = [b.c.make_pod(f'other-{i}', 100 + i)
              for i in range(LABELS - 3)]
    for pod in others:
        pod.phase, pod.known_ips = 'Running', dict(pod.ips)
    b.c.pods += others
    b.c.apply()
    late = b.c.make_pod('late', 30)
    b.add(late)
    allow = ingress_policy('srv', 'srv', 'ok', 'late')
    b.c.apply([allow])
    effect, text = b.problems()['Namespace/shop']
    expect('isolated', effect, 'effect')
    expect(True, f'{LABELS} distinct' in text and 'quota-labels' in text, text)
    expect_reach(False, late, b.srv, 'whom nobody may know')
    expect_reach(True, b.ok, b.srv)
    expect_reach(True, late, b.lab, 'where nothing isolates')
    b.c.pods.remove(others[0])
    b.c.apply([allow])
    expect({}, b.problems(), 'problems')
    expect_reach(True, late, b.srv, 'once there is room')


def service(name, number, ports):
    return {'apiVersion': 'v1', 'kind': 'Service',
            'metadata': {'name': name, 'namespace': 'lab'},
            'spec': {'clusterIP': f'10.96.0.{number}', 'ports': [
                {'name': f'p{i}', 'port': 80 + i} for i in range(ports)]}}


def slice_of(name, cnt):
    return {'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice',
            'metadata': {'name': f'{name}-x', 'namespace': 'lab', 'labels': {
                'kubernetes.io/service-name': name}},
            'addressType': 'IPv4',
            'ports': [{'name': 'p0', 'port': 80}],
            'endpoints': [{'addresses': [f'198.51.100.{i}']}
                          for i in range(1, cnt + 1)]}


def only_to(cidr):
    return {'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy',
            'metadata': {'name': 'out', 'namespace': 'shop'},
            'spec': {'podSelector': {}, 'policyTypes': ['Egress'],
                     'egress': [{'to': [{'ipBlock': {'cidr': cidr}}]}]}}


# not allowed here; later, where somebody judges behind the translation
CLOSED = ('SERVICE', 'SERVICE_LATE')


def reason(b, to):
    out = b.c.only_node.warder('why', 'shop/ok', to, '--json', ok=None)[1]
    return json.loads(out)['reason']


@SHARED.test
def services_beyond_it_close_and_hold_up_nobodys_changes(b):
    many = [service('a', 1, SERVICES), service('late', 2, 1)]
    b.apply(*many, only_to('10.96.0.0/16'))
    effect, text = b.problems()['Service/lab/late']
    expect('isolated', effect, 'effect')
    expect(True, f'{SERVICES} addresses' in text and
           'quota-services' in text, text)
    expect(True, reason(b, '10.96.0.2:80') in CLOSED, 'inside the block')
    expect('POLICY_ALLOW', reason(b, '10.96.0.3:80'), 'no service')
    b.apply(*many)
    expect('NOT_ISOLATED', reason(b, '10.96.0.2:80'), 'of another namespace')
    b.apply(service('a', 1, SERVICES - 1), many[1], only_to('10.96.0.0/16'))
    expect({}, b.problems(), 'problems')
    expect('POLICY_ALLOW', reason(b, '10.96.0.2:81'), 'no port of it')
    b.apply()


def asked(b, *words):
    return json.loads(b.c.only_node.warder(*words, '--json')[1])


@SHARED.test
def services_are_listed_with_what_policy_makes_of_them(b):
    b.apply(service('a', 1, 1), slice_of('a', 2), service('late', 2, SERVICES),
            service('lone', 3, 1), only_to('198.51.100.1/32'))
    listed = {s['name']: s for s in asked(b, 'service', 'list')['services']}
    expect({'a': ('mixed', 2), 'late': ('beyond quota', 0),
            'lone': ('nobody', 0)},
           {n: (s['state'], s['backends']) for n, s in listed.items()}, 'list')
    expect(['10.96.0.1'], listed['a']['addresses'], 'addresses')
    one = asked(b, 'service', 'get', 'lab/a')
    front = one['fronts'][0]
    expect(('10.96.0.1', 80, 'tcp', 2), (
        front['address'], front['port'], front['protocol'], front['kinds']),
        'front')
    expect([('198.51.100.1', 80), ('198.51.100.2', 80)],
           sorted((e['address'], e['port']) for e in front['backends']),
           'backends')
    text = b.c.only_node.warder('service', 'list')[1]
    expect(True, '10.96.0.1' in text and '80/tcp' in text, text)
    text = b.c.only_node.warder('service', 'get', 'lab/late')[1]
    expect(True, 'each port: beyond quota' in text, text)
    code = b.c.only_node.warder('service', 'get', 'lab/none', ok=None)[0]
    expect(1, code, 'no such service')
    code = b.c.only_node.warder('service', 'get', 'lab', ok=None)[0]
    expect(2, code, 'no name')
    b.apply()


@SHARED.test
def backends_beyond_it_are_nobodys(b):
    b.apply(service('a', 1, 1), slice_of('a', BACKENDS),
            only_to('198.51.100.0/24'))
    expect('POLICY_ALLOW', reason(b, '10.96.0.1:80'), 'all allowed')
    b.apply(service('a', 1, 1), slice_of('a', BACKENDS + 1),
            only_to('198.51.100.0/24'))
    text = b.problems()['EndpointSlice/lab/a-x'][1]
    expect(True, 'quota-backends' in text, text)
    expect(True, reason(b, '10.96.0.1:80') in CLOSED, 'who knows where')
    b.apply()
    expect({}, b.problems(), 'problems')


if __name__ == '__main__':
    sys.exit(SHARED.main(Bench))
