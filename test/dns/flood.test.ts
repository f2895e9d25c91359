import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { createResolver } from "../../src/dns.ts";
import { TIMEOUT } from "../../src/lib/machine.ts";
import { seededInteger } from "./mutate.ts";
import { a, answerBytes } from "./responder.ts";
import { type Sent, World } from "./world.ts";

const EVIL = "6.6.6.6";
const RIGHT = "192.0.2.1";

test("DNS-07 under 100 000 forged packets a second for 2 s, a thousand of a thousand lookups get the answer that comes after 200 ms", () => {
  const world = new World({ cache: { maxEntries: 0 } });
  const integer = seededInteger(7);
  const due: { readonly at: number; readonly sent: Sent }[] = [];
  const byChannel = new Map<number, Sent>();
  world.onQuery = (sent) => {
    due.push({ at: world.now + 200, sent });
    if (sent.transport === "udp") byChannel.set(sent.socket, sent);
  };
  const ids: number[] = [];
  let forged = 0;

  for (let ms = 0; ms < 2400; ms++) {
    world.now = ms;
    while (world.machine.deadline <= ms) world.feed(TIMEOUT);
    for (; due[0] !== undefined && due[0].at <= ms; due.shift()) {
      const { sent } = due[0];
      world.reply(sent, { answers: [a(sent.question.name, RIGHT)] }, 0);
    }
    world.run(0);
    if (ms % 2 === 0 && ids.length < 1000) ids.push(world.lookup(`n${ids.length}.example`));
    const targets = [...world.openChannels];
    for (let count = 0; ms < 2000 && count < 100; count++) {
      // Someone who knows every port, name and letter, and guesses the id.
      const channel = targets[integer(targets.length)] as number;
      const { bytes, question } = byChannel.get(channel) as Sent;
      const packet = answerBytes(bytes, { id: integer(65_536), answers: [a(question.name, EVIL)] });
      forged += 1;
      world.feed({ type: "datagram", channel, bytes: packet });
    }
  }

  expect(forged).toBe(200_000);
  expect(ids.map((id) => world.addresses(id)[0])).toEqual(new Array(1000).fill(RIGHT));
  expect(world.machine.statistics.wrongId).toBeGreaterThan(150_000);
});

test("DNS-07 a forged packet costs less than 15 us of CPU on real sockets, and the right answer is found", {
  timeout: 30_000,
}, async () => {
  const child = fork(fileURLToPath(new URL("flood-server.mjs", import.meta.url)));
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  const resolver = createResolver({ servers: [`127.0.0.1:${port}`], casing: false });
  onTestFinished(() => resolver.close());
  await resolver.resolve("warm.example", { types: ["A"] });
  const before = { cpu: process.cpuUsage(), received: resolver.statistics.received };
  const found: string[] = [];

  for (let count = 0; count < 8; count++) {
    const { records } = await resolver.resolve(`n${count}.example`, { types: ["A"] });
    found.push(...records.flatMap((record) => ("address" in record ? [record.address] : [])));
  }

  const { user, system } = process.cpuUsage(before.cpu);
  const received = resolver.statistics.received - before.received;
  child.send("how many");
  const [{ sent, ms }] = (await once(child, "message")) as [{ sent: number; ms: number }];
  const cost = (user + system) / received;
  process.stdout.write(
    `flood: ${Math.round((1000 * sent) / ms)} packets/s, ${received} taken, ${cost.toFixed(1)} us of CPU each\n`,
  );
  expect(found).toEqual(new Array(8).fill(RIGHT));
  expect(received).toBeGreaterThan(1000);
  expect(cost).toBeLessThan(15);
});
