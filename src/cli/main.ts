#!/usr/bin/env node
import { parseArgs } from "node:util";
import { SecureStreamsError, UsageError } from "../lib/errors.ts";
import type { Command } from "./command.ts";
import { EXIT, type ExitCode, exitCodeFor } from "./exit-codes.ts";
import { READER_LEFT } from "./interrupt.ts";
import { type Output, processOutput } from "./output.ts";

/** Loaded when named, so that one command does not pay for the others. */
const COMMANDS: Readonly<Record<string, { readonly summary: string; load(): Promise<Command> }>> = {
  demo: {
    summary: "see it work: five protocols on embedded peers, killed and recovered",
    load: async () => (await import("./commands/demo.ts")).demo,
  },
  open: {
    summary: "open a stream of a policy: payload in, payload out",
    load: async () => (await import("./commands/open.ts")).open,
  },
  resolve: {
    summary: "addresses and records of names, and how they were found",
    load: async () => (await import("./commands/resolve.ts")).resolve,
  },
  dhcp: {
    summary: "get an interface its address by DHCP, and keep it",
    load: async () => (await import("./commands/dhcp.ts")).dhcp,
  },
  up: {
    summary: "bring a device from nothing to operational, and keep it there",
    load: async () => (await import("./commands/up.ts")).up,
  },
  check: {
    summary: "every fault of a policy, with file:line:column",
    load: async () => (await import("./commands/check.ts")).check,
  },
  explain: {
    summary: "what a policy means: settings, where they come from, retries",
    load: async () => (await import("./commands/explain.ts")).explain,
  },
  schema: {
    summary: "the JSON Schema of the policy, for editors",
    load: async () => (await import("./commands/schema.ts")).schema,
  },
};

const controller = new AbortController();
const code = await main(process.argv.slice(2));
process.exitCode = code;
// Whatever a command was made to give up may still wait for its file or peer.
if (code === EXIT.interrupted) process.exit();

async function main(args: readonly string[]): Promise<ExitCode> {
  const [name, ...rest] = args;
  const output = processOutput(args.includes("--json"));
  let unwritable: Error | undefined;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // A reader that has left needs no more; a disk that is full is a fault.
    if (error.code !== "EPIPE") unwritable ??= error;
    controller.abort(READER_LEFT);
  });
  // Nobody is there to tell; what is done stays as good as it is.
  process.stderr.on("error", () => {});
  const code = await start(name, rest, output);
  await new Promise((resolve) => setImmediate(resolve));
  if (unwritable === undefined) return code;
  const message = `Cannot write to stdout: ${unwritable.message}`;
  output.error(new SecureStreamsError({ layer: "stream", code: "internal", message }));
  return EXIT.internal;
}

async function start(name: string | undefined, rest: readonly string[], output: Output): Promise<ExitCode> {
  if (name === undefined || (name === "--json" && rest.length === 0)) {
    process.stderr.write(help());
    return EXIT.usage;
  }
  if (name === "--help" || name === "-h" || (name === "help" && rest.length === 0)) {
    process.stdout.write(help());
    return EXIT.done;
  }
  if (name === "--version" || name === "-v") {
    process.stdout.write(`${await version()}\n`);
    return EXIT.done;
  }
  try {
    if (name === "help") return await run(await load(rest[0] ?? ""), ["--help"], output);
    return await run(await load(name), rest, output);
  } catch (error) {
    if (controller.signal.aborted && error === controller.signal.reason) return EXIT.interrupted;
    output.error(error);
    return exitCodeFor(error);
  }
}

async function load(name: string): Promise<Command> {
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (entry === undefined) throw await unknownCommand(name);
  return await entry.load();
}

async function run(command: Command, args: readonly string[], output: Output): Promise<ExitCode> {
  const { values, positionals } = await parse(command, args);
  if (values.help === true) {
    process.stdout.write(command.help);
    return EXIT.done;
  }
  requirePositionals(command, positionals);
  const stop = (): void => controller.abort();
  // Once each: whoever asks twice is not kept waiting for a clean end.
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    return await command.run({ values, positionals, output, signal: controller.signal });
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}

async function parse(command: Command, args: readonly string[]): Promise<ReturnType<typeof parseArgs>> {
  const options: Command["options"] = {
    help: { type: "boolean", short: "h" },
    json: { type: "boolean" },
    ...command.options,
  };
  try {
    return parseArgs({ args: [...args], allowPositionals: true, strict: true, options });
  } catch (error) {
    const message = error instanceof Error ? (error.message.split(". ")[0] ?? "") : String(error);
    const unknown = /^Unknown option '--(.+)'/.exec(message)?.[1];
    const near = unknown === undefined ? undefined : await nearest(unknown, Object.keys(options));
    const hint =
      near === undefined ? `see secure-streams ${command.name} --help` : `did you mean "--${near}"?`;
    throw new UsageError(`Cannot run "${command.name}": ${message}; ${hint}`);
  }
}

/** Loaded for a mistake only, with all that its folder holds. */
async function nearest(word: string, words: readonly string[]): Promise<string | undefined> {
  const policy = await import("../policy/index.ts");
  return policy.nearest(word, words);
}

function requirePositionals(command: Command, given: readonly string[]): void {
  const required = command.positionals.filter((name) => !name.endsWith("?"));
  const most = command.positionals.some((name) => name.endsWith("..."))
    ? Number.POSITIVE_INFINITY
    : command.positionals.length;
  const hint = `see secure-streams ${command.name} --help`;
  if (given.length < required.length) {
    throw new UsageError(`Cannot run "${command.name}": ${required[given.length]} is missing; ${hint}`);
  }
  if (given.length > most)
    throw new UsageError(`Cannot run "${command.name}": "${given[most]}" is one argument too many; ${hint}`);
}

async function unknownCommand(name: string): Promise<UsageError> {
  const near = await nearest(name, Object.keys(COMMANDS));
  const hint = near === undefined ? "see secure-streams --help" : `did you mean "${near}"?`;
  return new UsageError(`Cannot run "${name}": there is no such command; ${hint}`);
}

function help(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const list = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return `Policy-driven connectivity: a program names a streamtype, a JSON policy decides the rest.

Usage: secure-streams COMMAND [options]

${list.join("\n")}

  secure-streams COMMAND --help    what a command takes, with an example
  secure-streams --version

Example:
  secure-streams check policy.json
  echo '{"t":21.5}' | secure-streams open telemetry --policy policy.json

Exit codes: 0 done, 1 refused by the peer, 2 usage or policy, 3 unreachable, 4 timed out,
5 not permitted, 70 a fault of this program, 130 interrupted. With --json every command prints one JSON
object per line.
`;
}

async function version(): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  const text = await readFile(new URL("../../package.json", import.meta.url), "utf8");
  return String((JSON.parse(text) as { version: string }).version);
}
