"""stomp.py at queues of the program, over TCP: `stomp_py_queues.py SCENARIO PORT`.

It ends with status 0 when everything was as it should be. Each wait has a bound.
"""

import sys

from stomp_py import VERSIONS, connected, equal

WITH_NACK = ("1.1", "1.2")


class Consumer:
    """A session that takes messages from a queue."""

    def __init__(self, port, version, queue, mode, prefetch=64):
        self.version = version
        self.receipts = 0
        self.connection, self.inbox = connected(port, version)
        more = {"prefetch-count": str(prefetch), "receipt": "consumes"}
        self.connection.subscribe(queue, id="7", ack=mode, headers=more)
        equal(self.inbox.take("receipt").headers["receipt-id"], "consumes")

    def take(self, count):
        return [self.inbox.take("message") for _ in range(count)]

    def settle(self, command, message, transaction=None):
        """`ack` or `nack`, and its receipt."""
        receipt = self.send_settling(command, message, transaction)
        equal(self.inbox.take("receipt").headers["receipt-id"], receipt)

    def send_settling(self, command, message, transaction=None):
        """In the words of each version; gives the receipt that is asked for."""
        self.receipts += 1
        receipt = f"settled-{self.receipts}"
        headers = message.headers
        names = {
            "1.0": lambda: [headers["message-id"]],
            "1.1": lambda: [headers["message-id"], headers["subscription"]],
            "1.2": lambda: [headers["ack"]],
        }
        method = getattr(self.connection, command)
        method(*names[self.version](), transaction=transaction, receipt=receipt)
        return receipt

    def leave(self):
        self.connection.disconnect(receipt="bye")
        equal(self.inbox.take("receipt").headers["receipt-id"], "bye")

    def cut(self):
        """Is gone without a word."""
        self.connection.transport.disconnect_socket()


def fill(port, queue, bodies):
    connection, inbox = connected(port, "1.2")
    for body in bodies:
        connection.send(queue, body, receipt=body)
        equal(inbox.take("receipt").headers["receipt-id"], body)
    connection.disconnect()


def bodies(messages):
    return [message.body for message in messages]


def expect_left(port, queue, expected):
    """These are in the queue still, and nothing else: a last message comes behind them. Whoever has
    taken from the queue must have left."""
    newcomer = Consumer(port, "1.2", queue, "auto")
    equal(bodies(newcomer.take(len(expected))), expected)
    fill(port, queue, ["last"])
    equal(bodies(newcomer.take(1)), ["last"])
    newcomer.connection.disconnect()


def sharing(port):
    for version in VERSIONS:
        queue = f"/queue/py/sharing/{version}"
        consumers = [Consumer(port, version, queue, "client", 1) for _ in range(2)]
        numbers = [str(number) for number in range(20)]
        fill(port, queue, numbers)
        got = []
        while len(got) < len(numbers):
            # Each has one that it has not acknowledged, as long as there are two.
            for consumer in consumers:
                (message,) = consumer.take(1)
                got.append(message.body)
                consumer.settle("ack", message)
        equal(sorted(got, key=int), numbers)
        for consumer in consumers:
            consumer.leave()
        expect_left(port, queue, [])


def cut(port):
    for version in VERSIONS:
        queue = f"/queue/py/cut/{version}"
        first = Consumer(port, version, queue, "client")
        fill(port, queue, ["1", "2", "3", "4"])
        got = first.take(4)
        first.settle("ack", got[0])
        second = Consumer(port, version, queue, "client")
        first.cut()
        again = second.take(3)
        equal(bodies(again), ["2", "3", "4"])
        for message in again:
            equal(message.headers["redelivered"], "true")
            equal(message.headers["delivery-count"], "2")
            second.settle("ack", message)
        second.leave()
        expect_left(port, queue, [])


def modes(port):
    for version in WITH_NACK:
        for mode, expected in (("client", ["5"]), ("client-individual", ["1", "2", "3", "5"])):
            queue = f"/queue/py/modes/{version}/{mode}"
            consumer = Consumer(port, version, queue, mode)
            fill(port, queue, ["1", "2", "3", "4", "5"])
            got = consumer.take(5)
            consumer.settle("ack", got[3])
            consumer.cut()
            expect_left(port, queue, expected)


def rejecting(port):
    for version in WITH_NACK:
        queue = f"/queue/py/rejecting/{version}"
        first = Consumer(port, version, queue, "client-individual")
        fill(port, queue, ["1", "2"])
        got = first.take(2)
        second = Consumer(port, version, queue, "client-individual")
        first.settle("nack", got[0])
        (again,) = second.take(1)
        equal(again.body, "1")
        equal(again.headers["redelivered"], "true")
        second.settle("ack", again)
        first.settle("ack", got[1])
        first.leave()
        second.leave()
        expect_left(port, queue, [])


def transactions(port):
    for version in VERSIONS:
        queue, target = f"/queue/py/from/{version}", f"/queue/py/to/{version}"
        worker = Consumer(port, version, queue, "client")
        fill(port, queue, ["1", "2"])
        first, second = worker.take(2)
        steps = (("abort", first), ("commit", first), ("abort", second))
        for end, message in steps:
            name = worker.connection.begin()
            worker.connection.send(target, f"{end} {message.body}", transaction=name)
            worker.settle("ack", message, name)
            getattr(worker.connection, end)(name, receipt=end)
            equal(worker.inbox.take("receipt").headers["receipt-id"], end)
        expect_left(port, target, ["commit 1"])
        # What is open when a session ends has never been.
        name = worker.connection.begin()
        worker.connection.send(target, "never", transaction=name, receipt="never")
        equal(worker.inbox.take("receipt").headers["receipt-id"], "never")
        worker.settle("ack", second, name)
        worker.cut()
        expect_left(port, queue, ["2"])
        expect_left(port, target, [])


def errors(port):
    for version in VERSIONS:
        queue = f"/queue/py/errors/{version}"
        consumer = Consumer(port, version, queue, "client")
        fill(port, queue, ["1"])
        (message,) = consumer.take(1)
        consumer.settle("ack", message)
        consumer.send_settling("ack", message)
        equal(consumer.inbox.take("error").headers["message"], "not-delivered")
        connection, inbox = connected(port, version)
        connection.commit("nothing")
        equal(inbox.take("error").headers["message"], "unknown-transaction")


SCENARIOS = [sharing, cut, modes, rejecting, transactions, errors]

if __name__ == "__main__":
    name, port = sys.argv[1:]
    scenario = next(one for one in SCENARIOS if one.__name__ == name)
    scenario(int(port))
    # Threads of connections that were given up must not hold up the end.
    sys.exit(0)
