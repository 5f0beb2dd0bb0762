// The names of people behind the ids of a history, for those who may read accounts.

import { call } from "./api.js";
import { catalogue, may } from "./catalogue.js";

const SYSTEM = "00000000-0000-0000-0000-000000000000";
const names = new Map(); // promises by id

/** Forgets the names that were read for whoever was signed in before. */
export const forgetPeople = () => names.clear();

/** The name of an account: "you", ImpactX itself, or somebody's; without the permission, that it is another account. */
export async function nameOf(id) {
  if (!id) return "";
  if (id === catalogue.me.id) return "you";
  if (id === SYSTEM) return "ImpactX";
  if (!may("user:read")) return "another account";
  if (!names.has(id)) {
    const read = call("GET", `/users/${id}`).then((user) => `${user.first_name} ${user.last_name}`);
    names.set(id, read.catch(() => "another account"));
  }
  return names.get(id);
}
