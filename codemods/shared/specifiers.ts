/** What a file imports, and what a test lets a library load or replace: `jest.mock("./client")`, `proxyquire("./api", { … })`. */
export const SPECIFIER =
  /(?:\bfrom\s*|\brequire\s*\(\s*|\bimport\s*\(\s*|\bimport\s+|\b(?:(?:jest|vi|vitest|td)\.\w+|mock\.module|(?:proxyquire|rewire|rewiremock|esmock)\b[^'"\n]*)\s*\(\s*)(['"])([^'"\n]+)\1/g;
