#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""`warder policy diff` says what files would change, from real traffic; then
they are applied, and the kernel is asked whether that was so.

    test_diff.py [PART-OF-A-NAME]
"""
import json
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time

from wdnet import bpf, yamlout
from wdnet.node import WARDER
from wdnet.shared import Shared
from wdnet.solo import Solo, ingress_policy, note, wait_for
from wdnet.tap import Fail, expect

SHARED = Shared()
FAMILIES = (4, 6)
DENIED_S = 0.4  # what is allowed is asked again


class Bed:
    """Pods srv, ok, bad and lone; srv is reached by ok alone."""

    def __init__(self):
        self.c = Solo(FAMILIES)
        try:
            self.srv, self.ok, self.bad = self.c.three()
            self.lone = self.c.make_pod('lone', 20)
            self.c.run_pods([self.lone])
        except BaseException:
            self.c.close()
            raise
        self.node = self.c.only_node
        self.base = list(self.c.policies)
        try:
            talk(self)
        except BaseException:
            self.c.close()
            raise

    def close(self):
        self.c.close()

    def file(self, objects, name='change.yaml'):
        path = os.path.join(self.c.dir, name)
        text = objects if isinstance(objects, str) else yamlout.text(objects)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        return path

    def run(self, *args, text=None):
        """Exit code, stdout, stderr."""
        proc = subprocess.run(
            [WARDER, 'policy', 'diff', *args, '--run-dir', self.node.run_dir],
            input=text, capture_output=True, text=True, timeout=120,
            check=False)
        return proc.returncode, proc.stdout, proc.stderr

    def diff(self, *args, code=None, text=None):
        got, out, err = self.run(*args, '--json', text=text)
        if code is not None:
            expect(code, got, f'exit code of {args}: {err}{out}')
        return json.loads(out)

    def seen(self, *args, src, dst, port, code=1):
        """The document, once the drops of the last moment are in it."""
        def there():
            doc = self.diff(*args)
            drops = [c['dropped_packets'] > 0
                     for c in find(doc, src, dst, port).values()]
            return drops == [True] * len(FAMILIES) and doc
        doc = wait_for(f'{src} -> {dst}:{port} is told', there)
        self.diff(*args, code=code)
        return doc


def find(doc, src, dst, port):
    """How each flow between them would change, by address family."""
    return {6 if ':' in c['to']['address'] else 4: c for c in doc['changes']
            if c['from']['name'] == src and c['to']['name'] == dst
            and c.get('port') == port}


def summary(doc):
    s = doc['summary']
    expect(s['flows'], s['dropped'] + s['allowed'] + s['audit']
           + s['unchanged'] + s['not_judged'], 'the sum of all')
    expect(len(doc['changes']), s['dropped'] + s['allowed'] + s['audit'],
           'as many are told of')
    return s['dropped'], s['allowed'], s['audit']


def reached(src, dst, *what):
    """Which of these answer, over each family: a word for each that did."""
    targets = [[proto, None, dst.ips[f], port]
               for proto, port in what for f in FAMILIES]
    got = src.handle.ask('probe', timeout=DENIED_S, targets=targets)['answers']
    return [f'{t[0]}/{t[3]} {t[2]}' for t, a in zip(targets, got) if a]


def allowed(src, dst, *what):
    """Waited for: each answers in the end."""
    wait_for(f'{src.key} reaches {dst.key}', lambda:
             len(reached(src, dst, *what)) == len(what) * len(FAMILIES))


def denied(src, dst, *what):
    expect([], reached(src, dst, *what), f'{src.key} -> {dst.key}')


TCP, UDP = ('tcp', 80), ('udp', 81)


def talk(b):
    """What the node has seen: allowed over two ports, denied, elsewhere."""
    allowed(b.ok, b.srv, TCP, UDP)
    denied(b.bad, b.srv, TCP)
    allowed(b.bad, b.lone, TCP)


@SHARED.test
def what_it_says_is_what_the_kernel_does(b):
    change = [ingress_policy('srv', 'srv', 'bad')]
    path = b.file(change)
    doc = b.seen(path, src='bad', dst='srv', port=80)
    expect((4, 2, 0), summary(doc), 'dropped, allowed, audited')
    for f in FAMILIES:
        for port in (80, 81):
            expect('dropped', find(doc, 'ok', 'srv', port)[f]['change'],
                   f'v{f} ok, port {port}')
        opens = find(doc, 'bad', 'srv', 80)[f]
        expect(('allowed', 'DEFAULT', 'POLICY_ALLOW'),
               (opens['change'], opens['before']['reason'],
                opens['after']['reason']), f'v{f} bad')
        expect(('srv', 0), (opens['after']['rule']['name'],
                            opens['after']['rule']['index']), 'the rule')
        expect(True, opens['dropped_packets'] > 0, 'drops were counted')
        expect(True, find(doc, 'ok', 'srv', 80)[f]['flows'] > 0, 'flows')
        expect({}, find(doc, 'bad', 'lone', 80), 'what is not concerned')
    expect(['replaced'], [o['how'] for o in doc['objects']], 'the object')
    expect([], doc['endpoints'], 'isolation is as before')
    allowed(b.ok, b.srv, TCP, UDP)  # nothing has changed by asking
    b.c.apply(change)
    try:
        denied(b.ok, b.srv, TCP, UDP)
        allowed(b.bad, b.srv, TCP)
        allowed(b.bad, b.lone, TCP)
        expect((0, 0, 0), summary(b.diff(path, code=0)), 'it is in force')
    finally:
        b.c.apply(b.base)


@SHARED.test
def who_becomes_isolated_is_told_without_any_flow(b):
    path = b.file([ingress_policy('shut', 'lone')])
    doc = b.diff(path, '--since', '1s')
    expect([('lone', 'isolated', 'ingress', ['shut'])],
           [(e['name'], e['what'], e['direction'],
             [p['name'] for p in e['isolated_by']])
            for e in doc['endpoints']], 'who')
    code, out, _ = b.run(path)
    expect(1, code, 'exit code')
    expect(True, 'shop/lone would be isolated for ingress by '
           'NetworkPolicy/shop/shut' in out, out)


@SHARED.test
def what_does_not_fit_drops_all_of_its_pod(b):
    """More ports than fit, each of which it would allow."""
    talk(b)
    large = ingress_policy('large', 'srv', 'ok')
    large['spec']['ingress'][0]['ports'] = [
        {'protocol': 'TCP', 'port': port}
        for port in [80, *range(1001, 8001, 2)]]
    doc = b.diff(b.file([large]), code=1)
    expect({4: ('dropped', 'NOT_READY'), 6: ('dropped', 'NOT_READY')},
           {f: (c['change'], c['after']['reason'])
            for f, c in find(doc, 'ok', 'srv', 80).items()}, 'ok')


@SHARED.test
def what_is_deleted_opens(b):
    args = ('--delete', 'netpol/shop/srv')
    doc = b.seen(*args, src='bad', dst='srv', port=80)
    expect((0, 2, 0), summary(doc), 'dropped, allowed, audited')
    expect(['not isolated'], [e['what'] for e in doc['endpoints']], 'who')
    expect('NOT_ISOLATED', find(doc, 'bad', 'srv', 80)[4]['after']['reason'],
           'why')
    doc = b.diff('--delete', 'netpol/shop/nobody', code=4)
    expect('--delete', doc['problems'][0]['file'], 'no such object')
    b.c.apply([])
    try:
        allowed(b.bad, b.srv, TCP)
    finally:
        b.c.apply(b.base)


@SHARED.test
def a_policy_on_trial_is_an_audit_and_no_drop(b):
    trial = ingress_policy('try', 'lone')
    trial['metadata']['annotations'] = {'warder.io/audit': 'true'}
    doc = b.diff('-', text=yamlout.text([trial]), code=1)
    expect((0, 0, 2), summary(doc), 'dropped, allowed, audited')
    expect('audited', find(doc, 'bad', 'lone', 80)[6]['change'], 'change')
    expect('stdin', doc['objects'][0]['file'], 'from standard input')
    b.c.apply(b.base + [trial])
    try:
        allowed(b.bad, b.lone, TCP)
    finally:
        b.c.apply(b.base)


LATE_PORT = 9000
LATE = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('', 9000))
print('bound', flush=True)
_, peer = s.recvfrom(9)
print('asked', flush=True)
for line in sys.stdin:
    s.sendto(b'late', peer)
"""


@SHARED.test
def an_answer_that_is_dropped_is_of_its_flow(b):
    """The question passed, then the policy came, then the answer."""
    shut = ingress_policy('shut', 'lone')
    late = b.lone.space.popen(
        [sys.executable, '-c', LATE], text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE)
    try:
        expect('bound\n', late.stdout.readline(), 'the server')
        b.bad.space.run([sys.executable, '-c', f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('', 40000))
s.sendto(b'when?', ('{b.lone.ips[4]}', 9000))
"""])
        expect('asked\n', late.stdout.readline(), 'the question came')
        b.c.apply(b.base + [shut])

        def told():
            late.stdin.write('now\n')
            late.stdin.flush()
            doc = b.diff('--delete', 'netpol/shop/shut')
            found = find(doc, 'bad', 'lone', 9000)
            return found and found[4]['dropped_packets'] and doc
        doc = wait_for('the drop is told', told)
        expect('allowed', find(doc, 'bad', 'lone', 9000)[4]['change'],
               'its flow')
        expect({}, find(doc, 'lone', 'bad', 40000), 'no flow of its own')
    finally:
        late.kill()
        late.communicate()
        b.c.apply(b.base)


@SHARED.test
def labels_count_too(b):
    bad = b.bad.manifest()
    bad['metadata']['labels'] = {'app': 'ok'}
    doc = b.seen(b.file([bad]), src='bad', dst='srv', port=80)
    expect((0, 2, 0), summary(doc), 'dropped, allowed, audited')


def some_policies(rng):
    """Of three kinds and both directions, about these pods and ports."""
    names = ('srv', 'ok', 'bad', 'lone')

    def peer():
        return {'podSelector': {'matchLabels': {'app': rng.choice(names)}}} \
            if rng.random() < 0.8 else {'podSelector': {}}

    def policy(i):
        way, key = rng.choice((('ingress', 'from'), ('egress', 'to')))
        rules = [{key: [peer()], 'ports': [
            {'protocol': 'TCP', 'port': rng.choice((80, 81))},
            {'protocol': 'UDP', 'port': 81}][:rng.choice((1, 2))]}
            if rng.random() < 0.5 else {key: [peer(), peer()]}
            for _ in range(rng.randrange(3))]
        return {'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy',
                'metadata': {'name': f'p{i}', 'namespace': 'shop',
                             'annotations': {'warder.io/audit':
                                             rng.choice(('true', 'false'))}},
                'spec': {'podSelector': peer()['podSelector'],
                         'policyTypes': [way.capitalize()], way: rules}}

    def wide(i):
        return {'apiVersion': 'policy.networking.k8s.io/v1alpha2',
                'kind': 'ClusterNetworkPolicy', 'metadata': {'name': f'w{i}'},
                'spec': {'tier': rng.choice(('Admin', 'Baseline')),
                         'priority': i, 'subject': {'namespaces': {}},
                         'ingress': [{'action': rng.choice(('Accept', 'Deny')),
                                      'from': [{'pods': {
                                          'namespaceSelector': {}, **peer()}}]
                                      }]}}
    return [(wide if rng.random() < 0.3 else policy)(i)
            for i in range(rng.randrange(1, 5))]


def verdicts(b):
    """What `why` says of the flows of talk()."""
    out = {}
    for src, dst, proto, port in (
            (b.ok, b.srv, *TCP), (b.ok, b.srv, *UDP), (b.bad, b.srv, *TCP),
            (b.bad, b.lone, *TCP)):
        for f in FAMILIES:
            doc = json.loads(b.node.warder(
                'why', src.key, f'{dst.key}:{port}/{proto}', f'-{f}', '--json',
                ok=None)[1])
            out[src.name, dst.name, proto, port, f] = doc['verdict']
    return out


@SHARED.test
def of_random_policies_it_says_what_why_says_later(b):
    seed = int(os.environ.get('WD_SEED') or random.getrandbits(32))
    rng = random.Random(seed)
    note(f'WD_SEED={seed}')
    policies, before, told = b.base, verdicts(b), 0
    try:
        for nr in range(60 if os.environ.get('WD_LONG') == '1' else 3):
            gone = [p for p in policies if rng.random() < 0.7]
            new = some_policies(rng)
            names = [(p['kind'], p['metadata']['name']) for p in new]
            gone = [p for p in gone
                    if (p['kind'], p['metadata']['name']) not in names]
            doc = b.diff(b.file(new), *[
                w for p in gone for w in ('--delete', '/'.join(filter(None, (
                    p['kind'], p['metadata'].get('namespace'),
                    p['metadata']['name']))))])
            policies = new + [p for p in policies if p not in gone and (
                p['kind'], p['metadata']['name']) not in names]
            b.c.apply(policies)
            after = verdicts(b)
            want = {k: (before[k], v) for k, v in after.items()
                    if v != before[k]}
            got = {(c['from']['name'], c['to']['name'], c['proto'],
                    c['port'], 6 if ':' in c['to']['address'] else 4):
                   (c['before']['verdict'], c['after']['verdict'])
                   for c in doc['changes'] if c['port'] != LATE_PORT}
            expect(want, got, f'changes of round {nr}, WD_SEED={seed}')
            before, told = after, told + len(got)
    finally:
        b.c.apply(b.base)
    note(f'{told} changes')
    expect(True, told > 0, 'anything changed')


@SHARED.test
def errors_are_told_as_check_tells_them(b):
    text = yamlout.text([ingress_policy('srv', 'srv', 'bad')]).replace(
        'ingress:', 'ingres:')
    path = b.file(text, 'wrong.yaml')
    doc = b.diff(path, code=4)
    _, out, _ = b.node.warder('policy', 'check', path, '--json', ok=1)
    keys = ('file', 'line', 'field', 'text', 'effect')
    want = [[p[k] for k in keys] for p in json.loads(out)['problems']]
    expect(want, [[p[k] for k in keys] for p in doc['problems']], 'problems')
    expect(True, bool(want), 'there are some')
    code, out, _ = b.run(b.file('kind: [', 'broken.yaml'))
    expect(4, code, 'unreadable')
    expect(True, 'broken.yaml:' in out, out)
    expect(4, b.run('/nowhere.yaml')[0], 'no such file')
    expect(2, b.run()[0], 'nothing to do')
    expect(2, b.run(path, '--since', '2h')[0], 'too long ago')


@SHARED.test
def a_directory_is_read_as_the_agent_reads_it(b):
    folder = os.path.join(b.c.dir, 'many')
    os.makedirs(os.path.join(folder, 'below'), exist_ok=True)
    b.file([ingress_policy('one', 'lone')], 'many/one.yaml')
    b.file([ingress_policy('two', 'lone')], 'many/below/two.yml')
    b.file([ingress_policy('one', 'lone', 'ok')], 'many/three.yaml')
    b.file('kind: [', 'many/.hidden.yaml')
    b.file('kind: [', 'many/notes.txt')
    doc = b.diff(folder, code=1)
    expect(['NetworkPolicy/shop/one', 'NetworkPolicy/shop/two'],
           sorted(o['object'] for o in doc['objects']), 'objects')
    expect(True, 'three.yaml' in doc['problems'][0]['file'], 'the double')


def in_kernel(b):
    """What the programs go by: the generation, and the slots."""
    root = f'/proc/{b.node.host.pid}/root{b.node.bpffs}/maps/wd_'
    out = []
    for name, cnt in (('state', 1), ('slot', 40)):
        m = bpf.Map(root + name)
        out += [bytes(m.get(struct.pack('=I', i))) for i in range(cnt)]
        m.close()
    return out


@SHARED.test
def nothing_of_it_stays(b):
    pid = b.node.agent.pid

    def children():
        with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as f:
            return f.read().split()
    before, tables = b.node.status(), in_kernel(b)
    path = b.file([ingress_policy('srv', 'srv')])
    for _ in range(3):
        b.diff(path)
    expect(True, tables == in_kernel(b), 'the tables are as before')
    wait_for('the children have ended', lambda: not children())
    after = b.node.status()
    for key in ('generation', 'drift', 'endpoints'):
        if key == 'drift':
            expect(before[key]['found'], after[key]['found'], key)
        else:
            expect(before[key], after[key], key)
    allowed(b.ok, b.srv, TCP)
    b.node.stop_agent()
    try:
        expect(3, b.run(path)[0], 'no agent')
    finally:
        b.node.start_agent('--quota-rules', '2')
    doc = b.diff(path)
    expect([], doc['problems'], 'within the quota')
    many = b.diff(b.file([ingress_policy('many', 'lone', 'ok', 'bad', 'srv')]),
                  code=4)
    expect(['NetworkPolicy/shop/many'], [p['object'] for p in
                                         many['problems']], 'beyond it')
    if not any('since the agent began' in n for n in doc['notes']):
        raise Fail('does not say how little it knows', str(doc['notes']))


class Asker:
    """Asks for a diff as the command does, and then may do nothing."""

    def __init__(self, b):
        self.mine, theirs = socket.socketpair()
        with socket.socket(socket.AF_UNIX) as ctl, theirs:
            ctl.settimeout(20)
            ctl.connect(os.path.join(b.node.run_dir, 'agent.sock'))
            socket.send_fds(ctl, [json.dumps({
                'cmd': 'policy.diff', 'since_s': 3600,
                'deleted': []}).encode() + b'\n'], [theirs.fileno()])
            self.answer = json.loads(ctl.makefile().readline())
        self.mine.settimeout(60)

    def close(self):
        self.mine.close()


def relabel(b, name):
    b.bad.labels = {'app': name}
    b.c.apply(b.base)


@SHARED.test
def next_asker(b):
    """None while one of before is not given up yet."""
    asker = Asker(b)
    if asker.answer['ok']:
        return asker
    asker.close()
    return None


def idle_askers_hold_up_only_others_like_them(b):
    """Two may ask at a time. Nothing waits for them, and they are given up."""
    askers = []
    try:
        for _ in range(2):
            askers.append(wait_for('one may ask', lambda: next_asker(b)))
        askers[1].mine.send(b'\1')  # the beginning of a length
        code, out, err = b.run(b.file([]))
        expect((4, True), (code, 'others are under way' in out + err),
               f'a third: {out}{err}')
        b.node.status()
        relabel(b, 'ok')
        allowed(b.bad, b.srv, TCP)
        if os.environ.get('WD_LONG') == '1':  # by itself, after half a minute
            expect(True, 'ETIMEDOUT' in askers[0].mine.makefile().read(),
                   'given up')
            askers.pop(0).close()
        else:
            askers.pop().close()
        wait_for('the next may ask', lambda: b.run(b.file([]))[0] == 0)
    finally:
        for asker in askers:
            asker.close()
        relabel(b, 'bad')


WAYS, FLOW = 8, 64
NOBODY = b'\xc6\x12'  # 198.18.0.0/15, in the last word of an address


def buckets(b):
    m = bpf.Map(f'/proc/{b.node.host.pid}/root{b.node.bpffs}/maps/wd_flow')
    try:
        for i in range(m.max):
            yield m, struct.pack('=I', i)
    finally:
        m.close()


def ways(value):
    """Number, tag, expiry and flow of each place of a bucket."""
    for i in range(WAYS):
        at = 8 * WAYS + i * FLOW
        yield i, struct.unpack_from('=I', value, 4 * (WAYS + i))[0], \
            value[at:at + FLOW]


def put_way(value, i, tag, expires, flow):
    struct.pack_into('=I', value, 4 * i, tag)
    struct.pack_into('=I', value, 4 * (WAYS + i), expires)
    value[8 * WAYS + i * FLOW:8 * WAYS + (i + 1) * FLOW] = flow


def some_flow(b):
    """Into srv from ok over TCP, as an example, and until when it lives."""
    peer = socket.inet_aton(b.ok.ips[4])
    for m, key in buckets(b):
        for _, expires, flow in ways(m.get(key)):
            if expires and flow[12:16] == peer and flow[60] == 0 \
                    and flow[24] == 6:
                return expires, flow
    raise Fail('no flow from ok')


def fill_flows(b, step):
    """Every place of each @step-th bucket that is empty. Gives how many."""
    expires, flow = some_flow(b)
    cnt = 0
    for nr, (m, key) in enumerate(buckets(b)):
        if nr % step:
            continue
        value = bytearray(m.get(key))
        for i, used, _ in list(ways(value)):
            if used:
                continue
            cnt += 1
            put_way(value, i, 0xffffffff, expires, flow[:12] + NOBODY
                    + struct.pack('>H', cnt & 0xffff) + flow[16:20]
                    + struct.pack('>HH', 80 + (cnt >> 16), 1024)
                    + flow[24:])
        m.set(key, bytes(value))
    return cnt


def empty_flows(b):
    for m, key in buckets(b):
        value = bytearray(m.get(key))
        mine = [i for i, used, flow in ways(value)
                if used and flow[12:14] == NOBODY]
        for i in mine:
            put_way(value, i, 0, 0, bytes(FLOW))
        if mine:
            m.set(key, bytes(value))


def peak_kb(pid):
    try:
        with open(f'/proc/{pid}/status', encoding='ascii') as f:
            return max(int(line.split()[1]) for line in f
                       if line.startswith('VmHWM'))
    except (OSError, ValueError):
        return 0  # it has ended


def diff_in_background(b, path):
    """Its document, and what it took: seconds, kB of the command, the child
    and the agent."""
    pid = b.node.agent.pid
    out = os.path.join(b.c.dir, 'diff.json')
    start, child = time.monotonic(), 0
    peak = [0, 0]
    with open(out, 'w', encoding='utf-8') as f:
        proc = subprocess.Popen(
            [WARDER, 'policy', 'diff', path, '--json', '--run-dir',
             b.node.run_dir], stdout=f, stderr=subprocess.DEVNULL)
    while proc.poll() is None:
        with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as f:
            child = next(iter(f.read().split()), child)
        peak = [max(peak[0], peak_kb(proc.pid)),
                max(peak[1], peak_kb(child) if child else 0)]
        time.sleep(0.01)
    with open(out, encoding='utf-8') as f:
        return json.load(f), time.monotonic() - start, *peak, peak_kb(pid)


@SHARED.test
def full_tables_are_judged_and_hold_up_nobody(b):
    """Flows of as many peers as there is room for, all of which would end."""
    step = 1 if os.environ.get('WD_LONG') == '1' else 32
    before = peak_kb(b.node.agent.pid)
    allowed(b.ok, b.srv, TCP)
    cnt = fill_flows(b, step)
    path = b.file([ingress_policy('srv', 'srv')])
    got = []

    def ask():
        while not got or 'ask again' in got[-1][0].get('error', ''):
            got.append(diff_in_background(b, path))
    asking = threading.Thread(target=ask)
    try:
        asking.start()
        start = time.monotonic()
        relabel(b, 'ok')
        took = time.monotonic() - start
        late = asking.is_alive()
        allowed(b.bad, b.srv, TCP)  # takes its time while buckets are full
        asking.join(300)
        doc, seconds, asker, child, agent = got[-1]
        told = doc['summary']
        note(f'{cnt} flows, {told["flows"]} told of: {seconds:.1f} s, '
             f'{asker} kB, child {child} kB, agent {before} -> {agent} kB; '
             f'labels enforced in {took:.2f} s'
             + (', meanwhile' if late else '') + f'; asked {len(got)} times')
        expect(True, told['flows'] >= cnt * 9 // 10, f'flows: {told}')
        expect(len(doc['changes']), told['dropped'] + told['allowed']
               + told['audit'], 'as many are told of')
    finally:
        relabel(b, 'bad')
        empty_flows(b)


if __name__ == '__main__':
    sys.exit(SHARED.main(Bed))
