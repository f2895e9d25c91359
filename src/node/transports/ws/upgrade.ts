import type { ClientRequest, ClientRequestArgs, IncomingMessage } from "node:http";
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
/** Headers that the handshake sets itself, or that speak of a connection or a body. */
const RESERVED =
  /^(host|connection|upgrade|keep-alive|te|trailer|expect|transfer-encoding|content-length|sec-websocket-(key|version|extensions|protocol|accept))$/;

/**
 * Asks the peer behind `socket` for a WebSocket. Throws where the policy's headers or subprotocols cannot be said in
 * HTTP. Extensions are not offered: compressed frames let a peer turn kilobytes into gigabytes.
 */
export function upgrade(socket: Socket, target: Target, http: HttpTarget): WebSocket {
  const names = target.streamtype.ws.subprotocol?.split(",").map((name) => name.trim()) ?? [];
  const options: WebSocket.ClientOptions & ClientRequestArgs & { closeTimeout: number } = {
    createConnection: () => socket,
    perMessageDeflate: false,
    maxPayload: MAX_PAYLOAD,
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: MAX_CHUNKS,
    maxHeaderSize: MAX_HEADER_SIZE,
    closeTimeout: CLOSE_WAIT,
    autoPong: false,
    finishRequest: (request, ws) => {
      // Where the rest throws, the caller gets no WebSocket to listen to, and the request still fails later.
      ws.on("error", () => undefined);
      finish(request, http);
    },
  };
  return new WebSocket("ws://localhost/", names, options);
}

export function headOf({ statusCode = 0, rawHeaders }: IncomingMessage): ResponseHead {
  const headers = rawHeaders.map((part, index) => (index % 2 === 0 ? part.toLowerCase() : part));
  return { status: statusCode, headers };
}

function finish(request: ClientRequest, { authority, path, headers }: HttpTarget): void {
  // A fragment never travels (RFC 9112, 3.2), and a line that we do not end may not be ended by the policy.
  const [target = ""] = path.split("#", 1);
  if (/[^\x21-\xff]/.test(target)) throw new TypeError("The path has characters that no request can carry");
  request.path = target;
  request.setHeader("host", authority);
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const [name = "", value = ""] = headers.slice(index, index + 2);
    if (!RESERVED.test(name)) request.appendHeader(name, value);
  }
  request.end();
}
