"""stomp.py as a client of the program, over TCP: `stomp_py.py SCENARIO PORT`.

It ends with status 0 when everything was as it should be. Each wait has a bound.
"""

import queue
import select
import ssl
import sys
import threading

import stomp

PATIENCE = 60
VERSIONS = {
    "1.0": stomp.Connection10,
    "1.1": stomp.Connection11,
    "1.2": stomp.Connection12,
}


class Inbox(stomp.ConnectionListener):
    """Puts what happens where it can be waited for."""

    def __init__(self):
        self.events = {
            name: queue.Queue()
            for name in ("connected", "message", "receipt", "error", "heartbeat", "disconnected")
        }

    def take(self, name):
        return self.events[name].get(timeout=PATIENCE)

    def on_connected(self, frame):
        self.events["connected"].put(frame)

    def on_message(self, frame):
        self.events["message"].put(frame)

    def on_receipt(self, frame):
        self.events["receipt"].put(frame)

    def on_error(self, frame):
        self.events["error"].put(frame)

    def on_heartbeat(self):
        self.events["heartbeat"].put(None)

    def on_disconnected(self):
        self.events["disconnected"].put(None)


class OneThreadAtATime(ssl.SSLSocket):
    """A socket under TLS that two threads may use, as those of stomp.py do.

    Before Python 3.13 ssl does not see to that by itself: where one thread reads the server's
    tickets while another sends CONNECT, the frame may be lost.
    """

    turn = threading.Lock()

    def recv(self, count=1024, flags=0):
        while True:
            try:
                # What is decrypted already does not show at the socket.
                select.select([self], [], [], 0 if self.pending() else None)
            except ValueError:
                # It was closed meanwhile.
                return b""
            with self.turn:
                timeout = self.gettimeout()
                self.settimeout(0)
                try:
                    return super().recv(count, flags)
                except ssl.SSLWantReadError:
                    pass
                finally:
                    self.settimeout(timeout)

    def send(self, data, flags=0):
        with self.turn:
            return super().send(data, flags)


ssl.SSLContext.sslsocket_class = OneThreadAtATime


def equal(actual, expected):
    if actual != expected:
        raise AssertionError(f"{actual!r} instead of {expected!r}")


def connected(port, version, secure=False, **settings):
    address = [("127.0.0.1", port)]
    connection = VERSIONS[version](address, reconnect_attempts_max=1, **settings)
    if secure:
        connection.set_ssl(for_hosts=address)
    inbox = Inbox()
    connection.set_listener("inbox", inbox)
    connection.connect("somebody", "secret", wait=True)
    if version != "1.0":
        equal(inbox.take("connected").headers["version"], version)
    return connection, inbox


def talk(port, version, secure=False):
    """Subscribes, sends, receives, unsubscribes, leaves; with a receipt for each."""
    connection, inbox = connected(port, version, secure)
    topic = f"/topic/talk/{version}"
    connection.subscribe(topic, id="7", receipt="subscribed")
    equal(inbox.take("receipt").headers["receipt-id"], "subscribed")
    for number in range(100):
        connection.send(topic, f"message {number} grüezi 你好")
    for number in range(100):
        message = inbox.take("message")
        equal(message.body, f"message {number} grüezi 你好")
        equal(message.headers["subscription"], "7")
        equal(message.headers["destination"], topic)
    connection.send(topic, "last", receipt="sent")
    equal(inbox.take("receipt").headers["receipt-id"], "sent")
    equal(inbox.take("message").body, "last")
    connection.unsubscribe(id="7", destination=topic, receipt="unsubscribed")
    equal(inbox.take("receipt").headers["receipt-id"], "unsubscribed")
    connection.disconnect(receipt="bye")
    equal(inbox.take("receipt").headers["receipt-id"], "bye")
    inbox.take("disconnected")


def versions(port):
    for version in VERSIONS:
        talk(port, version)


def tls(port):
    for version in VERSIONS:
        talk(port, version, secure=True)


def headers(port):
    for version in ("1.1", "1.2"):
        connection, inbox = connected(port, version)
        connection.subscribe("/topic/headers", id="a:b")
        strange = {
            "with": "a colon: here, a \\ backslash and\na line end",
            # It escapes values only, so that a name may hold no colon.
            "你好": "🔔",
            "empty": "",
        }
        connection.send("/topic/headers", "x", headers=strange)
        message = inbox.take("message")
        equal(message.headers["subscription"], "a:b")
        for name, value in strange.items():
            equal(message.headers[name], value)
        connection.disconnect()


def binary(port):
    body = bytes(range(256)) * 8
    for version in VERSIONS:
        connection, inbox = connected(port, version, auto_decode=False)
        connection.subscribe("/topic/binary", id="0")
        connection.send("/topic/binary", body, content_type="application/octet-stream")
        message = inbox.take("message")
        equal(message.headers["content-type"], "application/octet-stream")
        equal(message.body, body)
        connection.disconnect()


def heart_beats(port):
    connection, inbox = connected(port, "1.2", heartbeats=(1000, 1000))
    for _ in range(3):
        inbox.take("heartbeat")
    connection.subscribe("/topic/beats", id="0")
    connection.send("/topic/beats", "still there")
    equal(inbox.take("message").body, "still there")
    connection.disconnect()


def errors(port):
    for version in VERSIONS:
        connection, inbox = connected(port, version)
        connection.subscribe("/nowhere", id="0", receipt="r")
        error = inbox.take("error")
        equal(error.headers["message"], "unknown-destination")
        equal(error.headers["receipt-id"], "r")
        assert "/nowhere" in error.body, error.body
        inbox.take("disconnected")
        connection, inbox = connected(port, version)
        connection.send_frame("NONSENSE")
        equal(inbox.take("error").headers["message"], "unknown-command")
        inbox.take("disconnected")


SCENARIOS = [versions, tls, headers, binary, heart_beats, errors]

if __name__ == "__main__":
    name, port = sys.argv[1:]
    scenario = next(one for one in SCENARIOS if one.__name__ == name)
    scenario(int(port))
    # Threads of connections that were given up must not hold up the end.
    sys.exit(0)
