import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { armor, Encrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import { describe, expect, test } from "vitest";

import { homeAt } from "../home.ts";
import type { GenSecrets } from "./gen-secrets.ts";
import type { ForNode } from "./provider.ts";
import { SecretResolver } from "./secret-resolver.ts";

const VALUE = "correct horse battery staple";
const node: ForNode = {
  id: "web-01",
  key: `U${"A".repeat(55)}`,
  assurance: "boot-token",
  assigned: { env: "dev", role: "web" },
};

/** A master's home and site, without a store: what is generated is tested on a real one. */
function master(files: Readonly<Record<string, string | Uint8Array>> = {}, environment = {}) {
  const path = mkdtempSync(join(tmpdir(), "boma-secrets-"));
  const home = homeAt(join(path, "home"));
  const site = join(path, "site");
  mkdirSync(site);
  mkdirSync(join(home.dir, "secrets"), { recursive: true });
  const write = (name: string, content: string | Uint8Array): void => {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), content, { mode: 0o600 });
  };
  for (const [name, content] of Object.entries(files)) write(name, content);
  const resolver = new SecretResolver({
    home,
    site,
    gen: { check: () => undefined } as unknown as GenSecrets,
    storeKey: () => new Uint8Array(32).fill(7),
    environment,
  });
  return {
    path,
    resolver,
    write,
    one: async (reference: string, forNode = node) =>
      (await resolver.resolve([reference], forNode)).get(reference),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
const fails = (code: string, message: string) => ({
  code,
  message: expect.stringContaining(message) as string,
});

describe("a reference", () => {
  test.each([
    ["", "nothing"],
    ["file:", "no path"],
    ["ftp:x", "no provider of ours"],
    ["vault-dyn:kv/x#y", "no provider of ours"],
    ["file:relative", "a path from somewhere"],
    ["file:/etc/../etc/shadow", "a way up"],
    ["file:/x?version=1", "an option that nobody reads"],
    ["age:/etc/passwd", "a path out of the site"],
    ["age:../x#y", "a way up"],
    ["env:A B", "a space"],
    ["env:PATH#x", "a key where there is none"],
    ["vault:kv#x", "no path within the mount"],
    ["vault:kv/data/x", "no key"],
    ["vault:kv/../sys/seal#x", "a way up"],
    ["vault:kv/data/x#y?version=0", "no version"],
    ["vault:kv/data/x#y?version=1&version=2", "an option twice"],
    [`file:/${"x".repeat(600)}`, "too much"],
  ])("%j is refused, for it has %s", async (reference) => {
    using here = master();
    await expect(here.one(reference)).rejects.toMatchObject({ code: "state/secret" });
  });
});

describe("file:", () => {
  test("gives a file of the master without its last newline, or one value of it as it is written", async () => {
    using here = master({
      "home/secrets/db": `${VALUE}\n`,
      "home/secrets/all.yaml": "db:\n  password: correct horse battery staple\n  pin: 0123\nlist: [a, b]\n",
      "home/secrets/all.json": JSON.stringify({ token: "abc" }),
    });
    const file = (name: string) => `file:${here.path}/home/secrets/${name}`;
    const references = [
      "db",
      "all.yaml#db.password",
      "all.yaml#db.pin",
      "all.yaml#list.1",
      "all.json#token",
    ].map(file);
    expect([...(await here.resolver.resolve(references, node)).values()]).toEqual([
      VALUE,
      VALUE,
      "0123",
      "b",
      "abc",
    ]);
  });

  test("is refused when others can read it, be it the group or everybody", async () => {
    using here = master({ "home/secrets/db": VALUE });
    for (const mode of [0o640, 0o604, 0o644]) {
      chmodSync(join(here.path, "home/secrets/db"), mode);
      await expect(here.one(`file:${here.path}/home/secrets/db`)).rejects.toMatchObject(
        fails("secret/unreadable", "can be read by others"),
      );
    }
  });

  test("gives nothing from outside the directories for secrets, not even through a link: the master's keys are no secret of the site", async () => {
    using here = master({ "home/master/keys/root.json": VALUE });
    const root = join(here.path, "home/master/keys/root.json");
    symlinkSync(root, join(here.path, "home/secrets/link"));
    for (const path of [root, join(here.path, "home/secrets/link"), "/etc/passwd"])
      await expect(here.one(`file:${path}`)).rejects.toMatchObject(
        fails("secret/unreadable", "in none of the directories"),
      );
  });

  test("takes other directories from secrets.yaml, read anew for each run", async () => {
    using here = master({ "elsewhere/db": VALUE });
    const reference = `file:${here.path}/elsewhere/db`;
    await expect(here.one(reference)).rejects.toMatchObject({ code: "secret/unreadable" });
    here.write("home/secrets.yaml", `file:\n  directories: [${here.path}/elsewhere]\n`);
    expect(await here.one(reference)).toBe(VALUE);
  });

  test("tells what is missing, empty, too large, no text or no single value, and never a value", async () => {
    using here = master({
      "home/secrets/empty": "\n",
      "home/secrets/large": "x".repeat(70_000),
      "home/secrets/binary": Buffer.from([0xff, 0xfe, 0x80]),
      "home/secrets/zero": "a\0b",
      "home/secrets/broken.yaml": `password: "${VALUE}\nother: {`,
      "home/secrets/all.yaml": `db: { password: "${VALUE}" }\nnone:`,
    });
    const cases = {
      missing: ["secret/unknown", "there is no"],
      empty: ["secret/unknown", "the secret is empty"],
      large: ["secret/unreadable", "larger than"],
      binary: ["secret/unreadable", "not text in UTF-8"],
      zero: ["secret/unreadable", "zero byte"],
      "broken.yaml#password": ["secret/unreadable", "neither YAML nor JSON"],
      "all.yaml#db": ["secret/unknown", "not a single value"],
      "all.yaml#db.user": ["secret/unknown", "there is no db.user"],
      "all.yaml#none": ["secret/unknown", "none is empty"],
    } as const;
    for (const [name, [code, message]] of Object.entries(cases)) {
      const error = await here
        .one(`file:${here.path}/home/secrets/${name}`)
        .catch((thrown: unknown) => thrown);
      expect(error, name).toMatchObject(fails(code, message));
      expect(String((error as Error).stack) + String((error as Error).cause), name).not.toContain("horse");
    }
  });

  test("does not wait for a pipe that lies where a file should", async () => {
    using here = master();
    const { execFileSync } = await import("node:child_process");
    execFileSync("mkfifo", ["-m", "600", join(here.path, "home/secrets/pipe")]);
    await expect(here.one(`file:${here.path}/home/secrets/pipe`)).rejects.toMatchObject(
      fails("secret/unreadable", "not a plain file"),
    );
  });
});

describe("env:", () => {
  test("gives what stood in the environment at the start, and nothing that came later", async () => {
    const environment: Record<string, string> = { DB_PASSWORD: VALUE };
    using here = master({}, environment);
    environment["DB_PASSWORD"] = "later";
    environment["OTHER"] = "later";
    expect(await here.one("env:DB_PASSWORD")).toBe(VALUE);
    await expect(here.one("env:OTHER")).rejects.toMatchObject(
      fails("secret/unknown", "without this variable"),
    );
    await expect(here.one("env:toString")).rejects.toMatchObject({ code: "secret/unknown" });
  });

  test("does not give the master's own credentials to a node", async () => {
    using here = master(
      { "home/secrets.yaml": "vault: { tokenEnv: MY_TOKEN }\n" },
      { VAULT_TOKEN: VALUE, MY_TOKEN: VALUE },
    );
    for (const name of ["VAULT_TOKEN", "MY_TOKEN", "BOMA_OPERATOR"])
      await expect(here.one(`env:${name}`)).rejects.toMatchObject({ code: "state/secret" });
  });
});

describe("age:", () => {
  const encrypt = async (text: string, identity: string): Promise<Uint8Array> => {
    const encrypter = new Encrypter();
    encrypter.addRecipient(await identityToRecipient(identity));
    return encrypter.encrypt(text);
  };

  test("opens files of the site with the master's identity, whole or by key, in age's binary and armored forms", async () => {
    const identity = await generateX25519Identity();
    const whole = await encrypt(`${VALUE}\n`, identity);
    using here = master({
      "home/master/keys/age.txt": `# made for the test\n${identity}\n`,
      "site/secrets/token.age": whole,
      "site/secrets/web.yaml.age": armor.encode(await encrypt(`password: ${VALUE}\nuser: web\n`, identity)),
    });
    const references = [
      "age:secrets/token.age",
      "age:secrets/web.yaml.age#password",
      "age:secrets/web.yaml.age#user",
    ];
    expect([...(await here.resolver.resolve(references, node)).values()]).toEqual([VALUE, VALUE, "web"]);
  });

  test("does not open what was encrypted to somebody else, or was altered", async () => {
    const [mine, others] = [await generateX25519Identity(), await generateX25519Identity()];
    const altered = await encrypt(VALUE, mine);
    altered[altered.length - 1]! ^= 1;
    using here = master({
      "home/master/keys/age.txt": mine,
      "site/others.age": await encrypt(VALUE, others),
      "site/altered.age": altered,
      "site/plain.age": VALUE,
    });
    for (const name of ["others", "altered", "plain"])
      await expect(here.one(`age:${name}.age`)).rejects.toMatchObject(
        fails("secret/unreadable", "does not open with the master's identity"),
      );
  });

  test("without an identity says how to make one, and with one that others can read says so", async () => {
    const identity = await generateX25519Identity();
    using here = master({ "site/token.age": await encrypt(VALUE, identity) });
    await expect(here.one("age:token.age")).rejects.toMatchObject({
      ...fails("secret/unreadable", "no age identity"),
      hint: expect.stringContaining("secret identity") as string,
    });
    here.write("home/master/keys/age.txt", identity);
    chmodSync(join(here.path, "home/master/keys/age.txt"), 0o644);
    await expect(here.one("age:token.age")).rejects.toMatchObject(
      fails("secret/unreadable", "read by others"),
    );
  });
});

describe("who may have a secret", () => {
  const byHardware: ForNode = { ...node, assurance: "hardware-claim" };

  test("nobody who only claims hardware, unless the settings say so", async () => {
    using here = master({ "home/secrets/db": VALUE });
    const reference = `file:${here.path}/home/secrets/db`;
    await expect(here.one(reference, byHardware)).rejects.toMatchObject(
      fails("secret/denied", "its assurance is hardware-claim, and this secret asks for boot-token"),
    );
    here.write("home/secrets.yaml", "assurance: hardware-claim\n");
    expect(await here.one(reference, byHardware)).toBe(VALUE);
  });

  test("whom the first fitting rule names, by what the master assigned and with the assurance that it asks for", async () => {
    using here = master(
      {
        "home/secrets.yaml": `
rules:
  - { secrets: "env:PUBLIC_*", assurance: hardware-claim }
  - { secrets: "env:DB_*", nodes: "role:db and env:prod", assurance: operator }
  - { secrets: "env:*", nodes: "role:web" }
`,
      },
      { PUBLIC_KEY: VALUE, DB_PASSWORD: VALUE, OTHER: VALUE },
    );
    const database: ForNode = {
      ...node,
      id: "db-01",
      assurance: "operator",
      assigned: { role: "db", env: "prod" },
    };
    expect(await here.one("env:PUBLIC_KEY", byHardware)).toBe(VALUE);
    expect(await here.one("env:DB_PASSWORD", database)).toBe(VALUE);
    expect(await here.one("env:OTHER")).toBe(VALUE);
    await expect(here.one("env:OTHER", database)).rejects.toMatchObject(
      fails("secret/denied", "it is for role:web"),
    );
    await expect(here.one("env:DB_PASSWORD")).rejects.toMatchObject({ code: "secret/denied" });
    await expect(
      here.one("env:DB_PASSWORD", { ...database, assurance: "fingerprint" }),
    ).rejects.toMatchObject(fails("secret/denied", "asks for operator"));
    await expect(
      here.one("env:DB_PASSWORD", { ...database, assigned: { role: "db", env: "dev" } }),
    ).rejects.toMatchObject({ code: "secret/denied" });
  });

  test("is not decided by what a node claims of itself, not even by what it does not claim", async () => {
    using here = master(
      { "home/secrets.yaml": `rules: [{ secrets: "env:*", nodes: "not claimed.os:windows" }]\n` },
      { DB: VALUE },
    );
    await expect(here.one("env:DB")).rejects.toMatchObject({ code: "secret/denied" });
  });

  test("is asked before anything is read", async () => {
    using here = master();
    await expect(here.one("file:/nowhere/at/all", byHardware)).rejects.toMatchObject({
      code: "secret/denied",
    });
  });
});

describe("secrets.yaml", () => {
  test.each([
    ["vault: { adress: x }", "vault"],
    ["assurance: much", "assurance"],
    ["rules: [{ secrets: 'env:*', nodes: 'role:' }]", "expected KEY:VALUE"],
    ["a: [", "is not YAML"],
  ])("that says %j is refused with its place, and without what stands in it", async (text, words) => {
    using here = master({ "home/secrets.yaml": `${text}\n# ${VALUE}\n` });
    const error = await here.one("env:X").catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ code: expect.stringMatching(/^usage\/file$/) as string });
    expect((error as Error).message).toContain(words);
    expect((error as Error).message).not.toContain("horse");
  });

  test("must be closed to others, for it may hold a token", async () => {
    using here = master({ "home/secrets.yaml": "assurance: operator\n" });
    chmodSync(join(here.path, "home/secrets.yaml"), 0o644);
    await expect(here.one("env:X")).rejects.toMatchObject(fails("usage/file", "can be read by others"));
  });
});

describe("the tag of a secret", () => {
  test("is the same for the same value, another for another value or place, and says nothing without the key", () => {
    using here = master();
    using there = master();
    const { resolver } = here;
    const tag = resolver.tagOf("env:A", VALUE);
    expect(tag).toMatch(/^[0-9a-f]{32}$/);
    expect(there.resolver.tagOf("env:A", VALUE)).toBe(tag);
    expect(resolver.tagOf("env:A", `${VALUE}.`)).not.toBe(tag);
    expect(resolver.tagOf("env:B", VALUE)).not.toBe(tag);
    const other = new SecretResolver({
      home: homeAt(here.path),
      site: here.path,
      gen: {} as GenSecrets,
      storeKey: () => new Uint8Array(32).fill(8),
      environment: {},
    });
    expect(other.tagOf("env:A", VALUE)).not.toBe(tag);
  });
});
