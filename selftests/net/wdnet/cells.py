# SPDX-License-Identifier: GPL-2.0-only
"""Files of selftests/examples/cells read: objects as dicts, and cells. What the
lines mean stands in selftests/oracle/cells.h. Decides nothing."""
import collections
import ipaddress
import os
import re

import yaml

from .node import TOP

FOLDER = os.path.join(TOP, 'selftests/examples/cells')
HERE = 'here'  # name of the node
LOADER = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)

# @what: 'tcp', 'udp', 'sctp', 'icmp' (an echo request), (type, code) of other
# ICMP, or the number of another protocol. @src, @dst: addresses.
Cell = collections.namedtuple('Cell', 'open src dst what port of_host text')


def family(addr):
    return 6 if ':' in addr else 4


def is_group(addr):
    """Nobody opens a connection to it."""
    return ipaddress.ip_address(addr).is_multicast or \
        addr == '255.255.255.255'


def by_family(addrs):
    """The first of each, written in one way."""
    return {family(a): str(ipaddress.ip_address(a)) for a in reversed(addrs)}


def split_port(to):
    """('ns/pod', '80/udp' or None) of 'ns/pod:80/udp', '[::1]:80', '::1'."""
    hit = re.fullmatch(r'\[(.+)\]:(.+)|\[(.+)\]|([^:]+):([^:]+)|(.+)', to)
    bracket, port, bare, name, other, rest = hit.groups()
    return bracket or bare or name or rest, port or other


def meaning(port, v6):
    """(what, port), or None: not in this family."""
    if port is None:
        return 'icmp', 0
    number, _, proto = port.partition('/')
    proto = proto or 'tcp'
    if proto in ('tcp', 'udp', 'sctp'):
        return proto, int(number)
    if proto not in ('icmp', 'icmp6'):
        return int(proto), 0
    if (proto == 'icmp6') != v6:
        return None
    kind, _, code = number.partition('.')
    kind = int(kind), int(code or 0)
    return ('icmp' if kind == ((128, 0) if v6 else (8, 0)) else kind), 0


def items(docs):
    for doc in docs:
        if isinstance(doc, dict) and doc.get('kind', '').endswith('List'):
            yield from doc['items']
        elif doc:
            yield doc


class Scenario:
    """One file."""

    def __init__(self, name, path=None):
        self.name = name.removesuffix('.yaml')
        with open(path or os.path.join(FOLDER, name), encoding='utf-8') as f:
            self.text = f.read()
        self.objects = list(items(yaml.load_all(self.text, LOADER)))
        self.pods = {}  # ns/name -> addresses by family
        self.local = []  # (ns, name, addresses) of those of this node
        self.host = {}
        for o in self.objects:
            if o['kind'] == 'Pod':
                self._add_pod(o)
            elif o['kind'] == 'Node' and o['metadata']['name'] == HERE:
                self.host = by_family([
                    a['address'] for a in o['status']['addresses']
                    if a['type'] == 'InternalIP'])

    def _add_pod(self, o):
        meta, spec = o['metadata'], o.get('spec') or {}
        status = o.get('status') or {}
        addrs = [i['ip'] for i in status.get('podIPs') or []] or \
            [status['podIP']] * ('podIP' in status)
        key = f"{meta['namespace']}/{meta['name']}"
        self.pods[key] = by_family(addrs)
        if spec.get('nodeName', HERE) == HERE and addrs and \
                not spec.get('hostNetwork') and \
                status.get('phase') not in ('Succeeded', 'Failed'):
            self.local.append((meta['namespace'], meta['name'],
                               self.pods[key]))

    def of_kind(self, kind):
        return [o for o in self.objects if o['kind'] == kind]

    def foretold(self):
        """What is said to be wrong: 'KIND/[NS/]NAME FIELD'."""
        return sorted(re.findall(r'^#! (.*)$', self.text, re.M))

    # ---- cells ----

    def addrs(self, who):
        if who == 'host':
            return self.host
        return self.pods[who] if '/' in who else by_family([who])

    def cells(self):
        for line in re.findall(r'^#: (.*)$', self.text, re.M):
            mode, froms, arrow, tos = line.split(' ')
            assert arrow == '->' and mode in ('allow', 'deny'), line
            for to in tos.split(','):
                for src in froms.split(','):
                    yield from self._pair(mode == 'allow', src, to)

    def _pair(self, is_open, src, to):
        dst, port = split_port(to)
        ours, theirs = self.addrs(src), self.addrs(dst)
        for f in (4, 6):
            what = f in ours and f in theirs and meaning(port, f == 6)
            if what:
                yield Cell(is_open, ours[f], theirs[f], *what, src == 'host',
                           f'{src} -> {to} over IPv{f}')

    # ---- services ----

    def translations(self):
        """[(address, protocol, port, backend, its port)]: as a proxy chooses
        that always takes the first."""
        out = []
        for service in self.of_kind('Service'):
            spec = service['spec']
            told = (service.get('status') or {}).get('loadBalancer') or {}
            vips = [*(spec.get('clusterIPs') or [spec.get('clusterIP')]),
                    *spec.get('externalIPs', ()),
                    *(i['ip'] for i in told.get('ingress', ()))]
            for vip in vips:
                if vip in (None, 'None') or is_group(vip):
                    continue
                for port in spec['ports']:
                    hit = self._backend(service, port, family(vip))
                    if hit:
                        out.append((vip, port.get('protocol', 'TCP').lower(),
                                    port['port'], *hit))
        return out

    def _backend(self, service, port, fam):
        ns, name = (service['metadata'][k] for k in ('namespace', 'name'))
        want = service['spec'].get('selector')
        target = port.get('targetPort', port['port'])
        if want:
            for o in self.of_kind('Pod'):
                meta = o['metadata']
                addr = self.pods[f"{meta['namespace']}/{meta['name']}"]
                if meta['namespace'] == ns and fam in addr and want.items() \
                        <= (meta.get('labels') or {}).items():
                    return addr[fam], number_of(o, target)
            return None
        for o in self.of_kind('EndpointSlice'):
            meta = o['metadata']
            if meta['namespace'] != ns or o['addressType'] != f'IPv{fam}' or \
                    meta['labels']['kubernetes.io/service-name'] != name:
                continue
            for end in o['endpoints']:
                return end['addresses'][0], o['ports'][0]['port']
        return None


def number_of(pod, target):
    if isinstance(target, int):
        return target
    for container in pod['spec']['containers']:
        for port in container.get('ports', []):
            if port.get('name') == target:
                return port['containerPort']
    return None


def names():
    return sorted(n for n in os.listdir(FOLDER) if not n.startswith('.'))
