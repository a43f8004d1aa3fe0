# SPDX-License-Identifier: GPL-2.0-only
"""Cases from a seed: few values, so that policies meet and overlap."""
import ipaddress

from .dsl import (ABSENT, Case, Step, block, both, exists, exists_not, is_in,
                  not_in, policy, port, rule)

BLOCKS4 = ('0.0.0.0/0', '10.0.0.0/8', '10.1.0.0/24', '10.2.0.0/24',
           '10.1.0.8/29', '10.2.0.11/32', '10.2.0.16/30', '192.168.77.0/24',
           '192.168.77.2/32', '203.0.113.0/24', '203.0.113.10/32',
           '198.51.100.0/22', '128.0.0.0/1', '10.2.0.13/31')
BLOCKS6 = ('::/0', 'fd00:10::/32', 'fd00:10:1::/64', 'fd00:10:2::/48',
           'fd00:10:1::8/125', 'fd00:10:2::b/128', 'fd00:77::/64',
           'fd00:77::2/128', '2001:db8:113::/48', '2001:db8::/32',
           '2001:db8:113::10/128', '2000::/3', 'fc00::/7')
POD_VALUES = {'pod': ('a', 'b', 'c'), 'tier': ('web', 'db', '')}
NS_VALUES = {'ns': ('x', 'y', 'z'), 'team': ('red', 'blue'),
             'kubernetes.io/metadata.name': ('x', 'y', 'z')}


def inside(outer, inner):
    a = ipaddress.ip_network(outer, strict=False)
    b = ipaddress.ip_network(inner, strict=False)
    return a.version == b.version and b.subnet_of(a)


class Maker:
    def __init__(self, rng):
        self.rng = rng
        self.made = 0  # policies; a name is given once

    def chance(self, percent):
        return self.rng.random() * 100 < percent

    def some(self, values, most):
        return self.rng.sample(values, min(len(values),
                                           self.rng.randint(1, most)))

    def expression(self, values):
        key = self.rng.choice(list(values))
        kind = self.rng.randrange(4)
        if kind == 0:
            return is_in(key, *self.some(values[key], 2))
        if kind == 1:
            return not_in(key, *self.some(values[key], 2))
        return exists(key) if kind == 2 else exists_not(key)

    def selector(self, values):
        if self.chance(25):
            return self.rng.choice(({}, {'matchLabels': {}},
                                    {'matchExpressions': []}))
        out = {}
        if self.chance(60):
            key = self.rng.choice(list(values))
            out['matchLabels'] = {key: self.rng.choice(values[key])}
        if not out or self.chance(30):
            out['matchExpressions'] = [self.expression(values) for _ in
                                       range(self.rng.randint(1, 2))]
        return out

    def block(self):
        blocks = self.rng.choice((BLOCKS4, BLOCKS6))
        cidr = self.rng.choice(blocks)
        within = [b for b in blocks if b != cidr and inside(cidr, b)]
        excepts = self.some(within, 2) if within and self.chance(50) else []
        return block(cidr, *excepts)

    def peer(self):
        kind = self.rng.randrange(4)
        if kind == 0:
            return {'podSelector': self.selector(POD_VALUES)}
        if kind == 1:
            return {'namespaceSelector': self.selector(NS_VALUES)}
        if kind == 2:
            return both({'namespaceSelector': self.selector(NS_VALUES)},
                        {'podSelector': self.selector(POD_VALUES)})
        return self.block()

    def port(self):
        proto = self.rng.choice(('TCP', 'TCP', 'UDP', 'SCTP'))
        kind = self.rng.randrange(6)
        if kind == 0:
            return port(proto=proto)
        if kind == 1:
            name = f'serve-{self.rng.choice((80, 81))}-{proto.lower()}'
            return port(name, proto)
        if kind == 2:
            low = self.rng.choice((1, 79, 80, 81, 82))
            return port(low, proto, self.rng.choice(
                [p for p in (79, 80, 81, 82, 65535) if p >= low]))
        number = self.rng.choice((80, 80, 81, 82))
        if proto == 'TCP' and self.chance(40):
            return port(number)
        return port(number, proto)

    def rule(self, key):
        peers = [self.peer() for _ in range(self.rng.randint(1, 3))]
        ports = [self.port() for _ in range(self.rng.randint(1, 3))]
        return rule(
            key,
            self.rng.choice((ABSENT, [], None)) if self.chance(20) else peers,
            self.rng.choice((ABSENT, [], None)) if self.chance(45) else ports)

    def rules(self, key):
        if self.chance(12):
            return self.rng.choice((ABSENT, [], None))
        return [self.rule(key) for _ in range(self.rng.randint(1, 3))]

    def policy(self):
        self.made += 1
        types = self.rng.choice((ABSENT, ABSENT, ['Ingress'], ['Egress'],
                                 ['Ingress', 'Egress']))
        ingress = egress = ABSENT
        if types is ABSENT or 'Ingress' in types or self.chance(10):
            ingress = self.rules('from')
        if self.chance(50) if types is ABSENT else 'Egress' in types:
            egress = self.rules('to')
        return policy(self.rng.choice('xyz'), self.selector(POD_VALUES),
                      ingress, egress, types, name=f'random-{self.made}')

    def labels(self):
        out = {}
        for key in self.some([n + '/' + p for n in 'xyz' for p in 'abc'], 5):
            out[key] = {k: self.rng.choice(v) for k, v in POD_VALUES.items()
                        if self.chance(70)}
        return out

    def ns(self):
        return {n: {'ns': n, 'team': self.rng.choice(NS_VALUES['team'])}
                for n in 'xyz' if self.chance(50)}

    def step(self):
        return Step([self.policy() for _ in range(self.rng.randint(1, 7))],
                    labels=self.labels() if self.chance(60) else None,
                    ns=self.ns() if self.chance(50) else None)


def change(maker, step):
    """The same but for one thing: a policy less, more or replaced; labels."""
    policies = list(step.policies)
    kind = maker.rng.randrange(4)
    if kind == 0 and policies:
        policies.pop(maker.rng.randrange(len(policies)))
    elif kind == 1:
        policies.append(maker.policy())
    elif kind == 2 and policies:
        at = maker.rng.randrange(len(policies))
        name = policies[at]['metadata']['name']
        policies[at] = maker.policy()
        policies[at]['metadata']['name'] = name
    else:
        return Step(policies, labels=maker.labels(), ns=maker.ns())
    return Step(policies, labels=step.labels, ns=step.ns)


def make(rng, name):
    """A case of a few steps, each a small change of the one before."""
    maker = Maker(rng)
    steps = [maker.step()]
    for _ in range(rng.randint(0, 3)):
        steps.append(change(maker, steps[-1]))
    return Case(name, *steps, style=rng.choice(('yaml', 'json', 'list',
                                                'flow')))
