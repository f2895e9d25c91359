import { decodeUtf8, encodeUtf8, equalBytes, fromHex, toHex } from "../lib/bytes.ts";
import { type Ipv4, isHost, parseIpv4 } from "./address.ts";

/** What is kept of a lease over a restart: enough to ask for the same address. */
export interface LeaseRecord {
  readonly hardwareAddress: Uint8Array;
  readonly clientId: Uint8Array;
  readonly address: Ipv4;
  readonly server: Ipv4;
  /** Milliseconds since 1970 by the wall clock. */
  readonly obtained: number;
  /** Infinity for ever. */
  readonly leaseSeconds: number;
  /** Where the lease changed the MTU of the link. */
  readonly mtu?: MtuChange | undefined;
}

export interface MtuChange {
  readonly before: number;
  readonly ours: number;
}

/** Larger files are not ours. */
export const MAX_LEASE_FILE = 4096;

const VERSION = 1;

export function encodeLeaseFile(record: LeaseRecord): Uint8Array {
  const fields = {
    version: VERSION,
    hardwareAddress: toHex(record.hardwareAddress),
    clientId: toHex(record.clientId),
    address: record.address,
    server: record.server,
    obtained: record.obtained,
    leaseSeconds: Number.isFinite(record.leaseSeconds) ? record.leaseSeconds : "infinite",
    ...(record.mtu === undefined ? {} : { mtuBefore: record.mtu.before, mtu: record.mtu.ours }),
  };
  return encodeUtf8(`${JSON.stringify(fields, undefined, 2)}\n`);
}

/** The record in a file; undefined for whatever else is in it: someone else may have written it. */
export function parseLeaseFile(bytes: Uint8Array): LeaseRecord | undefined {
  if (bytes.length > MAX_LEASE_FILE) return undefined;
  const fields = parseObject(bytes);
  if (fields === undefined || fields.version !== VERSION) return undefined;
  const hardwareAddress = bytesOf(fields.hardwareAddress);
  const clientId = bytesOf(fields.clientId);
  const address = hostOf(fields.address);
  const server = hostOf(fields.server);
  const { obtained } = fields;
  const leaseSeconds = fields.leaseSeconds === "infinite" ? Number.POSITIVE_INFINITY : fields.leaseSeconds;
  if (hardwareAddress?.length !== 6 || clientId === undefined || clientId.length < 2) return undefined;
  if (address === undefined || server === undefined) return undefined;
  if (typeof obtained !== "number" || !Number.isSafeInteger(obtained) || obtained < 0) return undefined;
  if (typeof leaseSeconds !== "number" || !isSpan(leaseSeconds)) return undefined;
  const mtu = mtuOf(fields.mtuBefore, fields.mtu);
  return { hardwareAddress, clientId, address, server, obtained, leaseSeconds, mtu };
}

/**
 * What remains of a record's lease at wall time `wall`, in seconds: 0 once it has ended. Undefined where it is the
 * record of another interface or client.
 */
export function remainingSeconds(
  record: LeaseRecord,
  self: { readonly hardwareAddress: Uint8Array; readonly clientId: Uint8Array },
  wall: number,
): number | undefined {
  if (!equalBytes(record.hardwareAddress, self.hardwareAddress)) return undefined;
  if (!equalBytes(record.clientId, self.clientId)) return undefined;
  // A clock that went backwards knows nothing of the age; the server will say whether the lease still holds.
  const age = Math.max(0, (wall - record.obtained) / 1000);
  return Math.max(0, record.leaseSeconds - age);
}

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(decodeUtf8(bytes));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function bytesOf(value: unknown): Uint8Array | undefined {
  if (typeof value !== "string" || !/^(?:[0-9a-f]{2}){1,255}$/.test(value)) return undefined;
  return fromHex(value);
}

function hostOf(value: unknown): Ipv4 | undefined {
  const address = typeof value === "string" ? parseIpv4(value) : undefined;
  return address !== undefined && isHost(address) ? address : undefined;
}

/** Undefined where both are not what a link may have. */
function mtuOf(before: unknown, ours: unknown): MtuChange | undefined {
  if (!isMtu(before) || !isMtu(ours) || before === ours) return undefined;
  return { before, ours };
}

/** RFC 791: every link carries 68. */
function isMtu(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 68 && Number(value) <= 0xffff;
}

function isSpan(value: number): boolean {
  return value === Number.POSITIVE_INFINITY || (Number.isInteger(value) && value > 0 && value < 0xffffffff);
}
