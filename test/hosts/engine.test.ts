/**
 * Goal: a tree makes a real machine so, a second time it has nothing to do, and an
 * agent that is killed in the middle leaves nothing that the next one cannot finish.
 * Method: `boma-agent apply` and a real master's `state.apply` on hosts with systemd.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { RunReport } from "@boma/states";
import { describe, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { type Host, onBridge, startHost } from "../support/host.ts";
import { run } from "../support/run.ts";

const resultsOf = (report: RunReport): Readonly<Record<string, string>> =>
  Object.fromEntries(report.results.map(({ id, result }) => [id, result]));

const errorsOf = (report: RunReport): readonly unknown[] =>
  report.results.flatMap(({ error }) => error ?? []);

const WEB = `import { file, pkg, service, systemd, tree } from "@boma/states";
export default tree(() => {
  const nginx = pkg.installed("nginx-light");
  const site = file.managed("/etc/nginx/conf.d/hello.conf", {
    contents: "server { listen 8080; location / { return 200 hello; } }\\n",
    require: nginx,
  });
  const script = file.managed("/usr/local/bin/beat", { contents: "#!/bin/sh\\nexec sleep infinity\\n", mode: "0755" });
  const unit = systemd.unit("beat.service", { contents: "[Service]\\nExecStart=/usr/local/bin/beat\\n", require: script });
  return [nginx, site, script, unit,
    service.running("nginx", { enable: true, watch: site }),
    service.running("beat", { require: unit })];
});
`;

/** A tree whose second state stops in the middle, and says so, for as long as /run/gate is there. */
const GATED = `
- file.managed: /etc/first
  contents: "first\\n"
- cmd.run: gate
  shell: true
  command: "if [ -p /run/gate ]; then echo > /run/gate; exec sleep infinity; fi; echo done > /var/gate"
  creates: /var/gate
  require: [file.managed(/etc/first)]
- file.managed: /etc/last
  contents: "last\\n"
  require: [cmd.run(gate)]
`;

/** Begins an apply of GATED as a service, and returns while its second state runs. */
async function beginGated(host: Host): Promise<void> {
  await host.write("/root/gated.yaml", GATED);
  await host.must(["mkfifo", "/run/gate"]);
  await host.serviceAgent("gated", ["apply", "/root/gated.yaml", "--json"]);
  await host.must(["cat", "/run/gate"]);
}

async function finishesGated(host: Host): Promise<void> {
  expect(await host.read("/etc/first")).toBe("first\n");
  expect(await host.exists("/etc/last")).toBe(false);
  await host.must(["rm", "-f", "/run/gate"]);
  const report = await host.apply("/root/gated.yaml");
  expect(errorsOf(report)).toEqual([]);
  expect(Object.values(resultsOf(report))).toEqual(["ok", "changed", "changed"]);
  expect(await host.read("/etc/last")).toBe("last\n");
  expect((await host.apply("/root/gated.yaml")).summary).toMatchObject({ ok: 3, changed: 0 });
}

describe("a tree", () => {
  test("of packages, files, units and services converges, serves, and has nothing to do the second time", async () => {
    await using host = await startHost();
    await host.write("/root/web.ts", WEB);
    const first = await host.apply("/root/web.ts", [], { timeoutMs: 100_000 });
    expect(errorsOf(first)).toEqual([]);
    expect(first).toMatchObject({ ok: true, summary: { total: 6, failed: 0, skipped: 0 } });
    expect(await host.must(["curl", "--silent", "--show-error", "http://127.0.0.1:8080/"])).toBe("hello");
    expect(await host.must(["systemctl", "is-active", "nginx", "beat"])).toBe("active\nactive\n");
    const second = await host.apply("/root/web.ts");
    expect(second).toMatchObject({ ok: true, summary: { total: 6, ok: 6, changed: 0 } });
    await host.reboot();
    expect(await host.must(["systemctl", "is-active", "nginx"])).toBe("active\n");
  });

  test("is finished by the next apply when the agent is killed in the middle", async () => {
    await using host = await startHost();
    await beginGated(host);
    await host.must(["systemctl", "kill", "--kill-whom=all", "--signal=KILL", "gated"]);
    await finishesGated(host);
  });

  test("is finished by the next apply when the power is cut in the middle", async () => {
    await using host = await startHost();
    await beginGated(host);
    await host.powerCut();
    await host.boot();
    await finishesGated(host);
  });
});

test("a master applies a tree to two machines over the network; the second time nothing changes", async () => {
  await using one = await startHost({ name: "one" });
  await using two = await startHost({ name: "two" });
  await using fleet = await Fleet.start(await onBridge());
  await Promise.all([one, two].map((host) => host.enrol(fleet, { env: "dev" })));
  const site = join(fleet.home, "site");
  mkdirSync(site, { recursive: true });
  writeFileSync(
    join(site, "top.ts"),
    `import { file, service, top, tree } from "@boma/states";
const base = tree(({ node }) => [
  file.managed("/etc/motd", { contents: \`\${node.id}\\n\` }),
  service.running("cron", { enable: true }),
]);
export default top({ "env:dev": [base] });
`,
  );
  const first = await run(fleet, "env:dev", "state.apply");
  expect(first.value).not.toHaveProperty("error");
  expect(first.value.nodes).toMatchObject({ one: { status: "changed" }, two: { status: "changed" } });
  expect([await one.read("/etc/motd"), await two.read("/etc/motd")]).toEqual(["one\n", "two\n"]);
  const second = await run(fleet, "env:dev", "state.apply");
  expect(second.value.nodes).toMatchObject({ one: { status: "ok" }, two: { status: "ok" } });
});
