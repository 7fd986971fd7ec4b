import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";

import { contains, parseAddress, parseNetwork } from "./address.ts";

/** Judges that know nothing of this code: a web address's host for version 6, zod for version 4. */
const isAddress = (text: string): boolean =>
  text.includes(":") ? URL.canParse(`http://[${text}]/`) : z.ipv4().safeParse(text).success;

test("what is an address is what others hold for one", () => {
  const unit = fc.constantFrom("0", "1", "25", "255", "256", "f", "ffff", ":", "::", ".", "a");
  const addresses = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string({ unit, maxLength: 16 }));
  fc.assert(
    fc.property(addresses, (text) => {
      expect(parseAddress(text) !== undefined).toBe(isAddress(text));
    }),
    { numRuns: 5000 },
  );
});

test.each([
  ["10.0.0.0/8", "10.255.0.1", true],
  ["10.0.0.0/8", "11.0.0.0", false],
  ["10.1.2.3", "10.1.2.3", true],
  ["10.1.2.3", "10.1.2.4", false],
  ["10.1.2.4/30", "10.1.2.7", true],
  ["10.1.2.4/30", "10.1.2.8", false],
  ["0.0.0.0/0", "255.255.255.255", true],
  ["0.0.0.0/0", "::1", false],
  ["fe80::/10", "febf::1", true],
  ["fe80::/10", "fec0::1", false],
  ["2001:db8::1", "2001:0db8:0:0:0:0:0:1", true],
  ["::ffff:10.0.0.1", "::ffff:a00:1", true],
])("%s holds %s: %s", (network, address, inside) => {
  expect(contains(parseNetwork(network), parseAddress(address)!)).toBe(inside);
});

test.each([
  ["10.0.0.5/8", "S@10.0.0.0/8"],
  ["192.168.77.9/20", "S@192.168.64.0/20"],
  ["fe80::1/10", "S@fe80::/10"],
  ["2001:db8:1:0:0:2:3:4/48", "S@2001:db8:1::/48"],
  ["1:0:2:0:0:0:3:1/112", "S@1:0:2::3:0/112"],
])("the bits set beyond the prefix of %s are refused with the network", (text, network) => {
  expect(() => parseNetwork(text)).toThrow(
    expect.objectContaining({ hint: `the network is \`${network}\`` }),
  );
});
