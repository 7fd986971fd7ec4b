/** Who could log in, by what sshd says of itself: each rule that turns somebody away, one by one. */
import { describe, expect, test } from "vitest";

import { readHost } from "../../host/host.ts";
import { type Given, memoryHost } from "../../testing/index.ts";
import { isOpenTo, isWithin } from "./login-patterns.ts";
import { whyTurnedAway } from "./login-proof.ts";
import { matchLines } from "./sshd-config.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f anna";
const OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB ben";
const FILE = "/home/anna/.ssh/authorized_keys";
const PLAIN = {
  pubkeyauthentication: "yes",
  authorizedkeysfile: ".ssh/authorized_keys .ssh/authorized_keys2",
  permitrootlogin: "no",
  usepam: "yes",
  trustedusercakeys: "none",
  authenticationmethods: "any",
};

const given = (line = KEY, mode = "0600", user: object = {}): Given => ({
  users: { anna: { uid: 1000, group: "anna", home: "/home/anna", shell: "/bin/bash", ...user } },
  groups: { ops: { members: ["anna"] } },
  files: {
    "/home/anna": { directory: true, owner: "anna", mode: "0700" },
    "/home/anna/.ssh": { directory: true, owner: "anna", mode: "0700" },
    [FILE]: { contents: `${line}\n`, owner: "anna", mode },
  },
});
const why = (rules: Readonly<Record<string, string>>, machine: Given = given(), key?: string) =>
  whyTurnedAway(
    { user: "anna", from: "10.0.0.7", ...(key !== undefined && { key }) },
    new Map(Object.entries({ ...PLAIN, ...rules }).map(([keyword, value]) => [keyword, [value]])),
    readHost(memoryHost(machine).ports),
  );

describe("somebody", () => {
  test.each<[string, Record<string, string>]>([
    ["with a key that lies there", {}],
    ["whom a pattern names", { allowusers: "root an?a" }],
    ["from a network that is named", { allowusers: "anna@10.0.0.0/24" }],
    ["whose group is named", { allowgroups: "wheel ops" }],
    ["whose key lies below /etc", { authorizedkeysfile: "/home/%u/.ssh/authorized_keys" }],
    ["where other algorithms are off", { pubkeyacceptedalgorithms: "ssh-ed25519,rsa-sha2-512" }],
  ])("%s gets in", async (_, rules) => {
    expect(await why(rules)).toBeUndefined();
    expect(await why(rules, given(), KEY)).toBeUndefined();
  });

  test.each<[Record<string, string>, string]>([
    [{ allowusers: "nobodyhere" }, "AllowUsers nobodyhere does not let anna in from 10.0.0.7"],
    [{ allowusers: "anna@192.0.2.0/24" }, "does not let anna in from 10.0.0.7"],
    [{ denyusers: "*" }, "DenyUsers * keeps anna out"],
    [{ allowgroups: "wheel" }, "names none of the groups of anna (ops anna)"],
    [{ denygroups: "ops" }, "DenyGroups ops keeps anna out"],
    [{ pubkeyauthentication: "no" }, "PubkeyAuthentication is off"],
    [{ authenticationmethods: "publickey,keyboard-interactive" }, "a key alone is not enough"],
    [{ authorizedkeysfile: "none" }, "AuthorizedKeysFile is none"],
    [{ authorizedkeysfile: "/etc/keys/%u" }, "no key lets anna in: there is no /etc"],
    [{ pubkeyacceptedalgorithms: "rsa-sha2-512" }, "is not accepted from 10.0.0.7"],
  ])("is turned away by %j", async (rules, said) => {
    expect(await why(rules)).toContain(said);
  });

  test.each<[string, Given, string]>([
    ["a file that others may write", given(KEY, "0620"), `others may write ${FILE} (0620)`],
    ["a key that opens from elsewhere only", given(`from="192.0.2.0/24" ${KEY}`), "is not accepted from"],
    ["a key with a forced command", given(`command="/bin/true" ${KEY}`), "is not accepted from"],
    ["a shell that ends at once", given(KEY, "0600", { shell: "/usr/sbin/nologin" }), "the shell of anna is"],
    ["an account whose time is over", given(KEY, "0600", { expires: 1 }), "has expired"],
    ["another key than the one that was named", given(OTHER), "has no such key"],
  ])("is turned away by %s", async (_, machine, said) => {
    expect(await why({}, machine, KEY)).toContain(said);
  });

  test("with a password gets in where passwords do, and nobody said which key it must be", async () => {
    const machine = given("# none", "0600", { password: `$6$saltsalt$${"a".repeat(86)}` });
    expect(await why({ passwordauthentication: "yes" }, machine)).toBeUndefined();
    expect(await why({ passwordauthentication: "yes" }, machine, KEY)).toContain("has no such key");
    expect(await why({ passwordauthentication: "no" }, machine)).toContain("no key lets anna in");
  });

  test("who is locked is turned away without PAM only", async () => {
    const machine = given(KEY, "0600", { password: "!" });
    expect(await why({}, machine)).toBeUndefined();
    expect(await why({ usepam: "no" }, machine)).toContain("anna is locked");
  });
});

test("patterns are those of sshd: a sign, several, networks of both kinds, and nothing by `!`", () => {
  expect(isOpenTo("an?a", "anna", "::1")).toBe(true);
  expect(isOpenTo("a.na", "anna", "::1")).toBe(false);
  expect(isOpenTo("*@fd00::/8", "anna", "fd00::7")).toBe(true);
  expect(isOpenTo("*@fd00::/8", "anna", "10.0.0.1")).toBe(false);
  expect(isOpenTo("*@10.0.0.*", "anna", "10.0.0.1")).toBe(true);
  expect(isOpenTo("!anna", "ben", "10.0.0.1")).toBe(false);
  expect(isWithin("10.0.0.0/8", "10.1.0.0/16")).toBe(true);
  expect(isWithin("10.1.0.0/16", "10.0.0.0/8")).toBe(false);
});

test("what stands in Match blocks is found with its line", () => {
  const text =
    "Port 22\n# Match none\nmatch User anna\n\tPasswordAuthentication=yes\nMatch all\nX11Forwarding no\n";
  expect(matchLines("/f", text)).toEqual([
    { file: "/f", line: 4, condition: "User anna", keyword: "PasswordAuthentication", value: "yes" },
    { file: "/f", line: 6, condition: "all", keyword: "X11Forwarding", value: "no" },
  ]);
});
