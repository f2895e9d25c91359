import { constants } from "node:os";
import type {
  DatagramEvents,
  DatagramOptions,
  DatagramSocket,
  InterfaceAddress,
  LinkIndex,
  Network,
  NetworkEvent,
  NetworkLink,
  NetworkSnapshot,
  PacketEvents,
  PacketOptions,
  PacketSocket,
  Route,
} from "../../context/index.ts";
import { SecureStreamsError } from "../../lib/errors.ts";
import { Malformed } from "../../lib/malformed.ts";
import {
  decodeAddress,
  encodeAddress,
  encodeAddressQuery,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_NEWADDR,
} from "./address-message.ts";
import { LinuxDatagrams } from "./datagram-socket.ts";
import { type Libc, loadLibc } from "./libc.ts";
import { decodeLink, encodeLinkChange, encodeLinkQuery, RTM_GETLINK, RTM_NEWLINK } from "./link-message.ts";
import { hasSecondaries, type LinkTalk, promoting } from "./neighbour-addresses.ts";
import { routeKey } from "./network-mirror.ts";
import { NetworkWatch } from "./network-watch.ts";
import { LinuxPackets } from "./packet-socket.ts";
import {
  decodeRoutes,
  encodeRoute,
  encodeRouteQuery,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
} from "./route-message.ts";
import { RouteSocket } from "./route-socket.ts";

const { EADDRNOTAVAIL, ENODEV, ENXIO, ESRCH } = constants.errno;
const NLM_F_REPLACE = 0x100;
const NLM_F_CREATE = 0x400;
const PUT = NLM_F_CREATE | NLM_F_REPLACE;
const ADMIN = { capability: "CAP_NET_ADMIN" } as const;

/** The network of this machine, or of the network namespace that the process is in. Nothing is opened before it is needed. */
export class LinuxNetwork implements Network {
  #libc: Libc | undefined;
  #watch: NetworkWatch | undefined;

  snapshot(): NetworkSnapshot {
    return this.#with((socket) => ({
      links: dumpLinks(socket),
      addresses: dumpAddresses(socket),
      routes: dumpRoutes(socket),
    }));
  }

  watch(listener: (event: NetworkEvent) => void): () => void {
    const watch = this.#watch ?? new NetworkWatch(this.#load(), () => this.snapshot());
    this.#watch = watch;
    const own = (event: NetworkEvent): void => listener(event);
    watch.add(own);
    return () => {
      if (watch.remove(own) && this.#watch === watch) this.#watch = undefined;
    };
  }

  bringUp(link: LinkIndex): void {
    this.#changeLink(link, { isUp: true });
  }

  setMtu(link: LinkIndex, mtu: number): void {
    this.#changeLink(link, { mtu });
  }

  putAddress(address: InterfaceAddress): void {
    const verb = `set the address "${address.address}/${address.prefixLength}" of link ${address.link}`;
    const body = encodeAddress(address);
    this.#with((socket) => socket.change({ type: RTM_NEWADDR, flags: PUT, body, verb, ...ADMIN }));
  }

  dropAddress(address: InterfaceAddress): void {
    const verb = `take away the address "${address.address}/${address.prefixLength}" of link ${address.link}`;
    const body = encodeAddress(address);
    const accepted = [EADDRNOTAVAIL, ENODEV, ENXIO];
    this.#with((socket) => {
      const drop = (): void => socket.change({ type: RTM_DELADDR, flags: 0, body, verb, accepted, ...ADMIN });
      if (!hasSecondaries(address, dumpAddresses(socket))) drop();
      else promoting(talkAbout(socket, address.link), address.link, drop);
    });
  }

  putRoute(route: Route): void {
    const verb = `set the route to "${route.destination}/${route.prefixLength}" over link ${route.link}`;
    const body = encodeRoute(route);
    this.#with((socket) => socket.change({ type: RTM_NEWROUTE, flags: PUT, body, verb, ...ADMIN }));
  }

  dropRoute(route: Route): void {
    const verb = `take away the route to "${route.destination}/${route.prefixLength}" over link ${route.link}`;
    const body = encodeRoute(route);
    const accepted = [ESRCH, ENODEV, ENXIO];
    this.#with((socket) => {
      // The kernel takes a missing metric or gateway for "any"; another's route would do.
      const isExact = route.metric !== 0 && route.gateway !== undefined;
      if (!isExact && !dumpRoutes(socket).some((each) => routeKey(each) === routeKey(route))) return;
      socket.change({ type: RTM_DELROUTE, flags: 0, body, verb, accepted, ...ADMIN });
    });
  }

  openPackets(options: PacketOptions, events: PacketEvents): PacketSocket {
    return new LinuxPackets(this.#load(), options, { events, findLink: (link) => this.#findLink(link) });
  }

  openDatagrams(options: DatagramOptions, events: DatagramEvents): DatagramSocket {
    return new LinuxDatagrams(this.#load(), options, { events, findLink: (link) => this.#findLink(link) });
  }

  #findLink(link: LinkIndex): NetworkLink | undefined {
    const answer = this.#with((socket) => talkAbout(socket, link).ask());
    return answer === undefined ? undefined : decodeLink(answer.body);
  }

  #changeLink(link: LinkIndex, change: { readonly isUp?: true; readonly mtu?: number }): void {
    const verb =
      change.mtu === undefined ? `bring up link ${link}` : `set the MTU of link ${link} to ${change.mtu}`;
    const body = encodeLinkChange(link, change);
    this.#with((socket) => socket.change({ type: RTM_NEWLINK, flags: 0, body, verb, ...ADMIN }));
  }

  #with<Result>(talk: (socket: RouteSocket) => Result): Result {
    const socket = new RouteSocket(this.#load());
    try {
      return talk(socket);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      const message = `Cannot read what the kernel says: ${error.message}`;
      throw new SecureStreamsError({ layer: "system", code: "network-failed", message }, { cause: error });
    } finally {
      socket.close();
    }
  }

  #load(): Libc {
    this.#libc ??= loadLibc();
    return this.#libc;
  }
}

function talkAbout(socket: RouteSocket, link: LinkIndex): LinkTalk {
  const query = { type: RTM_GETLINK, flags: 0, body: encodeLinkQuery(link), accepted: [ENODEV] };
  const verb = `have link ${link} promote its secondary addresses`;
  return {
    ask: () => socket.ask({ ...query, verb: `read link ${link}` }),
    change: (body) => socket.change({ type: RTM_NEWLINK, flags: 0, body, verb, ...ADMIN }),
  };
}

function dumpLinks(socket: RouteSocket): readonly NetworkLink[] {
  const body = encodeLinkQuery();
  const found = socket.dump({ type: RTM_GETLINK, flags: 0, body, verb: "read the links" });
  return found.flatMap((message) => decodeLink(message.body) ?? []);
}

function dumpAddresses(socket: RouteSocket): readonly InterfaceAddress[] {
  const body = encodeAddressQuery();
  const found = socket.dump({ type: RTM_GETADDR, flags: 0, body, verb: "read the addresses" });
  return found.flatMap((message) => decodeAddress(message.body) ?? []);
}

function dumpRoutes(socket: RouteSocket): readonly Route[] {
  const body = encodeRouteQuery();
  const found = socket.dump({ type: RTM_GETROUTE, flags: 0, body, verb: "read the routes" });
  return found.flatMap((message) => decodeRoutes(message.body));
}
