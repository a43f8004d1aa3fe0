#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The image runs under a container runtime (crun) with what its DaemonSet says and
nothing else: those capabilities, the usual filter of system calls, a read-only root,
those mounts. It enforces what real pods send; what the manifests start beside it,
probes, the plugin and the removal, does what it is for.

    test_container.py BUILD [PART-OF-A-NAME]

The agent reads manifests, mounted below its configuration: no API server is here.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
if len(sys.argv) > 1 and os.path.isdir(sys.argv[1]):
    os.environ['WD_BUILD'] = os.path.abspath(sys.argv.pop(1))
sys.path.insert(0, os.path.join(TOP, 'selftests', 'net'))
# pylint: disable=wrong-import-position
import pod as oci
from test_manifests import Manifests, unpack
from wdnet import kernel, node as wdnode
from wdnet.shared import Shared, each_rung
from wdnet.solo import Solo, enter_mounts, expect_reach, wait_for
from wdnet.tap import Fail, expect

SHARED = Shared()
NETNS = '/run/netns'  # as runtimes tell it


def run(*words):
    done = subprocess.run(words, text=True, check=False, timeout=900,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    expect(0, done.returncode, f'{" ".join(words)}: {done.stdout}')


class Node(wdnode.Node):
    """Its agent is the container of that name in the DaemonSet."""

    def contain(self, manifests, root):
        self.m, self.number = manifests, 0
        self.root, self.netns_dir = root, NETNS
        self.state = os.path.join(self.dir, 'crun')
        self.conf = os.path.join(self.dir, 'net.d')
        self.bin = os.path.join(self.dir, 'bin')
        etc = os.path.join(self.dir, 'etc')
        for path in (self.run_dir, self.state, self.conf, self.bin,
                     os.path.join(self.dir, 'state'), etc + '/manifests',
                     os.path.join(self.dir, 'cilium')):
            os.makedirs(path, exist_ok=True)
        self.host_paths = {
            '/run/warder': self.run_dir, '/etc/cni/net.d': self.conf,
            '/var/lib/warder': os.path.join(self.dir, 'state'),
            '/run/cilium': os.path.join(self.dir, 'cilium'),
            '/opt/cni/bin': self.bin, NETNS: NETNS,
            '/sys/fs/bpf': '/sys/fs/bpf'}
        text = manifests.docs['ConfigMap']['data']['warder.yaml']
        expect(True, 'in-cluster: true\n' in text, text)
        with open(etc + '/warder.yaml', 'w', encoding='utf-8') as f:
            f.write(text.replace('in-cluster: true\n',
                                 'manifests: [/etc/warder/manifests]\n'))
        self.etc = etc
        # A host's mounts are shared; those of a node here are nobody else's.
        self.ns.run(['mount', '--make-shared', NETNS])
        # crun looks for it, also where it is to make no group.
        self.ns.run(['mount', '-t', 'cgroup2', 'none', '/sys/fs/cgroup'])

    def volumes(self, pod):
        return {v['name']: self.host_paths[v['hostPath']['path']]
                if 'hostPath' in v else self.etc for v in pod['volumes']}

    def crun(self, *words, **kw):
        return self.ns.run(['crun', '--root', self.state,
                            '--cgroup-manager', 'disabled', *words], **kw)

    def bundle(self, pod, container):
        self.number += 1
        words = [w.replace('$(NODE_NAME)', self.name)
                 for w in container['command']]
        doc = oci.configuration(pod, container, self.root, self.volumes(pod),
                                words, {'NODE_NAME': self.name})
        if container is self.m.agent:
            doc['process']['args'] += self.agent_args
            # Instead of the API server.
            doc['mounts'].append({
                'destination': '/etc/warder/manifests', 'type': 'bind',
                'source': self.manifests, 'options': ['rbind', 'ro']})
        path = os.path.join(self.dir, f'bundle-{self.number}')
        oci.write(path, doc)
        return path, f'wd-{os.getpid()}-{self.number}'

    def once(self, pod, container):
        """An init container. Gives its exit code and what it says."""
        path, name = self.bundle(pod, container)
        code, out, err = self.crun('run', '--bundle', path, name,
                                   check_rc=False)
        return code, out + err

    def start_agent(self, *args, wait=True):
        self.agent_args = list(args) or self.agent_args
        path, self.id = self.bundle(self.m.pod, self.m.agent)
        with open(self.log_path, 'a', encoding='utf-8') as log:
            self.agent = self.ns.popen(
                ['crun', '--root', self.state, '--cgroup-manager', 'disabled',
                 'run', '--bundle', path, self.id],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if wait:
            self.wait_ready()

    def stop_agent(self, sig=15):
        self.crun('kill', self.id, str(int(sig)))
        code, self.agent = self.agent.wait(60), None
        return code

    def pid(self):
        return json.loads(self.crun('state', self.id)[1])['pid']

    def close(self):
        if self.agent is not None:
            self.crun('delete', '--force', self.id, check_rc=False)
        super().close()


class Contained(Solo):
    def __init__(self, manifests, root):
        self.m, self.root = manifests, root
        super().__init__(families=(4, 6))

    def _build(self):
        super()._build()
        node = self.only_node
        node.__class__ = Node
        node.contain(self.m, self.root)


def verdicts(c, what):
    srv, ok, bad = c.pods
    for family in (4, 6):
        expect_reach(True, ok, srv, what, family=family)
        expect_reach(False, bad, srv, what, family=family)


@SHARED.test
def plugin_is_put_there_by_its_container(c):
    node = c.only_node
    code, said = node.once(c.m.pod, c.m.plugin)
    expect(0, code, said)
    expect(True, 'no configuration yet' in said, said)
    path = os.path.join(node.conf, '10-a.conflist')
    with open(path + '.new', 'w', encoding='utf-8') as f:
        f.write('{"cniVersion":"1.0.0","name":"a","plugins":[{"type":"ptp"}]}')
    os.rename(path + '.new', path)

    def is_last():
        with open(path, encoding='utf-8') as f:
            return json.load(f)['plugins'][-1] == {'type': 'warder-cni'}
    wait_for('the agent puts it into the chain', is_last)
    wdnode.WARDER_CNI = os.path.join(node.bin, 'warder-cni')


@SHARED.test
def process_has_the_rights_of_the_manifest_and_no_more(c):
    with open(f'/proc/{c.only_node.pid()}/status', encoding='utf-8') as f:
        is_so = {k: v.strip() for k, _, v in (
            line.partition(':') for line in f)}
    # CAP_SETPCAP it has given up.
    want = len(c.m.agent['securityContext']['capabilities']['add']) - 1
    expect(want, bin(int(is_so['CapBnd'], 16)).count('1'), 'capabilities')
    expect('2', is_so['Seccomp'], 'a filter of system calls')
    root = f'/proc/{c.only_node.pid()}/root'
    try:
        with open(root + '/usr/x', 'w', encoding='utf-8'):
            raise Fail('its root can be written')
    except OSError:
        pass


@SHARED.test
def policy_holds_on_each_rung(c):
    c.three()
    for rung in each_rung(c):
        verdicts(c, rung)
    c.only_node.warder('ladder', 'climb', ok=None)


@SHARED.test
def probes_say_that_it_is_ready_and_alive(c):
    for probe in ('readinessProbe', 'livenessProbe'):
        words = c.m.agent[probe]['exec']['command']
        code, out, err = c.only_node.crun('exec', c.only_node.id, *words,
                                          check_rc=False)
        expect(0, code, f'{words}: {out}{err}')


@SHARED.test
def container_is_killed_and_the_next_takes_over(c):
    node = c.only_node
    node.stop_agent(9)
    verdicts(c, 'without an agent')
    node.start_agent()
    verdicts(c, 'after the next start')


@SHARED.test
def pods_that_run_already_are_found(c):
    """Through the host's /proc and /run/netns."""
    node = c.only_node
    node.warder('stop', '--detach')
    node.agent.wait(60)
    state = os.path.join(node.dir, 'state')
    for name in os.listdir(state):
        if name.startswith('endpoints'):
            os.unlink(os.path.join(state, name))
    node.start_agent()
    wait_for('all pods are found', lambda: len(json.loads(node.warder(
        'endpoint', 'list', '--json')[1])['endpoints']) == len(c.pods))
    verdicts(c, 'found by the agent')


@SHARED.test
def removal_ends_enforcement_and_takes_the_plugin_out(c):
    node, pod = c.only_node, c.m.end['spec']['template']['spec']
    node.stop_agent()
    for container in pod['initContainers']:
        code, said = node.once(pod, container)
        expect(0, code, f'{container["command"]}: {said}')
    expect([], os.listdir(node.bin), 'programs that are left')
    with open(os.path.join(node.conf, '10-a.conflist'), encoding='utf-8') as f:
        expect('{"cniVersion":"1.0.0","name":"a","plugins":[{"type":"ptp"}]}',
               f.read(), 'the chain, to the byte')
    expect(False, 'warder' in node.ns.run(['ls', '/sys/fs/bpf'])[1], 'pins')
    srv, _, bad = c.pods
    expect_reach(True, bad, srv, 'nobody enforces')


def main():
    if os.environ.get('WD_LONG') == '1':
        run(os.path.join(TOP, 'tools', 'setup'), 'image')
    if not shutil.which('crun') or not os.path.exists(oci.SECCOMP):
        print('no crun or no filter of containers: tools/setup image')
        return 4
    manifests = Manifests(wdnode.BUILD)
    enter_mounts()
    with tempfile.TemporaryDirectory(prefix='wd-pod-') as folder:
        image, root = folder + '/image.tar', folder + '/root'
        run(os.path.join(TOP, 'tools', 'packaging', 'make-image'), image,
            '--build', wdnode.BUILD)
        unpack(image, root)
        os.makedirs(NETNS, exist_ok=True)
        kernel.mount('none', NETNS, 'tmpfs')
        return SHARED.main(lambda: Contained(manifests, root))


if __name__ == '__main__':
    sys.exit(main())
