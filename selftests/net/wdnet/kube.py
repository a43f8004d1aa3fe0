# SPDX-License-Identifier: GPL-2.0-only
"""One node whose agent follows an API server, and the server."""
import json
import os
import subprocess
import sys

from .node import TOP
from .solo import Solo, wait_for

SERVER = os.path.join(TOP, 'selftests', 'kube', 'apiserver.py')


class ApiServer:
    """@space: the namespace in which it listens, NULL: the test's own."""

    def __init__(self, space=None, *args):
        argv = [sys.executable, SERVER, *args]
        how = {'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE,
               'text': True}
        self.proc = space.popen(argv, **how) if space else \
            subprocess.Popen(argv, **how)
        self.port = self._read()['port']
        self.versions = {}  # path -> version of the last change
        self.gone = []  # paths of kinds that are not there

    def _read(self):
        line = self.proc.stdout.readline()
        if not line:
            raise RuntimeError('the API server ended')
        return json.loads(line)

    def ask(self, op, **more):
        self.proc.stdin.write(json.dumps({'op': op, **more}) + '\n')
        self.proc.stdin.flush()
        out = self._read()
        if 'error' in out:
            raise RuntimeError(out['error'])
        if op == 'kinds':
            self.gone = more['absent']
        if 'version' in out:
            self.versions[out['path']] = out['version']
        return out

    def fault(self, path, on, do, count=1):
        self.ask('fault', path=path, on=on, do=do, count=count)

    def away(self):
        """It answers nobody, and those who listen are cut off."""
        for on in ('list', 'watch'):
            self.fault('*', on, 'close', 1 << 30)
        self.ask('cut')

    def back(self):
        self.ask('calm')

    def close(self):
        self.proc.kill()
        self.proc.wait()
        self.proc.stdin.close()
        self.proc.stdout.close()


def kubeconfig(path, server, user=None, **cluster):
    """Write one of JSON, which is YAML; @user and @cluster as in the file."""
    doc = {'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'here',
           'contexts': [{'name': 'here', 'context': {'cluster': 'c',
                                                     'user': 'u'}}],
           'clusters': [{'name': 'c', 'cluster': {
               'server': server, **{k.replace('_', '-'): v
                                    for k, v in cluster.items()}}}],
           'users': [{'name': 'u', 'user': user or {}}]}
    with open(path, 'w', encoding='utf-8') as f:
        json.dump(doc, f)
    return path


class KubeSolo(Solo):
    """Objects reach the agent by the API server, not by manifests."""

    absent = ['/apis/cilium.io/v2/ciliumnodes']

    def __init__(self, families=(4,)):
        self.server = None
        self.told = {}
        self.order = None  # function that brings changes into another order
        super().__init__(families)

    def start_agents(self, *args):
        node = self.only_node
        self.config = self.start_server()
        self.server.ask('kinds', absent=self.absent)
        node.start_agent('--kubeconfig', self.config, *args)

    def start_server(self):
        """Gives the agent's kubeconfig for it."""
        self.server = ApiServer(self.only_node.ns)
        return kubeconfig(os.path.join(self.dir, 'kubeconfig'),
                          f'http://127.0.0.1:{self.server.port}')

    def write_objects(self):
        now = {json.dumps([o['kind'], o['metadata'].get('namespace'),
                           o['metadata']['name']]): o
               for o in self.base_objects() + self.policies}
        changes = [(self.put, obj) for key, obj in now.items()
                   if self.told.get(key) != obj]
        changes += [(self.delete_object, obj)
                    for key, obj in self.told.items() if key not in now]
        if self.order:
            self.order(changes)
        for function, obj in changes:
            function(obj)
        self.told = json.loads(json.dumps(now))

    def put(self, obj):
        return self.server.ask('put', object=json.loads(json.dumps(obj)))

    def delete_object(self, obj):
        self.server.ask('del', object=obj)

    def source(self):
        return next(s for s in self.only_node.status()['sources']
                    if s['type'] == 'kube')

    def kind(self, name):
        return next(k for k in self.source()['kinds'] if k['kind'] == name)

    def sync(self):
        """Until the agent has heard of the last change of each kind."""
        owed = {p.rpartition('/')[2]: v
                for p, v in self.server.versions.items()
                if p not in self.server.gone}

        def heard():
            for k in self.source()['kinds']:
                if k['state'] == 'unused':
                    continue
                name = k['kind'].lower()
                plural = name[:-1] + 'ies' if name.endswith('y') else \
                    name + 's'
                if int(k['version'] or 0) < owed.get(plural, 0) or \
                        k['unconfirmed_deletions']:
                    return False
            return True
        wait_for('the agent hears of what changed', heard, 60)
        super().sync()

    def close(self):
        if self.server:
            self.server.close()
        super().close()
