import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

const HEADER = 12;
const TYPE_A = 1;

/** A name server for the demo: every name is at 127.0.0.1, for a second; other types have no data. */
export class NameServer {
  readonly #socket: Socket = createSocket("udp4");
  asked = 0;

  /** Resolves with the port it listens on. */
  async start(): Promise<number> {
    this.#socket.on("message", (query, from) => {
      const reply = answer(query);
      if (reply === undefined) return;
      this.asked += 1;
      this.#socket.send(reply, from.port, from.address);
    });
    this.#socket.bind(0, "127.0.0.1");
    await once(this.#socket, "listening");
    return this.#socket.address().port;
  }

  stop(): void {
    this.#socket.close();
  }
}

function answer(query: Buffer): Buffer | undefined {
  let end = HEADER;
  while (end < query.length && query[end] !== 0) end += (query[end] ?? 0) + 1;
  end += 5;
  if (end > query.length || query.readUInt16BE(4) !== 1) return undefined;
  const isA = query.readUInt16BE(end - 4) === TYPE_A;
  const reply = Buffer.concat([query.subarray(0, end), isA ? RECORD : Buffer.alloc(0)]);
  reply.writeUInt16BE(0x8180, 2);
  reply.writeUInt16BE(isA ? 1 : 0, 6);
  reply.writeUInt32BE(0, 8);
  return reply;
}

/** Owner by pointer to the question, type A, class IN, TTL 1 s, 127.0.0.1. */
const RECORD = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1]);
