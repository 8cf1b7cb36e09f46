import fc from "fast-check";

/**
 * Property tests draw the same values in every run: what passes here passes for whoever changes something else.
 * `PROPERTY_SEED=random` (or a number) draws others, to look for what these do not show; a failure prints its seed.
 */
const wanted = process.env.PROPERTY_SEED ?? "20261127";
if (wanted !== "random") {
  const seed = Number(wanted);
  if (!Number.isInteger(seed)) throw new Error(`PROPERTY_SEED is ${wanted}: a whole number, or "random"`);
  fc.configureGlobal({ seed });
}
