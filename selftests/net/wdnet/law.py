# SPDX-License-Identifier: GPL-2.0-only
"""Policies in few words: what they come to, and the objects that say so.

Written from the text of the APIs, not from what warder does: it knows a few
selectors, ports and networks only, and looks at each rule for each question.
"""
import collections
import ipaddress
import random

# @what: 'pods' (spaces, labels), 'net' (cidr), 'group' (name), 'entity' (name),
# 'service' (namespace, name). @spaces: None: of the policy's namespace, {}: of
# any, else labels.
Peer = collections.namedtuple('Peer', 'what arg')
# @action: 'allow', 'deny', 'pass'. @peers: of one kind; None: anybody.
# @ports: [(protocol, first, last)], or None: everything.
Rule = collections.namedtuple('Rule', 'action peers ports')
# @spaces: as of a peer. @ways: direction -> rules.
# @isolates: does it, where it has rules of the normal tier.
Policy = collections.namedtuple(
    'Policy', 'kind ns name priority spaces labels ways isolates')
End = collections.namedtuple('End', 'ns labels ip')  # @ns: None: outside
Port = collections.namedtuple('Port', 'proto number')

WAYS = ('ingress', 'egress')
NORMAL = ('np', 'cnp', 'ccnp')
OUTSIDE = ('203.0.113.10', '203.0.113.20', '198.51.100.5')
NETS = ('203.0.113.0/24', '203.0.113.10/32', '198.51.100.0/24')
APPS, TEAMS = ('srv', 'ok', 'bad'), ('red', 'blue')


def has(labels, want):
    return all(labels.get(k) == v for k, v in want.items())


class Law:
    """@spaces: namespace -> labels. @groups: name -> networks. @services:
    (namespace, name) -> addresses they lead to. @policies: in force."""

    def __init__(self, spaces, groups, services, policies):
        self.spaces, self.groups, self.services = spaces, groups, services
        self.policies = policies

    def is_meant(self, own, want, labels, end):
        """A pod, by labels of its namespace and its own."""
        if end.ns is None or not has(end.labels, labels):
            return False
        return end.ns == own if want is None else \
            has(self.spaces[end.ns], want)

    def is_peer(self, policy, peer, end):
        if peer.what == 'pods':
            return self.is_meant(policy.ns, *peer.arg, end)
        if peer.what == 'service':
            return end.ip in self.services.get(peer.arg, ())
        if peer.what == 'entity':
            return peer.arg == 'all' or \
                (peer.arg == 'world') == (end.ns is None)
        nets = (peer.arg,) if peer.what == 'net' else \
            self.groups.get(peer.arg, ())
        return end.ns is None and any(
            ipaddress.ip_address(end.ip) in ipaddress.ip_network(n)
            for n in nets)

    def hits(self, policy, rule, end, port):
        return (rule.peers is None or any(self.is_peer(policy, p, end)
                                          for p in rule.peers)) and \
            (rule.ports is None or any(
                proto == port.proto and first <= port.number <= last
                for proto, first, last in rule.ports))

    def tier(self, kinds, way, asked):
        """The word of the first rule that fits, or None."""
        me, end, port = asked
        some = sorted((p for p in self.policies if p.kind in kinds),
                      key=lambda p: (p.kind == 'banp', p.priority))
        for policy in some:
            if not self.is_meant(None, policy.spaces, policy.labels, me):
                continue
            for rule in policy.ways.get(way, ()):
                if self.hits(policy, rule, end, port):
                    return rule.action
        return None

    def normal(self, way, asked):
        me, end, port = asked
        said, isolated = set(), False
        for policy in self.policies:
            if policy.kind not in NORMAL or way not in policy.ways or \
                    not self.is_meant(policy.ns, policy.spaces,
                                      policy.labels, me):
                continue
            isolated |= policy.isolates
            said |= {r.action for r in policy.ways[way]
                     if self.hits(policy, r, end, port)}
        if said:
            return 'deny' if 'deny' in said else 'allow'
        return 'deny' if isolated else None

    def judges(self, way, *asked):
        """Does @asked, (the pod, its peer, the port), pass at the pod?"""
        for word in (self.tier(('cluster', 'admin'), way, asked),
                     self.normal(way, asked),
                     self.tier(('base', 'banp'), way, asked)):
            if word in ('allow', 'deny'):
                return word == 'allow'
        return True

    def passes(self, src, dst, port):
        return (src.ns is None or self.judges('egress', src, dst, port)) and \
            (dst.ns is None or self.judges('ingress', dst, src, port))


# ---- as objects ----

def np_port(proto, first, last):
    out = {'protocol': proto.upper(), 'port': first}
    return out if first == last else {**out, 'endPort': last}


def np_peer(peer):
    if peer.what == 'net':
        return {'ipBlock': {'cidr': peer.arg}}
    spaces, labels = peer.arg
    out = {'podSelector': {'matchLabels': labels}}
    if spaces is not None:
        out['namespaceSelector'] = {'matchLabels': spaces}
    return out


def np_rule(way, rule):
    out = {}
    if rule.peers is not None:
        out['from' if way == 'ingress' else 'to'] = [
            np_peer(p) for p in rule.peers]
    if rule.ports is not None:
        out['ports'] = [np_port(*p) for p in rule.ports]
    return out


def cilium_selector(spaces, labels):
    out = {f'k8s:{k}': v for k, v in labels.items()}
    for key, value in (spaces or {}).items():
        out[f'k8s:io.cilium.k8s.namespace.labels.{key}'] = value
    doc = {'matchLabels': out}
    if spaces == {}:
        doc['matchExpressions'] = [{
            'key': 'k8s:io.kubernetes.pod.namespace', 'operator': 'Exists'}]
    return doc


def cilium_peers(way, peers):
    """All of one kind."""
    word = 'from' if way == 'ingress' else 'to'
    what = peers[0].what
    if what == 'pods':
        return {word + 'Endpoints': [cilium_selector(*p.arg) for p in peers]}
    if what == 'net':
        return {word + 'CIDR': [p.arg for p in peers]}
    if what == 'group':
        return {word + 'CIDRSet': [{'cidrGroupRef': p.arg} for p in peers]}
    if what == 'entity':
        return {word + 'Entities': [p.arg for p in peers]}
    return {'toServices': [{'k8sService': {
        'namespace': p.arg[0], 'serviceName': p.arg[1]}} for p in peers]}


def cilium_port(proto, first, last):
    out = {'protocol': proto.upper(), 'port': str(first)}
    return out if first == last else {**out, 'endPort': last}


def cilium_rule(way, rule):
    out = {} if rule.peers is None else cilium_peers(way, rule.peers)
    if rule.ports is not None:
        out['toPorts'] = [{'ports': [cilium_port(*p) for p in rule.ports]}]
    return out


def cilium_spec(policy):
    spec = {'endpointSelector': cilium_selector(
        policy.spaces if policy.kind == 'ccnp' and policy.spaces else None,
        policy.labels)}
    for way, rules in policy.ways.items():
        for word, action in ((way, 'allow'), (way + 'Deny', 'deny')):
            some = [cilium_rule(way, r) for r in rules if r.action == action]
            if some:
                spec[word] = some
    if not policy.isolates:
        spec['enableDefaultDeny'] = dict.fromkeys(policy.ways, False)
    return spec


def tier_peer(peer):
    if peer.what == 'net':
        return {'networks': [peer.arg]}
    spaces, labels = peer.arg
    if not labels:
        return {'namespaces': {'matchLabels': spaces}}
    return {'pods': {'namespaceSelector': {'matchLabels': spaces},
                     'podSelector': {'matchLabels': labels}}}


def tier_port(new, proto, first, last):
    if new:
        number = {'number': first} if first == last else \
            {'range': {'start': first, 'end': last}}
        return {proto: {'destinationPort': number}}
    if first == last:
        return {'portNumber': {'protocol': proto.upper(), 'port': first}}
    return {'portRange': {'protocol': proto.upper(), 'start': first,
                          'end': last}}


def tier_rule(new, way, rule):
    action = rule.action.capitalize()
    out = {'action': 'Accept' if new and action == 'Allow' else action,
           'from' if way == 'ingress' else 'to': [
               tier_peer(p) for p in rule.peers]}
    if rule.ports is not None:
        out['protocols' if new else 'ports'] = [
            tier_port(new, *p) for p in rule.ports]
    return out


def tier_spec(policy):
    new = policy.kind in ('cluster', 'base')
    spec = {'subject': tier_peer(Peer('pods', (policy.spaces,
                                               policy.labels)))}
    if new:
        spec['tier'] = 'Admin' if policy.kind == 'cluster' else 'Baseline'
    if policy.kind != 'banp':
        spec['priority'] = policy.priority
    for way, rules in policy.ways.items():
        spec[way] = [tier_rule(new, way, r) for r in rules]
    return spec


KINDS = {'np': ('networking.k8s.io/v1', 'NetworkPolicy'),
         'cnp': ('cilium.io/v2', 'CiliumNetworkPolicy'),
         'ccnp': ('cilium.io/v2', 'CiliumClusterwideNetworkPolicy'),
         'cluster': ('policy.networking.k8s.io/v1alpha2',
                     'ClusterNetworkPolicy'),
         'base': ('policy.networking.k8s.io/v1alpha2',
                  'ClusterNetworkPolicy'),
         'admin': ('policy.networking.k8s.io/v1alpha1',
                   'AdminNetworkPolicy'),
         'banp': ('policy.networking.k8s.io/v1alpha1',
                  'BaselineAdminNetworkPolicy')}


def object_of(policy):
    api, kind = KINDS[policy.kind]
    meta = {'name': policy.name}
    if policy.kind in ('np', 'cnp'):
        meta['namespace'] = policy.ns
    if policy.kind == 'np':
        spec = {'podSelector': {'matchLabels': policy.labels},
                'policyTypes': [w.capitalize() for w in policy.ways]}
        for way, rules in policy.ways.items():
            spec[way] = [np_rule(way, r) for r in rules]
    else:
        spec = cilium_spec(policy) if policy.kind in ('cnp', 'ccnp') \
            else tier_spec(policy)
    return {'apiVersion': api, 'kind': kind, 'metadata': meta, 'spec': spec}


# ---- by chance ----

class Chance(random.Random):
    """Makes policies."""

    def one_label(self):
        return {'app': self.choice(APPS)}

    def some_spaces(self):
        return self.choice(({}, {'team': self.choice(TEAMS)}))

    def some_ports(self):
        return self.choice((None, None, [('tcp', 80, 80)], [('udp', 81, 81)],
                            [('tcp', 79, 90), ('udp', 1, 80)],
                            [('tcp', 80, 80), ('udp', 80, 82)]))

    def peer(self, what, kind, services):
        if what == 'pods':
            own = kind in ('np', 'cnp') and self.random() < 0.6
            return Peer(what, (None if own else self.some_spaces(),
                               self.choice(({}, self.one_label()))))
        return Peer(what, self.choice({
            'net': NETS, 'group': ('g0', 'g1', 'missing'),
            'entity': ('world', 'cluster', 'all'),
            'service': tuple(services)}[what]))

    def rule(self, kind, way, services):
        cilium = kind in ('cnp', 'ccnp')
        whats = ['pods', 'pods']
        if cilium or kind == 'np' or way == 'egress':
            whats.append('net')
        if cilium:
            whats += ['group', 'entity', 'service'][:3 if way == 'egress'
                                                    else 2]
        what = self.choice(whats)
        peers = [self.peer(what, kind, services)
                 for _ in range(self.randint(1, 2))]
        ports = self.some_ports()
        if self.random() < 0.15 and (kind == 'np' or cilium and ports):
            peers = None  # Cilium's without either means nobody
        action = 'allow'
        if kind in ('cluster', 'admin', 'base', 'banp'):
            action = self.choice(('allow', 'deny', 'pass') if kind in (
                'cluster', 'admin') else ('allow', 'deny'))
        elif cilium and self.random() < 0.25:
            action = 'deny'
        return Rule(action, peers, ports)

    def policy(self, kind, ns, name, priority, services):
        ways = self.choice((('ingress',), ('egress',), WAYS))
        cilium = kind in ('cnp', 'ccnp')
        spaces = None if kind in ('np', 'cnp') else self.some_spaces()
        labels = self.one_label() if self.random() < 0.7 else {}
        return Policy(kind, ns, name, priority, spaces, labels, {
            way: [self.rule(kind, way, services)
                  for _ in range(self.randint(1 if kind != 'np' else 0, 3))]
            for way in ways}, not cilium or self.random() < 0.8)
