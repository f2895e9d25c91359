import { BIRTH_STREAM, type Entry, type Outgoing } from "./entry.ts";

/** Hang-ups after which a message is given up. */
const HANG_UPS = 3;

/**
 * Finds the message that the broker answers by hanging up: a server of 3.1.1 has no other way to refuse one. What was in
 * flight when it hung up is under suspicion, and is sent alone on the next connection, after a PINGRESP has shown that the
 * broker keeps this one without it. A message is given up after the third hang-up, if it was alone in flight and the
 * broker is there again at once. A broker that cannot be reached afterwards was on its way down, and one that
 * hangs up with nothing in flight has other reasons: both clear all.
 */
export class Trial {
  readonly #suspects = new Set<Entry>();
  /** Births are made anew for each connection: their hang-ups, by content. */
  readonly #births = new Map<string, number>();
  readonly #badBirths = new Set<string>();
  #lone: Entry | undefined;
  #isAdjourned = false;
  #awaitsProof = false;
  /** A suspect birth is sent when its stream is back: nobody is established before, or it costs them a connection. */
  #awaitsBirth = false;
  /** A suspect birth was waited for, and did not come. */
  #isBirthMissing = false;
  #window = 1;

  /** Whether something is under suspicion on this connection. */
  get isOn(): boolean {
    return this.#suspects.size > 0 || this.#awaitsProof || this.#awaitsBirth;
  }

  /** The broker has hung up on suspects: the next CONNACK tells more. */
  get isAdjourned(): boolean {
    return this.#isAdjourned;
  }

  get awaitsProof(): boolean {
    return this.#awaitsProof;
  }

  get awaitsBirth(): boolean {
    return this.#awaitsBirth;
  }

  /** How many messages may be in flight while the trial is on: more with each that is cleared. */
  get window(): number {
    return this.#awaitsProof ? 0 : this.#window;
  }

  /** The broker has ended a connection that it had accepted. */
  hungUp(inFlight: readonly Entry[]): void {
    if (inFlight.length === 0) {
      this.clear();
      return;
    }
    for (const entry of inFlight) {
      entry.hangUps += 1;
      this.#suspects.add(entry);
      if (isBirth(entry)) this.#births.set(contentOf(entry.message), entry.hangUps);
    }
    this.#lone = inFlight.length === 1 ? inFlight[0] : undefined;
    this.#isAdjourned = true;
  }

  /** The broker has accepted the next connection. Returns the message that is to be given up. */
  verdict(): Entry | undefined {
    const lone = this.#lone;
    this.#lone = undefined;
    this.#isAdjourned = false;
    if (lone === undefined || lone.isAbandoned || lone.hangUps < HANG_UPS) return undefined;
    if (!isBirth(lone)) return lone;
    const content = contentOf(lone.message);
    this.#births.delete(content);
    this.#badBirths.add(content);
    return undefined;
  }

  /** The trial goes on with those for which somebody still waits. */
  resume(): void {
    for (const entry of this.#suspects) if (entry.isAbandoned) this.#suspects.delete(entry);
    this.#window = 1;
    this.#awaitsProof = this.#suspects.size > 0 || this.#births.size > 0;
    this.#awaitsBirth = false;
  }

  /** PINGRESP: the broker has kept the connection so far. */
  proved(): void {
    if (!this.#awaitsProof) return;
    this.#awaitsProof = false;
    const isOnItsWay = this.#births.size === 0 || this.#isBirthMissing || [...this.#suspects].some(isBirth);
    this.#awaitsBirth = !isOnItsWay;
  }

  /** What was waited for has not come in time. A broker that is silent does not hang up. */
  overdue(): void {
    if (this.#awaitsProof) this.clear();
    // Perhaps nobody is left who would send it: it is not waited for again.
    if (this.#awaitsBirth) this.#isBirthMissing = true;
    this.#awaitsBirth = false;
  }

  /** Whether a birth of this content has been given up. */
  isBadBirth(birth: Outgoing): boolean {
    return this.#badBirths.size > 0 && this.#badBirths.has(contentOf(birth));
  }

  /** A birth is about to be sent: it is as suspect as the one before. */
  born(entry: Entry): void {
    const hangUps = this.#births.size === 0 ? undefined : this.#births.get(contentOf(entry.message));
    if (hangUps === undefined) return;
    entry.hangUps = hangUps;
    this.#awaitsBirth = false;
    this.#isBirthMissing = false;
    this.#suspects.add(entry);
  }

  /** The message has its last acknowledgement, or nobody wants it any more. */
  settled(entry: Entry): void {
    this.#window += 1;
    this.#suspects.delete(entry);
    if (isBirth(entry)) this.#births.delete(contentOf(entry.message));
  }

  /** Nothing is held against anything any more. */
  clear(): void {
    for (const entry of this.#suspects) entry.hangUps = 0;
    this.#suspects.clear();
    this.#births.clear();
    this.#badBirths.clear();
    this.#isBirthMissing = false;
    this.#lone = undefined;
    this.#isAdjourned = false;
    this.#awaitsProof = false;
    this.#awaitsBirth = false;
  }
}

function isBirth({ message }: Entry): boolean {
  return message.stream === BIRTH_STREAM;
}

function contentOf({ topic, payload, qos, retain }: Outgoing): string {
  return JSON.stringify([topic, qos, retain, ...payload]);
}
