#!/bin/sh
# A peer for cargo xtask peers: RabbitMQ with STOMP over TCP and over WebSocket, from Debian's
# packages unpacked into ./root and nothing installed.
#
# Usage: server.sh STOMP_PORT WEB_STOMP_PORT EPMD_PORT DISTRIBUTION_PORT
#
# It becomes the Erlang machine, so that this process's id is the server's. Erlang's port mapper
# runs beside it in the same process group and ends with it: what RabbitMQ starts by itself would
# stay behind.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
state=$here/state
rm -rf "$state"
mkdir -p "$state/bin" "$state/home"

# Debian's own script knows only /usr/lib/erlang.
export ROOTDIR="$here/root/usr/lib/erlang"
export BINDIR="$ROOTDIR/erts-$(ls "$ROOTDIR" | sed -n 's/^erts-//p')/bin"
export EMU=beam PROGNAME=erl
printf '#!/bin/sh\nexec "%s/erlexec" "$@"\n' "$BINDIR" > "$state/bin/erl"
chmod +x "$state/bin/erl"
export PATH="$state/bin:$PATH" HOME="$state/home"

{
    cat "$here/rabbitmq.conf"
    echo "stomp.listeners.tcp.1 = 127.0.0.1:$1"
    echo "web_stomp.tcp.port = $2"
} > "$state/rabbitmq.conf"
cp "$here/enabled_plugins" "$state/enabled_plugins"

export ERL_EPMD_PORT="$3" ERL_EPMD_ADDRESS=127.0.0.1
setpriv --pdeathsig TERM "$BINDIR/epmd" -port "$3" &

export RABBITMQ_NODENAME=peer@localhost RABBITMQ_DIST_PORT="$4"
export RABBITMQ_MNESIA_BASE="$state/mnesia" RABBITMQ_LOG_BASE="$state/log"
export RABBITMQ_CONFIG_FILE="$state/rabbitmq.conf"
export RABBITMQ_ADVANCED_CONFIG_FILE="$state/advanced.config"
export RABBITMQ_CONF_ENV_FILE="$state/none" RABBITMQ_ENABLED_PLUGINS_FILE="$state/enabled_plugins"
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-noinput -kernel inet_dist_use_interface {127,0,0,1}'
# Without this its script would stay above the Erlang machine, as another process.
export RABBITMQ_ALLOW_INPUT=1

exec "$here"/root/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server
