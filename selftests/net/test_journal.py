#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What happens to a live agent is told: in its log, to who asks, to who watches,
and counted. Each thing once when it begins, and once when it ends.

    test_journal.py [PART-OF-A-NAME]
"""
import json
import os
import re
import select
import sys

from wdnet import bpf
from wdnet.solo import Solo, expect_reach, wait_for
from wdnet.tap import Fail, Tap, expect

NEED = {'warder.io/encryption': 'required'}
WRONG = '''apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: odd, namespace: shop}
spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/33}}]}]}
'''
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Bench:
    def __init__(self):
        self.c = Solo(agent_args=('--encryption-prefix', '10.0.0.0/8'))
        self.node = self.c.only_node
        self.c.three()
        self.watch = self.node.warder_popen('monitor', '--agent', '--json')
        self.told, self.rest = [], b''  # by the monitor

    def happened(self, kind=None):
        doc = json.loads(self.node.warder('status', '--events', '--json')[1])
        return [e for e in doc['happened'] if kind in (None, e['agent'])]

    def log(self):
        with open(self.node.log_path, encoding='utf-8') as f:
            return f.read()

    def hear(self):
        """Events that the monitor has told so far."""
        fd = self.watch.stdout.fileno()  # not by its buffer: select sees none
        while select.select([fd], [], [], 0.1)[0]:
            data = os.read(fd, 65536)
            if not data:
                raise Fail('the monitor ended', self.watch.stderr.read())
            *lines, self.rest = (self.rest + data).split(b'\n')
            self.told += map(json.loads, lines)
        return self.told

    def new(self, kind, cause, count, seconds=20):
        """What is told of a kind when @cause is called, everywhere."""
        before = len(self.happened(kind))
        cause()
        wait_for(f'{count} events of kind {kind}', lambda:
                 len(self.happened(kind)) >= before + count, seconds)
        got = self.happened(kind)[before:]
        expect(count, len(got), f'{kind}: {got}')
        for event in got:
            if event['text'] not in self.log():
                raise Fail('not in the log', event['text'])
            wait_for('the monitor tells of it', lambda e=event:
                     e in self.hear(), 5)
        text = self.node.warder('metrics')[1]
        name = f'warder_agent_events_total{{kind="{kind}"}} '
        expect(f'{name}{len(self.happened(kind))}', next(
            line for line in text.splitlines() if line.startswith(name)),
               'metric')
        return got

    def annotate(self, **by_space):
        self.c.ns_annotations = by_space
        self.c.apply()


def phases(events):
    return [e['phase'] for e in events]


@test
def monitor_listens(b):
    """Nothing says that it does: until it tells of something."""
    def touch():
        b.c.write('extra.yaml', WRONG)
        b.c.sync()
        b.c.write('extra.yaml', None)
        b.c.sync()
        return b.hear()
    wait_for('it tells of something', touch)


@test
def pin_and_back_are_two_changes_of_the_rung(b):
    def pin():
        b.node.warder('ladder', 'pin', 'nft')
        b.node.warder('ladder', 'pin', 'auto')
    down, up = b.new('rung', pin, 2)
    expect(('nft', 'full', False), (down['rung'], down['rung_before'],
                                    down['everything_allowed']), 'down')
    expect(('full', 'nft', None), (up['rung'], up['rung_before'],
                                   up['rung_cause']), 'up')
    expect(True, 'pinned' in down['text'], down['text'])


@test
def wrong_object_begins_and_ends(b):
    def wrong():
        b.c.write('extra.yaml', WRONG)
        b.c.sync()
        b.node.sync()  # nothing new
    event, = b.new('object', wrong, 1)
    expect(('begins', 'warning', 'isolated', 'NetworkPolicy/shop/odd', 4),
           tuple(event[k] for k in ('phase', 'level', 'effect', 'object',
                                    'line')), 'event')

    def moved():
        b.c.write('extra.yaml', '# a line more\n' + WRONG)
        b.c.sync()
        b.c.write('extra.yaml', None)
        b.c.sync()
    event, = b.new('object', moved, 1)
    expect(('ends', 'info'), (event['phase'], event['level']), 'end')


@test
def lost_source_begins_and_ends(b):
    away = b.c.manifests + '.away'

    def lose():
        os.rename(b.c.manifests, away)
    try:
        event, = b.new('source', lose, 1)
    finally:
        os.rename(away, b.c.manifests)
    expect(('begins', b.c.manifests), (event['phase'], event['file']), 'lost')
    wait_for('it is back', lambda: phases(b.happened('source'))[-1] == 'ends')
    expect(2, len(b.happened('source')), 'events')


@test
def requirement_and_finding_come_and_go(b):
    before = len(b.happened('encryption'))
    event, = b.new('wireguard', lambda: b.annotate(shop=NEED), 1)
    expect(('begins', 'no-device', True),
           (event['phase'], event['finding'], event['stops']), 'finding')
    event, = b.new('wireguard', lambda: b.annotate(shop={}), 1)
    expect(('ends', 'no-device'), (event['phase'], event['finding']), 'end')
    told = b.happened('encryption')[before:]
    expect([(True, False), (False, False)],
           [(e['required'], e['open']) for e in told], 'requirement')


@test
def drift_is_told_when_it_is_repaired(b):
    links = f'/proc/{b.node.host.pid}/root{b.node.bpffs}/links'

    def detach():
        name = next(n for n in sorted(os.listdir(links)) if '-in' in n)
        bpf.link_detach(os.path.join(links, name))
    event, = b.new('drift', detach, 1)
    expect((1, True, 'warning'), (event['found'], event['repaired'],
                                  event['level']), 'event')


@test
def who_chooses_packets_is_told_of_the_rung_alone(b):
    watch = b.node.warder_popen('monitor', '--drops', '--json')
    try:
        expect_reach(False, b.c.pods[2], b.c.pods[0])
        expect('drop', json.loads(watch.stdout.readline())['verdict'],
               'the monitor listens')
        b.c.write('extra.yaml', WRONG)
        b.c.sync()
        b.c.write('extra.yaml', None)
        b.c.sync()
        b.node.warder('ladder', 'pin', 'minimal')
        for line in watch.stdout:
            event = json.loads(line)
            if 'agent' in event:
                expect(('rung', 'minimal'), (event['agent'],
                                             event.get('rung')), 'first')
                break
    finally:
        watch.kill()
        watch.wait()
    b.node.warder('ladder', 'pin', 'auto')


@test
def packets_are_not_told_where_the_agent_is_watched(b):
    expect([], [e for e in b.hear() if 'verdict' in e], 'packets')
    _, text, _ = b.node.warder('status', '--events')
    lines = text.split('what happened to the agent, in UTC\n')[1].splitlines()
    expect(len(b.happened()), len(lines), 'lines')
    for line in lines:
        if not re.match(r'[\d-]{10} [\d:.]{12}     agent    (info|warning|error)'
                        r' +(rung|object|source|wireguard|encryption|drift) ',
                        line):
            raise Fail('no line of an event', line)
    code, _, err = b.node.warder('monitor', '--agent', '--drops', ok=2)
    expect(2, code, err)


def main():
    only = sys.argv[1] if len(sys.argv) > 1 else ''
    tap = Tap()
    b = Bench()
    try:
        for function in TESTS:
            if only in function.__name__ or function is monitor_listens:
                tap.run('journal: ' + function.__name__.replace('_', ' '),
                        function, b)
    finally:
        b.watch.kill()
        b.watch.wait()
        b.c.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
