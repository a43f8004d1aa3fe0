# SPDX-License-Identifier: GPL-2.0-only
"""What a container runtime makes of one container of a pod: an OCI configuration of
the words of its manifest, and of what runtimes add to each (containerd 1.7): mounts
of /proc, /dev and /sys, paths that are masked, the usual filter of system calls."""
import json
import os
import platform

SECCOMP = '/usr/share/containers/seccomp.json'
ARCH = {'x86_64': ('amd64', 'SCMP_ARCH_X86_64'),
        'aarch64': ('arm64', 'SCMP_ARCH_AARCH64')}[platform.machine()]
MASKED = ['/proc/acpi', '/proc/asound', '/proc/kcore', '/proc/keys',
          '/proc/latency_stats', '/proc/timer_list', '/proc/timer_stats',
          '/proc/sched_debug', '/sys/firmware', '/proc/scsi']
READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys',
             '/proc/sysrq-trigger']
FLAGS = ['nosuid', 'noexec', 'nodev']
MOUNTS = [
    {'destination': '/proc', 'type': 'proc', 'source': 'proc',
     'options': FLAGS},
    {'destination': '/dev', 'type': 'tmpfs', 'source': 'tmpfs',
     'options': ['nosuid', 'strictatime', 'mode=755', 'size=65536k']},
    {'destination': '/dev/pts', 'type': 'devpts', 'source': 'devpts',
     'options': ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666',
                 'mode=0620', 'gid=5']},
    {'destination': '/dev/mqueue', 'type': 'mqueue', 'source': 'mqueue',
     'options': FLAGS},
    {'destination': '/sys', 'type': 'sysfs', 'source': 'sysfs',
     'options': FLAGS + ['ro']}]


def applies(rule, caps):
    """A rule may be for some capabilities or architectures alone."""
    need, without = rule.get('includes') or {}, rule.get('excludes') or {}
    return set(need.get('caps', ())) <= caps \
        and not set(without.get('caps', ())) & caps \
        and ARCH[0] in need.get('arches', [ARCH[0]]) \
        and ARCH[0] not in without.get('arches', ())


def seccomp(caps):
    """RuntimeDefault, for a container that has these capabilities."""
    with open(SECCOMP, encoding='utf-8') as f:
        profile = json.load(f)
    keys = ('names', 'action', 'args', 'errnoRet')
    return {'defaultAction': profile['defaultAction'],
            'defaultErrnoRet': profile['defaultErrnoRet'],
            'architectures': [ARCH[1]],
            'syscalls': [{k: rule[k] for k in keys
                          if rule.get(k) not in (None, [])}
                         for rule in profile['syscalls']
                         if applies(rule, caps)]}


def capabilities(security):
    if security['capabilities'].get('drop') != ['ALL']:
        raise ValueError(f'{security}: keeps what runtimes give')
    return {'CAP_' + c for c in security['capabilities'].get('add', ())}


def mount_of(volume_mount, host):
    """@host: {volume: where it is here}"""
    how = volume_mount.get('mountPropagation', 'None')
    return {'destination': volume_mount['mountPath'], 'type': 'bind',
            'source': host[volume_mount['name']], 'options': [
                'rbind', {'None': 'rprivate', 'HostToContainer': 'rslave'}[how],
                'ro' if volume_mount.get('readOnly') else 'rw']}


def configuration(pod, container, root, host, words, env):
    """@words: its command. The configuration as a document."""
    security = container['securityContext']
    caps = capabilities(security)
    spaces = ['mount', 'ipc', 'uts'] + ['pid'] * (not pod.get('hostPID')) \
        + ['network'] * (not pod.get('hostNetwork'))
    sets = {'bounding': sorted(caps), 'effective': sorted(caps),
            'permitted': sorted(caps)}
    linux = {'namespaces': [{'type': t} for t in spaces],
             'maskedPaths': MASKED, 'readonlyPaths': READ_ONLY}
    if security.get('seccompProfile') == {'type': 'RuntimeDefault'}:
        linux['seccomp'] = seccomp(caps)
    return {
        'ociVersion': '1.0.2', 'root': {
            'path': root, 'readonly': security['readOnlyRootFilesystem']},
        'process': {
            'user': {'uid': security.get('runAsUser', 0), 'gid': 0},
            'args': words, 'cwd': '/', 'capabilities': sets,
            'env': ['PATH=/usr/bin'] + [f'{k}={v}' for k, v in env.items()],
            'noNewPrivileges':
                not security.get('allowPrivilegeEscalation', True)},
        'mounts': MOUNTS + [mount_of(m, host)
                            for m in container['volumeMounts']],
        'linux': linux}


def write(bundle, doc):
    os.makedirs(bundle, exist_ok=True)
    with open(os.path.join(bundle, 'config.json'), 'w', encoding='utf-8') as f:
        json.dump(doc, f)
