import { Malformed } from "../lib/malformed.ts";
import { type Finding, findAnswer } from "./answer.ts";
import { cookieState } from "./cookie.ts";
import { decodeMessage, type Question, RCODE } from "./message.ts";
import type { DnsFailure } from "./words.ts";

/** What a message that echoes the question is worth. */
export type Verdict =
  /** Not to be believed or not to be read: the wait goes on. */
  | { readonly type: "drop"; readonly reason: "malformed" | "cookie" }
  | { readonly type: "truncated" }
  /** The server does not take OPT records. */
  | { readonly type: "without-edns" }
  /** The server wants its new cookie to be shown. */
  | { readonly type: "cookie-again"; readonly cookie: Uint8Array | undefined }
  /** The server will not say. */
  | { readonly type: "failure"; readonly code: DnsFailure; readonly cookie: Uint8Array | undefined }
  | {
      readonly type: "finding";
      readonly finding: Finding;
      readonly cookie: Uint8Array | undefined;
      /** Bytes behind the last record: tolerated. */
      readonly trailing: number;
    };

/** What was asked, and what is known of who answers. */
export interface Asked {
  readonly question: Question;
  /** Where the question ends in the message. */
  readonly end: number;
  readonly hops: number;
  readonly usesEdns: boolean;
  /** Our half of the cookie that was sent; undefined when none was. */
  readonly clientCookie: Uint8Array | undefined;
  /** The server has shown a cookie before, and is held to it (RFC 7873, 5.3). */
  readonly expectsCookie: boolean;
}

/** Judges a message that came from the right place, with the right id and question. */
export function judge(bytes: Uint8Array, asked: Asked): Verdict {
  const message = decodeMessage(bytes, asked);
  if (message instanceof Malformed) return { type: "drop", reason: "malformed" };
  const cookie = cookieState(message.edns, asked.clientCookie, asked.expectsCookie);
  if (cookie === "wrong") return { type: "drop", reason: "cookie" };
  if (message.isTruncated) return { type: "truncated" };
  switch (message.rcode) {
    case RCODE.ok:
    case RCODE.nameError:
      return {
        type: "finding",
        finding: findAnswer(message, asked.question, asked.hops),
        cookie,
        trailing: message.trailing,
      };
    case RCODE.formatError:
    case RCODE.notImplemented:
    case RCODE.badVersion:
      if (asked.usesEdns) return { type: "without-edns" };
      return { type: "failure", code: "server-failure", cookie };
    case RCODE.badCookie:
      return { type: "cookie-again", cookie };
    case RCODE.refused:
      return { type: "failure", code: "refused", cookie };
    default:
      return { type: "failure", code: "server-failure", cookie };
  }
}
