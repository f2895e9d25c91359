import { SecureStreamsError } from "../lib/errors.ts";

/** Where a command speaks: payload and results on stdout, everything about them on stderr. */
export interface Output {
  readonly json: boolean;
  /** One JSON object per line on stdout, `event` and `at` first; nothing unless `--json`. */
  event(event: string, fields: object): void;
  /** A line of the result, unless `--json`. */
  line(text: string): void;
  /** Progress and state, unless `--json`. */
  note(text: string): void;
  /** Bytes of payload, unless `--json`. */
  payload(bytes: Uint8Array): void;
  /** An error: a sentence on stderr, and an event with `--json`. */
  error(error: unknown): void;
  readonly paint: Paint;
  /** Whether stderr is a terminal that takes cursor movements. */
  readonly isLive: boolean;
}

export interface Paint {
  good(text: string): string;
  bad(text: string): string;
  dim(text: string): string;
  bold(text: string): string;
}

/** The process's own stdout and stderr. Colour on a terminal only, and never with NO_COLOR. */
export function processOutput(json: boolean): Output {
  const isTerminal = process.stderr.isTTY === true && process.env.TERM !== "dumb";
  const paint = isTerminal && process.env.NO_COLOR === undefined ? COLOURS : PLAIN;
  const event = (name: string, fields: object): void => {
    if (json)
      process.stdout.write(`${JSON.stringify({ event: name, at: new Date().toISOString(), ...fields })}\n`);
  };
  return {
    json,
    paint,
    isLive: isTerminal && !json,
    event,
    line: (text) => void (json || process.stdout.write(`${text}\n`)),
    note: (text) => void (json || process.stderr.write(`${text}\n`)),
    payload: (bytes) => void (json || process.stdout.write(bytes)),
    error(error) {
      const { code, message } = describe(error);
      event("error", { code, message });
      process.stderr.write(`${paint.bad("secure-streams:")} ${message}\n`);
    },
  };
}

/** Code and sentence of anything thrown. */
export function describe(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof SecureStreamsError) {
    const prefix = error.code.startsWith("policy-") || error.code === "usage" ? "" : `[${error.code}] `;
    return { code: error.code, message: prefix + printable(error.message) };
  }
  return {
    code: "internal",
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}

/** Text of a peer as a terminal may see it: control characters other than line ends and tabs are shown, not obeyed. */
export function printable(text: string): string {
  return text.replace(
    /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

const PLAIN: Paint = { good: (text) => text, bad: (text) => text, dim: (text) => text, bold: (text) => text };
const COLOURS: Paint = {
  good: (text) => `\x1b[32m${text}\x1b[0m`,
  bad: (text) => `\x1b[31m${text}\x1b[0m`,
  dim: (text) => `\x1b[2m${text}\x1b[0m`,
  bold: (text) => `\x1b[1m${text}\x1b[0m`,
};
