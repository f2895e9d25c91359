import { describe, expect, test } from "vitest";
import { TIMEOUT } from "../lib/machine.ts";
import { NEVER } from "../lib/millis.ts";
import { Validity } from "./validity.ts";

const ALIVE = { type: "alive" } as const;

describe("Validity", () => {
  test("probes after the silence of ping and hangs up after that of hangup", () => {
    const validity = new Validity({ ping: 30, hangup: 35 }, 100);

    expect(validity.deadline).toBe(130);
    expect(validity.handle(TIMEOUT, 129)).toEqual([]);
    expect(validity.handle(TIMEOUT, 130)).toEqual([{ type: "probe" }]);
    expect(validity.deadline).toBe(135);
    expect(validity.handle(TIMEOUT, 134)).toEqual([]);
    expect(validity.handle(TIMEOUT, 135)).toEqual([{ type: "hang-up" }]);
  });

  test("counts again from each sign of life", () => {
    const validity = new Validity({ ping: 30, hangup: 35 }, 0);

    validity.handle(TIMEOUT, 30);
    expect(validity.handle(ALIVE, 32)).toEqual([]);
    expect(validity.deadline).toBe(62);
    expect(validity.handle(TIMEOUT, 35)).toEqual([]);
    expect(validity.handle(TIMEOUT, 62)).toEqual([{ type: "probe" }]);
    expect(validity.handle(TIMEOUT, 67)).toEqual([{ type: "hang-up" }]);
  });

  test("is silent after the hang-up, also for a late sign of life", () => {
    const validity = new Validity({ ping: undefined, hangup: 35 }, 0);

    expect(validity.handle(TIMEOUT, 1000)).toEqual([{ type: "hang-up" }]);
    expect(validity.deadline).toBe(NEVER);
    expect(validity.handle(ALIVE, 1001)).toEqual([]);
    expect(validity.handle(TIMEOUT, 2000)).toEqual([]);
    expect(validity.deadline).toBe(NEVER);
  });

  test("hangs up without a probe when ping is not before hangup", () => {
    const validity = new Validity({ ping: 35, hangup: 35 }, 0);

    expect(validity.deadline).toBe(35);
    expect(validity.handle(TIMEOUT, 35)).toEqual([{ type: "hang-up" }]);
  });

  test("repeats the probe for ever when it may not hang up", () => {
    const validity = new Validity({ ping: 30, hangup: undefined }, 0);

    expect(validity.handle(TIMEOUT, 30)).toEqual([{ type: "probe" }]);
    expect(validity.deadline).toBe(60);
    expect(validity.handle(TIMEOUT, 60)).toEqual([{ type: "probe" }]);
    expect(validity.deadline).toBe(90);
  });

  test("waits for nothing when neither is asked for", () => {
    const validity = new Validity({ ping: undefined, hangup: undefined }, 0);

    expect(validity.deadline).toBe(NEVER);
    expect(validity.handle(TIMEOUT, 1_000_000)).toEqual([]);
  });
});
