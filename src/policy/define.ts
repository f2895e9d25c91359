import type { InputOf, KeyDefinition, KeyTable } from "./key-definition.ts";
import type { AUTH_KEYS, METRIC_KEYS, POLICY_KEYS, RETRY_KEYS, TRUST_STORE_KEYS } from "./keys.ts";
import type { STREAMTYPE_KEYS } from "./streamtype-keys.ts";

type Fields<T extends KeyTable> = {
  readonly [K in keyof T]?: T[K] extends KeyDefinition ? InputOf<T[K]> : never;
};
type Named<V> = Readonly<Record<string, V>> | readonly Readonly<Record<string, V>>[];
type NamedInside<V> = Named<V> | readonly (V & { readonly name: string })[];

export type RetryInput = Fields<typeof RETRY_KEYS>;
export type StreamtypeInput = Fields<typeof STREAMTYPE_KEYS> & {
  readonly http_multipart_content_type?: string;
};

/** A policy as a value: the same keys as in JSON. */
export type PolicyInput = Fields<typeof POLICY_KEYS> & {
  readonly $schema?: string;
  readonly retry?: Named<RetryInput>;
  /** base64 of DER, or PEM. */
  readonly certs?: Named<string>;
  readonly trust_stores?: Named<readonly string[]> | NamedInside<Fields<typeof TRUST_STORE_KEYS>>;
  readonly auth?: NamedInside<Fields<typeof AUTH_KEYS>>;
  readonly metrics?: NamedInside<Fields<typeof METRIC_KEYS>>;
  readonly s?: Named<StreamtypeInput>;
  readonly streams?: Named<StreamtypeInput>;
};

/**
 * The policy as it is given, with its names kept for the compiler: a context made of it knows its streamtypes and
 * their metadata. A key that no streamtype has does not compile. `parsePolicyValue` checks the rest.
 */
export function definePolicy<const P extends PolicyInput>(policy: P & KnownKeys<P>): P {
  return policy;
}

/** Names of a policy's streamtypes; `string` where the policy's shape is not known. */
export type StreamtypeName<P> = [StreamtypesOf<P>] extends [never] ? string : Keys<StreamtypesOf<P>>;

/** Names of the metadata of streamtype `S`; `string` where they are not known, or any may be used. */
export type MetadataName<P, S extends string> = [StreamtypesOf<P>] extends [never]
  ? string
  : MetadataKeys<Get<StreamtypesOf<P>, S>>;

/** The streamtypes of a policy, one object or a union of those in its lists. */
type StreamtypesOf<P> =
  | (P extends { readonly streams: infer S } ? Items<S> : never)
  | (P extends { readonly s: infer S } ? Items<S> : never);

type Items<T> = T extends readonly (infer E)[] ? E : T;
type Keys<T> = T extends unknown ? keyof T & string : never;
type Get<T, K extends string> = T extends unknown ? (K extends keyof T ? T[K] : never) : never;
type MetadataKeys<T> = T extends { readonly direct_proto_str: true }
  ? string
  : T extends { readonly metadata: infer M }
    ? Keys<Items<M>>
    : string extends keyof T
      ? string
      : never;

/** `P` with `never` in place of every key that a streamtype cannot have. */
type KnownKeys<P> = {
  readonly [K in keyof P]: K extends "s" | "streams"
    ? KnownInItems<P[K]>
    : K extends keyof PolicyInput
      ? P[K]
      : never;
};
type KnownInItems<T> = T extends readonly unknown[]
  ? { readonly [I in keyof T]: KnownInEach<T[I]> }
  : KnownInEach<T>;
type KnownInEach<T> = {
  readonly [S in keyof T]: { readonly [K in keyof T[S]]: K extends keyof StreamtypeInput ? T[S][K] : never };
};
