#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Policies about the node itself where its program cannot be had, as on kernels
before 6.6: a ruleset of their own judges, beside the programs of pods.

    test_host_rules.py [PART-OF-A-NAME]
"""
import json
import signal
import sys
import time

import test_host_nft
from test_host import (LONG, Held, confirm, host_of, host_policy, links, make,
                       ports, reach, restart, state_of)
from test_host_nft import NFT, chains
from test_host_rungs import Knocking, age_tables
from wdnet.ask import answered, until
from wdnet.refuse import Refuse
from wdnet.shared import Shared
from wdnet.tap import expect

SHARED = Shared()
NO_PROGRAM = 'bpf:PROG_LOAD name=wd_host* errno=EINVAL'  # that type, to 6.3
BY_RULES = 'by an nftables ruleset, as its program cannot be had: wd_host: '


def prepared():
    c = make()
    try:
        a = c.node('node-a')
        a.stop_agent()
        a.refuse = Refuse(a)
        a.refuse.set(NO_PROGRAM)
        a.start_agent(*LONG)
    except BaseException:
        c.close()
        raise
    return c


def tables(node):
    out = node.ns.run(['nft', 'list', 'tables'])[1]
    return sorted(line.removeprefix('table ') for line in out.splitlines())


def shut(c, node):
    c.apply([host_policy('r', ingress=[{'toPorts': ports(80)}])])
    if state_of(node) != 'confirmed':
        confirm(node)


def is_shut(c, node):
    reach(True, c, node, 80)
    reach(False, c, node, 81)


@SHARED.test
def the_ruleset_comes_with_a_policy_and_goes_with_it(c):
    a = c.node('node-a')
    expect([], tables(a), 'without a policy')
    shut(c, a)
    host = host_of(a)
    expect((True, BY_RULES), (host['enforced'], host['why'][:len(BY_RULES)]),
           host['why'])
    expect((['inet warder_host'], 'full', []),
           (tables(a), a.status()['rung'], links(a)), 'what judges')
    is_shut(c, a)
    reach(True, c, c.pod('x/a'), 81)  # what goes through the node
    shown = json.loads(a.warder('ladder', 'show', '--json')[1])
    expect(['wd_host'], [p['object'] for p in shown['parts']], 'parts')
    c.apply([])
    expect(('none', []), (state_of(a), tables(a)), 'taken off')
    reach(True, c, a, 81)


for same in (test_host_nft.ingress_is_judged_and_some_ports_stay_open,
             test_host_nft.egress_is_judged_but_not_answers_nor_own_pods,
             test_host_nft.connections_of_before_go_on_as_policy_says):
    SHARED.test(same)


@SHARED.test
def a_relabelled_pod_and_a_changed_policy_are_in_the_ruleset_at_once(c):
    a, b = c.nodes
    c.apply([host_policy('p', ingress=[
        {'fromEndpoints': [{'matchLabels': {'pod': 'b'}}]}])])
    confirm(a)
    reach(True, c.pod('x/b'), a, 81)
    reach(False, b, a, 81)
    c.pod('x/b').labels['pod'] = 'other'
    c.apply()
    reach(False, c.pod('x/b'), a, 81)
    c.pod('x/b').labels['pod'] = 'b'
    c.apply()
    reach(True, c.pod('x/b'), a, 81)
    c.apply([host_policy('p', ingress=[{'fromEntities': ['remote-node']}])])
    confirm(a)
    reach(False, c.pod('x/b'), a, 81)
    reach(True, b, a, 81)
    c.apply([])


@SHARED.test
def it_judges_without_an_agent_and_after_the_next(c):
    a = c.node('node-a')
    shut(c, a)
    ssh, web = Held(c, a, 22), Held(c, a, 80)
    a.stop_agent(signal.SIGKILL)
    is_shut(c, a)
    ssh.speaks(True)
    a.start_agent(*LONG)
    expect(True, host_of(a)['enforced'], host_of(a)['why'])
    is_shut(c, a)
    ssh.speaks(True)
    web.speaks(True)
    for held in (ssh, web):
        held.end()
    c.apply([])


@SHARED.test
def a_try_ends_without_an_agent_too(c):
    a = c.node('node-a')
    shut(c, a)
    restart(a, '--host-confirm', '8s')
    c.apply([host_policy('r', ingress=[{'toPorts': ports(81)}])])
    expect('tried', state_of(a), 'state')
    reach(True, c, a, 81)
    a.stop_agent(signal.SIGKILL)
    until(True, lambda: bool(answered(c, a.ips[4], 'tcp', 80, False)),
          'what was confirmed', 30)
    is_shut(c, a)
    a.start_agent(*LONG)
    expect('taken back', state_of(a), 'state')
    is_shut(c, a)
    c.apply([])


@SHARED.test
def who_edits_it_is_told_of_and_undone(c):
    a = c.node('node-a')
    shut(c, a)
    before = a.status()['drift']['found']
    a.ns.run(['nft', 'flush', 'chain', 'inet', 'warder_host', 'host_in'])
    until(True, lambda: a.status()['drift']['found'] > before, 'drift')
    is_shut(c, a)
    a.ns.run(['nft', 'delete', 'table', 'inet', 'warder_host'])
    until(True, lambda: 'host_in' in chains(a), 'made anew')
    is_shut(c, a)
    c.apply([])


@SHARED.test
def program_and_both_rulesets_take_over_from_each_other(c):
    a = c.node('node-a')
    shut(c, a)
    a.warder('ladder', 'pin', 'nft')
    until(False, lambda: 'inet warder_host' in tables(a), 'by rung nft')
    is_shut(c, a)
    a.warder('ladder', 'pin', 'auto')
    until(['inet warder_host'], lambda: tables(a), 'beside programs again')
    is_shut(c, a)
    a.refuse.set()
    restart(a, *LONG)
    a.warder('ladder', 'climb')
    until((4, []), lambda: (len(links(a)), tables(a)), 'by the program')
    expect((True, ''), (host_of(a)['enforced'], host_of(a)['why']), 'host')
    is_shut(c, a)
    a.refuse.set(NO_PROGRAM)
    restart(a, *NFT)
    is_shut(c, a)
    restart(a, *LONG)
    is_shut(c, a)
    c.apply([])


@SHARED.test
def one_that_cannot_be_taken_off_is_told_and_tried_again(c):
    a = c.node('node-a')
    a.refuse.set(NO_PROGRAM)
    restart(a, *LONG)
    shut(c, a)
    until(True, lambda: host_of(a)['enforced'], 'enforced')
    a.refuse.set(NO_PROGRAM, 'netlink:NETFILTER type=DELTABLE errno=EPERM')
    c.apply([])
    until(True, lambda: 'cannot be taken off' in a.log_tail(50), 'told')
    reach(False, c, a, 81)
    a.refuse.set(NO_PROGRAM)
    until([], lambda: tables(a), 'taken off')
    reach(True, c, a, 81)


@SHARED.test
def it_takes_over_from_a_program_by_tables_of_another_schema(c):
    a = c.node('node-a')
    a.refuse.set()
    restart(a, *LONG)
    a.warder('ladder', 'climb')
    shut(c, a)
    until(4, lambda: len(links(a)), 'by the program')
    a.stop_agent()
    age_tables(a)
    a.refuse.set(NO_PROGRAM)
    with Knocking(c, a):
        a.start_agent(*LONG)
        until(([], ['inet warder_host']), lambda: (links(a), tables(a)),
              'by the ruleset')
        time.sleep(2)  # it waits for each answer
    expect(True, host_of(a)['enforced'], host_of(a)['why'])
    is_shut(c, a)
    c.apply([])


@SHARED.test
def detaching_takes_it_off(c):
    a = c.node('node-a')
    a.refuse.set(NO_PROGRAM)
    restart(a, *LONG)
    a.warder('ladder', 'climb')
    shut(c, a)
    until(True, lambda: 'inet warder_host' in tables(a), 'by its ruleset')
    a.warder('stop', '--detach')
    expect([], tables(a), 'tables')
    reach(True, c, a, 81)


if __name__ == '__main__':
    sys.exit(SHARED.main(prepared))
