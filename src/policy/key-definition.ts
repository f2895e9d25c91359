import type { Socks5Address } from "./socks5-address.ts";
import type { Protocol } from "./types.ts";

/** What a name in the policy may refer to. */
export type Referent = "retry" | "trust store" | "certificate" | "auth" | "streamtype";

/** The kinds of value a key may have. */
export type Kind =
  | { readonly type: "text"; readonly form?: "header" | "method" | "url" | "payload" }
  | { readonly type: "flag" }
  | { readonly type: "integer"; readonly min: number; readonly max: number; readonly unit?: string }
  | { readonly type: "integers"; readonly max: number; readonly most: number; readonly unit?: string }
  | { readonly type: "choice"; readonly values: readonly string[] }
  | { readonly type: "reference"; readonly to: Referent }
  | { readonly type: "references"; readonly to: Referent; readonly most: number }
  /** What the texts mean is read where they are used. */
  | { readonly type: "list"; readonly most: number }
  /** Names to header names, as an object or a list of objects. */
  | { readonly type: "headers"; readonly most: number }
  /** Response status to user state, as an object or a list of objects. */
  | { readonly type: "states"; readonly most: number }
  /** Names to texts, as an object or a list of objects. */
  | { readonly type: "texts" }
  /** A SOCKS5 proxy; an empty text is none. */
  | { readonly type: "proxy" }
  | { readonly type: "anything" };

/** One key of the policy: the validator, the JSON Schema, the reference and the types all come from this. */
export type KeyDefinition = Kind & {
  /** One sentence for people. */
  readonly about: string;
  /** The effective value where the key is absent; a sentence where it depends. */
  readonly default?: string | number | boolean | readonly number[];
  /** True: the key is accepted and not acted upon yet; a list: texts that begin so are. */
  readonly later?: boolean | readonly string[];
  /** The protocols in which the key means something; absent: all. */
  readonly protocols?: readonly Protocol[];
  /** `${name}` in the text is replaced by metadata. */
  readonly isTemplate?: boolean;
  /** Other spellings. */
  readonly aliases?: readonly string[];
};

export type KeyTable = Readonly<Record<string, KeyDefinition>>;

/** The value a checked key has. */
export type ValueOf<D extends KeyDefinition> = D extends { readonly type: "flag" }
  ? boolean
  : D extends { readonly type: "integer" }
    ? number
    : D extends { readonly type: "integers" }
      ? readonly number[]
      : D extends { readonly type: "choice"; readonly values: readonly (infer V)[] }
        ? V
        : D extends { readonly type: "references" | "list" }
          ? readonly string[]
          : D extends { readonly type: "headers" | "texts" }
            ? ReadonlyMap<string, string>
            : D extends { readonly type: "states" }
              ? ReadonlyMap<number, number>
              : D extends { readonly type: "proxy" }
                ? Socks5Address | "none"
                : D extends { readonly type: "anything" }
                  ? unknown
                  : string;

/** What may be written for a key in an object policy. */
export type InputOf<D extends KeyDefinition> = D extends { readonly type: "headers" | "texts" }
  ? Written<string>
  : D extends { readonly type: "states" }
    ? Written<number>
    : D extends { readonly type: "proxy" }
      ? string
      : ValueOf<D>;

type Written<V> = Readonly<Record<string, V>> | readonly Readonly<Record<string, V>>[];

export const U8 = 255;
export const U16 = 65_535;
export const U32 = 4_294_967_295;
