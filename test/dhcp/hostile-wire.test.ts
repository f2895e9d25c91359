import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Fields } from "../../src/dhcp/index.ts";
import { createDhcpClient, type DhcpClient, type Lease } from "../../src/dhcp.ts";
import { createNetwork } from "../../src/node/platform/index.ts";
import { Namespace, namespacesMissing } from "../namespace.ts";
import { HOSTILE, ODD } from "./hostile.ts";
import {
  type Asked,
  ATTACKER,
  BAD,
  badReply,
  GOOD,
  goodReply,
  ipv4,
  type Question,
  RawServer,
  SERVER,
  withOption,
} from "./raw-server.ts";

const CABLES = 8;
/** The good reply comes so much later than the bad one. */
const LATER = 60;
/** The state of a checksum is told by the kernel and cannot be sent as a frame. */
const NOT_A_FRAME = new Set(["udp-checksum-not-partial", "udp-checksum-partial"]);
const LONGEST = 5500;

/** A client that hears nothing better for half a second takes what has faults: later than this there is no telling. */
const LATEST = 250;

interface Attacked {
  readonly isLate: boolean;
  readonly lease: unknown;
  readonly seen: readonly string[];
}

type Attack = (question: Question, server: RawServer) => void;

describe.skipIf(namespacesMissing())("a hostile server on a real wire", () => {
  const network = createNetwork();
  let namespace: Namespace;

  beforeAll(() => {
    namespace = new Namespace();
    for (let cable = 0; cable < CABLES; cable++) namespace.cable(`c${cable}`, `s${cable}`);
  });
  afterAll(() => namespace.leave());

  test.each<Asked>(["discover", "request"])(
    "a good reply that follows 60 ms later wins against every record, in answer to a %s",
    async (phase) => {
      const vectors = HOSTILE.filter(({ name }) => !NOT_A_FRAME.has(name));
      const before = namespace.state();

      const outcomes = await spread(vectors, (vector, cable) =>
        against(cable, phase, (question, server) => server.say(badReply(question), vector)),
      );

      const expected = vectors.map(({ name, records }) => [
        name,
        records,
        { lease: GOOD_LEASE, seen: [GOOD] },
      ]);
      expect(vectors.map(({ name, records }, index) => [name, records, outcomes[index]])).toEqual(expected);
      expect(namespace.state()).toBe(before);
    },
    60_000,
  );

  test("odd replies that are right are taken, although another follows", async () => {
    const vectors = ODD.filter(({ name }) => !NOT_A_FRAME.has(name));

    const outcomes = await spread(vectors, (vector, cable) =>
      against(cable, "discover", (question, server) => server.say(badReply(question), vector)),
    );

    expect(vectors.map(({ name }, index) => [name, outcomes[index]?.seen])).toEqual(
      vectors.map(({ name }) => [name, [BAD]]),
    );
  }, 60_000);

  test("messages at the wrong time lose as well", async () => {
    const type = (value: number) => (reply: Fields) => withOption(reply, 53, Uint8Array.of(value));
    const foreign = (reply: Fields): Fields => withOption(reply, 54, ipv4(ATTACKER));
    const attacks: readonly (readonly [string, Asked, (reply: Fields) => Fields])[] = [
      ["nak-in-selecting", "discover", type(6)],
      ["ack-in-selecting-unsolicited", "discover", type(5)],
      [
        "ack-in-selecting-rapid-unsolicited",
        "discover",
        (reply) => withOption(type(5)(reply), 80, new Uint8Array(0)),
      ],
      ["nak-wrong-serverid-in-requesting", "request", (reply) => foreign(type(6)(reply))],
      ["ack-wrong-serverid-in-requesting", "request", foreign],
      ["ack-other-address-in-requesting", "request", (reply) => ({ ...reply, yiaddr: BAD })],
      ["forcerenew-in-requesting", "request", type(9)],
    ];

    const outcomes = await spread(attacks, ([, phase, spoil], cable) =>
      against(cable, phase, (question, server) => server.say(spoil(badReply(question)))),
    );

    expect(attacks.map(([name], index) => [name, outcomes[index]])).toEqual(
      attacks.map(([name]) => [name, { lease: GOOD_LEASE, seen: [GOOD] }]),
    );
  }, 60_000);

  test.each<[string, (reply: Fields) => Fields]>([
    [
      "renew-nak-wrong-serverid (CVE-2020-13529)",
      (reply) => withOption(withOption(reply, 53, Uint8Array.of(6)), 54, ipv4(ATTACKER)),
    ],
    ["renew-ack-other-addr (CVE-2020-13529)", (reply) => ({ ...reply, yiaddr: BAD })],
    ["renew-ack-wrong-serverid (CVE-2020-13529)", (reply) => withOption(reply, 54, ipv4(ATTACKER))],
    ["renew-forcerenew-unauth (CVE-2020-13529)", (reply) => withOption(reply, 53, Uint8Array.of(9))],
  ])("while a lease is renewed: %s", async (_, spoil) => {
    const { client, leases, dropped, server } = await bound(0);
    server.attack = (question, raw) => raw.say(spoil(badReply(question)));
    const renewed = nextLease(client);

    client.renew();
    await renewed;

    expect(dropped.length).toBeGreaterThan(0);
    expect(leases).toEqual([GOOD, GOOD]);
    expect(summary(client.lease)).toEqual(GOOD_LEASE);
    await client.stop();
  });

  test.each<[string, number]>([
    ["bound-forcerenew-unauth", 9],
    ["bound-ack-other-addr", 5],
    ["bound-nak-same-xid", 6],
  ])("while a lease is held: %s (CVE-2020-13529)", async (_, type) => {
    const { client, leases, server } = await bound(0);
    const last = server.raw.questions.at(-1);
    if (last === undefined) throw new Error("Nothing was asked");
    const reply = withOption({ ...goodReply(last), yiaddr: BAD }, 53, Uint8Array.of(type));

    for (let count = 0; count < 100; count++) server.raw.say(reply);
    const renewed = nextLease(client);
    client.renew();
    await renewed;

    expect(leases).toEqual([GOOD, GOOD]);
    expect(server.raw.questions.map(({ asked }) => asked)).toEqual(["discover", "request", "request"]);
    await client.stop();
  });

  test("no storm: at most five requests in nine seconds, whatever the server does", async () => {
    const storms: readonly (readonly [string, (reply: Fields) => Fields])[] = [
      ["a NAK for every REQUEST", (reply) => withOption(reply, 53, Uint8Array.of(isAck(reply) ? 6 : 2))],
      [
        "T1 = 0 and T2 = 0",
        (reply) => withOption(withOption(reply, 58, new Uint8Array(4)), 59, new Uint8Array(4)),
      ],
      ["a lease of 1 s", (reply) => withOption(reply, 51, Uint8Array.of(0, 0, 0, 1))],
      ["an ACK for another address", (reply) => (isAck(reply) ? { ...reply, yiaddr: BAD } : reply)],
    ];

    const counts = await spread(storms, async ([, change], cable) => {
      const raw = new RawServer(namespace.index(`s${cable}`), (question) =>
        raw.say(change(goodReply(question))),
      );
      const client = createDhcpClient({ interface: `c${cable}`, conflictDetection: false });
      await client.start();
      // The span that is looked at, twice: storms begin at once.
      await wait(12_000);
      await client.stop();
      raw.close();
      return (["discover", "request"] as const).map((asked) => {
        const times = raw.questions.filter((each) => each.asked === asked).map(({ at }) => at);
        return Math.max(
          0,
          ...times.map((from) => times.filter((at) => at >= from && at <= from + 9000).length),
        );
      });
    });

    for (const [index, [name]] of storms.entries()) {
      const [discovers = 0, requests = 0] = counts[index] ?? [];
      expect(discovers, name).toBeGreaterThan(0);
      expect(requests, name).toBeGreaterThan(0);
      expect(Math.max(discovers, requests), name).toBeLessThanOrEqual(5);
    }
  }, 60_000);

  /** One client against one attack, again where this machine was too busy to send the good reply in time. */
  async function against(
    cable: number,
    phase: Asked,
    attack: Attack,
    attempts = 4,
  ): Promise<Omit<Attacked, "isLate">> {
    const { isLate, ...outcome } = await attacked(cable, phase, attack);
    return isLate && attempts > 1 ? await against(cable, phase, attack, attempts - 1) : outcome;
  }

  /** The lease that a client ends on, and the addresses that are on its interface then. */
  async function attacked(cable: number, phase: Asked, attack: Attack): Promise<Attacked> {
    let isLate = false;
    const raw = new RawServer(namespace.index(`s${cable}`), (question, server) => {
      if (question.asked === phase) attack(question, server);
      // Who took the bad offer gets what it asked for at once.
      const wished = question.message.options.get(50)?.join(".");
      if (question.asked === "request" && wished === BAD) {
        server.say({ ...withOption(goodReply(question), 54, ipv4(ATTACKER)), yiaddr: BAD });
        return;
      }
      if (question.asked !== phase) server.say(goodReply(question));
      else {
        setTimeout(() => {
          isLate ||= performance.now() - question.at > LATEST;
          server.say(goodReply(question));
        }, LATER);
      }
    });
    const client = createDhcpClient({ interface: `c${cable}`, conflictDetection: false });
    try {
      const lease = await client.bound({ signal: AbortSignal.timeout(LONGEST) });
      const link = namespace.index(`c${cable}`);
      const seen = network.snapshot().addresses.filter((each) => each.link === link);
      return { isLate, lease: summary(lease), seen: seen.map(({ address }) => address) };
    } catch (error) {
      return { isLate, lease: error, seen: [] };
    } finally {
      await client.stop();
      raw.close();
    }
  }

  /** A bound client, and its server, which answers rightly after `attack` had its way. */
  async function bound(cable: number) {
    const server: { attack: Attack; raw: RawServer } = {
      attack: () => undefined,
      raw: new RawServer(namespace.index(`s${cable}`), (question, raw) => {
        server.attack(question, raw);
        setTimeout(() => raw.say(goodReply(question)), LATER);
      }),
    };
    const client = createDhcpClient({ interface: `c${cable}`, conflictDetection: false });
    onTestFinished(async () => {
      await client.stop();
      server.raw.close();
    });
    const leases: (string | undefined)[] = [];
    const dropped: string[] = [];
    client.on("lease", ({ change, lease }) => change !== "lost" && leases.push(lease.address));
    client.on("dropped", ({ why }) => dropped.push(why));
    await client.bound({ signal: AbortSignal.timeout(LONGEST) });
    return { client, leases, dropped, server };
  }
});

const GOOD_LEASE = {
  address: GOOD,
  server: SERVER,
  prefixLength: 24,
  dnsServers: [SERVER],
  leaseSeconds: 3600,
  doubts: [],
};

function summary(lease: Lease | undefined) {
  if (lease === undefined) return undefined;
  const { address, server, prefixLength, dnsServers, leaseSeconds, doubts } = lease;
  return { address, server, prefixLength, dnsServers, leaseSeconds, doubts };
}

function isAck({ options }: Fields): boolean {
  return options.get(53)?.[0] === 5;
}

function nextLease(client: DhcpClient): Promise<void> {
  return new Promise((resolve) => {
    client.on("lease", () => resolve());
  });
}

/** Does the work for each item, one after the other on each cable; results in the order of the items. */
async function spread<Item, Result>(
  items: readonly Item[],
  work: (item: Item, cable: number) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const queue = [...items.entries()];
  const lane = async (cable: number): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      results[next[0]] = await work(next[1], cable);
    }
  };
  await Promise.all(Array.from({ length: CABLES }, (_, cable) => lane(cable)));
  return results;
}
