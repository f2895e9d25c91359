import type { Frame, Link, LinkEnd, ResponseHead, Transport } from "../../src/context/index.ts";
import { parsePolicyValue, requirePolicy } from "../../src/policy/index.ts";
import { planTarget, type Target } from "../../src/stream/index.ts";

/** The target of a policy that has one streamtype with these keys. */
export function targetOf(keys: object, more: { retry?: object; trust?: Uint8Array } = {}): Target {
  const trust =
    more.trust === undefined
      ? {}
      : {
          certs: { root: Buffer.from(more.trust).toString("base64") },
          trust_stores: { roots: ["root"] },
        };
  const store = more.trust === undefined ? {} : { tls_trust_store: "roots" };
  const retry = { backoff: [1000], ...more.retry };
  const streams = { test: { endpoint: "127.0.0.1", retry: "test", ...store, ...keys } };
  const { policy } = requirePolicy(parsePolicyValue({ retry: { test: retry }, ...trust, streams }));
  const streamtype = policy.streamtypes.get("test");
  if (streamtype === undefined) throw new Error("no streamtype");
  return planTarget(streamtype, {}, { identity: {}, scope: "test", hasBody: false });
}

/** All that a link told. */
export interface Told {
  readonly head: ResponseHead | undefined;
  readonly body: Buffer;
  readonly frames: readonly Frame[];
  readonly end: LinkEnd;
  readonly peer: string | undefined;
}

export interface Fetching {
  readonly link: Link;
  readonly told: Promise<Told>;
  readonly established: Promise<ResponseHead | undefined>;
}

let streams = 0;

/** Opens a link and gathers what it tells. */
export function start(
  transport: Transport,
  target: Target,
  body?: Uint8Array | AsyncIterable<Uint8Array>,
): Fetching {
  const told = withResolvers<Told>();
  const established = withResolvers<ResponseHead | undefined>();
  const chunks: Uint8Array[] = [];
  const frames: Frame[] = [];
  let head: ResponseHead | undefined;
  let peer: string | undefined;
  let heads = 0;
  let ends = 0;
  const link = transport.open(
    { stream: ++streams, target, body },
    {
      established: (established_) => {
        if (++heads > 1) told.reject(new Error("established twice"));
        if (ends > 0) told.reject(new Error("established after the end"));
        head = established_.head;
        peer = established_.peer;
        established.resolve(head);
      },
      data: (payload, frame) => {
        if (ends > 0) told.reject(new Error("data after the end"));
        if (heads === 0) told.reject(new Error("data before established"));
        chunks.push(payload);
        frames.push(frame);
        return true;
      },
      drained: () => undefined,
      closed: (end) => {
        if (++ends > 1) told.reject(new Error("closed twice"));
        told.resolve({ head, body: Buffer.concat(chunks), frames, end, peer });
        established.resolve(undefined);
      },
    },
  );
  return { link, told: told.promise, established: established.promise };
}

export function get(
  transport: Transport,
  target: Target,
  body?: Uint8Array | AsyncIterable<Uint8Array>,
): Promise<Told> {
  return start(transport, target, body).told;
}

function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}
