#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a server that is another cluster's can make its follower keep: so much,
and what was there before stays.
"""
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'net'))
from wdnet.kube import ApiServer, kubeconfig  # noqa: E402
from wdnet.tap import Fail, Tap, expect  # noqa: E402

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else 'build')
CLIENT = os.path.join(BUILD, 'selftests', 'kube', 'kube_client')
ROOM = 1 << 20
FULL = 'it tells of more than there is room for'
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Follower:
    def __init__(self, folder, room, *objects):
        self.server = ApiServer(None, '--quick')
        self.put(*objects)
        config = kubeconfig(os.path.join(folder, 'config'),
                            f'http://127.0.0.1:{self.server.port}')
        self.client = subprocess.Popen(
            [CLIENT, config, '3600', 'room', str(room)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def put(self, *objects):
        self.server.ask('puts', objects=objects)

    def ask(self, line):
        self.client.stdin.write(line + '\n')
        self.client.stdin.flush()
        out = []
        while True:
            line = self.client.stdout.readline()
            if not line:
                raise Fail('the client ended')
            if line == '.\n':
                return out
            out.append(line.rstrip())

    def pods(self):
        return {line.split()[1].partition('/')[2]: line.rpartition(' ')[2]
                for line in self.ask('?') if line.startswith('Pod ')}

    def peak_mib(self):
        with open(f'/proc/{self.client.pid}/status', encoding='ascii') as f:
            return next(int(line.split()[1]) // 1024 for line in f
                        if line.startswith('VmHWM'))

    def wait(self, what, check):
        until = time.monotonic() + 120
        while not check():
            if time.monotonic() > until:
                raise Fail(f'not in time: {what}', *self.ask('p')[:5])
            time.sleep(0.1)

    def close(self):
        self.client.stdin.close()
        self.client.wait(60)
        self.client.stdout.close()
        self.server.close()


def pod(name, app='a', **labels):
    return {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {
        'name': name, 'namespace': 'x', 'labels': {**labels, 'z': app}},
            'spec': {'nodeName': 'n', 'containers': []},
            'status': {'podIP': '10.1.0.1'}}


NODE = {'apiVersion': 'v1', 'kind': 'Node', 'metadata': {'name': 'n'},
        'status': {'addresses': [{'type': 'InternalIP',
                                  'address': '10.0.0.9'}]}}
IDENTITY = {'apiVersion': 'cilium.io/v2', 'kind': 'CiliumIdentity',
            'metadata': {'name': '300'}, 'security-labels': {
                'k8s:z': 'a', 'k8s:io.kubernetes.pod.namespace': 'x'}}


def slice_of(name, *members, more=()):
    return {'apiVersion': 'cilium.io/v2alpha1', 'kind': 'CiliumEndpointSlice',
            'metadata': {'name': name}, 'namespace': 'x', 'endpoints': [
                {'name': member, 'id': 300, 'networking': {
                    'node': '10.0.0.9', 'addressing': [
                        {'ipv4': '10.1.0.1'}, *more]}}
                for member in members]}


@test
def what_has_no_room_is_left_out_and_what_was_there_stays(folder):
    f = Follower(folder, ROOM, *(pod(f'p{i}') for i in range(10)))
    try:
        f.wait('the first pods', lambda: len(f.pods()) == 10)
        huge = {f'k{i}': 'v' * 60 for i in range(1000)}
        f.put(*(pod(f'q{i}', str(i), **huge) for i in range(30)),
              pod('p3', 'b', **huge), pod('p4', 'b'))
        f.wait('what comes last', lambda: f.pods().get('p4') == 'z=b' or
               any(p.startswith('Pod: ') for p in f.ask('p')))
        f.wait('it is told', lambda: any(FULL in p for p in f.ask('p')))
        have = f.pods()
        expect('z=a', have.get('p3'), 'the pod that was to become large')
        if not 10 <= len(have) < 30:
            raise Fail(f'{len(have)} pods with room for {ROOM} bytes')
        for i in range(30):
            f.server.ask('del', object=pod(f'q{i}'))
        f.put(pod('p5', 'b'))
        f.wait('room again', lambda: f.pods().get('p5') == 'z=b')
        expect({f'p{i}' for i in range(10)}, set(f.pods()), 'pods')
    finally:
        f.close()


@test
def objects_without_end_take_no_memory_without_end(folder):
    f = Follower(folder, ROOM, NODE, IDENTITY, pod('p'))
    try:
        f.wait('the first pod', lambda: f.pods())
        for n in range(2):
            f.put(*(pod(f'{n}-{i}') for i in range(8000)))
            f.put(*(slice_of(f's{n}-{i}') for i in range(4000)))
        f.wait('it is told', lambda: any(FULL in p for p in f.ask('p')))
        f.put(pod('p', 'b'))
        f.wait('what was there is followed', lambda: f.pods()['p'] == 'z=b')
        if len(f.ask('p')) > 3500:
            raise Fail('problems without end')
        if len(f.pods()) > 2000 or f.peak_mib() > 96:
            raise Fail(f'{len(f.pods())} pods, {f.peak_mib()} MiB')
        print(f'# {len(f.pods())} pods, {f.peak_mib()} MiB')
    finally:
        f.close()


@test
def a_slice_of_very_many_is_read_and_read_again(folder):
    names = [f'p{i}' for i in range(40000)]
    f = Follower(folder, 1 << 30, NODE, IDENTITY, slice_of('one', *names))
    try:
        f.wait('its pods', lambda: len(f.pods()) == len(names))
        f.put(slice_of('one', *reversed(names[1:]), 'last'))
        f.wait('the other way round', lambda: 'last' in f.pods())
        expect((40000, False), (len(f.pods()), 'p0' in f.pods()), 'pods')
    finally:
        f.close()


@test
def what_no_slice_says_is_refused_as_a_whole(folder):
    many = [{'ipv6': f'fd00::{i:x}'} for i in range(1, 1100)]
    f = Follower(folder, ROOM, NODE, IDENTITY,
                 *(slice_of(f's{i}', 'p') for i in range(20)))
    try:
        f.wait('its pod', lambda: set(f.pods()) == {'p'})
        f.put(slice_of('twins', 'a', 'b', 'a'),
              slice_of('long', 'c', more=many), slice_of('good', 'd'))
        f.wait('the good one', lambda: 'd' in f.pods())
        expect({'p', 'd'}, set(f.pods()), 'pods')
        text = '\n'.join(f.ask('p'))
        for want in ("has the pod 'a' twice", 'more than 1024 addresses',
                     "tells of the pod 'p', as 16 others do"):
            if want not in text:
                raise Fail(f'not told: {want}', text)
    finally:
        f.close()


def main():
    tap = Tap()
    for function in TESTS:
        with tempfile.TemporaryDirectory(prefix='wd-room-') as folder:
            tap.run(function.__name__, function, folder)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
