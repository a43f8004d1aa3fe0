#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""`warder top` counts, fits into 80 columns, and gives the terminal back on every
way out.

    test_top.py [PART-OF-A-NAME]
"""
import json
import os
import pty
import re
import select
import signal
import sys
import termios
import time

from wdnet.node import WARDER
from wdnet.shared import Shared
from wdnet.solo import Solo, expect_reach, ingress_policy, wait_for
from wdnet.tap import Fail, expect

SHARED = Shared()
ENTER, LEAVE = '\x1b[?1049h', '\x1b[?1049l'
CODES = re.compile(r'\x1b\[[?0-9;]*[A-Za-z]')


class Bench:
    def close(self):
        self.c.close()

    def __init__(self):
        self.c = Solo()
        self.node = self.c.only_node
        self.empty = [self.node.warder(what, 'list')[1]
                      for what in ('endpoint', 'service', 'policy')]
        self.srv, self.ok, self.bad = self.c.three()


class Screen:
    """The command on a terminal of its own."""

    def __init__(self, node, *args, size=(24, 80)):
        self.ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, size)
        self.theirs = theirs
        self.before = termios.tcgetattr(theirs)
        self.text = ''
        self.proc = node.ns.popen(
            [WARDER, 'top', '--interval', '200ms', '--run-dir', node.run_dir,
             *args], stdin=theirs, stdout=theirs, stderr=theirs)

    def read(self, seconds=0.1):
        while select.select([self.ours], [], [], seconds)[0]:
            self.text += os.read(self.ours, 65536).decode()
            seconds = 0
        return self.text

    def wait_for(self, part):
        wait_for(f'{part!r} is on the screen', lambda: part in self.read())

    def key(self, key):
        os.write(self.ours, key.encode())

    def ends(self, code):
        until = time.monotonic() + 20
        while self.proc.poll() is None and time.monotonic() < until:
            self.read()
        self.read()
        expect(code, self.proc.wait(1), 'exit code')
        if LEAVE not in self.text or '\x1b[?25h' not in self.text:
            raise Fail('the screen was not given back', self.text[-300:])
        expect(self.before, termios.tcgetattr(self.theirs), 'its settings')

    def close(self):
        if self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()
        os.close(self.ours)
        os.close(self.theirs)


def on_screen(b, function, *args, **kw):
    screen = Screen(b.node, *args, **kw)
    try:
        screen.wait_for('POD')
        function(screen)
    finally:
        screen.close()
    return screen


@SHARED.test
def rates_are_those_of_what_is_sent(b):
    proc = b.node.warder_popen('top', '--json', '--interval', '3s')
    time.sleep(0.5)
    for _ in range(2):
        expect_reach(False, b.bad, b.srv)
    out = proc.communicate(timeout=60)[0]
    doc = json.loads(out)
    pod = next(p for p in doc['pods'] if p['name'] == 'srv')
    sent = round(pod['drop'] * doc['seconds'])
    if not 1 <= sent <= 6 or pod is not doc['pods'][0]:
        raise Fail(f'{sent} dropped packets of srv', out)
    # the pods' kernels may ask for routers meanwhile, and are denied more
    reason = [r for r in doc['reasons'] if r['reason'] == 'DEFAULT']
    expect([('ingress', 'drop')],
           [(r['direction'], r['verdict']) for r in reason], 'reason')


def rule_of(b):
    out = b.node.warder('policy', 'get', 'NetworkPolicy/shop/srv', '--json')[1]
    return json.loads(out)['rules'][0]['counts']['packets']


@SHARED.test
def rules_are_told_by_what_they_let_in_meanwhile(b):
    b.c.apply([ingress_policy('srv', 'srv', 'ok'),
               ingress_policy('idle', 'ok', 'bad')])
    expect_reach(True, b.ok, b.srv)
    before = rule_of(b)
    proc = b.node.warder_popen('top', '--json', '--interval', '3s')
    time.sleep(0.5)
    for _ in range(2):
        expect_reach(True, b.ok, b.srv)
    out = proc.communicate(timeout=60)[0]
    doc = json.loads(out)
    names = [(r['kind'], r['name'], r['direction'], r['index'])
             for r in doc['rules']]
    expect([('NetworkPolicy', 'srv', 'ingress', 0)], names, 'rules hit')
    expect(None, doc['rules_not_counted'], 'why not')
    rule = doc['rules'][0]
    sent = round(rule['per_s'] * doc['seconds'])
    if not 1 <= sent <= rule['packets'] - before:
        raise Fail(f'{sent} packets, {before} before', out)
    out = b.node.warder('top', '--once', '--interval', '200ms')[1]
    if f' {rule_of(b)}\n' not in out.split('RULE ')[1]:
        raise Fail('not what the rule has counted', out)
    b.node.warder('ladder', 'pin', 'minimal')
    try:
        out = b.node.warder('top', '--once', '--interval', '200ms')[1]
        if 'not counted now: rung minimal has no counters by rule' not in out:
            raise Fail('does not say why none is counted', out)
    finally:
        b.node.warder('ladder', 'pin', 'auto')


@SHARED.test
def lists_of_nothing_say_so(b):
    """Before there was any pod; now there are, and some."""
    for text, what in zip(b.empty, ('endpoint', 'service', 'policy')):
        if '\nnone: no ' not in text:
            raise Fail(f'{what} list says nothing', text)
    expect(False, 'none:' in b.node.warder('endpoint', 'list')[1], 'none')


@SHARED.test
def plain_text_fits_into_80_columns(b):
    out = b.node.warder('top', '--once', '--interval', '200ms')[1]
    for part in ('packets/s', 'REASON', 'shop/srv'):
        if part not in out:
            raise Fail(f'does not say {part!r}', out)
    expect([], [line for line in out.split('\n') if len(line) > 80], 'lines')
    expect(False, '\x1b' in out, 'codes of a terminal')


@SHARED.test
def pods_of_long_names_are_told_apart(b):
    ns, ends = 'observability-of-all-that-there-is', ('x2k4p', 'q8z7w')
    b.c.namespaces[ns] = {}
    pods = [b.c.make_pod(f'collector-7d9f8b6c5d-{end}', 20 + i, ns=ns)
            for i, end in enumerate(ends)]
    b.c.run_pods(pods)
    try:
        out = b.node.warder('top', '--once', '--interval', '200ms')[1]
        for end in ends:
            if f'observ..ere-is/collector-..b6c5d-{end} enforce' not in out:
                raise Fail(f'{end} is not told', out)
        expect([], [li for li in out.split('\n') if len(li) > 80], 'lines')
    finally:
        for pod in pods:
            b.c.delete(pod)


@SHARED.test
def picture_has_the_size_that_the_terminal_gets(b):
    def resize(screen):
        for rows, cols in ((12, 40), (24, 80)):
            screen.read()
            screen.text = ''
            termios.tcsetwinsize(screen.theirs, (rows, cols))
            screen.proc.send_signal(signal.SIGWINCH)
            screen.wait_for('\x1b[J')
            screen.text = ''  # one may have been under way
            screen.wait_for('\x1b[J')
            last = screen.text.rpartition('\x1b[J')[0].rpartition('\x1b[H')
            seen = CODES.sub('', last[2]).split('\r\n')
            if len(seen) > rows or max(map(len, seen)) > cols:
                raise Fail(f'more than {rows} rows of {cols}', last[2])
            if cols == 80 and not any(len(row) > 40 for row in seen):
                raise Fail('it stays small', last[2])
            expect(0, screen.text.count('\x1b[2J'), 'clearings')
    on_screen(b, resize, size=(24, 80))


@SHARED.test
def q_leaves_and_the_screen_is_as_before(b):
    def leave(screen):
        screen.key('x')
        screen.read(0.5)
        expect(None, screen.proc.poll(), 'another key does nothing')
        screen.key('q')
        screen.ends(0)
        if not screen.text.startswith(ENTER):
            raise Fail('not a screen of its own', screen.text[:100])
        # nothing is cleared before it is painted anew: no flicker
        expect(1, screen.text.count('\x1b[2J'), 'clearings')
        for picture in screen.text.split('\x1b[H')[1:]:
            rows = CODES.sub('', picture).split('\r\n')
            if any(len(row) > 80 for row in rows):
                raise Fail('a row is too long', picture)
    on_screen(b, leave)


@SHARED.test
def small_screen_is_not_scrolled(b):
    def look(screen):
        screen.key('q')
        screen.ends(0)
        for picture in screen.text.split('\x1b[H')[1:]:
            rows = picture.split('\x1b[J')[0].split('\r\n')
            if len(rows) > 12 or any(len(CODES.sub('', r)) > 40 for r in rows):
                raise Fail('more than 12 rows of 40', picture)
    screen = Screen(b.node, size=(12, 40))
    try:
        screen.wait_for('REASON')
        look(screen)
    finally:
        screen.close()


@SHARED.test
def signals_give_the_terminal_back(b):
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        def end(screen, sig=sig):
            screen.proc.send_signal(sig)
            screen.ends(0)
        on_screen(b, end)


@SHARED.test
def agent_that_ends_is_told_of_behind_the_screen(b):
    def end(screen):
        b.node.stop_agent(signal.SIGKILL)
        screen.ends(3)
        if 'agent' not in screen.text.split(LEAVE)[1]:
            raise Fail('no word of it', screen.text[-300:])
    try:
        on_screen(b, end)
    finally:
        b.node.start_agent()


if __name__ == '__main__':
    sys.exit(SHARED.main(Bench))
