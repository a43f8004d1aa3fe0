#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Random histories: objects come, change, go and come again under the same
name, some that nobody can read, while answers are torn, refused, late, empty, or say that a version is too
old. When the server is well again the client has what the server has.

WD_SEED= repeats a run; WD_LONG=1 makes it longer.
"""
import os
import random
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'net'))
from wdnet import strike  # noqa: E402
from wdnet.kube import ApiServer, kubeconfig  # noqa: E402
from wdnet.tap import Fail, Tap, expect  # noqa: E402

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else 'build')
CLIENT = os.path.join(BUILD, 'selftests', 'kube', 'kube_client')
SEED = int(os.environ.get('WD_SEED') or random.randrange(1 << 32))
ROUNDS = 400 if os.environ.get('WD_LONG') == '1' else 25
JOINED = 2500 if os.environ.get('WD_LONG') == '1' else 5
STEPS = 40
PATHS = {'Pod': '/api/v1/pods', 'Namespace': '/api/v1/namespaces',
         'NetworkPolicy': '/apis/networking.k8s.io/v1/networkpolicies',
         'CiliumNetworkPolicy': '/apis/cilium.io/v2/ciliumnetworkpolicies'}
WIDE = ['policy.networking.k8s.io/v1alpha2', 'policy.networking.k8s.io/v1beta1']
WITHOUT = ('Namespace', 'ClusterNetworkPolicy')  # a namespace
ON_LIST = ('torn', '410', '429', '500', '403', '401', 'garbage', 'close',
           'endless', 'unmarked')
ON_WATCH = ('expired', 'error', 'empty', 'silent', '410', '503', '403', 'close',
            'garbage')


class History:
    def __init__(self, folder, wrapper=()):
        self.random = random.Random(SEED)
        self.objects = {}  # (kind, ns, name) -> (uid, labels)
        self.born = 0
        self.wide = 0  # index into WIDE of the version that is served
        self.server = ApiServer(None, '--seed', str(SEED))
        config = kubeconfig(os.path.join(folder, 'config'),
                            f'http://127.0.0.1:{self.server.port}')
        self.client = subprocess.Popen(
            [*wrapper, CLIENT, config, '3600', 'stay'], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def close(self):
        self.client.stdin.close()
        self.client.wait(30)
        self.client.stdout.close()
        self.server.close()

    # ---- steps ----

    def body(self, key, uid, labels):
        kind, ns, name = key
        api = {'NetworkPolicy': 'networking.k8s.io/v1',
               'ClusterNetworkPolicy': WIDE[self.wide],
               'CiliumNetworkPolicy': 'cilium.io/v2'}.get(kind, 'v1')
        spec = {'NetworkPolicy': {'podSelector': {}},
                'ClusterNetworkPolicy': {
                    'tier': 'Admin', 'priority': 1,
                    'subject': {'namespaces': {}}},
                'CiliumNetworkPolicy': {'endpointSelector': {},
                                        'ingress': [{}]},
                'Pod': {'nodeName': 'n', 'containers': []}}.get(kind)
        obj = {'apiVersion': api, 'kind': kind, 'metadata': {
            'name': name, 'uid': uid, 'labels': labels,
            'annotations': {'note': 'a\0b \\u0000'}}}
        if ns:
            obj['metadata']['namespace'] = ns
        if kind == 'Pod' and name in ('o6', 'o7'):  # static ones
            obj['metadata']['uid'] = f'mirror-{uid}'
            obj['metadata']['annotations']['kubernetes.io/config.mirror'] = uid
        if spec is not None:
            obj['spec'] = spec
        return obj

    def paths(self):
        return {**PATHS, 'ClusterNetworkPolicy':
                f'/apis/{WIDE[self.wide]}/clusternetworkpolicies'}

    def version(self):
        """Another one of an API is served now, and the one before is not."""
        path = self.paths()['ClusterNetworkPolicy']
        self.wide = 1 - self.wide
        self.server.ask('serve', path=path, api=WIDE[self.wide])

    def put(self):
        kind = self.random.choice(list(self.paths()))
        ns = '' if kind in WITHOUT else self.random.choice('xy')
        key = kind, ns, f'o{self.random.randrange(8)}'
        if key in self.objects:
            uid = self.objects[key][0]
        else:
            self.born += 1
            uid = f'uid-{self.born}'
        labels = {'l': str(self.random.randrange(5))}
        self.objects[key] = uid, labels
        self.server.ask('put', object=self.body(key, uid, labels))

    def delete(self):
        if not self.objects:
            return
        key = self.random.choice(sorted(self.objects))
        self.server.ask('del', object=self.body(key, *self.objects.pop(key)))

    def again(self):
        """The same name, another object."""
        if not self.objects:
            return
        key = self.random.choice(sorted(self.objects))
        self.server.ask('del', object=self.body(key, *self.objects[key]))
        self.born += 1
        self.objects[key] = f'uid-{self.born}', {'l': 'again'}
        self.server.ask('put', object=self.body(key, *self.objects[key]))

    def garble(self):
        """An object that is never to be had, and must not hide another one."""
        kind = self.random.choice(list(self.paths()))
        ns = '' if kind in WITHOUT else 'x'
        body = self.body((kind, ns, f'g{self.random.randrange(2)}'), 'g', {})
        deep = []
        for _ in range(70):
            deep = [deep]
        body['deep'] = deep
        self.server.ask(self.random.choice(('put', 'put', 'del')), object=body)

    def fault(self):
        path = self.random.choice(list(self.paths().values()))
        on = self.random.choice(('list', 'watch'))
        do = self.random.choice(ON_LIST if on == 'list' else ON_WATCH)
        self.server.fault(path, on, do, self.random.choice((1, 1, 2)))

    def compact(self):
        self.server.ask('compact',
                        path=self.random.choice(list(self.paths().values())))

    def streams(self):
        """It is another server now, of another release."""
        self.server.ask('watchlist', on=self.random.random() < 0.7)

    def cut(self):
        self.server.ask('cut')

    def step(self):
        self.random.choice((self.put,) * 8 + (
            self.delete, self.delete, self.again, self.garble, self.fault, self.fault,
            self.compact, self.cut, self.version, self.streams))()
        if self.random.random() < 0.1:
            time.sleep(0.05)

    # ---- the end ----

    def want(self):
        out = []
        for (kind, ns, name), (uid, labels) in self.objects.items():
            tail = ''
            if kind == 'Pod':
                tail = ' io.cilium.k8s.policy.serviceaccount=default ' \
                    f'l={labels["l"]}'
            out.append(f'{kind} {ns}/{name} {uid}{tail}')
        return sorted(out)

    def have(self):
        self.client.stdin.write('?\n')
        self.client.stdin.flush()
        out = []
        while True:
            line = self.client.stdout.readline()
            if not line:
                raise Fail('the client ended')
            if line == '.\n':
                return sorted(out)
            out.append(line.rstrip())

    def settle(self, number):
        self.server.ask('calm')
        want, until = self.want(), time.monotonic() + 60
        while True:
            have = self.have()
            if have == want:
                return
            if time.monotonic() > until:
                raise Fail(f'round {number} of seed {SEED}:',
                           *(f'- {x}' for x in want if x not in have),
                           *(f'+ {x}' for x in have if x not in want))
            time.sleep(0.05)


class Joined(History):
    """Endpoints that move between slices, and identities: pods are what both
    say together."""
    identities = '/apis/cilium.io/v2/ciliumidentities'
    slices = '/apis/cilium.io/v2alpha1/ciliumendpointslices'

    def __init__(self, folder):
        super().__init__(folder)
        self.members = {f's{i}': [] for i in range(4)}
        self.home = {}  # pod -> its slice
        self.apps = {300 + i: f'a{i}' for i in range(6)}
        self.server.ask('put', object={
            'apiVersion': 'v1', 'kind': 'Node', 'metadata': {'name': 'far'},
            'status': {'addresses': [{'type': 'InternalIP',
                                      'address': '10.0.0.9'}]}})
        for number in self.apps:
            self.identity(number)
        self.move()

    def identity(self, number):
        self.server.ask('put', object={
            'apiVersion': 'cilium.io/v2', 'kind': 'CiliumIdentity',
            'metadata': {'name': str(number)}, 'security-labels': {
                'k8s:app': self.apps[number],
                'k8s:io.kubernetes.pod.namespace': 'x'}})

    def tell(self, name):
        self.server.ask('put', object={
            'apiVersion': 'cilium.io/v2alpha1', 'kind': 'CiliumEndpointSlice',
            'metadata': {'name': name}, 'namespace': 'x', 'endpoints': [
                {'name': pod, 'id': number, 'networking': {
                    'node': '10.0.0.9',
                    'addressing': [{'ipv4': f'10.1.0.{pod[1:]}'}]}}
                for pod, number in self.members[name]]})

    def leave(self, pod):
        name = self.home.pop(pod)
        self.members[name] = [m for m in self.members[name] if m[0] != pod]
        return name

    def move(self):
        """To another slice, which tells of it before the first one lets go."""
        pod = f'p{self.random.randrange(1, 13)}'
        was = self.leave(pod) if pod in self.home else None
        now = self.random.choice(sorted(self.members))
        self.members[now].append((pod, self.random.choice(sorted(self.apps))))
        self.home[pod] = now
        self.tell(now)
        if was not in (None, now):
            self.tell(was)

    def put(self):
        self.random.choice((self.move, self.move, self.relabel))()

    def relabel(self):
        number = self.random.choice(sorted(self.apps))
        self.apps[number] = f'b{self.random.randrange(6)}'
        self.identity(number)

    def delete(self):
        if len(self.home) > 1:  # of none it would not be known who tells
            self.tell(self.leave(self.random.choice(sorted(self.home))))

    again = garble = version = delete

    def paths(self):
        return {'CiliumIdentity': self.identities,
                'CiliumEndpointSlice': self.slices}

    def want(self):
        return sorted(
            ['Node /far uid--far'] + [
                f'Pod x/{pod} kube:endpoints app={self.apps[number]}'
                for members in self.members.values()
                for pod, number in members])


def play(history_class, rounds):
    with tempfile.TemporaryDirectory(prefix='wd-histories-') as folder:
        history = history_class(folder)
        try:
            for number in range(rounds):
                for _ in range(STEPS):
                    history.step()
                history.settle(number)
            asked = len(history.server.ask('requests')['requests'])
            print(f'# {rounds * STEPS} steps, {history.born} objects, '
                  f'{asked} requests')
        finally:
            history.close()


def lists_of(history, path):
    return [q for p, q in history.server.ask('requests')['requests']
            if p == path and 'resourceVersion' not in q]


def wait_for_lists(history, path, cnt):
    until = time.monotonic() + 60
    while len(lists_of(history, path)) < cnt:
        if time.monotonic() > until:
            raise Fail(f'not listed: {path}')
        time.sleep(0.02)


def with_server(function):
    with tempfile.TemporaryDirectory(prefix='wd-histories-') as folder:
        history = History(folder)
        try:
            function(history, PATHS['Pod'])
        finally:
            history.close()


def breaks_off(history, path, fault):
    server, pod = history.server, ('Pod', 'x', f'late-{fault}')
    cnt = len(lists_of(history, path))
    server.fault(path, 'list', fault, 100)
    server.ask('watchlist', on=True)
    server.ask('compact', path=path, cut=True)
    # in pages an unmarked one is whole
    wait_for_lists(history, path, cnt + (1 if fault == 'unmarked' else 4))
    missing = [x for x in history.want() if x not in history.have()]
    expect([], missing, f'what went, {fault}')
    history.objects[pod] = f'uid-{fault}', {'l': '1'}
    server.ask('put', object=history.body(pod, *history.objects[pod]))
    history.settle(fault)


def ends_nothing_that_was_there(history, path):
    for i in range(8):
        key = 'Pod', 'x', f'o{i}'
        history.objects[key] = f'uid-{i}', {'l': '0'}
        history.server.ask('put', object=history.body(key,
                                                      *history.objects[key]))
    history.settle('first')
    for fault in ('torn', 'endless', 'unmarked'):
        breaks_off(history, path, fault)


def a_streamed_list_that_breaks_off_takes_nothing_away():
    with_server(ends_nothing_that_was_there)


def is_asked_in_pages(history, path):
    """By a server that refuses, but for a question now and then."""
    history.server.ask('watchlist', on=False)
    history.settle('first')
    for _ in range(12):
        cnt = len(lists_of(history, path))
        history.server.ask('compact', path=path, cut=True)
        wait_for_lists(history, path, cnt + 1)
        history.settle('again')
    lists = lists_of(history, path)
    streamed = [q for q in lists if 'sendInitialEvents' in q]
    expect(True, len(streamed) < len(lists) - len(streamed),
           f'{len(streamed)} of {len(lists)} lists asked for as streams')
    history.server.ask('watchlist', on=True)
    until = time.monotonic() + 60
    while 'sendInitialEvents' not in lists_of(history, path)[-1]:
        cnt = len(lists_of(history, path))
        history.server.ask('compact', path=path, cut=True)
        wait_for_lists(history, path, cnt + 1)
        if time.monotonic() > until:
            raise Fail('not asked for a stream again')


def a_server_that_streams_no_lists_is_asked_seldom_and_again():
    with_server(is_asked_in_pages)


def goes_on_in_pages(history, path):
    """Somebody on the way may not be able to do that form alone."""
    history.server.ask('watchlist', on=True)
    history.settle('first')
    cnt = len(lists_of(history, path))
    history.server.fault(path, 'list', '500', 100)
    history.server.ask('compact', path=path, cut=True)
    wait_for_lists(history, path, cnt + 2)
    expect([True, False],
           ['sendInitialEvents' in q
            for q in lists_of(history, path)[cnt:cnt + 2]],
           'asked for as streams')
    history.settle('in pages')


def a_streamed_list_that_fails_is_asked_for_in_pages():
    with_server(goes_on_in_pages)


def follow_a_little(folder, wrapper):
    history = History(folder, wrapper)
    try:
        for number in range(2):
            for _ in range(8):
                history.put()
            history.settle(number)
    finally:
        history.close()


def is_control(at):
    """Is that where a descriptor is given to epoll?"""
    return '\ncontrol\n' in '\n' + subprocess.run(
        ['addr2line', '-f', '-i', '-e', CLIENT,
         hex((at & strike.OFFSET) - 1)],
        text=True, stdout=subprocess.PIPE, check=True).stdout


def a_socket_that_cannot_be_watched_for_a_moment_is_later():
    """The number of epoll's watches has a limit, and others take of it, too."""
    with tempfile.TemporaryDirectory(prefix='wd-histories-') as folder:
        struck = strike.Strike(folder)
        follow_a_little(folder, struck.wrapper)
        places = [(at, what) for (at, what), (kind, calls, _)
                  in struck.sites().items() if kind == 'wait' and calls > 9
                  and struck.module(at) == 'program' and is_control(at)]
        expect(True, len(places) > 1, f'places: {len(places)}')
        for at, what in places:
            struck.arm(strike.FAIL, site=at, whats=1 << what, first=5,
                       err='ENOSPC')
            follow_a_little(folder, struck.wrapper)
            expect(1, struck.calm(), f'struck at {struck.name(at)}')
        struck.close()


def whatever_happens_pods_are_what_slices_and_identities_say():
    play(Joined, JOINED)


def whatever_happens_the_client_has_what_the_server_has():
    play(History, ROUNDS)


def main():
    print(f'# seed {SEED}; WD_SEED= repeats')
    tap = Tap()
    tap.run('whatever_happens_the_client_has_what_the_server_has',
            whatever_happens_the_client_has_what_the_server_has)
    tap.run('whatever_happens_pods_are_what_slices_and_identities_say',
            whatever_happens_pods_are_what_slices_and_identities_say)
    for function in (a_socket_that_cannot_be_watched_for_a_moment_is_later,
                     a_streamed_list_that_breaks_off_takes_nothing_away,
                     a_streamed_list_that_fails_is_asked_for_in_pages,
                     a_server_that_streams_no_lists_is_asked_seldom_and_again):
        tap.run(function.__name__, function)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
