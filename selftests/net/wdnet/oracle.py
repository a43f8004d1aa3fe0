# SPDX-License-Identifier: GPL-2.0-only
"""What NetworkPolicies mean: plain loops over the objects as they are written.

No cleverness: every cell walks every policy. Knows nothing of the product.
"""
import ipaddress


class End:
    """One end of a cell: a pod, a node's own sockets, or the world."""

    def __init__(self, key, kind, ips, pod=None, node=None):
        self.key, self.kind, self.ips = key, kind, ips
        self.pod, self.node = pod, node


def requirement_holds(req, labels):
    key, op, values = req['key'], req['operator'], req.get('values') or []
    if op == 'In':
        return labels.get(key) in values
    if op == 'NotIn':
        return key not in labels or labels[key] not in values
    if op == 'Exists':
        return key in labels
    if op == 'DoesNotExist':
        return key not in labels
    raise ValueError(op)


def selects(selector, labels):
    selector = selector or {}
    for key, value in (selector.get('matchLabels') or {}).items():
        if labels.get(key) != value:
            return False
    return all(requirement_holds(r, labels)
               for r in selector.get('matchExpressions') or [])


def types_of(spec):
    types = spec.get('policyTypes')
    if types:
        return types
    return ['Ingress', 'Egress'] if spec.get('egress') else ['Ingress']


def in_block(block, ip):
    ip = ipaddress.ip_address(ip)

    def inside(cidr):
        net = ipaddress.ip_network(cidr, strict=False)
        return net.version == ip.version and ip in net
    return inside(block['cidr']) and \
        not any(inside(e) for e in block.get('except') or [])


class Oracle:
    def __init__(self, namespaces, policies, host_policy=False):
        self.namespaces = {name: {'kubernetes.io/metadata.name': name,
                                  **labels}
                           for name, labels in namespaces.items()}
        self.policies = policies
        self.host_policy = host_policy

    def peer_matches(self, peer, policy_ns, end, ip):
        if peer.get('ipBlock'):
            return in_block(peer['ipBlock'], ip)
        if end.kind != 'pod':
            return False
        if peer.get('namespaceSelector') is not None:
            if not selects(peer['namespaceSelector'],
                           self.namespaces.get(end.pod.ns, {})):
                return False
        elif end.pod.ns != policy_ns:
            return False
        return selects(peer.get('podSelector'), end.pod.labels)

    @staticmethod
    def port_matches(rule_port, target, proto, port):
        if (rule_port.get('protocol') or 'TCP').lower() != proto:
            return False
        number = rule_port.get('port')
        if number is None:
            return True
        if isinstance(number, str):
            return target.kind == 'pod' and any(
                name == number and p == port and pr == proto
                for name, p, pr in target.pod.ports)
        return number <= port <= (rule_port.get('endPort') or number)

    def rule_allows(self, rule, key, policy_ns, peer, target, cell):
        """@peer: the other end; @target: the end that the port is at."""
        _, _, proto, port, family = cell
        rule = rule or {}
        peers = rule.get(key)
        if peers and not any(
                self.peer_matches(p, policy_ns, peer, peer.ips[family])
                for p in peers):
            return False
        ports = rule.get('ports')
        if not ports:
            return True
        return any(self.port_matches(p, target, proto, port) for p in ports)

    def direction_allows(self, direction, cell):
        src, dst = cell[:2]
        subject, peer = (dst, src) if direction == 'Ingress' else (src, dst)
        if subject.kind != 'pod':
            return True
        rules, key = ('ingress', 'from') if direction == 'Ingress' \
            else ('egress', 'to')
        isolated = False
        for policy in self.policies:
            ns = policy['metadata'].get('namespace', 'default')
            spec = policy['spec']
            if ns != subject.pod.ns or direction not in types_of(spec) or \
                    not selects(spec.get('podSelector'), subject.pod.labels):
                continue
            isolated = True
            for rule in spec.get(rules) or []:
                if self.rule_allows(rule, key, ns, peer, dst, cell):
                    return True
        return not isolated

    def allows(self, cell):
        """@cell: (source End, destination End, protocol, port, family)."""
        src, dst = cell[:2]
        if src.key == dst.key:
            return True  # does not leave the pod
        if not self.direction_allows('Egress', cell):
            return False
        if src.kind == 'host' and dst.kind == 'pod' and \
                src.node is dst.pod.node and not self.host_policy:
            return True
        return self.direction_allows('Ingress', cell)
