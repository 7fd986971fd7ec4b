import { z } from "zod";

const V4 = z.ipv4();
const V6 = z.ipv6();

export const isAddress4 = (text: string): boolean => V4.safeParse(text).success;
const isAddress6 = (text: string): boolean => V6.safeParse(text).success;
export const isAddress = (text: string): boolean => isAddress4(text) || isAddress6(text);
