#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""SIGKILL at chosen points of a change and of a start, and what is in force then: the
generation before or the one after, whole.

    crashpoints.py [POINTS [SEED]]

Of two clients one may reach the server. Each change, by another way in turn, makes it the
other one. The agent is killed

    before the k-th call into libc of the change
    so many instructions after it, of the program and of libc, one by one
    in the middle of the k-th write to a file or socket
    before the k-th call of the start that follows
    at one of its calls for files; then the node boots: no pins, and the policies'
    file torn, so that what the agent has kept of it counts

and each time exactly one client is answered, without an agent as with one: after
a kill whichever, after a start the one that the policies say now.
"""
import collections
import ctypes
import os
import random
import signal
import sys
import time

from wdnet import kernel, strike
from wdnet.solo import Solo, ingress_policy, note, reach
from wdnet.strike import HALF, KILL, NOTHING, STOP, Strike
from wdnet.tap import Fail, Tap, expect

POINTS = 1000
FILES = sum(1 << strike.WHAT.index(w)
            for w in ('open', 'write', 'sync', 'close', 'name'))
WRITES = 1 << strike.WHAT.index('write')
STEPS_MAX = 4000
END_S = 12.0
ASK_S = 0.2  # for an answer that must not come
SINGLESTEP, SEIZE, INTERRUPT = 9, 0x4206, 0x4207
TORN = 'kind: NetworkPolicy\nmetadata: {name: srv, namesp'


def ptrace(request, pid):
    kernel.check(kernel.LIBC.ptrace(
        ctypes.c_long(request), ctypes.c_long(pid), ctypes.c_void_p(0),
        ctypes.c_void_p(0)))


def walk(pid, steps):
    """A child that is stopped takes so many instructions, and is killed."""
    ptrace(SEIZE, pid)
    ptrace(INTERRUPT, pid)
    os.kill(pid, signal.SIGCONT)
    for _ in range(steps):
        got, status = os.waitpid(pid, os.WUNTRACED | 0x40000000)
        if got != pid or not os.WIFSTOPPED(status):
            raise Fail(f'the agent ended by {status:#x} while it was stepped')
        ptrace(SINGLESTEP, pid)
    os.kill(pid, signal.SIGKILL)


def by_peers(b):
    b.policy = ingress_policy('srv', 'srv', b.may.name)


def by_addresses(b):
    b.policy = ingress_policy('srv', 'srv')
    b.policy['spec']['ingress'] = [{'from': [
        {'ipBlock': {'cidr': b.may.ips[4] + '/32'}}]}]


def by_labels(b):
    b.policy = ingress_policy('srv', 'srv', 'in')
    b.policy['spec']['ingress'][0]['from'][0]['podSelector'][
        'matchLabels'] = {'role': 'in'}
    for pod in b.clients:
        pod.labels['role'] = 'in' if pod is b.may else 'out'


WAYS = (by_peers, by_addresses, by_labels)


class Bench:
    def __init__(self, rng):
        self.rng, self.count = rng, collections.Counter()
        self.seen = collections.Counter()
        self.c = Solo()
        self.node = self.c.only_node
        self.strike, self.policy = None, None
        try:
            self.node.stop_agent()
            self.strike = Strike(self.node.dir)
            self.node.wrapper = self.strike.wrapper
            self.node.start_agent()
            self.srv, *self.clients = self.c.three()
            self.may = self.clients[0]
        except BaseException:
            self.close()
            raise

    def close(self):
        self.c.close()
        if self.strike:
            self.strike.close()

    # ---- what changes ----

    def turn(self, way):
        self.may = self.clients[self.may is self.clients[0]]
        way(self)
        self.c.policies = [self.policy]

    def lengths(self):
        """How many calls a change, its files, a start have."""
        out = {}
        for name, whats, wait in (('change', strike.ALL, 0.5),
                                  ('write', WRITES, 1.5), ('files', FILES, 3)):
            self.strike.arm(NOTHING, whats=whats)
            self.turn(self.rng.choice(WAYS))
            self.c.write_objects()
            time.sleep(wait)
            out[name] = self.strike.file.seen
        self.node.stop_agent(9)
        self.strike.arm(NOTHING)
        self.node.start_agent()
        out['start'] = self.strike.file.seen
        return out

    # ---- what is in force ----

    def answered(self):
        return [pod for pod in self.clients
                if reach(pod, self.srv, timeout=ASK_S)]

    def one(self, what, want=None):
        """Exactly one is answered; a busy machine may be late, so nobody is
        asked again."""
        end = time.monotonic() + END_S
        while True:
            got = self.answered()
            if len(got) > 1:
                raise Fail(f'{what}: both are answered')
            if got and want in (None, got[0]):
                return got[0]
            if time.monotonic() > end:
                raise Fail(f'{what}: {got and got[0].name or "nobody"} is '
                           'answered', self.node.log_tail(5))

    # ---- the points ----

    def until_dead(self, what):
        try:
            self.node.agent.wait(END_S)
        except Exception:
            raise Fail(f'{what}: not reached: {self.strike.file.seen} calls, '
                       'the agent lives') from None
        self.strike.calm()
        code, self.node.agent = self.node.agent.returncode, None
        expect(-9, code, f'{what}: exit code')

    def is_missed(self, what):
        """Not each start, nor each way to write, makes so many calls: the
        agent lives then, and nothing is to be looked at."""
        try:
            self.until_dead(what)
            return False
        except Fail:
            if self.node.agent is None or self.node.agent.poll() is not None:
                raise
        self.strike.calm()
        self.count['not reached'] += 1
        return True

    def stopped(self, pid, what):
        end = time.monotonic() + END_S
        while time.monotonic() < end:
            with open(f'/proc/{pid}/stat', encoding='ascii',
                      errors='replace') as f:
                if f.read().rpartition(')')[2].split()[0] == 'T':
                    return
            time.sleep(0.002)
        raise Fail(f'{what}: not reached: {self.strike.file.seen} calls')

    def whole_again(self, what):
        self.node.start_agent()
        self.c.sync()
        self.one(what + ', then a start', self.may)

    def tally(self, before, got, kind):
        self.count[kind] += 1
        self.seen['before' if got is before else 'after'] += 1

    def at_a_change(self, action, k, steps=0, whats=strike.ALL):
        before, way = self.may, self.rng.choice(WAYS)
        kind = {KILL: 'calls', HALF: 'half writes', STOP: 'instructions'}[
            action]
        what = f'{way.__name__}, {kind} {k}+{steps}'
        pid = self.node.agent.pid
        self.strike.arm(action, first=k, whats=whats)
        self.turn(way)
        self.c.write_objects()
        if action == STOP:
            self.stopped(pid, what)
            self.strike.calm()
            walk(pid, steps)
        if self.is_missed(what):
            self.node.stop_agent(9)
        else:
            self.tally(before, self.one(what), kind)
        return what

    def at_a_start(self, k, what):
        before = self.answered()
        what += f', start {k}'
        self.strike.arm(KILL, first=k)
        self.node.start_agent(wait=False)
        if self.is_missed(what):
            self.node.stop_agent(9)
            return what
        self.tally(before and before[0], self.one(what), 'calls of a start')
        return what

    def boot(self, k):
        """The policies are those before or after, as they were kept."""
        before, way = self.may, self.rng.choice(WAYS)
        what = f'{way.__name__}, file {k}, boot'
        self.strike.arm(self.rng.choice((KILL, HALF)), first=k, whats=FILES
                        if self.rng.random() < 0.5 else WRITES)
        self.turn(way)
        self.c.write_objects()
        if self.is_missed(what):
            return
        self.node.ns.run(['sh', '-c', f'rm -rf {self.node.bpffs}/*'])
        good = self.c.written['policies.yaml']
        self.c.write('policies.yaml', TORN)
        self.node.start_agent(wait=False)
        self.node.wait_ready()
        got = self.one(what)
        self.tally(before, got, 'boots')
        # by_labels: who has the label is told by another file, which is whole
        self.c.write('policies.yaml', good)
        self.c.sync()
        self.one(what + ', then the file', self.may)


def point(b, lengths):
    rng = b.rng
    kind = rng.random()
    if kind < 0.25:
        b.boot(rng.randint(1, max(2, lengths['write'])))
        return
    if kind < 0.5:
        what = b.at_a_change(STOP, rng.randint(1, lengths['change']),
                             rng.randint(1, STEPS_MAX))
    elif kind < 0.6:
        what = b.at_a_change(HALF, rng.randint(1, max(1, lengths['write'])),
                             whats=WRITES)
    else:
        what = b.at_a_change(KILL, rng.randint(1, lengths['change']))
    what = b.at_a_start(rng.randint(1, lengths['start'] * 3 // 4), what)
    b.whole_again(what)


def points(b, cnt):
    lengths = b.lengths()
    note(f'calls: {lengths}')
    b.one('at first', b.may)
    done = told = 0
    while done < cnt:
        point(b, lengths)
        done = sum(b.seen.values())
        if done - told >= 100:
            told = done
            note(f'{done} points: {dict(b.count)}, {dict(b.seen)}')
    note(f'{done} points: {dict(b.count)}; in force was {dict(b.seen)}')


def main():
    cnt = int(sys.argv[1]) if len(sys.argv) > 1 else POINTS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else \
        random.randrange(1 << 32)
    note(f'seed {seed}')
    tap = Tap()
    bench = Bench(random.Random(seed))
    try:
        tap.run(f'{cnt} points of change, start and boot', points, bench, cnt)
        if tap.failed:
            tap.say(bench.node.log_tail(20))
    finally:
        bench.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
