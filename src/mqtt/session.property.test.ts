import fc from "fast-check";
import { expect, test } from "vitest";
import { TIMEOUT, type Timeout } from "../lib/machine.ts";
import { NEVER } from "../lib/millis.ts";
import { SessionMemory } from "./memory.ts";
import type { Inbound } from "./packet.ts";
import { MqttSession } from "./session.ts";
import { assertTransition, SESSION_TRANSITIONS } from "./states.ts";
import type { Member, SessionInput, SessionOutput, SessionSettings } from "./words.ts";

const id = fc.integer({ min: 0, max: 5 });
const qos = fc.constantFrom(0, 1, 2);
const topic = fc.constantFrom("a", "a/b", "$SYS/x", "", "a/+");
const code = fc.constantFrom(0, 0, 0, 0x10, 0x80, 0x87, 0x92);
const PAYLOAD = new Uint8Array(3);

const inbound: fc.Arbitrary<Inbound> = fc.oneof(
  fc.record({
    type: fc.constant("connack"),
    sessionPresent: fc.boolean(),
    code: fc.constantFrom(0, 0, 0, 5, 0x87),
    receiveMaximum: fc.constantFrom(undefined, 0, 1, 2),
    maximumQos: fc.constantFrom(undefined, 0, 1, 2),
    serverKeepAlive: fc.constantFrom(undefined, 0, 1),
  } as const),
  fc.record({
    type: fc.constant("publish"),
    id,
    topic,
    qos,
    payload: fc.constant(PAYLOAD),
    retain: fc.boolean(),
    dup: fc.boolean(),
    topicAlias: fc.constantFrom(undefined, undefined, undefined, 1),
  } as const),
  fc.record({ type: fc.constantFrom("puback", "pubrec", "pubrel", "pubcomp"), id, code } as const),
  fc.record({
    type: fc.constantFrom("suback", "unsuback"),
    id,
    codes: fc.array(code, { maxLength: 2 }),
  } as const),
  fc.constantFrom<Inbound>(
    { type: "pingresp" },
    { type: "disconnect", code: 0x8e },
    { type: "other", name: "auth" },
  ),
);

const member: fc.Arbitrary<Member> = fc.record({
  id: fc.integer({ min: 1, max: 4 }),
  stream: fc.integer({ min: 1, max: 3 }),
  subscribe: fc.option(fc.record({ filter: fc.constantFrom("a", "a/#", "bad#"), qos }), { nil: undefined }),
  birth: fc.option(fc.record({ topic, payload: fc.constant("b"), qos, retain: fc.boolean() }), {
    nil: undefined,
  }),
});

let tickets = 0;
const input: fc.Arbitrary<SessionInput | Timeout> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<SessionInput>({ type: "opened" }) },
  { weight: 3, arbitrary: member.map((one): SessionInput => ({ type: "attach", member: one })) },
  { weight: 1, arbitrary: id.map((one): SessionInput => ({ type: "detach", member: one })) },
  {
    weight: 6,
    arbitrary: fc.tuple(qos, topic).map(
      ([level, name]): SessionInput => ({
        type: "send",
        message: {
          ticket: ++tickets,
          stream: 1 + (tickets % 3),
          topic: name,
          payload: PAYLOAD,
          qos: level,
          retain: false,
        },
      }),
    ),
  },
  { weight: 10, arbitrary: inbound.map((packet): SessionInput => ({ type: "packet", packet })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<SessionInput>(
      { type: "malformed", detail: "x" },
      { type: "oversized", length: 1e9 },
      { type: "probe" },
      { type: "reading", on: false },
      { type: "reading", on: true },
      { type: "forget", stream: 1 },
      { type: "lost", reason: { layer: "tcp", code: "connection-reset", message: "gone" } },
      {
        type: "lost",
        reason: { layer: "tcp", code: "connection-closed", message: "closed" },
        isHangUp: true,
      },
    ),
  },
  { weight: 4, arbitrary: fc.constant<Timeout>(TIMEOUT) },
);

const SETTINGS: Omit<SessionSettings, "version" | "keepAlive" | "cleanStart"> = {
  clientId: "c",
  username: undefined,
  password: undefined,
  will: undefined,
  sessionExpiry: 0,
  receiveMaximum: 2,
  maximumPacketSize: 100,
};

const step = fc.record({ input, wait: fc.constantFrom(0, 0, 1, 500, 3000, 20_000) });
const settings = fc.record({
  version: fc.constantFrom(4, 5),
  keepAlive: fc.constantFrom(0, 1000),
  cleanStart: fc.boolean(),
});

test("keeps the six promises over several connections, and settles each message once", () => {
  fc.assert(
    fc.property(settings, fc.array(step, { minLength: 5, maxLength: 60 }), (chosen, steps) => {
      const first = play({ ...SETTINGS, ...chosen }, steps);
      const second = play({ ...SETTINGS, ...chosen }, steps);

      expect(second).toEqual(first);
    }),
    { numRuns: 1500 },
  );
});

test("the transition table names states alone, and leads out of all but the last", () => {
  for (const [from, to] of Object.entries(SESSION_TRANSITIONS)) {
    expect(to.every((name) => name in SESSION_TRANSITIONS)).toBe(true);
    expect(to.length === 0).toBe(from === "ended");
  }
  expect(() => assertTransition("open", "connecting")).toThrow(TypeError);
});

interface Step {
  readonly input: SessionInput | Timeout;
  readonly wait: number;
}

function play(all: SessionSettings, steps: readonly Step[]): readonly SessionOutput[] {
  const memory = new SessionMemory();
  const trace: SessionOutput[] = [];
  const settled = new Set<number>();
  let session = new MqttSession(all, memory);
  let now = 0;
  for (const { input: given, wait } of steps) {
    now += wait;
    if (session.deadline > now) expect(session.handle(TIMEOUT, now)).toEqual([]);
    const outputs = session.handle(given, now);
    trace.push(...outputs);
    if (given.type === "timeout") expect(session.deadline).toBeGreaterThan(now);
    for (const output of outputs) {
      if (output.type !== "settled") continue;
      expect(output.ticket).toBeGreaterThan(0);
      expect(settled.has(output.ticket)).toBe(false);
      settled.add(output.ticket);
    }
    const ends = outputs.filter(({ type }) => type === "close");
    expect(ends.length).toBeLessThanOrEqual(1);
    if (ends.length === 0) continue;
    expect(outputs.at(-1)?.type).toBe("close");
    expect(session.deadline).toBe(NEVER);
    expect(session.handle({ type: "packet", packet: { type: "pingresp" } }, now)).toEqual([]);
    expect(session.handle(TIMEOUT, now + 1e6)).toEqual([]);
    session = new MqttSession(all, memory);
  }
  return trace;
}
