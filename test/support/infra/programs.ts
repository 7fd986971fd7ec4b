/**
 * The programs that boma's modules set up and Debian does not have, as Go modules: what to ask the ordinary Go client
 * for. What stands beside a version is why it is that one.
 */

import { CONSUL_WITHOUT, type LeftOut, TOFU_WITHOUT, VAULT_WITHOUT, WITHOUT_DISCOVERY } from "./left-out.ts";

export interface Program {
  /** Of the package and of the program. */
  readonly name: string;
  readonly module: string;
  readonly version: string;
  /** What is built, where it is not the module itself. */
  readonly main?: string;
  /** Modules whose version the program's own file names by a folder beside it, or not as it is needed. */
  readonly required?: Readonly<Record<string, string>>;
  readonly replaced?: Readonly<Record<string, string>>;
  readonly excluded?: readonly string[];
  readonly without: LeftOut;
  /** What stands in a file of a module, `MODULE//FILE`, and what is to stand there. */
  readonly mended?: Readonly<Record<string, readonly [from: string, to: string]>>;
  /** Whether it needs a compiler of C. */
  readonly cgo?: true;
}

export const PROGRAMS = {
  // The last line whose sister modules can all be had by version: 1.15 and 1.16 need folders of their own commits, which
  // the module proxy does not serve.
  consul: {
    name: "consul",
    module: "github.com/hashicorp/consul",
    version: "v1.14.11",
    replaced: {
      "launchpad.net/gocheck": "github.com/go-check/check v0.0.0-20140225173054-eb6ee6f84d0a",
      // The one that it names is not in the checksum database.
      "github.com/envoyproxy/go-control-plane/xdsmatcher":
        "github.com/envoyproxy/go-control-plane/xdsmatcher v0.0.0-20230524161521-aaaacbfbe53e",
    },
    excluded: ["github.com/hashicorp/go-msgpack v1.1.5", "github.com/hashicorp/go-msgpack v1.1.6"],
    without: CONSUL_WITHOUT,
  },
  // Speaks the API of OpenBao too, which the module proxy does not serve. Each is made with an SDK of its own commit, which
  // is not served either: no published one fits a later 1.14, and the one that fits this ends the process at a kind of
  // path that it has, at the first request to `sys/`.
  vault: {
    name: "vault",
    module: "github.com/hashicorp/vault",
    version: "v1.14.0",
    replaced: { "github.com/hashicorp/vault/sdk": "github.com/hashicorp/vault/sdk v0.9.2" },
    without: VAULT_WITHOUT,
    mended: {
      "github.com/hashicorp/vault/sdk//framework/backend.go": [
        "\t\tif p.ExistenceCheck == nil {\n\t\t\tif _, ok",
        "\t\tif false {\n\t\t\tif _, ok",
      ],
    },
  },
  // Its executor isolates tasks by means of C. The sister module is a newer one: that of its commit is not served.
  nomad: {
    name: "nomad",
    module: "github.com/hashicorp/nomad",
    version: "v1.10.5",
    required: { "github.com/hashicorp/nomad/api": "v0.0.0-20260907080526-08ef8f3d26da" },
    replaced: {
      "github.com/Microsoft/go-winio": "github.com/endocrimes/go-winio v0.4.13-0.20190628114223-fb47a8b41948",
      "github.com/hashicorp/hcl": "github.com/hashicorp/hcl v1.0.1-nomad-1",
    },
    without: WITHOUT_DISCOVERY,
    cgo: true,
  },
  tofu: {
    name: "tofu",
    module: "github.com/opentofu/opentofu",
    version: "v1.6.3",
    main: "github.com/opentofu/opentofu/cmd/tofu",
    without: TOFU_WITHOUT,
  },
} as const satisfies Readonly<Record<string, Program>>;

export type ProgramName = keyof typeof PROGRAMS;

export const PROGRAM_NAMES = Object.keys(PROGRAMS) as readonly ProgramName[];

/** A module of ours that has the program as its tool: the client refuses to install one that replaces others. */
export function goMod(program: Program, copies: Readonly<Record<string, string>> = {}): string {
  const { name, module, version, main = module } = program;
  const required = Object.entries({ [module]: version, ...program.required });
  const replaced = Object.entries({ ...program.replaced, ...copies });
  return [
    `module boma.test/${name}`,
    "go 1.25",
    `tool ${main}`,
    ...required.map(([path, wanted]) => `require ${path} ${wanted}`),
    ...replaced.map(([path, other]) => `replace ${path} => ${other}`),
    ...(program.excluded ?? []).map((unwanted) => `exclude ${unwanted}`),
    "",
  ].join("\n\n");
}
