import fc from "fast-check";
import { expect, test } from "vitest";

import { discover, readOffer } from "./dhcp-packets.ts";

const MAC = Buffer.from([2, 0xb0, 1, 2, 3, 4]);

/** What a server makes of the question. */
function offer(transaction: number, options: readonly number[], address = [10, 77, 0, 100]): Buffer {
  const packet = Buffer.from(discover(transaction, MAC).subarray(0, 240));
  packet[0] = 2;
  packet.set(address, 16);
  packet.set([10, 77, 0, 9], 20);
  return Buffer.concat([packet, Buffer.from(options)]);
}

test("the question is a discover that wants its answer broadcast, from the made-up address", () => {
  const packet = discover(7, MAC);
  expect([packet[0], packet.readUInt32BE(4), packet.readUInt16BE(10)]).toEqual([1, 7, 0x8000]);
  expect(packet.subarray(28, 34)).toEqual(MAC);
  expect(packet.subarray(240)).toEqual(Buffer.from([53, 1, 1, 255]));
});

test("an offer names its server and the address, and one without a server is its sender's next server", () => {
  expect(readOffer(offer(7, [0, 53, 1, 2, 54, 4, 10, 77, 0, 2, 255]), 7)).toEqual({
    server: "10.77.0.2",
    address: "10.77.0.100",
  });
  expect(readOffer(offer(7, [53, 1, 2, 255]), 7)?.server).toBe("10.77.0.9");
});

test("an answer to another question, and what is no offer, are none", () => {
  expect(readOffer(offer(8, [53, 1, 2, 255]), 7)).toBeUndefined();
  expect(readOffer(offer(7, [53, 1, 5, 255]), 7)).toBeUndefined();
  expect(readOffer(discover(7, MAC), 7)).toBeUndefined();
});

test("whatever the LAN sends is read without a fault", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      readOffer(Buffer.from(bytes), 7);
      readOffer(offer(7, [...bytes]), 7);
    }),
  );
});
