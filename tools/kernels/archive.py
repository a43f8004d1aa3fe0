# SPDX-License-Identifier: GPL-2.0-only
"""Kernels out of the distribution's archive, unpacked below a cache.

Owns the cache and an apt configuration of its own in it: the machine's sources
are only read, to learn where the archive is, and nothing is installed. Knows
nothing of what is run on the kernels.
"""
import fcntl
import os
import re
import shutil
import subprocess

KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'


class Missing(Exception):
    """A kernel that cannot be had, and why."""


class Kernel:
    """One line of the list."""

    def __init__(self, line):
        field = line.split('\t')
        if len(field) != 7 or field[1] not in ('more', 'less', '-'):
            raise ValueError(line)
        self.id, self.quick, suites, self.image, self.modules = field[:5]
        self.suites = suites.split()
        self.lacks = field[5].replace('-', '').split()
        self.rung = field[6].replace('-', '')


def read_list(path):
    with open(path, encoding='utf-8') as f:
        return [Kernel(line.rstrip('\n')) for line in f
                if line.strip() and not line.startswith('#')]


def natural(name):
    return [int(part) if part.isdigit() else part
            for part in re.split(r'(\d+)', name)]


def default_cache():
    if os.geteuid() == 0:
        return '/var/cache/warder/kernels'
    base = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    return os.path.join(base, 'warder', 'kernels')


def call(argv, **kw):
    """Output of a command; Missing, with its last words, if it fails."""
    got = subprocess.run(argv, text=True, errors='replace', check=False,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, **kw)
    if got.returncode:
        last = (got.stderr.strip().splitlines() or ['no message'])[-1]
        raise Missing(f'{argv[0]}: {last}')
    return got.stdout


def archive_addresses():
    """(archive, security archive or None) as this machine's apt knows them."""
    found = call(['apt-get', 'indextargets', '--format',
                  '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)',
                  'Created-By: Packages'])
    plain = security = None
    for line in found.splitlines():
        uri, release, component = line.split(' ')[:3]
        if component != 'main' or not line.endswith(' Debian'):
            continue
        if release.endswith('-security'):
            security = security or uri
        elif not release.endswith('-updates'):
            plain = plain or uri
    if not plain:
        raise Missing("the distribution's archive is not among this "
                      "machine's apt sources")
    return plain, security


class Cache:
    """Kernels below a folder: ID/vmlinuz, ID/modules (a link), ID/packages."""

    def __init__(self, path):
        self.path = path
        os.makedirs(path, exist_ok=True)
        self.lock = open(os.path.join(path, 'lock'), 'w', encoding='utf-8')
        self.apt = os.path.join(path, 'apt')
        self.is_fresh = set()  # suites whose lists were read by this run

    def folder(self, kernel):
        return os.path.join(self.path, kernel.id)

    def packages(self, kernel):
        """What the cache has: 'NAME VERSION' lines, nothing if not there."""
        try:
            with open(os.path.join(self.folder(kernel), 'packages'),
                      encoding='utf-8') as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    def provide(self, kernels, say, update=False):
        """Fetch what is missing. Returns {id: why} of those not to be had."""
        failed = {}
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        try:
            wanted = [k for k in kernels if update or not self.packages(k)]
            suites = {s for k in wanted for s in k.suites}
            for kernel in wanted:
                try:
                    self.read_lists(suites, say)
                    say(f'{kernel.id}: fetching')
                    self.fetch(kernel)
                except (Missing, OSError) as e:
                    failed[kernel.id] = str(e)
        finally:
            fcntl.flock(self.lock, fcntl.LOCK_UN)
        return failed

    # ---- apt with lists, cache and sources of its own ----

    def apt_call(self, tool, *args, **kw):
        sources = os.path.join(self.apt, 'sources.list')
        return call([tool, '-o', f'Dir::Etc::sourcelist={sources}',
                     '-o', 'Dir::Etc::sourceparts=/dev/null',
                     '-o', f'Dir::State={self.apt}',
                     '-o', f'Dir::State::status={self.apt}/status',
                     '-o', f'Dir::Cache={self.apt}/cache',
                     '-o', 'APT::Sandbox::User=root',
                     '-o', 'Acquire::Languages=none', *args], **kw)

    def read_lists(self, suites, say):
        if suites <= self.is_fresh:
            return
        plain, security = archive_addresses()
        shutil.rmtree(self.apt, ignore_errors=True)
        for d in ('lists/partial', 'cache/archives/partial'):
            os.makedirs(os.path.join(self.apt, d))
        with open(os.path.join(self.apt, 'status'), 'w', encoding='utf-8'):
            pass  # nothing counts as installed
        with open(os.path.join(self.apt, 'sources.list'), 'w',
                  encoding='utf-8') as f:
            for suite in sorted(suites):
                uri = security if suite.endswith('-security') else plain
                if uri:
                    f.write(f'deb [signed-by={KEYRING}] {uri} {suite} main\n')
        say('reading the package lists of ' + ' '.join(sorted(suites)))
        self.apt_call('apt-get', '-qq', 'update')
        self.is_fresh = suites

    def newest(self, pattern):
        found = self.apt_call('apt-cache', 'search', '--names-only',
                              f'^{pattern}$')
        names = [line.split(' ')[0] for line in found.splitlines()]
        if not names:
            raise Missing(f'no package matches {pattern}')
        return max(names, key=natural)

    def fetch(self, kernel):
        image = self.newest(kernel.image)
        release = re.sub('^linux-(image|binary)-', '', image)
        names = [image]
        if kernel.modules not in ('-', 'none'):
            names.append(f'{kernel.modules}-{release}')
        stage = self.folder(kernel) + '.new'
        shutil.rmtree(stage, ignore_errors=True)
        os.makedirs(os.path.join(stage, 'root'))
        self.apt_call('apt-get', '-qq', 'download', *names, cwd=stage)
        unpack(stage, release, kernel.modules != 'none')
        shutil.rmtree(self.folder(kernel), ignore_errors=True)
        os.rename(stage, self.folder(kernel))


def find(root, pattern):
    for where, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(where, name)
            if re.search(pattern, path):
                return path
    return None


def unpack(stage, release, has_modules):
    """The packages in a folder: keep the kernel, its modules, their names."""
    root = os.path.join(stage, 'root')
    record = []
    for name in sorted(os.listdir(stage)):
        if not name.endswith('.deb'):
            continue
        deb = os.path.join(stage, name)
        record.append(' '.join(call(
            ['dpkg-deb', '-W', '--showformat=${Package} ${Version}',
             deb]).split()))
        call(['dpkg-deb', '-x', deb, root])
        os.unlink(deb)
    image = find(root, r'/vmlinuz[^/]*$')
    if not image:
        raise Missing(f'{record} has no vmlinuz')
    os.rename(image, os.path.join(stage, 'vmlinuz'))
    modules = find(root, f'/lib/modules/{re.escape(release)}$')
    if has_modules:
        if not modules:
            raise Missing(f'{record} has no modules of {release}')
        if not os.path.exists(os.path.join(modules, 'modules.dep')):
            call(['depmod', '-b', modules.split('/lib/modules/')[0], release])
        os.rename(modules, os.path.join(stage, 'modules'))
    shutil.rmtree(root)
    with open(os.path.join(stage, 'packages'), 'w', encoding='utf-8') as f:
        f.write('\n'.join(record) + '\n')
