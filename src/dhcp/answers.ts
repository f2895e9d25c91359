import { type Millis, seconds } from "../lib/millis.ts";
import { decodeArp } from "./arp.ts";
import type { Core } from "./core.ts";
import type { Exchange } from "./exchange.ts";
import { GRACE } from "./offers.ts";
import { ipv6Only, refused } from "./reasons.ts";
import { type Reply, readReply } from "./reply.ts";
import { tenureOf } from "./state.ts";
import { judge, tried, type Verdict } from "./verdict.ts";

/** Takes what may be an answer; `payload` is read where one is awaited. */
export function answered(core: Core, payload: () => Uint8Array, now: Millis): void {
  const { state } = core;
  if (!("exchange" in state)) return;
  const { exchange } = state;
  const { hardwareAddress, mtu: linkMtu } = core.speaker.link;
  const { clientId } = core.speaker;
  const judged = tried(() => {
    const reply = readReply(payload(), { xid: exchange.xid, hardwareAddress, clientId });
    return { reply, verdict: judge(state, reply, { settings: core.settings, linkMtu }) };
  });
  if (judged instanceof Error) core.emit({ type: "dropped", why: judged.message });
  else follow(core, exchange, { ...judged, now });
}

/** Takes an ARP packet, where an address is guarded. */
export function heard(core: Core, bytes: Uint8Array, now: Millis): void {
  const tenure = tenureOf(core.state);
  const arp = tried(() => decodeArp(bytes));
  if (tenure === undefined || core.acd === undefined || arp instanceof Error) return;
  core.guard(core.acd.handle({ type: "arp", arp }, now), tenure, now);
}

interface Judged {
  readonly reply: Reply;
  readonly verdict: Verdict;
  readonly now: Millis;
}

function follow(core: Core, exchange: Exchange, { reply, verdict, now }: Judged): void {
  switch (verdict.type) {
    case "drop":
      core.emit({ type: "dropped", why: verdict.why });
      return;
    case "offer":
      offered(core, verdict, now);
      return;
    case "lease":
      if (!verdict.isHeld) core.acknowledged(verdict.lease, exchange, now);
      else exchange.held ??= { lease: verdict.lease, until: now + GRACE };
      return;
    case "refused":
      core.emit({ type: "forget" });
      core.restart(now, refused(reply), core.past.refused());
      return;
    case "ipv6-only":
      core.withdraw(undefined);
      core.enter({ name: "ipv6-only", until: now + seconds(verdict.seconds) }, ipv6Only(verdict.seconds));
      return;
    default:
      core.emit({ type: "informed", configuration: verdict.configuration });
      core.enter({ name: "informed" });
  }
}

function offered(core: Core, verdict: Extract<Verdict, { type: "offer" }>, now: Millis): void {
  const { lease, isRapid, offers } = verdict;
  const { address } = lease;
  const isDeclined = core.past.wasDeclined(address);
  offers.add({ lease, isRapid, isDeclined, isRemembered: address === core.past.address }, now);
}
