#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What `warder why` says would allow or deny it does so: random policies are asked
about random flows, the advice is applied to the manifests as it is written, and
they are asked again. Needs no root and no agent.

    test_advice.py BUILD [SEED]

With WD_LONG=1 of 3000 drops.
"""
import collections
import copy
import json
import os
import random
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'net'))
# pylint: disable-next=wrong-import-position
from cases.random_cases import Maker  # noqa: E402

DROPS = 3000 if os.environ.get('WD_LONG') == '1' else 100
ROUNDS = 8  # policies that may each have to let go
PORTS = {'tcp': (79, 80, 81, 82), 'udp': (80, 81, 82), 'sctp': (80, 81, 82)}
NODE = {4: '192.168.77.1', 6: 'fd00:77::1'}
SERVICES = (('x', 'web'), ('y', 'web'), ('z', 'db'))  # the last has one backend
OUTSIDE = {4: ('203.0.113.10', '198.51.100.7', '192.168.77.2'),
           6: ('2001:db8:113::10', 'fd00:77::2')}
RULE = re.compile(r'(\w+)/(?:([a-z]+)/)?([\w-]+) (ingress|egress)\[(\d+)\] ')
NORMAL = {'ingress': 'from', 'egress': 'to'}


# ---- the cluster ----

def ports_of_pod():
    return [{'name': f'serve-{n}-{p}', 'containerPort': n,
             'protocol': p.upper()} for n in (80, 81) for p in PORTS]


def cluster():
    objects = [{'apiVersion': 'v1', 'kind': 'Node', 'metadata': {'name': 'n'},
                'spec': {'podCIDRs': ['10.1.0.0/24', 'fd00:10:1::/64']},
                'status': {'addresses': [{'type': 'InternalIP', 'address': addr}
                                         for addr in NODE.values()]}}]
    number = 10
    for ns, team in (('x', 'red'), ('y', 'red'), ('z', 'blue')):
        objects.append({'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': {
            'name': ns, 'labels': {'ns': ns, 'team': team}}})
        for name in 'abc':
            objects.append({
                'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {
                    'name': name, 'namespace': ns, 'labels': {
                        'pod': name, 'tier': 'web' if name < 'c' else 'db'}},
                'spec': {'nodeName': 'n', 'containers': [{
                    'name': 'c', 'ports': ports_of_pod()}]},
                'status': {'phase': 'Running', 'podIPs': [
                    {'ip': f'10.1.0.{number}'},
                    {'ip': f'fd00:10:1::{number:x}'}]}})
            number += 1
    for i, (ns, tier) in enumerate(SERVICES):
        objects.append({'apiVersion': 'v1', 'kind': 'Service', 'metadata': {
            'name': tier, 'namespace': ns}, 'spec': {
                'clusterIPs': [f'10.96.0.{i + 1}', f'fd00:96::{i + 1}'],
                'selector': {'tier': tier},
                'ports': [{'name': f'{port}-{proto}', 'port': port,
                           'protocol': proto.upper(), 'targetPort': to}
                          for proto in PORTS
                          for port, to in ((80, 81), (81, 80))]}})
    return objects


class Policies(Maker):
    """NetworkPolicies, and of the other kinds some."""

    def cilium(self, number):
        way = self.rng.choice(('ingress', 'egress'))
        rule = {{'ingress': 'fromEndpoints', 'egress': 'toEndpoints'}[way]: [
            {'matchLabels': {'pod': self.rng.choice('abc')}}]}
        if self.chance(50):
            rule['toPorts'] = [{'ports': [{
                'port': str(self.rng.choice((80, 81))),
                'protocol': self.rng.choice(('TCP', 'UDP', 'SCTP'))}]}]
        wide = self.chance(30)
        meta = {'name': f'cilium-{number}'}
        if not wide:
            meta['namespace'] = self.rng.choice('xyz')
        return {'apiVersion': 'cilium.io/v2', 'metadata': meta,
                'kind': 'CiliumClusterwideNetworkPolicy' if wide else
                        'CiliumNetworkPolicy',
                'spec': {'endpointSelector': {'matchLabels': {
                    'pod': self.rng.choice('abc')}},
                    way + self.rng.choice(('', 'Deny')): [rule]}}

    def wide(self, number):
        way = self.rng.choice(('ingress', 'egress'))
        whom = {'namespaces': {'matchLabels': {
            'team': self.rng.choice(('red', 'blue'))}}}
        return {'apiVersion': 'policy.networking.k8s.io/v1alpha2',
                'kind': 'ClusterNetworkPolicy',
                'metadata': {'name': f'wide-{number}'},
                'spec': {'tier': self.rng.choice(('Admin', 'Baseline')),
                         'priority': number, 'subject': {'namespaces': {}},
                         way: [{'action': self.rng.choice(
                             ('Accept', 'Deny', 'Pass')),
                             NORMAL[way]: [whom]}]}}

    def some_of_all(self):
        made = [self.policy() for _ in range(self.rng.randint(1, 5))]
        made += [self.cilium(n) for n in range(self.rng.randint(0, 2))]
        return made + [self.wide(n) for n in range(self.rng.randint(0, 2))]


def question(rng):
    family = rng.choice((4, 6))
    pods = [f'{ns}/{name}' for ns in 'xyz' for name in 'abc']
    a, b = rng.sample(pods, 2)
    far = rng.choice(OUTSIDE[family])
    kind = rng.randrange(12)
    at = rng.randrange(len(SERVICES)) + 1
    service = f'10.96.0.{at}' if family == 4 else f'fd00:96::{at}'
    a = (far, NODE[family], 'host')[kind] if kind < 3 else a
    b = (far, NODE[family], service, service)[kind - 3] if 2 < kind < 7 else b
    served = b == service
    b = f'[{b}]' if ':' in b else b
    if served:
        return a, f'{b}:{rng.choice((80, 81))}/{rng.choice(list(PORTS))}', \
            f'-{family}'
    what = rng.randrange(8)
    if what == 0:
        port = ''
    elif what == 1:
        port = ':' + rng.choice(('Timestamp' if family == 4 else '128',
                                 'EchoRequest', '8' if family == 4 else '128'
                                 )) + '/icmp'
    elif what == 2 and '/' in b:
        port = f':serve-{rng.choice((80, 81))}-tcp'
    else:
        proto = rng.choice(list(PORTS))
        port = f':{rng.choice(PORTS[proto])}/{proto}'
    return a, b + port, f'-{family}'


# ---- asking, and doing what is said ----

class World:
    def __init__(self, warder, policies):
        self.warder = warder
        self.policies = [copy.deepcopy(p) for p in policies]

    def ask(self, words):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, 'all.json'), 'w',
                      encoding='ascii') as f:
                json.dump({'apiVersion': 'v1', 'kind': 'List',
                           'items': cluster() + self.policies}, f)
            done = subprocess.run(
                [self.warder, 'why', *words, '--json', '--as-of-manifests',
                 folder], capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1) or done.stderr:
            raise AssertionError(f'{words}: {done.returncode} {done.stderr}')
        doc = json.loads(done.stdout)
        if (doc['verdict'] == 'drop') != (done.returncode == 1):
            raise AssertionError(f'{words}: {done.returncode} {done.stdout}')
        return doc

    def find(self, kind, ns, name):
        return next(p for p in self.policies if p['kind'] == kind and
                    p['metadata'].get('namespace') == ns and
                    p['metadata']['name'] == name)

    def named_in(self, text):
        """The policy and the rule that a text names."""
        kind, ns, name, way, index = RULE.search(text).groups()
        policy = self.find(kind, ns, name)
        return policy, policy['spec'][way][int(index)] \
            if kind == 'NetworkPolicy' else None, way

    def take_rule_out(self, text):
        policy, rule, way = self.named_in(text)
        if rule is None:
            self.policies.remove(policy)  # it has one
        else:
            policy['spec'][way].remove(rule)
            # a type that only its rules implied stays
            types = policy['spec'].setdefault('policyTypes', ['Ingress'] + (
                ['Egress'] if way == 'egress' or policy['spec'].get('egress')
                else []))
            if way == 'egress' and 'Egress' not in types:
                types.append('Egress')

    def apply_near(self, doc, text):
        """What the text says of the nearest rule; None: not one tried here."""
        policy, rule, way = self.named_in(text)
        if rule is None:
            return None
        hit = re.search(r'on other ports only: add (tcp|udp|sctp) port (\d+)',
                        text)
        hit = hit or re.search(
            r'the port named .* calls (tcp|udp|sctp) port (\d+)', text)
        if hit:
            rule['ports'].append({'protocol': hit[1].upper(),
                                  'port': int(hit[2])})
            return 'port'
        hit = re.search(r"own namespace only: .* selects '(\w+)'", text)
        peers = rule.get(NORMAL[way]) or []
        if hit:
            for peer in peers:
                if 'ipBlock' not in peer:
                    peer.setdefault('namespaceSelector', {'matchLabels': {
                        'kubernetes.io/metadata.name': hit[1]}})
            return 'namespace'
        hit = re.search(r'allows pods with (\w+)=(\w*), and \S+ has \w+='
                        r'(\w*):', text)
        if hit:
            for peer in peers:
                labels = peer.get('podSelector', {}).get('matchLabels', {})
                if labels.get(hit[1]) == hit[2]:
                    labels[hit[1]] = hit[3]
                    return 'label'
        return None


class Tester:
    def __init__(self, warder, seed):
        self.warder, self.rng = warder, random.Random(seed)
        self.done = collections.Counter()
        self.bad = []

    def wrong(self, world, words, what, doc):
        self.bad.append(f'{what}: {words}\n{json.dumps(doc)}\n'
                        + json.dumps(world.policies))

    def stages(self, world, words, doc):
        """They end in the verdict, and the rule that wins is the one told."""
        for hook in doc['hooks']:
            if hook['where'] != 'here':
                continue
            stages = {s['stage']: s for s in hook['stages']}
            rules = stages['rules'].get('rules', [])  # or not asked
            wins = [r for r in rules if r['wins']]
            held = [r for r in rules if r['holds']]
            decided = hook['reason'] in ('POLICY_ALLOW', 'POLICY')
            if hook['reason'] == 'SERVICE_LATE':
                continue  # of one backend of several
            self.done['stages'] += 1
            if (stages['verdict']['outcome'], wins, len(wins)) != (
                    hook['verdict'], held[:1], int(decided)) or \
                    wins and (wins[0]['id'], wins[0]['action'] == 'allow') \
                    != (hook['rule_id'], hook['reason'] == 'POLICY_ALLOW'):
                self.wrong(world, words, 'other stages', doc)

    def to_allow(self, policies, words):
        """Each hook that drops says what to do; denying rules one by one."""
        world = World(self.warder, policies)
        doc = world.ask(words)
        for _ in range(ROUNDS):
            fixes = [f for f in doc['fixes'] if f['to'] == 'allow']
            denied = [f for f in fixes if 'denies it' in f['text']]
            if not fixes:
                return self.wrong(world, words, 'nothing is advised', doc)
            for fix in denied:
                world.take_rule_out(fix['text'])
            for fix in fixes:
                if fix in denied:
                    continue
                if not fix['manifest']:
                    return self.wrong(world, words, 'no manifest', doc)
                world.policies.append(fix['manifest'])
            doc = world.ask(words)
            self.done['removed' if denied else 'added'] += 1
            if doc['verdict'] != 'drop':
                return None
            if not denied and not any('ask again' in f['text'] for f in fixes):
                break
        return self.wrong(world, words, 'it does not allow', doc)

    def to_allow_nearly(self, policies, words, doc):
        world = World(self.warder, policies)
        drops = [f for f in doc['fixes'] if f['to'] == 'allow']
        if len(drops) != 1 or 'denies it' in drops[0]['text'] or \
                'ask again' in drops[0]['text'] or \
                not RULE.match(drops[0]['text']):
            return
        what = world.apply_near(doc, drops[0]['text'])
        if not what:
            return
        self.done['near ' + what] += 1
        then = world.ask(words)
        if then['verdict'] == 'drop':
            self.wrong(world, words, f'near, {what}: {drops[0]["text"]}',
                       then)

    def late(self, world, words, text, doc):
        """The backend that is named passes, by a rule or as nobody asks."""
        backend = re.search(r' as of (\S+),', text)
        then = backend and world.ask((words[0], backend[1], words[2]))
        self.done['late'] += 1
        if not then or then['hooks'][0]['verdict'] != 'allow':
            self.wrong(world, words, text, then or doc)

    def to_deny(self, policies, words, doc):
        world = World(self.warder, policies)
        fixes = [f for f in doc['fixes'] if f['to'] == 'deny']
        if not fixes:
            if doc['reason'] != 'NO_HOOK':
                self.wrong(world, words, 'nothing is advised', doc)
            return
        if doc['reason'] == 'SERVICE_LATE':
            self.late(world, words, fixes[0]['text'], doc)
            return
        if doc['reason'] == 'HOST':
            self.done['of the host'] += 1
            if 'host-ingress: policy' not in fixes[0]['text']:
                self.wrong(world, words, 'the option is not named', doc)
            return
        if fixes[0]['manifest']:
            world.policies.append(fixes[0]['manifest'])
            self.done['closed'] += 1
        else:
            world.take_rule_out(fixes[0]['text'])
            self.done['taken out'] += 1
        then = world.ask(words)
        if (then['verdict'], fixes[0]['manifest']) == ('drop', None) or \
                then['verdict'] == 'drop':
            return
        # another rule or hook may allow it, never the same one
        if fixes[0]['manifest'] or then['rule'] == doc['rule'] and \
                then['reason'] == doc['reason'] == 'POLICY_ALLOW' and \
                doc['rule']['kind'] != 'NetworkPolicy':
            self.wrong(world, words, 'it does not deny', then)

    def run(self, drops):
        while self.done['drops'] < drops and len(self.bad) < 5:
            policies = Policies(self.rng).some_of_all()
            world = World(self.warder, policies)
            for _ in range(6):
                words = question(self.rng)
                doc = world.ask(words)
                self.done['asked'] += 1
                self.stages(world, words, doc)
                if doc['verdict'] == 'drop':
                    self.done['drops'] += 1
                    self.to_allow(policies, words)
                    self.to_allow_nearly(policies, words, doc)
                elif self.rng.random() < 0.3:
                    self.to_deny(policies, words, doc)


def main():
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 9
    tester = Tester(os.path.join(sys.argv[1], 'warder'), seed)
    print('TAP version 13\n1..1')
    tester.run(DROPS)
    for line in tester.bad:
        print('# ' + line.replace('\n', '\n# '))
    print(f'# seed {seed}: ' + ', '.join(
        f'{n} {what}' for what, n in sorted(tester.done.items())))
    print(f'{"not ok" if tester.bad else "ok"} 1 - '
          'advice_on_random_policies_does_what_it_says')
    return 1 if tester.bad else 0


if __name__ == '__main__':
    sys.exit(main())
