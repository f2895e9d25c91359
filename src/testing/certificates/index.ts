export {
  type Authority,
  createAuthority,
  createSelfSigned,
  type Issued,
  type RevocationListOptions,
} from "./authority.ts";
export type {
  CertificateOptions,
  Extension,
  HashName,
  KeyKind,
  KeyUsage,
  NameConstraints,
  Purpose,
} from "./options.ts";
