# SPDX-License-Identifier: GPL-2.0-only
"""Words for cases.

The cluster is that of wdnet.cluster.e2e(): namespaces x, y, z (label ns=NAME),
in each pods a, b, c (label pod=NAME) that listen on 80 and 81 (TCP, UDP, SCTP),
with ports named serve-80-tcp and so on.

A case is a list of steps; each step is the whole state: policies, and labels
that differ from the above. `table` says by hand what must come out:

    'deny * -> x/a *'      from, to, protocol/port/family (globs, | between
                           alternatives); the first line that fits decides,
                           and what no line fits is allowed

Where it is given, the oracle must agree with it before anything is probed.
"""
ABSENT = object()
ANY = {}


class Step:
    def __init__(self, policies, table=None, labels=None, ns=None):
        self.policies = policies
        self.table = None if table is None else [_row(r) for r in table]
        self.labels = labels or {}  # 'x/a' -> labels
        self.ns = ns or {}  # 'x' -> labels


class Case:
    def __init__(self, name, *steps, style=None):
        self.name, self.steps, self.style = name, steps, style


def case(name, policies, *table, labels=None, ns=None, style=None):
    """A case of one step."""
    return Case(name, Step(policies, table, labels, ns), style=style)


def _row(text):
    verb, from_, arrow, to, *what = text.split()
    assert verb in ('allow', 'deny') and arrow == '->' and len(what) < 2, text
    globs = [g.replace('|', ' ') for g in (from_, to, *what)]
    if len(globs) == 2:
        globs.append('*')
    return (*globs, verb == 'allow')


# ---- selectors ----

def sel(*exprs, **labels):
    """matchLabels and matchExpressions; nothing at all selects everything."""
    out = {}
    if labels:
        out['matchLabels'] = {k.replace('__', '/'): v
                              for k, v in labels.items()}
    if exprs:
        out['matchExpressions'] = list(exprs)
    return out


def is_in(key, *values):
    return {'key': key, 'operator': 'In', 'values': list(values)}


def not_in(key, *values):
    return {'key': key, 'operator': 'NotIn', 'values': list(values)}


def exists(key):
    return {'key': key, 'operator': 'Exists'}


def exists_not(key):
    return {'key': key, 'operator': 'DoesNotExist'}


# ---- peers ----

def pods(*exprs, **labels):
    return {'podSelector': sel(*exprs, **labels)}


def spaces(*exprs, **labels):
    return {'namespaceSelector': sel(*exprs, **labels)}


def both(space, pod):
    """One peer with both selectors: AND."""
    return {**space, **pod}


def block(cidr, *excepts):
    out = {'cidr': cidr}
    if excepts:
        out['except'] = list(excepts)
    return {'ipBlock': out}


# ---- ports, rules, policies ----

def port(number=ABSENT, proto=ABSENT, end=ABSENT):
    out = {'port': number, 'protocol': proto, 'endPort': end}
    return {k: v for k, v in out.items() if v is not ABSENT}


def rule(key, peers, ports):
    out = {key: peers, 'ports': ports}
    return {k: v for k, v in out.items() if v is not ABSENT}


def frm(*peers, ports=ABSENT):
    """A rule of ingress; without peers `from` is absent."""
    return rule('from', list(peers) or ABSENT, ports)


def to(*peers, ports=ABSENT):
    return rule('to', list(peers) or ABSENT, ports)


def policy(ns, pod=ANY, ingress=ABSENT, egress=ABSENT, types=ABSENT,
           name='policy'):
    spec = {'podSelector': pod, 'policyTypes': types, 'ingress': ingress,
            'egress': egress}
    return {'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy',
            'metadata': {'name': name, 'namespace': ns},
            'spec': {k: v for k, v in spec.items() if v is not ABSENT}}


def into(ns, pod, *rules, name='policy'):
    """Ingress only."""
    return policy(ns, pod, ingress=list(rules), types=['Ingress'], name=name)


def out_of(ns, pod, *rules, name='policy'):
    """Egress only."""
    return policy(ns, pod, egress=list(rules), types=['Egress'], name=name)
