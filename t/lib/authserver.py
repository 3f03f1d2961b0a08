# SPDX-License-Identifier: BSD-2-Clause
"""Password checkers for tests: anybody whose password is "secret"."""

import base64
import os
import socket
import struct
import threading

PASSWORD = "secret"


class AuthServer:
    def __init__(self, path):
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(16)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            peer, _ = self.listener.accept()
            threading.Thread(target=self.guard, args=(peer,),
                daemon=True).start()

    def guard(self, peer):
        with peer, peer.makefile("rb") as stream:
            try:
                self.serve(peer, stream)
            except (OSError, ValueError, struct.error):
                pass


class Dovecot(AuthServer):
    """Dovecot's authentication protocol, which Postfix speaks."""

    def serve(self, peer, stream):
        peer.sendall(b"VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\n"
            b"CUID\t1\nCOOKIE\t00112233445566778899aabbccddeeff\nDONE\n")
        for line in stream:
            words = line.rstrip(b"\n").split(b"\t")
            if words[0] != b"AUTH":
                continue
            response = [w for w in words if w.startswith(b"resp=")][0][5:]
            _, user, password = base64.b64decode(response).split(b"\0")
            peer.sendall((b"OK\t%s\tuser=%s\n" if password.decode()
                == PASSWORD else b"FAIL\t%s\tuser=%s\n") % (words[1], user))


class Saslauthd(AuthServer):
    """saslauthd's protocol, which Cyrus SASL (and so sendmail) speaks."""

    def serve(self, peer, stream):
        fields = []
        for _ in range(4):
            size, = struct.unpack(">H", stream.read(2))
            fields.append(stream.read(size).decode())
        answer = b"OK" if fields[1] == PASSWORD else b"NO"
        peer.sendall(struct.pack(">H", len(answer)) + answer)
