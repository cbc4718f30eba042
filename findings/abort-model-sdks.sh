#!/usr/bin/env bash
# openai 6.30.1 and 7.59.0, @anthropic-ai/sdk 1.14.0, ai 6.0.325 with @ai-sdk/openai 3.0.141, @google/genai 2.32.0 and
# @langchain/openai 1.6.0 against a server of their own: an abort before the answer, in a stream, and while they wait
# to try again.
#
# Behaviour: all close the connection. But a `for await` over the stream of openai or @anthropic-ai/sdk ends as if the
# answer had come to its end, without an error. openai 6 and langchain wait `retry-after` out before they look at the
# signal. The reason is lost in openai 6, @anthropic-ai/sdk, google genai and langchain's `invoke`; openai 7 has it as
# the cause of its error, and ai as that of an APICallError.
# Why it matters: half an answer passes for a whole one unless one asks `signal.aborted` after the loop; and a cancel
# during a rate limit is obeyed when the server's time is up.
#
# Output seen:
#   openai 6, silent: rejects APIUserAbortError, cause none; closed
#   openai 6, stream: resolves; closed
#   openai 6, busy: waits, then rejects APIUserAbortError, cause none; 1 requests
#   openai 7, silent: rejects APIUserAbortError, cause the reason; closed
#   openai 7, stream: resolves; closed
#   openai 7, busy: rejects APIUserAbortError, cause the reason; 1 requests
#   anthropic, silent: rejects APIUserAbortError, cause none; closed
#   anthropic, stream: resolves; closed
#   anthropic, busy: rejects APIUserAbortError, cause none; 1 requests
#   ai 6, silent: rejects the reason; closed
#   ai 6, stream: rejects APICallError, cause the reason; closed
#   ai 6, busy: rejects DOMException, cause none; 1 requests
#   google genai, silent: rejects DOMException, cause none; closed
#   google genai, stream: rejects DOMException, cause none; closed
#   google genai, busy: rejects ApiError, cause none; 1 requests
#   langchain, silent: rejects Error, cause none; closed
#   langchain, stream: rejects the reason; closed
#   langchain, busy: waits, then rejects Error, cause none; 1 requests
set -euo pipefail
script=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --loglevel=error --no-audit --no-fund --ignore-scripts openai-6@npm:openai@6.30.1 openai@7.59.0 @anthropic-ai/sdk@1.14.0 ai@6.0.325 \
  @ai-sdk/openai@3.0.141 @google/genai@2.32.0 @langchain/openai@1.6.0 @langchain/core@1 zod@4 "node-linux-$(node -p process.arch)@24.22.3" >/dev/null

cat >models.mjs <<'JS'
import { once } from 'node:events';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import Anthropic from '@anthropic-ai/sdk';
import { createOpenAI } from '@ai-sdk/openai';
import { GoogleGenAI } from '@google/genai';
import { ChatOpenAI } from '@langchain/openai';
import { generateText, streamText } from 'ai';
import OpenAI from 'openai';
import OpenAI6 from 'openai-6';

const chunk = { id: '1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta: { content: 'x' } }] };
const event = { type: 'message_start', message: { id: '1', type: 'message', role: 'assistant', content: [], usage: {} } };
let mode;
let closed;
let requests = 0;
const server = http.createServer((incoming, response) => {
  incoming.resume();
  requests += 1;
  closed = once(response, 'close');
  if (mode === 'busy') {
    response.writeHead(429, { 'retry-after': '4', 'content-type': 'application/json' });
    response.end('{"error":{"message":"busy"}}');
  }
  if (mode === 'stream') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const text = incoming.url.includes('messages') ? `event: message_start\ndata: ${JSON.stringify(event)}` : `data: ${JSON.stringify(chunk)}`;
    response.write(`${text}\n\n`);
  }
});
await once(server.listen(0, '127.0.0.1'), 'listening');
const baseURL = `http://127.0.0.1:${server.address().port}`;

function told(error, reason) {
  if (error === reason) return 'the reason';
  const cause = error.cause === reason ? 'the reason' : (error.cause?.name ?? error.cause ?? 'none');
  return `${error.constructor.name}, cause ${cause}`;
}

async function aborted(call, how) {
  mode = how;
  requests = 0;
  const controller = new AbortController();
  const reason = new Error('stop');
  const heard = once(server, 'request');
  const end = call(controller.signal, how === 'stream').then(() => 'resolves', (error) => `rejects ${told(error, reason)}`);
  await heard;
  await sleep(500);
  controller.abort(reason);
  const first = await Promise.race([end, sleep(1_500, 'waits')]);
  const outcome = first === 'waits' ? `waits, then ${await Promise.race([end, sleep(10_000, 'hangs')])}` : first;
  const left = how === 'busy' ? `${requests} requests` : await Promise.race([closed.then(() => 'closed'), sleep(1_000, 'open')]);
  return `${outcome}; ${left}`;
}

async function read(stream) {
  for await (const _ of await stream);
}
const chat = { model: 'm', messages: [{ role: 'user', content: 'x' }] };
const options = { apiKey: 'x', baseURL };
const withOpenAI = (client) => (signal, stream) =>
  stream ? read(client.chat.completions.create({ ...chat, stream }, { signal })) : client.chat.completions.create(chat, { signal });
const model = createOpenAI(options).chat('m');
const google = new GoogleGenAI({ apiKey: 'x', httpOptions: { baseUrl: baseURL } });
const langchain = new ChatOpenAI({ apiKey: 'x', model: 'm', configuration: { baseURL } });
const calls = {
  'openai 6': withOpenAI(new OpenAI6(options)),
  'openai 7': withOpenAI(new OpenAI(options)),
  anthropic: (signal, stream) => {
    const client = new Anthropic(options);
    const body = { ...chat, max_tokens: 1 };
    return stream ? read(client.messages.create({ ...body, stream }, { signal })) : client.messages.create(body, { signal });
  },
  'ai 6': async (abortSignal, stream) => {
    if (!stream) return generateText({ model, prompt: 'x', abortSignal });
    const answer = streamText({ model, prompt: 'x', abortSignal, onError() {} });
    await read(answer.textStream);
  },
  'google genai': async (abortSignal, stream) => {
    const question = { model: 'm', contents: 'x', config: { abortSignal } };
    return stream ? read(google.models.generateContentStream(question)) : google.models.generateContent(question);
  },
  langchain: (signal, stream) => (stream ? read(langchain.stream('x', { signal })) : langchain.invoke('x', { signal })),
};
for (const [name, call] of Object.entries(calls)) {
  for (const how of ['silent', 'stream', 'busy']) console.log(`${name}, ${how}: ${await aborted(call, how)}`);
}
process.exit();
JS
node_modules/node-linux-*/bin/node models.mjs | tee seen
sed -n 's/^#   //p' "$script" | diff - seen || { echo 'changed: an aborted call of a model does something else'; exit 1; }
