import type { Random } from "../../lib/random.ts";
import { PooledRandom } from "../random.ts";
import { checked, loadLibc } from "./libc.ts";

/**
 * The CSPRNG of the kernel (getrandom(2), which waits until it is seeded). For programs that need nothing else of
 * node:crypto, whose loading takes 3 ms.
 */
export function kernelRandom(): Random {
  return new PooledRandom((into) => {
    const libc = loadLibc();
    for (let at = 0; at < into.length; ) {
      const rest = into.subarray(at);
      at += checked(libc, libc.getrandom(rest, rest.length, 0), { verb: "get random bytes" });
    }
  });
}
