#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""`warder monitor` shows each event, or says how many it does not: below the rate
that README states none is lost, above it what was dropped is what was shown and
what was told as lost, whoever was too slow.

    test_watch.py [PART-OF-A-NAME]
"""
import collections
import json
import os
import signal
import sys
import time

from wdnet import wire
from wdnet.burst import Burst
from wdnet.shared import Shared
from wdnet.solo import Solo, note, wait_for
from wdnet.suite import LONG
from wdnet.tap import Fail, expect
from wdnet.watch import Watch

SHARED = Shared()
RATE = 700  # events of a CPU in a second that are never lost: README
STEPS = 20  # in a second: a tick is up to 1.28 s, and lets 1,000 through
BELOW_S = 60 if LONG else 5
ABOVE = 200000 if LONG else 20000
TICKS = os.sysconf('SC_CLK_TCK')
TICK_S = 1.28  # at most, with its share of events
LIMIT = 'the programs reached their limit of events'
RING = 'the ring buffer was full'
READER = 'this reader was too slow'


class Bench:
    def __init__(self):
        self.c = Solo()
        self.node = self.c.only_node
        self.srv, self.ok, self.bad = self.c.three()
        doc = json.loads(self.node.warder('endpoint', 'get', self.bad.key,
                                          '--json')[1])
        self.burst = Burst(self.bad, [wire.frame(
            doc['pod_mac'], doc['host_mac'], wire.udp(
                self.bad.ips[4], self.srv.ips[4], 5000 + n, 81, b'watch'))
            for n in range(100)])

    def dropped(self):
        return sum(c['packets'] for c in self.node.status()['counters']
                   if c['verdict'] != 'allow')

    def send_below(self, seconds):
        """Evenly, and what a busy machine delays is not made up for."""
        for _ in range(seconds * STEPS):
            self.burst.send(RATE // STEPS)
            time.sleep(1 / STEPS)

    def agent_s(self):
        with open(f'/proc/{self.node.agent.pid}/stat', encoding='ascii') as f:
            fields = f.read().rpartition(')')[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def close(self):
        self.c.close()


class Account:
    """What a monitor has shown and told as lost since it was quiet."""

    def __init__(self, b):
        self.b = b
        # What a tick before has used up would leave out packets of before the
        # account begins, and be told of within it.
        time.sleep(2 * TICK_S)
        self.watch = Watch(b.node.warder_popen('monitor', '--drops', '--json'))
        wait_for('the monitor shows something',
                 lambda: b.burst.send(1) or self.watch.lines, 30)
        wait_for('all is shown', lambda: self.is_quiet(b.dropped()), 30)

    def is_quiet(self, dropped):
        """Does it stand still, with @dropped of the programs?"""
        self.begin, self.from_line = dropped, len(self.watch.lines)
        time.sleep(0.3)
        return self.b.dropped() == dropped and \
            len(self.watch.lines) == self.from_line

    def read(self):
        """How many were shown, and lost by cause."""
        shown, lost = 0, collections.Counter()
        for line in self.watch.lines[self.from_line:]:
            doc = json.loads(line)
            if 'lost' in doc:
                lost[doc['cause']] += doc['lost']
            else:
                shown += 'reason' in doc
        return shown, lost

    def settle(self):
        """Until shown and lost make up what was dropped, if they ever do."""
        def agree():
            dropped = self.b.dropped() - self.begin
            shown, lost = self.read()
            return shown + sum(lost.values()) >= dropped
        try:
            wait_for('all is shown, or told as lost', agree, 30)
        except Fail:
            pass  # the comparison says what is missing
        dropped, (shown, lost) = self.b.dropped() - self.begin, self.read()
        note(f'{dropped} dropped, {shown} shown, lost {dict(lost)}')
        expect(dropped, shown + sum(lost.values()), 'shown and lost')
        return dropped, lost

    def close(self):
        self.watch.process.send_signal(signal.SIGCONT)
        self.watch.end()


def watched(function):
    """The test gets an account of a monitor that listens."""
    def test(b):
        account = Account(b)
        try:
            function(b, account)
        finally:
            b.node.agent.send_signal(signal.SIGCONT)
            account.close()
    test.__name__ = function.__name__
    return SHARED.test(test)


@watched
def below_the_stated_rate_nothing_is_lost(b, account):
    cpu, begun = b.agent_s(), time.monotonic()
    b.send_below(BELOW_S)
    wall = time.monotonic() - begun
    cpu = b.agent_s() - cpu
    dropped, lost = account.settle()
    note(f'{dropped / wall:.0f} a second; agent {100 * cpu / wall:.0f} % of '
         'a core')
    if dropped < RATE * BELOW_S // STEPS * STEPS:
        raise Fail(f'only {dropped} dropped')
    expect({}, dict(lost), 'lost')


@watched
def above_it_what_the_programs_leave_out_is_counted(b, account):
    b.burst.send(ABOVE)
    dropped, lost = account.settle()
    if dropped < ABOVE or not lost[LIMIT]:
        raise Fail(f'{dropped} dropped, lost {lost}')


def stopped(b, pid, account, cause):
    """What comes while @pid stands still is more than waits for it."""
    os.kill(pid, signal.SIGSTOP)
    for _ in range(50):
        b.burst.send(200)
        time.sleep(0.1)
    os.kill(pid, signal.SIGCONT)
    _, lost = account.settle()
    if not lost[cause]:
        raise Fail(f'nothing was lost because {cause}', lost)


@watched
def what_a_slow_reader_does_not_take_is_counted(b, account):
    stopped(b, account.watch.process.pid, account, READER)


@watched
def what_a_full_ring_does_not_take_is_counted(b, account):
    stopped(b, b.node.agent.pid, account, RING)


if __name__ == '__main__':
    sys.exit(SHARED.main(Bench))
