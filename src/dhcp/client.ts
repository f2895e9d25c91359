import type { Machine, Timeout } from "../lib/machine.ts";
import type { Millis } from "../lib/millis.ts";
import type { Random } from "../lib/random.ts";
import { answered, heard } from "./answers.ts";
import { Core } from "./core.ts";
import { deadline, serve } from "./due.ts";
import { replyPayload } from "./reply.ts";
import type { ClientSettings } from "./settings.ts";
import type { StateName } from "./states.ts";
import { linked, release, renew, stop, woke } from "./upheaval.ts";
import type { ClientInput, ClientOutput } from "./words.ts";

/**
 * A DHCPv4 client for one interface (RFC 2131): finds, keeps and gives back an address, and guards it against other
 * hosts (RFC 5227). Its ending output is the state `ended`.
 */
export class DhcpMachine implements Machine<ClientInput, ClientOutput> {
  readonly #core: Core;

  constructor(settings: ClientSettings, random: Random) {
    this.#core = new Core(settings, random);
  }

  get state(): StateName {
    return this.#core.state.name;
  }

  get deadline(): Millis {
    return deadline(this.#core);
  }

  handle(input: ClientInput | Timeout, now: Millis): readonly ClientOutput[] {
    const core = this.#core;
    // What is due comes first: an answer that waited in a socket is as old as the timers it missed.
    serve(core, now);
    if (input.type !== "timeout" && core.state.name !== "ended") {
      take(core, input, now);
      serve(core, now);
    }
    core.tidy();
    return core.takeOutputs();
  }
}

function take(core: Core, input: ClientInput, now: Millis): void {
  switch (input.type) {
    case "start":
      if (core.state.name === "idle") start(core, input, now);
      return;
    case "link":
      linked(core, input.link, now);
      return;
    case "packet":
      if (!core.channels.isOpen("dhcp", input.channel)) return;
      answered(core, () => replyPayload(input.packet), now);
      return;
    case "datagram":
      if (core.channels.isOpen("datagrams", input.channel)) answered(core, () => input.bytes, now);
      return;
    case "arp":
      if (core.channels.isOpen("arp", input.channel)) heard(core, input.bytes, now);
      return;
    case "unreachable":
      if (core.state.name === "renewing" && core.channels.isOpen("datagrams", input.channel)) {
        core.state.exchange.isUnreachable = true;
      }
      return;
    case "woke":
      woke(core, input.slept, now);
      return;
    case "renew":
      renew(core, now);
      return;
    case "release":
      release(core, now);
      return;
    default:
      stop(core, input.reason);
  }
}

function start(core: Core, input: Extract<ClientInput, { type: "start" }>, now: Millis): void {
  core.speaker.link = input.link;
  core.inform = input.inform;
  core.isConfigured = input.isConfigured === true;
  if (input.remembered !== undefined)
    core.past.had(input.remembered.address, now + input.remembered.remaining);
  core.begin(now);
}
