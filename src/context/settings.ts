import type { Streamtype } from "../policy/index.ts";
import {
  type Identity,
  type MetadataValues,
  planTarget,
  type StreamSettings,
  type Target,
} from "../stream/index.ts";
import type { Marks } from "./inbox.ts";

/** What the streams of one streamtype take from their context; replaced as a whole when the policy changes. */
export class Settings {
  readonly streamtype: Streamtype;
  /** Whether its streams are asked with `request()` (h1, h2) rather than sent messages. */
  readonly isTransactional: boolean;
  readonly forMachine: StreamSettings;
  /** Of what is received and not yet read. */
  readonly marks: Marks;
  readonly #identity: Identity;
  readonly #scope: string;

  /** `scope` names the policy's revision. */
  constructor(
    streamtype: Streamtype,
    { identity, scope }: { readonly identity: Identity; readonly scope: string },
  ) {
    const { protocol, retry, nailedUp, opportunistic, buffer } = streamtype;
    this.streamtype = streamtype;
    this.isTransactional = protocol === "h1" || protocol === "h2" || protocol === "h3";
    this.forMachine = { retry, nailedUp, opportunistic, transactional: this.isTransactional };
    this.marks = marksOf(buffer);
    this.#identity = identity;
    this.#scope = scope;
  }

  /** Where a stream with this metadata goes. Throws UsageError where the metadata or the identity does not allow it. */
  plan(metadata: MetadataValues, hasBody: boolean): Target {
    const options = { identity: this.#identity, scope: this.#scope, hasBody };
    return planTarget(this.streamtype, metadata, options);
  }
}

function marksOf({ size, pauseAbove, resumeBelow }: Streamtype["buffer"]): Marks {
  const pause = pauseAbove > 0 ? pauseAbove : size;
  return { pauseAbove: pause, resumeBelow: resumeBelow > 0 ? Math.min(resumeBelow, pause) : pause >> 1 };
}
