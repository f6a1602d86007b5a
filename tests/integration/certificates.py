"""Certificates for tests, made with the openssl command: any names, dates, kinds of key, issuers and uses."""

import os
import re
import ssl
import subprocess

from rawws import DEADLINE_S

_CA_CONFIG = """
[ca]
default_ca = it
[it]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
organizationName = optional
commonName = supplied
"""
_KEYS = {
    "ec": ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
    "rsa": ("rsa:2048",),
    "ed25519": ("ed25519",),
    "small": ("rsa:1024",),
}
PAST, LONG_PAST, FUTURE = "20210101000000Z", "20200101000000Z", "21000101000000Z"


class Certificate:
    """A certificate's file, its key's file, and what a client sees of it."""

    def __init__(self, file, key):
        self.file = file
        self.key = key

    @property
    def config(self):
        return {"certificate": self.file, "key": self.key}

    @property
    def der(self):
        with open(self.file, encoding="ascii") as source:
            return ssl.PEM_cert_to_DER_cert(re.search("-----BEGIN.*?-----END [^\n]*\n", source.read(), re.DOTALL)[0])


def run(*command, folder, **options):
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, timeout=DEADLINE_S, stdin=subprocess.DEVNULL, **options
    )


def make(folder, title, *, names=(), subject=None, issuer=None, kind="ec", begins=LONG_PAST, ends=FUTURE, extra=()):
    """TITLE.crt and TITLE.key. names: as in "DNS:example.com"; issuer: a Certificate, by default itself; extra: lines of
    openssl's extension syntax; subject: as openssl writes it, by default /CN=TITLE."""
    made = Certificate(os.path.join(folder, title + ".crt"), os.path.join(folder, title + ".key"))
    request = os.path.join(folder, title + ".csr")
    with open(os.path.join(folder, "ca.conf"), "w", encoding="ascii") as out:
        out.write(_CA_CONFIG.format(folder=folder))
    with open(os.path.join(folder, "index.txt"), "w", encoding="ascii"):
        pass
    with open(os.path.join(folder, "extensions"), "w", encoding="utf-8") as out:
        lines = [f"subjectAltName = {','.join(names)}"] if names else ["basicConstraints = CA:FALSE"]
        out.write("\n".join([*lines, *extra]) + "\n")
    run("openssl", "req", "-new", "-nodes", "-utf8", "-newkey", *_KEYS[kind], "-keyout", made.key, "-out", request,
        "-subj", subject or f"/CN={title}", folder=folder)  # fmt: skip
    os.chmod(made.key, 0o600)
    signer = ["-cert", issuer.file, "-keyfile", issuer.key] if issuer else ["-selfsign", "-keyfile", made.key]
    run("openssl", "ca", "-batch", "-notext", "-utf8", "-config", "ca.conf", "-extfile", "extensions", "-in", request, *signer,
        "-startdate", begins, "-enddate", ends, "-out", made.file, folder=folder)  # fmt: skip
    return made


def make_authority(folder, title, issuer=None):
    extra = ("basicConstraints = critical,CA:TRUE", "keyUsage = critical,keyCertSign,cRLSign")
    return make(folder, title, issuer=issuer, extra=extra, names=("DNS:authority.test",))


def make_client(folder, title, issuer, **options):
    options.setdefault("extra", ("extendedKeyUsage = clientAuth",))
    return make(folder, title, issuer=issuer, **options)
