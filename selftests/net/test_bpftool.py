#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What the README says to do without warder: the commands of its section "With
bpftool" are run as they stand there, beside a live agent and real packets, and
say what warder says.

    test_bpftool.py [PART-OF-A-NAME]

A line NAME=VALUE of the README is a number of its example: the live one is put in
its place, as it was read from the answers before.
"""
import json
import os
import re
import subprocess
import sys

from wdnet import bpf
from wdnet.node import TOP
from wdnet.shared import Shared
from wdnet.solo import Solo, reach
from wdnet.tap import Fail, expect

SHARED = Shared()
SECTION = '## With bpftool'
SET = re.compile(r'([a-z]+)=.+')
SHOWN = 1 << 20  # bytes of a map that are read: some are a hundred MiB
LOOKUP = 'bpftool map lookup pinned '


def section():
    with open(os.path.join(TOP, 'README'), encoding='utf-8') as f:
        return f.read().partition(SECTION + '\n')[2].partition('\n## ')[0]


def commands():
    return [line[6:] for line in section().splitlines()
            if line.startswith('    $ ')]


class Bench:
    def __init__(self):
        self.c = Solo()
        self.node = self.c.only_node
        self.srv, self.ok, self.bad = self.c.three()
        for pod in (self.ok, self.bad):
            for _ in range(3):
                reach(pod, self.srv, timeout=0.3)
        self.path = bpf.tool_dir() + ':' + os.environ['PATH']
        for pod in self.c.pods:  # so that nothing moves while we compare
            pod.space.run(['sysctl', '-qw',
                           'net.ipv6.conf.all.disable_ipv6=1'])
        self.answers = self.values = None

    def shell(self, *lines):
        return self.node.ns.run(['bash', '-euc', '\n'.join(lines)],
                                env={'PATH': self.path})[1]

    def json(self, *args):
        return json.loads(self.node.warder(*args, '--json')[1])

    def endpoint(self, pod):
        return self.json('endpoint', 'get', pod.key)

    def close(self):
        self.c.close()


def map_of(command):
    """Which map it looks into, None if none."""
    return command.removeprefix(LOOKUP).split()[0] \
        if command.startswith(LOOKUP) else None


def value_of(b, name, seen):
    """What stands for @name here, by the answers so far."""
    if name == 'dev':
        return b.endpoint(b.srv)['interface']
    if name == 'addr':
        return '"' + b.ok.ips[4].replace('.', ' ') + '"'
    if name == 'ifindex':
        return re.search(r'\((\d+)\)', seen['net'])[1]
    half = seen['wd_state']['gen'] & 1
    return {'slot': lambda: seen['wd_endpoint']['slot'][half],
            'stat': lambda: seen['wd_endpoint']['stat'],
            'span': lambda: seen['wd_slot']['first'][0],
            'class': lambda: seen['wd_span']['class'],
            'row': lambda: seen['wd_addr4']['row'][half]}[name]()


def run_all(b):
    """All commands once, in their order. Keeps (command, answer) of each, and
    what was answered last of each map."""
    begin, seen, b.values, b.answers = [], {}, {}, []
    for command in commands():
        named = SET.fullmatch(command)
        if named:
            value = value_of(b, named[1], seen)
            b.values[named[1]] = value
            begin.append(f'{named[1]}={value}')
        elif not command.startswith('bpftool'):
            begin.append(command)
        else:
            out = b.shell(*begin, command)
            name = map_of(command) or 'net'
            seen[name] = json.loads(out) if name != 'net' else out
            if name != 'net':
                seen[name] = seen[name].get('value', seen[name])
            b.answers.append((command, out))
    return seen


def sum_of(doc):
    """Packets over all CPUs."""
    return sum(v['value']['packets'] for v in doc['values'])


@SHARED.test
def each_command_of_the_readme_runs(b):
    seen = run_all(b)
    expect({'net', 'wd_state', 'wd_addr4', 'wd_endpoint', 'wd_slot',
            'wd_span', 'wd_class', 'wd_row', 'wd_stat', 'wd_epstat'},
           set(seen), 'what is asked')
    for name in ('dev', 'addr', 'ifindex', 'slot', 'span', 'class', 'row',
                 'stat'):
        if name not in b.values:
            raise Fail(f'the README sets no {name}=')


def shown_of(command):
    """What the README prints below @command."""
    lines = section().splitlines()
    out = []
    for line in lines[lines.index('    $ ' + command) + 1:]:
        if not line.startswith('    ') or line.startswith('    $ '):
            break
        out.append(line)
    return '\n'.join(out)


@SHARED.test
def fields_that_the_readme_shows_are_there(b):
    run_all(b)
    for command, out in b.answers:
        shown, live = (re.findall(r'"\w+":|wd_pod_\w+|tcx/\w+', text)
                       for text in (shown_of(command), out))
        if not shown:
            raise Fail('the README shows no answer', command)
        expect(set(), set(shown) - set(live), f'{command}: not there')


@SHARED.test
def what_is_in_force_is_what_status_says(b):
    state, status = run_all(b)['wd_state'], b.node.status()
    expect((status['generation'], status['rung_number']),
           (state['gen'], state['rung']), 'generation and rung')


@SHARED.test
def what_guards_a_pod_is_what_was_loaded(b):
    lines = run_all(b)['net'].splitlines()
    got = {m[1]: int(m[2]) for m in (
        re.search(r'(wd_pod_\w+) .*?id (\d+)', x) for x in lines) if m}
    expect({p['name']: p['id'] for p in b.node.status()['programs']}, got,
           'programs on the device')


@SHARED.test
def who_it_is_agrees(b):
    addr, ep = run_all(b)['wd_addr4'], b.endpoint(b.ok)
    expect((ep['identity'], ep['ifindex'], 9),
           (addr['identity'], addr['ifindex'], addr['flags']),
           'identity, device, flags')


@SHARED.test
def what_may_reach_it_agrees(b):
    seen, ep = run_all(b), b.endpoint(b.srv)
    expect((ep['id'], ep['slot']), (seen['wd_endpoint']['id'],
                                    b.values['slot']), 'instance and slot')
    expect(3, seen['wd_slot']['flags'], 'ready and isolated')
    rules = seen['wd_class']['rule'][:seen['wd_class']['cnt']]
    deciding = b.json('why', b.ok.key, b.srv.key + ':80')
    expect([(deciding['rule_id'], 0)], [(r['id'], r['action'])
                                        for r in rules], 'rules')
    pred, half = rules[0]['pred'], seen['wd_state']['gen'] & 1
    for pod, want in ((b.ok, True), (b.bad, False)):
        row = json.loads(b.shell(
            f'cd {b.node.bpffs}/maps', LOOKUP + 'wd_addr4 key '
            + pod.ips[4].replace('.', ' ')))['value']['row'][half]
        bits = json.loads(b.shell(
            f'cd {b.node.bpffs}/maps',
            LOOKUP + f'wd_row key {row & 255} {row >> 8} 0 0'))['value']
        expect(want, bool(bits['bits'][pred // 64] >> pred % 64 & 1),
               f'bit of {pod.key}')
    expect(seen['wd_row']['bits'][pred // 64] >> pred % 64 & 1, 1,
           'bit of the row shown')


@SHARED.test
def what_is_dropped_agrees(b):
    reach(b.bad, b.srv, timeout=0.3)
    seen, ep = run_all(b), b.endpoint(b.srv)
    got = sum_of(seen['wd_stat'])
    expect(b.node.counter('DEFAULT', 'ingress'), got, 'by reason')
    if not got:
        raise Fail('nothing was dropped')
    for verdict in ('allow', 'drop', 'audit'):
        for n, way in enumerate(('ingress', 'egress')):
            expect(ep['counters'][way][verdict]['packets'],
                   sum(v['value'][verdict][n]['packets']
                       for v in seen['wd_epstat']['values']),
                   f'{way} {verdict}')


@SHARED.test
def numbers_of_reasons_are_right(b):
    with open(os.path.join(TOP, 'include/warder/verdict.h'),
              encoding='utf-8') as f:
        real = dict(re.findall(r'X\((\w+), (\d+), 1,', f.read()))
    said = re.findall(r'\b([A-Z_4]{4,})(?:, which)? is (\d+)', section()) \
        + re.findall(r'\b([A-Z_4]{4,}) (\d+)\b', section())
    if len(said) < 5:
        raise Fail('the README names hardly a reason', said)
    for name, number in said:
        expect(real.get(name), number, name)


def beginning(b, command):
    """The first part of what it prints: all of some maps takes long."""
    proc = b.node.ns.popen(['bash', '-c', 'exec ' + command],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True,
                           env={'PATH': b.path})
    try:
        out = proc.stdout.read(SHOWN)
        if len(out) < SHOWN:
            expect(0, proc.wait(60), f'{command}: {out[:200]}')
        return out
    finally:
        proc.kill()
        proc.wait()
        proc.stdout.close()


@SHARED.test
def the_command_of_each_map_shows_it(b):
    maps = b.json('map', 'list')['maps']
    text = b.node.warder('map', 'list')[1]
    for m in maps:
        if m['bpftool'] not in text:
            raise Fail('not in the table', m['bpftool'])
        out = beginning(b, m['bpftool'])
        if m['type'] == 'ringbuf':
            expect(True, m['name'] in out, out)
        elif not m['used'] and out.strip() == '[]':
            continue
        elif not re.search(r'"value": \{\s*"[a-z_]+": ', out):
            raise Fail(f'no names of fields in {m["name"]}', out[:300])


if __name__ == '__main__':
    sys.exit(SHARED.main(Bench))
