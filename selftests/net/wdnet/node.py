# SPDX-License-Identifier: GPL-2.0-only
"""A node made of namespaces: an uplink, its own bpffs, the agent, CNI.

    pod eth0 ---- veth (programs) ---- node ---- eth0 uplink ---- fabric
"""
import json
import os
import signal
import subprocess
import time

from . import kernel
from .prober import Handle

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
BUILD = os.path.abspath(os.environ.get('WD_BUILD', os.path.join(TOP, 'build')))
WARDER = os.path.join(BUILD, 'warder')
WARDER_CNI = os.path.join(BUILD, 'warder-cni')
CNI_DIRS = ('/usr/lib/cni', '/opt/cni/bin')
READY_S = 60


def cni_dir():
    for path in CNI_DIRS:
        if os.access(os.path.join(path, 'ptp'), os.X_OK):
            return path
    raise RuntimeError('no CNI plugins in ' + ' '.join(CNI_DIRS))


class CniError(RuntimeError):
    """A plugin refused: its error document, or what it printed instead."""

    def __init__(self, plugin, text):
        try:
            self.doc = json.loads(text)
        except ValueError:
            self.doc = {'code': None, 'msg': text}
        super().__init__(f'{plugin}: {text.strip()}')


class Node:
    """@ips and @pod_nets: by family, {4: ..., 6: ...}; one may be missing.
    @plugin: ptp or bridge."""

    def __init__(self, name, directory, ips, pod_nets, plugin):
        self.name, self.ips = name, ips
        self.pod_nets, self.plugin = pod_nets, plugin
        self.dir = os.path.join(directory, name)
        self.manifests = os.path.join(directory, 'manifests')
        self.run_dir = os.path.join(self.dir, 'run')
        self.netns_dir = os.path.join(self.dir, 'netns')
        self.bpffs = '/sys/fs/bpf/warder'
        self.agent = None
        self.agent_args = []
        self.wrapper = []  # a command that runs the agent
        for path in (self.dir, self.netns_dir, self.manifests):
            os.makedirs(path, exist_ok=True)
        self.host = Handle('host:' + name, setup=self._inside)
        self.ns = kernel.Namespace(self.host.pid, True)
        self.log_path = os.path.join(self.dir, 'agent.log')

    @staticmethod
    def _inside():
        kernel.unshare(kernel.CLONE_NEWNS)
        kernel.mount('none', '/', flags=kernel.MS_REC | kernel.MS_PRIVATE)
        kernel.mount('none', '/sys', 'sysfs')
        kernel.mount('none', '/sys/fs/bpf', 'bpf', data='mode=0700')
        kernel.link_up('lo')
        kernel.sysctl(ipv4__ip_forward=1, ipv6__conf__all__forwarding=1,
                      ipv4__conf__all__rp_filter=0,
                      ipv4__conf__default__rp_filter=0,
                      ipv6__conf__default__accept_dad=0,
                      ipv6__conf__all__accept_dad=0)

    # ---- the agent ----

    def start_agent(self, *args, wait=True):
        self.agent_args = list(args) or self.agent_args
        argv = [*self.wrapper, WARDER, 'agent', '--node', self.name,
                '--manifests', self.manifests, '--run-dir', self.run_dir,
                '--state-dir', os.path.join(self.dir, 'state'),
                '--bpffs', self.bpffs, *self.agent_args]
        with open(self.log_path, 'a', encoding='utf-8') as log:
            self.agent = self.ns.popen(argv, stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log)
        if wait:
            self.wait_ready()

    def wait_ready(self):
        until = time.monotonic() + READY_S
        while True:
            code, _, err = self.warder('status', '--wait=5', ok=None)
            if code == 0:
                return
            if self.agent.poll() is not None:
                raise RuntimeError(f'agent of {self.name} ended: '
                                   + self.log_tail())
            if time.monotonic() > until:
                raise RuntimeError(f'agent of {self.name} is not ready: {err}'
                                   + self.log_tail())
            time.sleep(0.02)

    def stop_agent(self, sig=signal.SIGTERM):
        if self.agent is None:
            return None
        self.agent.send_signal(sig)
        code = self.agent.wait(30)
        self.agent = None
        return code

    def log_tail(self, lines=15):
        try:
            with open(self.log_path, encoding='utf-8', errors='replace') as f:
                return '\n'.join(f.read().splitlines()[-lines:])
        except OSError:
            return ''

    def warder_popen(self, *args):
        return subprocess.Popen([WARDER, *args, '--run-dir', self.run_dir],
                                text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def warder(self, *args, ok=0):
        """Run a command; gives (exit code, stdout, stderr)."""
        proc = self.warder_popen(*args)
        out, err = proc.communicate(timeout=120)
        if ok is not None and proc.returncode != ok:
            raise RuntimeError(f'warder {" ".join(args)} on {self.name}: '
                               f'{proc.returncode}: {err.strip()}\n'
                               + self.log_tail())
        return proc.returncode, out, err

    def status(self):
        return json.loads(self.warder('status', '--json')[1])

    def counter(self, reason, direction):
        for c in self.status()['counters']:
            if c['reason'] == reason and c['direction'] == direction:
                return c['packets']
        return 0

    def sync(self):
        self.warder('sync')

    # ---- CNI ----

    def _conf(self, plugin, pod_ips, prev, version):
        conf = {'cniVersion': version, 'name': 'pods', 'type': plugin}
        if prev is not None:
            conf['prevResult'] = prev
        if plugin == 'warder-cni':
            conf['runDir'] = self.run_dir
            return conf
        any_net = {4: '0.0.0.0/0', 6: '::/0'}
        conf['ipam'] = {
            'type': 'host-local', 'dataDir': os.path.join(self.dir, 'ipam'),
            'ranges': [[{'subnet': net}] for net in self.pod_nets.values()],
            'routes': [{'dst': any_net[f]} for f in self.pod_nets]}
        if pod_ips:
            conf['args'] = {'cni': {'ips': list(pod_ips)}}
        if plugin == 'bridge':
            conf.update(bridge='cni0', isGateway=True, hairpinMode=True)
        return conf

    def cni(self, command, plugin, pod, prev=None, version='1.0.0'):
        """One call of one plugin, as a runtime makes it."""
        env = {'PATH': os.environ['PATH'], 'CNI_COMMAND': command,
               'CNI_CONTAINERID': pod.container, 'CNI_NETNS': pod.netns,
               'CNI_IFNAME': 'eth0', 'CNI_PATH': cni_dir(),
               'CNI_ARGS': 'IgnoreUnknown=1;K8S_POD_NAMESPACE=%s;'
               'K8S_POD_NAME=%s;K8S_POD_INFRA_CONTAINER_ID=%s;K8S_POD_UID=%s'
               % (pod.ns, pod.name, pod.container, pod.uid)}
        path = WARDER_CNI if plugin == 'warder-cni' else \
            os.path.join(cni_dir(), plugin)
        conf = self._conf(plugin, pod.ips.values(), prev, version)
        code, out, err = self.ns.run([path], json.dumps(conf), env, False)
        if code:
            raise CniError(plugin, out or err)
        return json.loads(out) if out.strip() else None

    def cni_add(self, pod):
        prev = self.cni('ADD', self.plugin, pod)
        pod.result = prev
        result = self.cni('ADD', 'warder-cni', pod, prev)
        pod.result = result
        return result

    def cni_del(self, pod):
        for plugin in ('warder-cni', self.plugin):
            self.cni('DEL', plugin, pod, pod.result)

    def close(self):
        """The agent, then the namespaces with all that is in them."""
        if self.agent is not None:
            self.agent.kill()
            self.agent.wait()
        self.ns.close()
        self.host.close()
