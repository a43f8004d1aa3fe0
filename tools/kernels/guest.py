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
# All that can be emulated, but for `rep movsb` as the way to copy: QEMU takes
# it byte by byte, and a guest takes a third less of the processor without.
CPU = 'max,erms=off,fsrm=off'
# no_timer_check: where others take the processor an emulated timer may be late,
# which a kernel that counts its ticks takes for a broken board.
OPTIONS = ('console=ttyS0,115200 panic=-1 oops=panic loglevel=5 rdinit=/init '
           'mitigations=off random.trust_cpu=on no_timer_check')
INSNS_MAX = 200000  # a fifth of what the verifier looks at before it gives up
STACK_MAX = 384  # bytes of one function; the verifier takes 512 of a chain
PROBE_S = 25
BEAT_S = 20
RESULT = re.compile(r'^(not )?ok\b\s*\d*\s*(?:-\s*)?(.*)$')


class Outcome:
    """What became of one boot: tests and, for each object, its programs."""

    def __init__(self, boot_, packages=(), asked=()):
        self.boot = boot_
        self.asked = sorted(set(asked))  # names of the programs it runs
        self.packages = list(packages)
        self.release = ''
        self.tests = []  # Result
        self.objects = {}  # name: Object
        self.rung = ''  # that the agent reached
        self.rung_ms = None  # from its start
        self.took = {}  # seconds of each program, by the guest's clock
        self.seconds = 0.0

    def add(self, name, good, text='', obj='-'):
        self.tests.append(Result(name, 'ok' if good else 'fail', text, obj))

    @property
    def passed(self):
        return bool(self.tests) and all(t.state != 'fail' for t in self.tests)

    def count(self, state, obj=None):
        return sum(t.state == state and obj in (None, t.obj)
                   for t in self.tests)


class Result:
    """One test. @state: ok, fail or skip; @obj: whose verdicts, or '-'"""

    def __init__(self, name, state, text, obj):
        self.name, self.state, self.text, self.obj = name, state, text, obj


class Object:
    """What the verifier said of one object on one kernel."""

    def __init__(self, rung, loads, load_ms=None):
        self.rung, self.loads, self.load_ms = rung, loads, load_ms
        self.insns = {}  # of each program
        self.stack = {}  # bytes, where it is told
        self.attach = None  # ways that took its programs, None: not tried


def boot(machine, image, initrd, folder, options, timeout, beat):
    """Run a guest to its end. Returns why it ended if not by itself.

    machine: (the command of QEMU, its accelerator)
    """
    qemu, accel = machine
    argv = [*qemu, '-accel', accel, '-cpu', CPU, '-smp', '1',
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
        self.before = 0  # tests there were when it began
        self.program = None  # that runs now
        self.obj = '-'  # the object that it was told to ask
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
        self.result(name, state, skip or '\n'.join(self.since))
        self.since = []

    def result(self, name, state, text):
        who = self.program
        if self.obj != '-':
            who += f' of {self.obj}'
        self.out.tests.append(Result(f'{who}: {name}', state, text, self.obj))

    def at_up(self, release):
        self.out.release = release

    def at_bad_module(self, name):
        self.out.add(f'module {name} loads', False, '\n'.join(self.since))
        self.since = []

    def at_bad_step(self, *words):
        self.out.add(f'the guest is set up: {" ".join(words)}', False,
                     '\n'.join(self.since))
        self.since = []

    def at_run(self, name, obj='-'):
        self.program, self.obj, self.seen, self.since = name, obj, 0, []
        self.before = len(self.out.tests)

    def at_ran(self, name, status, seconds):
        self.out.took[name] = self.out.took.get(name, 0) + int(seconds)
        failed = any(t.state == 'fail' for t in self.out.tests[self.before:])
        if not self.seen:
            self.result('prints results', 'fail', '\n'.join(self.since))
        elif status != '0' and not failed:
            self.result(f'exit status 0, not {status}', 'fail',
                        '\n'.join(self.since))
        self.program = None

    def at_object(self, name, rung, loads, load_ms=None):
        self.out.objects[name] = Object(rung, loads == 'yes',
                                        load_ms and int(load_ms))

    def at_insns(self, name, program, insns, stack=None):
        obj = self.out.objects[name]
        obj.insns[program] = int(insns)
        if stack not in (None, '-'):
            obj.stack[program] = int(stack)

    def at_tried(self, name):
        obj = self.out.objects[name]
        obj.attach = obj.attach or []

    def at_attach(self, name, way):
        self.out.objects[name].attach.append(way)

    def at_agent(self, rung, ms):
        self.out.rung, self.out.rung_ms = rung, int(ms)

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
        judge_object(outcome, name, obj)
    if outcome.rung:
        outcome.add(f'the agent reaches {outcome.boot.rung}',
                    outcome.rung == outcome.boot.rung,
                    f'it reached {outcome.rung}')


def judge_object(outcome, name, obj):
    if 'load' in outcome.boot.lacks:
        outcome.add(f'{name} is refused', not obj.loads,
                    'it loads: is this the variant that it should be?')
        return
    outcome.add(f'{name} loads', obj.loads)
    if not obj.loads:
        return
    most = max(obj.insns.values(), default=0)
    outcome.add(f'{name} takes the verifier at most {INSNS_MAX} instructions',
                0 < most <= INSNS_MAX, f'{most}')
    deep = max(obj.stack.values(), default=0)
    outcome.add(f'{name} uses at most {STACK_MAX} bytes of stack a function',
                deep <= STACK_MAX, f'{deep}')
