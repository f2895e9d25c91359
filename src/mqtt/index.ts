export type { Outgoing } from "./entry.ts";
export { SessionMemory } from "./memory.ts";
export type { Inbound, Outbound, Received } from "./packet.ts";
export { mqttReason } from "./reason-code.ts";
export { MqttSession } from "./session.ts";
export type { Member, Outcome, Receivers, SessionInput, SessionOutput, SessionSettings } from "./words.ts";
