export { type Identity, identityInEffect } from "./identity.ts";
export {
  headerName,
  headerValue,
  type MetadataValues,
  namedMetadata,
  receivedMetadata,
  requireDeclared,
} from "./metadata.ts";
export { planTarget } from "./plan.ts";
export { redirect } from "./redirect.ts";
export { retryAfter } from "./retry-after.ts";
export { STATES, type StateName, type UserState } from "./states.ts";
export { StreamMachine } from "./stream-machine.ts";
export {
  type ClientCertificate,
  type HttpTarget,
  type MqttTarget,
  requestUrl,
  type Target,
} from "./target.ts";
export { timedOut } from "./timed-out.ts";
export { Validity } from "./validity.ts";
export type { AttemptId, StreamInput, StreamOutput, StreamSettings } from "./words.ts";
