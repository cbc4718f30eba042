#!/usr/bin/env bash
# nodemailer 10.6.1: what becomes of a mail whose sending is aborted or closed.
#
# Behaviour: a signal is heard at once and its error, EABORT, is the same before the mail was handed over as after it,
# while the server's answer is on its way: that mail is delivered. `transport.close()` stops nothing that has begun,
# pooled or not: the mail is sent, and its promise resolves.
# Why it matters: who sends again what was "aborted" sends some mails twice, and who closes the transport to stop
# sends them all the same.
#
# Output seen:
#   signal, at MAIL: rejects AbortError EABORT 'Message sending aborted', cause the reason; mails taken: 0
#   signal, at DATA: rejects AbortError EABORT 'Message sending aborted', cause the reason; mails taken: 0
#   signal, at end: rejects AbortError EABORT 'Message sending aborted', cause the reason; mails taken: 1
#   signal, pool, at MAIL: rejects AbortError EABORT 'Message sending aborted', cause the reason; mails taken: 0
#   signal, pool, at DATA: rejects AbortError EABORT 'Message sending aborted', cause the reason; mails taken: 0
#   signal, pool, at end: rejects AbortError EABORT 'Message sending aborted', cause the reason; mails taken: 1
#   close(), at MAIL: goes on, then resolves; mails taken: 1
#   close(), at DATA: goes on, then resolves; mails taken: 1
#   close(), at end: goes on, then resolves; mails taken: 1
#   close(), pool, at MAIL: goes on, then resolves; mails taken: 1
#   close(), pool, at DATA: goes on, then resolves; mails taken: 1
#   close(), pool, at end: goes on, then resolves; mails taken: 1
set -euo pipefail
script=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --loglevel=error --no-audit --no-fund nodemailer@10.6.1 >/dev/null

cat >mail.mjs <<'JS'
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import nodemailer from 'nodemailer';

/** A mail server that takes its time for a step, and counts the mails it has taken. */
let slowAt;
let taken = 0;
let reached = () => undefined;
const server = createServer((socket) => {
  let inData = false;
  const answer = async (step, text) => {
    if (step === slowAt) {
      reached();
      await sleep(500);
    }
    socket.write(`${text}\r\n`);
  };
  socket.on('error', () => undefined);
  socket.write('220 stub\r\n');
  let text = '';
  socket.on('data', (data) => {
    text += data;
    if (inData) {
      if (!text.endsWith('\r\n.\r\n')) return;
      inData = false;
      text = '';
      taken += 1;
      void answer('end', '250 taken');
      return;
    }
    for (let at = text.indexOf('\r\n'); at >= 0; at = text.indexOf('\r\n')) {
      const verb = text.slice(0, 4).toUpperCase();
      text = text.slice(at + 2);
      inData = verb === 'DATA';
      void answer(verb, verb === 'DATA' ? '354 go on' : '250 ok');
    }
  });
});
await once(server.listen(0, '127.0.0.1'), 'listening');
const base = { host: '127.0.0.1', port: server.address().port, ignoreTLS: true };
const mail = { from: 'a@example.org', to: 'b@example.org', subject: 'x', text: 'y' };

async function aborted(step, options, stop) {
  slowAt = step;
  taken = 0;
  const transport = nodemailer.createTransport({ ...base, ...options });
  const controller = new AbortController();
  const there = new Promise((resolve) => (reached = resolve));
  const end = transport.sendMail({ ...mail, ...(stop === 'signal' && { signal: controller.signal }) }).then(
    () => 'resolves',
    (error) => `rejects ${error.name} ${error.code ?? ''}`.trim() + ` '${error.message}'` + `, cause ${error.cause === controller.signal.reason ? 'the reason' : 'none'}`,
  );
  await there;
  await sleep(100);
  if (stop === 'signal') controller.abort(new Error('stop'));
  else transport.close();
  const how = await Promise.race([end, sleep(200, 'goes on')]);
  const late = how === 'goes on' ? `, then ${await Promise.race([end, sleep(5000, 'waits for ever')])}` : '';
  await sleep(800);
  return `${how}${late}; mails taken: ${taken}`;
}
for (const stop of ['signal', 'close()'])
  for (const pool of [false, true])
    for (const step of ['MAIL', 'DATA', 'end']) console.log(`${stop}${pool ? ', pool' : ''}, at ${step}: ${await aborted(step, { pool }, stop)}`);
process.exit();
JS
node mail.mjs | tee seen
sed -n 's/^#   //p' "$script" | diff - seen || { echo 'changed: something else becomes of the mail'; exit 1; }
