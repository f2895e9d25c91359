import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { onTestFinished } from "vitest";
import { ROOT } from "./built.ts";

/** How a program ended. */
export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  /** Default: the repository. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Text of stdin, which ends after it. Default: stdin is at its end from the beginning. "open" leaves it open. */
  readonly stdin?: string | { readonly open: true };
  /** A command that runs the program: `["strace", "-f"]`. */
  readonly under?: readonly string[];
}

/** A program of node that runs beside the test; killed when the test ends before it. */
export class Program {
  readonly child: ChildProcess;
  stdout = "";
  stderr = "";
  readonly ended: Promise<Finished>;
  #heard: () => void = () => {};

  constructor(file: string, args: readonly string[] = [], options: ProgramOptions = {}) {
    const { NO_COLOR: _, FORCE_COLOR: __, ...env } = process.env;
    const [command = process.execPath, ...words] = [
      ...(options.under ?? []),
      process.execPath,
      file,
      ...args,
    ];
    this.child = spawn(command, words, {
      cwd: options.cwd ?? ROOT,
      env: { ...env, ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      this.#heard();
    });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.#heard();
    });
    this.child.stdin?.on("error", () => {});
    if (typeof options.stdin !== "object") this.child.stdin?.end(options.stdin ?? "");
    this.ended = once(this.child, "close").then(([code, signal]) => {
      const { stdout, stderr } = this;
      return { code, signal, stdout, stderr };
    });
    onTestFinished(() => {
      this.child.kill("SIGKILL");
    });
  }

  /** Resolves when the program has written what `pattern` finds, on stdout or stderr. Rejects when it ends first. */
  async wrote(pattern: RegExp): Promise<void> {
    const found = new Promise<void>((resolve) => {
      this.#heard = () => {
        if (pattern.test(`${this.stdout}\n${this.stderr}`)) resolve();
      };
      this.#heard();
    });
    const ended = this.ended.then(({ code, stdout, stderr }) => {
      throw new Error(`Ended with ${code} before it wrote ${pattern}:\n${stdout}\n${stderr}`);
    });
    await Promise.race([found, ended]);
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

/** Runs a program of node to its end. */
export function run(
  file: string,
  args: readonly string[] = [],
  options: ProgramOptions = {},
): Promise<Finished> {
  return new Program(file, args, options).ended;
}
