import { describe, expect, test } from "vitest";

import { type Given, memoryHost } from "../../testing/index.ts";
import { tryState } from "../../testing/try-state.ts";
import jail from "./jail.ts";

const PATH = "/etc/fail2ban/jail.d/boma-sshd.local";
const given = (more: Given = {}): Given => ({
  services: { ssh: { active: true }, fail2ban: {} },
  packages: { fail2ban: "1.0.2-2", "python3-systemd": "235-1" },
  commands: { "fail2ban-client": {}, nft: {} },
  ...more,
  files: { "/etc/fail2ban/jail.d": { directory: true }, ...more.files },
});
const attempt = (more: Given, params: object = {}) => tryState(jail, "sshd", params, given(more));

test("the file says what Debian's own does not: the journal, and nftables", async () => {
  const { read } = await tryState(jail, "sshd", { ignore: ["10.0.0.0/8"], ports: ["ssh", 2222] }, given());
  expect(await read(PATH)).toBe(
    [
      "# Kept by boma: changes made here are undone.",
      "[sshd]",
      "enabled = true",
      "filter = sshd",
      "backend = systemd",
      "port = ssh,2222",
      "maxretry = 5",
      "findtime = 600",
      "bantime = 3600",
      "ignoreself = true",
      "ignoreip = 10.0.0.0/8 127.0.0.0/8 ::1",
      "banaction = nftables-multiport",
      "banaction_allports = nftables-allports",
      "",
    ].join("\n"),
  );
});

describe("it is refused", () => {
  test("where administrators could ban themselves", async () => {
    await expect(attempt({}, { control: ["10.0.5.0/24"], ignore: ["10.0.6.0/24"] })).rejects.toMatchObject({
      code: "state/params",
      message: expect.stringContaining("its administrators could ban themselves"),
    });
  });

  test.each<[string, Given]>([
    ["there is no such unit", { services: { fail2ban: {} } }],
    ["python3-systemd", { packages: { fail2ban: "1.0.2-2" } }],
    ["there is no nft", { commands: { "fail2ban-client": {} } }],
    ["there is no fail2ban", { commands: { nft: {} } }],
  ])("because %s", async (why, more) => {
    await expect(attempt(more)).rejects.toMatchObject({
      code: "state/blocked",
      message: expect.stringContaining(why),
    });
  });

  test("by fail2ban itself, and then the file of before is back", async () => {
    const commands = {
      nft: {},
      "fail2ban-client": {},
      "fail2ban-client -t": { exitCode: 255, stdout: "No such filter" },
    };
    const host = memoryHost(given({ commands, files: { [PATH]: "[sshd]\nenabled = true\n" } }));
    await expect(tryState(jail, "sshd", {}, host)).rejects.toMatchObject({
      message: expect.stringContaining("No such filter"),
    });
    expect(await host.ports.files.read.readText(PATH)).toBe("[sshd]\nenabled = true\n");
  });
});

test("what the daemon goes by counts, and not what stands in the file alone", async () => {
  const says = (bantime: string): Given =>
    given({
      services: { ssh: {}, fail2ban: { active: true } },
      commands: {
        nft: {},
        "fail2ban-client": {},
        "fail2ban-client get sshd maxretry": { stdout: "5\n" },
        "fail2ban-client get sshd findtime": { stdout: "600\n" },
        "fail2ban-client get sshd bantime": { stdout: `${bantime}\n` },
        "fail2ban-client get sshd ignoreip": {
          stdout: "These IP addresses/networks are ignored:\n|- 127.0.0.0/8\n`- ::1\n",
        },
      },
    });
  expect((await tryState(jail, "sshd", {}, says("3600"))).left).toEqual({});
  await expect(tryState(jail, "sshd", {}, says("600"))).rejects.toMatchObject({
    code: "state/not-converged",
  });
});
