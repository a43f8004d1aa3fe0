#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What programs count by rule: exactly what was sent, for the rule that decided,
through another policy, a restart and other rungs; gone with the rule.
"""
import itertools
import json
import sys
import time

from wdnet.ask import Flow
from wdnet.solo import Solo, expect_reach, ingress_policy, reach
from wdnet.tap import Fail, Tap, expect

FAMILIES = (4, 6)
PORT = 81  # of UDP, answered
MANY = 64
PORTS = itertools.count(10001)  # of ours: no flow is like one before
NAME = 'NetworkPolicy/shop/srv'
HEADERS = {4: 14 + 20 + 8, 6: 14 + 40 + 8}
KEYS = ('packets', 'bytes', 'new_flows')


def rules_of(*peers):
    """One rule for each peer."""
    policy = ingress_policy('srv', 'srv', *peers)
    rule = policy['spec']['ingress'][0]
    policy['spec']['ingress'] = [{'from': [peer]} for peer in rule['from']]
    return policy


def asked(c, *args):
    return json.loads(c.only_node.warder('policy', *args, '--json')[1])


def counts(c, index=0):
    got = asked(c, 'get', NAME)['rules'][index]['counts']
    return got and tuple(got[k] for k in KEYS)


def grown(c, was, index=0):
    return tuple(b - a for a, b in zip(was, counts(c, index)))


def ask_many(c, family):
    """Questions of new flows, each answered once. Return: bytes of both."""
    srv, ok = c.pods[:2]
    for _ in range(MANY):
        sport = next(PORTS)
        got = ok.handle.ask('hold', ident=sport, proto='udp', sport=sport,
                            dst=srv.ips[family], port=PORT, timeout=6.0)
        expect(srv.key, got['answer'], f'answer to port {sport}')
        ok.handle.ask('drop', ident=sport)
    return MANY * (2 * HEADERS[family] + len('?') + len(srv.key))


def say(flow, times):
    for _ in range(times):
        flow.client_speaks(True)
    return times * (2 * HEADERS[flow.family] + len('hello')
                    + len(flow.dst.key))


def open_flow(c, family):
    flow = Flow(c.pods[1], c.pods[0], family, 'udp', PORT)
    flow.family = family
    return flow


def test_exact(c):
    for family in FAMILIES:
        was, other = counts(c), counts(c, 1)
        size = ask_many(c, family)
        expect((2 * MANY, size, MANY), grown(c, was), f'v{family} new flows')
        flow = open_flow(c, family)
        was = counts(c)
        size = say(flow, MANY)
        expect((2 * MANY, size, 0), grown(c, was), f'v{family} one flow')
        expect(other, counts(c, 1), 'a rule that decided nothing')
        flow.close()


def test_denied(c):
    srv, _, bad = c.pods
    was = counts(c)
    expect(False, reach(bad, srv, timeout=0.5), 'a peer of no rule')
    expect((0, 0, 0), grown(c, was), 'the rule that was not met')


def test_deny_rule(c):
    """What a rule denies is counted at each packet, and lets in no flow."""
    srv, _, bad = c.pods
    c.apply([*c.policies, {
        'apiVersion': 'cilium.io/v2', 'kind': 'CiliumNetworkPolicy',
        'metadata': {'name': 'not-bad', 'namespace': 'shop'},
        'spec': {'endpointSelector': {'matchLabels': {'app': 'srv'}},
                 'ingressDeny': [{'fromEndpoints': [
                     {'matchLabels': {'app': 'bad'}}]}]}}])
    was = c.only_node.counter('POLICY', 'ingress')
    expect(False, reach(bad, srv, 'udp', PORT, timeout=0.5), 'denied')
    got = asked(c, 'get', 'CiliumNetworkPolicy/shop/not-bad')['rules'][0]
    dropped = c.only_node.counter('POLICY', 'ingress') - was
    expect(1, dropped, 'packets dropped by the rule')
    expect((dropped, 0), (got['counts']['packets'],
                          got['counts']['new_flows']), 'counted')
    c.apply(c.policies[:1])


def test_rejudged(c):
    """Flows judged anew count on; other rules' numbers are left alone."""
    flow = open_flow(c, 4)
    was = counts(c)
    for n in range(3):
        c.apply([rules_of('ok', 'nobody'),
                 ingress_policy(f'other{n}', 'bad', 'srv', 'ok')])
        say(flow, 4)
    expect((24, 0), grown(c, was)[::2], 'packets and new flows')
    c.apply([rules_of('ok', 'nobody')])
    flow.close()


def test_restart(c):
    flow = open_flow(c, 4)
    say(flow, 2)
    was = counts(c)
    node = c.only_node
    node.stop_agent()
    say(flow, 5)
    ask_many(c, 4)
    node.start_agent()
    say(flow, 2)
    expect((14 + 2 * MANY, MANY), grown(c, was)[::2], 'packets, new flows')
    flow.close()


def test_rungs(c):
    node, was = c.only_node, counts(c)
    for rung in ('compat', 'minimal', 'nft', 'full'):
        node.warder('ladder', 'pin', rung)
        expect(rung, node.status()['rung'], 'rung')
        ask_many(c, 4)
        rule = asked(c, 'get', NAME)['rules'][0]
        if rung in ('compat', 'full'):
            expect(None, rule['not_counted'], f'why not, on {rung}')
            continue
        expect(None, rule['counts'], f'counts on {rung}')
        if rung not in rule['not_counted']:
            raise Fail('does not say why', rule['not_counted'])
    node.warder('ladder', 'pin', 'auto')
    expect((4 * MANY, 2 * MANY), grown(c, was)[::2], 'two rungs of four')


def test_unused(c):
    def of(doc, key):
        return [(r['name'], r['index']) for r in doc[key]]
    ask_many(c, 4)
    doc = asked(c, 'unused')
    expect(([('srv', 1)], []), (of(doc, 'unused'), of(doc, 'not_known')),
           'rules without a hit')
    doc = asked(c, 'unused', '--since', '1h')
    expect(([], [('srv', 1)]), (of(doc, 'unused'), of(doc, 'not_known')),
           'rules that are not an hour old')
    _, text, _ = c.only_node.warder('metrics')
    got = [x.split()[1] for x in text.split('\n')
           if x.startswith('warder_policy_rules{')]
    expect(['1', '1', '0'], got, 'hit, unused and not known, in metrics')
    _, text, _ = c.only_node.warder('policy', 'unused')
    print('\n'.join('# ' + x for x in text.split('\n')))
    _, text, _ = c.only_node.warder('policy', 'get', NAME)
    print('\n'.join('# ' + x for x in text.split('\n')))
    _, text, _ = c.only_node.warder('policy', 'list')
    print('\n'.join('# ' + x for x in text.split('\n')))


def no_hit_since(c):
    return asked(c, 'get', NAME)['rules'][1]['counts']['no_hit_since']


def test_gap(c):
    """What went by while nobody counted is no proof that there was nothing."""
    node, was = c.only_node, no_hit_since(c)
    time.sleep(1.1)  # times are told to a second
    begin = time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime())
    time.sleep(1.1)
    for rung in ('nft', 'full'):
        node.warder('ladder', 'pin', rung)
        expect(rung, node.status()['rung'], 'rung')
    now = no_hit_since(c)
    if not was < begin < now:
        raise Fail('no hit since', was, begin, now)
    node.stop_agent()
    node.start_agent()
    if no_hit_since(c) <= begin:
        raise Fail('forgotten by a restart', no_hit_since(c))
    doc = asked(c, 'unused', '--since', begin[:10])
    expect([], doc['unused'], 'known since midnight')
    node.warder('ladder', 'pin', 'auto')


def test_gone(c):
    """A rule that comes again begins anew, and a place has no memory."""
    expect_reach(True, c.pods[1], c.pods[0])
    if not counts(c)[0]:
        raise Fail('nothing was counted')
    c.apply([ingress_policy('other', 'bad')])
    c.apply([rules_of('ok', 'nobody')])
    expect((0, 0, 0), counts(c), 'counts of a rule that came again')


TESTS = (
    ('each packet sent is counted once', test_exact),
    ('what no rule lets in is no rule\'s', test_denied),
    ('what a rule denies is counted', test_deny_rule),
    ('flows judged anew count on', test_rejudged),
    ('a restart of the agent loses none', test_restart),
    ('rungs that do not count say so', test_rungs),
    ('rules without a hit are listed', test_unused),
    ('what was not counted is not taken for unused', test_gap),
    ('counts end with their rule', test_gone),
)


def main():
    tap = Tap()
    c = Solo(FAMILIES)
    try:
        c.three()
        c.apply([rules_of('ok', 'nobody')])
        for name, test in TESTS:
            tap.run('hits: ' + name, test, c)
    finally:
        c.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
