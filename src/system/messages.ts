import type { PortalVerdict } from "./portal-words.ts";
import type { SystemState } from "./states.ts";

/** Classes of messages, each a bit: a peer names those that it wants. Bits and shapes are those of libwebsockets. */
export const MESSAGE_CLASSES = {
  interaction: 1 << 0,
  "system-state": 1 << 1,
  network: 1 << 2,
  metrics: 1 << 3,
} as const;

export type MessageClassName = keyof typeof MESSAGE_CLASSES;

/** The bit of one of the program's own classes, 0 to 7 for bits 24 to 31. */
export function userClass(index: 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7): number {
  return (1 << (24 + index)) >>> 0;
}

/** What is put on the bus: exactly one class, and a text that is JSON by convention. */
export interface BusMessage {
  readonly class: number;
  readonly text: string;
}

const CPD_RESULTS: Readonly<Record<PortalVerdict, string>> = {
  ok: "OK",
  captive: "Captive",
  "no-internet": "No internet",
  unknown: "Unknown",
};

/** `{"state":"OPERATIONAL"}`; the end is called DESTROYING there. */
export function stateMessage(state: SystemState): BusMessage {
  const name = state === "CONTEXT_DESTROYING" ? "DESTROYING" : state;
  return message("system-state", { state: name });
}

/** `{"type":"cpd","result":"OK"}` */
export function portalMessage(verdict: PortalVerdict): BusMessage {
  return message("network", { type: "cpd", result: CPD_RESULTS[verdict] });
}

/** `{"rt":"add"}` or `{"rt":"del"}` */
export function routeMessage(change: "add" | "del"): BusMessage {
  return message("network", { rt: change });
}

/** `{"trigger":"cpdcheck"}`, with `"src"` where somebody says who asks. */
export function portalCheckMessage(source?: string): BusMessage {
  return message("network", { trigger: "cpdcheck", src: source });
}

/** `{"policy":"updated","ts":...}`; microseconds of the monotonic clock. */
export function policyMessage(microseconds: number): BusMessage {
  return message("system-state", { policy: "updated", ts: Math.round(microseconds) });
}

/** Whether a message asks for another look at the network. */
export function isPortalCheck({ class: bit, text }: BusMessage): boolean {
  return bit === MESSAGE_CLASSES.network && /"trigger"\s*:\s*"cpdcheck"/.test(text);
}

function message(name: MessageClassName, value: object): BusMessage {
  return { class: MESSAGE_CLASSES[name], text: JSON.stringify(value) };
}
