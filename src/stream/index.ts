export { isAddress } from "./endpoint.ts";
export {
  type MetadataValues,
  namedMetadata,
  receivedMetadata,
  requireDeclared,
} from "./metadata.ts";
export { type Identity, type PlanOptions, planTarget } from "./plan.ts";
export { MAX_REDIRECTS, type Redirect, type RedirectInput, redirect } from "./redirect.ts";
export { MAX_RETRY_AFTER, retryAfter } from "./retry-after.ts";
export { isLegal, STATES, type StateName, type StateRow, type UserState } from "./states.ts";
export { StreamMachine } from "./stream-machine.ts";
export type { ClientCertificate, HttpTarget, MqttTarget, Target, TlsTarget } from "./target.ts";
export { Validity, type ValidityInput, type ValidityOptions, type ValidityOutput } from "./validity.ts";
export type { AttemptId, StreamInput, StreamOutput, StreamSettings } from "./words.ts";
