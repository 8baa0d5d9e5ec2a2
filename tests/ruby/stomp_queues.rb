# ruby-stomp at queues of the program, over TCP: `stomp_queues.rb SCENARIO PORT`.
#
# It ends with status 0 when everything was as it should be. Each wait has a bound.

require 'stomp'
require 'timeout'

PATIENCE = 60
VERSIONS = %w[1.0 1.1 1.2].freeze
WITH_NACK = %w[1.1 1.2].freeze

def equal(actual, expected)
  raise "#{actual.inspect} instead of #{expected.inspect}" unless actual == expected
end

# A connection whose frames can be waited for by their command.
class Session
  attr_reader :connection, :version

  def initialize(port, version)
    @version = version
    @waiting = []
    @receipts = 0
    headers = version == '1.0' ? {} : { 'accept-version' => version, 'host' => 'localhost' }
    host = { login: 'somebody', passcode: 'secret', host: '127.0.0.1', port: port, ssl: false }
    parameters = { hosts: [host], connect_headers: headers, reliable: false }
    # Waiting has its own bound; a frame may come in parts.
    @connection = Stomp::Connection.new(parameters.merge(parse_timeout: PATIENCE))
    equal(@connection.protocol, version)
  end

  # The next frame of this command; others wait until they are asked for.
  def take(command)
    at = @waiting.index { |frame| frame.command == command }
    return @waiting.delete_at(at) if at

    Timeout.timeout(PATIENCE) do
      loop do
        frame = @connection.receive
        raise "the end instead of #{command}" if frame.nil?
        return frame if frame.command == command
        raise frame.to_s if frame.command == 'ERROR'

        @waiting << frame
      end
    end
  end

  # Asks for a receipt with the headers that it yields, and waits for it.
  def receipted
    id = "r-#{@receipts += 1}"
    yield({ receipt: id })
    equal(take('RECEIPT').headers['receipt-id'], id)
  end

  def subscribe(queue, mode, prefetch = 64)
    headers = { ack: mode, 'prefetch-count': prefetch.to_s, id: '7' }
    receipted { |receipt| @connection.subscribe(queue, headers.merge(receipt)) }
  end

  def send(queue, body, headers = {})
    receipted { |receipt| @connection.publish(queue, body, headers.merge(receipt)) }
  end

  # Acknowledges or rejects a message, in the words of each version.
  def settle(command, message, headers = {})
    receipted { |receipt| tell(command, message, headers.merge(receipt)) }
  end

  def tell(command, message, headers = {})
    name = @version == '1.2' ? 'ack' : 'message-id'
    more = @version == '1.1' ? { subscription: message.headers['subscription'] } : {}
    @connection.public_send(command, message.headers[name], more.merge(headers))
  end

  def messages(count)
    Array.new(count) { take('MESSAGE') }
  end

  def leave
    @connection.disconnect(receipt: 'bye')
    equal(@connection.disconnect_receipt.headers['receipt-id'], 'bye')
  end

  # Is gone without a word.
  def cut
    @connection.__send__(:close_socket)
  end
end

def fill(port, queue, bodies)
  producer = Session.new(port, '1.2')
  bodies.each { |body| producer.send(queue, body) }
  producer.connection.disconnect
end

# These are in the queue still, and nothing else: a last message comes behind them. Whoever has taken
# from the queue must have left.
def expect_left(port, queue, expected)
  newcomer = Session.new(port, '1.2')
  newcomer.subscribe(queue, 'auto')
  equal(newcomer.messages(expected.size).map(&:body), expected)
  fill(port, queue, ['last'])
  equal(newcomer.take('MESSAGE').body, 'last')
  newcomer.connection.disconnect
end

def consumer(port, version, queue, mode, prefetch = 64)
  session = Session.new(port, version)
  session.subscribe(queue, mode, prefetch)
  session
end

def sharing(port)
  VERSIONS.each do |version|
    queue = "/queue/ruby/sharing/#{version}"
    consumers = Array.new(2) { consumer(port, version, queue, 'client', 1) }
    bodies = (0...20).map(&:to_s)
    fill(port, queue, bodies)
    got = []
    10.times do
      # Each has one that it has not acknowledged, as long as there are two.
      consumers.each do |one|
        message = one.take('MESSAGE')
        got << message.body
        one.settle(:ack, message)
      end
    end
    equal(got.sort_by(&:to_i), bodies)
    consumers.each(&:leave)
    expect_left(port, queue, [])
  end
end

def cut(port)
  VERSIONS.each do |version|
    queue = "/queue/ruby/cut/#{version}"
    first = consumer(port, version, queue, 'client')
    fill(port, queue, %w[1 2 3 4])
    got = first.messages(4)
    first.settle(:ack, got[0])
    second = consumer(port, version, queue, 'client')
    first.cut
    again = second.messages(3)
    equal(again.map(&:body), %w[2 3 4])
    again.each do |message|
      equal(message.headers['redelivered'], 'true')
      equal(message.headers['delivery-count'], '2')
      second.settle(:ack, message)
    end
    second.leave
    expect_left(port, queue, [])
  end
end

def modes(port)
  expected = { 'client' => ['5'], 'client-individual' => %w[1 2 3 5] }
  WITH_NACK.product(expected.to_a).each do |version, (mode, rest)|
    queue = "/queue/ruby/modes/#{version}/#{mode}"
    worker = consumer(port, version, queue, mode)
    fill(port, queue, %w[1 2 3 4 5])
    worker.settle(:ack, worker.messages(5)[3])
    worker.cut
    expect_left(port, queue, rest)
  end
end

def rejecting(port)
  WITH_NACK.each do |version|
    queue = "/queue/ruby/rejecting/#{version}"
    first = consumer(port, version, queue, 'client-individual')
    fill(port, queue, %w[1 2])
    got = first.messages(2)
    second = consumer(port, version, queue, 'client-individual')
    first.settle(:nack, got[0])
    again = second.take('MESSAGE')
    equal([again.body, again.headers['redelivered']], %w[1 true])
    second.settle(:ack, again)
    first.settle(:ack, got[1])
    first.leave
    second.leave
    expect_left(port, queue, [])
  end
end

def transactions(port)
  VERSIONS.each do |version|
    queue, target = "/queue/ruby/from/#{version}", "/queue/ruby/to/#{version}"
    worker = consumer(port, version, queue, 'client')
    fill(port, queue, %w[1 2])
    first, second = worker.messages(2)
    [[:abort, first], [:commit, first], [:abort, second]].each do |ending, message|
      worker.receipted { |receipt| worker.connection.begin('t', receipt) }
      worker.send(target, "#{ending} #{message.body}", transaction: 't')
      worker.settle(:ack, message, transaction: 't')
      worker.receipted { |receipt| worker.connection.public_send(ending, 't', receipt) }
    end
    expect_left(port, target, ['commit 1'])
    # What is open when a session ends has never been.
    worker.connection.begin('t')
    worker.send(target, 'never', transaction: 't')
    worker.settle(:ack, second, transaction: 't')
    worker.cut
    expect_left(port, queue, ['2'])
    expect_left(port, target, [])
  end
end

# The client's own way to try a message again: in one transaction it acknowledges it and sends it, with
# all its headers, back to its queue, and after so many times to another one.
def unreceiving(port)
  queue, dead = '/queue/ruby/trying', '/queue/ruby/dead'
  worker = consumer(port, '1.0', queue, 'client')
  fill(port, queue, ['poison'])
  options = { dead_letter_queue: dead, max_redeliveries: 2, force_client_ack: true }
  3.times do |time|
    message = worker.take('MESSAGE')
    equal(message.headers['retry_count'], time.zero? ? nil : time.to_s)
    # It is another message with the same content.
    equal(message.headers['redelivered'], nil)
    equal(message.headers['transaction'], nil)
    worker.connection.unreceive(message, options)
  end
  collector = consumer(port, '1.2', dead, 'auto')
  message = collector.take('MESSAGE')
  equal([message.body, message.headers['original_destination']], ['poison', queue])
  worker.cut
  expect_left(port, queue, [])
end

def errors(port)
  VERSIONS.each do |version|
    queue = "/queue/ruby/errors/#{version}"
    worker = consumer(port, version, queue, 'client')
    fill(port, queue, ['1'])
    message = worker.take('MESSAGE')
    worker.settle(:ack, message)
    worker.tell(:ack, message)
    equal(worker.take('ERROR').headers['message'], 'not-delivered')
    other = Session.new(port, version)
    other.connection.commit('nothing')
    equal(other.take('ERROR').headers['message'], 'unknown-transaction')
  end
end

SCENARIOS = %w[sharing cut modes rejecting transactions unreceiving errors].freeze

name, port = ARGV
raise "no scenario #{name}" unless SCENARIOS.include?(name)

method(name).call(Integer(port))
