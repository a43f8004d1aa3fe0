#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The manifests of tools/kubernetes say only what the API server knows, fit each
other, and give the agent what its systemd unit gives it; the image has all that
they call, and runs without anything else.

    test_manifests.py BUILD

The schemas are those parts of the server's that the manifests use. A field that is
not here is an error: look it up, then add it.
"""
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile

import yaml

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
WHERE = os.path.join(TOP, 'tools', 'kubernetes')
UNIT = 'tools/packaging/systemd/warder.service'

STR, INT, BOOL = str, int, bool
MAP = {'*': STR}
# Folders that an overlay may add, and the rights that each brings.
COMPONENTS = {
    'report-node': [('', 'nodes/status', ['patch'])],
    'report-events': [('events.k8s.io', 'events', ['create', 'patch'])]}
PATCH = {'target!': {'kind!': STR, 'name!': STR}, 'patch!': STR}
COMPONENT = {
    'apiVersion!': {'kustomize.config.k8s.io/v1alpha1'},
    'kind!': {'Component'}, 'resources': [STR], 'patches': [PATCH]}
META = {'name!': STR, 'namespace': STR, 'labels': MAP, 'annotations': MAP}
EXEC = {'exec': {'command!': [STR]}, 'initialDelaySeconds': INT,
        'periodSeconds': INT, 'timeoutSeconds': INT, 'failureThreshold': INT}
PROFILE = {'type!': {'RuntimeDefault', 'Unconfined', 'Localhost'}}
CONTAINER = {
    'name!': STR, 'image!': STR, 'command': [STR],
    'env': [{'name!': STR, 'value': STR, 'valueFrom': {
        'fieldRef': {'fieldPath!': {'spec.nodeName'}}}}],
    'securityContext': {
        'runAsUser': INT, 'privileged': BOOL, 'readOnlyRootFilesystem': BOOL,
        'allowPrivilegeEscalation': BOOL, 'seccompProfile': PROFILE,
        'appArmorProfile': PROFILE,
        'capabilities': {'add': [STR], 'drop': [STR]}},
    'readinessProbe': EXEC, 'livenessProbe': EXEC,
    'resources': {'requests': MAP, 'limits': MAP},
    'volumeMounts': [{'name!': STR, 'mountPath!': STR, 'readOnly': BOOL,
                      'mountPropagation': {'HostToContainer', 'None'}}]}
POD = {
    'serviceAccountName': STR, 'automountServiceAccountToken': BOOL,
    'hostNetwork': BOOL, 'hostPID': BOOL,
    'priorityClassName': {'system-node-critical'}, 'nodeSelector': MAP,
    'dnsPolicy': {'Default', 'ClusterFirst', 'ClusterFirstWithHostNet'},
    'terminationGracePeriodSeconds': INT,
    'tolerations': [{'operator!': {'Exists', 'Equal'}}],
    'initContainers': [CONTAINER], 'containers!': [CONTAINER],
    'volumes': [{'name!': STR, 'configMap': {'name!': STR}, 'hostPath': {
        'path!': STR, 'type': {'Directory', 'DirectoryOrCreate'}}}]}
ROLE = {'apiGroup': STR, 'kind!': STR, 'name!': STR, 'namespace': STR}
LIMITED = {
    'nominalConcurrencyShares': INT, 'lendablePercent': INT,
    'limitResponse!': {'type!': {'Queue', 'Reject'}, 'queuing': {
        'queues': INT, 'handSize': INT, 'queueLengthLimit': INT}}}
FLOW_RULE = {
    'subjects!': [{'kind!': {'ServiceAccount'}, 'serviceAccount': {
        'name!': STR, 'namespace!': STR}}],
    'resourceRules': [{'verbs!': [STR], 'apiGroups!': [STR],
                       'resources!': [STR], 'namespaces': [STR],
                       'clusterScope': BOOL}]}
SCHEMAS = {
    ('v1', 'ServiceAccount'): {},
    ('v1', 'ConfigMap'): {'data': MAP},
    ('rbac.authorization.k8s.io/v1', 'ClusterRole'): {'rules!': [{
        'apiGroups!': [STR], 'resources!': [STR], 'verbs!': [STR]}]},
    ('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding'): {
        'roleRef!': ROLE, 'subjects!': [ROLE]},
    ('flowcontrol.apiserver.k8s.io/v1', 'PriorityLevelConfiguration'): {
        'spec!': {'type!': {'Limited', 'Exempt'}, 'limited': LIMITED}},
    ('flowcontrol.apiserver.k8s.io/v1', 'FlowSchema'): {'spec!': {
        'matchingPrecedence!': INT, 'priorityLevelConfiguration!': {
            'name!': STR}, 'rules!': [FLOW_RULE]}},
    ('apps/v1', 'DaemonSet'): {'spec!': {
        'selector!': {'matchLabels!': MAP},
        'updateStrategy': {'type!': {'RollingUpdate', 'OnDelete'},
                           'rollingUpdate': {'maxUnavailable': STR}},
        'template!': {'metadata!': {'labels!': MAP, 'annotations': MAP},
                      'spec!': POD}}},
}


def read(path):
    with open(os.path.join(TOP, path), encoding='utf-8') as f:
        return f.read()


def unlike(value, want, at):
    """What of a value is not as its schema says."""
    if isinstance(want, set):
        if value not in want:
            yield f'{at}: {value!r} is not one of {sorted(want)}'
    elif isinstance(want, list):
        if not isinstance(value, list):
            yield f'{at}: is no list'
        for i, item in enumerate(value if isinstance(value, list) else ()):
            yield from unlike(item, want[0], f'{at}[{i}]')
    elif not isinstance(want, dict):
        if not isinstance(value, want) or \
                isinstance(value, bool) != (want is bool):
            yield f'{at}: {value!r} is no {want.__name__}'
    elif not isinstance(value, dict):
        yield f'{at}: is no object'
    else:
        known = {k.rstrip('!'): v for k, v in want.items()}
        for key in value:
            if key not in known and '*' not in known:
                yield f'{at}.{key}: no such field'
            else:
                yield from unlike(value[key], known.get(key, known.get('*')),
                                  f'{at}.{key}')
        for key in want:
            if key.endswith('!') and key[:-1] not in value:
                yield f'{at}.{key[:-1]}: is missing'


class Manifests:
    def __init__(self, build):
        self.build = build
        self.docs = {}
        for name in sorted(os.listdir(WHERE)):
            if os.path.isdir(os.path.join(WHERE, name)):
                continue
            if name == 'kustomization.yaml':
                self.top = yaml.safe_load(read(os.path.join(WHERE, name)))
                continue
            for doc in yaml.safe_load_all(read(os.path.join(WHERE, name))):
                self.docs[doc['kind']] = doc
        self.set = self.docs['DaemonSet']['spec']
        self.pod = self.set['template']['spec']
        self.agent = self.pod['containers'][0]
        self.plugin = self.pod['initContainers'][0]
        self.components = {}
        for name in COMPONENTS:
            where = os.path.join(WHERE, name)
            files = {f: list(yaml.safe_load_all(read(
                os.path.join(where, f)))) for f in sorted(os.listdir(where))}
            self.components[name] = files.pop('kustomization.yaml')[0], files
        where = os.path.join(WHERE, 'uninstall')
        self.end_top = yaml.safe_load(read(where + '/kustomization.yaml'))
        self.end = yaml.safe_load(read(where + '/daemonset.yaml'))


def patched(doc, patch):
    """A copy with a JSON patch (RFC 6902) of what components need."""
    doc = json.loads(json.dumps(doc))
    for step in yaml.safe_load(patch):
        at = doc
        *parents, last = step['path'].strip('/').split('/')
        for key in parents:
            at = at[int(key) if isinstance(at, list) else key]
        if (step['op'], last) != ('add', '-'):
            raise ValueError(f'{step}: only to the end of a list')
        at.append(step['value'])
    return doc


def component(m, name):
    """Its rights, what is wrong with its form, and the agents with it."""
    top, files = m.components[name]
    wrong = list(unlike(top, COMPONENT, name))
    if sorted(top['resources']) != list(files):
        wrong.append(f'{name}: {top["resources"]}, files: {list(files)}')
    rights, agents = [], m.docs['DaemonSet']
    for doc in (d for docs in files.values() for d in docs):
        kind = doc['kind']
        wrong += unlike(doc, {'apiVersion!': STR, 'kind!': STR,
                              'metadata!': META,
                              **SCHEMAS[doc['apiVersion'], kind]}, kind)
        if doc['metadata']['name'] != 'warder-' + name:
            wrong.append(f'{doc["metadata"]}: a name of its own')
        rights += [(group, resource, rule['verbs'])
                   for rule in doc.get('rules', ())
                   for group in rule['apiGroups']
                   for resource in rule['resources']]
        if kind == 'ClusterRoleBinding' and (
                doc['roleRef']['name'] != 'warder-' + name or
                doc['subjects'] != m.docs['ClusterRoleBinding']['subjects']):
            wrong.append(f'{doc}: binds another role, or to another')
    for patch in top.get('patches', ()):
        if patch['target'] != {'kind': 'DaemonSet', 'name': 'warder'}:
            wrong.append(f'{patch["target"]}: is not the agents')
        agents = patched(agents, patch['patch'])
    return rights, wrong, agents


# ---- the tests: each yields what is wrong ----

def every_field_is_one_that_the_server_knows(m):
    for kind, doc in m.docs.items():
        schema = SCHEMAS.get((doc['apiVersion'], kind))
        if schema is None:
            yield f'{doc["apiVersion"]} {kind}: no such kind here'
            continue
        yield from unlike(doc, {'apiVersion!': STR, 'kind!': STR,
                                'metadata!': META, **schema}, kind)
    if len(m.docs) != len(SCHEMAS):
        yield f'{len(m.docs)} kinds, {len(SCHEMAS)} schemas'


def the_checks_of_fields_find_what_is_wrong(_):
    for value, want in (({'a': 1}, {}), ({}, {'a!': STR}), ('x', [STR]),
                        (True, INT), (1, BOOL), ('x', {'y'}),
                        ({'a': [{'b': 1}]}, {'a': [{'b': STR}]})):
        if not list(unlike(value, want, 'x')):
            yield f'{value!r} passes for {want!r}'


def names_fit_each_other(m):
    docs = m.docs
    account = docs['ServiceAccount']['metadata']
    space, name = account['namespace'], account['name']
    subject = docs['FlowSchema']['spec']['rules'][0]['subjects'][0]
    bound = docs['ClusterRoleBinding']
    for what, want, got in (
            ('service account', name, m.pod['serviceAccountName']),
            ('role', docs['ClusterRole']['metadata']['name'],
             bound['roleRef']['name']),
            ('bound', (name, space), (bound['subjects'][0]['name'],
                                      bound['subjects'][0]['namespace'])),
            ('flow', {'name': name, 'namespace': space},
             subject['serviceAccount']),
            ('level', docs['PriorityLevelConfiguration']['metadata']['name'],
             docs['FlowSchema']['spec']['priorityLevelConfiguration']['name']),
            ('labels', m.set['selector']['matchLabels'],
             m.set['template']['metadata']['labels']),
            ('namespaces', {space}, {
                docs[k]['metadata']['namespace']
                for k in ('ConfigMap', 'DaemonSet', 'ServiceAccount')})):
        if want != got:
            yield f'{what}: {want!r} and {got!r}'
    files = {n for n in os.listdir(WHERE) if n != 'kustomization.yaml'
             and not os.path.isdir(os.path.join(WHERE, n))}
    if set(m.top['resources']) != files:
        yield f'kustomization: {m.top["resources"]}, files: {sorted(files)}'


def every_mount_has_its_volume_and_every_volume_its_mount(m):
    have = {v['name'] for v in m.pod['volumes']}
    used = {v['name'] for c in (m.agent, m.plugin) for v in c['volumeMounts']}
    if have != used:
        yield f'volumes {sorted(have)}, mounts {sorted(used)}'
    if {'name': 'config', 'configMap': {
            'name': m.docs['ConfigMap']['metadata']['name']}} \
            not in m.pod['volumes']:
        yield 'the configuration is not that of the ConfigMap'


def capabilities_are_those_of_the_unit_and_no_more(m):
    line = re.search(r'^CapabilityBoundingSet=(.*)$', read(UNIT), re.M)[1]
    want = {w.removeprefix('CAP_') for w in line.split()}
    security = m.agent['securityContext']
    if set(security['capabilities']['add']) != want:
        yield f'{security["capabilities"]}, the unit has {sorted(want)}'
    for container in (m.agent, m.plugin):
        security = container['securityContext']
        if security['capabilities']['drop'] != ['ALL'] or \
                security.get('privileged') or \
                not security['readOnlyRootFilesystem']:
            yield f'{container["name"]}: {security}'
    if 'add' in m.plugin['securityContext']['capabilities']:
        yield 'the init container has capabilities'


def setting(name):
    return re.search(rf'^{name}=(.*)$', read(UNIT), re.M)[1].split()


def the_unit_lets_a_ruleset_be_tried(_):
    """A child of the agent does, with packets, in namespaces of its own: else
    rung nft would never be tried where the unit runs."""
    for name, words in (('RestrictNamespaces', {'net', 'user'}),
                        ('RestrictAddressFamilies', {'AF_PACKET', 'AF_INET',
                                                     'AF_INET6', 'AF_NETLINK'}),
                        ('SystemCallFilter', {'unshare', 'setns'})):
        if not words <= set(setting(name)):
            yield f'{name}={setting(name)} lacks some of {sorted(words)}'


def what_outlives_the_agent_is_the_hosts(m):
    paths = {v['name']: v.get('hostPath', {}).get('path')
             for v in m.pod['volumes']}
    at = {v['mountPath']: paths[v['name']] for v in m.agent['volumeMounts']}
    for path in ('/sys/fs/bpf', '/run/warder', '/var/lib/warder',
                 '/run/netns'):
        if at.get(path) != path:
            yield f'{path} is {at.get(path)}'
    # A runtime tells of namespaces there, where the host has a link.
    if at.get('/var/run/netns') != '/run/netns':
        yield f'/var/run/netns is {at.get("/var/run/netns")}'
    for mount in m.agent['volumeMounts']:
        if mount['name'] == 'netns' and \
                mount.get('mountPropagation') != 'HostToContainer':
            yield f'{mount}: namespaces that come later are not seen'
    if not (m.pod['hostNetwork'] and m.pod['hostPID']):
        yield 'it does not see the interfaces and processes of the host'


def what_is_removed_leaves_nodes_that_can_start_pods(m):
    """The agents' opposite: the same directories, the same rights."""
    yield from unlike(m.end, {
        'apiVersion!': STR, 'kind!': {'DaemonSet'}, 'metadata!': META,
        **SCHEMAS['apps/v1', 'DaemonSet']}, 'uninstall')
    pod = m.end['spec']['template']['spec']
    stop, plugin = pod['initContainers']
    ours = {v['name']: v for v in m.pod['volumes']}
    for volume in pod['volumes']:
        if volume != ours[volume['name']]:
            yield f'{volume}, the agent has {ours[volume["name"]]}'
    if {v['name'] for v in pod['volumes']} != {
            v['name'] for c in (stop, plugin) for v in c['volumeMounts']}:
        yield 'volumes and mounts do not fit'
    for mount in (*stop['volumeMounts'], *plugin['volumeMounts']):
        if mount not in m.agent['volumeMounts'] + m.plugin['volumeMounts']:
            yield f'{mount}: the agent has it elsewhere'
    dirs = [w for w in m.plugin['command'] if w.startswith('--cni-')]
    for got, want in (
            (stop['command'][1:], ['stop', '--detach']),
            (plugin['command'][1:], ['cni', 'uninstall', *dirs]),
            (stop['securityContext'], m.agent['securityContext']),
            (plugin['securityContext'], m.plugin['securityContext']),
            ({stop['image'], plugin['image']}, {m.agent['image']}),
            (m.end_top['images'], m.top['images']),
            (m.end_top['resources'], ['daemonset.yaml']),
            (pod['tolerations'], m.pod['tolerations']),
            # The chain has no agent to ask: only such a pod starts.
            ((pod['hostNetwork'], pod['nodeSelector']),
             (True, m.pod['nodeSelector'])),
            (m.end['spec']['selector']['matchLabels'],
             m.end['spec']['template']['metadata']['labels'])):
        if got != want:
            yield f'{got}, not {want}'
    if m.end['metadata']['name'] == m.docs['DaemonSet']['metadata']['name']:
        yield 'it has the name of the agents'


def the_agent_takes_its_configuration(m):
    warder = os.path.join(m.build, 'warder')
    with tempfile.TemporaryDirectory(prefix='wd-k8s-') as folder:
        path = os.path.join(folder, 'warder.yaml')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(m.docs['ConfigMap']['data']['warder.yaml'])
        words = [w.replace('/etc/warder/warder.yaml', path)
                 .replace('$(NODE_NAME)', 'a') for w in m.agent['command'][1:]]
        done = subprocess.run([warder, *words, '--check'], text=True,
                              capture_output=True, timeout=60, check=False)
        if done.returncode:
            yield done.stdout + done.stderr
        # Without the host's bpffs it does not begin.
        done = subprocess.run(
            [warder, *words, '--bpffs', folder + '/bpf', '--run-dir', folder,
             '--state-dir', folder], text=True, capture_output=True,
            timeout=60, check=False)
        if done.returncode != 1 or 'no bpffs is mounted' not in done.stderr:
            yield f'without a bpffs: {done.returncode} {done.stderr}'


def components_bring_the_rights_they_need_and_a_switch(m):
    if set(COMPONENTS) | {'uninstall', 'cluster'} != {
            n for n in os.listdir(WHERE)
            if os.path.isdir(os.path.join(WHERE, n))}:
        yield f'folders are not {sorted(COMPONENTS)}'
    for name, want in COMPONENTS.items():
        rights, wrong, agents = component(m, name)
        yield from wrong
        if rights != want:
            yield f'{name}: {rights}, not {want}'
        yield from unlike(agents['spec'], SCHEMAS['apps/v1', 'DaemonSet'][
            'spec!'], name)
        command = agents['spec']['template']['spec']['containers'][0][
            'command']
        more = command[len(m.agent['command']):]
        if not more:
            yield f'{name}: nothing is switched on'
        done = subprocess.run(
            [os.path.join(m.build, 'warder'), 'agent', '--in-cluster', *more,
             '--check'], text=True, capture_output=True, timeout=60,
            check=False)
        if done.returncode:
            yield f'{more}: {done.stdout}{done.stderr}'


def probes_are_words_that_the_program_knows(m):
    text = subprocess.run([os.path.join(m.build, 'warder'), 'help', '--json'],
                          text=True, capture_output=True, timeout=60,
                          check=True).stdout
    commands = {f'{c["object"]} {c["verb"] or ""}'.strip():
                {o['name'] for o in c['options']}
                for c in json.loads(text)['commands']}
    ends = m.end['spec']['template']['spec']['initContainers']
    calls = [*(c['command'] for c in ends)] + [m.agent[k]['exec']['command']
             for k in ('readinessProbe', 'livenessProbe')]
    for words in [*calls, m.plugin['command'], m.agent['command']]:
        name = ' '.join(w for w in words[1:] if not w.startswith('--'))
        options = {w[2:].split('=')[0] for w in words if w.startswith('--')}
        if name not in commands or options - commands[name]:
            yield f'{words}'


def the_image_has_what_the_manifests_call_and_runs_alone(m):
    with tempfile.TemporaryDirectory(prefix='wd-image-') as folder:
        path = os.path.join(folder, 'image.tar')
        done = subprocess.run(
            [os.path.join(TOP, 'tools/packaging/make-image'), path,
             '--build', m.build], text=True, capture_output=True, timeout=600,
            check=False)
        if done.returncode:
            yield done.stdout + done.stderr
            return
        root = os.path.join(folder, 'root')
        unpack(path, root)
        for words in (m.agent['command'], m.plugin['command']):
            if not os.access(root + words[0], os.X_OK):
                yield f'{words[0]} is not in the image'
        yield from runs_alone(m, root)


def unpack(path, root):
    """The layer of an image, each blob with the digest that names it."""
    with tarfile.open(path) as image:
        def blob(of):
            return image.extractfile('blobs/' + of['digest'].replace(
                ':', '/')).read()
        index = json.load(image.extractfile('index.json'))
        manifest = json.loads(blob(index['manifests'][0]))
        config = json.loads(blob(manifest['config']))
        if config['os'] != 'linux' or len(manifest['layers']) != 1:
            raise ValueError(f'{config}')
        with tarfile.open(fileobj=io.BytesIO(blob(manifest['layers'][0]))) \
                as layer:
            layer.extractall(root)


def runs_alone(m, root):
    """In nothing but its own files."""
    conf = os.path.join(root, 'host/cni/net.d/10-a.conflist')
    with open(conf, 'w', encoding='utf-8') as f:
        json.dump({'cniVersion': '1.0.0', 'name': 'a',
                   'plugins': [{'type': 'ptp'}]}, f)
    for words in (['/usr/bin/warder', 'version'], m.plugin['command']):
        done = subprocess.run(['chroot', root, *words], text=True, timeout=60,
                              capture_output=True, check=False)
        if done.returncode:
            yield f'{words}: {done.stdout}{done.stderr}'
    with open(conf, encoding='utf-8') as f:
        if json.load(f)['plugins'][-1] != {'type': 'warder-cni'}:
            yield 'the plugin is not in the chain'
    yield from answers(root)
    words = m.end['spec']['template']['spec']['initContainers'][1]['command']
    done = subprocess.run(['chroot', root, *words], text=True, timeout=60,
                          capture_output=True, check=False)
    with open(conf, encoding='utf-8') as f:
        if done.returncode or json.load(f)['plugins'] != [{'type': 'ptp'}]:
            yield f'{words}: {done.stdout}{done.stderr}'
    if os.listdir(root + '/host/cni/bin'):
        yield 'the plugin is left'


def answers(root):
    done = subprocess.run(
        [os.path.join(root, 'host/cni/bin/warder-cni')], text=True,
        env={'CNI_COMMAND': 'VERSION'}, input='', capture_output=True,
        timeout=60, check=False)
    if done.returncode or '1.1.0' not in done.stdout:
        yield f'the copied plugin: {done.stdout}{done.stderr}'


TESTS = (
    every_field_is_one_that_the_server_knows,
    the_checks_of_fields_find_what_is_wrong,
    names_fit_each_other,
    every_mount_has_its_volume_and_every_volume_its_mount,
    capabilities_are_those_of_the_unit_and_no_more,
    the_unit_lets_a_ruleset_be_tried,
    what_outlives_the_agent_is_the_hosts,
    what_is_removed_leaves_nodes_that_can_start_pods,
    the_agent_takes_its_configuration,
    components_bring_the_rights_they_need_and_a_switch,
    probes_are_words_that_the_program_knows,
    the_image_has_what_the_manifests_call_and_runs_alone,
)


def main():
    manifests = Manifests(os.path.abspath(
        sys.argv[1] if len(sys.argv) > 1 else 'build'))
    failed = 0
    print(f'TAP version 13\n1..{len(TESTS)}')
    for number, test in enumerate(TESTS, 1):
        wrong = list(test(manifests))
        failed += bool(wrong)
        for text in wrong:
            for line in text.strip().split('\n'):
                print('# ' + line)
        print(f'{"not ok" if wrong else "ok"} {number} - {test.__name__}',
              flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
