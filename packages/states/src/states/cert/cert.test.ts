import { createPrivateKey, X509Certificate } from "node:crypto";
import { inspect } from "node:util";

import { describe, expect, test } from "vitest";

import type { Given, MemoryHost } from "../../testing/index.ts";
import { tryState } from "../../testing/try-state.ts";
import { EXAMPLE_CERTIFICATE, EXAMPLE_KEY } from "./example-pair.ts";
import { keyPem, makeKey, requestFor, selfSigned as sign } from "./issue.ts";
import managed from "./managed.ts";
import request from "./request.ts";
import selfSigned from "./selfsigned.ts";

const PATH = "/etc/ssl/boma/web";
const empty: Given = { files: { "/etc/ssl/boma": { directory: true } } };
const DAY_MS = 86_400_000;
const pair = (fromDays: number, toDays: number, names = ["web.example"]) => {
  const key = makeKey("ec");
  const at = (days: number): Date => new Date(Date.now() + days * DAY_MS);
  return { certificate: sign(key, names, { from: at(fromDays), to: at(toDays) }), privateKey: keyPem(key) };
};
const refused = (params: object, message: string) =>
  expect(tryState(managed, PATH, params, empty)).rejects.toMatchObject({
    code: "state/blocked",
    message: expect.stringContaining(message),
  });

describe("cert.managed", () => {
  test("the key is for its owner only, the certificate for all", async () => {
    const { host } = await tryState(managed, PATH, { ...pair(-1, 9), owner: "caddy" }, empty);
    expect(at(host, `${PATH}/privkey.pem`)).toMatchObject({ mode: "0600", owner: "caddy" });
    expect(at(host, `${PATH}/fullchain.pem`)).toMatchObject({ mode: "0644" });
  });

  test("at every moment the two files that are found belong together", async () => {
    const { host } = await tryState(managed, PATH, pair(-1, 9), empty);
    const seen = await eachStepOf(host, () => tryState(managed, PATH, pair(-1, 9), host));
    expect(seen.length).toBeGreaterThan(3);
    for (const [certificate, key] of seen)
      expect(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))).toBe(true);
  });

  test("no version of before is left with its key", async () => {
    const { host } = await tryState(managed, PATH, pair(-1, 9), empty);
    await tryState(managed, PATH, pair(-1, 9), host);
    expect([...host.tree.keys()].filter((path) => path.endsWith("privkey.pem"))).toHaveLength(1);
  });

  test("a pair that does not belong together is refused", () =>
    refused({ ...pair(-1, 9), privateKey: pair(-1, 9).privateKey }, "does not belong to its certificate"));
  test("an expired one is refused", () => refused(pair(-9, -1), "expired on"));
  test("one that is not yet valid is refused, and the message asks for the clock", async () => {
    await expect(tryState(managed, PATH, pair(1, 9), empty)).rejects.toMatchObject({
      message: expect.stringContaining("is not valid before"),
      hint: expect.stringContaining("clock"),
    });
  });
  test("one for other names is refused, and the message says which are missing", () =>
    refused(
      { ...pair(-1, 9), names: ["web.example", "api.example", "10.0.0.1"] },
      "not valid for api.example, 10.0.0.1",
    ));
  test("a chain that is out of order is refused", () => {
    const { certificate, privateKey } = pair(-1, 9);
    return refused({ certificate: certificate + pair(-1, 9).certificate, privateKey }, "out of order");
  });
  test("damaged material is refused, and not repeated", async () => {
    const broken = EXAMPLE_KEY.replace("MIGH", "canary");
    const thrown = await tryState(
      managed,
      PATH,
      { certificate: EXAMPLE_CERTIFICATE, privateKey: broken },
      empty,
    ).catch((error: unknown) => error);
    expect(thrown).toMatchObject({
      code: "state/blocked",
      message: expect.stringContaining("cannot be read"),
    });
    expect(inspect(thrown, { showHidden: true, depth: 9 })).not.toContain("canary");
    await refused(
      {
        certificate: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        privateKey: EXAMPLE_KEY,
      },
      "cannot be read",
    );
  });

  test("changes say which key, and nothing of what is secret in it", async () => {
    const { changes } = await tryState(
      managed,
      PATH,
      { certificate: EXAMPLE_CERTIFICATE, privateKey: EXAMPLE_KEY },
      empty,
    );
    for (const line of EXAMPLE_KEY.split("\n").filter((part) => part.length > 20 && !part.startsWith("-")))
      expect(JSON.stringify(changes)).not.toContain(line);
  });

  test("a wildcard covers a name below it, and is asked for as itself", async () => {
    const wild = pair(-1, 9, ["*.web.example"]);
    const { left } = await tryState(
      managed,
      PATH,
      { ...wild, names: ["a.web.example", "*.web.example"] },
      empty,
    );
    expect(left).toEqual({});
    await refused(
      { ...pair(-1, 9, ["a.web.example"]), names: ["*.web.example"] },
      "not valid for *.web.example",
    );
  });

  test("what lies at its path and is no link is not replaced", async () => {
    const given: Given = { files: { [PATH]: { directory: true } } };
    await expect(tryState(managed, PATH, pair(-1, 9), given)).rejects.toMatchObject({
      code: "state/wrong-type",
    });
  });

  test("a key that others may read is refused where it is written", async () => {
    await expect(tryState(managed, PATH, { ...pair(-1, 9), mode: "0644" }, empty)).rejects.toMatchObject({
      code: "state/params",
    });
  });
});

describe("cert.selfsigned", () => {
  const names = ["web.example", "10.0.0.1", "2001:db8::1"];

  test("is made once, and stays while it is good", async () => {
    const { host, left } = await tryState(selfSigned, PATH, { names }, empty);
    expect(left).toEqual({});
    const before = text(host, `${PATH}/fullchain.pem`);
    await tryState(selfSigned, PATH, { names }, host);
    expect(text(host, `${PATH}/fullchain.pem`)).toBe(before);
  });

  test.each(["ec", "rsa"])("one with an %s key is a whole certificate with its names", async (keyType) => {
    const { host } = await tryState(selfSigned, PATH, { names, keyType }, empty);
    const leaf = new X509Certificate(text(host, `${PATH}/fullchain.pem`));
    expect(leaf.subjectAltName).toBe("DNS:web.example, IP Address:10.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1");
    expect(leaf.verify(leaf.publicKey)).toBe(true);
    expect(leaf.checkPrivateKey(createPrivateKey(text(host, `${PATH}/privkey.pem`)))).toBe(true);
  });

  test.each([
    ["its end is near", pair(-60, 29), {}, "ends on"],
    ["it lacks a name", pair(-1, 300), { names: ["web.example", "b.example"] }, "not valid for b.example"],
    ["its key is of another type", pair(-1, 300), { keyType: "rsa" }, "with a key of the type ec"],
    ["its key is another's", { ...pair(-1, 300), privateKey: pair(0, 1).privateKey }, {}, "unusable"],
    ["it is rubbish", { certificate: "x", privateKey: "y" }, {}, "unusable"],
  ])("is made anew when %s", async (_, { certificate, privateKey }, params, from) => {
    const { changes, left } = await tryState(
      selfSigned,
      PATH,
      { names: ["web.example"], ...params },
      {
        files: {
          [PATH]: { link: ".web.v1" },
          "/etc/ssl/boma/.web.v1/fullchain.pem": certificate,
          "/etc/ssl/boma/.web.v1/privkey.pem": { contents: privateKey, mode: "0600" },
        },
      },
    );
    expect(changes["certificate"]?.from).toContain(from);
    expect(left).toEqual({});
  });

  test("another owner does not make another key", async () => {
    const { host } = await tryState(selfSigned, PATH, { names }, empty);
    const before = text(host, `${PATH}/privkey.pem`);
    await tryState(selfSigned, PATH, { names, owner: "caddy" }, host);
    expect(text(host, `${PATH}/privkey.pem`)).toBe(before);
    expect(at(host, `${PATH}/privkey.pem`)).toMatchObject({ owner: "caddy" });
  });

  test("a time of renewal as long as its life would never end, and is refused", async () => {
    await expect(tryState(selfSigned, PATH, { names, days: 30, renewBefore: "30d" })).rejects.toMatchObject({
      code: "state/params",
    });
  });
});

describe("cert.request", () => {
  const FILE = "/etc/ssl/private/web.key";
  const given: Given = { files: { "/etc/ssl/private": { directory: true } } };

  test("the key is for its owner only, the request for all", async () => {
    const { host } = await tryState(request, FILE, { names: ["web.example", "10.0.0.1"] }, given);
    expect(at(host, FILE)).toMatchObject({ mode: "0600" });
    expect(at(host, `${FILE}.csr`)).toMatchObject({ mode: "0644" });
  });

  test("the key stays when other names are asked for", async () => {
    const { host } = await tryState(request, FILE, { names: ["web.example"] }, given);
    const before = text(host, FILE);
    const { changes } = await tryState(request, FILE, { names: ["b.example"] }, host);
    expect(Object.keys(changes)).toEqual(["request"]);
    expect(text(host, FILE)).toBe(before);
  });

  test("a request for another key is made anew", async () => {
    const files = { [FILE]: EXAMPLE_KEY, [`${FILE}.csr`]: requestFor(makeKey("ec"), ["web.example"]) };
    const { changes } = await tryState(request, FILE, { names: ["web.example"] }, { files });
    expect(Object.keys(changes)).toContain("request");
  });

  test("a file that is no key is not replaced", async () => {
    await expect(
      tryState(request, FILE, { names: ["web.example"] }, { files: { [FILE]: "precious" } }),
    ).rejects.toMatchObject({ code: "state/blocked" });
  });

  test("its key serves cert.managed without leaving the machine", async () => {
    const { host } = await tryState(request, FILE, { names: ["web.example"] }, given);
    const key = createPrivateKey(text(host, FILE));
    const certificate = sign(key, ["web.example"], {
      from: new Date(Date.now() - DAY_MS),
      to: new Date(Date.now() + DAY_MS),
    });
    await host.ports.files.write.makeDirectory("/etc/ssl/boma");
    const { left } = await tryState(managed, PATH, { certificate, privateKeyFile: FILE }, host);
    expect(left).toEqual({});
  });
});

function at({ tree }: MemoryHost, path: string) {
  const link = tree.get(PATH);
  const real = link?.type === "link" ? path.replace(PATH, `/etc/ssl/boma/${link.target}`) : path;
  return tree.get(real);
}
function text(host: MemoryHost, path: string): string {
  const entry = at(host, path);
  return entry?.type === "file" ? Buffer.from(entry.bytes).toString() : "";
}

/** What a reader would find after each writing step. */
async function eachStepOf(host: MemoryHost, work: () => Promise<unknown>): Promise<[string, string][]> {
  const seen: [string, string][] = [];
  const look = (): void =>
    void seen.push([text(host, `${PATH}/fullchain.pem`), text(host, `${PATH}/privkey.pem`)]);
  const write = host.ports.files.write as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  for (const method of ["write", "makeDirectory", "link", "chmod", "remove"]) {
    const call = write[method]!;
    write[method] = async (...args) => {
      const made = await call(...args);
      look();
      return made;
    };
  }
  await work();
  return seen;
}
