import type { SystemEventMap } from "../context/index.ts";
import type { Hold } from "../system/index.ts";
import type { Device } from "../system.ts";
import { type Output, printable } from "./output.ts";
import { tellState } from "./tell.ts";

/** Streamtypes that the system itself opens. */
const OWN = new Set(["captive_portal_detect", "captive_portal_api", "fetch_policy"]);

/**
 * Tells what happens to a device, as lines or as events with `--json`, and opens every nailed-up stream of its policy when it
 * is OPERATIONAL. `setsClock`: whether the system's clock is to be set.
 */
export function watchDevice(device: Device, output: Output, setsClock: boolean): void {
  const { system, context, clients } = device;
  const { paint } = output;
  const opened = new Set<string>();
  const open = (): void => {
    for (const name of context.streamtypes) {
      if (context.describe(name)?.nailedUp !== true || OWN.has(name) || opened.has(name)) continue;
      opened.add(name);
      openNailed(device, name, output);
    }
  };
  system.on("state", (event) => {
    const heldBy = system.heldBy.map(holdFields);
    output.event("state", {
      ...event,
      previous: event.previous ?? null,
      reason: event.reason ?? null,
      heldBy,
    });
    const line = event.reason === undefined ? event.state : `${event.state}: ${printable(event.reason)}`;
    output.note(
      event.state === "OPERATIONAL" ? paint.good(line) : event.reason === undefined ? line : paint.bad(line),
    );
    if (event.state === "OPERATIONAL") open();
  });
  system.on("held", ({ state, heldBy }) => {
    output.event("held", { state, heldBy: heldBy.map(holdFields) });
    for (const hold of heldBy) output.note(paint.dim(`  waits: ${printable(told(hold))}`));
  });
  system.on("cpd", (event) => {
    output.event("portal", { ...event, portal: event.portal ?? null });
    const where = event.portal === undefined ? "" : `, log in at ${event.portal}`;
    output.note(
      `portal: ${event.verdict}${printable(where)}${event.verdict === "ok" ? "" : `: ${printable(event.why)}`}`,
    );
  });
  system.on("time", (event) => {
    output.event("time", event);
    const line = timeLine(event, setsClock);
    if (line !== undefined) output.note(paint.dim(printable(line)));
  });
  system.on("policy", (event) => {
    output.event("policy", policyFields(event));
    output.note(`policy: ${printable(policyLine(event))}`);
    if (event.type === "applied" && system.state === "OPERATIONAL") open();
  });
  system.on("network", (event) => output.event("network", event));
  for (const client of clients) {
    client.on("lease", ({ change, lease }) => {
      if (lease === undefined) return;
      const { address, prefixLength, server, leaseSeconds } = lease;
      output.event("lease", {
        change,
        interface: client.interface,
        address,
        prefixLength,
        server,
        leaseSeconds,
      });
      output.note(`${client.interface}: ${address}/${prefixLength} ${change}, from ${server}`);
    });
  }
}

function openNailed({ context }: Device, name: string, output: Output): void {
  try {
    const stream = context.open(name, {
      rx: ({ payload }) => {
        output.event("message", { streamtype: name, data: Buffer.from(payload).toString("utf8") });
      },
    });
    stream.on("state", (event) => {
      if (output.json) output.event("stream", streamFields(event));
      else tellState(output, event);
    });
  } catch (error) {
    output.error(error);
  }
}

function streamFields({
  streamtype,
  state,
  previous,
  reason,
  retryIn,
}: Parameters<typeof tellState>[1]): object {
  return {
    ...{ streamtype, state, previous: previous ?? null },
    reason: reason === undefined ? null : { layer: reason.layer, code: reason.code, message: reason.message },
    retryInMs: retryIn === undefined ? null : Math.round(retryIn),
  };
}

function holdFields({ state, by, why }: Hold): object {
  return { state, by, why };
}

/** Who holds what, and why. */
export function told({ state, by, why }: Hold): string {
  return `${state} is held by ${by}: ${why}`;
}

function timeLine(event: SystemEventMap["time"], setsClock: boolean): string | undefined {
  switch (event.type) {
    case "adjusted": {
      const seconds = (event.offset / 1000).toFixed(3);
      const what = event.set ? `set by ${seconds} s` : `the clock is off by ${seconds} s`;
      const denied = setsClock && !event.set ? ", and may not be set without CAP_SYS_TIME" : "";
      return `time: ${what}${denied} (${event.servers.join(", ")})`;
    }
    case "lost":
    case "undecided":
      return `time: ${event.why}`;
    case "refused":
      return `time: ${event.server} refused: ${event.why}`;
    default:
      return undefined;
  }
}

function policyFields(event: SystemEventMap["policy"]): object {
  return event.type === "refused" ? { ...event, error: messageOf(event.error) } : event;
}

function policyLine(event: SystemEventMap["policy"]): string {
  if (event.type === "refused") return `refused, the one in force stays: ${messageOf(event.error)}`;
  if (event.type === "failed") return `not fetched: ${event.why}`;
  return event.type === "applied" ? `applied, from the ${event.from}` : "unchanged";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
