import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { WebSocket } from "ws";
import type { ResponseHead } from "../../../context/index.ts";
import type { HttpTarget, Target } from "../../../stream/index.ts";

/** Bytes of one message, all fragments together. */
const MAX_PAYLOAD = 16 * 1024 * 1024;
/** Fragments of one message: each costs memory of its own, however short. */
const MAX_FRAGMENTS = 16_384;
/** Reads of the socket that one frame may come in. */
const MAX_CHUNKS = 32_768;
const MAX_HEADER_SIZE = 16_384;
/** How long the peer may take to answer our close frame. */
const CLOSE_WAIT = 2000;

/**
 * Asks the peer behind `socket` for a WebSocket. Throws where the policy's headers or subprotocols cannot be said in
 * HTTP. Extensions are not offered: compressed frames let a peer turn kilobytes into gigabytes.
 */
export function upgrade(socket: Socket, target: Target, http: HttpTarget): WebSocket {
  const names = target.streamtype.ws.subprotocol?.split(",").map((name) => name.trim()) ?? [];
  return new WebSocket("ws://localhost/", names, {
    createConnection: () => socket,
    // The types know no header that stands twice.
    headers: headersOf(http) as Record<string, string>,
    perMessageDeflate: false,
    maxPayload: MAX_PAYLOAD,
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: MAX_CHUNKS,
    maxHeaderSize: MAX_HEADER_SIZE,
    closeTimeout: CLOSE_WAIT,
    autoPong: false,
    finishRequest: (request) => {
      request.path = http.path;
      request.end();
    },
  });
}

export function headOf({ statusCode = 0, rawHeaders }: IncomingMessage): ResponseHead {
  const headers = rawHeaders.map((part, index) => (index % 2 === 0 ? part.toLowerCase() : part));
  return { status: statusCode, headers };
}

function headersOf(http: HttpTarget): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { host: http.authority };
  for (let index = 0; index < http.headers.length; index += 2) {
    const name = http.headers[index] ?? "";
    const value = http.headers[index + 1] ?? "";
    const held = headers[name];
    headers[name] = held === undefined ? value : [held, value].flat();
  }
  return headers;
}
