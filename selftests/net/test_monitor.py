#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""`warder monitor` beside a live agent: who chooses is shown what he chose and all
of it, in words, as JSON, as Hubble's flows and as a capture.

    test_monitor.py [PART-OF-A-NAME]

The capture is read by a reader of our own, and by tshark where there is one.
"""
import json
import os
import shutil
import signal
import struct
import subprocess
import sys

from wdnet.shared import Shared
from wdnet.solo import Solo, ingress_policy, note, reach, wait_for
from wdnet.tap import Fail, expect
from wdnet.watch import Watch

SHARED = Shared()


class Bench:
    def close(self):
        self.c.close()

    def __init__(self):
        self.c = Solo()
        self.node = self.c.only_node
        self.srv, self.ok, self.bad = self.c.three()
        self.c.policies.append(ingress_policy('more', 'srv', 'nobody'))
        self.c.apply()

    def talk(self):
        """`ok` is let in on two ports, `bad` on none."""
        for pod in (self.ok, self.bad):
            reach(pod, self.srv, timeout=0.3)
            reach(pod, self.srv, proto='udp', port=81, timeout=0.3)

    def watch(self, *args, lines=4):
        """What the monitor says of that, once it listens."""
        got = Watch(self.node.warder_popen('monitor', *args))
        try:
            wait_for(f'{lines} lines of monitor {args}',
                     lambda: self.talk() or len(got.lines) >= lines, 60)
        finally:
            got.end()
        return got.lines

    def events(self, *args, **kw):
        return [json.loads(line)
                for line in self.watch('--json', *args, **kw)]


def packets(events):
    return [e for e in events if 'reason' in e]


def pods_of(event):
    return {f'{s["namespace"]}/{s["name"]}'
            for s in (event['from'], event['to'], event['endpoint'])}


@SHARED.test
def each_filter_shows_what_fits_and_nothing_else(b):
    for args, holds in (
            (('--verdict', 'allow'), lambda e: e['verdict'] == 'allow'),
            (('--verdict', 'drop'), lambda e: e['verdict'] == 'drop'),
            (('--reason', 'DEFAULT'), lambda e: e['reason'] == 'DEFAULT'),
            (('--port', '81'), lambda e: 81 in (e['from']['port'],
                                                e['to']['port'])),
            (('--pod', 'shop/bad'), lambda e: 'shop/bad' in pods_of(e)),
            (('--policy', 'shop/more'),
             lambda e: 'more' in [p['name'] for p in e['isolated_by']]),
            (('--policy', 'NetworkPolicy/shop/srv', '--verdict', 'allow'),
             lambda e: e['rule']['name'] == 'srv')):
        for event in packets(b.events(*args)):
            if not holds(event):
                raise Fail(f'{args} shows', json.dumps(event))


@SHARED.test
def identity_and_namespace_choose_either_side(b):
    first = packets(b.events('--pod', 'shop/bad'))[0]
    bad = (first['from'] if first['from']['name'] == 'bad' else
           first['to'])['identity']
    for event in packets(b.events('--identity', str(bad))):
        expect(True, bad in (event['from']['identity'],
                             event['to']['identity']), str(event))
    expect(True, all('shop' in (e['from']['namespace'], e['to']['namespace'])
                     for e in packets(b.events('--namespace', 'shop'))),
           'namespace')


@SHARED.test
def count_ends_the_command(b):
    process = b.node.warder_popen('monitor', '--drops', '--count', '3',
                                  '--json')
    wait_for('it has ended', lambda: b.talk() or
             process.poll() is not None, 60)
    lines = process.stdout.read().splitlines()
    expect((0, 3), (process.returncode,
                    len(packets(map(json.loads, lines)))), 'end')


def same(event):
    """What is alike of events that are aggregated."""
    return json.dumps([event[k] for k in ('direction', 'verdict', 'reason',
                                          'rule_id', 'proto')]
                      + [[event[s][k] for k in ('namespace', 'name', 'address')]
                         for s in ('from', 'to')] + [event['to']['port']])


@SHARED.test
def what_says_the_same_is_aggregated_and_each_is_counted(b):
    """The capture beside it has each of them."""
    path = os.path.join(b.node.dir, 'each.pcapng')
    process = b.node.warder_popen('monitor', '--json', '--aggregate', '3s',
                                  '--reason', 'DEFAULT', '--pcap', path)
    got = Watch(process)
    try:
        wait_for('numbers', lambda: b.talk() or any(
            'more' in json.loads(x) for x in list(got.lines)), 60)
        for _ in range(3):
            b.talk()
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(20)
        got.end()
    expect(0, code, 'exit code')
    events = packets(map(json.loads, got.lines))
    first = [same(e) for e in events if 'more' not in e]
    for event in events:
        if 'more' in event and (same(event) not in first or event['more'] < 1
                                or event['since'] > event['time']):
            raise Fail('no number of what was shown', json.dumps(event))
    with open(path, 'rb') as f:
        each = [kind for kind, _ in blocks(f.read())].count(6)
    expect(each, sum(e.get('more', 1) for e in events), 'events in all')
    expect(True, len(events) < each, 'fewer lines')


@SHARED.test
def flows_of_hubble_say_the_same(b):
    seen = set()
    for line in b.watch('--output', 'hubble', '--pod', 'shop/srv', lines=16):
        doc = json.loads(line)
        flow = doc.get('flow', {})
        if flow.get('IP', {}).get('ipVersion') != 'IPv4':
            continue  # the pods' kernels ask for routers, too
        expect('node-a', doc['node_name'], 'node')
        expect(doc['time'], flow['time'], 'time')
        client = flow['source']['pod_name']
        seen.add((client, flow['verdict'], flow['traffic_direction'],
                  next(iter(flow['l4']))))
        expect('shop', flow['source']['namespace'], 'namespace')
        for label in ('k8s:app=' + client,
                      'k8s:io.kubernetes.pod.namespace=shop'):
            if label not in flow['source']['labels']:
                raise Fail(f'no label {label}', line)
        if flow['verdict'] == 'DROPPED':
            expect('POLICY_DENIED', flow['drop_reason_desc'], 'reason')
            expect({'srv', 'more'}, {p['name'] for p in
                                     flow['ingress_denied_by']}, 'policies')
        elif flow['traffic_direction'] == 'INGRESS':
            expect('srv', flow['ingress_allowed_by'][0]['name'], 'policy')
    for want in (('ok', 'FORWARDED', 'INGRESS', 'TCP'),
                 ('bad', 'DROPPED', 'INGRESS', 'TCP'),
                 ('bad', 'DROPPED', 'INGRESS', 'UDP'),
                 ('bad', 'FORWARDED', 'EGRESS', 'TCP')):
        if want not in seen:
            raise Fail(f'no flow {want}', str(seen))


def blocks(data):
    """(type, body) of each block of a capture, whose ends must agree."""
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from('=II', data, at)
        expect(size, struct.unpack_from('=I', data, at + size - 4)[0],
               'length of a block')
        yield kind, data[at + 8:at + size - 4]
        at += size


def options(data):
    while data:
        code, size = struct.unpack_from('=HH', data)
        if not code:
            return
        yield code, data[4:4 + size]
        data = data[4 + (size + 3) // 4 * 4:]


@SHARED.test
def capture_has_packets_with_reason_and_policy(b):
    path = os.path.join(b.node.dir, 'drops.pcapng')
    lines = b.watch('--reason', 'DEFAULT', '--pod', 'shop/bad', '--pcap', path)
    with open(path, 'rb') as f:
        data = f.read()
    found = list(blocks(data))
    expect(0x0a0d0d0a, found[0][0], 'first block')
    names = [dict(options(body[8:]))[2] for kind, body in found if kind == 1]
    expect(True, bool(names) and names[0].startswith(b'veth'), str(names))
    count = 0
    for kind, body in found:
        if kind != 6:
            continue
        count += 1
        _, _, _, here, there = struct.unpack_from('=IIIII', body)
        frame = body[20:20 + here]
        expect(True, here <= there, 'lengths')
        expect(bytes(map(int, b.bad.ips[4].split('.'))), frame[26:30],
               'source')
        text = dict(options(body[20 + (here + 3) // 4 * 4:]))[1].decode()
        for word in ('drop at ingress: DEFAULT', 'shop/bad', 'shop/srv',
                     'isolated by', 'NetworkPolicy/shop/more',
                     'headers made from the event'):
            if word not in text:
                raise Fail(f'no {word!r} in the comment', text)
    expect(True, count >= len(lines), f'{count} packets')
    tshark(path, b)


def tshark(path, b):
    tool = os.environ.get('WD_TSHARK') or shutil.which('tshark')
    if not tool:
        note('no tshark here: read by the reader of this test alone')
        return
    done = subprocess.run(
        [tool, '-r', path, '-T', 'fields', '-e', 'ip.src', '-e', 'ip.dst',
         '-e', 'frame.comment', '-e', '_ws.malformed'], text=True,
        capture_output=True, check=False)
    expect(0, done.returncode, done.stderr)
    for line in done.stdout.splitlines():
        src, dst, comment, bad = (line.split('\t') + [''] * 4)[:4]
        expect((b.bad.ips[4], b.srv.ips[4], ''), (src, dst, bad), line)
        expect(True, 'drop at ingress: DEFAULT' in comment, comment)
    note(f'tshark reads {len(done.stdout.splitlines())} packets')


@SHARED.test
def a_line_names_who_isolates_and_how_many_more(b):
    lines = b.watch('--pod', 'shop/bad', '--reason', 'DEFAULT', lines=2)
    for line in [one.rstrip() for one in lines if 'DEFAULT' in one]:
        expect(True, '  isolated by NetworkPolicy/shop/' in line and
               line.endswith(' and 1 more'), line)
    for line in b.watch('--verdict', 'allow', lines=1):
        expect(False, 'isolated by' in line, line)


@SHARED.test
def what_is_on_trial_isolates_nobody_whom_something_else_does(b):
    trial = ingress_policy('a-trial', 'srv', 'nobody')
    trial['metadata']['annotations'] = {'warder.io/audit': 'true'}
    b.c.policies.append(trial)
    b.c.apply()
    try:
        for event in packets(b.events('--policy', 'shop/more')):
            expect(['more', 'srv'],
                   sorted(p['name'] for p in event['isolated_by']), 'by')
    finally:
        b.c.policies.remove(trial)
        b.c.apply()


@SHARED.test
def capture_to_stdout_has_nothing_else(b):
    process = b.node.warder_popen('monitor', '--pcap', '-', '--count', '2',
                                  '--pod', 'shop/bad')
    wait_for('it has ended', lambda: b.talk() or
             process.poll() is not None, 60)
    kinds = [kind for kind, _ in blocks(process.stdout.buffer.read())]
    expect(2, kinds.count(6), f'blocks {kinds}')


@SHARED.test
def capture_that_cannot_be_written_is_refused(b):
    for path in ('/nowhere/x.pcapng', '/dev/full'):
        code, _, err = b.node.warder('monitor', '--pcap', path, ok=1)
        expect(1, code, err)
        expect(True, path in err, err)


if __name__ == '__main__':
    sys.exit(SHARED.main(Bench))
