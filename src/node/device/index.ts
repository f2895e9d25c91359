export { createDevice, type Device } from "./device.ts";
export type { DeviceOptions, StaticInterface, TimeSettings } from "./options.ts";
