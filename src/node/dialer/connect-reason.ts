import type { ErrorCode, Layer, Reason } from "../../lib/errors.ts";

const ADVICE: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ECONNREFUSED: ["connection-refused", "nobody listens there; is the server running and the port right?"],
  EHOSTUNREACH: [
    "network-unreachable",
    "the host does not answer on its network; is it up and the address right?",
  ],
  ENETUNREACH: ["network-unreachable", "there is no route to that network; is this machine online?"],
  EADDRNOTAVAIL: [
    "network-unreachable",
    "this machine has no address to reach it from, or no free local port",
  ],
  ENETDOWN: ["network-unreachable", "the network interface is down"],
  EHOSTDOWN: ["network-unreachable", "the host is down"],
  ETIMEDOUT: ["connection-timeout", "no answer came; a firewall may drop the packets"],
  ECONNRESET: ["connection-reset", "the peer reset the connection"],
  EPIPE: ["connection-reset", "the peer closed the connection while it was written to"],
  ECONNABORTED: ["connection-reset", "the connection was aborted"],
  EACCES: ["not-permitted", "the system forbids it; check the socket's permissions or the firewall"],
  EPERM: ["not-permitted", "the system forbids it; check the firewall"],
  EMFILE: ["too-many-files", "this process has no free file descriptor; raise `ulimit -n` or open less"],
  ENFILE: ["too-many-files", "the system has no free file descriptor"],
  ENOBUFS: ["too-many-files", "the system has no buffer space left"],
  ENOMEM: ["too-many-files", "the system has no memory left"],
  ENOENT: ["socket-missing", "there is no such socket; is the server running and the path right?"],
  ENOTSOCK: ["socket-missing", "there is a file and not a socket at that path"],
  EINVAL: ["connection-failed", "the address cannot be connected to"],
  ENAMETOOLONG: ["connection-failed", "the socket's path is too long (107 bytes at most on Linux)"],
};

/** The reason behind a socket's error. `where` names the peer as people know it: `example.com:443 (192.0.2.1)`. */
export function connectReason(error: unknown, where: string, layer: Layer = "tcp"): Reason {
  const code = codeOf(error);
  const known = ADVICE[code];
  if (known === undefined) {
    const text = error instanceof Error ? error.message : String(error);
    return { layer, code: "connection-failed", message: `Cannot connect to ${where}: ${text}` };
  }
  return { layer, code: known[0], message: `Cannot connect to ${where}: ${known[1]} (${code})` };
}

/** The `code` of a Node error; empty where it has none. */
export function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}
