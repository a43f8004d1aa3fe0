#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""SIGKILL at any moment, restart and upgrade, under traffic and churn.

    test_crash.py [ROUNDS [SEED]]

All the while one client must get every answer, over TCP, UDP and a connection
that stays, and another none; what changes meanwhile touches neither verdict,
but every map.
"""
import os
import random
import sys
import time

from wdnet import node as node_module
from wdnet import variant
from wdnet.solo import Solo, expect_reach, ingress_policy, note
from wdnet.tap import Fail, Tap, expect

ROUNDS = 100 if os.environ.get('WD_LONG') == '1' else 30
GAP_S = 0.02  # between probes of a stream
# A machine with other work answers late, which is no loss: what was dropped is
# never answered (UDP), or seen by its retransmission (the connection that
# stays), or counted with a reason (all).
ANSWER_S = 20.0
DENIED_S = 2.0
EXPECTED_DROPS = {('DEFAULT', 'ingress'), ('ND_FORBIDDEN', 'egress')}
CHURN_PODS = 6


class Churn:
    """Changes that must not change what the streams see."""

    def __init__(self, cluster, rng):
        self.c, self.rng, self.number = cluster, rng, 0
        self.others = []

    def policy(self):
        """Another policy on the server, with peers that nobody is."""
        rng = self.rng
        name = f'more{rng.randrange(4)}'
        self.c.policies = [p for p in self.c.policies
                           if p['metadata']['name'] != name]
        if rng.random() < 0.7:
            p = ingress_policy(name, 'srv', *(f'nobody{rng.randrange(9)}'
                                              for _ in range(3)))
            block = f'10.{rng.randrange(50, 99)}.0.0/16'
            p['spec']['ingress'].append({
                'from': [{'ipBlock': {'cidr': block}}],
                'ports': [{'port': rng.randrange(1, 79),
                           'endPort': rng.randrange(82, 9000)}]})
            self.c.policies.append(p)

    def remote_pods(self):
        """Pods elsewhere come, go and take each other's addresses."""
        rng = self.rng
        for pod in self.others:
            if pod in self.c.pods:
                self.c.pods.remove(pod)
        self.others = []
        for i in range(rng.randrange(1, CHURN_PODS)):
            self.number += 1
            pod = self.c.make_pod(f'far{self.number}', 100 + i, {
                'app': f'nobody{rng.randrange(9)}'})
            pod.node = Elsewhere
            pod.phase = 'Running'
            pod.known_ips = {4: f'10.60.0.{rng.randrange(1, 9)}'}
            self.others.append(pod)
        self.c.pods += self.others

    def labels(self):
        """The server gets a label that no policy asks for."""
        self.c.pod('shop/srv').labels['rev'] = str(self.rng.randrange(9))

    def namespace(self):
        self.c.namespaces['shop'] = {'team': f't{self.rng.randrange(9)}'}

    def step(self):
        for change in self.rng.sample([self.policy, self.remote_pods,
                                       self.labels, self.namespace],
                                      self.rng.randrange(1, 4)):
            change()
        self.c.write_objects()


class Elsewhere:
    name = 'node-z'
    ips = {4: '192.168.77.99'}


class Traffic:
    def __init__(self, srv, ok, bad):
        self.srv, self.ok, self.bad = srv, ok, bad
        ip = srv.ips[4]
        got = ok.handle.ask('hold', ident='held', dst=ip, port=80)['answer']
        expect('shop/srv', got, 'answer on the connection that stays')
        self.streams = [(ok, 'held', ['held', 'held'])]
        for pod in (ok, bad):
            for proto, port in (('tcp', 80), ('udp', 81)):
                self.streams.append((pod, proto, [proto, None, ip, port]))
        for pod, ident, target in self.streams:
            pod.handle.ask('stream', ident='s-' + ident, target=target,
                           interval=GAP_S, timeout=ANSWER_S if pod is ok else DENIED_S)

    def pause(self):
        for pod, ident, _ in self.streams:
            pod.handle.ask('pause', ident='s-' + ident)
        time.sleep(DENIED_S + 0.5)
        until = time.monotonic() + ANSWER_S
        while time.monotonic() < until and any(
                pod.handle.ask('tally', ident='s-' + ident)['open']
                for pod, ident, _ in self.streams):
            time.sleep(0.2)

    def check(self, final=False):
        for pod, ident, _ in self.streams:
            t = pod.handle.ask('tally', ident='s-' + ident)
            if pod is self.bad and t['answered']:
                raise Fail(f'denied {ident} got {t["answered"]} answers')
            if pod is self.ok and t['lost']:
                raise Fail(f'allowed {ident} lost {len(t["lost"])} of '
                           f'{t["sent"]}: {t["lost"][:4]}')
            if pod is self.ok and final:
                expect(t['sent'], t['answered'], f'answers over {ident}')
            if final:
                note(f'{pod.name} {ident}: {t["sent"]} sent, '
                     f'{t["answered"]} answered')


def drops(node):
    return {(c['reason'], c['direction']): c['packets']
            for c in node.status()['counters'] if c['verdict'] == 'drop'
            and c['packets']
            and (c['reason'], c['direction']) not in EXPECTED_DROPS}


def rounds(cluster, pods, count, rng, binaries):
    """Returns how often the programs were exchanged."""
    node = cluster.only_node
    churn = Churn(cluster, rng)
    traffic = Traffic(*pods)
    swaps = 0
    before = drops(node)
    try:
        for i in range(count):
            for _ in range(rng.randrange(3)):
                churn.step()
                time.sleep(rng.random() * 0.004)
            time.sleep(rng.choice([0, rng.random() * 0.01,
                                   rng.random() * 0.4]))
            node.stop_agent(9)
            if rng.random() < 0.5:
                churn.step()
            node_module.WARDER = rng.choice(binaries)
            node.start_agent(wait=False)
            if rng.random() < 0.3:  # killed while it starts
                time.sleep(rng.random() * 1.2)
                node.stop_agent(9)
                node.start_agent(wait=False)
            node.wait_ready()
            swaps += node.status()['swapped']
            try:
                traffic.check()
            except Fail as e:
                raise Fail(f'round {i}:', *e.lines) from None
    finally:
        node_module.WARDER = binaries[0]
        traffic.pause()
    traffic.check(final=True)
    expect(before, drops(node), 'drops that nothing explains')
    return swaps


def after(cluster, pods):
    """The survivors still follow changes, in live flows too."""
    srv, ok, bad = pods
    if cluster.only_node.agent.poll() is not None:
        raise Fail('the agent ended')
    cluster.apply([ingress_policy('srv', 'srv', 'bad')])
    expect_reach(False, ok, srv, 'after the change')
    expect_reach(True, bad, srv, 'after the change')
    got = ok.handle.ask('say', ident='held', text='?', timeout=1.0)['answer']
    expect(None, got, 'echo on the connection that is denied now')
    ends = cluster.only_node.status()['endpoints']
    expect(3, ends['enforced'], 'endpoints enforced')


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else \
        random.randrange(1 << 32)
    rng = random.Random(seed)
    note(f'{count} rounds, seed {seed}')
    tap = Tap()
    cluster = Solo()
    try:
        other = os.path.join(cluster.dir, 'warder-other')
        variant.make(node_module.WARDER, other)
        pods = cluster.three()

        def continuity():
            swaps = rounds(cluster, pods, count, rng,
                           [node_module.WARDER, other])
            note(f'programs exchanged {swaps} times')
            if count >= 10 and not swaps:
                raise Fail('the programs were never exchanged')
        tap.run(f'crash: {count} rounds of SIGKILL, restart and upgrade, '
                f'seed {seed}', continuity)
        tap.run('crash: what came after it enforces', after, cluster, pods)
        if tap.failed:
            tap.say(cluster.only_node.warder('status')[1])
            tap.say(cluster.only_node.log_tail(40))
    finally:
        cluster.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
