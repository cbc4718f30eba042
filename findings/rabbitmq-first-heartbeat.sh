#!/usr/bin/env bash
# RabbitMQ 3.10.8 (Debian 12): after its last message a broker may be silent for a whole heartbeat interval.
#
# Behaviour: with a heartbeat of 5 s agreed upon, an idle connection hears from the broker every 2.5 s. The broker looks
# every 2.5 s whether it has sent anything since the look before, and sends a heartbeat only if it has not. A message
# soon after a look therefore costs the heartbeat of the next one, and up to 5 s pass without a word.
# Why it matters: "heartbeats come at half the interval" is what one measures on an idle connection, and what a watchdog
# is set to. One that allows 3.5 s then takes a broker for dead in more than half of all cases in which traffic stops, for
# instance when an alarm blocks every publisher, and all is well.
#
# Output seen (times differ a little by machine):
#   RabbitMQ 3.10.8, heartbeat 5 s
#   idle: a word from the broker every 2501 ms
#   after a message 300 ms behind a heartbeat: silent for 4703 ms
set -euo pipefail
server=/usr/lib/rabbitmq/bin/rabbitmq-server
[ -x "$server" ] || { echo "no RabbitMQ of Debian here (apt-get install rabbitmq-server): not run"; exit 0; }
work=$(mktemp -d)
broker=
trap '[ -z "$broker" ] || { kill -9 "$broker" 2>/dev/null || true; wait "$broker" 2>/dev/null || true; }; rm -rf "$work"' EXIT
cd "$work"
npm install --loglevel=error --no-audit --no-fund amqplib@2.3.1 >/dev/null

free_port() { node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'; }
port=$(free_port)
printf 'listeners.tcp.1 = 127.0.0.1:%s\nlog.file = false\nlog.console = true\nlog.console.level = error\n' "$port" >rabbitmq.conf
printf '[].\n' >enabled_plugins
export HOME=$work ERL_EPMD_PORT=$(free_port) ERL_EPMD_ADDRESS=127.0.0.1 RABBITMQ_DIST_PORT=$(free_port)
export RABBITMQ_NODENAME="finding-$port@localhost" RABBITMQ_MNESIA_BASE=$work/mnesia RABBITMQ_LOG_BASE=$work/log
export RABBITMQ_ENABLED_PLUGINS_FILE=$work/enabled_plugins RABBITMQ_CONFIG_FILE=$work/rabbitmq.conf
export RABBITMQ_CONF_ENV_FILE=$work/none.conf RABBITMQ_ALLOW_INPUT=1
export RABBITMQ_SERVER_START_ARGS='-noinput -start_epmd false'
"$server" >server.log 2>&1 &
broker=$!

cat >heartbeat.mjs <<'JS'
import { setTimeout as sleep } from 'node:timers/promises';
import amqp from 'amqplib';

const url = `amqp://127.0.0.1:${process.argv[2]}?heartbeat=5`;

async function connect() {
  for (let tries = 0; ; tries += 1) {
    try {
      return await amqp.connect(url);
    } catch (error) {
      if (tries === 120) throw error;
      await sleep(500);
    }
  }
}

const model = await connect();
const channel = await model.createChannel();
const { stream, serverProperties } = model.connection;
/** The milliseconds until the broker next says anything. */
const silence = () => {
  const from = performance.now();
  return new Promise((resolve) => stream.once('data', () => resolve(Math.round(performance.now() - from))));
};
await silence();
await silence();
const idle = await silence();
await sleep(300);
await channel.assertQueue('', { exclusive: true });
const after = await silence();
console.log(`RabbitMQ ${serverProperties.version}, heartbeat 5 s`);
console.log(`idle: a word from the broker every ${idle} ms`);
console.log(`after a message 300 ms behind a heartbeat: silent for ${after} ms`);
await model.close();
if (!(idle < 3_000 && after > 4_000)) {
  console.log('changed: the broker is not silent for longer after a message');
  process.exitCode = 1;
}
JS
node heartbeat.mjs "$port"
