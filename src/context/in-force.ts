import { isSame } from "../lib/same.ts";
import { diffPolicies, type PolicyDiff, type PolicyDocument } from "../policy/index.ts";
import { type Identity, identityInEffect } from "../stream/index.ts";
import { unknownStreamtype } from "./arguments.ts";
import { Settings } from "./settings.ts";

/** The policy and the identity in force, and the settings that the streams of one streamtype share under them. */
export class InForce {
  #document: PolicyDocument;
  #identity: Identity;
  #revision = 1;
  /** By index of the client certificate: how often it was replaced. */
  readonly #certificates = new Map<number, number>();
  /** By streamtype. */
  readonly #settings = new Map<string, Settings>();

  constructor(document: PolicyDocument, identity: Identity) {
    this.#document = document;
    this.#identity = { ...identity };
  }

  get document(): PolicyDocument {
    return this.#document;
  }

  /** Of the policy. */
  get revision(): number {
    return this.#revision;
  }

  /** Throws UsageError `streamtype-unknown`. */
  settings(name: string): Settings {
    const known = this.#settings.get(name);
    if (known !== undefined) return known;
    const { streamtypes } = this.#document.policy;
    const streamtype = streamtypes.get(name);
    if (streamtype === undefined) throw unknownStreamtype(name, [...streamtypes.keys()]);
    const scope = this.#scope(streamtype.clientCert);
    const settings = new Settings(streamtype, { identity: this.#identity, scope });
    this.#settings.set(name, settings);
    return settings;
  }

  replacePolicy(document: PolicyDocument): PolicyDiff {
    const changes = diffPolicies(this.#document.policy, document.policy);
    this.#document = document;
    this.#revision += 1;
    this.#settings.clear();
    return changes;
  }

  /** Returns the streamtypes whose streams say or show something else from now on. */
  replaceIdentity(identity: Identity): ReadonlySet<string> {
    const before = this.#identity;
    this.#identity = { ...identity };
    const { streamtypes } = this.#document.policy;
    const changed = [...streamtypes.values()].filter(
      (each) => !isSame(identityInEffect(each, before), identityInEffect(each, identity)),
    );
    const indexes = new Set(changed.flatMap(({ clientCert }) => clientCert ?? []));
    for (const index of indexes) {
      if (isSame(before.clientCertificates?.[index], identity.clientCertificates?.[index])) continue;
      this.#certificates.set(index, (this.#certificates.get(index) ?? 0) + 1);
    }
    for (const { name } of changed) this.#settings.delete(name);
    return new Set(changed.map(({ name }) => name));
  }

  /** A connection that was made with another certificate is not shared, nor is its TLS session resumed. */
  #scope(clientCert: number | undefined): string {
    const policy = `policy-${this.#revision}`;
    const count = clientCert === undefined ? undefined : this.#certificates.get(clientCert);
    return count === undefined ? policy : `${policy}/certificate-${count}`;
  }
}
