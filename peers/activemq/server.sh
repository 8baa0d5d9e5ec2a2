#!/bin/sh
# A peer for cargo xtask peers: ActiveMQ with STOMP over TCP, from Debian's packages unpacked into
# ./root and nothing installed.
#
# Usage: server.sh STOMP_PORT [ANYTHING]...
#
# It becomes the Java machine, so that this process's id is the server's.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
state=$here/state
rm -rf "$state"
mkdir -p "$state"
cd "$state"

jars=$here/root/usr/share/java
# What the service of Debian's package takes.
options='-Xms512M -Xmx512M -Dorg.apache.activemq.UseDedicatedTaskRunner=true'
options="$options -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dactivemq.data=$state"
classes=''
for jar in activemq-broker activemq-client activemq-console activemq-stomp \
    activemq-openwire-legacy hawtbuf geronimo-jms_1.1_spec geronimo-j2ee-management-1.1-spec \
    slf4j-api slf4j-simple; do
    classes="$classes:$jars/$jar.jar"
done

# A broker as its defaults make it, but that it writes nothing to a disk and no console watches it.
broker="broker:(stomp://127.0.0.1:$1)?persistent=false&useJmx=false&brokerName=peer"
# shellcheck disable=SC2086 # The options are words.
exec java $options -cp "${classes#:}" org.apache.activemq.console.Main start "$broker"
