/** What a file imports, and what a test lets its runner load or replace: `jest.mock("./client")`. */
const SPECIFIER =
  /(?:\bfrom\s*|\brequire(?:\.resolve)?\s*\(\s*|\bimport(?:\.meta\.resolve)?\s*\(\s*|\bimport\s+|\b(?:jest|vi|vitest|td)\.\w+\s*\(\s*)(['"`])([^'"`\n]+)\1/g;
/** Libraries that load or replace files by whatever stands in their calls: `proxyquire("./api", stubs)`. */
const LOADS = /\b(?:proxyquire|rewire|rewiremock|esmock|quibble|mockery|mock-require|testdouble|mock\.module)\b/;
const PATH = /(['"`])(\.{1,2}\/[^'"`\n]+)\1/g;

/** The specifiers of the modules that a text is concerned with. */
export function specifiersOf(text: string): string[] {
  const found = [...text.matchAll(SPECIFIER), ...(LOADS.test(text) ? text.matchAll(PATH) : [])];
  return [...new Set(found.map((match) => match[2] as string))];
}
