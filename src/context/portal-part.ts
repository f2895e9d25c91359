import { type Reason, SecureStreamsError } from "../lib/errors.ts";
import { parseEndpoint } from "../policy/index.ts";
import {
  type ApiOutcome,
  CaptivePortal,
  type CheckId,
  isPortalCheck,
  MESSAGE_CLASSES,
  type PortalInput,
  type PortalOptions,
  type PortalOutput,
  type PortalVerdict,
  type ProbeOutcome,
  portalMessage,
} from "../system/index.ts";
import { Aborter } from "./abort.ts";
import type { Context } from "./context.ts";
import { Driver } from "./driver.ts";
import type { Abortable } from "./ports.ts";
import type { NameResolver } from "./resolver/name-resolver.ts";
import type { Stream } from "./stream.ts";
import { type Gate, type PartHost, type SystemPart, watchTurn } from "./system-part.ts";

export interface PortalPartOptions extends Omit<PortalOptions, "expected"> {
  /** Where the probe's streamtype is. */
  readonly context: Context;
  /** Default: `captive_portal_detect`. A policy without it has no such part: nothing is held. */
  readonly streamtype?: string;
  /** What waits for the verdict. Default: CPD_POST_TIME where the probe needs valid time (TLS), else CPD_PRE_TIME. */
  readonly state?: "CPD_PRE_TIME" | "CPD_POST_TIME";
  /** What the probe's name is resolved through: a portal may have answered for every name, and an old answer hides one. */
  readonly names?: Pick<NameResolver, "clear">;
  /** Asks the network's own API (RFC 8908) by https. Without it DHCP option 114 is left alone. */
  readonly ask?: (url: string, signal: Abortable) => Promise<ApiOutcome>;
}

/** Holds a state until the network is seen to lead to the internet, and again when it no longer does. */
export class PortalPart implements SystemPart {
  readonly name = "portal";
  readonly #options: PortalPartOptions;
  readonly #streamtype: string;
  readonly #expected: number;
  readonly #machine: CaptivePortal;
  #driver: Driver<PortalInput, PortalOutput> | undefined;
  #host: PartHost | undefined;
  #gate: Gate | undefined;
  #api: string | undefined;
  /** What was resolved since a portal was seen may be its doing. */
  #wasCaptive = false;
  /** The API could not be asked, because the time was not known. */
  #waitsForTime = false;
  #isStarted = false;
  readonly #looks = new Map<CheckId, Aborter>();
  /** The last probe; the machine knows whether it still counts. */
  #underWay: { readonly check: CheckId; readonly host: string } | undefined;

  constructor(options: PortalPartOptions) {
    this.#options = options;
    this.#streamtype = options.streamtype ?? "captive_portal_detect";
    this.#expected = options.context.describe(this.#streamtype)?.http.expect ?? 204;
    this.#machine = new CaptivePortal({ ...options, expected: this.#expected });
  }

  get verdict(): PortalVerdict {
    return this.#machine.verdict;
  }

  /** Where a person can log in; safe to print. */
  get portal(): string | undefined {
    return this.#machine.portal;
  }

  /** Another network or lease: nothing that was known counts. `api` is DHCP option 114. */
  network(api?: string): void {
    this.#api = this.#options.ask === undefined ? undefined : api;
    if (this.#isStarted) this.#driver?.feed({ type: "network", api: this.#api });
  }

  /** Looks again soon. */
  check(): void {
    this.#driver?.feed({ type: "check" });
  }

  /** The time is known: an API whose certificate could not be judged can be asked now. */
  timeKnown(): void {
    if (this.#waitsForTime) this.check();
  }

  /** A name led to addresses, for whichever stream: those of the probe's name are evidence. */
  resolved(host: string, addresses: readonly string[]): void {
    const probe = this.#underWay;
    if (probe?.host !== host.toLowerCase()) return;
    this.#driver?.feed({ type: "resolved", check: probe.check, host, addresses });
  }

  start(host: PartHost): () => void {
    const { context } = this.#options;
    const streamtype = context.describe(this.#streamtype);
    if (streamtype === undefined) return () => {};
    const { state = streamtype.tls ? "CPD_POST_TIME" : "CPD_PRE_TIME" } = this.#options;
    const gate = host.gate(state, "it is not known whether a captive portal stands in between");
    const driver = new Driver<PortalInput, PortalOutput>(this.#machine, host.clock, (output) =>
      this.#perform(output),
    );
    this.#host = host;
    this.#gate = gate;
    this.#driver = driver;
    const peer = host.bus.register({
      classes: MESSAGE_CLASSES.network,
      message: (message) => {
        if (isPortalCheck(message)) this.check();
      },
    });
    host.slept(() => this.check());
    watchTurn(host, state, {
      up: () => {
        if (!this.#isStarted) driver.feed({ type: "network", api: this.#api });
        this.#isStarted = true;
        driver.feed({ type: "start" });
      },
      down: () => driver.feed({ type: "pause" }),
    });
    return () => {
      peer.close();
      driver.feed({ type: "stop" });
    };
  }

  #perform(output: PortalOutput): void {
    switch (output.type) {
      case "probe":
        this.#look(output.check, (aborter) => this.#probe(output.check, aborter));
        return;
      case "ask":
        this.#look(output.check, (aborter) => this.#ask(output.check, output.url, aborter));
        return;
      case "abandon":
        this.#looks.get(output.check)?.abort(abandoned());
        this.#looks.delete(output.check);
        return;
      default:
        this.#verdict(output);
    }
  }

  /** How long it may take is for the machine to say: it abandons. */
  #look(check: CheckId, look: (aborter: Aborter) => void): void {
    const aborter = new Aborter();
    this.#looks.set(check, aborter);
    look(aborter);
  }

  #verdict({ verdict, previous, portal, why }: Extract<PortalOutput, { type: "verdict" }>): void {
    if (verdict === "captive") this.#wasCaptive = true;
    if (verdict === "ok") this.#opened();
    else this.#gate?.close(portal === undefined ? why : `${why}; log in at ${portal}`);
    this.#host?.emit("cpd", { verdict, previous, portal, why });
    if (verdict !== previous) this.#host?.bus.send(portalMessage(verdict));
  }

  /** Whoever waits need not wait for his next try, nor go where the portal sent him. */
  #opened(): void {
    const { context, names } = this.#options;
    if (this.#wasCaptive) names?.clear();
    this.#wasCaptive = false;
    this.#gate?.open();
    context.retryNow();
  }

  /** One transaction, whose first failure decides: retries are for those who want an answer, not a verdict. */
  #probe(check: CheckId, aborter: Aborter): void {
    const { context, names } = this.#options;
    let stream: Stream | undefined;
    const tell = (outcome: ProbeOutcome): void => {
      stream?.close();
      if (this.#looks.delete(check)) this.#driver?.feed({ type: "probed", check, outcome });
    };
    const streamtype = context.describe(this.#streamtype);
    // Another policy without the streamtype has nothing to wait for.
    if (streamtype === undefined) {
      tell({ type: "answer", status: this.#expected });
      return;
    }
    try {
      const host = parseEndpoint(streamtype.endpoint).host.toLowerCase();
      this.#underWay = { check, host };
      names?.clear(host);
      // A connection from before would speak of what the network was.
      stream = context.open(this.#streamtype, { alone: true });
      stream.on("state", ({ state, reason }) => {
        if (reason !== undefined && (state === "unreachable" || state === "auth-failed")) {
          tell({ type: "failed", reason });
        }
      });
      stream.request({ signal: aborter }).then(
        (reply) => {
          reply.discard();
          tell({ type: "answer", status: reply.status, location: reply.header("location") });
        },
        (error: unknown) => tell({ type: "failed", reason: reasonOf(error) }),
      );
    } catch (error) {
      tell({ type: "failed", reason: reasonOf(error) });
    }
  }

  #ask(check: CheckId, url: string, aborter: Aborter): void {
    const tell = (outcome: ApiOutcome): void => {
      if (!this.#looks.delete(check)) return;
      this.#waitsForTime = outcome.type === "failed" && outcome.reason.code === "time-unknown";
      this.#driver?.feed({ type: "told", check, outcome });
    };
    this.#options
      .ask?.(url, aborter)
      .then(tell, (error: unknown) => tell({ type: "failed", reason: reasonOf(error) }));
  }
}

function abandoned(): SecureStreamsError {
  const message = "The look at the network was given up";
  return new SecureStreamsError({ layer: "system", code: "aborted", message });
}

function reasonOf(error: unknown): Reason {
  if (error instanceof SecureStreamsError) {
    return { layer: error.layer, code: error.code, message: error.message };
  }
  return { layer: "system", code: "internal", message: String(error) };
}
