#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Policies about the node itself while something else begins to judge them:
what judged before does so until then, and the node is never open.

    test_host_rungs.py [PART-OF-A-NAME]
"""
import struct
import sys
import threading
import time

from test_host import (LONG, Held, confirm, host_of, host_policy, links, make,
                       ports, reach, restart, state_of)
from test_host_nft import NFT, chains
from wdnet import bpf
from wdnet.ask import answered, until
from wdnet.refuse import Refuse
from wdnet.shared import Shared
from wdnet.tap import expect

SHARED = Shared()
BTF = '/sys/kernel/btf/vmlinux'  # which wd_host alone needs
SLOW = ('bpf:PROG_LOAD name=wd_host* sleep=1500',)
SCHEMA_AT = 16  # wd_state_val.schema


def shut(c, node):
    """A policy that lets in port 80 alone, confirmed."""
    c.apply([host_policy('r', ingress=[{'toPorts': ports(80)}])])
    if state_of(node) != 'confirmed':  # as it was before it was taken away
        confirm(node)


def begin(node, *args):
    """An agent that cannot put in force what it reads."""
    node.start_agent(*args, wait=False)
    until(0, lambda: node.warder('status', '--json', ok=None)[0], 'status')


def age_tables(node):
    """What is pinned is of the schema before."""
    state = bpf.Map(f'/proc/{node.host.pid}/root{node.bpffs}/maps/wd_state')
    value = bytearray(state.get(struct.pack('=I', 0)))
    mine, = struct.unpack_from('=I', value, SCHEMA_AT)
    struct.pack_into('=I', value, SCHEMA_AT, mine - 1)
    state.set(struct.pack('=I', 0), bytes(value))
    state.close()


class Knocking:
    """At port 81, all the time."""

    def __init__(self, c, node):
        self.c, self.ip = c, node.ips[4]
        self.got, self.asked, self.ends = [], 0, False
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.ends:
            self.got.append(bool(answered(self.c, self.ip, 'tcp', 81, False)))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.ends = True
        self.thread.join()
        if exc[0] is None:
            expect(True, len(self.got) > 1, 'it was asked for')
            expect(False, any(self.got), 'port 81 opened in between')


@SHARED.test
def the_program_judges_until_the_ruleset_is_in_force(c):
    a = c.node('node-a')
    shut(c, a)
    expect(4, len(links(a)), 'by the program')
    a.stop_agent()
    refuse = Refuse(a)
    refuse.set('netlink:NETFILTER type=NEWSETELEM errno=ENOBUFS')
    begin(a, *NFT)
    time.sleep(5)  # it looks each two seconds
    host = host_of(a)
    expect((4, False), (len(links(a)), host['enforced']), host['why'])
    expect(True, 'agent before' in host['why'], host['why'])
    reach(True, c, a, 80)
    reach(False, c, a, 81)
    refuse.set()
    until(True, lambda: host_of(a)['enforced'], 'enforced')
    until([], lambda: links(a), 'pins')
    reach(True, c, a, 80)
    reach(False, c, a, 81)
    a.stop_agent()
    a.wrapper = []
    refuse.close()
    a.start_agent(*LONG)
    c.apply([])


@SHARED.test
def the_ruleset_judges_until_the_program_is_there(c):
    a = c.node('node-a')
    restart(a, *NFT)
    shut(c, a)
    a.stop_agent()
    refuse = Refuse(a)
    refuse.set(*SLOW)
    with Knocking(c, a):
        a.start_agent(*LONG)
        expect((4, []), (len(links(a)), chains(a)), 'by the program')
    ssh, web = Held(c, a, 22), Held(c, a, 80)
    a.warder('ladder', 'pin', 'nft')
    expect(([], True), (links(a), 'host_in' in chains(a)), 'by the ruleset')
    ssh.speaks(True)
    web.speaks(True)
    with Knocking(c, a):
        a.warder('ladder', 'pin', 'auto')
        expect((4, []), (len(links(a)), chains(a)), 'by the program')
    ssh.speaks(True)
    web.speaks(True)
    for held in (ssh, web):
        held.end()
    a.stop_agent()
    a.wrapper = []
    refuse.close()
    a.start_agent(*LONG)
    c.apply([])


@SHARED.test
def what_judges_by_tables_of_another_schema_stays_until_there_is_a_new_one(c):
    a = c.node('node-a')
    shut(c, a)
    a.stop_agent()
    age_tables(a)
    refuse = Refuse(a)
    refuse.set('netlink:NETFILTER type=NEWTABLE errno=EOPNOTSUPP')
    a.ns.run(['mount', '--bind', '/dev/null', BTF])
    try:
        a.start_agent(*LONG)
        host = host_of(a)
        expect((4, 'confirmed', False),
               (len(links(a)), host['state'], host['enforced']), host['why'])
        expect(True, 'agent before' in host['why'], host['why'])
        reach(True, c, a, 80)
        reach(False, c, a, 81)
    finally:
        a.ns.run(['umount', BTF])
    a.stop_agent()
    a.wrapper = []
    refuse.close()
    a.start_agent(*LONG)
    expect((True, ''), (host_of(a)['enforced'], host_of(a)['why']), 'host')
    reach(False, c, a, 81)
    c.apply([])
    expect([], links(a), 'taken off')


@SHARED.test
def on_hold_status_tells_that_the_node_is_judged(c):
    a = c.node('node-a')
    shut(c, a)
    a.stop_agent()
    begin(a, *LONG, '--max-rung', 'hold')
    host = host_of(a)
    expect(('hold', 'confirmed', True),
           (a.status()['rung'], state_of(a), host['enforced']), host['why'])
    reach(False, c, a, 81)
    restart(a, *LONG)
    c.apply([])


if __name__ == '__main__':
    sys.exit(SHARED.main(make))
