#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Writes the big cluster of cluster.c as manifests; the same arguments give the
same bytes. Pods 0 .. LOCAL-1 are on node n0, and the first tenth of the
policies selects them.

    gen_manifests.py DIR [--pods N] [--policies N] [--local N] [--nodes N]
"""
import argparse
import ipaddress
import json
import os

NAMESPACES = 50
LABEL_SETS = 2000
TIERS = 4
APPS = LABEL_SETS // TIERS
HTTP = 8080


def pod_ip(nr):
    return str(ipaddress.ip_address(0x0a000000 + nr // 250 * 256 + nr % 250
                                    + 1))


def meta(name, ns=None, labels=None):
    out = {'name': name}
    if ns:
        out['namespace'] = ns
    out['uid'] = f'uid-{ns or "cluster"}-{name}'
    out['creationTimestamp'] = '2026-01-01T00:00:00Z'
    if labels:
        out['labels'] = labels
    return out


def namespace(nr):
    name = f'ns{nr}'
    return {'apiVersion': 'v1', 'kind': 'Namespace',
            'metadata': meta(name, labels={
                'kubernetes.io/metadata.name': name, 'team': f't{nr % 10}'})}


def node(nr):
    ip = str(ipaddress.ip_address(0xc0a80000 + nr + 1))
    return {'apiVersion': 'v1', 'kind': 'Node', 'metadata': meta(f'n{nr}'),
            'status': {'addresses': [{'type': 'InternalIP', 'address': ip}]}}


def pod(nr, local, nodes, label_set=None):
    label_set = nr % LABEL_SETS if label_set is None else label_set
    where = 'n0' if nr < local else f'n{1 + nr % (nodes - 1)}'
    ip = pod_ip(nr)
    return {'apiVersion': 'v1', 'kind': 'Pod',
            'metadata': meta(f'pod{nr}', f'ns{nr % NAMESPACES}', {
                'app': f'app{label_set // TIERS}',
                'tier': f'tier{label_set % TIERS}'}),
            'spec': {'nodeName': where, 'containers': [{
                'name': 'main', 'image': 'main',
                'ports': [{'name': 'http', 'containerPort': HTTP}]}]},
            'status': {'phase': 'Running', 'podIP': ip,
                       'podIPs': [{'ip': ip}]}}


def policy(nr, policies, local, port=None):
    here = policies // 10
    app = nr % local // TIERS if nr < here and local else \
        100 + nr % (APPS - 100)
    egress = [{'ports': [{'protocol': 'UDP', 'port': 53}],
               'to': [{'namespaceSelector': {'matchLabels': {
                   'kubernetes.io/metadata.name': 'ns0'}}}]}]
    if nr % 10 == 0:
        egress.append({'ports': [{'port': 443}], 'to': [{'ipBlock': {
            'cidr': f'172.{16 + nr % 16}.{nr // 16 % 256}.0/24'}}]})
    return {'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy',
            'metadata': meta(f'np{nr}', f'ns{nr % NAMESPACES}'),
            'spec': {
                'podSelector': {'matchLabels': {'app': f'app{app}'}},
                'policyTypes': ['Ingress', 'Egress'],
                'ingress': [{
                    'from': [{
                        'namespaceSelector': {'matchLabels': {
                            'team': f't{nr % 10}'}},
                        'podSelector': {'matchLabels': {
                            'app': f'app{nr * 7 % APPS}'}}}],
                    'ports': [{'port': port or 1000 + nr % 100},
                              {'port': 'http'}]}],
                'egress': egress}}


def write(path, objects):
    """A List, replaced in one step, as an agent may be watching."""
    with open(path + '.tmp~', 'w', encoding='utf-8') as f:
        f.write('{"apiVersion": "v1", "kind": "List", "items": [\n')
        f.write(',\n'.join(json.dumps(o) for o in objects))
        f.write('\n]}\n')
    os.rename(path + '.tmp~', path)


def generate(out, pods, policies, local, nodes):
    os.makedirs(out, exist_ok=True)
    write(f'{out}/namespaces.json', map(namespace, range(NAMESPACES)))
    write(f'{out}/nodes.json', map(node, range(nodes)))
    for ns in range(NAMESPACES):
        write(f'{out}/pods-{ns}.json',
              (pod(i, local, nodes) for i in range(ns, pods, NAMESPACES)))
        write(f'{out}/policies-{ns}.json',
              (policy(i, policies, local)
               for i in range(ns, policies, NAMESPACES)))


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument('dir')
    ap.add_argument('--pods', type=int, default=18000)
    ap.add_argument('--policies', type=int, default=5000)
    ap.add_argument('--local', type=int, default=250)
    ap.add_argument('--nodes', type=int, default=600)
    args = ap.parse_args()
    generate(args.dir, args.pods, args.policies, args.local, args.nodes)


if __name__ == '__main__':
    main()
