#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The Debian package and the systemd unit: what they say is what the tree
needs. With WD_LONG=1 as root, the package itself: built, looked at by lintian,
installed, asked, removed and purged in a root of its own, of which nothing
stays.

    test_deb.py BUILD
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
DEBIAN = 'tools/packaging/debian/'
UNIT = 'tools/packaging/systemd/warder.service'
CONFIG = 'tools/packaging/systemd/warder.yaml'
# What the packages of setup's list bring, or every builder has.
OF_ITSELF = {'gcc', 'make', 'libc6-dev'}
BY_RELEASE = {'libbpf-dev', 'bpftool', 'linux-libc-dev'}
# Packages of the libraries that are loaded when they are needed.
LOADED = {'libnftables.so.1': 'libnftables1',
          'libcurl-gnutls.so.4': 'libcurl3-gnutls',
          'libmicrohttpd.so.12': 'libmicrohttpd12',
          'libpcap.so.0.8': 'libpcap0.8'}
MAX_EXPOSURE = 4.0  # of systemd-analyze: 10 is everything


def read(path):
    with open(os.path.join(TOP, path), encoding='utf-8') as f:
        return f.read()


def run(*words, **kw):
    return subprocess.run(words, text=True, check=False, timeout=1800,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          **kw)


def field(name):
    """Names of packages in a field of the control file, first choices."""
    text = re.search(rf'^{name}:((?:.*\n)(?: .*\n)*)', read(DEBIAN + 'control'),
                     re.M)[1]
    return {re.split(r'[ (|<]', word.strip())[0] for word in text.split(',')}


def listed(group):
    """Packages of a group of tools/setup, first choices."""
    text = re.search(rf'^pkgs_{group}="([^"]*)"', read('tools/setup'), re.M)[1]
    return {word.split('|')[0] for word in text.split()}


def of_unit(key):
    return [value for name, value in re.findall(r'^(\w+)=(.*)$', read(UNIT),
                                                re.M) if name == key]


# ---- the tests: each yields what is wrong ----

def the_package_is_built_from_what_setup_installs(_):
    want = (listed('build') - OF_ITSELF) | BY_RELEASE | listed('check')
    got = field('Build-Depends') - {'debhelper-compat'}
    for name in sorted(want ^ got):
        yield f'{name}: in Build-Depends {name in got}, needed {name in want}'
    if len(got) < 8:
        yield f'only {len(got)} packages are looked at'


def every_library_that_is_loaded_late_is_recommended_or_suggested(_):
    found = run('grep', '-rhoE', '"lib[a-z-]+[.]so[.0-9]*"',
                os.path.join(TOP, 'user')).stdout
    names = {line.strip('"') for line in found.split()}
    if names != set(LOADED):
        yield f'loaded: {sorted(names)}, known here: {sorted(LOADED)}'
    have = field('Recommends') | field('Suggests')
    for name in sorted(names):
        if LOADED.get(name) not in have:
            yield f'{name}: its package is not in {sorted(have)}'


def the_package_has_the_version_of_the_program(_):
    program = re.search(r'WARDER_VERSION "(.*)"', read('user/base/version.h'))[1]
    package = re.match(r'warder \((.*)\)', read(DEBIAN + 'changelog'))[1]
    if program != package:
        yield f'program {program}, package {package}'


def the_unit_has_the_capabilities_that_the_agent_keeps(_):
    kept = set(re.findall(r'^\t(CAP_\w+),', read('user/agent/privs.c'), re.M))
    got = set(' '.join(of_unit('CapabilityBoundingSet')).split())
    if got != kept | {'CAP_SETPCAP'} or len(kept) < 2:
        yield f'the unit has {sorted(got)}, privs.c keeps {sorted(kept)}'


def the_unit_keeps_what_must_outlive_the_agent(_):
    for key, want in (('RuntimeDirectoryPreserve', 'yes'),
                      ('Restart', 'on-failure'),
                      ('ReadWritePaths', '/sys/fs/bpf -/etc/cni/net.d'),
                      ('AssertPathIsMountPoint', '/sys/fs/bpf')):
        if of_unit(key) != [want]:
            yield f'{key}: {of_unit(key)}, not {want}'


def systemd_finds_no_fault_with_the_unit(_):
    if not shutil.which('systemd-analyze'):
        yield 'skip: no systemd-analyze'
        return
    with tempfile.TemporaryDirectory(prefix='wd-deb-') as folder:
        path = os.path.join(folder, 'warder.service')
        text = read(UNIT).replace('/usr/bin/warder', '/bin/true')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(re.sub('^Documentation=.*', '', text, flags=re.M))
        done = run('systemd-analyze', 'verify', '--man=no', path)
        wrong = [line for line in done.stdout.split('\n')
                 if line.startswith(('warder.service', path))]
        if done.returncode or wrong:
            yield done.stdout
        done = run('systemd-analyze', 'security', '--offline=true', path)
        level = re.search(r'exposure level.*: ([0-9.]+)', done.stdout)
        if not level or float(level[1]) > MAX_EXPOSURE:
            yield f'exposure {level and level[1]}, at most {MAX_EXPOSURE}'


def the_agent_takes_the_configuration_of_the_package(build):
    with tempfile.TemporaryDirectory(prefix='wd-deb-') as folder:
        doc = yaml.safe_load(read(CONFIG))
        if doc != {'manifests': ['/etc/warder/manifests']}:
            yield f'it says {doc}'
        path = os.path.join(folder, 'warder.yaml')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(read(CONFIG).replace('/etc/warder/manifests', folder)
                    .replace('#node:', 'node:'))
        done = run(os.path.join(build, 'warder'), 'agent', '--check',
                   '--config', path)
        # The folder holds the configuration, which is no manifest.
        if 'unknown key' in done.stdout or 'warder: agent' in done.stdout:
            yield done.stdout


def a_removal_ends_all_it_can_and_nothing_if_a_list_is_in_its_way(_):
    with tempfile.TemporaryDirectory(prefix='wd-deb-') as folder:
        conf, stub = folder + '/warder.yaml', folder + '/warder'
        with open(conf, 'w', encoding='utf-8') as f:
            f.write('node: a\ncni-conf: "/other/net.d"  # here\n'
                    '#run-dir: /no\nbpffs: /other/bpf\n')
        with open(stub, 'w', encoding='utf-8') as f:
            f.write('#!/bin/sh\necho "$*"\n'
                    f'[ "$1" != cni ] || [ ! -e {folder}/fails ]\n')
        os.chmod(stub, 0o755)

        def removal(more, word='remove'):
            text = read(DEBIAN + 'warder.prerm').replace(
                '#DEBHELPER#', 'echo agent stopped; ' + more).replace(
                '/etc/warder/warder.yaml', conf)
            done = run('sh', '-c', text, 'prerm', word, env={
                **os.environ, 'PATH': f'{folder}:{os.environ["PATH"]}'})
            return done.returncode, done.stdout.strip().split('\n')
        out = 'cni uninstall --cni-conf /other/net.d'
        end = 'stop --detach --bpffs /other/bpf'
        for got, want in (
                (removal(':'), (0, [out, 'agent stopped', out, end])),
                (removal(':', 'upgrade'), (0, ['agent stopped'])),
                (removal(f'>{folder}/fails'),
                 (1, [out, 'agent stopped', out, end])),
                (removal(':'), (1, [out]))):
            if got != want:
                yield f'{got}, not {want}'
        os.unlink(conf)
        os.unlink(folder + '/fails')
        got = removal(':')[1]
        if got[2:] != ['cni uninstall', 'stop --detach']:
            yield f'without a configuration: {got}'


# ---- the package itself ----

GUEST = r'''
set -u
cd /
fail() { echo "wrong: $*"; }
list() { find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp \
	-o -path /var/lib/dpkg -o -path /var/cache -o -path /var/log \
	-o -path /run \) -prune -o -print | sort; }
export DEBIAN_FRONTEND=noninteractive
list >/tmp/before
dpkg -i "$1" >/tmp/log 2>&1 || { cat /tmp/log; fail "it cannot be installed"; }
warder version | grep -q "0" || fail "no version"
[ -x /usr/lib/cni/warder-cni ] || fail "no plugin"
CNI_COMMAND=VERSION /usr/lib/cni/warder-cni </dev/null | grep -q 1.1.0 ||
	fail "the plugin does not answer"
warder agent --check --config /etc/warder/warder.yaml >/tmp/log 2>&1 ||
	{ cat /tmp/log; fail "its own configuration is not taken"; }
[ ! -e /etc/systemd/system/multi-user.target.wants/warder.service ] ||
	fail "it is enabled before anybody said so"
man -w warder >/dev/null 2>&1 || [ -e /usr/share/man/man8/warder.8.gz ] ||
	fail "no manual"
mkdir -p /etc/cni/net.d &&
	echo '{"cniVersion":"1.0.0","name":"a","plugins":[{"type":"ptp"}]}' \
		>/etc/cni/net.d/00-a.conflist
warder cni install >/tmp/log 2>&1 || { cat /tmp/log; fail "not chained"; }
mkdir -p /var/lib/warder && echo '{}' >/var/lib/warder/x
dpkg -i "$1" >/tmp/log 2>&1 || { cat /tmp/log; fail "no upgrade"; }
[ -e /var/lib/warder/x ] || fail "an upgrade takes the state"
dpkg -r warder >/tmp/log 2>&1 || { cat /tmp/log; fail "no removal"; }
grep -q 'nothing to end' /tmp/log || fail "removal does not end enforcement"
[ -e /var/lib/warder/x ] || fail "a removal takes the state"
! grep warder /etc/cni/net.d/00-a.conflist ||
	fail "the chain names a plugin that is gone"
rm /etc/cni/net.d/00-a.conflist
rmdir /etc/cni/net.d /etc/cni 2>/dev/null
dpkg -P warder >/tmp/log 2>&1 || { cat /tmp/log; fail "no purge"; }
list >/tmp/after
diff /tmp/before /tmp/after | grep '^[<>]' | while read -r line; do
	fail "after the purge: $line"
done
echo looked
'''


def the_package_installs_upgrades_and_goes_without_a_trace(_):
    done = run('tools/setup', 'build', 'deb', cwd=TOP)
    if done.returncode:
        yield done.stdout
        return
    prefix = run('tools/setup', '--prefix', 'build', cwd=TOP)
    prefix = prefix.stdout.strip().split('\n')[-1]
    with tempfile.TemporaryDirectory(prefix='wd-deb-') as out:
        done = run('tools/packaging/make-deb', out, cwd=TOP, env={
            **os.environ, 'WD_TOOLCHAIN': prefix,
            'DEB_BUILD_OPTIONS': 'nocheck'})
        if done.returncode:
            yield done.stdout[-4000:]
            return
        yield from in_a_root_of_its_own(out)


def in_a_root_of_its_own(out):
    """An overlay over this machine's, gone with its namespace."""
    deb = [n for n in os.listdir(out)
           if n.startswith('warder_') and n.endswith('.deb')]
    with open(os.path.join(out, 'guest'), 'w', encoding='utf-8') as f:
        f.write(GUEST)
    done = run('unshare', '-m', '-n', 'sh', '-euc', '''
        cd "$1"
        mkdir over root
        mount -t tmpfs none over
        mkdir over/upper over/work
        mount -t overlay -o lowerdir=/,upperdir=over/upper,workdir=over/work \
            none root
        mount --rbind /dev root/dev
        mount -t proc none root/proc
        mount -t tmpfs none root/tmp
        mount -t tmpfs none root/run
        cp "$2" guest root/tmp
        chroot root sh /tmp/guest "/tmp/$2"
        ''', 'sh', out, *deb)
    if done.returncode or 'looked' not in done.stdout or \
            'wrong:' in done.stdout:
        yield done.stdout


TESTS = (
    the_package_is_built_from_what_setup_installs,
    every_library_that_is_loaded_late_is_recommended_or_suggested,
    the_package_has_the_version_of_the_program,
    the_unit_has_the_capabilities_that_the_agent_keeps,
    the_unit_keeps_what_must_outlive_the_agent,
    systemd_finds_no_fault_with_the_unit,
    the_agent_takes_the_configuration_of_the_package,
    a_removal_ends_all_it_can_and_nothing_if_a_list_is_in_its_way,
)
LONG = (the_package_installs_upgrades_and_goes_without_a_trace,)


def main():
    build = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else 'build')
    failed = 0
    tests = TESTS + (LONG if os.environ.get('WD_LONG') == '1' else ())
    print(f'TAP version 13\n1..{len(tests)}')
    for number, test in enumerate(tests, 1):
        wrong = list(test(build))
        skip = wrong and wrong[0].startswith('skip: ')
        end = f' # SKIP {wrong[0][6:]}' if skip else ''
        wrong = [] if skip else wrong
        failed += bool(wrong)
        for text in wrong:
            for line in text.strip().split('\n'):
                print('# ' + line)
        print(f'{"not ok" if wrong else "ok"} {number} - {test.__name__}{end}',
              flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
