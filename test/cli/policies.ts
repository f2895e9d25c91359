import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { ROOT } from "../built.ts";
import { type Finished, Program, type ProgramOptions, run } from "../program.ts";

export const MAIN = `${ROOT}dist/cli/main.js`;

/** Runs the command line to its end. */
export function cli(args: readonly string[], options: ProgramOptions = {}): Promise<Finished> {
  return run(MAIN, args, options);
}

/** Starts the command line, to be talked to while it runs. */
export function startCli(args: readonly string[], options: ProgramOptions = {}): Program {
  return new Program(MAIN, args, options);
}

/** A folder that is gone when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "secure-streams-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A file with this text; its path. */
export function fileOf(text: string | Uint8Array, name = "policy.json"): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, text);
  return path;
}

/** A policy file with this one streamtype, "it", that gives up after two attempts. */
export function policyOf(keys: object, more: object = {}): string {
  const retry = { twice: { backoff: [20], conceal: 1, jitterpc: 0 } };
  return fileOf(JSON.stringify({ retry, streams: { it: { retry: "twice", ...keys } }, ...more }));
}

/** The events of `--json`. */
export function events(stdout: string): Record<string, unknown>[] {
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The states that `--json` told, in order. */
export function states(stdout: string): unknown[] {
  return events(stdout).flatMap(({ event, state }) => (event === "state" ? [state] : []));
}
