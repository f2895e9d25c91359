// A door of its own, because a context has to start without this code. Types are at the folder's own door.
export { AddressPart } from "../address-part.ts";
export { BlobPart } from "../blob-part.ts";
export { identityOf } from "../identity.ts";
export { LinkPart } from "../link-part.ts";
export { NetworkPart } from "../network-part.ts";
export { PolicyPart } from "../policy-part.ts";
export { PortalPart } from "../portal-part.ts";
export { createSystemOver } from "../system.ts";
export { createGatePart } from "../system-part.ts";
export { TimePart } from "../time-part.ts";
