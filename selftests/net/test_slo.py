#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""How long handshakes take, by namespace: each is counted once where its pod is,
and what makes them slow is seen.

    test_slo.py [PART-OF-A-NAME]
"""
import json
import sys
import threading
import time

from test_metrics import lint
from test_tiers import cluster_np, rule
from wdnet import bpf
from wdnet.delay import Delay
from wdnet.shared import each_rung
from wdnet.solo import (Solo, expect_reach, ingress_policy, note, reach,
                        wait_for)
from wdnet.tap import Fail, Tap, expect

FAMILIES = (4, 6)
MANY = 40
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Bench:
    def __init__(self):
        self.c = c = Solo(FAMILIES, ('--slo-least', '600', '--slo-more',
                                     '150'))
        self.node = c.only_node
        for ns in ('far', 'slow'):
            c.namespaces[ns] = {'team': ns}
        names = (('shop', 'srv'), ('shop', 'ok'), ('far', 'cli'),
                 ('slow', 'srv'), ('slow', 'cli'))
        self.pods = {f'{ns}/{name}': c.make_pod(name, 10 + i, ns=ns)
                     for i, (ns, name) in enumerate(names)}
        c.policies = []
        c.run_pods(list(self.pods.values()))
        self.wait_known()

    def wait_known(self):
        """Pods count for their namespaces once the agent has looked."""
        wait_for('groups', lambda: {'shop', 'far', 'slow'} <= set(
            self.doc()['by']))

    def doc(self, *args):
        doc = json.loads(self.node.warder('slo', 'status', *args, '--json')[1])
        doc['by'] = {n['namespace']: {s['side']: s for s in n['sides']}
                     for n in doc['namespaces']}
        return doc

    def counts(self):
        return {(ns, side): s['handshakes']
                for ns, sides in self.doc()['by'].items()
                for side, s in sides.items()}

    def by(self, ns, side):
        return self.doc()['by'][ns][side]

    def side(self, key):
        return self.by('slow', 'client')[key]

    def guard(self, ns):
        return {n['namespace']: n['guard']
                for n in self.doc()['namespaces']}[ns]

    def told(self, phase, side='client'):
        """Events of the agent since it began."""
        doc = json.loads(self.node.warder('status', '--events', '--json')[1])
        return [e for e in doc['happened']
                if (e['agent'], e['phase'], e.get('side')) == (
                    'slo', phase, side)]

    def metric(self, ns, side='', name='warder_slo_slow'):
        for line in self.node.warder('metrics')[1].splitlines():
            if line.startswith(name + '{') and ns in line and side in line:
                return int(line.split()[-1])
        return None

    def feed(self, until):
        """Open connections of `slow` until something is so."""
        end = time.monotonic() + 120
        while not until():
            if time.monotonic() > end:
                raise Fail('never', self.doc('slow'))
            self.connect('slow/cli', 'slow/srv', 20)

    def connect(self, src, dst, times=MANY, family=4):
        src, dst = self.pods[src], self.pods[dst]
        got = src.handle.ask('probe', timeout=20.0, targets=[
            ['tcp', None, dst.ips[family], 80]] * times)['answers']
        expect([dst.key] * times, got, f'{src.key} -> {dst.key} v{family}')

    def grown(self, before, want):
        """Wait until @want has come, then see that no more has."""
        def now():
            return {k: n - before.get(k, 0) for k, n in self.counts().items()
                    if n != before.get(k, 0)}
        try:
            wait_for('handshakes', lambda: now() == want, 10)
        except Fail:
            expect(want, now(), 'handshakes counted')


@test
def counted_once_where_the_pod_is(b):
    for family in FAMILIES:
        before = b.counts()
        b.connect('far/cli', 'shop/srv', family=family)
        b.grown(before, {('far', 'client'): MANY, ('shop', 'server'): MANY})
    before = b.counts()
    b.connect('shop/ok', 'shop/srv')
    b.grown(before, {('shop', 'client'): MANY, ('shop', 'server'): MANY})


@test
def denied_ones_count_nowhere(b):
    b.c.apply([ingress_policy('srv', 'srv', 'ok')])
    before = b.counts()
    far, srv = b.pods['far/cli'], b.pods['shop/srv']
    expect(False, reach(far, srv, timeout=0.7), 'far reaches')
    b.connect('shop/ok', 'shop/srv')
    b.grown(before, {('shop', 'client'): MANY, ('shop', 'server'): MANY})
    b.c.apply([])


@test
def probes_of_this_host_count_nowhere(b):
    before = b.counts()
    srv = b.pods['shop/srv']
    for _ in range(5):
        got = b.node.host.ask('probe', timeout=5.0, targets=[
            ['tcp', None, srv.ips[4], 80]])['answers']
        expect([srv.key], got, 'the host reaches')
    b.connect('far/cli', 'shop/srv', 1)
    b.grown(before, {('far', 'client'): 1, ('shop', 'server'): 1})


@test
def what_is_slow_is_seen(b):
    delay = Delay(b.pods['slow/srv'], b.pods['slow/cli'].ips[4])
    try:
        delay.set(0.03)
        b.connect('slow/cli', 'slow/srv', 20)
    finally:
        delay.close()
    sides = b.doc('slow')['by']['slow']
    expect(20, sides['client']['handshakes'], 'handshakes')
    if not 0.9 * 30e6 < sides['client']['p50_ns'] < 10e9:
        raise Fail('not slow', sides)
    if not sides['server']['p50_ns'] < sides['client']['p50_ns']:
        raise Fail('the wait was the client\'s', sides)
    for line in b.node.warder('slo', 'status')[1].splitlines():
        print('# ' + line)


@test
def a_restart_keeps_the_counts(b):
    before = b.counts()
    b.node.stop_agent()
    b.connect('far/cli', 'shop/srv')
    b.node.start_agent()
    b.wait_known()
    b.connect('far/cli', 'shop/srv')
    b.grown(before, {('far', 'client'): 2 * MANY,
                     ('shop', 'server'): 2 * MANY})


@test
def lower_rungs_say_that_they_measure_nothing(b):
    before = b.counts()
    for rung in ('compat', 'minimal'):
        b.node.warder('ladder', 'pin', rung)
        expect(rung, b.node.status()['rung'], 'rung')
        b.connect('far/cli', 'shop/srv', 3)
        expect(False, b.doc()['measured'], 'measured')
        if 'NOT MEASURED' not in b.node.warder('slo', 'status')[1]:
            raise Fail('does not say so')
    b.node.warder('ladder', 'pin', 'full')
    expect((True, None), (b.doc()['measured'], b.doc()['why_not']), 'measured')
    b.connect('far/cli', 'shop/srv', 2)
    b.grown(before, {('far', 'client'): 2, ('shop', 'server'): 2})
    b.node.warder('ladder', 'pin', 'auto')


@test
def a_baseline_needs_enough_of_them(b):
    code, _, err = b.node.warder('slo', 'baseline', 'far', '--json', ok=None)
    expect(1, code, 'exit code')
    if 'needs 600' not in err:
        raise Fail('says', err)
    expect(None, b.guard('far'), 'guard')


@test
def what_means_nothing_is_refused(b):
    for args in (('--p99', '5'), ('--p99', '0'), ('--window', '1ms'),
                 ('--action', 'off'), ('--action', ''),
                 ('--least', 'x'), ('--times', '0'), ('--more', '-1')):
        code, _, _ = b.node.warder('slo', 'set', 'slow', *args, ok=None)
        expect(2, code, ' '.join(args))
    expect(None, b.guard('slow'), 'guard')
    code, _, err = b.node.warder('slo', 'clear', 'slow', ok=None)
    expect((1, True), (code, 'not guarded' in err), 'clear')


@test
def slower_than_the_baseline_is_told_and_as_fast_is_not(b):
    """By p50, which a busy machine does not move; one window is enough of it."""
    b.c.apply(shut_off())
    delay = Delay(b.pods['slow/srv'], b.pods['slow/cli'].ips[4])
    try:
        delay.set(0.004)
        for args in (('set', 'slow', '--p99', '0', '--p50', '100', '--more',
                      '2000', '--window', '1s', '--least', '50', '--times',
                      '2'), ('baseline', 'slow', '--for', '1s')):
            note('slo ' + ' '.join(args))
            note(b.node.warder('slo', *args)[1])
        b.feed(lambda: b.guard('slow')['taken'])
        expect(0, b.metric('slow', 'client'), 'metric')
        base = b.side('baseline')['p50_ns']
        if not 4e6 <= base < 1e9:
            raise Fail('baseline', base)
        for _ in range(3):  # windows that are no slower
            last = b.side('last')
            b.feed(lambda: b.side('last') not in (last, None))
        expect(('ok', 0), (b.by('slow', 'client')['guard'],
                           len(b.told('begins'))), 'not slow')
        delay.set(max(0.03, 3 * base / 1e9))
        b.feed(lambda: b.by('slow', 'client')['guard'] == 'slow')
        told = b.told('begins')
        expect(('warning', 'slow', 'client', 1), (
            told[0]['level'], told[0]['namespace'], told[0]['side'],
            len(told)), 'event')
        expect(1, b.metric('slow', 'client'), 'metric')
        doc = b.node.status()['slo']
        expect([1, ('slow', 'client')], [doc['guarded'], *[
            (s['namespace'], s['side']) for s in doc['slow']]], 'status')
        if 'SLOW: handshakes of namespace slow' not in b.node.warder(
                'status')[1]:
            raise Fail('status says nothing')
        expect(None, b.guard('shop'), 'another namespace')
        b.node.warder('slo', 'set', 'shop')  # guarded, by the agent's terms
        note(b.node.warder('slo', 'status', 'slow')[1])
        nothing_is_known_while_nobody_connects(b)
        an_alarm_opens_nothing_unless_it_is_told_to(b)
        # measured until just now: that took about as long as makes it lapse
        last = b.side('last')
        b.feed(lambda: b.side('last') not in (last, None))
        delay.set(0.004)
        restart_keeps_alarm_and_baseline(b, base)
        b.feed(lambda: b.by('slow', 'client')['guard'] == 'ok')
        expect(1, len(b.told('ends')), 'ends')
        expect([], b.node.status()['slo']['slow'], 'status')
        who_says_a_mode_goes_before_it(b)
    finally:
        delay.close()
    note(b.node.warder('slo', 'clear', 'slow')[1])
    wait_for('shut', lambda: not opened(b))
    expect((False, False, False), reaches(b), 'cleared')
    expect(1, len(b.told('ends', None)), 'told')
    expect([], b.node.status()['slo']['audit'], 'status')
    b.c.apply([])
    expect((None, None), (b.guard('slow'), b.metric('slow', 'client')),
           'cleared')


def shut_off():
    """What its own policies deny, and what the cluster's does: far -> cli."""
    return [ingress_policy('srv', 'srv', 'cli', ns='slow'),
            ingress_policy('cli', 'cli', ns='slow'),
            cluster_np('wide', 1, rule('Deny', {
                'namespaces': {'matchLabels': {'team': 'far'}}}),
                subject={'pods': {
                    'namespaceSelector': {'matchLabels': {'team': 'slow'}},
                    'podSelector': {'matchLabels': {'app': 'cli'}}}})]


def reaches(b):
    """Of its own policies: two; of the cluster's: the last."""
    return tuple(reach(b.pods[src], b.pods[dst], timeout=0.7)
                 for src, dst in (('far/cli', 'slow/srv'),
                                  ('shop/ok', 'slow/cli'),
                                  ('far/cli', 'slow/cli')))


def opened(b, pod='slow/srv'):
    return json.loads(b.node.warder('endpoint', 'get', pod, '--json',
                                    ok=None)[1])['slo_audit']


def an_alarm_opens_nothing_unless_it_is_told_to(b):
    expect((False, False, False), reaches(b), 'slow, and told of')
    expect(None, b.metric('slow', name='warder_slo_audit'), 'metric')
    note(b.node.warder('slo', 'set', 'slow', '--action', 'audit')[1])
    b.feed(lambda: b.guard('slow')['audit_since'])
    wait_for('opened', lambda: opened(b))
    told = b.told('begins', None)
    expect([('warning', 'slow', 'audit')], [
        (e['level'], e['namespace'], e['action']) for e in told], 'event')
    another_of_its_name_begins_shut(b)
    b.node.warder('slo', 'set', 'slow', '--action', 'alarm')
    wait_for('shut', lambda: not opened(b))
    # that is what was asked for; a moment later it is in force
    wait_for('closed', lambda: reaches(b) == (False, False, False))
    expect((None, 2), (b.guard('slow')['audit_since'],
                       len(b.told('ends', None))), 'told')
    b.node.warder('slo', 'set', 'slow', '--action', 'audit')
    b.feed(lambda: b.guard('slow')['audit_since'])
    wait_for('opened again', lambda: opened(b))
    for rung in each_rung(b.c):
        expect((True, True, False), reaches(b), f'in audit, on {rung}')
    b.node.warder('ladder', 'pin', 'full')
    b.node.warder('ladder', 'pin', 'auto')
    expect(1, b.metric('slow', name='warder_slo_audit'), 'metric')
    for command, text in (
            (('status',), 'AUDIT: namespace slow since'),
            (('why', 'far/cli', 'slow/srv:80'), '`warder slo clear slow`'),
            (('slo', 'status', 'slow'), 'IN AUDIT since'),
            (('doctor',), '`warder slo clear` of its namespace ends it')):
        said = b.node.warder(*command, ok=None)[1]
        if text not in said:
            raise Fail(' '.join(command), said)
    expect((False, False), (opened(b, 'shop/srv'), opened(b, 'far/cli')),
           'other namespaces')


def another_of_its_name_begins_shut(b):
    """Until it is slow itself: the terms are the operator's, and stay."""
    labels = b.c.namespaces.pop('slow')
    b.c.apply(shut_off())
    expect(False, opened(b), 'the Namespace is gone')
    wait_for('told', lambda: len(b.told('ends', None)) == 1)
    expect((None, None), (b.guard('slow')['audit_since'],
                          b.guard('slow')['slow_since']), 'forgotten')
    b.c.namespaces['slow'] = labels
    b.c.apply(shut_off())
    expect((False, False, False), reaches(b), 'another one')
    b.feed(lambda: b.guard('slow')['audit_since'])
    wait_for('opened', lambda: opened(b))


def who_says_a_mode_goes_before_it(b):
    """The alarm is over: what it opened is open until somebody shuts it."""
    expect((True, True, False), reaches(b), 'in audit')
    b.c.ns_annotations = {'slow': {'warder.io/mode': 'enforce'}}
    b.c.apply(shut_off())
    expect((False, False, False), reaches(b), 'the Namespace says enforce')
    expect([('slow', 0)], [(a['namespace'], a['pods']) for a in
                           b.node.status()['slo']['audit']], 'status')
    b.c.ns_annotations = {}
    b.c.apply(shut_off())
    expect_reach(True, b.pods['far/cli'], b.pods['slow/srv'], 'says nothing')


def nothing_is_known_while_nobody_connects(b):
    """3 windows of a second without any; then what was said counts again."""
    wait_for('not measured', lambda: b.by('slow', 'client')['guard'] ==
             'not measured')
    since = b.side('unmeasured_since')
    expect((None, since), (b.metric('slow', 'client'),
                           b.guard('slow')['unmeasured_since']), 'unmeasured')
    text = b.node.warder('status')[1]
    expect((True, False), (f'not measured since {since}' in text,
                           'SLOW: handshakes' in text), 'status')
    if f'not measured since {since}, slow before' not in b.node.warder(
            'slo', 'status', 'slow')[1]:
        raise Fail('slo status says nothing')
    b.feed(lambda: b.by('slow', 'client')['guard'] == 'slow')
    expect((1, 0), (b.metric('slow', 'client'), len(b.told('ends'))),
           'measured again')


def restart_keeps_alarm_and_baseline(b, base):
    b.node.stop_agent()
    b.node.start_agent(*b.node.agent_args, '--slo-times', '7')
    b.wait_known()
    expect((base, 'slow', 50), (
        b.side('baseline')['p50_ns'], b.by('slow', 'client')['guard'],
        b.guard('slow')['least']), 'after a restart')
    expect(1, len(b.told('begins')), 'told again')
    expect([(2, True, True), (7, False, False)],
           [tuple(b.guard(ns)[key] for key in
                  ('times', 'own_figures', 'own_action'))
            for ns in ('slow', 'shop')], 'what is its own, and what is not')
    b.node.warder('slo', 'clear', 'shop')


@test
def histograms_are_those_of_prometheus(b):
    said = b.node.warder('slo', 'set', 'shop')[1]
    if 'by 150 us' not in said or '600 handshakes' not in said:
        raise Fail('not what the agent was told', said)
    text = b.node.warder('metrics')[1]
    rows = [line.rsplit(' ', 1) for line in text.splitlines()
            if line.startswith('warder_handshake_seconds')
            and 'side="server"' in line]
    counts = [int(n) for name, n in rows if '_bucket' in name]
    want = b.by('shop', 'server')['handshakes']
    expect((21, want), (len(counts), counts[-1]), 'buckets')
    expect(sorted(counts), counts, 'they only grow')
    if not 0 < float(rows[-2][1]) < 60 * want:
        raise Fail('sum', rows[-2])
    code, said = lint(text)
    expect((0, ''), (code, said), 'promtool')
    b.node.warder('slo', 'clear', 'shop')


def runs(b):
    return [bpf.prog_runs(p['id']) for p in b.node.status()['programs']]


@test
def run_time_is_counted_while_it_is_asked_for(b):
    stop = threading.Event()

    def talk():
        while not stop.is_set():
            b.connect('far/cli', 'shop/srv', 5)
    thread = threading.Thread(target=talk)
    thread.start()
    try:
        doc = json.loads(b.node.warder('slo', 'runtime', '--for', '1s',
                                       '--json')[1])
        note(b.node.warder('slo', 'runtime')[1])
        before = runs(b)
        counts = b.counts()
        wait_for('connections', lambda: b.counts() != counts)
        expect(before, runs(b), 'runs when nobody asks')
    finally:
        stop.set()
        thread.join()
    expect(['egress', 'ingress'], sorted(p['direction']
                                         for p in doc['programs']), 'programs')
    for prog in doc['programs']:
        # a handshake has three packets, and the end more
        if prog['runs'] < 15 or not 1 <= prog['mean_ns'] \
                <= prog['worst_mean_ns'] < 1e9:
            raise Fail('runs', prog)


@test
def a_namespace_without_pods_is_refused(b):
    code, _, err = b.node.warder('slo', 'status', 'nobody', ok=None)
    expect(1, code, 'exit code')
    if 'nobody' not in err:
        raise Fail('says', err)


def main():
    tap = Tap()
    b = None
    try:
        b = Bench()
        for function in TESTS:
            if len(sys.argv) < 2 or sys.argv[1] in function.__name__:
                tap.run('slo: ' + function.__name__.replace('_', ' '),
                        function, b)
    finally:
        if b:
            b.c.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
