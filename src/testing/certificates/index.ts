export { type Authority, createAuthority, createSelfSigned, type Issued } from "./authority.ts";
export type { CertificateOptions } from "./options.ts";
