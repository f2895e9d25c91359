import type { Streamtype } from "../policy/index.ts";
import {
  type Identity,
  type MetadataValues,
  planTarget,
  type StreamSettings,
  type Target,
} from "../stream/index.ts";
import type { Marks } from "./inbox.ts";
import type { StreamId } from "./ports.ts";

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
  #sharer = "";

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
    const target = planTarget(this.streamtype, metadata, options);
    return this.#sharer === "" ? target : { ...target, shareKey: `${target.shareKey}|${this.#sharer}` };
  }

  /** These in place of `before`, for the stream that had those: a stream that is alone stays so. */
  after(before: Settings): Settings {
    return before.#sharer === "" ? this : this.#sharedBy(before.#sharer);
  }

  /** The same for one stream whose connections no other shares. */
  alone(stream: StreamId): Settings {
    return this.#sharedBy(`${stream}`);
  }

  #sharedBy(sharer: string): Settings {
    const settings = new Settings(this.streamtype, { identity: this.#identity, scope: this.#scope });
    settings.#sharer = sharer;
    return settings;
  }
}

function marksOf({ size, pauseAbove, resumeBelow }: Streamtype["buffer"]): Marks {
  const pause = pauseAbove > 0 ? pauseAbove : size;
  return { pauseAbove: pause, resumeBelow: resumeBelow > 0 ? Math.min(resumeBelow, pause) : pause >> 1 };
}
