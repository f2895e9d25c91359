import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Answer,
  type CreateResolverOptions,
  createResolver,
  type RecordType,
  type Resolver,
} from "../../src/dns.ts";
import { peerMissing } from "../peers.ts";
import { type NameServer, startDnsmasq, startUnbound } from "./name-servers.ts";
import { a, type Responder, responder } from "./responder.ts";

const BIG = Array.from({ length: 90 }, (_, index) => `192.0.2.${index + 1}`);
const stops: (() => Promise<void> | void)[] = [];

afterAll(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

function resolverOf(servers: readonly string[], options: CreateResolverOptions = {}): Resolver {
  const resolver = createResolver({ servers, hosts: "/dev/null", ...options });
  stops.push(() => resolver.close());
  return resolver;
}

/** Answers `<anything>.up.example`, as the server that the real ones forward to. */
async function upstream(): Promise<Responder> {
  const server = await responder((asked) => {
    const { name, type } = asked.question;
    asked.reply({ answers: type === "A" ? [a(name, "192.0.2.77", 300)] : [] });
  });
  stops.push(() => server.close());
  return server;
}

describe.skipIf(peerMissing("unbound"))("unbound", () => {
  let up: Responder;
  let unbound: NameServer;

  beforeAll(async () => {
    up = await upstream();
    unbound = await startUnbound(
      [
        'local-zone: "lan.example." static',
        ...LOCAL_DATA.map((data) => `local-data: '${data}'`),
        ...BIG.map((address) => `local-data: 'big.lan.example. 60 A ${address}'`),
        ...Array.from({ length: 200 }, (_, index) => `local-data: 'n${index}.lan.example. 60 A 192.0.2.9'`),
      ],
      ["forward-zone:", '  name: "up.example."', `  forward-addr: ${up.server.replace(":", "@")}`],
    );
    stops.push(() => unbound.stop());
  });

  test.each<[string, RecordType, object]>([
    ["host.lan.example", "A", { address: "192.0.2.1" }],
    ["host.lan.example", "AAAA", { address: "2001:db8::1" }],
    ["alias.lan.example", "CNAME", { target: "host.lan.example" }],
    ["lan.example", "MX", { preference: 10, exchange: "mail.lan.example" }],
    ["lan.example", "NS", { target: "ns.lan.example" }],
    ["lan.example", "SOA", { primary: "ns.lan.example", serial: 7, minimum: 60 }],
    ["1.2.0.192.in-addr.arpa", "PTR", { target: "host.lan.example" }],
    ["_mqtt._tcp.lan.example", "SRV", { priority: 1, weight: 2, port: 8883, target: "b.lan.example" }],
    ["lan.example", "TXT", { strings: [bytes("hello world"), bytes("two")] }],
    ["lan.example", "CAA", { critical: false, tag: "issue", value: bytes("ca.example") }],
    [
      "lan.example",
      "NAPTR",
      { order: 1, flags: "s", service: "SIP+D2U", replacement: "_sip._udp.lan.example" },
    ],
    ["_dns.lan.example", "SVCB", { priority: 1, target: "dot.lan.example" }],
    ["lan.example", "HTTPS", { priority: 1, target: ".", parameters: [{ key: 1, value: bytes("\x02h2") }] }],
    [
      "_443._tcp.lan.example",
      "TLSA",
      { usage: 3, selector: 1, matching: 1, data: Uint8Array.of(1, 2, 3, 4) },
    ],
    ["lan.example", "TYPE65280", { bytes: Uint8Array.of(9, 8, 7) }],
  ])("answers %s %s", async (name, type, expected) => {
    const { records } = await resolverOf([unbound.server]).resolve(name, { types: [type] });

    expect(records[0]).toMatchObject({ type, name, ttl: 60, ...expected });
  });

  test("finds the names of an address", async () => {
    expect(await resolverOf([unbound.server]).reverse("192.0.2.1")).toEqual(["host.lan.example"]);
  });

  test("follows an alias, and keeps what does not exist as long as the zone says", async () => {
    const resolver = resolverOf([unbound.server]);

    expect(await resolver.resolve("alias.lan.example", { types: ["A"] })).toMatchObject({
      canonicalName: "host.lan.example",
      records: [{ address: "192.0.2.1" }],
    });
    await expect(resolver.resolve("no.lan.example")).rejects.toMatchObject({ code: "not-found" });
    await expect(resolver.resolve("host.lan.example", { types: ["MX"] })).rejects.toMatchObject({
      code: "no-data",
    });
    const { queries } = resolver.statistics;
    await expect(resolver.resolve("no.lan.example")).rejects.toMatchObject({ code: "not-found" });
    expect(resolver.statistics.queries).toBe(queries);
    expect(resolver.statistics).toMatchObject({ dropped: 0, wrongCase: 0 });
  });

  test("forwards, keeping the letters' case", async () => {
    const resolver = resolverOf([unbound.server]);

    expect(await resolver.addresses("any.up.example", { family: 4 })).toEqual(["192.0.2.77"]);
    expect(up.asked.some(({ question }) => question.name === "any.up.example")).toBe(true);
    expect(resolver.statistics.wrongCase).toBe(0);
  });

  test("DNS-25 knows no cookies, and does without", async () => {
    const resolver = resolverOf([unbound.server], { cookies: true });
    for (let count = 0; count < 5; count++)
      expect(await resolver.addresses(`n${count}.lan.example`)).toEqual(["192.0.2.9"]);

    expect(resolver.statistics).toMatchObject({ dropped: 0, sentTcp: 0 });
  });

  test("DNS-20 sends what is large over TCP, forty questions on one connection", async () => {
    const resolver = resolverOf([unbound.server], { cache: { maxEntries: 0 }, ednsSize: 512 });
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        resolver.resolve("big.lan.example", {
          types: ["A"],
          servers: index % 2 === 0 ? [unbound.server] : undefined,
        }),
      ),
    );

    for (const answer of answers) {
      expect(answer.transport).toBe("tcp");
      expect(addressesOf(answer)).toEqual(BIG.toSorted());
    }
  });

  test("DNS-21 answers two hundred names at once over TCP alone", async () => {
    const folder = await mkdtemp(join(tmpdir(), "dns-"));
    stops.push(() => rm(folder, { recursive: true }));
    const resolvConf = join(folder, "resolv.conf");
    writeFileSync(resolvConf, "options use-vc\n");
    const resolver = createResolver({ resolvConf, hosts: "/dev/null" });
    stops.push(() => resolver.close());
    resolver.useServers([unbound.server]);

    const all = await Promise.all(
      Array.from({ length: 200 }, (_, index) => resolver.addresses(`n${index}.lan.example`, { family: 4 })),
    );

    expect(all.flat()).toEqual(new Array(200).fill("192.0.2.9"));
    expect(resolver.statistics).toMatchObject({ sentUdp: 0 });
  });

  test("killed, it is missed at once; started again, it is asked again", async () => {
    const mortal = await startUnbound(['local-data: "x.lan.example. 60 A 192.0.2.5"']);
    stops.push(() => mortal.stop());
    const resolver = resolverOf([mortal.server], { cache: { maxEntries: 0 } });
    expect(await resolver.addresses("x.lan.example", { family: 4 })).toEqual(["192.0.2.5"]);
    await mortal.kill();
    await expect(resolver.addresses("x.lan.example", { family: 4 })).rejects.toMatchObject({
      code: "no-servers",
    });
    await mortal.restart();

    expect(await resolver.addresses("x.lan.example", { family: 4 })).toEqual(["192.0.2.5"]);
  });
});

describe.skipIf(peerMissing("dnsmasq"))("dnsmasq", () => {
  let up: Responder;
  let dnsmasq: NameServer;

  beforeAll(async () => {
    up = await upstream();
    const folder = await mkdtemp(join(tmpdir(), "dns-"));
    stops.push(() => rm(folder, { recursive: true }));
    const hosts = join(folder, "hosts");
    writeFileSync(hosts, BIG.map((address) => `${address} big.lan.example`).join("\n"));
    dnsmasq = await startDnsmasq([
      "host-record=host.lan.example,192.0.2.1,2001:db8::1",
      "cname=alias.lan.example,host.lan.example",
      "mx-host=lan.example,mail.lan.example,10",
      "txt-record=lan.example,hello",
      "srv-host=_mqtt._tcp.lan.example,host.lan.example,8883,1,2",
      "local=/lan.example/",
      "local-ttl=60",
      `addn-hosts=${hosts}`,
      `server=/up.example/${up.server.replace(":", "#")}`,
    ]);
    stops.push(() => dnsmasq.stop());
  });

  test("answers addresses, aliases, mail, text and services, and forwards", async () => {
    const resolver = resolverOf([dnsmasq.server]);

    expect((await resolver.addresses("host.lan.example")).toSorted()).toEqual(["192.0.2.1", "2001:db8::1"]);
    expect(await resolver.resolve("alias.lan.example", { types: ["A"] })).toMatchObject({
      canonicalName: "host.lan.example",
    });
    expect(await resolver.resolve("lan.example", { types: ["MX"] })).toMatchObject({
      records: [{ exchange: "mail.lan.example", preference: 10 }],
    });
    expect(await resolver.resolve("lan.example", { types: ["TXT"] })).toMatchObject({
      records: [{ strings: [bytes("hello")] }],
    });
    expect(await resolver.resolve("_mqtt._tcp.lan.example", { types: ["SRV"] })).toMatchObject({
      records: [{ port: 8883, target: "host.lan.example" }],
    });
    expect(await resolver.addresses("any.up.example", { family: 4 })).toEqual(["192.0.2.77"]);
    await expect(resolver.addresses("no.lan.example")).rejects.toMatchObject({ code: "not-found" });
    expect(resolver.statistics).toMatchObject({ dropped: 0, wrongCase: 0, distrusted: 0 });
  });

  test("DNS-20 sends what is large over TCP", async () => {
    const answer = await resolverOf([dnsmasq.server]).resolve("big.lan.example", { types: ["A"] });

    expect(answer.transport).toBe("tcp");
    expect(addressesOf(answer)).toEqual(BIG.toSorted());
  });

  test("DNS-32 frozen, it costs the next server's users under half a second once; back, it is used again", async () => {
    const other = await startDnsmasq(["host-record=host.lan.example,192.0.2.2", "local-ttl=1"]);
    stops.push(() => other.stop());
    const first = await startDnsmasq(["host-record=host.lan.example,192.0.2.1", "local-ttl=1"]);
    stops.push(() => first.stop());
    const resolver = resolverOf([first.server, other.server], { cache: { maxEntries: 0 } });
    const ask = async (): Promise<{ readonly source: string; readonly ms: number }> => {
      const start = performance.now();
      const { source } = await resolver.resolve("host.lan.example", { types: ["A"] });
      return { source, ms: performance.now() - start };
    };
    for (let count = 0; count < 50; count++) await ask();
    const { source: dead } = await ask();
    const mortal = dead === first.server ? first : other;
    mortal.freeze();

    const waits: number[] = [];
    for (let count = 0; count < 20; count++) waits.push((await ask()).ms);

    expect(waits.filter((wait) => wait > 150).length).toBeLessThanOrEqual(1);
    expect(Math.max(...waits)).toBeLessThan(500);
    mortal.resume();
    const answered = new Promise<void>((resolve) => {
      resolver.trace((event) => {
        if (event.step === "received" && event.server === mortal.server) resolve();
      });
    });
    const isBack = answered.then(() => true);
    while (!(await Promise.race([isBack, ask().then(() => false)])));
  });

  test("DNS-09 killed, the next server answers at once; restarted, both are there", async () => {
    const first = await startDnsmasq(["host-record=host.lan.example,192.0.2.1"]);
    const second = await startDnsmasq(["host-record=host.lan.example,192.0.2.2"]);
    stops.push(
      () => first.stop(),
      () => second.stop(),
    );
    const resolver = resolverOf([first.server, second.server], { cache: { maxEntries: 0 } });
    await resolver.resolve("host.lan.example", { types: ["A"] });
    for (const [dead, alive] of [
      [first, second],
      [second, first],
    ] as const) {
      await dead.kill();
      const start = performance.now();
      expect(await resolver.resolve("host.lan.example", { types: ["A"] })).toMatchObject({
        source: alive.server,
      });
      expect(performance.now() - start).toBeLessThan(150);
      await dead.restart();
    }
  });
});

const LOCAL_DATA = [
  "lan.example. 60 SOA ns.lan.example. admin.lan.example. 7 1 1 1 60",
  "lan.example. 60 NS ns.lan.example.",
  "lan.example. 60 MX 10 mail.lan.example.",
  'lan.example. 60 TXT "hello world" "two"',
  'lan.example. 60 CAA 0 issue "ca.example"',
  'lan.example. 60 NAPTR 1 2 "s" "SIP+D2U" "" _sip._udp.lan.example.',
  "lan.example. 60 HTTPS 1 . alpn=h2",
  "lan.example. 60 TYPE65280 \\# 3 090807",
  "host.lan.example. 60 A 192.0.2.1",
  "host.lan.example. 60 AAAA 2001:db8::1",
  "alias.lan.example. 60 CNAME host.lan.example.",
  "_mqtt._tcp.lan.example. 60 SRV 1 2 8883 b.lan.example.",
  "_dns.lan.example. 60 SVCB 1 dot.lan.example. alpn=dot",
  "_443._tcp.lan.example. 60 TLSA 3 1 1 01020304",
  "1.2.0.192.in-addr.arpa. 60 PTR host.lan.example.",
];

function addressesOf({ records }: Answer): readonly string[] {
  return records.flatMap((record) => ("address" in record ? [record.address] : [])).toSorted();
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
