import { createSocket } from "node:dgram";
import { networkInterfaces } from "node:os";
import { type Candidate, familyOf, type SourceAddress } from "../../dial/index.ts";

/** Any port but 0 does: connecting a UDP socket sends nothing. */
const PORT = 9;

/**
 * Finds for each address what the kernel would send from, by connecting a UDP socket to it. Calls `found` once, later;
 * returns the way to call it off.
 */
export function findSources(
  addresses: readonly string[],
  found: (candidates: readonly Candidate[]) => void,
): () => void {
  const sources = new Map<string, SourceAddress | undefined>();
  // Prefixes tell addresses of one family apart, and a single one needs none.
  const prefixes = addresses.length > 1 ? prefixLengths() : new Map<string, number>();
  let left = addresses.length;
  let isCancelled = false;
  for (const address of addresses) {
    probe(address, (source) => {
      if (isCancelled) return;
      sources.set(
        address,
        source === undefined ? undefined : { address: source, prefixLength: prefixes.get(source) ?? 0 },
      );
      left -= 1;
      if (left === 0) found(addresses.map((each) => ({ address: each, source: sources.get(each) })));
    });
  }
  return () => {
    isCancelled = true;
  };
}

function probe(address: string, done: (source: string | undefined) => void): void {
  const socket = createSocket(familyOf(address) === 6 ? "udp6" : "udp4");
  const finish = (source: string | undefined): void => {
    socket.removeAllListeners().on("error", () => {});
    try {
      socket.close();
    } catch {
      // A socket that never got its descriptor counts as closed.
    }
    done(source);
  };
  socket.once("error", () => finish(undefined));
  socket.once("connect", () => finish(socket.address().address));
  try {
    socket.connect(PORT, address);
  } catch {
    finish(undefined);
  }
}

/** Empty where the system does not say, such as without a free file descriptor. */
function prefixLengths(): ReadonlyMap<string, number> {
  const lengths = new Map<string, number>();
  try {
    for (const each of Object.values(networkInterfaces()).flat()) {
      if (each?.cidr != null) lengths.set(each.address, Number(each.cidr.split("/")[1]));
    }
  } catch {
    return lengths;
  }
  return lengths;
}
