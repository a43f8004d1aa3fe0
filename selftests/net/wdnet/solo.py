# SPDX-License-Identifier: GPL-2.0-only
"""One node without an uplink: for tests that hurt the agent, not the network."""
import os
import sys
import time

from . import kernel
from .cluster import POD_NET, UPLINK, Cluster, Pod
from .node import Node
from .tap import Fail

ALLOW_FROM = 'shop/ok'


class Solo(Cluster):
    """@bpffs: where the agent is to have its pins."""

    def __init__(self, families=(4,), agent_args=(), plugin='ptp', bpffs=None):
        self.plugin, self.bpffs = plugin, bpffs
        super().__init__(families, agent_args)
        self.namespaces['shop'] = {'team': 'shop'}

    def _build(self):
        ips = {f: UPLINK[f] % 1 for f in self.families}
        node = Node('node-a', self.dir, ips,
                    {f: POD_NET[f] % 1 for f in self.families}, self.plugin)
        if self.bpffs:
            node.bpffs = self.bpffs
        self.nodes.append(node)

    @property
    def only_node(self):
        return self.nodes[0]

    def make_pod(self, name, index, labels=None, ns='shop'):
        return Pod(ns, name, self.only_node, index, self.families,
                   labels or {'app': name}, [('http', 80, 'tcp'),
                                             ('dns', 81, 'udp')])

    def three(self):
        """A server that only `ok` may reach, `ok`, and `bad`."""
        pods = [self.make_pod(name, 10 + i)
                for i, name in enumerate(('srv', 'ok', 'bad'))]
        self.policies = [ingress_policy('srv', 'srv', 'ok')]
        self.run_pods(pods)
        return pods

    @classmethod
    def with_three(cls):
        """One that runs these, or none that is left behind."""
        c = cls()
        try:
            c.three()
        except BaseException:
            c.close()
            raise
        return c

    def close(self):
        for pod in self.pods:
            if pod.netns and os.path.exists(pod.netns):
                self.only_node.ns.run(['umount', pod.netns], check_rc=False)
        super().close()


def ingress_policy(name, subject, *peers, ns='shop'):
    return {'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy',
            'metadata': {'name': name, 'namespace': ns},
            'spec': {'podSelector': {'matchLabels': {'app': subject}},
                     'policyTypes': ['Ingress'],
                     'ingress': [{'from': [
                         {'podSelector': {'matchLabels': {'app': p}}}
                         for p in peers]}] if peers else []}}


def reach(src, dst, proto='tcp', port=80, timeout=1.0, family=4):
    """Does a probe get its answer?"""
    return bool(src.handle.ask('probe', timeout=timeout, targets=[
        [proto, None, dst.ips[family], port]])['answers'][0])


def expect_reach(want, src, dst, what='', **kw):
    got = reach(src, dst, timeout=3.0 if want else 0.7, **kw)
    if got != want:
        raise Fail(f'{what}: {src.key} -> {dst.key} '
                   f'{"answers" if got else "does not answer"}')


def wait_for(what, function, seconds=20.0, step=0.1):
    until = time.monotonic() + seconds
    while True:
        got = function()
        if got:
            return got
        if time.monotonic() > until:
            raise Fail(f'not within {seconds} s: {what}')
        time.sleep(step)


def enter_mounts():
    """The test program must see the mounts it makes, nobody else."""
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount('none', '/', flags=kernel.MS_REC | kernel.MS_PRIVATE)


def note(text):
    print('# ' + text, flush=True, file=sys.stdout)
