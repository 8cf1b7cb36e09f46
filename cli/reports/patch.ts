import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import { createTwoFilesPatch } from "diff";
import type { ReportFile } from "./report-files.js";

/** A patch in git's format for everything that a run writes: `git apply --check` accepts it in the folder of the names. */
export function patchOf(files: readonly ReportFile[]): string {
  return files.map(filePatch).join("");
}

function filePatch({ name, before, after }: ReportFile): string {
  const [from, to] = [quoted(`a/${name}`), quoted(`b/${name}`)];
  const head = `diff --git ${from} ${to}\n${before === null ? "new file mode 100644\n" : ""}`;
  if (typeof after !== "string" || (before !== null && typeof before !== "string"))
    return head + binaryPatch(before === null ? null : Buffer.from(before), Buffer.from(after));
  if (before === null && after === "") return head;
  const text = createTwoFilesPatch("old", "new", before ?? "", after, undefined, undefined, { context: 3 });
  const hunks = text.slice(text.indexOf("@@ "));
  return `${head}--- ${before === null ? "/dev/null" : marked(from)}\n+++ ${marked(to)}\n${hunks}`;
}

/** A name with a blank ends with a tab, or its end could not be told (as git writes it). */
function marked(name: string): string {
  return name.includes(" ") && !name.startsWith('"') ? `${name}\t` : name;
}

/** Git's quoting of unusual names: `"a/tab\there"`. */
function quoted(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (!/["\\\u0000-\u001f\u007f]/.test(name)) return name;
  const inner = name.replace(/["\\]/g, "\\$&").replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the same
    /[\u0000-\u001f\u007f]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
  return `"${inner}"`;
}

/** git's `GIT binary patch`: both sides whole, deflated, in lines of base 85 (git's diff.c, emit_binary_diff). */
function binaryPatch(before: Buffer | null, after: Buffer): string {
  const index = `index ${before ? objectId(before) : "0".repeat(40)}..${objectId(after)}${before ? " 100644" : ""}\n`;
  return `${index}GIT binary patch\n${literal(after)}\n${literal(before ?? Buffer.alloc(0))}\n`;
}

function objectId(content: Buffer): string {
  return createHash("sha1").update(`blob ${content.byteLength}\0`).update(content).digest("hex");
}

const LENGTHS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

function literal(content: Buffer): string {
  const packed = deflateSync(content);
  const lines = [`literal ${content.byteLength}`];
  for (let at = 0; at < packed.byteLength; at += 52) {
    const part = packed.subarray(at, at + 52);
    let line = LENGTHS.charAt(part.byteLength - 1);
    for (let word = 0; word < part.byteLength; word += 4) {
      let value = 0;
      for (let i = 0; i < 4; i++) value = value * 256 + (part[word + i] ?? 0);
      let five = "";
      for (let i = 0; i < 5; i++) {
        five = DIGITS.charAt(value % 85) + five;
        value = Math.floor(value / 85);
      }
      line += five;
    }
    lines.push(line);
  }
  return `${lines.join("\n")}\n`;
}
