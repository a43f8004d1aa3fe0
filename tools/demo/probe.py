#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The one process inside each pod of the demo: listens, answers, asks others.

Started in the namespace, it takes requests as JSON lines on stdin and answers
each with one line on stdout, until stdin ends. It knows nothing of policy.
"""
import json
import os
import selectors
import socket
import struct
import sys
import threading
import time

FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
PING = {4: (socket.IPPROTO_ICMP, 8), 6: (socket.IPPROTO_ICMPV6, 128)}
RESEND_S = 0.4


def family_of(addr):
    return 6 if ':' in addr else 4


# ---- answering ----

class Server(threading.Thread):
    """Sends back what comes, TCP and UDP; counts datagrams by first word."""

    def __init__(self):
        super().__init__(daemon=True)
        self.selector = selectors.DefaultSelector()
        self.seen = {}

    def listen(self, kind, port):
        for family in (4, 6):
            sock = socket.socket(FAMILY[family], kind)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == 6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(('::' if family == 6 else '0.0.0.0', port))
            what = self.datagram
            if kind == socket.SOCK_STREAM:
                sock.listen(64)
                what = self.accept
            sock.setblocking(False)
            self.selector.register(sock, selectors.EVENT_READ, what)

    def accept(self, sock):
        conn, _ = sock.accept()
        conn.setblocking(False)
        self.selector.register(conn, selectors.EVENT_READ, self.stream)

    def stream(self, conn):
        data = conn.recv(4096)
        if data:
            conn.send(data)
            return
        self.selector.unregister(conn)
        conn.close()

    def datagram(self, sock):
        data, peer = sock.recvfrom(4096)
        word = data.split()[0].decode()
        self.seen[word] = self.seen.get(word, 0) + 1
        sock.sendto(data, peer)

    def run(self):
        while True:
            for key, _ in self.selector.select():
                try:
                    key.data(key.fileobj)
                except BlockingIOError:
                    pass
                except OSError:  # a peer that went away
                    if key.data is self.stream:
                        self.selector.unregister(key.fileobj)
                        key.fileobj.close()


# ---- asking ----

def open_ask(kind, addr, port, source):
    """A socket on its way to ADDR, not blocking."""
    family = family_of(addr)
    if kind == 'ping':
        sock = socket.socket(FAMILY[family], socket.SOCK_DGRAM,
                             PING[family][0])
    else:
        sock = socket.socket(FAMILY[family], socket.SOCK_STREAM if
                             kind == 'tcp' else socket.SOCK_DGRAM)
    sock.setblocking(False)
    if source.get(str(family)):
        sock.bind((source[str(family)], 0))
    sock.connect_ex((addr, port))
    return sock


def say(sock, kind, addr):
    data = b'probe'
    if kind == 'ping':
        data = struct.pack('!BBHHH', PING[family_of(addr)][1], 0, 0, 0, 1)
    try:
        sock.send(data)
    except OSError:  # not connected (yet), or an ICMP error came back
        pass


def ask_all(targets, timeout, source):
    """TARGETS: lists of kind, address, port. A list of who answered."""
    reached = [False] * len(targets)
    selector = selectors.DefaultSelector()
    for number, (kind, addr, port) in enumerate(targets):
        sock = open_ask(kind, addr, port, source)
        events = selectors.EVENT_READ
        if kind == 'tcp':
            events = selectors.EVENT_WRITE
        else:
            say(sock, kind, addr)
        selector.register(sock, events, number)
    end = time.monotonic() + timeout
    again = time.monotonic() + RESEND_S
    while selector.get_map() and time.monotonic() < end:
        for key, events in selector.select(0.05):
            take(selector, key, events, targets[key.data], reached)
        if time.monotonic() >= again:
            again += RESEND_S
            for key in list(selector.get_map().values()):
                if targets[key.data][0] != 'tcp':
                    say(key.fileobj, *targets[key.data][:2])
    for key in list(selector.get_map().values()):
        key.fileobj.close()
    return reached


def take(selector, key, events, target, reached):
    sock, kind = key.fileobj, target[0]
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if events & selectors.EVENT_WRITE and not error:
        say(sock, kind, target[1])
        selector.modify(sock, selectors.EVENT_READ, key.data)
        return
    try:
        reached[key.data] = not error and bool(sock.recv(4096))
    except OSError:
        pass
    if kind != 'tcp' and not reached[key.data]:
        return  # an ICMP error; the next try may do better
    selector.unregister(sock)
    sock.close()


# ---- over a time ----

class Stream(threading.Thread):
    """A datagram every INTERVAL seconds, each from a socket of its own, so
    that each is a new flow and is judged by policy."""

    def __init__(self, word, addr, port, interval):
        super().__init__(daemon=True)
        self.word, self.to, self.interval = word, (addr, port), interval
        self.sent = self.answered = 0
        self.ending = threading.Event()

    def run(self):
        waiting = []
        while not self.ending.wait(self.interval):
            sock = socket.socket(FAMILY[family_of(self.to[0])],
                                 socket.SOCK_DGRAM)
            sock.setblocking(False)
            self.sent += 1
            try:
                sock.sendto(f'{self.word} {self.sent}'.encode(), self.to)
            except OSError:
                pass
            waiting.append(sock)
            if len(waiting) > 256:
                self.collect([waiting.pop(0)])
        time.sleep(1)
        self.collect(waiting)

    def collect(self, socks):
        for sock in socks:
            try:
                self.answered += bool(sock.recv(256))
            except OSError:
                pass
            sock.close()

    def end(self):
        self.ending.set()
        self.join()
        return {'sent': self.sent, 'answered': self.answered}


class Talk(threading.Thread):
    """One TCP connection, a few bytes every 20 ms, for as long as it lasts."""

    def __init__(self, addr, port):
        super().__init__(daemon=True)
        self.sock = socket.create_connection((addr, port), 5)
        self.sock.setblocking(False)
        self.last = time.monotonic()
        self.answers, self.broken = 0, None

    def run(self):
        while not self.broken:
            time.sleep(0.02)
            try:
                self.sock.send(b'hello')
            except BlockingIOError:
                pass
            except OSError as e:
                self.broken = str(e)
            self.read()

    def read(self):
        try:
            if self.sock.recv(65536):
                self.last = time.monotonic()
                self.answers += 1
            else:
                self.broken = 'closed by the peer'
        except BlockingIOError:
            pass
        except OSError as e:
            self.broken = str(e)

    def state(self):
        return {'answers': self.answers, 'broken': self.broken,
                'last': self.last}


class Probe:
    """The requests, each a method."""

    def __init__(self):
        self.server = Server()
        self.server.start()
        self.streams, self.talk = [], None

    def listen(self, tcp, udp):
        for port in tcp:
            self.server.listen(socket.SOCK_STREAM, port)
        for port in udp:
            self.server.listen(socket.SOCK_DGRAM, port)

    def ask(self, targets, timeout, source):
        return ask_all(targets, timeout, source)

    def stream(self, word, addr, port, interval):
        self.streams.append(Stream(word, addr, port, interval))
        self.streams[-1].start()

    def stream_end(self):
        ends = [s.end() for s in self.streams]
        self.streams = []
        return ends

    def seen(self):
        return self.server.seen

    def talk_start(self, addr, port):
        self.talk = Talk(addr, port)
        self.talk.start()

    def talk_state(self):
        return self.talk.state()


def main():
    with open('/proc/sys/net/ipv4/ping_group_range', 'w',
              encoding='ascii') as f:
        f.write('0 2147483647')
    probe = Probe()
    print(json.dumps({'result': os.getpid()}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {'result': getattr(probe, request['call'])(
                **request['args'])}
        except OSError as e:
            answer = {'error': str(e)}
        print(json.dumps(answer), flush=True)


if __name__ == '__main__':
    main()
