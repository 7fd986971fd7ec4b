/** Users and groups of this machine: its own files, not a directory's. */

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly comment: string;
  readonly home: string;
  readonly shell: string;
  /** The groups that name it as a member, sorted; its primary one only where that names it too. */
  readonly groups: readonly string[];
  /** The hash as it stands in shadow; `!` or `*` where no password works; `undefined` where it may not be read. */
  readonly password: string | undefined;
  /** The day since 1970 on which it ends. */
  readonly expires: number | undefined;
  /** `false`: a directory such as LDAP knows it, and the files of this machine do not. */
  readonly local: boolean;
}

export interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
  readonly local: boolean;
}

export interface ReadAccounts {
  /** The files first, then whatever else the machine asks for names. */
  user(name: string): Promise<Account | undefined>;
  group(name: string): Promise<Group | undefined>;
  /** Those of the files. */
  users(): Promise<readonly Account[]>;
  groups(): Promise<readonly Group[]>;
  /** Lines of the files that are no account: `/etc/passwd:3: …`. They are passed over. */
  oddities(): Promise<readonly string[]>;
  /** How many processes run with this uid. */
  processesOf(uid: number): Promise<number>;
  /** The uid that changes the machine: the agent's own. */
  ownUid(): Promise<number>;
}

/** What of an account can be said; what is not said is left as it is, or to the machine's defaults. */
export interface AccountChange {
  readonly uid?: number | undefined;
  /** The primary group, by name or number. */
  readonly group?: string | undefined;
  /** All the groups that are to name it as a member. */
  readonly groups?: readonly string[] | undefined;
  readonly home?: string | undefined;
  readonly shell?: string | undefined;
  readonly comment?: string | undefined;
  /** `YYYY-MM-DD`, or `never`. */
  readonly expires?: string | undefined;
}

export interface Accounts extends ReadAccounts {
  /** Makes an account without a home; without a group of its own only where `group` says another. */
  addUser(name: string, account: AccountChange & { readonly system?: boolean | undefined }): Promise<void>;
  changeUser(name: string, change: AccountChange): Promise<void>;
  /** Removes the account and its membership in groups, and no file. */
  removeUser(name: string): Promise<void>;
  /** Takes a hash, never a password; it does not stand in any argument. */
  setPassword(name: string, hash: string): Promise<void>;
  /** Ends every process of the user; throws when some live on. */
  endProcesses(uid: number): Promise<void>;
  addGroup(
    name: string,
    group: { readonly gid?: number | undefined; readonly system?: boolean },
  ): Promise<void>;
  changeGid(name: string, gid: number): Promise<void>;
  setMembers(name: string, members: readonly string[]): Promise<void>;
  removeGroup(name: string): Promise<void>;
}
