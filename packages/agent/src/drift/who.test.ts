import { describe, expect, test } from "vitest";

import { aptDeed } from "./apt-history.ts";
import { actingAt } from "./sessions.ts";

const AT = Date.UTC(2026, 10, 21, 12);
const line = (atMs: number, MESSAGE: string, pid: number, more: object = {}): string =>
  JSON.stringify({
    __REALTIME_TIMESTAMP: String((AT + atMs) * 1000),
    MESSAGE,
    _PID: String(pid),
    _COMM: "sudo",
    _EXE: "/usr/bin/sudo",
    _UID: "1000",
    ...more,
  });
const sudo = (atMs: number, user: string, command: string, pid: number): string =>
  line(atMs, `    ${user} : TTY=pts/0 ; PWD=/etc ; USER=root ; COMMAND=${command}`, pid);
const closed = (atMs: number, pid: number): string =>
  line(atMs, "pam_unix(sudo:session): session closed for user root", pid);
const door = { _COMM: "sshd", _EXE: undefined, _UID: "0" };
const ssh = (atMs: number, address: string, pid: number): string =>
  line(atMs, `Accepted publickey for root from ${address} port 4022 ssh2: ED25519 SHA256:x`, pid, door);

const who = (...lines: string[]): readonly string[] => actingAt(lines, AT, ["/etc/motd", "nginx.service"]);

describe("who acted as root", () => {
  test("is whoever named the file in a command that ran then", () => {
    expect(who(sudo(-20, "alice", "/usr/bin/tee /etc/motd", 1), closed(5, 1))).toEqual(["alice (sudo tee)"]);
    expect(who(sudo(-20, "alice", "/usr/bin/tee motd", 1))).toEqual(["alice (sudo tee)"]);
    expect(who(sudo(-20, "alice", "/usr/bin/systemctl stop nginx", 1))).toEqual(["alice (sudo systemctl)"]);
    expect(who(sudo(-20, "alice", "/bin/sh -c 'echo >/etc/motd'", 1))).toEqual(["alice (sudo sh)"]);
  });
  test("is that one, and not another who was there too", () => {
    const both = [sudo(-60_000, "bob", "/bin/bash", 1), sudo(-20, "alice", "/usr/bin/vi /etc/motd", 2)];
    expect(who(...both)).toEqual(["alice (sudo vi)"]);
  });
  test("is the only one who was root then, whatever was done", () => {
    expect(who(sudo(-3_600_000, "alice", "/bin/bash", 1))).toEqual(["alice (sudo bash)"]);
    expect(who(ssh(-3_600_000, "10.0.0.7", 1))).toEqual(["root from 10.0.0.7 (ssh)"]);
  });
  test("is nobody where two could have been it", () => {
    expect(who(sudo(-60_000, "bob", "/bin/bash", 1), sudo(-60_000, "alice", "/bin/bash", 2))).toEqual([]);
    expect(who(ssh(-10, "10.0.0.7", 1), ssh(-10, "10.0.0.8", 2))).toEqual([]);
  });
  test("is nobody who had left before, or came after", () => {
    expect(who(sudo(-60_000, "alice", "/usr/bin/vi /etc/motd", 1), closed(-30_000, 1))).toEqual([]);
    expect(who(sudo(30_000, "alice", "/usr/bin/vi /etc/motd", 1))).toEqual([]);
  });
  test("is nobody whom another program names, or whom sudo turned away", () => {
    const forged = line(-20, "alice : PWD=/ ; USER=root ; COMMAND=/usr/bin/vi /etc/motd", 1, {
      _EXE: "/home/mallory/sudo",
    });
    const refused = line(
      -20,
      "alice : command not allowed ; PWD=/ ; USER=root ; COMMAND=/usr/bin/vi /etc/motd",
      1,
    );
    expect(who(forged, refused, "no json")).toEqual([]);
    expect(
      who(line(-20, "Accepted publickey for root from 10.0.0.7 port 1 ssh2", 1, { ...door, _UID: "1000" })),
    ).toEqual([]);
  });
  test("is told without the words of the command, which may hold a secret", () => {
    expect(JSON.stringify(who(sudo(-20, "alice", "/usr/bin/mysql -phunter2", 1)))).not.toContain("hunter2");
  });
});

describe("what apt wrote", () => {
  const history = `
Start-Date: 2026-11-21  09:00:00
Commandline: apt-get install nginx
Requested-By: bob (1001)
Install: nginx:amd64 (1.22.1-9), nginx-common:amd64 (1.22.1-9, automatic)
End-Date: 2026-11-21  09:00:05

Start-Date: 2026-11-21  10:00:00
Commandline: /usr/bin/apt-get -y remove nginx
Requested-By: alice (1000)
Remove: nginx:amd64 (1.22.1-9)
End-Date: 2026-11-21  10:00:05
`;
  const at = (time: string): number => Date.parse(`2026-11-21T${time}`);
  test("names who asked for it last, and when", () => {
    expect(aptDeed(history, ["nginx"], at("08:00:00"))).toEqual({
      at: at("10:00:00"),
      who: "alice (apt-get remove)",
    });
    expect(aptDeed(history, ["nginx-common"], at("08:00:00"))?.who).toBe("bob (apt-get install)");
  });
  test("names nobody for what was before, or for another package", () => {
    expect(aptDeed(history, ["nginx"], at("11:00:00"))).toBeUndefined();
    expect(aptDeed(history, ["ngin"], 0)).toBeUndefined();
  });
});
