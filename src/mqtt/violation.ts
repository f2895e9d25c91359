import type { Reason } from "../lib/errors.ts";
import { mqttReason, REASON_CODE } from "./reason-code.ts";

/** What the server has done wrong, with the code that a DISCONNECT of MQTT 5 names it by. */
export interface Violation {
  readonly code: number;
  readonly reason: Reason;
}

export function protocolViolation(detail: string, code: number = REASON_CODE.protocolError): Violation {
  return { code, reason: mqttReason("mqtt-protocol", `The broker broke the MQTT protocol: ${detail}`) };
}

export function tooLarge(length: number, limit: number): Violation {
  const message = `The broker sends a packet of ${length} bytes, at most ${limit} are taken`;
  return { code: REASON_CODE.packetTooLarge, reason: mqttReason("mqtt-too-large", message) };
}
