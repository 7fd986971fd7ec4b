import { generateKeyPairSync } from "node:crypto";

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { checkParams } from "../../check-params.ts";
import { check } from "../../engine/step.ts";
import { states } from "../../states.gen.ts";
import type { Given } from "../../testing/given.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import { EXAMPLE_FINGERPRINT, EXAMPLE_KEY } from "./example-key.ts";
import { fingerprintsOf, keyringBytes } from "./openpgp-keys.ts";
import { isSameSource, namedIn } from "./sources.ts";

/** Exported by gpg: two keys in one keyring, the second one with a subkey. */
const TWO_KEYS = [
  "mDMEawFWYBYJKwYBBAHaRw8BAQdA8FlWTpYAWBpmxbj8eiiUc2pef+r+MopdSL4aveq1MDO0JUV4YW1wbGUgYXJjaGl2ZSA8",
  "YXJjaGl2ZUBleGFtcGxlLm9yZz6IkAQTFggAOBYhBEVrzrpOkctUdstQHyrdfh910HcsBQJrAVZgAhsDBQsJCAcCBhUKCQgL",
  "AgQWAgMBAh4BAheAAAoJECrdfh910Hcs3PcA/2tkLEj4OrHK9/he6qs7b0D/FbAhBjHMK6oKWaCFjY90AP48UgL83NZN7kDD",
  "/rzdx0FfUk0x2X4ydes+BlqbXParBJkBDQRrAVZgAQgAwdLjWqpG+UlX8R+CrBL/dNWvq4KlN9EKd2bAVpuYLw3cW1BCAeCL",
  "hwUugVlgHX7xpRpklvVJuK1CtSzOHDKxr8oSo629Pe6uebFvLEd4yAGXIpiHlPLJ+ElzIopAZnYvM4dBWiVTRhY+a2Qmfx8q",
  "QupTUUYDK5WGDZE3E7lvsvFivzxRa1norC6eKqDoIAVwnUXoK/EGyWgPaywOTxOkCXBRZx+JEPH2bFCR3wr1AJM3IHnHSBu9",
  "vT6fEBIya5jInVesw+DtdIyeBuwzN3MUdfgyYsgEPWXujaJ+cy+LBCVPhorOLg0eirwGdBBc4AlJ67UCLjPYmUjjxxSbwWCY",
  "SwARAQABtBVUd28gPHR3b0BleGFtcGxlLm9yZz6JAU4EEwEKADgWIQTNAgoUIOs6Cf9aePMGr9bS02MGfQUCawFWYAIbAwUL",
  "CQgHAgYVCgkICwIEFgIDAQIeAQIXgAAKCRAGr9bS02MGfYJZB/9UxE0X4KkgVYI7ceorpWj8zKzLtQ0rQnVenPQxvFQbKkXF",
  "fic2xttr/sHHra8IkH2JJBeXeajdqnQCPCalwbUcWTNoOqR1zSGFprTp01hvGrc0YbsthRKi3xyrfXgna0vjhkxHCcDDDoSB",
  "vSIX7eK9hugPk8JKFi/pSBYRCrPXKsozy32TNX35rEM1fYOr4fEXghvqQ/fejoKBaWfibK6MlOJ1utSaW4d7P07iSXYcFyV8",
  "lEi4kO5bpZklf0I5kh8Gw6k9itTaJABDSJvmBzigj9herJkwqKw8y0ghylM/o6RyA/KGl51yOq5JoyRBNbzd8bb54vMyNelR",
  "XcvJ79QeuQENBGsBVmABCADOFtA+p8O+l9h1gYqtQTQXUvzWguTcwhudzCEET3N6gNINHVmTeL7bs/ib371sBuNup+anXu9v",
  "KSHqeus9r3vZWe9cZi70Kq/1Yn7LjMLLqQMyJun1itstF9m4LDIb3LB/iyVfsS7EHakcJnX5o03uasr3coyfOgvF1Wj2Fa4x",
  "/w1bsPaw3xNbed8G4QongyYyiDHMHqnqR3uA03kd8s7TlxZyL3iZWYEm1h4kNpHh9hUihxeVsvgWc2yzqNzLkl/zMpWLTBtc",
  "iorQ7Ouu9V7Yoh5V1YeJ0AtVZo2VmYnYWrmfoVFUnTWy0WkQ7xY6ZwTappRabz/Z3TZNUpxelTl3ABEBAAGJATYEGAEKACAW",
  "IQTNAgoUIOs6Cf9aePMGr9bS02MGfQUCawFWYAIbDAAKCRAGr9bS02MGfdo+CACWGi7S5M61Hn21pyb7erVlKkar/NZHeW3o",
  "Sd3CFRylMlzkfJBHRwqQepX/2kfRNH3uVX8VC4YJHzzkkZiicJLBcbY8qAFMniNUYGZIPn7Z5FjlJMZ66eNoFFAGedVzBSUj",
  "6c+yv8BZD7t8Qb96ZzlEDmxKFN1/vvhixr8NPKJyxzJCtKvj/u2gyDp4kusLjImM11qyKdKYPjYlGLzpssPxapqhxQw3U8hC",
  "cTQkg4ONHI890LkkcLHiasQKVnj8FRNIvckRMBHPcAdGqSeDFUQtSKRf03I7rggMZ5tNQuIJFisi8Xa3igBJnMGMHGdmOVHi",
  "AxwxYKM8HktYCE9/GVen",
].join("\n");
const SECOND = "CD020A1420EB3A09FF5A78F306AFD6D2D363067D";

describe("a keyring", () => {
  test("has the fingerprints that gpg says, armoured or not, and subkeys are not keys of their own", () => {
    expect(fingerprintsOf(keyringBytes(EXAMPLE_KEY))).toEqual([EXAMPLE_FINGERPRINT]);
    expect(fingerprintsOf(keyringBytes(TWO_KEYS))).toEqual([EXAMPLE_FINGERPRINT, SECOND]);
    expect(fingerprintsOf(keyringBytes(`${EXAMPLE_KEY}\n${EXAMPLE_KEY}`))).toEqual([EXAMPLE_FINGERPRINT]);
  });

  test("of version 6 is read by the rules of that version", () => {
    // The sample certificate's primary key in RFC 9580, A.3.
    const body = Buffer.from(
      "0663877fe31b00000020f94da7bb48d60a61e567706a6587d0331999bb9d891a08242ead84543df895a3",
      "hex",
    );
    const packet = Buffer.concat([Buffer.from([0xc6, body.length]), body]);
    expect(fingerprintsOf(packet)).toEqual([
      "CB186C4F0609A697E4D52DFA6C722B0C1F1E27C18A56708F6525EC27BAD9ACC9",
    ]);
  });

  test.each([
    ["nothing", ""],
    ["a text that is no key", "hello, world"],
    [
      "another kind of key",
      generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" }) as string,
    ],
    ["half a key", EXAMPLE_KEY.replace(/\n[^\n]+\n[^\n]+\n=/, "\n=")],
  ])("that is %s is refused", (_, text) => {
    expect(() => fingerprintsOf(keyringBytes(text))).toThrow(/keyring cannot be read/);
  });

  test("of any bytes gives fingerprints or says that it cannot, and never more than that", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(fc.nat(255), fc.uint8Array({ maxLength: 60 }))
        .map(([tag, rest]) => Uint8Array.of(tag | 0x80, ...rest)),
    );
    fc.assert(
      fc.property(bytes, (keyring) => {
        try {
          for (const one of fingerprintsOf(keyring)) expect(one).toMatch(/^([0-9A-F]{40}|[0-9A-F]{64})$/);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: "state/params" });
        }
      }),
    );
  });
});

const params = {
  name: "example",
  uris: ["https://apt.example.org/debian"],
  suites: ["bookworm"],
  components: ["main"],
  key: EXAMPLE_KEY,
  fingerprints: [EXAMPLE_FINGERPRINT],
};

async function look(change: object, given: Given = {}): Promise<object> {
  const { spec } = states["apt.repo"]!;
  return check({ spec, want: checkParams(spec, { ...params, ...change }), ports: memoryHost(given).ports });
}

describe("apt.repo", () => {
  test("does not take on a key that is not pinned, and names it", async () => {
    await expect(look({ key: TWO_KEYS })).rejects.toThrow(`unknown fingerprint ${SECOND}`);
    await expect(look({ fingerprints: [EXAMPLE_FINGERPRINT, SECOND] })).rejects.toThrow(
      `no key with the fingerprint ${SECOND}`,
    );
    expect(await look({ key: TWO_KEYS, fingerprints: [SECOND, EXAMPLE_FINGERPRINT] })).toHaveProperty(
      "keyring",
    );
  });

  test("takes a fingerprint as people write it, and only a whole one", async () => {
    const spaced = EXAMPLE_FINGERPRINT.toLowerCase().replaceAll(/(.{4})/g, "$1 ");
    expect(await look({ fingerprints: [spaced] })).toHaveProperty("source");
    await expect(look({ fingerprints: [EXAMPLE_FINGERPRINT.slice(-16)] })).rejects.toThrow(
      /whole fingerprint/,
    );
  });

  test("sees a keyring that somebody added a key to", async () => {
    const { ports } = memoryHost({
      files: { "/etc/apt/keyrings/boma-example.gpg": { contents: keyringBytes(TWO_KEYS) } },
    });
    const { spec } = states["apt.repo"]!;
    const { keyring } = await check({ spec, want: checkParams(spec, params), ports });
    expect(keyring?.from).toContain(SECOND);
  });

  test.each([
    [
      "/etc/apt/sources.list",
      "deb [arch=amd64] https://apt.example.org/debian/ bookworm contrib main # ours\n",
    ],
    ["/etc/apt/sources.list.d/old.list", "deb https://apt.example.org/debian bookworm main\n"],
    [
      "/etc/apt/sources.list.d/new.sources",
      "Types: deb deb-src\nURIs: https://x.org\n https://apt.example.org/debian\nSuites: sid bookworm\nComponents: main\n",
    ],
  ])("is an error that names %s where the same source stands there", async (path, contents) => {
    await expect(look({}, { files: { [path]: contents } })).rejects.toThrow(path);
  });

  test.each([
    ["/etc/apt/sources.list", "# deb https://apt.example.org/debian bookworm main\n"],
    ["/etc/apt/sources.list.d/old.list.save", "deb https://apt.example.org/debian bookworm main\n"],
    [
      "/etc/apt/sources.list.d/off.sources",
      "Types: deb\nURIs: https://apt.example.org/debian\nSuites: bookworm\nComponents: main\nEnabled: no\n",
    ],
    ["/etc/apt/sources.list.d/other.list", "deb https://apt.example.org/debian bookworm-updates main\n"],
  ])("minds nothing in %s that is not the same source", async (path, contents) => {
    expect(await look({}, { files: { [path]: contents } })).toHaveProperty("source");
  });

  test("an address with a slash at its end is the same address", () => {
    const [a] = namedIn("a.list", "deb http://x.org/debian/ sid main");
    const [b] = namedIn("b.list", "deb http://x.org/debian sid main contrib");
    expect(isSameSource(a!, b!)).toBe(true);
  });
});
