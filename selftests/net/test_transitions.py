#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""From rung to rung in random order, under traffic that never pauses.

    test_transitions.py [TRANSITIONS [SEED]]

By `warder ladder pin`, by refusals and climbs, by restarts, by kill -9 in the
middle of any of them; between programs on links, programs on filters, the
ruleset and hold. Two pods send what is denied, one by the receiver's policy and
one by its own, each once a millisecond, UDP and TCP, IPv4 and IPv6.
"""
import collections
import os
import random
import signal
import sys
import time

from wdnet.rungs import OBJECTS, RUNGS, Rungs
from wdnet.solo import note
from wdnet.tap import Fail, Tap, expect

COUNT = 1000 if os.environ.get('WD_LONG') == '1' else 40
CHECK_EACH = 10  # transitions: does each kind of what is permitted arrive?
LOST_MAX = 5  # of what is permitted, of a thousand, on average
NO_LINKS = 'bpf:LINK_CREATE errno=EPERM'


class Walk:
    def __init__(self, bench, count, rng):
        self.b, self.node, self.count, self.rng = bench, bench.node, count, rng
        self.here = 'full'
        self.made = collections.Counter()  # (from, to, how)
        self.lost = collections.Counter()  # (from, to)
        self.lost_before = 0
        self.attach = collections.Counter()  # after a transition
        self.denied = bench.denied()
        self.slowest = (0, '')

    def start(self):
        self.node.start_agent(wait=False)
        self.b.until_ready()

    # ---- ways to another rung: each gives the rung it must be, or None ----

    def pin(self, to):
        self.node.warder('ladder', 'pin', to)
        return to

    def by_pin(self):
        self.b.refuse.set()
        return self.pin(self.rng.choice(RUNGS))

    def refuse_objects(self):
        """Of some objects one program does not load."""
        count = self.rng.randrange(len(OBJECTS) + 1)
        self.b.refuse.set(*(
            f'bpf:PROG_LOAD name={name}_{self.rng.choice(("in", "out"))} '
            f'errno={self.rng.choice(("EACCES", "E2BIG", "EINVAL", "524"))}'
            for name in list(OBJECTS)[:count]))
        return count

    def by_refusal(self):
        """What is in force gives way to the first that loads; where none does
        it stays."""
        before = self.node.status()['rung']
        count = self.refuse_objects()
        self.node.warder('ladder', 'pin', 'auto')
        self.node.warder('ladder', 'climb', ok=None)
        if count < len(OBJECTS):
            return RUNGS[count]
        return None if before == 'hold' else before

    def by_restart(self):
        self.b.refuse.set()
        self.node.stop_agent(self.rng.choice((signal.SIGTERM,
                                              signal.SIGKILL)))
        self.b.forget()
        if self.rng.random() < 0.7:
            self.refuse_objects()
        self.start()
        return None

    def without_links(self):
        """Another way of attaching, for what is attached from now on."""
        self.b.refuse.set(NO_LINKS)
        if self.rng.random() < 0.5:
            self.node.warder('ladder', 'pin', 'nft')
        else:
            self.node.stop_agent(signal.SIGKILL)
            self.start()
        self.node.warder('ladder', 'pin', 'compat')
        self.b.refuse.set()
        return None

    def killed(self):
        """In the middle of whatever it does; the next one goes on."""
        self.b.refuse.set(*self.rng.choice((
            (), (f'bpf:* sleep={self.rng.randrange(1, 4)}',))))
        command = self.node.warder_popen('ladder', 'pin',
                                         self.rng.choice(RUNGS))
        time.sleep(self.rng.random() * 0.25)
        self.node.stop_agent(signal.SIGKILL)
        command.communicate()
        self.b.refuse.set()
        if self.rng.random() < 0.3:  # and again, while it starts
            self.node.start_agent(wait=False)
            time.sleep(self.rng.random() * 0.5)
            self.node.stop_agent(signal.SIGKILL)
        self.start()
        return None

    # ---- all of them ----

    def check(self, number, how):
        if self.b.denied() != self.denied:
            raise Fail(f'transition {number}, {how}, from {self.here}: '
                       f'{self.b.denied() - self.denied} denied packets '
                       'arrived', *self.b.arrived_by_kind(),
                       self.b.last_words(8))

    def account(self, number, to, how):
        sent, came = self.b.permitted()
        lost = sent - came - self.lost_before
        self.lost_before = sent - came
        self.lost[self.here, to] += lost
        self.made[self.here, to, how] += 1
        self.here = to

    def step(self, number):
        way = self.rng.choices(
            (self.by_pin, self.by_refusal, self.by_restart,
             self.without_links, self.killed), (6, 3, 1, 1, 2))[0]
        begun = time.monotonic()
        must = way()
        took = time.monotonic() - begun
        self.check(number, way.__name__)
        status = self.node.status()
        to = status['rung']
        self.attach[status['attach']] += 1
        if must:
            expect(must, to, f'rung after transition {number}, {way.__name__} '
                   f'from {self.here}')
        self.slowest = max(self.slowest, (took, f'{way.__name__} from '
                                          f'{self.here} to {to}'))
        self.account(number, to, way.__name__)
        if number % CHECK_EACH == 0:
            self.b.check_traffic(to != 'hold' or None)
            self.check(number, 'and after')

    def run(self):
        for number in range(1, self.count + 1):
            self.step(number)
        self.b.refuse.set()
        self.node.warder('ladder', 'pin', 'auto')
        self.b.check_traffic()

    def tell(self):
        ways = collections.Counter()
        for (before, to, how), n in self.made.items():
            ways[before, to] += n
            ways[how] += n
        for before in RUNGS:
            note(f'{before:8}' + ''.join(
                f'{to:>9} {ways[before, to]:4} ({self.lost[before, to]})'
                for to in RUNGS))
        note('from row to column: how many (permitted packets lost); ' +
             ', '.join(f'{n} {how}' for how, n in ways.items()
                       if isinstance(how, str)))
        note('then attached by: ' + ', '.join(
            f'{kind} {n}' for kind, n in self.attach.items()))
        note(f'slowest: {self.slowest[0]:.2f} s, {self.slowest[1]}')


def nothing_denied_passes_in_any_transition(walk):
    walk.run()


def hardly_anything_permitted_is_lost(walk):
    walk.b.torrent.stop()
    sent, came = walk.b.permitted()
    note(f'permitted: {sent} sent, {sent - came} lost; denied: '
         f'{walk.b.sent_denied()} sent, {walk.b.denied()} arrived; '
         f'{walk.b.torrent.pace()}')
    if (sent - came) * 1000 > LOST_MAX * sent:
        raise Fail(f'{sent - came} of {sent} permitted packets were lost')


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else \
        random.randrange(1 << 32)
    note(f'{count} transitions, seed {seed}')
    tap = Tap()
    bench = Rungs()
    try:
        walk = Walk(bench, count, random.Random(seed))
        for test in (nothing_denied_passes_in_any_transition,
                     hardly_anything_permitted_is_lost):
            tap.run(test.__name__, test, walk)
        walk.tell()
        if tap.failed:
            tap.say(bench.last_words(40))
    finally:
        bench.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
