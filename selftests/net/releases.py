#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""An agent of an earlier day is upgraded to this one and rolled back to itself,
under traffic: other programs, other maps, other files of state.

    releases.py [FOLDER-WITH-A-BUILD | COMMIT]...

Others are built from what git has of COMMIT; without git or the commit the test is
skipped. All the while one client gets every answer, also on a connection that is
older than all of it, and another none; pods stay, or come under one version
and go under the other.
"""
import os
import subprocess
import sys
import tempfile

from test_crash import Traffic, drops
from wdnet import node as node_module
from wdnet.solo import Solo, expect_reach, ingress_policy, note
from wdnet.tap import Fail, Tap, expect

SKIPPED = 4
TURNS = 3  # there and back
# A day on which something that is kept was another: the last of each kind.
COMMITS = (
    'abbcd5f',  # maps of the same schema, other programs
    'cf0c500',  # the last with maps of schema 9
)
JOBS = os.environ.get('WD_JOBS') or str(os.cpu_count())


def build(commit, folder):
    """The programs as they were at @commit; None if nobody knows it here."""
    tree = os.path.join(folder, 'tree-' + commit)
    os.makedirs(tree)
    with subprocess.Popen(['git', '-C', node_module.TOP, 'archive', commit],
                          stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as git, \
            subprocess.Popen(['tar', 'x', '-C', tree], stdin=git.stdout,
                             stderr=subprocess.DEVNULL) as tar:
        git.stdout.close()
        if tar.wait(120) or git.wait(120):
            return None
    done = subprocess.run(['make', '-C', tree, '-j' + JOBS, 'O=build', 'all'],
                          text=True, stdout=subprocess.PIPE, timeout=1800,
                          stderr=subprocess.STDOUT, check=False, env={
                              k: v for k, v in os.environ.items()
                              if not k.startswith(('MAKE', 'MFLAGS'))})
    if done.returncode:
        raise Fail(f'{commit} cannot be built', done.stdout[-2000:])
    return os.path.join(tree, 'build')


class Versions:
    """@other: the folder with the programs of the other version."""

    def __init__(self, other):
        self.c = Solo()
        self.node = self.c.only_node
        self.new = (node_module.WARDER, node_module.WARDER_CNI)
        self.old = tuple(os.path.join(other, os.path.basename(p))
                         for p in self.new)

    def is_of(self, version):
        node_module.WARDER, node_module.WARDER_CNI = version

    def turn_to(self, version, how):
        """What systemd does when a package was replaced; or a crash."""
        self.node.stop_agent(how)
        self.is_of(version)
        self.node.start_agent(wait=False)
        self.node.wait_ready()

    def one_more(self, number):
        """A pod that comes now. `bad` is its label."""
        pod = self.c.make_pod(f'more{number}', 30 + number, {'app': 'bad'})
        self.c.run_pods([pod])
        return pod

    def close(self):
        self.is_of(self.new)
        self.c.close()


def in_words(status):
    maps = status['replaced_maps']
    if maps:
        return f'maps of schema {maps["schema_before"]} replaced by ' \
            f'{maps["schema"]}'
    if not status['swapped']:
        raise Fail('neither maps nor programs were replaced')
    return 'maps taken over, programs exchanged'


def turns(v, pods):
    """Returns a line for each turn."""
    srv, ok, bad = pods
    told, guests = [], []
    traffic = Traffic(srv, ok, bad)
    before = drops(v.node)
    try:
        for i in range(2 * TURNS):
            version = v.new if i % 2 == 0 else v.old
            v.turn_to(version, 15 if i % 4 < 2 else 9)
            status = v.node.status()
            expect(3 + len(guests), status['endpoints']['enforced'],
                   f'endpoints enforced after turn {i}')
            told.append(f'turn {i} to the {"new" if version is v.new else "old"}'
                        ' one: ' + in_words(status))
            try:
                traffic.check()
            except Fail as e:
                raise Fail(f'turn {i}:', *e.lines) from None
            if guests:
                v.c.delete(guests.pop())
            if i % 2 == 0 or i == 2 * TURNS - 1:
                guests.append(v.one_more(i))
                expect_reach(False, guests[-1], srv, f'turn {i}')
            change(v, i, pods)
    finally:
        traffic.pause()
    traffic.check(final=True)
    expect({}, {k: n for k, n in drops(v.node).items()
                if n != before.get(k)}, 'drops that nothing explains')
    return told


def change(v, i, pods):
    """Each version follows what changes; it touches no stream."""
    v.c.policies = [v.c.policies[0],
                    ingress_policy('more', 'srv', f'nobody{i}')]
    v.c.apply()
    expect_reach(True, pods[1], pods[0], f'after the change of turn {i}')


def back_and_forth(v):
    v.is_of(v.old)
    v.node.stop_agent()
    v.node.warder('stop', '--detach', '--bpffs', v.node.bpffs)
    v.node.start_agent()
    pods = v.c.three()
    for line in turns(v, pods):
        note(line)


def nothing_is_left(v):
    """What either has pinned, the present one can end."""
    v.turn_to(v.old, 15)
    v.node.stop_agent()
    v.is_of(v.new)
    code, out, err = v.node.ns.run(
        [node_module.WARDER, 'stop', '--detach', '--run-dir', v.node.run_dir,
         '--bpffs', v.node.bpffs], check_rc=False)
    expect(0, code, 'stop --detach: ' + out + err)
    path = f'/proc/{v.node.host.pid}/root{v.node.bpffs}'
    expect([], os.listdir(path) if os.path.exists(path) else [], 'pins')
    for what in (['tc', 'qdisc', 'show'], ['nft', 'list', 'tables']):
        left = v.node.ns.run(what)[1]
        if 'clsact' in left or 'warder' in left:
            raise Fail('left:', left)
    expect_reach(True, v.c.pod('shop/bad'), v.c.pod('shop/srv'), 'at last')


def look_at(tap, other, name):
    v = Versions(other)
    try:
        tap.run(f'{name}: upgraded and rolled back under traffic',
                back_and_forth, v)
        tap.run(f'{name}: the present one ends what that one left',
                nothing_is_left, v)
        if tap.failed:
            tap.say(v.node.log_tail(40))
    finally:
        v.close()


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix='wd-releases-') as folder:
        for name in sys.argv[1:] or COMMITS:
            other = name if os.path.isdir(name) else build(name, folder)
            if other is None:
                print(f'git does not know {name}')
                return SKIPPED
            look_at(tap, other, name)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
