# SPDX-License-Identifier: GPL-2.0-only
"""Boots one kernel in QEMU and makes sense of what it says.

The guest is emulated, so that it needs no rights and runs on any machine; it
has no network and no disk. Silence, a panic, a missing last word and a test
program without results count as failures.
"""
import os
import re
import subprocess
import time

MEMORY_MB = 768
OPTIONS = ('console=ttyS0,115200 panic=-1 oops=panic loglevel=5 rdinit=/init '
           'mitigations=off random.trust_cpu=on')
INSNS_MAX = 200000  # a fifth of what the verifier looks at before it gives up
BEAT_S = 20
RESULT = re.compile(r'^(not )?ok\b\s*\d*\s*(?:-\s*)?(.*)$')


class Outcome:
    """What became of one kernel: tests and, for each object, its programs."""

    def __init__(self, kernel, packages=()):
        self.kernel = kernel
        self.packages = list(packages)
        self.release = ''
        self.tests = []  # [name, ok|fail|skip, text]
        self.objects = {}  # name: {'rung', 'loads', 'programs': {name: insns}}
        self.took = {}  # seconds of each program, by the guest's clock
        self.seconds = 0.0

    def add(self, name, good, text=''):
        self.tests.append([name, 'ok' if good else 'fail', text])

    @property
    def passed(self):
        return bool(self.tests) and all(t[1] != 'fail' for t in self.tests)

    def count(self, state):
        return sum(t[1] == state for t in self.tests)


def boot(qemu, image, initrd, folder, options, timeout, beat):
    """Run a guest to its end. Returns why it ended if not by itself."""
    argv = [*qemu, '-accel', 'tcg', '-cpu', 'max', '-smp', '1',
            '-m', str(MEMORY_MB), '-nodefaults', '-no-reboot',
            '-display', 'none', '-kernel', image, '-initrd', initrd,
            '-append', f'{OPTIONS} {options}'.strip(),
            '-serial', f'file:{folder}/console',
            '-serial', f'file:{folder}/results']
    begin = time.monotonic()
    with open(os.path.join(folder, 'qemu.log'), 'wb') as log:
        proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log,
                                stderr=log)
    try:
        while True:
            try:
                status = proc.wait(min(BEAT_S, timeout))
                return f'QEMU ended with {status}' if status else ''
            except subprocess.TimeoutExpired:
                spent = time.monotonic() - begin
            if spent > timeout:
                return f'no end after {timeout:.0f} s'
            beat(spent)
    finally:
        if proc.poll() is None:
            proc.kill()
            proc.wait()


def text_of(path):
    try:
        with open(path, encoding='utf-8', errors='replace') as f:
            return f.read().replace('\r', '')
    except FileNotFoundError:
        return ''


class Reader:
    """Goes through the guest's lines and fills an Outcome."""

    def __init__(self, outcome):
        self.out = outcome
        self.program = None  # that runs now
        self.seen = 0  # results of it
        self.since = []  # lines since the last result
        self.ended = False

    def line(self, line):
        word = line.split()
        if line.startswith('@') and hasattr(self, 'at_' + word[0][1:].replace(
                '-', '_')):
            getattr(self, 'at_' + word[0][1:].replace('-', '_'))(*word[1:])
            return
        hit = RESULT.match(line) if self.program else None
        if not hit:
            self.since.append(line)
            return
        name, _, skip = hit.group(2).partition(' # SKIP ')
        state = 'fail' if hit.group(1) else 'skip' if skip else 'ok'
        self.seen += 1
        self.out.tests.append([f'{self.program}: {name}', state,
                               skip or '\n'.join(self.since)])
        self.since = []

    def at_up(self, release):
        self.out.release = release

    def at_bad_module(self, name):
        self.out.add(f'module {name} loads', False, '\n'.join(self.since))
        self.since = []

    def at_run(self, name):
        self.program, self.seen, self.since = name, 0, []

    def at_ran(self, name, status, seconds):
        self.out.took[name] = int(seconds)
        failed = any(t[1] == 'fail' and t[0].startswith(name + ': ')
                     for t in self.out.tests)
        if not self.seen:
            self.out.add(f'{name}: prints results', False,
                         '\n'.join(self.since))
        elif status != '0' and not failed:
            self.out.add(f'{name}: exit status 0, not {status}', False,
                         '\n'.join(self.since))
        self.program = None

    def at_object(self, name, rung, loads):
        self.out.objects[name] = {'rung': rung, 'loads': loads == 'yes',
                                  'programs': {}}

    def at_insns(self, name, program, insns):
        self.out.objects[name]['programs'][program] = int(insns)

    def at_end(self):
        self.ended = True


def judge(outcome, folder, why_ended):
    """Read what the guest wrote; add what it could not say itself."""
    reader = Reader(outcome)
    for line in text_of(os.path.join(folder, 'results')).splitlines():
        reader.line(line)
    if not reader.ended or why_ended:
        where = f'in {reader.program}' if reader.program else \
            'between programs' if outcome.release else 'before its first word'
        console = text_of(os.path.join(folder, 'console')).splitlines()
        log = text_of(os.path.join(folder, 'qemu.log')).splitlines()
        outcome.add('the guest ends by itself', False, '\n'.join(
            [f'{why_ended or "it went down"}, {where}']
            + reader.since[-10:] + console[-25:] + log[-5:]))
        return
    if not outcome.objects:
        outcome.add('an object is loaded', False)
    for name, obj in outcome.objects.items():
        outcome.add(f'{name} loads', obj['loads'])
        if not obj['loads']:
            continue
        most = max(obj['programs'].values(), default=0)
        outcome.add(f'{name} takes the verifier at most {INSNS_MAX} '
                    'instructions', 0 < most <= INSNS_MAX, f'{most}')
