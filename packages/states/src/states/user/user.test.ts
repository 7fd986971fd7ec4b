import { describe, expect, test } from "vitest";

import { type Given, memoryHost } from "../../testing/index.ts";
import { tryState } from "../../testing/try-state.ts";
import absent from "./absent.ts";
import present from "./present.ts";

const HASH = `$6$saltsalt$${"a".repeat(86)}`;
const anna: Given = {
  users: { anna: { uid: 1000, home: "/home/anna" } },
  groups: { sudo: { members: ["anna"] }, games: { members: [] } },
  files: { "/home/anna": { directory: true, owner: "anna" } },
};

describe("groups", () => {
  test("are added, and the others stay, where nothing else is said", async () => {
    const { host, left } = await tryState(present, "anna", { groups: ["games"] }, anna);
    expect((await host.ports.accounts.read.user("anna"))?.groups).toEqual(["games", "sudo"]);
    expect(left).toEqual({});
  });

  test("that are not listed are left only with exclusiveGroups", async () => {
    const { host } = await tryState(present, "anna", { groups: ["games"], exclusiveGroups: true }, anna);
    expect((await host.ports.accounts.read.user("anna"))?.groups).toEqual(["games"]);
  });

  test("need not repeat the primary one", async () => {
    const { changes } = await tryState(present, "anna", { group: "anna", groups: ["anna", "sudo"] }, anna);
    expect(changes).toEqual({});
  });

  test("are said where they are to be exclusive", async () => {
    await expect(tryState(present, "anna", { exclusiveGroups: true }, anna)).rejects.toMatchObject({
      code: "state/params",
      message: expect.stringContaining("needs `groups`"),
    });
  });
});

describe("a uid", () => {
  test("is not changed while processes of the user run", async () => {
    const given = { users: { anna: { uid: 1000, processes: 2 } } };
    await expect(tryState(present, "anna", { uid: 1500, changeUid: true }, given)).rejects.toMatchObject({
      code: "state/blocked",
      message: expect.stringContaining("2 of its processes run"),
    });
  });

  test("is not changed where the user owns a home, unless that is said", async () => {
    await expect(tryState(present, "anna", { uid: 1500 }, anna)).rejects.toMatchObject({
      code: "state/blocked",
      message: "anna has the uid 1000 and should have 1500, but it owns /home/anna",
    });
    const { host } = await tryState(present, "anna", { uid: 1500, changeUid: true }, anna);
    expect((await host.ports.accounts.read.user("anna"))?.uid).toBe(1500);
  });

  test("that another has is refused by that one's name", async () => {
    await expect(tryState(present, "ben", { uid: 1000 }, anna)).rejects.toMatchObject({
      code: "state/blocked",
      message: "the uid 1000 for ben is taken by anna",
    });
  });
});

describe("a password", () => {
  test.each(["hunter2", "", "$1$salt$aaaaaaaaaaaaaaaaaaaaaa", `${HASH}\nroot:${HASH}`, `${HASH}:`])(
    "in the form of %j is refused, and the message says how to make a hash",
    async (password) => {
      await expect(tryState(present, "anna", { password }, anna)).rejects.toMatchObject({
        code: "state/params",
        message: expect.stringContaining("mkpasswd -m yescrypt"),
      });
    },
  );

  test("that came as a secret and is no hash is refused on the node, and not repeated", async () => {
    const { ports } = memoryHost(anna);
    const want = present.spec.params.parse({ name: "anna", password: HASH });
    const checked = present.spec.check({ ...want, password: "hunter2" }, {
      files: ports.files.read,
      accounts: ports.accounts.read,
    } as never);
    await expect(checked).rejects.toMatchObject({
      code: "state/params",
      message: expect.not.stringContaining("hunter2"),
    });
  });

  test("of before does not show in the changes", async () => {
    const given = { ...anna, users: { anna: { uid: 1000, password: "$6$old$canary" } } };
    const { changes } = await tryState(present, "anna", { password: HASH }, given);
    expect(JSON.stringify(changes)).not.toContain("canary");
    expect(changes).toEqual({ password: { from: "(another hash)", to: HASH } });
  });

  test("in plain sight in the site is a warning; a secret is not", () => {
    const want = present.spec.params.parse({ name: "anna", password: HASH });
    expect(present.spec.warnings!(want, {})).toHaveLength(1);
    expect(present.spec.warnings!({ ...want, password: { $secret: "file:x" } as never }, {})).toEqual([]);
  });
});

test("a home is made whole from /etc/skel, private, with the user as owner of all", async () => {
  const { host, read } = await tryState(
    present,
    "anna",
    {},
    {
      files: {
        "/home": { directory: true },
        "/etc/skel/.profile": "umask 027\n",
        "/etc/skel/.config/app/rc": { contents: "x\n", mode: "0600" },
        "/etc/skel/.link": { link: ".profile" },
      },
    },
  );
  expect(await read("/home/anna/.config/app/rc")).toBe("x\n");
  expect(host.tree.get("/home/anna")).toMatchObject({ mode: "0700", owner: "anna" });
  expect(host.tree.get("/home/anna/.config/app/rc")).toMatchObject({ mode: "0600", owner: "anna" });
  expect(host.tree.get("/home/anna/.link")).toMatchObject({ type: "link", target: ".profile" });
  expect([...host.tree.keys()].filter((path) => path.startsWith("/home/.boma"))).toEqual([]);
});

test("a home that is there is not touched", async () => {
  const { host, changes } = await tryState(
    present,
    "anna",
    {},
    {
      ...anna,
      files: { "/home/anna/notes": "milk\n" },
    },
  );
  expect(changes).toEqual({});
  expect(host.log).toEqual([]);
});

test("a group that has the user's name already becomes its own", async () => {
  const given: Given = { groups: { anna: { gid: 700 } }, files: { "/home": { directory: true } } };
  const { host } = await tryState(present, "anna", {}, given);
  expect((await host.ports.accounts.read.user("anna"))?.gid).toBe(700);
});

test.each([
  ["user.present", present],
  ["user.absent", absent],
])("%s refuses a user whom only a directory knows", async (_, state) => {
  const given = { users: { anna: { local: false } } };
  await expect(tryState(state, "anna", {}, given)).rejects.toMatchObject({
    code: "state/blocked",
    message: expect.stringContaining("comes from a directory"),
  });
});

test("what user.present owns and comes after is said", () => {
  const want = present.spec.params.parse({
    name: "anna",
    uid: 7,
    group: "staff",
    groups: ["sudo"],
    home: "/srv/anna",
  });
  expect(present.spec.claims!(want)).toEqual(["user:anna", "uid:7"]);
  expect(present.spec.after!(want)).toEqual(["group:staff", "group:sudo", "file:/srv"]);
});

describe("removing a user", () => {
  test("leaves the files", async () => {
    const { host } = await tryState(absent, "anna", {}, anna);
    expect(await host.ports.accounts.read.user("anna")).toBeUndefined();
    expect(host.tree.has("/home/anna")).toBe(true);
  });

  test("takes the home where that is said", async () => {
    const { host } = await tryState(absent, "anna", { removeHome: true }, anna);
    expect(host.tree.has("/home/anna")).toBe(false);
    expect(host.tree.has("/home")).toBe(true);
  });

  test.each([
    ["/", "it is a directory of the system", {}],
    ["/home/../etc", "it is not a plain path", {}],
    ["/home", "it is a directory of the system", { "/home": { directory: true, owner: "anna" } }],
    ["/var/lib", "it is a directory of the system", { "/var/lib": { directory: true, owner: "anna" } }],
    ["/srv/www", "it belongs to root", { "/srv/www": { directory: true } }],
    ["/srv/link", "it is a link", { "/srv/link": { link: "/etc" } }],
    ["/srv/all", "ben lives there too", { "/srv/all": { directory: true, owner: "anna" } }],
  ] as const)("never takes a home in %s: %s", async (home, why, files) => {
    const given: Given = { users: { anna: { home }, ben: { home: "/srv/all/ben" } }, files };
    await expect(tryState(absent, "anna", { removeHome: true }, given)).rejects.toMatchObject({
      code: "state/blocked",
      message: expect.stringContaining(why),
    });
  });

  test("is refused while its processes run, unless they may be ended", async () => {
    const given = { users: { anna: { processes: 3 } } };
    await expect(tryState(absent, "anna", {}, given)).rejects.toMatchObject({
      code: "state/blocked",
      message: "anna is not removed: 3 of its processes run",
    });
    const { left } = await tryState(absent, "anna", { endProcesses: true }, given);
    expect(left).toEqual({});
  });

  test("never means root, by whatever name", async () => {
    await expect(tryState(absent, "root")).rejects.toMatchObject({ code: "state/params" });
    await expect(tryState(absent, "toor", {}, { users: { toor: { uid: 0 } } })).rejects.toMatchObject({
      code: "state/blocked",
    });
  });

  test("never means the agent's own user", async () => {
    const host = memoryHost({ users: { boma: { uid: 900 } } });
    host.ports.accounts.read.ownUid = async () => 900;
    await expect(tryState(absent, "boma", {}, host)).rejects.toMatchObject({
      message: "boma is the user that this agent runs as",
    });
  });
});

describe("the last who can get in and become root", () => {
  const admins = (other: string, keys = "ssh-ed25519 AAAA\n"): Given => ({
    users: {
      anna: { uid: 1000, shell: "/bin/bash" },
      ben: { uid: 1001, home: "/home/ben", shell: "/bin/bash" },
    },
    files: { "/home/ben/.ssh/authorized_keys": keys },
    commands: {
      "sudo -n -l -U anna": { stdout: "    (ALL) ALL\n" },
      "sudo -n -l -U ben": { stdout: other },
    },
  });
  const last = { code: "state/blocked", message: expect.stringContaining("anna is the last") };

  test.each([
    ["only they can become root", admins("    (root) /bin/true\n")],
    ["the other has no key", admins("    (ALL) ALL\n", "")],
  ])("is neither removed nor shut out while %s", async (_, given) => {
    await expect(tryState(absent, "anna", {}, given)).rejects.toMatchObject(last);
    await expect(tryState(present, "anna", { shell: "/usr/sbin/nologin" }, given)).rejects.toMatchObject(
      last,
    );
    await expect(tryState(present, "anna", { expires: "2020-01-01" }, given)).rejects.toMatchObject(last);
  });

  test("may go once another can", async () => {
    const { changes } = await tryState(absent, "anna", {}, admins("    (ALL) NOPASSWD: ALL\n"));
    expect(changes).toMatchObject({ present: { to: false } });
  });
});
