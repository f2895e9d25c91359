import { createRequire } from "node:module";
import { constants } from "node:os";
import { SecureStreamsError } from "../../lib/errors.ts";
import { type Refusal, systemError } from "./system-error.ts";

type Koffi = typeof import("koffi");

export interface Timespec {
  readonly tv_sec: number | bigint;
  readonly tv_nsec: number | bigint;
}

/** Functions of the C library. What returns a number returns -1 on failure and leaves `errno()`. */
export interface Libc {
  errno(): number;
  socket(domain: number, type: number, protocol: number): number;
  bind(descriptor: number, address: Uint8Array, length: number): number;
  dup(descriptor: number): number;
  dup3(from: number, to: number, flags: number): number;
  close(descriptor: number): number;
  /** On a thread of its own or of the pool. */
  closeLater(descriptor: number): void;
  setsockopt(descriptor: number, level: number, name: number, value: Uint8Array, length: number): number;
  attachFilter(descriptor: number, instructions: Uint8Array): number;
  sendto(
    descriptor: number,
    bytes: Uint8Array,
    length: number,
    flags: number,
    address: Uint8Array,
    addressLength: number,
  ): number;
  recv(descriptor: number, into: Uint8Array, length: number, flags: number): number;
  getrandom(into: Uint8Array, length: number, flags: number): number;
  clockGettime(clock: number): Timespec;
}

export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_CLOEXEC = 0o2000000;
export const SOCK_NONBLOCK = 0o4000;
export const MSG_TRUNC = 0x20;
export const MSG_ERRQUEUE = 0x2000;
const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
/** struct sock_filter */
const INSTRUCTION = 8;

/** For the whole process: what is declared to koffi stays in it for ever, and a client may come and go a thousand times. */
let loaded: Libc | undefined;

/** Throws SecureStreamsError `unsupported` on another system than Linux, and where koffi is not installed. */
export function loadLibc(): Libc {
  if (process.platform !== "linux") {
    throw unsupported(
      `Cannot use the network of this system: only Linux is known, not "${process.platform}"`,
    );
  }
  loaded ??= declareFunctions(requireKoffi());
  return loaded;
}

function declareFunctions(koffi: Koffi): Libc {
  const libc = koffi.load(null);
  const program = koffi.struct({ len: "uint16_t", filter: "void *" });
  const timespec = koffi.struct({ tv_sec: "long", tv_nsec: "long" });
  const socket = ["int", "void *", "uint32_t"];
  const close = libc.func("close", "int", ["int"]);
  const attach = libc.func("setsockopt", "int", ["int", "int", "int", koffi.pointer(program), "uint32_t"]);
  const gettime = libc.func("clock_gettime", "int", ["int", koffi.out(koffi.pointer(timespec))]);
  return {
    errno: () => koffi.errno(),
    socket: libc.func("socket", "int", ["int", "int", "int"]),
    bind: libc.func("bind", "int", socket),
    dup: libc.func("dup", "int", ["int"]),
    dup3: libc.func("dup3", "int", ["int", "int", "int"]),
    close,
    closeLater: (descriptor) => close.async(descriptor, () => {}),
    setsockopt: libc.func("setsockopt", "int", ["int", "int", "int", "void *", "uint32_t"]),
    attachFilter(descriptor, filter) {
      const value = { len: filter.length / INSTRUCTION, filter };
      return attach(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, value, koffi.sizeof(program));
    },
    sendto: libc.func("sendto", "long", ["int", "void *", "size_t", "int", "void *", "uint32_t"]),
    recv: libc.func("recv", "long", ["int", "void *", "size_t", "int"]),
    getrandom: libc.func("getrandom", "long", ["void *", "size_t", "uint32_t"]),
    clockGettime(clock) {
      const value: Timespec = { tv_sec: 0, tv_nsec: 0 };
      gettime(clock, value);
      return value;
    },
  };
}

/** The result of a call that may fail. Throws what `systemError` makes of errno. */
export function checked(libc: Libc, result: number, refusal: Omit<Refusal, "errno">): number {
  if (result < 0) throw systemError({ ...refusal, errno: libc.errno() });
  return result;
}

/** Sets an option whose value is an int. False where this kernel does not know it. */
export function setOption(
  libc: Libc,
  descriptor: number,
  [level, name, value]: readonly [level: number, name: number, value: number],
): boolean {
  const bytes = new Uint8Array(Int32Array.of(value).buffer);
  if (libc.setsockopt(descriptor, level, name, bytes, bytes.length) === 0) return true;
  const errno = libc.errno();
  if (errno === constants.errno.ENOPROTOOPT) return false;
  throw systemError({ verb: "set an option of a socket", errno });
}

function requireKoffi(): Koffi {
  try {
    return createRequire(import.meta.url)("koffi");
  } catch (cause) {
    throw unsupported(
      'Cannot use the network of this system: the package "koffi" is missing, add it with "npm install koffi"',
      cause,
    );
  }
}

function unsupported(message: string, cause?: unknown): SecureStreamsError {
  return new SecureStreamsError({ layer: "system", code: "unsupported", message }, { cause });
}
