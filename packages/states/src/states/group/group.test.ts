import { expect, test } from "vitest";

import type { Given } from "../../testing/index.ts";
import { tryState } from "../../testing/try-state.ts";
import absent from "./absent.ts";
import present from "./present.ts";

const given: Given = { users: { anna: {}, ben: {} }, groups: { media: { gid: 900, members: ["ben"] } } };

test("members are added, and others stay unless they are exclusive", async () => {
  const added = await tryState(present, "media", { members: ["anna"] }, given);
  expect((await added.host.ports.accounts.read.group("media"))?.members).toEqual(["anna", "ben"]);
  const only = await tryState(present, "media", { members: ["anna"], exclusiveMembers: true }, given);
  expect((await only.host.ports.accounts.read.group("media"))?.members).toEqual(["anna"]);
});

test("a gid that another group has is refused by its name", async () => {
  await expect(tryState(present, "video", { gid: 900 }, given)).rejects.toMatchObject({
    code: "state/blocked",
    message: "the gid 900 for video is taken by media",
  });
});

test("a group keeps its gid unless changing it is said", async () => {
  await expect(tryState(present, "media", { gid: 901 }, given)).rejects.toMatchObject({
    code: "state/blocked",
  });
  const { host } = await tryState(present, "media", { gid: 901, changeGid: true }, given);
  expect((await host.ports.accounts.read.group("media"))?.gid).toBe(901);
});

test("an id that means none is refused", async () => {
  await expect(tryState(present, "media", { gid: 65_535 })).rejects.toMatchObject({ code: "state/params" });
});

test("the primary group of a user is not removed, and the message says whose it is", async () => {
  await expect(tryState(absent, "anna", {}, given)).rejects.toMatchObject({
    code: "state/blocked",
    message: "the group anna is the primary one of anna",
  });
});

test("the group of root is not removed, by whatever name", async () => {
  await expect(tryState(absent, "root")).rejects.toMatchObject({ code: "state/params" });
  await expect(tryState(absent, "wheel", {}, { groups: { wheel: { gid: 0 } } })).rejects.toThrow();
});

test("a group that only a directory knows is not shadowed", async () => {
  await expect(tryState(present, "ldap", {}, { groups: { ldap: { local: false } } })).rejects.toMatchObject({
    code: "state/blocked",
    message: expect.stringContaining("comes from a directory"),
  });
});
