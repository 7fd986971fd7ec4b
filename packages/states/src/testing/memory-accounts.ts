import type { Accounts, ReadAccounts } from "../host/accounts.ts";
import type { Port } from "../host/host.ts";
import { AccountBook } from "./account-book.ts";
import type { MemoryWorld } from "./memory-host.ts";

export function memoryAccounts({ given }: MemoryWorld): Port<ReadAccounts, Accounts> {
  const book = new AccountBook(given);
  const read: ReadAccounts = {
    async user(name) {
      const user = book.users.get(name);
      return user && book.account(user);
    },
    async group(name) {
      const group = book.groups.get(name);
      return group && { ...group };
    },
    users: async () =>
      [...book.users.values()].filter(({ local }) => local).map((user) => book.account(user)),
    groups: async () => [...book.groups.values()].filter(({ local }) => local).map((group) => ({ ...group })),
    oddities: async () => [],
    processesOf: async (uid) =>
      [...book.users.values()].reduce((sum, user) => sum + (user.uid === uid ? user.processes : 0), 0),
    ownUid: async () => 0,
  };
  return { read, write: { ...read, ...writeHalf(book) } };
}

const writeHalf = (book: AccountBook): Omit<Accounts, keyof ReadAccounts> => ({
  addUser: async (name, account) => book.addUser(name, account),
  changeUser: async (name, said) => book.change(name, said),
  removeUser: async (name) => book.removeUser(name),
  setPassword: async (name, hash) => void (book.user(name).password = hash),
  async endProcesses(uid) {
    for (const user of book.users.values()) if (user.uid === uid) user.processes = 0;
  },
  addGroup: async (name, { gid, system }) => void book.addGroup(name, gid, system),
  async changeGid(name, gid) {
    const group = book.group(name);
    book.refuseGid(gid);
    for (const user of book.users.values()) if (user.gid === group.gid) user.gid = gid;
    group.gid = gid;
  },
  async setMembers(name, members) {
    for (const member of members) book.user(member);
    book.group(name).members = [...members];
  },
  removeGroup: async (name) => book.removeGroup(name),
});
