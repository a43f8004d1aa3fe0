#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Negates each condition of the wires' decision in turn: the suite must notice.

    test_mutants.py [--jobs N] [--only TEXT] [--list] BUILD

A mutant is one condition, or one part of it, with `!` before it: of an `if`, of
a choice `? :`, of what a function returns that answers a question. Each is
built from a copy of bpf/, and the programs of the suite run on it until one
fails. One that all pass on survived, and fails this test; unless it is listed
below, with the reason why no packet can show it. What the verifier refuses
counts as noticed. TAP, one line for each.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))

# Headers, the object that is built, and what runs on it: fastest first.
WIRES = ('wire.h', 'wire_who.h', 'wire_inside.h', 'wire_layer.h',
         'wire_fragment.h', 'wire_cover.h', 'wire_short.h', 'wire_proof.h',
         'epoch.h')
SUITE = (('wire-packets/test_judge', '4000', '1'),
         ('wire-packets/test_short',), ('wire-packets/test_wireguard',),
         ('wire-packets/test_encrypted',), ('wire-packets/test_cut',),
         ('wire-packets/test_context',),
         ('wire-packets/test_native',), ('wire-packets/test_tunnels',),
         ('wire-packets/test_judge', '40000', '2'))
PODS = ('encrypt.h',)
POD_SUITE = (('packet/test_encrypt',),)
SECONDS = 300  # of one program

# (file, condition): why no packet of a test run can show it
EQUAL = {
    ('wire_layer.h', 'bytes <= hlen'):
        'only packets of more than 64 KB show it: BIG TCP',
    ('wire_fragment.h', 'r < WD_R_FIRST_DROP'):
        'writing to an LRU map does not fail here',
}


def blank(text):
    """text with comments, strings and preprocessor lines as spaces."""
    out = re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\])*"|^#(?:[^\n]*\\\n)*[^\n]*',
                 lambda m: re.sub(r'[^\n]', ' ', m.group()), text,
                 flags=re.S | re.M)
    assert len(out) == len(text)
    return out


def close_of(text, at):
    """Where the parenthesis that opens at @at closes."""
    depth = 0
    for i in range(at, len(text)):
        depth += {'(': 1, ')': -1}.get(text[i], 0)
        if not depth:
            return i
    raise ValueError('no end of parenthesis')


def strip(text, begin, end):
    """The same range without blanks, and without parentheses around all."""
    while True:
        while begin < end and text[begin].isspace():
            begin += 1
        while end > begin and text[end - 1].isspace():
            end -= 1
        if begin < end and text[begin] == '(' and \
                close_of(text, begin) == end - 1:
            begin, end = begin + 1, end - 1
            continue
        return begin, end


def split(text, begin, end):
    """Ranges of the operands of && and || on the outermost level."""
    depth, start, found = 0, begin, []
    i = begin
    while i < end:
        depth += {'(': 1, ')': -1, '[': 1, ']': -1}.get(text[i], 0)
        if not depth and text[i:i + 2] in ('&&', '||'):
            found.append((start, i))
            start = i = i + 2
            continue
        i += 1
    return found + [(start, end)]


def parts(text, begin, end):
    """The condition itself and what it is made of."""
    begin, end = strip(text, begin, end)
    yield begin, end
    operands = split(text, begin, end)
    if len(operands) > 1:
        for a, b in operands:
            yield from parts(text, a, b)
    elif text[begin] == '!' and begin + 1 < end and text[begin + 1] == '(' \
            and close_of(text, begin + 1) == end - 1:
        inner = strip(text, begin + 1, end)
        if len(split(text, *inner)) > 1:
            for a, b in split(text, *inner):
                yield from parts(text, a, b)


def choice_begin(text, at):
    """Where the condition of the `?` at @at begins."""
    depth = 0
    for i in range(at - 1, -1, -1):
        if text[i] in ')]':
            depth += 1
        elif text[i] in '([' and depth:
            depth -= 1
        elif not depth and (text[i] in '([{;,?:' or text[i] == '=' and
                            text[i - 1] not in '=!<>' and
                            text[i + 1] != '='):
            return i + 1
        elif not depth and text[i - 5:i + 1] == 'return' and \
                not text[i + 1].isalnum():
            return i + 1
    return 0


def conditions(text):
    """Ranges to negate, in order and each once."""
    plain = blank(text)
    found = set()
    for m in re.finditer(r'\bif \(', plain):
        at = m.end() - 1
        found.update(parts(plain, at + 1, close_of(plain, at)))
    for m in re.finditer(r'\?', plain):
        found.update(parts(plain, choice_begin(plain, m.start()), m.start()))
    for m in re.finditer(r'!!\(', plain):
        at = m.end() - 1
        found.update(parts(plain, at, close_of(plain, at) + 1))
    for m in re.finditer(r'\bbool\s+\w+\([^)]*\)\s*\{(.*?)^\}', plain,
                         re.S | re.M):
        for ret in re.finditer(r'\breturn\s([^;]*);', m.group(1)):
            if '?' in ret.group(1) or ret.group(1) in ('true', 'false'):
                continue
            begin = m.start(1) + ret.start(1)
            found.update(parts(plain, begin, begin + len(ret.group(1))))
    return sorted(found)


class Mutant:
    def __init__(self, name, text, begin, end):
        self.file, self.line = name, text.count('\n', 0, begin) + 1
        self.condition = ' '.join(text[begin:end].split())
        self.text = f'{text[:begin]}!({text[begin:end]}){text[end:]}'

    def __str__(self):
        return f'{self.file}:{self.line}: {self.condition}'


def controls():
    """One of each object that nothing was done to: the suites must pass."""
    for name in (WIRES[0], PODS[0]):
        with open(os.path.join(TOP, 'bpf', name), encoding='utf-8') as f:
            control = Mutant(name, f.read(), 0, 0)
        control.text = control.text[len('!()'):]
        control.condition = 'as it is'
        yield control


def all_mutants():
    found = []
    for name in WIRES + PODS:
        with open(os.path.join(TOP, 'bpf', name), encoding='utf-8') as f:
            text = f.read()
        found += [Mutant(name, text, a, b) for a, b in conditions(text)]
    return found


def flags_of(build):
    """How the build compiles its objects: the compiler first, and no warnings."""
    with open(os.path.join(build, '.bpfflags'), encoding='utf-8') as f:
        words = f.read().split()
    return [w for w in words
            if not w.endswith('.h') and not w.startswith(('-W', '-mcpu'))]


def compile_object(folder, name, build, mcpu):
    out = os.path.join(folder, name + '.o')
    # Names in the flags are as the build has them, from the top.
    subprocess.run([*flags_of(build), f'-mcpu={mcpu}', '-I', folder, '-c',
                    os.path.join(folder, name + '.bpf.c'), '-o', out],
                   check=True, capture_output=True, cwd=TOP)
    return out


def notice(mutant, build, folder):
    """The name of the program that fails on the mutant; None: it survives."""
    for path in glob.glob(os.path.join(TOP, 'bpf', '*.[ch]')):
        shutil.copy(path, folder)
    with open(os.path.join(folder, mutant.file), 'w', encoding='utf-8') as f:
        f.write(mutant.text)
    if mutant.file in PODS:
        return notice_by('wd_pod', 'v3', POD_SUITE, build, folder)
    return notice_by('wd_wire', 'v2', SUITE, build, folder) or \
        notice_by('wd_wiremin', 'v2', SUITE, build, folder)


def notice_by(obj, mcpu, suite, build, folder):
    """The same, of one object."""
    env = dict(os.environ, WD_OBJECT=obj)
    env['WD_ELF'] = compile_object(folder, obj, build, mcpu)
    for name, *args in suite:
        path = os.path.join(build, 'selftests', name)
        try:
            code = subprocess.run([path, *args], env=env, timeout=SECONDS,
                                  stdout=subprocess.DEVNULL,
                                  check=False).returncode
        except subprocess.TimeoutExpired:
            code = 1
        if code:
            return f'{os.path.basename(name)} of {obj}'
    return None


def try_one(mutant, build):
    with tempfile.TemporaryDirectory(prefix='wd-mutant-') as folder:
        return notice(mutant, build, folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--jobs', type=int, default=2)
    parser.add_argument('--only', default='')
    parser.add_argument('--list', action='store_true')
    parser.add_argument('build')
    args = parser.parse_args()
    mutants = [m for m in all_mutants() if args.only in str(m)]
    if args.list:
        print(*mutants, sep='\n')
        return 0
    failed = 0
    for control in controls():
        by = try_one(control, args.build)
        if by:
            print(f'Bail out! {by} fails on {control.file} as it is')
            return 1
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        tried = pool.map(lambda m: try_one(m, args.build), mutants)
        for nr, (mutant, by) in enumerate(zip(mutants, tried), 1):
            why = EQUAL.get((mutant.file, mutant.condition))
            fails = not by and not why
            failed += fails
            note = f' # {by}' if by else f' # survives: {why}' if why else ''
            print(f'{"not " if fails else ""}ok {nr} - {mutant}{note}',
                  flush=True)
    print(f'1..{len(mutants)}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
