import type { Socket } from "node:net";
import { expect, test } from "vitest";
import type { Outbound } from "../../../mqtt/index.ts";
import { SimClock } from "../../../testing/sim-clock.ts";
import { Outbox } from "./outbox.ts";

const MESSAGE: Outbound = {
  type: "publish",
  id: 1,
  topic: "t",
  payload: new Uint8Array(8),
  qos: 1,
  retain: false,
  dup: false,
};

test("a message alone leaves when the turn ends", async () => {
  const { outbox, writes } = outboxWith({ unacknowledged: 1 });
  outbox.push(MESSAGE);
  expect(writes).toHaveLength(0);
  await turn();
  expect(writes).toHaveLength(1);
});

test("with 64 messages under way seven wait, and the eighth takes them along", async () => {
  const { outbox, writes } = outboxWith({ unacknowledged: 64 });
  for (let index = 0; index < 7; index++) {
    outbox.push(MESSAGE);
    await turn();
  }
  expect(writes).toHaveLength(0);
  outbox.push(MESSAGE);
  await turn();
  expect(writes).toHaveLength(1);
  expect(writes[0]).toHaveLength(8 * 15);
});

test("what waits leaves after a millisecond", async () => {
  const { outbox, writes, clock } = outboxWith({ unacknowledged: 64 });
  outbox.push(MESSAGE);
  await turn();
  clock.advance(0.9);
  expect(writes).toHaveLength(0);
  clock.advance(0.1);
  expect(writes).toHaveLength(1);
});

test("an answer to the broker and a message of QoS 0 do not wait, and take along what does", async () => {
  const { outbox, writes } = outboxWith({ unacknowledged: 64 });
  outbox.push(MESSAGE);
  await turn();
  outbox.push({ type: "puback", id: 7, code: 0 });
  await turn();
  expect(writes).toHaveLength(1);
  outbox.push(MESSAGE);
  outbox.push({ ...MESSAGE, id: 0, qos: 0 });
  await turn();
  expect(writes).toHaveLength(2);
});

test("at the end everything is written, and the timer does not fire any more", async () => {
  const { outbox, writes, clock } = outboxWith({ unacknowledged: 64 });
  outbox.push(MESSAGE);
  await turn();
  outbox.end();
  expect(writes).toHaveLength(1);
  clock.advance(10);
  await turn();
  expect(writes).toHaveLength(1);
});

function outboxWith({ unacknowledged }: { readonly unacknowledged: number }) {
  const writes: Buffer[] = [];
  const socket = { writable: true, write: (bytes: Buffer) => writes.push(bytes), end: () => undefined };
  const clock = new SimClock();
  const outbox = new Outbox({
    socket: socket as unknown as Socket,
    version: 4,
    clock,
    unacknowledged: () => unacknowledged,
    written: () => undefined,
  });
  return { outbox, writes, clock };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
