import { constants } from "node:os";
import { getSystemErrorName } from "node:util";
import { type ErrorCode, SecureStreamsError } from "../../lib/errors.ts";

export type Capability = "CAP_NET_ADMIN" | "CAP_NET_RAW" | "CAP_NET_BIND_SERVICE";

/** What was tried, as it follows "Cannot", and how the system refused it. */
export interface Refusal {
  readonly verb: string;
  /** A positive errno. */
  readonly errno: number;
  /** What the process lacks where the system says EPERM or EACCES. */
  readonly capability?: Capability;
  /** The kernel's own words (NLMSGERR_ATTR_MSG). */
  readonly detail?: string | undefined;
}

const {
  EACCES,
  EAFNOSUPPORT,
  EMFILE,
  ENFILE,
  ENODEV,
  ENOPROTOOPT,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
  EPROTONOSUPPORT,
} = constants.errno;

const CODES: ReadonlyMap<number, ErrorCode> = new Map([
  [EPERM, "not-permitted"],
  [EACCES, "not-permitted"],
  [ENODEV, "interface-missing"],
  [ENXIO, "interface-missing"],
  [EAFNOSUPPORT, "unsupported"],
  [EPROTONOSUPPORT, "unsupported"],
  [EOPNOTSUPP, "unsupported"],
  [ENOPROTOOPT, "unsupported"],
  [EMFILE, "too-many-files"],
  [ENFILE, "too-many-files"],
]);

/** `not-permitted`, `interface-missing`, `unsupported`, `too-many-files` or `network-failed`. */
export function systemError({ verb, errno, capability, detail }: Refusal): SecureStreamsError {
  const code = CODES.get(errno) ?? "network-failed";
  const lacks = code === "not-permitted" && capability !== undefined;
  const why = lacks ? `the process lacks ${capability}` : (detail ?? "the system refused");
  return new SecureStreamsError({
    layer: "system",
    code,
    message: `Cannot ${verb}: ${why} (${errnoName(errno)})`,
  });
}

export function errnoName(errno: number): string {
  return getSystemErrorName(-errno);
}
