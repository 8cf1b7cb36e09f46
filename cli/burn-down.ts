import { spawnSync } from "node:child_process";

/** How much one commit still had. */
export interface BurnDownPoint {
  readonly commit: string;
  /** Seconds since 1970. */
  readonly time: number;
  /** Source files that import grpc-js or proto-loader. */
  readonly files: number;
}

/** Commits that are looked at: the history's first and last, and evenly between. */
const POINTS = 60;

/** What the history of the current branch says, oldest first; empty where git knows nothing. */
export function burnDown(root: string): BurnDownPoint[] {
  const git = (...args: string[]) => spawnSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 28 });
  const log = git("log", "--first-parent", "--reverse", "--format=%H %ct", "--", ".");
  if (log.status !== 0) return [];
  const commits = log.stdout.split("\n").filter((line) => line !== "");
  const step = Math.max(1, (commits.length - 1) / (POINTS - 1));
  const indexes = new Set<number>();
  for (let at = 0; at < commits.length; at += step) indexes.add(Math.round(at));
  if (commits.length > 0) indexes.add(commits.length - 1);
  return [...indexes].flatMap((index) => {
    const [commit = "", time = "0"] = (commits[index] ?? "").split(" ");
    const found = git(
      "grep",
      "-lE",
      "['\"](@grpc/(grpc-js|proto-loader)|grpc)['\"/]",
      commit,
      "--",
      "*.js",
      "*.cjs",
      "*.mjs",
      "*.jsx",
      "*.ts",
      "*.cts",
      "*.mts",
      "*.tsx",
    );
    if (found.status !== 0 && found.status !== 1) return [];
    const files = found.stdout
      .split("\n")
      .filter((line) => line !== "" && !/(^|[:/])(node_modules|vendor|dist)\//.test(line));
    return [{ commit, time: Number(time), files: files.length }];
  });
}

/** The points as a picture: files that still import grpc-js, over time. */
export function burnDownSvg(points: readonly BurnDownPoint[]): string {
  const [width, height, left, right, top, bottom] = [720, 320, 48, 16, 40, 40];
  const times = points.map(({ time }) => time);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const most = Math.max(1, ...points.map(({ files }) => files));
  const x = (time: number) => left + ((time - first) / Math.max(1, last - first)) * (width - left - right);
  const y = (files: number) => height - bottom - (files / most) * (height - top - bottom);
  const day = (time: number) => new Date(time * 1000).toISOString().slice(0, 10);
  const line = points.map(
    ({ time, files }, index) => `${index === 0 ? "M" : "L"}${x(time).toFixed(1)} ${y(files).toFixed(1)}`,
  );
  const ticks = [...new Set([0, Math.round(most / 2), most])];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" font-family="system-ui, sans-serif" font-size="12">
<title>Files that import grpc-js, ${day(first)} to ${day(last)}: from ${points[0]?.files ?? 0} to ${points.at(-1)?.files ?? 0}</title>
<style>text { fill: #60646c } path { fill: none; stroke: #0b68cb; stroke-width: 2 } line { stroke: #dfe1e6 } circle { fill: #0b68cb }
@media (prefers-color-scheme: dark) { text { fill: #b0b4ba } path { stroke: #70b8ff } line { stroke: #363a3f } circle { fill: #70b8ff } }</style>
<text x="${left}" y="22" font-size="15">Files that import grpc-js</text>
${ticks.map((tick) => `<line x1="${left}" x2="${width - right}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}"/><text x="${left - 8}" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end">${tick}</text>`).join("\n")}
<path d="${line.join(" ")}"/>
${points.map(({ time, files, commit }) => `<circle cx="${x(time).toFixed(1)}" cy="${y(files).toFixed(1)}" r="2.5"><title>${day(time)} ${commit.slice(0, 10)}: ${files}</title></circle>`).join("\n")}
<text x="${left}" y="${height - 14}">${day(first)}</text><text x="${width - right}" y="${height - 14}" text-anchor="end">${day(last)}</text>
</svg>
`;
}
