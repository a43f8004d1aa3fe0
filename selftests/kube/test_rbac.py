#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The rights in tools/kubernetes are those that the agent needs."""
import os
import subprocess
import sys
import tempfile

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(HERE, '..', 'net'))
from wdnet.kube import ApiServer, kubeconfig  # noqa: E402
from wdnet.tap import Tap, expect  # noqa: E402

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else 'build')
CLIENT = os.path.join(BUILD, 'selftests', 'kube', 'kube_client')


def granted(name):
    """(group, resource) of all that may be listed and watched."""
    path = os.path.join(TOP, 'tools', 'kubernetes', name)
    with open(path, encoding='utf-8') as f:
        role = next(d for d in yaml.safe_load_all(f)
                    if d['kind'] == 'ClusterRole')
    out = {}
    for rule in role['rules']:
        for group in rule['apiGroups']:
            for resource in rule['resources']:
                out[group, resource] = sorted(rule['verbs'])
    return out


def asked(*args):
    """The same of what a client asked a server for."""
    server = ApiServer()
    try:
        with tempfile.TemporaryDirectory(prefix='wd-rbac-') as folder:
            config = kubeconfig(os.path.join(folder, 'config'),
                                f'http://127.0.0.1:{server.port}')
            subprocess.run([CLIENT, config, '60', *args], check=True, timeout=120)
        paths = {r[0] for r in server.ask('requests')['requests']}
    finally:
        server.close()
    parts = [p.strip('/').split('/') for p in paths]
    return {('' if p[0] == 'api' else p[1], p[-1]): ['list', 'watch']
            for p in parts}


def rights_are_those_that_are_needed():
    for name, args in (('rbac.yaml', ()), ('cluster/rbac.yaml', ('pods',))):
        want = asked(*args)
        want['apiextensions.k8s.io', 'customresourcedefinitions'] = ['get']
        expect(want, granted(name), name)


def main():
    tap = Tap()
    tap.run(rights_are_those_that_are_needed.__name__,
            rights_are_those_that_are_needed)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
