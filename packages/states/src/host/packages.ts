/** Packages of the distribution: dpkg and apt. */

export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  readonly arch: string;
  /** Unpacked and configured; anything else wants `dpkg --configure -a`. */
  readonly whole: boolean;
  readonly held: boolean;
}

/** What apt would do, from its own simulation. */
export interface PackagePlan {
  readonly install: readonly PackageStep[];
  readonly upgrade: readonly PackageStep[];
  readonly downgrade: readonly PackageStep[];
  readonly remove: readonly string[];
}
export interface PackageStep {
  readonly name: string;
  readonly from?: string | undefined;
  readonly to: string;
}

/** A package by name, in any version or in the one given: `nginx`, `nginx=1.22.1-9`, `nginx=1.22.*`. */
export interface Wanted {
  readonly name: string;
  readonly version?: string | undefined;
}

export interface PackageOptions {
  readonly recommends?: boolean | undefined;
  readonly allowDowngrade?: boolean | undefined;
  readonly allowChangeHeld?: boolean | undefined;
  readonly allowRemove?: boolean | undefined;
  /** A changed configuration file stays as it is, or becomes the package's. */
  readonly configuration?: "keep" | "new" | undefined;
  readonly lockTimeoutMs?: number | undefined;
  /** `false`: the services that packages bring are not started by their installation. */
  readonly startServices?: boolean | undefined;
  readonly fromSuite?: string | undefined;
}

export interface ReadPackages {
  /**
   * Every installed package, asked once and kept until something changes. One of a foreign architecture is
   * `name:arch`, as dpkg and apt write it.
   */
  installed(): Promise<ReadonlyMap<string, InstalledPackage>>;
  /** Removed packages of which configuration files are left. */
  leftovers(): Promise<ReadonlySet<string>>;
  /** The versions that apt would install now; a package that it knows none of is not in it. */
  candidates(names: readonly string[], fromSuite?: string): Promise<ReadonlyMap<string, string>>;
  /** Virtual packages: who of the installed provides this name. */
  providers(name: string): Promise<readonly string[]>;
  /** Throws `package/unavailable` when apt knows no way. */
  simulate(
    action: "install" | "remove" | "purge" | "upgrade",
    wanted: readonly Wanted[],
    options?: PackageOptions,
  ): Promise<PackagePlan>;
  /** Packages that are neither installed nor removed cleanly. */
  broken(): Promise<readonly string[]>;
  /** Negative, zero or positive, by the rules of dpkg. */
  compare(left: string, right: string): number;
  /** How long ago the lists were last fetched; `undefined` when never. */
  listsAgeMs(): Promise<number | undefined>;
  /** There are lists of what this source file names. */
  hasListsOf(sourceFile: string): Promise<boolean>;
}

export interface Packages extends ReadPackages {
  install(wanted: readonly Wanted[], options?: PackageOptions): Promise<void>;
  remove(names: readonly string[], options?: PackageOptions & { readonly purge?: boolean }): Promise<void>;
  upgrade(options?: PackageOptions): Promise<void>;
  hold(names: readonly string[], held: boolean): Promise<void>;
  /** Fetches the lists, of one source file or of all; throws when a source that was asked for fails. */
  refresh(options?: {
    readonly sourceFile?: string | undefined;
    readonly lockTimeoutMs?: number | undefined;
  }): Promise<void>;
  /** `dpkg --configure -a`. */
  repair(): Promise<void>;
}
