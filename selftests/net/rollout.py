#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What README, "Rolling it out", tells: three nodes whose pods run already, step by
step, under traffic from each node to the next.

    rollout.py [SECONDS-OF-EACH-STEP]

Of two clients on each node the policies allow one. That one gets every answer from
beginning to end, also on a connection that is older than all of it. The other one gets
every answer while nothing is enforced, and none while its namespace is.
"""
import json
import os
import sys
import time

from wdnet import node as node_module
from wdnet import variant
from wdnet.cluster import Cluster, Pod
from wdnet.solo import expect_reach, ingress_policy, note, wait_for
from wdnet.tap import Fail, Tap, expect

STEP_S = 4.0
GAP_S = 0.05
ANSWER_S = 20.0  # a machine with other work answers late
LATE_S = 1.0  # answers that were under way when a step began
KINDS = ('held', 'tcp', 'udp')


class Three(Cluster):
    plugins = ('ptp', 'bridge', 'ptp')


class Pair:
    """From one node to the next: who may, and who may not."""

    def __init__(self, srv, ok, bad):
        self.srv, self.ok, self.bad = srv, ok, bad
        ip = srv.ips[4]
        for pod in (ok, bad):
            got = pod.handle.ask('hold', ident='held', dst=ip, port=80)
            expect(srv.key, got['answer'], f'{pod.key}: a connection')
            for kind, target in (('held', ['held', 'held']),
                                 ('tcp', ['tcp', None, ip, 80]),
                                 ('udp', ['udp', None, ip, 81])):
                pod.handle.ask('stream', ident=kind, target=target,
                               interval=GAP_S, timeout=ANSWER_S)

    @staticmethod
    def tally(pod):
        return {kind: pod.handle.ask('tally', ident=kind) for kind in KINDS}


class Bench:
    def __init__(self):
        self.c = Three(families=(4,), start=False)
        self.c.namespaces['shop'] = {}
        self.pairs, self.sums = [], {}
        try:
            self.other = os.path.join(self.c.dir, 'warder-other')
            variant.make(node_module.WARDER, self.other)
            self.start_pods()
        except BaseException:
            self.close()
            raise

    def close(self):
        self.c.close()

    def start_pods(self):
        """Without warder: the primary plugin alone."""
        pods = {}
        for node in self.c.nodes:
            for i, role in enumerate(('srv', 'ok', 'bad')):
                pod = Pod('shop', f'{role}-{node.name[-1]}', node, 10 + i,
                          (4,), {'app': role}, [('http', 80, 'tcp'),
                                                ('dns', 81, 'udp')])
                self.c.pods.append(pod)
                self.c.start(pod)
                pod.result = node.cni('ADD', node.plugin, pod)
                self.c.listen(pod)
                pod.phase, pod.known_ips = 'Running', dict(pod.ips)
                pods[role, node.name] = pod
        self.c.policies = [ingress_policy('srv', 'srv', 'ok')]
        self.c.write_objects()
        names = [n.name for n in self.c.nodes]
        for name, to in zip(names, names[1:] + names[:1]):
            self.pairs.append(Pair(pods['srv', to], pods['ok', name],
                                   pods['bad', name]))

    # ---- what holds ----

    def answers(self, role):
        return {(getattr(p, role).key, kind): t['answered']
                for p in self.pairs
                for kind, t in p.tally(getattr(p, role)).items()}

    def nothing_is_lost(self, what, role='ok'):
        for p in self.pairs:
            for kind, t in p.tally(getattr(p, role)).items():
                if t['lost']:
                    raise Fail(f'{what}: {getattr(p, role).key} lost '
                               f'{len(t["lost"])} of {t["sent"]} over {kind}')

    def goes_on(self, what, role):
        """All three ways get answers anew."""
        before = self.answers(role)
        wait_for(f'{what}: answers for {role}', lambda: all(
            n > before[k] for k, n in self.answers(role).items()), 60)

    def denied(self):
        """From now on."""
        time.sleep(LATE_S)
        return self.answers('bad')

    def none_since(self, what, before):
        got = {k: n - before[k] for k, n in self.answers('bad').items()
               if n != before[k]}
        expect({}, got, f'{what}: answers to who is denied')

    # ---- what is done ----

    def annotate(self, mode):
        self.c.ns_annotations = {'shop': {'warder.io/mode': mode}} \
            if mode else {}
        self.c.apply()

    def next_agent(self, node, binary, how, *args):
        """As a supervisor does when the package or the file is another."""
        node.stop_agent(how)
        node_module.WARDER = binary
        try:
            node.agent_args = list(args)
            node.start_agent(wait=False)
            node.wait_ready()
        finally:
            node_module.WARDER = self.mine
        return node.status()

    mine = node_module.WARDER


def audits(node):
    return sum(c['packets'] for c in node.status()['counters']
               if c['verdict'] == 'audit')


def agents_come_in_audit(b, seconds):
    for node in b.c.nodes:
        node.start_agent('--mode', 'audit')
        wait_for(f'{node.name}: pods that run are found', lambda n=node:
                 n.status()['endpoints']['enforced'] == 3)
    time.sleep(seconds)
    for role in ('ok', 'bad'):
        b.goes_on('in audit', role)
        b.nothing_is_lost('in audit', role)


def what_would_be_dropped_is_told(b, _):
    for node, pair in zip(b.c.nodes[1:] + b.c.nodes[:1], b.pairs):
        wait_for(f'{node.name}: audit is counted', lambda n=node: audits(n))
        for who, want in ((pair.ok, 'allow'), (pair.bad, 'audit')):
            doc = json.loads(node.warder(
                'why', who.key, pair.srv.key + ':80', '--json')[1])
            expect(want, doc['verdict'], f'{who.key} -> {pair.srv.key}')
        proc = node.warder_popen('monitor', '--verdict', 'audit', '--json')
        try:
            seen = json.loads(proc.stdout.readline())
        finally:
            proc.terminate()
            proc.communicate(timeout=60)
        expect(('audit', pair.bad.name, pair.srv.name), (
            seen['verdict'], seen['from']['name'], seen['to']['name']), seen)


def one_namespace_is_enforced_and_rolled_back(b, seconds):
    for turn in range(2):
        b.annotate('enforce')
        since = b.denied()
        time.sleep(seconds)
        b.none_since(f'enforced, turn {turn}', since)
        b.nothing_is_lost(f'enforced, turn {turn}')
        b.annotate(None)
        b.goes_on(f'rolled back, turn {turn}', 'bad')


def then_all_node_by_node(b, seconds):
    b.annotate('enforce')
    b.since = b.denied()
    for node in b.c.nodes:
        b.next_agent(node, b.mine, 15)
        time.sleep(seconds / 4)
    b.annotate(None)
    time.sleep(seconds)
    b.none_since('enforced by default', b.since)
    b.nothing_is_lost('enforced by default')


def moves(b, seconds, binary, how):
    for node in b.c.nodes:
        status = b.next_agent(node, binary, how)
        expect(True, status['swapped'], f'{node.name}: other programs')
        expect(3, status['endpoints']['enforced'], f'{node.name}: endpoints')
        time.sleep(seconds / 2)
        b.none_since(f'{node.name} has another version', b.since)
        b.nothing_is_lost(f'{node.name} has another version')


def upgraded_node_by_node(b, seconds):
    moves(b, seconds, b.other, 15)


def and_back_again_killed(b, seconds):
    moves(b, seconds, b.mine, 9)


def figures(b):
    old = sum(t['answered'] for p in b.pairs
              for k, t in p.tally(p.ok).items() if k == 'held')
    sent = sum(t['sent'] for p in b.pairs for t in p.tally(p.ok).values())
    bad = sum(t['sent'] for p in b.pairs for t in p.tally(p.bad).values())
    note(f'permitted: {sent} sent, 0 lost, {old} of them answered on '
         f'connections older than all of it; not permitted: {bad} sent, 0 '
         'answered while they were denied')


def removed_node_by_node(b, _):
    b.none_since('to the end', b.since)
    b.nothing_is_lost('to the end')
    figures(b)
    for node in b.c.nodes:
        node.warder('stop', '--detach')
        node.agent.wait(60)
        node.agent = None
    for pair in b.pairs:
        expect_reach(True, pair.bad, pair.srv, 'nobody enforces')
    b.nothing_is_lost('removed')


STEPS = (agents_come_in_audit, what_would_be_dropped_is_told,
         one_namespace_is_enforced_and_rolled_back, then_all_node_by_node,
         upgraded_node_by_node, and_back_again_killed, removed_node_by_node)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else STEP_S
    tap = Tap()
    bench = Bench()
    try:
        for step in STEPS:
            tap.run(step.__name__, step, bench, seconds)
            if tap.failed:
                for node in bench.c.nodes:
                    tap.say(node.log_tail(20))
                break  # each rests on the one before
    finally:
        bench.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
