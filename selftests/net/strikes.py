#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Each call of the agent into libc goes wrong once, and then always, while it
runs and while it starts: memory, files, netlink, bpf(2), processes.

    strikes.py [PART-OF-A-PLACE [SEED [HOW-MANY]]]

All the while one client gets every answer, and another none. When the fault is over
the node is as its policies say within moments, after a new start of the agent where it has
ended. All places that are reached, and how many of how many these are; test_strike.py
asks those of `warder agent --check`.
"""
import collections
import os
import random
import signal
import sys
import time

from test_crash import Traffic
from wdnet import strike
from wdnet.node import CniError
from wdnet.solo import Solo, ingress_policy, note, reach
from wdnet.strike import FAIL, Strike
from wdnet.tap import Fail, Tap, expect

READY_S = 60.0
QUERIES = (['status', '--json'], ['endpoint', 'list'], ['policy', 'list'],
           ['why', 'shop/ok', 'shop/srv:80'], ['map', 'list'],
           ['flow', 'list'])


class Excused(Traffic):
    """Where a fault costs a rung, permitted packets may be lost on the way to
    another one; denied ones never get through."""

    def __init__(self, *pods):
        super().__init__(*pods)
        self.windows = []  # from, to, what was struck, is it excused
        self.lost, self.told = 0, set()

    def whose(self, at):
        """What was struck when this packet was lost. None: excused."""
        found = [(what, excused) for a, b, what, excused in self.windows
                 if a - 0.1 <= at <= b]
        if any(excused for _, excused in found):
            return None
        return ', '.join(what for what, _ in found) or 'nobody knows what'

    def check(self, final=False):
        self.lost = 0
        for pod, ident, _ in self.streams:
            t = pod.handle.ask('tally', ident='s-' + ident)
            if pod is self.bad and t['answered']:
                raise Fail(f'denied {ident} got {t["answered"]} answers')
            lost = [at for at in t['lost'] if pod is self.ok
                    and (ident, at) not in self.told and self.whose(at)]
            self.told.update((ident, at) for at in lost)
            if lost:
                raise Fail(f'allowed {ident} lost {len(lost)} of '
                           f'{t["sent"]}, while there was struck: '
                           + self.whose(lost[0]))
            self.lost += len(t['lost']) * (pod is self.ok)
            if final:
                note(f'{pod.name} {ident}: {t["sent"]} sent, '
                     f'{t["answered"]} answered')


class Bench:
    def __init__(self, rng):
        self.rng, self.number, self.took = rng, 0, []
        self.ends = collections.Counter()
        self.c = Solo()
        self.node = self.c.only_node
        self.strike = self.traffic = None
        try:
            self.node.stop_agent()
            self.strike = Strike(self.node.dir)
            self.node.wrapper = self.strike.wrapper
            self.node.start_agent()
            self.srv, self.ok, self.bad = self.c.three()
            self.flip = self.c.make_pod('flip', 20)
            self.c.run_pods([self.flip])
            self.traffic = Excused(self.srv, self.ok, self.bad)
        except BaseException:
            self.close()
            raise

    def close(self):
        self.c.close()
        if self.strike:
            self.strike.close()

    # ---- what happens meanwhile ----

    def turn(self):
        """Now `flip` may, now it may not."""
        self.number += 1
        peers = ['ok'] + ['flip'] * (self.number % 2)
        self.c.policies = [ingress_policy('srv', 'srv', *peers)]
        cidr = ingress_policy('more', 'srv', f'nobody{self.number}')
        cidr['spec']['ingress'][0]['from'].append(
            {'ipBlock': {'cidr': f'10.99.{self.number % 250}.0/24'}})
        self.c.policies.append(cidr)
        self.flip.labels['rev'] = str(self.number)
        self.c.write_objects()

    def ask(self, *words):
        """Of an agent that may be struck: any answer, but in time."""
        proc = self.node.warder_popen(*words)
        try:
            proc.communicate(timeout=READY_S)
        except BaseException:
            proc.kill()
            proc.wait()
            raise

    def churn(self):
        self.turn()
        self.ask('sync', '--timeout', '2')
        self.guest()
        for words in QUERIES:
            self.ask(*words)

    def guest(self):
        """A pod comes and goes; a call that fails is made again, as by a
        runtime, when all is well."""
        pod = self.c.make_pod('guest', 30, {'app': 'bad'})
        self.c.pods.append(pod)
        self.c.write_objects()
        self.c.start(pod)
        try:
            self.node.cni_add(pod)
        except CniError:
            pass
        try:
            self.node.cni_del(pod)
        except CniError:
            pass
        self.node.ns.run(['umount', '-l', pod.netns])
        os.unlink(pod.netns)
        pod.space.close()
        pod.handle.close()
        self.c.pods.remove(pod)
        self.c.write_objects()

    # ---- and what holds then ----

    def is_dead(self):
        return self.node.agent is None or self.node.agent.poll() is not None

    def revive(self):
        """What a supervisor does. Gives whether it had to."""
        if not self.is_dead():
            return False
        self.node.agent = None
        self.node.start_agent(wait=False)
        return True

    def recovered(self, what):
        """The fault is over."""
        begun = time.monotonic()
        while True:
            self.revive()
            code, _, err = self.node.warder('status', '--wait=2', ok=None)
            if code == 0 and self.node.warder('sync', ok=None)[0] == 0 \
                    and self.node.status()['rung'] == 'full':
                break
            if time.monotonic() - begun > READY_S:
                raise Fail(f'{what}: not as before within {READY_S} s', err,
                           self.node.warder('status', ok=None)[1])
            if code == 0 or 'rung hold' in err:
                self.node.warder('ladder', 'climb', ok=None)
        self.took.append((time.monotonic() - begun, what))

    def check(self, what):
        want, srv = bool(self.number % 2), self.srv
        for _ in range(3):
            if reach(self.flip, srv, timeout=3.0 if want else 0.15) == want:
                break
        else:
            raise Fail(f'{what}: flip may{" not" * (not want)}, and is '
                       'answered otherwise')
        try:
            self.traffic.check()
        except Fail as e:
            raise Fail(what, *e.lines) from None

    def ends_so(self, code, at):
        """With a word. json-c without memory ends by itself; by abort(3) who
        cannot leave the namespace of a pod."""
        last = self.node.log_tail(2)
        if code in (-signal.SIGABRT, -signal.SIGSEGV):
            return 'cannot leave' in last or self.strike.module(at).startswith(
                'libjson-c') or 'json_object.c' in last
        return code in (1, 3) and ('error: ' in last or 'warder: ' in last)

    def watch_start(self):
        """Until it is ready, has ended, or does not get on."""
        self.node.start_agent(wait=False)
        end = time.monotonic() + 4
        while time.monotonic() < end and not self.is_dead():
            if self.node.warder('status', '--wait=0', ok=None)[0] == 0:
                return
            time.sleep(0.05)

    def strike_place(self, key, always, starting):
        at, kind = key
        name = strike.WHAT[kind]
        err = self.rng.choice(strike.ERRORS[name])
        where = self.strike.name(at)
        if where.startswith('program'):
            where += ' ' + strike.lines_of([at & strike.OFFSET])[
                at & strike.OFFSET]
        what = f'{where} {name} {err}' \
            + ' always' * always + ' at start' * starting
        how = {'first': 1, 'every': int(always), 'site': at, 'err': err,
               'whats': 1 << kind}
        since, said = time.time(), os.path.getsize(self.node.log_path)
        if starting:
            self.node.stop_agent(9)
            self.turn()
            self.strike.arm(FAIL, **how)
            self.watch_start()
        else:
            self.strike.arm(FAIL, **how)
            self.churn()
        dead = self.is_dead()
        struck = self.strike.calm()
        self.ends['struck' if struck else 'not met'] += 1
        self.ends['ended' if dead else 'went on'] += bool(struck)
        code = self.node.agent.returncode
        if dead and not self.ends_so(code, at):
            raise Fail(f'{what}: the agent ended by {code}',
                       self.node.log_tail(5))
        self.recovered(what)
        with open(self.node.log_path, encoding='utf-8') as f:
            f.seek(said)
            costs = ' rung ' in f.read()
        self.ends['cost a rung'] += costs
        self.traffic.windows.append((since, time.time(), what, costs))
        self.check(what)


def learn(b):
    """Which places does a start, and which what goes on, reach?"""
    before = b.strike.sites()
    b.node.stop_agent()
    b.strike.arm(strike.NOTHING)
    start = {k: v[1] for k, v in b.strike.sites().items()}
    b.node.start_agent()
    starts = {k for k, v in b.strike.sites().items() if v[1] > start.get(k, 0)}
    running = {k: v[1] for k, v in b.strike.sites().items()}
    b.churn()
    b.churn()
    runs = {k for k, v in b.strike.sites().items()
            if v[1] > running.get(k, 0)}
    expect(True, len(before) > 100, 'places that were reached')
    return starts, runs


def plan(b, part):
    starts, runs = learn(b)
    todo = [(k, starting, always)
            for which, starting in ((runs, False), (starts, True))
            for k in sorted(which) for always in (False, True)
            if part in f'{b.strike.name(k[0])} {strike.WHAT[k[1]]}']
    b.rng.shuffle(todo)
    return todo


def all_places(b, todo):
    wrong = []
    for number, (key, starting, always) in enumerate(todo):
        try:
            b.strike_place(key, always, starting)
        except (Fail, RuntimeError) as e:
            b.strike.calm()
            wrong.append(str(e))
            note('\n# '.join(str(e).splitlines()))
            b.node.stop_agent(9)
            b.recovered('after what was wrong')
        if number % 50 == 49:
            note(f'{number + 1} of {len(todo)}, {len(wrong)} wrong: '
                 f'{dict(b.ends)}')
    if wrong:
        raise Fail(f'{len(wrong)} of {len(todo)} wrong', *wrong[:20])


def tell(b):
    note(f'faults: {dict(b.ends)}; {b.traffic.lost} permitted packets lost on '
         'the way between rungs; as before again after at most '
         + ', '.join(f'{t:.2f} s ({w})' for t, w in sorted(b.took)[-3:]))
    reached = b.strike.sites()
    struck = sum(s[2] > 0 for s in reached.values())
    note(f'{len(reached)} places reached, {struck} of them struck')
    own = {k[0] & strike.OFFSET: v for k, v in reached.items()
           if b.strike.module(k[0]) == 'program'}
    every = strike.all_sites()
    where = strike.lines_of(sorted(every))
    by_folder = collections.defaultdict(lambda: [0, 0, 0])
    for offset in every:
        line = by_folder[os.path.dirname(where[offset])]
        line[0] += 1
        line[1] += offset in own
        line[2] += offset in own and own[offset][2] > 0
    for folder, line in sorted(by_folder.items()):
        note(f'{folder}: {line[0]} places, {line[1]} reached, '
             f'{line[2]} struck')


def main():
    part = sys.argv[1] if len(sys.argv) > 1 else ''
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else \
        random.randrange(1 << 32)
    tap = Tap()
    note(f'seed {seed}')
    bench = Bench(random.Random(seed))
    try:
        todo = plan(bench, part)[:int(sys.argv[3]) if len(sys.argv) > 3
                                 else None]
        note(f'{len(todo)} faults')
        tap.run(f'{len(todo)} faults of single calls', all_places, bench, todo)
        bench.traffic.pause()
        tap.run('all answers came, and none that may not',
                bench.traffic.check, True)
        tell(bench)
        if tap.failed:
            tap.say(bench.node.log_tail(20))
    finally:
        bench.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
