export type {
  BusPeer,
  BusPeerOptions,
  Gate,
  HeldEvent,
  MessageBus,
  NetworkChangedEvent,
  PartHost,
  PolicyEvent,
  PortalEvent,
  System,
  SystemEventMap,
  SystemNotifier,
  SystemOptions,
  SystemPart,
  SystemPorts,
  SystemStateEvent,
  TimeEvent,
} from "./context/index.ts";
export { createGatePart, createSystemOver, identityOf } from "./context/system/index.ts";
export {
  BlobFolder,
  createDevice,
  type Device,
  type DeviceOptions,
  type StaticInterface,
  type TimeSettings,
} from "./node/device/index.ts";
export {
  type BlobName,
  Blobs,
  blobsFromEnvironment,
  type Hold,
  type HoldableState,
  MESSAGE_CLASSES,
  type SystemState,
  userClass,
} from "./system/index.ts";
