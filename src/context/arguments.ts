import { UsageError } from "../lib/errors.ts";
import { shortened } from "../lib/shortened.ts";
import { nearest } from "../policy/index.ts";
import type { Logger } from "./ports.ts";

/** For programs without a compiler: says at once what would be a TypeError from somewhere inside. */
export function requireObject(value: unknown, cannot: string, what: string): void {
  if (typeof value === "object" && value !== null) return;
  throw new UsageError(`Cannot ${cannot}: ${what} is ${typeof value === "object" ? "null" : named(value)}`);
}

/** Names and values. Throws UsageError where there can be none. */
export function metadataEntries(values: object): readonly [string, unknown][] {
  requireObject(values, "set metadata", "what should hold names and values");
  return Object.entries(values);
}

export function requireLogger(logger: Logger | undefined): void {
  if (logger === undefined) return;
  requireObject(logger, "create the context", "the logger");
  for (const level of ["debug", "info", "warn"] as const) {
    if (typeof logger[level] === "function") continue;
    throw new UsageError(`Cannot create the context: the logger has no ${level}()`);
  }
}

export function unknownStreamtype(name: unknown, names: readonly string[]): UsageError {
  if (typeof name !== "string") {
    const given = typeof name === "object" ? "an object" : named(name);
    return new UsageError(`Cannot open a stream: expected the name of a streamtype, found ${given}`);
  }
  const near = nearest(name, names);
  const hint = near === undefined ? `it has ${names.join(", ")}` : `did you mean "${near}"?`;
  return new UsageError(
    `Cannot open "${shortened(name, 100)}": the policy has no such streamtype; ${hint}`,
    "streamtype-unknown",
  );
}

function named(value: unknown): string {
  return value === undefined ? "undefined" : `a ${typeof value}`;
}
