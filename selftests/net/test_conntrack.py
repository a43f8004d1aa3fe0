#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Flows between real stacks, under attack and under load: resets from who is
not on the path, ports used again at once, addresses translated by the host,
paths smaller than the sender's link, a pod that floods a full table. Numbers
are those of the project's list of scenarios.

Every pod that must be reached by its own flows alone is isolated, so that a
flow that is lost is a connection that is lost.
"""
import json
import mmap
import os
import random
import socket
import struct
import sys
import threading
import time

from cases.dsl import ANY, into, out_of, pods, sel, frm, spaces, to
from wdnet import bpf, wire
from wdnet.ask import Flow, allowed, until
from wdnet.cluster import POD_NET, UPLINK, WORLD, e2e
from wdnet.frag import inside, raw_socket
from wdnet.kernel import die_with_parent
from wdnet.raw import family_of, inet_sum
from wdnet.solo import note
from wdnet.suite import LONG, main
from wdnet.tap import Fail, expect

TESTS = []
RST, SYN = 0x04, 0x02
SOAK_S = 120 if LONG else 4
FLOOD_S = 60 if LONG else 2
NOBODY = {4: '198.18.7.7', 6: '2001:db8:777::7'}  # they answer nothing
WAYS, ENTRY, FOREVER, REPLIED = 8, 64, 0x7ffffff0, 0x40
BUCKET = WAYS * (4 + 4 + ENTRY)
QUOTA_FLOWS = 4
DENIALS = ('DEFAULT', 'POLICY', 'CT_INVALID', 'CT_FULL')


def test(function):
    TESTS.append(function)
    return function


def tcp(src, dst, sport, dport, flags, seq):
    """An IP packet with a segment of no data."""
    a, b = wire.packed(src), wire.packed(dst)
    head = struct.pack('!HHIIBBHHH', sport, dport, seq, 0, 0x50, flags, 1000,
                       0, 0)
    pseudo = a + b + (struct.pack('!HH', 6, 20) if len(a) == 4
                      else struct.pack('!II', 20, 6))
    head = head[:16] + struct.pack('!H', inet_sum(pseudo + head)) + head[18:]
    if len(a) == 16:
        return struct.pack('!IHBB', 6 << 28, 20, 6, 64) + a + b + head

    def ip(check):
        return struct.pack('!BBHHHBBH', 0x45, 0, 40, 1, 0, 64, 6,
                           check) + a + b
    return ip(inet_sum(ip(0))) + head


def denials(nodes):
    return [(n.name, d['reason'], d['direction'], d['packets'])
            for n in nodes for d in n.status()['counters']
            if d['reason'] in DENIALS and d['packets']]


def closed(ns, name, *others):
    """Nothing in or out but with @others of the namespace."""
    some = [pods(pod=o) for o in others]
    return [into(ns, sel(pod=name), *([frm(*some)] if some else []),
                 name='in-' + name),
            out_of(ns, sel(pod=name), *([to(*some)] if some else []),
                   name='out-' + name)]


# ---- row 82 ----

@test
def row_82_resets_from_off_the_path_end_no_connection(c):
    """The forger knows addresses and ports, and sends from where the peer is;
    numbers it must guess."""
    pod, peer = c.pod('x/a'), c.pod('x/b')
    c.apply(closed('x', 'a', 'b') + closed('x', 'b', 'a'))
    for family in c.families:
        busy, idle = (Flow(pod, peer, family) for _ in range(2))
        port = {f: int(f.own.rpartition(':')[2]) for f in (busy, idle)}
        pod.handle.ask('stream', ident='busy', target=['held', busy.ident],
                       interval=0.002, timeout=2.0)
        time.sleep(0.2)
        before = pod.node.counter('CT_INVALID', 'ingress')
        raw = raw_socket(c.space, peer.ips[family])
        sent = 0
        for _ in range(2000):
            for flow in (busy, idle):
                raw.sendto(tcp(peer.ips[family], pod.ips[family], 80,
                               port[flow], RST, random.getrandbits(32)),
                           (pod.ips[family], 0))
                sent += 1
        raw.close()
        until(True, lambda: pod.node.counter('CT_INVALID', 'ingress')
              >= before + sent * 0.98, f'v{family}: forged resets are counted')
        pod.handle.ask('pause', ident='busy')
        time.sleep(0.3)
        tally = pod.handle.ask('tally', ident='busy')
        expect((tally['sent'], []), (tally['answered'], tally['lost']),
               f'v{family}: answers in the busy connection')
        expect(True, tally['sent'] > 50, f'v{family}: it was busy')
        idle.client_speaks(True)
        pod.handle.ask('abort')
        peer.handle.ask('abort')


@test
def row_82_an_idle_connection_outlives_forged_resets(c):
    pod, peer = c.pod('x/a'), c.pod('x/b')
    c.apply(closed('x', 'a', 'b') + closed('x', 'b', 'a'))
    idle = [Flow(pod, peer, f) for f in c.families]
    before = pod.node.counter('CT_INVALID', 'ingress')
    for flow, family in zip(idle, c.families):
        raw = raw_socket(c.space, peer.ips[family])
        for _ in range(2000):
            raw.sendto(tcp(peer.ips[family], pod.ips[family], 80,
                           int(flow.own.rpartition(':')[2]), RST,
                           random.getrandbits(32)), (pod.ips[family], 0))
        raw.close()
    until(True, lambda: pod.node.counter('CT_INVALID', 'ingress')
          >= before + 3900, 'forged resets are counted')
    time.sleep(11.5)  # what a flow that was reset has to live
    for flow in idle:
        flow.server_speaks(True)
        flow.client_speaks(True)
        flow.close()


# ---- rows 83, 85 ----

def listener(addr):
    sock = socket.socket(family_of(addr), socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((addr, 5000))
    sock.listen(64)
    sock.settimeout(0.2)
    return sock


def serve(sock, stop):
    """Says a word and closes first, so that the ports rest at its side."""
    while not stop.is_set():
        try:
            conn = sock.accept()[0]
        except TimeoutError:
            continue
        try:
            conn.sendall(b'word')
        except OSError:  # it was aborted
            pass
        conn.close()


def client(src, number):
    sock = socket.socket(family_of(src), socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.settimeout(2.0)
    sock.bind((src, number))
    return sock


def call(space, src, dst, number, abort):
    with inside(space, client, src, number) as sock:
        sock.connect((dst, 5000))
        if abort:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack('ii', 1, 0))
        got = b''
        while not abort and len(got) < 4:
            more = sock.recv(16)
            if not more:
                break
            got += more
        if not abort:
            expect((b'word', b''), (got, sock.recv(16)), 'what is heard')


@test
def row_83_ports_used_again_at_once_are_never_denied(c):
    server, pod = c.pod('x/a'), c.pod('x/b')
    c.apply(closed('x', 'a', 'b') + closed('x', 'b', 'a'))
    for family in c.families:
        dst, stop = server.ips[family], threading.Event()
        sock = inside(server.space, listener, dst)
        thread = threading.Thread(target=serve, args=(sock, stop))
        thread.start()
        before, calls = denials(c.nodes), 0
        end = time.monotonic() + SOAK_S
        try:
            while time.monotonic() < end:
                call(pod.space, pod.ips[family], dst, 20000 + calls % 4,
                     calls // 4 % 3 == 2)
                calls += 1
        finally:
            stop.set()
            thread.join()
            sock.close()
        note(f'v{family}: {calls} connections from 4 ports')
        expect(before, denials(c.nodes), f'v{family}: denials')
        expect(True, calls > 100, f'v{family}: ports were used again')


# ---- rows 86, 87 ----

@test
def row_87_answers_pass_where_the_host_translates_the_sender(c):
    pod = c.pod('x/a')
    node = pod.node
    c.apply([into('x', sel(pod='a')), out_of('x', sel(pod='a'), to(
        {'ipBlock': {'cidr': '0.0.0.0/0'}}, {'ipBlock': {'cidr': '::/0'}}),
        name='out')])
    node.ns.run(['nft', '-f', '-'], 'table inet wdtest {\nchain c { type nat '
                'hook postrouting priority 100;\n'
                'oifname "eth0" counter masquerade\n}\n}\n')
    try:
        for family in c.families:
            for proto in ('tcp', 'udp', 'icmp'):
                got = pod.handle.ask('probe', timeout=3.0, targets=[
                    [proto, None, WORLD['ext1'][family],
                     0 if proto == 'icmp' else 80]])['answers'][0]
                expect(True, bool(got), f'v{family} {proto}: an answer')
            before = node.counter('DEFAULT', 'ingress')
            for proto in ('tcp', 'udp', 'icmp'):
                got = c.fabric.ask('probe', timeout=0.4, targets=[
                    [proto, WORLD['ext1'][family], pod.ips[family],
                     0 if proto == 'icmp' else 80]])['answers'][0]
                expect(None, got, f'v{family} {proto}: unasked')
            expect(True, node.counter('DEFAULT', 'ingress') >= before + 3,
                   f'v{family}: the unasked are counted')
        out = node.ns.run(['nft', 'list', 'table', 'inet', 'wdtest'])[1]
        expect(False, 'packets 0 ' in out, 'nothing was translated')
    finally:
        node.ns.run(['nft', 'delete', 'table', 'inet', 'wdtest'])
    allowed(c.pod('x/c'), c.pod('z/a'))


# ---- row 74 ----

def push(sender, receiver, size):
    """@size bytes through a connection; gives how many arrived."""
    got = 0
    sender.settimeout(8.0)
    receiver.settimeout(8.0)

    def send():
        try:
            sender.sendall(b'x' * size)
        except OSError:
            pass
    thread = threading.Thread(target=send)
    thread.start()
    try:
        while got < size:
            data = receiver.recv(65536)
            if not data:
                break
            got += len(data)
    except OSError:
        pass
    thread.join()
    return got


@test
def row_74_a_smaller_path_between_isolated_pods_is_found_out(c):
    """The router on the way is the sender's own node, then the receiver's:
    its errors pass because they quote what was sent."""
    pod, server = c.pod('x/a'), c.pod('x/b')
    c.apply(closed('x', 'a', 'b') + closed('x', 'b', 'a'))
    small = [(pod.node, 2), (server.node, 1)]

    def routes(tail):
        for node, other in small:
            node.ns.ip(*[f'route replace {POD_NET[f] % other} via '
                         f'{UPLINK[f] % other} dev eth0 {tail}'
                         for f in c.families])
    routes('mtu 1380')
    try:
        for family in c.families:
            sock = inside(server.space, listener, server.ips[family])
            here = inside(pod.space, client, pod.ips[family], 0)
            before = [n.counter('RELATED', 'ingress') for n, _ in small]
            here.connect((server.ips[family], 5000))
            there = sock.accept()[0]
            for a, b, way in ((here, there, 'to'), (there, here, 'from')):
                expect(300000, push(a, b, 300000),
                       f'v{family}: bytes {way} the server')
            after = [n.counter('RELATED', 'ingress') for n, _ in small]
            expect([True, True], [x > y for x, y in zip(after, before)],
                   f'v{family}: errors passed: {before} -> {after}')
            for s in (sock, here, there):
                s.close()
    finally:
        routes('')


# ---- row 89 ----

def counters(pod, way):
    doc = json.loads(pod.node.warder('endpoint', 'get', pod.key, '--json')[1])
    return doc['counters'][way], doc


def received(pod):
    name = counters(pod, 'egress')[1]['interface']
    return json.loads(pod.node.ns.run(['ip', '-s', '-j', 'link', 'show', name]
                                      )[1])[0]['stats64']['rx']['packets']


def flood(pod, family, seconds):
    """SYNs to ever other ports of nobody, and then all once more. Gives a
    process, and where it will write how many it has sent."""
    doc = counters(pod, 'egress')[1]
    frames = [wire.frame(doc['pod_mac'], doc['host_mac'], tcp(
        pod.ips[family], NOBODY[family], 1024 + n % 60000, 1 + n // 7, SYN, n))
        for n in range(0, 60000)]
    sock = wire.packet_socket(pod.space, 'eth0')
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        die_with_parent()
        sent, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            for data in frames:
                try:
                    sock.send(data)
                    sent += 1
                except OSError:
                    pass
                if not sent % 64 and time.monotonic() > end:
                    break
        os.write(theirs, struct.pack('=Q', sent))
        os._exit(0)
    os.close(theirs)
    sock.close()
    return pid, ours


def map_path(node, name):
    return f'/proc/{node.host.pid}/root{node.bpffs}/maps/{name}'


def owner(pod):
    """What a flow of its endpoint says: the instance, its counter."""
    name = counters(pod, 'egress')[1]['interface']
    index = json.loads(pod.node.ns.run(['ip', '-j', 'link', 'show', name])[1]
                       )[0]['ifindex']
    m = bpf.Map(map_path(pod.node, 'wd_endpoint'))
    value = m.get(struct.pack('=I', index))
    m.close()
    return struct.unpack_from('=II', value, 8)


def fill(node, owners):
    """Every free place becomes a live, answered flow of @owners, by turns:
    (endpoint, counter). Their counts go with it."""
    flows = bpf.Map(map_path(node, 'wd_flow'))
    table = mmap.mmap(flows.fd, flows.max * BUCKET)
    cnt = [0] * len(owners)
    for bucket in range(flows.max):
        at = bucket * BUCKET
        for way in range(WAYS):
            dies = at + 4 * WAYS + 4 * way
            if struct.unpack_from('=I', table, dies)[0]:
                continue
            who = (bucket + way) % len(owners)
            entry = at + 8 * WAYS + ENTRY * way
            struct.pack_into('=I', table, entry + 16, owners[who][0])
            struct.pack_into('=HH', table, entry + 56, REPLIED, owners[who][1])
            struct.pack_into('=I', table, dies, FOREVER)
            cnt[who] += 1
    quota = bpf.Map(map_path(node, 'wd_quota'))
    for (_, stat), more in zip(owners, cnt):
        key = struct.pack('=I', stat)
        value = bytearray(quota.get(key))
        old = struct.unpack_from('=i', value, QUOTA_FLOWS)[0]
        struct.pack_into('=i', value, QUOTA_FLOWS, old + more)
        quota.set(key, bytes(value))
    quota.close()
    table.close()
    flows.close()
    return sum(cnt)


def streams(c, family):
    """Who talks meanwhile: connections that are there, and new flows."""
    quiet = [('x/a', 'x/c'), ('x/c', 'x/a'), ('x/a', 'x/b'), ('x/b', 'x/a')]
    held, fresh = [], []
    for n, (src, dst) in enumerate(quiet):
        flow = Flow(c.pod(src), c.pod(dst), family)
        c.pod(src).handle.ask('stream', ident=f'held{n}', interval=0.003,
                              target=['held', flow.ident], timeout=2.0)
        held.append((c.pod(src), f'held{n}'))
        for proto in ('tcp', 'udp'):
            c.pod(src).handle.ask(
                'stream', ident=f'{proto}{n}', interval=0.02, timeout=0.9,
                target=[proto, None, c.pod(dst).ips[family], 81])
            fresh.append((c.pod(src), f'{proto}{n}'))
    return held, fresh


def tallies(some):
    for pod, ident in some:
        pod.handle.ask('pause', ident=ident)
    time.sleep(1.1)
    out = [pod.handle.ask('tally', ident=ident) for pod, ident in some]
    return sum(t['sent'] for t in out), sum(t['answered'] for t in out), \
        sum(t.get('retrans', 0) for t in out)


def came_and_judged(pod):
    """Of one moment: a packet between the two readings would be in one only."""
    while True:
        came, judged = received(pod), counters(pod, 'egress')[0]
        if received(pod) == came:
            return came, judged


def flooded(c, family, what):
    """Pods of the node talk while one of it floods."""
    loud = c.pod('y/b')
    full = loud.node.counter('CT_FULL', 'egress')
    came, seen = came_and_judged(loud)
    held, fresh = streams(c, family)
    pid, end = flood(loud, family, FLOOD_S)
    sent = struct.unpack('=Q', os.read(end, 8))[0]
    os.close(end)
    os.waitpid(pid, 0)
    asked, answered, again = tallies(held)
    tried, reached, _ = tallies(fresh)
    came_now, now = came_and_judged(loud)
    came = came_now - came
    full = loud.node.counter('CT_FULL', 'egress') - full
    passed, dropped = (now[w]['packets'] - seen[w]['packets']
                       for w in ('allow', 'drop'))
    note(f'v{family}, {what}: {sent} SYNs in {FLOOD_S} s, {passed} passed, '
         f'{full} CT_FULL; established {answered} of {asked}, {again} sent '
         f'again; new {reached} of {tried}')
    expect(came, passed + dropped, f'v{family}: packets judged of those '
           'that came')
    expect(True, sent > 10000 and sent <= came, f'{sent} sent, {came} came')
    expect(True, 0 <= dropped - full <= 20, f'{dropped} dropped, {full} of '
           'them because of its share')
    expect(True, full > sent / 4, 'the share was used up')
    if asked < 1000 or answered < asked or again * 10000 > asked:
        raise Fail(f'v{family}, {what}: established flows were hurt')
    if tried < 200 or reached < 0.95 * tried:
        raise Fail(f'v{family}, {what}: new flows were hurt')
    for pod in c.pods:
        pod.handle.ask('abort')


def quiet_ones(c):
    c.apply([into('x', ANY, frm(spaces(ns='x'))),
             out_of('x', ANY, to(spaces(ns='x')), name='out')])
    c.space.ip(*[f'route replace blackhole {ip}' for ip in NOBODY.values()])


@test
def row_89_a_pod_that_floods_with_syns_is_felt_by_no_other(c):
    quiet_ones(c)
    for family in c.families:
        flooded(c, family, 'an empty table')


@test
def row_89_nor_in_a_table_that_others_have_filled(c):
    """Its places are taken by answered flows of two pods that do nothing."""
    quiet_ones(c)
    node = c.pod('y/b').node
    hogs = [owner(c.pod(k)) for k in ('z/a', 'z/c')]
    note(f'{fill(node, hogs)} places filled')
    try:
        for family in c.families:
            flooded(c, family, 'a full table')
    finally:
        node.stop_agent()
        node.start_agent()


if __name__ == '__main__':
    sys.exit(main(e2e, TESTS, sys.argv))
