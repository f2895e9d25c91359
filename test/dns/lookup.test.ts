import dns, { type LookupAddress, type LookupOptions } from "node:dns";
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import net, { type AddressInfo } from "node:net";
import { promisify } from "node:util";
import { Agent, getGlobalDispatcher, request, setGlobalDispatcher } from "undici";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import {
  createLookup,
  createResolver,
  installGlobalLookup,
  type LookupFunction,
  type Resolver,
} from "../../src/dns.ts";
import { createAuthority } from "../../src/testing/index.ts";
import { type Asked, type Responder, responder, soa, zone } from "./responder.ts";

const ZONE = zone({
  "both.example": ["192.0.2.1", "2001:db8::1"],
  "four.example": ["192.0.2.4"],
  "six.example": ["2001:db8::6"],
  "loop.test": ["127.0.0.1"],
});

type Told = readonly [error: NodeJS.ErrnoException | null, address?: unknown, family?: unknown];

let names: Responder;
let resolver: Resolver;
let lookup: LookupFunction;

beforeAll(async () => {
  names = await responder((asked: Asked) => {
    const rcodes: Record<string, number> = { "broken.example": 2, "closed.example": 5 };
    const rcode = rcodes[asked.question.name];
    if (rcode !== undefined) asked.reply({ rcode });
    else if (asked.question.name === "empty.example") asked.reply({ authorities: [soa("example")] });
    else ZONE(asked);
  });
  resolver = createResolver({ servers: [names.server] });
  lookup = createLookup(resolver);
});

afterAll(async () => {
  resolver.close();
  await names.close();
});

function told(use: unknown, ...args: unknown[]): Promise<Told> {
  return new Promise((resolve) => {
    (use as (...all: unknown[]) => void)(...args, (...results: unknown[]) => resolve(results as never));
  });
}

/** What a call throws, or how it calls back. */
async function outcome(use: unknown, ...args: unknown[]): Promise<unknown> {
  try {
    const [error, address, family] = await told(use, ...args);
    if (error === null) return [address, family];
    const { code, errno, syscall, hostname } = error as NodeJS.ErrnoException & { hostname?: string };
    return { code, errno, syscall, hostname };
  } catch (error) {
    return { thrown: (error as NodeJS.ErrnoException).code, name: (error as Error).name };
  }
}

describe("lookup, beside Node's own", () => {
  test.each<[string, unknown[]]>([
    ["an IPv4 address", ["127.0.0.1"]],
    ["an IPv4 address where six is asked for", ["127.0.0.1", { family: 6 }]],
    ["an IPv6 address", ["::1", 4]],
    ["an address with a zone", ["fe80::1%lo"]],
    ["an address and `all`", ["::1", { all: true }]],
    ["localhost, IPv4", ["localhost", 4]],
    ["localhost, IPv4 and `all`", ["localhost", { family: "IPv4", all: true }]],
    ["no name", [""]],
    ["no name and `all`", [undefined, { all: true }]],
    ["no name, IPv6", [null, { family: 6 }]],
    ["options that are null", ["127.0.0.1", null]],
    ["a name that is a number", [7, {}]],
    ["a family that does not exist", ["localhost", { family: 5 }]],
    ["a family as a wrong word", ["localhost", { family: "IPv5" }]],
    ["hints that are no flags", ["localhost", { hints: 1 << 30 }]],
    ["hints that are a word", ["localhost", { hints: "x" }]],
    ["`all` that is a number", ["localhost", { all: 1 }]],
    ["`verbatim` that is a word", ["localhost", { verbatim: "x" }]],
    ["an order that does not exist", ["localhost", { order: "random" }]],
    ["a name that cannot be", ["no such name", {}]],
    ["a name below .invalid", ["x.invalid", { all: true }]],
  ])("DNS-50 %s", async (_, args) => {
    expect(await outcome(lookup, ...args)).toEqual(await outcome(dns.lookup, ...args));
  });

  test("without a callback it throws as Node does", () => {
    const codeOf = (use: unknown): unknown => {
      try {
        (use as (host: string) => void)("localhost");
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      }
    };

    expect(codeOf(lookup)).toBe(codeOf(dns.lookup));
  });

  test("promisified it resolves as Node's does", async () => {
    const ours = promisify(lookup as unknown as typeof dns.lookup);

    expect(await ours("127.0.0.1")).toEqual(await promisify(dns.lookup)("127.0.0.1"));
    expect(await ours("127.0.0.1", { all: true })).toEqual([{ address: "127.0.0.1", family: 4 }]);
    await expect(ours("x.invalid")).rejects.toMatchObject({ code: "ENOTFOUND" });
  });
});

describe("lookup", () => {
  const addresses = async (host: string, options: LookupOptions): Promise<readonly string[]> => {
    const [error, found] = await told(lookup, host, { all: true, ...options });
    if (error !== null) throw error;
    return (found as LookupAddress[]).map(({ address }) => address);
  };

  test("gives one address, or all with their families, of the family asked for", async () => {
    expect(await told(lookup, "four.example")).toEqual([null, "192.0.2.4", 4]);
    expect(await told(lookup, "six.example", 6)).toEqual([null, "2001:db8::6", 6]);
    expect(await told(lookup, "both.example", { family: 4 })).toEqual([null, "192.0.2.1", 4]);
    expect(await addresses("both.example", { family: 6 })).toEqual(["2001:db8::1"]);
    expect((await addresses("both.example", {})).toSorted()).toEqual(["192.0.2.1", "2001:db8::1"]);
  });

  test("orders by `order`, `verbatim` and the process's default", async () => {
    const [four, six] = ["192.0.2.1", "2001:db8::1"];
    expect(await addresses("both.example", { order: "ipv4first" } as LookupOptions)).toEqual([four, six]);
    expect(await addresses("both.example", { order: "ipv6first" } as LookupOptions)).toEqual([six, four]);
    expect(await addresses("both.example", { verbatim: false })).toEqual([four, six]);
    const before = dns.getDefaultResultOrder();
    try {
      dns.setDefaultResultOrder("ipv4first");
      expect(await addresses("both.example", {})).toEqual([four, six]);
      expect(await addresses("both.example", { order: "ipv6first" } as LookupOptions)).toEqual([six, four]);
    } finally {
      dns.setDefaultResultOrder(before as "verbatim");
    }
  });

  test("V4MAPPED gives IPv4 addresses where there are no IPv6 ones, ALL beside them, and neither without the family", async () => {
    const { V4MAPPED, ALL } = dns;
    expect(await addresses("four.example", { family: 6, hints: V4MAPPED })).toEqual(["::ffff:192.0.2.4"]);
    expect(await addresses("both.example", { family: 6, hints: V4MAPPED })).toEqual(["2001:db8::1"]);
    expect((await addresses("both.example", { family: 6, hints: V4MAPPED | ALL })).toSorted()).toEqual([
      "2001:db8::1",
      "::ffff:192.0.2.1",
    ]);
    expect(await addresses("four.example", { hints: V4MAPPED })).toEqual(["192.0.2.4"]);
    expect(await told(lookup, "four.example", { family: 6 })).toMatchObject([{ code: "ENOTFOUND" }]);
  });

  test("ADDRCONFIG asks for what this host has addresses of", async () => {
    const { networkInterfaces } = await import("node:os");
    const outward = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
    const families = new Set(outward.filter(({ internal }) => !internal).map(({ family }) => family));
    const expected = ["192.0.2.1", "2001:db8::1"].filter(
      (address) => families.size === 0 || families.has(address.includes(":") ? "IPv6" : "IPv4"),
    );

    expect((await addresses("both.example", { hints: dns.ADDRCONFIG })).toSorted()).toEqual(expected);
    for (const [family, name] of [
      [4, "IPv4"],
      [6, "IPv6"],
    ] as const) {
      const [error] = await told(lookup, "both.example", { family, hints: dns.ADDRCONFIG });
      expect(error?.code).toBe(families.has(name) ? undefined : "ENOTFOUND");
    }
  });

  test.each([
    ["missing.example", "ENOTFOUND", -3008, "not-found"],
    ["empty.example", "ENOTFOUND", -3008, "no-data"],
    ["a..b", "ENOTFOUND", -3008, "bad-name"],
    ["broken.example", "EAI_AGAIN", -3001, "server-failure"],
    ["closed.example", "EAI_AGAIN", -3001, "refused"],
  ])(
    "fails for %s with %s, errno, syscall, hostname, and the cause",
    async (hostname, code, errno, cause) => {
      const [error, ...rest] = await told(lookup, hostname, {});

      expect(error).toBeInstanceOf(Error);
      expect(error).toMatchObject({
        message: `getaddrinfo ${code} ${hostname}`,
        code,
        errno,
        syscall: "getaddrinfo",
        hostname,
        cause: { code: cause },
      });
      expect(rest).toEqual([]);
    },
  );

  test("calls back later, never before it has returned, cached or not", async () => {
    for (const host of [
      "four.example",
      "four.example",
      "localhost",
      "127.0.0.1",
      "",
      "a..b",
      "missing.example",
    ]) {
      let hasReturned = false;
      const called = new Promise<boolean>((resolve) => {
        lookup(host, { family: 4 }, () => resolve(hasReturned));
      });
      hasReturned = true;

      expect(await called).toBe(true);
    }
  });

  test("calls back with the same from the cache, in the same order, the name in any case", async () => {
    const first = await addresses("both.example", {});
    const count = names.asked.length;

    expect(await addresses("both.example", {})).toEqual(first);
    expect(await addresses("BOTH.example", {})).toEqual(first);
    expect(await addresses("both.example.", {})).toEqual(first);
    expect(names.asked.length).toBe(count);
  });
});

describe("lookup carries", () => {
  const authority = createAuthority();
  const { chainPem: cert, keyPem: key } = authority.issue({ names: ["loop.test"] });
  const ca = authority.certificatePem;
  const closers: (() => void)[] = [];

  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  async function listen(server: net.Server): Promise<number> {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closers.push(() => {
      (server as http.Server).closeAllConnections?.();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  }

  async function plainServer(): Promise<number> {
    return listen(http.createServer((_, response) => response.end("hello")));
  }

  async function bodyOf(response: http.IncomingMessage): Promise<string> {
    let text = "";
    for await (const part of response) text += String(part);
    return text;
  }

  test("http.get", async () => {
    const port = await plainServer();
    const [response] = await once(http.get({ host: "loop.test", port, lookup, agent: false }), "response");

    expect(await bodyOf(response)).toBe("hello");
  });

  test("http.get to a name that does not exist: ENOTFOUND", async () => {
    const [error] = await once(http.get({ host: "missing.example", lookup, agent: false }), "error").catch(
      (caught: unknown) => [caught],
    );

    expect(error).toMatchObject({ code: "ENOTFOUND", syscall: "getaddrinfo", hostname: "missing.example" });
  });

  test("https.get", async () => {
    const server = https.createServer({ cert, key }, (_, response) => response.end("hello"));
    const port = await listen(server);
    const options = { host: "loop.test", port, ca, lookup, agent: false };
    const [response] = await once(https.get(options), "response");

    expect(await bodyOf(response)).toBe("hello");
  });

  test("http2.connect", async () => {
    const server = http2.createSecureServer({ cert, key });
    server.on("stream", (stream) => {
      stream.respond({ ":status": 200 });
      stream.end("hello");
    });
    const port = await listen(server as unknown as net.Server);
    const session = http2.connect(`https://loop.test:${port}`, { ca, lookup });
    closers.push(() => session.destroy());
    const stream = session.request({ ":path": "/" });
    stream.setEncoding("utf8");
    let text = "";
    for await (const part of stream) text += part;

    expect(text).toBe("hello");
  });

  test("ws", async () => {
    const server = http.createServer();
    const sockets = new WebSocketServer({ server });
    sockets.on("connection", (socket) => socket.send("hello"));
    const port = await listen(server);
    const socket = new WebSocket(`ws://loop.test:${port}`, { lookup });
    const [message] = await once(socket, "message");
    socket.terminate();

    expect(String(message)).toBe("hello");
  });

  test("undici.request", async () => {
    const port = await plainServer();
    const dispatcher = new Agent({ connect: { lookup } });
    const { body } = await request(`http://loop.test:${port}`, { dispatcher });

    expect(await body.text()).toBe("hello");
    await dispatcher.close();
  });

  test("everything, once installed: net, dns.promises, undici and fetch; and nothing once taken away", async () => {
    const port = await plainServer();
    const before = { lookup: dns.lookup, promised: dns.promises.lookup, dispatcher: getGlobalDispatcher() };
    const url = `http://loop.test:${port}`;
    const remove = installGlobalLookup(resolver);
    try {
      const socket = net.connect(port, "loop.test");
      await once(socket, "connect");
      socket.destroy();
      const [response] = await once(http.get({ host: "loop.test", port, agent: false }), "response");
      expect(await bodyOf(response)).toBe("hello");
      expect(await dns.promises.lookup("loop.test")).toEqual({ address: "127.0.0.1", family: 4 });
      expect(await dns.promises.lookup("loop.test", { all: true })).toEqual([
        { address: "127.0.0.1", family: 4 },
      ]);
      await expect(dns.promises.lookup("missing.example")).rejects.toMatchObject({ code: "ENOTFOUND" });
      expect(await promisify(dns.lookup)("loop.test")).toEqual({ address: "127.0.0.1", family: 4 });
      expect(await (await request(url)).body.text()).toBe("hello");
      expect(await (await fetch(url)).text()).toBe("hello");
    } finally {
      remove();
      remove();
    }

    expect(dns.lookup).toBe(before.lookup);
    expect(dns.promises.lookup).toBe(before.promised);
    expect(getGlobalDispatcher()).toBe(before.dispatcher);
  });

  test("two installed at once may be taken away in either order", async () => {
    const port = await plainServer();
    const url = `http://loop.test:${port}`;
    const before = { lookup: dns.lookup, promised: dns.promises.lookup, dispatcher: getGlobalDispatcher() };
    const other = createResolver({ servers: [names.server] });
    const removeFirst = installGlobalLookup(resolver);
    const removeSecond = installGlobalLookup(other);
    removeFirst();
    expect(await (await fetch(url)).text()).toBe("hello");
    expect(await dns.promises.lookup("loop.test")).toMatchObject({ address: "127.0.0.1" });
    removeSecond();
    other.close();

    // What is left in place hands on to Node's own.
    expect(await promisify(dns.lookup)("127.0.0.1")).toMatchObject({ address: "127.0.0.1" });
    expect(await dns.promises.lookup("127.0.0.1")).toMatchObject({ address: "127.0.0.1" });
    expect(await (await request(`http://127.0.0.1:${port}`)).body.text()).toBe("hello");
    dns.lookup = before.lookup;
    dns.promises.lookup = before.promised;
    setGlobalDispatcher(before.dispatcher);
  });

  test("without a resolver it makes one of its own, and closes it when taken away", async () => {
    const dispatcher = getGlobalDispatcher();
    const remove = installGlobalLookup();
    expect(await dns.promises.lookup("localhost", { family: 4 })).toEqual({
      address: "127.0.0.1",
      family: 4,
    });
    remove();

    expect(getGlobalDispatcher()).toBe(dispatcher);
  });
});
