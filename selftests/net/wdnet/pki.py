# SPDX-License-Identifier: GPL-2.0-only
"""Certificates that last for a test."""
import os
import subprocess


def openssl(*args):
    subprocess.run(['openssl', *args], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Authority:
    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.cert = os.path.join(folder, name + '.crt')
        self.key = os.path.join(folder, name + '.key')
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt',
                'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
                '-subj', '/CN=' + name, '-addext',
                'basicConstraints=critical,CA:TRUE',
                '-keyout', self.key, '-out', self.cert)

    def issue(self, name, alt=None, subject=None):
        """A certificate and its key; gives (certificate, key, both).
        @alt: other names, as OpenSSL writes them; @subject: else /CN=@name."""
        base = os.path.join(self.folder, f'{self.name}-{name}')
        request, cert, key, both = (base + end for end in (
            '.csr', '.crt', '.key', '.pem'))
        openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
                '-nodes', '-subj', subject or '/CN=' + name, '-keyout', key,
                '-out', request)
        with open(base + '.ext', 'w', encoding='ascii') as f:
            f.write(f'subjectAltName={alt}\n' if alt else
                    'basicConstraints=CA:FALSE\n')
        openssl('x509', '-req', '-in', request, '-CA', self.cert, '-CAkey',
                self.key, '-CAcreateserial', '-days', '2', '-extfile',
                base + '.ext', '-out', cert)
        with open(both, 'wb') as out:
            for path in (cert, key):
                with open(path, 'rb') as f:
                    out.write(f.read())
        return cert, key, both
