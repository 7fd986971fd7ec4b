import { type Command, type Exit, writeHost } from "@boma/states";
import { type Given, memoryHost } from "@boma/states/testing";
import { describe, expect, test } from "vitest";

import { realAccounts } from "./accounts.ts";

const FILES: NonNullable<Given["files"]> = {
  "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\nanna:x:1000:1000:Anna:/home/anna:/bin/sh\nnoise\n",
  "/etc/group": "root:x:0:\nanna:x:1000:\nsudo:x:27:ben,anna\nadm:x:4:anna\n",
  "/etc/shadow": "root:*:19000:0:99999:7:::\nanna:$6$salt$hash:19000:0:99999:7::20849:\n",
};

/** The port on files of memory, with each program that it ran. */
function port(given: Given = { files: FILES }) {
  const { ports } = memoryHost(given);
  const host = writeHost(ports);
  const ran: Command[] = [];
  const must = async (command: Command): Promise<Exit> => {
    ran.push(command);
    return { exitCode: 0, signal: null, stdout: "", stderr: "", cut: false };
  };
  const session = { signal: new AbortController().signal, line: () => undefined };
  const accounts = realAccounts({ session, files: host.files, commands: { ...host.commands, must } });
  return { ...accounts, ran };
}

describe("looking", () => {
  test("puts an account together from passwd, group and shadow", async () => {
    expect(await port().read.user("anna")).toEqual({
      name: "anna",
      uid: 1000,
      gid: 1000,
      comment: "Anna",
      home: "/home/anna",
      shell: "/bin/sh",
      groups: ["adm", "sudo"],
      password: "$6$salt$hash",
      expires: 20_849,
      local: true,
    });
  });

  test("without the right to read shadow a password is unknown, and the rest is not", async () => {
    const { "/etc/shadow": _shadow, ...files } = FILES;
    expect(await port({ files }).read.user("anna")).toMatchObject({ uid: 1000, password: undefined });
  });

  test("names the lines that it passed over", async () => {
    expect(await port().read.oddities()).toEqual(["/etc/passwd:3: is not an entry"]);
  });

  test("finds what only a directory knows, and says that it is not local", async () => {
    const commands = {
      "getent passwd ldapper": { stdout: "ldapper:*:70000:70000::/home/ldapper:/bin/sh\n" },
      "getent group ldappers": { stdout: "ldappers:*:70000:anna\n" },
      getent: { exitCode: 2 },
    };
    const { read } = port({ files: FILES, commands });
    expect(await read.user("ldapper")).toMatchObject({ uid: 70_000, local: false });
    expect(await read.group("ldappers")).toEqual({
      name: "ldappers",
      gid: 70_000,
      members: ["anna"],
      local: false,
    });
    expect(await read.user("nobody-knows")).toBeUndefined();
    expect((await read.users()).map(({ name }) => name)).toEqual(["root", "anna"]);
  });

  test("counts the processes of a uid", async () => {
    const { read } = port();
    expect(await read.processesOf(process.getuid!())).toBeGreaterThan(0);
    expect(await read.processesOf(3_999_999_999)).toBe(0);
  });
});

describe("changing", () => {
  test("says to useradd what was said, and makes no home", async () => {
    const { write, ran } = port();
    await write.addUser("ben", {
      uid: 7,
      groups: ["adm", "sudo"],
      shell: "/bin/sh",
      comment: "-x y",
      expires: "never",
    });
    await write.addUser("svc", { group: "adm", system: true });
    expect(ran.map(({ argv }) => argv.join(" "))).toEqual([
      "useradd --no-create-home --user-group --uid 7 --groups adm,sudo --shell /bin/sh --comment -x y --expiredate  -- ben",
      "useradd --no-create-home --gid adm --system -- svc",
    ]);
  });

  test("a hash goes through standard input, never through arguments or lines that are shown", async () => {
    const { write, ran } = port();
    await write.setPassword("anna", "$6$salt$canary");
    expect(ran).toEqual([{ argv: ["chpasswd", "--encrypted"], stdin: "anna:$6$salt$canary\n", quiet: true }]);
  });

  test.each(["x\nroot:$6$x", "a:b", "a\0b"])(
    "the hash %j would be more than one line, and is refused",
    async (hash) => {
      const { write, ran } = port();
      await expect(write.setPassword("anna", hash)).rejects.toMatchObject({ code: "state/params" });
      expect(ran).toEqual([]);
    },
  );

  test("the agent does not end its own processes, nor those of root", async () => {
    const { write } = port();
    for (const uid of [0, process.getuid!()])
      await expect(write.endProcesses(uid)).rejects.toMatchObject({ code: "state/blocked" });
  });
});
