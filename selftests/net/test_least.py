#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The agent with no more of root's power than its unit and its DaemonSet give
it: exactly those capabilities, and no_new_privs."""
import json
import os
import re
import subprocess
import sys

from wdnet.node import TOP
from wdnet.shared import Shared, each_rung
from wdnet.solo import Solo, expect_reach, wait_for
from wdnet.tap import Fail, expect

SHARED = Shared()
UNIT = os.path.join(TOP, 'tools', 'packaging', 'systemd', 'warder.service')


def granted():
    with open(UNIT, encoding='utf-8') as f:
        line = re.search(r'^CapabilityBoundingSet=(.*)$', f.read(), re.M)[1]
    return [word.lower().removeprefix('cap_') for word in line.split()]


def sets_of(pid):
    with open(f'/proc/{pid}/status', encoding='utf-8') as f:
        return dict(re.findall(r'^(Cap\w+|NoNewPrivs):\s+(\w+)$', f.read(),
                               re.M))


def only(caps):
    return ['setpriv', '--no-new-privs', '--inh-caps=-all',
            '--ambient-caps=-all', '--bounding-set=-all,'
            + ','.join('+' + c for c in caps), '--']


class Least(Solo):
    def _build(self):
        super()._build()
        self.only_node.wrapper = only(granted())


def verdicts(c, what):
    srv, ok, bad = c.pods
    for family in (4, 6):
        expect_reach(True, ok, srv, what, family=family)
        expect_reach(False, bad, srv, what, family=family)


@SHARED.test
def test_policy_holds_on_each_rung(c):
    c.three()
    for rung in each_rung(c):
        verdicts(c, rung)


@SHARED.test
def test_capability_to_give_up_others_is_given_up(c):
    sets = sets_of(c.only_node.agent.pid)
    expect('1', sets['NoNewPrivs'], 'NoNewPrivs')
    expect(sets['CapPrm'], sets['CapBnd'], 'the bounding set')
    expect(len(granted()) - 1, bin(int(sets['CapEff'], 16)).count('1'),
           'capabilities that are left')


@SHARED.test
def test_next_agent_takes_over_what_runs(c):
    node = c.only_node
    node.stop_agent()
    verdicts(c, 'without an agent')
    node.start_agent()
    verdicts(c, 'after the next start')


@SHARED.test
def test_agent_without_one_of_them_touches_nothing(c):
    """Also where the kernel has other ways than bpf(2)."""
    node = c.only_node
    for rung in each_rung(c, ('full', 'nft')):
        node.stop_agent()
        for name in set(granted()) - {'setpcap'}:
            node.wrapper = only(set(granted()) - {name})
            node.start_agent(wait=False)
            try:
                expect(1, node.agent.wait(60), f'exit code without {name}')
            except subprocess.TimeoutExpired:
                raise Fail(f'it runs without {name}') from None
            said = node.log_tail(1)
            if f'no CAP_{name.upper()}' not in said:
                raise Fail(f'without {name}: {said}')
            verdicts(c, f'{rung}, after a start without {name}')
        node.wrapper = only(granted())
        node.start_agent()
        node.wait_ready()


@SHARED.test
def test_pods_that_run_already_are_found(c):
    """Nothing is known of them but what /proc and the kernel tell."""
    node = c.only_node
    node.warder('stop', '--detach')
    node.agent.wait(30)
    for name in os.listdir(os.path.join(node.dir, 'state')):
        if name.startswith('endpoints'):
            os.unlink(os.path.join(node.dir, 'state', name))
    node.start_agent()

    def found():
        doc = json.loads(node.warder('endpoint', 'list', '--json')[1])
        return len(doc['endpoints']) == len(c.pods)

    wait_for('all pods are found', found)
    verdicts(c, 'found by the agent')


if __name__ == '__main__':
    sys.exit(SHARED.main(lambda: Least(families=(4, 6))))
