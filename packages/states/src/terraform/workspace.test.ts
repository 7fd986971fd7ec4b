import { expect, test } from "vitest";

import { declare } from "../declaration.ts";
import { secret } from "../secret.ts";
import { terraformWorkspace, type WorkspaceOptions, workspaceSpec } from "./workspace.ts";

const file = (path: string) => ({ path, bytes: new Uint8Array([1]) });
const of = (params: object) => declare(workspaceSpec, "edge", { files: [file("edge/main.tf")], ...params });

test("a workspace needs no more than whom it is for: by then nothing may be destroyed, and another has to approve", () => {
  const { options } = terraformWorkspace({ on: "control01" });
  expect(options).toMatchObject({
    binary: "tofu",
    policy: { maxDestroy: 0, protect: [] },
    approvals: { count: 1, notSubmitter: true, ttl: "24h" },
  });
});

test.each([
  ["an option that it has not", { polcy: {} }, /polcy/],
  ["a negative number of destructions", { policy: { maxDestroy: -1 } }, /maxDestroy/],
  ["a time that is none", { approvals: { ttl: "soon" } }, /duration/],
  ["approvals that live for ever", { approvals: { ttl: "365d" } }, /30d/],
  ["a local backend, whose place is ours", { backend: { type: "local" } }, /no backend is named/],
  ["a mirror with a quote in its path", { pluginMirror: '/a"b' }, /plain characters/],
  ["a program that is not named by its whole path", { program: "bin/tofu" }, /absolute path/],
])("%s is an error where it is written", (_, more, message) => {
  const made = () => terraformWorkspace({ on: "control01", ...more } as WorkspaceOptions);
  expect(made).toThrow(message);
  expect(made).toThrow(expect.objectContaining({ code: "terraform/workspace" }) as Error);
});

test("an option that is nearly right names the right one", () => {
  const made = () => terraformWorkspace({ on: "c", aprovals: {} } as unknown as WorkspaceOptions);
  expect(made).toThrow(expect.objectContaining({ hint: "Did you mean `approvals`?" }) as Error);
});

test("secrets stand in variables at any depth and in the environment, and nowhere else", () => {
  const token = secret("gen:token");
  expect(
    of({ vars: { db: { users: [{ password: token }] } }, env: { HCLOUD_TOKEN: token } }).params,
  ).toMatchObject({
    vars: { db: { users: [{ password: token }] } },
  });
  expect(() => of({ backend: { type: "http", config: { password: token } } })).toThrow(
    /takes no secret in `backend`/,
  );
});

test.each(["TF_LOG", "TF_CLI_ARGS", "tf_var_x", "PATH", "LD_PRELOAD", "a-b", ""])(
  "the variable %j of the environment is not the site's to set",
  (name) => {
    expect(() => of({ env: { [name]: "x" } })).toThrow(/terraform.workspace/);
  },
);

test.each([
  "../main.tf",
  "/etc/passwd",
  "edge/../../x",
  "edge//x",
  "edge/.terraform/x",
  "edge/./x",
  "edge/a b",
  "",
])("a file called %j does not leave the directory that is laid out, and so is refused", (path) => {
  expect(() => of({ files: [file(path)] })).toThrow(/terraform.workspace/);
});

test.each([
  "edge/main.tf",
  "edge/.terraform.lock.hcl",
  "modules/net/main.tf.json",
  "edge/files/a+b@c_d-1.tpl",
])("a file called %j is one of a workspace", (path) => {
  expect(() => of({ files: [file(path)] })).not.toThrow();
});

test("files that weigh too much together are refused before they are sent", () => {
  const heavy = { path: "edge/big", bytes: new Uint8Array(9 * 1024 * 1024) };
  expect(() => of({ files: [heavy] })).toThrow(/weigh more than/);
});
