import { expect, test } from "vitest";
import { replyTo } from "../../test/ntp/server.ts";
import { NtpWorld, TRUTH } from "../../test/ntp/world.ts";
import { SeededRandom } from "../testing/index.ts";
import { NtpClient } from "./client.ts";
import type { NtpInput, NtpOutput } from "./words.ts";

const MUTATIONS = Number(process.env.NTP_MUTATIONS ?? 100_000);
const YEAR = 365.25 * 86_400_000;

test(`${MUTATIONS} mutated replies of three servers set a clock that is decades off to the truth or not at all (F3)`, () => {
  const random = new SeededRandom(3);
  let refused = 0;
  let opinions = 0;
  for (let done = 0; done < MUTATIONS; ) {
    const world = new NtpWorld({ error: -56 * YEAR, seed: done });
    world.servers("a", "b", "c");
    for (let round = 0; round < 20; round++) {
      for (const server of world.client.servers) {
        const { bytes, at } = world.request(server);
        if (at !== world.now && round > 0) continue;
        world.bytes(server, mutate(replyTo(bytes, TRUTH + world.now), random));
        done += 1;
      }
      world.next();
    }
    refused += world.of("refused").length;
    opinions += world.of("offset").length;
    expect(world.of("adjust").filter(({ offset }) => Math.abs(offset - 56 * YEAR) > 1500)).toEqual([]);
  }

  expect(refused).toBeGreaterThan(MUTATIONS / 2);
  expect(opinions).toBeGreaterThan(MUTATIONS / 100);
}, 120_000);

test(`${MUTATIONS} mutated replies of one server alone never set a clock that is decades off (F3)`, () => {
  const random = new SeededRandom(5);
  for (let done = 0; done < MUTATIONS; ) {
    const world = new NtpWorld({ error: -56 * YEAR, seed: done });
    world.servers("a", "silent", "mute");
    for (let round = 0; round < 50; round++) {
      const { bytes, at } = world.request("a");
      if (at === world.now) {
        world.bytes("a", mutate(replyTo(bytes, TRUTH + world.now), random));
        done += 1;
      }
      world.next();
    }
    expect(world.of("adjust")).toEqual([]);
    expect(world.client.isValid).toBe(false);
  }
}, 120_000);

test(`${MUTATIONS} mutated replies set the clock only where every check of the reply holds (F3)`, () => {
  const random = new SeededRandom(9);
  let adjusted = 0;
  for (let done = 0; done < MUTATIONS; done++) {
    const world = new NtpWorld({ error: 60_000, seed: done });
    world.servers("a");
    const request = world.request("a").bytes;
    const reply = mutate(replyTo(request, TRUTH), random);

    world.bytes("a", reply);

    const isSet = world.of("adjust").length > 0;
    if (isSet && !isHonest(reply, request)) {
      expect.fail(`the clock was set by ${Buffer.from(reply).toString("hex")}`);
    }
    if (isSet) adjusted += 1;
  }

  expect(adjusted).toBeGreaterThan(MUTATIONS / 50);
  expect(adjusted).toBeLessThan(MUTATIONS / 2);
}, 120_000);

test(`${MUTATIONS / 10} random packets set nothing at all`, () => {
  const random = new SeededRandom(11);
  const world = new NtpWorld({ error: 60_000 });
  world.servers("a");
  for (let done = 0; done < MUTATIONS / 10; done++) {
    const outputs = world.bytes("a", random.bytes(random.uint16() % 100));
    expect(outputs.map(({ type }) => type)).toEqual(["refused"]);
  }
});

test("keeps the promises of a machine (property)", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new SeededRandom(seed);
    const clients = [new NtpClient(new SeededRandom(seed)), new NtpClient(new SeededRandom(seed))] as const;
    const [client] = clients;
    const lastSent = new Map<string, number>();
    let sent: Extract<NtpOutput, { type: "send" }>[] = [];
    let now = 0;
    for (let step = 0; step < 120; step++) {
      const isStop = step === 119;
      const input = isStop ? ({ type: "stop" } as const) : anyInput(random, sent, now);
      if (input.type === "timeout" && random.fraction() < 0.8) now = Math.min(client.deadline, now + 1e7);
      if (client.deadline > now) {
        expect(client.handle({ type: "timeout" }, now), "an early timeout does nothing").toEqual([]);
        clients[1].handle({ type: "timeout" }, now);
      }
      const [outputs, same] = clients.map((each) => each.handle(input, now));
      expect(outputs, "the same inputs give the same outputs").toEqual(same);
      if (!isStop) expect(client.deadline, "what was due has been done").toBeGreaterThan(now);
      for (const output of outputs ?? []) {
        if (output.type !== "send") continue;
        const since = now - (lastSent.get(output.server) ?? Number.NEGATIVE_INFINITY);
        if (input.type !== "slept") expect(since, "15 s between requests").toBeGreaterThanOrEqual(15_000);
        lastSent.set(output.server, now);
        sent = [...sent.slice(-5), output];
      }
      if (input.type === "slept" || input.type === "servers") lastSent.clear();
      now += Math.floor(random.exponential(200));
    }
    expect(client.deadline).toBe(Number.POSITIVE_INFINITY);
    expect(client.handle({ type: "poll" }, now)).toEqual([]);
  }
});

function anyInput(
  random: SeededRandom,
  sent: readonly Extract<NtpOutput, { type: "send" }>[],
  now: number,
): NtpInput | { readonly type: "timeout" } {
  const request = sent[random.uint16() % Math.max(1, sent.length)];
  const wall = TRUTH + now;
  const pick = random.fraction();
  if (pick < 0.1) {
    const all = ["a", "b", "c", "d"];
    return { type: "servers", servers: all.filter(() => random.fraction() < 0.8) };
  }
  if (pick < 0.15) return { type: "slept", span: random.uint16() * 100 };
  if (pick < 0.2) return { type: "poll" };
  if (pick < 0.4 || request === undefined) return { type: "timeout" };
  const { server, id } = request;
  if (pick < 0.45) return { type: "failed", server, id };
  const honest = replyTo(request.bytes, wall, {
    stratum: random.fraction() < 0.1 ? 0 : 2,
    referenceId: random.fraction() < 0.5 ? "RATE" : "DENY",
  });
  return { type: "reply", server, id, bytes: pick < 0.7 ? honest : mutate(honest, random), wall };
}

/** Flips, replaces, cuts or extends: never the reply as it was. */
function mutate(reply: Uint8Array, random: SeededRandom): Uint8Array {
  const bytes = Uint8Array.from(reply);
  const at = random.uint16() % bytes.length;
  switch (random.uint16() % 6) {
    case 0:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (random.uint16() % 8));
      return bytes;
    case 1:
      bytes[at] = (bytes[at] ?? 0) ^ (1 + (random.uint16() % 255));
      return bytes;
    case 2:
      return bytes.subarray(0, at);
    case 3: {
      const longer = new Uint8Array(bytes.length + 1 + (random.uint16() % 32));
      longer.set(bytes);
      longer[random.uint16() % 48] = random.uint16() % 256;
      return longer;
    }
    case 4:
      for (let count = 0; count < 4; count++) {
        const place = (at + count) % bytes.length;
        bytes[place] = (bytes[place] ?? 0) ^ (1 + (random.uint16() % 255));
      }
      return bytes;
    default:
      bytes.set(random.bytes(8), Math.min(at & ~7, 40));
      return bytes;
  }
}

/** The checks once more, written from RFC 4330 without the code under test. */
function isHonest(reply: Uint8Array, request: Uint8Array): boolean {
  const hex = Buffer.from(reply).toString("hex");
  const first = Number.parseInt(hex.slice(0, 2), 16);
  const stratum = Number.parseInt(hex.slice(2, 4), 16);
  return (
    reply.length >= 48 &&
    reply.length % 4 === 0 &&
    (first & 0x3f) === 0x24 &&
    first >> 6 !== 3 &&
    stratum >= 1 &&
    stratum <= 15 &&
    Number.parseInt(hex.slice(8, 16), 16) < 0x1_0000 &&
    Number.parseInt(hex.slice(16, 24), 16) < 0x1_0000 &&
    hex.slice(48, 64) === Buffer.from(request.subarray(40)).toString("hex") &&
    hex.slice(64, 80) !== "0".repeat(16) &&
    hex.slice(80, 96) !== "0".repeat(16)
  );
}
