/** Goal: of what comes in from a network only a whole offer to this very question counts. */
import { expect, test } from "vitest";

import { serverOf } from "./dhcp.ts";

const TRANSACTION = Buffer.from([1, 2, 3, 4]);

function offer(options: readonly number[], change: (packet: Buffer) => void = () => undefined): Buffer {
  const packet = Buffer.alloc(240 + options.length);
  packet[0] = 2;
  TRANSACTION.copy(packet, 4);
  packet.set([99, 130, 83, 99], 236);
  packet.set(options, 240);
  change(packet);
  return packet;
}

const WHOLE = [0, 53, 1, 2, 54, 4, 10, 0, 0, 1, 255];

test("an offer names its server", () => {
  expect(serverOf(offer(WHOLE), TRANSACTION)).toBe("10.0.0.1");
});

test.each([
  ["an answer to somebody else", offer(WHOLE, (packet) => packet.set([9], 4))],
  ["a question", offer(WHOLE, (packet) => packet.set([1], 0))],
  ["an acknowledgement", offer([53, 1, 5, 54, 4, 10, 0, 0, 1, 255])],
  ["an offer of nobody", offer([53, 1, 2, 255])],
  ["a server of three bytes", offer([53, 1, 2, 54, 3, 10, 0, 0, 255])],
  ["an option that is longer than the packet", offer([53, 1, 2, 54, 200, 10])],
  ["what is no answer at all", Buffer.from("hello")],
  ["nothing", Buffer.alloc(0)],
  ["another protocol", offer(WHOLE, (packet) => packet.set([0], 236))],
])("%s is passed over", (_, packet) => {
  expect(serverOf(packet, TRANSACTION)).toBeUndefined();
});
