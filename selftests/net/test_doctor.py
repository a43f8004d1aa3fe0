#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""`warder doctor` on a live node: nothing is found on a sound one; then faults are
planted one at a time, each is found with its fix, and gone when it is mended.

    test_doctor.py [PART-OF-A-NAME]
"""
import json
import os
import shutil
import signal
import sys
import tempfile

from wdnet import bpf, frag
from wdnet.node import WARDER, CniError
from wdnet.shared import Shared
from wdnet.solo import Solo, expect_reach, wait_for
from wdnet.tap import Fail, expect

CHAIN = {'cniVersion': '1.0.0', 'name': 'pods',
         'plugins': [{'type': 'ptp'}, {'type': 'warder-cni'}]}
SHARED = Shared()


class Bench:
    def close(self):
        self.c.close()

    def __init__(self):
        self.c = Solo((4, 6))
        self.node = self.c.only_node
        self.srv, self.ok, self.bad = self.c.three()
        self.conf = os.path.join(self.node.dir, 'net.d')
        self.bin = os.path.join(self.node.dir, 'bin')
        for path in (self.conf, self.bin):
            os.makedirs(path)
        os.symlink(WARDER + '-cni', os.path.join(self.bin, 'warder-cni'))
        CHAIN['plugins'][1]['runDir'] = self.node.run_dir
        self.chain(CHAIN)

    def chain(self, conf):
        with open(os.path.join(self.conf, '10-pods.conflist'), 'w',
                  encoding='utf-8') as f:
            json.dump(conf, f)

    def run(self, *args):
        return self.node.ns.run(
            [WARDER, 'doctor', '--run-dir', self.node.run_dir, '--cni-conf',
             self.conf, '--cni-bin', self.bin, *args], check_rc=False)

    def findings(self):
        code, out, err = self.run('--json')
        doc = json.loads(out)
        expect(1 if doc['findings'] else 0, code, err)
        return [(f['check'], f['object']) for f in doc['findings']]

    def plant(self, fault, mend, *want):
        """These are found after one, and none after the other."""
        fault()
        try:
            wait_for(f'{want} is found, and nothing else',
                     lambda: self.findings() == list(want), 40)
            _, out, _ = self.run()
            expect(len(want), out.count('  fix: '), out)
        finally:
            mend()
        wait_for('nothing is found any more',
                 lambda: not self.findings(), 40)

    def as_told(self):
        """Do what the fixes say, word for word."""
        for finding in json.loads(self.run('--json')[1])['findings']:
            self.node.ns.run(['sh', '-c', finding['fix']])

    def plant_cut(self, fault, *want, family=4):
        """A fault that keeps allowed packets back; its fix lets them pass."""
        def cut():
            fault()
            expect_reach(False, self.ok, self.srv, 'planted', family=family)
        self.plant(cut, self.as_told, *want)
        expect_reach(True, self.ok, self.srv, 'as told', family=family)

    def nft(self, text):
        self.node.ns.run(['nft', '-f', '-'], text)

    def sysctl(self, name, value):
        self.node.ns.run(['sysctl', '-qw', f'{name}={value}'])

    def veth(self, pod):
        return next(e['interface'] for e in json.loads(self.node.warder(
            'endpoint', 'list', '--json')[1])['endpoints']
            if e['name'] == pod.name)

    def ifindex(self, device):
        return int(self.node.ns.run(
            ['cat', f'/sys/class/net/{device}/ifindex'])[1])


@SHARED.test
def sound_node_has_no_findings(b):
    wait_for('nothing is found', lambda: not b.findings(), 40)
    code, out, _ = b.run()
    expect((0, True), (code, out.endswith('0 findings\n')), out)


@SHARED.test
def packets_are_not_forwarded(b):
    b.plant_cut(lambda: b.sysctl('net.ipv4.ip_forward', 0),
                ('forwarding', '/proc/sys/net/ipv4/ip_forward'))
    b.plant_cut(lambda: b.sysctl('net.ipv6.conf.all.forwarding', 0),
                ('forwarding', '/proc/sys/net/ipv6/conf/all/forwarding'),
                family=6)


@SHARED.test
def rules_of_others_drop_what_policy_allows(b):
    for rule in (f'oifname "{b.veth(b.srv)}" counter drop',
                 f'ip daddr {{ 192.0.2.1, {b.srv.ips[4]} }} drop'):
        b.plant_cut(lambda rule=rule: b.nft(f'''table ip other {{ chain c {{
type filter hook forward priority 0; policy accept;
{rule}
}}
}}'''),
                    ('rules', 'shop/srv'))
        b.node.ns.run(['nft', 'delete table ip other'])
    b.plant_cut(lambda: b.nft('''table ip other { chain FORWARD {
type filter hook forward priority 0; policy drop;
}
}'''),
                ('rules', 'FORWARD'))
    b.node.ns.run(['nft', 'delete table ip other'])


@SHARED.test
def plugin_is_not_in_the_chain(b):
    b.plant(lambda: b.chain({**CHAIN, 'plugins': CHAIN['plugins'][:1]}),
            lambda: b.chain(CHAIN),
            ('cni', os.path.join(b.conf, '10-pods.conflist')))


@SHARED.test
def audit_was_left_on(b):
    def annotate(**by_space):
        b.c.ns_annotations = by_space
        b.c.apply()
    b.plant(lambda: annotate(shop={'warder.io/mode': 'audit'}), annotate,
            *(('mode', f'shop/{p}') for p in ('srv', 'ok', 'bad')))


@SHARED.test
def object_is_not_enforced_as_written(b):
    def write(text):
        b.c.write('extra.yaml', text)
        b.c.sync()
    b.plant(lambda: write('''apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: odd, namespace: other}
spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/33}}]}]}
'''), lambda: write(None),
            ('objects', os.path.join(b.c.manifests, 'extra.yaml') + ':4'))


@SHARED.test
def program_of_others_goes_first(b):
    """Put behind ours, as the fix says, it may stay."""
    link = []

    def attach(flags):
        link.append(frag.inside(
            b.node.ns, bpf.attach, bpf.SCHED_CLS, bpf.TCX_EGRESS,
            b.ifindex(b.veth(b.srv)), bpf.returns(-1), flags))

    def behind():
        os.close(link.pop())
        attach(0)
    try:
        b.plant(lambda: attach(bpf.BEFORE), behind,
                ('foreign-program', 'shop/srv'))
    finally:
        for fd in link:
            os.close(fd)


def cilium(b, routes_past):
    """Its devices, and what its agent writes down, in the node's own /run."""
    ns = b.node.ns
    ns.run(['mkdir', '-p', '/run/cilium/state'])
    ns.run(['tee', '/run/cilium/state/agent-runtime-config.json'],
           json.dumps({'EnableHostLegacyRouting': not routes_past,
                       'DatapathMode': 'veth'}))
    if ns.run(['ip', 'link', 'show', 'cilium_host'], check_rc=False)[0]:
        ns.run(['ip', 'link', 'add', 'cilium_host', 'type', 'veth', 'peer',
                'name', 'cilium_net'])


def beside(b):
    """How many findings: in status and as the metric says, None while that
    changes between the two questions; and as events."""
    doc = json.loads(b.node.warder('status', '--events', '--json')[1])
    metrics = b.node.warder('metrics')[1]
    number = next(int(line.split()[1]) for line in metrics.splitlines()
                  if line.startswith('warder_beside_findings '))
    told = [e['phase'] for e in doc['happened'] if e['agent'] == 'cni'
            and "past warder's hooks" in e['text']]
    return number if number == len(doc['beside']) else None, told


def refusal(b, command, *args):
    """What a runtime is told of a pod that runs already: None, or the code
    and whether it is for Cilium."""
    try:
        b.node.cni(command, 'warder-cni', b.bad, *args)
    except CniError as err:
        return err.doc['code'], 'hostLegacyRouting=true' in err.doc['msg']
    return None


def expect_plugin(b, add, status):
    expect(add, refusal(b, 'ADD', b.bad.result), 'a new pod')
    expect(status, refusal(b, 'STATUS', None, '1.1.0'), 'whether one may come')


def is_ready(b):
    return b.node.warder('status', '--wait=1', ok=None)[0] == 0


@SHARED.test
def no_pod_is_let_in_beside_a_cilium_that_goes_past_the_hooks(b):
    """The rest goes on, after a start as well, and it is told."""
    b.node.ns.run(['mount', '-t', 'tmpfs', 'none', '/run'])
    try:
        cilium(b, False)
        expect((0, []), beside(b), 'of one that routes by the stack')
        cilium(b, True)
        wait_for('the running agent finds it', lambda: beside(b) ==
                 (1, ['begins']), 40)
        text = b.node.warder('status')[1]
        expect(True, 'NOT ENFORCED' in text
               and 'bpf.hostLegacyRouting=true' in text, text)
        b.node.ns.run(['rm', '-r', '/run/cilium/state'])
        wait_for('it is told that this is not known any more', lambda: 'is not'
                 ' known' in b.node.warder('status')[1], 40)
        expect(1, beside(b)[0], 'what was found is not forgotten by that')
        cilium(b, True)
        args = list(b.node.agent_args)
        b.node.stop_agent()
        b.node.start_agent(wait=False)
        wait_for('it starts all the same', lambda: b.node.warder(
            'status', ok=None)[0] == 0, 40)
        expect((1, ['begins']), beside(b), 'of an agent that starts beside it')
        expect(False, is_ready(b), 'as the probe asks')
        expect_plugin(b, (11, True), (50, True))
        expect_reach(True, b.ok, b.srv, 'who may')
        expect_reach(False, b.bad, b.srv, 'who may not')
        b.node.stop_agent()
        b.node.start_agent(*args, '--beside-cilium', 'allow')
        expect(1, beside(b)[0], 'of an agent that was told to let them in')
        expect_plugin(b, None, None)
        cilium(b, False)
        wait_for('it is over', lambda: beside(b) == (0, ['begins', 'ends']),
                 40)
    finally:
        b.node.ns.run(['ip', 'link', 'del', 'cilium_host'], check_rc=False)
        b.node.ns.run(['umount', '/run'])
        b.node.agent_args = [a for a in b.node.agent_args
                             if a not in ('--beside-cilium', 'allow')]
        if b.node.agent:
            b.node.stop_agent()
        b.node.start_agent()


@SHARED.test
def agent_is_gone(b):
    b.plant(lambda: b.node.stop_agent(signal.SIGKILL),
            b.node.start_agent, ('agent', b.node.run_dir))


@SHARED.test
def who_is_not_root_is_told_so_in_words(b):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # the build may be nobody's to enter
        program = shutil.copy(WARDER, folder)

        def ask(*words):
            return b.node.ns.run(
                ['setpriv', '--reuid', '65534', '--regid', '65534',
                 '--clear-groups', program, *words, '--run-dir',
                 b.node.run_dir], check_rc=False)
        _, out, err = ask('doctor')
        expect('', err, 'what a library says itself')
        for what in ('agent', 'rules'):
            if f'not looked at: {what}: only root may' not in out:
                raise Fail(f'{what}: not told why', out)
        _, _, err = ask('flow', 'list', '--bpffs', b.node.bpffs)
        if 'only root may' not in err:
            raise Fail('not told why', err)


if __name__ == '__main__':
    sys.exit(SHARED.main(Bench))
