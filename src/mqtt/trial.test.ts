import { describe, expect, test } from "vitest";
import { SETTINGS } from "../../test/mqtt/settings.ts";
import { encodeUtf8 } from "../lib/bytes.ts";
import { TIMEOUT } from "../lib/machine.ts";
import { seconds } from "../lib/millis.ts";
import type { Outgoing } from "./entry.ts";
import { SessionMemory } from "./memory.ts";
import type { Inbound, QualityOfService, Version, Will } from "./packet.ts";
import { MqttSession } from "./session.ts";
import type { Member, SessionInput, SessionOutput } from "./words.ts";

const DATA = encodeUtf8("data");
const HUNG_UP: SessionInput = {
  type: "lost",
  reason: { layer: "tcp", code: "connection-closed", message: "closed" },
  isHangUp: true,
};
const BROKEN: SessionInput = {
  type: "lost",
  reason: { layer: "tcp", code: "connection-reset", message: "no route" },
};
const PINGREQ = { type: "write", packet: { type: "pingreq" } };
const NOT_ACKNOWLEDGED = { type: "refused", reason: { layer: "mqtt", code: "mqtt-not-acknowledged" } };

describe("a message on which the broker hangs up", () => {
  test("is sent alone after a PINGRESP, members wait, and after the third hang-up it is given up", () => {
    const memory = new SessionMemory();
    const first = connected(memory);
    first.handle(send(1), 0);
    first.handle(send(2), 0);
    first.handle(HUNG_UP, 0);
    expect(memory.isOnTrial).toBe(true);

    const second = opened(memory);
    expect(second.handle(CONNACK, 0)).toEqual([PINGREQ]);
    expect(second.handle(PINGRESP, 0)).toMatchObject([{ packet: { type: "publish", id: 1, dup: true } }]);
    second.handle(HUNG_UP, 0);

    const third = opened(memory);
    expect(third.handle(CONNACK, 0)).toEqual([PINGREQ]);
    third.handle(PINGRESP, 0);
    third.handle(HUNG_UP, 0);

    const fourth = opened(memory);
    expect(fourth.handle(CONNACK, 0)).toMatchObject([
      { type: "settled", ticket: 1, outcome: NOT_ACKNOWLEDGED },
      PINGREQ,
    ]);
    expect(fourth.handle(PINGRESP, 0)).toMatchObject([{ packet: { type: "publish", dup: true } }]);
    expect(fourth.handle(puback(2), 0)).toEqual([
      { type: "settled", ticket: 2, outcome: { type: "acknowledged" } },
      { type: "established", member: 1 },
    ]);
    expect(memory.isOnTrial).toBe(false);
  });

  test("has company again as more and more are cleared", () => {
    const memory = new SessionMemory();
    const first = connected(memory);
    for (let ticket = 1; ticket <= 7; ticket += 1) first.handle(send(ticket), 0);
    first.handle(HUNG_UP, 0);

    const second = connected(memory);
    const sent = [second.handle(PINGRESP, 0), ...[1, 2, 3].map((id) => second.handle(puback(id), 0))];

    expect(sent.map((outputs) => outputs.filter(({ type }) => type === "write").length)).toEqual([
      1, 2, 2, 2,
    ]);
    expect(memory.inflight.inFlight).toBe(4);
  });

  test("has its own 3 s, whenever the one before it was sent", () => {
    const memory = new SessionMemory();
    const first = connected(memory);
    for (const ticket of [1, 2]) first.handle(send(ticket), 0);
    first.handle(HUNG_UP, 0);
    const second = connected(memory);
    second.handle(PINGRESP, 0);
    second.handle(puback(1), 1000);

    expect(second.handle(TIMEOUT, seconds(3))).toEqual([]);
    expect(second.handle(puback(2), seconds(3))).toMatchObject([
      { type: "settled" },
      { type: "established" },
    ]);
  });

  test("keeps within the broker's Receive Maximum all the same", () => {
    const memory = new SessionMemory();
    const first = connected(memory, 5);
    for (let ticket = 1; ticket <= 3; ticket += 1) first.handle(send(ticket), 0);
    first.handle(HUNG_UP, 0);

    const second = opened(memory, 5);
    second.handle(connack({ receiveMaximum: 1 }), 0);
    second.handle(PINGRESP, 0);
    expect(second.handle(puback(1), 0).filter(({ type }) => type === "write")).toHaveLength(1);
  });

  test("of QoS 2 that is given up has its identifier released where the session is kept", () => {
    const memory = new SessionMemory();
    connected(memory).handle(send(1, 2), 0);
    end(memory, HUNG_UP, { isFirst: true });
    end(memory, HUNG_UP);
    end(memory, HUNG_UP);

    const last = opened(memory);
    expect(last.handle(CONNACK, 0)).toMatchObject([
      { type: "settled", ticket: 1, outcome: NOT_ACKNOWLEDGED },
      { type: "established" },
      { packet: { type: "pubrel", id: 1 } },
    ]);
  });

  test.each([
    ["DISCONNECT 0x95 (packet too large)", 5, packet({ type: "disconnect", code: 0x95 })],
    ["DISCONNECT from a 3.1.1 broker", 4, packet({ type: "disconnect", code: 0 })],
    ["an answer that is no packet", 5, { type: "malformed", detail: "x" }],
  ] as const)("%s is a hang-up", (_, version, input) => {
    const memory = new SessionMemory();
    const session = connected(memory, version);
    session.handle(send(1), 0);

    session.handle(input, 0);

    expect(memory.isOnTrial).toBe(true);
  });

  test.each([
    ["DISCONNECT 0x8b (server shutting down)", packet({ type: "disconnect", code: 0x8b })],
    ["DISCONNECT 0x8e (session taken over)", packet({ type: "disconnect", code: 0x8e })],
    ["a network that breaks", BROKEN],
    ["a packet that is too large for us", { type: "oversized", length: 1e9 }],
  ] as const)("%s is none", (_, input) => {
    const memory = new SessionMemory();
    const session = connected(memory, 5);
    session.handle(send(1), 0);

    session.handle(input, 0);

    expect(memory.isOnTrial).toBe(false);
    expect(opened(memory, 5).handle(CONNACK, 0)).toMatchObject([
      { type: "established" },
      { packet: { type: "publish" } },
    ]);
  });
});

describe("a trial ends without a verdict", () => {
  test("when the broker cannot be reached after it hung up: it was on its way down", () => {
    const memory = suspect(2);
    opened(memory).handle(HUNG_UP, 0);

    expect(memory.isOnTrial).toBe(false);
    expect(opened(memory).handle(CONNACK, 0)).toMatchObject([
      { type: "established" },
      { packet: { type: "publish", dup: true } },
    ]);
  });

  test("when the broker hangs up with nothing in flight", () => {
    const memory = suspect(2);
    const session = connected(memory);

    session.handle(HUNG_UP, 0);

    expect(memory.isOnTrial).toBe(false);
    expect(opened(memory).handle(CONNACK, 0)).toMatchObject([{ type: "established" }, {}]);
  });

  test("when PINGRESP does not come within 3 s", () => {
    const session = connected(suspect(1));

    expect(session.deadline).toBe(seconds(3));
    expect(session.handle(TIMEOUT, seconds(3) - 1)).toEqual([]);
    expect(session.handle(TIMEOUT, seconds(3))).toMatchObject([
      { packet: { type: "publish" } },
      { type: "established" },
    ]);
  });

  test("when the suspect is not acknowledged in time, on a connection that stays", () => {
    const session = connected(suspect(1));
    session.handle(PINGRESP, 0);

    expect(session.handle(TIMEOUT, seconds(3))).toMatchObject([
      { packet: { type: "publish", dup: true } },
      { type: "established" },
    ]);
  });

  test("when the stream of the suspect is gone", () => {
    const memory = suspect(1);
    memory.forget(7);

    expect(opened(memory).handle(CONNACK, 0)).toEqual([{ type: "established", member: 1 }]);
  });

  test.each([
    [false, []],
    [true, [{ type: "publish", id: 2 }]],
  ])("when the stream of one that waits for its turn is gone (session kept: %s)", (sessionPresent, rest) => {
    const memory = new SessionMemory();
    const first = connected(memory);
    first.handle(send(1), 0);
    first.handle({ type: "send", message: { ...message(2, 1), stream: 8 } }, 0);
    first.handle(HUNG_UP, 0);
    const second = opened(memory);
    second.handle(connack({ sessionPresent }), 0);
    const [sent] = second.handle(PINGRESP, 0);
    const id = sent?.type === "write" && sent.packet.type === "publish" ? sent.packet.id : 0;

    second.handle({ type: "forget", stream: 8 }, 0);

    // A broker that has kept the session gets an identifier once more, before it is free.
    const outputs = second.handle(puback(id), 0);
    expect(outputs.flatMap((output) => (output.type === "write" ? [output.packet] : []))).toMatchObject(rest);
    const last = [...outputs, ...rest.flatMap((packet) => second.handle(puback(packet.id), 0))];
    expect(last.at(-1)).toEqual({ type: "established", member: 1 });
  });

  test("when the suspect is forgotten between the last hang-up and the verdict", () => {
    const memory = suspect(3);
    memory.forget(7);

    expect(opened(memory).handle(CONNACK, 0)).toEqual([{ type: "established", member: 1 }]);
  });

  test("and goes on after a network that broke between", () => {
    const memory = suspect(2);
    end(memory, BROKEN);
    end(memory, HUNG_UP);

    expect(opened(memory).handle(CONNACK, 0)).toMatchObject([
      { type: "settled", ticket: 1, outcome: NOT_ACKNOWLEDGED },
      { type: "established" },
    ]);
  });
});

describe("members while a message is on trial", () => {
  test("that come or go meanwhile are established in the end, or not", () => {
    const session = connected(suspect(1));
    for (const id of [2, 3]) session.handle({ type: "attach", member: member(id) }, 0);
    session.handle({ type: "detach", member: 2 }, 0);
    session.handle(PINGRESP, 0);

    expect(session.handle(puback(1), 0).slice(1)).toEqual([
      { type: "established", member: 1 },
      { type: "established", member: 3 },
    ]);
  });
});

describe("a birth on which the broker hangs up", () => {
  const birth: Will = { topic: "b", payload: "born", qos: 1, retain: true };

  test("costs those their place who want it, from the fourth connection on, and nobody else's", () => {
    const memory = new SessionMemory();
    const trials: (readonly SessionOutput[])[] = [];
    for (let connection = 1; connection <= 3; connection += 1) {
      const session = born(memory);
      const outputs = [...session.handle(CONNACK, 0), ...session.handle(PINGRESP, 0)];
      trials.push(outputs.filter(({ type }) => type === "established"));
      expect(outputs).toContainEqual({ type: "write", packet: expect.objectContaining({ type: "publish" }) });
      session.handle(HUNG_UP, 0);
    }

    const fourth = born(memory);
    expect(trials).toEqual([[{ type: "established", member: 2 }], [], []]);
    expect(fourth.handle(CONNACK, 0)).toMatchObject([
      { type: "refused", member: 1, reason: { code: "mqtt-not-acknowledged" } },
      { type: "established", member: 2 },
    ]);
    expect(fourth.handle({ type: "attach", member: { ...member(3), birth } }, 0)).toMatchObject([
      { type: "refused", member: 3 },
    ]);
    const other = { ...member(4), birth: { ...birth, payload: "other" } };
    expect(fourth.handle({ type: "attach", member: other }, 0)).toMatchObject([{ type: "write" }]);
  });

  test("is waited for, 3 s at most, before others are established: its stream may be back later than they", () => {
    const memory = new SessionMemory();
    for (let connection = 1; connection <= 2; connection += 1) {
      const session = born(memory);
      session.handle(CONNACK, 0);
      session.handle(PINGRESP, 0);
      session.handle(HUNG_UP, 0);
    }
    const alone = connected(memory);
    expect(alone.handle(PINGRESP, 0)).toEqual([]);
    expect(alone.deadline).toBe(seconds(3));
    expect(alone.handle(TIMEOUT, seconds(3))).toEqual([{ type: "established", member: 1 }]);
    alone.handle(BROKEN, 0);

    const both = connected(memory);
    both.handle(PINGRESP, 0);
    const outputs = both.handle({ type: "attach", member: { ...member(2), birth } }, 0);
    both.handle(HUNG_UP, 0);

    expect(outputs).toMatchObject([{ packet: { type: "publish" } }]);
    expect(born(memory).handle(CONNACK, 0)).toMatchObject([{ type: "refused" }, { type: "established" }]);
  });

  test("is not waited for again where its stream is gone", () => {
    const memory = new SessionMemory();
    const session = born(memory);
    session.handle(CONNACK, 0);
    session.handle(PINGRESP, 0);
    session.handle(HUNG_UP, 0);
    memory.forget(1001);
    const first = connected(memory);
    first.handle(PINGRESP, 0);
    expect(first.handle(TIMEOUT, seconds(3))).toEqual([{ type: "established", member: 1 }]);
    first.handle(BROKEN, 0);

    expect(connected(memory).handle(PINGRESP, 0)).toEqual([{ type: "established", member: 1 }]);
  });

  test("is tried again once the broker has been away, and once it is acknowledged it is no longer suspect", () => {
    const memory = new SessionMemory();
    for (let connection = 1; connection <= 3; connection += 1) {
      const session = born(memory);
      session.handle(CONNACK, 0);
      session.handle(PINGRESP, 0);
      session.handle(HUNG_UP, 0);
    }
    born(memory).handle(HUNG_UP, 0);
    const again = born(memory);
    expect(again.handle(CONNACK, 0)).toMatchObject([{ type: "established", member: 2 }, { type: "write" }]);
    again.handle(HUNG_UP, 0);
    const cleared = born(memory);
    cleared.handle(CONNACK, 0);
    const [sent] = cleared.handle(PINGRESP, 0);
    const id = sent?.type === "write" && sent.packet.type === "publish" ? sent.packet.id : 0;
    expect(cleared.handle(puback(id), 0)).toEqual([
      { type: "established", member: 1 },
      { type: "established", member: 2 },
    ]);

    cleared.handle(HUNG_UP, 0);
    expect(born(memory).handle(CONNACK, 0)).toMatchObject([{ type: "established", member: 2 }, {}]);
  });

  function born(memory: SessionMemory): MqttSession {
    const session = new MqttSession(SETTINGS, memory);
    session.handle({ type: "attach", member: { ...member(1), birth } }, 0);
    session.handle({ type: "attach", member: member(2) }, 0);
    session.handle({ type: "opened" }, 0);
    return session;
  }
});

const CONNACK = connack({});
const PINGRESP = packet({ type: "pingresp" });

function connack(said: object): SessionInput {
  return packet({ type: "connack", sessionPresent: true, code: 0, ...said });
}

/** A session that has sent CONNECT. */
function opened(memory: SessionMemory, version: Version = 4): MqttSession {
  const session = new MqttSession({ ...SETTINGS, version }, memory);
  session.handle({ type: "attach", member: member(1) }, 0);
  session.handle({ type: "opened" }, 0);
  return session;
}

function connected(memory: SessionMemory, version: Version = 4): MqttSession {
  const session = opened(memory, version);
  session.handle(CONNACK, 0);
  return session;
}

/** A connection that is accepted, takes what is sent, and ends so. */
function end(memory: SessionMemory, how: SessionInput, { isFirst = false } = {}): void {
  const session = connected(memory);
  if (!isFirst) session.handle(PINGRESP, 0);
  session.handle(how, 0);
}

/** Message 1 of stream 7 after so many hang-ups. */
function suspect(hangUps: number): SessionMemory {
  const memory = new SessionMemory();
  memory.inflight.add(message(1, 1));
  end(memory, HUNG_UP, { isFirst: true });
  for (let count = 1; count < hangUps; count += 1) end(memory, HUNG_UP);
  return memory;
}

function member(id: number): Member {
  return { id, stream: 1000 + id, subscribe: undefined, birth: undefined };
}

function message(ticket: number, qos: QualityOfService): Outgoing {
  return { ticket, stream: 7, topic: "t", payload: DATA, qos, retain: false };
}

function send(ticket: number, qos: QualityOfService = 1): SessionInput {
  return { type: "send", message: message(ticket, qos) };
}

function packet(value: Inbound): SessionInput {
  return { type: "packet", packet: value };
}

function puback(id: number): SessionInput {
  return packet({ type: "puback", id, code: 0 });
}
