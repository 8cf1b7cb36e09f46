import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { escaped } from "../codemods/shared/reg-exp.js";

/** Where GitHub and GitLab look for the file, first one first. */
const PLACES = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];

/** Who owns a file (a path from `root`, with `/`), by the repository's CODEOWNERS. The last line that fits counts. */
export function codeOwners(root: string): (file: string) => readonly string[] {
  const place = PLACES.map((name) => path.join(root, name)).find((file) => existsSync(file));
  if (place === undefined) return () => [];
  const lines = readFileSync(place, "utf8")
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, "").trim())
    // GitLab's sections are headings only here.
    .filter((line) => line !== "" && !/^\^?\[/.test(line))
    .map((line) => {
      const [pattern = "", ...owners] = line.split(/(?<!\\)\s+/);
      return { fits: matcher(pattern), owners };
    })
    .reverse();
  return (file) => lines.find(({ fits }) => fits.test(file))?.owners ?? [];
}

/** The patterns of .gitignore, with the difference that `folder/*` means the files of that very folder. */
function matcher(pattern: string): RegExp {
  const isAnchored = pattern.slice(0, -1).includes("/");
  const body = pattern.replace(/^\//, "").replace(/\/$/, "");
  const text = body.replace(/\*\*\/|\*\*|\*|\?|\\?[\s\S]/g, (token) => {
    if (token === "**/") return "(?:.*/)?";
    if (token === "**") return ".*";
    if (token === "*") return "[^/]*";
    if (token === "?") return "[^/]";
    return escaped(token.replace(/^\\/, ""));
  });
  const rest = pattern.endsWith("/") ? "/.*" : /(^|[^*])\/\*$/.test(pattern) ? "" : "(?:/.*)?";
  return new RegExp(`^${isAnchored ? "" : "(?:.*/)?"}${text}${rest}$`);
}
