#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""warder-cni in a chain behind the real ptp plugin, against a real agent.

One node in a network and mount namespace of its own. The chain is called as a
runtime calls it: ADD front to back with prevResult, DEL back to front.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get('WD_BUILD', os.path.join(TOP, 'build')))
CNI_DIRS = ('/usr/lib/cni', '/opt/cni/bin')
VERSIONS = ('0.4.0', '1.0.0', '1.1.0')
WAIT_S = 60

BASE = '''
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db-from-web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from:
    - podSelector: {matchLabels: {app: web}}
'''


def enter_namespaces():
    """Start over inside, where nothing of the machine can be touched."""
    if os.environ.get('WD_PLUGIN_INSIDE') != '1':
        os.environ['WD_PLUGIN_INSIDE'] = '1'
        os.execvp('unshare', ['unshare', '--net', '--mount', '--propagation',
                              'private', sys.executable, *sys.argv])


class Refused(Exception):
    def __init__(self, text):
        super().__init__(text)
        self.doc = json.loads(text)
        self.code, self.msg = self.doc['code'], self.doc['msg']


def run(*argv):
    subprocess.run(argv, check=True, timeout=WAIT_S,
                   stdin=subprocess.DEVNULL)


class Node:
    def __init__(self, root):
        self.root = root
        self.agent = None
        self.pods = {}
        for name in ('manifests', 'bpf'):
            os.mkdir(f'{root}/{name}')
        run('mount', '-t', 'tmpfs', 'none', '/run')
        os.mkdir('/run/netns')
        run('mount', '-t', 'sysfs', 'none', '/sys')
        run('mount', '-t', 'bpf', 'none', f'{root}/bpf')
        run('ip', 'link', 'set', 'lo', 'up')
        self.write('base.yaml', BASE)

    # ---- the agent ----

    def start(self, wait='20s'):
        """@wait: long, because a test machine may be slow."""
        with open(f'{self.root}/agent.log', 'a', encoding='utf-8') as log:
            self.agent = subprocess.Popen(
                [f'{BUILD}/warder', 'agent', '--node', 'n1',
                 '--manifests', f'{self.root}/manifests',
                 '--run-dir', f'{self.root}/run',
                 '--state-dir', f'{self.root}/state',
                 '--bpffs', f'{self.root}/bpf/warder', '--cni-wait', wait],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.ask('status', '--wait=30')

    def stop(self, signo=signal.SIGTERM):
        if self.agent:
            self.agent.send_signal(signo)
            self.agent.wait(WAIT_S)
        self.agent = None

    def ask(self, *args):
        done = subprocess.run(
            [f'{BUILD}/warder', *args, '--run-dir', f'{self.root}/run'],
            stdout=subprocess.PIPE, text=True, timeout=WAIT_S, check=True)
        return done.stdout

    def endpoints(self):
        doc = json.loads(self.ask('endpoint', 'list', '--json'))
        return sorted(e['name'] for e in doc['endpoints'])

    def write(self, name, text):
        with open(f'{self.root}/{name}', 'w', encoding='utf-8') as f:
            f.write(text)
        os.rename(f'{self.root}/{name}', f'{self.root}/manifests/{name}')

    def tell_pod(self, name, app, *ips):
        self.write(f'{name}.yaml', json.dumps({
            'apiVersion': 'v1', 'kind': 'Pod',
            'metadata': {'name': name, 'namespace': 'shop', 'uid': f'u-{name}',
                         'labels': {'app': app}},
            'spec': {'nodeName': 'n1', 'containers': []},
            'status': {'phase': 'Running',
                       'podIPs': [{'ip': ip} for ip in ips]}}))

    # ---- the runtime ----

    def plugin(self, *args, **more):
        return self.outcome(self.begin(*args, **more))

    @staticmethod
    def outcome(proc):
        out = proc.communicate(timeout=WAIT_S)[0]
        if proc.returncode:
            raise Refused(out)
        return json.loads(out) if out.strip() else None

    def begin(self, verb, name, version, prev=None, pod=None, net='pods',
              hidden=False, **more):
        conf = {'cniVersion': version, 'name': net, 'type': name, **more}
        env = {'PATH': os.environ['PATH'], 'CNI_COMMAND': verb,
               'CNI_PATH': cni_dir()}
        if name == 'ptp':
            path = f'{cni_dir()}/ptp'
            conf['ipam'] = {'type': 'host-local', 'subnet': '10.77.0.0/24',
                            'dataDir': f'{self.root}/ipam',
                            'routes': [{'dst': '0.0.0.0/0'}]}
        else:
            path = f'{BUILD}/warder-cni'
            conf.setdefault('runDir', f'{self.root}/run')
        if prev is not None:
            conf['prevResult'] = prev
        if pod:
            env.update(CNI_CONTAINERID=f'c-{pod}', CNI_IFNAME='eth0',
                       CNI_NETNS=f'/run/netns/{pod}',
                       CNI_ARGS='IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;'
                       f'K8S_POD_NAME={pod};K8S_POD_UID=u-{pod};'
                       f'K8S_POD_INFRA_CONTAINER_ID=c-{pod}')
        argv = [path]
        if hidden:  # a mount that only the plugin has
            argv = ['unshare', '--mount', '--propagation', 'private', 'sh',
                    '-c', 'mount -t tmpfs none /mnt && touch /mnt/ns && '
                    f'mount --bind /run/netns/{pod} /mnt/ns && exec {path}']
            env['CNI_NETNS'] = '/mnt/ns'
        with tempfile.TemporaryFile('w+') as stdin:
            stdin.write(json.dumps(conf))
            stdin.seek(0)
            return subprocess.Popen(argv, stdin=stdin, env=env, text=True,
                                    stdout=subprocess.PIPE)

    def make(self, pod, version):
        """The namespace and what ptp does; gives prevResult, converted as
        libcni does it, for a ptp that is older than 1.1.0."""
        run('ip', 'netns', 'add', pod)
        run('ip', '-n', pod, 'link', 'set', 'lo', 'up')
        prev = self.plugin('ADD', 'ptp', min(version, '1.0.0'), pod=pod)
        prev['cniVersion'] = version
        return prev

    def add(self, pod, version='1.0.0', **more):
        prev = self.make(pod, version)
        self.pods[pod] = self.plugin('ADD', 'warder-cni', version, prev, pod,
                                     **more)
        return prev, self.pods[pod]

    def delete(self, pod, version='1.0.0'):
        prev = self.pods.pop(pod, None)
        self.plugin('DEL', 'warder-cni', version, prev, pod)
        self.unmake(pod, version)

    def unmake(self, pod, version='1.0.0'):
        self.plugin('DEL', 'ptp', min(version, '1.0.0'), pod=pod)
        run('ip', 'netns', 'del', pod)

    def ip(self, pod):
        return self.pods[pod]['ips'][0]['address'].split('/')[0]

    def pings(self, source, target):
        if not os.path.exists(f'/run/netns/{source}'):
            raise AssertionError(f'no namespace {source}')
        return subprocess.run(
            ['ip', 'netns', 'exec', source, 'ping', '-c1', '-W1', target],
            stdout=subprocess.DEVNULL, timeout=WAIT_S,
            check=False).returncode == 0

    def close(self):
        if self.agent:
            self.agent.kill()
            self.agent.wait()


def cni_dir():
    for path in CNI_DIRS:
        if os.access(f'{path}/ptp', os.X_OK):
            return path
    raise RuntimeError('no ptp plugin in ' + ' '.join(CNI_DIRS))


def expect(expected, actual):
    if expected != actual:
        raise AssertionError(f'expected {expected!r}, got {actual!r}')


def refused(code, fn, *args, **kwargs):
    try:
        fn(*args, **kwargs)
    except Refused as err:
        expect(code, err.code)
        return err
    raise AssertionError(f'expected code {code}, but it succeeded')


def accepted(fn, *args):
    try:
        fn(*args)
    except Refused:
        return False
    return True


def eventually(fn, expected, seconds=10):
    until = time.monotonic() + seconds
    while fn() != expected and time.monotonic() < until:
        time.sleep(0.05)
    expect(expected, fn())


# ---- tests, in this order: the first ones have no agent ----

def test_version_needs_nothing(node):
    for version in VERSIONS:
        doc = node.plugin('VERSION', 'warder-cni', version)
        expect(version, doc['cniVersion'])
        expect([], [v for v in VERSIONS if v not in doc['supportedVersions']])


def test_without_agent_add_fails_closed_and_del_succeeds(node):
    node.tell_pod('early', 'web')
    prev = node.make('early', '1.0.0')
    refused(11, node.plugin, 'ADD', 'warder-cni', '1.0.0', prev, 'early')
    refused(50, node.plugin, 'STATUS', 'warder-cni', '1.1.0')
    refused(11, node.plugin, 'CHECK', 'warder-cni', '1.0.0', prev, 'early')
    expect(None, node.plugin('DEL', 'warder-cni', '1.0.0', prev, 'early'))
    expect(['c-early:eth0'], os.listdir(f'{node.root}/run/deletions'))
    node.unmake('early')
    node.start()
    expect([], os.listdir(f'{node.root}/run/deletions'))


def test_chain_adds_checks_deletes_in_every_version(node):
    for version in VERSIONS:
        node.tell_pod('web', 'web')
        prev, result = node.add('web', version)
        expect(prev, result)
        expect(version, result['cniVersion'])
        expect(['web'], node.endpoints())
        expect(None, node.plugin('CHECK', 'warder-cni', version, prev, 'web'))
        node.plugin('DEL', 'warder-cni', version, prev, 'web')
        expect([], node.endpoints())
        refused(101, node.plugin, 'CHECK', 'warder-cni', version, prev, 'web')
        node.delete('web', version)  # a second DEL is as good as the first


def test_first_packet_meets_its_policy(node):
    for name, app in (('db', 'db'), ('web', 'web'), ('other', 'other')):
        node.tell_pod(name, app)
        node.add(name)
    db = node.ip('db')
    expect(False, node.pings('other', db))
    expect(True, node.pings('web', db))
    expect(True, node.pings('db', node.ip('other')))


def test_check_sees_a_lost_program(node):
    prev = node.pods['db']
    check = ('CHECK', 'warder-cni', '1.0.0', prev, 'db')
    node.plugin(*check)
    refused(7, node.plugin, 'CHECK', 'warder-cni', '1.0.0', None, 'db')
    links = f'{node.root}/bpf/warder/links'

    def lose():
        """The links end a little after their pins."""
        for name in os.listdir(links):
            os.unlink(f'{links}/{name}')
        until = time.monotonic() + 1
        while time.monotonic() < until:
            if not accepted(node.plugin, *check):
                return True
        return False
    # The agent may be faster once, but looks every two seconds only.
    expect(True, any(lose() for _ in range(5)))
    eventually(lambda: accepted(node.plugin, *check), True)
    expect(False, node.pings('other', node.ip('db')))


def test_pod_unknown_to_sources_waits_then_drops(node):
    node.stop()
    node.start('1500ms')
    prev = node.make('late', '1.0.0')
    began = time.monotonic()
    err = refused(11, node.plugin, 'ADD', 'warder-cni', '1.0.0', prev, 'late')
    if 'shop/late' not in err.msg or time.monotonic() - began < 1.4:
        raise AssertionError(f'{err.msg} after {time.monotonic() - began} s')
    node.pods['late'] = prev
    expect(False, node.pings('late', node.ip('other')))
    node.tell_pod('late', 'web')
    eventually(lambda: accepted(node.plugin, 'ADD', 'warder-cni', '1.0.0',
                                prev, 'late'), True)
    expect(True, node.pings('late', node.ip('db')))
    node.stop()
    node.start()


def test_pod_told_while_add_waits_is_let_go_at_once(node):
    prev = node.make('soon', '1.0.0')
    child = os.fork()
    if child == 0:
        try:
            time.sleep(0.5)
            node.tell_pod('soon', 'web')
        finally:
            os._exit(0)
    began = time.monotonic()
    node.pods['soon'] = node.plugin('ADD', 'warder-cni', '1.0.0', prev, 'soon')
    took = time.monotonic() - began
    os.waitpid(child, 0)
    if not 0.3 < took < 15:  # not before, and not by the time limit
        raise AssertionError(f'ADD took {took:.2f} s')
    expect(True, node.pings('soon', node.ip('db')))


def test_wrong_chain_is_a_wrong_configuration(node):
    prev = node.pods['db']
    run('ip', 'netns', 'add', 'odd')
    run('ip', '-n', 'odd', 'link', 'add', 'eth0', 'type', 'bridge')
    refused(7, node.plugin, 'ADD', 'warder-cni', '1.0.0', prev, 'odd')
    run('ip', '-n', 'odd', 'link', 'del', 'eth0')
    refused(100, node.plugin, 'ADD', 'warder-cni', '1.0.0', prev, 'odd')
    run('ip', '-n', 'odd', 'link', 'add', 'eth0', 'type', 'veth', 'peer',
        'name', 'x0', 'netns', 'db')
    refused(7, node.plugin, 'ADD', 'warder-cni', '1.0.0', prev, 'odd')
    run('ip', 'netns', 'del', 'odd')
    refused(4, node.plugin, 'ADD', 'warder-cni', '1.0.0', prev, 'odd')
    refused(2, node.plugin, 'ADD', 'warder-cni', '1.0.0', prev, 'db', mode='off')
    node.plugin('CHECK', 'warder-cni', '1.0.0', prev, 'db')


def test_namespace_may_be_mounted_for_the_plugin_only(node):
    node.tell_pod('inner', 'web')
    prev = node.make('inner', '1.0.0')
    node.pods['inner'] = prev
    node.plugin('ADD', 'warder-cni', '1.0.0', prev, 'inner', hidden=True)
    node.plugin('CHECK', 'warder-cni', '1.0.0', prev, 'inner', hidden=True)
    expect(True, node.pings('inner', node.ip('db')))
    node.stop(signal.SIGKILL)
    node.start()
    expect(True, 'inner' in node.endpoints())
    node.delete('inner')


def test_del_does_not_hang_with_the_agent(node):
    node.tell_pod('stuck', 'web')
    node.add('stuck')
    node.agent.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    node.plugin('DEL', 'warder-cni', '1.0.0', None, 'stuck')
    took = time.monotonic() - began
    expect(['c-stuck:eth0'], os.listdir(f'{node.root}/run/deletions'))
    node.agent.send_signal(signal.SIGCONT)
    eventually(lambda: 'stuck' in node.endpoints(), False)
    node.delete('stuck')
    expect([], os.listdir(f'{node.root}/run/deletions'))
    if took > 20:
        raise AssertionError(f'DEL took {took:.1f} s')


def test_status_follows_the_agent(node):
    expect(None, node.plugin('STATUS', 'warder-cni', '1.1.0'))
    node.stop(signal.SIGKILL)
    refused(50, node.plugin, 'STATUS', 'warder-cni', '1.1.0')
    expect(False, node.pings('other', node.ip('db')))
    expect(True, node.pings('web', node.ip('db')))
    node.start()
    expect(None, node.plugin('STATUS', 'warder-cni', '1.1.0'))


def test_del_while_agent_is_away_takes_effect_at_its_start(node):
    node.stop(signal.SIGKILL)
    node.plugin('DEL', 'warder-cni', '1.0.0', node.pods['soon'], 'soon')
    node.start()
    expect(False, 'soon' in node.endpoints())
    expect(True, 'web' in node.endpoints())
    # Added again under the same id, with a DEL queued that came too late.
    with open(f'{node.root}/run/deletions/c-soon:eth0', 'w',
              encoding='ascii'):
        pass
    node.plugin('ADD', 'warder-cni', '1.0.0', node.pods['soon'], 'soon')
    node.stop(signal.SIGKILL)
    node.start()
    expect(True, 'soon' in node.endpoints())
    node.delete('soon')


def test_gc_keeps_what_is_valid(node):
    expect(['db', 'late', 'other', 'web'], node.endpoints())
    valid = [{'containerID': f'c-{pod}', 'ifname': 'eth0'}
             for pod in ('db', 'web', 'other')]
    key = 'cni.dev/valid-attachments'
    refused(7, node.plugin, 'GC', 'warder-cni', '1.1.0')
    expect(['db', 'late', 'other', 'web'], node.endpoints())
    node.plugin('GC', 'warder-cni', '1.1.0', **{key: valid})
    expect(['db', 'other', 'web'], node.endpoints())
    expect(True, node.pings('web', node.ip('db')))
    expect(False, node.pings('late', node.ip('other')))


def test_gc_of_another_network_keeps_ours(node):
    key = 'cni.dev/valid-attachments'
    node.plugin('GC', 'warder-cni', '1.1.0', net='storage', **{key: []})
    expect(['db', 'other', 'web'], node.endpoints())
    node.plugin('GC', 'warder-cni', '1.1.0', **{key: []})
    expect([], node.endpoints())


def test_pod_of_another_user_is_discovered(node):
    """No CNI, no name for its namespace: only /proc/PID/ns/net leads there,
    and the agent gave up most of root's powers by now."""
    pod = subprocess.Popen(['unshare', '--net', 'setpriv', '--reuid', '12345',
                            '--regid', '12345', '--clear-groups', 'sleep',
                            '600'])
    try:
        eventually(lambda: os.stat(f'/proc/{pod.pid}').st_uid, 12345)
        run('ip', 'link', 'add', 'old0', 'type', 'veth', 'peer', 'name',
            'eth0', 'netns', str(pod.pid))
        run('ip', 'link', 'set', 'old0', 'up')
        for words in ('addr add 10.77.1.9/24 dev eth0', 'link set eth0 up'):
            run('nsenter', '-t', str(pod.pid), '-n', 'ip', *words.split())
        node.tell_pod('old', 'db', '10.77.1.9')
        node.ask('sync')
        expect(['old'], [e for e in node.endpoints() if e == 'old'])
    finally:
        pod.kill()
        pod.wait()
    # Its namespace, and with it the veth, ends a little after the process.
    eventually(lambda: 'old' in node.endpoints(), False)


def test_node_full_of_pods_starts_at_once(node):
    """More ADDs at a time than the agent has connections, all waiting for
    pods that no source has told of yet."""
    pods = [f'many-{i}' for i in range(100)]
    batch = ''.join(
        f'netns add {pod}\nlink add h{i} type veth peer name eth0 netns {pod}\n'
        f'link set h{i} up\n' for i, pod in enumerate(pods))
    subprocess.run(['ip', '-batch', '-'], input=batch, text=True, check=True,
                   timeout=WAIT_S)
    prev = [{'cniVersion': '1.0.0',
             'ips': [{'address': f'10.77.2.{i + 1}/32'}]} for i in range(100)]
    calls = [node.begin('ADD', 'warder-cni', '1.0.0', prev[i], pod)
             for i, pod in enumerate(pods)]
    for pod in pods:
        node.tell_pod(pod, 'web')
    for i, call in enumerate(calls):
        expect(prev[i], node.outcome(call))
    expect(100, sum(e.startswith('many-') for e in node.endpoints()))
    calls = [node.begin('DEL', 'warder-cni', '1.0.0', prev[i], pod)
             for i, pod in enumerate(pods)]
    for call in calls:
        expect(None, node.outcome(call))
    expect(0, sum(e.startswith('many-') for e in node.endpoints()))
    subprocess.run(['ip', '-batch', '-'], text=True, check=True,
                   input=''.join(f'netns del {pod}\n' for pod in pods),
                   timeout=WAIT_S)


def test_agent_keeps_few_powers(node):
    kept = 1 << 12 | 1 << 19 | 1 << 21  # NET_ADMIN, SYS_PTRACE, SYS_ADMIN
    with open(f'/proc/{node.agent.pid}/status', encoding='ascii') as f:
        status = dict(line.split(':\t', 1) for line in f)
    for name in ('CapPrm', 'CapEff', 'CapBnd'):
        expect(0, int(status[name], 16) & ~kept)
    for name in ('CapInh', 'CapAmb'):
        expect(0, int(status[name], 16))
    expect('1', status['NoNewPrivs'].strip())


def test_namespaces_of_pods_may_be_gone_at_del(node):
    for pod in ('web', 'db', 'other', 'late'):
        prev = node.pods.pop(pod)
        run('ip', 'netns', 'del', pod)
        expect(None, node.plugin('DEL', 'warder-cni', '1.0.0', prev, pod))
        expect(None, node.plugin('DEL', 'warder-cni', '1.0.0', None, pod))
    eventually(node.endpoints, [])


TESTS = [value for name, value in list(globals().items())
         if name.startswith('test_')]


def main():
    if os.geteuid():
        sys.exit('test_plugin: needs root (namespaces and BPF)')
    enter_namespaces()
    failed = 0
    with tempfile.TemporaryDirectory(prefix='wdplugin-') as root:
        node = Node(root)
        try:
            for number, test in enumerate(TESTS, 1):
                try:
                    test(node)
                    print(f'ok {number} - {test.__name__}', flush=True)
                except Exception:  # the next test still says something
                    failed += 1
                    for line in traceback.format_exc().splitlines():
                        print(f'# {line}')
                    print(f'not ok {number} - {test.__name__}', flush=True)
            if failed:
                with open(f'{root}/agent.log', encoding='utf-8') as log:
                    for line in log.read().splitlines()[-40:]:
                        print(f'# agent: {line}')
        finally:
            node.close()
            subprocess.run(['umount', f'{root}/bpf'], check=False)
    print(f'1..{len(TESTS)}')
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
