export {
  BLOB_NAMES,
  BLOBS,
  type BlobName,
  Blobs,
  blobsFromEnvironment,
} from "./blobs.ts";
export { Bus, type BusOptions, type PeerId, type SendResult } from "./bus.ts";
export { CaptivePortal, type PortalOptions } from "./captive-portal.ts";
export { SystemManager } from "./manager.ts";
export type { Hold, HoldId, ManagerInput, ManagerOutput, ModalState } from "./manager-words.ts";
export {
  type BusMessage,
  isPortalCheck,
  MESSAGE_CLASSES,
  policyMessage,
  portalCheckMessage,
  portalMessage,
  routeMessage,
  stateMessage,
  userClass,
} from "./messages.ts";
export {
  type FetchId,
  PolicyRefresh,
  type PolicyRefreshInput,
  type PolicyRefreshOptions,
  type PolicyRefreshOutput,
} from "./policy-refresh.ts";
export { API_LIMIT } from "./portal-api.ts";
export type {
  ApiOutcome,
  CheckId,
  PortalInput,
  PortalOutput,
  PortalVerdict,
  ProbeOutcome,
} from "./portal-words.ts";
export { type Consequence, type PathFault, Reachability } from "./reachability.ts";
export {
  type HoldableState,
  includes,
  SYSTEM_STATES,
  type SystemState,
  stateBefore,
  WAY_UP,
} from "./states.ts";
