import { expect, test } from "vitest";
import { parse } from "yaml";

import { metaData, readExtra, settledData, userData } from "./nocloud.ts";

const CLOUD = { mac: "52:54:00:00:00:01", token: "bt_A_B", join: "boma1.x" };
interface Config {
  readonly hostname: string;
  readonly write_files: readonly {
    readonly path: string;
    readonly permissions: string;
    readonly content: string;
  }[];
  readonly runcmd: readonly (readonly string[])[];
  readonly packages?: readonly string[];
}
const read = (text: string): Config => {
  expect(text.startsWith("#cloud-config\n")).toBe(true);
  return parse(text) as Config;
};

test("token and master are files of root's own, and the agent is installed from where the machine asked", () => {
  const packages = { url: "http://10.77.0.1:8080/package", sums: ["ab  boma-agent_amd64.deb"] };
  const config = read(userData({ ...CLOUD, node: "web-1", packages }));
  expect(config.hostname).toBe("web-1");
  expect(config.write_files.map(({ path, permissions }) => `${path} ${permissions}`)).toEqual([
    "/etc/boma/join 0600",
    "/etc/boma/token 0600",
  ]);
  expect(config.runcmd).toEqual([
    [
      "sh",
      "-ec",
      expect.stringContaining("sha256sum --check") as string,
      "sh",
      packages.url,
      ...packages.sums,
    ],
  ]);
});

test("the site's own part stays, and cannot put another token in the place of ours", () => {
  const extra = readExtra(
    "packages: [curl]\nhostname: other\nwrite_files: [{path: /etc/boma/token, content: mine}]\nruncmd: [[date]]\n",
    "web.yaml",
  );
  const config = read(userData(CLOUD, extra));
  expect(config.packages).toEqual(["curl"]);
  expect(config.hostname).toBe("node-525400000001");
  expect(config.write_files.at(-1)).toMatchObject({ path: "/etc/boma/token", content: "bt_A_B\n" });
  expect(config.runcmd[0]).toEqual(["date"]);
});

test("a file that is no mapping is refused with its name, an empty one is nothing", () => {
  expect(() => readExtra("- a\n", "web.yaml")).toThrow(/web\.yaml is no cloud-config/);
  expect(readExtra("", "web.yaml")).toEqual({});
});

test("meta-data names the instance by its address and the machine by its id", () => {
  expect(parse(metaData({ mac: CLOUD.mac, node: "web-1" }))).toEqual({
    "instance-id": "boma-525400000001",
    "local-hostname": "web-1",
  });
});

test("a machine that is a node already is told nothing, and keeps the name that it has", () => {
  const text = settledData();
  expect(text.startsWith("#cloud-config\n")).toBe(true);
  expect(parse(text)).toEqual({ preserve_hostname: true });
});
