# SPDX-License-Identifier: GPL-2.0-only
"""A kube-apiserver with its etcd, in a namespace and a folder of the test.

The programs are those that KUBE_APISERVER, ETCD and KUBECTL name. It has the
face of ApiServer as far as a server that cannot be told to fail can have it:
what it cannot do raises KeyError.
"""
import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import time

from .node import TOP
from .pki import Authority, openssl
from .tap import Fail

sys.path.insert(0, os.path.join(TOP, 'selftests', 'kube'))
from apiserver import (  # noqa: E402 pylint: disable=wrong-import-position
    DEFINITIONS, collections)

PROGRAMS = ('KUBE_APISERVER', 'ETCD', 'KUBECTL')
# Its namespace is the test's own, and so are all ports of it.
PORT, STORE, PEER = 6443, 2379, 2380
READY_S = 180
KUBE = os.path.join(TOP, 'tools', 'kubernetes')


def missing():
    """What has to be set and is not, as one line; None: nothing."""
    names = [name for name in PROGRAMS if not os.environ.get(name)]
    if not names:
        return None
    return f'{", ".join(names)} not set: the path of that program, to run ' \
        'this against a real API server (1.36 is known)'


def program(name):
    path = os.path.abspath(os.environ[name])
    if not os.access(path, os.X_OK):
        raise Fail(f'{name}={path}: is no program')
    return path


class RealServer:
    """@space: the namespace in which it listens; @folder: for all its files."""

    def __init__(self, space, folder):
        self.space, self.folder = space, os.path.join(folder, 'server')
        os.mkdir(self.folder)
        self.port = PORT
        self.versions = {}  # as ApiServer has them
        self.gone = []
        self.beacons = 0
        self.procs = {}  # by name of the program
        self.paths = {(c.api, c.kind): c.path
                      for c in collections().values()}
        self.plurals = {c.path: c for c in collections().values()
                        if c.is_custom()}
        self._certificates()
        try:
            self._start_store()
            self._start_server()
        except BaseException:
            self.close()
            raise

    def file(self, name):
        return os.path.join(self.folder, name)

    # ---- processes ----

    def _certificates(self):
        self.ca = Authority(self.folder, 'ca')
        self.cert, self.key, _ = self.ca.issue(
            'server', 'IP:127.0.0.1,DNS:localhost')
        self.admin = self.ca.issue('admin', None,
                                   '/O=system:masters/CN=admin')
        openssl('genrsa', '-out', self.file('sa.key'), '2048')
        openssl('rsa', '-in', self.file('sa.key'), '-pubout', '-out',
                self.file('sa.pub'))
        self.config = self.file('admin.conf')
        with open(self.config, 'w', encoding='utf-8') as f:
            json.dump({
                'apiVersion': 'v1', 'kind': 'Config',
                'current-context': 'c', 'contexts': [
                    {'name': 'c', 'context': {'cluster': 'c', 'user': 'u'}}],
                'clusters': [{'name': 'c', 'cluster': {
                    'server': self.url(),
                    'certificate-authority': self.ca.cert}}],
                'users': [{'name': 'u', 'user': {
                    'client-certificate': self.admin[0],
                    'client-key': self.admin[1]}}]}, f)

    def url(self):
        return f'https://127.0.0.1:{PORT}'

    def _popen(self, name, *args):
        with open(self.file(name + '.log'), 'a', encoding='utf-8') as log:
            self.procs[name] = self.space.popen(
                [program(name), *args], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd=self.folder)

    def _end(self, name, by=subprocess.Popen.kill):
        proc = self.procs.pop(name, None)
        if proc:
            by(proc)
            proc.wait(120)

    def log_tail(self, name, lines=15):
        with open(self.file(name + '.log'), encoding='utf-8',
                  errors='replace') as f:
            return '\n'.join(f.read().splitlines()[-lines:])

    def _start_store(self):
        self._popen(
            'ETCD', '--name=test', '--data-dir=' + self.file('store'),
            f'--listen-client-urls=http://127.0.0.1:{STORE}',
            f'--advertise-client-urls=http://127.0.0.1:{STORE}',
            f'--listen-peer-urls=http://127.0.0.1:{PEER}',
            f'--initial-advertise-peer-urls=http://127.0.0.1:{PEER}',
            f'--initial-cluster=test=http://127.0.0.1:{PEER}')

    def _start_server(self):
        self._popen(
            'KUBE_APISERVER', f'--etcd-servers=http://127.0.0.1:{STORE}',
            '--bind-address=127.0.0.1', f'--secure-port={PORT}',
            '--advertise-address=127.0.0.1',
            '--endpoint-reconciler-type=none',
            '--cert-dir=' + self.folder,
            '--tls-cert-file=' + self.cert,
            '--tls-private-key-file=' + self.key,
            '--client-ca-file=' + self.ca.cert,
            '--service-account-issuer=https://kubernetes.default.svc',
            '--service-account-key-file=' + self.file('sa.pub'),
            '--service-account-signing-key-file=' + self.file('sa.key'),
            '--service-cluster-ip-range=10.96.0.0/16',
            '--authorization-mode=RBAC',
            # nothing here makes the accounts that it would ask of each pod
            '--disable-admission-plugins=ServiceAccount',
            '--goaway-chance=0.01')
        until = time.monotonic() + READY_S
        while not self._is_ready():
            for name, proc in self.procs.items():
                if proc.poll() is not None:
                    raise Fail(f'{name} ended: {proc.returncode}',
                               self.log_tail(name))
            if time.monotonic() > until:
                raise Fail(f'no server after {READY_S} s',
                           self.log_tail('ETCD'),
                           self.log_tail('KUBE_APISERVER'))
            time.sleep(0.2)

    def _is_ready(self):
        """Of itself, and has it made what it makes in an empty store?"""
        try:
            return self.call('GET', '/readyz')[0] == 200 and self.call(
                'GET', '/api/v1/namespaces/kube-system')[0] == 200 and \
                self.call('GET', '/api/v1/namespaces/default')[0] == 200
        except OSError:
            return False

    def away(self):
        """It dies as one does whose machine is gone."""
        self._end('KUBE_APISERVER')

    def back(self):
        self._start_server()

    def save(self):
        """What the store has now, for restore()."""
        self.away()
        self._end('ETCD', subprocess.Popen.terminate)
        shutil.copytree(self.file('store'), self.file('saved'))
        self._start_store()
        self.back()

    def restore(self):
        """The store is as it was: versions go back, too."""
        self.away()
        self._end('ETCD')
        shutil.rmtree(self.file('store'))
        os.rename(self.file('saved'), self.file('store'))
        self.versions.clear()
        self._start_store()
        self.back()

    def close(self):
        for name in ('KUBE_APISERVER', 'ETCD'):
            self._end(name)

    # ---- requests ----

    def call(self, method, path, body=None, kind='application/json'):
        """Gives (status, answer), the answer as JSON if it is that."""
        context = ssl.create_default_context(cafile=self.ca.cert)
        context.load_cert_chain(*self.admin[:2])
        conn = http.client.HTTPSConnection('127.0.0.1', PORT)
        try:
            conn.sock = context.wrap_socket(
                self.space.connect(('127.0.0.1', PORT), 60),
                server_hostname='127.0.0.1')
            conn.request(method, path, body and json.dumps(body),
                         {'Content-Type': kind})
            answer = conn.getresponse()
            text = answer.read()
        finally:
            conn.close()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text.decode(errors='replace')

    def must(self, method, path, body=None, kind='application/json'):
        code, answer = self.call(method, path, body, kind)
        if code // 100 != 2:
            raise Fail(f'{method} {path}: {code}', answer, body or '')
        return answer

    def kubectl(self, *args, stdin=None, ok=True):
        """As people call it; gives its exit code and all that it says."""
        env = {'PATH': os.environ['PATH'], 'HOME': self.folder,
               'KUBECONFIG': self.config}
        code, out, err = self.space.run(
            [program('KUBECTL'), *args], stdin, env, False, 300)
        if ok and code:
            raise Fail(f'kubectl {" ".join(args)}: {code}', out, err)
        return code, out + err

    def token(self, account, seconds=3600):
        """Of a service account of kube-system."""
        return self.must(
            'POST', '/api/v1/namespaces/kube-system/serviceaccounts/'
            f'{account}/token', {
                'apiVersion': 'authentication.k8s.io/v1',
                'kind': 'TokenRequest',
                'spec': {'expirationSeconds': seconds}})['status']['token']

    # ---- objects ----

    def path_of(self, obj, named=True):
        meta = obj['metadata']
        base, _, plural = self.paths[obj['apiVersion'], obj['kind']] \
            .rpartition('/')
        if meta.get('namespace'):
            base += '/namespaces/' + meta['namespace']
        return f'{base}/{plural}' + (f'/{meta["name"]}' if named else '')

    def _said(self, obj, answer):
        path = self.paths[obj['apiVersion'], obj['kind']]
        version = int(answer['metadata']['resourceVersion'])
        self.versions[path] = max(version, self.versions.get(path, 0))
        return {'path': path, 'version': version,
                'uid': answer['metadata']['uid']}

    def put(self, obj):
        """Status and all, whether it is there or not."""
        for _ in range(9):
            code, answer = self._put(obj)
            if code != 409:  # somebody else wrote in between
                break
        if code // 100 != 2:
            raise Fail(f'{obj["kind"]} {obj["metadata"]}: {code}', answer)
        return self._said(obj, answer)

    def _put(self, obj):
        """Gives (status, answer) of the request that was the last."""
        obj = json.loads(json.dumps(obj))
        meta = obj['metadata']
        for key in ('uid', 'creationTimestamp', 'resourceVersion'):
            meta.pop(key, None)
        if obj['kind'] == 'Pod':
            obj['spec'].setdefault('terminationGracePeriodSeconds', 0)
            for c in obj['spec']['containers']:
                c.setdefault('image', 'none')
        path = self.path_of(obj)
        code, now = self.call('GET', path)
        if code == 404:
            code, now = self.call('POST', self.path_of(obj, False), obj)
        elif code == 200:
            new = now if obj['kind'] in ('Pod', 'Node', 'Namespace') else \
                {**obj, 'metadata': now['metadata']}
            for key in ('labels', 'annotations'):
                new['metadata'][key] = meta.get(key, {})
            code, now = self.call('PUT', path, new)
        if code // 100 == 2 and obj['kind'] in ('Pod', 'Node') and \
                'status' in obj:
            now['status'] = {**now.get('status', {}), **obj['status']}
            code, now = self.call('PUT', path + '/status', now)
        return code, now

    def delete(self, obj):
        """No answer tells the version of a deletion; that of an object of the
        kind that is made after it is larger. Nobody heeds that one."""
        path = self.path_of(obj)
        now = {'gracePeriodSeconds': 0}
        code, answer = self.call('DELETE', path, now)
        if code not in (200, 202, 404):
            raise Fail(f'DELETE {path}: {code}', answer)
        self.wait_gone(path)
        self.beacons += 1
        meta = {'name': f'beacon-{self.beacons}'}
        if obj['metadata'].get('namespace'):
            meta['namespace'] = 'default'
        beacon = json.loads(json.dumps({**obj, 'metadata': meta}))
        beacon.pop('status', None)
        beacon.get('spec', {}).pop('nodeName', None)
        said = self.put(beacon)
        self.must('DELETE', self.path_of(beacon), now)
        return said

    def wait_gone(self, path):
        until = time.monotonic() + 60
        while self.call('GET', path)[0] != 404:
            if time.monotonic() > until:
                raise Fail(f'{path} does not go')
            time.sleep(0.1)

    # ---- custom kinds ----

    def definition(self, path):
        """One that takes whatever a field says: Cilium's own check little."""
        c = self.plurals[path]
        group, version = c.api.split('/')
        plural = path.rpartition('/')[2]
        return {
            'apiVersion': 'apiextensions.k8s.io/v1',
            'kind': 'CustomResourceDefinition',
            'metadata': {'name': f'{plural}.{group}', 'annotations': {
                # groups of k8s.io are refused without it
                'api-approved.kubernetes.io': 'unapproved, for tests'}},
            'spec': {
                'group': group, 'scope': 'Namespaced' if c.kind in (
                    'CiliumNetworkPolicy', 'CiliumEndpoint') else 'Cluster',
                'names': {'kind': c.kind, 'plural': plural,
                          'singular': c.kind.lower(),
                          'listKind': c.kind + 'List'},
                'versions': [{
                    'name': version, 'served': True, 'storage': True,
                    'schema': {'openAPIV3Schema': {
                        'type': 'object',
                        'x-kubernetes-preserve-unknown-fields': True}}}]}}

    def _serve(self, path):
        doc = self.definition(path)
        where = f'{DEFINITIONS}/{doc["metadata"]["name"]}'
        if self.call('GET', where)[0] == 404:
            self.must('POST', DEFINITIONS, doc)
        until = time.monotonic() + 60
        while self.call('GET', path)[0] != 200:
            if time.monotonic() > until:
                raise Fail(f'{path} is not served')
            time.sleep(0.1)

    def kinds(self, absent):
        """Custom kinds that are not there; all others are."""
        for path, c in self.plurals.items():
            if path not in absent:
                self._serve(path)
                continue
            name = f'{path.rpartition("/")[2]}.{c.api.split("/")[0]}'
            self.call('DELETE', f'{DEFINITIONS}/{name}')
            self.wait_gone(f'{DEFINITIONS}/{name}')
        self.gone = absent
        return {}

    def ask(self, op, **more):
        """The commands of apiserver.py that it can follow."""
        return {'put': lambda: self.put(more['object']),
                'del': lambda: self.delete(more['object']),
                'kinds': lambda: self.kinds(more['absent']),
                'calm': lambda: {}}[op]()
