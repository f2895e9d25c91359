import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { type CreateResolverOptions, createResolver, type Resolver } from "../../src/dns.ts";
import { type Asked, a, answerBytes, type Responder, responder, soa, zone } from "./responder.ts";

const NAME = "www.example";
const ZONE = zone({ "www.example": ["192.0.2.1", "2001:db8::1"], "four.example": ["192.0.2.4"] });
const open: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function serve(handle: (asked: Asked) => void, options = {}): Promise<Responder> {
  const server = await responder(handle, options);
  open.push(() => server.close());
  return server;
}

function resolverOf(options: CreateResolverOptions): Resolver {
  const resolver = createResolver(options);
  open.push(() => resolver.close());
  return resolver;
}

describe("a resolver on loopback", () => {
  test("asks for both families at once and answers in one delivery", async () => {
    const server = await serve(ZONE);
    const resolver = resolverOf({ servers: [server.server] });

    const answer = await resolver.resolve("WWW.example");

    expect(answer).toMatchObject({
      name: NAME,
      records: [
        { type: "AAAA", address: "2001:db8::1", ttl: 60 },
        { type: "A", address: "192.0.2.1", ttl: 60 },
      ],
      source: server.server,
      transport: "udp",
      cached: false,
    });
    expect(server.asked.map(({ question }) => question.type)).toEqual(["AAAA", "A"]);
    expect(await resolver.resolve(NAME)).toMatchObject({ cached: true });
    expect(resolver.peek(NAME, 4)).toEqual(["192.0.2.1"]);
    expect(resolver.inspect().length).toBe(2);
    resolver.clear(NAME);
    expect(resolver.peek(NAME, 4)).toBeUndefined();
  });

  test("asks servers on IPv6", async () => {
    const server = await serve(ZONE, { address: "::1" });
    const resolver = resolverOf({ servers: [server.server] });

    expect(await resolver.addresses("four.example")).toEqual(["192.0.2.4"]);
  });

  test("DNS-03 five thousand queries leave from at least four thousand ports, next to none adjacent", async () => {
    const server = await serve((asked) => asked.reply({ answers: [a(asked.question.name, "192.0.2.1")] }));
    const resolver = resolverOf({ servers: [server.server] });

    await Promise.all(
      Array.from({ length: 5000 }, (_, index) => resolver.resolve(`n${index}.example`, { types: ["A"] })),
    );

    const ports = server.asked.slice(0, 5000).map(({ port }) => port);
    const adjacent = ports.slice(1).filter((port, index) => Math.abs(port - (ports[index] ?? 0)) === 1);
    expect(new Set(ports).size).toBeGreaterThanOrEqual(4000);
    expect(adjacent.length).toBeLessThanOrEqual(5);
  });

  test("DNS-09 a port where nobody listens is left for the next server at once", async () => {
    const gone = await responder(ZONE);
    await gone.close();
    const server = await serve(ZONE);
    const resolver = resolverOf({ servers: [gone.server, server.server] });
    await resolver.resolve(NAME);

    expect((await resolver.resolve("four.example", { types: ["A"] })).source).toBe(server.server);
    expect(resolver.statistics.unreachable).toBeGreaterThan(0);
    expect(resolver.statistics.silent).toBe(0);
  });

  test("DNS-20 a truncated answer comes over TCP, whatever its size", async () => {
    const many = Array.from({ length: 90 }, (_, index) => a("big.example", `192.0.2.${index}`));
    const server = await serve((asked) => {
      if (asked.transport === "udp") asked.reply({ isTruncated: true });
      else asked.reply({ answers: many });
    });
    const resolver = resolverOf({ servers: [server.server] });

    const answer = await resolver.resolve("big.example", { types: ["A"] });

    expect(answer.records.length).toBe(90);
    expect(answer.transport).toBe("tcp");
  });

  test("DNS-21 a connection that is reset in the middle of a message is replaced once", async () => {
    let resets = 0;
    const server = await serve((asked) => {
      if (asked.transport === "udp") asked.reply({ isTruncated: true });
      else if (resets++ === 0)
        asked.socket?.write(Buffer.from([1, 0, 1]), () => asked.socket?.resetAndDestroy());
      else asked.reply({ answers: [a(NAME, "192.0.2.1")] });
    });
    const resolver = resolverOf({ servers: [server.server] });

    expect(await resolver.resolve(NAME, { types: ["A"] })).toMatchObject({ transport: "tcp" });
    expect(resets).toBe(2);
  });

  test("DNS-22 a server without TCP is left for the next one", async () => {
    const udpOnly = await serve((asked) => asked.reply({ isTruncated: true }), { tcp: false });
    const server = await serve(ZONE);
    const resolver = resolverOf({ servers: [udpOnly.server, server.server] });

    expect(await resolver.addresses("four.example")).toEqual(["192.0.2.4"]);
  });

  test("DNS-07 a thousand right answers under forged ones", { timeout: 30_000 }, async () => {
    const server = await serve((asked) => {
      const { question, transport } = asked;
      if (transport === "udp") {
        const forged = answerBytes(asked.bytes, { answers: [a(question.name, "6.6.6.6")] });
        for (let index = 0; index < 20; index++) {
          forged[0] = Math.floor(index * 12.7);
          if (forged[0] !== asked.bytes[0]) asked.send(Buffer.from(forged));
        }
      }
      asked.reply({ answers: [a(question.name, "192.0.2.1")] });
    });
    const resolver = resolverOf({ servers: [server.server], freshPorts: { burst: 0 } });
    let right = 0;
    for (let batch = 0; batch < 20; batch++) {
      const names = Array.from({ length: 50 }, (_, index) => `n${batch}-${index}.example`);
      const answers = await Promise.all(names.map((name) => resolver.resolve(name, { types: ["A"] })));
      right += answers.filter(
        ({ records }) =>
          "address" in (records[0] ?? {}) && (records[0] as { address: string }).address === "192.0.2.1",
      ).length;
    }

    expect(right).toBe(1000);
    expect(resolver.statistics.wrongId).toBeGreaterThan(0);
  });

  test("an aborted lookup rejects as aborted and lets go of its sockets", async () => {
    const server = await serve(() => {});
    const resolver = resolverOf({ servers: [server.server] });
    const controller = new AbortController();
    const lookup = resolver.resolve(NAME, { signal: controller.signal });
    controller.abort(new Error("enough"));

    await expect(lookup).rejects.toMatchObject({
      code: "aborted",
      layer: "dns",
      cause: { message: "enough" },
    });
    await expect(resolver.resolve(NAME, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "aborted",
    });
  });

  test("errors are told apart", async () => {
    const server = await serve((asked) => {
      const first = asked.question.name.split(".")[0];
      if (first === "missing") asked.reply({ rcode: 3, authorities: [soa("example")] });
      if (first === "empty") asked.reply({ authorities: [soa("example")] });
      if (first === "broken") asked.reply({ rcode: 2 });
      if (first === "closed") asked.reply({ rcode: 5 });
      if (first === "loop")
        asked.reply({ answers: [{ type: "CNAME", name: "loop.example", target: "loop.example", ttl: 1 }] });
    });
    const resolver = resolverOf({ servers: [server.server] });
    const codeOf = (name: string): Promise<string> =>
      resolver.resolve(name, { timeout: 300 }).then(
        () => "found",
        (error: { code: string }) => error.code,
      );

    const names = ["missing", "empty", "broken", "closed", "loop", "silent"].map(
      (label) => `${label}.example`,
    );
    expect(await Promise.all([...names, "a..b"].map(codeOf))).toEqual([
      "not-found",
      "no-data",
      "server-failure",
      "refused",
      "cname-loop",
      "timeout",
      "bad-name",
    ]);
    const alone = resolverOf({ servers: [] });
    await expect(alone.resolve(NAME)).rejects.toMatchObject({
      code: "no-servers",
      message: `Cannot resolve "${NAME}": no name server is configured, or none of them can be reached`,
    });
  });

  test("finds names of addresses, and leaves out what is no host's name", async () => {
    const server = await serve((asked) =>
      asked.reply({
        answers: ["host.example", "a\\032b.example"].map((target) => ({
          type: "PTR",
          name: asked.question.name,
          target,
          ttl: 1,
        })),
      }),
    );
    const resolver = resolverOf({ servers: [server.server], hosts: "/dev/null" });

    expect(await resolver.reverse("192.0.2.1")).toEqual(["host.example"]);
    await expect(resolver.reverse("x")).rejects.toMatchObject({ code: "bad-name" });
  });

  test("gives IPv4 addresses over IPv6 on request, and orders as asked", async () => {
    const server = await serve(ZONE);
    const resolver = resolverOf({ servers: [server.server] });

    expect(await resolver.addresses("four.example", { family: 6, mapped: true })).toEqual([
      "::ffff:192.0.2.4",
    ]);
    expect(await resolver.addresses(NAME, { family: 6, mapped: true })).toEqual(["2001:db8::1"]);
    expect(await resolver.addresses(NAME, { family: 4 })).toEqual(["192.0.2.1"]);
    expect(await resolver.addresses(NAME, { order: "ipv4first" })).toEqual(["192.0.2.1", "2001:db8::1"]);
    expect(await resolver.addresses(NAME, { order: "ipv6first" })).toEqual(["2001:db8::1", "192.0.2.1"]);
    expect(await resolver.addresses(NAME, { order: "as-received" })).toEqual(["2001:db8::1", "192.0.2.1"]);
    await expect(resolver.addresses("four.example", { family: 6, mapped: false })).rejects.toMatchObject({
      code: "no-data",
    });
  });

  test("takes servers for one lookup, and servers of a lease until they are taken back", async () => {
    const [one, two] = [await serve(ZONE), await serve(ZONE)];
    const folder = await mkdtemp(join(tmpdir(), "dns-"));
    open.push(() => rm(folder, { recursive: true }));
    const resolvConf = join(folder, "resolv.conf");
    await writeFile(resolvConf, "");
    const resolver = resolverOf({ resolvConf });

    await expect(resolver.resolve(NAME)).rejects.toMatchObject({ code: "no-servers" });
    expect(await resolver.resolve(NAME, { servers: [one.server] })).toMatchObject({ source: one.server });
    const takeBack = resolver.useServers([two.server]);
    expect(resolver.servers).toEqual([two.server]);
    expect(await resolver.resolve(NAME)).toMatchObject({ source: two.server });
    takeBack();
    takeBack();
    expect(resolver.servers).toEqual([]);
    expect(() => resolver.useServers(["nonsense"])).toThrow('Cannot ask "nonsense"');
    expect(() => createResolver({ servers: ["a.b.c.d"] })).toThrow('Cannot ask "a.b.c.d"');
  });

  test("DNS-33 DNS-51 sees changes of resolv.conf and hosts, replaced or rewritten", async () => {
    const folder = await mkdtemp(join(tmpdir(), "dns-"));
    open.push(() => rm(folder, { recursive: true }));
    const resolvConf = join(folder, "resolv.conf");
    const hosts = join(folder, "hosts");
    await writeFile(resolvConf, "nameserver 192.0.2.53\n");
    await writeFile(hosts, "192.0.2.10 box\n");
    const resolver = resolverOf({ resolvConf, hosts });
    expect(resolver.servers).toEqual(["192.0.2.53"]);
    expect(await resolver.addresses("box")).toEqual(["192.0.2.10"]);

    await writeFile(`${resolvConf}.new`, "nameserver 192.0.2.54\noptions rotate\n");
    await rename(`${resolvConf}.new`, resolvConf);
    await writeFile(hosts, "192.0.2.11 box\n");

    await expect.poll(() => resolver.servers, { timeout: 5000 }).toEqual(["192.0.2.54"]);
    await expect.poll(() => resolver.addresses("box"), { timeout: 5000 }).toEqual(["192.0.2.11"]);
    await rm(resolvConf);
    await expect.poll(() => resolver.servers, { timeout: 5000 }).toEqual([]);
  });

  test("DNS-33 follows a resolv.conf that is a link: its target replaced, the link pointed elsewhere, that target replaced", async () => {
    const folder = await mkdtemp(join(tmpdir(), "dns-"));
    open.push(() => rm(folder, { recursive: true }));
    const [etc, one, two] = ["etc", "one", "two"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    for (const each of [etc, one, two]) await mkdir(each);
    const replace = async (file: string, text: string): Promise<void> => {
      await writeFile(`${file}.new`, text);
      await rename(`${file}.new`, file);
    };
    await writeFile(join(one, "stub"), "nameserver 192.0.2.1\n");
    await writeFile(join(two, "stub"), "nameserver 192.0.2.3\n");
    const resolvConf = join(etc, "resolv.conf");
    await symlink(join(one, "stub"), resolvConf);
    const resolver = resolverOf({ resolvConf });
    expect(resolver.servers).toEqual(["192.0.2.1"]);

    await replace(join(one, "stub"), "nameserver 192.0.2.2\n");
    await expect.poll(() => resolver.servers, { timeout: 1000 }).toEqual(["192.0.2.2"]);
    await symlink(join(two, "stub"), `${resolvConf}.new`);
    await rename(`${resolvConf}.new`, resolvConf);
    await expect.poll(() => resolver.servers, { timeout: 1000 }).toEqual(["192.0.2.3"]);
    await replace(join(two, "stub"), "nameserver 192.0.2.4\n");
    await expect.poll(() => resolver.servers, { timeout: 1000 }).toEqual(["192.0.2.4"]);
  });

  test("names with other letters are asked for in their ASCII form", async () => {
    const server = await serve(zone({ "xn--bcher-kva.example": ["192.0.2.8"] }));
    const resolver = resolverOf({ servers: [server.server] });

    expect(await resolver.addresses("Bücher.example")).toEqual(["192.0.2.8"]);
    await expect(resolver.resolve("\u200e.example")).rejects.toMatchObject({ code: "bad-name" });
  });

  test("tells its steps to tracers and to the diagnostics channel", async () => {
    const server = await serve(ZONE);
    const resolver = resolverOf({ servers: [server.server] });
    const heard: string[] = [];
    const listen = (event: unknown): void => void heard.push((event as { step: string }).step);
    subscribe("secure-streams:dns", listen);
    const stop = resolver.trace((event) => heard.push(`trace ${event.step}`));
    await resolver.resolve("four.example", { types: ["A"] });
    unsubscribe("secure-streams:dns", listen);
    stop();
    await resolver.resolve(NAME, { types: ["A"] });

    expect(heard).toEqual(["trace sent", "sent", "trace received", "received", "trace answered", "answered"]);
  });

  test("closed, it fails who waits and whoever comes", async () => {
    const server = await serve(() => {});
    const resolver = createResolver({ servers: [server.server] });
    const waiting = resolver.resolve(NAME);
    resolver.close();

    await expect(waiting).rejects.toMatchObject({ code: "aborted" });
    await expect(resolver.resolve(NAME)).rejects.toMatchObject({ code: "aborted" });
  });
});
