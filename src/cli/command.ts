import type { ParseArgsConfig } from "node:util";
import { UsageError } from "../lib/errors.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { Output } from "./output.ts";

/** One subcommand. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Text of `--help`, with at least one example. */
  readonly help: string;
  readonly options: NonNullable<ParseArgsConfig["options"]>;
  /** Names of the positional arguments; a trailing `?` marks an optional one, a trailing `...` several. */
  readonly positionals: readonly string[];
  run(invocation: Invocation): Promise<ExitCode>;
}

export interface Invocation {
  readonly values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
  readonly positionals: readonly string[];
  readonly output: Output;
  /** Fires on SIGINT and SIGTERM: close cleanly and return. */
  readonly signal: AbortSignal;
}

/** The text value of an option; undefined where it is not given. */
export function text(invocation: Invocation, name: string): string | undefined {
  const value = invocation.values[name];
  return typeof value === "string" ? value : undefined;
}

/** All text values of an option that may stand several times. */
export function texts(invocation: Invocation, name: string): readonly string[] {
  const value = invocation.values[name];
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

/** A whole number of at least `least`; undefined where it is not given. Throws UsageError. */
export function wholeNumber(invocation: Invocation, name: string, least: number): number | undefined {
  const value = text(invocation, name);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (/^\d+$/.test(value) && Number.isSafeInteger(number) && number >= least) return number;
  throw new UsageError(`Cannot use --${name} "${value}": it takes a whole number of at least ${least}`);
}
