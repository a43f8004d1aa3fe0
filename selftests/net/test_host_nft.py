#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Policies about the node itself on rung nft, where a ruleset judges by the
same tables.

    test_host_nft.py [PART-OF-A-NAME]
"""
import signal
import sys

from test_host import (LONG, Held, confirm, host_of, host_policy, links, make,
                       ports, reach, restart, state_of)
from wdnet.ask import answered, until
from wdnet.cluster import WORLD
from wdnet.shared import Shared
from wdnet.tap import expect

SHARED = Shared()
NFT = (*LONG, '--max-rung', 'nft')


def chains(node):
    """Of the table that are about the node itself."""
    out = node.ns.run(['nft', 'list', 'ruleset'])[1]
    return sorted(line.split()[1] for line in out.splitlines()
                  if line.strip().startswith('chain host_')
                  and line.split()[1] != 'host_reply')


@SHARED.test
def without_a_policy_there_are_no_chains(c):
    a = c.node('node-a')
    expect(('nft', []), (a.status()['rung'], chains(a)), 'node-a')
    reach(True, c, a)


@SHARED.test
def ingress_is_judged_and_some_ports_stay_open(c):
    a, b = c.nodes
    c.apply([host_policy('in', ingress=[
        {'fromEntities': ['remote-node'],
         'toPorts': ports(80, proto='ANY')},
        {'fromEndpoints': [{'matchLabels': {'pod': 'b'}}]}])])
    confirm(a)
    for proto in ('tcp', 'udp'):
        reach(True, b, a, 80, proto)
        reach(False, b, a, 81, proto)
        reach(False, c, a, 80, proto)
        reach(False, c.pod('x/a'), a, 80, proto)
        reach(True, c.pod('x/b'), a, 81, proto)
        reach(True, a, WORLD['ext1'], 80, proto)  # and what comes back
        reach(True, a, a, 81, proto)  # by lo
        reach(True, a, c.pod('x/a'), 80, proto)
    reach(True, c, a, 22)
    reach(True, c.pod('x/a'), a, 22)
    reach(False, c, a, 22, 'udp')
    # what goes through the node is none of its business
    reach(True, c, c.pod('x/a'))
    reach(True, c.pod('x/a'), WORLD['ext1'])
    reach(True, c.pod('x/a'), c.pod('x/b'))
    expect(True, a.counter('DEFAULT', 'ingress') > 0, 'drops are counted')
    c.apply([])
    expect(('none', []), (state_of(a), chains(a)), 'taken off')
    reach(True, c, a)


@SHARED.test
def egress_is_judged_but_not_answers_nor_own_pods(c):
    a, b = c.nodes
    c.apply([host_policy('out', egress=[
        {'toCIDR': [ip + ('/128' if f == 6 else '/32')
                    for f, ip in WORLD['ext1'].items()],
         'toPorts': ports(80)}], egressDeny=[
        {'toCIDR': [ip + ('/128' if f == 6 else '/32')
                    for f, ip in WORLD['ext1'].items()],
         'toPorts': ports(22)}])])
    confirm(a)
    reach(True, a, WORLD['ext1'])
    reach(False, a, WORLD['ext1'], 80, 'udp')
    reach(False, a, WORLD['ext2'])
    reach(False, a, b)
    reach(True, b, a, 81)  # ingress is not isolated, and answers go out
    reach(True, c, a, 81, 'udp')
    reach(True, a, c.pod('x/a'))
    reach(False, a, c.pod('x/b'))
    reach(True, c.pod('x/a'), c.pod('x/b'))
    expect(True, a.counter('DEFAULT', 'egress') > 0, 'drops are counted')
    c.apply([])


@SHARED.test
def connections_of_before_go_on_as_policy_says(c):
    a, b = c.nodes
    ssh, web = Held(c, a, 22), Held(c, a, 81)
    mine, other = Held(a, WORLD['ext1'], 80), Held(a, b, 80)
    c.apply([host_policy(
        'both', ingress=[{'fromEntities': ['remote-node']}],
        egress=[{'toEntities': ['world']}])])
    ssh.speaks(True)
    mine.speaks(True)
    web.speaks(False)
    other.speaks(False)
    c.apply([])
    for held in (ssh, mine, web, other):
        held.end()


@SHARED.test
def a_try_ends_without_an_agent_too(c):
    a = c.node('node-a')
    c.apply([host_policy('q', ingress=[{'toPorts': ports(80)}])])
    confirm(a)
    restart(a, '--max-rung', 'nft', '--host-confirm', '8s')
    expect(('confirmed', True, ''), (state_of(a), host_of(a)['enforced'],
                                     host_of(a)['why']), 'host')
    c.apply([host_policy('q', ingress=[{'toPorts': ports(81)}])])
    reach(True, c, a, 81)
    a.stop_agent(signal.SIGKILL)
    until(True, lambda: bool(answered(c, a.ips[4], 'tcp', 80, False)),
          'what was confirmed', 30)
    reach(True, c, a, 80)
    reach(False, c, a, 81)
    a.start_agent(*NFT)
    expect('taken back', state_of(a), 'state')
    reach(True, c, a, 80)
    reach(False, c, a, 81)
    c.apply([])


@SHARED.test
def the_program_and_the_ruleset_take_over_from_each_other(c):
    a = c.node('node-a')
    c.apply([host_policy('r', ingress=[{'toPorts': ports(80)}])])
    confirm(a)
    restart(a, *LONG, '--max-rung', 'full')
    expect((4, []), (len(links(a)), chains(a)), 'by the program')
    reach(True, c, a, 80)
    reach(False, c, a, 81)
    restart(a, *NFT)
    expect(([], True), (links(a), 'host_in' in chains(a)), 'by the ruleset')
    reach(True, c, a, 80)
    reach(False, c, a, 81)
    c.apply([])


if __name__ == '__main__':
    sys.exit(SHARED.main(lambda: make('--max-rung', 'nft')))
