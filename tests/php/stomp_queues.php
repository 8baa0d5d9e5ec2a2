<?php

// PHP's extension stomp at queues of the program, over TCP: `stomp_queues.php SCENARIO PORT`.
//
// It ends with status 0 when everything was as it should be. Each wait has a bound. The extension speaks
// 1.0 unless a header says otherwise, acknowledges by all headers of the MESSAGE, and subscribes with
// `ack:client` unless it is told another mode.

declare(strict_types=1);

const PATIENCE = 60;
const VERSIONS = ['1.0', '1.1', '1.2'];
const WITH_NACK = ['1.1', '1.2'];

// A warning is a failure, too.
set_error_handler(function (int $level, string $words, string $file, int $line): never {
    throw new ErrorException($words, 0, $level, $file, $line);
});

function equal(mixed $actual, mixed $expected): void
{
    if ($actual !== $expected) {
        $words = var_export($actual, true) . ' instead of ' . var_export($expected, true);
        throw new LogicException($words);
    }
}

final class Session
{
    public Stomp $stomp;
    private int $receipts = 0;
    private string $queue = '';

    public function __construct(private int $port, private string $version)
    {
        $headers = $version === '1.0' ? [] : ['accept-version' => $version, 'host' => 'localhost'];
        $this->stomp = new Stomp("tcp://127.0.0.1:$port", 'somebody', 'secret', $headers);
        $this->stomp->setReadTimeout(PATIENCE);
    }

    /** With a receipt each call ends when the server has done what it says. */
    private function receipt(array $headers): array
    {
        $this->receipts += 1;
        return $headers + ['receipt' => "r-{$this->receipts}"];
    }

    public function subscribe(string $queue, ?string $mode, int $prefetch = 64): self
    {
        $headers = ['id' => '7', 'prefetch-count' => (string) $prefetch];
        $headers += $mode === null ? [] : ['ack' => $mode];
        equal($this->stomp->subscribe($queue, $this->receipt($headers)), true);
        $this->queue = $queue;
        return $this;
    }

    public function send(string $queue, string $body, array $headers = []): void
    {
        equal($this->stomp->send($queue, $body, $this->receipt($headers)), true);
    }

    public function take(): StompFrame
    {
        $frame = $this->stomp->readFrame();
        if ($frame === false) {
            throw new LogicException('no frame: ' . var_export($this->stomp->error(), true));
        }
        equal($frame->command, 'MESSAGE');
        return $frame;
    }

    /** So many messages. */
    public function messages(int $count): array
    {
        $taken = [];
        for ($at = 0; $at < $count; $at += 1) {
            $taken[] = $this->take();
        }
        return $taken;
    }

    /** `ack` or `nack`. Of what 1.2 asks for the extension knows nothing. */
    public function settle(string $command, StompFrame $message, array $headers = []): bool
    {
        $more = $this->version === '1.2' ? ['id' => $message->headers['ack']] : [];
        return $this->stomp->$command($message, $this->receipt($headers + $more));
    }

    /** Takes nothing more. */
    public function leave(): void
    {
        equal($this->stomp->unsubscribe($this->queue, $this->receipt(['id' => '7'])), true);
    }

    /** BEGIN, COMMIT or ABORT. */
    public function transaction(string $command, string $name): bool
    {
        return $this->stomp->$command($name, $this->receipt([]));
    }
}

function fill(int $port, string $queue, array $bodies): void
{
    $producer = new Session($port, '1.2');
    foreach ($bodies as $body) {
        $producer->send($queue, $body);
    }
}

function bodies(array $messages): array
{
    return array_map(fn (StompFrame $message) => $message->body, $messages);
}

/**
 * These are in the queue still, and nothing else: a last message comes behind them. Whoever has taken
 * from the queue must have left.
 */
function expect_left(int $port, string $queue, array $expected): void
{
    $newcomer = (new Session($port, '1.2'))->subscribe($queue, 'auto');
    equal(bodies($newcomer->messages(count($expected))), $expected);
    fill($port, $queue, ['last']);
    equal(bodies($newcomer->messages(1)), ['last']);
}

/** Does this in a process of its own, which is then gone without a word. */
function killed(callable $work): void
{
    $child = pcntl_fork();
    if ($child === 0) {
        try {
            $work();
        } catch (Throwable $failure) {
            fwrite(STDERR, "$failure\n");
            exit(1);
        }
        posix_kill(posix_getpid(), SIGKILL);
    }
    equal(pcntl_waitpid($child, $status), $child);
    equal(pcntl_wifsignaled($status), true);
}

function sharing(int $port): void
{
    foreach (VERSIONS as $version) {
        $queue = "/queue/php/sharing/$version";
        $consumers = [];
        foreach ([0, 1] as $at) {
            // `ack:client` is what the extension asks for by itself.
            $consumers[$at] = (new Session($port, $version))->subscribe($queue, null, 1);
        }
        $expected = array_map('strval', range(0, 19));
        fill($port, $queue, $expected);
        $got = [];
        foreach (range(0, 9) as $round) {
            // Each has one that it has not acknowledged, as long as there are two.
            foreach ($consumers as $consumer) {
                $message = $consumer->take();
                $got[] = $message->body;
                equal($consumer->settle('ack', $message), true);
            }
        }
        sort($got, SORT_NUMERIC);
        equal($got, $expected);
        foreach ($consumers as $consumer) {
            $consumer->leave();
        }
        expect_left($port, $queue, []);
    }
}

function cut(int $port): void
{
    foreach (VERSIONS as $version) {
        $queue = "/queue/php/cut/$version";
        fill($port, $queue, ['1', '2', '3', '4']);
        killed(function () use ($port, $version, $queue): void {
            $first = (new Session($port, $version))->subscribe($queue, 'client');
            $got = $first->messages(4);
            equal($first->settle('ack', $got[0]), true);
        });
        $second = (new Session($port, $version))->subscribe($queue, 'client');
        foreach (['2', '3', '4'] as $body) {
            $again = $second->take();
            equal($again->body, $body);
            equal($again->headers['redelivered'], 'true');
            equal($again->headers['delivery-count'], '2');
            equal($second->settle('ack', $again), true);
        }
        $second->leave();
        expect_left($port, $queue, []);
    }
}

function modes(int $port): void
{
    $modes = ['client' => ['5'], 'client-individual' => ['1', '2', '3', '5']];
    foreach (WITH_NACK as $version) {
        foreach ($modes as $mode => $expected) {
            $queue = "/queue/php/modes/$version/$mode";
            fill($port, $queue, ['1', '2', '3', '4', '5']);
            killed(function () use ($port, $version, $queue, $mode): void {
                $worker = (new Session($port, $version))->subscribe($queue, $mode);
                equal($worker->settle('ack', $worker->messages(5)[3]), true);
            });
            expect_left($port, $queue, $expected);
        }
    }
}

function rejecting(int $port): void
{
    foreach (WITH_NACK as $version) {
        $queue = "/queue/php/rejecting/$version";
        $first = (new Session($port, $version))->subscribe($queue, 'client-individual');
        fill($port, $queue, ['1', '2']);
        $got = $first->messages(2);
        $second = (new Session($port, $version))->subscribe($queue, 'client-individual');
        equal($first->settle('nack', $got[0]), true);
        $again = $second->take();
        equal([$again->body, $again->headers['redelivered']], ['1', 'true']);
        equal($second->settle('ack', $again), true);
        equal($first->settle('ack', $got[1]), true);
        $first->leave();
        $second->leave();
        expect_left($port, $queue, []);
    }
}

function transactions(int $port): void
{
    foreach (VERSIONS as $version) {
        [$queue, $target] = ["/queue/php/from/$version", "/queue/php/to/$version"];
        fill($port, $queue, ['1', '2']);
        killed(function () use ($port, $version, $queue, $target): void {
            $worker = (new Session($port, $version))->subscribe($queue, 'client');
            [$first, $second] = $worker->messages(2);
            foreach ([['abort', $first], ['commit', $first], ['abort', $second]] as [$end, $message]) {
                equal($worker->transaction('begin', 't'), true);
                $worker->send($target, "$end {$message->body}", ['transaction' => 't']);
                equal($worker->settle('ack', $message, ['transaction' => 't']), true);
                equal($worker->transaction($end, 't'), true);
            }
            // What is open when a session ends has never been.
            equal($worker->transaction('begin', 't'), true);
            $worker->send($target, 'never', ['transaction' => 't']);
            equal($worker->settle('ack', $second, ['transaction' => 't']), true);
        });
        expect_left($port, $queue, ['2']);
        expect_left($port, $target, ['commit 1']);
    }
}

function errors(int $port): void
{
    foreach (VERSIONS as $version) {
        $queue = "/queue/php/errors/$version";
        $worker = (new Session($port, $version))->subscribe($queue, 'client');
        fill($port, $queue, ['1']);
        $message = $worker->take();
        equal($worker->settle('ack', $message), true);
        equal($worker->settle('ack', $message), false);
        equal(str_contains((string) $worker->stomp->error(), 'not-delivered'), true);
        $other = new Session($port, $version);
        equal($other->transaction('commit', 'nothing'), false);
        equal(str_contains((string) $other->stomp->error(), 'unknown-transaction'), true);
    }
}

const SCENARIOS = ['sharing', 'cut', 'modes', 'rejecting', 'transactions', 'errors'];

[, $name, $port] = $argv;
equal(in_array($name, SCENARIOS, true), true);
$name((int) $port);
