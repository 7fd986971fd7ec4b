/** Goal: an SLS file becomes the tree that does the same, and whatever would not be the same is left out and named. */
import { parseTree, type StateSpecs, states } from "@boma/states";
import { describe, expect, test } from "vitest";

import { importSls } from "./import-sls.ts";

const specs: StateSpecs = Object.fromEntries(Object.values(states).map(({ spec }) => [spec.name, spec]));
const known = {
  grains: { os: "Debian", arch: "amd64" },
  assigned: {},
  node: { id: "web01" },
  pillar: { web: { port: 8080, user: "www" } },
};

/** The tree without comments, read back as boma reads it, and what was found. */
function run(...texts: readonly string[]) {
  const { trees, findings } = importSls(
    texts.map((text, at) => ({ file: `f${at}.sls`, sls: `f${at}`, text })),
  );
  const text = trees.map((one) => one.text).join("");
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  const declarations = parseTree(text, "t.yaml", specs)(known);
  return {
    yaml: lines.join("\n").trim(),
    ids: declarations.map(({ id }) => id),
    declarations,
    findings,
    leftOut: findings
      .filter(({ level }) => level === "left-out")
      .map(({ line, what, why }) => `${line} ${what}: ${why}`),
    differs: findings.filter(({ level }) => level === "differs").map(({ why }) => why),
    text,
  };
}

describe("what has a counterpart", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["a short declaration", "nginx: pkg.installed", "- pkg.installed: nginx\n  recommends: true"],
    [
      "a list that names the function",
      "a:\n  pkg:\n    - installed\n    - name: nginx",
      "- pkg.installed: nginx\n  recommends: true",
    ],
    [
      "a text that names the function",
      "curl:\n  pkg: installed",
      "- pkg.installed: curl\n  recommends: true",
    ],
    ["names", "x:\n  pkg.purged:\n    - names: [a1, b1]", "- pkg.purged: a1\n- pkg.purged: b1"],
    [
      "packages without versions",
      "Base tools:\n  pkg.latest:\n    - pkgs: [curl, jq]\n    - refresh: True",
      "- pkg.latest: base-tools\n  names:\n    - curl\n    - jq\n  recommends: true\n  refreshAfter: 0s",
    ],
    [
      "packages, some with versions",
      "x:\n  pkg.installed:\n    - pkgs:\n      - a1: 1.2-3\n      - b1",
      "- pkg.installed: b1\n  recommends: true\n- pkg.installed: a1\n  version: 1.2-3\n  recommends: true",
    ],
    [
      "a mode with a leading zero that Salt does not take for octal",
      "/etc/a:\n  file.managed:\n    - mode: 0640\n    - contents: x",
      '- file.managed: /etc/a\n  mode: "0640"\n  contents: |\n    x',
    ],
    [
      "a source of the site",
      "/etc/a:\n  file.managed:\n    - source: salt://web/a\n    - makedirs: True",
      "- file.managed: /etc/a\n  source: files/web/a\n  createDirs: true",
    ],
    [
      "a check of the file",
      "/etc/a:\n  file.managed:\n    - contents: x\n    - check_cmd: visudo -cf",
      '- file.managed: /etc/a\n  contents: |\n    x\n  validate:\n    - visudo\n    - -cf\n    - "{}"',
    ],
    [
      "a directory that is removed with all in it",
      "/srv/old/:\n  file.absent: []",
      "- file.absent: /srv/old\n  recursive: true",
    ],
    [
      "a directory whose content gets its owner",
      "/srv/a:\n  file.directory:\n    - user: app\n    - recurse: [user]\n    - dir_mode: 750",
      '- file.directory: /srv/a\n  owner: app\n  mode: "0750"\n  recurse: true',
    ],
    [
      "lines",
      "/etc/hosts.allow:\n  file.append:\n    - text: [a, b]",
      "- file.line: /etc/hosts.allow (1)\n  path: /etc/hosts.allow\n  line: a\n  create: true\n- file.line: /etc/hosts.allow (2)\n  path: /etc/hosts.allow\n  line: b\n  create: true",
    ],
    [
      "a line with a pattern",
      "ssh:\n  file.replace:\n    - name: /etc/s\n    - pattern: ^#?Port .*$\n    - repl: Port 22\n    - append_if_not_found: True",
      '- file.line: ssh\n  path: /etc/s\n  line: Port 22\n  match: "#?Port .*"\n  all: true',
    ],
    [
      "a command for a shell",
      "do it:\n  cmd.run:\n    - name: a | b\n    - cwd: /srv\n    - creates: /srv/x",
      "- cmd.run: do it\n  command: a | b\n  shell: true\n  cwd: /srv\n  creates: /srv/x",
    ],
    [
      "another shell, as words",
      "x:\n  cmd.run:\n    - name: shopt -s a\n    - shell: /bin/bash\n    - creates: /x",
      "- cmd.run: x\n  command:\n    - /bin/bash\n    - -c\n    - shopt -s a\n  creates: /x",
    ],
    [
      "all of several `unless`, not one of them",
      "x:\n  cmd.run:\n    - unless: [a, b]",
      "- cmd.run: x\n  shell: true\n  unless: |-\n    (a\n    ) && (b\n    )",
    ],
    [
      "retry with Salt's own numbers",
      "x:\n  cmd.run:\n    - creates: /x\n    - retry: True",
      "- cmd.run: x\n  shell: true\n  creates: /x\n  retry:\n    attempts: 2\n    interval: 30s",
    ],
    [
      "a user in these groups and no others",
      "a:\n  user.present:\n    - groups: [b]\n    - createhome: False\n    - expire: 1",
      "- user.present: a\n  groups:\n    - b\n  createHome: false\n  expires: 1970-01-02\n  exclusiveGroups: true",
    ],
    [
      "a job of cron",
      "/bin/x -y:\n  cron.present:\n    - identifier: backup\n    - hour: 3\n    - minute: '*/5'",
      '- cron.job: backup\n  schedule: "*/5 3 * * *"\n  command: /bin/x -y',
    ],
    [
      "a mount without nofail",
      "/srv:\n  mount.mounted:\n    - device: UUID=1-2\n    - fstype: ext4\n    - opts: defaults,noatime",
      "- mount.mounted: /srv\n  source: UUID=1-2\n  fstype: ext4\n  options:\n    - noatime\n  nofail: false",
    ],
    [
      "a module for now only",
      "br_netfilter:\n  kmod.present: []",
      "- kernel.module: br_netfilter\n  persist: false",
    ],
    [
      "a download",
      `/opt/a:\n  file.managed:\n    - source: https://example.org/a\n    - source_hash: sha256=${"a".repeat(64)}`,
      `- download.file: /opt/a\n  url: https://example.org/a\n  sha256: ${"a".repeat(64)}`,
    ],
    [
      "a volume",
      "srv:\n  lvm.lv_present:\n    - vgname: vg0\n    - size: 20G",
      "- lvm.lv: vg0/srv\n  size: 20G",
    ],
    [
      "shell variables, which are not boma's",
      "/etc/a:\n  file.managed:\n    - contents: 'a ${HOME} $${B}'",
      "- file.managed: /etc/a\n  contents: |\n    a $${HOME} $$${B}",
    ],
    [
      "pillar and grains in a text",
      "/etc/a:\n  file.managed:\n    - contents: port {{ pillar['web']['port'] }} on {{ grains.osarch }} of {{ grains['id'] }}.",
      "- file.managed: /etc/a\n  contents: |\n    port ${pillar.web.port} on ${grains.arch} of ${node.id}.",
    ],
    [
      "variables of the file",
      "{% set d = '/etc' -%}\n{%- set w = pillar.get('web') %}\n{{ d }}/a:\n  file.managed:\n    - user: {{ w.user }}\n    - contents: x",
      "- file.managed: /etc/a\n  owner: ${pillar.web.user}\n  contents: |\n    x",
    ],
  ];
  test.each(cases)("%s", (_, sls, yaml) => {
    const { yaml: made, leftOut } = run(sls);
    expect({ made, leftOut }).toEqual({ made: yaml, leftOut: [] });
  });

  test("what is not the same afterwards is told, and translated", () => {
    const { yaml, differs, findings } = run("nginx:\n  service.running: []\nold:\n  service.dead: []");
    expect(yaml).toBe("- service.running: nginx\n  enable: true\n- service.stopped: old\n  disable: false");
    expect(differs).toHaveLength(2);
    expect(findings[0]).toMatchObject({ file: "f0.sls", line: 2, what: "nginx: service.running" });
  });

  test("a tree says what the templates said: literals stay, values are filled in", () => {
    const { declarations } = run(
      "/etc/a:\n  file.managed:\n    - contents: '${X} {{ pillar.web.port }} $${Y}'",
    );
    expect(declarations[0]!.params["contents"]).toBe("${X} 8080 $${Y}\n");
  });
});

describe("requisites", () => {
  test("are found by id, by name and by glob, and said with boma's ids", () => {
    const { yaml, leftOut } = run(
      "web:\n  pkg.installed:\n    - name: nginx\n/etc/nginx/a:\n  file.managed:\n    - contents: x\n    - require: [{pkg: nginx}, web]\nsvc:\n  service.running:\n    - name: nginx\n    - enable: True\n    - watch: [{file: /etc/nginx/*}]\n    - require_any: [web]",
    );
    expect(leftOut).toEqual([]);
    expect(yaml).toContain("  require: pkg.installed(nginx)\n- service");
    expect(yaml).toContain("  watch: file.managed(/etc/nginx/a)\n  requireAny: pkg.installed(nginx)");
  });
  test("at the other end are turned round; a command that waits runs on changes", () => {
    const { yaml } = run(
      "/a:\n  file.managed:\n    - contents: x\n    - watch_in: [{cmd: go}]\ngo:\n  cmd.wait: []",
    );
    expect(yaml).toContain("- cmd.run: go\n  shell: true\n  onChanges: file.managed(/a)");
  });
  test("of what cannot be refreshed, a watch is a require and a listen is not translated", () => {
    const { yaml, leftOut } = run(
      "a1: pkg.installed\n/a:\n  file.managed:\n    - contents: x\n    - watch: [{pkg: a1}]\n/b:\n  file.managed:\n    - listen: [{pkg: a1}]",
    );
    expect(yaml).toContain("require: pkg.installed(a1)");
    expect(leftOut).toEqual(["8 /b: file.managed: `listen`: file.managed cannot be refreshed"]);
  });
  test("on what was left out stay, so that the site does not compile without it", () => {
    const { yaml, leftOut } = run(
      "/a:\n  file.managed:\n    - source: salt://a\n    - template: jinja\nn:\n  service.running:\n    - enable: True\n    - watch: [{file: /a}]",
    );
    expect(leftOut).toEqual(["4 /a: file.managed: the file is a template (jinja)"]);
    expect(yaml).toBe("- service.running: n\n  enable: true\n  watch: file.managed(/a)");
  });
  test("that cannot be found, or are of an SLS that is not there, leave the declaration out", () => {
    const { yaml, leftOut } = run(
      "a1:\n  pkg.installed:\n    - require: [{sls: base}]\nb1:\n  pkg.installed:\n    - require: [{pkg: zz}]\nc1:\n  pkg.installed:\n    - require: [{docker_container: x}]\nx: docker_container.running",
    );
    expect(yaml).toBe("");
    expect(leftOut.map((line) => line.slice(0, 40))).toHaveLength(4);
  });
  test("reach over files, included ones first, and a whole SLS can be meant", () => {
    const { ids, yaml, leftOut } = run(
      "include: [f1]\nb1:\n  pkg.installed:\n    - require: [{sls: f1}]",
      "a1: pkg.installed",
    );
    expect(ids).toEqual(["pkg.installed(a1)", "pkg.installed(b1)"]);
    expect(yaml).toContain("require: pkg.installed(a1)");
    expect(leftOut).toEqual([]);
  });
});

describe("extend and exclude", () => {
  test("`extend` replaces values, and lets requisites grow", () => {
    const { yaml } = run(
      "extend:\n  n:\n    service:\n      - enable: False\n      - watch: [{pkg: b1}]\nn:\n  service.running:\n    - enable: True\n    - watch: [{pkg: a1}]\na1: pkg.installed\nb1: pkg.installed",
    );
    expect(yaml).toContain("enable: false\n  watch:\n    - pkg.installed(a1)\n    - pkg.installed(b1)");
  });
  test("what is excluded is not in the tree", () => {
    expect(run("exclude: [{id: a1}]\na1: pkg.installed\nb1: pkg.installed").ids).toEqual([
      "pkg.installed(b1)",
    ]);
  });
});

describe("what is never guessed", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    [
      "an unknown state",
      "x: docker_container.running",
      "1 x: docker_container.running: nothing in boma is known to do what `docker_container.running` does",
    ],
    [
      "an unknown parameter",
      "a1:\n  pkg.installed:\n    - fire_event: True",
      "3 a1: pkg.installed: `fire_event` has no counterpart",
    ],
    [
      "a version that YAML takes for a number",
      "a1:\n  pkg.installed:\n    - version: 1.10",
      "3 a1: pkg.installed: the version 1.10 is a number to YAML, which loses digits",
    ],
    [
      "keys that nobody pinned",
      "r:\n  pkgrepo.managed:\n    - key_url: salt://k",
      "2 r: pkgrepo.managed: `pkgrepo.managed` has no counterpart",
    ],
    [
      "an archive without a SHA-256",
      "/opt/a:\n  archive.extracted:\n    - source: https://example.org/a.tgz\n    - source_hash: md5=1",
      "4 /opt/a: archive.extracted: its SHA-256 is not said",
    ],
    [
      "a guard as another user",
      "x:\n  cmd.run:\n    - runas: a\n    - cwd: /\n    - unless: test -e x",
      "5 x: cmd.run: `unless` together with `runas`: boma asks it as the agent, without them",
    ],
    [
      "a guard that is a function",
      "x:\n  cmd.run:\n    - unless: [{fun: test.true}]",
      "3 x: cmd.run: `unless` is more than commands",
    ],
    [
      "a random time",
      "x:\n  cron.present:\n    - minute: random",
      "3 x: cron.present: `random`: the time is made up on the node",
    ],
    [
      "a default",
      "x:\n  user.present:\n    - shell: {{ salt['pillar.get']('a', '/bin/sh') }}\n",
      "1 x: line 3: `{{ salt['pillar.get']('a', '/bin/sh') }}`: a default: boma's YAML has none, and a value that is missing is an error",
    ],
    [
      "a filter",
      "x:\n  user.present:\n    - shell: {{ pillar['a']|upper }}",
      "1 x: line 3: `{{ pillar['a']|upper }}`: the filter `|upper`",
    ],
    [
      "a dollar right before a value",
      "/a:\n  file.managed:\n    - contents: ${{ pillar['a'] }}",
      "2 /a: file.managed: a `$` or `${` of its own stands right before a value: $${pillar.a}\n",
    ],
    [
      "what boma's own schema refuses",
      "a b:\n  user.present:\n    - createhome: False",
      "2 a b: user.present: user.present cannot take these parameters: ✖ a name has a-z, 0-9, _ and -, begins with a letter or _, and has at most 32 → at name",
    ],
    [
      "two things under one id of boma",
      "a:\n  pkg.installed:\n    - name: x1\nb:\n  pkg.installed:\n    - name: x1\n    - hold: True",
      "5 b: pkg.installed: pkg.installed(x1) is declared already, with other words",
    ],
  ];
  test.each(cases)("%s", (_, sls, leftOut) => {
    expect(run(sls).leftOut).toEqual([leftOut]);
  });

  test("a block of Jinja takes out what it holds or touches, and nothing else", () => {
    const { ids, leftOut } = run(
      "a1: pkg.installed\n{%- if grains['os'] == 'Debian' %}\nb1: pkg.installed\n{%- else %}\nc1: pkg.installed\n{%- endif %}\nd1:\n  pkg.installed:\n  {% for x in y %}\n    - hold: True\n  {% endfor %}\n    - version: '1'\n{% macro m() %}\nz: 1\n{% endmacro %}\ne1: pkg.installed\n",
    );
    expect(ids).toEqual(["pkg.installed(a1)", "pkg.installed(e1)"]);
    expect(leftOut.map((line) => line.split(":")[0])).toEqual(["3 b1", "5 c1", "7 d1"]);
  });
  test("a macro that is called takes out what stands before it, for it may go on with that", () => {
    expect(run("a1: pkg.installed\nb1:\n  pkg.installed:\n{{ opts() }}\nc1: pkg.installed").ids).toEqual([
      "pkg.installed(a1)",
      "pkg.installed(c1)",
    ]);
  });
  test("a variable that was set within a block is not known after it", () => {
    expect(
      run("{% set a = 'x1' %}\n{% if b %}{% set a = 'y1' %}{% endif %}\n{{ a }}: pkg.installed").ids,
    ).toEqual([]);
  });
});

describe("hostile files", () => {
  const whole: readonly (readonly [string, string, RegExp])[] = [
    ["tabs", "a:\n\tpkg.installed: []", /^2 the whole file: it is no YAML/],
    ["duplicate ids", "a: pkg.installed\na: pkg.removed", /^2 the whole file: the key "a" is there twice$/],
    ["deep nesting", `a: ${"[".repeat(50_000)}`, /the whole file: /],
    [
      "an alias bomb",
      `a: &a [x,x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 9 }, (_, at) => `b${at}: &b${at} [${`*${at === 0 ? "a" : `b${at - 1}`},`.repeat(10)}]`).join("\n")}`,
      /the whole file: /,
    ],
    [
      "a block that is never closed",
      "{% if a %}\na: pkg.installed",
      /^1 the whole file: `{% if %}` is never closed/,
    ],
    ["a list", "- a", /an SLS file is a map/],
    [
      "letters that stand for values",
      "a\ue000\ue010\ue001: pkg.installed",
      /^1 the whole file: a letter of Unicode's private area/,
    ],
  ];
  test.each(whole)("%s cannot be read, and the place is told", (_, sls, message) => {
    const { ids, leftOut } = run(sls);
    expect(ids).toEqual([]);
    expect(leftOut).toEqual([expect.stringMatching(message)]);
  });
  test("CRLF and a byte order mark are read as if they were not there", () => {
    expect(run("\ufeffa1:\r\n  pkg.removed: []\r\n").yaml).toBe("- pkg.removed: a1");
  });
  test("thousands of ids and as many blocks are read in one go", () => {
    const many = Array.from(
      { length: 2_000 },
      (_, at) => `{% if x %}\na${at}: pkg.installed\n{% endif %}\nb${at}: pkg.removed`,
    );
    const { findings, trees } = importSls([{ file: "a.sls", sls: "a", text: many.join("\n") }]);
    expect(trees[0]!.count).toBe(2_000);
    expect(findings.filter(({ level }) => level === "left-out")).toHaveLength(2_000);
  });
  test("nothing that a file says ends a comment of the tree", () => {
    const { ids, text } = run('"x\\n- pkg.purged: ssh\\u2028- pkg.purged: y": nope.nope');
    expect(ids).toEqual([]);
    expect(text.trim().split("\n")).toHaveLength(2);
  });
  test("names of JavaScript's own are names like others", () => {
    expect(
      run("constructor:\n  constructor.toString: []\ntoString:\n  toString.valueOf:\n    - __proto__: 1")
        .leftOut,
    ).toHaveLength(2);
  });
});
