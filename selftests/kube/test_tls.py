#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""TLS to the API server: whom the agent believes, and as whom it comes.

Needs no root: kube_client of BUILD follows a server until every kind is known,
or tells why not within the time that it is given.
"""
import base64
import functools
import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'net'))
from wdnet.kube import ApiServer, kubeconfig  # noqa: E402
from wdnet.pki import Authority  # noqa: E402
from wdnet.tap import Fail, Tap, expect  # noqa: E402

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else 'build')
CLIENT = os.path.join(BUILD, 'selftests', 'kube', 'kube_client')
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class World:
    def __init__(self, folder):
        self.folder = folder
        self.ca, self.other = (Authority(folder, n) for n in ('ca', 'other'))
        self.local = self.ca.issue('local', 'IP:127.0.0.1,IP:::1')[2]
        self.named = self.ca.issue('named', 'DNS:kubernetes.default')[2]
        self.servers = []

    def server(self, *args):
        server = ApiServer(None, *args)
        self.servers.append(server)
        return server

    def known(self, server, user=None, host='127.0.0.1', seconds=60,
              **cluster):
        """Follows it; gives None, or why it is not known."""
        path = kubeconfig(os.path.join(self.folder, 'config'),
                          f'https://{host}:{server.port}', user, **cluster)
        done = subprocess.run([CLIENT, path, str(seconds)], text=True,
                              timeout=90, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
        if done.returncode not in (0, 1):
            raise Fail(f'kube_client: {done.returncode}', done.stderr)
        return None if done.returncode == 0 else done.stdout.strip()

    def close(self):
        for server in self.servers:
            server.close()


def expect_known(*args, **kw):
    expect(None, World.known(*args, **kw), 'why it is not known')


def expect_refused(word, *args, **kw):
    why = World.known(*args, seconds=4, **kw)
    if why is None or word not in why:
        raise Fail(f'refused for "{word}", but: {why}')


@test
def a_server_of_the_named_authority_is_believed(w):
    server = w.server('--cert', w.local)
    expect_known(w, server, certificate_authority=w.ca.cert)
    with open(w.ca.cert, 'rb') as f:
        data = base64.b64encode(f.read()).decode()
    expect_known(w, server, certificate_authority_data=data)


@test
def a_server_of_another_authority_is_not(w):
    server = w.server('--cert', w.local)
    expect_refused('certificate', w, server,
                   certificate_authority=w.other.cert)
    expect_refused('certificate', w, server)  # the system's own
    expect([], server.ask('requests')['requests'], 'requests that arrived')
    expect_known(w, server, insecure_skip_tls_verify=True)


@test
def the_name_of_the_certificate_must_be_the_servers(w):
    server = w.server('--cert', w.named)
    expect_refused('certificate', w, server,
                   certificate_authority=w.ca.cert)
    expect([], server.ask('requests')['requests'], 'requests that arrived')
    expect_known(w, server, certificate_authority=w.ca.cert,
                 tls_server_name='kubernetes.default')


@test
def a_server_has_an_address_of_ipv6(w):
    server = w.server('--cert', w.local, '--listen', '[::1]:0')
    expect_known(w, server, host='[::1]', certificate_authority=w.ca.cert)
    named = w.server('--cert', w.named, '--listen', '[::1]:0')
    expect_known(w, named, host='[::1]', certificate_authority=w.ca.cert,
                 tls_server_name='kubernetes.default')


@test
def a_client_shows_its_certificate(w):
    cert, key, _ = w.ca.issue('agent')
    server = w.server('--cert', w.local, '--client-ca', w.ca.cert)
    expect_known(w, server, {'client-certificate': cert, 'client-key': key},
                 certificate_authority=w.ca.cert)
    why = w.known(server, seconds=4, certificate_authority=w.ca.cert)
    if why is None:
        raise Fail('known without a certificate')


@test
def a_token_file_is_read_again_when_the_token_is_refused(w):
    path = os.path.join(w.folder, 'token')
    with open(path, 'w', encoding='ascii') as f:
        f.write('old\n')
    server = w.server('--cert', w.local)
    server.ask('token', token='new')
    config = kubeconfig(os.path.join(w.folder, 'tconfig'),
                        f'https://127.0.0.1:{server.port}',
                        {'tokenFile': path}, certificate_authority=w.ca.cert)
    with subprocess.Popen([CLIENT, config, '30'], text=True,
                          stdout=subprocess.PIPE) as client:
        until = time.monotonic() + 20
        while not server.ask('requests')['requests']:
            if time.monotonic() > until:
                raise Fail('nothing was asked')
            time.sleep(0.05)
        with open(path + '.new', 'w', encoding='ascii') as f:
            f.write('new\n')
        os.rename(path + '.new', path)
        out = client.communicate(timeout=60)[0]
    expect(0, client.returncode, f'exit code ({out.strip()})')


class Goaways:
    """A client that stays, of a server that sends each connection away."""

    def __init__(self, w, how):
        self.server = subprocess.Popen(
            [os.path.join(HERE, 'h2server.py'), w.local, '4', how], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        port = self.server.stdout.readline().strip()
        config = kubeconfig(os.path.join(w.folder, how),
                            f'https://127.0.0.1:{port}',
                            certificate_authority=w.ca.cert)
        self.client = subprocess.Popen([CLIENT, config, '3600', 'stay'],
                                       stdin=subprocess.PIPE,
                                       stdout=subprocess.DEVNULL)

    def asked(self):
        self.server.stdin.write('?\n')
        self.server.stdin.flush()
        return json.loads(self.server.stdout.readline())

    def until(self, what, check):
        end = time.monotonic() + 60
        while not check(self.asked()):
            if time.monotonic() > end:
                raise Fail(f'not in time: {what}')
            time.sleep(0.1)

    def close(self):
        for proc in (self.client, self.server):
            proc.stdin.close()
            proc.kill()
            proc.wait()
        self.server.stdout.close()


def of_namespaces(asked):
    """Lists, and versions of watches."""
    mine = [q for path, q in asked['asked'] if path == '/api/v1/namespaces']
    return [q for q in mine if 'resourceVersion' not in q], \
        [int(q['resourceVersion']) for q in mine if 'resourceVersion' in q]


@test
def who_is_sent_away_goes_on_by_another_connection(w):
    g = Goaways(w, 'graceful')
    try:
        g.until('connections', lambda a: a.get('goaways', 0) > 10 and
                a.get('unanswered', 0) > 0)
        lists, watches = of_namespaces(g.asked())
        # what was streamed is followed by the same stream
        expect((1, 0), (len(lists), len(watches)), 'lists, watches')
    finally:
        g.close()


@test
def a_watch_whose_connection_ends_goes_on_where_it_was(w):
    g = Goaways(w, 'hard')
    try:
        g.until('watches', lambda a: len(of_namespaces(a)[1]) > 3)
        lists, watches = of_namespaces(g.asked())
        expect(1, len(lists), 'lists')
        expect(sorted(set(watches)), watches, 'versions')
    finally:
        g.close()


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix='wd-tls-') as folder:
        world = World(folder)
        try:
            for function in TESTS:
                tap.run(function.__name__,
                        functools.partial(function, world))
        finally:
            world.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
