import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Reason } from "../lib/errors.ts";
import { TIMEOUT, type Timeout } from "../lib/machine.ts";
import { NEVER } from "../lib/millis.ts";
import { Spread } from "../lib/spread.ts";
import { isLegal, type StateName } from "./states.ts";
import { StreamMachine } from "./stream-machine.ts";
import type { StreamInput, StreamOutput, StreamSettings } from "./words.ts";

const REFUSED: Reason = { layer: "tcp", code: "connection-refused", message: "Nobody listens" };
const AUTH: Reason = { layer: "mqtt", code: "mqtt-auth-failed", message: "Bad password" };
const LATE: Reason = { layer: "http", code: "timeout", message: "No complete answer within 500 ms" };
const CHANGED: Reason = { layer: "policy", code: "policy-changed", message: "The policy changed" };

const NEITHER: StreamSettings = {
  retry: { table: [1000, 2000, 5000], conceal: 3, jitterPercent: 0, stable: 10_000 },
  nailedUp: false,
  opportunistic: false,
  transactional: false,
};
const NAILED_UP: StreamSettings = { ...NEITHER, nailedUp: true };
const OPPORTUNISTIC: StreamSettings = { ...NEITHER, opportunistic: true };
const HTTP: StreamSettings = { ...NEITHER, transactional: true };

const CREATE: StreamInput = { type: "create" };
const REQUEST: StreamInput = { type: "request" };
const CONNECT: StreamInput = { type: "connect" };
const DESTROY: StreamInput = { type: "destroy" };

type Step = readonly [input: StreamInput | Timeout, now: number];

describe("a stream that is created", () => {
  test.each([
    ["nailed up, connects at once", NAILED_UP, "creating connecting open:1"],
    ["opportunistic, waits until it is asked", OPPORTUNISTIC, "creating"],
    ["neither, waits until it is asked", NEITHER, "creating"],
  ])("%s", (_, settings, outputs) => {
    expect(play(settings, [[CREATE, 0]])).toBe(outputs);
  });

  test("twice is misuse", () => {
    const machine = machineOf(NEITHER);

    machine.handle(CREATE, 0);

    expect(() => machine.handle(CREATE, 0)).toThrow("Cannot create: the stream exists already");
  });

  test("polls before it connects when something is to be sent", () => {
    expect(
      play(NEITHER, [
        [CREATE, 0],
        [REQUEST, 1],
      ]),
    ).toBe("creating poll connecting open:1");
  });

  test("cannot connect before it is created", () => {
    expect(() => machineOf(NEITHER).handle(CONNECT, 0)).toThrow("Cannot enter connecting");
  });

  test("may be destroyed before it is created", () => {
    expect(play(NEITHER, [[DESTROY, 0]])).toBe("destroying");
  });
});

/** What each input does in each phase: states, opened and closed attempts, and rests, in order. */
const TABLE: Readonly<Record<Phase, Readonly<Record<string, string>>>> = {
  resting: {
    connect: "connecting open:2",
    request: "poll connecting open:2",
    established: "",
    proved: "",
    acknowledged: "",
    refused: "",
    "user-state": "",
    completed: "",
    failed: "",
    disconnect: "",
    "give-up": "",
    late: "timeout",
    recycle: "",
    settings: "",
    "start-timeout": "",
    "cancel-timeout": "",
    destroy: "destroying",
    timeout: "",
  },
  connecting: {
    connect: "",
    request: "",
    established: "connected",
    proved: "",
    acknowledged: "",
    refused: "",
    "user-state": "user-1000",
    completed: "connected disconnected rested",
    failed: "unreachable+1000",
    disconnect: "close:1 unreachable+1000",
    "give-up": "close:1 unreachable rested:policy-changed",
    late: "timeout close:1 unreachable rested:timeout",
    recycle: "close:1 connecting open:2",
    settings: "",
    "start-timeout": "",
    "cancel-timeout": "",
    destroy: "close:1 destroying",
    timeout: "",
  },
  connected: {
    connect: "",
    request: "",
    established: "",
    proved: "",
    acknowledged: "qos-ack-remote",
    refused: "qos-nack-remote",
    "user-state": "user-1000",
    completed: "disconnected rested",
    failed: "disconnected+1000",
    disconnect: "close:1 disconnected+1000",
    "give-up": "close:1 disconnected rested:policy-changed",
    late: "timeout close:1 disconnected rested:timeout",
    recycle: "close:1 disconnected+0 connecting open:2",
    settings: "",
    "start-timeout": "",
    "cancel-timeout": "",
    destroy: "close:1 disconnected destroying",
    timeout: "",
  },
  waiting: {
    connect: "connecting open:2",
    request: "",
    established: "",
    proved: "",
    acknowledged: "",
    refused: "",
    "user-state": "",
    completed: "",
    failed: "",
    disconnect: "",
    "give-up": "rested:policy-changed",
    late: "timeout rested:timeout",
    recycle: "connecting open:2",
    settings: "",
    "start-timeout": "",
    "cancel-timeout": "",
    destroy: "destroying",
    timeout: "",
  },
  destroyed: {
    create: "",
    connect: "",
    request: "",
    established: "",
    proved: "",
    acknowledged: "",
    refused: "",
    "user-state": "",
    completed: "",
    failed: "",
    disconnect: "",
    "give-up": "",
    late: "",
    recycle: "",
    settings: "",
    "start-timeout": "",
    "cancel-timeout": "",
    destroy: "",
    timeout: "",
  },
};

type Phase = "resting" | "connecting" | "connected" | "waiting" | "destroyed";

describe.each(Object.entries(TABLE))("a stream that is %s", (phase, row) => {
  test.each(Object.entries(row))(`takes %s`, (type, outputs) => {
    const machine = machineOf(NEITHER);
    for (const [input, now] of WAY[phase as Phase]) machine.handle(input, now);

    expect(show(machine.handle(inputOf(type, 1), 20))).toBe(outputs);
  });

  test("ignores what belongs to another attempt", () => {
    const machine = machineOf(NEITHER);
    for (const [input, now] of WAY[phase as Phase]) machine.handle(input, now);

    for (const type of [
      "established",
      "proved",
      "acknowledged",
      "refused",
      "user-state",
      "completed",
      "failed",
    ]) {
      expect(machine.handle(inputOf(type, 77), 20)).toEqual([]);
    }
  });
});

/** How a stream gets into each phase; its one attempt has id 1. */
const WAY: Readonly<Record<Phase, readonly Step[]>> = {
  resting: [
    [CREATE, 0],
    [REQUEST, 0],
    [inputOf("established", 1), 10],
    [inputOf("completed", 1), 10],
  ],
  connecting: [
    [CREATE, 0],
    [REQUEST, 0],
  ],
  connected: [
    [CREATE, 0],
    [REQUEST, 0],
    [inputOf("established", 1), 10],
  ],
  waiting: [
    [CREATE, 0],
    [REQUEST, 0],
    [inputOf("failed", 1), 10],
  ],
  destroyed: [
    [CREATE, 0],
    [DESTROY, 0],
  ],
};

describe("what follows the end of an attempt (4.3)", () => {
  const established = inputOf("established", 1);
  const proved = inputOf("proved", 1);
  const failed = inputOf("failed", 1);
  const unsafe: StreamInput = { type: "failed", attempt: 1, reason: REFUSED, repeatable: false };

  test.each<[string, StreamSettings, readonly StreamInput[], string]>([
    ["nailed up: a failed connect backs off", NAILED_UP, [failed], "unreachable+1000"],
    ["nailed up: a loss backs off", NAILED_UP, [established, proved, failed], "disconnected+1000"],
    ["nailed up: also what cannot be repeated", NAILED_UP, [unsafe], "unreachable+1000"],
    [
      "nailed up: a completed transaction is followed by the next",
      { ...NAILED_UP, transactional: true },
      [established, inputOf("acknowledged", 1), inputOf("completed", 1)],
      "disconnected+1000",
    ],
    [
      "nailed up: giving up is followed by the next",
      NAILED_UP,
      [{ type: "give-up", reason: CHANGED }],
      "close:1 unreachable+1000",
    ],
    ["opportunistic: a failed connect backs off", OPPORTUNISTIC, [failed], "unreachable+1000"],
    [
      "opportunistic: a loss rests",
      OPPORTUNISTIC,
      [established, proved, failed],
      "disconnected rested:connection-refused",
    ],
    [
      "opportunistic: a transaction cut off is tried again",
      { ...OPPORTUNISTIC, transactional: true },
      [established, failed],
      "disconnected+1000",
    ],
    ["neither: a failed connect backs off", NEITHER, [failed], "unreachable+1000"],
    ["neither: a loss backs off", NEITHER, [established, proved, failed], "disconnected+1000"],
    ["neither: a transaction cut off is tried again", HTTP, [established, failed], "disconnected+1000"],
    [
      "neither: a completed transaction rests",
      HTTP,
      [established, inputOf("acknowledged", 1), inputOf("completed", 1)],
      "disconnected rested",
    ],
    ["neither: what cannot be repeated rests", HTTP, [unsafe], "unreachable rested:connection-refused"],
    [
      "a refusal of credentials has a state of its own",
      NEITHER,
      [{ type: "failed", attempt: 1, reason: AUTH, repeatable: true }],
      "auth-failed+1000",
    ],
  ])("%s", (_, settings, inputs, outputs) => {
    const machine = machineOf(settings);
    machine.handle(CREATE, 0);
    machine.handle(CONNECT, 0);
    for (const input of inputs.slice(0, -1)) machine.handle(input, 5);

    expect(show(machine.handle(inputs.at(-1) as StreamInput, 10))).toBe(outputs);
  });
});

describe("retry arithmetic (4.2)", () => {
  test("walks the table, repeats its last entry, and gives up once conceal is used up", () => {
    const retry = { table: [1000, 2000], conceal: 4, jitterPercent: 0, stable: 10_000 };
    const machine = machineOf({ ...NAILED_UP, retry });

    expect(show(machine.handle(CREATE, 0))).toBe("creating connecting open:1");
    expect(failNow(machine, 1, 0)).toBe("unreachable+1000");
    expect(failNow(machine, 2, 1000)).toBe("unreachable+2000");
    expect(failNow(machine, 3, 3000)).toBe("unreachable+2000");
    expect(failNow(machine, 4, 5000)).toBe("unreachable+2000");
    expect(failNow(machine, 5, 7000)).toBe("unreachable all-retries-failed exhausted:connection-refused");
    expect(machine.deadline).toBe(NEVER);
  });

  test("without conceal the first failure is the last", () => {
    const retry = { table: [1000], conceal: 0, jitterPercent: 0, stable: 10_000 };

    expect(
      play({ ...NEITHER, retry }, [
        [CREATE, 0],
        [CONNECT, 0],
        [inputOf("failed", 1), 5],
      ]),
    ).toBe("creating connecting open:1 unreachable all-retries-failed exhausted:connection-refused");
  });

  test("conceal 65535 never gives up", () => {
    const retry = { table: [10], conceal: 65_535, jitterPercent: 0, stable: 10_000 };
    const machine = machineOf({ ...NAILED_UP, retry });
    machine.handle(CREATE, 0);

    for (let attempt = 1; attempt <= 70_000; attempt++) {
      machine.handle(inputOf("failed", attempt), 10 * attempt);
      machine.handle(TIMEOUT, 10 * attempt + 10);
    }
    expect(failNow(machine, 70_001, 800_000)).toBe("unreachable+10");
    expect(machine.failures).toBe(70_001);
  });

  test.each([
    [0, 0.999, 1000],
    [30, 0, 1000],
    [30, 0.5, 1150],
    [30, 0.999, 1299],
    [100, 0.999, 1999],
  ])("adds up to %i percent of the wait: %f of it gives %i ms", (jitterPercent, fraction, wait) => {
    const retry = { table: [1000], conceal: 9, jitterPercent, stable: 10_000 };
    const machine = machineOf({ ...NAILED_UP, retry }, fraction);
    machine.handle(CREATE, 0);

    expect(failNow(machine, 1, 0)).toBe(`unreachable+${wait}`);
  });

  test("Retry-After lengthens the wait and never shortens it", () => {
    const later = (retryAfter: number): StreamInput => ({
      type: "failed",
      attempt: 1,
      reason: { ...REFUSED, retryAfter },
      repeatable: true,
    });
    const outputs = (retryAfter: number): string =>
      play(NAILED_UP, [
        [CREATE, 0],
        [later(retryAfter), 0],
      ]);

    expect(outputs(30_000)).toContain("unreachable+30000");
    expect(outputs(500)).toContain("unreachable+1000");
  });

  test("an explicit connect starts the count anew; a request does not", () => {
    const retry = { table: [1000], conceal: 1, jitterPercent: 0, stable: 10_000 };
    const machine = machineOf({ ...NEITHER, retry });
    machine.handle(CREATE, 0);
    machine.handle(CONNECT, 0);
    failNow(machine, 1, 0);
    machine.handle(TIMEOUT, 1000);

    expect(failNow(machine, 2, 1000)).toBe("unreachable all-retries-failed exhausted:connection-refused");
    expect(show(machine.handle(REQUEST, 1000))).toBe("poll connecting open:3");
    expect(failNow(machine, 3, 1000)).toBe("unreachable all-retries-failed exhausted:connection-refused");
    expect(show(machine.handle(CONNECT, 1000))).toBe("connecting open:4");
    expect(failNow(machine, 4, 1000)).toBe("unreachable+1000");
  });

  test("reports the number of the attempt with each state", () => {
    const machine = machineOf(NAILED_UP);
    const attempts = [
      ...machine.handle(CREATE, 0),
      ...machine.handle(inputOf("failed", 1), 0),
      ...machine.handle(TIMEOUT, 1000),
    ].flatMap((output) => (output.type === "state" ? [`${output.state} ${output.attempt}`] : []));

    expect(attempts).toEqual(["creating 1", "connecting 1", "unreachable 1", "connecting 2"]);
  });
});

describe("the count of failures", () => {
  const lossAfter = (inputs: readonly Step[], settings = NAILED_UP): string => {
    const machine = machineOf(settings);
    machine.handle(CREATE, 0);
    machine.handle(inputOf("failed", 1), 0);
    machine.handle(TIMEOUT, 1000);
    machine.handle(inputOf("established", 2), 1000);
    for (const [input, now] of inputs) machine.handle(input, now);
    return show(machine.handle(inputOf("failed", 2), 20_000));
  };

  test("goes on where the peer accepts and slams the door", () => {
    expect(lossAfter([])).toBe("disconnected+2000");
  });

  test.each<[string, Step]>([
    ["payload", [inputOf("proved", 2), 2000]],
    ["an acknowledgement", [inputOf("acknowledged", 2), 2000]],
    ["`stable` of life", [TIMEOUT, 11_000]],
  ])("begins anew after %s", (_, step) => {
    expect(lossAfter([step])).toBe("disconnected+1000");
  });

  test("begins anew once, however often the peer proves that it works", () => {
    expect(
      lossAfter([
        [inputOf("proved", 2), 2000],
        [inputOf("acknowledged", 2), 2001],
      ]),
    ).toBe("disconnected+1000");
  });

  test.each<[string, Step]>([
    ["a refusal", [inputOf("refused", 2), 2000]],
    ["bytes that only the kernel took", [{ type: "acknowledged", attempt: 2, isProof: false }, 2000]],
    ["less than `stable` of life", [TIMEOUT, 10_999]],
  ])("goes on after %s", (_, step) => {
    expect(lossAfter([step])).toBe("disconnected+2000");
  });

  test("uses the retries up on a peer that slams the door, from disconnected", () => {
    const retry = { table: [10], conceal: 1, jitterPercent: 0, stable: 10_000 };
    const machine = machineOf({ ...NAILED_UP, retry });
    machine.handle(CREATE, 0);
    machine.handle(inputOf("established", 1), 0);
    machine.handle(inputOf("failed", 1), 0);
    machine.handle(TIMEOUT, 10);
    machine.handle(inputOf("established", 2), 10);

    expect(failNow(machine, 2, 10)).toBe("disconnected all-retries-failed exhausted:connection-refused");
  });

  test("counts the refusals of a nailed-up transaction and ends with the last one", () => {
    const retry = { table: [10, 20], conceal: 1, jitterPercent: 0, stable: 10_000 };
    const machine = machineOf({ retry, nailedUp: true, opportunistic: false, transactional: true });
    machine.handle(CREATE, 0);
    const refuse = (attempt: number): string => {
      machine.handle(inputOf("established", attempt), 0);
      machine.handle(inputOf("refused", attempt), 0);
      return show(machine.handle(inputOf("completed", attempt), 0));
    };

    expect(refuse(1)).toBe("disconnected+10");
    machine.handle(TIMEOUT, 10);
    expect(refuse(2)).toBe("disconnected all-retries-failed exhausted:connection-refused");
  });

  test("lets a request cut short the wait for the next turn after a success, and no other wait", () => {
    const machine = machineOf({ ...NAILED_UP, transactional: true });
    machine.handle(CREATE, 0);
    for (const type of ["established", "acknowledged", "completed"]) machine.handle(inputOf(type, 1), 0);

    expect(show(machine.handle(REQUEST, 10))).toBe("connecting open:2");
    expect(failNow(machine, 2, 20)).toBe("unreachable+1000");
    expect(show(machine.handle(REQUEST, 30))).toBe("");
  });

  test("does not count what the caller gave up", () => {
    const machine = machineOf(NEITHER);
    machine.handle(CREATE, 0);
    machine.handle(CONNECT, 0);
    machine.handle({ type: "give-up", reason: CHANGED }, 0);

    expect(machine.failures).toBe(0);
  });

  test("rests at 0 after the loss of a proven opportunistic connection", () => {
    const machine = machineOf(OPPORTUNISTIC);
    for (const input of [
      CREATE,
      CONNECT,
      inputOf("established", 1),
      inputOf("proved", 1),
      inputOf("failed", 1),
    ]) {
      machine.handle(input, 0);
    }

    expect(machine.failures).toBe(0);
    expect(show(machine.handle(REQUEST, 0))).toBe("poll connecting open:2");
  });

  test("delays the next request of an opportunistic stream whose peer slammed the door", () => {
    const machine = machineOf(OPPORTUNISTIC);
    for (const input of [CREATE, CONNECT, inputOf("established", 1), inputOf("failed", 1)])
      machine.handle(input, 0);

    expect(show(machine.handle(REQUEST, 100))).toBe("poll");
    expect(machine.deadline).toBe(1000);
    expect(show(machine.handle(TIMEOUT, 1000))).toBe("connecting open:2");
  });
});

describe("recycling", () => {
  test("connects anew from rest only where the new settings are nailed up", () => {
    const machine = machineOf(NEITHER);
    machine.handle(CREATE, 0);

    expect(show(machine.handle({ type: "recycle", reason: CHANGED }, 0))).toBe("");
    expect(show(machine.handle({ type: "recycle", reason: CHANGED, settings: NAILED_UP }, 0))).toBe(
      "connecting open:1",
    );
  });

  test("takes settings without touching what is under way", () => {
    const machine = machineOf(NEITHER);
    machine.handle(CREATE, 0);
    machine.handle(CONNECT, 0);

    expect(
      machine.handle(
        { type: "settings", settings: { ...NEITHER, retry: { ...NEITHER.retry, table: [7] } } },
        0,
      ),
    ).toEqual([]);
    expect(failNow(machine, 1, 0)).toBe("unreachable+7");
  });
});

describe("the timeout of the program", () => {
  test("fires once, and not before its time", () => {
    const machine = machineOf(NEITHER);
    machine.handle(CREATE, 0);
    machine.handle({ type: "start-timeout", span: 500 }, 100);

    expect(machine.deadline).toBe(600);
    expect(show(machine.handle(TIMEOUT, 599))).toBe("");
    expect(show(machine.handle(TIMEOUT, 600))).toBe("timeout");
    expect(machine.deadline).toBe(NEVER);
  });

  test("tells the last failure, and is of its layer", () => {
    const machine = machineOf(NEITHER);
    machine.handle(CREATE, 0);
    machine.handle(CONNECT, 0);
    machine.handle(inputOf("failed", 1), 0);
    machine.handle({ type: "start-timeout", span: 500 }, 0);

    expect(machine.handle(TIMEOUT, 500)).toMatchObject([
      {
        state: "timeout",
        reason: {
          layer: REFUSED.layer,
          code: "timeout",
          message: `Not done within 500 ms; the last failure (${REFUSED.layer}): ${REFUSED.message}`,
        },
      },
    ]);
  });

  test("of what is queued leaves what is under way alone", () => {
    const machine = machineOf(NEITHER);
    machine.handle(CREATE, 0);
    machine.handle(CONNECT, 0);

    expect(show(machine.handle({ type: "late", reason: LATE, isUnderWay: false }, 0))).toBe("timeout");
    expect(show(machine.handle(inputOf("established", 1), 0))).toBe("connected");
  });

  test("a restart replaces it and cancel-timeout clears it", () => {
    const machine = machineOf(NEITHER);
    machine.handle(CREATE, 0);
    machine.handle({ type: "start-timeout", span: 500 }, 0);
    machine.handle({ type: "start-timeout", span: 900 }, 0);

    expect(machine.deadline).toBe(900);
    machine.handle({ type: "cancel-timeout" }, 0);
    expect(machine.deadline).toBe(NEVER);
  });

  test("keeps the process alive, as a planned try does, and as a connection does not", () => {
    const machine = machineOf(NEITHER);
    machine.handle(CREATE, 0);
    expect(machine.holdsProcess).toBe(false);
    machine.handle({ type: "start-timeout", span: 500 }, 0);
    expect(machine.holdsProcess).toBe(true);
    machine.handle({ type: "cancel-timeout" }, 0);
    machine.handle(CONNECT, 0);
    machine.handle(inputOf("established", 1), 0);
    expect([machine.holdsProcess, machine.deadline, machine.isConnected]).toEqual([false, 10_000, true]);
    machine.handle(inputOf("failed", 1), 0);
    expect([machine.holdsProcess, machine.state]).toEqual([true, "disconnected"]);
  });
});

test("an input that is none is refused", () => {
  const machine = machineOf(NEITHER);

  expect(() => machine.handle({ type: "nonsense" } as unknown as StreamInput, 0)).toThrow(TypeError);
});

describe("the six promises", () => {
  const settings = fc.record({
    retry: fc.record({
      table: fc.array(fc.integer({ min: 0, max: 60_000 }), { minLength: 1, maxLength: 8 }),
      conceal: fc.constantFrom(0, 1, 3, 65_535),
      jitterPercent: fc.constantFrom(0, 30, 255),
      stable: fc.constantFrom(0, 10, 10_000),
    }),
    nailedUp: fc.boolean(),
    opportunistic: fc.boolean(),
    transactional: fc.boolean(),
  });
  const reason = fc.constantFrom<Reason>(REFUSED, AUTH, CHANGED, { ...REFUSED, retryAfter: 1_000_000 });
  /** How far back the attempt is that an input speaks of: 0 is the one under way. */
  const age = fc.constantFrom(0, 0, 0, 0, 1, 5, -3);
  const step = fc.record({
    wait: fc.constantFrom(0, 0, 1, 500, 10_000, 100_000),
    age,
    input: fc.oneof<fc.Arbitrary<Blank>[]>(
      fc.constantFrom<Blank>(
        { type: "connect" },
        { type: "request" },
        { type: "established" },
        { type: "established" },
        { type: "proved" },
        { type: "acknowledged", isProof: true },
        { type: "acknowledged", isProof: false },
        { type: "completed" },
        { type: "cancel-timeout" },
        { type: "timeout" },
        { type: "timeout" },
        { type: "user-state", state: "user-1001" },
      ),
      fc.record({ type: fc.constantFrom("refused", "disconnect", "give-up"), reason }),
      fc.record({ type: fc.constant("failed"), reason, repeatable: fc.boolean() }),
      fc.record({ type: fc.constant("late"), reason, isUnderWay: fc.boolean() }),
      fc.record({ type: fc.constant("recycle"), reason, settings: fc.option(settings, { nil: undefined }) }),
      fc.record({ type: fc.constant("settings"), settings }),
      fc.record({ type: fc.constant("start-timeout"), span: fc.constantFrom(0, 1, 5000) }),
      fc.constant<Blank>({ type: "destroy" }),
    ),
  });

  interface Blank {
    readonly type: string;
    readonly [key: string]: unknown;
  }

  test("hold for every sequence of inputs", () => {
    fc.assert(
      fc.property(
        settings,
        fc.array(step, { maxLength: 60 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (first, steps, fraction) => {
          const machine = machineOf(first, fraction);
          const twin = machineOf(first, fraction);
          const watch = new Watch();
          let now = 0;
          const feed = (input: StreamInput | Timeout): void => {
            const early = machine.deadline > now;
            const outputs = machine.handle(input, now);
            expect(twin.handle(input, now)).toEqual(outputs);
            if (input.type === "timeout") {
              if (early) expect(outputs).toEqual([]);
              else expect(machine.deadline).toBeGreaterThan(now);
            }
            watch.see(outputs);
            if (watch.ended) expect(machine.deadline).toBe(NEVER);
            expect(machine.isConnected).toBe(watch.connected);
          };
          feed(CREATE);
          for (const { wait, age: back, input } of steps) {
            now += wait;
            feed({ ...input, attempt: watch.attempt - back } as unknown as StreamInput);
          }
          feed(DESTROY);
          expect(watch.ended).toBe(true);
          expect(watch.open).toBe(false);
          expect(machine.handle(CONNECT, now)).toEqual([]);
        },
      ),
      { numRuns: 3000 },
    );
  });

  /** Follows outputs and refuses what no stream may do. */
  class Watch {
    attempt = 0;
    open = false;
    connected = false;
    ended = false;
    #state: StateName | undefined;

    see(outputs: readonly StreamOutput[]): void {
      if (this.ended) expect(outputs).toEqual([]);
      for (const output of outputs) {
        if (output.type === "open") {
          expect(output.attempt).toBe(this.attempt + 1);
          this.attempt = output.attempt;
          this.open = true;
        } else if (output.type === "close") {
          expect(this.open && output.attempt === this.attempt).toBe(true);
          this.open = false;
        } else if (output.type === "state" && !output.state.startsWith("user-"))
          this.#enter(output.state as StateName);
      }
    }

    #enter(state: StateName): void {
      expect(isLegal(this.#state, state), `${this.#state} -> ${state}`).toBe(true);
      this.#state = state;
      if (state === "connected") {
        expect(this.connected).toBe(false);
        this.connected = true;
      } else if (state === "disconnected") {
        expect(this.connected).toBe(true);
        this.connected = false;
      } else if (state === "connecting" || state === "destroying") expect(this.connected).toBe(false);
      if (state === "disconnected" || state === "unreachable" || state === "auth-failed") this.open = false;
      if (state === "destroying") this.ended = true;
    }
  }
});

function machineOf(settings: StreamSettings, fraction = 0): StreamMachine {
  const spread = new Spread({
    fraction: () => 0,
    uint16: () => 0,
    bytes: (length) => new Uint8Array(length),
  });
  spread.next = () => fraction;
  return new StreamMachine(settings, spread);
}

function inputOf(type: string, attempt: number): StreamInput {
  const fields: Readonly<Record<string, object>> = {
    refused: { reason: REFUSED },
    failed: { reason: REFUSED, repeatable: true },
    disconnect: { reason: REFUSED },
    "give-up": { reason: CHANGED },
    late: { reason: LATE, isUnderWay: true },
    recycle: { reason: CHANGED },
    settings: { settings: NEITHER },
    "start-timeout": { span: 500 },
    "user-state": { state: "user-1000" },
    acknowledged: { isProof: true },
  };
  return { type, attempt, ...fields[type] } as unknown as StreamInput;
}

function failNow(machine: StreamMachine, attempt: number, now: number): string {
  machine.handle(TIMEOUT, now);
  return show(machine.handle(inputOf("failed", attempt), now));
}

function play(settings: StreamSettings, steps: readonly Step[]): string {
  const machine = machineOf(settings);
  return steps
    .map(([input, now]) => show(machine.handle(input, now)))
    .join(" ")
    .trim();
}

/** `connecting open:1 unreachable+1000 rested:code`: states with the wait that follows, attempts, rests. */
function show(outputs: readonly StreamOutput[]): string {
  const words = outputs.map((output) => {
    switch (output.type) {
      case "state":
        return output.retryIn === undefined ? output.state : `${output.state}+${output.retryIn}`;
      case "rested": {
        const word = output.exhausted ? "exhausted" : "rested";
        return output.reason === undefined ? word : `${word}:${output.reason.code}`;
      }
      default:
        return `${output.type}:${output.attempt}`;
    }
  });
  return words.join(" ");
}
