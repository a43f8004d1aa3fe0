#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""`warder flow list` shows what there is, with and without an agent."""
import json
import sys

from wdnet.solo import Solo, expect_reach, reach
from wdnet.tap import Fail, Tap, expect

FAMILIES = (4, 6)


def listed(c, *args, ok=0):
    """The flows, read in the node's namespaces as a person there would."""
    node = c.only_node
    code, out, err = node.ns.run(
        [warder(), 'flow', 'list', *args, '--json', '--run-dir', node.run_dir,
         '--bpffs', node.bpffs], check_rc=False)
    expect(ok, code, f'exit code of flow list {" ".join(args)}: {err}')
    return json.loads(out)['flows'] if not ok else json.loads(err)


def warder():
    from wdnet.node import WARDER
    return WARDER


def legs(flows, src, dst, family, port, proto='tcp'):
    """The flow's entry at its sender and at its receiver."""
    out = [f for f in flows if f.get('name') == src.name
           and f['peer'] == dst.ips[family] and f['proto'] == proto
           and f.get('peer_port') == port]
    into = [f for f in flows if f.get('name') == dst.name
            and f['peer'] == src.ips[family] and f['proto'] == proto
            and f.get('port') == port]
    return out, into


def test_both_legs(c):
    srv, ok, bad = c.pods
    for family in FAMILIES:
        expect_reach(True, ok, srv, family=family)
        expect_reach(True, ok, srv, proto='udp', port=81, family=family)
        for proto, port in (('tcp', 80), ('udp', 81)):
            out, into = legs(listed(c), ok, srv, family, port, proto)
            expect((1, 1), (len(out), len(into)), f'v{family} {proto} legs')
            expect(('egress', 'ingress'),
                   (out[0]['direction'], into[0]['direction']), 'direction')
            expect(out[0]['port'], into[0]['peer_port'], 'source port')
            expect('NOT_ISOLATED', out[0]['reason'], 'why it may leave')
            expect('POLICY_ALLOW', into[0]['reason'], 'why it may come')
            if into[0]['state'] not in ('replied', 'closing'):
                raise Fail('an answered flow is neither replied nor closing',
                           str(into[0]))


def test_denied(c):
    srv, _, bad = c.pods
    for family in FAMILIES:
        expect(False, reach(bad, srv, timeout=0.5, family=family), 'denied')
        out, into = legs(listed(c), bad, srv, family, 80)
        expect(1, len(out), 'leg of who may send')
        expect('unreplied', out[0]['state'], 'its state')
        if not 0 < out[0]['expires_in_s'] <= 30:
            raise Fail('lives too long without an answer', str(out[0]))
        expect([], into, 'leg of who may not be reached')


def test_one_pod(c):
    srv, ok, _ = c.pods
    expect_reach(True, ok, srv)
    mine = listed(c, 'shop/srv')
    expect({'srv'}, {f['name'] for f in mine}, 'endpoints listed')
    expect(1, listed(c, 'shop/nobody', ok=1)['code'], 'a pod that is not here')
    expect(2, listed(c, 'nobody', ok=2)['code'], 'no pod')


def test_no_agent(c):
    srv, ok, _ = c.pods
    node = c.only_node
    expect_reach(True, ok, srv)
    before = {(f['endpoint'], f['peer']) for f in listed(c, 'shop/srv')}
    node.stop_agent(9)
    try:
        flows = listed(c)
        if not before <= {(f['endpoint'], f['peer']) for f in flows}:
            raise Fail('a flow is not told of without the agent')
        expect(set(), {f['name'] for f in flows if 'name' in f}, 'names')
        expect(3, listed(c, 'shop/srv', ok=3)['code'], 'one pod, no agent')
        code, out, _ = node.ns.run([warder(), 'flow', 'list', '--run-dir',
                                    node.run_dir, '--bpffs', node.bpffs])
        if not any(line.startswith('#') for line in out.split('\n')):
            raise Fail('no endpoint has a number', out)
        print('\n'.join('# ' + x for x in out.split('\n')[:4]))
    finally:
        node.start_agent()
    code, _, err = node.ns.run([warder(), 'flow', 'list', '--bpffs',
                                '/nowhere'], check_rc=False)
    expect(1, code, 'no table there')
    if 'flow table' not in err:
        raise Fail('does not say what it could not read', err)
    _, out, _ = node.ns.run([warder(), 'flow', 'list', '--run-dir',
                             node.run_dir, '--bpffs', node.bpffs])
    print('\n'.join('# ' + x for x in out.split('\n')))


def main():
    tap = Tap()
    c = Solo(FAMILIES)
    try:
        c.three()
        for name, test in (('both legs of a flow are listed', test_both_legs),
                           ('what is denied has no leg', test_denied),
                           ('one pod', test_one_pod),
                           ('without an agent', test_no_agent)):
            tap.run('flow list: ' + name, test, c)
    finally:
        c.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
