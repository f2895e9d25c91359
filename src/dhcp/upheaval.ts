import { equalBytes } from "../lib/bytes.ts";
import type { Reason } from "../lib/errors.ts";
import type { Millis } from "../lib/millis.ts";
import type { Core } from "./core.ts";
import { extend } from "./due.ts";
import { afterSleep } from "./lease-times.ts";
import { expired, NO_CARRIER } from "./reasons.ts";
import { tenureOf } from "./state.ts";
import type { LinkState } from "./words.ts";

/** A RELEASE is given so long to leave before its source address goes. */
const RELEASE_WAIT: Millis = 20;

/** The link is not what it was: no carrier, carrier again, another hardware address, another MTU. */
export function linked(core: Core, link: LinkState, now: Millis): void {
  const isOther = !equalBytes(core.speaker.link.hardwareAddress, link.hardwareAddress);
  core.speaker.link = link;
  // Leases belong to the hardware address that they were given to.
  if (isOther) core.past.forget();
  const { name } = core.state;
  if (name === "idle" || name === "releasing") return;
  if (isOther) core.emit({ type: "forget" });
  if (!link.hasCarrier) {
    if (name === "no-carrier") return;
    core.withdraw(NO_CARRIER);
    core.enter({ name: "no-carrier" }, NO_CARRIER);
  } else if (name === "no-carrier") core.begin(now);
  else if (isOther && name !== "init" && name !== "informing") {
    core.withdraw(undefined);
    core.begin(now);
  }
}

/** The machine slept for `slept`: the lease is asked for again before anything is sent from its address. */
export function woke(core: Core, slept: Millis, now: Millis): void {
  core.past.slept(slept);
  const { state } = core;
  switch (state.name) {
    case "probing":
    case "bound":
    case "renewing":
    case "rebinding": {
      const { lease, times } = state.tenure;
      if (afterSleep(times, slept).expiresAt <= now) {
        core.restart(now, expired(lease));
        return;
      }
      core.withdraw(undefined);
      core.begin(now);
      return;
    }
    case "selecting":
    case "requesting":
    case "rebooting":
    case "informed":
      core.begin(now);
      return;
    default:
  }
}

/** The program wants the lease renewed now, or everything anew after it was given back. */
export function renew(core: Core, now: Millis): void {
  const { state } = core;
  switch (state.name) {
    case "bound":
      extend(core, state.tenure, now);
      return;
    case "renewing":
    case "rebinding":
      core.speaker.hasten(state.exchange, now);
      return;
    case "idle":
    case "informed":
      core.begin(now);
      return;
    default:
  }
}

export function release(core: Core, now: Millis): void {
  const { name } = core.state;
  if (name === "idle" || name === "releasing") return;
  const tenure = tenureOf(core.state);
  core.past.forget();
  core.emit({ type: "forget" });
  if (tenure === undefined) {
    core.withdraw(undefined);
    core.enter({ name: "idle" });
    return;
  }
  core.acd = undefined;
  core.speaker.release(tenure.lease, core.isConfigured, now);
  core.enter({ name: "releasing", until: now + RELEASE_WAIT, ends: false });
}

/** The address is taken back and remembered: the next start asks for it. */
export function stop(core: Core, reason: Reason | undefined): void {
  if (core.state.name === "releasing" && reason === undefined) {
    core.state.ends = true;
    return;
  }
  core.withdraw(reason);
  core.enter({ name: "ended" }, reason);
}
