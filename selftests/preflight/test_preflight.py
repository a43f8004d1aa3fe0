#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""`warder preflight` on real kernels, and on machines that end in every way.

Two kernels are booted for real, without rights; what they said is then played
back, changed, by a stand-in for QEMU. WD_LONG=1: all kernels of the cache.

    test_preflight.py BUILD
"""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, 'selftests', 'net'))
for place in ('selftests/kernels', 'tools/kernels'):
    sys.path.insert(0, os.path.join(TOP, place))

import archive  # noqa: E402
from wdnet.tap import Fail, Tap, expect  # noqa: E402

STATE = os.path.join(HERE, 'node.json')
QEMU = 'qemu-system-x86_64'
NOBODY = ['setpriv', '--reuid', 'nobody', '--regid', 'nogroup',
          '--clear-groups']
SECONDS = 900  # for a command, on a machine that is shared

# Takes QEMU's place. $FAKE says what happens; record runs the real one.
STAND_IN = r'''#!/usr/bin/env python3
import os, sys, time
argv, mode = sys.argv[1:], os.environ['FAKE']
at = [i + 1 for i, word in enumerate(argv) if word == '-serial']
console, results = (argv[i].split(':', 1)[1] for i in at)
with open(os.environ['FAKE_PID'], 'w') as f:
    f.write(str(os.getpid()))

def say(path, text):
    with open(path, 'a') as f:
        f.write(text)

def flipped(line):
    """The last answer of a line: passes where it was dropped, or so."""
    at = line.rindex('"}') - 2
    return line[:at] + '%02x' % (int(line[at:at + 2], 16) ^ 0x80) + line[at + 2:]

if mode == 'record':
    os.symlink(os.environ['FAKE_RECORD'], results)
    os.execv(os.environ['FAKE_REAL'], ['qemu', *argv])
if mode == 'refuse':
    sys.exit('qemu: could not load kernel: it smells')
open(console, 'a').close()
if mode == 'silent':
    time.sleep(1000)
say(console, '[    0.000000] Linux version 9.9.9\n')
if mode == 'panic':
    say(console, '[    1.0] Kernel panic - not syncing: No working init\n'
                 '[    1.0] CPU: 0 PID: 1\n')
    sys.exit(0)
if mode == 'hang':
    time.sleep(1000)
if mode == 'die':
    sys.exit(0)
with open(os.environ['FAKE_RECORD']) as f:
    lines = f.readlines()
for line in lines:
    if mode == 'stuck' and line.startswith('{"object'):
        time.sleep(1000)
    if mode == 'flip' and line.startswith('{"answers":"wd_pod"'):
        mode, line = 'flipped', flipped(line)
    if mode == 'no rules' and '"ruleset"' in line:
        continue
    if mode == 'no rules' and line.startswith('{"host_rules"'):
        line = '{"host_rules":false,"error":"no table"}\n'
    say(results, line)
time.sleep(1000)  # no power off: the host has to end it
'''


class Bench:
    """A folder with the program, kernels and the stand-in."""

    def __init__(self, build):
        self.dir = tempfile.mkdtemp(prefix='wd-preflight-')
        os.chmod(self.dir, 0o755)
        self.temp = os.path.join(self.dir, 'tmp')
        os.mkdir(self.temp)
        os.chmod(self.temp, 0o1777)
        self.warder = os.path.join(self.dir, 'warder')
        shutil.copy(os.path.join(build, 'warder'), self.warder)
        self.state = os.path.join(self.dir, 'node.json')
        self.older = os.path.join(self.dir, 'older.json')
        shutil.copy(STATE, self.older)
        # the same node where a policy about the node is enforced, and
        # services are judged behind their translation
        self.host = os.path.join(self.dir, 'host.json')
        with open(STATE, encoding='utf-8') as f:
            state = json.load(f)
        state['host_enforced'] = True
        state['host_slot'] = 1
        state['encryption_required'] = True
        with open(self.host, 'w', encoding='utf-8') as f:
            json.dump(state, f)
        state['services_exact'] = True
        with open(self.state, 'w', encoding='utf-8') as f:
            json.dump(state, f)
        os.mkdir(os.path.join(self.dir, 'bin'))
        path = os.path.join(self.dir, 'bin', QEMU)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(STAND_IN)
        os.chmod(path, 0o755)
        self.records = {}

    def close(self):
        shutil.rmtree(self.dir)

    def run(self, *args, fake=None, record=None, nobody=False, env=None,
            before=()):
        """@fake: the stand-in's mode."""
        more = {'TMPDIR': self.temp, **(env or {})}
        if fake:
            more.update(PATH=f'{self.dir}/bin:{os.environ["PATH"]}', FAKE=fake,
                        FAKE_RECORD=record or '/nowhere',
                        FAKE_REAL=shutil.which(QEMU) or '',
                        FAKE_PID=os.path.join(self.temp, 'fake.pid'))
        argv = [*before, *(NOBODY if nobody else ()), self.warder,
                'preflight', *map(str, args)]
        return subprocess.run(argv, env={**os.environ, **more}, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=SECONDS, check=False)

    def left(self):
        """What is left of the machines' folders."""
        return [n for n in os.listdir(self.temp)
                if n.startswith('warder-preflight')]

    def pid(self):
        with open(os.path.join(self.temp, 'fake.pid'), encoding='ascii') as f:
            return int(f.read())


def expect_in(text, where, what):
    if text not in where:
        raise Fail(f'{what}: not in the output: {text!r}', where)


def is_alive(pid):
    try:
        with open(f'/proc/{pid}/stat', encoding='ascii') as f:
            return f.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except FileNotFoundError:
        return False


# ---- real kernels ----

def provide(ids):
    kernels = [k for k in archive.read_list(os.path.join(
        os.path.dirname(archive.__file__), 'kernels.tsv')) if k.id in ids]
    cache = archive.Cache(archive.default_cache())
    missing = cache.provide(kernels, lambda text: print('# ' + text))
    if missing:
        raise Fail('kernels that cannot be had', missing)
    return {k.id: cache.folder(k) for k in kernels}


def make_package(bench, home, release):
    """A package of a kernel, as the distribution would make one."""
    root = os.path.join(bench.dir, 'root')
    os.makedirs(f'{root}/DEBIAN')
    os.makedirs(f'{root}/boot')
    with open(f'{root}/DEBIAN/control', 'w', encoding='ascii') as f:
        f.write(f'Package: linux-image-{release}\nVersion: 1\nArchitecture: '
                'amd64\nMaintainer: nobody <nobody@example.org>\n'
                'Description: a kernel\n')
    shutil.copy(f'{home}/vmlinuz', f'{root}/boot/vmlinuz-{release}')
    for name in ('drivers/net', 'net', 'lib'):
        shutil.copytree(f'{home}/modules/kernel/{name}',
                        f'{root}/lib/modules/{release}/kernel/{name}')
    path = os.path.join(bench.dir, f'linux-image-{release}.deb')
    subprocess.run(['dpkg-deb', '-Zgzip', '-z1', '-b', root, path], check=True,
                   stdout=subprocess.DEVNULL)
    shutil.rmtree(root)
    return path


def real(bench, results, name, *args):
    """One real machine, as nobody; what it said is kept."""
    record = os.path.join(bench.temp, f'record-{name}')
    begin = time.monotonic()
    got = bench.run('--json', '--accel', 'tcg', *args,
                    fake='record', record=record, nobody=True)
    results[name] = got
    bench.records[name] = record
    print(f'# {name}: {time.monotonic() - begin:.0f} s', flush=True)


def boot_both(bench):
    homes = provide(('5.10', '7.3'))
    release = os.listdir(f'{homes["5.10"]}/modules') and '5.10.0-99-amd64'
    package = make_package(bench, homes['5.10'], release)
    results = {}
    both = [threading.Thread(target=real, args=(bench, results, *words))
            for words in (('5.10', '--kernel', package, '--min-rung',
                           'compat', '--state', bench.host),
                          ('7.3', '--kernel', homes['7.3'] + '/vmlinuz',
                           '--state', bench.state,
                           '--html', os.path.join(bench.temp, 'page.html')))]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    bench.results = results
    bench.homes = homes


def check_kernel(bench, name, rung, attach, least):
    """@least: modules that are taken along"""
    got = bench.results[name]
    expect(0, got.returncode, f'exit code: {got.stdout} {got.stderr}')
    doc = json.loads(got.stdout)
    kernel = doc['kernels'][0]
    expect(('safe', 'safe', [rung, 'wd_pod', attach]),
           (doc['answer'], kernel['answer'],
            [kernel[k] for k in ('rung', 'object', 'attach')]), 'answer')
    expect('node-a', doc['state']['node'], 'whose state')
    if kernel['modules'] < least:
        raise Fail('too few modules taken along', kernel['modules'])
    expect(['wd_pod', 'wd_compat', 'wd_minimal', 'ruleset'],
           [o['object'] for o in kernel['objects']], 'objects')
    ruleset = kernel['objects'].pop()
    expect((True, True, 'nft', [], 0),
           tuple(kernel[k] for k in ('nft',)) +
           tuple(ruleset[k] for k in ('loads', 'rung', 'programs',
                                      'different')), 'ruleset')
    expect(doc['questions']['asked'],
           ruleset['answered'] + ruleset['not_asked'],
           'questions that the ruleset was asked, and those it was not')
    if ruleset['answered'] < 300:
        raise Fail('too few questions to the ruleset', ruleset['answered'])
    asked = doc['questions']['asked']
    if asked < 500:
        raise Fail('too few questions', asked)
    for obj in kernel['objects']:
        expect((True, asked, 0), (obj['loads'], obj['answered'],
                                  obj['different']), obj['object'])
        for prog in obj['programs']:
            if not 1000 < prog['insns'] < 200000 or \
                    not 100 <= prog['stack_bytes'] <= 512:
                raise Fail('figures of the verifier', prog)
    print(f'# {name}: {asked} questions, boot {kernel["boot_seconds"]:.1f} s, '
          f'all {kernel["seconds"]:.1f} s')


def expect_wires(bench, name):
    doc = json.loads(bench.results[name].stdout)
    expect((True, True), (doc['state']['encryption_required'],
                          doc['kernels'][0]['wires']),
           'encryption is required here, and judged there')


def test_oldest(bench):
    check_kernel(bench, '5.10', 'compat', 'clsact', 3)
    expect_wires(bench, '5.10')
    expect('5.10.0-', json.loads(bench.results['5.10'].stdout)['kernels'][0][
        'release'][:7], 'release')


def test_newest(bench):
    check_kernel(bench, '7.3', 'full', 'tcx', 12)
    expect_wires(bench, '7.3')
    doc = json.loads(bench.results['7.3'].stdout)
    expect((True, True), (doc['state']['services_exact'],
                          doc['kernels'][0]['services_exact']),
           'services judged behind their translation, here and there')
    expect((True, True), (doc['state']['host_enforced'],
                          doc['kernels'][0]['host_enforced']),
           'a policy about the node, here and there')
    with open(os.path.join(bench.temp, 'page.html'), encoding='utf-8') as f:
        page = f.read()
    for text in ('<!doctype html>', 'mark safe', '7.3.', 'wd_minimal'):
        expect_in(text, page, 'page')


def test_nothing_left(bench):
    expect([], bench.left(), 'folders left behind')


# ---- the same, played back ----

def replay(bench, fake, *args, record='7.3', **kw):
    return bench.run('--kernel', bench.homes['7.3'] + '/vmlinuz', '--accel',
                     'tcg', *args, fake=fake, record=bench.records[record],
                     **kw)


def test_replay_is_safe(bench):
    got = replay(bench, 'replay', '--state', bench.state)
    expect(0, got.returncode, f'exit code: {got.stdout} {got.stderr}')
    expect_in('answer          safe', got.stdout, 'text')
    expect(False, is_alive(bench.pid()), 'a machine that stays on is alive')


def test_other_verdict(bench):
    got = replay(bench, 'flip', '--state', bench.state)
    expect(1, got.returncode, f'exit code: {got.stdout} {got.stderr}')
    lines = [x for x in got.stdout.split('\n') if ': here ' in x]
    expect(1, len(lines), 'lines of a difference')
    for word in ('wd_pod: shop/', 'gress', ' -> ', ', there '):
        expect_in(word, lines[0], 'the line')
    if (': here passes' in lines[0]) != ('there drops' in lines[0]):
        raise Fail('here and there are the same', lines[0])
    expect_in('NOT SAFE', got.stdout, 'text')


def test_lower_rung(bench):
    got = replay(bench, 'replay', '--state', bench.state, record='5.10')
    expect(1, got.returncode, f'exit code: {got.stdout}')
    expect_in('rung compat is lower than full, which the node has now',
              got.stdout, 'why')
    got = replay(bench, 'replay', record='5.10')
    expect(0, got.returncode, 'without a state compat will do')
    expect_in('golden packets', got.stdout, 'what was not asked')


def test_services(bench):
    """What hangs on netfilter on the node, 5.10 cannot have."""
    got = replay(bench, 'replay', '--state', bench.state, '--min-rung',
                 'compat', record='5.10')
    expect(1, got.returncode, f'exit code: {got.stdout}')
    expect_in('services with backends that policy treats differently are '
              'dropped there', got.stdout, 'why')
    got = replay(bench, 'replay', '--state', bench.older, '--min-rung',
                 'compat', record='5.10')
    expect(0, got.returncode, f'exit code: {got.stdout}')


def test_host(bench):
    """On 5.10 a policy about the node is a ruleset's, or nobody's."""
    for fake, code, why in (
            ('replay', 0, 'the policy about the node itself is enforced there '
             'by an nftables ruleset'),
            ('no rules', 1, 'the policy about the node itself is not enforced '
             'there')):
        got = replay(bench, fake, '--state', bench.host, '--min-rung',
                     'compat', record='5.10')
        expect(code, got.returncode, f'exit code: {got.stdout}')
        expect_in(why, got.stdout, 'why')


def state_on(bench, rung):
    """The state of a node that is on a rung; gives the file."""
    with open(bench.state, encoding='utf-8') as f:
        state = json.load(f)
    state['rung'] = rung
    path = os.path.join(bench.dir, f'on-{rung}.json')
    with open(path, 'w', encoding='utf-8') as f:
        json.dump(state, f)
    return path


def test_node_below_programs(bench):
    """A node on nft or hold: the programs are tried all the same."""
    for rung, wanted in (
            ('nft', 'at least nft is wanted, which the node has now'),
            ('hold', 'at least nft is wanted, the lowest that enforces: the '
             'node has hold now')):
        got = replay(bench, 'replay', '--state', state_on(bench, rung))
        expect(0, got.returncode, f'{rung}: exit code: {got.stdout}')
        expect_in('answer          safe', got.stdout, rung)
        expect_in(wanted, got.stdout, rung)
        expect_in(f'the node is on rung {rung} now, and this kernel allows '
                  'full', got.stdout, rung)


def test_ruleset_for_real(bench):
    """Without clsact and tcx the machine ends on the ruleset, really."""
    homes = provide(('6.1',))
    folder = os.path.join(bench.dir, 'without')
    shutil.copytree(f'{homes["6.1"]}/modules/kernel', folder)
    for where, _, files in os.walk(folder):
        for name in files:
            if name.split('.')[0] in ('sch_ingress', 'cls_bpf'):
                os.unlink(os.path.join(where, name))
    words = ('--kernel', homes['6.1'] + '/vmlinuz', '--modules', folder,
             '--json', '--accel', 'tcg')
    for more, code, answer in (
            (('--state', bench.state), 1, 'unsafe'),
            (('--state', state_on(bench, 'nft')), 0, 'safe'),
            (('--min-rung', 'nft'), 0, 'safe')):
        got = bench.run(*words, *more)
        expect(code, got.returncode, f'{more}: exit code: {got.stderr}')
        kernel = json.loads(got.stdout)['kernels'][0]
        expect((answer, 'nft', 'nft', None),
               tuple(kernel[k] for k in ('answer', 'rung', 'attach',
                                         'object')), str(more))


ENDS = (
    # stand-in, more words, exit code, sentence
    ('panic', (), 1, 'the kernel panicked: Kernel panic - not syncing: No '
     'working init'),
    ('hang', ('--timeout', '8'), 1, 'it hangs before it runs warder'),
    ('stuck', ('--timeout', '8'), 1, 'it hangs while warder runs there'),
    ('die', (), 1, 'the machine ended early'),
    ('silent', ('--timeout', '1'), 4, 'nothing came from the kernel'),
    ('refuse', (), 4, 'it smells'),
)


def test_every_end(bench):
    for fake, words, code, text in ENDS:
        got = replay(bench, fake, *words)
        expect(code, got.returncode, f'{fake}: exit code: {got.stdout}')
        expect_in(text, got.stdout, fake)
        expect([], bench.left(), f'{fake}: folders left behind')
        doc = json.loads(replay(bench, fake, '--json', *words).stdout)
        expect({1: 'unsafe', 4: 'unknown'}[code], doc['answer'], fake)


def test_signal(bench):
    env = {**os.environ, 'TMPDIR': bench.temp, 'FAKE': 'hang',
           'PATH': f'{bench.dir}/bin:{os.environ["PATH"]}',
           'FAKE_PID': os.path.join(bench.temp, 'fake.pid')}
    for sig in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(env['FAKE_PID'])
        with subprocess.Popen(
                [bench.warder, 'preflight', '--accel', 'tcg', '--kernel',
                 bench.homes['7.3'] + '/vmlinuz'], env=env,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as proc:
            until = time.monotonic() + 60
            while not os.path.exists(env['FAKE_PID']) or \
                    not os.path.getsize(env['FAKE_PID']):
                if time.monotonic() > until:
                    proc.kill()
                    raise Fail('the machine does not start')
                time.sleep(0.05)
            proc.send_signal(sig)
            expect(128 + sig, proc.wait(30), 'exit code')
        expect([], bench.left(), 'folders left behind')
        expect(False, is_alive(bench.pid()), 'the machine is alive')


# ---- what is no kernel ----

def test_wrong_files(bench):
    junk = os.path.join(bench.dir, 'junk')
    cut = os.path.join(bench.dir, 'cut.deb')
    empty = os.path.join(bench.dir, 'linux-image-none.deb')
    package = [os.path.join(bench.dir, n) for n in os.listdir(bench.dir)
               if n.endswith('.deb')][0]
    with open(junk, 'wb') as f:
        f.write(b'no kernel ' * 1000)
    with open(package, 'rb') as f, open(cut, 'wb') as g:
        g.write(f.read(100000))
    os.makedirs(f'{bench.dir}/e/DEBIAN')
    with open(f'{bench.dir}/e/DEBIAN/control', 'w', encoding='ascii') as f:
        f.write('Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x '
                '<x@example.org>\nDescription: x\n')
    subprocess.run(['dpkg-deb', '-b', f'{bench.dir}/e', empty], check=True,
                   stdout=subprocess.DEVNULL)
    for path, text in (
            (junk, 'neither a kernel for x86'),
            (cut, 'not a package that dpkg-deb can read'),
            (empty, 'a package without a kernel'),
            ('/nowhere/vmlinuz', '-ENOENT')):
        got = bench.run('--kernel', path)
        expect(4, got.returncode, f'{path}: exit code: {got.stdout}')
        expect_in(text, got.stdout, path)
        expect([], bench.left(), f'{path}: folders left behind')
    got = bench.run('--kernel', bench.homes['7.3'] + '/vmlinuz', '--modules',
                    junk)
    expect(4, got.returncode, 'modules that are none')
    expect_in('this is neither', got.stdout, 'modules that are none')


def test_no_qemu(bench):
    os.mkdir(os.path.join(bench.dir, 'nothing'))
    got = bench.run('--kernel', bench.homes['7.3'] + '/vmlinuz', '--modules',
                    '/proc/self/net', env={'PATH': f'{bench.dir}/nothing'})
    expect(4, got.returncode, f'exit code: {got.stdout}')
    expect_in('install package qemu-system-x86', got.stdout, 'why')


def test_no_room(bench):
    small = os.path.join(bench.dir, 'small')
    os.mkdir(small)
    got = bench.run('--kernel', bench.homes['7.3'] + '/vmlinuz',
                    env={'TMPDIR': small},
                    before=['unshare', '-m', 'sh', '-c',
                            f'mount -t tmpfs -o size=4m none {small} && '
                            'exec "$@"', 'sh'])
    expect(4, got.returncode, f'exit code: {got.stdout}')
    expect_in('-ENOSPC', got.stdout, 'why')
    expect_in('TMPDIR', got.stdout, 'what to do')


def test_wrong_state(bench):
    with open(STATE, encoding='utf-8') as f:
        state = json.load(f)
    state['format'] = 9
    path = os.path.join(bench.dir, 'other.json')
    with open(path, 'w', encoding='utf-8') as f:
        json.dump(state, f)
    got = bench.run('--kernel', 'x', '--state', path)
    expect(1, got.returncode, 'exit code')
    expect_in('format: 9 is of another version', got.stderr, 'why')


def test_usage(bench):
    for words in ('', '--kernel', '--kernel a --all b', '--all b --modules c',
                  '--kernel a --min-rung high', '--kernel a --min-rung hold',
                  '--kernel a --accel xen', '--kernel a --seed x',
                  '--kernel a --questions 0', '--kernel a --timeout 0', 'a'):
        expect(2, bench.run(*words.split()).returncode, words)
    got = subprocess.run([bench.warder, 'preflight-guest', '1', '2'],
                         check=False, stderr=subprocess.PIPE)
    expect(2, got.returncode, 'the guest, outside a machine')


# ---- several kernels ----

def test_all(bench):
    folder = os.path.join(bench.dir, 'all')
    for name in ('6.1', '6.12'):
        os.makedirs(f'{folder}/{name}')
        os.symlink(bench.homes['7.3'] + '/vmlinuz', f'{folder}/{name}/vmlinuz')
    with open(f'{folder}/README', 'w', encoding='ascii') as f:
        f.write('no kernel')
    page = os.path.join(bench.temp, 'all.html')
    got = bench.run('--all', folder, '--state', bench.state, '--accel', 'tcg',
                    '--html', page, fake='replay', record=bench.records['7.3'])
    expect(0, got.returncode, f'exit code: {got.stdout}')
    rows = [x for x in got.stdout.split('\n') if x.startswith('7.3.')]
    expect(2, len(rows), 'rows')
    with open(page, encoding='utf-8') as f:
        expect(2, f.read().count('<section'), 'kernels on the page')
    got = bench.run('--all', folder, '--accel', 'tcg', '--json', fake='panic')
    expect(1, got.returncode, 'exit code')
    expect(['unsafe', 'unsafe'],
           [k['answer'] for k in json.loads(got.stdout)['kernels']], 'answers')
    expect(1, bench.run('--all', bench.temp).returncode, 'no kernel there')


def test_all_for_real(bench):
    """Each kernel of the cache: some are to be safe, all are to be known."""
    got = bench.run('--all', archive.default_cache(), '--state', bench.older,
                    '--min-rung', 'compat', '--accel', 'tcg')
    print(''.join(f'# {line}\n' for line in got.stdout.split('\n')))
    expect(0, got.returncode, f'exit code: {got.stderr[-500:]}')


TESTS = (
    ('two kernels are booted', boot_both),
    ('the oldest is safe, from its package, without rights', test_oldest),
    ('the newest is safe, from its files', test_newest),
    ('nothing is left behind', test_nothing_left),
    ('what was played back is the same', test_replay_is_safe),
    ('another verdict is not safe, and a line', test_other_verdict),
    ('a lower rung is not safe', test_lower_rung),
    ('services that would be judged otherwise', test_services),
    ('a policy about the node by a ruleset', test_host),
    ('a node below programs', test_node_below_programs),
    ('every end of a machine has its sentence and code', test_every_end),
    ('a signal ends it all', test_signal),
    ('what is no kernel is told', test_wrong_files),
    ('without QEMU its package is named', test_no_qemu),
    ('no room is told', test_no_room),
    ('the state of another version is refused', test_wrong_state),
    ('wrong words are told', test_usage),
    ('all kernels of a folder', test_all),
)
LONG = (('the ruleset where programs cannot be attached',
         test_ruleset_for_real),
        ('all kernels for real', test_all_for_real))


def main():
    if len(sys.argv) != 2:
        sys.exit('usage: test_preflight.py BUILD')
    tap = Tap()
    bench = Bench(sys.argv[1])
    try:
        for name, test in TESTS + (LONG if os.environ.get('WD_LONG') else ()):
            tap.run('preflight: ' + name, test, bench)
    finally:
        bench.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
