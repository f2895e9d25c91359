import type { NetworkEvent } from "../../context/index.ts";
import { decodeAddress, RTM_DELADDR, RTM_NEWADDR } from "./address-message.ts";
import { decodeLink, RTM_DELLINK, RTM_NEWLINK } from "./link-message.ts";
import type { NetlinkMessage } from "./netlink-bytes.ts";
import { decodeRoutes, RTM_DELROUTE, RTM_NEWROUTE } from "./route-message.ts";

/** What the kernel tells with one message. Throws Malformed. */
export function decodeEvents({ type, body }: NetlinkMessage): readonly NetworkEvent[] {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      const link = decodeLink(body);
      return link === undefined ? [] : [{ type: type === RTM_NEWLINK ? "link" : "link-gone", link }];
    }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = decodeAddress(body);
      return address === undefined
        ? []
        : [{ type: type === RTM_NEWADDR ? "address" : "address-gone", address }];
    }
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return decodeRoutes(body).map((route) => ({
        type: type === RTM_NEWROUTE ? "route" : "route-gone",
        route,
      }));
    default:
      return [];
  }
}
