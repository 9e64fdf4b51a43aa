// What of an address tells one client from another. Pure.

import { isIPv6 } from "node:net";

/**
 * @param address as a socket gives it
 * @returns the address, without its port; of IPv6 the network (/64), of which whoever has one address has them all
 */
export function clientAddress(address: string | undefined): string {
  if (address === undefined) return "unknown";
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (mapped !== undefined) return mapped;
  const [plain = ""] = address.split("%"); // a zone belongs to this machine
  if (!isIPv6(plain)) return plain;
  const [head = "", tail] = plain.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const rest = tail === "" ? [] : tail.split(":");
    groups.push(...Array<string>(8 - groups.length - rest.length).fill("0"), ...rest);
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ""))
    .join(":")}::/64`;
}
