import fc from "fast-check";
import { expect, test } from "vitest";
import { SETTINGS as COMMON } from "../../test/mqtt/settings.ts";
import type { Outgoing } from "./entry.ts";
import { SessionMemory } from "./memory.ts";
import type { Inbound, Outbound } from "./packet.ts";
import { MqttSession } from "./session.ts";
import type { SessionInput, SessionOutput } from "./words.ts";

interface Plan {
  readonly messages: readonly { readonly qos: 1 | 2; readonly isBad: boolean; readonly stream: number }[];
  /** How many of its last answers the broker takes with it when it goes, in turn. */
  readonly untold: readonly number[];
  /** Packets after which the network or the broker itself fails, in turn. */
  readonly losses: readonly { readonly after: number; readonly isKill: boolean }[];
  readonly keepsSession: boolean;
  readonly receiveMaximum: number;
}

const messages = (isBad: fc.Arbitrary<boolean>) =>
  fc.array(fc.record({ qos: fc.constantFrom(1, 2), isBad, stream: fc.constantFrom(1, 2) } as const), {
    minLength: 1,
    maxLength: 40,
  });
const common = { keepsSession: fc.boolean(), receiveMaximum: fc.constantFrom(1, 3, 65_535) };

test("the guilty alone are given up, everything else arrives in its order, and a neighbour loses one connection", () => {
  const plan = fc.record({
    messages: messages(fc.integer({ min: 0, max: 9 }).map((number) => number === 0)),
    untold: fc.array(fc.nat(8), { minLength: 1 }),
    losses: fc.constant([]),
    ...common,
  });

  fc.assert(
    fc.property(plan, (chosen) => {
      const { acknowledged, refused, firsts, connections, disconnects } = play(chosen);

      const bad = ticketsOf(chosen, true);
      expect(refused.toSorted(byNumber)).toEqual(bad);
      expect(acknowledged.toSorted(byNumber)).toEqual(ticketsOf(chosen, false));
      expect(firsts.filter((ticket) => !bad.includes(ticket))).toEqual(ticketsOf(chosen, false));
      // The first with all in flight; then log2(40) halvings at most, and two alone, for each of the guilty.
      expect(connections).toBeLessThanOrEqual(2 + bad.length * 8);
      expect(disconnects).toBeLessThanOrEqual(bad.length);
      if (chosen.receiveMaximum === 65_535) expect(disconnects).toBeLessThanOrEqual(1);
    }),
    { numRuns: 500 },
  );
});

test("a network that breaks and a broker that is killed have nothing refused and nothing lost", () => {
  // After CONNECT and PINGREQ: the one message on trial is lost.
  const after = fc.oneof(fc.constant(2), fc.integer({ min: 1, max: 30 }));
  const loss = fc.record({ after, isKill: fc.boolean() });
  const plan = fc.record({
    messages: messages(fc.constant(false)),
    untold: fc.array(fc.nat(8), { minLength: 1 }),
    losses: fc.array(loss, { maxLength: 30 }),
    ...common,
  });

  fc.assert(
    fc.property(plan, (chosen) => {
      const { acknowledged, refused, firsts } = play(chosen);

      expect(refused).toEqual([]);
      expect(acknowledged.toSorted(byNumber)).toEqual(ticketsOf(chosen, false));
      expect(firsts).toEqual(ticketsOf(chosen, false));
    }),
    { numRuns: 500 },
  );
});

interface Played {
  readonly acknowledged: readonly number[];
  readonly refused: readonly number[];
  /** Tickets in the order in which the broker first took them; of those it hangs up on, saw them. */
  readonly firsts: readonly number[];
  readonly connections: number;
  /** Times that an established neighbour lost its connection. */
  readonly disconnects: number;
}

const SETTINGS = { ...COMMON, receiveMaximum: 10 };
const GONE = { layer: "tcp", code: "connection-closed", message: "gone" } as const;
const OPEN_AT_MOST = 500;

/** One session after another against a broker that hangs up on bad messages, until everything is settled. */
function play(plan: Plan): Played {
  const memory = new SessionMemory();
  const acknowledged: number[] = [];
  const refused: number[] = [];
  const firsts = new Map<number, true>();
  const losses = [...plan.losses];
  let connections = 0;
  let disconnects = 0;
  let ends = 0;
  const given = plan.messages.map(({ qos, stream }, index): Outgoing => {
    return { ticket: index + 1, stream, topic: "t", payload: new Uint8Array(1), qos, retain: false };
  });

  while (acknowledged.length + refused.length < given.length) {
    connections += 1;
    if (connections > OPEN_AT_MOST) throw new Error("it goes on for ever");
    const session = new MqttSession(SETTINGS, memory);
    const answers: Inbound[] = [];
    const inFlight = new Map<number, number>();
    const loss = losses.shift();
    let isEstablished = false;
    let packets = 0;
    let end: "hang-up" | "lost" | "killed" | undefined;
    const feed = (input: SessionInput): void => {
      for (const output of session.handle(input, 0)) take(output);
    };
    const take = (output: SessionOutput): void => {
      if (output.type === "established") isEstablished = true;
      if (output.type === "settled") {
        const { ticket, outcome } = output;
        expect([...acknowledged, ...refused]).not.toContain(ticket);
        (outcome.type === "acknowledged" ? acknowledged : refused).push(ticket);
        for (const [id, other] of inFlight) if (other === ticket) inFlight.delete(id);
      }
      if (output.type === "write" && end === undefined) serve(output.packet);
    };
    const serve = (packet: Outbound): void => {
      packets += 1;
      if (loss !== undefined && packets > loss.after) {
        end = loss.isKill ? "killed" : "lost";
        takeAlong();
        return;
      }
      if (packet.type === "connect")
        answers.push({
          type: "connack",
          sessionPresent: plan.keepsSession && connections > 1,
          code: 0,
          receiveMaximum: plan.receiveMaximum,
        });
      if (packet.type === "pingreq") answers.push({ type: "pingresp" });
      if (packet.type === "pubrel") answers.push({ type: "pubcomp", id: packet.id, code: 0 });
      if (packet.type !== "publish") return;
      const message = messageOf(packet);
      expect(inFlight.has(packet.id)).toBe(false);
      inFlight.set(packet.id, message);
      firsts.set(message, true);
      if (plan.messages[message - 1]?.isBad !== true) {
        answers.push({ type: packet.qos === 1 ? "puback" : "pubrec", id: packet.id, code: 0 });
        return;
      }
      end = "hang-up";
      takeAlong();
    };
    const takeAlong = (): void => {
      const untold = plan.untold[ends++ % plan.untold.length] ?? 0;
      answers.splice(Math.max(0, answers.length - untold));
    };
    const messageOf = ({ payload }: { readonly payload: Uint8Array }): number =>
      1 + given.findIndex((one) => one.payload === payload);

    feed({ type: "attach", member: { id: 1, stream: 3, subscribe: undefined, birth: undefined } });
    feed({ type: "opened" });
    if (connections === 1) for (const message of given) feed({ type: "send", message });
    for (let answer = answers.shift(); answer !== undefined; answer = answers.shift()) {
      feed({ type: "packet", packet: answer });
    }
    if (end === undefined) break;
    feed({ type: "lost", reason: GONE, isHangUp: end !== "lost" });
    if (isEstablished) disconnects += 1;
    if (end !== "killed") continue;
    const attempt = new MqttSession(SETTINGS, memory);
    attempt.handle({ type: "lost", reason: GONE, isHangUp: true }, 0);
  }
  return { acknowledged, refused, firsts: [...firsts.keys()], connections, disconnects };
}

function ticketsOf({ messages: all }: Plan, isBad: boolean): readonly number[] {
  return all.flatMap((message, index) => (message.isBad === isBad ? [index + 1] : []));
}

function byNumber(a: number, b: number): number {
  return a - b;
}
