/** The machine as a whole: its name, its locales, its boots. */

export interface ReadMachine {
  /** The name that the kernel has now. */
  hostname(): Promise<string>;
  /** Another one after every boot. */
  bootId(): Promise<string>;
  uptimeMs(): Promise<number>;
  /** Why it should boot anew, a sentence each: packages that ask for it, a newer kernel. Empty when nothing does. */
  rebootReasons(): Promise<readonly string[]>;
  kernelRelease(): Promise<string>;
  /** Names of the locales that programs can use, as `locale -a` writes them. */
  locales(): Promise<readonly string[]>;
}

export interface Reboot {
  readonly delayMs: number;
  readonly reason: string;
}

export interface Machine extends ReadMachine {
  /** The name that the kernel has; what it will be after a boot is a file. */
  setHostname(name: string): Promise<void>;
  /** Makes the locales that /etc/locale.gen lists. */
  generateLocales(): Promise<void>;
  /**
   * Boots the machine anew. On a real one this does not return: the agent is stopped with the machine, and whoever
   * called is called again after it. It throws when the machine stays up.
   */
  reboot(reboot: Reboot): Promise<void>;
}
