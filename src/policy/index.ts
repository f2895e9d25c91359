export { DEFAULT_POLICY } from "./defaults.ts";
export { definePolicy, type MetadataName, type PolicyInput, type StreamtypeName } from "./define.ts";
export { diffPolicies, type PolicyDiff } from "./diff.ts";
export { effectiveSettings, originText } from "./effective.ts";
export { type Endpoint, parseEndpoint } from "./endpoint.ts";
export { LIMITS } from "./json.ts";
export { nearest } from "./nearest.ts";
export {
  applyOverlay,
  applyOverlayValue,
  type Parsed,
  type PolicyDocument,
  parsePolicy,
  parsePolicyValue,
  requirePolicy,
} from "./parse.ts";
export { PolicyReader } from "./policy-reader.ts";
export { formatProblem, PolicyError, type Problem } from "./problem.ts";
export { policySchema } from "./schema.ts";
export type { Socks5Address } from "./socks5-address.ts";
export { retryTimeline } from "./timeline.ts";
export type {
  Attributes,
  HttpSettings,
  MetadataItem,
  MqttMessage,
  Protocol,
  Qos,
  Retry,
  Streamtype,
  TrustStore,
} from "./types.ts";
