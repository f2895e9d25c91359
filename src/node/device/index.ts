export { BlobFolder } from "./blob-folder.ts";
export { createDevice, type Device } from "./device.ts";
export type { DeviceOptions, StaticInterface, TimeSettings } from "./options.ts";
