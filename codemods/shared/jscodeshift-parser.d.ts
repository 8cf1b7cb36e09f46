/** jscodeshift's own parsers; @types/jscodeshift does not describe the module. */
declare module "jscodeshift/src/getParser.js" {
  export default function getParser(name: string, options?: object): { parse(source: string): unknown };
}
