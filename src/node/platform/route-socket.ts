import { constants } from "node:os";
import { SecureStreamsError } from "../../lib/errors.ts";
import { checked, type Libc, MSG_TRUNC, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW, setOption } from "./libc.ts";
import {
  decodeAttributes,
  decodeMessages,
  encodeMessage,
  fixedPart,
  IS_LITTLE_ENDIAN,
  type NetlinkMessage,
  viewOf,
} from "./netlink-bytes.ts";
import { type Capability, systemError } from "./system-error.ts";

const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST = 0x1;
const NLM_F_ACK = 0x4;
const NLM_F_DUMP_INTR = 0x10;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLM_F_DUMP = 0x300;
const NLMSGERR_ATTR_MSG = 1;
/** The kernel fills at most 32 KiB a read of a dump. */
const READ = 65_536;
/** A dump that the network changes under its hands is begun anew so often. */
const TRIES = 20;

export interface RouteRequest {
  readonly type: number;
  readonly flags: number;
  readonly body: Uint8Array;
  /** As it follows "Cannot". */
  readonly verb: string;
  /** Outcomes that are as good as success. */
  readonly accepted?: readonly number[];
  readonly capability?: Capability;
}

/** Opens a socket to the kernel's network configuration, which tells changes of the groups (RTMGRP_*) in the mask. */
export function openRouteSocket(libc: Libc, groups = 0): number {
  const verb = "open a socket to the kernel's network configuration";
  const type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
  const descriptor = checked(libc, libc.socket(AF_NETLINK, type, NETLINK_ROUTE), { verb });
  try {
    const address = kernelAddress(groups);
    checked(libc, libc.bind(descriptor, address, address.length), { verb });
    return descriptor;
  } catch (error) {
    libc.close(descriptor);
    throw error;
  }
}

/**
 * One conversation with the kernel, which answers before `sendto` returns. Opened for the request and closed after it:
 * that takes microseconds, and leaves nothing open in between.
 */
export class RouteSocket {
  readonly #libc: Libc;
  readonly #descriptor: number;
  readonly #buffer = new Uint8Array(READ);
  #sequence = 0;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#descriptor = openRouteSocket(libc);
    setOption(libc, this.#descriptor, [SOL_NETLINK, NETLINK_EXT_ACK, 1]);
    setOption(libc, this.#descriptor, [SOL_NETLINK, NETLINK_CAP_ACK, 1]);
  }

  close(): void {
    this.#libc.close(this.#descriptor);
  }

  /** Has the kernel change something. */
  change(request: RouteRequest): void {
    this.#send(request, NLM_F_REQUEST | NLM_F_ACK);
    for (const message of this.#receive(request)) {
      if (message.type === NLMSG_ERROR) this.#check(message, request);
    }
  }

  /** The answer to a question about one thing; undefined where the kernel knows no such thing. */
  ask(request: RouteRequest): NetlinkMessage | undefined {
    this.#send(request, NLM_F_REQUEST);
    const [answer] = this.#receive(request);
    if (answer?.type !== NLMSG_ERROR) return answer;
    this.#check(answer, request);
    return undefined;
  }

  /** All the kernel has of one kind, at one moment. */
  dump(request: RouteRequest): readonly NetlinkMessage[] {
    for (let tries = 0; tries < TRIES; tries++) {
      const found = this.#dump(request);
      if (found !== undefined) return found;
    }
    throw new SecureStreamsError({
      layer: "system",
      code: "network-failed",
      message: `Cannot ${request.verb}: it changed each time while it was read`,
    });
  }

  /** Undefined where something changed meanwhile. */
  #dump(request: RouteRequest): readonly NetlinkMessage[] | undefined {
    const found: NetlinkMessage[] = [];
    let isWhole = true;
    this.#send(request, NLM_F_REQUEST | NLM_F_DUMP);
    for (;;) {
      for (const message of this.#receive(request)) {
        if ((message.flags & NLM_F_DUMP_INTR) !== 0) isWhole = false;
        if (message.type === NLMSG_DONE || message.type === NLMSG_ERROR) {
          this.#check(message, request);
          return isWhole ? found : undefined;
        }
        found.push(message);
      }
    }
  }

  #send(request: RouteRequest, flags: number): void {
    this.#sequence++;
    const { type, body, verb } = request;
    const bytes = encodeMessage({ type, flags: flags | request.flags, sequence: this.#sequence, body });
    const to = kernelAddress(0);
    checked(this.#libc, this.#libc.sendto(this.#descriptor, bytes, bytes.length, 0, to, to.length), { verb });
  }

  /** One read's answers to the last request. They are the caller's: the buffer is used again. */
  #receive({ verb }: RouteRequest): readonly NetlinkMessage[] {
    const read = this.#libc.recv(this.#descriptor, this.#buffer, READ, MSG_TRUNC);
    const length = checked(this.#libc, read, { verb });
    if (length > READ) throw systemError({ verb, errno: constants.errno.EMSGSIZE });
    const messages = decodeMessages(this.#buffer.slice(0, length));
    return messages.filter(({ sequence }) => sequence === this.#sequence);
  }

  #check({ flags, body }: NetlinkMessage, { verb, accepted, capability }: RouteRequest): void {
    const errno = -fixedPart(body, 4).getInt32(0, IS_LITTLE_ENDIAN);
    if (errno === 0 || accepted?.includes(errno) === true) return;
    throw systemError({ verb, errno, detail: kernelWords(flags, body), ...(capability && { capability }) });
  }
}

/** struct sockaddr_nl; port 0 is the kernel. */
function kernelAddress(groups: number): Uint8Array {
  const address = new Uint8Array(12);
  viewOf(address).setUint16(0, AF_NETLINK, IS_LITTLE_ENDIAN);
  viewOf(address).setUint32(8, groups, IS_LITTLE_ENDIAN);
  return address;
}

/** What the kernel says beside the number, behind errno and the header of the request, or all of it if not capped. */
function kernelWords(flags: number, body: Uint8Array): string | undefined {
  if ((flags & NLM_F_ACK_TLVS) === 0 || body.length < 20) return undefined;
  const request = (flags & NLM_F_CAPPED) !== 0 ? 16 : viewOf(body).getUint32(4, IS_LITTLE_ENDIAN);
  const words = decodeAttributes(body.subarray(4 + ((request + 3) & ~3))).get(NLMSGERR_ATTR_MSG);
  return words === undefined ? undefined : new TextDecoder().decode(words).replace(/\0+$/, "");
}
