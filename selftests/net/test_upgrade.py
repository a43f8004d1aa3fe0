#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""An agent that finds maps of another schema, under traffic.

    test_upgrade.py [ROUNDS [SEED]]

All the while one client must get every answer, also on a connection that is
older than the maps, and another none, whenever the agent is killed.
"""
import os
import random
import struct
import sys
import time

from test_crash import Traffic
from wdnet import bpf
from wdnet.solo import Solo, expect_reach, ingress_policy, note
from wdnet.tap import Fail, Tap, expect

ROUNDS = 30 if os.environ.get('WD_LONG') == '1' else 6
SCHEMA_AT = 16  # wd_state_val.schema
STATE = struct.pack('=I', 0)
# Answers come to a client that nobody may connect to: without the flows of the
# connections that are there, their packets would be dropped.
EXPECTED_DROPS = {('DEFAULT', 'ingress'), ('ND_FORBIDDEN', 'egress')}


class Bench:
    def __init__(self, rng):
        self.rng = rng
        self.c = Solo()
        self.node = self.c.only_node
        self.srv, self.ok, self.bad = self.c.three()
        only_udp = ingress_policy('ok', 'ok', 'srv')
        only_udp['spec']['ingress'][0]['ports'] = [{'protocol': 'UDP',
                                                    'port': 1,
                                                    'endPort': 65535}]
        self.c.policies.append(only_udp)
        self.c.apply()

    def path(self, *names):
        return '/'.join([f'/proc/{self.node.host.pid}/root'
                         f'{self.node.bpffs}', *names])

    def state(self):
        return bpf.Map(self.path('maps', 'wd_state'))

    def age(self, schema):
        """What is pinned is another version's from now on."""
        m = self.state()
        value = bytearray(m.get(STATE))
        struct.pack_into('=I', value, SCHEMA_AT, schema)
        m.set(STATE, bytes(value))
        m.close()

    def schema(self):
        m = self.state()
        try:
            return m.id, struct.unpack_from('=I', m.get(STATE), SCHEMA_AT)[0]
        finally:
            m.close()

    def drops(self):
        return {(c['reason'], c['direction']): c['packets']
                for c in self.node.status()['counters']
                if c['verdict'] == 'drop' and c['packets']
                and (c['reason'], c['direction']) not in EXPECTED_DROPS}


def one_set(b):
    """Nothing is left of the other one."""
    expect(['links', 'maps', 'progs'], sorted(
        n for n in os.listdir(b.path()) if '.' not in n), 'directories')
    expect(6, len(os.listdir(b.path('links'))), 'pins of links')
    expect(2, len(os.listdir(b.path('progs'))), 'pins of programs')


def told(b, before, after):
    maps = b.node.status()['replaced_maps']
    expect((before, after), (maps['schema_before'], maps['schema']),
           'schemas that status tells of')
    line = f'of schema {before} replaced by schema {after} at {maps["time"]}'
    if line not in b.node.warder('status')[1]:
        raise Fail(f'status does not say: {line}')
    if f'maps of schema {before} were replaced by schema {after}' \
            not in b.node.log_tail(6):
        raise Fail('the log does not say it:', b.node.log_tail(6))


def test_an_agent_replaces_maps_of_another_schema(b):
    first, mine = b.schema()
    expect(None, b.node.status()['replaced_maps'], 'replaced at first')
    ids = b.node.warder('endpoint', 'list')[1].splitlines()
    for schema in (mine - 1, mine + 1):
        b.node.stop_agent()
        b.age(schema)
        b.node.start_agent()
        told(b, schema, mine)
        one_set(b)
        now, is_mine = b.schema()
        expect(mine, is_mine, 'schema')
        if now == first:
            raise Fail('the maps are still the same')
    expect([i.split()[:3] for i in ids],
           [i.split()[:3] for i in
            b.node.warder('endpoint', 'list')[1].splitlines()], 'endpoints')
    b.node.stop_agent()
    b.node.start_agent()
    expect(None, b.node.status()['replaced_maps'], 'replaced at the end')


def test_no_packet_is_lost_or_slips_through(b):
    mine = b.schema()[1]
    traffic = Traffic(b.srv, b.ok, b.bad)
    b.ok.handle.ask('hold', ident='old', dst=b.srv.ips[4], port=80)
    replaced = 0
    try:
        for i in range(b.rounds):
            b.node.stop_agent(9)
            b.age(mine + b.rng.choice((-1, 1)))
            if i % 3 == 2:  # pods that are found, not remembered
                os.unlink(b.node.dir + '/state/endpoints.json')
            b.node.start_agent(wait=False)
            if i % 2:  # killed while it starts
                time.sleep(b.rng.random() * 0.8)
                b.node.stop_agent(9)
                b.node.start_agent(wait=False)
            b.node.wait_ready()
            one_set(b)
            got = b.ok.handle.ask('say', ident='old', text='?',
                                  timeout=3.0)['answer']
            expect('?', got, f'echo on the old connection, round {i}')
            replaced += b.node.status()['replaced_maps'] is not None
            try:
                traffic.check()
            except Fail as e:
                raise Fail(f'round {i}:', *e.lines) from None
            expect({}, b.drops(), f'drops that nothing explains, round {i}')
    finally:
        traffic.pause()
    traffic.check(final=True)
    note(f'maps replaced in {replaced} of {b.rounds} rounds')
    if replaced < (b.rounds + 1) // 2:
        raise Fail('the maps were hardly ever replaced')


def test_what_came_after_it_follows_changes(b):
    b.c.apply([ingress_policy('srv', 'srv', 'bad')])
    expect_reach(False, b.ok, b.srv, 'after the change')
    expect_reach(True, b.bad, b.srv, 'after the change')
    got = b.ok.handle.ask('say', ident='held', text='?', timeout=1.0)['answer']
    expect(None, got, 'echo on the connection that is denied now')


def test_a_set_that_cannot_be_built_leaves_the_old_one(b):
    """The new pins cannot be made: the old set stays and the agent says so."""
    b.c.apply([ingress_policy('srv', 'srv', 'ok')])
    b.node.stop_agent()
    mine = b.schema()[1]
    b.age(mine + 1)
    pinned = b.schema()
    in_the_way = b.path('next')
    os.symlink('nowhere', in_the_way)
    try:
        b.node.start_agent(wait=False)
        expect(1, b.node.agent.wait(30), 'exit code')
    finally:
        b.node.agent = None
        os.unlink(in_the_way)
    if f'maps of schema {mine + 1} stay in force' not in b.node.log_tail(5):
        raise Fail('the log does not say it:', b.node.log_tail(5))
    expect(pinned, b.schema(), 'what is pinned')
    expect_reach(True, b.ok, b.srv, 'without an agent')
    expect_reach(False, b.bad, b.srv, 'without an agent')
    b.node.start_agent()
    told(b, mine + 1, mine)
    expect_reach(True, b.ok, b.srv, 'at last')
    expect_reach(False, b.bad, b.srv, 'at last')


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else \
        random.randrange(1 << 32)
    note(f'{rounds} rounds, seed {seed}')
    tap = Tap()
    bench = Bench(random.Random(seed))
    bench.rounds = rounds
    try:
        for name, test in list(globals().items()):
            if name.startswith('test_') and callable(test):
                tap.run('upgrade: ' + name[5:].replace('_', ' '), test, bench)
        if tap.failed:
            tap.say(bench.node.warder('status', ok=None)[1])
            tap.say(bench.node.log_tail(40))
    finally:
        bench.c.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
