import { z } from "zod";

export const Address = z
  .union([z.ipv4(), z.ipv6()], "an address: 10.0.0.5 or 2001:db8::5")
  .describe("The address, of IPv4 or IPv6.");

export const isIPv4 = (text: string): boolean => z.ipv4().safeParse(text).success;
