#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A ruleset that is wrong is not used: what golden packets find, and what is
found when it is read back. The agent is the one that is shipped; what stands
between it and libnftables is nft/wrong_nft.c."""
import json
import os
import subprocess
import sys

from wdnet.ask import allowed, denied, until
from wdnet.node import BUILD
from wdnet.solo import Solo, ingress_policy
from wdnet.tap import Tap, expect

LIBRARIES = os.path.join(BUILD, 'selftests/nft')
# Of a verdict of the trial's policy, which all rulesets have.
LETS_PASS = ('counter name default_in drop', 'counter name default_in accept')


def real_library():
    for line in subprocess.run(['/sbin/ldconfig', '-p'], check=True, text=True,
                               stdout=subprocess.PIPE).stdout.splitlines():
        if line.split()[:1] == ['libnftables.so.1']:
            return line.split('=> ')[1]
    sys.exit('test_golden_nft: no libnftables.so.1')


class Bed:
    def __init__(self):
        self.c = Solo((4, 6))
        self.srv, self.ok, self.bad = self.c.three()
        self.node = self.c.only_node
        self.edit_path = os.path.join(self.node.dir, 'edit')
        self.node.stop_agent()
        self.node.wrapper = [
            'env', f'WD_NFT_REAL={real_library()}',
            f'WD_NFT_EDIT={self.edit_path}',
            f'LD_LIBRARY_PATH={LIBRARIES}']
        self.c.policies = [ingress_policy('srv', 'srv', 'ok')]
        self.c.write_objects()
        self.node.start_agent()

    def edit(self, edit):
        if edit is None:
            os.unlink(self.edit_path)
            return
        with open(self.edit_path, 'w', encoding='utf-8') as f:
            f.write('\n'.join(edit) + '\n')

    def end_enforcement(self):
        self.node.warder('stop', '--detach')
        self.node.stop_agent()

    def begin(self, *args, rung):
        self.node.start_agent(*args, wait=rung != 'hold')
        until(0, lambda: self.node.warder('status', ok=None)[0],
              'the agent answers')
        until(rung, lambda: self.node.status()['rung'], 'the rung')

    def ladder(self):
        return json.loads(self.node.warder('ladder', 'show', '--json')[1])

    def tables(self):
        return self.node.ns.run(['nft', 'list', 'tables'])[1].strip()

    def expect_ok_only(self, families=(4, 6)):
        allowed(self.ok, self.srv, families=families)
        denied(self.bad, self.srv, families=families)


def a_wrong_ruleset_is_not_taken_in_place_of_programs(bed):
    bed.edit(LETS_PASS)
    code, _, err = bed.node.warder('ladder', 'pin', 'nft', ok=None)
    expect(1, code, f'exit code: {err}')
    expect(True, "golden packet 'IPv4 wrong peer' passed" in err, err)
    expect('full', bed.node.status()['rung'], 'rung')
    expect('', bed.tables(), 'tables')
    bed.expect_ok_only()


def without_programs_it_is_hold_and_the_cause_is_named(bed):
    bed.end_enforcement()
    bed.begin('--max-rung', 'nft', rung='hold')
    status = bed.node.status()
    expect('golden', status['rung_cause'], 'cause')
    expect(True, 'golden packet' in status['rung_reason'],
           status['rung_reason'])
    expect(['golden'], [a['step'] for a in bed.ladder()['attempts']
                        if a['object'] == 'nft'], 'steps')
    expect('', bed.tables(), 'tables')
    denied(bed.bad, bed.srv)
    denied(bed.ok, bed.srv)  # closed: nothing can judge


def what_is_right_again_is_taken_at_the_next_climb(bed):
    bed.edit(None)
    bed.node.warder('ladder', 'climb')
    expect('nft', bed.node.status()['rung'], 'rung')
    expect(None, bed.node.status()['rung_cause'], 'cause')
    # IPv6 routes go when an interface is set down, see hold.c
    bed.expect_ok_only((4,))


def what_is_not_as_it_was_written_is_found_when_read_back(bed):
    bed.end_enforcement()
    # the last of the pods' addresses, of which golden packets know nothing
    bed.edit((f', {bed.bad.ips[4]} }}', ' }'))
    bed.begin('--max-rung', 'nft', rung='hold')
    expect('golden', bed.node.status()['rung_cause'], 'cause')
    expect(True, 'has more elements, or fewer' in
           bed.node.status()['rung_reason'], bed.node.status()['rung_reason'])
    expect('', bed.tables(), 'tables')
    denied(bed.bad, bed.srv)
    bed.edit(None)
    bed.node.warder('ladder', 'climb')
    expect('nft', bed.node.status()['rung'], 'rung')
    bed.expect_ok_only((4,))


TESTS = (a_wrong_ruleset_is_not_taken_in_place_of_programs,
         without_programs_it_is_hold_and_the_cause_is_named,
         what_is_right_again_is_taken_at_the_next_climb,
         what_is_not_as_it_was_written_is_found_when_read_back)


def main():
    if os.geteuid():
        sys.exit('test_golden_nft: needs root (namespaces and BPF)')
    if not os.path.exists(os.path.join(LIBRARIES, 'libnftables.so.1')):
        print('no library that is wrong: it goes with no sanitized program')
        return 4
    tap = Tap()
    bed = Bed()
    try:
        for function in TESTS:
            tap.run(function.__name__, function, bed)
    finally:
        bed.c.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
