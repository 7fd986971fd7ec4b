import { describe, expect, test } from "vitest";

import type { Given, GivenFile } from "../../testing/index.ts";
import { tryState } from "../../testing/try-state.ts";
import { authorizedKey, readLines, withKey } from "./authorized-keys.ts";
import keyState from "./key.ts";
import keysState from "./keys.ts";
import { fingerprintOf, readPublicKey } from "./public-key.ts";

const wire = (...parts: readonly (string | Buffer)[]): string =>
  Buffer.concat(
    parts.map((part) => {
      const bytes = Buffer.from(part as string);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return Buffer.concat([length, bytes]);
    }),
  ).toString("base64");
const ed25519 = (fill: number): string => `ssh-ed25519 ${wire("ssh-ed25519", Buffer.alloc(32, fill))}`;
const rsa = (bytes: number): string =>
  `ssh-rsa ${wire("ssh-rsa", Buffer.of(1, 0, 1), Buffer.alloc(bytes, 0xff))}`;
const [ANNA, BEN, CLOUD] = [ed25519(1), ed25519(2), ed25519(3)];

const FILE = "/home/anna/.ssh/authorized_keys";
const having = (contents: string, file: Partial<Exclude<GivenFile, string>> = {}): Given => ({
  users: { anna: {} },
  files: {
    "/home/anna": { directory: true, owner: "anna" },
    "/home/anna/.ssh": { directory: true, owner: "anna", mode: "0700" },
    [FILE]: { contents, owner: "anna", mode: "0600", ...file },
  },
});
const key = (text: string, more: object = {}) => ({ user: "anna", key: text, ...more });

describe("a public key", () => {
  test.each([ANNA, `${ANNA} anna at her laptop`, rsa(256)])("%s is taken", (text) => {
    expect(readPublicKey(text).type).toMatch(/^ssh-/);
  });

  test.each([
    ["-----BEGIN OPENSSH PRIVATE KEY-----", "it is a private key"],
    ["ssh-ed25519", "it is not `TYPE BASE64 COMMENT`"],
    [`${ANNA}\n${BEN}`, "it is not `TYPE BASE64 COMMENT`"],
    [`restrict ${ANNA}`, "it is not `TYPE BASE64 COMMENT`"],
    [`ssh-dss ${wire("ssh-dss", "x")}`, "keys of the type ssh-dss are not accepted"],
    [`ssh-rsa ${ANNA.split(" ")[1]}`, "its body is not of the type ssh-rsa"],
    [ANNA.slice(0, -8), "it is cut short"],
    [`ssh-ed25519 ${wire("ssh-ed25519", Buffer.alloc(31))}`, "it has not the size of an ed25519 key"],
    [`ssh-ed25519 ${wire("ssh-ed25519")}`, "it has not the size of an ed25519 key"],
    [rsa(128), "it is an RSA key of fewer than 2048 bits"],
    [`ecdsa-sha2-nistp256 ${wire("ecdsa-sha2-nistp256")}`, "it is cut short"],
  ])("%j is refused: %s", (text, why) => {
    expect(() => readPublicKey(text)).toThrow(why);
  });

  test("has the fingerprint that ssh-keygen gives it", () => {
    expect(fingerprintOf(readPublicKey(ANNA))).toBe("SHA256:RXm/ruZ0eTzRXKwi1AQEDynB0VgHQ2ac9KPSFdf/YnA");
  });
});

describe("ssh.key", () => {
  test("adds its key and keeps every other line as it is", async () => {
    const before = `# by hand\n${CLOUD} cloud\nrubbish that nobody understands\n`;
    const { read, left } = await tryState(keyState, "laptop", key(`${ANNA} anna`), having(before));
    expect(await read(FILE)).toBe(`${before}${ANNA} anna\n`);
    expect(left).toEqual({});
  });

  test("knows its key by the body: a new comment or option changes the line in its place", async () => {
    const { read } = await tryState(
      keyState,
      "laptop",
      key(`${ANNA} new`, { options: ["restrict"] }),
      having(`command="echo \\"hi there\\"" ${ANNA} old\n${CLOUD}\n`),
    );
    expect(await read(FILE)).toBe(`restrict ${ANNA} new\n${CLOUD}\n`);
  });

  test("leaves one line of a key that stood there twice", async () => {
    const { read } = await tryState(
      keyState,
      "laptop",
      key(ANNA),
      having(`${ANNA} a\n${CLOUD}\n${ANNA} b\n`),
    );
    expect(await read(FILE)).toBe(`${ANNA}\n${CLOUD}\n`);
  });

  test("takes its key away, whatever options and comment it has, and no other", async () => {
    const before = `restrict,from="10.0.0.0/8, 10.1.0.0" ${ANNA} x\n${CLOUD}\n# ${ANNA}\n`;
    const { read } = await tryState(keyState, "laptop", key(ANNA, { present: false }), having(before));
    expect(await read(FILE)).toBe(`${CLOUD}\n# ${ANNA}\n`);
  });

  test("gives the last line an end before it adds another", async () => {
    const { read } = await tryState(keyState, "laptop", key(ANNA), having(CLOUD));
    expect(await read(FILE)).toBe(`${CLOUD}\n${ANNA}\n`);
  });

  test("makes file and directory private, and the user's own", async () => {
    const { host } = await tryState(keyState, "laptop", key(ANNA), {
      users: { anna: {} },
      files: {
        "/home/anna/.ssh": { directory: true, owner: "root", mode: "0755" },
        [FILE]: { contents: `${ANNA}\n`, owner: "root", mode: "0644" },
      },
    });
    expect(host.tree.get("/home/anna/.ssh")).toMatchObject({ owner: "anna", mode: "0700" });
    expect(host.tree.get(FILE)).toMatchObject({ owner: "anna", mode: "0600" });
  });

  test.each([
    ["/home/anna/.ssh", { link: "/root/.ssh" }, "/home/anna/.ssh is a link"],
    [FILE, { link: "/etc/shadow" }, `${FILE} is a link`],
    [FILE, { directory: true }, `${FILE} is a directory`],
    [FILE, { contents: "", owner: "mallory" }, `${FILE} belongs to mallory`],
    ["/home/anna/.ssh", { directory: true, owner: "mallory" }, "/home/anna/.ssh belongs to mallory"],
    [FILE, { contents: "x".repeat(1_048_577), owner: "anna" }, "more than keys need"],
  ] as const)("refuses what a user may have put at %s: %j", async (path, file, why) => {
    const given: Given = {
      users: { anna: {} },
      files: { "/root/.ssh/authorized_keys": `${CLOUD}\n`, [path]: file as GivenFile },
    };
    await expect(tryState(keyState, "laptop", key(ANNA), given)).rejects.toMatchObject({
      code: "state/blocked",
      message: expect.stringContaining(why),
    });
  });

  test("looks again before it writes: a directory that became a link meanwhile is refused", async () => {
    const given: Given = { users: { anna: {} }, files: { "/home/anna": { directory: true, owner: "anna" } } };
    const { host } = await tryState(keyState, "laptop", key(ANNA), given);
    const changes = await keyState.spec.check(wantOf(BEN), host.ports as never).catch(() => ({}));
    host.tree.delete(FILE);
    host.tree.delete("/home/anna/.ssh");
    await host.ports.files.write.makeDirectory("/etc");
    await host.ports.files.write.link("/home/anna/.ssh", "/etc");
    const ports = { files: host.ports.files.write, accounts: host.ports.accounts.write };
    await expect(keyState.spec.apply(changes, wantOf(BEN), ports as never)).rejects.toMatchObject({
      code: "state/blocked",
    });
    expect(host.tree.has("/etc/authorized_keys")).toBe(false);
  });

  test("tells what it would add where the user is yet to be made, and fails where nobody made it", async () => {
    await expect(tryState(keyState, "laptop", key(ANNA))).rejects.toMatchObject({
      code: "state/blocked",
      message: "there is no user anna",
    });
  });

  test.each([
    'command="a"\nssh-rsa',
    "no-such-option",
    "from=10.0.0.1",
    'command="unclosed',
    'command="a" b',
    'command="\\"',
  ])("refuses the option %j, with which sshd would refuse the key", async (option) => {
    await expect(
      tryState(keyState, "laptop", key(ANNA, { options: [option] }), having("")),
    ).rejects.toMatchObject({
      code: "state/params",
    });
  });

  test("owns the key of the user, by its fingerprint", () => {
    expect(keyState.spec.claims!(wantOf(`${ANNA} one`))).toEqual(
      keyState.spec.claims!(wantOf(`${ANNA} two`)),
    );
    expect(keyState.spec.claims!(wantOf(ANNA))[0]).toMatch(/^sshkey:anna#SHA256:/);
  });

  const wantOf = (text: string) => keyState.spec.params.parse({ name: "laptop", ...key(text) });
});

describe("ssh.keys", () => {
  test("a key that left the set leaves the user; what somebody else put there stays", async () => {
    const first = await tryState(
      keysState,
      "anna",
      { keys: [ANNA, `${BEN} ben`] },
      having(`# by hand\n${CLOUD}\n`),
    );
    expect(await first.read(FILE)).toBe(`# by hand\n${CLOUD}\n${ANNA} # boma\n${BEN} ben # boma\n`);
    const { read, left } = await tryState(keysState, "anna", { keys: [BEN] }, first.host);
    expect(await read(FILE)).toBe(`# by hand\n${CLOUD}\n${BEN} # boma\n`);
    expect(left).toEqual({});
  });

  test("exclusive takes away every other line", async () => {
    const { read } = await tryState(
      keysState,
      "anna",
      { keys: [ANNA], exclusive: true },
      having(`# by hand\n${CLOUD}\nrubbish\ncert-authority ${BEN}\n`),
    );
    expect(await read(FILE)).toBe(`${ANNA} # boma\n`);
  });

  test("does not take one key twice, whatever its comment", async () => {
    await expect(
      tryState(keysState, "anna", { keys: [`${ANNA} a`, `${ANNA} b`] }, having("")),
    ).rejects.toMatchObject({ code: "state/params" });
  });

  test("warns where nobody at all may log in any more", () => {
    const want = keysState.spec.params.parse({ user: "anna", keys: [], exclusive: true });
    expect(keysState.spec.warnings!(want, {})).toEqual(["no key at all may log in as anna"]);
  });

  test("nothing is made where nothing is and nothing should be", async () => {
    const given: Given = { users: { anna: {} }, files: { "/home/anna": { directory: true, owner: "anna" } } };
    const { changes } = await tryState(keysState, "anna", { keys: [] }, given);
    expect(changes).toEqual({});
  });
});

test("any lines at all come back as they were, with the key added", () => {
  for (const noise of ['"', '\\"', 'command="', "\t", "ssh-ed25519", "a b c d", "\r", '"ssh-rsa "'])
    expect(withKey(readLines(`${noise}\n${noise}\n`), authorizedKey(ANNA))).toEqual([noise, noise, ANNA]);
});
