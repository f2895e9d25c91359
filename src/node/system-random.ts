import { randomFillSync } from "node:crypto";
import type { Random } from "../lib/random.ts";
import { PooledRandom } from "./random.ts";

/** The CSPRNG of OpenSSL. */
export const systemRandom: Random = new PooledRandom(randomFillSync);
