export { BUILT_IN_RETRY, DEFAULT_POLICY } from "./defaults.ts";
export {
  definePolicy,
  type MetadataName,
  type PolicyInput,
  type RetryInput,
  type StreamtypeInput,
  type StreamtypeName,
} from "./define.ts";
export { diffPolicies, type PolicyDiff } from "./diff.ts";
export { effectiveSettings, originText, type Setting } from "./effective.ts";
export { LIMITS, type Limits } from "./json.ts";
export { nearest } from "./nearest.ts";
export {
  applyOverlay,
  applyOverlayValue,
  type Options,
  type Parsed,
  type PolicyDocument,
  parsePolicy,
  parsePolicyValue,
  requirePolicy,
} from "./parse.ts";
export { formatProblem, PolicyError, type Problem, type Severity } from "./problem.ts";
export { policySchema, type Schema } from "./schema.ts";
export { type Attempt, retryTimeline } from "./timeline.ts";
export type {
  Attributes,
  Auth,
  BufferSettings,
  HttpSettings,
  MetadataItem,
  Metric,
  MqttMessage,
  MqttSettings,
  MultipartSettings,
  Policy,
  Protocol,
  Qos,
  Retry,
  ServerSettings,
  Streamtype,
  TrustStore,
  WsSettings,
} from "./types.ts";
