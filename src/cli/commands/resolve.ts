import type { Answer, DnsRecord, RecordType } from "../../dns/index.ts";
import { parseServer, parseType, reverseName } from "../../dns/index.ts";
import { type ErrorCode, SecureStreamsError, UsageError } from "../../lib/errors.ts";
import { type Command, type Invocation, text, texts, wholeNumber } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type Output, printable } from "../output.ts";
import { traceLine } from "../trace-line.ts";

/** Milliseconds that one name may take where `--timeout` says nothing. */
const TIMEOUT = 10_000;

/** What the name says, or a server has said; with the others it matters who was asked. */
const SAID = new Set<ErrorCode>(["not-found", "no-data", "bad-name", "cname-loop"]);

/** Where an answer comes from that no server gave. */
const LOCAL: Readonly<Record<string, string>> = {
  hosts: "from the hosts file",
  special: "a special name, asked of nobody",
  literal: "an address already",
};

export const resolve: Command = {
  name: "resolve",
  summary: "addresses and records of names, and how they were found",
  help: `Resolves names the way streams do: hosts file, special names, cache, name servers.

Usage: secure-streams resolve NAME... [--type TYPE] [--server IP[#PORT]] [--timeout MS] [--trace] [--json]

  NAME          a host's name, or an address for its names (PTR)
  --type        A, AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT, CAA, NAPTR, SVCB, HTTPS, TLSA or TYPEn; default A and AAAA
  --server      ask this name server and not the system's; may stand several times
  --timeout     milliseconds for each name; default ${TIMEOUT}
  --trace       each query, server and answer, and why an answer was refused
  --json        one JSON object per line

Exit code 0 if every name was found, 3 if one was not, 4 if one timed out.

Example:
  secure-streams resolve example.com --trace
  secure-streams resolve example.com --type MX --server 192.0.2.53#5353
`,
  options: {
    type: { type: "string" },
    server: { type: "string", multiple: true },
    timeout: { type: "string" },
    trace: { type: "boolean" },
  },
  positionals: ["NAME..."],
  async run(invocation) {
    const { createResolver } = await import("../../node/datagrams/index.ts");
    const { output, signal, positionals } = invocation;
    const servers = texts(invocation, "server").map(requireServer);
    const timeout = wholeNumber(invocation, "timeout", 1) ?? TIMEOUT;
    const types = requireTypes(invocation);
    const resolver = createResolver(servers.length === 0 ? {} : { servers });
    let start = 0;
    if (invocation.values.trace === true) {
      resolver.trace((event) => {
        output.event("trace", event);
        const line = traceLine(event, performance.now() - start, output.paint);
        if (line !== undefined) output.note(line);
      });
    }
    let worst: ExitCode = EXIT.done;
    try {
      for (const name of positionals) {
        start = performance.now();
        try {
          const reverse = types === undefined || types[0] === "PTR" ? reverseName(name) : undefined;
          const asked = reverse === undefined ? types : (["PTR"] as const);
          const answer = await resolver.resolve(reverse ?? name, {
            ...(asked === undefined ? {} : { types: asked }),
            timeout,
            signal,
          });
          showAnswer(output, answer, { types: asked, ms: performance.now() - start });
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof SecureStreamsError)) throw error;
          output.event("error", { name, code: error.code, message: error.message });
          const asked = SAID.has(error.code) ? "" : `; asked: ${resolver.servers.join(", ") || "nobody"}`;
          output.note(output.paint.bad(`[${error.code}] ${printable(error.message)}${asked}`));
          worst = worseOf(worst, error.code === "timeout" ? EXIT.timeout : EXIT.unreachable);
        }
      }
    } finally {
      resolver.close();
    }
    return worst;
  },
};

function showAnswer(
  output: Output,
  answer: Answer,
  { types, ms }: { readonly types: readonly RecordType[] | undefined; readonly ms: number },
): void {
  const addresses = answer.records.flatMap((record) =>
    record.type === "A" || record.type === "AAAA"
      ? [{ address: record.address, family: record.type === "A" ? 4 : 6, ttl: record.ttl }]
      : [],
  );
  output.event("answer", {
    name: answer.name,
    canonicalName: answer.canonicalName,
    type: types?.join("+") ?? "A+AAAA",
    addresses,
    records: answer.records.map(plain),
    server: answer.transport === "none" ? null : answer.source,
    transport: answer.transport === "none" ? null : answer.transport,
    cached: answer.cached && answer.transport !== "none",
    ms: Math.round(ms * 1000) / 1000,
  });
  const { paint } = output;
  for (const record of answer.records) output.line(printable(zoneLine(record)));
  const known = LOCAL[answer.source] ?? `from ${answer.source} over ${answer.transport}`;
  const way = answer.cached && answer.transport !== "none" ? `${known}, cached` : known;
  output.note(paint.dim(`${printable(answer.name)}: ${way}, ${ms.toFixed(1)} ms`));
}

/** As in a zone file. */
function zoneLine(record: DnsRecord): string {
  const { name, type, ttl, ...data } = record;
  const words = Object.values(data).map((value) => word(value));
  return `${name}\t${ttl}\t${type}\t${words.join(" ")}`;
}

function word(value: unknown): string {
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString("latin1"));
  if (Array.isArray(value)) return value.map(word).join(" ");
  if (typeof value === "object" && value !== null) return Object.values(value).map(word).join("=");
  return String(value);
}

/** Bytes as text where they are UTF-8, else as base64. */
function plain(record: DnsRecord): unknown {
  return JSON.parse(
    JSON.stringify(record, (_, value: unknown) => (value instanceof Uint8Array ? readable(value) : value)),
  );
}

function readable(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes);
  const utf8 = buffer.toString("utf8");
  return utf8.includes("\ufffd") ? buffer.toString("base64") : utf8;
}

function requireTypes(invocation: Invocation): readonly RecordType[] | undefined {
  const value = text(invocation, "type");
  if (value === undefined) return undefined;
  const type = parseType(value);
  if (type === undefined) throw new UsageError(`Cannot resolve: "${value}" is no record type`);
  return [type];
}

function requireServer(server: string): string {
  if (parseServer(server) !== undefined) return server;
  throw new UsageError(`Cannot ask "${server}": a server is an address, with its port as in 192.0.2.1#5353`);
}

function worseOf(a: ExitCode, b: ExitCode): ExitCode {
  return Math.max(a, b) as ExitCode;
}
