import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ByteBudget } from './byte-budget.ts';
import type { Caller } from './caller.ts';
import { type Desk, dispatch } from './dispatch.ts';
import type { Duty } from './duty.ts';
import { refusal } from './http-rpc.ts';

/** Largest message of a WebSocket, in bytes: larger requests go by HTTP, whose bodies are counted while they come. */
const MAX_MESSAGE = 2 ** 22;
/** Requests of one connection without an answer: more are not read before. */
const MAX_OPEN = 64;
/** Bytes that wait for a client to read them: above, it is let go. */
const MAX_UNREAD = 2 ** 25;
/** Pings and pongs in one interval of beats at most. */
const MAX_PINGS = 64;
/** A client that does not answer a ping until the next is gone. */
const BEAT_MS = 30_000;
/** Time for a message to come whole. */
const MESSAGE_MS = 30_000;

export interface SocketRules {
  readonly desk: Desk;
  readonly duty: Duty;
  readonly budget: ByteBudget;
  readonly maxBytes: number;
}

export interface Sockets {
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly count: () => number;
  readonly close: () => void;
}

interface Peer {
  alive: boolean;
  pings: number;
}

/** Serves one connection. */
const attend = (rules: SocketRules, ws: WebSocket, stream: Duplex, authorization: string | undefined): Peer => {
  const { desk, duty, budget } = rules;
  const peer: Peer = { alive: true, pings: 0 };
  let open = 0;
  let coming = 0;
  let late: NodeJS.Timeout | undefined;
  const send = (text: string): void => {
    if (ws.readyState !== ws.OPEN) return;
    if (ws.bufferedAmount + text.length > MAX_UNREAD) ws.terminate();
    else ws.send(text);
  };
  const caller: Caller = { notify: send, gone: () => ws.readyState !== ws.OPEN, onClose: (told) => ws.once('close', told), authorization };

  // bytes of messages that are not whole yet count among those of all connections
  stream.prependListener('data', (piece: Uint8Array) => {
    if (!budget.take(piece.length)) return ws.terminate();
    coming += piece.length;
    late ??= setTimeout(() => ws.terminate(), MESSAGE_MS);
  });
  const settle = (): number => {
    clearTimeout(late);
    late = undefined;
    const bytes = coming;
    coming = 0;
    return bytes;
  };
  const signal = (): void => {
    peer.alive = true;
    if (++peer.pings > MAX_PINGS || ws.bufferedAmount > MAX_UNREAD) ws.terminate();
    budget.give(settle());
  };
  ws.on('error', () => ws.terminate());
  ws.on('close', () => budget.give(settle()));
  ws.on('ping', signal);
  ws.on('pong', signal);
  ws.on('message', (data: Buffer, binary: boolean) => {
    const held = settle();
    peer.alive = true;
    if (++open >= MAX_OPEN) ws.pause();
    void (async () => {
      try {
        const text = binary ? new TextDecoder().decode(data) : data.toString('utf8');
        const said = await duty.run(data.length, () => dispatch(desk, text, caller));
        if (said !== undefined) send(said);
      } catch {
        send(refusal('the request ended early'));
      } finally {
        budget.give(held);
        if (--open < MAX_OPEN && ws.isPaused) ws.resume();
      }
    })();
  });
  return peer;
};

/** Connections of WebSocket, at most `limit` of them. */
export const createSockets = (rules: SocketRules, limit: number): Sockets => {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: Math.min(MAX_MESSAGE, rules.maxBytes),
    perMessageDeflate: false,
    // one message a turn of the event loop: a flood of small ones holds up nobody else
    allowSynchronousEvents: false,
  });
  const peers = new Map<WebSocket, Peer>();
  const beat = setInterval(() => {
    for (const [ws, peer] of peers) {
      // one that waits for its own requests is not read, its pongs neither
      if (!peer.alive && !ws.isPaused) {
        ws.terminate();
        continue;
      }
      peer.alive = false;
      peer.pings = 0;
      ws.ping();
    }
  }, BEAT_MS);
  beat.unref();
  return {
    upgrade: (request, socket, head) => {
      if (peers.size >= limit) return void socket.destroy();
      server.handleUpgrade(request, socket, head, (ws) => {
        peers.set(ws, attend(rules, ws, socket, request.headers.authorization));
        ws.once('close', () => peers.delete(ws));
      });
    },
    count: () => peers.size,
    close: () => {
      clearInterval(beat);
      for (const ws of peers.keys()) ws.terminate();
    },
  };
};
