#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A policy on trial (warder.io/audit), and what a pod's own mode lifts and what
it does not, between real pods.

    test_audit.py [PART-OF-A-NAME]
"""
import json
import select
import sys

from cases.dsl import into, sel
from test_tiers import ALL, cluster_np, pod, rule
from wdnet.ask import allowed, denied
from wdnet.cluster import e2e
from wdnet.shared import Shared, each_rung, pin
from wdnet.tap import expect

SHARED = Shared()


def on_trial(policy, says='true'):
    return {**policy, 'metadata': {
        **policy['metadata'], 'annotations': {'warder.io/audit': says}}}


def audited(c, dst):
    """Packets to @dst that audit let pass, by its node's counters."""
    p = c.pod(dst)
    doc = json.loads(p.node.warder('endpoint', 'get', dst, '--json')[1])
    return doc['counters']['ingress']['audit']['packets']


def verdict(c, src, dst):
    p = c.pod(dst)
    code, out, _ = p.node.warder('why', src, dst + ':80', '--json', ok=None)
    doc = json.loads(out)
    expect(doc['verdict'] == 'drop', code == 1, 'exit code')
    return doc['verdict'], doc['reason'], bool(doc.get('on_trial'))


@SHARED.test
def a_policy_on_trial_is_told_and_drops_nothing(c):
    shut = into('x', sel(pod='a'))
    c.apply([on_trial(shut)])
    before = audited(c, 'x/a')
    allowed(c.pod('y/a'), c.pod('x/a'))
    expect(True, audited(c, 'x/a') > before, 'the counter moved')
    expect(('audit', 'DEFAULT', True), verdict(c, 'y/a', 'x/a'), 'why')
    c.apply([on_trial(shut, 'false')])
    denied(c.pod('y/a'), c.pod('x/a'))
    c.apply([on_trial(shut, 'perhaps')])  # told, and enforced
    denied(c.pod('y/a'), c.pod('x/a'))
    out = c.nodes[0].warder('status', '--json', ok=None)[1]
    expect(True, 'warder.io/audit' in out, 'status names the annotation')


@SHARED.test
def what_a_trial_would_drop_is_an_event_of_its_own(c):
    c.apply([on_trial(into('x', sel(pod='a'))),
             on_trial(cluster_np('try', 0, rule('Deny', pod('y', 'b'))))])
    pin(c, 'full')  # not all tell of packets
    node = c.pod('x/a').node
    for src, reason, policy in (('y/a', 'DEFAULT', 'NetworkPolicy/x/policy'),
                                ('y/b', 'POLICY', 'ClusterNetworkPolicy/try')):
        watch = node.warder_popen('monitor', '--json', '--pod', 'x/a',
                                  '--verdict', 'audit', '--reason', reason,
                                  '--policy', policy)
        try:
            for _ in range(20):  # it may not listen yet
                allowed(c.pod(src), c.pod('x/a'))
                if select.select([watch.stdout], [], [], 1)[0]:
                    break
            allowed(c.pod(src), c.pod('x/a'))
            # answers are told of, too: no flow makes them such
            event = next(e for e in map(json.loads, watch.stdout)
                         if e['direction'] == 'ingress')
        finally:
            watch.terminate()
            watch.communicate(timeout=10)
        rule_of = (event['rule'] or {}).get('name')
        expect(('audit', reason, 'try' if src == 'y/b' else None),
               (event['verdict'], event['reason'], rule_of), f'event {event}')
        if src == 'y/a':
            expect(['policy'], [p['name'] for p in event.get('isolated_by', [])],
                   f'event {event}')
    c.apply([])


@SHARED.test
def what_is_enforced_holds_beside_it(c):
    c.apply([on_trial(into('x', sel(pod='a'))),
             cluster_np('deny', 1, rule('Deny', pod('y', 'a'))),
             on_trial(cluster_np('try', 0, rule('Accept', pod('y', 'a')),
                                 rule('Deny', pod('y', 'b'))))])
    for _ in each_rung(c):
        denied(c.pod('y/a'), c.pod('x/a'))
        allowed(c.pod('y/b'), c.pod('x/a'))
        allowed(c.pod('z/a'), c.pod('x/a'))
    c.apply([])


@SHARED.test
def a_pod_lifts_what_its_namespace_says_and_nothing_of_the_cluster(c):
    policies = [into('x', sel(pod='a')),
                cluster_np('deny', 1, rule('Deny', pod('y', 'a')))]
    try:
        for mode in ('off', 'audit'):
            c.pod('x/a').annotations = {'warder.io/mode': mode}
            c.apply(policies)
            for _ in each_rung(c):
                denied(c.pod('y/a'), c.pod('x/a'))
                allowed(c.pod('y/b'), c.pod('x/a'))
            expect(('drop', 'POLICY', False), verdict(c, 'y/a', 'x/a'), mode)
            want = ('allow', 'NOT_ISOLATED', False) if mode == 'off' else \
                ('audit', 'DEFAULT', True)
            expect(want, verdict(c, 'y/b', 'x/a'), mode)
        # with nothing of the cluster it is lifted as a whole
        c.pod('x/a').annotations = {'warder.io/mode': 'off'}
        c.apply(policies[:1])
        allowed(c.pod('y/a'), c.pod('x/a'))
        expect(('allow', 'MODE_OFF', False), verdict(c, 'y/a', 'x/a'), 'off')
        # who may write the namespace may lift all
        c.pod('x/a').annotations = {}
        c.ns_annotations = {'x': {'warder.io/mode': 'off'}}
        c.apply(policies)
        allowed(c.pod('y/a'), c.pod('x/a'))
    finally:
        c.pod('x/a').annotations = {}
        c.ns_annotations = {}
        c.apply([])
    allowed(c.pod('y/a'), c.pod('x/a'))


@SHARED.test
def a_connection_ends_when_the_trial_does(c):
    shut = cluster_np('deny', 1, rule('Deny', ALL))
    c.apply([on_trial(shut)])
    allowed(c.pod('y/b'), c.pod('x/b'))
    c.apply([shut])
    denied(c.pod('y/b'), c.pod('x/b'))
    c.apply([])


if __name__ == '__main__':
    sys.exit(SHARED.main(e2e))
