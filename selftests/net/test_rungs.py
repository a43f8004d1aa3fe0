#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Policy on every rung, and what a change of the rung leaves alone: real pods,
a real agent, `warder ladder`."""
import json
import os
import sys

from wdnet.ask import Flow, allowed, denied, until
from wdnet.solo import Solo, ingress_policy
from wdnet.tap import Fail, Tap, expect

RUNGS = ('compat', 'minimal', 'nft', 'full')
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Bed:
    """A node, a server, who may reach it and who may not."""

    def __init__(self):
        self.c = Solo((4, 6))
        self.srv, self.ok, self.bad = self.c.three()
        self.node = self.c.only_node

    def pin(self, rung, code=0):
        self.node.warder('ladder', 'pin', rung, ok=code)
        return self.node.status()

    def set_policy(self, *peers):
        self.c.policies = [ingress_policy('srv', 'srv', *peers)]
        self.c.apply(self.c.policies)

    def expect_ok_only(self):
        allowed(self.ok, self.srv)
        denied(self.bad, self.srv)

    def write_pin(self, rung):
        """What an agent finds that starts: the pin of one before."""
        path = os.path.join(self.node.dir, 'state', 'ladder.json')
        with open(path, 'w', encoding='utf-8') as f:
            json.dump({'version': 1, 'pin': rung}, f)

    def late_pod(self, name, index):
        return self.c.make_pod(name, index)


@test
def each_rung_gives_the_same_verdicts_and_is_told(bed):
    for rung in RUNGS:
        status = bed.pin(rung)
        expect(rung, status['rung'], 'rung of status')
        expect(True, status['settled'], f'{rung}: settled')
        bed.expect_ok_only()
        verdict = json.loads(bed.node.warder(
            'why', bed.bad.key, f'{bed.srv.key}:80', '--json', ok=1)[1])
        expect(rung, verdict['rung'], 'rung of why')


@test
def a_change_of_policy_is_in_force_at_once_on_each_rung(bed):
    for rung in RUNGS:
        bed.pin(rung)
        flow = Flow(bed.ok, bed.srv, 4)
        bed.set_policy('bad')
        flow.client_speaks(False)
        flow.server_speaks(False)
        denied(bed.ok, bed.srv)
        allowed(bed.bad, bed.srv)
        flow.close()
        bed.set_policy('ok')
        bed.expect_ok_only()


@test
def connections_live_through_every_change(bed):
    flows = [Flow(bed.ok, bed.srv, f) for f in (4, 6)]
    for rung in RUNGS + ('nft', 'minimal', 'nft', 'compat', 'full'):
        bed.pin(rung)
        for flow in flows:
            flow.server_speaks(True)
            flow.client_speaks(True)
    for flow in flows:
        flow.close()


@test
def drops_are_counted_on_each_rung(bed):
    for rung in RUNGS:
        bed.pin(rung)
        before = bed.node.counter('DEFAULT', 'ingress')
        denied(bed.bad, bed.srv, families=(4,))
        until(True, lambda: bed.node.counter('DEFAULT', 'ingress') > before,
              f'{rung}: the drop is counted')


@test
def a_pod_added_on_a_rung_is_guarded_there(bed):
    for index, rung in enumerate(RUNGS):
        bed.pin(rung)
        pod = bed.late_pod(f'late-{rung}', 20 + index)
        bed.c.run_pods([pod])
        denied(pod, bed.srv)
        allowed(bed.ok, pod)
        bed.set_policy('ok', f'late-{rung}')
        allowed(pod, bed.srv)
        bed.set_policy('ok')


@test
def on_hold_what_was_in_force_stays_and_nothing_is_added(bed):
    for under in ('full', 'nft'):
        bed.pin(under)
        status = bed.pin('hold')
        expect('hold', status['rung'], 'rung')
        expect(False, status['settled'], 'settled')
        bed.expect_ok_only()
        bed.c.policies = [ingress_policy('srv', 'srv', 'bad')]
        bed.c.write_objects()
        code, _, err = bed.node.warder('sync', ok=None)
        expect(1, code, 'exit code of sync')
        expect(True, 'rung hold' in err, f'sync names the rung: {err}')
        bed.expect_ok_only()
        bed.pin(under)
        bed.node.sync()
        allowed(bed.bad, bed.srv)
        denied(bed.ok, bed.srv)
        bed.set_policy('ok')
        bed.expect_ok_only()


@test
def a_pin_outlives_the_agent(bed):
    for rung in ('minimal', 'nft', 'hold'):
        bed.pin(rung)
        bed.node.stop_agent()
        bed.expect_ok_only()
        bed.node.start_agent(wait=rung != 'hold')  # which never settles
        until(0, lambda: bed.node.warder('status', ok=None)[0],
              'the agent answers')
        status = bed.node.status()
        expect(rung, status['pin'], 'pin')
        expect(rung, status['rung'], 'rung')
        bed.expect_ok_only()
        bed.pin('auto')
        expect('full', bed.node.status()['rung'], 'rung after auto')
        bed.expect_ok_only()


@test
def connections_live_through_a_restart_on_another_rung(bed):
    """As after a change of the binary or of what the kernel forbids."""
    bed.pin('auto')
    flows = [Flow(bed.ok, bed.srv, f) for f in (4, 6)]
    for rung in ('nft', 'full', 'minimal', 'nft', 'compat'):
        bed.node.stop_agent()
        bed.write_pin(rung)
        bed.node.start_agent()
        expect(rung, bed.node.status()['rung'], 'rung')
        for flow in flows:
            flow.server_speaks(True)
            flow.client_speaks(True)
        bed.expect_ok_only()
    for flow in flows:
        flow.close()
    bed.pin('auto')


@test
def a_pin_that_cannot_be_had_is_not_kept(bed):
    bed.node.stop_agent()
    bed.node.start_agent('--max-rung', 'compat')
    code, _, err = bed.node.warder('ladder', 'pin', 'full', ok=None)
    expect(1, code, f'exit code of a pin above --max-rung: {err}')
    expect(None, bed.node.status()['pin'], 'pin')
    expect('compat', bed.node.status()['rung'], 'rung')
    bed.node.stop_agent()
    bed.node.start_agent('--max-rung', 'full')


@test
def monitor_tells_of_the_rung(bed):
    bed.pin('full')
    watch = bed.node.warder_popen('monitor', '--drops', '--json')
    try:
        denied(bed.bad, bed.srv, families=(4,))
        expect('drop', json.loads(watch.stdout.readline())['verdict'],
               'the monitor listens')
        bed.pin('minimal')
        for line in watch.stdout:
            event = json.loads(line)
            if 'rung_before' in event:
                expect('minimal', event['rung'], 'rung')
                expect('full', event['rung_before'], 'rung before')
                break
        else:
            raise Fail('the monitor ended without telling')
    finally:
        watch.kill()
        watch.wait()
    bed.pin('auto')


@test
def nothing_is_left_behind(bed):
    bed.pin('nft')
    bed.node.warder('stop', '--detach')
    allowed(bed.bad, bed.srv)
    tables = bed.node.ns.run(['nft', 'list', 'tables'])[1]
    expect('', tables.strip(), 'tables')


def main():
    if os.geteuid():
        sys.exit('test_rungs: needs root (namespaces and BPF)')
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
