import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server as TcpServer, type Socket as TcpSocket } from "node:net";
import {
  type DnsRecord,
  decodeMessage,
  type Edns,
  encodeMessage,
  type Message,
  type Question,
  type RecordType,
} from "../../src/dns/index.ts";
import { Malformed } from "../../src/lib/malformed.ts";

/** A query as a name server sees it. */
export interface Asked {
  readonly bytes: Buffer;
  readonly message: Message;
  readonly question: Question;
  readonly transport: "udp" | "tcp";
  /** The client's port. */
  readonly port: number;
  /** Sends bytes as they are to who asked. */
  send(bytes: Uint8Array): void;
  /** Sends the answer that `reply` makes, the question as it was written. */
  reply(answer: Partial<Message>): void;
  /** TCP: the connection. */
  readonly socket: TcpSocket | undefined;
}

export interface Responder extends AsyncDisposable {
  readonly port: number;
  /** `127.0.0.1:port` */
  readonly server: string;
  /** All queries so far, in order. */
  readonly asked: readonly Asked[];
  readonly udp: Socket;
  close(): Promise<void>;
}

/** A name server on loopback, UDP and TCP on the same port, that answers as `handle` does. */
export async function responder(
  handle: (asked: Asked) => void,
  options: {
    readonly tcp?: boolean;
    readonly udp?: boolean;
    readonly address?: string;
    readonly port?: number;
  } = {},
): Promise<Responder> {
  const address = options.address ?? "127.0.0.1";
  const asked: Asked[] = [];
  const sockets = new Set<TcpSocket>();
  const receive = (one: Asked): void => {
    asked.push(one);
    handle(one);
  };
  for (let attempt = 0; ; attempt++) {
    const udp = createSocket(address.includes(":") ? "udp6" : "udp4");
    udp.bind(options.port ?? 0, address);
    await once(udp, "listening");
    const { port } = udp.address();
    const tcp = options.tcp === false ? undefined : createServer();
    try {
      if (tcp !== undefined) {
        tcp.listen(port, address);
        await once(tcp, "listening");
      }
    } catch (error) {
      udp.close();
      if (attempt > 20) throw error;
      continue;
    }
    if (options.udp !== false) listenUdp(udp, receive);
    tcp?.on("connection", (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      socket.on("error", () => {});
      listenTcp(socket, receive);
    });
    const close = async (): Promise<void> => {
      for (const socket of sockets) socket.destroy();
      await Promise.all([closed(udp), tcp === undefined ? undefined : closed(tcp)]);
    };
    return {
      port,
      server: `${address.includes(":") ? `[${address}]` : address}:${port}`,
      asked,
      udp,
      close,
      [Symbol.asyncDispose]: close,
    };
  }
}

/** The bytes of an answer to `bytes`, with its question and id as they came. */
export function answerBytes(bytes: Uint8Array, answer: Partial<Message>): Uint8Array {
  const message = decodeMessage(bytes);
  if (message instanceof Malformed) throw message;
  const reply = encodeMessage({
    ...EMPTY,
    ...answer,
    id: answer.id ?? message.id,
    question: message.question,
  });
  const end = questionEnd(bytes);
  reply.set(bytes.subarray(12, end), 12);
  return reply;
}

export function a(name: string, address: string, ttl = 60): DnsRecord {
  return { type: "A", name, address, ttl };
}

export function aaaa(name: string, address: string, ttl = 60): DnsRecord {
  return { type: "AAAA", name, address, ttl };
}

export function cname(name: string, target: string, ttl = 60): DnsRecord {
  return { type: "CNAME", name, target, ttl };
}

export function soa(name: string, minimum = 60, ttl = 60): DnsRecord {
  const primary = "ns.test";
  const mailbox = "hostmaster.test";
  return { type: "SOA", name, ttl, primary, mailbox, serial: 1, refresh: 1, retry: 1, expire: 1, minimum };
}

/** A zone of addresses: answers what it has, no-data for other types of its names, not-found for the rest. */
export function zone(addresses: Readonly<Record<string, readonly string[]>>): (asked: Asked) => void {
  return (asked) => {
    const { name, type } = asked.question;
    const found = addresses[name];
    if (found === undefined) {
      asked.reply({ rcode: 3, authorities: [soa("test")] });
      return;
    }
    const records = found.filter((address) => familyType(address) === type);
    asked.reply({
      answers: records.map((address) => ({ type, name, address, ttl: 60 }) as DnsRecord),
      authorities: records.length > 0 ? [] : [soa("test")],
    });
  };
}

function familyType(address: string): RecordType {
  return address.includes(":") ? "AAAA" : "A";
}

export const EMPTY: Message = {
  id: 0,
  isResponse: true,
  opcode: 0,
  isAuthoritative: false,
  isTruncated: false,
  recursionDesired: true,
  recursionAvailable: true,
  rcode: 0,
  question: undefined,
  answers: [],
  authorities: [],
  additionals: [],
  edns: undefined as Edns | undefined,
  trailing: 0,
};

/** Where the question of a query ends. */
export function questionEnd(bytes: Uint8Array): number {
  let at = 12;
  while ((bytes[at] ?? 0) > 0) at += (bytes[at] ?? 0) + 1;
  return at + 5;
}

function listenUdp(udp: Socket, receive: (asked: Asked) => void): void {
  udp.on("message", (bytes, from: RemoteInfo) => {
    const send = (reply: Uint8Array): void => {
      udp.send(reply, from.port, from.address);
    };
    const one = query(bytes, { transport: "udp", port: from.port, send, socket: undefined });
    if (one !== undefined) receive(one);
  });
}

function listenTcp(socket: TcpSocket, receive: (asked: Asked) => void): void {
  let held = Buffer.alloc(0);
  const send = (reply: Uint8Array): void => {
    socket.write(Buffer.concat([Buffer.from([reply.length >> 8, reply.length & 0xff]), reply]));
  };
  const port = socket.remotePort ?? 0;
  socket.on("data", (bytes) => {
    held = Buffer.concat([held, bytes]);
    while (held.length >= 2 && held.length >= 2 + held.readUInt16BE()) {
      const end = 2 + held.readUInt16BE();
      const one = query(held.subarray(2, end), { transport: "tcp", port, send, socket });
      held = held.subarray(end);
      if (one !== undefined) receive(one);
    }
  });
}

function query(
  bytes: Buffer,
  { send, ...from }: Pick<Asked, "transport" | "port" | "send" | "socket">,
): Asked | undefined {
  const message = decodeMessage(bytes);
  if (message instanceof Malformed || message.question === undefined) return undefined;
  return {
    ...from,
    bytes: Buffer.from(bytes),
    message,
    question: message.question,
    send,
    reply: (answer) => send(answerBytes(bytes, answer)),
  };
}

function closed(server: Socket | TcpServer): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
