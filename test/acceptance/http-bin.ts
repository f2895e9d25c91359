import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import {
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { createAuthority, type Issued } from "../../src/testing/index.ts";

export const AUTHORITY = createAuthority();
export const CERTIFICATE = AUTHORITY.issue({ names: ["localhost", "127.0.0.1", "bin.test"] });

/** The members of a policy that make it trust `AUTHORITY`, in the form of libwebsockets. */
export const TRUST = {
  certs: [{ local_root: Buffer.from(AUTHORITY.certificateDer).toString("base64") }],
  trust_stores: [{ name: "local_test", stack: ["local_root"] }],
};

export type Kind = "h1" | "h1s" | "h2";
export const KINDS: readonly Kind[] = ["h1", "h1s", "h2"];

/** The keys of a streamtype that speaks to the listener of one kind. */
export function speaks(kind: Kind, port: number): object {
  const protocol = kind === "h2" ? "h2" : "h1";
  const tls = kind === "h1" ? {} : { tls: true, tls_trust_store: "local_test" };
  return { endpoint: "127.0.0.1", port, protocol, ...tls };
}

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

export interface BinOptions {
  readonly certificate?: Issued;
  /** Ask for a client certificate under `AUTHORITY`, and refuse who has none. */
  readonly clientCertificate?: boolean;
}

/** What `/post`, `/get` and their kin answer. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly length: number;
  readonly sha256: string;
  /** The body as text, up to 64 KiB of it. */
  readonly body: string;
  /** Subject of the client's certificate. */
  readonly client: string | undefined;
}

/** A small httpbin on loopback: one listener of one kind. */
export class HttpBin {
  readonly kind: Kind;
  readonly sessions: ServerHttp2Session[] = [];
  /** Method and url of every request so far. */
  readonly asked: string[] = [];
  /** Connections accepted so far. */
  accepted = 0;
  #port = 0;
  #unavailable = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server: ReturnType<typeof makeServer>;

  private constructor(kind: Kind, options: BinOptions) {
    this.kind = kind;
    this.#server = makeServer(kind, options, (request, response) => this.#answer(request, response));
    this.#server.on("connection", (socket: Socket) => {
      this.accepted += 1;
      this.#sockets.add(socket);
      socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
    });
    this.#server.on("session", (session: ServerHttp2Session) => {
      this.sessions.push(session);
      session.on("error", () => {});
    });
    this.#server.on("tlsClientError", () => {});
  }

  static async start(kind: Kind, options: BinOptions = {}): Promise<HttpBin> {
    const bin = new HttpBin(kind, options);
    await new Promise<void>((resolve) => bin.#server.listen(0, "127.0.0.1", resolve));
    bin.#port = (bin.#server.address() as AddressInfo).port;
    return bin;
  }

  get port(): number {
    return this.#port;
  }

  get origin(): string {
    return `${this.kind === "h1" ? "http" : "https"}://127.0.0.1:${this.#port}`;
  }

  /** The next `count` requests of `/flaky` are answered 503. */
  failNext(count: number): void {
    this.#unavailable = count;
  }

  /** Connections open now. */
  get open(): number {
    return this.#sockets.size;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #answer(request: Request, response: Response): void {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://bin.test");
    const [, verb = "", argument = ""] = pathname.split("/");
    this.asked.push(`${request.method} ${request.url}`);
    request.on("error", () => {});
    response.on("error", () => {});
    const route = ROUTES[verb];
    if (verb === "flaky") this.#flaky(response, searchParams);
    else if (route === undefined) end(response, 404, {}, "no such page");
    else route({ request, response, argument, number: Number(argument), query: searchParams });
  }

  #flaky(response: Response, query: URLSearchParams): void {
    this.#unavailable -= 1;
    if (this.#unavailable >= 0) end(response, 503, Object.fromEntries(query), "later");
    else end(response, 200, {}, "now");
  }
}

interface Call {
  readonly request: Request;
  readonly response: Response;
  /** The second part of the path, and the same as a number. */
  readonly argument: string;
  readonly number: number;
  readonly query: URLSearchParams;
}

const ROUTES: Readonly<Record<string, (call: Call) => void>> = {
  status: ({ response, number }) =>
    end(response, number, {}, number === 204 || number === 304 ? "" : `status ${number}`),
  delay: ({ response, number }) => {
    const timer = setTimeout(() => end(response, 200, {}, "late"), number * 1000);
    response.on("close", () => clearTimeout(timer));
  },
  bytes: ({ response, number }) => void sendBytes(response, number),
  headers: ({ request, response }) => void describe(request, response),
  get: ({ request, response }) => void describe(request, response),
  post: ({ request, response }) => void describe(request, response),
  "redirect-to": ({ response, query }) =>
    end(response, Number(query.get("status") ?? 302), { location: query.get("url") ?? "" }, ""),
  redirect: ({ response, number }) =>
    end(response, 302, { location: number > 1 ? `/redirect/${number - 1}` : "/get" }, ""),
  "response-headers": ({ response, query }) => end(response, 200, Object.fromEntries(query), ""),
  "set-cookie": ({ response, argument }) => end(response, 200, { "set-cookie": `${argument}; Path=/` }, ""),
  half: ({ request, response }) => {
    const plain = response as ServerResponse;
    plain.writeHead(200, { "content-length": "1000" });
    plain.write("half", () => request.socket?.destroy());
  },
};

/** The SHA-256 of what `/bytes/<count>` sends. */
export function bytesDigest(count: number): string {
  const hash = createHash("sha256");
  for (let at = 0; at < count; at += PIECE) hash.update(piece(at, count));
  return hash.digest("hex");
}

const PIECE = 65_536;

function makeServer(kind: Kind, options: BinOptions, answer: (request: Request, response: Response) => void) {
  const { chainPem, keyPem } = options.certificate ?? CERTIFICATE;
  const asks = options.clientCertificate === true;
  const client = asks ? { requestCert: true, ca: [AUTHORITY.certificatePem] } : {};
  const tls = { cert: chainPem, key: keyPem, ...client };
  const head = { maxHeaderSize: 65_536 };
  if (kind === "h1") return createServer(head, answer);
  if (kind === "h1s") return createTlsServer({ ...head, ...tls }, answer);
  return createSecureServer(tls, answer);
}

function end(response: Response, status: number, headers: Record<string, string>, body: string): void {
  response.writeHead(status, headers);
  response.end(body);
}

async function describe(request: Request, response: Response): Promise<void> {
  const hash = createHash("sha256");
  const kept: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      hash.update(chunk);
      if (length < PIECE) kept.push(chunk);
      length += chunk.length;
    }
  } catch {
    return;
  }
  const socket = request.socket as unknown as { getPeerCertificate?: () => { subject?: { CN?: string } } };
  const seen: Seen = {
    method: request.method ?? "",
    url: request.url ?? "",
    headers: Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    ),
    length,
    sha256: hash.digest("hex"),
    body: Buffer.concat(kept).toString("latin1").slice(0, PIECE),
    client: socket.getPeerCertificate?.()?.subject?.CN,
  };
  const type = seen.headers["x-answer-type"] ?? "application/json";
  end(response, 200, { "content-type": type }, JSON.stringify(seen));
}

async function sendBytes(response: Response, count: number): Promise<void> {
  let isGone = false;
  response.on("close", () => {
    isGone = true;
  });
  response.writeHead(200, { "content-length": String(count), "content-type": "application/octet-stream" });
  for (let at = 0; at < count && !isGone; at += PIECE) {
    const goesOn = (response as ServerResponse).write(piece(at, count));
    if (!goesOn) {
      await new Promise<void>((resolve) => {
        response.once("drain", resolve).once("close", resolve);
      });
    }
  }
  response.end();
}

/** Every piece differs from its neighbours, so that a lost or doubled one shows. */
function piece(at: number, count: number): Buffer {
  const bytes = Buffer.alloc(Math.min(PIECE, count - at), at % 251);
  if (bytes.length >= 4) bytes.writeUInt32BE(at, 0);
  return bytes;
}
