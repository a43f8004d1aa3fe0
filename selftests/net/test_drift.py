#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What others change behind the agent's back is found, repaired and told."""
import json
import os
import struct
import subprocess
import sys
import time

from wdnet import bpf
from wdnet.node import WARDER
from wdnet.solo import Solo, expect_reach, ingress_policy, reach, wait_for
from wdnet.tap import Fail, Tap, expect

ZERO = struct.pack('=I', 0)
SECONDS = 30  # the agent looks every 2 and every 10
MAPS = 30


class Bench:
    """A server that one client may reach, and its maps."""

    def __init__(self):
        self.c = Solo()
        self.node = self.c.only_node
        self.srv, self.ok, self.bad = self.c.three()
        self.pins = f'/proc/{self.node.host.pid}/root{self.node.bpffs}'

    def map(self, name):
        return bpf.Map(f'{self.pins}/maps/{name}')

    def drift(self):
        return self.node.status()['drift']

    def verdicts(self, what):
        expect_reach(True, self.ok, self.srv, what)
        expect_reach(False, self.bad, self.srv, what)


def repaired(b, what, spoil, is_good):
    """@spoil makes it wrong; the agent must mend it, count it, and go on."""
    before = b.drift()
    spoil()
    if is_good():
        raise Fail(f'{what}: nothing was spoilt')
    wait_for(f'{what} repaired', is_good, SECONDS)
    wait_for(f'{what} counted', lambda:
             b.drift()['found'] > before['found']
             and b.drift()['repaired'] - before['repaired']
             == b.drift()['found'] - before['found'], 5)
    b.verdicts(what)


def spoil_values(b, places):
    """Flip a byte at (map, key, offset) in all places at once."""
    maps = [(b.map(name), key, offset) for name, key, offset in places]
    good = [m.get(key) for m, key, _ in maps]

    def spoil():
        for m, key, offset in maps:
            m.flip(key, offset)

    def is_good():
        return [m.get(key) for m, key, _ in maps] == good
    try:
        repaired(b, ' '.join(p[0] for p in places), spoil, is_good)
    finally:
        for m, _, _ in maps:
            m.close()


def why(b, *words, src='bad'):
    """Exit code, and the answer about @src -> srv:80."""
    code, out, _ = b.node.warder('why', f'shop/{src}', 'shop/srv:80', '--json',
                                 *words, ok=None)
    return code, json.loads(out)


def ingress(doc):
    return next(h for h in doc['hooks'] if h['direction'] == 'ingress')


def planted(b, name, place):
    """One byte of an entry is another: `why` must hear it of the kernel, tell
    it, and have it counted and repaired. @place gives key, offset and value, of
    the way through the maps as it is now."""
    before = b.drift()
    key, offset, value = place(ingress(why(b)[1])['kernel'])
    m = b.map(name)
    try:
        good = m.get(key)
        m.set(key, good[:offset] + bytes([value]) + good[offset + 1:])
        code, doc = why(b, '--from', 'kernel')
        if m.get(key) != good:
            raise Fail(f'{name}: not repaired, or not by then')
    finally:
        m.close()
    hook = ingress(doc)
    if not doc['drift']:
        # the agent's own check was as quick
        expect(True, b.drift()['found'] > before['found'], name)
        return False
    expect(('kernel', 'drop'), (doc['answered_by'],
                                hook['objects']['verdict']), name)
    expect((0, 'allow', hook['kernel']['reason']),
           (code, doc['verdict'], doc['reason']), name)
    expect(True, any(w.startswith('drift:') for w in doc['warnings']), name)
    expect(True, b.drift()['found'] > before['found'], f'{name}: counted')
    expect(False, why(b)[1]['drift'], f'{name}: gone')
    return True


def test_why_asks_the_kernel(b):
    """Of three chances each: the agent looks every few seconds, too."""
    code, doc = why(b)
    kernel = ingress(doc)['kernel']
    expect((1, 'kernel', 'drop'), (code, doc['answered_by'], doc['verdict']),
           'whose word')
    expect((doc['generation'], doc['to']['identity']),
           (kernel['generation'], kernel['identity']), 'the way')
    code, doc = why(b, '--from', 'model')
    expect((1, 'model', 'drop'), (code, doc['answered_by'], doc['verdict']),
           'whose word')
    endpoint = struct.pack('=I', json.loads(b.node.warder(
        'endpoint', 'get', 'shop/srv', '--json')[1])['ifindex'])
    address = bytes(int(n) for n in b.bad.ips[4].split('.'))
    for name, place in (
            # ready, and no longer isolated
            ('wd_slot', lambda k: (struct.pack('=I', 2 * k['slot']), 0, 1)),
            ('wd_addr4', lambda k: (address, 4 + 4 * (k['generation'] & 1),
                                    row_of(b, 'ok'))),
            ('wd_device', lambda k: (endpoint, 28 + 2 * (k['generation'] & 1),
                                     2))):  # WD_EP_OFF
        if not any(planted(b, name, place) for _ in range(3)):
            raise Fail(f'{name}: the kernel was never asked in time')
    b.verdicts('after all')


def row_of(b, name):
    return ingress(why(b, src=name)[1])['kernel']['row']


def test_arrays(b):
    spoil_values(b, [('wd_row', struct.pack('=I', 1), 9),
                     ('wd_slot', struct.pack('=I', 2), 4),
                     ('wd_class', struct.pack('=I', 1), 12),
                     ('wd_span', ZERO, 4)])


def test_elements_that_mean_none(b):
    spoil_values(b, [('wd_row', ZERO, 0), ('wd_slot', ZERO, 0),
                     ('wd_class', ZERO, 0)])


def test_switches(b):
    """HOST_POLICY in the flags."""
    m = b.map('wd_state')
    flags = m.get(ZERO)[4:8]
    repaired(b, 'flags', lambda: m.flip(ZERO, 4, 1),
             lambda: m.get(ZERO)[4:8] == flags)
    m.close()


def test_generation(b):
    m = b.map('wd_state')

    def agrees():
        return struct.unpack_from('=I', m.get(ZERO))[0] \
            == b.node.status()['generation']
    repaired(b, 'generation', lambda: m.flip(ZERO, 1), agrees)
    m.close()


def test_entries(b):
    addr, ep = b.map('wd_addr4'), b.map('wd_endpoint')
    key = bytes(map(int, b.srv.ips[4].split('.')))
    stray = bytes([10, 250, 0, 1])
    ifindex = ep.keys()[0]
    good = addr.get(key), ep.get(ifindex)

    def spoil():
        addr.flip(key, 4)
        addr.set(stray, good[0])
        ep.delete(ifindex)

    def state():
        try:
            return addr.get(key)[:4], ep.get(ifindex)[:20], \
                stray in addr.keys()
        except OSError:
            return None
    repaired(b, 'entries', spoil,
             lambda: state() == (good[0][:4], good[1][:20], False))
    addr.close()
    ep.close()


def test_verdict_under_drift_is_not_kept(b):
    """A flow let in by a spoilt class is judged again after the repair."""
    m = b.map('wd_class')
    one = struct.pack('=I', 1)
    good = m.get(one)
    # pred of rule 0: true for every peer
    m.set(one, good[:12] + struct.pack('=H', 0xffff) + good[14:])
    wait = time.monotonic() + 5
    held = None
    while held is None and time.monotonic() < wait:
        held = b.bad.handle.ask('hold', ident='h', dst=b.srv.ips[4],
                                port=80)['answer']
    if held is None:
        raise Fail('the spoilt class let nothing in')
    wait_for('class repaired', lambda: m.get(one) == good, SECONDS)
    time.sleep(0.3)
    got = b.bad.handle.ask('say', ident='h', text='still?',
                           timeout=1.0)['answer']
    b.bad.handle.ask('drop', ident='h')
    m.close()
    expect(None, got, 'echo of the flow that policy denies')


def test_pins(b):
    b.c.only_node.ns.run(['sh', '-c', f'rm {b.node.bpffs}/maps/* '
                          f'{b.node.bpffs}/progs/*'])
    before = b.drift()
    wait_for('pins made again', lambda:
             len(os.listdir(b.pins + '/maps')) == MAPS
             and len(os.listdir(b.pins + '/progs')) == 2, SECONDS)
    wait_for('pins counted', lambda:
             b.drift()['repaired'] - before['repaired'] == MAPS + 2, 5)
    b.node.stop_agent(9)
    b.node.start_agent()
    expect(True, b.node.status()['adopted'], 'next agent adopts')
    b.verdicts('after pins were made again')


def test_programs(b):
    """Links detached one way, their pins removed another, the folder too."""
    links = sorted(os.listdir(b.pins + '/links'))

    def spoil():
        bpf.link_detach(f'{b.pins}/links/{links[0]}')
        bpf.link_detach(f'{b.pins}/links/{links[1]}')
        b.node.ns.run(['rm', f'{b.node.bpffs}/links/{links[2]}'])
    before = b.drift()
    spoil()
    wait_for('programs back', lambda:
             b.drift()['repaired'] - before['repaired'] >= 2
             and sorted(os.listdir(b.pins + '/links')) == links, SECONDS)
    b.verdicts('programs back')
    b.node.ns.run(['rm', '-r', f'{b.node.bpffs}/links'])
    wait_for('links back', lambda: os.path.isdir(b.pins + '/links') and
             sorted(os.listdir(b.pins + '/links')) == links, SECONDS)
    b.verdicts('links back')


def test_blocked_pin_makes_way_for_filters(b):
    """A link that cannot be pinned: a filter guards, and status tells."""
    pod = b.c.make_pod('four', 60)
    b.c.pods.append(pod)
    b.c.policies.append(ingress_policy('four', 'four'))
    b.c.apply()
    b.c.start(pod)
    pod.result = b.node.cni('ADD', 'ptp', pod)
    index = max(link['ifindex'] for link in json.loads(
        b.node.ns.run(['ip', '-j', 'link'])[1]))
    blocker = f'{b.pins}/links/{index}-in'
    os.mkdir(blocker)  # no pin can take this name
    try:
        b.node.cni('ADD', 'warder-cni', pod, pod.result)
        b.c.listen(pod)
        status = b.node.status()
        expect('compat', status['rung'], 'rung')
        expect('clsact', status['attach'], 'attach')
        expect(0, status['endpoints']['unattached'], 'unattached')
        expect(False, reach(b.ok, pod, timeout=0.7), 'denied pod reached')
        b.verdicts('beside a filter')
    finally:
        os.rmdir(blocker)
    b.node.warder('ladder', 'climb')
    expect('full', b.node.status()['rung'], 'rung after a climb')
    expect(False, reach(b.ok, pod, timeout=0.7), 'denied pod reached')
    expect(0, b.node.warder('sync', ok=None)[0], 'exit code of sync')
    b.verdicts('on links again')


def test_pins_of_wires(b):
    b.node.stop_agent()
    b.node.start_agent('--encryption', 'required')
    folders = [f'/{f}/progs' for f in ('wires', 'tunnels')]
    names = [sorted(os.listdir(b.pins + f)) for f in folders]
    expect([2, 2], [len(n) for n in names], 'programs that are pinned')
    before = b.drift()
    b.node.ns.run(['rm', '-r', *(b.node.bpffs + f for f in folders)])
    wait_for('pins made again', lambda: all(
        os.path.isdir(b.pins + f) for f in folders) and names == [
            sorted(os.listdir(b.pins + f)) for f in folders], SECONDS)
    wait_for('pins counted', lambda:
             b.drift()['repaired'] - before['repaired'] == 4, 5)
    b.node.stop_agent()
    b.node.start_agent('--encryption', 'none')


def test_one_agent_for_one_bpffs(b):
    node = b.node
    proc = node.ns.popen(
        [WARDER, 'agent', '--node', node.name, '--manifests', node.manifests,
         '--run-dir', node.dir + '/run2', '--state-dir', node.dir + '/state2',
         '--bpffs', node.bpffs], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        _, err = proc.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        raise Fail('a second agent runs on the same bpffs') from None
    finally:
        proc.kill()
        proc.wait()
    expect(1, proc.returncode, 'exit code')
    if 'another agent' not in err:
        raise Fail(f'it says {err}')
    b.verdicts('beside the refused agent')


def main():
    tap = Tap()
    bench = Bench()
    try:
        for name, test in list(globals().items()):
            if name.startswith('test_') and \
                    (len(sys.argv) < 2 or sys.argv[1] in name):
                tap.run('drift: ' + name[5:].replace('_', ' '), test, bench)
        if tap.failed:
            tap.say(bench.node.log_tail(30))
    finally:
        bench.c.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
