# SPDX-License-Identifier: GPL-2.0-only
"""Namespaces, mounts and commands inside them.

Nothing here gets a name in the system: namespaces live as long as a process is
in them, and every process started here ends with the test program.
"""
import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import threading

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
PR_SET_PDEATHSIG = 1
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

LIBC = ctypes.CDLL(None, use_errno=True)


def check(result):
    if result < 0:
        err = ctypes.get_errno()
        raise OSError(err, os.strerror(err))
    return result


def unshare(flags):
    check(LIBC.unshare(flags))


def setns(fd, kind):
    check(LIBC.setns(fd, kind))


def mount(source, target, fstype=None, flags=0, data=None):
    def enc(text):
        return text.encode() if text is not None else None
    check(LIBC.mount(enc(source), enc(target), enc(fstype),
                     ctypes.c_ulong(flags), enc(data)))


def die_with_parent(sig=signal.SIGKILL):
    LIBC.prctl(PR_SET_PDEATHSIG, sig)


def write(path, text):
    with open(path, 'w', encoding='ascii') as f:
        f.write(text)


def sysctl(**values):
    """Set net.* of the caller's namespace; `__` stands for a slash."""
    for name, value in values.items():
        write('/proc/sys/net/' + name.replace('__', '/'), str(value))


def link_up(name):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        req = fcntl.ioctl(sock, SIOCGIFFLAGS, struct.pack('16s24x',
                                                          name.encode()))
        flags = struct.unpack_from('=H', req, 16)[0] | IFF_UP
        fcntl.ioctl(sock, SIOCSIFFLAGS,
                    struct.pack('16sH22x', name.encode(), flags))


class Namespace:
    """A network namespace, and a mount namespace if wanted, that a process
    holds open. Commands and functions can be run inside."""

    def __init__(self, pid, with_mounts):
        self.pid = pid
        self.net = os.open(f'/proc/{pid}/ns/net', os.O_RDONLY)
        self.mnt = os.open(f'/proc/{pid}/ns/mnt', os.O_RDONLY) \
            if with_mounts else None

    def path(self):
        return f'/proc/{self.pid}/ns/net'

    def enter(self):
        """Go in for good: in children only."""
        setns(self.net, CLONE_NEWNET)
        if self.mnt is not None:
            setns(self.mnt, CLONE_NEWNS)

    def popen(self, argv, **kw):
        def pre():
            die_with_parent()
            self.enter()
        return subprocess.Popen(argv, preexec_fn=pre, **kw)

    def run(self, argv, stdin=None, env=None, check_rc=True, timeout=60):
        """Run a command inside; gives (exit code, stdout, stderr)."""
        proc = self.popen(argv, env=env, text=True, errors='replace',
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
        try:
            out, err = proc.communicate(stdin or '', timeout)
        except subprocess.TimeoutExpired:
            proc.kill()
            proc.communicate()
            raise
        if check_rc and proc.returncode:
            raise RuntimeError(f'{" ".join(argv)}: {proc.returncode}: '
                               f'{err.strip()} {out.strip()}')
        return proc.returncode, out, err

    def connect(self, where, timeout):
        """A TCP connection from inside: a namespace is a thread's own."""
        out = []

        def inside():
            try:
                setns(self.net, CLONE_NEWNET)
                out.append(socket.create_connection(where, timeout))
            except OSError as e:
                out.append(e)
        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        if isinstance(out[0], OSError):
            raise out[0]
        return out[0]

    def ip(self, *lines):
        """Run lines of `ip -batch`."""
        self.run(['ip', '-batch', '-'], '\n'.join(lines) + '\n')

    def call(self, function):
        """Run a function inside, in a child."""
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                self.enter()
                function()
                code = 0
            except BaseException as e:  # the child must never go on
                os.write(2, f'# {e!r}\n'.encode())
            os._exit(code)
        if os.waitpid(pid, 0)[1]:
            raise RuntimeError('a function failed in a namespace')

    def close(self):
        for fd in (self.net, self.mnt):
            if fd is not None:
                os.close(fd)
