import type { Duty } from "../host/duties.ts";

/** What a machine of memory begins with. Each port has its own part; what is not said is empty. */
export interface Given {
  readonly files?: Readonly<Record<string, GivenFile>>;
  /** URL to what its server answers. */
  readonly downloads?: Readonly<Record<string, string | Uint8Array>>;
  /** Name to version. */
  readonly packages?: Readonly<Record<string, string>>;
  /** Name to version of what apt could install. */
  readonly candidates?: Readonly<Record<string, string>>;
  /** Packages that are held. */
  readonly held?: readonly string[];
  /** How long ago the lists of packages were fetched; fresh where it is not said, `null` when never. */
  readonly listsAgeMs?: number | null;
  readonly services?: Readonly<Record<string, GivenService>>;
  /** What programs answer: the words of the command, joined by spaces, or its program alone, to what they say. */
  readonly commands?: Readonly<Record<string, GivenAnswer>>;
  /** What daemons answer, by method and address: `GET http://127.0.0.1:8500/v1/status/leader`. */
  readonly http?: Readonly<Record<string, GivenApi>>;
  /** Who gives out addresses in the networks of the machine. */
  readonly dhcpServers?: readonly string[];
  /** Beside root, who is always there. */
  readonly users?: Readonly<Record<string, GivenUser>>;
  readonly groups?: Readonly<Record<string, GivenGroup>>;
  readonly kernel?: GivenKernel;
  readonly mounts?: readonly GivenMount[];
  /** Block devices by the kernel's name. */
  readonly devices?: Readonly<Record<string, GivenDevice>>;
  /** Volume groups by name. */
  readonly volumeGroups?: Readonly<Record<string, GivenVolumeGroup>>;
  readonly machine?: GivenMachine;
  /** What its agent does by itself already, by the id of the declaration. */
  readonly duties?: Readonly<Record<string, Duty>>;
}

export interface GivenAnswer {
  readonly exitCode?: number;
  readonly stdout?: string;
  readonly stderr?: string;
  /** Files that are there once the program has run; a program that only looks makes none. */
  readonly makes?: Readonly<Record<string, GivenFile>>;
  /** What programs answer from then on, as where a daemon was told something. */
  readonly teaches?: Readonly<Record<string, GivenAnswer>>;
}

export interface GivenApi {
  /** 200 where it is not said. */
  readonly status?: number;
  /** A text, or what is sent as JSON. */
  readonly body?: string | object;
  /** What is answered from then on, by method and address; `null`: nothing more. It may depend on what was sent. */
  readonly makes?: Readonly<Record<string, GivenApi | null | ((sent: string) => GivenApi | null)>>;
}

export interface GivenUser {
  readonly uid?: number;
  /** The primary group; one of the same name where not said. */
  readonly group?: string;
  readonly home?: string;
  readonly shell?: string;
  readonly comment?: string;
  readonly password?: string;
  readonly expires?: number;
  readonly processes?: number;
  /** `false`: it comes from a directory, not from this machine's files. */
  readonly local?: boolean;
}

export interface GivenGroup {
  readonly gid?: number;
  readonly members?: readonly string[];
  readonly local?: boolean;
}

export interface GivenService {
  readonly active?: boolean;
  readonly enabled?: boolean;
  readonly masked?: boolean;
  /** It has no section that says where it is enabled. */
  readonly static?: boolean;
  /** It never stays up. */
  readonly flaps?: boolean;
  readonly canReload?: boolean;
  readonly triggeredBy?: readonly string[];
  readonly logs?: readonly string[];
}

/** A text is a file with that content; `{ directory: true }` and `{ link }` are what they say. */
export type GivenFile =
  | string
  | {
      readonly contents?: string | Uint8Array;
      readonly directory?: true;
      readonly link?: string;
      readonly mode?: string;
      readonly owner?: string;
      readonly group?: string;
    };

export interface GivenKernel {
  /** By key with slashes: `net/ipv4/ip_forward`. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Parameters cannot be written, as in a container. */
  readonly readOnly?: boolean;
  readonly modules?: Readonly<Record<string, "loaded" | "builtin" | "available">>;
  /** Modules that something uses: they cannot be taken out. */
  readonly modulesInUse?: readonly string[];
}

export interface GivenMount {
  readonly path: string;
  readonly source: string;
  readonly fstype: string;
  readonly options?: readonly string[];
  /** Something uses it: it cannot be unmounted. */
  readonly busy?: boolean;
}

export interface GivenDevice {
  readonly bytes: number;
  /** Other paths of it, as below /dev/disk/by-id. */
  readonly links?: readonly string[];
  readonly type?: string;
  readonly filesystem?: string;
  readonly label?: string;
  readonly uuid?: string;
  readonly filesystemBytes?: number;
  readonly signatures?: readonly string[];
  readonly children?: readonly string[];
  readonly mountpoints?: readonly string[];
  /** Its first or its last MiB holds something. */
  readonly written?: boolean;
  readonly readOnly?: boolean;
  readonly removable?: boolean;
  readonly serial?: string;
  readonly wwn?: string;
  /** The device that it is a part of. */
  readonly parent?: string;
  /** Something stands at this place of it. */
  readonly writtenAt?: number;
  /** Somebody has it for himself. */
  readonly held?: boolean;
}

export interface GivenVolumeGroup {
  readonly devices: readonly string[];
  readonly extentBytes?: number;
  /** Name to bytes. */
  readonly volumes?: Readonly<Record<string, number>>;
}

export interface GivenMachine {
  readonly hostname?: string;
  /** Why it should boot anew; a boot does away with them. */
  readonly rebootReasons?: readonly string[];
  /** These reasons outlast a boot, as where the boot loader starts an old kernel. */
  readonly lastingReasons?: readonly string[];
  readonly locales?: readonly string[];
}
