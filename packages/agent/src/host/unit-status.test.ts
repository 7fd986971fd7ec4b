import { expect, test } from "vitest";

import { parseJournal, parseUnits } from "./unit-status.ts";

const SHOWN = `Id=ssh.service
Description=OpenBSD Secure Shell server
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
Result=success
NRestarts=0
MainPID=412
ActiveEnterTimestampMonotonic=2813377
InvocationID=0f2b4c6d8e9a4b1c9d7e5f3a1b2c4d6e
NeedDaemonReload=no
CanReload=yes
TriggeredBy=ssh.socket
Type=notify

Id=nosuch.service
Description=nosuch.service
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
Result=success
NRestarts=0
MainPID=0
ActiveEnterTimestampMonotonic=0
InvocationID=
NeedDaemonReload=no
CanReload=no
TriggeredBy=
Type=simple
`;

test("each block is a unit, with its numbers as numbers", () => {
  const [ssh, none] = parseUnits(SHOWN);
  expect(ssh).toEqual({
    unit: "ssh.service",
    description: "OpenBSD Secure Shell server",
    load: "loaded",
    active: "active",
    sub: "running",
    enabled: "enabled",
    result: "success",
    restarts: 0,
    mainPid: 412,
    activeSinceUs: 2_813_377,
    invocation: "0f2b4c6d8e9a4b1c9d7e5f3a1b2c4d6e",
    needsDaemonReload: false,
    canReload: true,
    triggeredBy: ["ssh.socket"],
    type: "notify",
  });
  expect(none).toMatchObject({
    unit: "nosuch.service",
    load: "not-found",
    enabled: "",
    invocation: "",
    triggeredBy: [],
  });
});

test("a unit that has no result and a word that nobody knows are not made up", () => {
  const [one] = parseUnits("Id=a.target\nLoadState=stub\nActiveState=maintenance\n");
  expect(one).toMatchObject({ unit: "a.target", load: "error", active: "inactive", result: "success" });
});

test("a line of the journal that is not text is read as its bytes, and what is no entry is left out", () => {
  const rows = [
    '{"__REALTIME_TIMESTAMP":"1700000000123456","_SYSTEMD_UNIT":"a.service","PRIORITY":"3","MESSAGE":"no"}',
    '{"__REALTIME_TIMESTAMP":"1700000001000000","UNIT":"a.service","MESSAGE":[104,105]}',
    '{"__REALTIME_TIMEST… 4000 bytes left out',
    "-- No entries --",
  ];
  expect(parseJournal(rows.join("\n"))).toEqual([
    { atMs: 1_700_000_000_123, unit: "a.service", priority: 3, text: "no" },
    { atMs: 1_700_000_001_000, unit: "a.service", priority: 6, text: "hi" },
  ]);
});
