# SPDX-License-Identifier: BSD-2-Clause
"""An SMTP client that shows every octet of the replies, and comes from
whatever address it is told to."""

import base64
import socket

IP_FREEBIND = 15
IPV6_FREEBIND = 78


class Closed(Exception):
    pass


class Client:
    """server: (address, port).  Replies are lists of lines without CR LF.
    preface: what is sent before all else."""

    def __init__(self, server, source=None, timeout=30, preface=b""):
        is6 = ":" in server[0]
        self.sock = socket.socket(socket.AF_INET6 if is6 else socket.AF_INET)
        self.sock.settimeout(timeout)
        if source is not None:
            # Needs no setting of the system, unlike a plain bind.
            self.sock.setsockopt(*((socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
                if is6 else (socket.IPPROTO_IP, IP_FREEBIND, 1)))
            self.sock.bind((source, 0))
        self.sock.connect(server)
        self.sock.sendall(preface)
        self.stream = self.sock.makefile("rb")
        self.banner = self.reply()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            try:
                self.command("QUIT")
            except (OSError, Closed):
                pass
        self.close()

    def close(self):
        self.stream.close()
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes)
            else data.encode("latin-1"))

    def reply(self):
        """One reply; its lines must end in CR LF and agree in the code."""
        lines = []
        while True:
            line = self.stream.readline()
            if not line:
                raise Closed("connection closed after %r" % lines)
            if not line.endswith(b"\r\n"):
                raise ValueError("no CR LF: %r" % line)
            lines.append(line[:-2].decode("latin-1"))
            if lines[-1][:3] != lines[0][:3]:
                raise ValueError("codes differ: %r" % lines)
            if lines[-1][3:4] != "-":
                return lines

    def command(self, line):
        self.send(line.encode("latin-1") + b"\r\n"
            if isinstance(line, str) else line + b"\r\n")
        return self.reply()

    def auth_plain(self, user, password):
        text = "\0%s\0%s" % (user, password)
        return self.command("AUTH PLAIN "
            + base64.b64encode(text.encode()).decode())

    def content(self, text):
        """The message after DATA was answered with 354."""
        lines = text.replace("\r\n", "\n").split("\n")
        self.send("".join(("." + l if l.startswith(".") else l) + "\r\n"
            for l in lines) + ".\r\n")
        return self.reply()

    def message(self, sender, rcpts, text):
        """One transaction; the replies of each stage, None if not reached.
        sender and rcpts as they are typed, brackets included."""
        done = Outcome()
        done.mail = self.command("MAIL FROM:" + sender)
        if not done.mail[0].startswith("2"):
            return done
        for rcpt in rcpts:
            done.rcpts.append(self.command("RCPT TO:" + rcpt))
        if not any(r[0].startswith("2") for r in done.rcpts):
            self.command("RSET")
            return done
        done.data = self.command("DATA")
        if done.data[0].startswith("3"):
            done.end = self.content(text)
        return done


class Outcome:
    def __init__(self):
        self.mail = None
        self.rcpts = []
        self.data = None
        self.end = None

    @property
    def accepted(self):
        return self.end is not None and self.end[0].startswith("2")
