#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""An API server without objects that speaks HTTP/2 and sends GOAWAY, as
kube-apiserver does with --goaway-chance: after some requests of a connection
those that are open go on, and no other one is answered there.

    h2server.py CERT REQUESTS graceful|hard

`hard`: the connection ends soon after. A line on stdin is answered by what was
asked until then, as JSON. Debian's Python, which has python3-h2.
"""
import collections
import json
import socket
import ssl
import sys
import threading
import time
import urllib.parse

import h2.config
import h2.connection
import h2.events

LOCK = threading.Lock()
COUNT = collections.Counter()
ASKED = []  # [path, query]
VERSION = [1000]
JSON = [(':status', '200'), ('content-type', 'application/json')]


class Connection:
    def __init__(self, sock, most, hard):
        self.sock, self.most, self.hard = sock, most, hard
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False))
        self.watches, self.seen, self.away = [], 0, False

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.sock.sendall(data)

    def run(self):
        self.h2.initiate_connection()
        self.flush()
        threading.Thread(target=self.bookmarks, daemon=True).start()
        try:
            while True:
                data = self.sock.recv(65536)
                if not data:
                    break
                with LOCK:
                    for event in self.h2.receive_data(data):
                        self.on(event)
                    self.flush()
        except OSError:
            pass
        finally:
            self.sock.close()

    def on(self, event):
        if isinstance(event, h2.events.StreamReset):
            self.watches = [w for w in self.watches if w != event.stream_id]
        if not isinstance(event, h2.events.RequestReceived):
            return
        if self.away:
            COUNT['unanswered'] += 1
            return
        head = {str(k, 'ascii') if isinstance(k, bytes) else k:
                str(v, 'ascii') if isinstance(v, bytes) else v
                for k, v in event.headers}
        split = urllib.parse.urlsplit(head[':path'])
        query = dict(urllib.parse.parse_qsl(split.query))
        ASKED.append([split.path, query])
        self.answer(event.stream_id, split.path, query)
        self.seen += 1
        if self.seen >= self.most:
            self.go_away(event.stream_id)

    def answer(self, stream, path, query):
        if 'cilium' in path or 'policy.networking' in path:
            self.h2.send_headers(stream, [(':status', '404'),
                                          ('content-type', 'text/plain')])
            self.h2.send_data(stream, b'404 page not found\n', True)
            return
        self.h2.send_headers(stream, JSON)
        if query.get('watch') == '1':
            self.watches.append(stream)
            if 'sendInitialEvents' in query:
                self.bookmark(stream, {'k8s.io/initial-events-end': 'true'})
            return
        self.h2.send_data(stream, json.dumps({
            'kind': 'List', 'apiVersion': 'v1', 'items': None, 'metadata': {
                'resourceVersion': str(VERSION[0])}}).encode(), True)

    def go_away(self, last):
        """By hand: the library would take the connection for closed."""
        self.flush()
        self.away = True
        COUNT['goaways'] += 1
        self.sock.sendall(b'\0\0\x08\x07\0\0\0\0\0' +
                          last.to_bytes(4, 'big') + b'\0\0\0\0')
        if self.hard:
            threading.Timer(0.3, self.cut).start()

    def cut(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the client was faster

    def bookmark(self, stream, annotations):
        self.h2.send_data(stream, json.dumps({
            'type': 'BOOKMARK', 'object': {'metadata': {
                'resourceVersion': str(VERSION[0]),
                'annotations': annotations}}}).encode() + b'\n')

    def bookmarks(self):
        while True:
            time.sleep(0.1)
            with LOCK:
                try:
                    for stream in self.watches:
                        VERSION[0] += 1
                        self.bookmark(stream, {})
                    self.flush()
                except OSError:
                    return


def accept(listener, context, most, hard):
    while True:
        sock, _ = listener.accept()
        try:
            sock = context.wrap_socket(sock, server_side=True)
        except OSError:
            continue
        COUNT['connections'] += 1
        threading.Thread(target=Connection(sock, most, hard).run,
                         daemon=True).start()


def main():
    cert, most, how = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert)
    context.set_alpn_protocols(['h2'])
    listener = socket.create_server(('127.0.0.1', 0))
    threading.Thread(target=accept, daemon=True, args=(
        listener, context, int(most), how == 'hard')).start()
    print(listener.getsockname()[1], flush=True)
    for _ in sys.stdin:
        with LOCK:
            print(json.dumps({'asked': ASKED, **COUNT}), flush=True)


if __name__ == '__main__':
    main()
