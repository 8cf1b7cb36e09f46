import path from "node:path";
import { openJournal } from "../journal.js";
import { writeAll } from "../write.js";

// node write-many.ts ROOT FILES GENERATION: one write of many files, to be killed.
const [root = ".", files = "1", generation = "1"] = process.argv.slice(2);
const journal = openJournal(root, "write-many");
journal.lock();
process.stdout.write("writing\n");
const content = `gen ${generation.padStart(4, "0")}${"x".repeat(20_000)}`;
writeAll(
  Array.from({ length: Number(files) }, (_, i) => ({ path: path.join(root, `f${i}`, "x.txt"), content })),
  journal,
);
journal.release();
