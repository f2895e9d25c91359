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
  /** Colours of `line` and `note`; taken off again where no terminal shows them. */
  readonly paint: Paint;
  /** Whether stderr is a terminal that takes cursor movements. */
  readonly isLive: boolean;
}

interface Paint {
  good(text: string): string;
  bad(text: string): string;
  dim(text: string): string;
  bold(text: string): string;
}

/** The process's own stdout and stderr. Colour on a terminal only, and never with NO_COLOR. */
export function processOutput(json: boolean): Output {
  const isPlain = process.env.NO_COLOR !== undefined || process.env.TERM === "dumb";
  const dressed = (stream: NodeJS.WriteStream, text: string): string =>
    stream.isTTY === true && !isPlain ? text : text.replace(COLOUR, "");
  const event = (name: string, fields: object): void => {
    if (json)
      process.stdout.write(`${JSON.stringify({ event: name, at: new Date().toISOString(), ...fields })}\n`);
  };
  return {
    json,
    paint: COLOURS,
    isLive: process.stderr.isTTY === true && process.env.TERM !== "dumb" && !json,
    event,
    line: (text) => void (json || process.stdout.write(`${dressed(process.stdout, text)}\n`)),
    note: (text) => void (json || process.stderr.write(`${dressed(process.stderr, text)}\n`)),
    payload: (bytes) => void (json || process.stdout.write(bytes)),
    error(error) {
      const { code, message, isPlainSpoken } = describe(error);
      event("error", { code, message });
      const mark = isPlainSpoken ? "" : ` ${COLOURS.dim(`[${code}]`)}`;
      const text = `${COLOURS.bad("secure-streams:")} ${printable(message)}${mark}\n`;
      process.stderr.write(dressed(process.stderr, text));
    },
  };
}

/** Code and sentence of anything thrown. `isPlainSpoken`: the code would add nothing for people. */
function describe(error: unknown): {
  readonly code: string;
  readonly message: string;
  readonly isPlainSpoken: boolean;
} {
  if (error instanceof SecureStreamsError) {
    const { code, message } = error;
    return { code, message, isPlainSpoken: code.startsWith("policy-") || code === "usage" };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: "internal", message, isPlainSpoken: false };
}

/** Text of a peer as a terminal may see it: control characters other than line ends and tabs are shown, not obeyed. */
export function printable(text: string): string {
  return text.replace(
    /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

const COLOURS: Paint = {
  good: (text) => `\x1b[32m${text}\x1b[0m`,
  bad: (text) => `\x1b[31m${text}\x1b[0m`,
  dim: (text) => `\x1b[2m${text}\x1b[0m`,
  bold: (text) => `\x1b[1m${text}\x1b[0m`,
};
/** What `COLOURS` adds to a text. */
const COLOUR = /\x1b\[\d+m/g;
