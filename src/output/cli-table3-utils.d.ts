// The part of cli-table3's own helpers that width.ts uses; the package types only its main file.
declare module 'cli-table3/src/utils.js' {
  const utils: {
    /** Columns of the widest line, colour sequences not counted. */
    strlen(text: string): number;
  };
  export default utils;
}
