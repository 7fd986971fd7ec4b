import { expect, test } from "vitest";

import { agree, dataPacket, errorPacket, optionsPacket, readPacket } from "./tftp-packets.ts";

const request = (...words: readonly string[]) => Buffer.from(`\0\u0001${words.join("\0")}\0`, "latin1");

test("a request is read with its options, whatever the case of their names", () => {
  const asked = readPacket(request("boma/ipxe.efi", "OCTET", "BLKSIZE", "1468", "tsize", "0"));
  expect(asked).toMatchObject({ kind: "read", file: "boma/ipxe.efi", mode: "octet" });
  expect(asked.kind === "read" && [...asked.options]).toEqual([
    ["blksize", "1468"],
    ["tsize", "0"],
  ]);
});

test("what is cut, without an end, too long, or half an option, is nonsense", () => {
  for (const packet of [
    Buffer.from([]),
    Buffer.from([0, 1, 65]),
    Buffer.from("\0\u0001file\0octet", "latin1"),
    request("file"),
    request("file", "octet", "blksize"),
    request("f".repeat(600), "octet"),
    Buffer.from([0, 9, 0, 0]),
  ])
    expect(readPacket(packet).kind).toBe("nonsense");
});

test("writing is known for what it is", () => {
  expect(readPacket(Buffer.from("\0\u0002file\0octet\0", "latin1")).kind).toBe("write");
});

test("blocks are never larger than a packet that travels whole, and what is agreed is said", () => {
  const { blockBytes, timeoutMs, said } = agree(
    new Map([
      ["blksize", "65464"],
      ["timeout", "3"],
      ["tsize", "0"],
      ["windowsize", "64"],
    ]),
    1234,
  );
  expect({ blockBytes, timeoutMs }).toEqual({ blockBytes: 1468, timeoutMs: 3000 });
  expect([...said]).toEqual([
    ["blksize", "1468"],
    ["timeout", "3"],
    ["tsize", "1234"],
  ]);
});

test("options that are no numbers or out of bounds are not agreed on", () => {
  const asked = new Map([
    ["blksize", "1"],
    ["timeout", "0"],
    ["tsize", "-1"],
  ]);
  expect(agree(asked, 10)).toMatchObject({ blockBytes: 512, timeoutMs: 1000, said: new Map() });
});

test("block numbers begin again after 65535", () => {
  expect(dataPacket(65_536, Buffer.from("x"))).toEqual(Buffer.from([0, 3, 0, 0, 120]));
});

test("errors and options are written as the protocol has them", () => {
  expect(errorPacket(1, "no")).toEqual(Buffer.from("\0\u0005\0\u0001no\0", "latin1"));
  expect(optionsPacket(new Map([["tsize", "5"]]))).toEqual(Buffer.from("\0\u0006tsize\u00005\0", "latin1"));
});
