/**
 * The form of what an agent keeps on its disk. After a new version that did not
 * work the one before runs again on what the new one wrote. So a field that this
 * version does not know stops nothing, and is written back as it was found. In
 * return a later version only adds fields that can be left away; what an earlier
 * one must not touch goes into a file of another name.
 */
import { z } from "zod";

type Fields = Readonly<Record<string, z.ZodType>>;

/** To the compiler it has the fields that are named, and no others. */
export const keptObject = <F extends Fields>(fields: F): z.ZodObject<F, z.core.$strip> =>
  z.looseObject(fields) as unknown as z.ZodObject<F, z.core.$strip>;
