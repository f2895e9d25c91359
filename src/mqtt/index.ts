export type { Outgoing } from "./inflight.ts";
export { SessionMemory } from "./memory.ts";
export type {
  Connect,
  ConnectReply,
  Inbound,
  Outbound,
  Received,
  ReceivedAcknowledgement,
  ServerDisconnect,
  SubscribeReply,
} from "./packet.ts";
export { mqttReason } from "./reason-code.ts";
export { MqttSession } from "./session.ts";
export { SESSION_TRANSITIONS, type SessionStateName } from "./states.ts";
export { filterFault, topicFault } from "./topic.ts";
export { matches } from "./topic-match.ts";
export type { Member, Outcome, Receivers, SessionInput, SessionOutput, SessionSettings } from "./words.ts";
