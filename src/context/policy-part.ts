import { policyMessage } from "../system/index.ts";
import { PolicyFetch, type PolicyFetchOptions, type PolicyFetchPorts } from "./policy-fetch.ts";
import { type PartHost, type SystemPart, watchTurn } from "./system-part.ts";

/** Holds POLICY_VALID until a policy has been fetched, or the last good one must do. */
export class PolicyPart implements SystemPart {
  readonly name = "policy";
  readonly #ports: PolicyFetchPorts;
  readonly #options: PolicyFetchOptions;
  #fetch: PolicyFetch | undefined;

  constructor(ports: PolicyFetchPorts, options: PolicyFetchOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  /** Fetches now, or as soon as manners allow. */
  refresh(): void {
    this.#fetch?.refresh();
  }

  /** The machine slept, and the monotonic clock stood still. */
  slept(span: number): void {
    this.#fetch?.slept(span);
  }

  start(host: PartHost): () => void {
    const { context, streamtype = "fetch_policy" } = this.#options;
    if (context.describe(streamtype) === undefined) return () => {};
    const gate = host.gate("POLICY_VALID", "the policy has not been fetched yet");
    const fetch = new PolicyFetch(this.#ports, this.#options, {
      valid: () => gate.open(),
      waiting: (why) => gate.close(why),
      told: (event) => {
        host.emit("policy", event);
        if (event.type === "applied") host.bus.send(policyMessage(host.clock.now() * 1000));
      },
      raise: host.raise,
    });
    this.#fetch = fetch;
    let isStarted = false;
    watchTurn(host, "POLICY_VALID", {
      up: () => {
        if (!isStarted) fetch.start().catch(host.raise);
        else if (!gate.isOpen) fetch.refresh();
        isStarted = true;
      },
      down: () => {},
    });
    return () => fetch.stop();
  }
}
