/** Files on a real machine: each state twice, and what only a real kernel refuses. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { type Host, startHost } from "../support/host.ts";

let host: Host;
beforeAll(async () => {
  host = await startHost({ name: "files" });
  await host.must(["useradd", "--create-home", "--shell", "/bin/sh", "app"]);
}, 600_000);
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
});

const sh = (script: string): Promise<string> => host.must(["sh", "-ec", script]);
const fails = async (state: string, key: string, params: object = {}) =>
  (await host.converge(state, key, params)).error ?? { code: "nothing failed", message: "" };

describe("states", () => {
  test("file.managed makes, changes and validates a file, and keeps what was there", async () => {
    await host.convergesTwice("file.managed", "/srv/a/b/motd", {
      contents: "one\n",
      owner: "app",
      group: "games",
      mode: "4750",
      createDirs: true,
    });
    expect(await sh("stat -c '%A %U:%G' /srv/a/b/motd")).toBe("-rwsr-x--- app:games\n");
    await host.convergesTwice("file.managed", "/srv/a/b/motd", { owner: "root" });
    expect(await sh("stat -c '%A %U:%G' /srv/a/b/motd")).toBe("-rwsr-x--- root:games\n");
    await host.convergesTwice("file.managed", "/srv/a/b/motd", { contents: "two\n", backup: true });
    expect(await sh("cat /var/backups/boma/srv/a/b/motd/*; ls -A /srv/a/b")).toBe("one\nmotd\n");
    const sudo = { mode: "0440", validate: ["visudo", "-cf", "{}"] };
    await host.convergesTwice("file.managed", "/etc/sudoers.d/app", {
      ...sudo,
      contents: "app ALL=(root) /bin/true\n",
    });
    const wrong = await fails("file.managed", "/etc/sudoers.d/app", {
      ...sudo,
      contents: "app MAY EVERYTHING\n",
    });
    expect(wrong.code).toBe("state/refused");
    expect(await sh("cat /etc/sudoers.d/app; ls -A /etc/sudoers.d")).toBe(
      "app ALL=(root) /bin/true\nREADME\napp\n",
    );
  });

  test("file.directory and file.recurse make trees with their owners", async () => {
    await host.convergesTwice("file.recurse", "/srv/www", {
      files: [
        { path: "index.html", contents: "hello" },
        { path: "cgi/run", contents: "#!/bin/sh\n", mode: "0755" },
      ],
    });
    await sh("ln -s /etc/passwd /srv/www/link; touch /srv/www/more");
    await host.convergesTwice("file.directory", "/srv/www", { owner: "app", mode: "0750", recurse: true });
    expect(
      await sh("stat -c '%U' /srv/www/cgi/run /srv/www/link /etc/passwd; stat -c %a /srv/www/cgi/run"),
    ).toBe("app\napp\nroot\n755\n");
    await host.convergesTwice("file.directory", "/srv/www", { exclusive: true, keep: ["index.html", "cgi"] });
    expect(await sh("ls -A /srv/www")).toBe("cgi\nindex.html\n");
  });

  test("file.symlink, file.line, file.block and file.absent", async () => {
    await host.convergesTwice("file.symlink", "/srv/current", { target: "www" });
    await host.convergesTwice("file.line", "lab", {
      path: "/etc/hosts",
      line: "10.0.0.9 lab",
      match: ".* lab",
    });
    await host.convergesTwice("file.block", "more", { path: "/etc/hosts", contents: "10.0.0.8 more\n" });
    expect(await sh("getent ahostsv4 lab | head -1; getent ahostsv4 more | head -1")).toMatch(
      /^10.0.0.9 .*\n10.0.0.8 /,
    );
    await host.convergesTwice("file.absent", "/srv/current");
    expect(await sh("ls -A /srv/www")).toBe("cgi\nindex.html\n");
    await host.convergesTwice("file.absent", "/srv/www", { recursive: true });
  });

  test("archive.extracted and download.file bring what is elsewhere", async () => {
    await sh(
      "mkdir -p /srv/web/app; echo hi > /srv/web/app/README; tar -C /srv/web -cJf /srv/web/app.tar.xz app",
    );
    const sha256 = (await sh("sha256sum < /srv/web/app.tar.xz")).slice(0, 64);
    const serve = `require("http").createServer((q,a)=>require("fs").createReadStream("/srv/web"+q.url).pipe(a)).listen(80,"127.0.0.1")`;
    await host.must(["systemd-run", "--unit=web", process.execPath, "-e", serve]);
    await sh("until curl -sf -o /dev/null http://127.0.0.1/app/README; do :; done");
    const url = "http://127.0.0.1/app.tar.xz";
    await host.convergesTwice("download.file", "/srv/app.tar.xz", {
      url,
      sha256,
      owner: "app",
      mode: "0600",
    });
    await host.convergesTwice("archive.extracted", "/srv/app", { url, sha256, strip: 1, owner: "app" });
    expect(
      await sh("cat /srv/app/README; stat -c %U /srv/app /srv/app/README; stat -c %U:%a /srv/app.tar.xz"),
    ).toBe("hi\napp\napp\napp:600\n");
  });

  test("git.checkout gets a repository by ssh from a host that was pinned, and from no other", async () => {
    const as = "runuser -u app -- env HOME=/home/app sh -ec";
    await sh(`
      ${as} 'cd; git init -q -b main repo; cd repo; echo one > file; git add .; git -c user.name=a -c user.email=a@b commit -qm one'
      ${as} 'cd; mkdir -m 700 .ssh; ssh-keygen -q -t ed25519 -N "" -f .ssh/key; cp .ssh/key.pub .ssh/authorized_keys'
      ssh-keygen -A; systemctl start ssh`);
    const pinned = `localhost ${(await sh("cat /etc/ssh/ssh_host_ed25519_key.pub")).trim()}`;
    const params = {
      remote: "app@localhost:repo",
      revision: "main",
      owner: "app",
      sshKey: "/home/app/.ssh/key",
    };
    const unpinned = await fails("git.checkout", "/srv/repo", params);
    expect(unpinned.message).toMatch(/Host key verification failed/);
    const other = pinned.replace(/AAAA\S+/, (await sh("cat /home/app/.ssh/key.pub")).split(" ")[1]!);
    expect((await fails("git.checkout", "/srv/repo", { ...params, knownHosts: [other] })).message).toMatch(
      /Host key verification failed/,
    );
    await host.convergesTwice("git.checkout", "/srv/repo", {
      ...params,
      knownHosts: ["# ours", pinned],
    });
    expect(await sh("cat /srv/repo/file; stat -c %U /srv/repo/file")).toBe("one\napp\n");
  });
});

describe("what the kernel refuses", () => {
  test("a full disk: the old file is whole, no draft is left, and the message says it", async () => {
    await sh("mkdir -p /mnt/small; mount -t tmpfs -o size=64k none /mnt/small; echo old > /mnt/small/a");
    const error = await fails("file.managed", "/mnt/small/a", { contents: "x".repeat(100_000) });
    expect(error).toMatchObject({
      code: "state/disk-full",
      message: "cannot write /mnt/small/a: no space is left on the file system",
    });
    expect(await sh("cat /mnt/small/a; ls -A /mnt/small")).toBe("old\na\n");
  });

  test("a read-only file system, an immutable file, a file that is a mount point", async () => {
    await sh("mount -o remount,ro /mnt/small");
    expect(await fails("file.managed", "/mnt/small/a", { contents: "new" })).toMatchObject({
      code: "state/file-denied",
      message: "cannot write /mnt/small/a: the file system is mounted read-only",
    });
    await sh("echo old > /srv/b; chattr +i /srv/b");
    const immutable = await fails("file.managed", "/srv/b", { contents: "new" });
    await sh("chattr -i /srv/b");
    expect(immutable.code).toBe("state/file-denied");
    await sh("echo bound > /srv/c; touch /srv/d; mount --bind /srv/c /srv/d");
    expect((await fails("file.managed", "/srv/d", { contents: "new" })).code).toBe("state/file-busy");
    expect(await sh("umount /srv/d; cat /srv/c; ls -A /srv | grep boma || true")).toBe("bound\n");
  });

  test("a tree in which something is mounted is not removed, be it of the same file system", async () => {
    await sh("mkdir -p /srv/tree/in /srv/dear; echo dear > /srv/dear/a; mount --bind /srv/dear /srv/tree/in");
    const error = await fails("file.absent", "/srv/tree", { recursive: true });
    expect(error).toMatchObject({
      code: "state/protected",
      message: "/srv/tree was not removed: /srv/tree/in is a mount point",
    });
    expect(await sh("cat /srv/dear/a; umount /srv/tree/in")).toBe("dear\n");
    await host.convergesTwice("file.absent", "/srv/tree", { recursive: true });
  });
});
