#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Who is denied something is told so, where warder.io/deny-response says it: a
reset, or "prohibited" by ICMP, between real sockets.

    test_reject.py [PART-OF-A-NAME]

x/a and y/b are pods of node-a, routed; x/b and y/a of node-b, on a bridge.
"""
import errno
import json
import os
import select
import socket
import sys

from cases.dsl import into, out_of, sel
from test_tiers import cluster_np, pod, rule
from wdnet.ask import Flow, allowed
from wdnet.cluster import WORLD, e2e
from wdnet.frag import inside
from wdnet.shared import Shared, pin
from wdnet.tap import expect

SHARED = Shared()
SAYS = 'warder.io/deny-response'
OWED_S, SILENCE_S = 8.0, 0.7
PROHIBITED = {4: errno.EHOSTUNREACH, 6: errno.EACCES}
FAMILIES = (4, 6)
SO_MARK = 36


def told(src, family, dst_ip, proto='tcp', port=80, wait=OWED_S, src_ip=None):
    """What a socket of @src is told of @dst_ip: the name of the errno, '' if
    it is let in, None if nobody says anything."""
    kind = socket.SOCK_STREAM if proto == 'tcp' else socket.SOCK_DGRAM

    def ask():
        with socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET,
                           kind) as sock:
            sock.settimeout(wait)
            if src_ip:
                sock.bind((src_ip, 0))
            try:
                sock.connect((dst_ip, port))
                if proto == 'udp':
                    sock.send(b'who is there')
                    sock.recv(100)
            except socket.timeout:
                return None
            except OSError as e:
                return errno.errorcode[e.errno]
        return ''
    return inside(src.space, ask)


def expect_told(src, dst, family, **kw):
    """Both protocols, at once; @dst is a pod, or an address."""
    ip = getattr(dst, 'ips', {family: dst})[family]
    where = f'{getattr(src, "key", "world")} -> {ip}'
    expect('ECONNREFUSED', told(src, family, ip, **kw), where + ' tcp')
    expect(errno.errorcode[PROHIBITED[family]],
           told(src, family, ip, proto='udp', **kw), where + ' udp')


def expect_silence(src, dst, family):
    for proto in ('tcp', 'udp'):
        expect(None, told(src, family, dst.ips[family], proto,
                          wait=SILENCE_S), f'{src.key} -> {dst.key} {proto}')


def annotate(c, policies, **says):
    c.ns_annotations = {ns: {SAYS: text} for ns, text in says.items()}
    c.apply(policies)


def endpoint(c, key):
    node = c.pod(key).node
    return json.loads(node.warder('endpoint', 'get', key, '--json')[1])


def shut(ns, *pods):
    return [into(ns, sel(pod=p), name='in-' + p) for p in pods]


def mute(ns, *pods):
    return [out_of(ns, sel(pod=p), name='out-' + p) for p in pods]


@SHARED.test
def nobody_is_told_where_nobody_asked_for_it(c):
    annotate(c, shut('x', 'a') + mute('y', 'a'))
    for family in FAMILIES:
        expect_silence(c.pod('y/b'), c.pod('x/a'), family)
        expect_silence(c.pod('y/a'), c.pod('z/a'), family)
    annotate(c, shut('x', 'a'), x='drop', y='reject')
    for family in FAMILIES:
        expect_silence(c.pod('y/b'), c.pod('x/a'), family)
    expect('drop', endpoint(c, 'x/a')['deny_response'], 'endpoint get')


@SHARED.test
def a_pod_is_told_what_it_may_not_send(c):
    annotate(c, mute('y', 'a', 'b'), y='reject')
    for family in FAMILIES:
        for src in ('y/a', 'y/b'):       # on a bridge, routed
            for dst in ('x/a', 'x/b'):   # here and elsewhere
                expect_told(c.pod(src), c.pod(dst), family)
            expect_told(c.pod(src), WORLD['ext1'][family], family)
    answers = endpoint(c, 'y/b')['answers']
    expect(True, answers['sent'] >= 12, f'sent {answers}')
    expect(0, answers['failed'], 'failed')
    allowed(c.pod('x/a'), c.pod('x/b'))


@SHARED.test
def a_sender_is_told_what_a_pod_may_not_get(c):
    annotate(c, shut('x', 'a', 'b'), x='reject')
    for family in FAMILIES:
        for dst in ('x/a', 'x/b'):
            for src in ('y/a', 'y/b'):
                expect_told(c.pod(src), c.pod(dst), family)
            expect_told(c, c.pod(dst), family,
                        src_ip=WORLD['ext1'][family])
    allowed(c.pod('x/a'), c.pod('y/b'))


def says(policy, text):
    return {**policy, 'metadata': {
        **policy['metadata'], 'annotations': {SAYS: text}}}


def why_told(c, src, dst):
    node = c.pod(dst).node
    out = node.warder('why', src, dst + ':80', '--json', ok=None)[1]
    return json.loads(out)['sender_is_told']


@SHARED.test
def a_policy_says_it_of_what_it_denies(c):
    deny = cluster_np('deny', 1, rule('Deny', pod('y', 'a')))
    allow = cluster_np('let', 0, rule('Accept', pod('z', 'a')))
    a, b, d = c.pod('y/a'), c.pod('y/b'), c.pod('x/a')
    # who is denied by a rule, and who by isolation
    for rule_says, ns_says, told_a, told_b in (
            ('reject', 'drop', True, False), ('drop', 'reject', False, True)):
        annotate(c, [says(deny, rule_says), allow] + shut('x', 'a'),
                 x=ns_says)
        for family in FAMILIES:
            for src, is_told in ((a, told_a), (b, told_b)):
                expect(is_told, why_told(c, src.key, 'x/a'), 'why')
                if is_told:
                    expect_told(src, d, family)
                else:
                    expect_silence(src, d, family)
        allowed(c.pod('z/a'), d)
    annotate(c, [deny, allow] + [says(p, 'reject') for p in shut('x', 'a')])
    for family in FAMILIES:
        expect_told(b, d, family)
        expect_silence(a, d, family)
    expect([False, True], [why_told(c, s, 'x/a') for s in ('y/a', 'y/b')],
           'why')
    # one that wants silence gets it
    second = into('x', sel(pod='a'), name='more')
    annotate(c, [says(second, 'drop')]
             + [says(p, 'reject') for p in shut('x', 'a')], x='reject')
    expect_silence(b, d, 4)


def responses(c, key):
    return c.pod(key).node.status()['deny_responses']


def event_of(c, key, send):
    """What the monitor says of what is denied for policy, while @send does."""
    watch = c.pod(key).node.warder_popen('monitor', '--json', '--pod', key,
                                         '--reason', 'DEFAULT')
    try:
        for _ in range(20):  # it may not listen yet
            send()
            if select.select([watch.stdout], [], [], 1)[0]:
                return json.loads(watch.stdout.readline())
    finally:
        watch.terminate()
        watch.communicate(timeout=10)
    return None


@SHARED.test
def events_and_counters_tell_that_it_was_told(c):
    annotate(c, shut('x', 'a') + mute('z', 'a'), x='reject')
    pin(c, 'full')
    y, z, dst = c.pod('y/b'), c.pod('z/a'), c.pod('x/a')
    before = responses(c, 'x/a')
    event = event_of(c, 'x/a', lambda: expect_told(y, dst, 4))
    expect(True, event['sender_is_told'], f'event {event}')
    after = responses(c, 'x/a')
    for kind in ('reset', 'prohibited'):
        expect(True, after['ingress'][kind] > before['ingress'][kind],
               f'{kind}: {before} {after}')
        expect(before['egress'][kind], after['egress'][kind],
               f'{kind} of what it sends')
    text = dst.node.warder('metrics')[1]
    line = 'warder_deny_responses_total{kind="reset",direction="ingress"} ' \
        f'{after["ingress"]["reset"]}'
    expect(True, line in text, line)
    event = event_of(c, 'z/a', lambda: expect_silence(z, c.pod('y/a'), 4))
    expect(None, event.get('sender_is_told'), f'event {event}')


@SHARED.test
def what_must_be_encrypted_is_not_answered_in_clear(c):
    """What a wire does not let out is not let out as an answer either."""
    annotate(c, shut('x', 'a') + mute('y', 'b'), x='reject', y='reject')
    c.ns_annotations = {ns: {SAYS: 'reject',
                             'warder.io/encryption': 'required'}
                        for ns in 'xy'}
    c.apply(shut('x', 'a') + mute('y', 'b'))
    for family in FAMILIES:
        # on one node nothing goes by a wire: both are told
        expect_told(c.pod('y/b'), c.pod('x/a'), family)
        # from another node it comes in clear: dropped before policy, unanswered
        expect_silence(c.pod('y/a'), c.pod('x/a'), family)
        # what a pod may not send stays on its node, and it is told
        expect_told(c.pod('y/b'), c.pod('x/b'), family)
    annotate(c, [])


@SHARED.test
def a_connection_that_is_no_longer_allowed_is_reset(c):
    annotate(c, [], x='reject')
    flows = [Flow(c.pod(src), c.pod('x/a'), family)
             for src in ('y/a', 'y/b') for family in FAMILIES]
    for flow in flows:
        flow.client_speaks(True)
    annotate(c, shut('x', 'a'), x='reject')
    for flow in flows:
        # a reset, not silence: what ends it is told at once
        got = flow.src.handle.ask('say', ident=flow.ident, text='hello',
                                  timeout=OWED_S)
        expect('ECONNRESET', got['why'], flow.where)
        flow.close()


@SHARED.test
def a_pod_gains_nothing_by_a_mark(c):
    annotate(c, mute('y', 'b'), y='reject')
    pod_b, dst = c.pod('y/b'), c.pod('x/a')

    def marked():
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, SO_MARK, 0x12345677)
            sock.settimeout(OWED_S)
            return sock.connect_ex((dst.ips[4], 80))
    sent = pod_b.node.counter('ANSWER', 'egress')
    expect(errno.ECONNREFUSED, inside(pod_b.space, marked), 'as without')
    expect(sent, pod_b.node.counter('ANSWER', 'egress'), 'none got out')


@SHARED.test
def it_holds_on_compat_and_not_below(c):
    annotate(c, shut('x', 'a') + mute('y', 'b'), x='reject', y='reject')
    try:
        pin(c, 'compat')
        for family in FAMILIES:
            expect_told(c.pod('y/a'), c.pod('x/a'), family)
            expect_told(c.pod('y/b'), c.pod('z/a'), family)
        for rung in ('minimal', 'nft'):
            pin(c, rung)
            before = responses(c, 'x/a')
            for family in FAMILIES:
                expect_silence(c.pod('y/b'), c.pod('x/a'), family)
                expect_silence(c.pod('y/b'), c.pod('z/a'), family)
            expect(before, responses(c, 'x/a'), rung)
    finally:
        pin(c, 'full')


if __name__ == '__main__':
    os.environ.setdefault('PYTHONUNBUFFERED', '1')
    sys.exit(SHARED.main(e2e))
