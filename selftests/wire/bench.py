# SPDX-License-Identifier: GPL-2.0-only
"""Traffic that goes on through all situations, and what of it may be seen.

    shop/a <-> shop/b	must be encrypted, and nothing can: none arrives
    node-a --> shop/b	a proxy: by a process of the host, with its own address
    shop/a --> shop/b	the same with the pod's address, as a tproxy has it
    open/a <-> open/b	may be in clear: all of it arrives
"""
import contextlib
import os
import socket
import time

from lab import (LONG, PORTS, REQUIRED, SETTLE_S, UDP_PORT,
                 expect_no_leak, leaks, outside)
from wdnet import wire
from wdnet.ask import answered
from wdnet.cluster import POD_ADDR
from wdnet.tap import Fail, expect

RATE = int(os.environ.get('WD_WIRE_RATE', 8000 if LONG else 600))
HOLD_S = float(os.environ.get('WD_WIRE_HOLD', 30 if LONG else 0.8))
OUT, IN = ('PLAINTEXT_OUT', 'egress'), ('PLAINTEXT_IN', 'ingress')
ARGS = os.environ.get('WD_WIRE_ARGS', ' '.join(REQUIRED)).split()
SEEN_MIN = 5 * 10 ** 6 if LONG else 5 * 10 ** 4  # of each of two labs


class Open:
    """Two pods that may talk in clear: what they sent and what arrived."""

    def __init__(self, lab):
        self.lab = lab
        self.pods = [lab.pod('open/a'), lab.pod('open/b')]
        self.sinks = [wire.open_in(p.space, self._sink) for p in self.pods]
        self.ears = [lab.listen_for(p, lab.clear) for p in self.pods]
        self.arrived = [0, 0]
        self.senders = []
        self.begin()

    @staticmethod
    def _sink():
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.bind(('::', UDP_PORT))
        return sock

    def begin(self):
        a, b = self.pods
        self.arrived = [0, 0]
        for ear in self.ears:
            ear.take()
        self.senders = [
            self.lab.send(x.space, RATE, self.lab.clear,
                          *self.lab.words(x.ips, y.ips, ('udp',)))
            for x, y in ((a, b), (b, a))]

    def take(self):
        """How many have arrived since the last call."""
        new = [ear.take()['devices']['eth0']['marker'] for ear in self.ears]
        self.arrived = [n + m for n, m in zip(self.arrived, new)]
        return new

    def end(self):
        """All that was sent has arrived."""
        for sender in self.senders:
            sender.stop()
        time.sleep(SETTLE_S)
        self.take()
        for sender, arrived in zip(self.senders, reversed(self.arrived)):
            expect((sender.sent, 0), (arrived, sender.refused),
                   'packets that may be in clear: arrived, refused')

    def close(self):
        for sock in self.sinks:
            sock.close()


class Bench:
    def __init__(self, lab):
        self.lab = lab
        self.nodes = lab.nodes
        self.seen = self.tried = 0
        self.open = None
        self.secret = []
        self.ears = []
        self.begun = time.monotonic()

    # ---- traffic ----

    def forge(self, rate=RATE):
        """What processes of node-a send to the pods of node-b."""
        node = self.nodes[0]
        a, b = ({f: POD_ADDR[f] % (n, 10) for f in self.lab.families} for n in (1, 2))
        self.secret += [
            self.lab.send(node.ns, rate // 2, self.lab.secret,
                          *self.lab.words(node.ips, b)),
            self.lab.send(node.ns, rate // 2, self.lab.secret, 'any-source',
                          *self.lab.words(a, b))]

    def talk(self, rate=RATE):
        """What pods that must be encrypted send to each other."""
        a, b = self.lab.pod('shop/a'), self.lab.pod('shop/b')
        for x, y in ((a, b), (b, a)):
            self.secret.append(self.lab.send(
                x.space, rate, self.lab.secret,
                *self.lab.words(x.ips, y.ips)))
            self.ears.append((y, self.lab.listen_for(y, self.lab.secret)))

    @contextlib.contextmanager
    def sending(self, space, streams, *words):
        """Further traffic that must be encrypted, while it lasts."""
        sender = self.lab.send(space, RATE // 2, self.lab.secret, *words,
                               *streams)
        try:
            yield
        finally:
            sender.stop()
            self.tried += sender.sent
        if not sender.sent + sender.refused:
            raise Fail('nothing was sent')

    def stop_secret(self):
        for sender in self.secret:
            sender.stop()
            self.tried += sender.sent
        self.secret = []

    # ---- looking ----

    def counts(self):
        got = self.lab.count()
        self.seen += sum(got[p]['packets'] for p in PORTS)
        return got

    def forget(self):
        """What was under way when a situation began is not its own."""
        self.counts()
        if self.open:
            self.open.take()
        for _, ear in self.ears:
            ear.take()

    def watch(self, what, seconds=HOLD_S):
        """No leak for a while; open pods hear each other, secret ones not."""
        time.sleep(seconds)
        expect_no_leak(self.counts(), what)
        if self.open:
            for pod, new in zip(self.open.pods, self.open.take()):
                if not new:
                    raise Fail(f'{what}: nothing arrives at {pod.key}, which '
                               'may talk in clear')
        for pod, ear in self.ears:
            expect(0, ear.take()['devices']['eth0']['marker'],
                   f'{what}: packets that arrived in clear at {pod.key}')

    def expect_leaks(self, what, seconds=HOLD_S):
        """The control: with nothing in the way, all of this is seen."""
        time.sleep(seconds)
        got = self.counts()
        for way in ('headers', 'scan', 'marker'):
            if not all(got[p][way] for p in PORTS[:1]):
                raise Fail(f'{what}: the sniffer has seen no leak by {way}')
        return leaks(got)[0]

    def world_answers(self, what):
        """The world is not of the cluster; its traffic is not judged."""
        for key in ('shop/a', 'open/b'):
            pod = self.lab.pod(key)
            for f in self.lab.families:
                got = answered(pod, outside(f, 0), 'udp', 80, True, pod.ips[f])
                expect('world', got, f'{what}: {key} asks the world, v{f}')

    def drops(self, *reasons):
        """Packets dropped so far by both nodes."""
        return sum(c['packets'] for n in self.nodes
                   for c in n.status()['counters']
                   if (c['reason'], c['direction']) in reasons)

    # ---- tests ----

    def run(self, test):
        """A test that failed may have left a node without its agent."""
        for node in self.nodes if self.open else ():
            if node.agent is None or node.agent.poll() is not None:
                node.start_agent(*ARGS)
        self.forget()
        test(self)

    def told(self):
        self.stop_secret()
        return [f'{self.seen} packets seen on the wire, {self.tried} sent that '
                f'may not be, {time.monotonic() - self.begun:.0f} s']

    def close(self):
        if self.open:
            self.open.close()
