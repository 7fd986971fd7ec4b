import { randomBytes } from "node:crypto";

import nacl from "tweetnacl";
import { describe, expect, test } from "vitest";

import { newSealingKey, sha256 } from "./keys.ts";
import { openSealed, sealTo } from "./sealed.ts";

const node = newSealingKey();
const plain = Buffer.from("the database's password");
const sealed = sealTo(node.publicKey, plain);
const refused = expect.objectContaining({ code: "wire/sealed" });

describe("a sealed box", () => {
  test.each([0, 1, 300_000])("of %i bytes is opened by the node it was sealed to", (size) => {
    const bytes = new Uint8Array(randomBytes(size));
    expect(Buffer.from(openSealed(sealTo(node.publicKey, bytes), node)).equals(bytes)).toBe(true);
  });

  test("holds nothing of its content in the clear, and is never the same twice", () => {
    expect(Buffer.from(sealed).includes(plain)).toBe(false);
    expect(sealTo(node.publicKey, plain)).not.toEqual(sealed);
  });

  test("is refused by any other node", () => {
    expect(() => openSealed(sealed, newSealingKey())).toThrow(refused);
  });

  test("is refused when any one of its bytes was altered", () => {
    for (let at = 0; at < sealed.length; at++) {
      const altered = Uint8Array.from(sealed);
      altered[at]! ^= 0x40;
      expect(() => openSealed(altered, node), `byte ${at}`).toThrow(refused);
    }
  });

  test("is refused at every length but its own", () => {
    for (let length = 0; length < sealed.length; length++)
      expect(() => openSealed(sealed.subarray(0, length), node), `${length} bytes`).toThrow(refused);
    expect(() => openSealed(Buffer.concat([sealed, Buffer.from([0])]), node)).toThrow(refused);
  });

  test("is not made for what is no key", () => {
    expect(() => sealTo(new Uint8Array(31), plain)).toThrow(refused);
  });
});

test("what is sealed is the box of the library, which opens it by itself", () => {
  const [once, box] = [sealed.subarray(10, 42), sealed.subarray(42)];
  const nonce = sha256(Buffer.from("boma/1/seal\0"), once, node.publicKey).subarray(0, 24);
  expect(nacl.box.open(box, nonce, once, node.secretKey)).toEqual(new Uint8Array(plain));
});

test("a key with which everybody would share the same is no key to seal to", () => {
  expect(() => sealTo(new Uint8Array(32), plain)).toThrow(refused);
});
