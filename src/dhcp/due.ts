import { TIMEOUT } from "../lib/machine.ts";
import { type Millis, NEVER } from "../lib/millis.ts";
import type { Core } from "./core.ts";
import type { Exchange } from "./exchange.ts";
import { Offers } from "./offers.ts";
import { expired, silent } from "./reasons.ts";
import { deadlineOf, type State, type Tenure, tenureOf } from "./state.ts";

/** Transmissions of a REQUEST before the search begins anew (RFC 2131, 3.1.5). */
const MOST_SELECTIONS = 4;
const MOST_REBOOTS = 2;

export function deadline({ state, acd }: Core): Millis {
  return Math.min(deadlineOf(state), acd?.deadline ?? NEVER);
}

/** Does everything that is due at `now`. */
export function serve(core: Core, now: Millis): void {
  while (deadline(core) <= now) {
    const tenure = tenureOf(core.state);
    if (tenure === undefined) act(core, core.state, now);
    else if (tenure.times.expiresAt <= now) core.restart(now, expired(tenure.lease));
    else if (core.acd !== undefined && core.acd.deadline <= now) {
      core.guard(core.acd.handle(TIMEOUT, now), tenure, now);
    } else act(core, core.state, now);
  }
}

function act(core: Core, state: State, now: Millis): void {
  switch (state.name) {
    case "init": {
      const offers = new Offers(core.settings.waitForOffers);
      core.enter({ name: "selecting", exchange: core.speaker.discovery(now), offers });
      return;
    }
    case "selecting":
      select(core, state, now);
      return;
    case "requesting":
      request(core, state, now);
      return;
    case "rebooting":
      reboot(core, state, now);
      return;
    case "bound":
      extend(core, state.tenure, now);
      return;
    case "renewing":
    case "rebinding":
      ask(core, state, now);
      return;
    case "informing":
      core.speaker.inform(state.exchange, state.address, now);
      return;
    case "releasing":
      core.withdraw(undefined);
      core.enter({ name: state.ends ? "ended" : "idle" });
      return;
    default:
      // The wait for IPv4 of a network that wants IPv6 alone.
      core.restart(now, undefined);
  }
}

function select(core: Core, state: Extract<State, { name: "selecting" }>, now: Millis): void {
  const { offers, exchange } = state;
  if (offers.best === undefined) {
    core.speaker.discover(exchange, core.settings.anonymous ? undefined : core.past.address, now);
    return;
  }
  const { lease, isRapid } = offers.best;
  if (isRapid) core.acknowledged(lease, exchange, now);
  else core.enter({ name: "requesting", exchange: core.speaker.selection(exchange, now), offer: lease });
}

function request(core: Core, state: Extract<State, { name: "requesting" }>, now: Millis): void {
  if (tookHeld(core, state.exchange, now)) return;
  const { address: requested, server } = state.offer;
  if (state.exchange.attempts === MOST_SELECTIONS) core.restart(now, silent(requested));
  else core.speaker.select(state.exchange, { requested, server }, now);
}

function reboot(core: Core, { exchange, address }: Extract<State, { name: "rebooting" }>, now: Millis): void {
  if (tookHeld(core, exchange, now)) return;
  if (exchange.attempts === MOST_REBOOTS) {
    core.past.ended();
    core.restart(now, silent(address));
  } else core.speaker.select(exchange, { requested: address }, now);
}

/** After T1 the lease's server is asked; after T2, or when it cannot be reached, whoever hears it. */
export function extend(core: Core, tenure: Tenure, now: Millis, previous?: Exchange): void {
  const isLate = tenure.times.rebindAt <= now || previous !== undefined;
  const exchange = core.speaker.request(now, previous);
  core.enter({ name: isLate ? "rebinding" : "renewing", tenure, exchange });
}

function ask(core: Core, state: Extract<State, { name: "renewing" | "rebinding" }>, now: Millis): void {
  const { tenure, exchange } = state;
  const { rebindAt, expiresAt } = tenure.times;
  if (tookHeld(core, exchange, now)) return;
  if (state.name === "rebinding")
    core.speaker.rebind(exchange, { lease: tenure.lease, until: expiresAt }, now);
  else if (rebindAt <= now || exchange.isUnreachable) extend(core, tenure, now, exchange);
  else core.speaker.renew(exchange, { lease: tenure.lease, until: rebindAt }, now);
}

/** Takes the answer that waited for a better one, when its wait is over. */
function tookHeld(core: Core, exchange: Exchange, now: Millis): boolean {
  const { held } = exchange;
  if (held === undefined || held.until > now) return false;
  exchange.held = undefined;
  core.acknowledged(held.lease, exchange, now);
  return true;
}
