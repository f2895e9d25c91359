import { describe, expect, test } from "vitest";
import { isLegal, STATES, type StateName } from "./states.ts";

/** The table of libwebsockets (`secure-streams.c`), as its documentation of transitions has it. */
const LWS: Readonly<Record<string, { readonly number: number; readonly next: string }>> = {
  CREATING: { number: 1, next: "CONNECTING TIMEOUT POLL SERVER_UPGRADE DESTROYING" },
  DISCONNECTED: { number: 2, next: "CONNECTING CONNECTED TIMEOUT POLL UNREACHABLE DESTROYING" },
  UNREACHABLE: {
    number: 3,
    next: "ALL_RETRIES_FAILED TIMEOUT POLL UNREACHABLE CONNECTING CONNECTED DESTROYING",
  },
  AUTH_FAILED: { number: 4, next: "ALL_RETRIES_FAILED TIMEOUT CONNECTING DESTROYING" },
  CONNECTED: {
    number: 5,
    next: "SERVER_UPGRADE SERVER_TXN AUTH_FAILED QOS_ACK_REMOTE QOS_NACK_REMOTE QOS_ACK_LOCAL QOS_NACK_LOCAL DISCONNECTED TIMEOUT CONNECTING POLL DESTROYING",
  },
  CONNECTING: {
    number: 6,
    next: "UNREACHABLE AUTH_FAILED CONNECTING CONNECTED QOS_ACK_REMOTE QOS_NACK_REMOTE TIMEOUT POLL ALL_RETRIES_FAILED DISCONNECTED DESTROYING",
  },
  DESTROYING: { number: 7, next: "" },
  POLL: { number: 8, next: "CONNECTING TIMEOUT ALL_RETRIES_FAILED DESTROYING" },
  ALL_RETRIES_FAILED: { number: 9, next: "CONNECTING POLL TIMEOUT UNREACHABLE DESTROYING" },
  QOS_ACK_REMOTE: {
    number: 10,
    next: "DISCONNECTED TIMEOUT CONNECTING DESTROYING QOS_ACK_REMOTE QOS_NACK_REMOTE",
  },
  QOS_NACK_REMOTE: { number: 11, next: "DISCONNECTED TIMEOUT DESTROYING QOS_ACK_REMOTE QOS_NACK_REMOTE" },
  TIMEOUT: {
    number: 14,
    next: "CONNECTING CONNECTED QOS_ACK_REMOTE QOS_NACK_REMOTE POLL TIMEOUT DISCONNECTED UNREACHABLE DESTROYING",
  },
};

/** States of streams that serve, and states that nothing ever enters: not part of this table. */
const ELSEWHERE = new Set(["SERVER_UPGRADE", "SERVER_TXN", "QOS_ACK_LOCAL", "QOS_NACK_LOCAL"]);

const ADDED: Readonly<Record<string, readonly string[]>> = {
  DISCONNECTED: ["ALL_RETRIES_FAILED"],
  AUTH_FAILED: ["POLL"],
  TIMEOUT: ["AUTH_FAILED", "ALL_RETRIES_FAILED"],
};

describe("the table of states", () => {
  test("has the states of libwebsockets under their numbers", () => {
    const numbers = Object.fromEntries(Object.entries(STATES).map(([name, { number }]) => [name, number]));

    expect(numbers).toEqual(
      Object.fromEntries(Object.entries(LWS).map(([name, row]) => [ours(name), row.number])),
    );
  });

  test.each(Object.entries(LWS))(
    "lets follow %s what libwebsockets lets follow, and no more",
    (name, row) => {
      const next = row.next.split(" ").filter((each) => each !== "" && !ELSEWHERE.has(each));

      expect(new Set(STATES[ours(name)].next)).toEqual(new Set(next.map(ours)));
    },
  );

  test.each(Object.keys(LWS))("adds to %s what is documented, and no more", (name) => {
    expect(STATES[ours(name)].added ?? []).toEqual((ADDED[name] ?? []).map(ours));
  });

  test("says what each state means", () => {
    for (const { meaning } of Object.values(STATES)) expect(meaning).toMatch(/^[A-Z].{15,}[^.]$/);
  });
});

describe("isLegal", () => {
  test("begins with creating, or ends before it began", () => {
    const first = (Object.keys(STATES) as StateName[]).filter((state) => isLegal(undefined, state));

    expect(first).toEqual(["creating", "destroying"]);
  });

  test("allows the table and its additions", () => {
    expect(isLegal("creating", "connecting")).toBe(true);
    expect(isLegal("disconnected", "all-retries-failed")).toBe(true);
    expect(isLegal("creating", "connected")).toBe(false);
    expect(isLegal("poll", "connected")).toBe(false);
    expect(isLegal("destroying", "connecting")).toBe(false);
  });
});

function ours(name: string): StateName {
  return name.toLowerCase().replaceAll("_", "-") as StateName;
}
