#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""`warder replay` says of captured packets what the kernel did to them, and
leaves no trace.

    test_replay.py [PART-OF-A-NAME]
"""
import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import time

from wdnet.node import WARDER
from wdnet.shared import Shared, each_rung, pin
from wdnet.solo import Solo, expect_reach, reach, wait_for
from wdnet.tap import Fail, expect

SHARED = Shared()
FAMILIES = (4, 6)
LARGE = 200000  # bytes: the sender's stack hands them down in large pieces


class Bed:
    """Pods srv, ok and bad; srv is reached by ok alone."""

    def __init__(self):
        self.c = Solo(FAMILIES)
        try:
            self.srv, self.ok, self.bad = self.c.three()
        except BaseException:
            self.c.close()
            raise
        self.node = self.c.only_node

    def close(self):
        self.c.close()

    def path(self, name):
        return os.path.join(self.c.dir, name)

    @contextlib.contextmanager
    def capture(self, pod, name, *args):
        """tcpdump at the pod's own interface while the body runs."""
        path = self.path(name)
        proc = self.node.ns.popen(
            ['nsenter', f'--net={pod.netns}', 'tcpdump', '-Z', 'root', '-U',
             '--immediate-mode', '-w', path, *args], stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        try:
            line = proc.stderr.readline()  # begins when it listens
            while line and 'listening on' not in line:
                line = proc.stderr.readline()
            if not line:
                raise Fail('tcpdump does not listen')
            yield path
            time.sleep(0.2)  # what was sent is in its buffer now
        finally:
            proc.send_signal(signal.SIGINT)
            proc.communicate(timeout=20)

    def run(self, path, *args):
        """Exit code, stdout, stderr."""
        proc = subprocess.run(
            [WARDER, 'replay', path, '--run-dir', self.node.run_dir, *args],
            capture_output=True, text=True, timeout=120, check=False)
        return proc.returncode, proc.stdout, proc.stderr

    def replay(self, path, pod, *args, code=None):
        """Head, packets and summary."""
        got, out, err = self.run(path, '--at', pod.key, '--json', *args)
        if code is not None:
            expect(code, got, f'exit code of {args}: {err}{out[-300:]}')
        docs = [json.loads(line) for line in out.splitlines()]
        return docs[0], docs[1:-1], docs[-1]['summary']


def between(packets, src, dst, proto='tcp', port=80):
    """Those of a conversation, in the direction of who began it."""
    return [p for p in packets if p.get('proto') == proto
            and p['from']['address'] in src.ips.values()
            and p['to']['address'] in dst.ips.values()
            and p['to']['port'] == port]


def words(packets):
    return sorted({(p['direction'], p['verdict'], p['reason'])
                   for p in packets})


def traces(b):
    """What a packet in earnest leaves: the drops, and the flows over IPv4."""
    _, out, _ = b.node.ns.run([WARDER, 'flow', 'list', '--json', '--run-dir',
                               b.node.run_dir, '--bpffs', b.node.bpffs])
    return (b.node.counter('DEFAULT', 'ingress'),
            {(f['endpoint'], f['peer'], f.get('port'), f.get('peer_port'))
             for f in json.loads(out)['flows'] if ':' not in f['peer']})


@SHARED.test
def what_passed_passes_and_what_was_dropped_is_dropped(b):
    with b.capture(b.ok, 'ok.pcap', '-i', 'eth0') as good:
        for family in FAMILIES:
            expect_reach(True, b.ok, b.srv, family=family)
    with b.capture(b.bad, 'bad.pcap', '-i', 'eth0') as evil:
        for family in FAMILIES:
            expect(False, reach(b.bad, b.srv, timeout=0.5, family=family),
                   'denied')
    head, packets, _ = b.replay(good, b.srv, '--direction', 'ingress')
    expect(('srv', b.node.status()['rung']),
           (head['endpoint']['name'], head['rung']), 'the head')
    came = between(packets, b.ok, b.srv)
    expect(True, len(came) >= 6, 'handshakes over both families')
    expect({'allow'}, {p['verdict'] for p in came}, f'verdicts {words(came)}')
    expect({4, 6}, {6 if ':' in p['to']['address'] else 4 for p in came},
           'families')
    opened = [p for p in came if p['reason'] == 'POLICY_ALLOW']
    expect(['srv'], sorted({p['rule']['name'] for p in opened}), 'the rule')
    _, packets, total = b.replay(evil, b.srv, '--direction', 'ingress', code=1)
    came = between(packets, b.bad, b.srv)
    expect([('ingress', 'drop', 'DEFAULT')], words(came), 'denied ones')
    expect(len([p for p in packets if p['verdict'] == 'drop']), total['drop'],
           'they are counted')
    # The sender's own hook lets them go, as it did.
    _, packets, total = b.replay(evil, b.bad)
    expect([('egress', 'allow')],
           sorted({(p['direction'], p['verdict'])
                   for p in between(packets, b.bad, b.srv)}), 'at the sender')


@SHARED.test
def it_leaves_no_trace(b):
    with b.capture(b.bad, 'trace.pcap', '-i', 'eth0', 'tcp') as path:
        expect(False, reach(b.bad, b.srv, timeout=0.5), 'denied')
    before = traces(b)
    for _ in range(3):
        _, _, total = b.replay(path, b.srv, '--direction', 'ingress', code=1)
        expect(True, total['drop'] > 0, 'it was judged')
    after = traces(b)
    expect(before[0], after[0], 'drops that were counted')
    expect(set(), after[1] - before[1], 'flows that were not there')
    wait_for('its children end', lambda: not children(b.node.agent.pid))


def children(pid):
    with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as f:
        return f.read().split()


@SHARED.test
def packets_in_the_middle_have_the_flow_that_is_there(b):
    b.ok.handle.ask('hold', ident='long', dst=b.srv.ips[4], port=80)
    try:
        with b.capture(b.ok, 'middle.pcap', '-i', 'eth0', 'tcp') as path:
            b.ok.handle.ask('say', ident='long', text='x', timeout=3.0)
        _, packets, _ = b.replay(path, b.srv, '--direction', 'ingress')
        expect([('ingress', 'allow', 'ESTABLISHED')],
               words(between(packets, b.ok, b.srv)), 'beside the flows')
        _, packets, _ = b.replay(path, b.srv, '--direction', 'ingress',
                                 '--fresh')
        expect([('ingress', 'allow', 'POLICY_ALLOW')],
               words(between(packets, b.ok, b.srv)), 'without them')
    finally:
        b.ok.handle.ask('drop', ident='long')


@SHARED.test
def a_change_of_policy_is_seen_in_the_same_capture(b):
    with b.capture(b.ok, 'change.pcap', '-i', 'eth0', 'tcp') as path:
        expect_reach(True, b.ok, b.srv)
    base = list(b.c.policies)
    try:
        b.c.apply([dict(base[0], spec={'podSelector': {}, 'policyTypes':
                                       ['Ingress'], 'ingress': []})])
        _, packets, _ = b.replay(path, b.srv, '--direction', 'ingress', code=1)
        expect([('ingress', 'drop', 'DEFAULT')],
               words(between(packets, b.ok, b.srv)), 'all of it')
    finally:
        b.c.apply(base)


@SHARED.test
def every_kind_of_file_is_read(b):
    with b.capture(b.bad, 'any.pcap', '-i', 'any', 'tcp') as cooked:
        expect(False, reach(b.bad, b.srv, timeout=0.5), 'denied')
    with b.capture(b.bad, 'short.pcap', '-i', 'eth0', '-s', '60',
                   'tcp') as short:
        expect(False, reach(b.bad, b.srv, timeout=0.5), 'denied')
    for path in (cooked, short, pcapng(short, b.path('x.pcapng')),
                 raw(short, b.path('raw.pcap'))):
        _, packets, total = b.replay(path, b.srv, '--direction', 'ingress',
                                     code=1)
        came = between(packets, b.bad, b.srv)
        expect([('ingress', 'drop', 'DEFAULT')], words(came), path)
        expect(True, all(p['time'].startswith('20') for p in came), 'time')
        if path == short:
            expect(True, total['cut_short'] > 0, 'packets cut short')


def records(path):
    """(seconds, microseconds, length, bytes) of a pcap file."""
    with open(path, 'rb') as f:
        data = f.read()
    at = 24
    while at + 16 <= len(data):
        sec, usec, have, length = struct.unpack_from('<IIII', data, at)
        yield sec, usec, length, data[at + 16:at + 16 + have]
        at += 16 + have


def pcapng(path, to):
    """The same packets as pcapng: section, interface, enhanced packets."""
    def block(kind, body):
        body += b'\0' * (-len(body) % 4)
        size = struct.pack('<I', len(body) + 12)
        return struct.pack('<I', kind) + size + body + size
    out = block(0x0a0d0d0a, struct.pack('<IHHq', 0x1a2b3c4d, 1, 0, -1))
    out += block(1, struct.pack('<HHI', 1, 0, 0))
    for sec, usec, length, data in records(path):
        stamp = sec * 1000000 + usec
        out += block(6, struct.pack('<IIIII', 0, stamp >> 32,
                                    stamp & 0xffffffff, len(data), length)
                     + data)
    with open(to, 'wb') as f:
        f.write(out)
    return to


def raw(path, to):
    """The same packets without Ethernet headers."""
    with open(to, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
        for sec, usec, length, data in records(path):
            f.write(struct.pack('<IIII', sec, usec, len(data) - 14,
                                length - 14) + data[14:])
    return to


@SHARED.test
def what_is_larger_than_a_test_packet_is_cut(b):
    """The kernel hands a veth up to 64 KiB at a time."""
    with b.capture(b.ok, 'large.pcap', '-i', 'eth0', 'tcp') as path:
        b.ok.handle.ask('hold', ident='large', dst=b.srv.ips[4], port=80)
        b.ok.handle.ask('send', ident='large', text='x' * LARGE)
        time.sleep(0.5)
        b.ok.handle.ask('drop', ident='large')
    _, packets, total = b.replay(path, b.srv, '--direction', 'ingress')
    largest = max(p['bytes'] for p in packets)
    expect(True, largest > 3000, f'the largest has {largest} bytes')
    expect(0, total['not_judged'], f'not judged: {packets[-1]}')
    expect({'allow'}, {p['verdict'] for p in between(packets, b.ok, b.srv)},
           'verdicts')


@SHARED.test
def what_cannot_be_asked_is_said(b):
    with b.capture(b.ok, 'good.pcap', '-i', 'eth0', 'tcp') as path:
        expect_reach(True, b.ok, b.srv)
    text = b.path('text.pcap')
    with open(text, 'w', encoding='ascii') as f:
        f.write('no capture')
    for args, code, said in (
            ([path], 2, '--at'), ([path, '--at', 'srv'], 2, 'NS/POD'),
            ([path, '--at', 'shop/nobody'], 1, 'no pod'),
            ([text, '--at', 'shop/srv'], 1, text),
            ([b.path('none.pcap'), '--at', 'shop/srv'], 1, 'No such file'),
            ([path, '--at', 'shop/srv', '--direction', 'up'], 2, 'ingress'),
            ([path, '--at', 'shop/srv', '--direction', 'ingress',
              '--from-device', 'nodev'], 1, 'no such device')):
        got, out, err = b.run(*args)
        expect(code, got, f'{args}: {err}')
        if said not in err + out:
            raise Fail(f'{args} does not say {said}', err + out)


@SHARED.test
def each_rung_answers_for_itself(b):
    with b.capture(b.bad, 'rung.pcap', '-i', 'eth0', 'tcp') as path:
        expect(False, reach(b.bad, b.srv, timeout=0.5), 'denied')
    try:
        for rung in each_rung(b.c, ('full', 'compat', 'minimal')):
            head, packets, _ = b.replay(path, b.srv, '--direction', 'ingress',
                                        code=1)
            expect(rung, head['rung'], 'the rung')
            expect([('drop', 'DEFAULT')],
                   sorted({(p['verdict'], p['reason'])
                           for p in between(packets, b.bad, b.srv)}), rung)
        pin(b.c, 'nft')
        code, _, err = b.run(path, '--at', 'shop/srv')
        expect(1, code, 'exit code on rung nft')
        if 'rung nft' not in err:
            raise Fail('does not say why', err)
    finally:
        pin(b.c, 'full')


@SHARED.test
def people_read_a_line_a_packet(b):
    with b.capture(b.bad, 'people.pcap', '-i', 'eth0', 'tcp') as path:
        expect(False, reach(b.bad, b.srv, timeout=0.5), 'denied')
    code, out, _ = b.run(path, '--at', 'shop/srv', '--direction', 'ingress')
    expect(1, code, 'exit code')
    print('\n'.join('# ' + line for line in out.splitlines()))
    if 'DEFAULT' not in out or 'dropped' not in out.splitlines()[-1]:
        raise Fail('does not tell', out)


if __name__ == '__main__':
    sys.exit(SHARED.main(Bed))
