#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Each call into libc of a program that reads manifests goes wrong: it says that
it could not, or it says the same as without. The same of `warder cni`, which may also
be killed there: the chain is whole, and names a program that is there. What a running agent makes of such calls
is asked by strikes.py.

    test_strike.py
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

from wdnet import strike
from wdnet.node import TOP, WARDER
from wdnet.solo import note
from wdnet.strike import FAIL, HALF, KILL, NOTHING, Strike
from wdnet.tap import Fail, Tap, expect

MANIFESTS = os.path.join(TOP, 'tools', 'demo', 'shop')


# What needs no agent. How often it asks the kernel who it is may differ.
COMMANDS = (
    ('agent', '--check', '--manifests', MANIFESTS),
    ('policy', 'check', '--json', MANIFESTS),
    ('why', 'shop/web-1', 'shop/db:5432', '--as-of-manifests', MANIFESTS,
     '--stages', '--json'),
    ('why', 'shop/api-1', 'shop/db:5432', '--as-of-manifests', MANIFESTS),
    ('help', '--json'), ('completion', 'bash'), ('map', 'list'),
    ('cni', 'check', '--cni-conf', '/nowhere', '--json'),
    ('preflight', '--kernel', '/nowhere'),
    ('preflight', '--kernel', MANIFESTS, '--json'),
    ('replay', MANIFESTS), ('report', '/nowhere'), ('status', '--json'),
    ('agent', '--check', '--kubeconfig', '/nowhere'),
)


def read(s, words):
    done = subprocess.run(
        [*s.wrapper, WARDER, *words, '--run-dir', '/nowhere'], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def is_of_json_c(code, module, err):
    """Without memory json-c ends by itself."""
    return code in (-signal.SIGABRT, -signal.SIGSEGV) and (
        module.startswith('libjson-c') or 'json_object.c' in err)


def is_cut(good, out):
    """json-c does not say that it had no memory for all of a text. No field
    is left out: its line is there, or what is left is no JSON."""
    try:
        json.loads(out)
    except ValueError:
        return True
    return out.count('\n') == good.count('\n')


def says_so(code, out, said):
    """And takes it for nobody's mistake."""
    if code == 0:
        return 'WARNING: ' in out
    if code == 2:
        return 'out of memory' in said
    # 4 is what preflight does not know.
    return code in (1, 3, 4) and 'not YAML' not in out and (
        said or ' 0 errors' not in out)


def at_each_place_of(s, words):
    good = read(s, words)
    places = sorted(k for k, v in s.sites().items())
    wrong = []
    for number, (at, kind) in enumerate(places):
        errors = [e for e in strike.ERRORS[strike.WHAT[kind]]
                  if e != 'ENOENT']  # which may be true
        err = errors[number % len(errors)]
        s.arm(FAIL, site=at, whats=1 << kind, err=err,
              every=number % 2 and err != 'EINTR')
        code, out, said = read(s, words)
        if not s.calm() or (code, out) == good[:2] or says_so(
                code, out, said) or is_of_json_c(code, s.module(at), said):
            continue
        if s.module(at).startswith('libjson-c') and is_cut(good[1], out):
            continue
        where = strike.lines_of([at & strike.OFFSET])[at & strike.OFFSET] \
            if s.module(at) == 'program' else s.name(at)
        wrong.append(f'{" ".join(words[:3])}: {where} '
                     f'{strike.WHAT[kind]} {err}: {code} ' + out[-300:] + said)
    return good, len(places), wrong


def what_cannot_be_had_is_no_mistake_of_the_text(folder):
    reached, wrong = 0, []
    for words in COMMANDS:
        s = Strike(folder)
        try:
            good, places, more = at_each_place_of(s, words)
        finally:
            s.close()
        if words[1] == '--check' and 'shop' in words[-1]:
            expect((0, ''), (good[0], good[2]), 'as it is')
            expect(True, places > 20, f'places: {places}')
        reached += places
        wrong += more
    note(f'{reached} calls of {len(COMMANDS)} commands')
    if wrong:
        raise Fail(*wrong)


def an_answer_that_is_not_written_is_none(_):
    """A full disk: what was cut off must not be taken for the whole."""
    for words in COMMANDS + (('version',), ('bugreport', '--json')):
        with open('/dev/full', 'w', encoding='ascii') as full:
            done = subprocess.run([WARDER, *words], text=True, timeout=60,
                                  stdout=full, stderr=subprocess.PIPE,
                                  check=False)
        if done.returncode not in (1, 2, 3, 4) or not done.stderr:
            raise Fail(f'{words}: {done.returncode} {done.stderr}')
        if '--json' in words:
            json.loads(done.stderr)


ASK = ('status', 'sync', 'endpoint list', 'endpoint get a/b',
       'identity list', 'identity get 300', 'service list', 'service get a/b',
       'policy list', 'policy get NetworkPolicy/a/b', 'policy unused',
       'policy confirm', 'why a/b c/d:80', 'metrics',
       'map list', 'ladder show', 'ladder climb', 'encryption status',
       'encryption report', 'slo status', 'slo clear a', 'state export')
# (what an agent that dies, or is none, answers; is it none for sure)
ODD = ((b'', True), (b'{"ok": true, "result": {"endp', True), (b'{}\n', True),
       (b'{"ok": true, "result": []}\n', True),
       (b'{"ok": true, "result": {}}\n', False))


def answer_all(server, answer):
    """Until it is shut down."""
    while True:
        try:
            conn = server.accept()[0]
        except OSError:
            return
        with conn:
            conn.recv(65536)
            conn.sendall(answer)


def what_an_agent_that_dies_answers_is_told(folder):
    for number, (answer, is_none) in enumerate(ODD):
        run_dir = os.path.join(folder, f'odd{number}')
        os.mkdir(run_dir, 0o700)
        server = socket.socket(socket.AF_UNIX)
        server.bind(os.path.join(run_dir, 'agent.sock'))
        server.listen(50)
        thread = threading.Thread(target=answer_all, args=(server, answer))
        thread.start()
        try:
            for words in ASK:
                done = subprocess.run(
                    [WARDER, *words.split(), '--run-dir', run_dir], text=True,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    timeout=60, check=False)
                what = f'{words}, answered by {answer}: {done}'
                expect(True, 0 <= done.returncode < 4, what)
                if is_none:
                    expect((1, '', True), (done.returncode, done.stdout,
                                           'no whole answer' in done.stderr),
                           what)
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            server.close()


# As no writer of JSON would give it back.
CHAIN = ('{ "cniVersion":"1.0.0","name" : "pods",\n\t"n": 1.50e1,\n\t"plugins": ['
         '\n\t\t{"type": "ptp" ,"x": "\\u0061\\/"}\n\t]}')
WITH = CHAIN.replace('"}\n', '"},\n\t\t{ "type": "warder-cni" }\n')
FILES = sum(1 << strike.WHAT.index(w) for w in (
    'open', 'read', 'write', 'sync', 'close', 'name', 'look'))


class Chain:
    """A node's directories of CNI, and `warder cni` on them."""

    def __init__(self, folder):
        self.dir = tempfile.mkdtemp(dir=folder)
        self.conf = os.path.join(self.dir, 'net.d')
        self.bin = os.path.join(self.dir, 'bin')
        self.file = os.path.join(self.conf, '10-pods.conflist')
        self.plugin = os.path.join(self.bin, 'warder-cni')
        self.source = os.path.join(self.dir, 'source')
        os.mkdir(self.conf)
        os.mkdir(self.bin)
        self.strike = Strike(self.dir)
        with open(self.source, 'w', encoding='utf-8') as f:
            f.write('the program' * 1000)

    def close(self):
        self.strike.close()
        shutil.rmtree(self.dir)

    def run(self, verb):
        more = ['--plugin', self.source] if verb == 'install' else []
        done = subprocess.run(
            [*self.strike.wrapper, WARDER, 'cni', verb, '--cni-conf',
             self.conf, '--cni-bin', self.bin, *more], text=True, timeout=60,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        return done.returncode, done.stdout, done.stderr

    def begin(self, verb):
        """As it is before this is done."""
        for where in (self.conf, self.bin):
            for name in os.listdir(where):
                os.unlink(os.path.join(where, name))
        with open(self.file, 'w', encoding='utf-8') as f:
            f.write(WITH if verb == 'uninstall' else CHAIN)
        os.chmod(self.file, 0o640)
        if verb == 'uninstall':
            shutil.copy(self.source, self.plugin)
            os.chmod(self.plugin, 0o755)

    def wrong(self):
        """What a runtime that looks now would stumble over."""
        with open(self.file, encoding='utf-8') as f:
            text = f.read()
        if text not in (CHAIN, WITH):
            return 'the chain is ' + repr(text)
        if os.stat(self.file).st_mode & 0o777 != 0o640:
            return 'the chain has another mode'
        if text == WITH:
            if not os.access(self.plugin, os.X_OK):
                return 'the chain names a program that is not there'
            if os.path.getsize(self.plugin) != os.path.getsize(self.source):
                return 'the program is not whole'
        return ''

    def is_done(self, verb):
        with open(self.file, encoding='utf-8') as f:
            got = f.read(), os.listdir(self.conf), os.listdir(self.bin)
        conf = ['10-pods.conflist']
        return got == ((WITH, conf, ['warder-cni']) if verb == 'install'
                       else (CHAIN, conf, []))

    def struck(self, verb, what, said_so=False):
        """After a stroke; then nothing is in its way, and it does it all."""
        self.begin(verb)
        code, out, said = self.run(verb)
        struck = self.strike.calm()
        wrong = self.wrong()
        if not wrong and said_so and struck:
            good = self.is_done(verb) if code == 0 else code == 1 and said
            wrong = '' if good else f'exit code {code}: {out}{said}'
        if not wrong and self.run(verb)[0] != 0:
            wrong = 'it cannot be done any more'
        if not wrong and not self.is_done(verb):
            wrong = 'it is not done by the next one: ' + repr(
                os.listdir(self.conf) + os.listdir(self.bin))
        return [f'{verb}, {what}: {wrong}'] if wrong else []


def both_ways(folder, each):
    """@each says what is wrong after all that it did to one command."""
    chain = Chain(folder)
    try:
        wrong = each(chain, 'install') + each(chain, 'uninstall')
        if wrong:
            raise Fail(*wrong)
    finally:
        chain.close()


def at_each_call(chain, verb):
    """Who is killed there, and who is after half of a write."""
    wrong, half = [], 1 << strike.WHAT.index('write')
    for action, whats in ((KILL, FILES), (HALF, half)):
        chain.strike.arm(NOTHING, whats=whats)
        chain.begin(verb)
        expect(0, chain.run(verb)[0], verb)
        calls = chain.strike.file.seen
        expect(True, calls >= (30 if action == KILL else 1), f'{calls} calls')
        for k in range(1, calls + 1):
            chain.strike.arm(action, first=k, whats=whats)
            wrong += chain.struck(verb, f'{"half " * (action == HALF)}call {k}')
    return wrong


def a_death_at_each_call_leaves_a_chain_that_works(folder):
    both_ways(folder, at_each_call)


def at_each_place(chain, verb):
    """It fails there, once or each time, by each error that it may have."""
    wrong = []
    chain.strike.arm(NOTHING)
    chain.begin(verb)
    expect(0, chain.run(verb)[0], verb)
    places = [(at, kind) for at, kind in sorted(chain.strike.sites())
              if 1 << kind & FILES]
    expect(True, len(places) > 20, f'places: {len(places)}')
    for at, kind in places:
        # What is not there is no failure for who takes it away.
        errors = [e for e in strike.ERRORS[strike.WHAT[kind]] if e != 'ENOENT']
        if os.environ.get('WD_LONG') != '1':
            errors = [errors[at % len(errors)]]
        for number, err in enumerate(errors, at):
            chain.strike.arm(FAIL, site=at, whats=1 << kind, err=err,
                             every=number % 2 and err != 'EINTR')
            wrong += chain.struck(verb, f'{chain.strike.name(at)} '
                                  f'{strike.WHAT[kind]} {err}', True)
    return wrong


def a_failure_at_each_place_leaves_a_chain_that_works(folder):
    both_ways(folder, at_each_place)


def main():
    if not os.path.exists(strike.LIBRARY):
        print('no libstrike.so: it does not go with a sanitized program')
        return 4
    tap = Tap()
    # In memory: a death comes before a call, so no disk has to be waited for.
    where = '/dev/shm' if os.path.isdir('/dev/shm') else None
    with tempfile.TemporaryDirectory(prefix='wd-strike-', dir=where) as folder:
        for test in (what_cannot_be_had_is_no_mistake_of_the_text,
                     an_answer_that_is_not_written_is_none,
                     what_an_agent_that_dies_answers_is_told,
                     a_death_at_each_call_leaves_a_chain_that_works,
                     a_failure_at_each_place_leaves_a_chain_that_works):
            tap.run(test.__name__, test, folder)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
