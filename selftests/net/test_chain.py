#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The plugin in the chain of a node: `warder cni` puts it there and takes it out,
and an agent with --cni-conf keeps it there, whoever writes the file anew."""
import json
import os
import shutil
import sys
import tempfile

from wdnet.node import WARDER
from wdnet.shared import Shared
from wdnet.solo import Solo, wait_for
from wdnet.tap import Fail, expect

CHAIN = {'cniVersion': '1.0.0', 'name': 'pods',
         'plugins': [{'type': 'ptp'}, {'type': 'portmap'}]}
SHARED = Shared()


class Bench:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='wd-chain-')
        self.conf = os.path.join(self.dir, 'net.d')
        self.bin = os.path.join(self.dir, 'bin')
        self.file = os.path.join(self.conf, '10-pods.conflist')
        os.mkdir(self.bin)
        try:
            self.c = Solo(agent_args=('--cni-conf', self.conf))
        except BaseException:
            shutil.rmtree(self.dir)
            raise
        self.node = self.c.only_node

    def close(self):
        self.c.close()
        shutil.rmtree(self.dir)

    def write(self, doc=None, rename=True):
        """As plugins do it: beside it, then the name."""
        path = self.file + '.new' if rename else self.file
        with open(path, 'w', encoding='utf-8') as f:
            f.write(json.dumps(doc or CHAIN))
        if rename:
            os.rename(path, self.file)

    def types(self):
        with open(self.file, encoding='utf-8') as f:
            text = f.read()
        return [p['type'] for p in json.loads(text)['plugins']] if text else []

    def is_there(self):
        return self.types()[-1:] == ['warder-cni']

    def cni(self, verb, *more, code=0):
        got, out, err = self.node.ns.run(
            [WARDER, 'cni', verb, '--cni-conf', self.conf, '--cni-bin',
             self.bin, '--run-dir', self.node.run_dir, *more], check_rc=False)
        expect(code, got, f'{verb}: {out}{err}')
        return out + err

    def told(self):
        doc = json.loads(self.node.warder('status', '--events', '--json')[1])
        return [e['text'] for e in doc['happened'] if e['agent'] == 'cni']


@SHARED.test
def test_agent_waits_for_a_chain_to_come(b):
    wait_for('it is told', lambda: any('yet' in t for t in b.told()))
    os.mkdir(b.conf)
    b.write()
    wait_for('the plugin is there', b.is_there)
    wait_for('its end is told', lambda: 'again' in b.told()[-1])


@SHARED.test
def test_agent_puts_it_back(b):
    for rename in (True, False, True):
        b.write(rename=rename)
        wait_for(f'the plugin is back, renamed: {rename}', b.is_there)
        expect(3, len(b.types()), 'plugins')
    os.unlink(b.file)
    shutil.rmtree(b.conf)
    os.mkdir(b.conf)
    b.write()
    wait_for('the plugin is in a directory that was made anew', b.is_there)


@SHARED.test
def test_agent_tells_what_it_cannot_chain(b):
    b.write({'cniVersion': '1.0.0', 'name': 'pods', 'type': 'ptp'})
    wait_for('it is told', lambda: 'has to become a .conflist' in b.told()[-1])
    b.write()
    wait_for('the plugin is there', b.is_there)


@SHARED.test
def test_agent_tells_who_takes_it_out_again_and_again(b):
    """It gives way to nobody, but neither fills the log nor wears the disk."""
    def is_told():
        if b.is_there():
            b.write()
        return 'again and again' in b.told()[-1]
    wait_for('it is told', is_told)
    before = len(b.told())
    b.write()
    wait_for('the plugin is back', b.is_there)
    expect(before, len(b.told()), 'what is told of it')


@SHARED.test
def test_without_the_option_nobody_puts_it_back(b):
    b.node.stop_agent()
    b.node.agent_args = []
    b.node.start_agent()
    b.write()
    b.node.sync()
    expect(False, b.is_there(), 'the plugin is in the chain')
    b.cni('check', code=1)


@SHARED.test
def test_install_check_uninstall(b):
    plugin = os.path.join(b.bin, 'warder-cni')
    os.unlink(b.file)
    if 'install the primary plugin first' not in b.cni('install', code=1):
        raise Fail('what to do is not said')
    b.cni('install', '--later')
    expect(True, os.access(plugin, os.X_OK), 'the program is there')
    b.write()
    doc = json.loads(b.cni('install', '--json'))
    expect((True, False), (doc['changed'], doc['copied']), doc)
    b.cni('check')
    doc = json.loads(b.cni('install', '--json'))
    expect((False, False), (doc['changed'], doc['copied']), doc)
    code, out, _ = b.node.ns.run([plugin], '', {'CNI_COMMAND': 'VERSION'},
                                 False)
    expect(0, code, out)
    named = os.path.join(b.conf, '05-pods.conf')
    shutil.copy(b.file, named)
    if 'ends in .conflist' not in b.cni('check', code=1):
        raise Fail('nothing is said of a list that runtimes read as none')
    os.unlink(named)
    doc = json.loads(b.cni('uninstall', '--json'))
    expect({'chains': 1, 'programs': 1}, doc, 'what was removed')
    with open(b.file, encoding='utf-8') as f:
        expect(json.dumps(CHAIN), f.read(), 'the chain, to the byte')
    expect([], os.listdir(b.bin), 'what is left')
    b.cni('check', code=1)


@SHARED.test
def test_static_plugin_is_the_plugin(b):
    """It needs no library of the node, and says the same."""
    static = WARDER + '-cni-static'
    b.cni('install', '--plugin', static)
    path = os.path.join(b.bin, 'warder-cni')
    empty = os.path.join(b.dir, 'empty')
    os.makedirs(empty)
    shutil.copy(path, empty)
    code, out, err = b.node.ns.run(
        ['chroot', empty, '/warder-cni'], '', {
            'CNI_COMMAND': 'VERSION', 'PATH': os.environ['PATH']}, False)
    expect(0, code, out + err)
    expect('1.1.0', json.loads(out)['supportedVersions'][-1], out)


if __name__ == '__main__':
    sys.exit(SHARED.main(Bench))
